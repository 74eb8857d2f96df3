"""How soon the error is small, ours against the published recipe, from the records of ``configs/cost.py``.

Drawn by ``python -m experiments.tables --records=records/cost.jsonl``.
"""

from pathlib import Path

from experiments.documents import bars
from experiments.documents.complete import said
from experiments.documents.heading import commits, heading

MAKE = "python -m experiments.cost --config=configs/cost.py --workdir=records"


def time_to_error(record: dict, near: float) -> float:
    """CPU-seconds of the first checkpoint from which on |error| stays at most ``near``; infinity when it never does."""
    soonest = float("inf")
    for point in reversed(record["points"]):
        if not abs(point["value"] - record["truth"]) <= near:
            break
        soonest = point["cpu_s"]
    return soonest


def compared(records: list[dict]) -> list[dict]:
    """One row per task: final errors and times to max(NEAR, our final error)."""
    kept: dict[str, dict[str, dict]] = {}
    for r in records:
        kept.setdefault(r["task"], {})[r["estimator"]] = r
    out = []
    for task, each in kept.items():
        if set(each) != {"ours", "published"}:
            continue
        final = {name: r["points"][-1]["value"] - r["truth"] for name, r in each.items()}
        near = max(bars.NEAR, abs(final["ours"]))
        times = {name: time_to_error(r, near) for name, r in each.items()}
        whole = {name: r["points"][-1]["cpu_s"] for name, r in each.items()}
        # a rival that never comes near takes at least as long as it was given
        ratio = min(times["published"], whole["published"]) / times["ours"]
        row = {"task": task, "measure": each["ours"]["measure"], "truth": each["ours"]["truth"], "near": near}
        row |= {"ratio": ratio, "bar": bars.SOONER.get(task)}
        row |= {
            f"{what}_{name}": of[name]
            for what, of in (("error", final), ("time", times), ("whole", whole))
            for name in of
        }
        out.append(row)
    return out


def markdown(records: list[dict]) -> str:
    """The whole document."""
    number = lambda v, digits: "never" if v == float("inf") else f"{v:.{digits}f}".replace("-", "−")
    rows = {name: next((r["n"] for r in records if r["estimator"] == name), "?") for name in ("ours", "published")}
    lines = [
        *heading("Time to error", MAKE, "cost"),
        f"Code: commit {commits(records)}. CPU-seconds, compilation included, to the first of the checkpoints after which",
        f"|error| on fresh rows stays at most {bars.NEAR:g} nats (or our final error, where that is larger). Ours from",
        f"{rows['ours']} rows, a whole run per checkpoint; the published recipes (network, sampler, steps of the thesis; MINDE",
        f"for mutual information, SOI for O-information) from {rows['published']}, one run read on the way. Where a published",
        "recipe never comes near, its whole time counts.",
        "",
        "![error against CPU-seconds](cost.png)",
        "",
        "| task | measure | truth | our error | ours, s | default, s | published error | published, s | whole, s "
        "| times sooner | bar |",
        "|---|---|" + "--:|" * 9,
    ]
    for r in compared(records):
        verdict = "–" if r["bar"] is None else f"≥ {r['bar']:g}: {said(r['ratio'] >= r['bar'])}"
        cells = [
            r["task"], r["measure"].replace("_", " "), number(r["truth"], 3), number(r["error_ours"], 3),
            number(r["time_ours"], 1), number(r["whole_ours"], 0), number(r["error_published"], 3),
            number(r["time_published"], 0), number(r["whole_published"], 0), number(r["ratio"], 0), verdict,
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def picture(records: list[dict], path: Path) -> None:
    """|Error| of every checkpoint against CPU-seconds, a panel per task; below, the loss of held-out rows against steps."""
    from matplotlib.figure import Figure

    from jaxinfo import plots

    measures = {r["task"]: r["measure"] for r in records}
    tasks = list(measures)
    figure = Figure(figsize=(3.2 * len(tasks), 4.8), layout="constrained", facecolor="white")
    panels = figure.subplots(2, len(tasks), squeeze=False, sharey="row")
    for (above, below), task in zip(panels.T, tasks):
        for r in (r for r in records if r["task"] == task):
            colour = plots.BLUE if r["estimator"] == "ours" else plots.GREY
            error = [max(abs(p["value"] - r["truth"]), 1e-3) for p in r["points"]]
            above.plot([p["cpu_s"] for p in r["points"]], error, "o-", ms=3, lw=1, color=colour, label=r["estimator"])
            told = [p for p in r["points"] if "loss" in p]
            if told:
                least = min(p["loss"] for p in told)
                excess = [max(p["loss"] - least, 1e-4) for p in told]
                below.plot([p["steps"] for p in told], excess, "o-", ms=3, lw=1, color=colour)
        above.axhline(bars.NEAR, color=plots.ORANGE, lw=0.8)
        above.set_title(f"{task}\n{measures[task].replace('_', ' ')}", fontsize=plots.SMALL)
        for axes, what in ((above, "CPU-seconds"), (below, "steps")):
            if axes.lines:
                axes.set(xscale="log", yscale="log")
            axes.set_xlabel(what, fontsize=plots.SMALL)
            axes.tick_params(labelsize=plots.SMALL)
            axes.spines[["top", "right"]].set_visible(False)
    above, below = panels[:, 0]
    above.set_ylabel("|estimate − truth|  [nats]", fontsize=plots.SMALL)
    below.set_ylabel("held-out loss above its least  [nats]", fontsize=plots.SMALL)
    above.legend(frameon=False, fontsize=plots.SMALL)
    figure.savefig(path, dpi=110)
