"""What training needs of a data set, made on the host: splits, transforms, the inner Gaussian, the range of log-SNR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jaxinfo import correlations, gaussian
from jaxinfo.blocks import Blocks
from jaxinfo.estimators.coordinates import in_own_units, side
from jaxinfo.estimators.fitted import Fitted, inner_network, of_laws
from jaxinfo.estimators.settings import Settings
from jaxinfo.estimators.splits import crossfit_splits, stratified_splits
from jaxinfo.views import View

MARGIN = 8.0  # log-SNR beyond the log-precision of the sharpest Gaussian conditional


@dataclass(frozen=True)
class Job:
    """One data set to learn.

    Attributes:
      x: ``[n, D]`` float64, in its own units.
      seed: decides splits, initial weights, draws.
      groups: ``[n]`` labels; rows of one group stay on one side of every split.
      weights: ``[n]`` row weights.
      law: ``[n]`` which of several laws each row is of, from 0; every side of a split holds its share.  Without groups.
      laws: ``[V]`` which of them each view is of: it learns from their rows alone, around a Gaussian of their own.
    """

    x: np.ndarray
    seed: int = 0
    groups: np.ndarray | None = None
    weights: np.ndarray | None = None
    law: np.ndarray | None = None
    laws: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Prepared:
    """A job before training: its untrained :class:`Fitted`, and per fold the rows (transformed) and their weights, ``[L, n]``:
    those of each law sum to one."""

    fitted: Fitted
    train: list[np.ndarray]
    train_weight: list[np.ndarray]
    validation: list[np.ndarray]
    validation_weight: list[np.ndarray]


def prepare(job: Job, blocks: Blocks, views: tuple[View, ...], s: Settings) -> Prepared:
    """Split, transform and fit the Gaussian; every fold uses its training rows, and validation rows for choices."""
    x, weights, law = job.x, job.weights, job.law
    rng = np.random.default_rng(job.seed)
    if law is not None:
        splits = tuple(stratified_splits(law, s.folds, rng, s.validation))
    else:
        splits = tuple(crossfit_splits(x.shape[0], s.folds, rng, job.groups, s.validation, weights))
    onehot = np.asarray(blocks.discrete)[blocks.owner]
    w = np.ones(x.shape[0]) if weights is None else np.asarray(weights, np.float64)
    part = lambda rows: None if weights is None else w[rows]
    of_law = np.ones((1, x.shape[0]), bool) if law is None else law == np.arange(law.max() + 1)[:, None]
    share = lambda rows: (of_law * w)[:, rows] / (of_law * w)[:, rows].sum(1, keepdims=True)
    laws = (0,) * len(views) if job.laws is None else job.laws
    each = lambda kind: [side(kind, x, sp, onehot, None if weights is None else w, law) for sp in splits]
    sides = each(s.preprocess or "rank")
    if s.preprocess is None and s.gaussian:
        own = each("standardise")
        if in_own_units(own, sides, splits, blocks, views, x, weights, law, laws):
            sides = own
    looks = [
        _focus(blocks, s, of.covs.mean(0), of.z[sp.train], part(sp.train)) if s.gaussian else np.eye(blocks.dim)
        for of, sp in zip(sides, splits)
    ]
    covs = [of_laws(of.means, of.covs, laws)[1] for of in sides]
    hi = clean_end(blocks, covs, views) if s.hi is None else float(s.hi)
    none = np.zeros(0)
    fitted = Fitted(
        blocks, s, views, splits, tuple(of.transform for of in sides), laws, np.stack([of.means for of in sides]),
        np.stack([of.covs for of in sides]), np.stack(looks), none, none, none, hi, {},
    )  # fmt: skip
    return Prepared(
        fitted,
        [of.z[sp.train] for of, sp in zip(sides, splits)],
        [share(sp.train) for sp in splits],
        [of.z[sp.validation] for of, sp in zip(sides, splits)],
        [share(sp.validation) for sp in splits],
    )


def _focus(blocks: Blocks, s: Settings, cov: np.ndarray, rows: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """What networks look at; only layers for each variable are told of bends: one layer for all finds them by itself."""
    each = inner_network(blocks, s).weigh is not None
    return correlations.focus(blocks, cov, correlations.bends(blocks, rows, weights) if each else None)


def clean_end(blocks: Blocks, covs: Sequence[np.ndarray], views: Sequence[View]) -> float:
    """How clean the integral must start: MARGIN above the sharpest Gaussian conditional's log-precision, in [12, 26]."""
    sharpest = 1.0
    for cov in covs:
        spectrum = gaussian.spectra(blocks, cov, tuple(views))
        sharpest = min(sharpest, float(spectrum.min()))
    return float(np.clip(MARGIN - np.log(max(sharpest, 1e-30)), 12.0, 26.0))
