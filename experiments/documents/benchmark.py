"""The 40 tasks: how near and at what cost, beside the rivals, from the records of ``configs/benchmark.py``.

Drawn by ``python -m experiments.tables --records=records/benchmark.jsonl``.
"""

import math
from pathlib import Path

import numpy as np

from experiments.documents import bars
from experiments.documents.complete import said
from experiments.documents.heading import commits, cost_counts, heading, processors
from experiments.documents.rows import covered

MAKE = "python -m experiments.sweep --config=configs/benchmark.py --workdir=records"
OURS = "jaxinfo"
MEASURE = "mutual_information"
LEAST, MOST = 1e-3, 100.0  # nats; what lies beyond stands there in the figure


def errors(records: list[dict]) -> dict[str, dict[str, dict[int, float]]]:
    """Estimator -> task -> data seed -> estimate − truth; the last record of a cell counts."""
    out: dict[str, dict[str, dict[int, float]]] = {}
    for r in records:
        error = r["value"][MEASURE] - r["truth"][MEASURE]
        out.setdefault(r.get("estimator", OURS), {}).setdefault(r["task"], {})[r["seed"]] = error
    return out


def of_tasks(found: dict[str, dict[int, float]]) -> np.ndarray:
    """The error of each task: the mean over data seeds of |estimate − truth|."""
    return np.array([np.mean(np.abs(list(of.values()))) for of in found.values()])


def paired(found: dict, name: str) -> tuple[int, float, float]:
    """On how many tasks an estimator can be set beside ours, and the mean errors of both, on the data seeds both have."""
    both = {t: [k for k in of if k in found.get(OURS, {}).get(t, {})] for t, of in found[name].items()}
    both = {t: seeds for t, seeds in both.items() if seeds}
    mean = lambda who: float(np.mean(of_tasks({t: {k: found[who][t][k] for k in ks} for t, ks in both.items()})))
    return (len(both), mean(name), mean(OURS)) if both else (0, math.nan, math.nan)


def ranking(records: list[dict]) -> list[dict]:
    """One row per estimator, best first: tasks within 0.1 and 0.05 nats of the truth, errors, CPU-seconds.

    Estimators are ranked by their error over ours on the tasks and data seeds that both have.
    """
    found, out = errors(records), []
    for name, of in found.items():
        each, (shared, there, ours) = of_tasks(of), paired(found, name)
        cpu = [r["cpu_s"] for r in records if r.get("estimator", OURS) == name]
        out.append(
            {
                "estimator": name, "tasks": each.size, "seeds": max(len(seeds) for seeds in of.values()),
                "within_0.1": int((each <= 0.1).sum()), "within_0.05": int((each <= 0.05).sum()),
                "error": float(each.mean()), "worst": float(each.max()), "shared": shared, "there": there, "ours": ours,
                "times": there / ours if shared else None, "cpu_s": float(np.mean(cpu)),
            }
        )  # fmt: skip
    return sorted(
        out, key=lambda row: row["times"] if row["times"] is not None and np.isfinite(row["times"]) else np.inf
    )


