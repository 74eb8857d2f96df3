"""How soon the error is small, ours against the published recipe, from the records of ``configs/cost.py``.

Drawn by ``python -m experiments.tables --records=records/cost.jsonl``.
"""

from pathlib import Path
from textwrap import wrap
from typing import NamedTuple

import numpy as np

from experiments.documents import bars
from experiments.documents.complete import said
from experiments.documents.heading import commits, cost_counts, heading
from experiments.documents.rows import over_seeds

MAKE = "python -m experiments.cost --config=configs/cost.py --workdir=records"
WHO, DEFAULT = ("ours", "published"), "default"
TICKS = [a * 10**k for k in range(-1, 5) for a in (1, 3)]  # CPU-seconds


class Time(NamedTuple):
    """CPU-seconds to an error, a mean over data seeds: all of them, those of compiling, and whether every seed came near.

    One that did not counts with all the time it had.
    """

    cpu_s: float
    compile_s: float
    near: bool

    @property
    def run_s(self) -> float:
        """Without compiling."""
        return self.cpu_s - self.compile_s


def by_cost(record: dict) -> list[dict]:
    """The checkpoints, cheapest first: a run that may take more steps can end sooner.

    Compiling, the same for all of them but for noise, is left aside.
    """
    return sorted(record["points"], key=lambda p: p["cpu_s"] - p["compile_s"])


def reached(record: dict, near: float) -> dict | None:
    """The cheapest checkpoint from which on |error| stays at most ``near``; None when it never does."""
    soonest = None
    for point in reversed(by_cost(record)):
        if not abs(point["value"] - record["truth"]) <= near:
            break
        soonest = point
    return soonest


def error(record: dict) -> float:
    """|Error| at the last checkpoint: the default, or the last step."""
    return abs(record["points"][-1]["value"] - record["truth"])


def at_once(record: dict) -> float:
    """|Error| at the checkpoint of fewest steps, where networks have hardly learned."""
    first = min(record["points"], key=lambda p: p["steps"])
    return abs(first["value"] - record["truth"])


def limits(ours: list[dict]) -> dict[int, float]:
    """What is near enough, by data seed: NEAR, or our final error where that is larger."""
    return {r["seed"]: max(bars.NEAR, error(r)) for r in ours}


def time_to_error(records: list[dict], near: dict[int, float]) -> Time:
    """The time of one estimator on one task."""
    found = [reached(r, near[r["seed"]]) for r in records]
    points = [p or by_cost(r)[-1] for p, r in zip(found, records)]
    return Time(*(float(np.mean([p[k] for p in points])) for k in ("cpu_s", "compile_s")), None not in found)


def sooner(ours: Time, published: Time, what: str = "cpu_s") -> float:
    """How many times sooner ours is; at least so many when the published recipe never came near, none when ours did not."""
    return getattr(published, what) / getattr(ours, what) if ours.near else 0.0


def own_end(published: list[dict], time: dict[str, Time]) -> float | None:
    """How many times sooner ours is than the end of the published steps, where the recipe went on beyond it and was not near.

    CPU-seconds between two checkpoints grow with the steps.
    """
    beyond = all(r["points"][-1]["steps"] > r["recipe"]["steps"] for r in published)
    if time["published"].near or not time["ours"].near or not beyond:
        return None
    at = lambda r: np.interp(r["recipe"]["steps"], *([p[k] for p in r["points"]] for k in ("steps", "cpu_s")))
    return float(np.mean([at(r) for r in published])) / time["ours"].cpu_s


def options(record: dict) -> str:
    """The options of ours in words."""
    return ", ".join(f"{k}={v}" for k, v in record.get("options", {}).items()) or DEFAULT


def named(record: dict) -> str:
    """The estimator, with its options where they are not the default ones."""
    return record["estimator"] if options(record) == DEFAULT else f"{record['estimator']}, {options(record)}"


def pairs(records: list[dict]) -> list[dict[str, list[dict]]]:
    """Records of ours under one set of options, and of the published recipe, on the tasks and data seeds that both have on one
    kind of processor: seconds of two are not compared."""
    ours: dict[tuple[str, str], list[dict]] = {}
    published: dict[str, list[dict]] = {}
    for r in records:
        if r["estimator"] == "published":
            published.setdefault(r["task"], []).append(r)
        else:
            ours.setdefault((r["task"], options(r)), []).append(r)
    one = lambda r: (r["seed"], r.get("environment", {}).get("processor"))
    shared = lambda of, others: [r for r in of if one(r) in {one(o) for o in others}]
    both = [(of, published.get(task, [])) for (task, _), of in ours.items()]
    return [{"ours": shared(a, b), "published": shared(b, a)} for a, b in both if shared(a, b)]


