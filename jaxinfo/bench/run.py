"""Every estimator under one name and one interface, for benchmarks that compare them in the same run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax

from jaxinfo.bench.task import Sample
from jaxinfo.estimators import cca, copula, decompose, ksg, neural, published
from jaxinfo.estimators.bounds import BOUNDS
from jaxinfo.types import Estimate, Estimator

OF_THE_FIRST = ("published",)  # read scores of the first variable, the fewer coordinates the better
RIVALS = ("copula", "cca", "ksg", "published", *BOUNDS)


def rival(name: str, measure: str, **options: Any) -> Estimator:
    """A rival as :class:`~jaxinfo.types.Estimator` of one measure.

    Args:
      name: one of :data:`RIVALS`; ``"line-"`` or ``"tree-"`` before it takes measures of many variables apart into mutual
        informations along a line or a tree (bounds are taken along a line without being told).
      measure: what to estimate; bounds know mutual information and what is a sum of it.
      **options: of the estimator: the fields of :class:`jaxinfo.estimators.neural.Settings` for bounds, which hold for
        each mutual information of a sum (``cpu_seconds`` too); of :class:`jaxinfo.estimators.published.Recipe`.

    Raises:
      ValueError: for an unknown name.
    """
    path, _, alone = name.rpartition("-")
    if alone not in RIVALS or (path and path not in decompose.PATHS):
        raise ValueError(f"no rival {name!r}; choose one of {', '.join(RIVALS)}, or tree-{BOUNDS[0]} and so on.")
    if path or (alone in BOUNDS and measure != "mutual_information"):
        one, wider_first = _alone(alone, "mutual_information", options), alone not in OF_THE_FIRST
        return decompose.decomposed(one, measure, path or "line", wider_first=wider_first)
    return _alone(alone, measure, options)


def _alone(name: str, measure: str, options: dict[str, Any]) -> Estimator:
    """A rival that is not taken apart."""
    if name == "copula":
        return copula.copula_estimator(measure, **options)
    if name == "cca":
        return cca.cca_estimator(measure, **options)
    if name == "ksg":
        return ksg.ksg_estimator(measure, **options)
    if name == "published":
        return published.published_estimator(measure, published.Recipe(**options))
    return neural.neural_estimator(name, neural.Settings(**options))


def estimate_all(
    name: str, measures: Sequence[str], train: Sample, test: Sample, seed: int = 0, **options: Any
) -> dict[str, Estimate]:
    """Several measures by one rival; what is a sum of mutual informations trains each of them once."""
    path, _, alone = name.rpartition("-")
    if path or (alone in BOUNDS and tuple(measures) != ("mutual_information",)):
        rival(name, measures[0], **options)  # refuses unknown names
        one, wider_first = _alone(alone, "mutual_information", options), alone not in OF_THE_FIRST
        many = decompose.decomposed_many(one, measures, path or "line", wider_first=wider_first)
        state = many.init(jax.random.key(seed), train)
        return many.estimate(many.update(state, train), test)
    return {m: estimate(rival(name, m, **options), train, test, seed) for m in measures}


def estimate(estimator: Estimator, train: Sample, test: Sample, seed: int = 0) -> Estimate:
    """Train on the rows of ``train`` and read those of ``test``, variables ``[n, d]`` of the same names; in nats."""
    state = estimator.init(jax.random.key(seed), train)
    return estimator.estimate(estimator.update(state, train), test)
