"""The Gaussian-copula baseline: ranks to normal scores, then everything from one covariance.

Exact for Gaussians under any monotone map of each coordinate, blind to everything else; it costs nothing, so it stands
beside every other estimate.  On the host.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import digamma, logsumexp, ndtri
from scipy.stats import rankdata

from jaxinfo.types import Estimate, Estimator

GRADIENT = "o_information_gradient:"
MEASURES = (
    "mutual_information",
    "total_correlation",
    "dual_total_correlation",
    "s_information",
    "o_information",
    "entropy",
)
"""Measures of named variables; ``o_information_gradient:<variable>`` too."""


def as_variables(vs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Checked float64 copies ``[n, d]`` of named arrays ``[n]`` or ``[n, d]``.

    Raises:
      ValueError: when there are none, shapes or numbers of rows do not fit, or a value is not finite.
    """
    out = {}
    for name, v in vs.items():
        v = np.asarray(v, float)
        v = v[:, None] if v.ndim == 1 else v
        if v.ndim != 2 or not v.shape[1]:
            raise ValueError(f"variable {name!r}: expected an array [n] or [n, d], got shape {v.shape}; flatten it.")
        if not np.all(np.isfinite(v)):
            raise ValueError(f"variable {name!r}: expected finite values, got NaN or infinity; drop those rows.")
        out[name] = v
    rows = {name: len(v) for name, v in out.items()}
    if len(set(rows.values())) != 1:
        raise ValueError(f"expected variables with the same number of rows, got {rows}; rows are paired samples.")
    return out


def normal_scores(x: np.ndarray) -> np.ndarray:
    """``Φ⁻¹((rank − ½) / n)`` of each coordinate, ties sharing their mean rank: ``[n, d] -> [n, d]``."""
    return ndtri((rankdata(x, axis=0) - 0.5) / len(x))


def entropy_terms(measure: str, names: Sequence[str]) -> list[tuple[float, tuple[int, ...]]]:
    """A measure as a signed sum of entropies: pairs (weight, positions of the variables).

    TC = Σ H(X_i) − H(X); DTC = Σ H(X_−i) − (N−1) H(X); S = TC + DTC; Ω = TC − DTC; ∂_i Ω = Ω(X) − Ω(X_−i)
    (thesis C.1 to C.3).

    Raises:
      ValueError: for an unknown measure, or one that needs another number of variables.
    """
    n = len(names)
    everyone = tuple(range(n))
    if measure == "entropy":
        return [(1.0, everyone)]
    if measure.startswith(GRADIENT):
        name = measure.removeprefix(GRADIENT)
        if name not in names or n < 3:
            raise ValueError(f"{measure}: expected one of three or more variables, got {', '.join(names)}.")
        rest = tuple(j for j in everyone if j != names.index(name))
        inner = entropy_terms("o_information", [names[j] for j in rest])
        terms = entropy_terms("o_information", names)
        return terms + [(-w, tuple(rest[j] for j in subset)) for w, subset in inner]
    if measure not in MEASURES:
        raise ValueError(f"unknown measure {measure!r}; choose one of {', '.join(MEASURES)} or {GRADIENT}<variable>.")
    if n < 2 or (measure == "mutual_information" and n != 2):
        need = "exactly two variables" if measure == "mutual_information" else "at least two variables"
        raise ValueError(f"{measure} needs {need}, got {n}; total_correlation takes any number.")
    tc = [(1.0, (i,)) for i in everyone] + [(-1.0, everyone)]
    dtc = [(1.0, tuple(j for j in everyone if j != i)) for i in everyone] + [(1.0 - n, everyone)]
    return {
        "mutual_information": tc,
        "total_correlation": tc,
        "dual_total_correlation": dtc,
        "s_information": tc + dtc,
        "o_information": tc + [(-w, subset) for w, subset in dtc],
    }[measure]


