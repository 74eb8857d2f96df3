"""Log-density by the probability flow, with exact scores: an entropy that knows nothing of the integral."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxinfo as ji
from jaxinfo import gaussian, likelihood, times
from jaxinfo import measures as ms
from jaxinfo.blocks import Blocks
from jaxinfo.sde import VE, VP, Cosine

pytestmark = pytest.mark.usefixtures("quick_compile")
BLOCKS = Blocks((1, 2))
A = np.asarray([[1.0, 0.0, 0.0], [0.7, 0.8, 0.0], [-0.5, 0.3, 0.6]])
COV, MEAN = A @ A.T, np.asarray([0.3, -1.0, 2.0])


def rows(n):
    return jnp.asarray(np.random.default_rng(0).standard_normal((n, 3)) @ A.T + MEAN)


def normal(x, mean, cov):
    r = x - mean
    return -0.5 * (x.shape[1] * np.log(2 * np.pi) + np.linalg.slogdet(cov)[1] + (r @ np.linalg.inv(cov) * r).sum(1))


@pytest.mark.parametrize("family", [VP, Cosine, VE])
@pytest.mark.parametrize("view", [(1, 1), (1, 2), (1, 0), (0, 1)])
def test_gaussian_rows(family, view, x64):
    """Every row's log-density, joint, marginal and conditional."""
    sde, x = family(), rows(6)
    noised = [k for k in range(3) if view[BLOCKS.owner[k]] == 1]
    given = [k for k in range(3) if view[BLOCKS.owner[k]] == 0]
    got = likelihood.log_density(
        gaussian.oracle(sde, BLOCKS, MEAN, COV), sde, BLOCKS, x, view,
        cov=COV[np.ix_(noised, noised)], lo=-9.0, hi=14.0,
    )  # fmt: skip
    joint = noised + given
    blurred = COV.copy()  # the flow starts at the clean end of the path, which VE reaches at 9.2
    blurred[noised, noised] += np.exp(-min(14.0, float(sde.logsnr_range()[1])))
    wanted = normal(x[:, joint], MEAN[joint], blurred[np.ix_(joint, joint)])
    if given:
        wanted -= normal(x[:, given], MEAN[given], COV[np.ix_(given, given)])
    np.testing.assert_allclose(got, wanted, atol=3e-3)


def test_entropy_of_a_mixture_two_ways(x64):
    """Likelihood entropy and score entropy of the same rows, within three standard errors of their difference."""
    sde, blocks = VP(), Blocks((2,))
    weights, means = np.asarray([0.3, 0.7]), np.asarray([[-1.5, 0.0], [1.5, 1.0]])
    covs = np.stack([np.eye(2) * 0.3, np.asarray([[0.5, 0.3], [0.3, 0.4]])])
    rng = np.random.default_rng(1)
    which = rng.choice(2, 1000, p=weights)
    x = np.stack([rng.multivariate_normal(means[k], covs[k]) for k in which])
    score = gaussian.mixture_oracle(sde, blocks, weights, means, covs)
    mean, cov = x.mean(0), np.cov(x.T)
    log_p = likelihood.log_density(score, sde, blocks, jnp.asarray(x), (1,), cov=cov, hi=14.0, steps=60)
    exact = np.log(sum(w * np.exp(normal(x, m, c)) for w, m, c in zip(weights, means, covs)))
    np.testing.assert_allclose(log_p, exact, atol=3e-2)
    assert abs(float(log_p.mean()) - exact.mean()) < 2e-3
    e = ji.evaluate(
        jax.random.key(0), {"entropy": ms.entropy(1, [0])}, sde, blocks, score, jnp.asarray(x),
        times=times.stratified(sde, -8.0, 14.0), num_mc=16, mean=mean, cov=cov,
    )["entropy"]  # fmt: skip
    residual = np.asarray(e.per_sample) + np.asarray(log_p)
    stderr = residual.std() / np.sqrt(residual.size)
    assert stderr < 0.03
    assert abs(residual.mean()) < 3 * stderr


def test_random_probes_are_right_on_average(x64):
    sde, x = VP(), rows(4)
    common = dict(cov=COV, steps=60)
    score = gaussian.oracle(sde, BLOCKS, MEAN, COV)
    exact = likelihood.log_density(score, sde, BLOCKS, x, (1, 1), **common)
    keys = jax.random.split(jax.random.key(0), 60)
    drawn = jax.vmap(lambda k: likelihood.log_density(score, sde, BLOCKS, x, (1, 1), probes=2, key=k, **common))(keys)
    stderr = drawn.std(0) / np.sqrt(60)
    assert (stderr < 0.15).all()
    assert (jnp.abs(drawn.mean(0) - exact) < 5 * stderr).all()
    with pytest.raises(ValueError, match="need a key"):
        likelihood.log_density(score, sde, BLOCKS, x, (1, 1), probes=2, **common)
    with pytest.raises(ValueError, match=r"expected shape \(3, 3\), got \(3,\)"):
        likelihood.log_density(score, sde, BLOCKS, x, (1, 1), cov=np.diag(COV))
