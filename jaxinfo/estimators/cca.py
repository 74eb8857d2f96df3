"""The canonical-correlation baseline: I(X; Y) = −½ Σ_k log(1 − ρ_k²), exact for Gaussians as they are measured."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from scipy import linalg

from jaxinfo.estimators.copula import as_variables
from jaxinfo.types import Estimate, Estimator


class State(NamedTuple):
    """Canonical directions of the training rows: means ``[d]`` and maps ``[d, k]`` of both sides."""

    means: tuple[np.ndarray, np.ndarray]
    maps: tuple[np.ndarray, np.ndarray]


def directions(x: np.ndarray, y: np.ndarray) -> State:
    """Canonical directions of paired rows ``x [n, d]`` and ``y [n, e]`` (Hotelling, Biometrika 28, 321, 1936).

    Raises:
      ValueError: when rows are too few or a side's covariance is singular.
    """
    n = len(x)
    if n < x.shape[1] + y.shape[1] + 2:
        raise ValueError(
            f"canonical correlations of {x.shape[1]} and {y.shape[1]} coordinates need at least "
            f"{x.shape[1] + y.shape[1] + 2} rows, got {n}; reduce the dimension first."
        )
    centred = [v - v.mean(axis=0) for v in (x, y)]
    for name, v in zip("xy", centred):
        scale = v.std(axis=0)
        # rounding may leave a covariance of dependent columns a positive last pivot
        if not scale.all() or np.linalg.matrix_rank(v / scale) < v.shape[1]:
            raise ValueError(f"the covariance of {name} is singular: drop constant or repeated columns.")
    roots = [linalg.cholesky(v.T @ v / (n - 1), lower=True) for v in centred]
    whitened = [linalg.solve_triangular(r, v.T, lower=True) for r, v in zip(roots, centred)]
    u, _, vt = linalg.svd(whitened[0] @ whitened[1].T / (n - 1), full_matrices=False)
    maps = tuple(linalg.solve_triangular(r, w, lower=True, trans="T") for r, w in zip(roots, (u, vt.T)))
    return State((x.mean(axis=0), y.mean(axis=0)), (maps[0], maps[1]))


def information(state: State, x: np.ndarray, y: np.ndarray) -> Estimate:
    """−½ Σ log(1 − ρ_k²) nats with ρ_k measured on these rows along given directions, and its standard error.

    On rows that did not choose the directions it cannot overfit them.
    """
    a, b = (_standard((v - m) @ w) for v, m, w in zip((x, y), state.means, state.maps))
    rho = np.clip((a * b).mean(axis=0), -1.0 + 1e-12, 1.0 - 1e-12)
    value = -0.5 * np.log1p(-(rho**2)).sum()
    # Pointwise log-ratio of the canonical pairs' Gaussian densities.
    ratio = -0.5 * np.log1p(-(rho**2)) + (rho * a * b - 0.5 * rho**2 * (a * a + b * b)) / (1.0 - rho**2)
    rows = ratio.sum(axis=1)
    stderr = math.hypot(rows.std(ddof=1) / math.sqrt(len(x)), math.sqrt(rho.size / 2.0) / len(x))
    return Estimate(float(value), stderr, rows, name="mutual_information", diagnostics={"rows": len(x)})


def cca_estimator(measure: str = "mutual_information") -> Estimator:
    """The baseline as :class:`~jaxinfo.types.Estimator`: directions of training rows, correlations of the rows read.

    Raises:
      ValueError: for another measure than mutual information.
    """
    if measure != "mutual_information":
        raise ValueError(f"canonical correlations give mutual_information only, got {measure}.")

    def pair(data: Any) -> tuple[np.ndarray, np.ndarray]:
        vs = as_variables(data)
        if len(vs) != 2:
            raise ValueError(f"expected two variables, got {', '.join(vs)}.")
        x, y = vs.values()
        return x, y

    return Estimator(
        init=lambda key, data: None,
        update=lambda state, data: directions(*pair(data)),
        estimate=lambda state, data: information(state, *pair(data)),
    )


def _standard(v: np.ndarray) -> np.ndarray:
    return (v - v.mean(axis=0)) / v.std(axis=0)
