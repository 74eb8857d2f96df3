"""Figures hold what they should, nothing overlaps, and no global state is touched."""

import itertools
import math
import sys

import numpy as np
import pytest

from jaxinfo.types import Estimate

pytest.importorskip("matplotlib")
from jaxinfo import plots  # noqa: E402

LOGSNR = np.linspace(-7.5, 14.5, 32)
NAMES = (
    "total_correlation", "dual_total_correlation", "s_information", "o_information", "mutual_information(x; y, z)",
    "conditional_mutual_information(a; b | c)", "entropy", "interaction_information(a; b; c)",
    *(f"o_information_gradient(x{i})" for i in range(3)),
    "mutual_information(photograph_left; photograph_right, caption)",
)  # fmt: skip


def estimate(value, stderr=0.03, profile=True, **diagnostics):
    bell = np.exp(-0.5 * ((LOGSNR - 2.0) / 3.0) ** 2)
    curves = {"logsnr": LOGSNR, "gap": value * bell, "difference": 1.1 * value * bell, "gaussian": 0.8 * value * bell}
    return Estimate(value, stderr, None, curves if profile else None, diagnostics)


def measures(count):
    return {name: estimate(1.5 * math.cos(i), copula=math.cos(i)) for i, name in enumerate(NAMES[:count])}


def variables(count):
    name = lambda i: f"a_rather_long_name_of_variable_{i:02d}" if i % 7 == 0 else f"channel_{i:02d}"
    return {name(i): estimate(0.3 * math.sin(i)) for i in range(count)}


def axes_of(figure):
    return [axes for axes in figure.axes if axes.get_visible()]


