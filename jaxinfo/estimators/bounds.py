"""Variational bounds on mutual information, as losses and values of a critic.

With scores f_ij = T(x_i, y_j) of a batch, E_p the mean over its B pairs (i = j) and E_q over the B (B − 1) others:

    DV, MINE   E_p f − log E_q e^f                           Donsker and Varadhan 1983; arXiv 1801.04062
    NWJ        E_p f − E_q e^(f − 1)                         arXiv 0809.0853
    InfoNCE    E_p f − mean_i log (1/B) Σ_j e^f_ij           arXiv 1807.03748; never above log B
    SMILE      E_p f − log E_q e^clip(f, ±τ), f trained to tell pairs from others       arXiv 1910.06222
    CLUB       E_p log q(y|x) − E_q log q(y|x), q Gaussian; an upper bound if q is right   arXiv 2006.12013
    DoE        cross-entropy of q(y) − cross-entropy of q(y|x), Gaussian or logistic    arXiv 1811.04251
    FMMI       −∫₀¹ E div v(z_t, t) dt, v the velocity of a flow from p(x) p(y) to p(x, y)          arXiv 2511.08552

MINE differs from DV in its gradient only: the partition function is divided by the exponential of a moving average of its
logarithm (the paper averages the function itself).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinfo.nets.critic import Critic, joint, location_scale, velocity
from jaxinfo.types import Array

BOUNDS = ("dv", "mine", "nwj", "infonce", "smile", "club", "doe_gaussian", "doe_logistic", "fmmi")
AVERAGE = "average"  # MINE's moving average among its parameters
PROBES = 16  # times and directions in which a row's divergence is read


def _nothing(dy: int) -> dict[str, Array]:
    return {}


class Bound(NamedTuple):
    """A critic and three functions of ``(params, apply, key, x, y)``, for one batch.

    ``critic(dx, dy, width, depth)`` makes the network, ``loss`` is what training lowers, ``held`` what is lowest at the step
    to keep, and ``value`` the estimate.  ``beside(dy)`` are parameters beside those of the critic, ``params["critic"]``.
    """

    critic: Callable[[int, int, int, int], Critic]
    loss: Callable[..., Array]
    held: Callable[..., Array]
    value: Callable[..., Array]
    beside: Callable[[int], dict[str, Array]] = _nothing


def _log_mean_exp_others(f: Array) -> Array:
    """log E_q e^f over the pairs i ≠ j."""
    b = f.shape[0]
    return jax.nn.logsumexp(jnp.where(jnp.eye(b, dtype=bool), -jnp.inf, f)) - math.log(b * (b - 1))


def _mean_others(f: Array) -> Array:
    b = f.shape[0]
    return (jnp.sum(f) - jnp.trace(f)) / (b * (b - 1))


def _dv(f: Array) -> Array:
    return jnp.mean(jnp.diagonal(f)) - _log_mean_exp_others(f)


def _nwj(f: Array) -> Array:
    return jnp.mean(jnp.diagonal(f)) - jnp.exp(_log_mean_exp_others(f) - 1.0)


def _infonce(f: Array) -> Array:
    return jnp.mean(jnp.diagonal(f) - jax.nn.logsumexp(f, axis=1)) + math.log(f.shape[0])


def _density_ratio_loss(f: Array) -> Array:
    """Logistic loss of telling pairs from others (the Jensen–Shannon bound)."""
    return jnp.mean(jax.nn.softplus(-jnp.diagonal(f))) + _mean_others(jax.nn.softplus(f))


def _log_gaussian(y: Array, mean: Array, log_scale: Array) -> Array:
    return -jnp.sum(0.5 * ((y - mean) * jnp.exp(-log_scale)) ** 2 + log_scale, -1) - 0.5 * y.shape[-1] * math.log(
        2 * math.pi
    )


def _log_logistic(y: Array, mean: Array, log_scale: Array) -> Array:
    z = (y - mean) * jnp.exp(-log_scale)
    return jnp.sum(-z - 2.0 * jax.nn.softplus(-z) - log_scale, -1)


def _of_scores(value: Callable[[Array], Array], loss: Callable[[Array], Array] | None = None) -> Bound:
    of = lambda g: lambda p, apply, key, x, y: g(apply(p["critic"], x, y))
    lower = of(loss or (lambda f: -value(f)))
    return Bound(lambda dx, dy, width, depth: joint(width, depth), lower, lower, of(value))


def _mine() -> Bound:

    def loss(p, apply, key, x, y):
        f = apply(p["critic"], x, y)
        log_mean, average = _log_mean_exp_others(f), p[AVERAGE]
        # the average is a parameter of its own, moved towards log_mean by plain gradient steps
        follow = 0.5 * (average - jax.lax.stop_gradient(log_mean)) ** 2
        return jnp.exp(log_mean - jax.lax.stop_gradient(average)) - jnp.mean(jnp.diagonal(f)) + follow

    return _of_scores(_dv)._replace(loss=loss, beside=lambda dy: {AVERAGE: jnp.zeros(())})


def _law_of_y(dx: int, dy: int, width: int, depth: int) -> Critic:
    return location_scale(dy, width, depth)


def _club() -> Bound:
    def value(p, apply, key, x, y):
        mean, log_scale = apply(p["critic"], x, y)
        each = _log_gaussian(y[None], mean[:, None], log_scale[:, None])  # [B, B]: log q(y_j | x_i)
        return jnp.mean(jnp.diagonal(each)) - _mean_others(each)

    loss = lambda p, apply, key, x, y: -jnp.mean(_log_gaussian(y, *apply(p["critic"], x, y)))
    return Bound(_law_of_y, loss, loss, value)


def _doe(log_density: Callable[[Array, Array, Array], Array]) -> Bound:
    def entropies(p, apply, x, y):
        alone = -jnp.mean(log_density(y, p["mean"], p["log_scale"]))
        return alone, -jnp.mean(log_density(y, *apply(p["critic"], x, y)))

    loss = lambda p, apply, key, x, y: sum(entropies(p, apply, x, y))
    value = lambda p, apply, key, x, y: jnp.subtract(*entropies(p, apply, x, y))
    alone = lambda dy: {"mean": jnp.zeros(dy), "log_scale": jnp.zeros(dy)}
    return Bound(_law_of_y, loss, loss, value, alone)


def _fmmi() -> Bound:
    def path(key, x, y):
        """Where the straight paths from (x, y of another row) to (x', y') are at random times, and their velocities."""
        k_y, k_start, k_time = jax.random.split(key, 3)
        shuffle = lambda k: jax.random.permutation(k, x.shape[0])
        start = jnp.concatenate([x, y[shuffle(k_y)]], -1)[shuffle(k_start)]
        end = jnp.concatenate([x, y], -1)
        t = (jnp.arange(x.shape[0])[:, None] + jax.random.uniform(k_time, (x.shape[0], 1))) / x.shape[0]
        return t, (1.0 - t) * start + t * end, end - start

    def loss(p, apply, key, x, y):
        t, z, v = path(key, x, y)
        return jnp.mean(jnp.sum((apply(p["critic"], z, t) - v) ** 2, -1))

    def value(p, apply, key, x, y):
        """Hutchinson's estimate of the divergence, several probes and times per row."""

        def once(key):
            k_path, k_probe = jax.random.split(key)
            t, z, _ = path(k_path, x, y)
            probe = jax.random.rademacher(k_probe, z.shape, z.dtype)
            _, along = jax.jvp(lambda z: apply(p["critic"], z, t), (z,), (probe,))
            return -jnp.mean(jnp.sum(along * probe, -1))

        return jnp.mean(jax.lax.map(once, jax.random.split(key, PROBES)))

    return Bound(lambda dx, dy, width, depth: velocity(dx + dy, width, depth), loss, loss, value)


def bound(name: str, clip: float = 5.0) -> Bound:
    """One of :data:`BOUNDS`.

    Args:
      name: which.
      clip: τ of SMILE.

    Raises:
      ValueError: for an unknown name.
    """
    clipped = lambda f: jnp.mean(jnp.diagonal(f)) - _log_mean_exp_others(jnp.clip(f, -clip, clip))
    makers: dict[str, Callable[[], Bound]] = {
        "dv": lambda: _of_scores(_dv),
        "mine": _mine,
        "nwj": lambda: _of_scores(_nwj),
        "infonce": lambda: _of_scores(_infonce),
        "smile": lambda: _of_scores(clipped, _density_ratio_loss),
        "club": _club,
        "doe_gaussian": lambda: _doe(_log_gaussian),
        "doe_logistic": lambda: _doe(_log_logistic),
        "fmmi": _fmmi,
    }
    if name not in makers:
        raise ValueError(f"unknown bound {name!r}; choose one of {', '.join(BOUNDS)}.")
    return makers[name]()
