"""Every measure of a plan in one pass over rows, times and noise, and their summary as estimates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from jaxinfo import gaussian
from jaxinfo import views as vw
from jaxinfo.blocks import Blocks
from jaxinfo.control import control_forms, cross_entropy_rows, far_tail
from jaxinfo.divergence import integrands
from jaxinfo.measures import Measure
from jaxinfo.plan import Plan, plan
from jaxinfo.sde import SDE
from jaxinfo.times import Times, inside
from jaxinfo.types import Array, Estimate, Key, ScoreFn

PROFILE_BINS = 32
CALIBRATION_BINS = 8

Predict = Callable[[Array, Array, Array], tuple[Array, Array | None]]
"""``(x0 [B, D], eps [B, D], t [B]) -> (eps_θ, that of the control)``: of every entry of a plan that belongs to a view, in
their order, at the same noised rows: ``[E, B, W]`` each, zero in the places a variable does not have."""


@struct.dataclass
class Sums:
    """What the integral leaves behind, per row and per bin of log-SNR; all but the first three add over blocks of rows.

    Attributes:
      gap: ``[M, B]``, integrated gap of each row, minus its control variate.
      difference: ``[M, B]``, likewise.
      logsnr: ``[K + 1]`` bin edges.
      profile: ``[K, 2, M]`` summed weight * integrand (gap, difference) by bin, control variate *not* removed.
      second: ``[K, M]`` summed (gap minus control)² by bin.
      count: ``[K]`` summed row weight by bin.
      slope: ``[C, V, 2]`` sums of <eps, eps_v> and ‖eps_v‖² in C coarser bins.
      nested: ``[M]`` summed over draws and pairs, matrix times weight times <eps_p − eps_q, eps_q>; its mean, over
        ``count.sum()``, is 0 when q is the projection of p.
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
    score_fn: ScoreFn | None,
    x0: Array,
    *,
    times: Times,
    num_mc: int = 1,
    mean: Array | None = None,
    cov: Array | None = None,
    control: ScoreFn | None = None,
    predict: Predict | None = None,
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
      score_fn: the score function read; None when ``predict`` is there.
      x0: rows ``[B, D]``.
      times: sampler of times.
      num_mc: draws per row; with ``antithetic`` each time is used with +eps and −eps, so it must be even or 1.
      mean: ``[D]`` of the Gaussian references (entropies against a fitted Gaussian).
      cov: ``[D, D]`` likewise.
      control: a Gaussian score function whose exact integrals :func:`control_forms` adds back.
      predict: what both say of all views of the same rows, in place of ``score_fn`` and ``control``: a :data:`Predict`.
      weights: ``[B]`` row weights (0 for padding); ones by default.
      antithetic: use each time with both signs of the noise, which cancels the odd part of the gap.
      chunk: views times rows scored per call.

    Raises:
      ValueError: for an odd ``num_mc`` above 1 with ``antithetic``.
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
    edges = jnp.linspace(times.lo, times.hi, PROFILE_BINS + 1)
    number = {entry: k for k, entry in enumerate(p.entries)}
    of_p, of_q = (np.array([number[pair[which], pair[0]] for pair in p.pairs.tolist()]) for which in (1, 2))
    variable = np.array([i for _, i in p.entries])
    view_of = np.array([source for source, _ in p.entries if source < len(p.views)])
    predict = predicted(score_fn, control, p, sde, blocks) if predict is None else predict
    matrix = jnp.asarray(p.matrix, dtype)

    def chunked(z, axis):
        z = jnp.pad(z, [(0, pad) if a == axis else (0, 0) for a in range(z.ndim)], mode="edge")
        return jnp.moveaxis(z.reshape(z.shape[:axis] + (blocks_of_rows, rows) + z.shape[axis + 1 :]), axis, 0)

    def draw(carry, inputs):
        profile, second, count, slope, nested, x0, row_weight = carry
        key, t, w, sign = inputs
        eps = sign * jax.random.normal(key, x0.shape, dtype)
        e, c = (z if z is None else z.astype(dtype) for z in predict(x0, eps, t))
        noise = blocks.apart(eps).transpose(1, 0, 2)  # [N, rows, W]
        if p.references:
            known = _reference_scores(p, blocks, sde, x0, eps, t, mean, cov).astype(dtype)
            e, c = jnp.concatenate([e, known]), None if c is None else jnp.concatenate([c, known])
        e_p, e_q, drawn = e[of_p], e[of_q], noise[variable[of_p]]  # [P, rows, W]
        raw_gap, raw_difference = integrands(drawn, e_p, e_q)  # [P, rows]
        c_gap, c_difference = (0.0, 0.0) if c is None else integrands(drawn, c[of_p], c[of_q])
        gap = w * (matrix @ (raw_gap - c_gap))  # [M, rows]
        difference = w * (matrix @ (raw_difference - c_difference))
        logsnr = sde.logsnr(t)
        k = jnp.clip(((logsnr - edges[0]) / (edges[1] - edges[0])).astype(jnp.int32), 0, PROFILE_BINS - 1)
        add = lambda z, n: jax.ops.segment_sum(z, k, n)
        both = jnp.stack([matrix @ raw_gap, matrix @ raw_difference]) * row_weight  # [2, M, rows]
        profile = profile + add(jnp.moveaxis(both, -1, 0), PROFILE_BINS)
        second = second + add(((gap / w) ** 2 * row_weight).T, PROFILE_BINS)
        count = count + add(row_weight, PROFILE_BINS)
        net, noise = e[: view_of.size], noise[variable[: view_of.size]]
        products = jnp.stack([jnp.sum(noise * net, -1), jnp.sum(net**2, -1)], -1) * row_weight[:, None]
        products = jax.ops.segment_sum(products, view_of, len(p.views))  # [V, rows, 2]
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
    return Sums(flat(gap), flat(difference), edges, profile, second, count, slope, nested)


