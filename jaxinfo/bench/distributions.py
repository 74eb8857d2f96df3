"""Laws with an exact information: samplers ``(rng, n, …) -> [n, d]`` and the formula or quadrature beside each."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.special import digamma, gammaln, logsumexp, ndtr, ndtri

LOG_2PI = math.log(2.0 * math.pi)


def _cholesky(cov: np.ndarray, name: str) -> np.ndarray:
    """The Cholesky factor of a covariance given by a user."""
    cov = np.asarray(cov, float)
    if cov.ndim != 2 or cov.shape[0] != cov.shape[1] or not np.allclose(cov, cov.T):
        raise ValueError(f"{name}: expected a symmetric matrix [D, D], got shape {cov.shape}; pass a covariance.")
    try:
        return np.linalg.cholesky(cov)
    except np.linalg.LinAlgError:
        raise ValueError(f"{name}: expected a positive definite covariance, got one that is not; lower ρ.") from None


# --- Gaussians -------------------------------------------------------------------------------------------------------


def bivariate_cov(rho: float) -> np.ndarray:
    """``[[1, ρ], [ρ, 1]]``, the covariance ``[2, 2]`` of two standard normals (arXiv 2306.11078)."""
    return np.array([[1.0, rho], [rho, 1.0]])


def dense_cov(dim_x: int, dim_y: int, rho: float = 0.5) -> np.ndarray:
    """Unit variances and correlation ρ between all coordinates, ``[dim_x + dim_y] * 2`` (arXiv 2306.11078)."""
    d = dim_x + dim_y
    return (1.0 - rho) * np.eye(d) + rho


def sparse_cov(dim_x: int, dim_y: int, rho: float = 0.8, pairs: int = 2) -> np.ndarray:
    """The identity but for correlation ρ between X_i and Y_i, i < pairs; ``[dim_x + dim_y] * 2`` (arXiv 2306.11078).

    Raises:
      ValueError: when there are fewer than ``pairs`` coordinates on a side.
    """
    if pairs > min(dim_x, dim_y):
        raise ValueError(
            f"sparse_cov: {pairs} pairs need as many coordinates, got {dim_x} and {dim_y}; raise the dims."
        )
    cov = np.eye(dim_x + dim_y)
    for i in range(pairs):
        cov[i, dim_x + i] = cov[dim_x + i, i] = rho
    return cov


def sample_normal(rng: np.random.Generator, n: int, cov: np.ndarray) -> np.ndarray:
    """``n`` rows of N(0, cov): ``cov [D, D] -> [n, D]``.

    Raises:
      ValueError: when cov is no covariance.
    """
    chol = _cholesky(cov, "sample_normal")
    return rng.standard_normal((n, len(chol))) @ chol.T


def gaussian_entropy(cov: np.ndarray) -> float:
    """``½ ln det(2πe Σ)``, nats; ``cov [D, D]`` (thesis C.9).

    Raises:
      ValueError: when cov is no covariance.
    """
    chol = _cholesky(cov, "gaussian_entropy")
    return 0.5 * len(chol) * (1.0 + LOG_2PI) + float(np.log(np.diag(chol)).sum())


def gaussian_mi(cov: np.ndarray, dim_x: int) -> float:
    """``½ ln(det Σ_x det Σ_y / det Σ)``, nats, between the first ``dim_x`` coordinates and the others; ``cov [D, D]``.

    Raises:
      ValueError: when cov is no covariance or one side is empty.
    """
    if not 0 < dim_x < len(cov):
        raise ValueError(f"gaussian_mi: dim_x must lie strictly between 0 and {len(cov)}, got {dim_x}.")
    cov = np.asarray(cov, float)
    return gaussian_entropy(cov[:dim_x, :dim_x]) + gaussian_entropy(cov[dim_x:, dim_x:]) - gaussian_entropy(cov)


def rho_for_mi(mi: float, pairs: int = 1) -> float:
    """The correlation that gives ``pairs`` independent scalar pairs a joint MI: ``ρ = sqrt(1 − exp(−2 I / pairs))``.

    Args:
      mi: wanted truth, nats, at least 0.
      pairs: number of pairs that share it.

    Raises:
      ValueError: when mi is negative.
    """
    if mi < 0:
        raise ValueError(f"rho_for_mi: a mutual information is at least 0, got {mi}.")
    return math.sqrt(-math.expm1(-2.0 * mi / pairs))


def gaussian_kl(mean_p: np.ndarray, cov_p: np.ndarray, mean_q: np.ndarray, cov_q: np.ndarray) -> float:
    """``½ [tr(Σ_q⁻¹ Σ_p) + (μ_p−μ_q)ᵀ Σ_q⁻¹ (μ_p−μ_q) − D + ln(det Σ_q / det Σ_p)]``, the KL of two normals in nats.

    Means ``[D]``, covariances ``[D, D]``.

    Raises:
      ValueError: when a matrix is no covariance.
    """
    chol_p, chol_q = _cholesky(cov_p, "gaussian_kl"), _cholesky(cov_q, "gaussian_kl")
    ratio = np.linalg.solve(chol_q, chol_p)
    shift = np.linalg.solve(chol_q, np.asarray(mean_p, float) - np.asarray(mean_q, float))
    log_det = 2.0 * (np.log(np.diag(chol_q)).sum() - np.log(np.diag(chol_p)).sum())
    return float(0.5 * ((ratio**2).sum() + (shift**2).sum() - len(chol_p) + log_det))


# --- Student-t -------------------------------------------------------------------------------------------------------


def sample_student(rng: np.random.Generator, n: int, dispersion: np.ndarray, dof: float) -> np.ndarray:
    """``n`` rows of a multivariate Student-t: N(0, dispersion) / sqrt(χ²_dof / dof), one χ² per row.

    Args:
      rng: source of randomness.
      n: rows.
      dispersion: array ``[D, D]``.
      dof: degrees of freedom, above 0.

    Returns:
      Array ``[n, D]``.
    """
    scale = np.sqrt(rng.chisquare(dof, size=(n, 1)) / dof)
    return sample_normal(rng, n, dispersion) / scale


def student_mi(dim_x: int, dim_y: int, dof: float, dispersion: np.ndarray | None = None) -> float:
    """MI of a Student-t, nats: ``f(ν) + f(ν+m+n) − f(ν+m) − f(ν+n)`` plus the Gaussian term of the dispersion.

    ``f(z) = ln Γ(z/2) − (z/2) ψ(z/2)``; the common χ² makes it positive even for the identity (arXiv 2306.11078).

    Args:
      dim_x: m.
      dim_y: n.
      dof: ν, above 0.
      dispersion: array ``[m + n, m + n]``; the identity when left out.

    Raises:
      ValueError: when dof is not positive.
    """
    if dof <= 0:
        raise ValueError(f"student_mi: dof must be above 0, got {dof}.")
    f = lambda z: float(gammaln(z / 2.0) - z / 2.0 * digamma(z / 2.0))
    tail = f(dof) + f(dof + dim_x + dim_y) - f(dof + dim_x) - f(dof + dim_y)
    return tail + (0.0 if dispersion is None else gaussian_mi(dispersion, dim_x))


# --- uniform plus noise, bimodal -------------------------------------------------------------------------------------


def sample_additive(rng: np.random.Generator, n: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """``X ~ U(0, 1)``, ``Y = X + U(−noise, noise)``; two arrays ``[n, 1]`` (arXiv 2306.11078)."""
    x = rng.uniform(0.0, 1.0, (n, 1))
    return x, x + rng.uniform(-noise, noise, (n, 1))


def additive_mi(noise: float) -> float:
    """MI of :func:`sample_additive`, nats: ``e − ln(2e)`` up to e = ½, ``1 / (4e)`` above (arXiv 2306.11078).

    Raises:
      ValueError: when the noise is not positive (the MI would be infinite).
    """
    if noise <= 0:
        raise ValueError(f"additive_mi: noise must be above 0, got {noise}.")
    return noise - math.log(2.0 * noise) if noise <= 0.5 else 0.25 / noise


def mixture_quantile(u: np.ndarray, weights: np.ndarray, means: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """The quantile function of a mixture of 1-D Gaussians, by bisection.

    Args:
      u: array of any shape, in (0, 1).
      weights: array ``[K]``, sums to 1.
      means: array ``[K]``.
      scales: array ``[K]``, standard deviations.

    Returns:
      Array of the shape of u.
    """
    weights, means, scales = (np.asarray(a, float) for a in (weights, means, scales))
    # A quantile of a mixture lies between those of its components: an exact bracket, so bisection cannot fail.
    each = means + scales * ndtri(u)[..., None]
    low, high = each.min(-1), each.max(-1)
    for _ in range(50):  # halves a bracket of a few units 50 times: below the spacing of doubles
        mid = 0.5 * (low + high)
        below = (weights * ndtr((mid[..., None] - means) / scales)).sum(-1) < u
        low, high = np.where(below, mid, low), np.where(below, high, mid)
    return 0.5 * (low + high)


def sample_bimodal(rng: np.random.Generator, n: int, rho: float) -> tuple[np.ndarray, np.ndarray]:
    """A bivariate normal whose margins are turned into .3 N(0,1) + .7 N(5,1) and .5 N(−1,1) + .5 N(3,1).

    Returns two arrays ``[n, 1]``; the MI is that of the bivariate normal (arXiv 2306.11078).
    """
    u = ndtr(sample_normal(rng, n, bivariate_cov(rho)))
    x = mixture_quantile(u[:, :1], np.array([0.3, 0.7]), np.array([0.0, 5.0]), np.ones(2))
    y = mixture_quantile(u[:, 1:], np.array([0.5, 0.5]), np.array([-1.0, 3.0]), np.ones(2))
    return x, y


# --- Gaussian mixtures -----------------------------------------------------------------------------------------------


class Mixture(NamedTuple):
    """A Gaussian mixture: ``weights [K]``, ``means [K, d]``, ``covs [K, d, d]``."""

    weights: np.ndarray
    means: np.ndarray
    covs: np.ndarray


def mixture(weights, means, covs) -> Mixture:
    """A checked :class:`Mixture` of float64 arrays from anything array-like of the shapes named there.

    Raises:
      ValueError: when shapes disagree, weights are no probabilities or a matrix is no covariance.
    """
    mix = Mixture(*(np.asarray(a, float) for a in (weights, means, covs)))
    k, d = mix.means.shape
    if mix.weights.shape != (k,) or mix.covs.shape != (k, d, d):
        raise ValueError(
            f"mixture: {k} means in {d} dimensions need weights [{k}] and covs [{k}, {d}, {d}], got "
            f"{mix.weights.shape} and {mix.covs.shape}."
        )
    if np.any(mix.weights <= 0) or abs(mix.weights.sum() - 1.0) > 1e-12:
        raise ValueError(f"mixture: weights must be positive and sum to 1, got {mix.weights}.")
    for cov in mix.covs:
        _cholesky(cov, "mixture")
    return mix


def sample_mixture(rng: np.random.Generator, n: int, mix: Mixture) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a mixture and the component each came from: ``[n, d]`` float, ``[n]`` int."""
    label = rng.choice(len(mix.weights), size=n, p=mix.weights)
    chol = np.linalg.cholesky(mix.covs)
    z = rng.standard_normal((n, mix.means.shape[1]))
    return mix.means[label] + np.einsum("nij,nj->ni", chol[label], z), label


