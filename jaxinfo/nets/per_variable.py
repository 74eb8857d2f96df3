"""A first and a last layer for each variable, the blocks between them shared: the default for many variables.

One first layer for all would have to hold, for every variable, what the others say of it, so its width would have to grow
with their number.  Here each NOISED variable is predicted from its own coordinates and a short message of the others.  A
view with one variable NOISED costs one pass through the trunk, a view with several as many as there are variables.
"""

from __future__ import annotations

from typing import cast

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from jaxinfo.blocks import Blocks, standard_radius
from jaxinfo.nets.mlp import Trunk
from jaxinfo.types import Array, Net, Params

ROLES = ("given", "noised")


class PerVariableMLP(nn.Module):
    """From what a variable shows of itself and a message of the others, through a shared trunk, to its coordinates.

    A message is linear in what the others show in their roles; those that say more of a variable are louder, by ``gates``
    that training moves by factors, so what is silent stays so unless it proves useful.  It is heard three ways: as it is,
    times the listener's radius, and switched by what the listener shows of itself, so that products of what the two show
    need not be built by the trunk.
    """

    sizes: tuple[int, ...]
    kinds: int
    width: int
    depth: int
    frequencies: int
    rank: int
    message: int

    def setup(self):
        """The layers: an axis of length N stands for the variable predicted."""
        n, d, w, into = len(self.sizes), sum(self.sizes), max(self.sizes), self.width + self.rank
        scaled = lambda s: nn.initializers.variance_scaling(s, "fan_in", "normal", -2, -1, 0)
        zeros, each = nn.initializers.zeros, nn.initializers.normal
        new = lambda name, init, *shape: self.param(name, init, shape, jnp.float32)
        self.own = new("own", scaled(0.5), n, self.kinds * w, into)
        self.own_bias = new("own_bias", zeros, n, into)
        rows = {"given": (self.kinds - 1) * d + n, "noised": self.kinds * d + n}  # coordinates, role bits
        normal = each((3 * self.kinds * w) ** -0.5)
        # [N, M, F] is the order in which the gradient is made: with many variables, turning it round is dear
        tell = lambda key, shape, dtype: jnp.moveaxis(normal(key, (shape[-1], *shape[:-1]), dtype), 0, -1)
        self.told = {k: new(k, tell, n, self.message, rows[k]) for k in ROLES}
        self.gates = {k: new(f"gates_{k}", zeros, n, n) for k in ROLES}
        self.heard = {k: new(f"heard_{k}", scaled(0.5), n, 3 * self.message, into) for k in ROLES}
        self.switch = new("switch", scaled(1.0), n, self.kinds * w, self.message)
        self.leave = new("leave", scaled(0.1), n, into, w)
        self.leave_bias = new("leave_bias", zeros, n, w)
        self.trunk = Trunk(self.width, self.depth, self.frequencies, self.rank)

    def __call__(self, own: Array, shown: dict[str, Array], clock: Array) -> Array:
        """All variables: ``own [..., N, K W]``, ``shown [..., F]`` by role, ``clock [..., 1]`` -> ``[..., N, W]``."""
        h = jnp.einsum("...nf,nfh->...nh", own, self.own)
        listener = self.radius(own, np.asarray(self.sizes)), jnp.einsum("...nf,nfm->...nm", own, self.switch)
        for role in ROLES:
            told = jnp.einsum("...f,nmf->...nm", shown[role], self.told[role])
            h = h + jnp.einsum("...nm,nmh->...nh", _three_ways(told, *listener), self.heard[role])
        last = self.between(h + self.own_bias, clock[..., None, :])
        return jnp.einsum("...nl,nlw->...nw", last, self.leave) + self.leave_bias

    def radius(self, own: Array, sizes: np.ndarray) -> Array:
        """:func:`~jaxinfo.blocks.standard_radius` of variables that show ``own [..., K W]``, the second part plain:
        ``[..., 1]``."""
        plain = own[..., max(self.sizes) : 2 * max(self.sizes)]
        return standard_radius((plain**2).sum(-1), sizes)[..., None]

    def between(self, h: Array, clock: Array) -> Array:
        """The trunk."""
        return self.trunk(*jnp.split(h, [self.width], -1), clock)

    def of_one(self, own: Array, told: Array, those: np.ndarray, noised: np.ndarray, clock: Array) -> Array:
        """Views with one variable NOISED: ``own [V, B, K W]``, and what is told by GIVEN ones to ``those`` views."""
        h = jnp.einsum("vbf,vfh->vbh", own, self.own[noised])
        if those.size:
            mine, to = own[those], noised[those]
            listener = (
                self.radius(mine, np.asarray(self.sizes)[to, None]),
                jnp.einsum("tbf,tfm->tbm", mine, self.switch[to]),
            )
            h = h.at[those].add(jnp.einsum("tbm,tmh->tbh", _three_ways(told, *listener), self.heard["given"][to]))
        last = self.between(h + self.own_bias[noised][:, None], clock)
        return jnp.einsum("vbl,vlw->vbw", last, self.leave[noised]) + self.leave_bias[noised][:, None]