def predicted(score_fn: ScoreFn | None, control: ScoreFn | None, p: Plan, sde: SDE, blocks: Blocks) -> Predict:
    """:data:`Predict` of any score function: every view is shown as a slab of its own."""
    assert score_fn is not None  # or else predict is given
    roles = jnp.asarray(vw.table(p.views))
    of_views = [(source, i) for source, i in p.entries if source < len(p.views)]

    def predict(x0, eps, t):
        x, tau = jax.vmap(lambda r: vw.look(sde, blocks, r, x0, eps, t))(roles)
        entries = lambda out: of_entries(blocks, out, of_views)
        return entries(score_fn(x, tau)), None if control is None else entries(control(x, tau))

    return predict


def of_entries(blocks: Blocks, out: Array, entries: Sequence[tuple[int, int]]) -> Array:
    """The coordinates of some (slab, variable) of slabs ``[S, B, D]``: ``[E, B, W]``, zero beyond a variable's size."""
    at, keep = blocks.padded
    slab, variable = np.array(entries).T
    if len(set(blocks.sizes)) == 1 and np.array_equal(slab, np.repeat(np.arange(out.shape[0]), blocks.num_variables)):
        whole = out.reshape(*out.shape[:2], *at.shape)  # every slab has every variable: no gather
        return jnp.moveaxis(whole, 2, 1).reshape(len(entries), out.shape[1], at.shape[1])
    picked = out[slab[:, None], :, at[variable]].transpose(0, 2, 1)
    return jnp.where(keep[variable][:, None, :], picked, 0.0)


def _reference_scores(p, blocks, sde, x0, eps, t, mean, cov):
    """Closed-form predictions of the Gaussian references, by entry: ``[E, rows, W]``."""
    alpha, sigma = sde.alpha(t)[:, None], sde.sigma(t)[:, None]
    x_t, out = alpha * x0 + sigma * eps, []
    for reference, view in p.references:
        if reference.scale is not None:
            score = sigma * x_t / (alpha**2 * reference.scale**2 + sigma**2)
        else:
            a, _ = gaussian.coordinates(blocks, view)
            values, vectors = jnp.linalg.eigh(cov[np.ix_(a, a)])
            z = (x_t[:, a] - alpha * mean[a]) @ vectors
            part = (sigma * z / (alpha**2 * values + sigma**2)) @ vectors.T
            score = jnp.zeros_like(x_t).at[:, a].set(part)
        out.append(score)
    first = len(p.views)
    return of_entries(blocks, jnp.stack(out), [(source - first, i) for source, i in p.entries if source >= first])


# --- from sums to estimates --------------------------------------------------------------------------------------------


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
      score_fn: ``(x, tau) -> eps``; ``views.from_score`` and ``views.from_x0`` adapt other callables.
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

    Raises:
      ValueError: for rows that are not finite ``[B, D]``, weights that are none, an odd or no number of draws, or measures
        without a name.
    """
    x = np.asarray(x0, np.float64)
    w = np.ones(len(x) if x.ndim else 0) if weights is None else np.asarray(weights, np.float64)
    _check(measures, blocks, x, w, num_mc)
    p = plan(measures)
    if not jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        key = jax.random.wrap_key_data(key)  # one of the old kind, jax.random.PRNGKey
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
    x0 = x0 if jnp.issubdtype(x0.dtype, jnp.inexact) else x0.astype(float)
    sums = run(key, x0, jnp.asarray(w, x0.dtype))
    gap, difference = np.asarray(sums.gap, np.float64), np.asarray(sums.difference, np.float64)
    ends = cross_entropy_rows(p, blocks, x, mean, cov) + far_tail(p, sde, blocks, mean, cov, times.lo)[:, None]
    if control:
        forms = control_forms(p, blocks, mean, cov, times.lo, times.hi)
        gap_rows, difference_rows = forms.rows(x)
        gap, difference = gap + gap_rows, difference + difference_rows
    gap, difference = gap + ends, difference + ends
    draws = max(float(sums.count.sum()), 1e-30)
    return {
        name: summarise(
            name,
            gap[r],
            difference[r],
            w,
            value=value,
            profile=profile_of(sums, r),
            nested=float(sums.nested[r]) / draws,
        )
        for r, name in enumerate(p.names)
    }


def _check(measures: Mapping[str, Measure], blocks: Blocks, x: np.ndarray, w: np.ndarray, num_mc: int) -> None:
    """The public door of :func:`evaluate`."""
    if not isinstance(measures, Mapping):
        raise ValueError(f"evaluate: measures must be a dict name -> Measure, got {type(measures).__name__}.")
    other = [m for m in measures.values() if m.n != blocks.num_variables]
    if other or not measures:
        raise ValueError(
            f"evaluate: expected measures of the {blocks.num_variables} variables of blocks, got {measures}."
        )
    if x.ndim != 2 or x.shape[1] != blocks.dim or not len(x):
        raise ValueError(f"evaluate: expected rows (B, {blocks.dim}), the coordinates of all variables, got {x.shape}.")
    if not np.isfinite(x).all():
        raise ValueError(f"evaluate: {int((~np.isfinite(x)).any(1).sum())} of the rows are not finite; drop them.")
    if w.shape != (len(x),) or not np.isfinite(w).all() or (w < 0.0).any() or not w.any():
        raise ValueError(f"evaluate: expected {len(x)} non-negative weights with a positive sum, got shape {w.shape}.")
    if num_mc < 1:
        raise ValueError(f"evaluate: num_mc must be at least 1, got {num_mc}.")


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
