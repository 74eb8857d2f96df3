"""Views: which variable is known, which one is noised, which one is integrated out.

role      clock   the network sees                      meaning
GIVEN     0       clean x_0                             condition on it
NOISED    t       x_t                                   its score is read
ABSENT    T       nothing it may use (pure noise)       integrate it out
"""

from __future__ import annotations

from collections.abc import Iterable

import jax
import jax.numpy as jnp
import numpy as np

from jaxinfo.blocks import Blocks
from jaxinfo.sde import SDE
from jaxinfo.types import Array, Net, Params, ScoreFn

GIVEN, NOISED, ABSENT = 0, 1, 2
View = tuple[int, ...]
CLOCK_SCALE = 4.0


def view(n: int, noised: Iterable[int], given: Iterable[int] = ()) -> View:
    """The view of ``n`` variables with these NOISED, these GIVEN and the rest ABSENT.

    Raises:
      ValueError: when nothing is noised (a view without NOISED variables has no score) or the sets overlap.
    """
    noised, given = set(noised), set(given)
    if not noised:
        raise ValueError("a view needs at least one NOISED variable: without one there is no score to read.")
    if noised & given:
        raise ValueError(f"variables {sorted(noised & given)} are both NOISED and GIVEN; choose one role each.")
    return tuple(NOISED if i in noised else GIVEN if i in given else ABSENT for i in range(n))


def joint(n: int) -> View:
    """All NOISED."""
    return (NOISED,) * n


def alone(n: int, i: int) -> View:
    """Variable i NOISED, the rest ABSENT: the marginal score of i."""
    return view(n, {i})


def given_rest(n: int, i: int) -> View:
    """Variable i NOISED, the rest GIVEN: the score of i conditional on everything else."""
    return view(n, {i}, set(range(n)) - {i})


def noised(v: View) -> tuple[int, ...]:
    """The NOISED variables of a view."""
    return tuple(i for i, role in enumerate(v) if role == NOISED)


def given(v: View) -> tuple[int, ...]:
    """The GIVEN variables of a view."""
    return tuple(i for i, role in enumerate(v) if role == GIVEN)


def entries(views: Iterable[View]) -> tuple[tuple[int, int], ...]:
    """(view, variable) of everything these views predict: the NOISED variables of each."""
    return tuple((v, i) for v, view in enumerate(views) for i in noised(view))


def table(views: Iterable[View]) -> np.ndarray:
    """Views as an integer array ``[V, N]``."""
    return np.asarray(list(views), dtype=np.int8)


def clocks(roles: Array, t: Array, T: float) -> Array:
    """The clock of every variable: roles ``[..., N]`` and times ``[...]`` to ``tau [..., N]`` in {0, t, T}."""
    t = t[..., None]
    return jnp.where(roles == GIVEN, jnp.zeros_like(t), jnp.where(roles == ABSENT, jnp.full_like(t, T), t))


def roles_of(sde: SDE, tau: Array) -> tuple[Array, Array]:
    """Boolean arrays ``(given, absent)`` shaped as ``tau``: the ends of the clock are roles, exactly."""
    return tau == 0.0, tau == sde.T


def coefficients(sde: SDE, tau: Array) -> tuple[Array, Array]:
    """``(alpha, sigma)`` per variable with the ends made exact: GIVEN is (1, 0) and ABSENT is (0, 1) on every path.

    Whatever the path, SNR is infinite at clock 0 and exactly 0 at clock T, also where VE or VP only come near.
    """
    is_given, is_absent = roles_of(sde, tau)
    inner = jnp.where(is_given | is_absent, 0.5 * sde.T, tau)
    alpha = jnp.where(is_given, 1.0, jnp.where(is_absent, 0.0, sde.alpha(inner)))
    sigma = jnp.where(is_given, 0.0, jnp.where(is_absent, 1.0, sde.sigma(inner)))
    return alpha, sigma


def look(sde: SDE, blocks: Blocks, roles: Array, x0: Array, eps: Array, t: Array) -> tuple[Array, Array]:
    """What the score function is shown: clean data seen through roles at time t.

    Args:
      sde: the path.
      blocks: packing of N variables in D coordinates.
      roles: ``[..., N]`` integers.
      x0: ``[..., D]`` clean rows.
      eps: ``[..., D]`` standard normal noise; ABSENT coordinates show it bare.
      t: ``[...]`` times of the NOISED variables.

    Returns:
      ``(x [..., D], tau [..., N])``.
    """
    is_given, is_absent = roles == GIVEN, roles == ABSENT
    alpha = jnp.where(is_given, 1.0, jnp.where(is_absent, 0.0, sde.alpha(t)[..., None]))
    sigma = jnp.where(is_given, 0.0, jnp.where(is_absent, 1.0, sde.sigma(t)[..., None]))
    return blocks.spread(alpha) * x0 + blocks.spread(sigma) * eps, clocks(roles, t, sde.T)


def bounded_clock(sde: SDE, tau: Array) -> Array:
    """The code networks see, ``u = sigmoid(-logsnr/4)`` in [0, 1]: exactly 0 for GIVEN and 1 for ABSENT."""
    is_given, is_absent = roles_of(sde, tau)
    inner = jnp.where(is_given | is_absent, 0.5 * sde.T, tau)
    u = jax.nn.sigmoid(-sde.logsnr(inner) / CLOCK_SCALE)
    return jnp.where(is_given, 0.0, jnp.where(is_absent, 1.0, u))


def logsnr_clock(logsnr: Array) -> Array:
    """The bounded clock from log-SNR."""
    return jax.nn.sigmoid(-logsnr / CLOCK_SCALE)


def clock_logsnr(u: Array) -> Array:
    """Log-SNR from the bounded clock, the inverse of :func:`bounded_clock` (±inf at the ends)."""
    return -CLOCK_SCALE * (jnp.log(u) - jnp.log1p(-u))


def bind(net: Net, params: Params, sde: SDE, blocks: Blocks) -> ScoreFn:
    """Close a network over its parameters and a path: a :data:`ScoreFn`.

    The network sees x scaled to unit total noise-plus-signal weight, so one trained on VP serves every path; its
    output counts only where a variable is NOISED.
    """

    def score(x, tau):
        alpha, sigma = coefficients(sde, tau)
        is_given, is_absent = roles_of(sde, tau)
        scale = blocks.spread(jnp.sqrt(alpha**2 + sigma**2))
        eps = net.apply(params, x / scale, bounded_clock(sde, tau))
        return jnp.where(blocks.spread(is_given | is_absent), 0.0, eps)

    return score


def from_score(sde: SDE, blocks: Blocks, score: ScoreFn) -> ScoreFn:
    """Adapt a score function, (x, tau) -> ∇ log p, to the library's eps = −sigma · score."""

    def eps(x, tau):
        _, sigma = coefficients(sde, tau)
        return -blocks.spread(sigma) * score(x, tau)

    return eps


def from_x0(sde: SDE, blocks: Blocks, denoiser: ScoreFn) -> ScoreFn:
    """Adapt a denoiser, (x, tau) -> E[x_0 | x], to eps = (x − alpha E[x_0 | x]) / sigma."""

    def eps(x, tau):
        alpha, sigma = coefficients(sde, tau)
        sigma = blocks.spread(sigma)
        return jnp.where(
            sigma > 0, (x - blocks.spread(alpha) * denoiser(x, tau)) / jnp.where(sigma > 0, sigma, 1.0), 0.0
        )

    return eps