def verdicts(records: list[dict]) -> list[str]:
    """The bars in words, with what was reached; they speak of all 40 tasks."""
    rows = ranking(records)
    ours = next((r for r in rows if r["estimator"] == OURS), None)
    if ours is None:
        return ["- No record of ours yet."]
    b, n = bars.FORTY, ours["tasks"]
    judged = lambda holds: said(holds, n >= b["tasks"])
    lines = [
        f"- Tasks recorded: {n} of {b['tasks']}, {ours['seeds']} data seeds.",
        f"- Within 0.1 nats: {ours['within_0.1']} of {n} (bar: {b['tasks']} of {b['tasks']}): "
        + judged(ours["within_0.1"] == n),
        f"- Within 0.05 nats: {ours['within_0.05']} of {n} (bar: at least {b['near']} of {b['tasks']}): "
        + judged(n - ours["within_0.05"] <= b["tasks"] - b["near"]),
        f"- Mean error {ours['error']:.4f} nats (bar: {b['error']:g}): " + judged(ours["error"] <= b["error"]),
    ]
    rivals = [r for r in rows if r["estimator"] != OURS and r["shared"]]
    if rivals:
        best = rivals[0]
        below = sum(r["ours"] < r["there"] or not np.isfinite(r["there"]) for r in rivals)
        lines.append(
            f"- Mean error below that of a rival on the tasks and data seeds that both have: {below} of {len(rivals)} rivals "
            f"(bar: all); the best, {best['estimator']}, has {best['there']:.4f} on {best['shared']} tasks, ours "
            f"{best['ours']:.4f}: " + judged(below == len(rivals))
        )
    lines += covered([r for r in records if r.get("estimator", OURS) == OURS])
    minutes = cpu_minutes(records)
    if minutes:
        lines.append(
            f"- CPU-minutes of ours for all {b['tasks']} tasks, a process each, by data seed (the first compiles for the "
            f"others): {', '.join(f'{m:.1f}' for m in minutes)}; in few programs, as `docs/forty.md` judges them, they take "
            "less."
        )
    fewer, trained = hurried(records)
    if trained:
        lines.append(
            f"- CPU-seconds of a trained rival on a task, without compiling, no fewer than the mean of ours there with it: "
            f"{trained - len(fewer)} of {trained} (bar: all): {judged(not fewer)} Processors of ours: "
            f"{processors([r for r in records if not r.get('estimator')])}; of the trained: "
            f"{processors([r for r in records if 'cpu_seconds' in r])}."
        )
    return lines


def cpu_minutes(records: list[dict]) -> list[float]:
    """What ours took for all tasks, by data seed; of seeds that have all."""
    seconds: dict[int, dict[str, float]] = {}
    for r in records:
        if not r.get("estimator") and r["n"] == bars.FORTY["n"]:
            seconds.setdefault(r["seed"], {})[r["task"]] = r["cpu_s"]
    return [sum(of.values()) / 60.0 for _, of in sorted(seconds.items()) if len(of) >= bars.FORTY["tasks"]]


def hurried(records: list[dict]) -> tuple[list[tuple[str, str]], int]:
    """The rivals and tasks for which a rival had less time than ours took, and how many were trained by the clock.

    Its clock gave it less, or its whole process took less than its clock, which is one that ended for another reason.
    """
    took: dict[str, list[float]] = {}
    for r in records:
        if r.get("estimator", OURS) == OURS:
            took.setdefault(r["task"], []).append(r["cpu_s"])
    given = [r for r in records if "cpu_seconds" in r and r["task"] in took]
    # rounding apart; ours of later data seeds may come after the rival
    less = lambda r: r["cpu_seconds"] < 0.99 * np.mean(took[r["task"]]) or r["cpu_s"] < r["cpu_seconds"]
    return [(r["estimator"], r["task"]) for r in given if less(r)], len(given)


def by_rows(records: list[dict]) -> tuple[list[dict], list[dict]]:
    """The records of the 40 tasks, and those from more rows."""
    few = bars.FORTY["n"]
    return [r for r in records if r["n"] == few], [r for r in records if r["n"] > few]


def from_more(records: list[dict]) -> list[str]:
    """Ours from more rows: its mean error against its bar, and every task."""
    if not records:
        return []
    of, b = errors(records)[OURS], bars.MORE
    each = dict(zip(of, of_tasks(of).tolist()))
    mean = float(np.mean(list(each.values())))
    held, seeds = said(mean <= b["error"], len(each) >= b["tasks"]), max(map(len, of.values()))
    lines = [
        "",
        f"From {records[0]['n']} rows, {len(each)} of {b['tasks']} tasks, data seeds: {seeds}; mean error {mean:.4f} nats "
        f"(bar: {b['error']:g}): {held}",
        "",
        "| task | error | CPU-s |",
        "|---|--:|--:|",
    ]
    for task, error in each.items():
        cpu = np.mean([r["cpu_s"] for r in records if r["task"] == task])
        lines.append(f"| {task} | {error:.4f} | {cpu:.0f} |")
    return lines


