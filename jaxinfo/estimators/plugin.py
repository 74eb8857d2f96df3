"""Discrete with discrete: bias-corrected plug-in estimates from counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jaxinfo.estimators.summary import clustered_variance
from jaxinfo.types import Estimate


def plug_in(
    codes: np.ndarray,
    sets: Sequence[tuple[float, tuple[int, ...]]],
    weights: np.ndarray | None = None,
    name: str = "",
    groups: np.ndarray | None = None,
) -> Estimate:
    """A signed sum of entropies of discrete variables, Σ c_k H(V_k), with the Miller–Madow correction.

    H is estimated by −Σ p log p + (cells − 1) / (2 n) nats (Miller 1955); the standard error is that of the pointwise
    values Σ −c_k log p(v_k).

    Args:
      codes: ``[n, K]`` integer class codes.
      sets: pairs (coefficient, columns).
      weights: ``[n]`` row weights; the correction uses the effective number of rows.
      name: of the estimate.
      groups: ``[n]`` integer labels of rows that count as one draw together.
    """
    n = codes.shape[0]
    w = np.ones(n) / n if weights is None else np.asarray(weights, np.float64) / np.sum(weights)
    effective = 1.0 / np.sum(w**2)
    pointwise, correction = np.zeros(n), 0.0
    for coefficient, columns in sets:
        if not columns:
            continue
        _, cell = np.unique(codes[:, list(columns)], axis=0, return_inverse=True)
        p = np.bincount(cell.ravel(), weights=w)
        pointwise -= coefficient * np.log(np.where(p > 0, p, 1.0))[cell.ravel()]  # cells without weight say nothing
        correction += coefficient * (np.count_nonzero(p) - 1) / (2.0 * effective)
    plain = float(w @ pointwise)
    value = plain + correction
    stderr = float(np.sqrt(clustered_variance(pointwise, w, groups) + (0.5 * correction) ** 2))
    return Estimate(value, stderr, pointwise + correction, None, {"plug_in": plain, "correction": correction}, name)


def entropy_sets(measure: str, groups: Sequence[tuple[int, ...]]) -> list[tuple[float, tuple[int, ...]]]:
    """A measure of discrete variables as a signed sum of joint entropies."""
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
    raise ValueError(f"{measure} has no plug-in form for discrete variables; ask for o_information of subsets instead.")
