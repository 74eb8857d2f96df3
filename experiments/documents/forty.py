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


def runs(records: list[dict]) -> list[list[dict]]:
    """The records of each device and number of seeds, those on a CPU first."""
    found: dict[tuple, list[dict]] = {}
    for r in sorted(records, key=lambda r: r["clock"]):
        found.setdefault((r["clock"], r["seeds"], device(r)), []).append(r)
    return list(found.values())


def verdicts(records: list[dict], flops: dict[str, float]) -> list[str]:
    """The bars of one run: on accuracy, and on what it cost.

    Args:
      records: of one device and number of seeds.
      flops: of training one seed of every task of a shape, where known: what a projection rests on.
    """
    b, b_gpu, seeds = bars.FORTY, bars.ACCELERATOR, records[0]["seeds"]
    each = np.concatenate([[abs(e).mean() for e in errors(r).values()] for r in records])
    whole = each.size >= b["tasks"]
    judged = lambda holds: said(holds, whole and seeds >= b["seeds"])
    near = int((each <= 0.05).sum())
    wall, cpu = sum(r["wall_s"] for r in records) / 60.0, sum(r["cpu_s"] for r in records) / 60.0
    done = f"{each.size} tasks × {seeds} seed{'s' * (seeds > 1)} in {wall:.1f} minutes of wall"
    lines = [
        f"- Within 0.1 nats: {(each <= 0.1).sum()} of {each.size} (bar: all): {judged(bool((each <= 0.1).all()))}",
        f"- Within 0.05 nats: {near} of {each.size} (bar: at least {b['near']} of {b['tasks']}): "
        + judged(each.size - near <= b["tasks"] - b["near"]),
        f"- Mean error {each.mean():.4f} nats (bar: {b['error']:g}): {judged(bool(each.mean() <= b['error']))}",
    ]
    if records[0]["clock"] == "cpu":
        cost = said(cpu / seeds <= b["cpu_min"], whole)
        return [*lines, f"- {done} on a CPU; {cpu / seeds:.1f} CPU-minutes a seed (bar: {b['cpu_min']:g}): {cost}"]
    enough = whole and seeds >= b_gpu["seeds"]
    trained, taken = sum(r["training_flops"] for r in records), sum(r["training_wall_s"] for r in records)
    # of a group, all take the steps of the one that takes most: those are what the device does in a second
    steps = sum(max(max(of) for of in r["steps"].values()) for r in records)
    lines += [
        f"- {done} (bar: {b_gpu['seeds']} seeds in {b_gpu['minutes']:g}): {said(wall <= b_gpu['minutes'], enough)}",
        f"- In training, compiling included: {steps / taken:.0f} steps per second, each of all fits of a shape at once, "
        f"{trained / taken / 1e12:.2f} TFLOP/s, {100 * trained / taken / b_gpu['flops_per_s']:.1f} % of what an "
        f"{b_gpu['device']} can in single precision ({b_gpu['flops_per_s'] / 1e12:.0f} TFLOP/s).",
    ]
    if not whole and flops and {r["shape"] for r in records} <= set(flops):
        known = sum(flops[r["shape"]] for r in records)
        lines.append(
            f"- **A projection, not a measurement**: at the same FLOP per second of wall, all {b['tasks']} tasks would take "
            f"{wall * sum(flops.values()) / known:.1f} minutes (bar: {b_gpu['minutes']:g})."
        )
    return lines


def projected(records: list[dict]) -> str:
    """What an accelerator would take for the whole table, where only a CPU has been measured."""
    b, seeds = bars.ACCELERATOR, records[0]["seeds"]
    # reading costs as much more, in proportion, as it did here
    flops = sum(r["training_flops"] * r["wall_s"] / r["training_wall_s"] for r in records) * b["seeds"] / seeds
    minutes = flops / (b["share"] * b["flops_per_s"]) / 60.0
    return (
        f"- **A projection, not a measurement**: {b['seeds']} seeds of these tasks are {flops / 1e15:.2f} PFLOP; an "
        f"{b['device']} at {100 * b['share']:g} % of its {b['flops_per_s'] / 1e12:.0f} TFLOP/s in single precision "
        f"would take {minutes:.1f} minutes (bar: {b['minutes']:g}), compiling aside."
    )


