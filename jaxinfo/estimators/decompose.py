"""Measures of many variables as signed sums of mutual informations, over any estimator of mutual information.

The line TC = Σ_i I(X_i; X_{>i}) and the tree, which halves the variables again and again, are the paths of arXiv
2011.04794; S = Σ_i I(X_i; X_−i), DTC = S − TC and Ω = 2 TC − S follow (thesis C.10, C.11).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxinfo.estimators.copula import GRADIENT, as_variables, entropy_terms
from jaxinfo.types import Estimate, Estimator

Terms = list[tuple[float, tuple[int, ...], tuple[int, ...]]]
PATHS = ("line", "tree")


class Decomposition(NamedTuple):
    """As :class:`~jaxinfo.types.Estimator`, but ``estimate(state, data)`` returns several estimates by name."""

    init: Callable[..., Any]
    update: Callable[..., Any]
    estimate: Callable[..., dict[str, Estimate]]


def line(members: Sequence[int]) -> Terms:
    """Total correlation one variable at a time: N − 1 triples (weight, A, B), each I(X_i; X_{>i})."""
    m = tuple(members)
    return [(1.0, (m[i],), m[i + 1 :]) for i in range(len(m) - 1)]


def tree(members: Sequence[int]) -> Terms:
    """Total correlation by halves: TC(X) = I(X_left; X_right) + TC(X_left) + TC(X_right), N − 1 triples."""
    m = tuple(members)
    if len(m) < 2:
        return []
    left, right = m[: len(m) // 2], m[len(m) // 2 :]
    return [(1.0, left, right), *tree(left), *tree(right)]


def mi_terms(measure: str, names: Sequence[str], path: str = "line") -> Terms:
    """A measure as a signed sum of mutual informations: triples (weight, positions of A, positions of B).

    TC along the ``path`` (thesis Eq. C.10 for the line); S = Σ_i I(X_i; X_−i) (5.1); DTC = S − TC (C.11); Ω = 2 TC − S;
    ∂_i Ω = (2 − N) I(X_i; X_−i) + Σ_{j≠i} I(X_i; X_−ij) (C.4).

    Raises:
      ValueError: for an unknown measure or path, or a measure that needs another number of variables.
    """
    if measure == "entropy":
        raise ValueError("entropy is no sum of mutual informations; ask for total_correlation, say.")
    entropy_terms(measure, names)  # the same names and the same limits
    if path not in PATHS:
        raise ValueError(f"path must be one of {', '.join(PATHS)}, got {path!r}.")
    n = len(names)
    others = lambda *out: tuple(j for j in range(n) if j not in out)
    if measure.startswith(GRADIENT):
        i = list(names).index(measure.removeprefix(GRADIENT))
        return [(2.0 - n, (i,), others(i)), *((1.0, (i,), others(i, j)) for j in others(i))]
    tc: Terms = (line if path == "line" else tree)(range(n))
    s: Terms = [(1.0, (i,), others(i)) for i in range(n)]
    scaled = lambda terms, by: [(by * w, a, b) for w, a, b in terms]
    of: dict[str, Terms] = {
        "mutual_information": tc,
        "total_correlation": tc,
        "s_information": s,
        "dual_total_correlation": s + scaled(tc, -1.0),
        "o_information": scaled(tc, 2.0) + scaled(s, -1.0),
    }
    return of[measure]


def decomposed(
    mutual_information: Estimator, measure: str, path: str = "line", *, wider_first: bool = True
) -> Estimator:
    """``measure`` of a dict of variables by an estimator of the mutual information of two.

    Args:
      mutual_information: of two variables, as ``types.Estimator``.
      measure: as in :func:`mi_terms`.
      path: "line" or "tree".
      wider_first: which side of each pair comes first.  Bounds with a density of the second given the first (CLUB, DoE) are
        nearer when that is the narrow one; a conditional score of the first (MINDE-c), when the first is.

    Returns:
      An estimator of the whole; equal terms are estimated once, and ``diagnostics["steps"]`` is the mean over them of the
      steps that each took, where they tell.  ``stderr`` adds those of the terms in squares, with
      their weights: terms share rows, so it is a guide and no more.

    Raises:
      ValueError: as :func:`mi_terms`.
    """
    many = decomposed_many(mutual_information, (measure,), path, wider_first=wider_first)
    return Estimator(many.init, many.update, lambda state, data: many.estimate(state, data)[measure])


def decomposed_many(
    mutual_information: Estimator, measures: Sequence[str], path: str = "line", *, wider_first: bool = True
) -> Decomposition:
    """Several measures from one set of mutual informations: as :func:`decomposed`, ``estimate`` returns them by name."""

    def weights(data: Mapping[str, np.ndarray]) -> dict[str, dict[tuple, float]]:
        names = list(as_variables(data))
        out: dict[str, dict[tuple, float]] = {m: {} for m in measures}
        for m, of in out.items():
            for w, a, b in mi_terms(m, names, path):
                of[a, b] = of.get((a, b), 0.0) + w
        return {m: {ab: w for ab, w in of.items() if w} for m, of in out.items()}

    def pairs(data: Mapping[str, np.ndarray]) -> dict[tuple, dict[str, np.ndarray]]:
        columns = list(as_variables(data).values())
        join = lambda at: np.concatenate([columns[i] for i in at], axis=1)
        terms = dict.fromkeys(ab for of in weights(data).values() for ab in of)
        by_width = lambda ab: sorted(map(join, ab), key=lambda side: side.shape[1], reverse=wider_first)
        return {ab: dict(zip("xy", by_width(ab))) for ab in terms}

    def init(key: Any, data: Mapping[str, np.ndarray]) -> dict[tuple, Any]:
        terms = pairs(data)
        keys = jax.random.split(key, len(terms))
        return {ab: mutual_information.init(k, pair) for k, (ab, pair) in zip(keys, terms.items())}

    def update(state: dict[tuple, Any], data: Mapping[str, np.ndarray]) -> dict[tuple, Any]:
        return {ab: mutual_information.update(state[ab], pair) for ab, pair in pairs(data).items()}

    def estimate(state: dict[tuple, Any], data: Mapping[str, np.ndarray]) -> dict[str, Estimate]:
        found = {ab: mutual_information.estimate(state[ab], pair) for ab, pair in pairs(data).items()}
        out = {}
        for m, of in weights(data).items():
            value = sum(w * found[ab].value for ab, w in of.items())
            stderr = math.sqrt(sum((w * found[ab].stderr) ** 2 for ab, w in of.items()))
            flags = tuple(dict.fromkeys(flag for ab in of for flag in found[ab].flags))
            steps = [found[ab].diagnostics["steps"] for ab in of if "steps" in found[ab].diagnostics]
            about = {"terms": len(of), "flags": flags} | ({"steps": sum(steps) / len(steps)} if steps else {})
            out[m] = Estimate(value, stderr, None, None, about, m)
        return out

    return Decomposition(init, update, estimate)
