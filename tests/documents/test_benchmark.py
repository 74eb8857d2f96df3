"""The 40 tasks beside rivals: errors, ranking, and clocks that give rivals as much as ours took."""

import pytest
from made_records import record

from experiments.documents import benchmark


def cell(task="1v1-normal-0.75", seed=0, **more):
    return record(task, seed, **{"n": 10_000} | more)


OURS = [cell(seed=0, error=0.03), cell(seed=1, error=-0.01), cell("1v1-normal-0.2", error=0.12, cpu_s=80.0)]


def rival(error, given=50.0, **more):
    own = {"options": {"cpu_seconds": "ours"}, "cpu_seconds": given, "cpu_s": given + 3.0}
    return cell(error=error, estimator="dv", **own | more)


def test_ranking_on_the_tasks_and_seeds_that_both_have():
    rows = {r["estimator"]: r for r in benchmark.ranking([*OURS, rival(-0.3), rival(-0.06)])}
    us, dv = rows["jaxinfo"], rows["dv"]
    assert us["error"] == pytest.approx((0.02 + 0.12) / 2) and us["within_0.1"] == 1 and us["times"] == 1.0
    assert us["seeds"] == 2 and us["worst"] == pytest.approx(0.12)
    assert dv["error"] == pytest.approx(0.06) and dv["tasks"] == 1  # the last record of a cell counts
    assert dv["ours"] == pytest.approx(0.03) and dv["times"] == pytest.approx(2.0)  # of seed 0


def test_verdicts(tmp_path):
    records = [*OURS, rival(-0.06)]
    text = benchmark.markdown(records)
    assert "Within 0.1 nats: 1 of 2 (bar: 40 of 40): **outside.**" in text
    assert "of 2 (bar: at least 37 of 40): within so far." in text  # 38 are missing: nothing is passed yet
    assert "| dv | 1 | 1 | 1 | 0 |" in text
    assert "on the tasks and data seeds that both have: 1 of 1 rivals" in text
    assert "no fewer than the mean of ours there with it: 1 of 1 (bar: all): within so far." in text
    assert "Within 0.1 nats: 1 of 1 (bar: 40 of 40): within so far." in benchmark.markdown([cell(error=0.01)])
    all_of = [cell(f"task {k}", error=0.01) for k in range(40)]
    assert benchmark.markdown(all_of).count("within.") == 3
    assert "0 of 1 rivals (bar: all)" in benchmark.markdown([*OURS, rival(0.01)])
    more = benchmark.markdown([*records, record(error=0.004, n=100_000)])
    assert (
        "Within 0.1 nats: 1 of 2" in more
        and "From 100000 rows, 1 of 10 tasks, data seeds: 1; mean error 0.0040" in more
    )
    benchmark.picture([*records, rival(float("nan"), seed=1)], tmp_path / "benchmark.png")
    assert (tmp_path / "benchmark.png").read_bytes()[:4] == b"\x89PNG"


def test_a_rival_that_was_given_less_is_named():
    assert benchmark.hurried([*OURS, rival(-0.06, given=30.0)]) == ([("dv", "1v1-normal-0.75")], 1)
    text = benchmark.markdown([*OURS, rival(-0.06, given=30.0)])
    assert "there with it: 0 of 1 (bar: all): **outside.**" in text
    assert benchmark.hurried([*OURS, rival(-0.06, cpu_s=40.0)])[0] == [("dv", "1v1-normal-0.75")]  # it ended by itself


def test_a_rival_that_diverged_is_behind():
    text = benchmark.markdown([*OURS, rival(float("nan"))])
    assert "that both have: 1 of 1 rivals" in text and "| dv | 1 | 1 | 0 | 0 |" in text
