"""Systems of six and ten variables: how near in TC, DTC and O-information, beside decompositions, from ``configs/systems.py``.

Drawn by ``python -m experiments.tables --records=records/systems.jsonl``.
"""

from collections.abc import Callable
from pathlib import Path
from textwrap import wrap

import numpy as np

from experiments.cells import cpu_seconds
from experiments.documents import bars
from experiments.documents.complete import said
from experiments.documents.heading import commits, cost_counts, heading, side_by_side
from experiments.documents.rows import covered, options_in_words

MAKE = "python -m experiments.sweep --config=configs/systems.py --workdir=records"
OURS, COPULA = "jaxinfo", "copula"
SURE = 3.0  # standard errors from which on a sign must be right
SHOWN = 1e-4, 10.0  # relative errors in the picture
TC, DTC, OMEGA = "total_correlation", "dual_total_correlation", "o_information"


def named(record: dict) -> str:
    """The estimator; ours with the options that it was given."""
    if "estimator" in record:
        return record["estimator"]
    return ", ".join([OURS, *options_in_words(record.get("options", {}))])


def errors(records: list[dict]) -> dict[tuple[str, str], dict[str, np.ndarray]]:
    """(estimator, task) -> measure -> errors of its data seeds, the Gaussian copula's beside ours."""
    out: dict[tuple[str, str], dict[str, list[float]]] = {}
    last = {(named(r), r["task"], r["seed"]): r for r in records}  # the last record of a cell counts
    for r in last.values():
        name = named(r)
        for measure, truth in r["truth"].items():
            out.setdefault((name, r["task"]), {}).setdefault(measure, []).append(r["value"][measure] - truth)
            beside = r.get("beside", {}).get(COPULA, {})
            if measure in beside:
                out.setdefault((COPULA, r["task"]), {}).setdefault(measure, []).append(beside[measure] - truth)
    return {key: {m: np.asarray(e) for m, e in of.items()} for key, of in out.items()}


def signs(records: list[dict]) -> dict[tuple[str, str], list[bool]]:
    """(estimator, task) -> whether the sign of Ω is right, for data seeds whose truth or estimate is over 3 standard errors.

    The copula, whose standard errors the records do not hold, is asked on every seed; so is a standard error that is no number.
    """
    out: dict[tuple[str, str], list[bool]] = {}
    for r in {(named(r), r["task"], r["seed"]): r for r in records}.values():
        told = {named(r): (r["value"], r["stderr"]), COPULA: (r.get("beside", {}).get(COPULA, {}), {})}
        for name, (value, stderr) in told.items():
            if OMEGA not in r["truth"] or OMEGA not in value:
                continue
            truth, unsure = r["truth"][OMEGA], SURE * stderr.get(OMEGA, 0.0)
            if not (abs(truth) <= unsure and abs(value[OMEGA]) <= unsure):  # true of NaN too
                out.setdefault((name, r["task"]), []).append(bool(np.sign(value[OMEGA]) == np.sign(truth)))
    return out


def systems(records: list[dict]) -> list[dict]:
    """One row per estimator and system: relative errors of TC and DTC, error of Ω over TC, signs of Ω by data seed."""
    truth, right = {r["task"]: r["truth"] for r in records}, signs(records)
    left = {(named(r), r["task"]) for r in records if left_the_numbers(r)}
    cpu: dict[tuple[str, str], list[float]] = {}
    for r in records:
        if (seconds := cpu_seconds(r)) is not None:
            cpu.setdefault((named(r), r["task"]), []).append(seconds)
    rows = []
    for (name, task), of in errors(records).items():
        if TC not in of:
            continue
        t = truth[task]
        spent = cpu.get((name, task))
        rows.append(
            {
                "estimator": name, "task": task, "tc": float(abs(of[TC]).mean() / t[TC]),
                "dtc": float(abs(of[DTC]).mean() / t[DTC]), "omega": float(abs(of[OMEGA]).mean() / t[TC]),
                "signs": right.get((name, task), []), "seeds": of[TC].size, "truth": t,
                "cpu_s": float(np.mean(spent)) if spent else None, "diverged": (name, task) in left,
                "bar": bars.SYSTEM_SPIRAL if task.endswith("inner_spiral") else bars.SYSTEM,
            }
        )  # fmt: skip
    return rows