def markdown(records: list[dict]) -> str:
    """The whole document."""
    number = lambda v, digits=3: "–" if v is None or math.isnan(v) else f"{v:.{digits}f}".replace("-", "−")
    made_with, (records, more) = commits(records), by_rows(records)
    found, rows = errors(records), ranking(records)
    lines = [
        *heading("40 tasks with known mutual information", MAKE, "benchmark"),
        "The tasks of arXiv 2306.11078: trained on n rows, read on n fresh ones; the mean is over tasks.",
        "",
        f"Code: commit {made_with}. n = {bars.FORTY['n']}. Errors are in nats; that of a task is the mean",
        "over data seeds of |estimate − truth|. Rivals are ranked by theirs over ours, on the tasks and data seeds that both",
        "have. A trained one stops after the CPU-seconds that ours took on the same task, its compiling not counted. Bounds",
        "train on all pairs of a batch; InfoNCE, which is lower the fewer rows it is read among, is read on more. The",
        "published recipe's running average is made to forget sooner, since the clock ends it early. Our settings and the",
        "weights of value and standard error were chosen on tasks of `docs/acceptance.md`, some of which are among these, and",
        "on trials of the spirals, data seeds included.",
        cost_counts(records),
        "",
        *verdicts(records),
        "",
        "![errors](benchmark.png)",
        "",
        f"The orange line is 0.1 nats; what is below {LEAST:g} or above {MOST:g} stands at that edge.",
        "",
        "| estimator | tasks | seeds | within 0.1 | within 0.05 | error | worst | shared tasks | error there | ours there "
        "| times ours | CPU-s per task |",
        "|---|" + "--:|" * 11,
    ]
    for r in rows:
        cells = [
            r["estimator"], r["tasks"], r["seeds"], r["within_0.1"], r["within_0.05"], number(r["error"]),
            number(r["worst"]), r["shared"], number(r["there"]), number(r["ours"]), number(r["times"], 1),
            number(r["cpu_s"], 0),
        ]  # fmt: skip
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    names = [r["estimator"] for r in rows]
    truth = {r["task"]: r["truth"][MEASURE] for r in records}
    mean = lambda name, task: number(float(np.mean(list(found[name][task].values()))))
    lines += ["", "Mean of estimate − truth:", "", "| task | truth | " + " | ".join(names) + " |"]
    lines.append("|---|--:|" + "--:|" * len(names))
    for task, value in truth.items():
        cells = [mean(name, task) if task in found[name] else "–" for name in names]
        lines.append(f"| {task} | {number(value)} | " + " | ".join(cells) + " |")
    return "\n".join(lines + from_more(more)) + "\n"


def picture(records: list[dict], path: Path) -> None:
    """Every task's error under every estimator, best estimator on top, with the bar of 0.1 nats; the worst at the edge."""
    from matplotlib.figure import Figure

    from jaxinfo import plots

    records, _ = by_rows(records)
    found, names = errors(records), [r["estimator"] for r in ranking(records)]
    figure = Figure(figsize=(7.2, 1.2 + 0.34 * len(names)), layout="constrained", facecolor="white")
    axes = figure.subplots()
    for y, name in enumerate(reversed(names)):
        each = np.nan_to_num(of_tasks(found[name]), nan=np.inf)
        colour = plots.BLUE if name == OURS else plots.GREY
        axes.plot(np.clip(each, LEAST, MOST), np.full(each.size, y), "|", ms=9, color=colour)
        axes.plot(np.clip(each.mean(), LEAST, MOST), y, "o", ms=6, color=colour)
    axes.axvline(0.1, color=plots.ORANGE, lw=1)
    axes.set_xscale("log")
    axes.set_yticks(range(len(names)), list(reversed(names)))
    axes.set_xlabel("mean over seeds of |estimate − truth|  [nats]; a mark per task, the mean as a dot")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
