"""Every measure at once: each distinct view is scored once per draw, and measures are linear in what comes out.

A :class:`Plan` is the static part: the sources (views, and Gaussian references), the pairs (variable i, source of p,
source of q) that some term reads, and the matrix from pairs to measures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from jaxinfo import gaussian
from jaxinfo import views as vw
from jaxinfo.blocks import Blocks
from jaxinfo.divergence import integrands
from jaxinfo.measures import CrossEntropy, Gaussian, Measure, Scores
from jaxinfo.sde import SDE
from jaxinfo.times import Times, inside, nodes_and_weights
from jaxinfo.types import Array, Estimate, Key, ScoreFn

PROFILE_BINS = 32
CONTROL_NODES = 96
CALIBRATION_BINS = 8


@dataclass(frozen=True, eq=False)
class Plan:
    """Measures compiled to arrays; hashed by identity, and :func:`plan` gives one object per list of measures.

    Attributes:
      names: M names.
      views: V distinct views, scored by the network.
      references: (reference, view) of Gaussian sources; source V + r is ``references[r]``.
      pairs: ``[P, 3]`` integers (variable, source of p, source of q).
      matrix: ``[M, P]``.
      cross: per measure, its cross-entropy terms.
    """

    names: tuple[str, ...]
    views: tuple[vw.View, ...]
    references: tuple[tuple[Gaussian, vw.View], ...]
    pairs: np.ndarray
    matrix: np.ndarray
    cross: tuple[tuple[CrossEntropy, ...], ...]


def plan(measures: Mapping[str, Measure]) -> Plan:
    """Compile measures of the same number of variables.

    Raises:
      ValueError: when there is none, or they disagree on the number of variables.
    """
    if not measures:
        raise ValueError("no measure was asked for.")
    return _plan(tuple(measures.items()))


@lru_cache(maxsize=256)
def _plan(items: tuple[tuple[str, Measure], ...]) -> Plan:
    measures = dict(items)
    counts = {m.n for m in measures.values()}
    if len(counts) != 1:
        raise ValueError(f"measures must speak of the same variables, got counts {sorted(counts)}.")
    n = counts.pop()
    views = tuple(dict.fromkeys(v for m in measures.values() for v in m.views()))
    if not views:
        raise ValueError("these measures are identically zero: every term cancelled, and no score is left to read.")
    number: dict[vw.View | None, int] = {v: k for k, v in enumerate(views)}
    references: dict[tuple[Gaussian, vw.View], int] = {}
    pairs: dict[tuple[int, int, int], int] = {}
    entries = []
    for row, measure in enumerate(measures.values()):
        for t in measure.terms:
            if isinstance(t, CrossEntropy):
                continue
            read = [i for i, v in enumerate(t.p.views) if v is not None]
            for i in read:
                if isinstance(t.q, Scores):
                    q = number[t.q.views[i]]
                else:
                    key = (t.q, vw.view(n, read))
                    q = len(views) + references.setdefault(key, len(references))
                pair = pairs.setdefault((i, number[t.p.views[i]], q), len(pairs))
                entries.append((row, pair, t.weight))
    matrix = np.zeros((len(measures), max(len(pairs), 1)))
    for row, pair, weight in entries:
        matrix[row, pair] += weight
    cross = tuple(tuple(t for t in m.terms if isinstance(t, CrossEntropy)) for m in measures.values())
    table = np.asarray(list(pairs) or [(0, 0, 0)], dtype=np.int32)
    return Plan(tuple(measures), views, tuple(references), table, matrix, cross)


@struct.dataclass
class Sums:
    """What the integral leaves behind, per row and per bin of log-SNR.

    Attributes:
      gap: ``[M, B]``, integrated gap of each row, minus its control variate.
      difference: ``[M, B]``, likewise.
      logsnr: ``[K + 1]`` bin edges.
      profile: ``[K, 2, M]`` summed weight * integrand (gap, difference) by bin, control variate *not* removed.
      second: ``[K, M]`` summed (gap minus control)² by bin.
      count: ``[K]`` summed row weight by bin.
      slope: ``[C, V, 2]`` sums of <eps, eps_v> and ‖eps_v‖² in C coarser bins.
      nested: ``[M]`` sum over pairs of |matrix| weight <eps_p − eps_q, eps_q>: 0 when q is the projection of p.
    """

    gap: Array
    difference: Array
    logsnr: Array
    profile: Array
    second: Array
    count: Array
    slope: Array
    nested: Array


def integrate(
    key: Key,
    p: Plan,
    sde: SDE,
    blocks: Blocks,
    score_fn: ScoreFn,
    x0: Array,
    *,
    times: Times,
    num_mc: int = 1,
    mean: Array | None = None,
    cov: Array | None = None,
    control: ScoreFn | None = None,
    weights: Array | None = None,
    antithetic: bool = True,
    chunk: int = 4096,
) -> Sums:
    """The integrals of a plan over rows ``x0 [B, D]``; pure, so it may be jitted and vmapped over fits.

    Args:
      key: typed PRNG key.
      p: compiled measures.
      sde: the path.
      blocks: packing.
      score_fn: the score function read.
      x0: rows ``[B, D]``.
      times: sampler of times.
      num_mc: draws per row; with ``antithetic`` each time is used with +eps and −eps, so it must be even or 1.
      mean: ``[D]`` of the Gaussian references (entropies against a fitted Gaussian).
      cov: ``[D, D]`` likewise.
      control: a Gaussian score function whose exact integrals :func:`control_forms` adds back.
      weights: ``[B]`` row weights (0 for padding); ones by default.
      antithetic: use each time with both signs of the noise, which cancels the odd part of the gap.
      chunk: views times rows scored per call.
    """
    b, d = x0.shape
    dtype = x0.dtype
    weights = jnp.ones(b, dtype) if weights is None else weights
    signs = jnp.asarray([1.0, -1.0], dtype) if antithetic and num_mc > 1 else jnp.ones(1, dtype)
    steps = num_mc // signs.size
    if steps * signs.size != num_mc:
        raise ValueError(f"integrate: antithetic draws come in pairs, got num_mc={num_mc}; use an even number.")
    rows = max(1, min(b, chunk // max(len(p.views), 1)))
    blocks_of_rows = -(-b // rows)
    pad = blocks_of_rows * rows - b
    k_time, k_noise = jax.random.split(key)
    t, w = times.sample(k_time, (steps, b))
    t, w = inside(sde, t.astype(dtype)), w.astype(dtype)
    roles = jnp.asarray(vw.table(p.views))
    edges = jnp.linspace(times.lo, times.hi, PROFILE_BINS + 1)
    width = max(blocks.sizes)
    coords = np.zeros((len(p.pairs), width), np.int32)
    keep = np.zeros((len(p.pairs), width), bool)
    for j, (i, _, _) in enumerate(p.pairs):
        s = blocks.slices[i]
        coords[j, : blocks.sizes[i]] = np.arange(s.start, s.stop)
        keep[j, : blocks.sizes[i]] = True
    matrix = jnp.asarray(p.matrix, dtype)

    def chunked(z, axis):
        z = jnp.pad(z, [(0, pad) if a == axis else (0, 0) for a in range(z.ndim)], mode="edge")
        return jnp.moveaxis(z.reshape(z.shape[:axis] + (blocks_of_rows, rows) + z.shape[axis + 1 :]), axis, 0)

    def sources(fn, x0, eps, t):
        """Predictions of every source at the same noised rows: [S, rows, D]."""
        x, tau = jax.vmap(lambda r: vw.look(sde, blocks, r, x0, eps, t))(roles)
        out = fn(x, tau)
        if p.references:
            alpha, sigma = sde.alpha(t)[:, None], sde.sigma(t)[:, None]
            x_t = alpha * x0 + sigma * eps
            out = jnp.concatenate([out, _reference_scores(p, blocks, x_t, alpha, sigma, mean, cov)])
        return out.astype(dtype)

    def draw(carry, inputs):
        profile, second, count, slope, nested, x0, row_weight = carry
        key, t, w, sign = inputs
        eps = sign * jax.random.normal(key, x0.shape, dtype)
        e = sources(score_fn, x0, eps, t)
        take = lambda z, s: jnp.where(keep[:, None, :], z[s[:, None], :, coords].transpose(0, 2, 1), 0.0)
        noise = jnp.where(keep[:, None, :], eps[:, coords].transpose(1, 0, 2), 0.0)  # [P, rows, width]
        e_p, e_q = take(e, p.pairs[:, 1]), take(e, p.pairs[:, 2])
        raw_gap, raw_difference = integrands(noise, e_p, e_q)  # [P, rows]
        if control is not None:
            c = sources(control, x0, eps, t)
            c_gap, c_difference = integrands(noise, take(c, p.pairs[:, 1]), take(c, p.pairs[:, 2]))
        else:
            c_gap = c_difference = 0.0
        gap = w * (matrix @ (raw_gap - c_gap))  # [M, rows]
        difference = w * (matrix @ (raw_difference - c_difference))
        logsnr = sde.logsnr(t)
        k = jnp.clip(((logsnr - edges[0]) / (edges[1] - edges[0])).astype(jnp.int32), 0, PROFILE_BINS - 1)
        add = lambda z, n: jax.ops.segment_sum(z, k, n)
        both = jnp.stack([matrix @ raw_gap, matrix @ raw_difference]) * row_weight  # [2, M, rows]
        profile = profile + add(jnp.moveaxis(both, -1, 0), PROFILE_BINS)
        second = second + add(((gap / w) ** 2 * row_weight).T, PROFILE_BINS)
        count = count + add(row_weight, PROFILE_BINS)
        v = len(p.views)
        products = (
            jnp.stack([jnp.sum(eps * e[:v], -1), jnp.sum(e[:v] ** 2, -1)], -1) * row_weight[:, None]
        )  # [V,rows,2]
        kc = k * CALIBRATION_BINS // PROFILE_BINS
        slope = slope + jax.ops.segment_sum(jnp.moveaxis(products, 1, 0), kc, CALIBRATION_BINS)
        nested = nested + matrix @ jnp.sum(w * row_weight * jnp.sum((e_p - e_q) * e_q, -1), -1)
        return (profile, second, count, slope, nested, x0, row_weight), (gap, difference)

    def block(carry, inputs):
        x0, t, w, row_weight, key = inputs
        keys = jnp.repeat(jax.random.split(key, steps), signs.size)  # one noise for both signs
        each = lambda z: jnp.repeat(z, signs.size, axis=0)
        carry, (gap, difference) = jax.lax.scan(
            draw, (*carry, x0, row_weight), (keys, each(t), each(w), jnp.tile(signs, steps))
        )
        return carry[:-2], (gap.mean(0), difference.mean(0))

    m, v = len(p.names), len(p.views)
    zero = lambda *shape: jnp.zeros(shape, dtype)
    carry = (
        zero(PROFILE_BINS, 2, m),
        zero(PROFILE_BINS, m),
        zero(PROFILE_BINS),
        zero(CALIBRATION_BINS, v, 2),
        zero(m),
    )
    row_weight = chunked(weights, 0)
    if pad:  # padding rows repeat the last one and count for nothing
        row_weight = row_weight.at[-1, rows - pad :].set(0.0)
    carry, (gap, difference) = jax.lax.scan(
        block,
        carry,
        (chunked(x0, 0), chunked(t, 1), chunked(w, 1), row_weight, jax.random.split(k_noise, blocks_of_rows)),
    )
    flat = lambda z: jnp.moveaxis(z, 0, 1).reshape(m, -1)[:, :b]
    profile, second, count, slope, nested = carry
    scale = jnp.maximum(weights.sum() * num_mc, 1e-30)
    return Sums(flat(gap), flat(difference), edges, profile, second, count, slope, nested / scale)


def _reference_scores(p, blocks, x_t, alpha, sigma, mean, cov):
    """Closed-form predictions of the Gaussian references, [R, rows, D]."""
    out = []
    for reference, view in p.references:
        if reference.scale is not None:
            eps = sigma * x_t / (alpha**2 * reference.scale**2 + sigma**2)
        else:
            a, _ = gaussian.coordinates(blocks, view)
            values, vectors = jnp.linalg.eigh(cov[np.ix_(a, a)])
            z = (x_t[:, a] - alpha * mean[a]) @ vectors
            part = (sigma * z / (alpha**2 * values + sigma**2)) @ vectors.T
            eps = jnp.zeros_like(x_t).at[:, a].set(part)
        out.append(eps)
    return jnp.stack(out)


# ---------------------------------------------------------------------------------------------------------------------
# The control variate: exact integrals of the Gaussian's own gap and difference


@dataclass(frozen=True)
class ControlForms:
    """E over the noise of the Gaussian's integrals, as quadratic forms of the row.

    ``gap(x) = cᵀ gap_form c + gap_constant`` with c = (x − mean, 1); forms ``[M, D + 1, D + 1]``, constants ``[M]``; the
    same for difference.  ``profile`` is ``[nodes, M]``, the fitted Gaussian's own integrand at ``logsnr [nodes]``.
    """

    gap_form: np.ndarray
    gap_constant: np.ndarray
    difference_form: np.ndarray
    difference_constant: np.ndarray
    mean: np.ndarray
    logsnr: np.ndarray
    profile: np.ndarray

    def rows(self, x0: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``(gap [M, B], difference [M, B])`` of the Gaussian for rows ``[B, D]``."""
        c = np.asarray(x0, np.float64) - self.mean
        c = np.concatenate([c, np.ones((c.shape[0], 1))], 1)
        quadratic = lambda form: np.einsum("mbd,bd->mb", np.einsum("bd,mde->mbe", c, form), c)
        return (
            quadratic(self.gap_form) + self.gap_constant[:, None],
            quadratic(self.difference_form) + self.difference_constant[:, None],
        )


