"""Gaussian systems whose information is known in closed form, and comparisons in units of the standard error.

Everything here is NumPy and float64, written from the definitions: no line of it comes from ``jaxinfo.measures``.
"""

import functools
import math
import types

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from jaxinfo import gaussian, times
from jaxinfo import measures as ms
from jaxinfo import sde as paths
from jaxinfo.control import control_forms, cross_entropy_rows, far_tail
from jaxinfo.integral import integrate

LEVELS = (0.1, 1.0, 5.0, 10.0)  # nats between the first coordinates of variables 0 and 1

PATHS = {
    "vp": paths.VP,
    "subvp": paths.SubVP,
    "cosine": paths.Cosine,
    "ve": paths.VE,
    "ddpm": paths.DDPM,
}
TO_THE_END = ("vp", "subvp", "cosine")  # paths that reach any log-SNR at the clean end; the others stop at 9.2

SIZES = {
    (2, "scalar"): (1, 1),
    (2, "vector"): (2, 3),
    (3, "scalar"): (1, 1, 1),
    (3, "vector"): (2, 1, 3),
    (6, "scalar"): (1,) * 6,
    (6, "vector"): (2, 1, 3, 2, 1, 2),
    (10, "scalar"): (1,) * 10,
    (10, "vector"): (2, 1, 2, 1, 2, 1, 2, 1, 2, 1),
}


@struct.dataclass
class AnyPath(paths.SDE):
    """The path of :data:`PATHS` picked by a number, so that one compiled program serves them all."""

    which: int

    @classmethod
    def named(cls, name):
        return cls(list(PATHS).index(name))

    def log_alpha(self, t):
        return jax.lax.switch(self.which, [p().log_alpha for p in PATHS.values()], t)

    def sigma2(self, t):
        return jax.lax.switch(self.which, [p().sigma2 for p in PATHS.values()], t)

    def time(self, logsnr):
        return jax.lax.switch(self.which, [p().time for p in PATHS.values()], jnp.asarray(logsnr))


# --- comparing -------------------------------------------------------------------------------------------------------


def assert_within_se(mean, stderr, truth, k=5.0, max_se=None, what=""):
    """``|mean − truth| <= k · stderr``, and the standard error itself at most ``max_se``: both halves matter."""
    mean, stderr = float(mean), float(stderr)
    assert math.isfinite(mean) and math.isfinite(stderr), f"{what}: {mean} ± {stderr} is not finite"
    if max_se is not None:
        assert stderr <= max_se, f"{what}: standard error {stderr:.5f} above its cap {max_se:.5f}; use more rows"
    slack = 1e-9 * max(1.0, abs(truth))  # rounding, for quantities that are exact row by row
    miss = abs(mean - truth)
    assert miss <= k * stderr + slack, (
        f"{what}: {mean:.6f} ± {stderr:.6f} is {miss / max(stderr, 1e-300):.1f} standard errors from {truth:.6f}"
    )


def assert_rows(rows, truth, k=5.0, max_se=None, what=""):
    """:func:`assert_within_se` of the mean of independent rows ``[B]``."""
    rows = np.asarray(rows, np.float64)
    assert_within_se(rows.mean(), rows.std(ddof=1) / math.sqrt(rows.size), truth, k, max_se, what)


def se_cap(s_information):
    """The largest standard error the acceptance line allows: max(.01 nats, 1 % of the S-information)."""
    return max(0.01, 0.01 * s_information)


# --- systems ---------------------------------------------------------------------------------------------------------


def coordinates(sizes, variables):
    """Packed coordinates of some variables."""
    ends = np.cumsum(sizes)
    return np.concatenate([np.arange(ends[i] - sizes[i], ends[i]) for i in variables] or [np.zeros(0)]).astype(int)


def system(sizes, level, seed=0, loading=0.9):
    """Covariance ``[D, D]`` of unit variances in which one scalar pair shares exactly ``level`` nats.

    Three hidden factors tie the coordinates together, except that the first coordinates of variables 0 and 1 have none
    in common; then the second of the two is turned into ``rho x + sqrt(1 − rho²) z``.
    """
    rng = np.random.default_rng(seed)
    d, first, second = sum(sizes), 0, sizes[0]
    load = loading * rng.standard_normal((d, 3))
    load[first], load[second] = (loading, 0.0, 0.0), (0.0, loading, 0.0)
    cov = load @ load.T + np.eye(d)
    cov /= np.sqrt(np.outer(np.diag(cov), np.diag(cov)))
    mix = np.eye(d)
    mix[second, first] = math.sqrt(-math.expm1(-2.0 * level))
    mix[second, second] = math.exp(-level)
    return mix @ cov @ mix.T


