"""What must hold between measures, with exact scores: chain rules, symmetries, and that the path does not matter."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracle_tools import BATCH, SIZES, Rows, assert_rows, draw, registry, sampler, system

import jaxinfo as ji
from jaxinfo import divergence, gaussian, times
from jaxinfo import measures as ms
from jaxinfo.blocks import Blocks
from jaxinfo.plan import plan
from jaxinfo.sde import VP, Cosine

pytestmark = pytest.mark.usefixtures("quick_compile")
BLOCKS = Blocks((1, 2, 1))
N, D = 3, 4
RNG = np.random.default_rng(0)
ROOT = RNG.normal(size=(D, D)) * 0.6 + np.eye(D)
COV = ROOT @ ROOT.T
ROWS = 4000


@pytest.fixture
def rows(x64):
    return np.random.default_rng(1).multivariate_normal(np.zeros(D), COV, size=ROWS)


def read(measures, rows, cov=COV, blocks=BLOCKS, key=0, mean=None, **options):
    """Estimates from the exact scores of N(mean, cov)."""
    mean = np.zeros(blocks.dim) if mean is None else mean
    views = tuple(dict.fromkeys(v for m in measures.values() for v in m.views()))
    sde = options.pop("sde", VP())
    score = gaussian.factored_score(sde, blocks, gaussian.factors(blocks, mean, cov, views))
    where = options.pop("times", times.stratified(sde, -10.0, 18.0))
    return ji.evaluate(
        jax.random.key(key), measures, sde, blocks, score, rows, times=where, num_mc=4, mean=mean, cov=cov, **options
    )


def same(a, b, k=5.0):
    """Equal in expectation: rows are shared, so the error is that of the rows' differences."""
    d = a.per_sample - b.per_sample
    # 1e-5 nats: what the noisy end, alpha(T)^2 = e^-10, leaves out of forms that differ there.
    assert abs(d.mean()) < k * d.std() / np.sqrt(d.size) + 1e-5


def test_exact_row_by_row_identities(rows):
    """With common random numbers these hold for every row, whatever the scores."""
    e = read({"tc": ms.tc(N), "dtc": ms.dtc(N), "s": ms.s_info(N), "o": ms.o_info(N)}, rows)
    np.testing.assert_allclose(e["s"].per_sample, e["tc"].per_sample + e["dtc"].per_sample, atol=1e-8)
    np.testing.assert_allclose(e["o"].per_sample, e["tc"].per_sample - e["dtc"].per_sample, atol=1e-8)


def test_forms_chain_rules_and_gradient_two_ways(rows):
    pairs = {
        "forms": (ms.mi(N, [0], [1]), ms.mi(N, [0], [1], "joint")),
        "direction": (ms.mi(N, [0], [1]), ms.mi(N, [0], [1], "reverse")),
        "sigma": (ms.mi(N, [0], [1]), ms.mi(N, [0], [1], "sigma", 1.5)),
        "chain of mi": (ms.mi(N, [0], [1, 2]), ms.mi(N, [0], [1]) + ms.cmi(N, [0], [2], [1])),
        "chain of tc": (ms.tc(N), ms.tc(N, [0, 1]) + ms.mi(N, [0, 1], [2])),
        "given": (ms.tc(N, [0, 2]).given([1]), ms.cmi(N, [0], [2], [1])),
        "tc around one": (ms.tc(N), ms.tc(N, [0, 2]).given([1]) + ms.mi(N, [0], [1]) + ms.mi(N, [2], [1])),
        "omega is co-information": (ms.o_info(N), ms.interaction_information(N, [0], [1], [2])),
        "gradient": (ms.o_info_gradient(N, 1), ms.o_info_gradient(N, 1, form="difference")),
        "entropy": (ms.entropy(N, [0]) + ms.entropy(N, [1, 2], given=[0]), ms.entropy(N, [0, 1, 2])),
    }
    e = read({f"{k}/{i}": m for k, both in pairs.items() for i, m in enumerate(both)}, rows)
    for k, (a, b) in pairs.items():
        same(e[f"{k}/0"], e[f"{k}/1"])
        closed = [
            sum(c * gaussian.conditional_entropy(BLOCKS, COV, v) for v, c in m.entropies().items()) for m in (a, b)
        ]
        assert closed[0] == pytest.approx(closed[1], abs=1e-9), k


def test_restriction_is_the_subsystem():
    assert ms.o_info(4).restrict(absent=[2]).entropies() == ms.o_info(4, [0, 1, 3]).entropies()
    assert ms.tc(4).restrict(absent=[0]).entropies() == ms.tc(4, [1, 2, 3]).entropies()
    with pytest.raises(ValueError, match="identically zero"):
        ms.o_info(2)


