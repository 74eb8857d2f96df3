"""The 40 tasks: how near and at what cost, beside the rivals, from the records of ``configs/benchmark.py``.

Drawn by ``python -m experiments.tables --records=records/benchmark.jsonl``.
"""

from pathlib import Path

import numpy as np

from experiments.documents import bars
from experiments.documents.complete import said
from experiments.documents.heading import commits, cost_counts, heading

MAKE = "python -m experiments.sweep --config=configs/benchmark.py --workdir=records"
OURS = "jaxinfo"
BESIDE = ("copula", "ksg")
MEASURE = "mutual_information"


def errors(records: list[dict]) -> dict[str, dict[str, np.ndarray]]:
    """Estimator -> task -> errors of its data seeds; the last record of a cell counts.

    The rivals that need no training were read beside ours, on the training rows.
    """
    kept: dict[tuple, float] = {}
    for r in records:
        truth = r["truth"][MEASURE]
        kept[r.get("estimator", OURS), r["task"], r["seed"]] = r["value"][MEASURE] - truth
        for name in BESIDE:
            if MEASURE in r.get("beside", {}).get(name, {}):
                kept[name, r["task"], r["seed"]] = r["beside"][name][MEASURE] - truth
    out: dict[str, dict[str, list[float]]] = {}
    for (name, task, _), error in kept.items():
        out.setdefault(name, {}).setdefault(task, []).append(error)
    return {name: {task: np.array(e) for task, e in of.items()} for name, of in out.items()}


def ranking(records: list[dict]) -> list[dict]:
    """One row per estimator, best first: tasks within 0.1 and 0.05 nats of the truth, errors, CPU-seconds.

    ``error`` is the mean over tasks of |mean over seeds of (estimate − truth)|, ``single`` that of |estimate − truth|.
    Estimators are ranked by the latter against ours on the tasks that both have, since rivals have one seed.
    """
    found, out = errors(records), []
    single = lambda name, tasks: float(np.mean([abs(found[name][t]).mean() for t in tasks])) if tasks else None
    for name, of in found.items():
        each = np.array([abs(e.mean()) for e in of.values()])
        cpu = [r["cpu_s"] for r in records if r.get("estimator", OURS) == name]
        shared = [t for t in of if t in found.get(OURS, {})]
        there, ours = single(name, shared), single(OURS, shared)
        out.append(
            {
                "estimator": name, "tasks": each.size, "within_0.1": int((each <= 0.1).sum()),
                "within_0.05": int((each <= 0.05).sum()), "error": float(each.mean()), "worst": float(each.max()),
                "single": single(name, of), "shared": len(shared), "there": there, "ours": ours,
                "times": there / ours if ours else None, "cpu_s": float(np.mean(cpu)) if cpu else None,
            }
        )  # fmt: skip
    return sorted(out, key=lambda row: np.inf if row["times"] is None else row["times"])


def verdicts(records: list[dict]) -> list[str]:
    """The bars in words, with what was reached; they speak of all 40 tasks."""
    rows = ranking(records)
    ours = next((r for r in rows if r["estimator"] == OURS), None)
    if ours is None:
        return ["- No record of ours yet."]
    b, n = bars.FORTY, ours["tasks"]
    judged = lambda holds: said(holds, n >= b["tasks"])
    minutes = sum(min(each, key=lambda r: r["seed"])["cpu_s"] for each in _by_task(records).values()) / 60.0
    lines = [
        f"- Tasks recorded: {n} of {b['tasks']}.",
        f"- Within 0.1 nats: {ours['within_0.1']} of {n} (bar: {b['tasks']} of {b['tasks']}): "
        + judged(ours["within_0.1"] == n),
        f"- Within 0.05 nats: {ours['within_0.05']} of {n} (bar: at least {b['near']} of {b['tasks']}): "
        + judged(n - ours["within_0.05"] <= b["tasks"] - b["near"]),
        f"- Mean error {ours['error']:.4f} nats (bar: {b['error']:g}; of single seeds {ours['single']:.4f}): "
        + judged(ours["error"] <= b["error"]),
        f"- CPU-minutes for the table, the first seed: {minutes:.1f} (bar: {b['cpu_min']:g}): "
        + judged(minutes <= b["cpu_min"]),
    ]
    rivals = [r for r in rows if r["estimator"] != OURS and r["shared"]]
    if rivals:
        best, below = rivals[0], sum(r["ours"] < r["there"] for r in rivals)
        lines.append(
            f"- Mean error of single seeds below that of a rival on the tasks that both have: {below} of {len(rivals)} "
            f"rivals (bar: all); the best, {best['estimator']}, has {best['there']:.4f} on {best['shared']} tasks, ours "
            f"{best['ours']:.4f}: " + judged(below == len(rivals))
        )
    given = [r["options"]["cpu_seconds"] for r in records if "cpu_seconds" in r.get("options", {})]
    if given:
        lines.append(
            f"- CPU-seconds per task: ours {ours['cpu_s']:.1f}, the mean over the table; trained rivals were given "
            f"{min(given):g} (bar: no fewer than ours): " + judged(ours["cpu_s"] <= min(given))
        )
    return lines