def control_forms(
    p: Plan, blocks: Blocks, mean: np.ndarray, cov: np.ndarray, lo: float, hi: float, nodes: int = CONTROL_NODES
) -> ControlForms:
    """Exact integrals over [lo, hi] of a Gaussian's gap and difference, conditional on the row.

    Every prediction is linear, eps_s = F_s c + K_s eps with c = (x − mean, 1), so E over eps of ‖eps − eps_s‖² is
    cᵀ FᵀF c + ‖I − K‖²; the last column of F serves references that are not centred at the mean.  With these
    the mean of the control variate is taken under the evaluation rows' own moments: exactly unbiased.  The path drops
    out: the integrals depend on log-SNR only.

    Args:
      p: compiled measures.
      blocks: packing.
      mean: ``[D]`` of the Gaussian.
      cov: ``[D, D]`` of the Gaussian.
      lo: noisy end of log-SNR.
      hi: clean end.
      nodes: Gauss-Legendre nodes.
    """
    logsnr, quad = nodes_and_weights(nodes, lo, hi)
    alpha, sigma = np.sqrt(1 / (1 + np.exp(-logsnr))), np.sqrt(1 / (1 + np.exp(logsnr)))
    cov = np.asarray(cov, np.float64)
    d, m = blocks.dim, len(p.names)
    moments = np.pad(cov, (0, 1))
    moments[d, d] = 1.0
    linear, noise = [], []  # per source: maps i -> F [nodes, d_i, D + 1], K [nodes, d_i, D]
    wanted: dict[int, set[int]] = {}
    for i, s_p, s_q in p.pairs:
        wanted.setdefault(int(s_p), set()).add(int(i))
        wanted.setdefault(int(s_q), set()).add(int(i))
    for s in range(len(p.views) + len(p.references)):
        scale = None
        if s < len(p.views):
            view = p.views[s]
        else:
            reference, view = p.references[s - len(p.views)]
            scale = reference.scale
        a, c, gain, inner = gaussian.conditional(blocks, cov, view)
        if scale is not None:
            inner = np.eye(a.size) * scale**2
        values, vectors = np.linalg.eigh(inner)
        values = np.maximum(values, 0.0)
        variance = alpha[:, None] ** 2 * values + sigma[:, None] ** 2
        f_maps, k_maps = {}, {}
        position = {int(coord): r for r, coord in enumerate(a)}
        for i in wanted.get(s, ()):
            mine = [position[k] for k in range(blocks.slices[i].start, blocks.slices[i].stop)]
            inverse = np.einsum("rk,nk,ck->nrc", vectors[mine], 1.0 / variance, vectors)  # rows of S^(-1)
            f, k = np.zeros((nodes, len(mine), d + 1)), np.zeros((nodes, len(mine), d))
            f[:, :, a] = (sigma * alpha)[:, None, None] * inverse
            if c.size:
                f[:, :, c] = -(sigma * alpha)[:, None, None] * np.einsum("nra,ac->nrc", inverse, gain)
            if scale is not None:  # N(0, scale² I) sits at the origin, not at the mean
                f[:, :, d] = f[:, :, :d] @ np.asarray(mean, np.float64)
            k[:, :, a] = (sigma**2)[:, None, None] * inverse
            f_maps[i], k_maps[i] = f, k
        linear.append(f_maps)
        noise.append(k_maps)
    gap_form, difference_form = np.zeros((m, d + 1, d + 1)), np.zeros((m, d + 1, d + 1))
    gap_constant, difference_constant = np.zeros(m), np.zeros(m)
    profile = np.zeros((nodes, m))
    half = 0.5 * quad
    for j, (i, s_p, s_q) in enumerate(p.pairs):
        f_p, f_q, k_p, k_q = linear[s_p][i], linear[s_q][i], noise[s_p][i], noise[s_q][i]
        identity = np.eye(d)[blocks.slices[i]]
        gram = lambda f: np.einsum("nrd,nre->de", half[:, None, None] * f, f, optimize=True)
        form = gram(f_q) - gram(f_p)
        squares_p, squares_q = ((identity - k_p) ** 2).sum((1, 2)), ((identity - k_q) ** 2).sum((1, 2))
        trace = lambda f: np.einsum("nrd,de,nre->n", f, moments, f, optimize=True)
        column = p.matrix[:, j]
        gap_form += column[:, None, None] * form
        gap_constant += column * np.sum(half * (squares_q - squares_p))
        difference_form += column[:, None, None] * gram(f_p - f_q)
        difference_constant += column * np.sum(half * ((k_p - k_q) ** 2).sum((1, 2)))
        profile += 0.5 * np.outer(squares_q - squares_p + trace(f_q) - trace(f_p), column)
    return ControlForms(
        gap_form, gap_constant, difference_form, difference_constant, np.asarray(mean, np.float64), logsnr, profile
    )


