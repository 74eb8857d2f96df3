"""What each choice is worth, from made-up records."""

import pytest
from made_records import record

from experiments.documents import ablations


def test_one_row_per_change_and_the_values_it_could_have_told(tmp_path):
    told = {"mutual_information": {"gap": 0.46, "difference": 0.53}}
    default = [record(seed=k, error=0.01, diagnostics=told) for k in range(3)]
    more = [record(n=40_000, error=0.002), record(options={"width": 128}, error=-0.05)]
    rows = ablations.changed(more[1:] + default + more[:1])
    told = ["value=gap", "value=difference", "value=mean"]
    assert [row["change"] for row in rows] == ["default", *told, "width=128", "n=40000"]
    assert [row["error"]["1v1-normal-0.75"][0] for row in rows[1:4]] == pytest.approx([-0.04, 0.03, -0.005])
    text = ablations.markdown(default + more)
    assert "| default | +0.010 ± 0.000 |" in text
    assert "| width=128 | −0.050 | 0.050 |" in text and "| n=40000 | +0.002" in text
    ablations.picture(default + more, tmp_path / "ablations.png")
    assert (tmp_path / "ablations.png").read_bytes()[:4] == b"\x89PNG"


def test_a_width_that_cancels_in_gap_is_told_by_difference():
    told = {"mutual_information": {"gap": 0.46, "difference": 0.53}}
    wide = record(options={"form": "sigma", "sigma": 2.0}, diagnostics=told)
    rows = {row["change"]: row for row in ablations.changed([record(diagnostics=told), wide])}
    assert rows["form=sigma, sigma=2.0, value=difference"]["error"]["1v1-normal-0.75"] == pytest.approx([0.03])


def test_means_are_over_the_tasks_that_most_changes_have():
    """A change of one task alone, or of one task more, is not compared by what the others lack."""
    wide = record(task="wide", error=0.5, cpu_s=90.0)
    records = [record(error=0.01, cpu_s=8.0), wide, *(record(options={"width": w}, cpu_s=w) for w in (8, 16))]
    records.append(record(task="many", n=100_000, error=0.3))
    text = ablations.markdown(records)
    assert "have (1v1-normal-0.75)" in text
    assert "| default | +0.010 | +0.500 | – | 0.010 | 8 |" in text
    assert "| n=100000 | – | – | +0.300 | – | – |" in text


def test_seconds_of_unlike_machines_are_told_apart():
    on = lambda name: {"environment": {"processor": name}}
    text = ablations.markdown([record(**on("A")), record(options={"width": 8}, **on("B"))])
    assert "compare it between rows of one processor" in text
    assert [line.rsplit("| ", 1)[1] for line in text.splitlines() if line.startswith("| width")] == ["B |"]
    one = ablations.markdown([record(**on("A")), record(options={"width": 8}, **on("A"))])
    assert "compiles for the others, on A." in one and "processor |" not in one
