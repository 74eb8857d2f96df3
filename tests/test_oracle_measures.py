"""Every measure from exact scores, nothing trained: within five standard errors of the truth, which must be small."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracle_tools import (
    BATCH,
    LEVELS,
    PATHS,
    SIZES,
    TO_THE_END,
    AnyPath,
    Rows,
    Truth,
    assert_rows,
    assert_within_se,
    compiled,
    draw,
    noised,
    registry,
    sampler,
    se_cap,
    system,
)
from tiers import few

from jaxinfo import gaussian, times
from jaxinfo import measures as ms
from jaxinfo import views as vw
from jaxinfo.bench import distributions as dist
from jaxinfo.bench import systems
from jaxinfo.blocks import Blocks
from jaxinfo.integral import evaluate, integrate
from jaxinfo.plan import plan
from jaxinfo.sde import VP

pytestmark = pytest.mark.usefixtures("x64")

CLEAN_END = {0.1: 14.0, 1.0: 14.0, 5.0: 20.0, 10.0: 26.0}  # 10 nats in one scalar pair need a log-SNR of 25 or more

# Per system: how strongly the coordinates load on the hidden factors, and the batches of rows that plain Monte Carlo
# needs at each level of LEVELS.
CASES = {
    (2, "scalar"): (0.3, (84, 84, 13, 7)),
    (2, "vector"): (6.0, (32, 32, 11, 7)),
    (3, "scalar"): (0.3, (84, 84, 13, 7)),
    (3, "vector"): (5.0, (26, 26, 10, 7)),
    (6, "scalar"): (10.0, (13, 13, 8, 8)),
    (6, "vector"): (6.0, (13, 13, 8, 8)),
    (10, "scalar"): (8.0, (10, 10, 8, 6)),
    (10, "vector"): (5.0, (10, 10, 8, 6)),
}


def check(rows, names, truth_of, cap, what):
    """Both integrands of every measure against ``truth_of(name)``."""
    for integrand, values in zip(("gap", "difference"), rows):
        for r, name in enumerate(names):
            for kind, truth in truth_of(name).items():
                assert_rows(values[r], truth, max_se=cap, what=f"{what}, {name}, {integrand}, {kind} truth")


def truths_at(everything, truth, path, lo, hi):
    """Of every measure: the truth of the path between its ends, and the whole truth where the path gets there."""
    ends = {"truncated": (lo, hi)} | ({"whole": (-math.inf, math.inf)} if path in TO_THE_END else {})
    return {name: {kind: f(truth, *e) for kind, e in ends.items()} for name, (_, f) in everything.items()}


OTHERS = tuple(path for path in PATHS if path != "vp")
ON_PATHS = [(n, kind, ("vp", *OTHERS) if n < 6 else ("vp",)) for n, kind in CASES]
ON_PATHS = few(ON_PATHS, ON_PATHS[0], ON_PATHS[3], ON_PATHS[-1])
ON_PATHS += [pytest.param(n, kind, OTHERS, marks=pytest.mark.slow) for n, kind in CASES if n >= 6]


@pytest.mark.parametrize("n, kind, on", ON_PATHS)
def test_every_measure_on_every_path(n, kind, on):
    """Both integrands, Monte Carlo and quadrature, .1 to 10 nats, five paths; control variate.

    The control is another Gaussian than the law, and it is the fitted reference of the entropies.
    """
    sizes, everything = SIZES[n, kind], registry(n)
    loading, _ = CASES[n, kind]
    names = list(everything)
    batch = BATCH if n < 6 else 100 if kind == "vector" else 160  # many measures: as many rows as the cap needs
    planned = plan({k: m for k, (m, _) in everything.items()})
    rows = Rows(planned, Blocks(sizes), draws=24, control=True, batch=batch)
    for level in LEVELS:
        off = 0.94 if level <= 1.0 else 0.97
        cov, other = system(sizes, level, loading=loading), system(sizes, off * level, loading=off * loading)
        truth = Truth(sizes, cov, other)
        cap = se_cap(truth.s_information())
        x = draw(cov, batch * (2 if n >= 6 and level == 10.0 else 1), seed=round(10 * level))
        for path in on:
            lo, hi = times.clip_range(PATHS[path](), -11.0, CLEAN_END[level])
            truths = truths_at(everything, truth, path, lo, hi)
            for method in ("monte-carlo", "gauss"):
                found = rows(path, sampler(path, method, lo, hi), cov, x, seed=n, control_cov=other, at_law=True)
                check(found, names, truths.get, cap, f"{n} {kind}, {level} nats, {path}, {method}, control")


@pytest.mark.parametrize("n, kind", few(CASES, (2, "vector"), (3, "scalar")))
def test_every_measure_without_control(n, kind):
    """The bare integrals; the smallest system on every path, the others on one."""
    loading, batches = CASES[n, kind]
    sizes, everything = SIZES[n, kind], registry(n)
    names = list(everything)
    rows = Rows(plan({k: m for k, (m, _) in everything.items()}), Blocks(sizes), draws=24)
    for level, count in zip(LEVELS, batches):
        cov = system(sizes, level, loading=loading)
        x, truth = draw(cov, BATCH * count, seed=round(10 * level)), Truth(sizes, cov)
        for path, family in PATHS.items() if (n, kind) == (2, "scalar") else [("vp", VP)]:
            lo, hi = times.clip_range(family(), -11.0, CLEAN_END[level])
            truths = truths_at(everything, truth, path, lo, hi)
            for method in ("monte-carlo", "gauss") if n == 2 and path == "vp" else ("monte-carlo",):
                found = rows(path, sampler(path, method, lo, hi), cov, x, seed=n)
                what = f"{n} {kind}, {level} nats, {path}, {method}"
                check(found, names, truths.get, se_cap(truth.s_information()), what)


def grid(sde, lo, hi):
    """The times t_k = k / K of the discrete model, drawn evenly, each weighing its share of log-SNR."""
    t = jnp.arange(1, sde.betas.size + 1) / sde.betas.size
    t = jnp.minimum(t, 1.0 - 1e-12)  # a clock of exactly 1 would mean ABSENT
    logsnr = sde.logsnr(t)
    share = jnp.gradient(-logsnr).at[jnp.array([0, -1])].set(-0.5 * jnp.diff(logsnr)[jnp.array([0, -1])])

    def sample(key, shape):
        k = jax.random.randint(key, shape, 0, t.size)
        return t[k], share[k] * t.size

    return times.Times(sample, lo, hi)


@pytest.mark.broad
def test_the_other_samplers_of_times():
    """Uniform and published importance times, Simpson's rule, a fitted density, the DDPM grid; .1 and 1 nats."""
    sizes, everything = SIZES[3, "scalar"], registry(3)
    names = list(everything)
    rows = Rows(plan({k: m for k, (m, _) in everything.items()}), Blocks(sizes), draws=25, control=True)  # odd: Simpson
    vp, ddpm = PATHS["vp"](), PATHS["ddpm"]()
    bump = jnp.exp(-0.5 * ((jnp.linspace(-10.0, 14.0, 32) - 2.0) / 4.0) ** 2)
    whole = lambda path: times.clip_range(PATHS[path](), -30.0, 14.0)  # the ends of a path are nodes of Simpson's rule
    samplers = {
        "uniform": ("vp", compiled(times.uniform(vp))),
        "importance": ("vp", compiled(times.importance(vp))),
        "importance, sub-VP": ("subvp", compiled(times.importance(PATHS["subvp"]()))),
        "adaptive": ("vp", compiled(times.adaptive(vp, -10.0, 14.0, bump))),
        "grid": ("ddpm", compiled(grid(ddpm, *whole("ddpm")))),
        **{f"simpson, {path}": (path, sampler(path, "simpson", *whole(path))) for path in ("vp", "ve", "ddpm")},
    }
    for level in (0.1, 1.0):
        cov, other = system(sizes, level, loading=0.3), system(sizes, 0.95 * level, loading=0.3)
        x, truth = draw(cov, 4 * BATCH, seed=3), Truth(sizes, cov, other)
        for name, (path, where) in samplers.items():
            truths = {k: {"truncated": f(truth, where.lo, where.hi)} for k, (_, f) in everything.items()}
            found = rows(path, where, cov, x, control_cov=other, at_law=True)
            check(found, names, truths.get, se_cap(truth.s_information()), f"{level} nats, {name}")


