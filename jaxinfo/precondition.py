"""What stands around a network so that it learns only what a Gaussian leaves over, in coordinates that help it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from jaxinfo import gaussian
from jaxinfo import views as vw
from jaxinfo.blocks import Blocks, standard_radius
from jaxinfo.types import Array, Net, Params

GATE_SCALE2 = 0.02  # squared finest length, in units of the data's standard deviation, that the gate expects


def precondition(net: Net, blocks: Blocks) -> Net:
    """Wrap a network so that it learns only what a Gaussian leaves over.

        eps = eps_G + gate * Fᵀ net([F w, F x, r F x], u),    gate = alpha sigma / sqrt(sigma² + GATE_SCALE2 alpha²)

    with w the whitened input, r the :func:`radius` of each variable and F its :func:`~jaxinfo.correlations.focus` (where all
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
        x = jnp.zeros((1, 1, kinds * blocks.dim), fac.focus.dtype)
        u = jnp.full((1, 1, blocks.num_variables), 0.5, fac.focus.dtype)
        return {"net": net.init(key, x, u), "gaussian": fac}

    def apply(params, x, u):
        fac = params["gaussian"]
        inner = _weighed(net, params["net"], fac)
        eps_gaussian, white, gate = gaussian_part(fac, blocks, x, u)
        if kinds == 2:
            return eps_gaussian + gate * net.apply(inner, jnp.concatenate([white, x], -1), u)
        focus = jax.lax.stop_gradient(fac.focus)
        white, plain = white @ focus.T, x @ focus.T
        seen = jnp.concatenate([white, plain, blocks.spread(radius(blocks, x)) * plain], -1)
        return eps_gaussian + gate * (net.apply(inner, seen, u) @ focus)

    return Net(init, apply)


def single(
    net: Net, blocks: Blocks, params: Params, fac: gaussian.Factors, clean: Array, own: Array, white: Array,
    given: np.ndarray, noised: np.ndarray, logsnr: Array,
) -> Array:  # fmt: skip
    """What the preconditioned network adds to the Gaussian in views with one variable NOISED, at rows they share.

    Args:
      net: the inner network, with a ``single`` of its own.
      blocks: packing.
      params: of the inner network.
      fac: factors of the Gaussian, for what a network looks at.
      clean: ``[B, D]`` clean rows.
      own: ``[V, B, W]`` noised coordinates, with alpha² + sigma² = 1.
      white: ``[V, B, W]`` the same whitened.
      given: ``[V, N]`` the variables GIVEN to each view.
      noised: ``[V]`` the variable NOISED in it.
      logsnr: ``[B]``.

    Returns:
      ``[V, B, W]``, ``apply``'s prediction minus the Gaussian's.
    """
    assert net.single is not None
    at, keep = blocks.padded
    focus, inner = fac.focus, _weighed(net, params, fac)
    maps = jnp.where(keep[:, :, None] & keep[:, None, :], focus[at[:, :, None], at[:, None, :]], 0.0)  # [N, W, W]
    shown, parts = blocks.apart(clean), [white, own]
    if max(blocks.sizes) > 1:
        plain = jnp.einsum("bnw,nvw->bnv", shown, maps)
        shown = jnp.concatenate([plain, radius(blocks, clean)[..., None] * plain], -1)
        parts = [jnp.einsum("sbw,svw->sbv", z, maps[noised]) for z in parts]
        parts.append(standard_radius((own**2).sum(-1), np.asarray(blocks.sizes)[noised][:, None])[..., None] * parts[1])
    out = net.single(inner, shown, jnp.concatenate(parts, -1), given, noised, vw.logsnr_clock(logsnr)[:, None])
    if max(blocks.sizes) > 1:
        out = jnp.einsum("sbv,svw->sbw", out, maps[noised])
    return _gate(logsnr)[:, None] * out


def _weighed(net: Net, params: Params, fac: gaussian.Factors | gaussian.Ordered) -> Params:
    return params if net.weigh is None else net.weigh(params, jax.lax.stop_gradient(fac.relevance))


def radius(blocks: Blocks, x: Array) -> Array:
    """The :func:`~jaxinfo.blocks.standard_radius` of each variable: ``[..., D] -> [..., N]``.

    Laws that bend with the distance from their centre (elliptical ones, spirals) are linear in the product of radius and
    coordinates.
    """
    sizes = np.asarray(blocks.sizes)
    mine = np.asarray(blocks.owner)[:, None] == np.arange(sizes.size)
    return standard_radius((x**2) @ jnp.asarray(mine, x.dtype), sizes)


def _gate(logsnr: Array) -> Array:
    alpha2, sigma2 = jax.nn.sigmoid(logsnr), jax.nn.sigmoid(-logsnr)
    return jnp.sqrt(alpha2 * sigma2) * jax.lax.rsqrt(sigma2 + GATE_SCALE2 * alpha2)


def gaussian_part(
    fac: gaussian.Factors | gaussian.Ordered, blocks: Blocks, x: Array, u: Array
) -> tuple[Array, Array, Array]:
    """``(eps_G, w, gate)`` in the coordinates networks see: x with alpha² + sigma² = 1 and the bounded clock u."""
    fac = jax.lax.stop_gradient(fac)
    is_given, is_absent = u == 0.0, u == 1.0
    clock = jnp.max(jnp.where(is_given | is_absent, 0.0, u), axis=-1, keepdims=True)  # the clock the NOISED share
    logsnr = vw.clock_logsnr(clock)
    alpha, sigma = jnp.sqrt(jax.nn.sigmoid(logsnr)), jnp.sqrt(jax.nn.sigmoid(-logsnr))
    gate = _gate(logsnr)
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
