"""Where on the clock to look: samplers of diffusion times with exact weights.

Every sampler returns ``(t, weight)`` of shape ``[M, B]`` (M draws for each of B rows) such that, for any h,

    ∫ h(logsnr) d logsnr  over [lo, hi]  =  E[mean over m and b of weight * h(logsnr(t))].

The integral is taken over log-SNR because ½ g² ‖Δ score‖² dt = ½ ‖Δ eps‖² d logsnr: no schedule is left in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy import integrate

from jaxinfo.sde import SDE
from jaxinfo.types import Array, Key

DENSITY_BINS = 64


class Times(NamedTuple):
    """A sampler and the range of log-SNR it covers.

    ``sample(key, (M, B)) -> t [M, B], weight [M, B]``.
    """

    sample: Callable[[Key, tuple[int, int]], tuple[Array, Array]]
    lo: float
    hi: float


def _strata(key: Key, shape: tuple[int, int]) -> Array:
    """Uniforms [M, B]: each row hits each of M strata once, and within a stratum the B rows are spread evenly."""
    m, b = shape
    u = jax.random.uniform(key, (m + 1, b))  # one call: generators dominate the time to compile
    cell = (jnp.argsort(u[-1])[None, :] + u[:-1]) / b
    return (jnp.arange(m)[:, None] + cell) / m


def inside(sde: SDE, t: Array) -> Array:
    """Times kept off the two ends: a clock of exactly 0 means GIVEN and one of exactly T means ABSENT.

    The noisy end of a path is a node of Simpson's rule, and single precision rounds the draws next to it up to T.
    """
    return jnp.clip(t, 1e-30, sde.T * (1.0 - jnp.finfo(t.dtype).eps))


def uniform(sde: SDE, t_min: float = 1e-5, t_max: float | None = None) -> Times:
    """Independent uniform times on [t_min, t_max], weight (t_max - t_min) g²/sigma² (thesis 4.3, on Eq. 4.13)."""
    t_max = sde.T if t_max is None else t_max

    def sample(key, shape):
        t = jax.random.uniform(key, shape, minval=t_min, maxval=t_max)
        return t, (t_max - t_min) * sde.g2(t) / sde.sigma2(t)

    return Times(sample, float(sde.logsnr(jnp.asarray(t_max))), float(sde.logsnr(jnp.asarray(t_min))))


def importance(sde: SDE, t_eps: float = 1e-3) -> Times:
    """The published importance sampler (arXiv 2106.02808) with the exact weight.

    The density is proportional to g²/sigma² above ``t_eps`` (uniform in log-SNR) and flat below.  The published code
    keeps the constant weight below ``t_eps`` too, which caps what it can read at 5.10 nats per direction.

    Raises:
      ValueError: for paths whose noisy end is pure noise, where log-SNR has no end, and paths that begin after ``t_eps``.
    """
    # The flat piece starts where float32 still resolves the noise; what lies below is the near tail.
    t_floor = 1e-7
    with jax.ensure_compile_time_eval():  # the range is static even when a sampler is built inside a trace
        cleanest = sde.logsnr_range()[1]
        t_floor = max(t_floor, float(sde.time(cleanest)))  # a path of steps begins at its first
        lam_floor, lam_eps, lam_end = (float(sde.logsnr(jnp.asarray(t))) for t in (t_floor, t_eps, sde.T))
        rate = float(sde.g2(jnp.asarray(t_eps)) / sde.sigma2(jnp.asarray(t_eps)))
    if not np.isfinite(lam_end) or t_floor > t_eps * (1.0 + 1e-5):
        raise ValueError(
            f"importance times need a path whose log-SNR is finite at T and that begins before t = {t_eps:g}, got "
            f"{lam_end:.1f} at T and a beginning at {t_floor:.1g}; use stratified times."
        )
    flat, spread = max(t_eps - t_floor, 0.0) * rate, lam_eps - lam_end
    total = flat + spread

    def sample(key, shape):
        u = _strata(key, shape) * total
        t_flat = t_floor + u / rate
        t_rest = sde.time(jnp.clip(lam_eps - (u - flat), lam_end, lam_eps))
        t = inside(sde, jnp.where(u < flat, t_flat, t_rest))
        weight = jnp.where(u < flat, total * (sde.g2(t) / sde.sigma2(t)) / rate, total)
        return t, weight

    return Times(sample, lam_end, lam_floor)


def stratified(sde: SDE, lo: float = -8.0, hi: float = 12.0, density: Array | None = None) -> Times:
    """Stratified draws of log-SNR on [lo, hi], uniform or from a piecewise-constant ``density``.

    Args:
      sde: the path.
      lo: noisy end of the range of log-SNR; clipped to what the path reaches.
      hi: clean end, likewise.
      density: array ``[K]`` of positive bin masses over K equal bins of [lo, hi]; uniform when left out.
    """
    lo, hi = clip_range(sde, lo, hi)
    mass = jnp.ones(1) if density is None else jnp.asarray(density)
    mass = mass / mass.sum()
    cdf = jnp.concatenate([jnp.zeros(1), jnp.cumsum(mass)])
    cdf = cdf / cdf[-1]
    edges = jnp.linspace(lo, hi, mass.size + 1)

    def sample(key, shape):
        u = _strata(key, shape)
        k = jnp.clip(jnp.searchsorted(cdf, u, side="right", method="compare_all") - 1, 0, mass.size - 1)
        within = (u - cdf[k]) / mass[k]
        logsnr = edges[k] + jnp.clip(within, 0.0, 1.0) * (edges[1] - edges[0])
        return inside(sde, sde.time(logsnr)), (edges[1] - edges[0]) / mass[k]

    return Times(sample, lo, hi)


def adaptive(sde: SDE, lo: float, hi: float, second_moment: Array, floor: float = 0.2) -> Times:
    """Stratified draws from the density that minimises the Monte-Carlo variance of a measured integrand.

    The optimum is proportional to sqrt(E integrand²); a share ``floor`` stays uniform so that no weight explodes.

    Args:
      sde: the path.
      lo: noisy end of the range of log-SNR.
      hi: clean end.
      second_moment: ``[K]``, E integrand² in K equal bins of [lo, hi], measured on rows that are not evaluated.
      floor: share of the uniform density.
    """
    root = jnp.sqrt(jnp.maximum(second_moment, 0.0))
    root = jnp.where(root.sum() > 0, root / jnp.maximum(root.sum(), 1e-30), 1.0 / root.size)
    return stratified(sde, lo, hi, density=(1.0 - floor) * root + floor / root.size)


def quadrature(sde: SDE, lo: float = -8.0, hi: float = 12.0, rule: str = "gauss") -> Times:
    """Fixed nodes: draw m of every row sits at node m.  ``rule`` is "gauss" (Gauss-Legendre) or "simpson".

    Raises:
      ValueError: for an unknown rule, or an even number of nodes with "simpson".
    """
    if rule not in ("gauss", "simpson"):
        raise ValueError(f"quadrature: rule must be 'gauss' or 'simpson', got {rule!r}.")
    lo, hi = clip_range(sde, lo, hi)

    def sample(key, shape):
        del key
        nodes, weights = nodes_and_weights(shape[0], lo, hi, rule)
        t = inside(sde, sde.time(jnp.asarray(nodes, dtype=jnp.result_type(float))))
        weights = jnp.asarray(weights * shape[0], dtype=t.dtype)
        return jnp.broadcast_to(t[:, None], shape), jnp.broadcast_to(weights[:, None], shape)

    return Times(sample, lo, hi)


def nodes_and_weights(num: int, lo: float, hi: float, rule: str = "gauss") -> tuple[np.ndarray, np.ndarray]:
    """``num`` nodes in [lo, hi] and their weights, which sum to hi - lo."""
    if rule == "gauss":
        x, w = np.polynomial.legendre.leggauss(num)
        return lo + (x + 1.0) * (hi - lo) / 2.0, w * (hi - lo) / 2.0
    if num % 2 == 0 or num < 3:
        raise ValueError(f"quadrature: Simpson's rule needs an odd number of nodes, at least 3, got {num}.")
    x = np.linspace(0.0, 1.0, num)
    # The weights are the rule applied to unit vectors: the library's own coefficients, not restated here.
    return lo + x * (hi - lo), integrate.simpson(np.eye(num), x=x, axis=-1) * (hi - lo)


def clip_range(sde: SDE, lo: float, hi: float) -> tuple[float, float]:
    """The part of [lo, hi] that the path reaches; ends that are being traced are trusted as they are.

    Raises:
      ValueError: when nothing is left.
    """
    if isinstance(lo, jax.core.Tracer) or isinstance(hi, jax.core.Tracer):
        return lo, hi
    with jax.ensure_compile_time_eval():  # the range is static even when a sampler is built inside a trace
        end, start = (float(v) for v in sde.logsnr_range())
    reached = max(lo, end), min(hi, start)
    if not reached[0] < reached[1]:
        raise ValueError(
            f"log-SNR range is empty: asked for [{lo:.2f}, {hi:.2f}] on a path that runs from {end:.2f} to {start:.2f}."
        )
    return reached
