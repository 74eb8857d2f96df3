"""Samplers with exact scores: order of convergence, limiting law, conditioning, guidance, resampling."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiers import few

from jaxinfo import gaussian, samplers
from jaxinfo.blocks import Blocks
from jaxinfo.sde import DDPM, FAMILIES, VP

pytestmark = pytest.mark.usefixtures("quick_compile")
SCALAR = Blocks((1,))
PAIR = Blocks((1, 1))
COV = np.asarray([[1.0, 0.8], [0.8, 1.0]])
STEPPERS = {
    "euler_maruyama": (samplers.euler_maruyama, 1.0),
    "heun": (samplers.heun, 2.0),
    "ddim": (samplers.ddim, 1.0),
    "ddim, eta 1": (lambda sde: samplers.ddim(sde, 1.0), 1.0),
    "ddpm": (samplers.ddpm, 1.0),
    "ddpm, large": (lambda sde: samplers.ddpm(sde, "large"), 1.0),
    "ddpm, learned": (lambda sde: samplers.ddpm(sde, lambda x, t: 0.5 + 0.0 * x), 1.0),
}
METHODS = [samplers.euler_maruyama, samplers.heun, samplers.ddim, samplers.ddpm, samplers.predictor_corrector]
CONTINUOUS = sorted(set(FAMILIES) - {"ddpm"})
tier = lambda m, f: () if f == "vp" else pytest.mark.broad if m is samplers.heun else pytest.mark.slow
WALKS = [pytest.param(m, f, id=f"{m.__name__}-{f}", marks=tier(m, f)) for m in METHODS for f in sorted(FAMILIES)]


def oracle(sde, blocks, cov, mean=None):
    return gaussian.oracle(sde, blocks, np.zeros(blocks.dim) if mean is None else mean, cov)


COUNTS = np.asarray([80, 160, 320, 640])


def final_variances(sde, stepper, variance, lo, hi):
    """Relative error of the variance at the last time for COUNTS steps, exactly: with a Gaussian score every step is
    linear, x' = a x + s z.  Short walks stand still at their end."""
    predict = samplers.through(oracle(sde, SCALAR, np.eye(1) * variance), sde, SCALAR, (1,))
    walks = [np.asarray(samplers.grid(sde, int(k), lo, hi)) for k in COUNTS]
    walks = jnp.asarray([np.pad(w, (0, COUNTS[-1] + 1 - w.size), mode="edge") for w in walks])
    wanted = lambda t: sde.alpha(t) ** 2 * variance + sde.sigma2(t)

    def body(v, t):
        mean, std = stepper(predict, jnp.ones((1, 1)), t[0], t[1])
        return jnp.where(t[0] > t[1], (mean**2 * v + std**2)[0, 0], v), None

    walk = lambda times: jax.lax.scan(body, wanted(times[0]), jnp.stack([times[:-1], times[1:]], 1))[0]
    return np.abs(jax.jit(jax.vmap(walk))(walks) / wanted(walks[:, -1]) - 1.0)


@pytest.mark.parametrize("family", few(CONTINUOUS, "vp"))
@pytest.mark.parametrize("name", sorted(STEPPERS))
def test_weak_order(name, family, x64):
    """The error of the variance falls as steps^-order: fitted slope."""
    sde, (make, order) = FAMILIES[family](), STEPPERS[name]
    errors = final_variances(sde, make(sde), 0.5, -6.0, 6.0)
    slope = -np.polyfit(np.log(COUNTS), np.log(errors), 1)[0]
    assert slope > order - 0.25, f"{name} on {family}: slope {slope:.2f}, errors {errors}"
    assert errors[-1] < (2e-2 if order == 1.0 else 1e-4)


@pytest.mark.parametrize("spacing", samplers.SPACINGS)
def test_grids_fall_and_reach_their_ends(spacing, x64):
    for family in FAMILIES.values():
        sde = family()
        times = samplers.grid(sde, 40, -5.0, 5.0, spacing)
        assert times.shape == (41,) and (jnp.diff(times) < 0).all()
        np.testing.assert_allclose(sde.logsnr(times[jnp.asarray([0, -1])]), [-5.0, 5.0], atol=1e-4)


@pytest.mark.parametrize("method, family", WALKS)
def test_limiting_covariance(method, family, x64):
    sde, n = FAMILIES[family](), 8000
    predict = samplers.through(oracle(sde, PAIR, COV, np.asarray([0.5, -1.0])), sde, PAIR, (1, 1))
    times = samplers.grid(sde, 120, -7.0, 8.0)
    key, k0 = jax.random.split(jax.random.key(0))
    x = samplers.start(k0, sde, times[0], (n, 2), jnp.float64)
    x = jax.jit(lambda k, x: samplers.sample(k, method(sde), predict, x, times))(key, x)
    stderr = np.sqrt(2.0 / n)
    np.testing.assert_allclose(np.cov(x.T), COV, atol=5 * stderr + 0.03)
    np.testing.assert_allclose(x.mean(0), [0.5, -1.0], atol=5 / np.sqrt(n) + 0.02)