# --- KL of two laws told apart by a label ----------------------------------------------------------------------------


def labelled(sde, blocks, score_p, score_q):
    """One score function of two laws: a GIVEN label of 0 speaks of p, of 1 speaks of q."""

    def score(x, tau):
        known, _ = vw.roles_of(sde, tau)
        label = jnp.sum(jnp.where(blocks.spread(known), x, 0.0), -1, keepdims=True)
        return jnp.where(label < 0.5, score_p(x, tau), score_q(x, tau))

    return score


def with_labels(x):
    """Rows of p, ``label_p`` saying p and ``label_q`` saying q."""
    return np.concatenate([x, np.zeros((len(x), 1)), np.ones((len(x), 1))], 1)


@pytest.mark.parametrize("n, kind", few([(2, "vector"), (3, "scalar"), (6, "vector"), (10, "scalar")], (3, "scalar")))
def test_kl_by_two_labels(n, kind):
    sizes = SIZES[n, kind]
    d = sum(sizes)
    blocks = Blocks((*sizes, 1, 1), discrete=(False,) * n + (True, True))
    measures = plan({"kl": ms.kl(n + 2, range(n), n, n + 1)})
    padded = lambda c: np.block([[c, np.zeros((d, 2))], [np.zeros((2, d)), np.eye(2)]])

    def integrals(path, lo, hi, key, t, w, x, p, q):
        score = labelled(path, blocks, *(gaussian.factored_score(path, blocks, f) for f in (p, q)))
        where = times.Times(lambda key, shape: (t, w), lo, hi)
        sums = integrate(key, measures, path, blocks, score, x, times=where, num_mc=24, antithetic=False, chunk=65536)
        return sums.gap[0], sums.difference[0]

    run = jax.jit(integrals)
    shift = 0.2 * np.ones(d)
    cov_q = system(sizes, 0.0, loading=0.3)
    fac = lambda mean, cov: gaussian.factors(blocks, np.append(mean, [0.0, 0.0]), padded(cov), measures.views)
    for level, batches in zip(LEVELS, (48, 32, 6, 4)):  # as many rows as the cap needs
        cov_p = system(sizes, level, loading=0.3)
        x = with_labels(draw(cov_p, batches * BATCH, seed=1, mean=shift))
        cap = se_cap(Truth(sizes, cov_p).s_information())
        laws = fac(shift, cov_p), fac(0.0 * shift, cov_q)
        for path, family in PATHS.items() if n == 2 else [("vp", VP)]:
            lo, hi = times.clip_range(family(), -11.0, CLEAN_END[level])

            def kl_at(logsnr, cov_p=cov_p):
                alpha = math.sqrt(1.0 / (1.0 + math.exp(-logsnr)))
                return dist.gaussian_kl(alpha * shift, noised(cov_p, logsnr), np.zeros(d), noised(cov_q, logsnr))

            for method in ("monte-carlo", "gauss") if path == "vp" else ("monte-carlo",):
                parts = []
                for k in range(0, len(x), BATCH):
                    k_time, k_noise = jax.random.split(jax.random.fold_in(jax.random.key(0), k))
                    t, w = sampler(path, method, lo, hi).sample(k_time, (24, BATCH))
                    batch = jnp.asarray(x[k : k + BATCH])
                    parts.append(run(AnyPath.named(path), lo, hi, k_noise, t, w, batch, *laws))
                for integrand, found in zip(("gap", "difference"), np.concatenate(parts, 1)):
                    what = f"KL, {n} {kind}, {level} nats, {path}, {method}, {integrand}"
                    assert_rows(found, kl_at(hi) - kl_at(lo), max_se=cap, what=what)
                    if path in TO_THE_END:
                        whole = dist.gaussian_kl(shift, cov_p, np.zeros(d), cov_q)
                        assert_rows(found, whole, max_se=cap, what=f"{what}, whole")


