"""Bootstrap: rows, or whole groups of rows, drawn again with replacement."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

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


def check(
    n: int,
    groups: np.ndarray | None,
    count: int,
    seed: int,
    refuse: Callable[[np.ndarray, np.ndarray | None], Any],
    weights: np.ndarray | None = None,
) -> None:
    """Refuse a bootstrap some of whose draws cannot be read, as where too few units with weight are left to cross-fit.

    Args:
      n: rows.
      groups: ``[n]`` integer labels, drawn whole.
      count: how many draws.
      seed: of the draws.
      refuse: ``(units [m], weights [m])`` of a draw, raises ValueError where it cannot be read.
      weights: ``[n]`` of rows.

    Raises:
      ValueError: saying how many units that draw holds.
    """
    for rows, units in resampled(n, groups, count, seed):
        w = None if weights is None else weights[rows]
        try:
            refuse(units, w)
        except ValueError as error:
            total = n if groups is None else np.unique(groups).size
            raise ValueError(
                f"bootstrap of {total} groups: one of the {count} draws holds only {np.unique(units).size} of them, and "
                f"{error}"
            ) from error
