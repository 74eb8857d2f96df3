"""Systems of ten variables: how near in TC, DTC and O-information, beside decompositions, from ``configs/systems.py``.

Drawn by ``python -m experiments.tables --records=records/systems.jsonl``.
"""

from pathlib import Path

import numpy as np

from experiments.documents import bars
from experiments.documents.complete import said
from experiments.documents.heading import commits, cost_counts, heading

MAKE = "python -m experiments.sweep --config=configs/systems.py --workdir=records"
OURS, COPULA = "jaxinfo", "copula"
SURE = 3.0  # standard errors from which on a sign must be right
TC, DTC, OMEGA = "total_correlation", "dual_total_correlation", "o_information"


def errors(records: list[dict]) -> dict[tuple[str, str], dict[str, np.ndarray]]:
    """(estimator, task) -> measure -> errors of its data seeds, the Gaussian copula's beside ours."""
    out: dict[tuple[str, str], dict[str, list[float]]] = {}
    last = {(r.get("estimator", OURS), r["task"], r["seed"]): r for r in records}  # the last record of a cell counts
    for r in last.values():
        name = r.get("estimator", OURS)
        for measure, truth in r["truth"].items():
            out.setdefault((name, r["task"]), {}).setdefault(measure, []).append(r["value"][measure] - truth)
            beside = r.get("beside", {}).get(COPULA, {})
            if measure in beside:
                out.setdefault((COPULA, r["task"]), {}).setdefault(measure, []).append(beside[measure] - truth)
    return {key: {m: np.asarray(e) for m, e in of.items()} for key, of in out.items()}


def signs(records: list[dict]) -> dict[tuple[str, str], list[bool]]:
    """(estimator, task) -> whether the sign of Ω is right, for every data seed whose truth is over 3 of its standard errors.

    The copula, which reports no standard error, is asked on every seed.
    """
    out: dict[tuple[str, str], list[bool]] = {}
    for r in {(r.get("estimator", OURS), r["task"], r["seed"]): r for r in records}.values():
        told = {r.get("estimator", OURS): (r["value"], r["stderr"]), COPULA: (r.get("beside", {}).get(COPULA, {}), {})}
        for name, (value, stderr) in told.items():
            if OMEGA in r["truth"] and OMEGA in value and abs(r["truth"][OMEGA]) > SURE * stderr.get(OMEGA, 0.0):
                right = bool(np.sign(value[OMEGA]) == np.sign(r["truth"][OMEGA]))
                out.setdefault((name, r["task"]), []).append(right)
    return out


def systems(records: list[dict]) -> list[dict]:
    """One row per estimator and system: relative errors of TC and DTC, error of Ω over TC, signs of Ω by data seed."""
    truth, right = {r["task"]: r["truth"] for r in records}, signs(records)
    cpu: dict[tuple[str, str], list[float]] = {}
    for r in records:
        cpu.setdefault((r.get("estimator", OURS), r["task"]), []).append(r["cpu_s"])
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
                "signs": right.get((name, task), []), "truth": t, "cpu_s": float(np.mean(spent)) if spent else None,
                "bar": bars.SYSTEM_SPIRAL if task.endswith("inner_spiral") else bars.SYSTEM,
            }
        )  # fmt: skip
    return rows


def verdicts(records: list[dict]) -> list[str]:
    """The bars in words, with what was reached."""
    rows = systems(records)
    ours = [r for r in rows if r["estimator"] == OURS]
    lines = []
    for kind, bar in (("other maps", bars.SYSTEM), ("inner spiral", bars.SYSTEM_SPIRAL)):
        of = [r for r in ours if r["bar"] == bar]
        if of:
            worst = max(of, key=lambda r: max(r["tc"], r["dtc"]))
            reached = max(worst["tc"], worst["dtc"])
            lines.append(
                f"- TC and DTC, {kind}: worst relative error {100 * reached:.1f} %, {worst['task']} (bar: {100 * bar:g} %): "
                + said(reached <= bar)
            )
    if ours:
        right = [s for r in ours for s in r["signs"]]
        mean = float(np.mean([r["omega"] for r in ours]))
        lines += [
            f"- Sign of O-information right in {sum(right)} of {len(right)} estimates where the truth is over {SURE:g} of "
            f"their standard errors: {said(all(right)) if right else '**not judged.**'}",
            f"- O-information: mean error over TC {100 * mean:.2f} % (bar: {100 * bars.OMEGA:g} %): {said(mean <= bars.OMEGA)}",
        ]
    slopes = gradients(records)
    if slopes:
        worst_error = max(r["error"] for r in slopes)
        wrong = sum(r["wrong"] for r in slopes)
        lines.append(
            f"- Gradients: {wrong} wrong signs, worst mean absolute error {worst_error:.3f} nats (bar: {bars.SLOPE:g}): "
            + said(not wrong and worst_error <= bars.SLOPE)
        )
    others = sorted({r["estimator"] for r in rows} - {OURS, COPULA})
    for name in others:
        shared = {r["task"] for r in rows if r["estimator"] == name} & {r["task"] for r in ours}
        if not shared:
            continue
        mean_of = lambda who, shared=shared: np.mean(
            [r["tc"] + r["dtc"] + r["omega"] for r in rows if r["estimator"] == who and r["task"] in shared]
        )
        lines.append(
            f"- {name} ({budget(records, name)}): sum of the three relative errors {mean_of(name):.3f}, ours "
            f"{mean_of(OURS):.3f} on the same {len(shared)} systems: {said(mean_of(OURS) < mean_of(name))}"
        )
    return lines