# --- mixtures, affine maps -------------------------------------------------------------------------------------------

MIXTURE = dist.mixture(
    [0.3, 0.5, 0.2],
    [[-1.5, 0.5, 0.0], [1.0, 1.0, -1.0], [0.5, -2.0, 1.0]],
    [
        [[0.20, 0.08, 0.04], [0.08, 0.24, 0.00], [0.04, 0.00, 0.16]],
        [[0.16, -0.08, 0.0], [-0.08, 0.2, 0.04], [0.00, 0.04, 0.24]],
        [[0.28, 0.00, 0.12], [0.00, 0.12, 0.0], [0.12, 0.00, 0.20]],
    ],
)


def margin(mix, keep):
    keep = list(keep)
    return dist.mixture(mix.weights, mix.means[:, keep], mix.covs[:, keep][:, :, keep])


def moments(mix):
    mean = mix.weights @ mix.means
    centred = mix.means - mean
    return mean, np.einsum("k,kij->ij", mix.weights, mix.covs + centred[:, :, None] * centred[:, None, :])


def test_gaussian_mixture_against_quadrature():
    """A law that no Gaussian describes: every measure of three scalars, through ``evaluate``, with and without control."""
    blocks, sde = Blocks((1, 1, 1)), VP()
    h = {
        keep: dist.mixture_entropy(margin(MIXTURE, keep), 0.35)
        for keep in ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2))
    }
    tc = sum(h[i,] for i in range(3)) - h[0, 1, 2]
    dtc = h[0, 1] + h[0, 2] + h[1, 2] - 2.0 * h[0, 1, 2]
    mi = h[0,] + h[1,] - h[0, 1]
    cmi = h[0, 2] + h[1, 2] - h[0, 1, 2] - h[2,]
    with_both = h[0,] + h[1, 2] - h[0, 1, 2]
    gradient = -with_both + mi + h[0,] + h[2,] - h[0, 2]
    truths = {
        "tc": (ms.tc(3), tc),
        "dtc": (ms.dtc(3), dtc),
        "s_info": (ms.s_info(3), tc + dtc),
        "o_info": (ms.o_info(3), tc - dtc),
        "cmi": (ms.cmi(3, [0], [1], [2]), cmi),
        "interaction": (ms.interaction_information(3, [0], [1], [2]), mi - cmi),
        "gradient": (ms.o_info_gradient(3, 0), gradient),
        "gradient_difference": (ms.o_info_gradient(3, 0, form="difference"), gradient),
        "entropy": (ms.entropy(3, [0, 1, 2]), h[0, 1, 2]),
        "entropy_given": (ms.entropy(3, [0], [1, 2], sigma=2.0), h[0, 1, 2] - h[1, 2]),
        **{f"mi_{form}": (ms.mi(3, [0], [1], form), mi) for form in ms.MI_FORMS},
    }
    x, _ = dist.sample_mixture(np.random.default_rng(0), 28_000, MIXTURE)
    score = gaussian.mixture_oracle(sde, blocks, *MIXTURE)
    for control in (False, True):
        found = evaluate(
            jax.random.key(5),
            {k: m for k, (m, _) in truths.items()},
            sde,
            blocks,
            score,
            x,
            times=times.stratified(sde, -10.0, 12.0),
            num_mc=8,
            control=control,
        )
        for name, (_, truth) in truths.items():
            e = found[name]
            cap = se_cap(tc + dtc) if "entropy" not in name else 0.02
            assert_within_se(e.value, e.stderr, truth, max_se=cap, what=f"mixture, {name}, control={control}")
            # the spread of difference rows is below that of gap rows here, so the same bound serves
            assert_within_se(e.diagnostics["difference"], e.stderr, truth, what=f"mixture, {name}, difference")


