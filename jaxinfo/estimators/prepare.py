"""What training needs of a data set, made on the host: splits, transforms, the inner Gaussian, the range of log-SNR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jaxinfo import correlations, gaussian
from jaxinfo.blocks import Blocks
from jaxinfo.estimators.coordinates import clearly_plainer, side
from jaxinfo.estimators.fitted import Fitted, inner_network
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
      strata: ``[n]`` labels of which every side of a split holds its share; without groups.
    """

    x: np.ndarray
    seed: int = 0
    groups: np.ndarray | None = None
    weights: np.ndarray | None = None
    strata: np.ndarray | None = None


@dataclass(frozen=True)
class Prepared:
    """A job before training: its untrained :class:`Fitted`, and per fold the rows (transformed) and their weights."""

    fitted: Fitted
    train: list[np.ndarray]
    train_weight: list[np.ndarray]
    validation: list[np.ndarray]
    validation_weight: list[np.ndarray]


def prepare(job: Job, blocks: Blocks, views: tuple[View, ...], s: Settings) -> Prepared:
    """Split, transform and fit the Gaussian; every fold uses its training rows, and validation rows for choices."""
    x, weights = job.x, job.weights
    rng = np.random.default_rng(job.seed)
    if job.strata is not None:
        splits = tuple(stratified_splits(job.strata, s.folds, rng, s.validation))
    else:
        splits = tuple(crossfit_splits(x.shape[0], s.folds, rng, job.groups, s.validation, weights))
    onehot = np.asarray(blocks.discrete)[blocks.owner]
    w = np.ones(x.shape[0]) if weights is None else np.asarray(weights, np.float64)
    part = lambda rows: None if weights is None else w[rows]
    share = lambda rows: w[rows] / w[rows].sum()
    each = lambda kind: [side(kind, x, sp, onehot, part(sp.train), part(sp.validation)) for sp in splits]
    sides = each(s.preprocess or "rank")
    if s.preprocess is None and s.gaussian:
        own = each("standardise")
        if clearly_plainer(own, sides, splits, blocks, views, x, weights):
            sides = own
    covs = [of.cov for of in sides]
    looks = [
        _focus(blocks, s, of.cov, of.z[sp.train], part(sp.train)) if s.gaussian else np.eye(blocks.dim)
        for of, sp in zip(sides, splits)
    ]
    hi = clean_end(blocks, covs, views) if s.hi is None else float(s.hi)
    none = np.zeros(0)
    fitted = Fitted(
        blocks, s, views, splits, tuple(of.transform for of in sides), np.stack([of.mean for of in sides]),
        np.stack(covs), np.stack(looks), none, none, none, hi, {},
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
