"""A second opinion of nearest neighbours on what networks read in few coordinates, where neighbours see more."""

from __future__ import annotations

import math

import numpy as np

from jaxinfo.estimators.ksg import BLOCKS, FEWEST, knn_kl, ksg_mi
from jaxinfo.types import Estimate

FEW_COORDINATES, CLEARLY = 4, 0.05
"""Up to so many coordinates neighbours are a second opinion, and by how many nats, and what share, they have to differ."""


def doubted(e: Estimate, x: np.ndarray, y: np.ndarray) -> Estimate:
    """A mutual information (nats) with what nearest neighbours see in the same rows, ``diagnostics["ksg"]``: networks and
    their held-out rows alike miss staircases, combs and other fine structure, which neighbours in few coordinates do not.

    What they see more is in the error, over √3 as if the truth lay anywhere between the two, and flagged where it is clearly
    more.  Left as it is in more than FEW_COORDINATES.

    Args:
      e: the estimate, in nats.
      x: ``[n, d_x]``.
      y: ``[n, d_y]``.
    """
    if x.shape[1] + y.shape[1] > FEW_COORDINATES or len(x) < BLOCKS * FEWEST:
        return e
    return _with_opinion(e, ksg_mi(x, y), "ksg_mi")


def doubted_kl(e: Estimate, p: np.ndarray, q: np.ndarray) -> Estimate:
    """The same for a KL divergence (nats) of rows ``p [n, d]`` and ``q [m, d]``; neighbours err towards 0 in the tails."""
    if p.shape[1] > FEW_COORDINATES or min(len(p), len(q)) < BLOCKS * FEWEST:
        return e
    try:
        near = knn_kl(p, q)
    except ValueError:  # rows repeat
        return e
    return _with_opinion(e, near, "knn_kl")


def _with_opinion(e: Estimate, near: Estimate, source: str) -> Estimate:
    """An estimate with that of nearest neighbours beside it, made by this function of the module."""
    told, more = e.diagnostics | {"ksg": near.value}, near.value - e.value
    if more > max(4.0 * math.hypot(e.stderr, near.stderr), CLEARLY, CLEARLY * near.value):
        told["flags"] = (
            *told["flags"],
            f"nearest neighbours see more: {near.value:.3f} nats in the same rows; networks miss fine structure (steps, thin "
            "curves, combs) or stopped too early, so raise steps, use budget='thorough', or take "
            f"jaxinfo.estimators.ksg.{source}",
        )
    return e._replace(stderr=math.hypot(e.stderr, max(more, 0.0) / math.sqrt(3.0)), diagnostics=told)