@pytest.mark.broad
def test_kl_and_entropy_under_an_affine_map():
    """x → Ax + b leaves KL alone and adds log |det A| to H; A mixes the variables."""
    sde, blocks = VP(), Blocks((2, 1))
    labels = Blocks((2, 1, 1, 1))
    other = dist.mixture([0.6, 0.4], [[0.0, 0.5, 0.0], [0.5, -1.0, 0.5]], [np.eye(3), 1.5 * np.eye(3)])
    a = np.array([[1.2, 0.4, -0.3], [-0.5, 0.8, 0.2], [0.3, 0.1, 1.1]])
    b = np.array([0.7, -1.0, 0.4])
    mapped = lambda m: dist.mixture(m.weights, m.means @ a.T + b, np.einsum("ij,kjl,ml->kim", a, m.covs, a))
    x, _ = dist.sample_mixture(np.random.default_rng(1), 22_000, MIXTURE)
    entropy, kl = dist.mixture_entropy(MIXTURE, 0.35), dist.mixture_kl(MIXTURE, other, 0.35)
    log_det = math.log(abs(np.linalg.det(a)))
    wide = lambda m: dist.mixture(
        m.weights,
        np.pad(m.means, ((0, 0), (0, 2))),
        np.stack([np.block([[c, np.zeros((3, 2))], [np.zeros((2, 3)), np.eye(2)]]) for c in m.covs]),
    )
    for p, q, rows, truth in (
        (MIXTURE, other, x, entropy),
        (mapped(MIXTURE), mapped(other), x @ a.T + b, entropy + log_det),
    ):
        shared = dict(times=times.stratified(sde, -10.0, 12.0), num_mc=8, control=True)
        found = evaluate(
            jax.random.key(2),
            {"h": ms.entropy(2, [0, 1]), "h_scale": ms.entropy(2, [0, 1], sigma=1.5)},
            sde,
            blocks,
            gaussian.mixture_oracle(sde, blocks, *p),
            rows,
            **shared,
        )
        for name in ("h", "h_scale"):
            assert_within_se(found[name].value, found[name].stderr, truth, max_se=0.02, what=name)
        laws = [gaussian.mixture_oracle(sde, labels, *wide(m)) for m in (p, q)]
        e = evaluate(
            jax.random.key(3),
            {"kl": ms.kl(4, [0, 1], 2, 3)},
            sde,
            labels,
            labelled(sde, labels, *laws),
            with_labels(rows),
            **shared,
        )["kl"]
        assert_within_se(e.value, e.stderr, kl, max_se=0.02, what="KL")
        assert_within_se(e.diagnostics["difference"], e.stderr, kl, what="KL, difference")


