"""Derivatives of measures with respect to rows, from trained networks."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from jaxinfo import pathwise
from jaxinfo.blocks import Blocks
from jaxinfo.estimators.fitted import SDE, Fitted, float32, inner_factors, padded, stacked, unraveller
from jaxinfo.estimators.scores import calibrated_score
from jaxinfo.estimators.settings import Settings
from jaxinfo.measures import Measure
from jaxinfo.programs import program

ENOUGH = 10  # rows per coordinate for a covariance that is not shrunk


@program(static_argnums=(0, 1, 2, 3))
def _gradients(blocks: Blocks, s: Settings, measure: Measure, num_mc: int, params, calibration, fold, hi, logsnr, keys):
    def one(of_seed, fold):
        params, calibration, key = of_seed
        score = calibrated_score(blocks, s, unraveller(blocks, s)(params), fold["factors"], calibration, hi)
        return pathwise.gradient(
            key, measure, SDE, blocks, score, fold["rows"], logsnr=logsnr, num_mc=num_mc,
            control=fold.get("control"), weights=fold["weights"],
        )  # fmt: skip

    each = (params, calibration, keys)
    return jax.lax.map(lambda of_seed: jax.vmap(one)(of_seed, fold), each).mean(0)


def gradient(
    fitted: Fitted,
    measure: Measure,
    x: np.ndarray,
    seed: int = 0,
    *,
    logsnr: float = 4.0,
    num_mc: int = 4,
    crossfitted: bool = True,
    corrected: bool = True,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Derivative of a measure with respect to each row, by :func:`jaxinfo.pathwise.gradient` with the trained scores.

    The transform of the coordinates is held constant, ∂/∂x = dz/dx · ∂/∂z, and must be affine: slopes of empirical
    ranks are too rough in the tails.

    Args:
      fitted: networks that know ``pathwise.views(measure)``.
      measure: one with an entropy form.
      x: as in :func:`jaxinfo.estimators.readout.read`, like ``crossfitted``.
      seed: of the noise draws.
      logsnr: noise level, in transformed coordinates, at which scores are compared with those of the fitted Gaussian
        (whose own derivative is exact, without noise): errors of the scores grow like exp(logsnr / 2), what the noise
        hides shrinks.
      num_mc: pairs of noise draws.
      corrected: with the control of :func:`jaxinfo.pathwise.gradient`, the Gaussian of the rows; else the scores alone.
      weights: ``[n]`` row weights.

    Returns:
      ``[n, D]`` in nats per unit of x, the mean over seeds (and over folds for new rows).
    """
    s, blocks, n = fitted.settings, fitted.blocks, x.shape[0]
    rows = [sp.evaluation for sp in fitted.splits] if crossfitted else [np.arange(n)] * s.folds
    z = [t.forward(x) for t in fitted.transforms]
    # The Gaussian of the very rows that are read: its error and theirs cancel.  New rows may be too few for one.
    means, covs, w = fitted.means[:, 0], fitted.covs[:, 0], np.ones(n) if weights is None else weights
    if crossfitted and n > ENOUGH * blocks.dim:
        means = np.stack([np.average(v, axis=0, weights=weights) for v in z])
        covs = np.stack([np.cov(v.T, aweights=weights).reshape(v.shape[1], -1) for v in z])
    fold = {
        "factors": inner_factors(fitted),
        "rows": float32(padded([v[r] for v, r in zip(z, rows)])),
        "weights": float32(padded([w[r] for r in rows])),
    }
    if corrected:
        fold["control"] = stacked([pathwise.control(measure, blocks, m, c) for m, c in zip(means, covs)])
    keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), 29), (s.seeds, s.folds))
    found = _gradients(
        blocks, s, measure, num_mc, fitted.params, float32(fitted.calibration), fold, jnp.float32(fitted.hi),
        jnp.float32(logsnr), keys,
    )  # fmt: skip
    found = np.asarray(found, np.float64)
    out, count = np.zeros((n, blocks.dim)), np.zeros((n, 1))
    for f, r in enumerate(rows):
        out[r] += found[f, : r.size] * np.exp(fitted.transforms[f].log_jacobian(x[r]))
        count[r] += 1
    return out / count
