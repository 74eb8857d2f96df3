"""The preconditioner: which coordinates a network sees, and how its answer comes back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinfo import correlations, gaussian, precondition
from jaxinfo import views as vw
from jaxinfo.blocks import FAR, Blocks
from jaxinfo.types import Net


def covariance(dim, seed=0):
    a = np.random.default_rng(seed).standard_normal((dim, 2 * dim))
    return a @ a.T / (2 * dim)


def test_focus_leaves_scalars_and_equals_alone():
    np.testing.assert_array_equal(correlations.focus(Blocks((1, 1, 1)), covariance(3)), np.eye(3))
    np.testing.assert_array_equal(correlations.focus(Blocks((3,)), covariance(3)), np.eye(3))
    equal = np.eye(4)
    equal[0, 2] = equal[2, 0] = equal[1, 3] = equal[3, 1] = 0.6
    np.testing.assert_allclose(correlations.focus(Blocks((2, 2)), equal), np.eye(4), atol=1e-12)


def test_focus_shrinks_what_the_others_say_nothing_about():
    cov = np.eye(3)
    cov[0, 2] = cov[2, 0] = 0.8
    least = correlations.NO_CORRELATION / np.hypot(0.8, correlations.NO_CORRELATION)
    np.testing.assert_allclose(correlations.focus(Blocks((2, 1)), cov), np.diag([1.0, least, 1.0]), atol=1e-12)


@pytest.mark.parametrize("sizes", [(2, 3), (3, 1, 2)])
def test_focus_follows_linear_maps_of_a_variable(sizes):
    """In other coordinates of each variable it is the same map."""
    blocks, d = Blocks(sizes), sum(sizes)
    cov, t = covariance(d), np.zeros((d, d))
    for here in blocks.slices:
        t[here, here] = np.random.default_rng(1).standard_normal((here.stop - here.start,) * 2)
    mapped = correlations.focus(blocks, t @ cov @ t.T)
    np.testing.assert_allclose(mapped, t @ correlations.focus(blocks, cov) @ np.linalg.inv(t), atol=1e-8)


def test_focus_of_dependent_coordinates_is_finite():
    """One-hot codes of a discrete variable sum to one."""
    codes = np.eye(3)[np.random.default_rng(0).integers(0, 3, 500)]
    x = np.concatenate([codes, codes @ [[1.0], [0.0], [0.0]] + np.random.default_rng(1).standard_normal((500, 1))], 1)
    found = correlations.focus(Blocks((3, 1)), np.cov(x.T))
    assert np.isfinite(found).all()
    assert np.linalg.matrix_rank(found) == 4  # nothing is lost


def test_radius_is_standard_under_the_normal():
    blocks = Blocks((1, 4, 25))
    x = jax.random.normal(jax.random.key(0), (40_000, 30))
    r = precondition.radius(blocks, x)
    assert r.shape == (40_000, 3)
    np.testing.assert_allclose(r[:, 1:].mean(0), 0.0, atol=0.03)
    np.testing.assert_allclose(r[:, 2].std(), 1.0, atol=0.03)
    assert float(jnp.abs(r).max()) <= FAR
    np.testing.assert_allclose(precondition.radius(blocks, jnp.ones((1, 30))), 0.0, atol=1e-6)


@pytest.mark.parametrize("third", [0, 1, 2])
def test_a_network_sees_three_kinds_of_coordinates_through_the_focus(third, x64):
    """And its answer comes back through the transpose."""
    blocks, cov = Blocks((2, 2)), covariance(4)
    view = vw.view(2, [0], [1])
    echo = Net(lambda key, x, u: {}, lambda p, x, u: jnp.split(x, 3, -1)[third])
    fac = gaussian.factors(
        blocks, np.zeros(4), cov, (view,), look=(correlations.focus(blocks, cov), correlations.relevance(blocks, cov))
    )
    x = jnp.asarray(np.random.default_rng(2).standard_normal((1, 5, 4)))
    u = jnp.broadcast_to(jnp.array([0.4, 0.0]), (1, 5, 2))
    eps, white, gate = precondition.gaussian_part(fac, blocks, x, u)
    focus = correlations.focus(blocks, cov)
    focused = x @ focus.T
    seen = (white @ focus.T, focused, jnp.repeat(precondition.radius(blocks, x), 2, -1) * focused)[third]
    out = precondition.precondition(echo, blocks).apply({"net": {}, "gaussian": fac}, x, u)
    np.testing.assert_allclose(out, eps + gate * (seen @ focus), atol=1e-9)


@pytest.mark.parametrize("half", [0, 1])
def test_scalars_have_neither_focus_nor_radius(half, x64):
    blocks, cov = Blocks((1, 1)), covariance(2)
    echo = Net(lambda key, x, u: {}, lambda p, x, u: jnp.split(x, 2, -1)[half])
    fac = gaussian.factors(blocks, np.zeros(2), cov, (vw.view(2, [0], [1]),))
    x, u = jnp.asarray([[[0.3, -1.2]]]), jnp.array([[[0.4, 0.0]]])
    eps, white, gate = precondition.gaussian_part(fac, blocks, x, u)
    out = precondition.precondition(echo, blocks).apply({"net": {}, "gaussian": fac}, x, u)
    np.testing.assert_allclose(out, eps + gate * (white, x)[half], atol=1e-12)
