"""Transforms: invertible, strictly increasing everywhere, with the right Jacobian."""

import numpy as np
import pytest

from jaxinfo import preprocess
from jaxinfo.preprocess import _gaps, fit

RNG = np.random.default_rng(0)
LAWS = {
    "normal": RNG.normal(size=3000),
    "cauchy": RNG.standard_cauchy(size=3000),
    "uniform": RNG.uniform(size=3000),
    "exponential": RNG.exponential(size=3000),
    "huge": np.sign(RNG.normal(size=3000)) * np.exp(RNG.normal(size=3000) * 12.0),
    "two lumps": np.concatenate([RNG.normal(size=1500), 1e4 + RNG.normal(size=1500)]),
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("kind", ["rank", "standardise"])
def test_invertible_also_outside_the_training_range(law, kind):
    x = LAWS[law][:, None]
    t = preprocess.fit(x, kind)
    wide = np.concatenate([x, 3.0 * x[:50], x.min(keepdims=True) - np.ptp(x), x.max(keepdims=True) + np.ptp(x)])
    z = t.forward(wide)
    assert np.isfinite(z).all()
    back = t.inverse(z)
    # Standardising by an outlier's scale loses the small values: it is exact relative to the range only.
    scale = np.maximum(np.abs(wide), np.quantile(np.abs(x), 0.1)) if kind == "rank" else np.abs(wide).max()
    assert np.max(np.abs(back - wide) / scale) < 1e-6


@pytest.mark.parametrize("law", LAWS)
def test_rank_is_strictly_increasing_and_normal(law):
    x = LAWS[law]
    m = preprocess.rank_to_normal(x)
    grid = np.unique(np.concatenate([x, x.min() - np.geomspace(1e-3, 1e3, 50), x.max() + np.geomspace(1e-3, 1e3, 50)]))
    # Neighbours closer than float64 can tell apart in z may tie; none may fall.
    assert (np.diff(m.forward(grid)) >= 0).all()
    apart = grid[np.concatenate([[True], np.diff(grid) > 1e-9 * np.abs(grid[1:])])]
    assert (np.diff(m.forward(apart)) > 0).mean() > 0.999
    z = m.forward(x)
    assert abs(z.mean()) < 0.05 and abs(z.std() - 1.0) < 0.05
    assert np.abs(z).max() < 5.0


@pytest.mark.parametrize("law", ["normal", "cauchy", "exponential"])
def test_log_slope_is_the_derivative(law):
    x = LAWS[law]
    m = preprocess.rank_to_normal(x)
    at = np.concatenate([np.quantile(x, np.linspace(0.02, 0.98, 40)), [x.max() + 1.0, x.min() - 1.0]])
    h = 1e-5 * np.maximum(np.abs(at), 0.1)
    numeric = np.log((m.forward(at + h) - m.forward(at - h)) / (2 * h))
    np.testing.assert_allclose(m.log_slope(at), numeric, atol=1e-3)


def test_an_outlier_does_not_merge_the_rest():
    x = np.concatenate([RNG.normal(size=1000), [1e15]])
    z = preprocess.rank_to_normal(x).forward(x)
    assert np.unique(z).size == x.size
    assert abs(z[:-1].std() - 1.0) < 0.1


def test_tied_columns_fall_back_to_standardising():
    x = np.repeat([0.0, 1.0, 2.0], 100)
    assert isinstance(preprocess.rank_to_normal(x), preprocess.Affine)


def test_weights_move_the_quantiles():
    x = np.concatenate([np.zeros(500) + RNG.normal(size=500), 5 + RNG.normal(size=500)])
    w = np.concatenate([np.ones(500), np.zeros(500) + 1e-6])
    assert abs(preprocess.standardise(x, w).shift) < 0.2
    assert preprocess.rank_to_normal(x, w).forward(np.asarray([0.0]))[0] == pytest.approx(0.0, abs=0.15)


def test_one_hot_codes_are_left_alone_and_plain_form_round_trips():
    x = np.column_stack([RNG.normal(size=200), RNG.integers(0, 2, 200)])
    t = preprocess.fit(x, "rank", np.asarray([False, True]))
    np.testing.assert_array_equal(t.forward(x)[:, 1], x[:, 1])
    again = preprocess.from_plain(preprocess.to_plain(t))
    np.testing.assert_array_equal(again.forward(x), t.forward(x))


def test_unknown_kind():
    with pytest.raises(ValueError, match="rank, standardise, none"):
        preprocess.fit(np.zeros((3, 1)), "whiten")


def test_nearly_equal_columns_stay_so_beyond_the_training_range():
    """Relations of many nats hang on it: one row misjudged by a standard deviation costs thousands of nats."""
    apart = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=5000)
        y = x + 0.01 * rng.normal(size=x.size)
        far = np.array([4.5])
        apart.append(preprocess.rank_to_normal(x).forward(far) - preprocess.rank_to_normal(y).forward(far))
    assert np.max(np.abs(apart)) < 0.1