# ---------------------------------------------------------------------------------------------------------------------
# From sums to estimates


def cross_entropy_rows(
    p: Plan, blocks: Blocks, x0: np.ndarray, mean: np.ndarray | None, cov: np.ndarray | None
) -> np.ndarray:
    """``[M, B]``: each row's −log G(x_A), weighted as the measures ask (Eq. 4.18)."""
    x0 = np.asarray(x0, np.float64)
    out = np.zeros((len(p.names), x0.shape[0]))
    for row, terms in enumerate(p.cross):
        for t in terms:
            a = np.concatenate([np.arange(blocks.slices[i].start, blocks.slices[i].stop) for i in t.variables])
            if t.reference.scale is not None:
                s2 = t.reference.scale**2
                value = 0.5 * (a.size * np.log(2 * np.pi * s2) + (x0[:, a] ** 2).sum(1) / s2)
            else:
                c = np.asarray(cov, np.float64)[np.ix_(a, a)]
                r = x0[:, a] - np.asarray(mean)[a]
                mahalanobis = np.einsum("bd,bd->b", r, np.linalg.solve(c, r.T).T)
                value = 0.5 * (a.size * np.log(2 * np.pi) + np.linalg.slogdet(c)[1] + mahalanobis)
            out[row] += t.weight * value
    return out


