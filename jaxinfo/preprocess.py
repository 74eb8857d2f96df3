"""Invertible transforms of each coordinate, fitted on training rows only.

Mutual information, TC, DTC and Ω do not change under them; entropy adds the mean log Jacobian.  Everything is float64 on
the host: heavy tails (1e15) would lose their ranks in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.special import ndtr, ndtri

KINDS = ("rank", "standardise", "none")
END_KNOTS = 8  # the slope beyond the ends is that over so many knots: at the last one it would be that of single rows
GAP, LOBE, LOBE_SHARE, MOST_GAPS = 40.0, 16, 0.01, 8  # a hole in the support, see :func:`_gaps`
TAIL = 1.0  # beyond the training range z grows like TAIL * log1p: an outlier stays an outlier, but a finite one


@dataclass(frozen=True)
class Affine:
    """z = (x − shift) / scale."""

    shift: float
    scale: float

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``[n] -> [n]``."""
        return (x - self.shift) / self.scale

    def inverse(self, z: np.ndarray) -> np.ndarray:
        """``[n] -> [n]``."""
        return z * self.scale + self.shift

    def log_slope(self, x: np.ndarray) -> np.ndarray:
        """log dz/dx, ``[n]``."""
        return np.full(np.shape(x), -np.log(self.scale))


@dataclass(frozen=True)
class RankToNormal:
    """A continuous, strictly increasing map that sends the training quantiles to normal quantiles.

    Monotone cubic (PCHIP) between knots; outside them z = z_end ± TAIL log1p(slope |x − x_end| / TAIL), the slope that of
    the secant over the last END_KNOTS knots.
    """

    x_knots: np.ndarray
    z_knots: np.ndarray

    @property
    def _curve(self):
        return PchipInterpolator(self.x_knots, self.z_knots)

    def _ends(self):
        k = min(END_KNOTS, len(self.x_knots) - 1)
        ends = ((0, k), (-1, -1 - k))
        slope = [(self.z_knots[b] - self.z_knots[a]) / (self.x_knots[b] - self.x_knots[a]) for a, b in ends]
        return tuple((self.x_knots[a], self.z_knots[a], m) for (a, _), m in zip(ends, slope))

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``[n] -> [n]``."""
        (x_lo, z_lo, m_lo), (x_hi, z_hi, m_hi) = self._ends()
        inside = self._curve(np.clip(x, x_lo, x_hi))
        above = TAIL * np.log1p(m_hi * np.maximum(x - x_hi, 0.0) / TAIL)
        below = TAIL * np.log1p(m_lo * np.maximum(x_lo - x, 0.0) / TAIL)
        return inside + above - below

    def inverse(self, z: np.ndarray) -> np.ndarray:
        """``[n] -> [n]``, by bisection between the knots."""
        (x_lo, z_lo, m_lo), (x_hi, z_hi, m_hi) = self._ends()
        z = np.asarray(z, np.float64)
        curve = self._curve
        k = np.clip(np.searchsorted(self.z_knots, z) - 1, 0, len(self.z_knots) - 2)
        lo, hi = self.x_knots[k].copy(), self.x_knots[k + 1].copy()
        for _ in range(60):
            mid = 0.5 * (lo + hi)
            low = curve(mid) < z
            lo, hi = np.where(low, mid, lo), np.where(low, hi, mid)
        x = 0.5 * (lo + hi)
        x = np.where(z > z_hi, x_hi + TAIL * np.expm1(np.minimum((z - z_hi) / TAIL, 700.0)) / m_hi, x)
        return np.where(z < z_lo, x_lo - TAIL * np.expm1(np.minimum((z_lo - z) / TAIL, 700.0)) / m_lo, x)

    def log_slope(self, x: np.ndarray) -> np.ndarray:
        """log dz/dx, ``[n]``; at the outermost knots, where the curve may end flat, that of the tails."""
        (x_lo, _, m_lo), (x_hi, _, m_hi) = self._ends()
        inside = np.maximum(self._curve.derivative()(np.clip(x, x_lo, x_hi)), 1e-300)
        above = m_hi / (1.0 + m_hi * np.maximum(x - x_hi, 0.0) / TAIL)
        below = m_lo / (1.0 + m_lo * np.maximum(x_lo - x, 0.0) / TAIL)
        return np.log(np.where(x >= x_hi, above, np.where(x <= x_lo, below, inside)))


@dataclass(frozen=True)
class Transform:
    """One map per coordinate; one-hot coordinates stay as they are."""

    maps: tuple[Affine | RankToNormal, ...]

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``[n, D] -> [n, D]``, float64."""
        return np.stack([m.forward(x[:, d]) for d, m in enumerate(self.maps)], 1)

    def inverse(self, z: np.ndarray) -> np.ndarray:
        """``[n, D] -> [n, D]``, float64."""
        return np.stack([m.inverse(z[:, d]) for d, m in enumerate(self.maps)], 1)

    def log_jacobian(self, x: np.ndarray) -> np.ndarray:
        """log dz/dx of every coordinate, ``[n, D]``; entropy in x is entropy in z minus its mean sum."""
        return np.stack([m.log_slope(x[:, d]) for d, m in enumerate(self.maps)], 1)

    def knots(self) -> np.ndarray:
        """How many knots each map was fitted with, ``[D]``; 0 of affine maps."""
        return np.asarray([m.x_knots.size if isinstance(m, RankToNormal) else 0 for m in self.maps])