def test_corrector_mends_a_coarse_walk(x64):
    """Twelve Euler–Maruyama steps leave a wrong variance; Langevin steps at every time pull it back."""
    sde, n = VP(), 8000
    predict = samplers.through(oracle(sde, PAIR, COV), sde, PAIR, (1, 1))
    times = samplers.grid(sde, 12, -6.0, 6.0)
    x = samplers.start(jax.random.key(1), sde, times[0], (n, 2), jnp.float64)
    wanted = np.exp(6) / (1 + np.exp(6)) * COV + np.eye(2) / (1 + np.exp(6))

    def miss(method):
        out = samplers.sample(jax.random.key(2), method, predict, x, times)
        return np.abs(np.cov(out.T) - wanted).max()

    assert miss(samplers.predictor_corrector(sde, 10, 0.3)) < 0.5 * miss(samplers.euler_maruyama(sde))


def test_the_ddpm_grid_is_walked_as_published(x64):
    """On DDPM's own times the small variance is beta-tilde and the mean is that of Eq. 2.38."""
    sde = DDPM()
    k = 400
    t, t_next = jnp.asarray(k / 1000), jnp.asarray((k - 1) / 1000)
    beta, bar, bar_next = sde.betas[k - 1], sde.alpha(t) ** 2, sde.alpha(t_next) ** 2
    predict = lambda x, t: 0.3 * x
    x = jnp.asarray([[1.7]])
    mean, std = samplers.ddpm(sde)(predict, x, t, t_next)
    np.testing.assert_allclose(mean, (x - beta / jnp.sqrt(1 - bar) * 0.3 * x) / jnp.sqrt(1 - beta), rtol=1e-5)
    np.testing.assert_allclose(std**2, beta * (1 - bar_next) / (1 - bar), rtol=1e-4)
    np.testing.assert_allclose(samplers.ddpm(sde, "large")(predict, x, t, t_next)[1] ** 2, beta, rtol=1e-4)


def test_ddim_with_full_noise_has_the_mean_and_variance_of_ddpm(x64):
    sde, x = VP(), jnp.asarray([[1.7, -0.2]])
    predict = lambda x, t: jnp.tanh(x)
    for t, t_next in ((0.9, 0.7), (0.3, 0.1)):
        one, two = (m(predict, x, t, t_next) for m in (samplers.ddim(sde, 1.0), samplers.ddpm(sde)))
        np.testing.assert_allclose(one[0], two[0], rtol=1e-8)
        np.testing.assert_allclose(one[1], two[1], rtol=1e-8)


@pytest.mark.parametrize("method, family", WALKS)
def test_given_variables_stay_and_condition(method, family, x64):
    """x_1 | x_2 = 1.5 has mean 1.2 and variance 0.36."""
    sde, n = FAMILIES[family](), 8000
    given = jnp.tile(jnp.asarray([[0.0, 1.5]]), (n, 1))
    predict = samplers.through(oracle(sde, PAIR, COV), sde, PAIR, (1, 0), given)
    times = samplers.grid(sde, 100, -7.0, 9.0)
    x = samplers.start(jax.random.key(3), sde, times[0], (n, 2), jnp.float64)
    x = jax.jit(lambda k, x: samplers.sample(k, method(sde), predict, x, times))(jax.random.key(4), x)[:, 0]
    assert abs(float(x.mean()) - 1.2) < 5 * 0.6 / np.sqrt(n) + 0.01
    assert abs(float(x.var()) - 0.36) < 5 * 0.36 * np.sqrt(2 / n) + 0.02


def test_absent_variables_are_integrated_out(x64):
    sde = VP()
    predict = samplers.through(oracle(sde, PAIR, COV), sde, PAIR, (1, 2))
    x = jnp.asarray([[0.3, 5.0], [0.3, -7.0]])
    eps = predict(x, 0.2)
    assert eps[0, 0] == eps[1, 0] and (eps[:, 1] == 0).all()


@pytest.mark.parametrize("family", ["vp", "ddpm"])
def test_a_walk_may_begin_at_the_end_of_the_path(family):
    """At exactly T a clock says ABSENT: the first step would read a score of zero."""
    sde = FAMILIES[family]()
    predict = samplers.through(oracle(sde, SCALAR, np.eye(1)), sde, SCALAR, (1,))
    x = jnp.asarray([[1.0]])
    for t in (jnp.asarray(1.0), 1.0, jnp.asarray(1, jnp.int32)):
        np.testing.assert_allclose(predict(x, t), predict(x, 1.0 - 1e-6), rtol=1e-3)
    assert predict(x, 1.0)[0, 0] > 0.9


