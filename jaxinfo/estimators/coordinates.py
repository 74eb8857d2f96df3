"""The coordinates that networks learn in, and the Gaussian there.

Ranks make every coordinate normal and bend what is linear: sums of sources that are not Gaussian are a Gaussian given the
others in their own units alone.  A network learns what the Gaussian inside leaves, so coordinates keep their units where
that leaves clearly less in the views asked for:

    gain = Σ over views of E [log N_own(x_noised | x_given) − log N_ranks(x_noised | x_given)],

both as densities of x, of rows held out.  Of two laws, whose divergence asks for the second at rows of the first, they keep
their units unless ranks leave less: beyond its rows a law goes on as its Gaussian does, which in ranks is no Gaussian any more.
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
ALIKE = 0.01  # nats of each coordinate that ranks have to gain where there are several laws


class Side(NamedTuple):
    """One fold in some coordinates.

    Attributes:
      transform: fitted on its training rows.
      z: ``[n, D]``, all rows.
      means: ``[L, D]`` of its training rows of each law.
      covs: ``[L, D, D]``, shrunk.
    """

    transform: preprocess.Transform
    z: np.ndarray
    means: np.ndarray
    covs: np.ndarray


def side(
    kind: str,
    x: np.ndarray,
    split: Split,
    onehot: np.ndarray,
    weights: np.ndarray | None,
    law: np.ndarray | None = None,
) -> Side:
    """A fold in coordinates of this kind: everything from its training rows ``x[split.train]``, shrinkage by its validation
    rows; with the ``law [n]`` of each row one Gaussian for each, in the same coordinates."""
    w = np.ones(x.shape[0]) if weights is None else weights
    transform = preprocess.fit(x[split.train], kind, onehot, None if weights is None else w[split.train])
    z, means, covs = transform.forward(x), [], []
    for rows in parts(split, law):
        told, held = (None, None) if weights is None else (w[rows.train], w[rows.validation])
        mean, cov = shrunk_covariance(z[rows.train], z[rows.validation], told, held, onehot)
        means.append(mean)
        covs.append(cov)
    return Side(transform, z, np.stack(means), np.stack(covs))


def parts(split: Split, law: np.ndarray | None) -> list[Split]:
    """The rows of a split that are of each law."""
    if law is None:
        return [split]
    return [Split(*(rows[law[rows] == number] for rows in split)) for number in range(law.max() + 1)]


def in_own_units(
    own: Sequence[Side],
    ranks: Sequence[Side],
    splits: Sequence[Split],
    blocks: Blocks,
    views: Sequence[View],
    x: np.ndarray,
    weights: np.ndarray | None = None,
    law: np.ndarray | None = None,
    laws: Sequence[int] | None = None,
) -> bool:
    """Whether networks should see rows in their own units, not their ranks.

    Args:
      own: one per fold, standardised.
      ranks: one per fold, normal ranks.
      splits: one per fold; validation rows decide.
      blocks: packing.
      views: what is to be learned.
      x: ``[n, D]``.
      weights: ``[n]`` row weights.
      law: ``[n]``, which law each row is of.
      laws: ``[V]``, which law each view is of: rows of others say nothing of it.
    """
    label = np.asarray(blocks.discrete)[blocks.owner]
    of_view = [0] * len(views) if laws is None else laws
    each = [
        (~label & np.isin(blocks.owner, vw.noised(v)), np.isin(blocks.owner, vw.given(v)), number)
        for v, number in zip(views, of_view)
    ]
    each = [view for view in each if view[0].any()]
    rows = np.concatenate([split.validation for split in splits])
    of_row = np.zeros(len(x), int) if law is None else law
    explained = lambda side, split: _explained(side, split, x, each, of_row[split.validation])
    gain = np.concatenate([explained(a, sp) - explained(b, sp) for a, b, sp in zip(own, ranks, splits)])
    share = np.ones(rows.size) if weights is None else weights[rows]
    share = share / share.sum()
    mean = float(share @ gain)
    error = float(np.sqrt(np.sum((share * (gain - mean)) ** 2)))
    count = np.bincount(of_row[rows], share, minlength=max(of_view) + 1)  # a view has so much of the rows
    coordinates = sum(noised.sum() * count[number] for noised, _, number in each)
    return mean > (max(PLAINER * coordinates, ERRORS * error) if law is None else -ALIKE * coordinates)


def _explained(
    of: Side, split: Split, x: np.ndarray, each: Sequence[tuple[np.ndarray, np.ndarray, int]], law: np.ndarray
) -> np.ndarray:
    """Σ over views of the log-density of what is noised given what is given, under the Gaussian, per row held out ``[m]``:
    of each ``law [m]`` over its views.

    A fitted knot is half a nat over n too dense in new rows, as in Akaike's criterion (IEEE Trans. Autom.
    Control 19, 716, 1974): that is no fault of ranks.
    """
    z, slope = of.z[split.validation], of.transform.log_jacobian(x[split.validation])
    slope = slope + of.transform.knots() / (2 * split.train.size)
    total = np.zeros(z.shape[0])
    for noised, given, number in each:
        seen, here = noised | given, law == number
        r, cov = z[here] - of.means[number], of.covs[number]
        total[here] += log_likelihood(*_given(r[:, seen], cov[np.ix_(seen, seen)], given[seen]))
        total[here] += slope[here][:, noised].sum(1)
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
