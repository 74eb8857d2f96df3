"""Bootstrap: rows, or whole groups of rows, drawn again with replacement."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def resampled(n: int, groups: np.ndarray | None, count: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """``count`` draws of rows with replacement (Efron, Ann. Statist. 7, 1, 1979).

    Args:
      n: rows.
      groups: ``[n]`` integer labels; whole groups are drawn when given.
      count: how many draws.
      seed: of the draws.

    Yields:
      ``(rows [m], units [m])``: row numbers, and the unit each was drawn with, which must stay on one side of every
      split: its copies are not independent.
    """
    rng = np.random.default_rng([seed, 98])
    labels = np.arange(n) if groups is None else groups
    order = np.argsort(labels, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    for _ in range(count):
        drawn = rng.integers(0, len(members), len(members))
        rows = np.concatenate([members[u] for u in drawn])
        yield rows, labels[rows]
