"""Samplers of times: exact weights, even strata, and clocks that never stand on an end."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracle_tools import assert_rows

from jaxinfo import sde as paths
from jaxinfo import times

pytestmark = pytest.mark.usefixtures("quick_compile")
SIMPSON = {name: F for name, F in paths.FAMILIES.items() if name not in ("cosine", "rectified_flow")}


def bump(logsnr):
    """A function of log-SNR with mean 1.5, width 3 and integral sqrt(2 pi) * 3."""
    return jnp.exp(-0.5 * ((logsnr - 1.5) / 3.0) ** 2)


@pytest.mark.parametrize("name", sorted(paths.FAMILIES))
@pytest.mark.parametrize("method", ["stratified", "adaptive"])
def test_log_snr_is_integrated_whatever_the_path(name, method, x64):
    """On DDPM and VE only as far as the path goes."""
    sde = paths.FAMILIES[name]()
    lo, hi = times.clip_range(sde, -12.0, 16.0)
    where = times.stratified(sde, -12.0, 16.0)
    if method == "adaptive":
        where = times.adaptive(sde, lo, hi, jnp.linspace(0.0, 3.0, 24))
    assert (where.lo, where.hi) == (lo, hi)
    t, w = where.sample(jax.random.key(0), (4, 2000))
    truth = float(np.trapezoid(bump(np.linspace(lo, hi, 20_001)), dx=(hi - lo) / 20_000))
    rows = (w * bump(sde.logsnr(t))).mean(0)
    assert_rows(rows, truth, max_se=0.15, what=name)
    assert abs(float(rows.mean()) - truth) < 0.01  # strata: far better than independent draws


@pytest.mark.parametrize("name", ["vp", "subvp"])
def test_published_samplers_have_exact_weights(name, x64):
    """The importance sampler's weight below t_eps is not the constant of the published code."""
    sde = paths.FAMILIES[name]()
    for where in (times.uniform(sde, t_min=1e-4), times.importance(sde)):
        t, w = where.sample(jax.random.key(1), (20, 5000))
        truth = float(np.trapezoid(bump(np.linspace(where.lo, where.hi, 40_001)), dx=(where.hi - where.lo) / 40_000))
        assert_rows((w * bump(sde.logsnr(t))).mean(0), truth, max_se=0.05, what=name)


def test_importance_times_need_a_path_with_ends():
    for name in ("cosine", "rectified_flow"):
        with pytest.raises(ValueError, match="finite at T"):
            times.importance(paths.FAMILIES[name]())
    ddpm = paths.FAMILIES["ddpm"]()
    assert times.importance(ddpm).hi == pytest.approx(float(ddpm.logsnr_range()[1]))  # its cleanest state
    with pytest.raises(ValueError, match="begins before t = 0.0001"):
        times.importance(ddpm, 1e-4)


def test_the_published_constant_weight_is_capped_and_ours_is_not(x64):
    """A pair that shares endlessly many nats has the integrand ½ sigmoid(λ): constant weights read 5.10 nats of it."""
    sde, t_eps = paths.VP(), 1e-3
    where = times.importance(sde, t_eps)
    t, w = where.sample(jax.random.key(0), (64, 4000))
    endless = 0.5 * jax.nn.sigmoid(sde.logsnr(t))
    constant = float(w[t > t_eps][0])
    np.testing.assert_allclose(w[t > t_eps], constant)
    assert float((constant * endless).mean()) == pytest.approx(5.10, abs=0.01)
    assert where.hi > 18.0
    assert float((w * endless).mean()) == pytest.approx(0.5 * where.hi, abs=0.1)  # heavy-tailed: 1/t below t_eps


def test_rows_hit_every_stratum_once_and_fill_it_evenly():
    where = times.stratified(paths.VP(), -8.0, 12.0)
    t, w = where.sample(jax.random.key(2), (8, 500))
    u = np.sort((np.asarray(paths.VP().logsnr(t)) + 8.0) / 20.0, axis=1)
    np.testing.assert_array_equal(np.floor(u * 8), np.repeat(np.arange(8)[:, None], 500, 1))
    within = u * 8 - np.arange(8)[:, None]
    assert np.abs(within - (np.arange(500) + 0.5) / 500).max() < 1.1 / 500
    np.testing.assert_allclose(w, 20.0, rtol=1e-5)


def test_draws_follow_the_density(x64):
    mass = np.asarray([1.0, 3.0, 0.5, 5.5])
    where = times.stratified(paths.VP(), -8.0, 12.0, density=mass)
    t, w = where.sample(jax.random.key(3), (4, 10_000))
    bins = np.floor((np.asarray(paths.VP().logsnr(t)) + 8.0) / 5.0).astype(int)
    np.testing.assert_allclose(np.bincount(bins.ravel()) / bins.size, mass / mass.sum(), atol=1e-3)
    np.testing.assert_allclose(w, (5.0 / (mass / mass.sum()))[bins], rtol=1e-9)


