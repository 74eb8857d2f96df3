"""The one integral.

    KL(p‖q) = ½ ∫ Σ_i E‖eps_p^i − eps_q^i‖² d logsnr + KL(p_T‖q_T)          (thesis Eq. 4.13 with eps = −sigma score)

``difference`` is that integrand.  ``gap`` = ‖eps − eps_q‖² − ‖eps − eps_p‖², with eps the noise drawn, has the same mean
for exact scores, is valid row by row (pointwise information) and depends on network errors to second order only.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxinfo import views as vw
from jaxinfo.blocks import Blocks
from jaxinfo.sde import SDE
from jaxinfo.times import Times, inside
from jaxinfo.types import Array, Key, ScoreFn

INTEGRANDS = ("gap", "difference")


def integrands(eps: Array, eps_p: Array, eps_q: Array) -> tuple[Array, Array]:
    """``(gap, difference)`` summed over the last axis, each halved: ``[..., d] -> [...]``.

    gap is written <2 eps − eps_p − eps_q, eps_p − eps_q>: a difference of two near-equal squares would lose its digits
    at high signal-to-noise ratio.
    """
    delta = eps_p - eps_q
    gap = 0.5 * jnp.sum((2.0 * eps - eps_p - eps_q) * delta, -1)
    return gap, 0.5 * jnp.sum(delta**2, -1)


def score_divergence(
    key: Key,
    sde: SDE,
    blocks: Blocks,
    s_p: ScoreFn,
    s_q: ScoreFn,
    x0: Array,
    *,
    times: Times,
    num_mc: int = 1,
    integrand: str = "difference",
    path: Callable[[Array], Array] | None = None,
) -> Array:
    """KL(p‖q) row by row from two score functions, all variables noised: ½ ∫ ‖eps_p − eps_q‖² d logsnr.

    Args:
      key: typed PRNG key.
      sde: the path.
      blocks: packing of N variables in D coordinates.
      s_p: score function of p.
      s_q: score function of q.
      x0: rows of p, ``[B, D]``.
      times: sampler of times with weights.
      num_mc: draws per row.
      integrand: "difference" or "gap".
      path: monotone clocks of the variables, ``t [...] -> tau [..., N]``; all equal to t by default.  On other paths the
        variables' own log-SNR rates enter, and the result is the same: the integral depends only on its ends.

    Returns:
      ``[B]`` nats; their mean estimates KL(p‖q) − KL(p_T‖q_T).

    Raises:
      ValueError: for an unknown integrand.
    """
    if integrand not in INTEGRANDS:
        raise ValueError(f"unknown integrand {integrand!r}; choose one of {', '.join(INTEGRANDS)}.")
    k_time, k_noise = jax.random.split(key)
    t, weight = times.sample(k_time, (num_mc, x0.shape[0]))
    t, weight = inside(sde, t.astype(x0.dtype)), weight.astype(x0.dtype)
    roles = jnp.full((blocks.num_variables,), vw.NOISED)

    def one_draw(args):
        key, t, weight = args
        eps = jax.random.normal(key, x0.shape, x0.dtype)
        if path is None:
            x, tau = vw.look(sde, blocks, roles, x0, eps, t)
            rate = jnp.ones_like(tau)
        else:
            tau, velocity = jax.jvp(path, (t,), (jnp.ones_like(t),))
            alpha, sigma = vw.coefficients(sde, tau)
            x = blocks.spread(alpha) * x0 + blocks.spread(sigma) * eps
            # d logsnr_i / dt over d logsnr / dt at the base clock
            speed = lambda s: sde.g2(s) / sde.sigma2(s)
            # A clock that stands still adds nothing, also at its ends, where its own rate is infinite.
            moves = velocity > 0.0
            rate = jnp.where(moves, velocity * speed(jnp.where(moves, tau, 0.5 * sde.T)) / speed(t)[..., None], 0.0)
        root = jnp.sqrt(blocks.spread(rate))
        score = lambda s: root * s(x[None], tau[None])[0].astype(x0.dtype)
        gap, difference = integrands(root * eps, score(s_p), score(s_q))
        return weight * (gap if integrand == "gap" else difference)

    return jax.lax.map(one_draw, (jax.random.split(k_noise, num_mc), t, weight)).mean(0)
