"""Self-consistency of mutual information on images, from the records of ``configs/consistency.py``.

Drawn by ``python -m experiments.tables --records=records/consistency.jsonl``.
"""

from collections import Counter
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.documents import bars
from experiments.documents.complete import said
from experiments.documents.heading import commits, cost_counts, heading
from experiments.documents.rows import TIED, over_seeds

MAKE = "python -m experiments.consistency --config=configs/consistency.py --workdir=records --data=mnist.npz"
IDEAL = {"baseline": None, "data_processing": 1.0, "additivity": 2.0}
SAID = {
    "baseline": "I(X; Y(i)) over I(X; whole image)",
    "data_processing": "I(X; Y(i + k), Y(i)) over I(X; Y(i + k))",
    "additivity": "two images over one",
}


class Ratio(NamedTuple):
    """One test at one level: the ``ratio [seeds]`` of two estimates, and its denominator ``below [seeds]`` in nats."""

    ratio: np.ndarray
    below: np.ndarray

    @property
    def judged(self) -> bool:
        """Whether the denominator is large enough for a ratio to mean something; one that is no number is judged, and fails."""
        return not self.below.mean() < bars.CONSISTENT["nats"]


def ratios(records: list[dict]) -> dict[tuple[str, float], dict[str, dict[float, Ratio]]]:
    """(Data set, clean end) -> test -> level -> ratio of each seed."""
    told = lambda r, e: (r["title"], e["hi"], r["seed"], r["test"], r["level"])
    kept = {told(r, e): e["value"] for r in records for e in r["estimates"]}
    out: dict[tuple[str, float], dict[str, dict[float, list[tuple[float, float]]]]] = {}
    for (title, hi, seed, test, level), value in kept.items():
        below = kept.get((title, hi, seed, "baseline", 1.0 if test == "baseline" else level))
        if below is not None:
            ratio = value / below if below else np.nan
            out.setdefault((title, hi), {}).setdefault(test, {}).setdefault(level, []).append((ratio, below))
    sort = lambda of: {level: Ratio(*np.array(of[level]).T) for level in sorted(of)}
    return {key: {test: sort(tests[test]) for test in IDEAL if test in tests} for key, tests in out.items()}


def verdicts(found: dict[str, dict[float, Ratio]]) -> list[str]:
    """The bars in words, for one data set and clean end; nothing is final below so many seeds."""
    lines = []
    for test, of in found.items():
        counts = [r.ratio.size for r in of.values()]
        whole = min(counts) >= bars.CONSISTENT["seeds"]
        seeds = " to ".join(map(str, sorted({min(counts), max(counts)})))
        name = f"{test.replace('_', ' ').capitalize()}, {seeds} seed{'s' * (max(counts) > 1)}"
        means = {level: float(r.ratio.mean()) for level, r in of.items() if r.judged}
        if not means:
            lines.append(f"- {name}: **not judged**, no denominator of {bars.CONSISTENT['nats']:g} nat.")
        elif test == "baseline":
            rising = [*means.values()]
            holds = bool(np.all(np.diff(rising) > 0)) and abs(means.get(0.0, 0.0)) <= bars.CONSISTENT[test]
            lines.append(
                f"- {name}: from {rising[0]:.3f} to {rising[-1]:.3f}, level by level (bar: rises, and starts within "
                f"{bars.CONSISTENT[test]:g} of 0): {said(holds, whole and 0.0 in means)}"
            )
        else:
            away = [abs(mean - IDEAL[test]) for mean in means.values()]
            at = list(means)[int(np.argmax(away))]  # NaN is what argmax finds
            holds = abs(means[at] - IDEAL[test]) <= bars.CONSISTENT[test]
            others = [f"{level:.2f}, {r.ratio.mean():.3f}" for level, r in of.items() if not r.judged]
            left_out = f"; not judged: level {'; level '.join(others)}" if others else ""
            lines.append(
                f"- {name}, worst of {len(means)} judged levels {at:.2f}: {means[at]:.3f} (bar: {IDEAL[test]:g} ± "
                f"{bars.CONSISTENT[test]:g}{left_out}): {said(holds, whole)}"
            )
    return lines


def table(found: dict[str, dict[float, Ratio]]) -> list[str]:
    """One line per level: nats of Y(i), and the ratios."""
    lines = [
        "| share of rows shown | I(X; Y(i)), nats | " + " | ".join(SAID[test] for test in found) + " |",
        "|--:|" + "--:|" * (1 + len(found)),
    ]
    for level in sorted({level for of in found.values() for level in of}):
        shown = found.get("baseline", {}).get(level)
        cells = [over_seeds(shown.ratio * shown.below, 2) if shown else "–"]
        for of in found.values():
            ratio = of.get(level)
            cells.append("–" if ratio is None else over_seeds(ratio.ratio) + ("" if ratio.judged else " (not judged)"))
        lines.append(f"| {level:.2f} | " + " | ".join(cells) + " |")
    return lines


