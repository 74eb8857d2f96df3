"""Discrete with discrete: bias-corrected plug-in estimates from counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.integrate import quad
from scipy.special import digamma

from jaxinfo.estimators.summary import clustered_variance
from jaxinfo.types import Estimate

ALONE = 0.05  # share of rows whose classes no other row has, above which counts say little


def plug_in(
    codes: np.ndarray,
    sets: Sequence[tuple[float, tuple[int, ...]]],
    weights: np.ndarray | None = None,
    name: str = "",
    groups: np.ndarray | None = None,
) -> Estimate:
    """A signed sum of entropies of discrete variables, Σ c_k H(V_k), from counts.

    H is estimated as by Chao, Wang and Jost (2013, Methods Ecol. Evol. 4, 1091): Σ p_v (ψ(n) − ψ(n_v)), and what classes
    that no row has shown yet add, told by those of one row and of two.  With many rows a class it agrees with the
    correction of Miller and Madow, (cells − 1) / (2 n); where it does not, both are too low, this one by less.  The
    standard error is that of the pointwise values and what lies between the two, in quadrature.  Near independence
    pointwise values are all but equal and the estimate is its correction plus a sum of χ², whose weights have one sign and
    are at most c = max |c_k|: its variance is at most c · correction / n, and no smaller one is reported.

    Args:
      codes: ``[n, K]`` integer class codes.
      sets: pairs (coefficient, columns).
      weights: ``[n]`` row weights; a class counts as many rows as its weights are worth.
      name: of the estimate.
      groups: ``[n]`` integer labels of rows that count as one draw together.
    """
    n = codes.shape[0]
    w = np.ones(n) / n if weights is None else np.asarray(weights, np.float64) / np.sum(weights)
    pointwise, plain, miller_madow, alone = np.zeros(n), 0.0, 0.0, 0.0
    each: defaultdict[tuple[int, ...], float] = defaultdict(float)
    for coefficient, columns in sets:
        each[columns] += coefficient if columns else 0.0
    for columns, coefficient in each.items():
        if coefficient == 0.0:
            continue
        h = _entropy(codes[:, list(columns)], w)
        pointwise += coefficient * h.pointwise
        plain += coefficient * h.plain
        miller_madow += coefficient * h.miller_madow
        alone = max(alone, h.alone)
    value = float(w @ pointwise)
    most, rows = max(map(abs, each.values()), default=0.0), 1.0 / np.sum(w**2)
    draws = rows if groups is None else 1.0 / np.sum(np.bincount(groups, weights=w) ** 2)
    of_correction = most * abs(value - plain) * rows / draws**2
    variance = max(clustered_variance(pointwise, w, groups), of_correction) + (value - miller_madow) ** 2
    stderr = float(np.sqrt(variance))
    told = {"plug_in": plain, "correction": value - plain, "flags": ()}
    if alone > ALONE:
        told["flags"] = (
            f"too few rows: {100 * alone:.0f} % of the rows have a combination of classes that no other row has; merge "
            "classes, ask of fewer variables, or read integers as numbers, discrete=[]",
        )
    return Estimate(value, stderr, pointwise, None, told, name)


class _Entropy(NamedTuple):
    """``pointwise [n]``, whose weighted mean is the estimate, beside the plain plug-in and Miller–Madow's; nats."""

    pointwise: np.ndarray
    plain: float
    miller_madow: float
    alone: float