def budget(records: list[dict], name: str) -> str:
    """What a decomposition was given for each mutual information that it trains."""
    options = next(r["options"] for r in records if r.get("estimator", OURS) == name)
    if "cpu_seconds" in options:
        return f"{options['cpu_seconds']:g} CPU-seconds for each mutual information"
    return f"{options['steps']} steps for each mutual information; published are 390,000, 290,000 above 10 coordinates"


def gradients(records: list[dict]) -> list[dict]:
    """One row per system with gradients: mean absolute error and wrong signs, ours."""
    out = []
    for (name, task), of in errors(records).items():
        found = {m: e for m, e in of.items() if m.startswith("o_information_gradient:")}
        if name == OURS and found:
            truth = next(r["truth"] for r in records if r["task"] == task)
            wrong = sum(int((np.sign(truth[m] + e) != np.sign(truth[m])).any()) for m, e in found.items())
            error = float(np.mean([abs(e).mean() for e in found.values()]))
            out.append({"task": task, "error": error, "wrong": wrong, "variables": len(found)})
    return out


def markdown(records: list[dict]) -> str:
    """The whole document."""
    number = lambda v, digits=2: "–" if v is None else f"{v:.{digits}f}".replace("-", "−")
    percent = lambda v: f"{100 * v:.2f} %"
    lines = [
        *heading("Systems of ten variables", MAKE, "systems"),
        f"Code: commit {commits(records)}. {records[0]['n']} rows; truths by Gaussian entropies, which no map changes.",
        "Errors of TC and DTC are relative, that of O-information is over TC. Decompositions take TC and S apart into mutual",
        "informations along a line. Ours reads rows left out in cross-fitting, decompositions read as many fresh ones.",
        cost_counts(records),
        "",
        *verdicts(records),
        "",
        "![errors of systems](systems.png)",
        "",
        "| system | estimator | TC | DTC | Ω | error of TC | of DTC | of Ω over TC | sign | CPU-s |",
        "|---|---|--:|--:|--:|--:|--:|--:|---|--:|",
    ]
    for r in sorted(systems(records), key=lambda r: r["task"]):
        wrong = len(r["signs"]) - sum(r["signs"])
        sign = f"**{wrong} wrong**" if wrong else "right" if r["signs"] else f"truth under {SURE:g} s.e."
        cells = [
            r["task"], r["estimator"], *(number(r["truth"][m]) for m in (TC, DTC, OMEGA)), percent(r["tc"]),
            percent(r["dtc"]), percent(r["omega"]), sign, number(r["cpu_s"], 0),
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    slopes = gradients(records)
    if slopes:
        lines += [
            "",
            "| gradient of O-information | variables | mean absolute error, nats | wrong signs |",
            "|---|--:|--:|--:|",
        ]
        lines += [f"| {r['task']} | {r['variables']} | {r['error']:.3f} | {r['wrong']} |" for r in slopes]
    return "\n".join(lines) + "\n"


def picture(records: list[dict], path: Path) -> None:
    """Estimates against truth for TC, DTC and Ω: ours, the copula's and those of the decompositions."""
    from matplotlib.figure import Figure

    from jaxinfo import plots

    found = errors(records)
    truth = {r["task"]: r["truth"] for r in records}
    names = list(dict.fromkeys(name for name, _ in found))
    names.sort(key=lambda name: name == OURS)  # ours on top
    figure = Figure(figsize=(10.2, 3.4), layout="constrained", facecolor="white")
    for axes, measure in zip(figure.subplots(1, 3), (TC, DTC, OMEGA)):
        for name, mark in zip(names, "x+1234" + "o" * len(names)):
            points = [(truth[t][measure], truth[t][measure] + of[measure].mean()) for (n, t), of in found.items()
                      if n == name and measure in of and TC in of]  # fmt: skip
            colour = plots.BLUE if name == OURS else plots.GREY
            mark = "o" if name == OURS else mark
            if points:
                axes.plot(*zip(*points), mark, ms=5, color=colour, label=name, fillstyle="none")
        low, high = axes.get_xlim()
        axes.plot([low, high], [low, high], "-", lw=0.6, color="black")
        axes.set_title(measure.replace("_", " "), fontsize=plots.SMALL)
        axes.set_xlabel("truth  [nats]", fontsize=plots.SMALL)
        axes.tick_params(labelsize=plots.SMALL)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("estimate  [nats]", fontsize=plots.SMALL)
    figure.axes[0].legend(frameon=False, fontsize=plots.SMALL)
    figure.savefig(path, dpi=110)