def drawn(figure):
    """The figure after drawing; a bare Figure's own canvas draws nothing."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure).draw()
    return figure


def texts(figure):
    """All drawn texts with their boxes in pixels."""
    from matplotlib.text import Text

    drawn(figure)
    shown = []
    for t in set(figure.findobj(Text)) - beyond(figure):
        if t.get_visible() and t.get_text().strip() and (t.axes is None or t.axes.get_visible()):
            box = t.get_window_extent()
            x_fits = figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1
            shown.append((t.get_text(), box, x_fits and figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1))
    return shown


def beyond(figure):
    """Labels of ticks outside the limits, which exist but are not drawn."""
    out = set()
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        low, high = sorted(axis.get_view_interval())
        out |= {tick.label1 for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high}
    return out


def assert_clean(figure):
    """No two texts overlap and none leaves the page."""
    shown = texts(figure)
    for (a, box_a, _), (b, box_b, _) in itertools.combinations(shown, 2):
        across = min(box_a.x1, box_b.x1) - max(box_a.x0, box_b.x0)
        up = min(box_a.y1, box_b.y1) - max(box_a.y0, box_b.y0)
        # A box is a little taller than its letters.
        assert across < 1.0 or up < 0.35 * min(box_a.height, box_b.height), f"{a!r} overlaps {b!r}"
    assert all(inside for _, _, inside in shown), [t for t, _, inside in shown if not inside]


@pytest.mark.parametrize("count", [1, 4, 12])
def test_no_text_overlaps(count):
    assert_clean(plots.bars(measures(count)))
    assert_clean(plots.profile(measures(count)))
    assert_clean(plots.report(measures(count), variables(5)))


@pytest.mark.parametrize("count", [1, 5, 50])
def test_no_name_of_a_variable_overlaps(count):
    assert_clean(plots.gradient(variables(count)))
    assert_clean(plots.report(measures(4), variables(count)))


def test_report_without_profiles_or_gradient():
    without = {name: e._replace(profile=None) for name, e in measures(4).items()}
    figure = plots.report(without)
    assert len(axes_of(figure)) == 1
    assert_clean(figure)
    assert_clean(plots.report(measures(1)))


def test_profile_draws_each_integrand_and_shades_the_cut_tails():
    e = estimate(1.0)
    other = e._replace(profile={k: v for k, v in e.profile.items() if k != "gaussian"})
    figure = plots.profile({"total_correlation": e, "entropy": other, "bare": estimate(1.0, profile=False)})
    first, second = axes_of(figure)
    curves = [line.get_ydata() for line in first.lines if len(line.get_xdata()) == len(LOGSNR)]
    assert len(curves) == 3 and sum(len(line.get_xdata()) == len(LOGSNR) for line in second.lines) == 2
    assert any(np.array_equal(c, e.profile["gap"]) for c in curves)
    half = 0.5 * (LOGSNR[1] - LOGSNR[0])
    ends = sorted(edge for patch in first.patches for edge in (patch.get_x(), patch.get_x() + patch.get_width()))
    np.testing.assert_allclose(ends[1:3], [LOGSNR[0] - half, LOGSNR[-1] + half])
    assert first.get_title(loc="left") == "Total correlation"


def test_bars_have_values_intervals_units_and_the_gaussian():
    e = estimate(1.25, 0.0123, copula=1.0, flags=("look",)).to("bits")
    figure = plots.bars({"o_information": e, "total_correlation": estimate(0.5)}, level=0.9)
    (axes,) = axes_of(figure)
    assert axes.get_xlabel() == "bits"
    np.testing.assert_allclose([p.get_width() for p in axes.patches], [1.25 / math.log(2), 0.5 / math.log(2)])
    low, high = next(line.get_xdata() for line in axes.lines if len(line.get_xdata()) == 2)
    np.testing.assert_allclose((low, high), e.ci(0.9))
    (diamond,) = (line for line in axes.lines if line.get_marker() == "D")
    assert len(diamond.get_xdata()) == 1
    shown = [text for text, *_ in texts(figure)]
    assert {"O-information †", "90 % interval", "Gaussian copula", "1.803 ± 0.018"} <= set(shown)
    inner = [text for text, *_ in texts(plots.bars({"entropy": estimate(1.0, gaussian=0.9)}))]
    assert "Gaussian alone" in inner


def test_gradient_is_coloured_by_sign_and_faint_when_undecided():
    figure = plots.gradient({"up": estimate(0.5), "down": estimate(-0.5), "open": estimate(0.01)})
    up, down, undecided = (p.get_facecolor() for p in axes_of(figure)[0].patches)
    assert up[:3] == undecided[:3] != down[:3] and up[3] == 1.0 > undecided[3]
    assert [t.get_text() for t in axes_of(figure)[0].get_yticklabels()] == ["up", "down", "open"]


def test_numbers_that_are_not_finite_do_not_stop_a_picture():
    odd = {"nan": estimate(math.nan, math.nan), "inf": estimate(math.inf), "no_error": estimate(1.0, math.nan)}
    for draw in (plots.bars, plots.gradient, plots.report):
        drawn(draw(odd))


def test_names_are_text_not_formulas():
    figure = plots.gradient({"price_$ per $unit": estimate(0.1), "_hidden": estimate(-0.2)})
    assert len(texts(figure)) > 2
    assert plots.label("mutual_information(x; y | z)") == "I(x; y | z)"
    assert plots.label("o_information_gradient:x") == "∂Ω(x)" and plots.label("my_own") == "my_own"
    assert len(plots.label("v" * 99)) == plots.LONGEST


@pytest.mark.parametrize("ending", ["png", "pdf", "svg"])
def test_saves_without_pyplot(tmp_path, ending):
    before = "matplotlib.pyplot" in sys.modules
    path = tmp_path / f"figure.{ending}"
    plots.bars(measures(2), path)
    assert path.stat().st_size > 1000
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_refusals():
    for draw in (plots.bars, plots.gradient, plots.report, plots.profile):
        with pytest.raises(ValueError, match="at least one Estimate"):
            draw({})
        with pytest.raises(ValueError, match="got float; wrap"):
            draw({"x": 1.0})
    with pytest.raises(ValueError, match="an Estimate with a profile"):
        plots.profile({"x": estimate(1.0, profile=False)})
    with pytest.raises(ValueError, match="level"):
        plots.bars(measures(1), level=95)
