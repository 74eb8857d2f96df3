"""Deterministic autoencoders: images, counts or features to a few coordinates and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, cast

import flax.linen as nn

from jaxinfo.types import Array, Key, Params


class Autoencoder(NamedTuple):
    """``init(key, x [B, D]) -> params``; ``encode(params, x) -> z [B, d]``; ``decode(params, z) -> x``."""

    init: Callable[[Key, Array], Params]
    encode: Callable[[Params, Array], Array]
    decode: Callable[[Params, Array], Array]


class _MLP(nn.Module):
    dim: int
    latent: int
    width: int

    def setup(self):
        self.inner = [nn.Dense(self.width), nn.Dense(self.latent)]
        self.outer = [nn.Dense(self.width), nn.Dense(self.dim)]

    def encode(self, x: Array) -> Array:
        return self.inner[1](nn.gelu(self.inner[0](x)))

    def decode(self, z: Array) -> Array:
        return self.outer[1](nn.gelu(self.outer[0](z)))

    def __call__(self, x: Array) -> Array:
        return self.decode(self.encode(x))


def mlp_autoencoder(dim: int, latent: int, width: int = 400) -> Autoencoder:
    """One hidden layer on each side, as in the consistency tests of the thesis (784 – 400 – 64)."""
    module = _MLP(dim, latent, width)
    return Autoencoder(
        module.init,
        lambda p, x: cast(Array, module.apply(p, x, method="encode")),
        lambda p, z: cast(Array, module.apply(p, z, method="decode")),
    )
