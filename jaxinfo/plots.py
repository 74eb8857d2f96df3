"""Pictures of Estimates: the integrand against log-SNR, measures with their intervals, gradients of O-information.

Every function returns a matplotlib ``Figure`` and touches neither pyplot nor its settings; ``path`` also saves it (the
ending decides: png, pdf, svg …).  Matplotlib comes with ``pip install "jaxinfo[plots]"``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jaxinfo.types import Estimate

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

# Okabe and Ito's colours, told apart with every kind of colour vision.
BLUE, SKY, ORANGE = "#0072B2", "#56B4E9", "#D55E00"
GREY, INK, PALE = "#7F7F7F", "#222222", "#E6E6E6"
FAINT = 0.35  # opacity of a bar whose interval holds 0
TEXT, SMALL, TITLE = 9, 8, 10  # points
WIDTH = 7.0  # inches, one figure
BAR, MARGIN = 0.34, 0.95  # inches: one bar; axis, label and legend of a bar chart
LONGEST = 30  # letters of a name


def profile(estimates: Mapping[str, Estimate], path: str | Path | None = None) -> Figure:
    """The integrand against log-SNR, one panel per measure: where along the noise the information lies.

    Lines are the gap, the difference and, where it is known, the fitted Gaussian's own integrand, in nats (bits) per
    unit of log-SNR.  Beyond the ends of the integral the panel is shaded.  Estimates without a profile are left out.

    Args:
      estimates: name -> Estimate.
      path: where to save.

    Raises:
      ValueError: when no estimate has a profile.
    """
    shown = _with_profile(_checked("profile", estimates))
    if not shown:
        raise ValueError(
            f"profile: expected an Estimate with a profile, got none among {', '.join(estimates)}; only measures read "
            "from scores have one: bars() shows the others."
        )
    rows, columns = _grid(len(shown))
    figure = _figure(max(WIDTH * columns / 3, 4.2), 0.75 + 1.75 * rows)
    _profile(figure, shown)
    return _saved(figure, path)


def bars(estimates: Mapping[str, Estimate], path: str | Path | None = None, level: float = 0.95) -> Figure:
    """Measures as bars with their confidence intervals and values; a diamond is what a Gaussian alone would say.

    The diamond stands where ``diagnostics["copula"]``, or else ``diagnostics["gaussian"]``, holds a number (same unit)
    or an Estimate.  A dagger marks measures with flags.

    Args:
      estimates: name -> Estimate, all shown in the unit of the first.
      path: where to save.
      level: of the intervals.

    Raises:
      ValueError: when there is no estimate, or ``level`` is not between 0 and 1.
    """
    shown = _checked("bars", estimates)
    figure = _figure(WIDTH, _bars_height(shown))
    _bars(figure, shown, level)
    return _saved(figure, path)


def gradient(estimates: Mapping[str, Estimate], path: str | Path | None = None, level: float = 0.95) -> Figure:
    """Gradients of O-information, ∂_i Ω = Ω(X) − Ω(X_−i), one bar per variable in the order given.

    Positive: the variable adds redundancy; negative: synergy.  A faint bar has an interval that holds 0.

    Args:
      estimates: variable -> Estimate, all shown in the unit of the first.
      path: where to save.
      level: of the intervals.

    Raises:
      ValueError: when there is no estimate, or ``level`` is not between 0 and 1.
    """
    shown = _checked("gradient", estimates)
    figure = _figure(WIDTH, _gradient_height(shown))
    _gradient(figure, shown, level)
    return _saved(figure, path)


def over_time(
    times: Sequence[float] | np.ndarray,
    estimates: Mapping[str, Sequence[Estimate]],
    path: str | Path | None = None,
    level: float = 0.95,
) -> Figure:
    """Measures against time, one panel each: a line with its confidence band and a line at zero.

    Args:
      times: ``[W]`` of the windows.
      estimates: name -> W Estimates, all shown in the unit of the first.
      path: where to save.
      level: of the bands.

    Raises:
      ValueError: when there is nothing to show, or lengths differ.
    """
    wrong = [name for name, es in estimates.items() if len(es) != len(times)]
    if not estimates or not len(times) or wrong:
        raise ValueError(
            f"over_time: expected {len(times)} estimates per measure, at least one, got "
            f"{ {k: len(v) for k, v in estimates.items()} }."
        )
    names = list(estimates)
    unit = estimates[names[0]][0].unit
    figure = _figure(WIDTH, 0.6 + 1.5 * len(names))
    for axes, name in zip(figure.subplots(len(names), 1, squeeze=False, sharex=True)[:, 0], names):
        shown = [e.to(unit) for e in estimates[name]]
        low, high = np.transpose([e.ci(level) for e in shown])
        axes.axhline(0, color=GREY, lw=0.8)
        axes.fill_between(times, low, high, color=SKY, alpha=FAINT, lw=0)
        axes.plot(times, [e.value for e in shown], "o-", color=BLUE, ms=3, lw=1.2)
        axes.set_ylabel(f"{label(name, 20)}  [{unit}]", fontsize=SMALL)
        axes.tick_params(labelsize=SMALL)
        axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("time", fontsize=TEXT)
    return _saved(figure, path)


def report(
    estimates: Mapping[str, Estimate],
    gradient: Mapping[str, Estimate] | None = None,
    path: str | Path | None = None,
    level: float = 0.95,
) -> Figure:
    """One figure of everything: :func:`bars` above :func:`profile`, with :func:`gradient` beside them.

    Args:
      estimates: name -> Estimate.
      gradient: variable -> Estimate of ∂_i Ω.
      path: where to save.
      level: of the intervals.

    Raises:
      ValueError: as the three functions; only the profiles may be missing.
    """
    shown = _checked("report", estimates)
    profiles = _with_profile(shown)
    heights = [_bars_height(shown) + 0.2]
    if profiles:
        heights.append(0.95 + 1.75 * _grid(len(profiles))[0])
    beside = _checked("report", gradient) if gradient else None
    height = max(sum(heights), _gradient_height(beside) + 0.2 if beside else 0.0)
    figure = _figure(WIDTH + (4.6 if beside else 0.0), height)
    left = figure
    if beside:
        left, right = figure.subfigures(1, 2, width_ratios=[WIDTH, 4.6], squeeze=False)[0]
        need = _gradient_height(beside) + 0.2
        if height - need > 0.5:  # few variables: keep their bars thin, leave the rest empty
            right = right.subfigures(2, 1, height_ratios=[need, height - need])[0]
        _gradient(right, beside, level)
        right.suptitle("Gradient of O-information", fontsize=TITLE + 1, weight="bold", color=INK)
    parts = left.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    _bars(parts[0], shown, level)
    parts[0].suptitle("Measures", fontsize=TITLE + 1, weight="bold", color=INK)
    if profiles:
        _profile(parts[1], profiles)
        parts[1].suptitle("Where the information lies along the noise", fontsize=TITLE + 1, weight="bold", color=INK)
    return _saved(figure, path)


# --- what the public functions share ---------------------------------------------------------------------------------


def _checked(caller: str, estimates: Mapping[str, Estimate]) -> dict[str, Estimate]:
    """The estimates, all in the unit of the first."""
    if not estimates:
        raise ValueError(f"{caller}: expected at least one Estimate by name, got none.")
    wrong = [name for name, e in estimates.items() if not isinstance(e, Estimate)]
    if wrong:
        raise ValueError(
            f"{caller}: expected an Estimate for {wrong[0]!r}, got {type(estimates[wrong[0]]).__name__}; wrap a number "
            "as Estimate(value, stderr)."
        )
    unit = next(iter(estimates.values())).unit
    return {str(name): e.to(unit) for name, e in estimates.items()}


def _with_profile(estimates: Mapping[str, Estimate]) -> dict[str, Estimate]:
    return {name: e for name, e in estimates.items() if e.profile is not None and len(e.profile.get("logsnr", ()))}


def _figure(width: float, height: float) -> Figure:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('plots need matplotlib: pip install "jaxinfo[plots]".') from error
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def _saved(figure: Figure, path: str | Path | None) -> Figure:
    if path is not None:
        figure.savefig(path, dpi=160)
    return figure


NOTATION = {
    "mutual_information": ("Mutual information", "I"),
    "conditional_mutual_information": ("Conditional mutual information", "I"),
    "interaction_information": ("Interaction information", "I"),
    "entropy": ("Entropy", "H"),
    "total_correlation": ("Total correlation", "TC"),
    "dual_total_correlation": ("Dual total correlation", "DTC"),
    "s_information": ("S-information", "S"),
    "o_information": ("O-information", "Ω"),
    "o_information_gradient": ("Gradient of Ω", "∂Ω"),
}
"""Name of a measure -> what stands for it alone, and before variables in brackets."""


def label(name: str, longest: int = LONGEST) -> str:
    """A measure as people write it: total_correlation -> Total correlation, mutual_information(x; y) -> I(x; y).

    Other names stand as they are; the middle of what is longer than ``longest`` letters is left out.
    """
    match = re.fullmatch(r"([^(:]*)([(:]?)(.*)", name, re.DOTALL)
    assert match is not None  # the pattern fits any text
    measure, bracket, inside = match.groups()
    if measure in NOTATION:
        words, letter = NOTATION[measure]
        name = f"{letter}({inside.strip().removesuffix(')')})" if bracket else words
    return _short(name, longest)


def _short(name: str, longest: int = LONGEST) -> str:
    half = longest // 2
    name = name if len(name) <= longest else f"{name[: half - 1]}…{name[-half:]}"
    return name.replace("$", r"\$")  # matplotlib would read a formula


def _dress(axes: Axes) -> None:
    """No frame, light axes, small ticks."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set(color=GREY, linewidth=0.8)
    axes.tick_params(colors=INK, labelsize=SMALL, color=GREY, length=3, width=0.8)


