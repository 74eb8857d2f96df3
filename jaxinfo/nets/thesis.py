"""The network of the thesis (Appendix B.2, Fig. A.3), kept as a configuration to compare with."""

from __future__ import annotations

from typing import cast

import flax.linen as nn
import jax.numpy as jnp

from jaxinfo.blocks import Blocks
from jaxinfo.types import Array, Net


class Block(nn.Module):
    """Group norm, SiLU, linear, plus the time vector, group norm, SiLU, linear, plus a skip."""

    width: int

    @nn.compact
    def __call__(self, h: Array, time: Array) -> Array:
        """``h [..., F]``, ``time [..., T]`` -> ``[..., width]``."""
        norm = lambda z: nn.GroupNorm(num_groups=8, reduction_axes=(-1,))(z)
        z = nn.Dense(self.width)(nn.silu(norm(h)))
        z = z + nn.Dense(self.width)(nn.silu(time))
        z = nn.Dense(self.width)(nn.silu(norm(z)))
        return z + (h if h.shape[-1] == self.width else nn.Dense(self.width)(h))


class ThesisMLP(nn.Module):
    """Three residual blocks; the raw vector of clocks enters through two linear layers."""

    out: int
    width: int

    @nn.compact
    def __call__(self, x: Array, clocks: Array) -> Array:
        """``x [..., D]``, ``clocks [..., N]`` in [0, 1] -> ``[..., out]``."""
        time = nn.Dense(self.width)(nn.gelu(nn.Dense(self.width)(clocks)))
        root = nn.Dense(self.width)(x)
        h = Block(self.width)(root, time)
        h = Block(self.width)(h, time)
        h = Block(self.width)(jnp.concatenate([h, root], -1), time)
        h = nn.silu(nn.GroupNorm(num_groups=8, reduction_axes=(-1,))(h))
        return nn.Dense(self.out, kernel_init=nn.initializers.zeros)(h)


def thesis_width(dim: int) -> int:
    """Hidden width by packed dimension (Tables B.1 and B.2)."""
    return 64 if dim <= 10 else 128 if dim <= 50 else 256


def thesis(blocks: Blocks, width: int | None = None) -> Net:
    """The thesis's score network as a :class:`~jaxinfo.types.Net`; ABSENT coordinates are shown as pure noise."""
    module = ThesisMLP(blocks.dim, thesis_width(blocks.dim) if width is None else width)

    def plain(x):
        return x[..., blocks.dim : 2 * blocks.dim]  # what stands around it belongs to networks of our own

    apply = lambda p, x, u: cast(Array, module.apply(p, plain(x), u))
    return Net(lambda key, x, u: module.init(key, plain(x), u), apply)
