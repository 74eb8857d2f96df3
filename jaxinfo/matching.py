"""Denoising score matching over views: what every network here is trained on.

    L = E over views v, times t, rows x_0 and noise of  sum over NOISED i of ‖eps_i − eps_θ^i(x_v, tau_v)‖²

with log-SNR drawn from ``times``; under a uniform density of log-SNR half this loss, times the range, is measured in
nats: it differs from the sum of the views' entropies by a constant (Eq. 2.28 with the likelihood weight).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from jaxinfo import views as vw
from jaxinfo.blocks import Blocks
from jaxinfo.sde import SDE
from jaxinfo.times import Times, inside
from jaxinfo.types import Array, Key, Net, Params


def draw_views(key: Key, probs: Array, slabs: int) -> Array:
    """The views ``[slabs]`` of the slabs of one batch, by systematic sampling from ``probs [V]``.

    View v gets slabs * probs[v] slabs on average and never differs from that by one or more, so with equal
    probabilities and as many slabs as views every batch holds each view once.
    """
    u = (jnp.arange(slabs) + jax.random.uniform(key)) / slabs
    cdf = jnp.cumsum(probs / probs.sum())
    return jnp.clip(jnp.searchsorted(cdf, u, side="right", method="compare_all"), 0, probs.size - 1)


def matching_loss(
    params: Params,
    net: Net,
    sde: SDE,
    blocks: Blocks,
    key: Key,
    x0: Array,
    *,
    roles: Array,
    times: Times,
    weights: Array | None = None,
) -> tuple[Array, Array]:
    """Mean squared error of the noise prediction per NOISED coordinate.

    Args:
      params: parameters of ``net``.
      net: the network; sees x scaled to unit signal-plus-noise weight, and the bounded clock.
      sde: the path.
      blocks: packing of N variables in D coordinates.
      key: typed PRNG key.
      x0: rows ``[S, B, D]``, one slab per view.  Each is seen twice, with the noise and with its mirror image: the
        part of the gradient that is odd in the noise, nearly all of it at high signal-to-noise ratio, cancels.
      roles: ``[S, N]``, the view of each slab.
      times: sampler of times; rows of a slab are stratified in log-SNR.
      weights: ``[S, B]`` row weights; ones by default.

    Returns:
      ``(loss, per_slab [S])``: the loss over all slabs, and each slab's ½ ∫ E‖eps − eps_θ‖² d logsnr in nats.
    """
    k_time, k_noise = jax.random.split(key)
    s, b = x0.shape[:2]
    t, time_weight = times.sample(k_time, (b, s))
    t, time_weight = inside(sde, t.astype(x0.dtype)).T, time_weight.astype(x0.dtype).T
    eps = jax.random.normal(k_noise, x0.shape, x0.dtype)
    # vmapped over the sign alone: what a network makes of the clock is made once for both
    mirrored = jax.vmap(lambda e: noise_error(params, net, sde, blocks, x0, e, t, roles))
    error = mirrored(jnp.stack([eps, -eps])).mean(0)  # [S, B]
    if weights is not None:
        error = error * weights
    coordinates = blocks.spread(roles == vw.NOISED).sum(-1)  # [S]
    loss = error.mean(1).sum() / coordinates.sum()
    return loss, 0.5 * (time_weight * error).mean(1)


def noise_error(
    params: Params, net: Net, sde: SDE, blocks: Blocks, x0: Array, eps: Array, t: Array, roles: Array
) -> Array:
    """Squared error of the predicted noise summed over NOISED coordinates: slabs ``[S, B, D]`` to ``[S, B]``."""
    alpha, sigma = sde.alpha(t)[..., None], sde.sigma(t)[..., None]  # [S, B, 1]
    scale = jax.lax.rsqrt(alpha**2 + sigma**2)
    role = roles[:, None, :]
    role_d = blocks.spread(role)
    is_noised = role_d == vw.NOISED
    x = jnp.where(is_noised, scale * (alpha * x0 + sigma * eps), jnp.where(role_d == vw.GIVEN, x0, eps))
    clock = jax.nn.sigmoid(-sde.logsnr(t) / vw.CLOCK_SCALE)[..., None]
    u = jnp.where(role == vw.GIVEN, 0.0, jnp.where(role == vw.ABSENT, 1.0, clock))
    return jnp.sum(jnp.where(is_noised, net.apply(params, x, u) - eps, 0.0) ** 2, -1)


def slab_layout(num_views: int, batch: int, least_rows: int = 6) -> tuple[int, int]:
    """``(slabs, rows per slab)`` of a batch: one slab per view, or fewer views per step when there are too many.

    ``batch`` counts network evaluations; every row is used twice, so a slab holds half as many rows.  A slab brings the
    factors of its view, D x D numbers: for fewer than ``least_rows`` rows moving them costs more than using them.
    """
    rows = batch // 2
    slabs = int(np.clip(rows // least_rows, 1, num_views))
    return slabs, max(rows // slabs, least_rows)
