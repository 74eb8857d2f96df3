"""Residual multi-layer perceptron with feature-wise modulation by the clock: the default score network."""

from __future__ import annotations

from typing import cast

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxinfo.blocks import Blocks
from jaxinfo.types import Array, Net


class ResidualMLP(nn.Module):
    """``depth`` residual blocks of two layers, scaled and shifted by an embedding of the shared clock.

    Beside them ``rank`` linear functions of the input go straight to the output, scaled by the clock: what is linear in
    products of coordinates need not wait for the blocks.

    The last layer starts small but not at zero: from zero, a correction to a good Gaussian sits on a plateau for
    thousands of steps (measured on the 3 x 3 spiral).  No normalisation layers: dearer, and worse.
    """

    out: int
    width: int = 64
    depth: int = 3
    frequencies: int = 8
    rank: int = 32

    @nn.compact
    def __call__(self, features: Array, clock: Array) -> Array:
        """``features [..., F]``, ``clock [..., 1]`` in (0, 1) -> ``[..., out]``."""
        scaled = lambda s: nn.initializers.variance_scaling(s, "fan_in", "normal")
        angles = jnp.pi * clock * jnp.arange(1, self.frequencies + 1)
        code = jnp.concatenate([2.0 * clock - 1.0, jnp.cos(angles), jnp.sin(angles)], -1)
        code = nn.silu(nn.Dense(16)(code))
        # a product for each modulation: one product for all, cut into pieces, takes an eighth more of a whole step
        modulation = lambda size: nn.Dense(size, kernel_init=nn.initializers.zeros)(code)
        h, straight = nn.Dense(self.width)(features), nn.Dense(self.rank)(features)
        for _ in range(self.depth):
            z = nn.gelu(nn.Dense(self.width)(h) * (1.0 + modulation(self.width)) + modulation(self.width))
            h = h + nn.Dense(self.width, kernel_init=scaled(0.3))(z)
        last = jnp.concatenate([nn.gelu(h), straight * (1.0 + modulation(self.rank))], -1)
        return nn.Dense(self.out, kernel_init=scaled(0.1))(last)


def mlp(blocks: Blocks, width: int = 64, depth: int = 3, frequencies: int = 8) -> Net:
    """The default network as a :class:`~jaxinfo.types.Net`.

    Its input is ``[w, x, r x]`` (whitened, plain, times its radius: ``[..., 2 D or 3 D]``, see
    :mod:`jaxinfo.precondition`) and the bounded clocks; it sees the noised coordinates all ways, the clean ones plain and
    times the radius, the role bits and the clock the NOISED variables share.  ABSENT coordinates are zeroed.
    """
    module = ResidualMLP(blocks.dim, width, depth, frequencies)

    def features(x, u):
        white, plain, *radial = jnp.split(x, x.shape[-1] // blocks.dim, -1)
        given, absent = u == 0.0, u == 1.0
        noised = ~(given | absent)
        spread = lambda z: blocks.spread(z).astype(x.dtype)
        shown = [(white, noised), (plain, noised), (plain, given)] + [(z, ~absent) for z in radial]
        inside = jnp.concatenate([z * spread(where) for z, where in shown] + [1.0 * noised, 1.0 * given], -1)
        clock = jnp.max(jnp.where(noised, u, 0.0), -1, keepdims=True)
        return inside, clock

    apply = lambda p, x, u: cast(Array, module.apply(p, *features(x, u)))
    return Net(lambda key, x, u: module.init(key, *features(x, u)), apply)


def num_params(params) -> int:
    """Number of trainable numbers in a parameter tree."""
    return int(sum(np.prod(p.shape) for p in jax.tree.leaves(params)))
