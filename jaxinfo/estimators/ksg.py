"""Nearest-neighbour baselines: mutual information, sums of it, entropy and KL divergence.

Strong on a few coordinates, blind in many.  All distances are maximum norms.  On the host.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import digamma

from jaxinfo.estimators.copula import as_variables, check_discrete, normal_scores
from jaxinfo.estimators.decompose import mi_terms
from jaxinfo.types import Estimate, Estimator

MANY_COORDINATES = 12
"""Above this many coordinates the k-th neighbour is nearly as far as any row and estimates fall towards 0."""

BLOCKS, FEWEST = 10, 20
"""Blocks that a standard error is taken from, and the fewest rows of one."""


def _fewer(arrays: list[np.ndarray], max_rows: int | None) -> list[np.ndarray]:
    """At most ``max_rows`` rows of paired arrays, in their order; a random subset, since files are often sorted."""
    n = len(arrays[0])
    if max_rows is None or n <= max_rows:
        return arrays
    keep = np.sort(np.random.default_rng(0).choice(n, max_rows, replace=False))
    return [a[keep] for a in arrays]


def _check_k(k: int, n: int) -> None:
    if not 1 <= k < n:
        raise ValueError(f"expected 1 <= k < number of rows, got k={k} with {n} rows; k=3 is the usual choice.")


def _kth_distance(points: np.ndarray, k: int) -> np.ndarray:
    """Distance of each row to its k-th nearest other row: ``[n, d] -> [n]``."""
    return cKDTree(points).query(points, k=[k + 1], p=np.inf)[0][:, 0]


def _count_within(points: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Rows strictly nearer than ``radius [n]`` to each row, itself included: ``[n, d] -> [n]``."""
    # The neighbour that defines the radius sits exactly on it and must stay out: step inside by more than rounding.
    inside = radius * (1.0 - 1e-9)
    if points.shape[1] == 1:
        line = points[:, 0]
        order = np.sort(line)
        count = np.searchsorted(order, line + inside, "right") - np.searchsorted(order, line - inside, "left")
    else:
        count = cKDTree(points).query_ball_point(points, inside, p=np.inf, return_length=True)
    return np.maximum(count, 1)


def _ksg_rows(x: np.ndarray, y: np.ndarray, k: int) -> np.ndarray:
    """The pointwise terms of KSG estimator 1, ``[n]``; their mean is the MI."""
    radius = _kth_distance(np.concatenate([x, y], axis=1), k)
    return digamma(k) + digamma(len(x)) - digamma(_count_within(x, radius)) - digamma(_count_within(y, radius))


def _blocks(*arrays: np.ndarray) -> list[list[np.ndarray]]:
    """Ten disjoint blocks of rows, none when they would be too small.  Arrays need not have the same number of rows."""
    if min(len(a) for a in arrays) < BLOCKS * FEWEST:
        return []
    # Interleaved: a file in order of time or class would make consecutive blocks differ.
    return [[a[b::BLOCKS] for a in arrays] for b in range(BLOCKS)]


def _estimate(rows: np.ndarray, means: list[float], n: int, name: str, flags: Sequence[str]) -> Estimate:
    """Mean of pointwise terms; standard error the larger of their spread and that of the ``means`` over blocks."""
    stderr = float(rows.std(ddof=1)) / math.sqrt(len(rows))
    if means:
        stderr = max(stderr, float(np.std(means, ddof=1)) / math.sqrt(len(means)))
    # Pointwise values are handed on only when they match the rows given one by one.
    per_sample = rows if len(rows) == n else None
    return Estimate(float(rows.mean()), stderr, per_sample, None, {"rows": len(rows), "flags": tuple(flags)}, name)


