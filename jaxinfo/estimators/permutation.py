"""The permutation test of independence: what may be tested, data under the null, and its p-value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

MEASURES = ("mutual_information", "total_correlation", "dual_total_correlation", "s_information")


def check(measures: Iterable[str]) -> None:
    """Refuse measures that are not 0 exactly when all variables are independent.

    Raises:
      ValueError: naming the first such measure.
    """
    bad = [m for m in measures if m not in MEASURES]
    if bad:
        raise ValueError(
            f"null= tests independence, which permutation can simulate only for {', '.join(MEASURES)}; got {bad[0]}. "
            "Read its interval, .ci(), instead."
        )


def independent(
    x: np.ndarray, slices: Sequence[slice], groups: np.ndarray | None, count: int, seed: int
) -> Iterator[np.ndarray]:
    """``count`` copies of packed rows ``[n, D]`` in which every variable but the first has its rows permuted on its own."""
    rng = np.random.default_rng([seed, 99])
    for _ in range(count):
        out = x.copy()
        for s in slices[1:]:
            out[:, s] = out[permutation(rng, x.shape[0], groups)][:, s]
        yield out


def p_value(value: float, draws: np.ndarray) -> float:
    """(1 + b) / (1 + m), b of the m ``draws`` under the null being at least ``value``."""
    return (1 + int((draws >= value).sum())) / (1 + draws.size)


def permutation(rng: np.random.Generator, n: int, groups: np.ndarray | None) -> np.ndarray:
    """A permutation of the rows, or within each group a circular shift: neighbours in a group may depend on each other."""
    if groups is None:
        return rng.permutation(n)
    out = np.arange(n)
    for g in np.unique(groups):
        rows = np.flatnonzero(groups == g)
        out[rows] = np.roll(rows, int(rng.integers(rows.size)))
    return out