def steps(records: list[dict], test: str) -> float:
    """Steps of a fit, a mean over levels and seeds."""
    return float(np.mean([r["estimates"][0]["diagnostics"]["steps"] for r in records if r["test"] == test]))


def flagged(records: list[dict], hi: float) -> str:
    """How many estimates at this end say what about themselves, in a sentence."""
    flags = [e["flags"] for r in records for e in r["estimates"] if e["hi"] == hi]
    kind = lambda flag: "tied values" if TIED.match(flag) else flag.partition(":")[0]
    each = Counter(name for of in flags for name in sorted({*map(kind, of)}))
    words = ", ".join(f"{name} in {count}" for name, count in each.most_common())
    return f"Of {len(flags)} estimates, flags: {words or 'none'}."


def markdown(records: list[dict]) -> str:
    """The whole document."""
    first, hours = records[0], sum(r["cpu_s"] for r in records) / 3600.0
    lines = [
        *heading("Self-consistency on images", MAKE, "consistency"),
        f"Code: commit {commits(records)}. {first['latent']['x']} latents of the image X, {first['latent']['y']} of what Y",
        f"shows of it, by autoencoders trained on other images; noise of {first['noise']:g} on the latents of X. Each image",
        f"stands in {first['pairs']} pairs of additivity; blocks of images, within which pairs are made, are never divided.",
        "Ratios of estimates, means over data seeds ± their standard deviation. *hi* is the clean end of log-SNR at which the",
        "integral stops; the same networks are read to each. By a rule fixed beforehand, a ratio is judged where its",
        f"denominator is at least {bars.CONSISTENT['nats']:g} nat, in the mean over seeds; verdicts are final from "
        f"{bars.CONSISTENT['seeds']} seeds on. The numbers of latents and of pairs were chosen on another data seed by the",
        "ratio of additivity, which too little training leaves below 2.",
        f"{hours:.1f} CPU-hours in all. {cost_counts(records)}",
        "",
        "![ratios](consistency.png)",
        "",
        "Grey: the bar. Hollow: not judged; what lies outside the frame is in the tables.",
    ]
    for (title, hi), found in ratios(records).items():
        own = [r for r in records if r["title"] == title]
        rows = {r["test"]: r["rows"] for r in own}
        told = ", ".join(
            f"{rows[test]} rows of {test.replace('_', ' ')} ({steps(own, test):.0f} steps)"
            for test in IDEAL
            if test in rows
        )
        lines += ["", f"{title}, {told}; hi = {hi:g}:", "", *verdicts(found), ""]
        lines += [*table(found), "", flagged(own, hi)]
    return "\n".join(lines) + "\n"


def picture(records: list[dict], path: Path) -> None:
    """The three ratios against the share of rows shown: a dot per seed, hollow where not judged, a line through the means."""
    from matplotlib.figure import Figure

    from jaxinfo import plots

    figure = Figure(figsize=(9.6, 3.0), layout="constrained", facecolor="white")
    every = ratios(records)
    several = len({title for title, _ in every}) > 1
    for axes, test in zip(figure.subplots(1, 3), IDEAL):
        colours = cycle((plots.BLUE, plots.ORANGE, plots.GREY, plots.SKY))
        for colour, ((title, hi), found) in zip(colours, every.items()):
            of, label = found.get(test, {}), f"hi = {hi:g}" + (f", {title}" if several else "")
            means = {level: r.ratio.mean() for level, r in of.items() if r.judged}
            axes.plot(list(means), list(means.values()), "-", lw=1, color=colour, label=label)
            for level, r in of.items():
                inside = colour if r.judged else "white"
                axes.plot(np.full(r.ratio.size, level), r.ratio, "o", ms=3, color=colour, mfc=inside)
        if IDEAL[test] is not None:
            axes.axhspan(
                *(IDEAL[test] + s * bars.CONSISTENT[test] for s in (-1, 1)), color=plots.GREY, alpha=0.15, lw=0
            )
            axes.axhline(IDEAL[test], color=plots.GREY, lw=0.8)
            axes.set_ylim(IDEAL[test] - 0.3, IDEAL[test] + 0.3)
        axes.set_xlim(-0.03, 1.03)
        axes.set_title(SAID[test], fontsize=plots.SMALL)
        axes.set_xlabel("share of rows shown", fontsize=plots.SMALL)
        axes.tick_params(labelsize=plots.SMALL)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].legend(frameon=False, fontsize=plots.SMALL)
    figure.savefig(path, dpi=110)