def _flags(arrays: list[np.ndarray]) -> list[str]:
    flags = []
    dim = sum(a.shape[1] for a in arrays)
    if dim > MANY_COORDINATES:
        flags.append(f"nearest neighbours in {dim} coordinates: expect a value far too near 0")
    n = len(arrays[0])
    ties = max(1.0 - len(np.unique(column)) / n for a in arrays for column in a.T)
    if ties > 0.01:
        flags.append(f"{ties:.0%} of the values of a coordinate repeat: a nearest-neighbour estimate assumes none do")
    return flags


def ksg_mi(x: np.ndarray, y: np.ndarray, k: int = 3, *, ranks: bool = True, max_rows: int | None = 10_000) -> Estimate:
    """Mutual information by KSG estimator 1: ``ψ(k) + ψ(n) − ⟨ψ(n_x + 1) + ψ(n_y + 1)⟩``, nats (cond-mat/0305641).

    ``stderr`` is the larger of two: the row spread of those terms / √n, which takes rows for independent though
    neighbours share their neighbours (it is somewhat too small), and the spread over 10 disjoint blocks of rows / √10.

    Args:
      x: array ``[n]`` or ``[n, d_x]``.
      y: array ``[n]`` or ``[n, d_y]``.
      k: neighbours; small is less biased, large less noisy.
      ranks: turn each coordinate into normal scores first, which keeps the MI and tames scales and tails.
      max_rows: use at most so many rows, chosen at random with a fixed seed; None for all.  20,000 rows of a few
        coordinates take under a second; beyond some ten coordinates the cost grows with the square of the rows.

    Returns:
      Estimate; ``per_sample`` is None when rows were left out.

    Raises:
      ValueError: when shapes do not fit, values are not finite or k is too large.
    """
    return ksg_measures({"x": x, "y": y}, ("mutual_information",), k, ranks=ranks, max_rows=max_rows)[
        "mutual_information"
    ]


def ksg_mi_discrete(
    x: np.ndarray, labels: np.ndarray, k: int = 3, *, ranks: bool = True, max_rows: int | None = 10_000
) -> Estimate:
    """MI between x and a class: ``ψ(n) + ⟨ψ(k_i) − ψ(n_c) − ψ(m_i)⟩``, nats (Ross, PLoS ONE 9(2) e87357, 2014).

    m_i counts the rows, of any class, within the distance of the k-th neighbour of the same class.  Rows alone in their
    class say nothing and are left out; smaller classes than k + 1 use all their rows.

    Args:
      x: array ``[n]`` or ``[n, d]``.
      labels: array ``[n]`` or ``[n, m]``; equal rows are one class.
      k: neighbours.
      ranks: see :func:`ksg_mi`.
      max_rows: see :func:`ksg_mi`.

    Raises:
      ValueError: when shapes do not fit, values are not finite or no class has two rows.
    """
    vs = as_variables({"x": x, "labels": labels})
    given = len(vs["x"])
    x, labels = _fewer(list(vs.values()), max_rows)
    _check_k(k, len(x))
    _, at, counts = np.unique(labels, axis=0, return_inverse=True, return_counts=True)
    at = at.reshape(-1)
    paired = counts[at] > 1
    if not paired.any():
        raise ValueError(
            f"expected classes of two rows or more, got {len(counts)} classes of one; are labels discrete?"
        )
    flags = _flags([x])
    if not paired.all():
        flags.append(f"{(~paired).sum()} rows alone in their class were left out")
    points, at = normal_scores(x[paired]) if ranks else x[paired], at[paired]
    means = [_ross_rows(rows, labels, k).mean() for rows, labels in _blocks(points, at)]
    return _estimate(_ross_rows(points, at, k), means, given, "mutual_information", flags)


