"""Residual multi-layer perceptron with feature-wise modulation by the clock: the default for few variables."""

from __future__ import annotations

from typing import cast

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from jaxinfo.blocks import Blocks
from jaxinfo.types import Array, Net


class Trunk(nn.Module):
    """``depth`` residual blocks of two layers, scaled and shifted by the clock; linear functions of the input, scaled by
    it, pass beside them: what is linear in products of coordinates need not wait for the blocks.

    No normalisation layers: dearer, and worse.
    """

    width: int
    depth: int
    frequencies: int = 8
    rank: int = 32

    def setup(self):
        """The layers."""
        small = nn.initializers.variance_scaling(0.3, "fan_in", "normal")
        # a product for each modulation: one product for all, cut into pieces, takes longer
        modulation = lambda size: nn.Dense(size, kernel_init=nn.initializers.zeros)
        each = range(self.depth)
        self.scale, self.shift = ([modulation(self.width) for _ in each] for _ in range(2))
        self.inner = [nn.Dense(self.width) for _ in each]
        self.outer = [nn.Dense(self.width, kernel_init=small) for _ in each]
        self.gain = modulation(self.rank)

    def __call__(self, h: Array, straight: Array, clock: Array) -> Array:
        """``h [..., width]``, ``straight [..., rank]``, ``clock [..., 1]`` in (0, 1) -> ``[..., width + rank]``.

        The clock may have fewer axes, or axes of length 1: it is broadcast.
        """
        angles = jnp.pi * clock * jnp.arange(1, self.frequencies + 1)
        code = jnp.concatenate([2.0 * clock - 1.0, jnp.cos(angles), jnp.sin(angles)], -1)
        for scale, shift, inner, outer in zip(self.scale, self.shift, self.inner, self.outer):
            h = h + outer(nn.gelu(inner(h) * (1.0 + scale(code)) + shift(code)))
        return jnp.concatenate([nn.gelu(h), straight * (1.0 + self.gain(code))], -1)


class ResidualMLP(nn.Module):
    """A :class:`Trunk` between one first and one last layer.

    The last layer starts small but not at zero: from zero, a correction to a good Gaussian sits on a plateau for
    thousands of steps (measured on the 3 x 3 spiral).
    """

    out: int
    width: int = 64
    depth: int = 3
    frequencies: int = 8
    rank: int = 32

    def setup(self):
        """The layers, by name: views of one variable read parts of them (see :func:`mlp`)."""
        small = nn.initializers.variance_scaling(0.1, "fan_in", "normal")
        self.enter, self.straight = nn.Dense(self.width), nn.Dense(self.rank)
        self.trunk = Trunk(self.width, self.depth, self.frequencies, self.rank)
        self.leave = nn.Dense(self.out, kernel_init=small)

    def __call__(self, features: Array, clock: Array) -> Array:
        """``features [..., F]``, ``clock [..., 1]`` in (0, 1) -> ``[..., out]``."""
        return self.leave(self.middle(self.enter(features), self.straight(features), clock))

    def middle(self, h: Array, straight: Array, clock: Array) -> Array:
        """What lies between the first layer and the last."""
        return self.trunk(h, straight, clock)


def mlp(blocks: Blocks, width: int = 64, depth: int = 3, frequencies: int = 8) -> Net:
    """The default for few variables, as a :class:`~jaxinfo.types.Net`.

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

    def single(p, clean, own, given, noised, clock):
        """The sums of ``features`` taken apart: what is GIVEN to a view is a sum over variables of products that all
        views of a row share, what is NOISED meets a few rows of the kernel."""
        layers, d, n = p["params"], blocks.dim, blocks.num_variables
        both = lambda part: jnp.concatenate([layers[k][part] for k in ("enter", "straight")], -1)
        kernel, bias = both("kernel"), both("bias")
        at, keep = blocks.padded  # [N, W]
        parts = own.shape[-1] // at.shape[1] + 1
        white, plain, shown, *radial, bits = jnp.split(kernel, d * np.arange(1, parts + 1))  # NOISED bits, GIVEN bits
        of = lambda z: jnp.where(keep[..., None], z[at], 0.0)  # rows of a kernel by variable, [N, W, H]
        here = jnp.concatenate([of(z) for z in (shown, *radial)], 1)
        each = jnp.einsum("bnw,nwh->bnh", clean, here) + bits[n:]
        mine = jnp.concatenate([of(z) for z in (white, plain, *radial)], 1)[noised]  # [V, K W, H]
        first = jnp.einsum("vn,bnh->vbh", given.astype(each.dtype), each) + jnp.einsum("vbw,vwh->vbh", own, mine)
        h, straight = jnp.split(first + (bits[:n][noised] + bias)[:, None], [width], -1)
        last = module.apply(p, h, straight, clock, method="middle")
        columns = of(layers["leave"]["kernel"].T)[noised]  # [V, W, last]
        return jnp.einsum("vbl,vwl->vbw", last, columns) + blocks.apart(layers["leave"]["bias"])[noised][:, None]

    apply = lambda p, x, u: cast(Array, module.apply(p, *features(x, u)))
    return Net(lambda key, x, u: module.init(key, *features(x, u)), apply, single)