def left_the_numbers(record: dict) -> bool:
    """Whether a flag of the record says that a loss was no number before the time was up."""
    told = [d for d in record.get("diagnostics", {}).values() if isinstance(d, dict)]
    return any("loss was not finite" in flag for d in told for flag in d.get("flags", ()))


def verdicts(records: list[dict]) -> list[str]:
    """The bars in words, with what was reached; an error that is no number is beyond every bar."""
    rows = systems(records)
    ours = [r for r in rows if r["estimator"] == OURS]
    lines = []
    for kind, bar in (("other maps", bars.SYSTEM), ("inner spiral", bars.SYSTEM_SPIRAL)):
        of = [r for r in ours if r["bar"] == bar]
        if of:
            worse = np.max([(r["tc"], r["dtc"]) for r in of], axis=1)  # NaN stays NaN, and is what argmax finds
            reached, worst = float(np.max(worse)), of[int(np.argmax(worse))]
            beyond = [f"{r['task']} {100 * w:.1f} %" for r, w in zip(of, worse) if not w <= bar]  # true of NaN
            lines.append(
                f"- TC and DTC, {kind}, {len(of)} systems: worst relative error {100 * reached:.1f} %, {worst['task']} (bar: "
                f"{100 * bar:g} %): {said(not beyond)}"
                + (f" Beyond it are {len(beyond)}: {', '.join(beyond)}." if beyond else "")
                + beside([r["task"] for r in of], rows, lambda r: f"{100 * max(r['tc'], r['dtc']):.1f} %")
            )
    if ours:
        right, seeds = [s for r in ours for s in r["signs"]], sum(r["seeds"] for r in ours)
        omega = np.array([r["omega"] for r in ours])
        lines += [
            f"- Sign of O-information right in {sum(right)} of {len(right)} estimates where they or the truth are over "
            f"{SURE:g} of their standard errors, of {seeds}: {said(all(right)) if right else '**not judged.**'}",
            f"- O-information: mean error over TC {100 * omega.mean():.2f} % (bar: {100 * bars.OMEGA:g} %), worst "
            f"{100 * omega.max():.2f} %, {ours[int(omega.argmax())]['task']}: {said(omega.mean() <= bars.OMEGA)}",
        ]
    slopes = gradients(records)
    for kind, spiral in (("other maps", False), ("inner spiral", True)):
        of = [r for r in slopes if r["estimator"] == OURS and r["task"].endswith("inner_spiral") == spiral]
        if of:
            worst_error, wrong = float(np.max([r["error"] for r in of])), sum(r["wrong"] for r in of)
            lines.append(
                f"- Gradients, {kind}: {wrong} wrong signs, worst mean absolute error {worst_error:.3f} nats (bar: none, "
                f"{bars.SLOPE:g}): {said(not wrong and worst_error <= bars.SLOPE)}"
                + beside([r["task"] for r in of], slopes, lambda r: f"{r['error']:.3f}")
            )
    for kind, spiral in (("other maps", False), ("inner spiral", True)):
        lines += covered(
            [r for r in records if named(r) == OURS and r["task"].endswith("inner_spiral") == spiral], kind
        )
    total = lambda who: {r["task"]: r["tc"] + r["dtc"] + r["omega"] for r in rows if r["estimator"] == who}
    free, of_ours = total(COPULA), total(OURS)
    for kind, spiral in (("other maps", False), ("inner spiral", True)):
        both = [t for t in of_ours if t in free and t.endswith("inner_spiral") == spiral]
        if both:
            lines.append(
                f"- Gaussian copula, {kind}: sum of the three relative errors {_median(free, both)}, ours "
                f"{_median(of_ours, both)}, medians; ours is ahead on {sum(of_ours[t] < free[t] for t in both)} of "
                f"{len(both)} systems; no bar{'' if spiral else ': behind these maps a copula is exact, at no cost'}."
            )
    for name in sorted({r["estimator"] for r in records if "estimator" in r}):
        theirs = total(name)
        shared = [t for t in theirs if t in of_ours]
        if shared:
            # one that diverged is no number, and behind any that is
            ahead = sum(of_ours[t] < theirs[t] or not np.isfinite(theirs[t]) for t in shared if np.isfinite(of_ours[t]))
            omega = {(r["estimator"], r["task"]): r["omega"] for r in rows}
            alone = sum(not omega[name, t] <= omega[OURS, t] for t in shared if np.isfinite(omega[OURS, t]))
            lines.append(
                f"- {name} ({budget(records, name)}): sum of the three relative errors {_median(theirs, shared)}, ours "
                f"{_median(of_ours, shared)}, medians; ours is ahead on {ahead} of {len(shared)} systems (bar: all): "
                f"{said(ahead == len(shared))} By O-information alone on {alone}."
            )
    return lines


