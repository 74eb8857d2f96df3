"""What training needs of a data set, made on the host: splits, transforms, the inner Gaussian, the range of log-SNR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jaxinfo import correlations, gaussian, preprocess
from jaxinfo.blocks import Blocks
from jaxinfo.estimators.fitted import Fitted, inner_network
from jaxinfo.estimators.settings import Settings
from jaxinfo.estimators.splits import crossfit_splits, stratified_splits
from jaxinfo.views import View

SHRINKAGE_GRID = (0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
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
    transforms, means, covs, looks, z = [], [], [], [], []
    for split in splits:
        transform = preprocess.fit(x[split.train], s.preprocess, onehot, part(split.train))
        zf = transform.forward(x)
        mean, cov = shrunk_covariance(
            zf[split.train], zf[split.validation], part(split.train), part(split.validation), onehot
        )
        transforms.append(transform)
        means.append(mean)
        covs.append(cov)
        looks.append(_focus(blocks, s, cov, zf[split.train], part(split.train)) if s.gaussian else np.eye(blocks.dim))
        z.append(zf)
    hi = clean_end(blocks, covs, views) if s.hi is None else float(s.hi)
    none = np.zeros(0)
    fitted = Fitted(
        blocks, s, views, splits, tuple(transforms), np.stack(means), np.stack(covs), np.stack(looks), none, none, none,
        hi, {},
    )  # fmt: skip
    return Prepared(
        fitted,
        [zf[sp.train] for zf, sp in zip(z, splits)],
        [share(sp.train) for sp in splits],
        [zf[sp.validation] for zf, sp in zip(z, splits)],
        [share(sp.validation) for sp in splits],
    )


def _focus(blocks: Blocks, s: Settings, cov: np.ndarray, rows: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """What networks look at; only layers for each variable are told of bends: one layer for all finds them by itself."""
    each = inner_network(blocks, s).weigh is not None
    return correlations.focus(blocks, cov, correlations.bends(blocks, rows, weights) if each else None)


def shrunk_covariance(
    train_rows: np.ndarray,
    validation_rows: np.ndarray,
    weights: np.ndarray | None = None,
    validation_weights: np.ndarray | None = None,
    onehot: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Mean ``[D]`` and covariance ``[D, D]`` of training rows, shrunk to the diagonal as validation likelihood asks.

    Args:
      train_rows: ``[n, D]``.
      validation_rows: ``[m, D]``.
      weights: ``[n]`` of training rows.
      validation_weights: ``[m]``.
      onehot: ``[D]`` bool, coordinates of class labels: they are singular, so likelihood is that of the others given them.
    """
    mean = np.average(train_rows, axis=0, weights=weights)
    known = np.zeros(mean.size, bool) if onehot is None else onehot
    d = mean.size
    cov = np.cov(train_rows.T, aweights=weights, ddof=0).reshape(d, d)
    diagonal, ridge = np.diag(np.diag(cov)), 1e-10 * np.trace(cov) / d * np.eye(d)
    r = validation_rows - mean
    best, best_score = None, -np.inf
    for amount in SHRINKAGE_GRID:
        c = (1.0 - amount) * cov + amount * diagonal + ridge
        score = np.average(log_likelihood(*_given(r, c, known)), weights=validation_weights)
        if best is None or score > best_score + 1e-4:
            best, best_score = c, score
    assert best is not None  # the grid is not empty
    return mean, best


def _given(r: np.ndarray, cov: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What centred rows ``[n, D]`` and their covariance leave when coordinates ``known [D]`` are: by regression, since the
    difference of two likelihoods is rounding noise where those are singular or a class of them was never seen."""
    if not known.any():
        return r, cov
    cross = cov[np.ix_(known, ~known)]
    gain = np.linalg.lstsq(cov[np.ix_(known, known)], cross, rcond=1e-12)[0].T
    return r[:, ~known] - r[:, known] @ gain.T, cov[np.ix_(~known, ~known)] - gain @ cross


def log_likelihood(r: np.ndarray, cov: np.ndarray) -> np.ndarray:
    """Of centred rows ``[n, D]`` under N(0, cov), up to its constant; −inf when ``cov`` is not positive definite."""
    sign, logdet = np.linalg.slogdet(cov)
    if sign <= 0:
        return np.full(r.shape[0], -np.inf)
    return -0.5 * (np.einsum("nd,nd->n", r, np.linalg.solve(cov, r.T).T) + logdet)


def clean_end(blocks: Blocks, covs: Sequence[np.ndarray], views: Sequence[View]) -> float:
    """How clean the integral must start: MARGIN above the sharpest Gaussian conditional's log-precision, in [12, 26]."""
    sharpest = 1.0
    for cov in covs:
        spectrum = gaussian.spectra(blocks, cov, tuple(views))
        sharpest = min(sharpest, float(spectrum.min()))
    return float(np.clip(MARGIN - np.log(max(sharpest, 1e-30)), 12.0, 26.0))
