"""Self-consistency of mutual information on images, from the records of ``configs/consistency.py``.

Drawn by ``python -m experiments.tables --records=records/consistency.jsonl``.
"""

from pathlib import Path

import numpy as np

from experiments.documents import bars
from experiments.documents.heading import commits, heading

MAKE = "python -m experiments.consistency --config=configs/consistency.py --workdir=records --data=mnist.npz"
IDEAL = {"baseline": None, "data_processing": 1.0, "additivity": 2.0}
SAID = {
    "baseline": "I(X; Y(i)) over I(X; whole image)",
    "data_processing": "I(X; Y(i + k), Y(i)) over I(X; Y(i + k))",
    "additivity": "two images over one",
}


def ratios(records: list[dict]) -> dict[float, dict[str, dict[float, np.ndarray]]]:
    """Clean end -> test -> level -> ratio of each seed."""
    kept = {(r["hi"], r["seed"], r["test"], r["level"]): r["value"] for r in records}
    out: dict[float, dict[str, dict[float, list[float]]]] = {}
    for (hi, seed, test, level), value in kept.items():
        below = kept.get((hi, seed, "baseline", 1.0 if test == "baseline" else level))
        if below:
            out.setdefault(hi, {}).setdefault(test, {}).setdefault(level, []).append(value / below)
    sort = lambda of: {level: np.array(of[level]) for level in sorted(of)}
    return {hi: {test: sort(of) for test, of in tests.items()} for hi, tests in out.items()}


def verdicts(found: dict[str, dict[float, np.ndarray]]) -> list[str]:
    """The bars in words, for one clean end."""
    said = lambda holds: "within." if holds else "**outside.**"
    lines = []
    if "baseline" in found:
        means = [r.mean() for r in found["baseline"].values()]
        rises, starts = bool(np.all(np.diff(means) > 0)), abs(means[0]) <= bars.CONSISTENT["baseline"]
        lines.append(f"- Baseline rises from {means[0]:.3f} to {means[-1]:.3f}: {said(rises and starts)}")
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
        f"Code: commit {commits(records)}. Data: {', '.join(dict.fromkeys(r['title'] for r in records))}.",
        f"{first['n']} images, {first['latent']} latents each, noise of {first['noise']:g} on those of X. Ratios of estimates,",
        "means over data seeds ± their standard deviation. *hi* is the clean end of log-SNR at which the integral stops.",
        "",
        "![ratios](consistency.png)",
    ]
    for hi, found in ratios(records).items():
        lines += ["", f"hi = {hi:g}:", "", *verdicts(found), ""]
        levels = sorted({level for of in found.values() for level in of})
        lines += [
            "| share of rows shown | " + " | ".join(f"{SAID[t]}" for t in found) + " |",
            "|--:|" + "--:|" * len(found),
        ]
        for level in levels:
            each = [f"{of[level].mean():.3f} ± {of[level].std():.3f}" if level in of else "–" for of in found.values()]
            lines.append(f"| {level:.2f} | " + " | ".join(each) + " |")
    nats = [r for r in records if (r["test"], r["level"]) == ("baseline", 1.0)]
    if nats:
        each = ", ".join(
            f"{np.mean([r['value'] for r in nats if r['hi'] == hi]):.2f} (hi = {hi:g})" for hi in ratios(records)
        )
        lines += ["", f"I(X; whole image) in nats: {each}."]
    return "\n".join(lines) + "\n"


def picture(records: list[dict], path: Path) -> None:
    """The three ratios against the share of rows shown; a dot per seed, a line through the means."""
    from matplotlib.figure import Figure

    from jaxinfo import plots

    figure = Figure(figsize=(9.6, 2.8), layout="constrained", facecolor="white")
    every = ratios(records)
    for axes, test in zip(figure.subplots(1, 3), IDEAL):
        for colour, (hi, found) in zip((plots.BLUE, plots.ORANGE, plots.GREY), every.items()):
            of = found.get(test, {})
            axes.plot(list(of), [r.mean() for r in of.values()], "-", lw=1, color=colour, label=f"hi = {hi:g}")
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
