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
    n: int,
    folds: int,
    rng: np.random.Generator,
    groups: np.ndarray | None = None,
    validation: float = 0.1,
    weights: np.ndarray | None = None,
) -> list[Split]:
    """Cut ``n`` rows into ``folds`` evaluation sets; the other rows train, a share of them validates.

    Rows of one group never stand on two sides.  Rows of weight 0 count for nothing when folds and validation rows are
    made as large as they should be.

    Raises:
      ValueError: when there are fewer groups than folds plus one, or a fold has no two groups with weight to learn from.
    """
    labels = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
    counts = np.ones(n) if weights is None else (np.asarray(weights) > 0).astype(float)
    units = rng.permutation(labels.max() + 1)
    if units.size < folds + 1:
        raise ValueError(
            f"cross-fitting with folds={folds} needs at least {folds + 1} groups, got {units.size}; "
            "use fewer folds or finer groups."
        )
    # Units dealt by size, largest first into the lightest fold, so that folds hold about as many rows each.
    size, alike = np.bincount(labels, counts)[units], groups is None and weights is None
    every = np.bincount(labels)[units].astype(float)
    fold_of, load, rows = np.empty(units.size, int), np.zeros(folds), np.zeros(folds)
    for j in range(units.size) if alike else np.lexsort((-every, -size)):
        f = j % folds if alike else int(np.argmin(load if size[j] else rows))
        fold_of[j] = f
        load[f] += size[j]
        rows[f] += every[j]
    row_fold = np.empty(labels.max() + 1, int)
    row_fold[units] = fold_of
    row_fold = row_fold[labels]
    out = []
    for f in range(folds):
        rest = np.flatnonzero(row_fold != f)
        pool = rng.permutation(np.unique(labels[rest]))
        rows_of = np.bincount(labels[rest], counts[rest], minlength=labels.max() + 1)
        wanted, usable = validation * counts[rest].sum(), rows_of[pool] > 0
        if usable.sum() < 2:
            raise ValueError(
                f"cross-fitting with folds={folds}: without the rows of one fold only {usable.sum()} group with weight is "
                "left, and one is needed to train and another to validate; give finer groups of more equal size, or more "
                "folds."
            )
        # A group larger than all validation rows should be is for training, unless the others are far too few.
        fits = usable & (rows_of[pool] <= wanted)
        larger = pool[usable & ~fits]
        pool = np.concatenate([pool[fits], larger[np.argsort(rows_of[larger], kind="stable")]])
        reached = np.cumsum(rows_of[pool])
        enough = fits.any() and reached[fits.sum() - 1] >= 0.5 * wanted
        most = min(fits.sum() + (not enough), pool.size - 1)
        share = int(np.clip(np.searchsorted(reached, wanted) + 1, 1, most))
        held = np.isin(labels[rest], pool[:share])
        out.append(Split(rest[~held], rest[held], np.flatnonzero(row_fold == f)))
    return out


def stratified_splits(strata: np.ndarray, folds: int, rng: np.random.Generator, validation: float = 0.1) -> list[Split]:
    """:func:`crossfit_splits` of every stratum (``[n]`` labels) by itself, joined: each side of a split holds its share of all.

    Raises:
      ValueError: as it does, of a stratum.
    """
    own = [np.flatnonzero(strata == k) for k in np.unique(strata)]
    apart = [crossfit_splits(rows.size, folds, rng, validation=validation) for rows in own]
    join = lambda *sides: Split(*(np.concatenate([r[s] for r, s in zip(own, parts)]) for parts in zip(*sides)))
    return [join(*of_fold) for of_fold in zip(*apart)]
