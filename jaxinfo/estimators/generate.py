"""Rows drawn from trained networks: any view that was trained generates its NOISED variables given its GIVEN ones."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinfo import samplers
from jaxinfo import views as vw
from jaxinfo.blocks import Blocks
from jaxinfo.estimators.fitted import SDE, Fitted, float32, inner_factors, padded, unraveller
from jaxinfo.estimators.scores import calibrated_score
from jaxinfo.estimators.settings import Settings
from jaxinfo.programs import program
from jaxinfo.samplers import Predictor
from jaxinfo.types import Array, Key
from jaxinfo.views import View

Parts = tuple[Array, Any, Array, Array]


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
    parts = jax.tree.map(lambda leaf: leaf[fold], _parts(fitted, view, seed))
    return _through(fitted.blocks, fitted.settings, view, parts, given)


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
    s, out = fitted.settings, np.array(given, np.float64)
    noised = np.asarray(fitted.blocks.spread(jnp.asarray(view) == vw.NOISED))
    rows = np.array_split(out, s.folds)  # views into ``out``; some empty, where there are fewer rows than folds
    known = padded([t.forward(r) if len(r) else r for t, r in zip(fitted.transforms, rows)])
    drawn = _walk(
        fitted.blocks, s, view, _parts(fitted, view), samplers.grid(SDE, steps, s.lo, fitted.hi),
        jax.random.split(key, s.folds), float32(known),
    )  # fmt: skip
    for transform, r, new in zip(fitted.transforms, rows, np.asarray(drawn, np.float64)):
        if len(r):
            r[:, noised] = transform.inverse(new)[: len(r), noised]
    return out


@program(static_argnums=(0, 1, 2))
def _walk(blocks: Blocks, s: Settings, view: View, parts: Parts, times: Array, keys: Key, known: Array) -> Array:
    """Transformed rows ``[F, B, D]`` drawn by each fold given ``known [F, B, D]``."""

    def one(parts, key, known):
        predict = _through(blocks, s, view, parts, known)
        k_start, k_walk = jax.random.split(key)
        x = samplers.start(k_start, SDE, times[0], known.shape)
        x = samplers.sample(k_walk, samplers.heun(SDE), predict, x, times)
        return samplers.denoised(SDE, predict, x, times[-1])

    return jax.vmap(one)(parts, keys, known)


def _parts(fitted: Fitted, view: View, seed: int = 0) -> Parts:
    """What one seed's networks are made of, leaves ``[F, …]``: parameters, the Gaussian inside, calibration, clean end."""
    if view not in fitted.views:
        raise ValueError(f"view {view} was not trained; trained are {', '.join(map(str, fitted.views))}.")
    hi = np.full(fitted.settings.folds, fitted.hi)
    return float32(fitted.params[seed]), inner_factors(fitted), float32(fitted.calibration[seed]), float32(hi)


def _through(blocks: Blocks, s: Settings, view: View, parts: Parts, given: Array | None) -> Predictor:
    params, factors, calibration, hi = parts
    score = calibrated_score(blocks, s, unraveller(blocks, s)(params), factors, calibration, hi)
    return samplers.through(score, SDE, blocks, view, given)