def entropy_bias(d: int, n: int) -> float:
    """Bias in nats of the plug-in entropy ``½ ln det(2πe S)`` of a d-dimensional Gaussian from n rows.

    ``½ [Σ_{j=1..d} ψ((n − j)/2) + d ln(2/(n − 1))]`` for S with divisor n − 1 (Misra, Singh and Demchuk 2005).
    """
    return 0.5 * float(digamma((n - np.arange(1, d + 1)) / 2.0).sum() + d * math.log(2.0 / (n - 1)))


def _check_covariance(x: np.ndarray, owners: Sequence[str]) -> np.ndarray:
    """The covariance ``[D, D]`` of rows ``[n, D]``, refused when constant or singular; ``owners`` names the columns."""
    n, d = x.shape
    if n < d + 2:
        raise ValueError(f"expected more rows than coordinates, got {n} rows of {d}; use more rows or fewer variables.")
    scale = x.std(axis=0)
    flat = sorted({owners[int(j)] for j in np.flatnonzero(scale <= 1e-12 * np.maximum(1.0, np.abs(x).max(axis=0)))})
    if flat:
        raise ValueError(f"expected coordinates that vary, got a constant one in {', '.join(flat)}; drop it.")
    cov = np.cov(x, rowvar=False).reshape(d, d)
    if np.linalg.eigvalsh(cov / np.outer(scale, scale))[0] < 1e-12:
        raise ValueError(
            f"expected a regular covariance, got a singular one among {', '.join(dict.fromkeys(owners))}: some "
            "coordinate is a function of others and the information is infinite; drop it or add noise."
        )
    return cov


def _surprise(x: np.ndarray, cov: np.ndarray) -> np.ndarray:
    """``−ln N(x; 0, cov)`` of centred rows: ``[n, d] -> [n]``."""
    chol = np.linalg.cholesky(cov)
    white = solve_triangular(chol, x.T, lower=True)
    return 0.5 * (white**2).sum(axis=0) + np.log(np.diag(chol)).sum() + 0.5 * len(chol) * math.log(2.0 * math.pi)


def copula_measures(
    vs: Mapping[str, np.ndarray], measures: Sequence[str], discrete: Sequence[str] = ()
) -> dict[str, Estimate]:
    """Gaussian-copula values of measures, in nats, with the digamma bias correction of Gaussian entropies.

    Each measure is a signed sum of entropies ``½ ln det(2πe S)`` of the normal scores (for MI: Ince et al. 2017,
    doi 10.1002/hbm.23471); "entropy" takes the raw coordinates, since a rank transform would lose it.  With one
    discrete variable, mutual information is that of a Gaussian per class (:func:`class_conditional_mi`).  Ranks add
    a little noise to each score, so strong dependence among few rows reads low.

    ``stderr`` is the row spread of the pointwise log-densities / √n, plus in quadrature √(½ Σ_{i<j} d_i d_j) / n, the
    spread left at independence, where the pointwise values vanish.

    Args:
      vs: name -> array ``[n]`` or ``[n, d]``, paired rows.
      measures: of :data:`MEASURES`, or ``o_information_gradient:<variable>``.
      discrete: names of variables that hold a class (a label column or one-hot codes).

    Returns:
      Dict measure -> Estimate in nats, pointwise values in ``per_sample``.

    Raises:
      ValueError: for bad shapes, constant or singular data, too few rows, an unknown measure.
    """
    vs = as_variables(vs)
    names = tuple(vs)
    check_discrete(names, measures, discrete)
    if discrete:
        x, label = (vs[next(v for v in names if (v in discrete) == wanted)] for wanted in (False, True))
        return {m: class_conditional_mi(x, label) for m in measures}
    sizes = [v.shape[1] for v in vs.values()]
    owners = [name for name, d in zip(names, sizes) for _ in range(d)]
    n, pairs = len(vs[names[0]]), (sum(sizes) ** 2 - sum(d * d for d in sizes)) / 2
    raw = np.concatenate(list(vs.values()), axis=1)
    prepared, seen, out = {}, {}, {}
    for measure in measures:
        kind = "raw" if measure == "entropy" else "scores"
        if kind not in prepared:
            x = raw if kind == "raw" else normal_scores(raw)
            prepared[kind] = x - x.mean(axis=0), _check_covariance(x, owners)
        x, cov = prepared[kind]
        value, rows = 0.0, np.zeros(n)
        for weight, subset in entropy_terms(measure, names):
            at = np.flatnonzero(np.isin(np.repeat(np.arange(len(sizes)), sizes), subset))
            if (kind, subset) not in seen:
                surprise = _surprise(x[:, at], cov[np.ix_(at, at)])
                # S has divisor n − 1 while the rows are averaged over n: hence d/2n from mean surprise to entropy.
                entropy = surprise.mean() + 0.5 * len(at) / n - entropy_bias(len(at), n)
                seen[kind, subset] = entropy, surprise
            value += weight * seen[kind, subset][0]
            rows += weight * seen[kind, subset][1]
        floor = 0.0 if measure == "entropy" else math.sqrt(pairs / 2.0) / n
        stderr = math.hypot(rows.std(ddof=1) / math.sqrt(n), floor)
        out[measure] = Estimate(value, stderr, rows - rows.mean() + value, name=measure, diagnostics={"rows": n})
    return out