# --- evaluate --------------------------------------------------------------------------------------------------------


def test_evaluate_with_and_without_control():
    """The front of the integral: value, standard error, rows and profile; the control makes the error small."""
    sizes, sde = SIZES[3, "vector"], VP()
    blocks, cov = Blocks(sizes), system(sizes, 1.0, loading=2.0)
    x, truth = draw(cov, 6000, seed=0), systems.gaussian_measures(cov, sizes)
    measures = {"tc": ms.tc(3), "dtc": ms.dtc(3), "s": ms.s_info(3), "o": ms.o_info(3)}
    names = {"tc": "total_correlation", "dtc": "dual_total_correlation", "s": "s_information", "o": "o_information"}
    fac = gaussian.factors(blocks, np.zeros(6), cov, plan(measures).views)
    found = {}
    for control in (False, True):
        found[control] = evaluate(
            jax.random.key(0),
            measures,
            sde,
            blocks,
            gaussian.factored_score(sde, blocks, fac),
            x,
            times=times.stratified(sde, -10.0, 14.0),
            num_mc=2,
            control=control,
        )
        for short, e in found[control].items():
            assert_within_se(e.value, e.stderr, truth[names[short]], what=f"{short}, control={control}")
            assert e.per_sample.shape == (6000,)
            assert e.per_sample.mean() == pytest.approx(e.value, abs=1e-9)
            assert e.value == e.diagnostics["gap"]
            # the profile integrates to the raw estimate: 32 bins over 24 units of log-SNR
            area = e.profile["gap"].sum() * 24.0 / 32
            assert area == pytest.approx(truth[names[short]], abs=6 * found[False][short].stderr)
    for short in measures:
        loose, tight = found[False][short], found[True][short]
        assert tight.stderr < 0.6 * loose.stderr
    assert found[True]["s"].stderr <= se_cap(truth["s_information"])
    # with the law itself as the control, nothing is left of the Monte-Carlo noise but the rows' own spread
    exact = evaluate(
        jax.random.key(0),
        {"tc": ms.tc(3)},
        sde,
        blocks,
        gaussian.factored_score(sde, blocks, fac),
        x,
        times=times.stratified(sde, -10.0, 14.0),
        mean=np.zeros(6),
        cov=cov,
        control=True,
        value="mean",
    )["tc"]
    solve = lambda c, r: np.einsum("bi,bi->b", r, np.linalg.solve(c, r.T).T)
    pointwise = -0.5 * (solve(cov, x) + np.linalg.slogdet(cov)[1])
    for s in blocks.slices:
        pointwise += 0.5 * (solve(cov[s, s], x[:, s]) + np.linalg.slogdet(cov[s, s])[1])
    np.testing.assert_allclose(exact.per_sample, pointwise, atol=5e-3)
    assert exact.value == pytest.approx(0.5 * (exact.diagnostics["gap"] + exact.diagnostics["difference"]))


