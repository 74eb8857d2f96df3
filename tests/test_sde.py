"""Paths: two functions stated, the rest derived."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinfo import sde as paths

T = np.linspace(0.01, 0.99, 41)


@pytest.fixture(params=sorted(paths.FAMILIES))
def sde(request, x64):
    return paths.FAMILIES[request.param]()


def beta(t):
    return 0.1 + 19.9 * t


def big_b(t):
    return 0.1 * t + 9.95 * t**2


CLOSED = {
    "vp": (lambda t: -0.5 * beta(t), beta),
    "subvp": (lambda t: -0.5 * beta(t), lambda t: beta(t) * (1 - np.exp(-2 * big_b(t)))),
    "ve": (lambda t: 0 * t, lambda t: 2 * np.log(5000.0) * 0.01**2 * 5000.0 ** (2 * t)),
    "rectified_flow": (lambda t: -1 / (1 - t), lambda t: 2 * t + 2 * t**2 / (1 - t)),
}


@pytest.mark.parametrize("name", sorted(CLOSED))
def test_derived_drift_and_diffusion_equal_the_closed_forms(name, x64):
    s = paths.FAMILIES[name]()
    f, g2 = CLOSED[name]
    np.testing.assert_allclose(s.f(jnp.asarray(T)), f(T), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(s.g2(jnp.asarray(T)), g2(T), rtol=1e-10)


def test_logsnr_falls_at_the_rate_of_the_integral(sde):
    t = jnp.asarray(T) + 1e-4  # off DDPM's grid, where its path has corners
    rate = jax.vmap(jax.grad(lambda u: sde.logsnr(u)))(t)
    np.testing.assert_allclose(rate, -sde.g2(t) / sde.sigma2(t), rtol=1e-8)
    assert (np.diff(sde.logsnr(t)) < 0).all()


def test_time_inverts_logsnr(sde):
    t = jnp.asarray(T)
    np.testing.assert_allclose(sde.time(sde.logsnr(t)), t, rtol=1e-7)


def test_kernel_and_perturb_agree(sde):
    t = jnp.full((20_000, 1), 0.4)
    x_t, eps = sde.perturb(jax.random.key(0), jnp.full((20_000, 1), 2.0), t)
    mean, sigma = sde.kernel(jnp.asarray(2.0), jnp.asarray(0.4))
    np.testing.assert_allclose(x_t, mean + sigma * eps, rtol=1e-12)
    assert abs(x_t.mean() - mean) < 5 * sigma / np.sqrt(20_000)
    assert abs(sde.prior(jax.random.key(1), (20_000,)).std() / sde.sigma(jnp.asarray(1.0)) - 1) < 0.03


def test_single_precision_keeps_the_noise_near_the_clean_end():
    t = np.asarray([1e-6, 1e-5, 1e-3])
    exact = np.sqrt(-np.expm1(-big_b(t)))
    np.testing.assert_allclose(paths.VP().sigma(jnp.asarray(t, jnp.float32)), exact, rtol=1e-4)


def test_hyper_parameters_are_leaves():
    traces = 0

    @jax.jit
    def f(s, t):
        nonlocal traces
        traces += 1
        return s.logsnr(t)

    for beta_max in (10.0, 20.0):
        f(paths.VP(0.1, beta_max), jnp.asarray(0.5))
    assert traces == 1
    many = jax.vmap(lambda b: paths.VP(0.1, b).logsnr(0.5))(jnp.asarray([10.0, 20.0]))
    assert many[0] > many[1]


def test_published_ends():
    assert float(paths.DDPM().logsnr_range()[1]) == pytest.approx(9.21, abs=0.01)
    assert float(paths.VE().logsnr_range()[1]) == pytest.approx(9.21, abs=0.01)