def check_discrete(names: Sequence[str], measures: Sequence[str], discrete: Sequence[str]) -> None:
    """Refuse every use of a class but MI between it and one continuous variable, the only one defined here.

    Raises:
      ValueError: for unknown names, other measures or other numbers of variables.
    """
    unknown = [d for d in discrete if d not in names]
    if unknown:
        raise ValueError(f"discrete variables {unknown} are not among {', '.join(names)}.")
    if discrete and (len(names), len(discrete)) != (2, 1) or discrete and set(measures) != {"mutual_information"}:
        raise ValueError(
            f"expected mutual_information of one continuous and one discrete variable, got {', '.join(measures)} of "
            f"{', '.join(names)} with discrete {', '.join(discrete)}; leave discrete variables out."
        )


def class_conditional_mi(x: np.ndarray, labels: np.ndarray) -> Estimate:
    """MI between x and a class, one Gaussian per class: ``mean_i ln p(x_i|c_i) − ln Σ_c π_c p(x_i|c)``, nats.

    Args:
      x: array ``[n]`` or ``[n, d]``.
      labels: array ``[n]`` or ``[n, m]``; equal rows are one class.

    Returns:
      Estimate; ``stderr`` from the row spread, plus √(dof/2) / n for the dof the classes do not share.  Not
      bias-corrected: at independence it reads about dof / 2n too high.

    Raises:
      ValueError: when there is one class only, or a class has too few rows or a singular covariance.
    """
    vs = as_variables({"x": x, "labels": labels})
    x = vs["x"]
    classes, at, counts = np.unique(vs["labels"], axis=0, return_inverse=True, return_counts=True)
    at = at.reshape(-1)
    n, d = x.shape
    if len(classes) < 2 or counts.min() < d + 2:
        raise ValueError(
            f"expected at least two classes of at least {d + 2} rows, got {len(classes)} with {counts.min()} rows in "
            "the smallest; merge or drop rare classes."
        )
    logs = np.empty((n, len(classes)))
    for c in range(len(classes)):
        rows = x[at == c]
        cov = _check_covariance(rows, ["x"] * d)
        logs[:, c] = -_surprise(x - rows.mean(axis=0), cov)
    gap = logs[np.arange(n), at] - logsumexp(logs, axis=1, b=counts / n)
    dof = (len(classes) - 1) * (d + d * (d + 1) / 2)
    stderr = math.hypot(gap.std(ddof=1) / math.sqrt(n), math.sqrt(dof / 2.0) / n)
    return Estimate(float(gap.mean()), stderr, gap, name="mutual_information", diagnostics={"rows": n})


def copula_estimator(measure: str, discrete: Sequence[str] = ()) -> Estimator:
    """The baseline as ``types.Estimator``: nothing to train, ``estimate(state, data)`` reads the dict ``data``."""
    return Estimator(
        init=lambda key, data: (),
        update=lambda state, data: state,
        estimate=lambda state, data: copula_measures(data, (measure,), discrete)[measure],
    )