def test_missing_rows_and_wrong_names_are_refused():
    with pytest.raises(ValueError, match="pass their rows as given"):
        samplers.through(lambda x, tau: x, VP(), PAIR, (1, 0))
    with pytest.raises(ValueError, match="'small', 'large' or a function"):
        samplers.ddpm(VP(), "medium")
    with pytest.raises(ValueError, match="a spacing among"):
        samplers.grid(VP(), 10, spacing="even")
    with pytest.raises(ValueError, match="must be at least 1"):
        samplers.repaint_schedule(10, 0)


MIXTURE = (np.asarray([0.5, 0.5]), np.asarray([[-2.0], [2.0]]), np.ones((2, 1, 1)))


def test_guidance_moves_mass_the_right_way(x64):
    """Two components at ∓2; the class label is the side.  Weight 1 of a classifier is the posterior."""
    sde, n = VP(), 4000
    joint = samplers.through(gaussian.mixture_oracle(sde, SCALAR, *MIXTURE), sde, SCALAR, (1,))
    right = samplers.through(oracle(sde, SCALAR, np.eye(1), np.asarray([2.0])), sde, SCALAR, (1,))

    def log_prob(x, t):  # of the right component at time t: both have variance alpha² + sigma² = 1
        return jax.nn.log_sigmoid(4.0 * sde.alpha(t) * x[:, 0])

    times = samplers.grid(sde, 60, -7.0, 7.0)
    x = samplers.start(jax.random.key(5), sde, times[0], (n, 1), jnp.float64)
    walk = lambda p: samplers.sample(jax.random.key(6), samplers.heun(sde), p, x, times)[:, 0]
    plain = walk(joint)
    assert abs(float((plain > 0).mean()) - 0.5) < 5 * 0.5 / np.sqrt(n)
    posterior = walk(samplers.classifier(joint, sde, log_prob, 1.0))
    assert abs(float(posterior.mean()) - 2.0) < 0.1 and float((posterior > 0).mean()) > 0.95
    away = walk(samplers.classifier(joint, sde, log_prob, -1.0))
    assert float((away > 0).mean()) < 0.2
    np.testing.assert_allclose(walk(samplers.classifier_free(right, joint, 0.0)).mean(), 2.0, atol=0.1)
    assert walk(samplers.classifier_free(right, joint, 1.0)).mean() > 2.1


def test_repaint_counts_as_published():
    visited = samplers.repaint_schedule(250, 10, 10)
    assert (np.diff(visited) > 0).sum() == 2410 and visited[0] == 0 and visited[-1] == 250
    assert set(np.abs(np.diff(visited))) == {1}
    np.testing.assert_array_equal(samplers.repaint_schedule(5, 1, 2), np.arange(6))


def test_repaint_nears_the_conditional(x64):
    """From the joint score alone; walking back and forth brings the conditional mean nearer."""
    sde, n = VP(), 4000
    predict = samplers.through(oracle(sde, PAIR, COV), sde, PAIR, (1, 1))
    times = samplers.grid(sde, 40, -6.0, 7.0)
    x = samplers.start(jax.random.key(7), sde, times[0], (n, 2), jnp.float64)
    known = jnp.tile(jnp.asarray([[0.0, 1.5]]), (n, 1))

    def mean(resamplings):
        run = jax.jit(
            lambda x: samplers.repaint(
                jax.random.key(8), samplers.ddpm(sde), predict, x, times, sde, known=known,
                is_known=jnp.asarray([False, True]), resamplings=resamplings, jump=4,
            )
        )  # fmt: skip
        out = run(x)
        assert (out[:, 1] == 1.5).all()
        return float(out[:, 0].mean())

    once, often = mean(1), mean(12)
    assert abs(often - 1.2) < abs(once - 1.2)
    assert abs(often - 1.2) < 0.1


def test_one_trace_states_and_constraints():
    sde, count = VP(), 0
    times = samplers.grid(sde, 5)

    @jax.jit
    def run(key, x):
        nonlocal count
        count += 1
        return samplers.sample(key, samplers.ddpm(sde), lambda x, t: 0.1 * x, x, times, trace=True)

    states = run(jax.random.key(0), jnp.ones((3, 2)))
    run(jax.random.key(1), jnp.zeros((3, 2)))
    assert count == 1 and states.shape == (5, 3, 2)
    last = samplers.sample(jax.random.key(0), samplers.ddpm(sde), lambda x, t: 0.1 * x, jnp.ones((3, 2)), times)
    np.testing.assert_allclose(states[-1], last, rtol=1e-5)
    held = samplers.sample(
        jax.random.key(0), samplers.ddpm(sde), lambda x, t: x, jnp.ones((3, 2)), times, constrain=lambda k, x, t: 0 * x
    )
    assert (held == 0).all()
