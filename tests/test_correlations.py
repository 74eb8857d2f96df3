"""What a network looks at first: correlations, and what bends beyond them."""

import numpy as np
import pytest

from jaxinfo import correlations
from jaxinfo.bench.transforms import inner_spiral
from jaxinfo.blocks import Blocks
from jaxinfo.preprocess import fit

N = 6_000


def correlated(sizes, seed=0, rho=0.8, n=N):
    """Rows of a Gaussian whose variables have their coordinates of equal place correlated."""
    rng, shared = np.random.default_rng(seed), np.random.default_rng(seed + 100).standard_normal((n, max(sizes)))
    return [np.sqrt(rho) * shared[:, :d] + np.sqrt(1.0 - rho) * rng.standard_normal((n, d)) for d in sizes]


def ranked(x):
    return fit(x, "rank", np.zeros(x.shape[1], bool), None).forward(x)


@pytest.mark.parametrize("sizes", [(1, 1, 1), (2, 2), (5, 1, 3), (20, 20, 20)])
@pytest.mark.parametrize("seed", range(3))
def test_nothing_bends_in_a_gaussian(sizes, seed):
    x = np.concatenate(correlated(sizes, seed), 1)
    mixed = x @ np.random.default_rng(seed).standard_normal((x.shape[1],) * 2)  # over all variables
    for rows in (x, ranked(x), mixed / mixed.std(0)):
        assert not correlations.bends(Blocks(sizes), rows).any()


@pytest.mark.parametrize("d", [4, 12])
def test_the_plane_that_turns_is_found_and_looked_at(d):
    """Its coordinates are the least correlated ones, so that correlations alone would look away."""
    blocks = Blocks((d, d, d))
    x = ranked(np.concatenate([inner_spiral(v) for v in correlated(blocks.sizes)], 1))
    cov = np.cov(x.T)
    bends = correlations.bends(blocks, x)
    alone, found = (np.diag(correlations.focus(blocks, cov, b)).reshape(3, d) for b in (None, bends))
    assert (alone[:, :2] < alone[:, 2:].min()).all()
    assert (found[:, :2] > 1.4 * found[:, 2:].max()).all()
    outside = np.kron(np.eye(3), np.ones((d, d))) == 0
    assert not bends[outside].any()
    np.testing.assert_allclose(bends, bends.T, atol=1e-12)
    assert np.linalg.eigvalsh(bends).min() > -1e-12


def test_one_that_bends_is_found_with_the_one_that_does_not():
    x, y = correlated((3, 4), rho=0.9)
    bends = np.diag(correlations.bends(Blocks((3, 4)), ranked(np.concatenate([inner_spiral(x, 0.4), y], 1))))
    assert (bends[[0, 1, 3, 4]] > 0.03).all()
    assert (bends[[2, 5, 6]] < 0.01).all()


def test_bends_follow_rotations_of_a_variable():
    """A rotation keeps the distance from the centre."""
    blocks, rng = Blocks((4, 4)), np.random.default_rng(5)
    x = np.concatenate([inner_spiral(v) for v in correlated(blocks.sizes)], 1)
    t = np.zeros((8, 8))
    for here in blocks.slices:
        t[here, here] = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    turned = correlations.bends(blocks, x @ t.T)
    np.testing.assert_allclose(turned, t @ correlations.bends(blocks, x) @ t.T, atol=1e-5)


def test_rows_of_no_weight_do_not_count():
    blocks = Blocks((3, 3))
    x = np.concatenate([inner_spiral(v, 0.3) for v in correlated(blocks.sizes)], 1)
    junk = np.concatenate([x, 3.0 + x[:500] ** 2])
    weights = np.concatenate([np.full(N, 2.0), np.zeros(500)])
    np.testing.assert_allclose(correlations.bends(blocks, junk, weights), correlations.bends(blocks, x), atol=1e-9)


def test_few_rows_tell_nothing():
    blocks = Blocks((3, 3))
    x = np.concatenate([inner_spiral(v, 0.3) for v in correlated(blocks.sizes, n=47)], 1)
    assert not correlations.bends(blocks, x).any()


def test_labels_do_not_bend_but_tell_what_does():
    """The classes differ in where along a line, bent into a parabola by the distance from the centre, they lie."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 3, N)
    x = inner_spiral(np.stack([label - 1.0 + 0.3 * rng.standard_normal(N), rng.standard_normal(N)], 1), 0.4)
    blocks = Blocks((2, 3), ("x", "label"), (False, True))
    bends = correlations.bends(blocks, np.concatenate([x, np.eye(3)[label]], 1))
    assert np.isfinite(bends).all()
    assert bends[:2, :2].any()
    assert not bends[2:].any()