def far_tail(p: Plan, sde: SDE, blocks: Blocks, mean: np.ndarray, cov: np.ndarray, lo: float) -> np.ndarray:
    """``[M]``: KL between what p and q have become at the noisy end, with p replaced by its Gaussian.

    Zero for two views of one law up to alpha⁴; it matters for references N(0, scale² I) far from the data's scale.
    """
    t = sde.time(jnp.asarray(lo))
    alpha, sigma = float(sde.alpha(t)), float(sde.sigma(t))
    cov, mean = np.asarray(cov, np.float64), np.asarray(mean, np.float64)
    out = np.zeros(len(p.names))
    seen: dict[tuple[int, int], float] = {}
    for j, (_, s_p, s_q) in enumerate(p.pairs):
        if s_q < len(p.views) or (s_p, s_q) in seen:
            continue
        reference, _ = p.references[s_q - len(p.views)]
        if reference.scale is None:
            continue
        a, _, _, s = gaussian.conditional(blocks, cov, p.views[s_p])
        spread = mean[a] @ mean[a] + np.trace(cov[np.ix_(a, a)])
        noised = alpha**2 * s + sigma**2 * np.eye(a.size)
        ref = alpha**2 * reference.scale**2 + sigma**2
        second = alpha**2 * spread + sigma**2 * a.size
        kl = 0.5 * (second / ref - a.size + a.size * np.log(ref) - np.linalg.slogdet(noised)[1])
        seen[(s_p, s_q)] = kl
        # every pair of the term carries the term's weight: count it once per term
        out += p.matrix[:, j] * kl
    return out