def draw(cov, rows, seed, mean=0.0):
    """``rows`` draws ``[rows, D]`` of N(mean, cov)."""
    return mean + np.random.default_rng(seed).standard_normal((rows, len(cov))) @ np.linalg.cholesky(cov).T


# --- truths ----------------------------------------------------------------------------------------------------------


class Truth:
    """Entropies of a Gaussian system, of its clean variables or noised at a log-SNR with the others given clean."""

    def __init__(self, sizes, cov, reference=None):
        self.sizes, self.cov = tuple(sizes), np.asarray(cov, np.float64)
        self.reference = self.cov if reference is None else np.asarray(reference, np.float64)
        self.everyone = tuple(range(len(sizes)))

    def conditional(self, a, c=()):
        """Covariance of the variables ``a`` given the variables ``c``."""
        a, c = coordinates(self.sizes, a), coordinates(self.sizes, c)
        s = self.cov[np.ix_(a, a)]
        if c.size:
            s = s - self.cov[np.ix_(a, c)] @ np.linalg.solve(self.cov[np.ix_(c, c)], self.cov[np.ix_(c, a)])
        return s

    def h(self, a, c=(), logsnr=math.inf):
        """H(alpha X_a + sigma eps | X_c) at unit alpha² + sigma², nats."""
        s = self.conditional(a, c)
        return 0.5 * (np.linalg.slogdet(noised(s, logsnr))[1] + len(s) * (math.log(2.0 * math.pi) + 1.0))

    def gaussian(self, a, scale):
        """Covariance of the reference: scale² I, or for None the margin of the fitted Gaussian."""
        a = coordinates(self.sizes, a)
        return self.reference[np.ix_(a, a)] if scale is None else scale**2 * np.eye(len(a))

    def kl_reference(self, a, c, scale, logsnr):
        """E over X_c of KL(p(x_a | x_c) ‖ G), both noised."""
        s, total = self.conditional(a, c), self.conditional(a)
        g = noised(self.gaussian(a, scale), logsnr)
        trace = np.trace(np.linalg.solve(g, noised(total, logsnr)))  # the scatter of the conditional mean included
        return 0.5 * (trace - len(s) + np.linalg.slogdet(g)[1] - np.linalg.slogdet(noised(s, logsnr))[1])

    def entropy(self, a, c=(), scale=None, lo=-math.inf, hi=math.inf):
        """H(X_a | X_c) as the integral over [lo, hi] reads it: the reference's cross-entropy minus a KL difference."""
        total, g = self.conditional(a), self.gaussian(a, scale)
        quadratic = np.trace(np.linalg.solve(g, total))
        cross = 0.5 * (len(total) * math.log(2.0 * math.pi) + np.linalg.slogdet(g)[1] + quadratic)
        # The far end of a reference of fixed scale is known and added back by the library; the fitted one's is dropped.
        far = self.kl_reference(a, c, scale, lo) if scale is None else 0.0
        return cross - self.kl_reference(a, c, scale, hi) + far

    def info(self, terms, lo=-math.inf, hi=math.inf):
        """Signed sum of entropies ``{(a, c): weight}``, minus what it still is at the noisy end."""
        at = lambda logsnr: sum(w * self.h(a, c, logsnr) for (a, c), w in terms.items())
        return at(hi) - at(lo)

    def s_information(self):
        """Σ_i I(X_i; X_−i)."""
        return self.info(definition_s(self.everyone))


def noised(cov, logsnr):
    """alpha² cov + sigma² I at unit alpha² + sigma²."""
    alpha2 = 1.0 / (1.0 + math.exp(-logsnr)) if logsnr > -700 else 0.0
    sigma2 = 1.0 / (1.0 + math.exp(logsnr)) if logsnr < 700 else 0.0
    return alpha2 * cov + sigma2 * np.eye(len(cov))


def _sum(*parts):
    """Add entropy sums ``(weight, {(a, c): weight})``."""
    out = {}
    for weight, terms in parts:
        for key, w in terms.items():
            out[key] = out.get(key, 0.0) + weight * w
    return out


def _without(s, *gone):
    return tuple(i for i in s if i not in gone)


def definition_tc(s):
    """Σ H(X_i) − H(X)."""
    return _sum((-1.0, {(s, ()): 1.0}), *((1.0, {((i,), ()): 1.0}) for i in s))


