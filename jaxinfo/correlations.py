"""Canonical correlations: what of each variable, and which others, a network around a Gaussian looks at first."""

from __future__ import annotations

import numpy as np

from jaxinfo.blocks import Blocks

NO_RELEVANCE = 0.02  # canonical correlations below it look alike to :func:`relevance`
NO_CORRELATION = 0.15  # canonical correlations below it look alike to :func:`focus`


def looks(blocks: Blocks, cov: np.ndarray, weigh: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """:func:`focus` ``[D, D]`` and :func:`relevance` ``[N, N]`` of a covariance ``[D, D]``.

    Without ``weigh``, for networks that weigh no variables, all are equally relevant, which costs nothing.
    """
    n = blocks.num_variables
    return focus(blocks, cov), relevance(blocks, cov) if weigh else np.ones((n, n))


def focus(blocks: Blocks, cov: np.ndarray) -> np.ndarray:
    """Block-diagonal ``[D, D]`` map that shrinks, within each variable, what the other variables say little about.

    With S the covariance of variable i and rho_k, u_k its canonical correlations and directions with all others,
    S^(1/2) U diag(g) Uᵀ S^(-1/2), g_k² = (rho_k² + c) / (max rho² + c), c = NO_CORRELATION².  Variables of one coordinate,
    and those whose coordinates all say equally much, stay as they are.
    """
    out = np.eye(blocks.dim)
    for i, here in enumerate(blocks.slices):
        rest = np.flatnonzero(np.asarray(blocks.owner) != i)
        if blocks.sizes[i] == 1 or not rest.size:
            continue
        cross = cov[here][:, rest]
        explained = cross @ np.linalg.lstsq(cov[np.ix_(rest, rest)], cross.T, rcond=1e-12)[0]
        vectors, root = _principal(cov[here, here])
        white = vectors / root
        rho2, u = np.linalg.eigh(white.T @ explained @ white)
        rho2 = np.clip(rho2, 0.0, 1.0) + NO_CORRELATION**2
        gain = u * (np.sqrt(rho2 / rho2.max()) - 1.0) @ u.T
        out[here, here] += (vectors * root) @ gain @ white.T
    return out


def relevance(blocks: Blocks, cov: np.ndarray) -> np.ndarray:
    """How much each variable (row) says of each other one (column), relative to what the loudest does: ``[N, N]``.

    With rho_ji the largest canonical correlation of variables j and i, sqrt((rho_ji² + c²) / (max_k rho_ki² + c²)),
    c = NO_RELEVANCE; the diagonal is 1.  Where no pair is correlated all are 1.
    """
    n = blocks.num_variables
    roots = np.zeros((n, blocks.dim, max(blocks.sizes)))  # S_i^(-1/2), in the coordinates of variable i
    for i, here in enumerate(blocks.slices):
        vectors, root = _principal(cov[here, here])
        roots[i, here, : root.size] = vectors / root
    rho2 = np.zeros((n, n))
    for i in range(1, n):
        cross = np.einsum("jdv,dw->jvw", roots[:i], cov @ roots[i], optimize=True)
        rho2[:i, i] = rho2[i, :i] = np.clip(np.linalg.norm(cross, 2, axis=(-2, -1)) ** 2, 0.0, 1.0)
    found = np.sqrt((rho2 + NO_RELEVANCE**2) / (rho2.max(0) + NO_RELEVANCE**2))
    np.fill_diagonal(found, 1.0)
    return found


def _principal(cov: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Principal directions ``[d, k]`` and standard deviations ``[k]`` of a covariance ``[d, d]``, those without any left out:
    one-hot codes of a discrete variable are dependent."""
    values, vectors = np.linalg.eigh(cov)
    sound = values > 1e-9 * max(values.max(), 1e-300)
    return vectors[:, sound], np.sqrt(values[sound])
