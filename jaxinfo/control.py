"""What is known in closed form about the integrals of a plan: those of a Gaussian, and both ends of log-SNR.

The Gaussian's own gap and difference are a control variate with an exact mean; entropies against a reference need the
reference's cross entropy at the clean end and a divergence at the noisy one.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from jaxinfo import gaussian
from jaxinfo.blocks import Blocks
from jaxinfo.plan import Plan
from jaxinfo.sde import SDE
from jaxinfo.times import nodes_and_weights

CONTROL_NODES = 96


@dataclass(frozen=True)
class ControlForms:
    """E over the noise of the Gaussian's integrals, as quadratic forms of the row.

      ``gap(x) = cᵀ gap_form c + gap_constant`` with c = (x − mean, 1); forms ``[M, D + 1, D + 1]``, constants ``[M]``; the
      same for difference.  ``profile`` is ``[nodes, M]``, the fitted Gaussian's own integrand at ``logsnr [nodes]``,
    of rows that have its moments or those given.
    """

    gap_form: np.ndarray
    gap_constant: np.ndarray
    difference_form: np.ndarray
    difference_constant: np.ndarray
    mean: np.ndarray
    logsnr: np.ndarray
    profile: np.ndarray

    def rows(self, x0: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``(gap [M, B], difference [M, B])`` of the Gaussian for rows ``[B, D]``."""
        c = np.asarray(x0, np.float64) - self.mean
        c = np.concatenate([c, np.ones((c.shape[0], 1))], 1)
        quadratic = lambda form: np.einsum("mbd,bd->mb", np.einsum("bd,mde->mbe", c, form), c)
        return (
            quadratic(self.gap_form) + self.gap_constant[:, None],
            quadratic(self.difference_form) + self.difference_constant[:, None],
        )


def control_forms(
    p: Plan,
    blocks: Blocks,
    mean: np.ndarray,
    cov: np.ndarray,
    lo: float,
    hi: float,
    nodes: int = CONTROL_NODES,
    moments: np.ndarray | None = None,
) -> ControlForms:
    """Exact integrals over [lo, hi] of a Gaussian's gap and difference, conditional on the row.

    Every prediction is linear, eps_s = F_s c + K_s eps with c = (x − mean, 1), so E over eps of ‖eps − eps_s‖² is
    cᵀ FᵀF c + ‖I − K‖²; the last column of F serves what is not centred at the mean.  With these
    the mean of the control variate is taken under the evaluation rows' own moments: exactly unbiased.  The path drops
    out: the integrals depend on log-SNR only.

    Args:
      p: compiled measures.
      blocks: packing.
      mean: ``[D]`` of the Gaussian; ``[V, D]`` where views are of several laws, whose ``c`` then starts at the first.
      cov: ``[D, D]`` of the Gaussian, or ``[V, D, D]``.
      lo: noisy end of log-SNR.
      hi: clean end.
      nodes: Gauss-Legendre nodes.
      moments: ``[D + 1, D + 1]`` E c cᵀ of the rows that are read, for the profile; those of the Gaussian by default.
    """
    logsnr, quad = nodes_and_weights(nodes, lo, hi)
    alpha, sigma = np.sqrt(1 / (1 + np.exp(-logsnr))), np.sqrt(1 / (1 + np.exp(logsnr)))
    mean, cov = np.asarray(mean, np.float64), np.asarray(cov, np.float64)
    means = np.broadcast_to(mean, (len(p.views), blocks.dim))
    centre = means[0]
    d, m = blocks.dim, len(p.names)
    if moments is None:
        moments = np.pad(gaussian.of_view(cov, 0), (0, 1))
        moments[d, d] = 1.0
    linear, noise = [], []  # per source: maps i -> F [nodes, d_i, D + 1], K [nodes, d_i, D]
    wanted: dict[int, set[int]] = {}
    for i, s_p, s_q in p.pairs:
        wanted.setdefault(int(s_p), set()).add(int(i))
        wanted.setdefault(int(s_q), set()).add(int(i))
    for s in range(len(p.views) + len(p.references)):
        scale, law = None, 0
        if s < len(p.views):
            view, law = p.views[s], s
        else:
            reference, view = p.references[s - len(p.views)]
            scale = reference.scale
        a, c, gain, inner = gaussian.conditional(blocks, gaussian.of_view(cov, law), view)
        origin = means[law]
        if scale is not None:
            inner, origin = np.eye(a.size) * scale**2, np.zeros(d)  # N(0, scale² I) sits at the origin, not at the mean
        values, vectors = np.linalg.eigh(inner)
        values = np.maximum(values, 0.0)
        variance = alpha[:, None] ** 2 * values + sigma[:, None] ** 2
        f_maps, k_maps = {}, {}
        position = {int(coord): r for r, coord in enumerate(a)}
        for i in wanted.get(s, ()):
            mine = [position[k] for k in range(blocks.slices[i].start, blocks.slices[i].stop)]
            inverse = np.einsum("rk,nk,ck->nrc", vectors[mine], 1.0 / variance, vectors)  # rows of S^(-1)
            f, k = np.zeros((nodes, len(mine), d + 1)), np.zeros((nodes, len(mine), d))
            f[:, :, a] = (sigma * alpha)[:, None, None] * inverse
            if c.size:
                f[:, :, c] = -(sigma * alpha)[:, None, None] * np.einsum("nra,ac->nrc", inverse, gain)
            f[:, :, d] = f[:, :, :d] @ (centre - origin)
            k[:, :, a] = (sigma**2)[:, None, None] * inverse
            f_maps[i], k_maps[i] = f, k
        linear.append(f_maps)
        noise.append(k_maps)
    gap_form, difference_form = np.zeros((m, d + 1, d + 1)), np.zeros((m, d + 1, d + 1))
    gap_constant, difference_constant = np.zeros(m), np.zeros(m)
    profile = np.zeros((nodes, m))
    half = 0.5 * quad
    for j, (i, s_p, s_q) in enumerate(p.pairs):
        f_p, f_q, k_p, k_q = linear[s_p][i], linear[s_q][i], noise[s_p][i], noise[s_q][i]
        identity = np.eye(d)[blocks.slices[i]]
        gram = lambda f: np.einsum("nrd,nre->de", half[:, None, None] * f, f, optimize=True)
        form = gram(f_q) - gram(f_p)
        squares_p, squares_q = ((identity - k_p) ** 2).sum((1, 2)), ((identity - k_q) ** 2).sum((1, 2))
        trace = lambda f: np.einsum("nrd,de,nre->n", f, moments, f, optimize=True)
        column = p.matrix[:, j]
        gap_form += column[:, None, None] * form
        gap_constant += column * np.sum(half * (squares_q - squares_p))
        difference_form += column[:, None, None] * gram(f_p - f_q)
        difference_constant += column * np.sum(half * ((k_p - k_q) ** 2).sum((1, 2)))
        profile += 0.5 * np.outer(squares_q - squares_p + trace(f_q) - trace(f_p), column)
    return ControlForms(gap_form, gap_constant, difference_form, difference_constant, centre, logsnr, profile)