def evaluate(
    key: Key,
    measures: Mapping[str, Measure],
    sde: SDE,
    blocks: Blocks,
    score_fn: ScoreFn,
    x0: Array,
    *,
    times: Times,
    num_mc: int = 1,
    mean: np.ndarray | None = None,
    cov: np.ndarray | None = None,
    control: bool = False,
    weights: Array | None = None,
    value: str = "gap",
) -> dict[str, Estimate]:
    """Estimate measures from any score function (or noise predictor), on rows it was not trained on.

    Args:
      key: typed PRNG key.
      measures: name -> :class:`~jaxinfo.measures.Measure`.
      sde: the path the score function was written for.
      blocks: packing of the variables.
      score_fn: ``(x, tau) -> eps``; :func:`from_score` and :func:`from_eps` adapt other callables.
      x0: rows ``[B, D]``.
      times: sampler of times.
      num_mc: draws per row.
      mean: ``[D]``; the Gaussian reference of entropies, taken from the rows when left out.
      cov: ``[D, D]`` likewise.
      control: subtract a Gaussian control variate with this mean and covariance.
      weights: ``[B]`` row weights.
      value: which integrand is the value, "gap", "difference" or "mean".

    Returns:
      name -> :class:`~jaxinfo.types.Estimate` in nats; ``stderr`` is that of the gap rows.
    """
    p = plan(measures)
    x = np.asarray(x0, np.float64)
    w = np.ones(x.shape[0]) if weights is None else np.asarray(weights, np.float64)
    if mean is None:
        mean = np.average(x, axis=0, weights=w)
    if cov is None:
        cov = np.cov(x.T, aweights=w, ddof=0).reshape(blocks.dim, blocks.dim)
    control_fn = None
    if control:
        control_fn = gaussian.factored_score(sde, blocks, gaussian.factors(blocks, mean, cov, p.views))
    run = jax.jit(
        lambda key, x0, weights: integrate(
            key,
            p,
            sde,
            blocks,
            score_fn,
            x0,
            times=times,
            num_mc=num_mc,
            mean=jnp.asarray(mean, x0.dtype),
            cov=jnp.asarray(cov, x0.dtype),
            control=control_fn,
            weights=weights,
        )
    )
    x0 = jnp.asarray(x0)
    sums = run(key, x0, jnp.asarray(w, x0.dtype))
    gap, difference = np.asarray(sums.gap, np.float64), np.asarray(sums.difference, np.float64)
    ends = cross_entropy_rows(p, blocks, x, mean, cov) + far_tail(p, sde, blocks, mean, cov, times.lo)[:, None]
    if control:
        forms = control_forms(p, blocks, mean, cov, times.lo, times.hi)
        gap_rows, difference_rows = forms.rows(x)
        gap, difference = gap + gap_rows, difference + difference_rows
    gap, difference = gap + ends, difference + ends
    return {
        name: summarise(
            name, gap[r], difference[r], w, value=value, profile=profile_of(sums, r), nested=float(sums.nested[r])
        )
        for r, name in enumerate(p.names)
    }


