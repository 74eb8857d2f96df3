"""The table of acceptance says what the records say, and judges by the bars."""

import math
import subprocess
import sys
from pathlib import Path

import pytest

from experiments import cells
from experiments.documents import (
    ablations,
    acceptance,
    bars,
    benchmark,
    consistency,
    cost,
    intervals,
    pathwise,
    prompt,
    real,
    rivals,
    scale,
    systems,
    throughput,
)
from jaxinfo.bench import tasks
from jaxinfo.io.log import JsonLines, read_records

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = {"system": "Linux", "machine": "x86_64", "jax": "0.10.2", "commit": "0123456789abcdef", "modified": False}


def record(task="1v1-normal-0.75", seed=0, error=0.01, measure="mutual_information", truth=0.5, **more):
    return {
        "task": task, "n": bars.N, "seed": seed, "options": {}, "cpu_s": 40.0, "truth": {measure: truth},
        "value": {measure: truth + error}, "stderr": {measure: 0.008}, "environment": ENVIRONMENT,
        "beside": {"copula": {measure: 0.4}, "ksg": {measure: 0.45}}, **more,
    }  # fmt: skip


def test_means_over_seeds():
    (row,) = acceptance.rows([record(seed=0, error=0.01, cpu_s=30.0), record(seed=1, error=-0.02, cpu_s=50.0)])
    assert row["seeds"] == 2 and row["cpu_s"] == 40.0
    assert row["error"] == pytest.approx(0.015) and row["worst"] == pytest.approx(0.02)
    assert row["estimate"] == pytest.approx(0.495) and row["copula"] == 0.4 and row["ksg"] == 0.45
    assert row["verdict"] == "within" and row["bar"] == "≤ 0.02, ≤ 90 s"


def test_last_record_of_a_cell_counts():
    other = record(options={"gaussian": False})
    found = acceptance.rows([record(error=1.0), other, record(error=0.0)])
    assert [r["error"] for r in found] == [pytest.approx(0.0), pytest.approx(0.01)]
    assert found[1]["verdict"] == ""  # no bar speaks of these options


@pytest.mark.parametrize(
    "change, verdict",
    [
        ({"error": 0.021}, "outside (error)"),
        ({"error": math.nan}, "outside (error)"),
        ({"cpu_s": 91.0}, "outside (time)"),
        ({"error": 0.5, "cpu_s": 91.0}, "outside (error, time)"),
        ({"n": 500}, ""),
        ({"options": {"budget": "quick"}}, ""),
    ],
)
def test_verdict(change, verdict):
    assert acceptance.rows([record(**change)])[0]["verdict"] == verdict


def test_sign_must_be_right_on_every_seed():
    with_sign = dict(task="inner_spiral-six", measure="o_information", truth=-0.05)
    assert acceptance.rows([record(error=0.01, **with_sign)])[0]["verdict"] == "within"
    both = [record(error=0.01, **with_sign), record(seed=1, error=0.06, **with_sign)]
    assert acceptance.rows(both)[0]["verdict"] == "outside (sign)"


def test_shares_standard_errors_and_relaxed_bars():
    mixed = dict(task="mixed-10x5-plain", measure="total_correlation", truth=20.0)
    assert acceptance.rows([record(error=0.39, **mixed)])[0]["verdict"] == "within"
    assert acceptance.rows([record(error=0.41, **mixed)])[0]["verdict"] == "outside (error)"
    relaxed = record(error=0.79, cpu_s=1100.0, options={"gaussian": False}, **mixed)
    row = acceptance.rows([relaxed])[0]
    assert row["verdict"] == "within" and row["bar"] == "≤ 4 %, ≤ 1200 s"
    kl = dict(task="mixture-kl", measure="kl_divergence", error=0.09)
    assert acceptance.rows([record(**kl, stderr={"kl_divergence": 0.031})])[0]["verdict"] == "within"
    assert acceptance.rows([record(**kl, stderr={"kl_divergence": 0.02})])[0]["verdict"] == "outside (error)"


def test_bars_name_registered_tasks_and_their_measures():
    for task, limits in (bars.BARS | bars.REACH).items():
        assert set(limits) <= set(tasks.task(task).truth), task
        assert all(set(limit) <= {"nats", "share", "stderrs", "sign"} for limit in limits.values()), task
    assert set(bars.CPU_S) <= set(bars.BARS)