def cross_entropy_rows(
    p: Plan, blocks: Blocks, x0: np.ndarray, mean: np.ndarray | None, cov: np.ndarray | None
) -> np.ndarray:
    """``[M, B]``: each row's −log G(x_A), weighted as the measures ask (Eq. 4.18)."""
    x0 = np.asarray(x0, np.float64)
    out = np.zeros((len(p.names), x0.shape[0]))
    for row, terms in enumerate(p.cross):
        for t in terms:
            a = np.concatenate([np.arange(blocks.slices[i].start, blocks.slices[i].stop) for i in t.variables])
            if t.reference.scale is not None:
                s2 = t.reference.scale**2
                value = 0.5 * (a.size * np.log(2 * np.pi * s2) + (x0[:, a] ** 2).sum(1) / s2)
            else:
                c = np.asarray(cov, np.float64)[np.ix_(a, a)]
                r = x0[:, a] - np.asarray(mean)[a]
                mahalanobis = np.einsum("bd,bd->b", r, np.linalg.solve(c, r.T).T)
                value = 0.5 * (a.size * np.log(2 * np.pi) + np.linalg.slogdet(c)[1] + mahalanobis)
            out[row] += t.weight * value
    return out


def far_tail(p: Plan, sde: SDE, blocks: Blocks, mean: np.ndarray, cov: np.ndarray, lo: float) -> np.ndarray:
    """``[M]``: KL between what p and q have become at the noisy end, with p replaced by its Gaussian.

    It matters for references N(0, scale² I) far from the data's scale.  Of two views of one law, where it is left out, it is of
    order alpha² times what one explains of the other's variance: at most ½ exp(lo) nats per coordinate.
    """
    t = sde.time(jnp.asarray(lo))
    alpha, sigma = float(sde.alpha(t)), float(sde.sigma(t))
    cov, mean = np.asarray(cov, np.float64), np.asarray(mean, np.float64)
    out = np.zeros(len(p.names))
    seen: dict[tuple[int, int], float] = {}
    for j, (_, s_p, s_q) in enumerate(p.pairs):
        if s_q < len(p.views) or (s_p, s_q) in seen:
            continue
        reference, _ = p.references[s_q - len(p.views)]
        if reference.scale is None:
            continue
        a, _, _, s = gaussian.conditional(blocks, cov, p.views[s_p])
        spread = mean[a] @ mean[a] + np.trace(cov[np.ix_(a, a)])
        noised = alpha**2 * s + sigma**2 * np.eye(a.size)
        ref = alpha**2 * reference.scale**2 + sigma**2
        second = alpha**2 * spread + sigma**2 * a.size
        kl = 0.5 * (second / ref - a.size + a.size * np.log(ref) - np.linalg.slogdet(noised)[1])
        seen[(s_p, s_q)] = kl
        # every pair of the term carries the term's weight: count it once per term
        out += p.matrix[:, j] * kl
    return out
