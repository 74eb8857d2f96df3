"""The coordinates that networks learn in, and the Gaussian there.

Ranks make every coordinate normal and bend what is linear: sums of sources that are not Gaussian are a Gaussian given the
others in their own units alone.  A network learns what the Gaussian inside leaves, so coordinates keep their units where
that leaves clearly less in the views asked for:

    gain = Σ over views of E [log N_own(x_noised | x_given) − log N_ranks(x_noised | x_given)],

both as densities of x, of rows held out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxinfo import preprocess
from jaxinfo import views as vw
from jaxinfo.blocks import Blocks
from jaxinfo.estimators.splits import Split
from jaxinfo.views import View

SHRINKAGE_GRID = (0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
PLAINER, ERRORS = 0.06, 4.0  # nats of each coordinate, and standard errors, that own units have to gain


class Side(NamedTuple):
    """One fold in some coordinates.

    Attributes:
      transform: fitted on its training rows.
      z: ``[n, D]``, all rows.
      mean: ``[D]`` of its training rows.
      cov: ``[D, D]``, shrunk.
    """

    transform: preprocess.Transform
    z: np.ndarray
    mean: np.ndarray
    cov: np.ndarray


def side(
    kind: str,
    x: np.ndarray,
    split: Split,
    onehot: np.ndarray,
    weights: np.ndarray | None,
    validation_weights: np.ndarray | None,
) -> Side:
    """A fold in coordinates of this kind: everything from its training rows ``x[split.train]``, weighted, shrinkage by its
    validation rows."""
    transform = preprocess.fit(x[split.train], kind, onehot, weights)
    z = transform.forward(x)
    mean, cov = shrunk_covariance(z[split.train], z[split.validation], weights, validation_weights, onehot)
    return Side(transform, z, mean, cov)


def clearly_plainer(
    own: Sequence[Side],
    ranks: Sequence[Side],
    splits: Sequence[Split],
    blocks: Blocks,
    views: Sequence[View],
    x: np.ndarray,
    weights: np.ndarray | None = None,
) -> bool:
    """Whether rows in their own units leave clearly less to networks than their ranks do.

    Args:
      own: one per fold, standardised.
      ranks: one per fold, normal ranks.
      splits: one per fold; validation rows decide.
      blocks: packing.
      views: what is to be learned.
      x: ``[n, D]``.
      weights: ``[n]`` row weights.
    """
    label = np.asarray(blocks.discrete)[blocks.owner]
    each = [(~label & np.isin(blocks.owner, vw.noised(v)), np.isin(blocks.owner, vw.given(v))) for v in views]
    each = [(noised, given) for noised, given in each if noised.any()]
    rows = np.concatenate([split.validation for split in splits])
    gain = np.concatenate(
        [_explained(a, sp, x, each) - _explained(b, sp, x, each) for a, b, sp in zip(own, ranks, splits)]
    )
    share = np.ones(rows.size) if weights is None else weights[rows]
    share = share / share.sum()
    mean = float(share @ gain)
    error = float(np.sqrt(np.sum((share * (gain - mean)) ** 2)))
    return mean > max(PLAINER * sum(int(noised.sum()) for noised, _ in each), ERRORS * error)


def _explained(of: Side, split: Split, x: np.ndarray, each: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Σ over views of the log-density of what is noised given what is given, under the Gaussian, per row held out ``[m]``.

    A fitted knot is half a nat over n too dense in new rows, as in Akaike's criterion (IEEE Trans. Autom.
    Control 19, 716, 1974): that is no fault of ranks.
    """
    r, slope = of.z[split.validation] - of.mean, of.transform.log_jacobian(x[split.validation])
    slope = slope + of.transform.knots() / (2 * split.train.size)
    total = np.zeros(r.shape[0])
    for noised, given in each:
        seen = noised | given
        total += log_likelihood(*_given(r[:, seen], of.cov[np.ix_(seen, seen)], given[seen])) + slope[:, noised].sum(1)
    return total


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
