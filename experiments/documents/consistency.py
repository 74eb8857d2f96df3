"""Self-consistency of mutual information on images, from the records of ``configs/consistency.py``.

Drawn by ``python -m experiments.tables --records=records/consistency.jsonl``.
"""

from itertools import cycle
from pathlib import Path

import numpy as np

from experiments.documents import bars
from experiments.documents.complete import said
from experiments.documents.heading import commits, heading

MAKE = "python -m experiments.consistency --config=configs/consistency.py --workdir=records --data=mnist.npz"
IDEAL = {"baseline": None, "data_processing": 1.0, "additivity": 2.0}
SAID = {
    "baseline": "I(X; Y(i)) over I(X; whole image)",
    "data_processing": "I(X; Y(i + k), Y(i)) over I(X; Y(i + k))",
    "additivity": "two images over one",
}


def ratios(records: list[dict]) -> dict[tuple[str, float], dict[str, dict[float, np.ndarray]]]:
    """(Data set, clean end) -> test -> level -> ratio of each seed."""
    kept = {(r["title"], r["hi"], r["seed"], r["test"], r["level"]): r["value"] for r in records}
    out: dict[tuple[str, float], dict[str, dict[float, list[float]]]] = {}
    for (title, hi, seed, test, level), value in kept.items():
        below = kept.get((title, hi, seed, "baseline", 1.0 if test == "baseline" else level))
        if below:
            out.setdefault((title, hi), {}).setdefault(test, {}).setdefault(level, []).append(value / below)
    sort = lambda of: {level: np.array(of[level]) for level in sorted(of)}
    return {key: {test: sort(of) for test, of in tests.items()} for key, tests in out.items()}


def verdicts(found: dict[str, dict[float, np.ndarray]]) -> list[str]:
    """The bars in words, for one data set and clean end."""
    lines = []
    if "baseline" in found:
        means = {level: r.mean() for level, r in found["baseline"].items()}
        rising = [*means.values()]
        rises = bool(np.all(np.diff(rising) > 0))
        starts = abs(means.get(0.0, 0.0)) <= bars.CONSISTENT["baseline"]
        lines.append(
            f"- Baseline rises from {rising[0]:.3f} to {rising[-1]:.3f}: {said(rises and starts, 0.0 in means)}"
        )
    for test in ("data_processing", "additivity"):
        if test in found:
            worst = max((r.mean() for r in found[test].values()), key=lambda m: abs(m - IDEAL[test]))
            holds = abs(worst - IDEAL[test]) <= bars.CONSISTENT[test]
            bar = f"{IDEAL[test]:g} ± {bars.CONSISTENT[test]:g}"
            lines.append(
                f"- {test.replace('_', ' ').capitalize()}, worst level: {worst:.3f} (bar: {bar}): {said(holds)}"
            )
    return lines


def markdown(records: list[dict]) -> str:
    """The whole document."""
    first = records[0]
    lines = [
        *heading("Self-consistency on images", MAKE, "consistency"),
        f"Code: commit {commits(records)}. {first['latent']} latents of each image, noise of {first['noise']:g} on those of X.",
        "Ratios of estimates, means over data seeds ± their standard deviation. *hi* is the clean end of log-SNR at which the",
        "integral stops.",
        "",
        "![ratios](consistency.png)",
    ]
    every = ratios(records)
    images = {r["title"]: r["images"] for r in records}
    for (title, hi), found in every.items():
        lines += ["", f"{title}, {images[title]} of them measured; hi = {hi:g}:", "", *verdicts(found), ""]
        levels = sorted({level for of in found.values() for level in of})
        lines += [
            "| share of rows shown | " + " | ".join(f"{SAID[t]}" for t in found) + " |",
            "|--:|" + "--:|" * len(found),
        ]
        for level in levels:
            each = [f"{of[level].mean():.3f} ± {of[level].std():.3f}" if level in of else "–" for of in found.values()]
            lines.append(f"| {level:.2f} | " + " | ".join(each) + " |")
        nats = [
            r["value"] for r in records if (r["title"], r["hi"], r["test"], r["level"]) == (title, hi, "baseline", 1.0)
        ]
        lines += ["", f"I(X; whole image): {np.mean(nats):.2f} nats."] if nats else []
    return "\n".join(lines) + "\n"


def picture(records: list[dict], path: Path) -> None:
    """The three ratios against the share of rows shown; a dot per seed, a line through the means."""
    from matplotlib.figure import Figure

    from jaxinfo import plots

    figure = Figure(figsize=(9.6, 2.8), layout="constrained", facecolor="white")
    every = ratios(records)
    several = len({title for title, _ in every}) > 1
    for axes, test in zip(figure.subplots(1, 3), IDEAL):
        colours = cycle((plots.BLUE, plots.ORANGE, plots.GREY, plots.SKY))
        for colour, ((title, hi), found) in zip(colours, every.items()):
            of, label = found.get(test, {}), f"hi = {hi:g}" + (f", {title}" if several else "")
            axes.plot(list(of), [r.mean() for r in of.values()], "-", lw=1, color=colour, label=label)
            for level, r in of.items():
                axes.plot(np.full(r.size, level), r, "o", ms=3, color=colour)
        if IDEAL[test] is not None:
            axes.axhline(IDEAL[test], color=plots.GREY, lw=0.8)
            axes.set_ylim(IDEAL[test] - 0.3, IDEAL[test] + 0.3)
        axes.set_title(SAID[test], fontsize=plots.SMALL)
        axes.set_xlabel("share of rows shown", fontsize=plots.SMALL)
        axes.tick_params(labelsize=plots.SMALL)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].legend(frameon=False, fontsize=plots.SMALL)
    figure.savefig(path, dpi=110)
