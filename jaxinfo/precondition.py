"""What stands around a network so that it learns only what a Gaussian leaves over, in coordinates that help it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from jaxinfo import gaussian
from jaxinfo import views as vw
from jaxinfo.blocks import Blocks
from jaxinfo.types import Array, Net

GATE_SCALE2 = 0.02  # squared finest length, in units of the data's standard deviation, that the gate expects
FAR = 4.0  # standard deviations after which a radius no longer grows


def precondition(net: Net, blocks: Blocks) -> Net:
    """Wrap a network so that it learns only what a Gaussian leaves over.

        eps = eps_G + gate * Fᵀ net([F w, F x, r F x], u),    gate = alpha sigma / sqrt(sigma² + GATE_SCALE2 alpha²)

    with w the whitened input, r the :func:`radius` of each variable and F its :func:`~jaxinfo.gaussian.focus` (where all
    variables have one coordinate there is neither).  A density
    that varies over lengths l has a score below 1 / sqrt(l² + sigma²/alpha²), so the correction dies out at both ends; a
    gate that does the same keeps the unpredictable noise of nearly clean rows out of the gradient.  F and r are for
    variables of many coordinates: there noise is memorised before a product of coordinates is found.
    Parameters are ``{"net": …, "gaussian": Factors}``; the Gaussian part is not trained (its gradient is stopped).

    ``init(key, factors) -> params``; ``apply(params, x [S, B, D], u [S, B, N])`` where x has unit signal-plus-noise
    weight (alpha² + sigma² = 1).
    """

    kinds = 2 if max(blocks.sizes) == 1 else 3

    def init(key, fac):
        x = jnp.zeros((1, 1, kinds * blocks.dim), fac.mean.dtype)
        u = jnp.full((1, 1, blocks.num_variables), 0.5, fac.mean.dtype)
        return {"net": net.init(key, x, u), "gaussian": fac}

    def apply(params, x, u):
        fac = params["gaussian"]
        eps_gaussian, white, gate = gaussian_part(fac, blocks, x, u)
        if kinds == 2:
            return eps_gaussian + gate * net.apply(params["net"], jnp.concatenate([white, x], -1), u)
        focus = jax.lax.stop_gradient(fac.focus)
        white, plain = white @ focus.T, x @ focus.T
        seen = jnp.concatenate([white, plain, blocks.spread(radius(blocks, x)) * plain], -1)
        return eps_gaussian + gate * (net.apply(params["net"], seen, u) @ focus)

    return Net(init, apply)


def radius(blocks: Blocks, x: Array) -> Array:
    """(‖x_i‖² − d_i) / sqrt(2 d_i) of each variable, within ± FAR: ``[..., D] -> [..., N]``.

    Mean 0 and variance 1 under the standard normal.  Laws that bend with the distance from their centre (elliptical
    ones, spirals) are linear in the product of radius and coordinates.
    """
    sizes = np.asarray(blocks.sizes)
    mine = np.asarray(blocks.owner)[:, None] == np.arange(sizes.size)
    squares = (x**2) @ jnp.asarray(mine, x.dtype)
    return jnp.clip((squares - sizes) / np.sqrt(2.0 * sizes), -FAR, FAR).astype(x.dtype)


def gaussian_part(
    fac: gaussian.Factors | gaussian.Ordered, blocks: Blocks, x: Array, u: Array
) -> tuple[Array, Array, Array]:
    """``(eps_G, w, gate)`` in the coordinates networks see: x with alpha² + sigma² = 1 and the bounded clock u."""
    fac = jax.lax.stop_gradient(fac)
    is_given, is_absent = u == 0.0, u == 1.0
    clock = jnp.max(jnp.where(is_given | is_absent, 0.0, u), axis=-1, keepdims=True)  # the clock the NOISED share
    logsnr = vw.clock_logsnr(clock)
    alpha, sigma = jnp.sqrt(jax.nn.sigmoid(logsnr)), jnp.sqrt(jax.nn.sigmoid(-logsnr))
    gate = alpha * sigma * jax.lax.rsqrt(sigma**2 + GATE_SCALE2 * alpha**2)
    if isinstance(fac, gaussian.Factors):
        return *gaussian.whiten(
            gaussian.select(fac, gaussian.slab_roles(is_given, is_absent)), blocks, x, alpha, sigma
        ), gate
    each = [
        gaussian.whiten(part, blocks, x[np.array(at)], alpha[np.array(at)], sigma[np.array(at)])
        for part, at in zip(fac.parts, fac.places)
    ]
    back = np.argsort(np.concatenate(fac.places))
    eps, white = (jnp.concatenate(parts)[back] for parts in zip(*each))
    return eps, white, gate