def test_adaptive_keeps_a_floor_and_survives_a_blank_pilot(x64):
    sde = paths.VP()
    second = jnp.zeros(10).at[4].set(9.0)
    _, w = times.adaptive(sde, -8.0, 12.0, second, floor=0.2).sample(jax.random.key(0), (10, 2000))
    assert float(w.max()) == pytest.approx(2.0 / 0.02) and float(w.min()) == pytest.approx(2.0 / 0.82)
    _, w = times.adaptive(sde, -8.0, 12.0, jnp.zeros(10)).sample(jax.random.key(0), (10, 2000))
    np.testing.assert_allclose(w, 20.0, rtol=1e-9)


@pytest.mark.parametrize("rule, num, degree", [("gauss", 6, 11), ("simpson", 7, 3)])
def test_rules_are_exact_for_polynomials(rule, num, degree):
    x, w = times.nodes_and_weights(num, -2.0, 3.0, rule)
    assert w.sum() == pytest.approx(5.0)
    for k in range(degree + 1):
        assert w @ x**k == pytest.approx((3.0 ** (k + 1) - (-2.0) ** (k + 1)) / (k + 1), rel=1e-10)
    assert abs(w @ x ** (degree + 1) - (3.0 ** (degree + 2) - (-2.0) ** (degree + 2)) / (degree + 2)) > 1e-3


@pytest.mark.parametrize("name", sorted(paths.FAMILIES))
def test_quadrature_of_the_integrand_of_a_gaussian(name, x64):
    """∫ ½ (1/(1+e^−λ) − s e^λ/(1 + s e^λ)) dλ, what one nat looks like: 32 nodes give four digits."""
    sde = paths.FAMILIES[name]()
    s = np.exp(-2.0)
    lo, hi = times.clip_range(sde, -12.0, 14.0)
    primitive = lambda v: 0.5 * (np.logaddexp(0.0, v) - np.logaddexp(0.0, v + np.log(s)))
    for rule, m in (("gauss", 32), ("simpson", 65)):
        t, w = times.quadrature(sde, -12.0, 14.0, rule).sample(jax.random.key(0), (m, 3))
        v = sde.logsnr(t)
        value = (w * 0.5 * (jax.nn.sigmoid(v) - jax.nn.sigmoid(v + np.log(s)))).mean(0)
        np.testing.assert_allclose(value, primitive(hi) - primitive(lo), atol=1e-4)
        assert (t[:, :1] == t).all()


@pytest.mark.parametrize("name", sorted(SIMPSON))
@pytest.mark.parametrize("wide", [False, True])
def test_no_clock_stands_on_an_end(name, wide):
    """Clock 0 means GIVEN and clock T means ABSENT; the noisy end of a path is a node of Simpson's rule."""
    with jax.enable_x64(wide):
        sde = SIMPSON[name]()
        samplers = [times.quadrature(sde, -200.0, 30.0, "simpson"), times.stratified(sde, -200.0, 30.0)]
        samplers += [times.importance(sde), times.uniform(sde)]
        for where in samplers:
            t, w = jax.jit(where.sample, static_argnums=1)(jax.random.key(0), (65, 64))
            assert ((t > 0.0) & (t < sde.T)).all()
            assert jnp.isfinite(w).all() and (w > 0).all()
            assert t.shape == w.shape == (65, 64) and t.dtype == w.dtype == (jnp.float64 if wide else jnp.float32)
        ends = jnp.asarray([0.0, 1.0]), jnp.asarray([0.0, 1.0 - 1e-17])
        for t in ends:
            assert ((times.inside(sde, t) > 0) & (times.inside(sde, t) < sde.T)).all()


def test_ranges_are_clipped_to_the_path():
    lo, hi = times.clip_range(paths.VE(), -100.0, 100.0)
    assert (lo, hi) == pytest.approx((-2 * np.log(50.0), -2 * np.log(0.01)), abs=1e-5)
    assert times.clip_range(paths.Cosine(), -30.0, 30.0) == (-30.0, 30.0)
    # also inside a trace, where the range must stay a number
    for sde in (paths.VP(), paths.Cosine(), paths.DDPM()):
        made = jax.jit(lambda k, sde=sde: times.stratified(sde, -8.0, 20.0).sample(k, (2, 4))[0])(jax.random.key(0))
        assert jnp.isfinite(made).all()
