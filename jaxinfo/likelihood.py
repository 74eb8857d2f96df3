"""Log-density by the probability flow: an independent check of entropies and KL divergences.

In y = x / alpha and s = sigma / alpha the flow is dy/ds = eps, and along it d log p(y) / ds = −div_y eps.  From the
clean end to the noisy one, where the law is nearly that of a Gaussian with the data's moments,

    log p(y_clean) = log N(y_noisy; m, S + s² I) + ∫ div_y eps ds                        (arXiv 2011.13456, Eq. 39)
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from jaxinfo import views as vw
from jaxinfo.blocks import Blocks
from jaxinfo.samplers import through
from jaxinfo.sde import SDE
from jaxinfo.times import clip_range, inside
from jaxinfo.types import Array, Key, ScoreFn


def log_density(
    score_fn: ScoreFn,
    sde: SDE,
    blocks: Blocks,
    x0: Array,
    view: vw.View,
    *,
    cov: Array,
    lo: float = -8.0,
    hi: float = 12.0,
    steps: int = 200,
    probes: int | None = None,
    key: Key | None = None,
) -> Array:
    """Log-density of the NOISED given the GIVEN variables of a view, row by row (arXiv 2011.13456, Eq. 39).

    Args:
      score_fn: the score function.
      sde: the path.
      blocks: packing.
      x0: rows ``[B, D]``; they start at log-SNR ``hi`` without noise, so the density is that of rows blurred by
        exp(−hi / 2).
      view: roles; ABSENT variables are integrated out.
      cov: ``[d, d]`` of the NOISED coordinates, for the noisy end; the mean there, which may depend on the GIVEN, is
        read from the score.
      lo: noisy end of log-SNR.
      hi: clean end.
      steps: of the fourth-order Runge–Kutta rule, even in log-SNR.
      probes: random directions for the trace (Hutchinson); None sums all coordinates exactly.
      key: typed PRNG key of the probes.

    Returns:
      ``[B]`` nats; minus their mean is the (conditional) entropy.

    Raises:
      ValueError: when ``probes`` comes without ``key``, ``cov`` is of another shape, or the path
        never reaches the range of log-SNR.
    """
    if probes is not None and key is None:
        raise ValueError("log_density: random probes need a key.")
    num_noised = int((np.asarray(view)[blocks.owner] == vw.NOISED).sum())
    if jnp.shape(cov) != (num_noised, num_noised):
        raise ValueError(f"cov of the NOISED coordinates: expected shape {(num_noised,) * 2}, got {jnp.shape(cov)}.")
    clock = lambda logsnr: inside(sde, sde.time(logsnr))
    predict = through(score_fn, sde, blocks, view, x0)
    noised = np.flatnonzero(np.asarray(view)[blocks.owner] == vw.NOISED)
    weight = 1.0 if probes is None else 1.0 / probes
    if probes is None or key is None:
        directions = jnp.zeros((noised.size, 1, blocks.dim), x0.dtype).at[np.arange(noised.size), 0, noised].set(1.0)
        directions = jnp.broadcast_to(directions, (noised.size, *x0.shape))
    else:
        signs = jax.random.rademacher(key, (probes, *x0.shape), x0.dtype)
        directions = signs * jnp.zeros(blocks.dim, x0.dtype).at[noised].set(1.0)

    def rate(y, logsnr):
        """d y / d logsnr and d log p(y) / d logsnr, with ds = −s/2 d logsnr."""
        t = clock(logsnr)
        alpha, s = sde.alpha(t), jnp.exp(-0.5 * logsnr)
        at = lambda z: predict(alpha * z, t)
        eps = at(y)
        push = jax.vmap(lambda v: jnp.sum(v * jax.jvp(at, (y,), (v,))[1], -1))(directions)
        return -0.5 * s * eps, 0.5 * s * weight * push.sum(0)

    noisy, clean = (jnp.asarray(v, x0.dtype) for v in clip_range(sde, lo, hi))
    nodes = jnp.linspace(clean, noisy, steps + 1)
    h = (noisy - clean) / steps

    def body(carry, logsnr):
        y, gained = carry
        k1, g1 = rate(y, logsnr)
        k2, g2 = rate(y + 0.5 * h * k1, logsnr + 0.5 * h)
        k3, g3 = rate(y + 0.5 * h * k2, logsnr + 0.5 * h)
        k4, g4 = rate(y + h * k3, logsnr + h)
        return (y + h / 6.0 * (k1 + 2 * k2 + 2 * k3 + k4), gained + h / 6.0 * (g1 + 2 * g2 + 2 * g3 + g4)), None

    (y, gained), _ = jax.lax.scan(body, (x0, jnp.zeros(x0.shape[0], x0.dtype)), nodes[:-1])
    end = jnp.exp(-noisy)  # s² at the noisy end
    spread = jnp.asarray(cov) + end * jnp.eye(noised.size)
    unit = predict(sde.alpha(clock(noisy)) * y, clock(noisy))[:, noised] * jnp.exp(
        0.5 * noisy
    )  # (S + s² I)^(-1) (y − m)
    mahalanobis = jnp.sum(unit * (unit @ spread), -1)
    log_end = -0.5 * (noised.size * jnp.log(2.0 * jnp.pi) + jnp.linalg.slogdet(spread)[1] + mahalanobis)
    return log_end - gained