def _three_ways(told: Array, radius: Array, switch: Array) -> Array:
    """``told [..., M]``, ``radius [..., 1]``, ``switch [..., M]`` -> ``[..., 3 M]``."""
    return jnp.concatenate([told, radius * told, jnp.tanh(switch) * told], -1)


def per_variable(
    blocks: Blocks, width: int = 64, depth: int = 3, frequencies: int = 8, rank: int = 16, message: int = 24
) -> Net:
    """The network as a :class:`~jaxinfo.types.Net`; its input is that of :func:`jaxinfo.nets.mlp.mlp`.

    ABSENT coordinates are zeroed.  A variable tells itself nothing: its own coordinates enter by a layer of their own.
    """
    n, kinds = blocks.num_variables, 2 if max(blocks.sizes) == 1 else 3
    module = PerVariableMLP(blocks.sizes, kinds, width, depth, frequencies, rank, message)
    place = np.concatenate([np.arange(size) for size in blocks.sizes])  # position of a coordinate within its variable
    owners = {
        k: np.concatenate([np.tile(blocks.owner, parts), np.arange(n)]) for k, parts in zip(ROLES, (kinds - 1, kinds))
    }

    def features(x, u):
        white, plain, *radial = jnp.split(x, kinds, -1)
        given, absent = u == 0.0, u == 1.0
        noised = ~(given | absent)
        of = lambda z, where: z * blocks.spread(where).astype(x.dtype)
        mine = [of(z, noised) for z in (white, plain, *radial)]
        shown = {
            "given": jnp.concatenate([of(z, given) for z in (plain, *radial)] + [1.0 * given], -1),
            "noised": jnp.concatenate([*mine, 1.0 * noised], -1),
        }
        own = jnp.concatenate([blocks.apart(z) for z in mine], -1)
        return own, shown, jnp.max(jnp.where(noised, u, 0.0), -1, keepdims=True)

    def weigh(p: Params, relevance: Array) -> Params:
        """Parameters whose messages are as loud as the ``relevance [N, N]`` of the speaker (row) and the gates say."""
        layers = p["params"]
        loud = {k: (relevance * jnp.exp(layers[f"gates_{k}"]) * (1.0 - jnp.eye(n))).T[:, owners[k]] for k in ROLES}
        return {**p, "params": {**layers, **{k: layers[k] * loud[k][:, None] for k in ROLES}}}

    def single(p, clean, own, given, noised, clock):
        those = np.flatnonzero(given.any(1))
        to = noised[those]
        packed = [clean[:, blocks.owner, k * max(blocks.sizes) + place] for k in range(kinds - 1)]
        shown = jnp.concatenate([*packed, jnp.ones((len(clean), n), clean.dtype)], -1)
        kernel = p["params"]["given"]
        kernel = kernel if np.array_equal(to, np.arange(n)) else kernel[to]  # spares a gather
        known = given[those].astype(np.float32)
        if (known.sum(1) < n - 1).any():  # else all others are GIVEN: one product for all views
            kernel = kernel * known[:, None, owners["given"]]
        told = jnp.einsum("bf,tmf->tbm", shown, kernel)
        return module.apply(p, own, told, those, noised, clock, method="of_one")

    def apply(p, x, u):
        return cast(Array, module.apply(p, *features(x, u)))[..., blocks.owner, place]

    return Net(lambda key, x, u: module.init(key, *features(x, u)), apply, single, weigh)