def mixture_log_densities(x: np.ndarray, mix: Mixture) -> np.ndarray:
    """``ln N(x; μ_k, Σ_k)`` of every component: ``x [n, d] -> [n, K]``."""
    out = np.empty((len(x), len(mix.weights)))
    for k, (mean, cov) in enumerate(zip(mix.means, mix.covs)):
        chol = np.linalg.cholesky(cov)
        white = np.linalg.solve(chol, (x - mean).T)
        out[:, k] = -0.5 * (white**2).sum(0) - np.log(np.diag(chol)).sum() - 0.5 * len(mean) * LOG_2PI
    return out


def mixture_log_density(x: np.ndarray, mix: Mixture) -> np.ndarray:
    """``ln Σ_k π_k N(x; μ_k, Σ_k)``: ``x [n, d] -> [n]``."""
    return logsumexp(mixture_log_densities(x, mix), axis=1, b=mix.weights)


def normal_rule(d: int, step: float = 0.2, reach: float = 8.5) -> tuple[np.ndarray, np.ndarray]:
    """Nodes ``[m, d]`` and weights ``[m]`` for means under N(0, I_d): the trapezoidal rule on a square grid.

    For a smooth integrand its error falls like exp(−2π a / step), a the distance of the nearest complex singularity
    (Trefethen and Weideman, 2014).  On the mixtures of the registry step .2 gives eleven digits and Gauss–Hermite nodes
    of about the same number six.  ``reach`` leaves out a mass below 1e−16.
    """
    line = np.arange(-math.ceil(reach / step), math.ceil(reach / step) + 1) * step
    mass = np.exp(-0.5 * line**2)
    nodes = np.stack([g.ravel() for g in np.meshgrid(*[line] * d, indexing="ij")], axis=-1)
    weights = np.prod(np.stack(np.meshgrid(*[mass / mass.sum()] * d, indexing="ij"), axis=-1), axis=-1).ravel()
    keep = weights > 1e-18 * weights.max()  # the corners of the cube: most of the nodes, none of the mass
    return nodes[keep], weights[keep]


