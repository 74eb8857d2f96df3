"""The table of acceptance says what the records say, and judges by the bars."""

import math
import subprocess
import sys
from pathlib import Path

import pytest
from absl import flags

from experiments import cells
from experiments.documents import (
    ablations,
    acceptance,
    bars,
    benchmark,
    complete,
    consistency,
    cost,
    forty,
    intervals,
    pathwise,
    prompt,
    reach,
    real,
    rivals,
    scale,
    systems,
    throughput,
)
from jaxinfo.bench import tasks
from jaxinfo.io.log import JsonLines, read_records

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted(
    {path.stem for path in (ROOT / "configs").glob("*.py")}
    & {path.stem for path in (ROOT / "experiments" / "documents").glob("*.py")}
)
ENVIRONMENT = {"system": "Linux", "machine": "x86_64", "jax": "0.10.2", "commit": "0123456789abcdef", "modified": False}


def record(task="1v1-normal-0.75", seed=0, error=0.01, measure="mutual_information", truth=0.5, **more):
    return {
        "task": task, "n": bars.N, "seed": seed, "options": {}, "measures": [], "cpu_s": 40.0, "truth": {measure: truth},
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
    assert acceptance.MAKE in text and "1 of 1: within." in text
    assert "mixture-kl" in text and "mixed-10x5-plain (relaxed)" in text  # bars without a record


def test_command(tmp_path):
    with JsonLines(tmp_path / "acceptance.jsonl") as log:
        for seed in range(2):
            log.write(record(seed=seed))
            asked = ["o_information", "o_information_gradient"]
            log.write(record("gradient-6x1", seed, measure="o_information_gradient:x1", measures=asked))
        log.write(record(n=500))  # a cell that the configuration does not ask for
    out = tmp_path / "docs" / "acceptance.md"
    command = [sys.executable, "-m", "experiments.tables", f"--out={out}"]
    done = subprocess.run(
        [*command, f"--records={tmp_path}/acceptance.jsonl"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert out.read_text(encoding="utf-8").strip() == done.stdout.strip()
    assert "**Recorded: 4 of the" in done.stdout and "Left out: 1 records" in done.stdout
    assert complete.SO_FAR in done.stdout and complete.WITHIN not in done.stdout
    assert out.with_suffix(".png").read_bytes()[:4] == b"\x89PNG"
    (tmp_path / "other").mkdir()
    with JsonLines(tmp_path / "other" / "acceptance.jsonl") as log:
        log.write(record(n=500))
    for place, why in (("none", "does not exist"), ("other", "no record of a cell")):
        done = subprocess.run(
            [*command, f"--records={tmp_path}/{place}/acceptance.jsonl"], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode != 0 and why in done.stderr and acceptance.MAKE in done.stderr


@pytest.fixture
def flags_forgotten(monkeypatch):
    """Experiments define flags of the same names, each for a process of its own."""
    monkeypatch.chdir(ROOT)
    before = set(flags.FLAGS)
    yield
    for name in set(flags.FLAGS) - before:
        delattr(flags.FLAGS, name)


@pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")  # of ml_collections
@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_document_knows_what_its_configuration_asks_for(name, flags_forgotten):
    wanted, keys = complete.asked(name, [{"title": "3 images", "study": "allen", "session": "s1"}])
    marks = {cells.mark(c, keys) for c in wanted}
    assert len(marks) > 1
    stranger = {"title": "3 images", "study": "none"}
    found = complete.recorded(name, [*wanted, wanted[0] | {"value": 1.0}, stranger])
    assert (found.asked, found.missing, found.others) == (len(marks), [], 1)
    assert {cells.mark(r, keys) for r in found.records} == marks
    assert found.records[0]["value"] == 1.0  # the last of a cell counts
    rest = [c for c in wanted if cells.mark(c, keys) != cells.mark(wanted[0], keys)]
    lacking = complete.recorded(name, rest)
    assert len(lacking.records) == lacking.asked - 1
    assert complete.group(wanted[0]) in complete.stated("# Title\n\nx within.\n", name, lacking)


def test_what_is_missing_is_said_and_nothing_is_final():
    cells_of = lambda *tasks, **more: [{"task": t, "n": 100, "options": {}} | more for t in tasks]
    missing = (
        cells_of("a", "a", "b", "c", "d", "e") + cells_of("a", options={"hi": 6.0}) + cells_of("a", estimator="dv")
    )
    text = "# Title\n\nMean error 0.1: within.\n"
    some = complete.stated(text, "some", complete.Recorded([{}], 9, missing, 2))
    assert some.startswith("# Title\n\n**Recorded: 1 of the 9 cells that `configs/some.py` asks for. Missing: ")
    assert "n=100: a, b, c and 2 more; n=100, hi=6.0: a; dv: a.** Left out: 2 records" in some
    assert "Mean error 0.1: within so far." in some
    whole = complete.stated(text, "some", complete.Recorded([{}] * 9, 9, [], 0))
    assert "**" not in whole and "Recorded: 9 of the 9" in whole and "Mean error 0.1: within.\n" in whole
    many = [{"num_variables": k} for k in range(20)]
    assert complete.named(many).endswith("5 variables (1); and 14 more groups")
    assert complete.said(True, False) == complete.SO_FAR and complete.said(False, False) == complete.OUTSIDE


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
    text = reach.markdown([high])
    assert "configs/reach.py" in text and "blocks-50x2-inner_spiral" in text and "mixture-kl" not in text
    assert text.count("**not recorded") == 2  # the gradient by the better network, and by the default
    reach.picture([high], tmp_path / "reach.png")
    assert (tmp_path / "reach.png").read_bytes()[:4] == b"\x89PNG"


def sloped(error, seed=0, **options):
    truth = {f"o_information_gradient:x{k}": t for k, t in enumerate((-0.5, 0.4, 0.3))}
    value = {m: t + e for (m, t), e in zip(truth.items(), error)}
    same = {"truth": truth | {"o_information": 9.0}, "value": value | {"o_information": 9.9}}
    return record("gradient-10x5", seed, options=options, stderr=dict.fromkeys(same["truth"], 0.1)) | same


def test_the_gradient_is_judged_by_the_better_network_over_variables_and_seeds():
    transformer = {"net": "transformer", **bars.GRADIENT["nets"]["transformer"]}
    better, default = reach.verdicts([sloped((0.1, 0.2, 0.0), net="mlp"), sloped((0.3, 0.0, 0.0))])
    assert "**not recorded** for transformer. So far: mlp 0 of 3 signs wrong, mean error 0.100" in better
    assert default.endswith("the default network: default 0 of 3 signs wrong, mean error 0.100 nats (1 seeds): within.")
    both = [sloped((0.1, 0.2, 0.0), net="mlp"), sloped((0.0, -0.39, 0.0), **transformer)]
    assert "by mlp: within." in reach.verdicts(both)[0]  # one variable may miss the bar that the mean keeps
    worse = [sloped((0.6, 0.0, 0.0), net="mlp"), sloped((0.0, 0.3, 0.3), **transformer)]
    assert "by transformer: **outside.**" in reach.verdicts(worse)[0]
    seeds = [sloped((0.3, 0.3, 0.0), k, net="mlp") for k in range(1)] + [sloped((0.0, 0.1, 0.0), 1, net="mlp")]
    assert reach.gradients(seeds)["mlp"] == {"wrong": 0, "values": 6, "error": pytest.approx(0.7 / 6), "seeds": 2}
    other = sloped((0.0, 0.0, 0.0), net="transformer", width=8)
    assert reach.verdicts([*both, other]) == reach.verdicts(both)  # options that the bar does not speak of
    assert "transformer (budget quick, num_mc 2) 0 of 3" in reach.verdicts(both)[0]
    assert not any(row["verdict"] for row in acceptance.rows(both))  # no bar of each variable


def cell(task="1v1-normal-0.75", seed=0, **more):
    return record(task, seed, **{"n": 10_000} | more)


def test_ranking_of_estimators(tmp_path):
    ours = [cell(seed=0, error=0.03), cell(seed=1, error=-0.01), cell("1v1-normal-0.2", error=0.12, cpu_s=80.0)]
    given = {"estimator": "dv", "beside": {}, "options": {"cpu_seconds": 50.0}}
    rivals = [cell(error=-0.3, **given), cell(error=-0.04, **given)]
    rows = {r["estimator"]: r for r in benchmark.ranking(ours + rivals)}
    assert set(rows) == {"jaxinfo", "dv", "copula", "ksg"}
    us, dv = rows["jaxinfo"], rows["dv"]
    assert us["error"] == pytest.approx((0.01 + 0.12) / 2)  # the mean over seeds first, then its size
    assert us["single"] == pytest.approx((0.02 + 0.12) / 2) and us["within_0.1"] == 1 and us["times"] == 1.0
    assert dv["error"] == pytest.approx(0.04) and dv["tasks"] == 1  # the last record of a cell counts
    assert dv["ours"] == pytest.approx(0.02) and dv["times"] == pytest.approx(2.0)  # on the task that both have
    assert rows["copula"]["cpu_s"] is None
    text = benchmark.markdown(ours + rivals)
    assert "Within 0.1 nats: 1 of 2 (bar: 40 of 40): **outside.**" in text and "the first seed: 2.0" in text
    assert "of 2 (bar: at least 37 of 40): within so far." in text  # 38 are missing: nothing is passed yet
    assert "| dv | 1 | 1 | 1 |" in text and "ours 53.3, the mean over the table; trained rivals were given 50 " in text
    assert "below that of a rival on the tasks that both have: 2 of 3 rivals" in text
    few = [cell(error=0.01, beside={"copula": {}})]
    assert "Within 0.1 nats: 1 of 1 (bar: 40 of 40): within so far." in benchmark.markdown(few)
    all_of = [cell(f"task {k}", error=0.01, cpu_s=10.0, beside={}) for k in range(40)]
    assert benchmark.markdown(all_of).count("within.") == 4
    more = benchmark.markdown(ours + rivals + [record(error=0.004, n=100_000)])
    assert "Within 0.1 nats: 1 of 2" in more and "From 100000 rows, 1 of 10 tasks: mean error 0.0040" in more
    benchmark.picture(ours + rivals, tmp_path / "benchmark.png")
    assert (tmp_path / "benchmark.png").read_bytes()[:4] == b"\x89PNG"


def timed(estimator, *points, task="1v1-normal-0.75", truth=0.4):
    kept = [{"steps": k, "value": truth + error, "stderr": 0.01, "cpu_s": cpu} for k, (cpu, error) in enumerate(points)]
    told = {"task": task, "measure": "mutual_information", "estimator": estimator, "n": 100, "truth": truth}
    return told | {"points": kept}


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
    assert "≥ 10: within." in text and "never" in text
    system = [
        timed(who, (5, 0.2), (8, 0.01), task="inner_spiral-six") | {"measure": "o_information"}
        for who in ("ours", "published")
    ]
    assert "| inner_spiral-six | o information |" in cost.markdown(system) and "| 1 | – |" in cost.markdown(system)
    cost.picture([far, near, *system], tmp_path / "cost.png")
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
        "title": "3 images", "images": 2, "environment": ENVIRONMENT,
    }  # fmt: skip
    rising = [one("baseline", 0.0, 0.02), one("baseline", 0.5, 4.0), one("baseline", 1.0, 10.0)]
    found = consistency.ratios([*rising, one("data_processing", 1.0, 10.2), one("additivity", 0.5, 8.8)])[
        "3 images", 12.0
    ]
    assert found["baseline"][0.5] == pytest.approx([0.4]) and found["data_processing"][1.0] == pytest.approx([1.02])
    text = consistency.markdown([*rising, one("data_processing", 1.0, 10.2), one("additivity", 0.5, 8.8)])
    assert "rises from 0.002 to 1.000: within." in text and "worst level: 1.020 (bar: 1 ± 0.05): within." in text
    assert "worst level: 2.200 (bar: 2 ± 0.1): **outside.**" in text and "I(X; whole image): 10.00 nats" in text
    assert "3 images, 2 of them measured; hi = 12:" in text
    falling = [one("baseline", 0.0, 5.0), one("baseline", 1.0, 4.0)]
    assert "**outside.**" in consistency.verdicts(consistency.ratios(falling)["3 images", 12.0])[0]
    assert "within so far." in consistency.verdicts(consistency.ratios(rising[1:])["3 images", 12.0])[0]
    others = [r | {"title": "9 images", "images": 8, "value": 2.0 * r["value"]} for r in rising]
    mixed = consistency.ratios(rising + others)
    assert set(mixed) == {("3 images", 12.0), ("9 images", 12.0)}
    assert mixed["9 images", 12.0]["baseline"][0.5] == pytest.approx([0.4])  # over its own whole image
    assert "9 images, 8 of them measured" in consistency.markdown(rising + others)
    consistency.picture(rising + others, tmp_path / "consistency.png")
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
    middle = prompt.verdicts([record | {"switched": record["switched"][:2]}])[-1]
    assert "**not judged**, no switch where the label still decides less than 10 %" in middle
    other = record | {"title": "letters", "remaining": [0.0, 2.0, 4.1], "classifier": 4.1}
    assert "letters; 1 seeds:" in prompt.markdown([record, other]) and "Ends at 4.100" in prompt.markdown(
        [record, other]
    )
    prompt.picture([record, other], tmp_path / "prompt.png")
    assert (tmp_path / "prompt.png").read_bytes()[:4] == b"\x89PNG"


def test_forty_tasks_in_few_programs(tmp_path):
    one = {
        "shape": "1-1", "tasks": ["1v1-normal-0.75"], "seeds": 2, "n": 10_000, "test": 10_000, "options": {}, "clock": "cpu",
        "truth": {"1v1-normal-0.75": 0.4}, "value": {"1v1-normal-0.75": [0.41, 0.37]}, "wall_s": 60.0, "cpu_s": 100.0,
        "steps": {"1v1-normal-0.75": [3000.0, 4000.0]}, "training_flops": 67e12 * 0.05 * 60, "training_wall_s": 30.0,
    }  # fmt: skip
    text = forty.markdown([one])
    assert "| 1 + 1 | 1 | 0.0200 | 0.030 | 3500 | 60 | 100 |" in text
    assert "**A projection, not a measurement**" in text and "would take 10.0 minutes" in text and "within" not in text
    gpu = one | {"clock": "wall", "seeds": 10}
    assert "within so far." in forty.markdown([gpu])
    slow = gpu | {"wall_s": 900.0, "tasks": ["1v1-normal-0.75"] * 40}
    assert "40 tasks × 10 seeds in 15.0 minutes of wall" in forty.markdown([slow]) and "outside" in forty.markdown(
        [slow]
    )
    forty.picture([one], tmp_path / "forty.png")
    assert (tmp_path / "forty.png").read_bytes()[:4] == b"\x89PNG"


def test_documents_of_other_records(tmp_path):
    climb = {
        "cell": ["climb", "synergy", 0],
        "path": [0.1, 0.5, 0.97],
        "share": [0.1, 0.5, 0.97],
        "best": 1.0,
        "reached": 0.97,
        "n": 10,
        "cpu_s": 1.0,
    }
    exact = {
        "cell": ["accuracy", "normal-3", 0],
        "error": {"total_correlation": 0.02},
        "alone": {"4.0": {"total_correlation": 0.31}, "6.0": {"total_correlation": 0.27}},
        "rows": {"total_correlation": 0.01},
        "options": {},
        "n": 10,
        "cpu_s": 1.0,
    }
    text = pathwise.markdown([climb, exact])
    assert "| 2.0 % | 2.0 % | 1.0 % | 31.0 %, 27.0 % |" in text
    assert "| normal-3 | total correlation |" in text and "97.0 %" in text and "outside" not in text
    for name, module, records in (("pathwise", pathwise, [climb, exact]), ("intervals", intervals, [record()])):
        module.picture(records, tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").read_bytes()[:4] == b"\x89PNG"


def rate(seeds, at_once, per_s, network_counts=True, peak=100, clock="cpu"):
    cell = {"task": "t", "n": 10, "steps": 8, "seeds": seeds, "at_once": at_once, "network_counts": network_counts}
    cell |= {
        "clock": clock,
        "fit_steps_per_s": per_s,
        "fit_steps_per_wall_s": 2.0 * per_s,
        "folds": 2,
        "peak_mib": peak,
    }
    cell |= {"flops_per_fit_step": 1e6, "attainable_flops_per_s": 1e10} if network_counts else {}
    return cell | {"environment": ENVIRONMENT}


def test_rates_of_many_fits(tmp_path):
    records = [rate(1, 1, 1000.0), rate(20, 1, 850.0, peak=108), rate(20, 4, 950.0), rate(1, 1, 4000.0, False)]
    text = throughput.markdown(records)
    assert "| 20 | 4 | 950 | 1900 | 0.95 | 100 | 1.00 | 10 % |" in text  # .95e3 × 1e6 / 1e10
    assert "0.95 of one seed's (bar: ≥ 0.9): within." in text and "takes 25 % of its time" in text
    assert "20 seeds one after another is 1.08 of one seed's (bar: ≤ 1.1): within." in text and "outside" not in text
    worse = [rate(1, 1, 1000.0), rate(20, 1, 850.0, peak=120), rate(1, 1, 1900.0, False)]
    assert throughput.markdown(worse).count("**outside.**") == 3
    assert "Not judged" in throughput.markdown(records[1:])


def test_a_gpu_is_judged_by_seeds_side_by_side():
    one, many = rate(1, 1, 1000.0, clock="wall"), rate(20, 20, 9000.0, clock="wall", peak=500)
    text = throughput.markdown([one, many, rate(20, 1, 500.0, clock="wall")])
    assert "20 seeds side by side train 9.00 times as fast as one (bar: ≥ 8): within." in text
    assert "Peak memory of" not in text and "outside" not in text
    assert "**outside.**" in throughput.markdown([one, many | {"fit_steps_per_s": 7000.0}])
    assert "no record of seeds side by side" in throughput.markdown([one])


def test_pictures_of_rates(tmp_path):
    records = [rate(1, 1, 1000.0), rate(20, 1, 850.0)]
    throughput.picture(records, tmp_path / "throughput.png")
    assert (tmp_path / "throughput.png").read_bytes()[:4] == b"\x89PNG"


def test_growth_with_the_number_of_variables(tmp_path):
    a_cost = lambda num, step, read: {
        "num_variables": num, "n": 10, "views": 2 * num, "batch": 256, "num_mc": 10, "train_cpu_s_per_step": step,
        "read_cpu_s_per_view_row": read, "read_cpu_s": 1.0, "peak_mib": 100, "environment": ENVIRONMENT,
    }  # fmt: skip
    records = [a_cost(100, 4e-3, 5e-5), a_cost(10, 1e-3, 2e-5)]
    text = scale.markdown(records)
    assert "| 100 | 200 | 256 | 4.00 | 4.00 | 50.0 | 2.50 | 1.0 | 100 |" in text and "at 10: within." in text
    assert "**outside.**" in scale.markdown([a_cost(100, 4e-3, 7e-5), a_cost(10, 1e-3, 2e-5)])
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


LONG = """
import os, time

def measure(cell, place):
    place.mkdir(exist_ok=True)
    begun = time.process_time()
    while not (place / "half").exists() and time.process_time() - begun < 2.5:
        pass
    if not (place / "half").exists():
        (place / "half").touch()
        os.kill(os.getpid(), 9)
    return cell | {"value": 1, "cpu_s": 1.0, "wall_s": 1.0}
"""


def test_a_long_cell_goes_on_where_it_was_killed_and_counts_what_was_spent(tmp_path, monkeypatch, capsys):
    (tmp_path / "slowly.py").write_text(LONG)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    path = tmp_path / "long.jsonl"
    measure = lambda: cells.run(path, [{"task": "a", "long": True}], "slowly:measure", show=lambda r: r)
    with pytest.raises(SystemExit, match="1 cells failed"):
        measure()
    measure()
    (record,) = read_records(path)
    assert record["restarts"] == 1
    assert record["cpu_s"] > 1.5  # one second of its own, and what the first process noted
    assert not list((tmp_path / "long.unfinished").iterdir())


def test_packages_of_others_by_task_and_the_reasons_of_those_that_gave_nothing(tmp_path):
    told = {"task": "1v1-normal-0.75", "measure": "mutual_information", "n": 100, "seed": 0, "truth": 0.413}
    records = [
        told | {"package": "jaxinfo", "value": 0.414, "cpu_s": 30.0, "peak_mib": 700, "version": "0.1"},
        told | {"package": "one", "failed": "does not install: no network", "installed": False},
        told | {"package": "two", "failed": "no such thing"},
        told | {"package": "one", "value": 0.5, "cpu_s": 3.0, "peak_mib": 250, "version": "1.2"},
    ]
    text = rivals.markdown(records)
    assert "one 1.2" in text and "| +0.001 (30 s, 700 MiB) | +0.087 (3 s, 250 MiB) | – |" in text
    assert "two: no such thing" in text and "no network" not in text  # the last record of a cell counts
    rivals.picture(records, tmp_path / "rivals.png")
    rivals.picture(records[2:3], tmp_path / "none.png")
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
        {"study": "sachs", "condition": None, "rows": [row("total_correlation", 3.0, p_value=0.05), *proteins, *pairs]},
        {
            "study": "lifespan",
            "modules": 3,
            "rows": [row("o_information", 0.5), row("total_correlation without age", 0.7, p_value=0.1), aged],
        },
        {"study": "mfeat", "dim": 2, "noise": 1.0, "rows": [row("o_information", 0.5), *pairs]},
    ]
    text = real.markdown(records)
    assert "| s1 A–B–C | grating | 10 ms | s information | 0.250 | 0.200 to 0.300 | 0.100 | 0.200 | 1 of 2 |" in text
    assert "area under the curve 1.00" in text and "0.040 ± 0.100" in text
    assert "| b | 0.90 |  | 0.10 |" in text
    assert "total correlation 3.000 ± 0.100 (p = 0.05)" in text and "without age 0.700 ± 0.100 (p = 0.10)" in text
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

    ours, rival = told("jaxinfo", 20.2, 10.1), told("line-nwj", 15.0, 16.0) | {"options": {"cpu_seconds": 20.0}}
    graded = {"truth": {slope: -0.5}, "value": {slope: -0.45}, "stderr": {slope: 0.01}}
    records = [ours, rival, told("jaxinfo", 0.0, 0.0, task="gradient-6x5") | graded]
    text = systems.markdown(records)
    assert "worst relative error 1.0 %, mixed-10x5-plain (bar: 3 %): within." in text
    assert "right in 1 of 1 estimates" in text and "0 wrong signs, worst mean absolute error 0.050" in text
    assert "- line-nwj (20 CPU-seconds for each mutual information): sum" in text
    rows = {r["estimator"]: r for r in systems.systems(records)}
    assert rows["line-nwj"]["signs"] == [False] and rows["copula"]["tc"] == 1.0
    assert rows["line-nwj"]["omega"] == pytest.approx(11.0 / 20.0)
    # every seed is asked by its own standard error: a seed that knows little excuses no other
    vague = told("jaxinfo", 15.0, 16.0, seed=1) | {"stderr": dict.fromkeys(truth, 4.0)}
    sure = told("jaxinfo", 15.0, 16.0, seed=2)
    assert systems.signs([ours, vague, sure])["jaxinfo", "mixed-10x5-plain"] == [True, False]
    assert "right in 1 of 2 estimates" in systems.markdown(
        [ours, vague, sure]
    ) and "| **1 wrong** |" in systems.markdown([ours, vague, sure])
    assert "standard errors: **not judged.**" in systems.markdown([vague])
    systems.picture(records, tmp_path / "systems.png")
    assert (tmp_path / "systems.png").read_bytes()[:4] == b"\x89PNG"
