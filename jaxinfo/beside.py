"""What stands beside rows: the index of pandas, weights, and labels of rows that are not independent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxinfo import columns


def same_index(variables: Mapping[str, Any]) -> None:
    """Refuse Series and DataFrames whose rows are called otherwise: rows are paired by position, not by index.

    Raises:
      ValueError: naming two that differ.
    """
    known = {name: v.index for name, v in variables.items() if hasattr(v, "index") and hasattr(v, "iloc")}
    for name, index in known.items():
        first = next(iter(known))
        if not index.equals(known[first]):
            raise ValueError(
                f"rows do not match: {name} has another index than {first}, and row i of both must be the same sample; "
                "join them by index first, as in pandas.concat(..., axis=1, join='inner'), or pass .to_numpy() of both if "
                "their order is the same."
            )


def row_weights(sample_weight: Any, n: int) -> np.ndarray | None:
    """Checked row weights scaled to mean one, or None.

    Raises:
      ValueError: for a wrong length, missing, negative, non-finite or all-zero weights.
    """
    if sample_weight is None:
        return None
    w = columns.plain("sample_weight", sample_weight)
    columns.refuse_dates("sample_weight", w)
    if w.dtype.kind not in "biuf":
        raise ValueError(f"sample_weight is not numeric: expected a number per row, got dtype {w.dtype}.")
    w = w.astype(np.float64)
    if w.shape != (n,):
        raise ValueError(f"sample_weight has shape {w.shape}: expected one weight per row, ({n},).")
    if not np.isfinite(w).all() or (w < 0).any() or w.sum() == 0:
        raise ValueError("sample_weight must be finite and non-negative with a positive sum; clip or drop the rest.")
    return w / w.mean()


def row_groups(groups: Any, n: int) -> np.ndarray | None:
    """Checked group labels, or None.

    Raises:
      ValueError: for a wrong length, rows without a label, or labels of several kinds.
    """
    if groups is None:
        return None
    g = columns.plain("groups", groups)
    if g.shape != (n,):
        raise ValueError(f"groups has shape {g.shape}: expected one label per row, ({n},).")
    gone = columns.lost(g)
    if gone.any():
        raise ValueError(
            f"groups has no label in {int(gone.sum())} rows, the first row {int(np.flatnonzero(gone)[0])}: expected one per "
            "row, since rows without would be taken for one group; name them, or drop those rows."
        )
    try:
        return np.unique(g, return_inverse=True)[1]
    except TypeError as e:
        raise ValueError(f"groups mixes labels that have no common order ({e}); make all of them text, say.") from e


def several_groups(groups: np.ndarray | None, weights: np.ndarray | None) -> None:
    """Refuse ``groups [n]`` of which fewer than two have rows with weight: what differs between groups tells the error.

    Raises:
      ValueError: for one group.
    """
    if groups is not None and np.unique(groups if weights is None else groups[weights > 0.0]).size < 2:
        raise ValueError(
            "groups has a single group with weight: expected at least two, since the error is told by how they differ; give "
            "rows of more groups, or leave groups out where rows are independent."
        )