def rank_to_normal(x: np.ndarray, weights: np.ndarray | None = None, knots: int = 64) -> RankToNormal | Affine:
    """Fit :class:`RankToNormal` to a column ``[n]``: knots equally spaced in z between the extreme normal scores, and at both
    ends of holes in the support.

    Falls back to standardising when fewer than four distinct knots are left (heavily tied data).
    """
    n = x.size
    end = float(ndtri(1.0 - 0.5 / n))
    z = np.linspace(-end, end, int(min(knots, max(n // 4, 4))))
    order = np.argsort(x, kind="stable")
    w = np.ones(n) if weights is None else np.asarray(weights, np.float64)[order]
    level = (np.cumsum(w) - 0.5 * w) / w.sum()
    x_knots = np.interp(ndtr(z), level, x[order])
    # a knot at each end of a hole: rows of one interval with a hole in it would get the slope of the hole
    weighty, apart = order[w > 0.0], 0.5 * (z[1] - z[0])
    for i in _gaps(x[weighty]):
        here, ends = x[weighty[[i, i + 1]]], ndtri(level[w > 0.0][[i, i + 1]])
        away = (z < ends[0] - apart) | (z > ends[1] + apart)
        z, x_knots = np.append(z[away], ends), np.append(x_knots[away], here)
    rise = np.argsort(z)
    z, x_knots = z[rise], x_knots[rise]
    # Relative to the knots themselves: relative to the range, one outlier of 1e15 would merge all the others.
    size = np.maximum(np.abs(x_knots[1:]), np.abs(x_knots[:-1]))
    distinct = np.concatenate([[True], np.diff(x_knots) > 1e-12 * size])
    if distinct.sum() < 4:
        return standardise(x, weights)
    return RankToNormal(x_knots[distinct], z[distinct])


def _gaps(x: np.ndarray) -> np.ndarray:
    """Where sorted rows ``[n]`` leave a hole: i of every gap between x_i and x_(i+1) that is GAP times as wide as the LOBE
    spacings on either side of it are on average, with LOBE_SHARE of the rows beyond it at least; none where there are more
    than MOST_GAPS, as in combs."""
    n, k = x.size, LOBE
    if n < 4 * k:
        return np.zeros(0, int)
    i = np.arange(k, n - k - 1)
    near = np.maximum(x[i] - x[i - k], x[i + 1 + k] - x[i + 1]) / k
    found = i[(x[i + 1] - x[i] > GAP * near) & (near > 0.0)]
    found = found[(found + 1 >= LOBE_SHARE * n) & (n - found - 1 >= LOBE_SHARE * n)]
    return found if found.size <= MOST_GAPS else np.zeros(0, int)


def standardise(x: np.ndarray, weights: np.ndarray | None = None) -> Affine:
    """Fit :class:`Affine` to a column ``[n]``: mean 0, variance 1."""
    mean = float(np.average(x, weights=weights))
    sd = float(np.sqrt(np.average((x - mean) ** 2, weights=weights)))
    return Affine(mean, sd if sd > 0 else 1.0)


def fit(
    x: np.ndarray, kind: str = "rank", onehot: np.ndarray | None = None, weights: np.ndarray | None = None
) -> Transform:
    """Fit a transform to training rows ``[n, D]``.

    Args:
      x: rows.
      kind: "rank" (rank to normal), "standardise" or "none".
      onehot: ``[D]`` booleans, coordinates of discrete variables, which stay as they are.
      weights: ``[n]`` row weights.

    Raises:
      ValueError: for an unknown kind.
    """
    if kind not in KINDS:
        raise ValueError(f"preprocess must be one of {', '.join(KINDS)}, got {kind!r}.")
    onehot = np.zeros(x.shape[1], bool) if onehot is None else onehot
    kinds: dict[str, Callable[..., Any]] = {
        "rank": rank_to_normal,
        "standardise": standardise,
        "none": lambda c, w: Affine(0.0, 1.0),
    }
    each = kinds[kind]
    return Transform(tuple(Affine(0.0, 1.0) if onehot[d] else each(x[:, d], weights) for d in range(x.shape[1])))


def to_plain(transform: Transform) -> list[dict]:
    """A transform as lists and numbers, for a JSON file."""
    out = []
    for m in transform.maps:
        if isinstance(m, Affine):
            out.append({"shift": m.shift, "scale": m.scale})
        else:
            out.append({"x_knots": m.x_knots.tolist(), "z_knots": m.z_knots.tolist()})
    return out


def from_plain(maps: list[dict]) -> Transform:
    """The inverse of :func:`to_plain`."""
    knots = lambda m: RankToNormal(np.asarray(m["x_knots"]), np.asarray(m["z_knots"]))
    return Transform(tuple(Affine(m["shift"], m["scale"]) if "scale" in m else knots(m) for m in maps))
