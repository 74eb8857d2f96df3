"""What a label still decides while a digit is generated, from the records of ``configs/prompt.py``.

Drawn by ``python -m experiments.tables --records=records/prompt.jsonl``.
"""

from pathlib import Path

import numpy as np

from experiments.documents import bars
from experiments.documents.heading import commits, heading

MAKE = "python -m experiments.prompt --config=configs/prompt.py --workdir=records --data=mnist.npz"


def switches(records: list[dict]) -> list[dict]:
    """One row per log-SNR of the switch: what the label still decides there, as a share, and who won; means over seeds."""
    out = []
    for k, s in enumerate(records[0]["switched"]):
        left = [np.interp(-s["logsnr"], -np.array(r["logsnr"]), r["remaining"]) / r["remaining"][-1] for r in records]
        row = {"logsnr": s["logsnr"], "left": float(np.mean(left))}
        out.append(row | {w: float(np.mean([r["switched"][k][w] for r in records])) for w in ("first", "second")})
    return out


def verdicts(records: list[dict]) -> list[str]:
    """The bars in words."""
    said = lambda holds: "within." if holds else "**outside.**"
    ends, classifier = (np.array(v) for v in zip(*((r["remaining"][-1], r["classifier"]) for r in records)))
    rises = all(np.all(np.diff(r["remaining"]) > -1e-3) for r in records)
    away = float(abs(ends - classifier).max())
    rows = switches(records)
    early = [r["second"] for r in rows if r["left"] > 1.0 - bars.FALLEN]
    late = [r["second"] for r in rows if r["left"] < bars.FALLEN]
    lines = [
        f"- Falls with every step of the generation, on every seed: {said(rises)}",
        f"- Ends at {ends.mean():.3f} nats; the classifier says {classifier.mean():.3f}; furthest apart on a seed "
        f"{away:.3f} (bar: {bars.PROMPT:g}): {said(away <= bars.PROMPT)}",
    ]
    if early and late:
        holds = max(late) <= bars.FALLEN < min(early)
        lines.append(
            f"- Switched where the label still decides more than {100 - 100 * bars.FALLEN:.0f} % the second label wins in at "
            f"least {100 * min(early):.0f} %; where it decides less than {100 * bars.FALLEN:.0f} %, in at most "
            f"{100 * max(late):.0f} %: {said(holds)}"
        )
    return lines


def markdown(records: list[dict]) -> str:
    """The whole document."""
    records = list({(r["title"], r["seed"]): r for r in records}.values())
    lines = [
        *heading("What a label still decides", MAKE, "prompt"),
        f"Code: commit {commits(records)}. Data: {', '.join(dict.fromkeys(r['title'] for r in records))}; "
        f"{records[0]['latent']} latents; {len(records)} seeds.",
        "I(X; Y | X_t) in nats from the predictions of a class-conditional model, by Simpson's rule over",
        f"{records[0]['grid']} times; a classifier's I(X; Y) beside it, which is a lower bound.",
        "",
        *verdicts(records),
        "",
        "![curve](prompt.png)",
        "",
        "| log-SNR of the switch | label still decides | shows the first | shows the second |",
        "|--:|--:|--:|--:|",
    ]
    for r in switches(records):
        lines.append(
            f"| {r['logsnr']:g} | {100 * r['left']:.0f} % | {100 * r['first']:.0f} % | {100 * r['second']:.0f} % |"
        )
    return "\n".join(lines).replace("| -", "| −") + "\n"


def picture(records: list[dict], path: Path) -> None:
    """The curve of every seed with the classifier's value, and below it which label a switched image shows."""
    from matplotlib.figure import Figure

    from jaxinfo import plots

    records = list({(r["title"], r["seed"]): r for r in records}.values())
    figure = Figure(figsize=(6.4, 4.2), layout="constrained", facecolor="white")
    top, bottom = figure.subplots(2, 1, sharex=True)
    for r in records:
        top.plot(r["logsnr"], r["remaining"], lw=1, color=plots.BLUE)
        top.axhline(r["classifier"], lw=0.8, ls="--", color=plots.ORANGE)
    top.set_ylabel("I(X; Y | X_t)  [nats]", fontsize=plots.SMALL)
    top.set_title("what the label still decides; dashed: I(X; Y) of a classifier", fontsize=plots.SMALL)
    rows = switches(records)
    for which, colour in (("first", plots.GREY), ("second", plots.BLUE)):
        bottom.plot([r["logsnr"] for r in rows], [r[which] for r in rows], "o-", ms=3, lw=1, color=colour, label=which)
    bottom.set_ylabel("share of images", fontsize=plots.SMALL)
    bottom.set_xlabel("log-SNR: generation runs from left to right; the label switches here", fontsize=plots.SMALL)
    bottom.legend(title="shows the label given", frameon=False, fontsize=plots.SMALL, title_fontsize=plots.SMALL)
    for axes in (top, bottom):
        axes.tick_params(labelsize=plots.SMALL)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
