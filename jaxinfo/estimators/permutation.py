"""The permutation test of independence: what may be tested, data under the null, and its p-value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

MEASURES = ("mutual_information", "total_correlation", "dual_total_correlation", "s_information")


def check(measures: Iterable[str], weights: np.ndarray | None = None) -> None:
    """Refuse measures that are not 0 exactly when what they speak of is independent, and weights of rows.

    Raises:
      ValueError: naming the first such measure; for weights that differ.
    """
    if weights is not None and np.ptp(weights) > 0.0:
        raise ValueError(
            "null= permutes rows of one variable against those of another, and a weight belongs to whole rows: expected no "
            "sample_weight with null=; draw rows in proportion to their weights first, or read the interval, .ci()."
        )
    bad = [m for m in measures if m not in MEASURES]
    if bad:
        raise ValueError(
            f"null= tests independence, which permutation can simulate only for {', '.join(MEASURES)}; got {bad[0]}. "
            "Read its interval, .ci(), instead."
        )


def independent(
    x: np.ndarray,
    slices: Sequence[slice],
    groups: np.ndarray | None,
    count: int,
    seed: int,
    together: Sequence[int] = (),
) -> Iterator[np.ndarray]:
    """``count`` copies of packed rows ``[n, D]`` in which every variable but the first has its rows permuted on its own.

    With variables ``together`` the rows of those alone are permuted, all alike: what they have to do with each other stays,
    which is the null of mutual information between two groups of variables.
    """
    moved = [list(together)] if together else [[k] for k in range(1, len(slices))]
    rng = np.random.default_rng([seed, 99])
    for _ in range(count):
        out = x.copy()
        for variables in moved:
            rows = permutation(rng, x.shape[0], groups)
            for k in variables:
                out[:, slices[k]] = x[rows, slices[k]]
        yield out


def check_moved(x: np.ndarray, steps: np.ndarray, variables: Mapping[str, slice], groups: np.ndarray | None) -> None:
    """Refuse variables that shifts within groups do not move against others, when groups of several rows are most of them.

    Args:
      x: ``[n, D]`` packed rows.
      steps: ``[D]`` width of the noise that was added to coordinates that tie.
      variables: those that are tested, by name.
      groups: ``[n]`` integer labels; without, rows of the whole are permuted.

    Raises:
      ValueError: naming a variable whose values in every group lie within one step: the same, but for noise.
    """
    if groups is None:
        return
    order, starts = _in_order(groups)
    counts = np.diff([*starts, order.size])
    if 2 * counts[counts == 1].size >= order.size:
        return
    for name, s in variables.items():
        inside = x[order, s]
        if (np.maximum.reduceat(inside, starts) - np.minimum.reduceat(inside, starts) <= steps[s]).all():
            raise ValueError(
                f"null= shifts rows within groups, and {name} is constant within every one of them (to the rounding step of "
                "its values), so that nothing would change; give one row per group (say, means) and no groups, or read the "
                "interval, .ci()."
            )


def p_value(value: float, draws: np.ndarray) -> float:
    """(1 + b) / (1 + m), b of the m ``draws`` under the null being at least ``value``."""
    return (1 + int((draws >= value).sum())) / (1 + draws.size)


def permutation(rng: np.random.Generator, n: int, groups: np.ndarray | None) -> np.ndarray:
    """A permutation of the rows, or within each group a circular shift: neighbours in a group may depend on each other.

    Rows that are groups of their own are permuted among themselves.
    """
    if groups is None:
        return rng.permutation(n)
    out, alone = np.arange(n), np.flatnonzero(np.bincount(groups)[groups] == 1)
    out[alone] = rng.permutation(alone)
    order, starts = _in_order(groups)
    for rows in np.split(order, starts[1:]):
        if rows.size > 1:
            out[rows] = np.roll(rows, int(rng.integers(rows.size)))
    return out


def _in_order(groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers group by group, and where each group begins among them."""
    order = np.argsort(groups, kind="stable")
    return order, np.concatenate([[0], np.flatnonzero(np.diff(groups[order])) + 1])