def _entropy(codes: np.ndarray, w: np.ndarray) -> _Entropy:
    """The entropy of rows ``codes [n, K]`` with weights ``w [n]`` of sum one."""
    _, cell = np.unique(codes, axis=0, return_inverse=True)
    cell = cell.ravel()
    p, p2 = (np.bincount(cell, weights=v) for v in (w, w**2))
    rows = np.bincount(cell, weights=w > 0)
    seen = p > 0  # cells without weight say nothing
    count = np.where(seen, p**2 / np.where(seen, p2, 1.0), 1.0)  # how many equal weights tell as much
    n = 1.0 / np.sum(w**2)
    surprise = -np.log(np.where(seen, p, 1.0))
    ones, twos = (int(np.count_nonzero(rows == k)) for k in (1, 2))
    alone = float(p[rows == 1].sum())
    pointwise = (surprise + np.log(count) - digamma(count) - np.log(n) + digamma(n))[cell] + _unseen(
        n, ones, twos, alone
    )
    plain = float(p @ surprise)
    return _Entropy(pointwise, plain, plain + (np.count_nonzero(seen) - 1) / (2.0 * n), alone)


def _unseen(n: float, ones: int, twos: int, alone: float) -> float:
    """What classes not seen yet add to an entropy: ``alone`` Σ_{m ≥ 1} (1 − A)^m / (n + m − 1), in nats.

    A is the share of rows like those of the ``ones`` classes of one row each, told by the ``twos`` of two.
    """
    if ones == 0 or (ones == 1 and twos == 0):
        return 0.0
    a = 2.0 * twos / ((n - 1.0) * ones + 2.0 * twos) if twos else 2.0 / ((n - 1.0) * (ones - 1.0) + 2.0)
    if not 0.0 < a < 1.0:
        return 0.0

    def integrand(y):  # the sum is ∫ q e^(−n s) / (1 − q e^−s) ds with q = 1 − A, here over y = log s
        s = np.exp(y)
        return s * (1.0 - a) * np.exp(-n * s) / (a - (1.0 - a) * np.expm1(-s))

    low, high = np.log(a) - 40.0, np.log(50.0 / n)
    return alone * quad(integrand, low, max(low, high), limit=200)[0]


def entropy_sets(measure: str, groups: Sequence[tuple[int, ...]]) -> list[tuple[float, tuple[int, ...]]]:
    """A measure of discrete variables as a signed sum of joint entropies: pairs (coefficient, columns).

    Raises:
      ValueError: for a measure that is none.
    """
    union = lambda *gs: tuple(sorted({i for g in gs for i in g}))
    if measure == "entropy":
        given = groups[1] if len(groups) > 1 else ()
        return [(1.0, union(groups[0], given)), (-1.0, given)]
    if measure == "mutual_information":
        a, b = groups
        return [(1.0, a), (1.0, b), (-1.0, union(a, b))]
    if measure == "conditional_mutual_information":
        a, b, c = groups
        return [(1.0, union(a, c)), (1.0, union(b, c)), (-1.0, union(a, b, c)), (-1.0, c)]
    if measure == "interaction_information":
        a, b, c = groups
        flip = [(-k, s) for k, s in entropy_sets("conditional_mutual_information", groups)]
        return entropy_sets("mutual_information", (a, b)) + flip
    if len(groups) > 1:  # H(V | K) = H(V, K) − H(K)
        sets, known = entropy_sets(measure, groups[:1]), groups[1]
        return [(c, union(s, known)) for c, s in sets] + [(-sum(c for c, _ in sets), known)]
    system = groups[0]
    n = len(system)
    alone = [(1.0, (i,)) for i in system]
    rest = [(1.0, tuple(j for j in system if j != i)) for i in system]
    tc = [*alone, (-1.0, system)]
    dtc = [(1.0 - n, system), *rest]  # H(X) − Σ (H(X) − H(X_−i))
    if measure == "total_correlation":
        return tc
    if measure == "dual_total_correlation":
        return dtc
    if measure == "s_information":
        return tc + dtc
    if measure == "o_information":
        return tc + [(-k, s) for k, s in dtc]
    if measure == "o_information_gradient":  # Ω(X) − Ω(X_−i), i the first
        omega = lambda among: entropy_sets("o_information", (among,))
        return omega(system) + [(-k, s) for k, s in omega(system[1:])]
    raise ValueError(f"{measure} is no measure of discrete variables.")
