"""Networks of the variational rivals: a critic of pairs, and a conditional location and scale."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import flax.linen as nn
import jax.numpy as jnp

from jaxinfo.types import Array, Key, Params


class Critic(NamedTuple):
    """``init(key, x [B, dx], y [B, dy]) -> params``; ``apply(params, x [B, dx], y [C, dy])`` as its maker says."""

    init: Callable[[Key, Array, Array], Params]
    apply: Callable[[Params, Array, Array], Any]


class _Joint(nn.Module):
    width: int
    depth: int

    @nn.compact
    def __call__(self, x: Array, y: Array) -> Array:
        # the first layer is linear in (x, y): its halves meet after B + C products instead of B C
        h = nn.Dense(self.width)(x)[:, None] + nn.Dense(self.width, use_bias=False)(y)[None]
        for _ in range(self.depth - 1):
            h = nn.Dense(self.width)(nn.relu(h))
        return nn.Dense(1)(nn.relu(h))[..., 0]


class _LocationScale(nn.Module):
    width: int
    depth: int
    out: int

    @nn.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        h = x
        for _ in range(self.depth):
            h = nn.relu(nn.Dense(self.width)(h))
        mean, log_scale = jnp.split(nn.Dense(2 * self.out, kernel_init=nn.initializers.zeros)(h), 2, -1)
        return mean, jnp.clip(log_scale, -8.0, 8.0)


def joint(width: int = 128, depth: int = 2) -> Critic:
    """A critic of all pairs: ``apply -> scores [B, C]``, ``scores[i, j] = T(x_i, y_j)``."""
    module = _Joint(width, depth)
    return Critic(module.init, lambda p, x, y: cast(Array, module.apply(p, x, y)))


def location_scale(dy: int, width: int = 128, depth: int = 2) -> Critic:
    """A law of y given x: ``apply -> (mean [B, dy], log_scale [B, dy])``; y itself is not read."""
    module = _LocationScale(width, depth, dy)
    init = lambda key, x, y: module.init(key, x)
    return Critic(init, lambda p, x, y: cast(tuple[Array, Array], module.apply(p, x)))