def test_markdown_holds_one_line_per_row_and_what_the_numbers_depend_on():
    text = acceptance.markdown([record(), record(seed=1), record(task="another", measure="entropy")])
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(lines) == 3 and all(line.count("|") == len(acceptance.COLUMNS) + 1 for line in lines)
    assert "jax 0.10.2" in text and "commit 0123456789;" not in text and "commit 0123456789." in text
    assert acceptance.MAKE in text and "1 of 1 lines" in text
    assert "mixture-kl" in text and "mixed-10x5-plain (relaxed)" in text  # bars without a record


def test_command(tmp_path):
    with JsonLines(tmp_path / "acceptance.jsonl") as log:
        for seed in range(2):
            log.write(record(seed=seed))
            log.write(record("gradient-6x1", seed, measure="o_information_gradient:x1"))
    out = tmp_path / "docs" / "acceptance.md"
    command = [sys.executable, "-m", "experiments.tables", f"--out={out}"]
    done = subprocess.run(
        [*command, f"--records={tmp_path}/acceptance.jsonl"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert out.read_text(encoding="utf-8").strip() == done.stdout.strip()
    assert out.with_suffix(".png").read_bytes()[:4] == b"\x89PNG"
    done = subprocess.run(
        [*command, f"--records={tmp_path}/none/acceptance.jsonl"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode != 0 and acceptance.MAKE in done.stderr


def test_coverage_and_rejections():
    draws = [record(seed=k, error=0.01 * (k - 5), stderr={"mutual_information": 0.02}) for k in range(10)]
    (row,) = intervals.coverage(draws)
    assert row["covered"] == 7 and row["draws"] == 10  # errors from −.05 to .04, half-width .0392
    assert row["ratio"] == pytest.approx(0.0392 / row["rmse"], rel=1e-3)
    tests = [
        record("independent-1-1", k, options={"null": 19}, diagnostics={"mutual_information": {"p_value": p}})
        for k, p in enumerate([0.05, 0.5, 1.0, 0.2])
    ]
    (found,) = intervals.rejections(tests)
    assert (found["rejected"], found["tests"]) == (1, 4)
    text = intervals.markdown(draws + tests)
    assert "7 of 10 nominal" in text and "**outside.**" in text and "1 of 4 permutation tests" in text


def test_reach_is_judged_by_bars_of_its_own(tmp_path):
    high = record("high_mi-3-3-5.0-plain", error=0.2, truth=5.0, options={"gaussian": False})
    assert acceptance.rows([high])[0]["verdict"] == "within"
    text = acceptance.markdown([high], "reach")
    assert "configs/reach.py" in text and "blocks-50x2-inner_spiral" in text and "mixture-kl" not in text


def test_ranking_of_estimators(tmp_path):
    ours = [record(seed=k, error=0.01) for k in range(2)] + [record("1v1-normal-0.2", error=0.12, cpu_s=80.0)]
    rivals = [record(error=-0.3, estimator="dv", beside={}), record(error=-0.04, estimator="dv", beside={})]
    rows = {r["estimator"]: r for r in benchmark.ranking(ours + rivals)}
    assert set(rows) == {"jaxinfo", "dv", "copula", "ksg"}
    assert rows["jaxinfo"]["error"] == pytest.approx(0.065) and rows["jaxinfo"]["within_0.1"] == 1
    assert rows["dv"]["error"] == pytest.approx(0.04) and rows["dv"]["tasks"] == 1  # the last record of a cell counts
    assert rows["copula"]["cpu_s"] is None
    text = benchmark.markdown(ours + rivals)
    assert "Within 0.1 nats: 1 of 2" in text and "the first seed: 2.0" in text and "| dv | 1 | 1 | 1 |" in text
    assert "best rival is dv with a mean error of 0.0400: **outside.**" in text
    more = benchmark.markdown(ours + rivals + [record(error=0.004, n=100_000)])
    assert "Within 0.1 nats: 1 of 2" in more and "From 100000 rows, 1 tasks: mean error 0.0040" in more
    benchmark.picture(ours + rivals, tmp_path / "benchmark.png")
    assert (tmp_path / "benchmark.png").read_bytes()[:4] == b"\x89PNG"


def timed(estimator, *points, task="1v1-normal-0.75", truth=0.4):
    kept = [{"steps": k, "value": truth + error, "stderr": 0.01, "cpu_s": cpu} for k, (cpu, error) in enumerate(points)]
    return {"task": task, "estimator": estimator, "n": 100, "truth": truth, "points": kept}


def test_time_to_error_counts_from_where_the_error_stays_small(tmp_path):
    published = timed("published", (10, 0.3), (100, 0.01), (200, 0.2), (400, 0.04), (800, -0.03))
    assert cost.time_to_error(published, bars.NEAR) == 400
    assert cost.time_to_error(published, 0.01) == float("inf")
    (row,) = cost.compared([timed("ours", (5, 0.2), (8, -0.03), (20, 0.01)), published])
    assert row["ratio"] == pytest.approx(400 / 8)
    # one that never comes near counts with its whole time; one without a partner not at all
    far = timed("published", (10, 0.3), (1000, 0.2), task="spiral-multinormal-sparse-3-3-2-2.0")
    near = timed("ours", (10, 0.2), (50, 0.01), task="spiral-multinormal-sparse-3-3-2-2.0")
    (row,) = cost.compared([far, near, timed("ours", (1, 0.0), task="other")])
    assert row["ratio"] == pytest.approx(20.0)
    text = cost.markdown([far, near])
    assert "≥ 10: within" in text and "never" in text
    cost.picture([far, near], tmp_path / "cost.png")
    assert (tmp_path / "cost.png").read_bytes()[:4] == b"\x89PNG"


def test_ablations(tmp_path):
    default = [record(seed=k, error=0.01) for k in range(3)]
    more = [record(n=40_000, error=0.002), record(options={"width": 128}, error=-0.05)]
    rows = ablations.changed(more[1:] + default + more[:1])
    assert [row["change"] for row in rows] == ["default", "width=128", "n=40000"]
    text = ablations.markdown(default + more)
    assert "| width=128 | −0.050 ± 0.000 | 0.050 |" in text and "| n=40000 | +0.002" in text
    ablations.picture(default + more, tmp_path / "ablations.png")
    assert (tmp_path / "ablations.png").read_bytes()[:4] == b"\x89PNG"


def test_consistency_is_judged_by_ratios(tmp_path):
    one = lambda test, level, value: {
        "test": test, "level": level, "seed": 0, "hi": 12.0, "value": value, "n": 10, "latent": 2, "noise": 0.1,
        "title": "3 images", "environment": ENVIRONMENT,
    }  # fmt: skip
    rising = [one("baseline", 0.0, 0.02), one("baseline", 0.5, 4.0), one("baseline", 1.0, 10.0)]
    found = consistency.ratios([*rising, one("data_processing", 1.0, 10.2), one("additivity", 0.5, 8.8)])[12.0]
    assert found["baseline"][0.5] == pytest.approx([0.4]) and found["data_processing"][1.0] == pytest.approx([1.02])
    text = consistency.markdown([*rising, one("data_processing", 1.0, 10.2), one("additivity", 0.5, 8.8)])
    assert "rises from 0.002 to 1.000: within." in text and "worst level: 1.020 (bar: 1 ± 0.05): within." in text
    assert "worst level: 2.200 (bar: 2 ± 0.1): **outside.**" in text and "10.00 (hi = 12)" in text
    falling = [one("baseline", 0.0, 5.0), one("baseline", 1.0, 4.0)]
    assert "**outside.**" in consistency.verdicts(consistency.ratios(falling)[12.0])[0]
    consistency.picture(rising, tmp_path / "consistency.png")
    assert (tmp_path / "consistency.png").read_bytes()[:4] == b"\x89PNG"


def test_prompt_curve_and_switches(tmp_path):
    record = {
        "seed": 0, "title": "digits", "latent": 2, "grid": 3, "classifier": 2.0, "environment": ENVIRONMENT,
        "logsnr": [6.0, 0.0, -6.0], "remaining": [0.0, 1.0, 2.05],
        "switched": [
            {"logsnr": -6.0, "first": 0.02, "second": 0.97}, {"logsnr": 0.0, "first": 0.5, "second": 0.5},
            {"logsnr": 5.9, "first": 0.98, "second": 0.01},
        ],
    }  # fmt: skip
    rows = prompt.switches([record])
    assert [r["left"] for r in rows] == pytest.approx([1.0, 1.0 / 2.05, 0.1 / 6.0 / 2.05])
    text = prompt.markdown([record])
    assert text.count("within.") == 3 and "| −6 | 100 % | 2 % | 97 % |" in text
    assert "**outside.**" in prompt.markdown([record | {"classifier": 1.9}])
    prompt.picture([record], tmp_path / "prompt.png")
    assert (tmp_path / "prompt.png").read_bytes()[:4] == b"\x89PNG"


def test_documents_of_other_records(tmp_path):
    climb = {
        "cell": ["climb", "synergy", 0],
        "path": [0.1, 0.5, 0.97],
        "best": 1.0,
        "reached": 0.97,
        "n": 10,
        "cpu_s": 1.0,
    }
    exact = {"cell": ["accuracy", 3, 0], "error": {"total_correlation": 0.02}, "options": {}, "n": 10, "cpu_s": 1.0}
    text = pathwise.markdown([climb, exact])
    assert "| 3 | total correlation |" in text and "97.0 %" in text and "outside" not in text
    for name, module, records in (("pathwise", pathwise, [climb, exact]), ("intervals", intervals, [record()])):
        module.picture(records, tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").read_bytes()[:4] == b"\x89PNG"


def rate(seeds, at_once, per_cpu_s, network_counts=True):
    cell = {"task": "t", "n": 10, "steps": 8, "seeds": seeds, "at_once": at_once, "network_counts": network_counts}
    cell |= {
        "fit_steps_per_cpu_s": per_cpu_s,
        "fit_steps_per_s": per_cpu_s,
        "peak_mib": 100,
        "environment": ENVIRONMENT,
    }
    return cell | ({"flops_per_fit_step": 1e6, "attainable_flops_per_cpu_s": 1e10} if network_counts else {})


def test_rates_of_many_fits(tmp_path):
    records = [rate(1, 1, 1000.0), rate(20, 1, 850.0), rate(20, 4, 950.0), rate(1, 1, 4000.0, False)]
    text = throughput.markdown(records)
    assert "| 20 | 4 | 950 | 950 | 0.95 | 100 | 1.00 | 10 % |" in text  # .95e3 × 1e6 / 1e10
    assert "0.95 of one seed's: within" in text and "takes 25 % of that time" in text
    assert "**outside**" in throughput.markdown(records[:2])
    throughput.picture(records, tmp_path / "throughput.png")
    assert (tmp_path / "throughput.png").read_bytes()[:4] == b"\x89PNG"


def test_growth_with_the_number_of_variables(tmp_path):
    a_cost = lambda num, step, read: {
        "num_variables": num, "n": 10, "views": 2 * num, "batch": 256, "num_mc": 10, "train_cpu_s_per_step": step,
        "read_cpu_s_per_view_row": read, "read_cpu_s": 1.0, "peak_mib": 100, "environment": ENVIRONMENT,
    }  # fmt: skip
    records = [a_cost(100, 4e-3, 5e-5), a_cost(10, 1e-3, 2e-5)]
    text = scale.markdown(records)
    assert "| 100 | 200 | 256 | 4.00 | 4.00 | 50.0 | 2.50 | 1.0 | 100 |" in text and "at 10: within" in text
    assert "**outside**" in scale.markdown([a_cost(100, 4e-3, 7e-5), a_cost(10, 1e-3, 2e-5)])
    scale.picture(records, tmp_path / "scale.png")
    assert (tmp_path / "scale.png").read_bytes()[:4] == b"\x89PNG"


def half(cell):
    """A measurement for the test below; called in a fresh process."""
    return cell | {"half": cell["x"] / cell["y"]}


def test_cells_are_measured_once_and_failures_are_tried_again(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    path, wanted = tmp_path / "some.jsonl", [{"x": 1, "y": 2}, {"x": 1, "y": 0}, {"x": 3, "y": 2}]
    with pytest.raises(SystemExit, match="1 cells failed"):
        cells.run(path, wanted, "test_tables:half", show=lambda r: f"got {r['half']}")
    assert [r["half"] for r in read_records(path)] == [0.5, 1.5]
    assert "ZeroDivisionError" in capsys.readouterr().out
    cells.run(path, wanted[::2], "test_tables:half", show=lambda r: "again")
    assert len(read_records(path)) == 2 and "again" not in capsys.readouterr().out


def test_packages_of_others_by_task_and_the_reasons_of_those_that_gave_nothing(tmp_path):
    told = {"task": "1v1-normal-0.75", "measure": "mutual_information", "n": 100, "seed": 0, "truth": 0.413}
    records = [
        told | {"package": "one", "value": 0.5, "cpu_s": 3.0, "version": "1.2"},
        told | {"package": "two", "failed": "no such thing"},
    ]
    text = rivals.markdown(records)
    assert "one 1.2" in text and "+0.087 (3 s)" in text and "two: no such thing" in text
    rivals.picture(records, tmp_path / "rivals.png")
    rivals.picture(records[1:], tmp_path / "none.png")
    assert (tmp_path / "none.png").read_bytes()[:4] == b"\x89PNG"


def test_real_data_are_told_study_by_study(tmp_path):
    row = lambda measure, value, **more: {"measure": measure, "value": value, "stderr": 0.1, "gaussian": 0.0} | more
    window = lambda measure, t, p: row(measure, 0.1 + t, time=t, p_value=p, bootstrap_stderr=0.2)
    trials = [window("s_information", t, p) for t, p in ((0.1, 0.05), (0.2, 0.5))] + [
        window("o_information", 0.1, None)
    ]
    areas = {"session": "s1", "areas": ["A", "B", "C"], "condition": "grating", "step_s": 0.01}
    proteins = [
        row(f"o_information_gradient({n})", v, edges=e) for n, v, e in (("a", 0.1, 1), ("b", 0.3, 2), ("c", 0.2, 0))
    ]
    pairs = [row("total_correlation(a, b)", 0.9, edges=1), row("total_correlation(b, c)", 0.1, edges=0)]
    pairs += [row("total_correlation(a, c)", 0.2, edges=0)]
    aged = row(
        "slope of o_information, ours", 0.04, p_value=0.01, correlation=0.3, age=[10, 40, 80], each=[0.0, 1.0, 2.0]
    )
    records = [
        {"study": "steinmetz", "rows": trials} | areas,
        {"study": "sachs", "condition": None, "rows": [row("total_correlation", 3.0), *proteins, *pairs]},
        {"study": "lifespan", "modules": 3, "rows": [row("o_information", 0.5), aged]},
        {"study": "mfeat", "dim": 2, "noise": 1.0, "rows": [row("o_information", 0.5), *pairs]},
    ]
    text = real.markdown(records)
    assert "| s1 A–B–C | grating | 10 ms | s information | 0.250 | 0.200 to 0.300 | 0.100 | 0.200 | 1 of 2 |" in text
    assert "area under the curve 1.00" in text and "0.040 ± 0.100" in text
    assert "| b | 0.90 |  | 0.10 |" in text
    real.picture(records, tmp_path / "real.png")
    assert (tmp_path / "real.png").read_bytes()[:4] == b"\x89PNG"


def test_systems_are_judged_by_relative_errors_and_signs(tmp_path):
    truth = {"total_correlation": 20.0, "dual_total_correlation": 10.0, "s_information": 30.0, "o_information": 10.0}
    slope = "o_information_gradient:x1"

    def told(name, tc, dtc, task="mixed-10x5-plain", **more):
        value = truth | {"total_correlation": tc, "dual_total_correlation": dtc, "o_information": tc - dtc}
        own = {"estimator": name} if name != "jaxinfo" else {"beside": {"copula": {m: 0.0 for m in truth}}}
        return {
            "task": task, "seed": 0, "n": 100, "truth": truth, "value": value, "stderr": dict.fromkeys(truth, 0.1),
            "cpu_s": 5.0,
        } | own | more  # fmt: skip

    ours, rival = told("jaxinfo", 20.2, 10.1), told("line-nwj", 15.0, 16.0)
    graded = {"truth": {slope: -0.5}, "value": {slope: -0.45}, "stderr": {slope: 0.01}}
    records = [ours, rival, told("jaxinfo", 0.0, 0.0, task="gradient-6x5") | graded]
    text = systems.markdown(records)
    assert "worst relative error 1.0 %, mixed-10x5-plain (bar: 3 %): within." in text
    assert "right in 1 of 1" in text and "0 wrong signs, worst mean absolute error 0.050" in text
    rows = {r["estimator"]: r for r in systems.systems(records)}
    assert rows["line-nwj"]["sign"] is False and rows["copula"]["tc"] == 1.0
    assert rows["line-nwj"]["omega"] == pytest.approx(11.0 / 20.0)
    systems.picture(records, tmp_path / "systems.png")
    assert (tmp_path / "systems.png").read_bytes()[:4] == b"\x89PNG"
