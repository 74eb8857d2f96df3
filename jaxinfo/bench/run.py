"""Every estimator under one name and one interface, for benchmarks that compare them in the same run."""

from __future__ import annotations

from typing import Any

import jax

from jaxinfo.bench.tasks import Sample
from jaxinfo.estimators import cca, copula, decompose, ksg, neural, published
from jaxinfo.types import Estimate, Estimator

RIVALS = ("copula", "cca", "ksg", "published", *neural.BOUNDS)


def rival(name: str, measure: str, **options: Any) -> Estimator:
    """A rival as :class:`~jaxinfo.types.Estimator` of one measure.

    Args:
      name: one of :data:`RIVALS`; ``"tree-"`` before a bound takes measures of many variables apart along a tree
        instead of a line.
      measure: what to estimate; bounds know mutual information and what is a sum of it.
      **options: of the estimator: the fields of :class:`jaxinfo.estimators.neural.Settings` for bounds, which hold for
        each mutual information of a sum (``cpu_seconds`` too); of :class:`jaxinfo.estimators.published.Recipe`.

    Raises:
      ValueError: for an unknown name.
    """
    path, _, bound = name.rpartition("-")
    path = path or "line"
    if name == "copula":
        return copula.copula_estimator(measure, **options)
    if name == "cca":
        return cca.cca_estimator(measure)
    if name == "ksg":
        return ksg.ksg_estimator(measure, **options)
    if name == "published":
        return published.published_estimator(measure, published.Recipe(**options))
    if bound not in neural.BOUNDS or path not in decompose.PATHS:
        raise ValueError(f"no rival {name!r}; choose one of {', '.join(RIVALS)}, or tree-{neural.BOUNDS[0]} and so on.")
    alone = neural.neural_estimator(bound, neural.Settings(**options))
    return alone if measure == "mutual_information" else decompose.decomposed(alone, measure, path)


def estimate(estimator: Estimator, train: Sample, test: Sample, seed: int = 0) -> Estimate:
    """Train on the rows of ``train`` and read those of ``test``, variables ``[n, d]`` of the same names; in nats."""
    state = estimator.init(jax.random.key(seed), train)
    return estimator.estimate(estimator.update(state, train), test)
