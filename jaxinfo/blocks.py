"""N variables of any dimension packed side by side in D coordinates."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import jax.numpy as jnp
import numpy as np

from jaxinfo.types import Array

FAR = 4.0  # standard deviations after which a radius no longer grows


@dataclass(frozen=True)
class Blocks:
    """The packing of N named variables into D coordinates; static and hashable.

    Names are for people: packings that differ in nothing else are equal and share compiled programs.

    Args:
      sizes: dimension of each variable, each at least 1.
      names: one name per variable; "0", "1", … when left out.
      discrete: True for variables held as one-hot codes: they may only be GIVEN or ABSENT.

    Raises:
      ValueError: when sizes, names and discrete disagree, a size is below 1, or a name comes twice.

    >>> Blocks((2, 1)).spread(jnp.array([5., 7.])).tolist()
    [5.0, 5.0, 7.0]
    """

    sizes: tuple[int, ...]
    names: tuple[str, ...] = field(default=(), compare=False)
    discrete: tuple[bool, ...] = ()

    def __post_init__(self):
        if not self.sizes or any(d < 1 for d in self.sizes):
            raise ValueError(f"Blocks: every variable needs at least one coordinate, got sizes {self.sizes}.")
        if not self.names:
            object.__setattr__(self, "names", tuple(str(i) for i in range(len(self.sizes))))
        if not self.discrete:
            object.__setattr__(self, "discrete", (False,) * len(self.sizes))
        if len(self.names) != len(self.sizes) or len(self.discrete) != len(self.sizes):
            raise ValueError(
                f"Blocks: expected {len(self.sizes)} names and discrete flags, got {len(self.names)} and "
                f"{len(self.discrete)}; give one per variable."
            )
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"Blocks: names must differ from each other, got {self.names}.")

    @property
    def num_variables(self) -> int:
        """N."""
        return len(self.sizes)

    @property
    def dim(self) -> int:
        """D, the number of packed coordinates."""
        return sum(self.sizes)

    @cached_property
    def owner(self) -> np.ndarray:
        """``[D]``: the variable each coordinate belongs to."""
        return np.repeat(np.arange(len(self.sizes), dtype=np.int32), self.sizes)

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        """The coordinates of each variable."""
        ends = np.cumsum(self.sizes)
        return tuple(slice(int(e - d), int(e)) for e, d in zip(ends, self.sizes))

    @cached_property
    def padded(self) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates of each variable in as many places as the widest has, ``[N, W]``, and which of them are real."""
        place = np.arange(max(self.sizes))
        keep = place < np.asarray(self.sizes)[:, None]
        starts = np.asarray([s.start for s in self.slices])[:, None]
        return np.where(keep, starts + place, 0).astype(np.int32), keep

    def index(self, variable: int | str) -> int:
        """The position of a variable given by position or name.

        Raises:
          ValueError: when there is no such variable.
        """
        if isinstance(variable, str):
            if variable not in self.names:
                raise ValueError(f"unknown variable {variable!r}; the variables are {', '.join(self.names)}.")
            return self.names.index(variable)
        if not 0 <= variable < self.num_variables:
            raise ValueError(f"variable {variable} does not exist; there are {self.num_variables}, counted from 0.")
        return int(variable)

    def spread(self, a: Array) -> Array:
        """Per variable to per coordinate: ``[..., N] -> [..., D]``."""
        d = self.sizes[0]
        if self.sizes == (d,) * len(self.sizes):  # sooner than a gather
            return jnp.broadcast_to(a[..., None], (*a.shape, d)).reshape(*a.shape[:-1], self.dim)
        return a[..., self.owner]

    def apart(self, a: Array) -> Array:
        """The coordinates of each variable in the places of :attr:`padded`: ``[..., D] -> [..., N, W]``, zero elsewhere."""
        at, keep = self.padded
        return jnp.where(keep, a[..., at], 0.0)

    def segment_sum(self, a: Array) -> Array:
        """Sum over the coordinates of each variable: ``[..., D] -> [..., N]``."""
        if all(d == 1 for d in self.sizes):
            return a
        return jnp.stack([a[..., s].sum(-1) for s in self.slices], axis=-1)

    def split(self, x: Array) -> dict[str, Array]:
        """``[..., D]`` to a dict name -> ``[..., d_i]``."""
        return {name: x[..., s] for name, s in zip(self.names, self.slices)}

    def pack(self, parts: dict[str, Array]) -> Array:
        """The inverse of :meth:`split`."""
        return jnp.concatenate([parts[name] for name in self.names], axis=-1)


def standard_radius(squares: Array, sizes: np.ndarray) -> Array:
    """(‖x‖² − d) / sqrt(2 d) within ± FAR, from ``squares`` ‖x‖² of variables of d = ``sizes`` coordinates, broadcast.

    Mean 0 and variance 1 under the standard normal.
    """
    return jnp.clip((squares - sizes) / np.sqrt(2.0 * sizes), -FAR, FAR).astype(squares.dtype)
