"""Networks of the variational rivals: a critic of pairs, a conditional location and scale, a velocity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import flax.linen as nn
import jax.numpy as jnp

from jaxinfo.nets.mlp import ResidualMLP
from jaxinfo.types import Array, Key, Params


class Critic(NamedTuple):
    """``init(key, x [B, dx], y [B, dy]) -> params``; ``apply(params, …)`` as its maker says."""

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
    """A critic of all pairs: ``apply(params, x [B, dx], y [C, dy]) -> [B, C]``, entry (i, j) being T(x_i, y_j)."""
    module = _Joint(width, depth)
    return Critic(module.init, lambda p, x, y: cast(Array, module.apply(p, x, y)))


def location_scale(dy: int, width: int = 128, depth: int = 2) -> Critic:
    """A law of y given x: ``apply(params, x, y) -> (mean [B, dy], log_scale [B, dy])``; y itself is not read."""
    module = _LocationScale(width, depth, dy)
    init = lambda key, x, y: module.init(key, x)
    return Critic(init, lambda p, x, y: cast(tuple[Array, Array], module.apply(p, x)))


def velocity(dim: int, width: int = 128, depth: int = 2) -> Critic:
    """A velocity field on pairs: ``apply(params, z [B, dx + dy], t [B, 1]) -> [B, dx + dy]``."""
    module = ResidualMLP(dim, width, depth)
    init = lambda key, x, y: module.init(key, jnp.concatenate([x, y], -1), jnp.full((x.shape[0], 1), 0.5))
    return Critic(init, lambda p, z, t: cast(Array, module.apply(p, z, t)))