def device(record: dict) -> str:
    """What a record was measured on, in words."""
    where = record.get("environment", {})
    told = lambda *keys: " ".join(str(where[k]) for k in keys if k in where)
    words = ", ".join(filter(None, (told("system", "machine"), told("processor"), told("platform", "device"))))
    return words + (f", {where['cores']} cores" if "cores" in where else "")


def markdown(records: list[dict]) -> str:
    """The whole document."""
    first, each = records[0], runs(records)
    on_cpu = [of for of in each if of[0]["clock"] == "cpu"]
    flops = {r["shape"]: r["training_flops"] / r["seeds"] for of in on_cpu for r in of}
    lines = [
        *heading("40 tasks in few programs", "\n".join(MAKE.format(seeds=of[0]["seeds"]) for of in each), "forty"),
        f"n = {first['n']}, read on {first['test']} fresh rows; tasks of one shape, under each data seed, train side by side.",
        "Seconds include compiling each shape once. Errors are in nats; that of a task is the mean over data seeds of",
        "|estimate − truth|.",
        "",
        "![errors of every task](forty.png)",
    ]
    for of in each:
        many = f"`--config.seeds={of[0]['seeds']}`: " if len(each) > 1 else ""
        told = verdicts(of, flops) + ([projected(of)] if len(each) == len(on_cpu) else [])
        lines += ["", f"{many}code of commit {commits(of)}; device: {device(of[0])}.", "", *told, "", *table(of)]
    return "\n".join(lines) + "\n"


def table(records: list[dict]) -> list[str]:
    """A line for each shape of one run."""
    lines = [
        "| dimensions | tasks | mean error | worst seed | mean steps | wall, s | CPU-s | TFLOP of training |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for r in records:
        each = np.abs(np.concatenate(list(errors(r).values())))
        steps = np.mean([s for of in r["steps"].values() for s in of])
        lines.append(
            f"| {r['shape'].replace('-', ' + ')} | {len(r['tasks'])} | {each.mean():.4f} | {each.max():.3f} | {steps:.0f} | "
            f"{r['wall_s']:.0f} | {r['cpu_s']:.0f} | {r['training_flops'] / 1e12:.1f} |"
        )
    return lines


def picture(records: list[dict], path: Path) -> None:
    """Every task's errors, a dot per seed and a colour per run, with the bars of 0.1 nats."""
    from matplotlib.figure import Figure

    from jaxinfo import plots

    names = list(dict.fromkeys(t for r in records for t in r["truth"]))[::-1]
    figure = Figure(figsize=(7.2, 1.2 + 0.2 * len(names)), layout="constrained", facecolor="white")
    axes = figure.subplots()
    for of, colour, shift in zip(runs(records), (plots.BLUE, plots.ORANGE, plots.GREY), (0.0, 0.3, -0.3)):
        dots = [(v, names.index(t) - shift) for r in of for t, e in errors(r).items() for v in e]
        seeds, where = of[0]["seeds"], of[0].get("environment", {}).get("device", of[0]["clock"])
        axes.plot(*zip(*dots), "o", ms=3, color=colour, alpha=0.6, label=f"{where}, {seeds} seed{'s' * (seeds > 1)}")
    for x in (-0.1, 0.0, 0.1):
        axes.axvline(x, color=plots.GREY, ls="--" if x else "-", lw=0.8)
    axes.set_ylim(-1, len(names))
    axes.set_yticks(range(len(names)), names, fontsize=plots.SMALL - 2)
    axes.set_xlabel("estimate − truth  [nats]", fontsize=plots.SMALL)
    axes.tick_params(axis="x", labelsize=plots.SMALL)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=plots.SMALL)
    figure.savefig(path, dpi=110)
