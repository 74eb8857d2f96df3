"""The table of acceptance says what the records say, and judges by the bars."""

import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from made_records import ENVIRONMENT, record
from PIL import Image

from experiments import cells
from experiments.documents import (
    acceptance,
    bars,
    complete,
    intervals,
    pathwise,
    reach,
    scale,
    throughput,
)
from jaxinfo.bench import tasks
from jaxinfo.io.log import JsonLines, read_records

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted(
    {path.stem for path in (ROOT / "configs").glob("*.py")}
    & {path.stem for path in (ROOT / "experiments" / "documents").glob("*.py")}
)


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
    with JsonLines(tmp_path / "reach.jsonl") as log:  # another experiment, whose flags have the same names
        log.write(json.loads((ROOT / "records" / "reach.jsonl").read_text().splitlines()[0]))
    shutil.copy(ROOT / "records" / "forty.jsonl", tmp_path)
    every = [sys.executable, "-m", "experiments.tables", f"--records={tmp_path}"]
    done = subprocess.run(
        every, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["docs/acceptance.md", "docs/forty.md", "docs/reach.md"]
    (tmp_path / "other").mkdir()
    with JsonLines(tmp_path / "other" / "acceptance.jsonl") as log:
        log.write(record(n=500))
    for place, why in (("none", "does not exist"), ("other", "no record of a cell")):
        done = subprocess.run(
            [*command, f"--records={tmp_path}/{place}/acceptance.jsonl"], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode != 0 and why in done.stderr and acceptance.MAKE in done.stderr


def test_readme_says_which_documents_hold_part_of_their_numbers():
    rows = [line for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines() if "`docs/" in line]
    told = {name: line for line in rows if line.startswith("| ") for name in re.findall(r"`docs/(\w+)\.md`", line)}
    drawn = {path.stem for path in (ROOT / "records").glob("*.jsonl")}
    assert drawn <= set(told)
    for name in drawn:
        whole = "**Recorded:" not in (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
        assert whole == (", in part" not in told[name]), told[name]


@pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")  # of ml_collections
@pytest.mark.parametrize("name", [name for name in DOCUMENTS if (ROOT / "docs" / f"{name}.md").exists()])
def test_documents_say_what_the_records_say(name, flags_forgotten):
    from experiments import tables

    found = tables.read(ROOT / "records" / f"{name}.jsonl")
    drawn = tables.written(name, found, f"{name}.png")
    again = "draw it again: python -m experiments.tables --records=records"
    assert (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") == drawn, again
    with Image.open(ROOT / "docs" / f"{name}.png") as figure:
        assert figure.text["table"] == tables.digest(drawn), again
    if words := tables.WORDS.get(name):
        beside = tables.written(words, found, "", name)
        assert (ROOT / "docs" / f"{words}.md").read_text(encoding="utf-8") == beside, again
    assert (ROOT / "docs" / "missed.md").read_text(encoding="utf-8") == tables.outside(ROOT / "docs"), again


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
    whole = complete.stated(text, "some", complete.Recorded([{"cpu_s": 800.0}, {"cpu_s": None}] * 9, 9, [], 0))
    assert whole.startswith(
        "# Title\n\nRecorded: 18 of the 9 cells that `configs/some.py` asks for, 2.0 CPU-hours in the 9 that tell."
    )
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
    assert "root-mean-square errors: **outside.**" in intervals.markdown([*draws, record(error=math.nan, seed=10)])
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


def halves(cells):
    """Several cells in one process, with the cores that it may use."""
    return [half(cell) | {"cores": sorted(os.sched_getaffinity(0)), "pid": os.getpid()} for cell in cells]


@pytest.mark.broad
@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="cores are given to processes on Linux alone")
def test_several_processes_share_the_cores_and_one_measures_several_cells(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    path, wanted = tmp_path / "some.jsonl", [{"x": k, "y": 2} for k in range(5)]
    with JsonLines(path) as log:
        log.write(half(wanted[3]))  # recorded before
    run = lambda: cells.run(
        path, [wanted[:2], wanted[2:4], wanted[4:]], "test_tables:halves", show=str, keys=("x", "y"), jobs=2
    )
    run()
    run()  # measures nothing again
    records = sorted(read_records(path), key=lambda r: r["x"])
    assert [r["half"] for r in records] == [0.0, 0.5, 1.0, 1.5, 2.0]
    pids = [r.get("pid") for r in records]
    assert pids[0] == pids[1] and pids[3] is None and len({pids[0], pids[2], pids[4]}) == 3
    shares = cells.shares(2)
    assert {tuple(r["cores"]) for r in records if "cores" in r} <= {tuple(share) for share in shares}
    assert sorted(sum(shares, [])) == sorted(os.sched_getaffinity(0)) or len(shares[0]) == len(shares[1]) == 1
    with pytest.raises(SystemExit, match="2 cells failed"):
        cells.run(path, [[{"x": 1, "y": 0}, {"x": 2, "y": 0}]], "test_tables:halves", show=str, jobs=2)


def doubled(cell):
    """A measurement for the test below; called in a fresh process."""
    return cell | {"value": 2 * cell["before"]}


@pytest.mark.parametrize("how, status", [(signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_killed_run_takes_its_cell_with_it(tmp_path, how, status):
    (tmp_path / "slow.py").write_text(
        "import os, time\n\ndef measure(cell):\n    print(os.getpid(), file=open('pid', 'w'))\n    time.sleep(60)\n"
    )
    code = "from pathlib import Path; from experiments import cells; cells.run(Path('x.jsonl'), [{}], 'slow:measure', show=str)"
    env = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    started = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env=env)
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
        time.sleep(0.05)
        assert started.poll() is None
    pid = int((tmp_path / "pid").read_text())
    started.send_signal(how)
    assert started.wait(30) == status
    ended = time.monotonic() + 20
    while is_running(pid) and time.monotonic() < ended:
        time.sleep(0.05)
    assert not is_running(pid)


def is_running(pid: int) -> bool:
    try:  # an orphan that ended waits for its new parent
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.broad
def test_a_cell_is_told_of_the_records_so_far_or_waits_for_them(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    path = tmp_path / "some.jsonl"

    def given(cell, kept):
        if cell["x"] and not kept:
            raise LookupError("no record of x = 0")
        return {"before": kept[-1]["value"] if kept else 1}

    run = lambda *x: cells.run(
        path, [{"x": k} for k in x], "test_tables:doubled", show=lambda r: "", keys=("x",), given=given
    )
    with pytest.raises(SystemExit, match="1 cells failed"):
        run(1)
    assert "waits: no record of x = 0" in capsys.readouterr().out and not path.exists()
    run(0, 1)
    run(0, 1)
    assert [(r["x"], r["before"], r["value"]) for r in read_records(path)] == [(0, 1, 2), (1, 2, 4)]


@pytest.mark.broad
@pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")  # of ml_collections
def test_cells_trained_side_by_side_read_what_they_read_alone(flags_forgotten):
    from experiments import sweep

    small = {"budget": "quick", "steps": 20, "width": 8, "num_mc": 2, "checks": 2}
    cell = {"n": 200, "seed": 0, "options": small, "measures": ["mutual_information"], "rivals": ["copula"]}
    pairs = [cell | {"task": f"1v1-{name}-0.75", "seed": seed} for name in ("normal", "bimodal") for seed in (0, 1)]
    system = cell | {"task": "sign_xor", "measures": ["total_correlation"]}
    rival = pairs[0] | {"estimator": "ksg"}
    assert sweep.alike([*pairs, rival, system], 3) == [pairs[:3], pairs[3:], [system], rival]
    together = sweep.measure_any([pairs[0], pairs[3]])
    assert [r["together"] for r in together] == [2, 2] and together[0]["value"] != together[1]["value"]
    alone = sweep.measure_any(pairs[3])
    same = ("task", "seed", "truth", "beside")
    assert {k: together[1][k] for k in same} == {k: alone[k] for k in same}
    value = alone["value"]["mutual_information"]
    np.testing.assert_allclose(together[1]["value"]["mutual_information"], value, atol=1e-5)
    with pytest.raises(LookupError, match="no record of ours"):  # their seconds are no clock for a rival
        sweep.clock(rival | {"options": {"cpu_seconds": "ours"}}, [r | {"options": {}} for r in together])


@pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")  # of ml_collections
def test_a_rival_trains_as_long_as_ours_took(flags_forgotten):
    from experiments import sweep

    ours = [record(seed=k, cpu_s=c) for k, c in enumerate((30.0, 50.0))]
    others = [record(options={"width": 8}, cpu_s=9.0), record(estimator="dv", cpu_s=9.0), record(n=7, cpu_s=9.0)]
    cell = {"task": "1v1-normal-0.75", "n": bars.N, "seed": 0, "measures": [], "estimator": "dv"}
    timed = cell | {"options": {"cpu_seconds": "ours"}}
    assert sweep.clock(timed, ours + others) == {"cpu_seconds": 40.0}
    assert (
        sweep.clock(cell | {"options": {"cpu_seconds": 5.0}}, ours) == {} == sweep.clock(cell | {"options": {}}, ours)
    )
    with pytest.raises(LookupError, match="no record of ours on 1v1-normal-0.75"):
        sweep.clock(timed, others)
    system = {"task": "mixed-10x5-plain", "measures": ["total_correlation", "dual_total_correlation"]}
    told = record("mixed-10x5-plain", measures=system["measures"], cpu_s=180.0)
    # of the line and of S, which share one: 9 + 10 − 1 mutual informations
    assert sweep.clock(timed | system | {"estimator": "line-dv"}, [told]) == {"cpu_seconds": 10.0}


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