def _component_means(mix: Mixture, f, step: float) -> np.ndarray:
    """``E f(x)`` under each component, ``[K]``; f maps ``([n, d], k) -> [n]``."""
    nodes, weights = normal_rule(mix.means.shape[1], step)
    places = (mean + nodes @ np.linalg.cholesky(cov).T for mean, cov in zip(mix.means, mix.covs))
    return np.array([weights @ f(x, k) for k, x in enumerate(places)])


def mixture_entropy(mix: Mixture, step: float = 0.2) -> float:
    """Differential entropy ``−E ln p(x)`` of a mixture, nats, by quadrature per component (:func:`normal_rule`)."""
    return -float(mix.weights @ _component_means(mix, lambda x, k: mixture_log_density(x, mix), step))


def mixture_kl(p: Mixture, q: Mixture, step: float = 0.2) -> float:
    """``KL(p‖q) = E_p [ln p(x) − ln q(x)]`` of two mixtures, nats, by quadrature per component of p."""
    gap = lambda x, k: mixture_log_density(x, p) - mixture_log_density(x, q)
    return float(p.weights @ _component_means(p, gap, step))


def mixture_label_mi(mix: Mixture, step: float = 0.2) -> float:
    """``I(X; C) = Σ_k π_k E_k [ln p(x|k) − ln p(x)]`` between a row and its component, nats, by quadrature."""
    gap = lambda x, k: mixture_log_densities(x, mix)[:, k] - mixture_log_density(x, mix)
    return float(mix.weights @ _component_means(mix, gap, step))