def test_row_weights():
    """Weighted rows of one law speak of another: importance weights from N(0, 1.5² Σ) to N(0, Σ)."""
    cov, sde, blocks = system((1, 1), 0.5), VP(), Blocks((1, 1))
    x = 1.5 * draw(cov, 60_000, seed=4)
    quadratic = np.einsum("bi,bi->b", x, np.linalg.solve(cov, x.T).T)
    weights = np.exp(-0.5 * quadratic * (1.0 - 1.0 / 1.5**2))
    measures = {"mi": ms.mi(2, [0], [1]), "h": ms.entropy(2, [0, 1])}
    e = evaluate(
        jax.random.key(1),
        measures,
        sde,
        blocks,
        gaussian.oracle(sde, blocks, np.zeros(2), cov),
        x,
        times=times.stratified(sde, -10.0, 12.0),
        num_mc=2,
        weights=weights,
        control=True,
    )
    assert_within_se(e["mi"].value, e["mi"].stderr, 0.5, max_se=0.01, what="weighted MI")
    assert_within_se(e["h"].value, e["h"].stderr, dist.gaussian_entropy(cov), max_se=0.015, what="weighted entropy")


# --- the oracles themselves ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n, kind", [(3, "vector"), (6, "scalar")])
@pytest.mark.parametrize("level", [1.0, 10.0])
def test_both_gaussian_oracles_agree_in_every_view(n, kind, level):
    sizes, sde = SIZES[n, kind], VP()
    blocks, cov = Blocks(sizes), system(sizes, level)
    mean = np.linspace(-1.0, 1.0, len(cov))
    views = plan({k: m for k, (m, _) in registry(n).items()}).views
    rng = np.random.default_rng(0)
    eps, x0 = rng.standard_normal((20, len(cov))), draw(cov, 20, 1, mean)
    t = sde.time(jnp.linspace(-9.0, 12.0, 20))
    x, tau = jax.jit(jax.vmap(lambda r: vw.look(sde, blocks, r, x0, eps, t)))(jnp.asarray(vw.table(views)))
    fast = jax.jit(gaussian.factored_score(sde, blocks, gaussian.factors(blocks, mean, cov, views)))(x, tau)
    slow = jax.jit(gaussian.oracle(sde, blocks, mean, cov))(x, tau)
    one = jax.jit(gaussian.mixture_oracle(sde, blocks, np.ones(1), mean[None], cov[None]))(x, tau)
    is_noised = blocks.spread(jnp.asarray(vw.table(views)) == vw.NOISED)[:, None]
    np.testing.assert_allclose(fast, jnp.where(is_noised, slow, 0.0), atol=1e-5)
    np.testing.assert_allclose(one, slow, atol=1e-9)
    assert np.all(np.asarray(slow)[~np.broadcast_to(is_noised, slow.shape)] == 0.0)


