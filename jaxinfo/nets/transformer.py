"""Diffusion transformer over variables (thesis Appendix C.4; arXiv 2212.09748): one token per variable.

Attention lets a view read only the variables it needs, and one set of weights serves every pair of them: with many
variables this shares more than a wide residual network does, at a higher price per step.
"""

from __future__ import annotations

from typing import cast

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from jaxinfo.blocks import Blocks
from jaxinfo.types import Array, Net


class TransformerBlock(nn.Module):
    """Attention and a two-layer network, each shifted, scaled and gated by the condition; gates start at zero."""

    width: int
    heads: int

    @nn.compact
    def __call__(self, h: Array, condition: Array, mask: Array) -> Array:
        """``h, condition [..., N, width]``, ``mask [..., 1, N, N]`` (who may be looked at) -> ``[..., N, width]``."""
        modulation = nn.Dense(6 * self.width, kernel_init=nn.initializers.zeros)(nn.silu(condition))
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = jnp.split(modulation, 6, -1)
        norm = lambda z: nn.LayerNorm(use_bias=False, use_scale=False)(z)
        z = norm(h) * (1.0 + scale_a) + shift_a
        h = h + gate_a * nn.MultiHeadDotProductAttention(self.heads)(z, mask=mask)
        z = norm(h) * (1.0 + scale_m) + shift_m
        return h + gate_m * nn.Dense(self.width)(nn.gelu(nn.Dense(4 * self.width)(z)))


class VariableTransformer(nn.Module):
    """Variables in, variables out; each has linear maps of its own to and from its token."""

    sizes: tuple[int, ...]
    width: int = 64
    depth: int = 4
    heads: int = 4
    frequencies: int = 8

    @nn.compact
    def __call__(self, x: Array, u: Array) -> Array:
        """``x [..., 2 D or 3 D]`` (whitened, plain, times its radius), bounded clocks ``u [..., N]`` -> ``[..., D]``."""
        blocks, n, widest = Blocks(self.sizes), len(self.sizes), max(self.sizes)
        owner = np.asarray(blocks.owner)
        place = np.concatenate([np.arange(d) for d in self.sizes])  # position of a coordinate within its variable
        white, plain, *radial = jnp.split(x, x.shape[-1] // blocks.dim, -1)
        given, absent = u == 0.0, u == 1.0
        noised = ~(given | absent)

        def tokens(z, shown):
            ragged = jnp.where(blocks.spread(shown), z, 0.0)
            return jnp.zeros((*x.shape[:-1], n, widest), x.dtype).at[..., owner, place].set(ragged)

        shown = [(white, noised)] + [(z, where) for z in (plain, *radial) for where in (noised, given)]
        seen = jnp.concatenate([tokens(z, where) for z, where in shown], -1)
        lecun = nn.initializers.variance_scaling(1.0, "fan_in", "normal", in_axis=1, out_axis=2, batch_axis=0)
        into = self.param("into", lecun, (n, len(shown) * widest, self.width), jnp.float32)
        names = self.param("names", nn.initializers.normal(0.5), (n, self.width), jnp.float32)
        angles = jnp.pi * u[..., None] * jnp.arange(1, self.frequencies + 1)
        code = jnp.concatenate([2.0 * u[..., None] - 1.0, jnp.cos(angles), jnp.sin(angles)], -1)
        role = jnp.stack([noised, given, absent], -1).astype(x.dtype)
        condition = nn.Dense(self.width)(nn.silu(nn.Dense(self.width)(jnp.concatenate([code, role], -1)))) + names
        h = jnp.einsum("...nf,nfw->...nw", seen, into) + names
        mask = jnp.broadcast_to(~absent[..., None, None, :], (*u.shape[:-1], 1, n, n))
        for _ in range(self.depth):
            h = TransformerBlock(self.width, self.heads)(h, condition, mask)
        h = nn.gelu(nn.LayerNorm()(h))
        small = nn.initializers.variance_scaling(0.1, "fan_in", "normal", in_axis=1, out_axis=2, batch_axis=0)
        out = jnp.einsum("...nw,nwd->...nd", h, self.param("out", small, (n, self.width, widest), jnp.float32))
        return out[..., owner, place]


def transformer(blocks: Blocks, width: int = 64, depth: int = 4, heads: int = 4) -> Net:
    """The transformer as a :class:`~jaxinfo.types.Net`; ABSENT variables are shown as zeros and never looked at."""
    module = VariableTransformer(blocks.sizes, width, depth, heads)
    return Net(lambda key, x, u: module.init(key, x, u), lambda p, x, u: cast(Array, module.apply(p, x, u)))
