"""Invertible maps of one variable, ``[..., d] -> [..., d']``.  Each keeps every mutual information.

Source of the maps: arXiv 2306.11078 (Czyż et al. 2023) unless said otherwise; the pictures are ours.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.special import ndtr


def plain(x: np.ndarray) -> np.ndarray:
    """The identity, so that "no transform" has a name too.  ``x [..., d] -> [..., d]``."""
    return x


def normal_cdf(x: np.ndarray) -> np.ndarray:
    """``Φ(x)`` of each coordinate: standard normal margins become uniform.  ``x [..., d] -> [..., d]``."""
    return ndtr(x)


def half_cube(x: np.ndarray) -> np.ndarray:
    """``x sqrt|x|`` of each coordinate: lengthens the tails.  ``x [..., d] -> [..., d]``."""
    return x * np.sqrt(np.abs(x))


def asinh(x: np.ndarray) -> np.ndarray:
    """``arcsinh x`` of each coordinate: shortens the tails.  ``x [..., d] -> [..., d]``."""
    return np.arcsinh(x)


def wiggly_x(x: np.ndarray) -> np.ndarray:
    """``x + .4 sin x + .2 sin(1.7 x + 1) + .03 sin(3.3 x − 2.5)`` of each coordinate.  ``x [..., d] -> [..., d]``.

    Strictly increasing: the slope is at least 1 − .4 − .34 − .099 = .161.
    """
    return x + 0.4 * np.sin(x) + 0.2 * np.sin(1.7 * x + 1.0) + 0.03 * np.sin(3.3 * x - 2.5)


def wiggly_y(y: np.ndarray) -> np.ndarray:
    """``y − .4 sin(.4 y) + .17 sin(1.3 y + 3.5) + .02 sin(4.3 y − 2.5)`` of each coordinate of ``y [..., d]``.

    Strictly increasing: the slope is at least 1 − .16 − .221 − .086 = .533.
    """
    return y - 0.4 * np.sin(0.4 * y) + 0.17 * np.sin(1.3 * y + 3.5) + 0.02 * np.sin(4.3 * y - 2.5)


def swiss_roll(u: np.ndarray) -> np.ndarray:
    """``(t cos t, t sin t) / 21`` with ``t = 1.5 π (1 + 2 u)``: rolls a line up in the plane.

    Args:
      u: array ``[..., 1]`` in (0, 1).

    Returns:
      Array ``[..., 2]``.

    Raises:
      ValueError: when the last axis is not 1.
    """
    if np.shape(u)[-1] != 1:
        raise ValueError(f"swiss_roll: expected one coordinate, got shape {np.shape(u)}; pass an array [n, 1].")
    t = 1.5 * np.pi * (1.0 + 2.0 * u)
    return np.concatenate([t * np.cos(t), t * np.sin(t)], axis=-1) / 21.0


def spiral(v: np.ndarray, speed: float | None = None, plane: tuple[int, int] = (0, 1)) -> np.ndarray:
    """``exp(speed ‖v‖² A) v`` with A the generator of rotations of one coordinate plane.

    The angle depends only on the norm, which the rotation keeps: the inverse is the same map with ``-speed``, and the
    Jacobian determinant is 1, so that differential entropies are kept too.

    Args:
      v: array ``[..., d]``.
      speed: radians per unit of squared norm; ``1 / d`` when left out, as in arXiv 2306.11078.
      plane: the two coordinates that turn, from the first towards the second, counted from 0.

    Returns:
      Array ``[..., d]``.

    Raises:
      ValueError: when v has no such plane.
    """
    d = np.shape(v)[-1]
    if d < 2 or plane[0] == plane[1] or not all(0 <= i < d for i in plane):
        raise ValueError(f"spiral: {d} coordinates do not hold the plane {plane}; use a variable with more of them.")
    angle = (1.0 / d if speed is None else speed) * np.sum(v * v, axis=-1)
    i, j = plane
    out = np.array(v, dtype=float)
    out[..., i] = np.cos(angle) * v[..., i] - np.sin(angle) * v[..., j]
    out[..., j] = np.sin(angle) * v[..., i] + np.cos(angle) * v[..., j]
    return out


SIDE = 16
"""Pixels along a side of the pictures below."""


def _grid(side: int) -> np.ndarray:
    """Centres of the pixels of the unit square, row by row: ``[side², 2]``."""
    at = (np.arange(side) + 0.5) / side
    return np.stack(np.meshgrid(at, at, indexing="ij"), -1).reshape(-1, 2)


def spot(v: np.ndarray, side: int = SIDE, width: float = 0.12) -> np.ndarray:
    """A picture of one bright spot whose place is the variable: ``exp(−‖p − c‖² / 2 width²)``, c = .2 + .6 Φ(v).

    The place can be read off the picture (log-ratios of pixels are affine in c), so every mutual information is kept.

    Args:
      v: array ``[..., 2]``.
      side: pixels along a side.
      width: of the spot, the picture being 1 wide.

    Returns:
      Array ``[..., side²]``, row by row.

    Raises:
      ValueError: when the last axis is not 2.
    """
    if np.shape(v)[-1] != 2:
        raise ValueError(f"spot: expected two coordinates, got shape {np.shape(v)}; pass an array [n, 2].")
    away = _grid(side) - (0.2 + 0.6 * ndtr(v))[..., None, :]
    return np.exp(-0.5 * (away**2).sum(-1) / width**2)


def lamps(v: np.ndarray, side: int = SIDE, width: float = 0.08) -> np.ndarray:
    """A picture of one lamp per coordinate on a circle, as bright as Φ of it, their light overlapping.

    The lamps' pictures are linearly independent, so brightnesses can be read off and every mutual information is kept.

    Args:
      v: array ``[..., d]``, d at most 8: more lamps would overlap too much to be told apart.
      side: pixels along a side.
      width: of a lamp's light, the picture being 1 wide.

    Returns:
      Array ``[..., side²]``, row by row.

    Raises:
      ValueError: for more than 8 coordinates.
    """
    d = np.shape(v)[-1]
    if d > 8:
        raise ValueError(f"lamps: expected at most 8 coordinates, got {d}.")
    return ndtr(v) @ lamp_pictures(d, side, width)


def lamp_pictures(d: int, side: int = SIDE, width: float = 0.08) -> np.ndarray:
    """The light of each of ``d`` lamps alone: ``[d, side²]``."""
    angle = 2.0 * np.pi * np.arange(d) / d
    centre = 0.5 + 0.3 * np.stack([np.cos(angle), np.sin(angle)], -1)
    away = _grid(side)[None] - centre[:, None]
    return np.exp(-0.5 * (away**2).sum(-1) / width**2)


def inner_spiral(v: np.ndarray, kappa: float = 0.15) -> np.ndarray:
    """``R(κ ‖v‖²) v``, R a rotation of the variable's own first plane; a Gaussian copula cannot see through it.

    Ours, not of the literature.  ``v [..., d] -> [..., d]``, d at least 2.
    """
    return spiral(v, kappa, (0, 1))


SYSTEM_TRANSFORMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "plain": plain,
    "half_cube": half_cube,
    "normal_cdf": normal_cdf,
    "inner_spiral": inner_spiral,
}
"""What may be done to every variable of a system alike."""

PAIR_TRANSFORMS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]] = {
    "plain": (plain, plain),
    "normal_cdf": (normal_cdf, normal_cdf),
    "half_cube": (half_cube, half_cube),
    "asinh": (asinh, asinh),
    "wiggly": (wiggly_x, wiggly_y),
    # Different planes, so that the two variables are not distorted alike.
    "spiral": (spiral, partial(spiral, plane=(1, 2))),
}
"""What may be done to X and to Y, as in the 40 tasks of arXiv 2306.11078."""

PICTURES: dict[str, Callable[[np.ndarray], np.ndarray]] = {"spot": spot, "lamps": lamps}
"""Vectors shown as pictures, which keep their information."""


def known(name: str, table) -> None:
    """Refuse a name that is not in a table of transforms or pictures.

    Raises:
      ValueError: which names the ones there are.
    """
    if name not in table:
        raise ValueError(f"unknown transform {name!r}; choose one of {', '.join(table)}.")