def _ross_rows(points: np.ndarray, at: np.ndarray, k: int) -> np.ndarray:
    """The pointwise terms of Ross's estimator, ``[n, d], [n] -> [n]``; rows alone in their class are left out."""
    counts = np.bincount(at)
    points, at = points[counts[at] > 1], at[counts[at] > 1]
    radius, near = np.empty(len(at)), np.minimum(k, counts - 1)
    for c in np.unique(at):
        radius[at == c] = _kth_distance(points[at == c], near[c])
    # Strictly nearer rows, plus the row itself in place of the neighbour on the rim: Ross's m_i.
    m = _count_within(points, radius)
    return digamma(len(at)) + digamma(near[at]) - digamma(counts[at]) - digamma(m)


def ksg_measures(
    vs: Mapping[str, np.ndarray],
    measures: Sequence[str],
    k: int = 3,
    *,
    ranks: bool = True,
    max_rows: int | None = 10_000,
    discrete: Sequence[str] = (),
) -> dict[str, Estimate]:
    """Measures as sums of KSG mutual informations (:func:`mi_terms`); "entropy" and "kl_divergence" by neighbours too.

    The terms are added row by row and block by block, so that ``stderr`` (see :func:`ksg_mi`) knows how they move
    together.
    In many coordinates this is slow as well as wrong: the biases of the terms add up.

    Args:
      vs: name -> array ``[n]`` or ``[n, d]``, paired rows; for "kl_divergence" the two data sets "p" and "q".
      measures: of ``copula.MEASURES``, ``o_information_gradient:<variable>`` or "kl_divergence".
      k: neighbours.
      ranks: see :func:`ksg_mi`.
      max_rows: see :func:`ksg_mi`.
      discrete: names of variables that hold a class; only for mutual information with one continuous variable.

    Returns:
      Dict measure -> Estimate in nats.

    Raises:
      ValueError: for bad shapes, an unknown measure, or a wrong number of variables.
    """
    if "kl_divergence" in measures:
        if set(measures) != {"kl_divergence"} or set(vs) != {"p", "q"}:
            raise ValueError(f"kl_divergence: expected it alone, of data sets p and q, got {', '.join(vs)}.")
        return {"kl_divergence": knn_kl(vs["p"], vs["q"], k, max_rows=max_rows)}
    names = tuple(vs)
    vs = as_variables(vs)
    check_discrete(names, measures, discrete)
    if discrete:
        x, label = (vs[next(v for v in names if (v in discrete) == wanted)] for wanted in (False, True))
        return {m: ksg_mi_discrete(x, label, k, ranks=ranks, max_rows=max_rows) for m in measures}
    given = len(vs[names[0]])
    arrays = _fewer(list(vs.values()), max_rows)
    _check_k(k, len(arrays[0]))
    flags = _flags(arrays)
    points = [normal_scores(a) if ranks else a for a in arrays]
    sums = [m for m in measures if m != "entropy"]
    rows = _measure_rows(points, names, sums, k)
    parts = [_measure_rows(block, names, sums, k) for block in _blocks(*points)]
    out = {m: _estimate(rows[m], [part[m].mean() for part in parts], given, m, flags) for m in sums}
    if "entropy" in measures:
        out["entropy"] = knn_entropy(np.concatenate(list(vs.values()), axis=1), k, max_rows=max_rows)
    return {m: out[m] for m in measures}


def _measure_rows(points: list[np.ndarray], names: Sequence[str], measures: Sequence[str], k: int):
    """Measure -> its weighted sum of KSG terms row by row, ``[n]``; a term that measures share is computed once."""
    join = lambda at: np.concatenate([points[i] for i in at], axis=1)
    terms = {m: mi_terms(m, names) for m in measures}
    each = {(a, b): _ksg_rows(join(a), join(b), k) for a, b in {t[1:] for ts in terms.values() for t in ts}}
    return {m: sum(w * each[a, b] for w, a, b in ts) for m, ts in terms.items()}


def _no_copies(distance: np.ndarray, k: int) -> None:
    if np.any(distance <= 0):
        raise ValueError(
            f"expected continuous data, got rows with at least {k} exact copies: the density is infinite there; "
            "add noise of the size of the rounding step."
        )


