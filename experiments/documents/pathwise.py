"""Accuracy of derivatives and the climbs made with them, from the records of ``configs/pathwise.py``.

Drawn by ``python -m experiments.tables --records=records/pathwise.jsonl``.
"""

from pathlib import Path

import numpy as np

from experiments.documents import bars
from experiments.documents.complete import said
from experiments.documents.heading import commits, heading, processors

MAKE = "python -m experiments.pathwise --config=configs/pathwise.py --workdir=records"


def split(records: list[dict]) -> tuple[list[dict], list[dict]]:
    """Accuracy and climbs, the last record of each cell."""
    kept = list({str(r["cell"]): r for r in records}.values())
    return [r for r in kept if r["cell"][0] == "accuracy"], [r for r in kept if r["cell"][0] == "climb"]


def markdown(records: list[dict]) -> str:
    """The whole document."""
    accuracy, climbs = split(records)
    at = [float(s) for s in accuracy[0]["alone"]] if accuracy else []
    percent = lambda errors: f"{100 * np.mean(errors):.1f} %"
    lines = [
        *heading("Derivatives of information from trained networks", MAKE, "pathwise"),
        "Rows are x = W z; the derivative of a measure with respect to W is compared with the exact one, as relative",
        f"Frobenius error (bar, for normal sources: {100 * bars.FROBENIUS:g} %), mean over data seeds. What of the trained",
        "scores is linear is set right by Stein's identities and the covariance of the rows, which for normal sources is all",
        "there is to know: *rows* is the error of the derivative at their covariance. *Scores alone* reads the same networks",
        f"without those corrections, at log-SNR {', '.join(f'{s:g}' for s in at)}, and is not judged; sources with two humps",
        f"show the networks. Code: commit {commits(records)}; processors: {processors(records)}.",
        "",
        "| sources | measure | options | n | seeds | error | worst | rows | scores alone | CPU-s | verdict |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for what in dict.fromkeys(r["cell"][1] for r in accuracy):
        rs = [r for r in accuracy if r["cell"][1] == what]
        options = ", ".join(f"{k}={v}" for k, v in rs[0]["options"].items())
        for measure in rs[0]["error"]:
            e = np.array([r["error"][measure] for r in rs])
            cpu = np.mean([r["cpu_s"] for r in rs])
            rows = percent([r["rows"][measure] for r in rs]) if "rows" in rs[0] else "–"
            alone = ", ".join(percent([r["alone"][s][measure] for r in rs]) for s in rs[0]["alone"])
            verdict = said(e.mean() <= bars.FROBENIUS) if what.startswith("normal") else "–"
            lines.append(
                f"| {what} | {measure} | {options} | {rs[0]['n']} | {len(rs)} | {percent(e)} | "
                f"{percent(e.max())} | {rows} | {alone} | {cpu:.0f} | {verdict} |"
            )
    lines += [
        "",
        "Climbs: gradient ascent from a random start, networks trained again at every step; *reached* is the exact value at",
        f"the end over the best of 20 direct optimisations of it (bar: {100 * bars.REACHED:g} %); for independence, where",
        "total correlation is minimised, the share of it that is gone. Sources of mutual information and synergy are normal:",
        "there the Gaussian inside, whose part of the derivative is exact, says all, and independence shows the networks.",
        "",
        "![exact value along the climbs](pathwise.png)",
        "",
        "| climb | start | reached | steps | n | CPU-s | verdict |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for r in climbs:
        lines.append(
            f"| {r['cell'][1]} (seed {r['cell'][2]}) | {100 * r['share'][0]:.0f} % | {100 * r['reached']:.1f} % | "
            f"{len(r['path']) - 1} | {r['n']} | {r['cpu_s']:.0f} | {said(r['reached'] >= bars.REACHED)} |"
        )
    return "\n".join(lines).replace("_", " ") + "\n"


def picture(records: list[dict], path: Path) -> None:
    """The exact value along each climb, as a share of the best."""
    from matplotlib.figure import Figure

    from jaxinfo import plots

    _, climbs = split(records)
    figure = Figure(figsize=(6.0, 3.2), layout="constrained", facecolor="white")
    axes = figure.subplots()
    colours = dict(zip(dict.fromkeys(r["cell"][1] for r in climbs), (plots.BLUE, plots.ORANGE, plots.SKY)))
    for r in climbs:
        _, kind, seed = r["cell"]
        label = kind.replace("_", " ") if seed == 0 else None
        axes.plot(r["share"], color=colours[kind], lw=1.4, label=label)
    axes.axhline(1.0, color=plots.GREY, lw=0.8)
    axes.set_xlabel("step", fontsize=plots.TEXT)
    axes.set_ylabel("share of the best", fontsize=plots.TEXT)
    axes.tick_params(labelsize=plots.SMALL)
    axes.spines[["top", "right"]].set_visible(False)
    if climbs:
        axes.legend(frameon=False, fontsize=plots.SMALL)
    figure.savefig(path, dpi=110)