def beside(tasks: list[str], rows: list[dict], error: Callable[[dict], str]) -> str:
    """In words, what options other than the default's reached in these tasks."""
    of = [r for r in rows if r["estimator"].startswith(f"{OURS}, ") and r["task"] in tasks]
    tried = [f"{r['estimator'].removeprefix(f'{OURS}, ')} {error(r)} ({r['task']})" for r in of]
    return f" Beside the default: {', '.join(tried)}." if tried else ""


def seeds_in_words(records: list[dict]) -> str:
    """How many data sets the verdicts rest on."""
    seeds = len({r["seed"] for r in records})
    return "One data set of each system." if seeds == 1 else f"{seeds} data sets of each system, fewer of some."


def _median(total: dict[str, float], tasks: list[str]) -> str:
    return f"{np.median(np.nan_to_num([total[t] for t in tasks], nan=np.inf)):.3f}"


def budget(records: list[dict], name: str) -> str:
    """What each part of a decomposition was given, its share of the CPU-seconds of ours, and the steps that it took."""
    of = [r for r in records if named(r) == name]
    seconds = np.mean([r["cpu_seconds"] for r in of])
    steps = np.mean([r["diagnostics"][TC]["steps"] for r in of])
    left = sum(map(left_the_numbers, of))
    lost = f"; left the numbers on {left} of {len(of)} systems" if left else ""
    return f"{seconds:.0f} CPU-seconds and {steps:.0f} steps for each mutual information{lost}"


def gradients(records: list[dict]) -> list[dict]:
    """One row per estimator and system with gradients: mean absolute error over variables and seeds, and wrong signs."""
    out = []
    for (name, task), of in errors(records).items():
        found = {m: e for m, e in of.items() if m.startswith("o_information_gradient:")}
        if found:
            truth = next(r["truth"] for r in records if r["task"] == task)
            wrong = sum(int((np.sign(truth[m] + e) != np.sign(truth[m])).any()) for m, e in found.items())
            error = float(np.mean([abs(e).mean() for e in found.values()]))
            out.append({"estimator": name, "task": task, "error": error, "wrong": wrong, "variables": len(found)})
    return out