def _interval(e: Estimate, level: float) -> tuple[float, float]:
    """The interval, or the value twice where no finite one is known."""
    low, high = e.ci(level)
    return (low, high) if math.isfinite(low) and math.isfinite(high) else (e.value, e.value)


def _legend(where: Figure | SubFigure, handles: list) -> None:
    where.legend(
        handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=SMALL,
        handlelength=1.6, columnspacing=1.6, labelcolor=INK,
    )  # fmt: skip


def _bars_height(shown: Mapping[str, Estimate]) -> float:
    return MARGIN + BAR * max(len(shown), 1.3)


def _gradient_height(shown: Mapping[str, Estimate]) -> float:
    # Many thin bars: names of 8 points need 0.15 inch each.
    return MARGIN + (BAR * 0.8 if len(shown) <= 12 else 0.17) * max(len(shown), 1.3)


def _grid(count: int) -> tuple[int, int]:
    columns = min(count, 2 if count in (2, 4) else 3)
    return -(-count // columns), columns


# --- the three drawings ----------------------------------------------------------------------------------------------


def _horizontal(axes: Axes, shown: Mapping[str, Estimate], level: float, colours: list, height: float) -> None:
    """Bars with intervals, the first on top; room on both sides, a line at 0."""
    at = np.arange(len(shown))
    values = np.asarray([e.value for e in shown.values()], float)
    intervals = np.asarray([_interval(e, level) for e in shown.values()], float)
    axes.barh(at, np.where(np.isfinite(values), values, 0.0), height, color=colours, linewidth=0)
    for y, (low, high) in zip(at, intervals):
        if high > low:
            axes.plot([low, high], [y, y], color=INK, linewidth=1.1, solid_capstyle="butt", zorder=4)  # over diamonds
    axes.axvline(0.0, color=GREY, linewidth=0.8)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    finite = [0.0, *intervals[np.isfinite(intervals)]]
    span = max(finite) - min(finite) or 1.0
    # A side on which nothing lies needs no room.
    axes.set_xlim(min(finite) - 0.04 * span * (min(finite) < 0), max(finite) + 0.04 * span * (max(finite) > 0))
    axes.set_yticks(at, [_short(name) for name in shown])
    _dress(axes)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _bars(where: Figure | SubFigure, shown: Mapping[str, Estimate], level: float) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    axes = where.subplots()
    _horizontal(axes, shown, level, [SKY] * len(shown), 0.58)
    unit = next(iter(shown.values())).unit
    beside = "copula" if any("copula" in e.diagnostics for e in shown.values()) else "gaussian"
    found = [e.diagnostics.get(beside) for e in shown.values()]
    numbers = [g.to(unit).value if isinstance(g, Estimate) else g for g in found]
    known = [(float(g), y) for y, g in enumerate(numbers) if g is not None and math.isfinite(g)]
    flagged = any(e.flags for e in shown.values())
    axes.set_yticks(range(len(shown)), [label(k) + (" †" if e.flags else "") for k, e in shown.items()], fontsize=TEXT)
    axes.set_xlabel(unit, fontsize=TEXT, color=INK)
    if known:
        x, y = zip(*known)
        axes.plot(x, y, "D", color=ORANGE, markersize=5, markeredgecolor="white", markeredgewidth=0.8, zorder=3)
        low, high = axes.get_xlim()
        room = 0.03 * (high - low)
        axes.set_xlim(min(low, min(x) - room), max(high, max(x) + room))
    for row, e in enumerate(shown.values()):
        axes.annotate(
            _number(e), (1.0, row), xycoords=("axes fraction", "data"), xytext=(8, 0), textcoords="offset points",
            va="center", fontsize=SMALL, color=INK, annotation_clip=False,
        )  # fmt: skip
    handles = [
        Patch(color=SKY, label="estimate"),
        Line2D([], [], color=INK, lw=1.1, label=f"{100 * level:.4g} % interval"),
    ]
    if known:
        named = "Gaussian copula" if beside == "copula" else "Gaussian alone"
        handles.append(Line2D([], [], ls="", marker="D", ms=5, color=ORANGE, label=named))
    if flagged:
        handles.append(Line2D([], [], ls="", marker=r"$\dagger$", ms=6, color=INK, label="has flags, read them"))
    _legend(where, handles)


def _number(e: Estimate) -> str:
    """``1.234 ± 0.012``: the error with two digits, the value to the same place."""
    if not math.isfinite(e.value):
        return "not finite"
    if not math.isfinite(e.stderr) or e.stderr <= 0.0:
        return f"{e.value:.3g}"
    places = min(max(1 - math.floor(math.log10(e.stderr)), 0), 6)
    return f"{e.value:.{places}f} ± {e.stderr:.{places}f}".replace("-", "−")


def _gradient(where: Figure | SubFigure, shown: Mapping[str, Estimate], level: float) -> None:
    from matplotlib.colors import to_rgba
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    axes = where.subplots()
    intervals = [_interval(e, level) for e in shown.values()]
    open_ = [low <= 0.0 <= high for low, high in intervals]
    colours = [
        to_rgba(BLUE if e.value >= 0 else ORANGE, FAINT if undecided else 1.0)
        for e, undecided in zip(shown.values(), open_)
    ]
    _horizontal(axes, shown, level, colours, 0.66)
    axes.tick_params(axis="y", labelsize=SMALL if len(shown) <= 30 else SMALL - 1)
    axes.set_xlabel(f"∂Ω  [{next(iter(shown.values())).unit}]", fontsize=TEXT, color=INK)
    handles: list[Artist] = [Patch(color=BLUE, label="redundancy"), Patch(color=ORANGE, label="synergy")]
    if any(open_):
        handles.append(Patch(color=GREY, alpha=FAINT, label="interval holds 0"))
    handles.append(Line2D([], [], color=INK, lw=1.1, label=f"{100 * level:.4g} %"))
    _legend(where, handles)


def _profile(where: Figure | SubFigure, shown: Mapping[str, Estimate]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch
    from matplotlib.ticker import MaxNLocator

    rows, columns = _grid(len(shown))
    panels = where.subplots(rows, columns, squeeze=False).ravel()
    gaussian = False
    for axes, (name, e) in zip(panels, shown.items()):
        measured = e.profile
        assert measured is not None  # _with_profile left the others out
        x = np.asarray(measured["logsnr"], float)
        half = 0.5 * (x[1] - x[0]) if len(x) > 1 else 0.5  # bin centres are given; the integral ends at bin edges
        low, high = x.min() - half, x.max() + half
        beyond = 0.07 * (high - low)
        for start, stop in ((low - beyond, low), (high, high + beyond)):
            axes.axvspan(start, stop, color=PALE, linewidth=0)
        axes.axhline(0.0, color=GREY, linewidth=0.8)
        reference = measured.get("gaussian")
        if reference is not None and len(reference) == len(x):
            axes.plot(x, reference, color=GREY, linewidth=1.3, linestyle=(0, (1, 1.2)))
            gaussian = True
        for key, colour, style in (("gap", BLUE, "-"), ("difference", ORANGE, (0, (4, 1.5)))):
            if measured.get(key) is not None:
                axes.plot(x, measured[key], color=colour, linewidth=1.5, linestyle=style)
        axes.set_xlim(low - beyond, high + beyond)
        axes.set_title(label(name, 26), fontsize=TEXT, color=INK, loc="left")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        _dress(axes)
    for axes in panels[len(shown) :]:
        axes.set_visible(False)
    for axes in panels[max(len(shown) - columns, 0) : len(shown)]:  # the lowest panel of every column
        axes.set_xlabel("log-SNR (noisy → clean)", fontsize=SMALL, color=INK)
    unit = next(iter(shown.values())).unit
    where.supylabel(f"integrand  [{unit} per unit]", fontsize=TEXT, color=INK)
    handles: list[Artist] = [
        Line2D([], [], color=BLUE, lw=1.5, label="gap"),
        Line2D([], [], color=ORANGE, lw=1.5, ls=(0, (4, 1.5)), label="difference"),
    ]
    if gaussian:
        handles.append(Line2D([], [], color=GREY, lw=1.3, ls=(0, (1, 1.2)), label="Gaussian"))
    handles.append(Patch(color=PALE, label="not integrated"))
    _legend(where, handles)