def knn_entropy(x: np.ndarray, k: int = 3, *, max_rows: int | None = 10_000) -> Estimate:
    """Differential entropy ``ψ(n) − ψ(k) + d ⟨ln 2ρ_k⟩``, nats (Kozachenko and Leonenko 1987; cond-mat/0305641 Eq. 20).

    ρ_k is the maximum-norm distance to the k-th neighbour; ``stderr`` as in :func:`ksg_mi`.  Coordinates of very
    different scales should be standardised first (and the logarithms of the scales added).

    Args:
      x: array ``[n]`` or ``[n, d]``.
      k: neighbours.
      max_rows: see :func:`ksg_mi`.

    Raises:
      ValueError: when values are not finite, k is too large or rows repeat.
    """
    x = as_variables({"x": x})["x"]
    given = len(x)
    (x,) = _fewer([x], max_rows)
    _check_k(k, len(x))
    means = [_entropy_rows(rows, k).mean() for (rows,) in _blocks(x)]
    return _estimate(_entropy_rows(x, k), means, given, "entropy", _flags([x]))


def _entropy_rows(x: np.ndarray, k: int) -> np.ndarray:
    distance = _kth_distance(x, k)
    _no_copies(distance, k)
    return digamma(len(x)) - digamma(k) + x.shape[1] * np.log(2.0 * distance)


def knn_kl(p: np.ndarray, q: np.ndarray, k: int = 3, *, max_rows: int | None = 10_000) -> Estimate:
    """KL(p‖q) of two samples: ``d ⟨ln ν_k / ρ_k⟩ + ln(m / (n − 1))``, nats (Wang, Kulkarni and Verdú 2009).

    ρ_k and ν_k are the distances of a row of p to its k-th neighbour among the others of p and among q.  ``stderr`` as
    in :func:`ksg_mi`, a block being a tenth of p and a tenth of q.

    Args:
      p: array ``[n]`` or ``[n, d]``.
      q: array ``[m]`` or ``[m, d]``; rows are not paired.
      k: neighbours.
      max_rows: at most so many rows of each, see :func:`ksg_mi`.

    Raises:
      ValueError: when widths differ, values are not finite, rows repeat, or k is too large.
    """
    p, q = (as_variables({name: v})[name] for name, v in (("p", p), ("q", q)))
    if p.shape[1] != q.shape[1]:
        raise ValueError(f"knn_kl: expected data sets of one width, got {p.shape[1]} and {q.shape[1]} coordinates.")
    given = len(p)
    (p,), (q,) = _fewer([p], max_rows), _fewer([q], max_rows)
    _check_k(k, min(len(p), len(q)))
    means = [_kl_rows(rows_p, rows_q, k).mean() for rows_p, rows_q in _blocks(p, q)]
    return _estimate(_kl_rows(p, q, k), means, given, "kl_divergence", _flags([p]))


def _kl_rows(p: np.ndarray, q: np.ndarray, k: int) -> np.ndarray:
    own = _kth_distance(p, k)
    other = cKDTree(q).query(p, k=[k], p=np.inf)[0][:, 0]
    _no_copies(np.minimum(own, other), k)
    return p.shape[1] * np.log(other / own) + math.log(len(q) / (len(p) - 1))


def ksg_estimator(
    measure: str,
    k: int = 3,
    *,
    ranks: bool = True,
    max_rows: int | None = 10_000,
    discrete: Sequence[str] = (),
) -> Estimator:
    """The baseline as ``types.Estimator``: nothing to train, ``estimate(state, data)`` reads the dict ``data``."""
    options: dict[str, Any] = {"k": k, "ranks": ranks, "max_rows": max_rows, "discrete": discrete}
    return Estimator(
        init=lambda key, data: (),
        update=lambda state, data: state,
        estimate=lambda state, data: ksg_measures(data, (measure,), **options)[measure],
    )
