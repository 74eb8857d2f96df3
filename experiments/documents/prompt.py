"""What a label still decides while a digit is generated, from the records of ``configs/prompt.py``.

Drawn by ``python -m experiments.tables --records=records/prompt.jsonl``.
"""

from pathlib import Path

import numpy as np

from experiments.documents import bars
from experiments.documents.complete import said
from experiments.documents.heading import commits, heading

MAKE = "python -m experiments.prompt --config=configs/prompt.py --workdir=records --data=mnist.npz"


def by_title(records: list[dict]) -> dict[str, list[dict]]:
    """Data set -> its records, the last one of each seed."""
    out: dict[str, dict[int, dict]] = {}
    for r in records:
        out.setdefault(r["title"], {})[r["seed"]] = r
    return {title: list(of.values()) for title, of in out.items()}


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
    many, few = f"more than {100 - 100 * bars.FALLEN:.0f} %", f"less than {100 * bars.FALLEN:.0f} %"
    empty = [share for share, of in ((many, early), (few, late)) if not of]
    if empty:
        lines.append(
            f"- Switched labels: **not judged**, no switch where the label still decides {' or '.join(empty)}."
        )
    else:
        holds = max(late) <= bars.FALLEN < min(early)
        lines.append(
            f"- Switched where the label still decides {many} the second label wins in at least {100 * min(early):.0f} %; "
            f"where it decides {few}, in at most {100 * max(late):.0f} %: {said(holds)}"
        )
    return lines


def markdown(records: list[dict]) -> str:
    """The whole document."""
    first = records[0]
    lines = [
        *heading("What a label still decides", MAKE, "prompt"),
        f"Code: commit {commits(records)}. {first['latent']} latents.",
        "I(X; Y | X_t) in nats from the predictions of a class-conditional model, by Simpson's rule over",
        f"{first['grid']} times; a classifier's I(X; Y) beside it, which is a lower bound.",
        "",
        "![curve](prompt.png)",
    ]
    for title, of in by_title(records).items():
        lines += [
            "",
            f"{title}; {len(of)} seeds:",
            "",
            *verdicts(of),
            "",
            "| log-SNR of the switch | label still decides | shows the first | shows the second |",
            "|--:|--:|--:|--:|",
        ]
        for r in switches(of):
            lines.append(
                f"| {r['logsnr']:g} | {100 * r['left']:.0f} % | {100 * r['first']:.0f} % | {100 * r['second']:.0f} % |"
            )
    return "\n".join(lines).replace("| -", "| −") + "\n"


def picture(records: list[dict], path: Path) -> None:
    """The curve of every seed with the classifier's value, and below it which label a switched image shows."""
    from matplotlib.figure import Figure

    from jaxinfo import plots

    every = by_title(records)
    figure = Figure(figsize=(0.4 + 6.0 * len(every), 4.2), layout="constrained", facecolor="white")
    panels = figure.subplots(2, len(every), sharex=True, squeeze=False)
    for (top, bottom), (title, of) in zip(panels.T, every.items()):
        for r in of:
            top.plot(r["logsnr"], r["remaining"], lw=1, color=plots.BLUE)
            top.axhline(r["classifier"], lw=0.8, ls="--", color=plots.ORANGE)
        top.set_title(f"{title}: what the label still decides; dashed: I(X; Y) of a classifier", fontsize=plots.SMALL)
        rows = switches(of)
        for which, colour in (("first", plots.GREY), ("second", plots.BLUE)):
            at, share = [r["logsnr"] for r in rows], [r[which] for r in rows]
            bottom.plot(at, share, "o-", ms=3, lw=1, color=colour, label=which)
        bottom.set_xlabel("log-SNR: generation runs from left to right; the label switches here", fontsize=plots.SMALL)
    top, bottom = panels[:, 0]
    top.set_ylabel("I(X; Y | X_t)  [nats]", fontsize=plots.SMALL)
    bottom.set_ylabel("share of images", fontsize=plots.SMALL)
    bottom.legend(title="shows the label given", frameon=False, fontsize=plots.SMALL, title_fontsize=plots.SMALL)
    for axes in panels.flat:
        axes.tick_params(labelsize=plots.SMALL)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
