"""Canonical correlations: what of each variable, and which others, a network around a Gaussian looks at first."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from jaxinfo.blocks import Blocks, standard_radius

NO_RELEVANCE = 0.02  # canonical correlations below it look alike to :func:`relevance`
NO_CORRELATION = 0.15  # canonical correlations below it look alike to :func:`focus`
CHANCE = 4.0  # by how much the largest singular value of chance may exceed its mean, in units of one entry
RIDGE = 1e-6  # of products that depend linearly on others


def focus(blocks: Blocks, cov: np.ndarray, bends: np.ndarray | None = None) -> np.ndarray:
    """Block-diagonal ``[D, D]`` map that shrinks, within each variable, what the other variables say little about.

    With S the covariance of variable i and rho_k, u_k its canonical correlations and directions with all others,
    S^(1/2) U diag(g) Uᵀ S^(-1/2), g_k² = (rho_k² + c) / (max rho² + c), c = NO_CORRELATION².  Variables of one coordinate,
    and those whose coordinates all say equally much, stay as they are.

    What is correlated stands in for what is left to learn where nothing tells of that.  Where the :func:`bends` B do, they
    count by the share w = s / (s + c), s the largest eigenvalue of S^(1/2) B S^(1/2), and the canonical correlations, of
    which the Gaussian knows, by 1 - w: rho_k² and u_k are then of w S^(1/2) B S^(1/2) / s + (1 - w) R / max rho², R the matrix
    that has the squared canonical correlations.
    """
    out = np.eye(blocks.dim)
    for i, here in enumerate(blocks.slices):
        rest = np.flatnonzero(np.asarray(blocks.owner) != i)
        if blocks.sizes[i] == 1 or not rest.size:
            continue
        cross = cov[here][:, rest]
        explained = cross @ np.linalg.lstsq(cov[np.ix_(rest, rest)], cross.T, rcond=1e-12)[0]
        vectors, root = _principal(cov[here, here])
        white, back = vectors / root, vectors * root
        told = white.T @ explained @ white
        if bends is not None and bends[here, here].any():
            bent = back.T @ bends[here, here] @ back
            s, most = (max(float(np.linalg.eigvalsh(m)[-1]), 1e-12) for m in (bent, told))
            w = s / (s + NO_CORRELATION**2)
            told = w * bent / s + (1.0 - w) * told / most
        rho2, u = np.linalg.eigh(told)
        rho2 = np.clip(rho2, 0.0, 1.0) + NO_CORRELATION**2
        gain = u * (np.sqrt(rho2 / rho2.max()) - 1.0) @ u.T
        out[here, here] += back @ gain @ white.T
    return out


def bends(blocks: Blocks, x: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Which projections of each variable others tell of beyond what a Gaussian knows: block-diagonal ``[D, D]``.

    Variables that bend with the distance from their centre are linear in p = r x, :func:`~jaxinfo.blocks.standard_radius`
    times coordinates.  With e what the other variables leave of x_i, and q what x_i leaves of p_i, both by linear
    regression, two sets of partial canonical correlations: of e with the p of the others, and of q with their x.  Both are
    zero for Gaussians.  Of each square what chance may bring, (sqrt(d_i) + sqrt(D - d_i) + CHANCE)² / n, is taken away, and
    what stays, s_k for the projection l_kᵀ x_i of unit variance, is summed: B_i = sum_k s_k l_k l_kᵀ.

    Partial canonical correlations: Rao (Trabajos de Estadística 20, 1969); what chance brings to the largest of a matrix of
    noise, but for 2 exp(-CHANCE² / 2) of cases: Davidson and Szarek (2001).

    Args:
      blocks: packing.
      x: ``[n, D]`` rows.
      weights: ``[n]`` of rows.

    Returns:
      Zero where nothing bends, where all variables have one coordinate, and for fewer than four rows a regressor.
    """
    out, d = np.zeros((blocks.dim, blocks.dim)), blocks.dim
    w = np.full(len(x), 1.0 / len(x)) if weights is None else weights / weights.sum()
    rows = 1.0 / (w**2).sum()
    if max(blocks.sizes) == 1 or blocks.num_variables == 1 or rows < 8 * d:
        return out
    squares = np.stack([(x[:, s] ** 2).sum(1) for s in blocks.slices], 1)
    r = np.asarray(standard_radius(jnp.asarray(squares), np.asarray(blocks.sizes)), np.float64)
    turns = ~np.asarray(blocks.discrete)[blocks.owner]  # codes of a label have one length
    both = np.concatenate([x, np.where(turns, r[:, blocks.owner] * x, 0.0)], 1)
    both = both - w @ both
    cov = both.T @ (w[:, None] * both)
    cov += RIDGE * np.diag(np.where(np.diag(cov) > 0.0, np.diag(cov), 1.0))
    inverse, precision = np.linalg.inv(cov), np.linalg.inv(cov[:d, :d])
    after_x = cov[d:, d:] - cov[d:, :d] @ precision @ cov[:d, d:]  # what all of x leaves of the products
    for i, here in enumerate(blocks.slices):
        if blocks.sizes[i] == 1 or blocks.discrete[i]:
            continue
        own, products = np.arange(d)[here], d + np.arange(d)[here]
        pair = np.concatenate([own, products])
        e = np.linalg.inv(precision[here, here])
        e_told = e - np.linalg.inv(inverse[np.ix_(pair, pair)])[: own.size, : own.size]
        cross = cov[np.ix_(products, own)]
        q = cov[np.ix_(products, products)] - cross @ np.linalg.solve(cov[here, here], cross.T)
        chance = (np.sqrt(own.size) + np.sqrt(d - own.size) + CHANCE) ** 2 / rows
        for left, told in ((e, e_told), (q, q - after_x[here, here])):
            vectors, root = _principal(left)
            values, u = np.linalg.eigh((vectors / root).T @ told @ (vectors / root))
            rows_of = (vectors / root) @ u  # projections [d_i, k]
            unit = np.einsum("dk,de,ek->k", rows_of, cov[here, here], rows_of)
            out[here, here] += rows_of * (np.clip(values - chance, 0.0, 1.0) / unit) @ rows_of.T
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