def test_conditioning_keeps_what_is_given_out_of_the_measure():
    known = ms.o_info(4, [0, 1, 2]).given([3])
    assert {v[3] for v in known.views()} == {0}
    assert {v[:3]: c for v, c in known.entropies().items()} == ms.o_info(3).entropies()
    with pytest.raises(ValueError, match="variable 2 is measured or given already"):
        ms.o_info(4, [0, 1, 2]).given([2])


def test_two_variables_have_one_number(rows):
    b = Blocks((1, 3))
    e = read({"tc": ms.tc(2), "dtc": ms.dtc(2), "mi": ms.mi(2, [0], [1])}, rows, blocks=b)
    same(e["tc"], e["mi"])
    same(e["dtc"], e["mi"])


def test_order_of_variables_does_not_matter(rows):
    swap = [3, 1, 2, 0]
    a = read({"o": ms.o_info(N)}, rows)["o"]
    b = read({"o": ms.o_info(N)}, rows[:, swap], cov=COV[np.ix_(swap, swap)])["o"]
    assert abs(a.value - b.value) < 5 * np.hypot(a.stderr, b.stderr)


def test_affine_maps_of_each_variable_change_only_entropy(rows):
    scale = np.asarray([2.0, 0.5, 0.5, 3.0])
    shift = np.asarray([1.0, -1.0, 0.0, 2.0])
    ask = {"tc": ms.tc(N), "h": ms.entropy(N, [0, 1, 2]), "mi": ms.mi(N, [0], [1, 2])}
    a = read(ask, rows, control=True)
    b = read(ask, rows * scale + shift, cov=COV * np.outer(scale, scale), mean=shift, control=True)
    for k in ("tc", "mi"):
        assert abs(a[k].value - b[k].value) < 5 * np.hypot(a[k].stderr, b[k].stderr)
        assert a[k].stderr < 0.05
    assert b["h"].value - a["h"].value == pytest.approx(np.log(scale).sum(), abs=0.01)


def test_independent_variables_share_nothing(rows):
    cov = np.diag(np.diag(COV))
    e = read({"tc": ms.tc(N), "dtc": ms.dtc(N), "o": ms.o_info(N), "mi": ms.mi(N, [0], [1])}, rows, cov=cov)
    for k in ("tc", "o", "mi"):
        assert abs(e[k].diagnostics["difference"]) < 1e-8


def test_the_path_does_not_matter(x64):
    """KL of two Gaussians along clocks that run at different speeds: the same number, the path's ends being the same."""
    blocks, sde = Blocks((1, 1)), Cosine()
    cov_p, cov_q = np.asarray([[1.0, 0.8], [0.8, 1.0]]), np.asarray([[1.5, -0.3], [-0.3, 0.7]])
    truth = 0.5 * (np.trace(np.linalg.solve(cov_q, cov_p)) - 2 + np.log(np.linalg.det(cov_q) / np.linalg.det(cov_p)))
    x0 = jnp.asarray(np.random.default_rng(2).multivariate_normal([0, 0], cov_p, size=20_000))
    s_p, s_q = (gaussian.oracle(sde, blocks, np.zeros(2), c) for c in (cov_p, cov_q))
    where = times.stratified(sde, -10.0, 14.0)
    for name, path in {
        "together": None,
        "second lags": lambda t: jnp.stack([t, t**2], -1),
        "first lags": lambda t: jnp.stack([t**1.5, t], -1),
    }.items():
        values = divergence.score_divergence(
            jax.random.key(0), sde, blocks, s_p, s_q, x0, times=where, num_mc=2, integrand="difference", path=path
        )
        stderr = float(values.std()) / np.sqrt(values.size)
        assert stderr < 0.02
        assert abs(float(values.mean()) - truth) < 5 * stderr, name


def test_difference_equals_gap_on_average(rows):
    ask = {
        "mi": ms.mi(N, [0], [1]), "joint": ms.mi(N, [0], [1], "joint"), "cmi": ms.cmi(N, [0], [1], [2]),
        "tc": ms.tc(N), "dtc": ms.dtc(N), "s": ms.s_info(N), "o": ms.o_info(N), "h": ms.entropy(N, [0, 1]),
        "h sigma": ms.entropy(N, [0, 1], sigma=2.0), "ii": ms.interaction_information(N, [0], [1], [2]),
        "gradient": ms.o_info_gradient(N, 0),
    }  # fmt: skip
    for k, e in read(ask, rows).items():
        assert abs(e.diagnostics["gap"] - e.diagnostics["difference"]) < 5 * e.stderr, k