def definition_dtc(s):
    """H(X) − Σ H(X_i | X_−i)."""
    return _sum((1.0, {(s, ()): 1.0}), *((-1.0, {((i,), _without(s, i)): 1.0}) for i in s))


def definition_s(s):
    """Σ [H(X_i) − H(X_i | X_−i)]."""
    return _sum((1.0, definition_tc(s)), (1.0, definition_dtc(s)))


def definition_mi(a, b, c=(), form="conditional"):
    """I(A; B | C) as the entropies its form reads."""
    if form == "reverse":
        a, b = b, a
    if form == "joint":
        both = tuple(sorted(a + b))
        return {(both, c): 1.0, (a, tuple(sorted(b + c))): -1.0, (b, tuple(sorted(a + c))): -1.0}
    return {(a, c): 1.0, (a, tuple(sorted(b + c))): -1.0}


# --- the registry ----------------------------------------------------------------------------------------------------


def registry(n, among=None):
    """Every measure of ``n`` variables: name -> (measure, function of (truth, lo, hi) giving nats).

    ``among``: the variables measured when others are along for the ride.
    """
    s = tuple(range(n)) if among is None else tuple(among)
    a, b = (s[0],), (s[1],)
    rest = _without(s, s[0])
    out = {
        "tc": (ms.tc(n, s), definition_tc(s)),
        "dtc": (ms.dtc(n, s), definition_dtc(s)),
        "s_info": (ms.s_info(n, s), definition_s(s)),
        "mi_with_rest": (ms.mi(n, a, rest), definition_mi(a, rest)),
    }
    for form in ("conditional", "reverse", "joint"):
        out[f"mi_{form}"] = (ms.mi(n, a, b, form), definition_mi(a, b, (), form))
    both = tuple(sorted(a + b))
    for scale in (None, 1.5):
        tail = "fitted" if scale is None else "scale"
        h = lambda t, lo, hi, x, c, scale=scale: t.entropy(x, c, scale, lo, hi)
        out[f"mi_sigma_{tail}"] = (
            ms.mi(n, a, b, "sigma", scale),
            lambda t, lo, hi, h=h: h(t, lo, hi, a, ()) - h(t, lo, hi, a, b),
        )
        out[f"mi_sigma_joint_{tail}"] = (
            ms.mi(n, a, b, "sigma_joint", scale),
            lambda t, lo, hi, h=h: h(t, lo, hi, both, ()) - h(t, lo, hi, a, b) - h(t, lo, hi, b, a),
        )
        out[f"entropy_{tail}"] = (ms.entropy(n, both, (), scale), lambda t, lo, hi, h=h: h(t, lo, hi, both, ()))
        out[f"entropy_given_{tail}"] = (ms.entropy(n, a, b, scale), lambda t, lo, hi, h=h: h(t, lo, hi, a, b))
    if len(s) >= 3:
        c, three = (s[2],), s[:3]
        omega = lambda group: _sum((1.0, definition_tc(group)), (-1.0, definition_dtc(group)))
        chain = _sum(
            (2.0 - len(s), definition_mi(a, rest)),
            *((1.0, definition_mi(a, _without(rest, j))) for j in rest),
        )
        out["o_info"] = (ms.o_info(n, s), omega(s))
        out["gradient_mi"] = (ms.o_info_gradient(n, s[0], s), chain)
        out["gradient_difference"] = (
            ms.o_info_gradient(n, s[0], s, form="difference"),
            _sum((1.0, omega(s)), (-1.0, definition_tc(rest)), (1.0, definition_dtc(rest))),
        )
        out["interaction"] = (
            ms.interaction_information(n, a, b, c),
            _sum((1.0, definition_mi(a, b)), (-1.0, definition_mi(a, b, c))),
        )
        for form in ("conditional", "reverse", "joint"):
            out[f"cmi_{form}"] = (ms.cmi(n, a, b, c, form), definition_mi(a, b, c, form))
        out["cmi_sigma"] = (
            ms.cmi(n, a, b, c, "sigma"),
            lambda t, lo, hi: t.entropy(a, c, None, lo, hi) - t.entropy(a, tuple(sorted(b + c)), None, lo, hi),
        )
        out["o_info_among"] = (ms.o_info(n, three), omega(three))
        out["tc_among"] = (ms.tc(n, three[1:]), definition_tc(three[1:]))
    return {name: (m, d if callable(d) else _as_function(d)) for name, (m, d) in out.items()}


def _as_function(terms):
    return lambda t, lo, hi: t.info(terms, lo, hi)


# --- rows of every measure -------------------------------------------------------------------------------------------


