"""Rows drawn from trained networks: any view that was trained generates its NOISED variables given its GIVEN ones."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from jaxinfo import samplers
from jaxinfo import views as vw
from jaxinfo.estimators.fitted import SDE, Fitted, float32, inner_factors, unraveller
from jaxinfo.estimators.scores import calibrated_score
from jaxinfo.samplers import Predictor
from jaxinfo.types import Array, Key
from jaxinfo.views import View


def predictor(
    fitted: Fitted, view: View, given: Array | None = None, *, fold: Array | int = 0, seed: int = 0
) -> Predictor:
    """The network of one fold and seed seen through a trained view, in that fold's transformed coordinates.

    Args:
      fitted: trained networks.
      view: one of ``fitted.views``.
      given: ``[B, D]`` transformed rows; only GIVEN coordinates are looked at.
      fold: which fold; may be traced.
      seed: which seed.

    Raises:
      ValueError: when the view was not trained.
    """
    if view not in fitted.views:
        raise ValueError(f"view {view} was not trained; trained are {', '.join(map(str, fitted.views))}.")
    of_fold = lambda leaves: jax.tree.map(lambda leaf: jnp.asarray(leaf)[fold], leaves)
    blocks, s = fitted.blocks, fitted.settings
    score = calibrated_score(
        blocks, s, unraveller(blocks, s)(of_fold(float32(fitted.params[seed]))), of_fold(inner_factors(fitted)),
        of_fold(float32(fitted.calibration[seed])), jnp.float32(fitted.hi),
    )  # fmt: skip
    return samplers.through(score, SDE, fitted.blocks, view, given)


def sample(key: Key, fitted: Fitted, view: View, given: np.ndarray, steps: int = 64) -> np.ndarray:
    """Rows ``[B, D]`` in the data's units, NOISED coordinates drawn given the others of ``given [B, D]``.

    Rows are dealt out among the folds, so the law is the mixture of theirs.  The probability flow is solved by Heun's
    method, and the noise left at its end is removed by the predicted mean.

    Args:
      key: typed PRNG key.
      fitted: trained networks; the first seed's are used.
      view: one of ``fitted.views``.
      given: rows in the data's units; only GIVEN coordinates are looked at.
      steps: of the solver.

    Raises:
      ValueError: when the view was not trained.
    """
    s, out, d = fitted.settings, np.array(given, np.float64), fitted.blocks.dim
    noised = np.asarray(fitted.blocks.spread(jnp.asarray(view) == vw.NOISED))
    times = samplers.grid(SDE, steps, s.lo, fitted.hi)

    @jax.jit
    def walk(key: Key, known: Array, fold: Array) -> Array:
        predict = predictor(fitted, view, known, fold=fold)
        k_start, k_walk = jax.random.split(key)
        x = samplers.start(k_start, SDE, times[0], known.shape)
        x = samplers.sample(k_walk, samplers.heun(SDE), predict, x, times)
        return samplers.denoised(SDE, predict, x, times[-1])

    size = -(-len(out) // s.folds)
    for fold, k in enumerate(jax.random.split(key, s.folds)):
        rows = out[fold * size : (fold + 1) * size]
        if not len(rows):  # fewer rows than folds
            break
        known = np.zeros((size, d))  # one shape for all folds
        known[: len(rows)] = fitted.transforms[fold].forward(rows)
        drawn = np.asarray(walk(k, float32(known), jnp.asarray(fold)), np.float64)
        rows[:, noised] = fitted.transforms[fold].inverse(drawn)[: len(rows), noised]
    return out
