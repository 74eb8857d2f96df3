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
    """One row per log-SNR of the switch, rising: the share a label still decides there, and who won; means over seeds."""
    out = []
    for k, s in enumerate(records[0]["switched"]):
        left = [np.interp(-s["logsnr"], -np.array(r["logsnr"]), r["remaining"]) / r["remaining"][-1] for r in records]
        row = {"logsnr": s["logsnr"], "left": float(np.mean(left))}
        out.append(row | {w: float(np.mean([r["switched"][k][w] for r in records])) for w in ("first", "second")})
    return out


def back(record: dict) -> float:
    """How far the curve by the gap form falls below what it had reached, in standard errors of its end."""
    curve = np.array(record["gap_remaining"])
    return float((np.maximum.accumulate(curve) - curve).max() / record["gap_stderr"][-1])


def ends(records: list[dict]) -> dict[str, np.ndarray]:
    """What says I(X; Y) -> ``[seeds, 2]``, nats and their standard error."""
    last = lambda value, error: np.array([(r[value][-1], r[error][-1]) for r in records])
    return {
        "difference": last("remaining", "remaining_stderr"),
        "gap": last("gap_remaining", "gap_stderr"),
        "cross-fitted": np.array([(r["value"], r["stderr"]) for r in records]),
        "classifier": np.array([(r["classifier"], r["classifier_stderr"]) for r in records]),
    }


def verdicts(records: list[dict]) -> list[str]:
    """The bars in words."""
    furthest = float(np.max([back(r) for r in records]))  # NaN stays NaN
    end = ends(records)
    away = float(abs(end["difference"] - end["classifier"])[:, 0].max())
    mean = {name: "{:.3f} ± {:.3f}".format(*of.mean(0)) for name, of in end.items()}
    return [
        f"- Falls with every step of the generation: by the difference form always, it integrates a square; by the gap form "
        f"it goes back by {furthest:.2f} standard errors of its end on the worst seed (bar: ≤ {bars.BACK:g}): "
        f"{said(furthest <= bars.BACK)}",
        f"- Ends at {mean['difference']} nats by the difference form, {mean['gap']} by the gap form; the cross-fitted estimate "
        f"says {mean['cross-fitted']}, the classifier {mean['classifier']}. The difference form and the classifier are "
        f"{away:.3f} apart on the worst seed (bar: {bars.PROMPT:g}): {said(away <= bars.PROMPT)}",
        "- " + of_switches(switches(records), min(r["classifier_right"] for r in records)),
    ]


def of_switches(rows: list[dict], right: float) -> str:
    """Whether a switched label wins where the label still decides nearly all, and loses where it decides nearly nothing.

    Images drawn with one label throughout, at the first and the last switch, tell how many can be expected to show it; they
    in turn are held against the share of real images of which the classifier is ``right``.
    """
    early = [r for r in rows if r["left"] > 1.0 - bars.FALLEN]
    late = [r for r in rows if r["left"] < bars.FALLEN]
    many, few = f"more than {percent(1.0 - bars.FALLEN)}", f"less than {percent(bars.FALLEN)}"
    empty = [share for share, of in ((many, early), (few, late)) if not of]
    if empty:
        return f"Switched labels: **not judged**, no switch where the label still decides {' or '.join(empty)}."
    throughout = min(early[0]["second"], late[-1]["first"])
    real, shown = bars.SHOWN * right, bars.SHOWN * throughout
    won, lost, kept = min(r["second"] for r in early), max(r["second"] for r in late), min(r["first"] for r in late)
    holds = throughout >= real and won >= shown and lost + bars.SHOWN <= 1.0 and kept >= shown
    return (
        f"Images of one label throughout: at least {percent(throughout)} show it (bar: ≥ {percent(real)}). Switched where the "
        f"label still decides {many}, at least {percent(won)} show the second label (≥ {percent(shown)}); where it decides "
        f"{few}, at most {percent(lost)} do (≤ {percent(1.0 - bars.SHOWN)}) and at least {percent(kept)} show the first (≥ "
        f"{percent(shown)}): {said(holds)}"
    )