def test_score_adapters_agree(rows):
    """A score, a denoiser and a noise predictor of one law give one answer."""
    from jaxinfo import views as vw

    sde = VP()
    m = {"mi": ms.mi(N, [0], [1])}
    views = m["mi"].views()
    eps = gaussian.factored_score(sde, BLOCKS, gaussian.factors(BLOCKS, np.zeros(D), COV, views))

    def plain_score(x, tau):
        _, sigma = vw.coefficients(sde, tau)
        sigma = BLOCKS.spread(sigma)
        return jnp.where(sigma > 0, -eps(x, tau) / jnp.where(sigma > 0, sigma, 1.0), 0.0)

    def denoiser(x, tau):
        alpha, sigma = (BLOCKS.spread(c) for c in vw.coefficients(sde, tau))
        return jnp.where(alpha > 0, (x - sigma * eps(x, tau)) / jnp.where(alpha > 0, alpha, 1.0), 0.0)

    from jaxinfo.views import from_score, from_x0

    where = times.stratified(sde, -8.0, 8.0)
    values = [
        ji.evaluate(jax.random.key(0), m, sde, BLOCKS, f, rows[:200], times=where)["mi"].value
        for f in (eps, from_score(sde, BLOCKS, plain_score), from_x0(sde, BLOCKS, denoiser))
    ]
    np.testing.assert_allclose(values, values[0], rtol=1e-6)


def test_one_variable_after_the_other_is_the_chain_rule(x64):
    """A staircase: x_1 is noised away with x_2 clean, then x_2; clocks stand on both ends, where rates are infinite."""
    blocks, sde = Blocks((1, 1)), VP()
    cov_p, cov_q = np.asarray([[1.0, 0.8], [0.8, 1.0]]), np.asarray([[1.5, -0.3], [-0.3, 0.7]])
    kl = lambda p, q: 0.5 * (np.trace(np.linalg.solve(q, p)) - len(p) + np.log(np.linalg.det(q) / np.linalg.det(p)))
    x0 = jnp.asarray(np.random.default_rng(4).multivariate_normal([0, 0], cov_p, size=20_000))
    s_p, s_q = (gaussian.oracle(sde, blocks, np.zeros(2), c) for c in (cov_p, cov_q))
    half = lambda t: (jnp.clip(2.0 * t, 0.0, 1.0), jnp.clip(2.0 * t - 1.0, 0.0, 1.0))
    paths = {
        "first, then second": (lambda t: jnp.stack(half(t), -1), kl(cov_p, cov_q)),
        "second alone": (lambda t: jnp.stack([jnp.ones_like(t), t], -1), kl(cov_p[1:, 1:], cov_q[1:, 1:])),
        "first given second": (
            lambda t: jnp.stack([t, jnp.zeros_like(t)], -1),
            kl(cov_p, cov_q) - kl(cov_p[1:, 1:], cov_q[1:, 1:]),
        ),
    }
    for name, (path, truth) in paths.items():
        values = divergence.score_divergence(
            jax.random.key(0), sde, blocks, s_p, s_q, x0, times=times.uniform(sde, 1e-6), num_mc=4, path=path
        )
        stderr = float(values.std()) / np.sqrt(values.size)
        assert stderr < 0.02, name
        assert abs(float(values.mean()) - truth) < 5 * stderr, name


@pytest.mark.parametrize("n", [2, 3])
def test_difference_and_gap_agree_for_every_registered_measure(n, x64):
    """Row by row on shared noise: their mean difference is zero within its own error, which is small."""
    sizes, everything = SIZES[n, "vector"], registry(n)
    cov = system(sizes, 1.0, loading=1.0)
    rows = Rows(plan({k: m for k, (m, _) in everything.items()}), Blocks(sizes), draws=16, antithetic=True)
    both = rows("vp", sampler("vp", "monte-carlo", -10.0, 14.0), cov, draw(cov, 16 * BATCH, seed=2))
    for r, name in enumerate(everything):
        assert_rows(both[0][r] - both[1][r], 0.0, max_se=0.05, what=name)


def test_permuting_variables_permutes_measures():
    """In the algebra: the entropies a measure reads follow the names of its variables."""
    order = (2, 0, 3, 1)
    rename = lambda views: {tuple(v[order.index(i)] for i in range(4)): w for v, w in views.items()}
    for a, b in (
        (ms.tc(4, [0, 1, 2]), ms.tc(4, [order[0], order[1], order[2]])),
        (ms.mi(4, [0], [1, 3]), ms.mi(4, [order[0]], [order[1], order[3]])),
        (ms.cmi(4, [0], [1], [2], "joint"), ms.cmi(4, [order[0]], [order[1]], [order[2]], "joint")),
        (ms.o_info_gradient(4, 1), ms.o_info_gradient(4, order[1])),
    ):
        assert rename(a.entropies()) == pytest.approx(b.entropies())