def test_mixture_oracle_is_the_gradient_of_the_log_density():
    """eps = −sigma ∇ log p_t, for the joint view and for one variable noised with one given."""
    sde, blocks, t = VP(), Blocks((1, 1, 1)), 0.2
    alpha, sigma = sde.alpha(t), sde.sigma(t)
    score = jax.jit(gaussian.mixture_oracle(sde, blocks, *MIXTURE))

    def log_density(x, scale, noise, keep):
        keep = np.asarray(keep)
        means, covs = MIXTURE.means[:, keep], MIXTURE.covs[:, keep][:, :, keep]
        channel = scale[:, None] * covs * scale[None, :] + jnp.diag(noise**2)
        r = x - scale * means
        quadratic = jnp.einsum("ki,kij,kj->k", r, jnp.linalg.inv(channel), r)
        return jax.nn.logsumexp(jnp.log(MIXTURE.weights) - 0.5 * quadratic - 0.5 * jnp.linalg.slogdet(channel)[1])

    gradient = jax.jit(jax.grad(log_density), static_argnums=3)
    x = jnp.array([0.3, -0.8, 0.5])
    joint = -sigma * gradient(x, alpha * jnp.ones(3), sigma * jnp.ones(3), (0, 1, 2))
    np.testing.assert_allclose(score(x, jnp.full(3, t)), joint, rtol=1e-8)
    one = -sigma * gradient(x[:2], jnp.stack([alpha, 1.0]), jnp.stack([sigma, 0.0]), (0, 1))[0]
    got = score(x, jnp.array([t, 0.0, sde.T]))
    np.testing.assert_allclose(got, jnp.stack([one, 0.0, 0.0]), rtol=1e-8)


def test_bias_corrected_entropies():
    """The plug-in entropy of a sample covariance, less its exact bias, is right on average."""
    sizes, dof = (2, 1, 3), 15
    cov, blocks = system(sizes, 1.0), Blocks(sizes)
    rng = np.random.default_rng(0)
    for view in (vw.joint(3), vw.view(3, [2], [0]), vw.view(3, [0], [1, 2])):
        found = []
        for _ in range(4000):
            x = rng.standard_normal((dof + 1, 6)) @ np.linalg.cholesky(cov).T
            found.append(gaussian.conditional_entropy(blocks, np.cov(x.T), view, dof))
        truth = gaussian.conditional_entropy(blocks, cov, view)
        assert_rows(found, truth, max_se=0.02, what=f"entropy of view {view}")
        assert abs(np.mean(found) - truth) < 0.1 * abs(gaussian.entropy_bias(6, dof))


@pytest.mark.parametrize("n", [2, 3, 6, 10])
def test_the_truths_are_the_definitions(n):
    """This file's truths against ``bench.systems``, and the entropies measures say they read against the truths."""
    sizes = SIZES[n, "vector"]
    cov = system(sizes, 1.0)
    truth, known, blocks = Truth(sizes, cov), systems.gaussian_measures(cov, sizes), Blocks(sizes)
    pairs = {"tc": "total_correlation", "dtc": "dual_total_correlation", "s_info": "s_information"}
    if n > 2:
        pairs |= {"o_info": "o_information"}
        pairs |= {f"gradient_{form}": "o_information_gradient:x1" for form in ("mi", "difference")}
    everything = registry(n)
    for name, theirs in pairs.items():
        assert everything[name][1](truth, -math.inf, math.inf) == pytest.approx(known[theirs], abs=1e-9)
    for name, (measure, f) in everything.items():
        if "sigma" in name or "entropy" in name:
            continue
        by_views = sum(w * gaussian.conditional_entropy(blocks, cov, v) for v, w in measure.entropies().items())
        assert by_views == pytest.approx(f(truth, -math.inf, math.inf), abs=1e-9), name
    scalar = Truth((1,) * n, system((1,) * n, 5.0))
    assert registry(n)["mi_joint"][1](scalar, -math.inf, math.inf) == pytest.approx(5.0, abs=1e-9)