def percent(share: float) -> str:
    """A share in words."""
    return f"{100 * share:.0f} %"


def markdown(records: list[dict]) -> str:
    """The whole document."""
    first = records[0]
    cost = f"{sum(r['cpu_s'] for r in records) / 3600:.1f} CPU-hours, {max(r['peak_mib'] for r in records)} MiB at most"
    lines = [
        *heading("What a label still decides", MAKE, "prompt"),
        f"Code: commit {commits(records)}. {first['latent']} latents plus N(0, {first['noise']:g}²); {cost}.",
        "I(X; Y | X_t) in nats from the predictions of a class-conditional model on rows it has not seen, by Simpson's rule",
        f"over {first['grid']} times; a classifier's I(X; Y) beside it, which is a lower bound. Errors are standard errors",
        f"over rows of one seed. Bars of labels are {percent(bars.SHOWN)}: for images of one label throughout (the first and",
        "the last switch) of what the classifier gets right of real ones, for switched labels of what those show. The noise",
        "and the number of steps were chosen on the first data seed by how near curve and classifier end: with less noise the",
        "same number of steps leaves them further apart.",
        "",
        "![curve](prompt.png)",
    ]
    for title, of in by_title(records).items():
        right = np.mean([r["classifier_right"] for r in of])
        lines += [
            "",
            f"{title}; {len(of)} seed{'s' * (len(of) > 1)}; the classifier is right on {percent(right)} of images held out:",
            "",
            *verdicts(of),
            "",
            "| log-SNR of the switch | label still decides | shows the first | shows the second |",
            "|--:|--:|--:|--:|",
        ]
        for r in switches(of):
            lines.append(f"| {r['logsnr']:g} | {percent(r['left'])} | {percent(r['first'])} | {percent(r['second'])} |")
    return "\n".join(lines).replace("| -", "| −") + "\n"


def picture(records: list[dict], path: Path) -> None:
    """The curve of every seed by both forms, with the classifier's value; below it which label a switched image shows."""
    from matplotlib.figure import Figure

    from jaxinfo import plots

    every = by_title(records)
    figure = Figure(figsize=(0.4 + 6.0 * len(every), 4.2), layout="constrained", facecolor="white")
    panels = figure.subplots(2, len(every), sharex=True, squeeze=False)
    for (top, bottom), (title, of) in zip(panels.T, every.items()):
        for form, value, error, colour in (
            ("difference form", "remaining", "remaining_stderr", plots.BLUE),
            ("gap form", "gap_remaining", "gap_stderr", plots.ORANGE),
        ):
            for k, r in enumerate(of):
                curve, width = np.array(r[value]), 2.0 * np.array(r[error])
                top.plot(r["logsnr"], curve, lw=1, color=colour, label=None if k else form)
                top.fill_between(r["logsnr"], curve - width, curve + width, color=colour, alpha=0.2, lw=0)
        for k, r in enumerate(of):
            top.axhline(
                r["classifier"], lw=0.8, ls="--", color=plots.GREY, label=None if k else "I(X; Y) of a classifier"
            )
        top.set_title(f"{title}: what the label still decides, ± 2 standard errors", fontsize=plots.SMALL)
        rows = switches(of)
        for which, colour in (("first", plots.GREY), ("second", plots.BLUE)):
            at, share = [r["logsnr"] for r in rows], [r[which] for r in rows]
            bottom.plot(at, share, "o-", ms=3, lw=1, color=colour, label=which)
        bottom.set_xlabel("log-SNR: generation runs from left to right; the label switches here", fontsize=plots.SMALL)
    top, bottom = panels[:, 0]
    top.set_ylabel("I(X; Y | X_t)  [nats]", fontsize=plots.SMALL)
    bottom.set_ylabel("share of images", fontsize=plots.SMALL)
    top.legend(frameon=False, fontsize=plots.SMALL)
    bottom.legend(title="shows the label given", frameon=False, fontsize=plots.SMALL, title_fontsize=plots.SMALL)
    for axes in panels.flat:
        axes.tick_params(labelsize=plots.SMALL)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