BATCH = 250  # rows per call, nearly everywhere: what is compiled for one system's times serves the next


SAMPLERS = {
    "monte-carlo": times.stratified,
    "gauss": times.quadrature,
    "simpson": functools.partial(times.quadrature, rule="simpson"),
}


@functools.partial(jax.jit, static_argnums=(0, 5))
def _sample(kind, sde, lo, hi, key, shape):
    return SAMPLERS[kind](sde, lo, hi).sample(key, shape)


def sampler(path, kind, lo, hi):
    """Times of one of :data:`PATHS` by one of :data:`SAMPLERS`, which share a compiled ``sample`` for all paths."""
    return times.Times(lambda key, shape: _sample(kind, AnyPath.named(path), lo, hi, key, shape), lo, hi)


@functools.cache
def noisy_end(path, lo):
    """A path frozen at log-SNR ``lo``: its inverse is worked out once."""
    sde = PATHS[path]()
    t = sde.time(jnp.asarray(lo))
    alpha, sigma = float(sde.alpha(t)), float(sde.sigma(t))
    return types.SimpleNamespace(time=lambda _: t, alpha=lambda _: alpha, sigma=lambda _: sigma)


def compiled(where):
    return where._replace(sample=jax.jit(where.sample, static_argnums=1))


class Rows:
    """The integrals of one registry as one compiled program, for any Gaussian, path and times sampler.

    Rows come in batches of one shape, the path is an :class:`AnyPath` and drawn times go in as data: compiling takes
    longer than running, and everything shares the program.
    """

    def __init__(self, plan, blocks, *, draws, control=False, antithetic=False, batch=BATCH):
        self.plan, self.blocks, self.batch = plan, blocks, batch
        self.control = control
        self.steps = draws // 2 if antithetic else draws

        def one(sde, lo, hi, key, t, w, x, cov, factors, control):
            score = lambda f: gaussian.factored_score(sde, blocks, f)
            sums = integrate(
                key,
                plan,
                sde,
                blocks,
                score(factors),
                x,
                times=times.Times(lambda key, shape: (t, w), lo, hi),
                num_mc=draws,
                mean=jnp.zeros(blocks.dim),
                cov=cov,
                control=None if control is None else score(control),
                antithetic=antithetic,
                chunk=65536,
            )
            return jnp.stack([sums.gap, sums.difference])

        self.run = jax.jit(one)

    def __call__(self, path, where, cov, x, seed=0, control_cov=None, at_law=False):
        """Gap and difference rows ``[M, B]`` of N(0, cov).

        ``control_cov``: covariance of the control and of the fitted reference; the law's own when left out.
        ``at_law``: what is known in closed form (the control's integral, cross-entropies) is averaged over the law
        instead of the rows ``x``.  What is left of the rows' spread is the Monte-Carlo noise.
        """
        zero = np.zeros(self.blocks.dim)
        reference = cov if control_cov is None else control_cov
        factors = _factors(self.blocks, cov, self.plan)
        control = _factors(self.blocks, reference, self.plan) if self.control else None
        both = []
        for start in range(0, len(x), self.batch):
            # split, not fold_in: fold_in(key, i) is split(key)[i], which the sampler uses for itself
            k_time, k_noise = jax.random.split(jax.random.fold_in(jax.random.key(seed), start))
            t, w = (z[:, : self.batch] for z in where.sample(k_time, (self.steps, BATCH)))
            rows, named = jnp.asarray(x[start : start + self.batch]), AnyPath.named(path)
            args = (t, w, rows, jnp.asarray(reference), factors, control)
            both.append(self.run(named, where.lo, where.hi, k_noise, *args))
        both = np.concatenate([np.asarray(z) for z in both], -1)
        # Every closed form is quadratic in the row: two points at ± a root of the covariance have the law's moments.
        root = np.linalg.cholesky(cov) * np.sqrt(len(cov))
        at = np.concatenate([root.T, -root.T]) if at_law else x
        mean = (lambda z: z.mean(1, keepdims=True)) if at_law else (lambda z: z)
        both += mean(cross_entropy_rows(self.plan, self.blocks, at, zero, reference))
        both += far_tail(self.plan, noisy_end(path, where.lo), self.blocks, zero, cov, where.lo)[:, None]
        if self.control:
            forms = control_forms(self.plan, self.blocks, zero, reference, where.lo, where.hi)
            both += np.stack([mean(f) for f in forms.rows(at)])
        return both


def _factors(blocks, cov, p):
    return gaussian.factors(blocks, np.zeros(blocks.dim), cov, p.views)