def markdown(records: list[dict]) -> str:
    """The whole document."""
    number = lambda v, digits=2: "–" if v is None else f"{v:.{digits}f}".replace("-", "−")
    percent = lambda v: f"{100 * v:.2f} %"
    lines = [
        *heading("Systems of six and ten variables", MAKE, "systems"),
        *wrap(
            f"Code: commit {commits(records)}. {records[0]['n']} rows; truths by Gaussian entropies, which no map changes. "
            f"{seeds_in_words(records)} Errors of TC and DTC are relative, that of O-information is over TC. Decompositions "
            "take TC and S apart into mutual informations along a line or a tree, which together train for the CPU-seconds "
            "that ours took, each no longer than its loss is a number (*left the numbers* where one was none before its time "
            "was up); the published recipe's running average is made to forget sooner, since the clock ends it early. Ours "
            "reads rows left out in cross-fitting, decompositions read as many fresh ones. The errors of the Gaussian copula "
            "say how much more than correlations a system asks for. Standard errors of records hold the spread of rows and "
            "seeds and what networks read more in rows they trained on; this version adds what may be missing of laws that "
            "bend in many coordinates.",
            115,
        ),
        cost_counts(records),
        *side_by_side(records),
        "",
        *verdicts(records),
        "",
        "![errors of systems](systems.png)",
        "",
        "A mark per system; dashed lines are the bars, marks at an edge lie on it or beyond.",
        "",
        "| system | estimator | TC | DTC | Ω | error of TC | of DTC | of Ω over TC | sign | CPU-s |",
        "|---|---|--:|--:|--:|--:|--:|--:|---|--:|",
    ]
    for r in sorted(systems(records), key=lambda r: r["task"]):
        wrong = len(r["signs"]) - sum(r["signs"])
        who = r["estimator"] + ", left the numbers" * r["diverged"]
        sign = f"**{wrong} wrong**" if wrong else "right" if r["signs"] else f"under {SURE:g} s.e."
        cells = [
            r["task"], who, *(number(r["truth"][m]) for m in (TC, DTC, OMEGA)), percent(r["tc"]),
            percent(r["dtc"]), percent(r["omega"]), sign, number(r["cpu_s"], 0),
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    slopes = gradients(records)
    if slopes:
        lines += [
            "",
            "| gradient of O-information | estimator | variables | mean absolute error, nats | wrong signs |",
            "|---|---|--:|--:|--:|",
        ]
        slopes.sort(key=lambda r: r["task"])
        lines += [
            f"| {r['task']} | {r['estimator']} | {r['variables']} | {r['error']:.3f} | {r['wrong']} |" for r in slopes
        ]
    return "\n".join(lines) + "\n"


def picture(records: list[dict], path: Path) -> None:
    """Relative errors of TC and DTC and of Ω over TC: a row for each estimator, a dot for each system, bars dashed.

    What lies beyond SHOWN stands at the edge, and so does what is no number.
    """
    from matplotlib.figure import Figure

    from jaxinfo import plots

    rows = systems(records)
    names = list(dict.fromkeys(r["estimator"] for r in rows))
    names.sort(key=lambda name: (name != OURS, name != COPULA))  # ours on top
    kinds = {"inner spiral": (bars.SYSTEM_SPIRAL, plots.ORANGE, -0.15), "other maps": (bars.SYSTEM, plots.BLUE, 0.15)}
    panels = {"tc": "error of TC over TC", "dtc": "error of DTC over DTC", "omega": "error of Ω over TC"}
    figure = Figure(figsize=(10.2, 1.7 + 0.22 * len(names)), layout="constrained", facecolor="white")
    for axes, (key, title) in zip(figure.subplots(1, 3, sharey=True), panels.items()):
        for label, (bar, colour, shift) in kinds.items():
            if not (of := [r for r in rows if r["bar"] == bar]):
                continue
            x = np.clip(np.nan_to_num([r[key] for r in of], nan=np.inf), *SHOWN)
            y = [names.index(r["estimator"]) + shift for r in of]
            axes.plot(x, y, "o", ms=4, color=colour, fillstyle="none", label=label, clip_on=False)
            if key != "omega":
                axes.axvline(bar, color=colour, ls="--", lw=0.8)
        if key == "omega":
            axes.axvline(bars.OMEGA, color=plots.GREY, ls="--", lw=0.8)
        axes.set_xscale("log")
        axes.set_xlim(*SHOWN)
        axes.set_xticks([1e-4, 1e-3, 1e-2, 1e-1, 1.0], ["0.01 %", "0.1 %", "1 %", "10 %", "100 %"])
        axes.set_title(title, fontsize=plots.SMALL)
        axes.tick_params(labelsize=plots.SMALL)
        axes.spines[["top", "right"]].set_visible(False)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    figure.legend(
        *axes.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False, fontsize=plots.SMALL
    )
    figure.savefig(path, dpi=110)