@pytest.mark.parametrize("far", [3.0, 10.0, 1000.0])
def test_a_hole_in_the_support_is_no_slope(far):
    """Two boxes: log density is −log 2, whatever lies between them."""
    rng = np.random.default_rng(5)
    x = (rng.integers(0, 2, 4000) * far + rng.random(4000))[:, None]
    transform = fit(x)
    z = transform.forward(x)
    pieces = [z[(x >= k * far) & (x <= k * far + 1.0)] for k in (0, 1)]
    assert pieces[0].max() < pieces[1].min() < pieces[0].max() + 0.01  # no hole is left
    entropy = 0.5 * np.log(2 * np.pi * np.e) - transform.log_jacobian(x).mean()  # if z were normal
    assert abs(entropy - np.log(2.0)) < 0.08
    np.testing.assert_allclose(transform.inverse(z), x, atol=1e-6 * far)


@pytest.mark.parametrize("law", ["normal", "standard_cauchy", "exponential", "lognormal"])
def test_no_hole_is_seen_where_there_is_none(law):
    for seed in range(20):
        x = np.sort(getattr(np.random.default_rng(seed), law)(size=2000))
        assert not _gaps(x).size
        assert not _gaps(np.sort(np.round(x, 1))).size
    assert not _gaps(
        np.sort(np.random.default_rng(0).integers(0, 40, 2000) + 0.01 * np.random.default_rng(1).random(2000))
    ).size


def test_rows_of_no_weight_make_no_hole_and_hide_none():
    rng = np.random.default_rng(6)
    x = np.concatenate([rng.random(1000), 10.0 + rng.random(1000), 20.0 + rng.random(1000)])[:, None]
    weights = np.concatenate([np.zeros(1000), np.ones(1000), np.ones(1000)])
    alone, among = fit(x[1000:]), fit(x, weights=weights)
    z, here = alone.forward(x[1000:]), among.forward(x[1000:])
    inside = abs(z) < 2.0  # tails follow n
    np.testing.assert_allclose(here[inside], z[inside], atol=0.05)
    assert here[x[1000:] < 15.0].max() < 0.0 < here[x[1000:] > 15.0].min() < 0.01
    assert np.isfinite(among.forward(x)).all()


def test_outermost_rows_have_the_slope_of_the_tails():
    """Where a flat last piece follows a steep one the curve between the knots ends flat, its logarithm at nothing."""
    for seed in range(40):
        x = np.random.default_rng(seed).standard_t(2, size=40)
        m = preprocess.rank_to_normal(x)
        ends = np.array([x.min(), x.max()])
        outside = ends + 1e-6 * np.ptp(x) * np.array([-1.0, 1.0])
        np.testing.assert_allclose(m.log_slope(ends), m.log_slope(outside), atol=1e-2)
