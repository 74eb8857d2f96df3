"""Derivatives with exact scores against those of the closed form, through a mixing matrix."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinfo import gaussian, pathwise
from jaxinfo import measures as ms
from jaxinfo import views as vw
from jaxinfo.blocks import Blocks
from jaxinfo.sde import VE, VP

pytestmark = pytest.mark.usefixtures("quick_compile")
N = 4
BLOCKS = Blocks((1, 2, 1, 1))
D = BLOCKS.dim
MEASURES = {
    "mi": ms.mi(N, [0], [1, 2]),
    "mi, reverse": ms.mi(N, [0], [1, 2], "reverse"),
    "mi, joint": ms.mi(N, [0, 3], [1], "joint"),
    "cmi": ms.cmi(N, [0], [1], [3]),
    "entropy": ms.entropy(N, [0, 1]),
    "conditional entropy": ms.entropy(N, [1], [2]),
    "tc": ms.tc(N),
    "tc of three": ms.tc(N, [0, 1, 3]),
    "dtc": ms.dtc(N),
    "s": ms.s_info(N),
    "o": ms.o_info(N),
    "gradient of o": ms.o_info_gradient(N, 2),
}


def mixing(seed=0):
    return np.random.default_rng(seed).normal(size=(D, D)) + np.eye(D)


def whitened(n, seed=1):
    """Rows whose sample covariance is the identity exactly."""
    z = np.random.default_rng(seed).standard_normal((n, D))
    z -= z.mean(0)
    return jnp.asarray(z @ np.linalg.inv(np.linalg.cholesky(np.cov(z.T, ddof=0))).T)


def closed_form(measure, w, sde, logsnr):
    """The measure of alpha x + sigma eps with x = w z, differentiable in w."""
    t = sde.time(jnp.asarray(logsnr))
    cov = sde.alpha(t) ** 2 * w @ w.T + sde.sigma2(t) * jnp.eye(D)
    total = 0.0
    for s, weight in pathwise.entropy_weights(measure).items():
        at = np.flatnonzero(np.isin(BLOCKS.owner, sorted(s)))
        total += weight * 0.5 * jnp.linalg.slogdet(cov[np.ix_(at, at)])[1]
    return total


@pytest.mark.parametrize("family", [VP, VE])
@pytest.mark.parametrize("name", sorted(MEASURES))
def test_gradient_through_a_mixing_matrix(name, family, x64):
    sde, w, z = family(), jnp.asarray(mixing()), whitened(64)
    measure = MEASURES[name]
    score = gaussian.oracle(sde, BLOCKS, np.zeros(D), np.asarray(w @ w.T))
    f = pathwise.differentiable(measure, sde, BLOCKS, score, logsnr=3.0, num_mc=1)
    got = jax.jit(jax.grad(lambda w: f(jax.random.key(0), z @ w.T)))(w)
    wanted = jax.grad(lambda w: closed_form(measure, w, sde, 3.0))(w)
    assert np.linalg.norm(got - wanted) < 1e-6 * np.linalg.norm(wanted)


@pytest.mark.broad
def test_a_gaussian_control_takes_the_noise_away(x64):
    """With the right Gaussian the derivative is that of the measure without noise, whatever the noise level."""
    sde, w, z = VP(), jnp.asarray(mixing()), whitened(64)
    cov = np.asarray(w @ w.T)
    score = gaussian.oracle(sde, BLOCKS, np.zeros(D), cov)
    for name, measure in MEASURES.items():
        known = pathwise.control(measure, BLOCKS, np.zeros(D), cov)
        f = pathwise.differentiable(measure, sde, BLOCKS, score, logsnr=0.0, num_mc=1, control=known)
        got = jax.grad(lambda w, f=f: f(jax.random.key(0), z @ w.T))(w)
        wanted = jax.grad(lambda w, m=measure: closed_form(m, w, sde, 60.0))(w)
        assert np.linalg.norm(got - wanted) < 1e-5 * max(np.linalg.norm(wanted), 1.0), name


def test_linear_errors_of_a_score_are_taken_off(x64):
    """E[score xᵀ] = −I for every law: a network wrong by a tenth, and by a shift, gives the same derivative."""
    sde, w, z = VP(), jnp.asarray(mixing()), whitened(4000)
    cov, measure, x = np.asarray(w @ w.T), MEASURES["tc"], z @ w.T
    exact = gaussian.oracle(sde, BLOCKS, np.zeros(D), cov)
    known = pathwise.control(measure, BLOCKS, np.zeros(D), cov)
    slope = lambda score, **k: pathwise.gradient(
        jax.random.key(0), measure, sde, BLOCKS, score, x, logsnr=3.0, num_mc=2, **k
    ).T @ z / len(z)  # fmt: skip
    wrong = lambda x, tau: 1.1 * exact(x, tau) + 0.2
    right, without, taken_off = slope(exact, control=known), slope(wrong), slope(wrong, control=known)
    scale = np.linalg.norm(right)
    assert np.linalg.norm(without - right) > 0.02 * scale
    assert np.linalg.norm(taken_off - right) < 0.005 * scale  # PRIOR rows out of 4000 hold on to the error
    # rows of weight 0 are not looked at
    more = jnp.concatenate([x, 100.0 + x[:50]])
    padded = pathwise.gradient(
        jax.random.key(0), measure, sde, BLOCKS, wrong, more, logsnr=3.0, num_mc=2, control=known,
        weights=jnp.concatenate([jnp.ones(4000), jnp.zeros(50)]),
    )[:4000].T @ z / len(z)  # fmt: skip
    assert np.linalg.norm(padded - right) < 0.005 * scale


def test_columns_that_depend_on_one_another_move_together(x64):
    """b = [b1, b2, b1 + b2] knows what [b1, b2] knows, so moves of b1 and b2 are worth the same."""
    x = np.random.default_rng(0).standard_normal((500, 3)) @ np.asarray([[1.0, 0.6, 0.2], [0, 1, 0.3], [0, 0, 1]])
    widen = np.asarray([[1.0, 0, 0, 0], [0, 1, 0, 1], [0, 0, 1, 1]])
    linear = lambda x, sizes: pathwise.control(ms.mi(2, [0], [1]), Blocks(sizes), x.mean(0), np.cov(x.T)).linear
    narrow, wide = (np.asarray(linear(z, sizes)) for z, sizes in ((x, (1, 2)), (x @ widen, (1, 3))))
    np.testing.assert_allclose(x @ narrow, x @ widen @ wide @ widen.T, atol=1e-8)
    with pytest.raises(ValueError, match="num_mc=0: expected at least one pair"):
        pathwise.gradient(jax.random.key(0), ms.tc(N), VP(), BLOCKS, lambda x, tau: x, whitened(32), num_mc=0)


def test_entropy_weights_are_those_of_the_definitions():
    whole, pairs = frozenset(range(3)), [frozenset(range(3)) - {i} for i in range(3)]
    assert pathwise.entropy_weights(ms.tc(3)) == {whole: -1.0} | {frozenset([i]): 1.0 for i in range(3)}
    assert pathwise.entropy_weights(ms.dtc(3)) == pytest.approx({whole: -2.0} | dict.fromkeys(pairs, 1.0))
    for form in ("conditional", "reverse", "joint"):
        assert pathwise.entropy_weights(ms.mi(3, [0], [1, 2], form)) == pytest.approx(
            {frozenset([0]): 1.0, frozenset([1, 2]): 1.0, whole: -1.0}
        )


def test_value_comes_with_the_gradient_and_missing_views_are_named(x64):
    sde, w, z = VP(), jnp.asarray(mixing()), whitened(32)
    score = gaussian.oracle(sde, BLOCKS, np.zeros(D), np.asarray(w @ w.T))
    f = pathwise.differentiable(ms.tc(N), sde, BLOCKS, score, value=lambda key, x: jnp.mean(x**2), num_mc=1)
    value, grad = jax.value_and_grad(lambda w: f(jax.random.key(0), z @ w.T))(w)
    assert value == pytest.approx(float(jnp.mean((z @ w.T) ** 2))) and jnp.isfinite(grad).all()
    known = ms.dtc(N).views()
    with pytest.raises(ValueError, match="4 views that were not trained"):
        pathwise.gradient(jax.random.key(0), ms.dtc(N), sde, BLOCKS, score, z, trained=known)
    pathwise.gradient(jax.random.key(0), ms.dtc(N), sde, BLOCKS, score, z, trained=known + pathwise.views(ms.dtc(N)))
    assert all(vw.given(v) == () for v in pathwise.views(ms.o_info(N)))


def test_ascent_finds_the_direction_that_informs(x64):
    """A unit projection of four coordinates that knows most of a fifth: canonical correlation, by gradient ascent."""
    sde, blocks = VP(), Blocks((1, 1))
    a = mixing(3)
    cov = a @ a.T
    sxx, sxy, syy = cov[:4, :4], cov[:4, 4], cov[4, 4]
    best = np.linalg.solve(sxx, sxy)
    rho2 = lambda u: (u @ sxy) ** 2 / (u @ sxx @ u * syy)
    z = whitened(256, 4) @ a.T

    @jax.jit
    def climb(u, key):
        u = u / jnp.sqrt(u @ sxx @ u)
        both = jnp.stack([u @ cov[:4, :4] @ u, u @ sxy, u @ sxy, syy]).reshape(2, 2)
        f = pathwise.differentiable(
            ms.mi(2, [0], [1]), sde, blocks, gaussian.oracle(sde, blocks, np.zeros(2), both), logsnr=8.0, num_mc=2
        )
        rows = lambda u: jnp.stack([z[:, :4] @ u / jnp.sqrt(u @ sxx @ u), z[:, 4]], 1)
        return u + 0.1 * jax.grad(lambda u: f(key, rows(u)))(u)

    u = jnp.asarray(np.random.default_rng(5).normal(size=4))
    for key in jax.random.split(jax.random.key(0), 300):
        u = climb(u, key)
    assert rho2(np.asarray(u)) > 0.99 * rho2(best)
