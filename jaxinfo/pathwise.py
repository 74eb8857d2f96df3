"""Derivatives of information with respect to whatever made the data.

A measure is a signed sum of entropies, I = Σ_S w_S H(X_S), and ∂H(X_S) = −E[s_S(x_S) · ∂x_S], so

    ∂I = −Σ_S w_S E[s_S(x_S) · ∂x_S]

with s_S the score of the variables S alone: all of S NOISED, the others ABSENT.  For instance

    ∂TC  = E[s_X · ∂x] − Σ_i E[s_i · ∂x_i]                  ∂I(A;B) = E[s_AB · ∂(a, b)] − E[s_A · ∂a] − E[s_B · ∂b]
    ∂DTC = (N − 1) E[s_X · ∂x] − Σ_i E[s_−i · ∂x_−i]

Scores diverge at clock 0, so these are the derivatives of the measure of the noised variables alpha x + sigma eps at a
stated log-SNR, pushed through ∂x_t / ∂x = alpha.  A Gaussian :class:`Control` takes the noise's effect away as far as a
Gaussian explains the data: its own derivative is known without noise, and only the difference to it is read under noise.
They hold for the law the scores belong to: an optimiser that moves the law must refit or fine-tune the scores as it goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from jaxinfo import gaussian
from jaxinfo import views as vw
from jaxinfo.blocks import Blocks
from jaxinfo.measures import Measure
from jaxinfo.sde import SDE
from jaxinfo.times import inside
from jaxinfo.types import Array, Key, ScoreFn


def entropy_weights(measure: Measure) -> dict[frozenset[int], float]:
    """The measure as Σ w_S H(X_S): sets of variables and their weights, H(A | C) = H(A ∪ C) − H(C)."""
    weights: dict[frozenset[int], float] = {}
    for view, w in measure.entropies().items():
        noised, given = frozenset(vw.noised(view)), frozenset(vw.given(view))
        weights[noised | given] = weights.get(noised | given, 0.0) + w
        if given:
            weights[given] = weights.get(given, 0.0) - w
    return {s: w for s, w in weights.items() if abs(w) > 1e-12}


def views(measure: Measure) -> tuple[vw.View, ...]:
    """The views whose scores the derivative reads: train them beside those of the measure."""
    return tuple(vw.view(measure.n, s) for s in entropy_weights(measure))


@struct.dataclass
class Control:
    """A Gaussian whose own derivative is exact: its scores under noise, and without noise as one linear map.

    Attributes:
      factors: of the views that the derivative reads.
      linear: ``[D, D]``, Σ_S w_S (Σ_SS)⁻¹ with zeros outside S: rows (x − mean) times it are its derivative.
    """

    factors: gaussian.Factors
    linear: Array


CHUNK = 4096  # views times rows at a time: memory does not grow with their number
DEPENDENT = 1e-10  # of the largest variance: directions with less are none of the data's
PRIOR = 30.0  # rows of evidence that the difference of two scores has no linear part


def control(measure: Measure, blocks: Blocks, mean: np.ndarray, cov: np.ndarray) -> Control:
    """The :class:`Control` of a measure under N(mean, cov), computed on the host.

    Of columns that depend on one another linearly, the derivative is that of moves which keep them so.
    """
    linear = np.zeros((blocks.dim, blocks.dim))
    for s, weight in entropy_weights(measure).items():
        at = np.flatnonzero(np.isin(blocks.owner, sorted(s)))
        linear[np.ix_(at, at)] += weight * np.linalg.pinv(
            np.asarray(cov, np.float64)[np.ix_(at, at)], rcond=DEPENDENT, hermitian=True
        )
    fac = gaussian.factors(blocks, mean, cov, views(measure))
    return Control(fac, jnp.asarray(linear, fac.mean.dtype))


def gradient(
    key: Key,
    measure: Measure,
    sde: SDE,
    blocks: Blocks,
    score_fn: ScoreFn,
    x: Array,
    *,
    logsnr: float = 6.0,
    num_mc: int = 4,
    control: Control | None = None,
    weights: Array | None = None,
    trained: Iterable[vw.View] | None = None,
) -> Array:
    """Derivative of a measure with respect to each row: ∂I/∂θ = mean over rows of ``gradient · ∂x/∂θ``.

    Args:
      key: typed PRNG key of the noise; every draw is used with both signs.
      measure: one with an entropy form.
      sde: the path.
      blocks: packing.
      score_fn: ``(x, tau) -> eps``.
      x: rows ``[B, D]``.
      logsnr: noise level of the variables whose measure is differentiated.
      num_mc: pairs of noise draws.
      control: of the same measure; scores are then only read where they differ from its own, and what of the difference
        is linear in x is taken off: E[score] = 0 and E[score xᵀ] = −I for every law (Stein's identity), and for the
        Gaussian, so that part can only be the network's error.
      weights: ``[B]`` row weights of those means (0 for padding); ones by default.
      trained: views that ``score_fn`` knows; None means all.

    Returns:
      ``[B, D]`` in nats per unit of x.

    Raises:
      ValueError: when a view is not among ``trained``, with the views to add; for no draws.
    """
    if num_mc < 1:
        raise ValueError(f"num_mc={num_mc}: expected at least one pair of noise draws.")
    terms = entropy_weights(measure)
    needed = views(measure)
    if trained is not None:
        known = set(trained)
        missing = [v for v in needed if v not in known]
        if missing:
            raise ValueError(
                f"the derivative reads {len(missing)} views that were not trained, the first {missing[0]} (0 given, 1 "
                "noised, 2 absent); train pathwise.views(measure) beside the views of the measure."
            )
    t = inside(sde, sde.time(jnp.asarray(logsnr, x.dtype)))
    alpha, sigma = sde.alpha(t).astype(x.dtype), sde.sigma(t).astype(x.dtype)
    roles = jnp.asarray(vw.table(needed))
    noised = (blocks.spread(roles) == vw.NOISED).astype(x.dtype)  # [V, D]
    mask = noised[:, None, :] * jnp.asarray(list(terms.values()), x.dtype)[:, None, None]
    gauss = None if control is None else gaussian.factored_score(sde, blocks, control.factors)
    share = jnp.ones(x.shape[0], x.dtype) if weights is None else weights.astype(x.dtype)
    share = share / jnp.maximum(share.sum(), jnp.finfo(x.dtype).tiny)

    size = max(1, min(x.shape[0], CHUNK // len(needed)))
    chunks = -(-x.shape[0] // size)
    chunked = lambda z: jnp.pad(z, [(0, chunks * size - z.shape[0])] + [(0, 0)] * (z.ndim - 1)).reshape(
        chunks, size, *z.shape[1:]
    )

    def one(sums, key):
        rest, *sums = sums
        sums, here = jax.lax.scan(
            some_rows, tuple(sums), (chunked(x), chunked(jax.random.normal(key, x.shape, x.dtype)), chunked(share))
        )
        return (rest + here, *sums), None

    def some_rows(sums, args):
        x, eps, share = args

        def signed(sign):
            noise = sign * eps
            clock = jnp.full(x.shape[:1], t, x.dtype)
            shown, tau = jax.vmap(lambda r: vw.look(sde, blocks, r, x, noise, clock))(roles)
            # without a control: the noise itself has mean zero, and taking it off leaves what the data say
            rest = score_fn(shown, tau) - (noise if gauss is None else gauss(shown, tau))
            seen = alpha * x + sigma * noise
            with_one = jnp.concatenate([seen, jnp.ones_like(seen[:, :1])], 1)  # [B, D + 1]
            return (
                jnp.sum(mask * rest, 0),
                jnp.einsum("b,vbd,be->vde", share, rest, with_one),
                jnp.einsum("b,bd,be->de", share, with_one, with_one),
            )

        rest, *more = jax.tree.map(lambda plus, minus: 0.5 * (plus + minus), signed(1.0), signed(-1.0))
        return tuple(a + b for a, b in zip(sums, more)), rest

    d, zeros = blocks.dim, lambda *shape: jnp.zeros(shape, x.dtype)
    start = zeros(chunks, size, d), zeros(len(needed), d, d + 1), zeros(d + 1, d + 1)
    sums, _ = jax.lax.scan(one, start, jax.random.split(key, num_mc))
    rest, cross, moments = (z / num_mc for z in sums)
    rest = rest.reshape(-1, d)[: x.shape[0]]
    if control is None:
        return alpha / sigma * rest
    # least squares of the difference on the coordinates a view shows, with a little evidence for zero
    shows = jnp.concatenate([noised, jnp.ones_like(noised[:, :1])], 1)
    both = shows[:, :, None] * shows[:, None, :]
    square = both * moments + jnp.eye(blocks.dim + 1, dtype=x.dtype) * ((1.0 - shows) + PRIOR / x.shape[0])[:, None, :]
    slope = jnp.linalg.solve(square, jnp.swapaxes(cross * shows[:, None, :], 1, 2))  # [V, D + 1, D]
    here = jnp.concatenate([alpha * x, jnp.ones_like(x[:, :1])], 1)
    rest = rest - jnp.sum(mask * jnp.einsum("be,ved->vbd", here, slope), 0)
    return alpha / sigma * rest + (x - control.factors.mean) @ control.linear


def differentiable(
    measure: Measure,
    sde: SDE,
    blocks: Blocks,
    score_fn: ScoreFn,
    *,
    value: Callable[[Key, Array], Array] | None = None,
    logsnr: float = 6.0,
    num_mc: int = 4,
    control: Control | None = None,
    trained: Iterable[vw.View] | None = None,
) -> Callable[[Key, Array], Array]:
    """A function of (key, rows) that ``jax.grad`` differentiates by :func:`gradient`, through whatever made the rows.

    >>> # jax.grad(lambda w: f(key, z @ w))(w)

    Args:
      measure: as in :func:`gradient`, like all but ``value``.
      sde: the path.
      blocks: packing.
      score_fn: the score function of the current law.
      value: ``(key, x) -> scalar`` that estimates the measure, for the forward pass; zero when left out, because
        gradient ascent does not need it.
      logsnr: noise level.
      num_mc: pairs of noise draws.
      control: see :func:`gradient`.
      trained: views that ``score_fn`` knows.
    """
    read = tuple(trained) if trained is not None else None

    @jax.custom_vjp
    def information(key, x):
        return value(key, x) if value is not None else jnp.zeros((), x.dtype)

    def forward(key, x):
        return information(key, x), (key, x)

    def backward(residual, cotangent):
        key, x = residual
        g = gradient(
            key, measure, sde, blocks, score_fn, x, logsnr=logsnr, num_mc=num_mc, control=control, trained=read
        )
        return None, cotangent * g / x.shape[0]

    information.defvjp(forward, backward)
    return information
