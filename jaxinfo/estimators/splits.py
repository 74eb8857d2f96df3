"""Who trains, who validates, who is evaluated: row splits that keep groups together and cross-fit every row once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Split(NamedTuple):
    """Row numbers of one fold."""

    train: np.ndarray
    validation: np.ndarray
    evaluation: np.ndarray


def crossfit_splits(
    n: int, folds: int, rng: np.random.Generator, groups: np.ndarray | None = None, validation: float = 0.1
) -> list[Split]:
    """Cut ``n`` rows into ``folds`` evaluation sets; the other rows train, a share of them validates.

    Rows of one group never stand on two sides.  With ``folds=1`` every row stands on all three (no held-out rows: for
    score plug-ins and tests only).

    Raises:
      ValueError: when there are fewer groups than folds plus one.
    """
    labels = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
    units = rng.permutation(labels.max() + 1)
    if units.size < folds + 1:
        raise ValueError(
            f"cross-fitting with folds={folds} needs at least {folds + 1} groups, got {units.size}; "
            "use fewer folds or finer groups."
        )
    # Units dealt by size, largest first into the lightest fold, so that folds hold about as many rows each.
    size = np.bincount(labels)[units]
    fold_of, load = np.empty(units.size, int), np.zeros(folds)
    for j in np.argsort(-size, kind="stable") if groups is not None else range(units.size):
        f = int(np.argmin(load)) if groups is not None else j % folds
        fold_of[j] = f
        load[f] += size[j]
    row_fold = np.empty(labels.max() + 1, int)
    row_fold[units] = fold_of
    row_fold = row_fold[labels]
    out = []
    for f in range(folds):
        rest = np.flatnonzero(row_fold != f)
        pool = rng.permutation(np.unique(labels[rest]))
        rows_of = np.bincount(labels[rest], minlength=labels.max() + 1)[pool]
        share = int(np.searchsorted(np.cumsum(rows_of), validation * rest.size)) + 1
        share = int(np.clip(share, 1, pool.size - 1))
        held = np.isin(labels[rest], pool[:share])
        out.append(Split(rest[~held], rest[held], np.flatnonzero(row_fold == f)))
    return out