def compared(records: list[dict]) -> list[dict]:
    """One row per task that both have and options of ours: errors, times to what is near enough, how many times sooner."""
    out = []
    for each in pairs(records):
        near = limits(each["ours"])
        time = {name: time_to_error(of, near) for name, of in each.items()}
        whole = {name: float(np.mean([r["points"][-1]["cpu_s"] for r in of])) for name, of in each.items()}
        first = each["published"][0]
        task, told = first["task"], options(each["ours"][0])
        out.append(
            {
                "task": task, "options": told, "measure": first["measure"], "truth": first["truth"], "time": time,
                "error": {name: float(np.mean([error(r) for r in of])) for name, of in each.items()},
                "at_once": float(np.max([at_once(r) for r in each["ours"]])),
                "whole": whole, "seeds": len(each["ours"]),
                "steps": (first["points"][-1]["steps"], first["recipe"]["steps"]),
                "ratio": sooner(time["ours"], time["published"]), "own_end": own_end(each["published"], time),
                "ratio_run": sooner(time["ours"], time["published"], "run_s"),
                "bar": bars.SOONER.get(task) if told == DEFAULT else None,
            }
        )  # fmt: skip
    return out


def curve(records: list[dict]) -> list[dict]:
    """Steps, |error| and loss of one estimator on one task at every checkpoint, means over data seeds."""
    rows = []
    for points in zip(*(r["points"] for r in records)):
        errors = np.array([abs(p["value"] - r["truth"]) for p, r in zip(points, records)])
        told = {k: float(np.mean([p[k] for p in points])) for k in ("steps", "loss", "cpu_s")}
        rows.append({"asked": points[0]["asked"], "errors": errors} | told)
    return rows


def number(value: float, digits: int = 3) -> str:
    """A number in a table."""
    return f"{value:.{digits}f}".replace("-", "−")


def seconds(t: Time, digits: int) -> str:
    """A time with that of compiling in brackets."""
    return f"{'' if t.near else 'never in '}{number(t.cpu_s, digits)} ({number(t.compile_s, digits)})"


def times(ratio: float, published: Time) -> str:
    """How many times sooner, as far as is known."""
    return "never" if ratio == 0.0 else ("" if published.near else "≥ ") + number(ratio, 1)


def verdicts(rows: list[dict]) -> list[str]:
    """The bars in words, with what was reached under every set of options, and without compiling."""
    lines = []
    for r in (r for r in rows if r["bar"] is not None):
        others = [o for o in rows if o["task"] == r["task"] and o is not r]
        each = "; ".join(f"{o['options']} {told(o)}" for o in (r, *others))
        taken, steps = r["steps"]
        went_on = (
            f", of a recipe that went on to {taken} steps; ≥ {number(r['own_end'], 1)} at the end of its own {steps}"
            if r["own_end"] is not None
            else ""
        )
        reached = r["ratio"] if r["own_end"] is None else r["own_end"]  # the recipe's own steps are what was published
        lines.append(f"- {r['task']}, times sooner: {each}{went_on} (bar: {r['bar']:g}): {said(reached >= r['bar'])}")
    return lines


def told(row: dict) -> str:
    """How many times sooner, with and without compiling."""
    with_it, without = (times(row[k], row["time"]["published"]) for k in ("ratio", "ratio_run"))
    return with_it if with_it == without else f"{with_it} ({without} without compiling)"


def markdown(records: list[dict]) -> str:
    """The whole document."""
    n = {name: next((r["n"] for r in records if r["estimator"] == name), "?") for name in WHO}
    rows = compared(records)
    lines = [
        *heading("Time to error", MAKE, "cost"),
        f"Code: commit {commits(records)}. CPU-seconds, compiling included and in brackets alone, to the first checkpoint,",
        f"in order of cost without it, after which |error| on fresh rows stays at most {bars.NEAR:g} nats (or our final error,",
        "where that is larger); means over the data seeds that one kind of processor measured both on; importing packages and",
        "drawing rows are left out.",
        "",
        "The published recipes (MINDE for mutual information, SOI for O-information, with the sampler and steps of the thesis)",
        "are this repository's: SOI's network is shallower than the published one, other differences stand in",
        f"`estimators/published.py`. They learn from {n['published']} rows, one run read on the way; where one never comes",
        "near, the time it had counts, which may be that of more or fewer steps than were published: the table tells both",
        "numbers where they differ. Below one time sooner, ours is later.",
        f"Ours learns from {n['ours']} rows. Each of its checkpoints is a run of its own, whose rate falls towards another",
        "end: it need not take the steps that it may (rounded up to the next look at held-out rows), nor cost more than one",
        "that may take fewer. The last leaves the number of steps to its options; the bar is for the default ones, and",
        "for the recipe's own number of steps.",
        *known_at_once(rows),
        cost_counts(records),
        "",
        *verdicts(rows),
        "",
        "![error against CPU-seconds and steps, loss against steps](cost.png)",
        "",
        f"The orange line is {bars.NEAR:g} nats; errors below 0.001 are drawn there. The loss of each run is drawn above its",
        "own least, which is not drawn: held-out rows for ours, in nats, training rows for the recipe, so only shapes compare.",
        "",
        "| task | measure | options | truth | seeds | our first error | our error | ours, s | whole, s | published error "
        "| published, s | all of its steps, s | times sooner | without compiling |",
        "|---|---|---|" + "--:|" * 11,
    ]
    for r in rows:
        ours, published = (r["time"][name] for name in WHO)
        taken, steps = r["steps"]
        whole = number(r["whole"]["published"], 0) + ("" if taken == steps else f" ({taken} steps, published: {steps})")
        cells = [
            r["task"], r["measure"].replace("_", " "), r["options"], number(r["truth"]), str(r["seeds"]),
            number(r["at_once"]), number(r["error"]["ours"]), seconds(ours, 1), number(r["whole"]["ours"], 0),
            number(r["error"]["published"]), seconds(published, 0), whole, times(r["ratio"], published),
            times(r["ratio_run"], published),
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines + curves(records)) + "\n"


