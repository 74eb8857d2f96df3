"""The 40 tasks in few programs: minutes on this device, from the records of ``configs/forty.py``.

Drawn by ``python -m experiments.tables --records=records/forty.jsonl``.
"""

from pathlib import Path

import numpy as np

from experiments.documents import bars
from experiments.documents.complete import said
from experiments.documents.heading import commits, heading

MAKE = "python -m experiments.forty --config=configs/forty.py --config.seeds={seeds} --workdir=records"


def errors(record: dict) -> dict[str, np.ndarray]:
    """Task -> estimate − truth of each seed."""
    return {t: np.array(of) - record["truth"][t] for t, of in record["value"].items()}


def verdicts(records: list[dict]) -> list[str]:
    """The bars on accuracy; the one on cost on a CPU, and what an accelerator would take, or the one on an accelerator."""
    b, b_gpu, seeds = bars.FORTY, bars.ACCELERATOR, records[0]["seeds"]
    each = np.concatenate([[abs(e).mean() for e in errors(r).values()] for r in records])
    judged = lambda holds: said(holds, each.size >= b["tasks"])
    near = int((each <= 0.05).sum())
    lines = [
        f"- Within 0.1 nats: {(each <= 0.1).sum()} of {each.size} (bar: all): {judged(bool((each <= 0.1).all()))}",
        f"- Within 0.05 nats: {near} of {each.size} (bar: at least {b['near']} of {b['tasks']}): "
        + judged(each.size - near <= b["tasks"] - b["near"]),
        f"- Mean error {each.mean():.4f} nats (bar: {b['error']:g}): {judged(bool(each.mean() <= b['error']))}",
    ]
    wall, cpu = sum(r["wall_s"] for r in records) / 60.0, sum(r["cpu_s"] for r in records) / 60.0
    done = f"{each.size} tasks × {seeds} seed{'s' * (seeds > 1)} in {wall:.1f} minutes of wall"
    if records[0]["clock"] == "wall":
        whole = each.size >= b["tasks"] and seeds >= b_gpu["seeds"]
        return [
            *lines,
            f"- {done} (bar: {b_gpu['seeds']} seeds in {b_gpu['minutes']:g}): {said(wall <= b_gpu['minutes'], whole)}",
        ]
    # reading costs as much more, in proportion, as it did here
    flops = sum(r["training_flops"] * r["wall_s"] / r["training_wall_s"] for r in records) * b_gpu["seeds"] / seeds
    minutes = flops / (b_gpu["share"] * b_gpu["flops_per_s"]) / 60.0
    return [
        *lines,
        f"- {done} on a CPU; {cpu / seeds:.1f} CPU-minutes a seed (bar: {b['cpu_min']:g}): "
        + judged(cpu / seeds <= b["cpu_min"]),
        f"- **A projection, not a measurement**: {b_gpu['seeds']} seeds of these tasks are {flops / 1e15:.2f} PFLOP; an "
        f"{b_gpu['device']} at {100 * b_gpu['share']:g} % of its {b_gpu['flops_per_s'] / 1e12:.0f} TFLOP/s in single precision "
        f"would take {minutes:.1f} minutes (bar: {b_gpu['minutes']:g}), compiling aside.",
    ]


def markdown(records: list[dict]) -> str:
    """The whole document."""
    first = records[0]
    where = first.get("environment", {})
    told = lambda *keys: " ".join(str(where[k]) for k in keys if k in where)
    device = ", ".join(filter(None, (told("system", "machine"), told("processor"), told("platform", "device"))))
    device += f", {where['cores']} cores" if "cores" in where else ""
    lines = [
        *heading("40 tasks in few programs", MAKE.format(seeds=first["seeds"]), "forty"),
        f"Code: commit {commits(records)}. Device: {device}. n = {first['n']},",
        f"read on {first['test']} fresh rows; tasks of one shape, under each data seed, train side by side.",
        "Seconds include compiling each shape once. Errors are in nats; that of a task is the mean over data seeds of",
        "|estimate − truth|.",
        "",
        *verdicts(records),
        "",
        "![errors of every task](forty.png)",
        "",
        "| dimensions | tasks | mean error | worst | mean steps | wall, s | CPU-s | TFLOP of training |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for r in records:
        each = np.abs(np.concatenate(list(errors(r).values())))
        steps = np.mean([s for of in r["steps"].values() for s in of])
        lines.append(
            f"| {r['shape'].replace('-', ' + ')} | {len(r['tasks'])} | {each.mean():.4f} | {each.max():.3f} | {steps:.0f} | "
            f"{r['wall_s']:.0f} | {r['cpu_s']:.0f} | {r['training_flops'] / 1e12:.1f} |"
        )
    return "\n".join(lines) + "\n"


def picture(records: list[dict], path: Path) -> None:
    """Every task's errors, a dot per seed, with the bars of 0.1 nats."""
    from matplotlib.figure import Figure

    from jaxinfo import plots

    found = {t: e for r in records for t, e in errors(r).items()}
    figure = Figure(figsize=(7.2, 0.9 + 0.2 * len(found)), layout="constrained", facecolor="white")
    axes = figure.subplots()
    for y, e in enumerate(reversed(found.values())):
        axes.plot(e, np.full(e.size, y), "o", ms=3, color=plots.BLUE, alpha=0.6)
    for x in (-0.1, 0.0, 0.1):
        axes.axvline(x, color=plots.ORANGE if x else plots.GREY, lw=0.8)
    axes.set_yticks(range(len(found)), list(reversed(found)), fontsize=plots.SMALL - 2)
    axes.set_xlabel("estimate − truth  [nats]", fontsize=plots.SMALL)
    axes.tick_params(axis="x", labelsize=plots.SMALL)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