def _by_task(records: list[dict]) -> dict[str, list[dict]]:
    out: dict[str, list[dict]] = {}
    for r in records:
        if r.get("estimator", OURS) == OURS:
            out.setdefault(r["task"], []).append(r)
    return out


def by_rows(records: list[dict]) -> tuple[list[dict], list[dict]]:
    """The records of the 40 tasks, and those from more rows."""
    few = bars.FORTY["n"]
    return [r for r in records if r["n"] == few], [r for r in records if r["n"] > few]


def from_more(records: list[dict]) -> list[str]:
    """Ours from more rows: its mean error against its bar, and every task."""
    if not records:
        return []
    of, b = errors(records)[OURS], bars.MORE
    each = {task: float(abs(e.mean())) for task, e in of.items()}
    mean = float(np.mean(list(each.values())))
    held = said(mean <= b["error"], len(each) >= b["tasks"])
    lines = [
        "",
        f"From {records[0]['n']} rows, {len(each)} of {b['tasks']} tasks: mean error {mean:.4f} nats (bar: {b['error']:g}): "
        + held,
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
    number = lambda v, digits=3: "–" if v is None else f"{v:.{digits}f}".replace("-", "−")
    records, more = by_rows(records)
    found, rows = errors(records), ranking(records)
    lines = [
        *heading("40 tasks with known mutual information", MAKE, "benchmark"),
        "The tasks of arXiv 2306.11078: trained on n rows, read on n fresh ones; the mean is over tasks.",
        "",
        f"Code: commit {commits(records)}. n = {bars.FORTY['n']}. Errors are in nats. That of a task is",
        "|mean over data seeds of (estimate − truth)|, which *within*, *error* and *worst* speak of; *single seeds* is the",
        "mean of |estimate − truth|. Rivals are ranked by that of single seeds, over ours on the tasks that both have.",
        f"Trained ones stop after the CPU-seconds shown. {cost_counts(records)}",
        "",
        *verdicts(records),
        "",
        "![errors](benchmark.png)",
        "",
        "| estimator | tasks | within 0.1 | within 0.05 | error | worst | single seeds | shared tasks | there | ours there "
        "| times ours | CPU-s per task |",
        "|---|" + "--:|" * 11,
    ]
    for r in rows:
        cells = [
            r["estimator"], r["tasks"], r["within_0.1"], r["within_0.05"], number(r["error"]), number(r["worst"]),
            number(r["single"]), r["shared"], number(r["there"]), number(r["ours"]), number(r["times"], 1),
            number(r["cpu_s"], 0),
        ]  # fmt: skip
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    names = [r["estimator"] for r in rows]
    truth = {r["task"]: r["truth"][MEASURE] for r in records}
    lines += ["", "Mean of estimate − truth:", "", "| task | truth | " + " | ".join(names) + " |"]
    lines.append("|---|--:|" + "--:|" * len(names))
    for task, value in truth.items():
        cells = [number(float(found[name][task].mean())) if task in found[name] else "–" for name in names]
        lines.append(f"| {task} | {number(value)} | " + " | ".join(cells) + " |")
    return "\n".join(lines + from_more(more)) + "\n"


def picture(records: list[dict], path: Path) -> None:
    """Every task's error under every estimator, best estimator on top, with the bar of 0.1 nats."""
    from matplotlib.figure import Figure

    from jaxinfo import plots

    records, _ = by_rows(records)
    found, names = errors(records), [r["estimator"] for r in ranking(records)]
    figure = Figure(figsize=(7.2, 1.2 + 0.34 * len(names)), layout="constrained", facecolor="white")
    axes = figure.subplots()
    for y, name in enumerate(reversed(names)):
        each = np.array([abs(e.mean()) for e in found[name].values()])
        colour = plots.BLUE if name == OURS else plots.GREY
        axes.plot(np.maximum(each, 1e-3), np.full(each.size, y), "|", ms=9, color=colour)
        axes.plot(max(each.mean(), 1e-3), y, "o", ms=6, color=colour)
    axes.axvline(0.1, color=plots.ORANGE, lw=1)
    axes.set_xscale("log")
    axes.set_yticks(range(len(names)), list(reversed(names)))
    axes.set_xlabel("|mean over seeds of estimate − truth|  [nats]; a mark per task, the mean as a dot")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