def known_at_once(rows: list[dict]) -> list[str]:
    """A sentence on the tasks on which ours is near from its first steps on: there networks are compared with a formula."""
    near = dict.fromkeys(r["task"] for r in rows if r["at_once"] <= bars.NEAR)
    if not near:
        return []
    words = (
        f"On {' and '.join(near)} ours is near at its first checkpoint (*our first error*): the Gaussian fitted to its rows "
        "says nearly all, and what is compared with the recipe's network is a formula."
    )
    return wrap(words, 115)


def curves(records: list[dict]) -> list[str]:
    """Lines of a table of errors and losses by steps, for systems."""
    systems = dict.fromkeys((r["task"], r["estimator"]) for r in records if r["measure"] != "mutual_information")
    if not systems:
        return []
    lines = [
        "",
        "Errors and losses by steps (thesis, Figure C.10): |error| with its standard deviation over all data seeds; the loss",
        "is the least on held-out rows for ours, in nats, and the mean over the last steps of training for the published",
        "recipe, squared errors of the noise.",
        "",
        "| task | estimator | may take | steps | error | loss | s |",
        "|---|---|" + "--:|" * 5,
    ]
    for task, name in systems:
        for row in curve([r for r in records if (r["task"], r["estimator"]) == (task, name)]):
            cells = [
                task, name, "default" if row["asked"] is None else str(row["asked"]), number(row["steps"], 0),
                over_seeds(row["errors"]), number(row["loss"]), number(row["cpu_s"], 0),
            ]  # fmt: skip
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def picture(records: list[dict], path: Path) -> None:
    """A column per task, a line per data seed: |error| against CPU-seconds and against steps, and the loss against steps."""
    from matplotlib.figure import Figure

    from jaxinfo import plots

    measures = {r["task"]: r["measure"] for r in records}
    figure = Figure(figsize=(2.6 * len(measures) + 0.6, 6.6), layout="constrained", facecolor="white")
    panels = figure.subplots(3, len(measures), squeeze=False, sharey="row")
    for (cost, steps, loss), task in zip(panels.T, measures):
        for r in (r for r in records if r["task"] == task):
            style = {"ms": 3, "lw": 1, "color": plots.BLUE if r["estimator"] == "ours" else plots.GREY}
            style["ls"] = "-" if options(r) == DEFAULT else ":"
            away = lambda points, r=r: [max(abs(p["value"] - r["truth"]), 1e-3) for p in points]
            cheapest, taken = by_cost(r), sorted(r["points"], key=lambda p: p["steps"])
            cost.plot([p["cpu_s"] for p in cheapest], away(cheapest), marker="o", label=named(r), **style)
            steps.plot([p["steps"] for p in taken], away(taken), marker="o", **style)
            least = min(p["loss"] for p in taken)
            above = [p for p in taken if p["loss"] > least]
            loss.plot([p["steps"] for p in above], [p["loss"] - least for p in above], marker="o", **style)
        for axes in (cost, steps):
            axes.axhline(bars.NEAR, color=plots.ORANGE, lw=0.8)
        for axes, what in ((cost, "CPU-seconds"), (steps, "steps"), (loss, "steps")):
            axes.set(xscale="log", yscale="log")
            axes.set_xlabel(what, fontsize=plots.SMALL)
            axes.tick_params(labelsize=plots.SMALL)
            axes.spines[["top", "right"]].set_visible(False)
        low, high = cost.get_xlim()
        cost.set_xticks([t for t in TICKS if low <= t <= high], [f"{t:g}" for t in TICKS if low <= t <= high])
        cost.set_xticks([], minor=True)
        name = task.replace("-multinormal-sparse", "\nmultinormal-sparse")
        cost.set_title(f"{name}\n{measures[task].replace('_', ' ')}", fontsize=plots.SMALL)
    for axes, what in zip(panels[:, 0], ("|estimate − truth|", "|estimate − truth|", "loss above its least")):
        axes.set_ylabel(what, fontsize=plots.SMALL)
    handles = dict(zip(*reversed(panels[0, 0].get_legend_handles_labels())))
    panels[0, 0].legend(handles.values(), handles.keys(), frameon=False, fontsize=plots.SMALL)
    figure.savefig(path, dpi=110)
