"""Systems of many variables with known total correlation, dual total correlation, O-information and its gradient.

A system is a covariance between N scalars; a variable of dimension d is d independent copies of its scalar, so that
every information is d times the scalar one.  A transform of each variable by itself changes the data, not the truth.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from scipy.linalg import block_diag

from jaxinfo.bench.distributions import LOG_2PI, sample_normal

# --- covariances -----------------------------------------------------------------------------------------------------


def redundant_cov(size: int, rho: float) -> np.ndarray:
    """Redundant group ``[size, size]``: unit variances, correlation ρ between all, ρ = 1/(1+σ²) (thesis C.6).

    Raises:
      ValueError: when ρ is outside [0, 1).
    """
    if not 0.0 <= rho < 1.0:
        raise ValueError(f"redundant_cov: rho must lie in [0, 1), got {rho}.")
    return (1.0 - rho) * np.eye(size) + rho


def synergistic_cov(size: int, rho: float) -> np.ndarray:
    """Synergistic group ``[size, size]``: X2 = X1 + S_1 + … made of parts the others see one each (thesis C.7).

    Unit variances; correlation 1/√(g−1) between X1 and X2 and ρ/√(g−1) between X2 and each later one, else 0, where g
    is the size of the *group* and ρ = 1/√(1+σ²).

    Raises:
      ValueError: when the group has fewer than 3 variables or ρ is outside [0, 1).
    """
    if size < 3:
        raise ValueError(f"synergistic_cov: synergy needs a group of at least 3 variables, got {size}.")
    if not 0.0 <= rho < 1.0:
        raise ValueError(f"synergistic_cov: rho must lie in [0, 1), got {rho}.")
    cov = np.eye(size)
    cov[0, 1] = cov[1, 0] = 1.0 / math.sqrt(size - 1)
    cov[1, 2:] = cov[2:, 1] = rho / math.sqrt(size - 1)
    return cov


def groups_cov(
    redundant: Sequence[tuple[int, float]] = (), synergistic: Sequence[tuple[int, float]] = ()
) -> np.ndarray:
    """Independent groups side by side, redundant ones first (thesis C.3, mixed benchmark).

    Args:
      redundant: pairs (size, ρ), see :func:`redundant_cov`.
      synergistic: pairs (size, ρ), see :func:`synergistic_cov`.

    Returns:
      Array ``[N, N]``.
    """
    return block_diag(*(redundant_cov(*g) for g in redundant), *(synergistic_cov(*g) for g in synergistic))


def triples_cov(num_variables: int, noise: float = 0.5) -> np.ndarray:
    """Triples (R + σe1, R + σe2, R + σe3) and (A, A + S, S + σe) in turn, standardised, independent; ``[N, N]``.

    R, A, S, e are standard normal.  The one or two variables left over when N is no multiple of 3 are independent of
    everything: they change no truth.  Six variables at σ = ½: Ω = .802 − ln 3 = −.297 nats in two copies.

    Args:
      num_variables: N, at least 3.
      noise: σ.

    Raises:
      ValueError: when there are fewer than 3 variables.
    """
    if num_variables < 3:
        raise ValueError(f"triples_cov: a triple needs 3 variables, got {num_variables}.")
    rho = 1.0 / (1.0 + noise**2)
    kinds = (redundant_cov(3, rho), synergistic_cov(3, math.sqrt(rho)))
    triples = [kinds[i % 2] for i in range(num_variables // 3)]
    return block_diag(*triples, *np.ones(num_variables % 3))


# --- exact measures --------------------------------------------------------------------------------------------------


def variable_names(n: int) -> tuple[str, ...]:
    """``("x1", …, "xn")``, the names all systems use."""
    return tuple(f"x{i + 1}" for i in range(n))


def gaussian_measures(
    cov: np.ndarray, sizes: Sequence[int] | None = None, names: Sequence[str] | None = None
) -> dict[str, float]:
    """Every measure of a Gaussian system from its entropies, nats.

    TC = Σ H(X_i) − H(X); S = Σ H(X_i) + H(X_−i) − H(X); DTC = S − TC; Ω = TC − DTC; ∂_i Ω = Ω(X) − Ω(X_−i) (thesis C.1,
    C.9, C.11).  H(X_−i) − H(X) and H(X_−ij) − H(X) are log-determinants of blocks of the precision matrix, which keeps
    N = 100 variables a matter of milliseconds.

    Args:
      cov: array ``[D, D]``.
      sizes: dimension of each of the N variables, summing to D; all 1 when left out.
      names: one name per variable, for the keys of the gradient; ``x1 … xN`` when left out.

    Returns:
      Dict with keys "entropy", "total_correlation", "dual_total_correlation", "s_information", "o_information",
      "mutual_information" for two variables, "o_information_gradient:<name>" for three or more.

    Raises:
      ValueError: when sizes or names do not fit, or cov is not positive definite.
    """
    cov = np.asarray(cov, float)
    sizes = (1,) * len(cov) if sizes is None else tuple(sizes)
    n = len(sizes)
    names = variable_names(n) if names is None else tuple(names)
    if sum(sizes) != len(cov) or n < 2 or len(names) != n:
        raise ValueError(
            f"gaussian_measures: expected at least two sizes that sum to {len(cov)} and as many names, got {sizes}, "
            f"{names}."
        )
    if np.linalg.eigvalsh(cov)[0] <= 0:
        raise ValueError("gaussian_measures: expected a positive definite covariance, got one that is not.")
    half_log_det = lambda m: 0.5 * np.linalg.slogdet(m)[1]
    precision = np.linalg.inv(cov)
    ends = np.cumsum(sizes)
    at = [np.arange(e - d, e) for e, d in zip(ends, sizes)]
    block = lambda m, i: m[np.ix_(i, i)]
    joint = half_log_det(cov)
    alone = np.array([half_log_det(block(cov, i)) for i in at])
    without = np.array([half_log_det(block(precision, i)) for i in at])  # H(X_−i) − H(X), up to the 2πe term
    tc, s = alone.sum() - joint, (alone + without).sum()
    out = {
        "entropy": joint + 0.5 * len(cov) * (1.0 + LOG_2PI),
        "total_correlation": tc,
        "dual_total_correlation": s - tc,
        "s_information": s,
        "o_information": 2.0 * tc - s,
    }
    if n == 2:
        out["mutual_information"] = tc
    for i in range(n if n > 2 else 0):
        rest = [j for j in range(n) if j != i]
        pairs = np.array([half_log_det(block(precision, np.concatenate([at[i], at[j]]))) for j in rest])
        tc_rest = alone[rest].sum() - joint - without[i]
        s_rest = (alone[rest] + pairs - without[i]).sum()
        out[f"o_information_gradient:{names[i]}"] = 2.0 * tc - s - (2.0 * tc_rest - s_rest)
    return {key: float(value) for key, value in out.items()}


# --- samplers --------------------------------------------------------------------------------------------------------


def sample_system(
    rng: np.random.Generator,
    n: int,
    cov: np.ndarray,
    dim: int = 1,
    transform: Callable[[np.ndarray], np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Rows of ``dim`` independent copies of N(0, cov), each variable then transformed by itself.

    Args:
      rng: source of randomness.
      n: rows.
      cov: array ``[N, N]`` between the scalars.
      dim: dimension d of every variable.
      transform: map ``[n, d] -> [n, d']`` of one variable.

    Returns:
      Dict ``x1 … xN`` of arrays ``[n, d']``.
    """
    x = sample_normal(rng, n * dim, cov).reshape(n, dim, len(cov))
    keep = transform or (lambda v: v)
    return {name: keep(np.ascontiguousarray(x[:, :, i])) for i, name in enumerate(variable_names(len(cov)))}


def sample_sign_xor(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    """Three standard normals ``s|a|, t|b|, st|c|``: pairwise independent, the three signs multiply to one.

    Returns a dict ``x1, x2, x3`` of arrays ``[n, 1]``; see :func:`sign_xor_measures`.
    """
    size = np.abs(rng.standard_normal((n, 3)))
    s, t = rng.choice([-1.0, 1.0], size=(2, n))
    x = size * np.stack([s, t, s * t], axis=1)
    return {name: x[:, i : i + 1] for i, name in enumerate(variable_names(3))}


def sign_xor_measures() -> dict[str, float]:
    """TC = ln 2, DTC = 2 ln 2, S = 3 ln 2, Ω = ∂_i Ω = −ln 2, nats: one bit, seen only by the three together."""
    bit = math.log(2.0)
    return {
        "total_correlation": bit,
        "dual_total_correlation": 2.0 * bit,
        "s_information": 3.0 * bit,
        "o_information": -bit,
        **{f"o_information_gradient:{name}": -bit for name in variable_names(3)},
    }