def profile_of(sums: Sums, row: int) -> dict[str, np.ndarray]:
    """Integrand against log-SNR for one measure: ``logsnr [K]`` bin centres, ``gap [K]``, ``difference [K]``."""
    edges = np.asarray(sums.logsnr)
    count = np.maximum(np.asarray(sums.count), 1e-30)
    return {
        "logsnr": 0.5 * (edges[1:] + edges[:-1]),
        "gap": np.asarray(sums.profile[:, 0, row]) / count,
        "difference": np.asarray(sums.profile[:, 1, row]) / count,
    }


def summarise(
    name: str,
    gap: np.ndarray,
    difference: np.ndarray,
    weights: np.ndarray,
    *,
    value: str = "gap",
    profile: dict[str, np.ndarray] | None = None,
    **diagnostics: Any,
) -> Estimate:
    """Weighted means of the rows and the standard error of the gap rows."""
    w = weights / weights.sum()
    g, d = float(w @ gap), float(w @ difference)
    chosen = {"gap": g, "difference": d, "mean": 0.5 * (g + d)}
    if value not in chosen:
        raise ValueError(f"value must be one of {', '.join(chosen)}, got {value!r}.")
    stderr = float(np.sqrt(np.sum(w**2 * (gap - g) ** 2)))
    return Estimate(chosen[value], stderr, gap, profile, {"gap": g, "difference": d, **diagnostics}, name=name)


def from_score(sde: SDE, blocks: Blocks, score: ScoreFn) -> ScoreFn:
    """Adapt a score function, (x, tau) -> ∇ log p, to the library's eps = −sigma · score."""

    def eps(x, tau):
        _, sigma = vw.coefficients(sde, tau)
        return -blocks.spread(sigma) * score(x, tau)

    return eps


def from_x0(sde: SDE, blocks: Blocks, denoiser: ScoreFn) -> ScoreFn:
    """Adapt a denoiser, (x, tau) -> E[x_0 | x], to eps = (x − alpha E[x_0 | x]) / sigma."""

    def eps(x, tau):
        alpha, sigma = vw.coefficients(sde, tau)
        sigma = blocks.spread(sigma)
        return jnp.where(
            sigma > 0, (x - blocks.spread(alpha) * denoiser(x, tau)) / jnp.where(sigma > 0, sigma, 1.0), 0.0
        )

    return eps
