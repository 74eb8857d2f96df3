"""The front door: arrays in, estimates with error bars out.

>>> import numpy as np, jaxinfo as ji
>>> x = np.random.default_rng(0).normal(size=(2000, 1))
>>> e = ji.mutual_information(x, x + 1.0 * np.random.default_rng(1).normal(size=(2000, 1)), budget="quick")
>>> abs(e.value - 0.5 * np.log(2.0)) < 0.1
True
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from jaxinfo import beside, inputs, queries, two_laws
from jaxinfo.estimators.settings import Settings
from jaxinfo.model import Model, train_many
from jaxinfo.options import Options
from jaxinfo.results import Results
from jaxinfo.types import Estimate


def fit(vs: Any, measures: str | Sequence[str] = queries.SYSTEM, **options: Any) -> Model:
    """Train once, ask many times.

    Args:
      vs: dict name -> array ``(n,)`` or ``(n, d)``, list of arrays, DataFrame, or one array ``(n, N)`` of scalars.
      measures: names from :data:`jaxinfo.queries.MEASURES`, with variables in brackets where they are not all meant:
        ``"mutual_information(x; y)"``, ``"conditional_mutual_information(x; y | z)"``, ``"entropy(x)"``,
        ``"total_correlation(a, b, c)"``, ``"o_information(a, b, c | age)"`` (averaged over what is given),
        ``"o_information_gradient"`` (all variables).  ``()`` trains nothing yet: ``model.measure``, ``gradient`` and
        ``sample`` train what they need.
      **options: every field of :class:`jaxinfo.options.Options` and :class:`jaxinfo.estimators.settings.Settings`.

    Returns:
      A :class:`~jaxinfo.model.Model`.

    Raises:
      ValueError: for bad data, measures or options, saying what was expected, what came and what to do.
    """
    opts, overrides = _options(options)
    variables = inputs.named(vs)
    measures = _enough(measures, variables)
    table = inputs.check(variables, opts.discrete, least=1, seed=opts.seed)
    beside.same_index(variables | {"groups": opts.groups, "sample_weight": opts.sample_weight})
    return Model.train(table, measures, opts, overrides)


def estimate(vs: Any, measures: str | Sequence[str] = queries.SYSTEM, **options: Any) -> Results:
    """Several measures of one data set from one trained network: ``fit(...)`` followed by ``.estimate()``."""
    return fit(vs, measures, **options).estimate()


def estimate_many(
    datasets: Sequence[Any], measures: str | Sequence[str] = queries.SYSTEM, **options: Any
) -> list[Results]:
    """The same measures of many data sets with the same variables, trained in one program compiled once.

    Args:
      datasets: each as ``vs`` in :func:`fit`, with the same names, dimensions and kinds of variables.
      measures: as in :func:`fit`.
      **options: as in :func:`fit`; ``groups`` and ``sample_weight`` hold for every data set (as
        arrays by position, a Series where all have its index).  With ``checkpoint_dir`` a
        killed call goes on when it is made again.

    Returns:
      One :class:`~jaxinfo.results.Results` per data set; with equally many rows the same as separate calls give.

    Raises:
      ValueError: when the variables of two data sets differ, or for bad data, measures or options; says which data set.
    """
    return estimate_each({f"data set {i}": vs for i, vs in enumerate(datasets)}, measures, **options)


def estimate_each(
    datasets: Mapping[str, Any], measures: str | Sequence[str] = queries.SYSTEM, advice: str = "", **options: Any
) -> list[Results]:
    """:func:`estimate_many` of data sets that errors call by a name of their own, and end on ``advice``.

    Args:
      datasets: what a data set is called -> its variables.
      measures: as in :func:`fit`.
      advice: a sentence on what to do about bad data.
      **options: as in :func:`fit`.

    Raises:
      ValueError: as in :func:`estimate_many`.
    """
    models = ask_each(datasets, measures, advice, **options)
    train_many(models, measures)
    return [m.estimate() for m in models]


def ask_each(
    datasets: Mapping[str, Any], measures: str | Sequence[str], advice: str = "", **options: Any
) -> list[Model]:
    """The models of :func:`estimate_each`, not trained yet; :func:`jaxinfo.model.train_many` trains them.

    Args:
      datasets: as there, like the others.
      measures: as there.
      advice: as there.
      **options: as there.

    Raises:
      ValueError: as there.
    """
    opts, overrides = _options(options)
    models: list[Model] = []
    said: dict[str, list[str]] = {}
    for called, vs in datasets.items():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", inputs.InputWarning)
            try:
                variables = inputs.named(vs)
                table = inputs.check(variables, opts.discrete, seed=opts.seed)
                beside.same_index(variables | {"groups": opts.groups, "sample_weight": opts.sample_weight})
            except ValueError as e:
                raise ValueError(f"{called}: {e} {advice}".strip()) from e
            models.append(Model.ask(table, _enough(measures, variables), opts, overrides))
        for w in caught:
            if issubclass(w.category, inputs.InputWarning):
                said.setdefault(str(w.message), []).append(called)
            else:
                warnings.warn_explicit(w.message, w.category, w.filename, w.lineno)
        first, here = models[0].blocks, models[-1].blocks
        if (here, here.names) != (first, first.names):
            raise ValueError(
                f"{called} has other variables than the first: {_kinds(models[-1])} against {_kinds(models[0])}; one "
                "program needs the same names, dimensions and kinds in all.  Integers with few values are read as class "
                "labels, a coordinate for each class: discrete=[] reads them as numbers."
            )
    if not models:
        raise ValueError("expected at least one data set, got none.")
    for text, where in said.items():  # once each, however many data sets it holds for
        more = f" and {len(where) - 3} others" if len(where) > 3 else ""
        warnings.warn(f"{', '.join(where[:3])}{more}: {text}", inputs.InputWarning, stacklevel=3)
    return models


def mutual_information(x: Any, y: Any, **options: Any) -> Estimate:
    """Mutual information I(X; Y) = KL(p(x, y) ‖ p(x) p(y)) (thesis Eqs. 4.25–4.28).

    Either side may hold class labels (by dtype, or ``discrete=["x"]`` / ``["y"]``).

    Args:
      x: array ``(n,)`` or ``(n, d)``, or a DataFrame whose columns are coordinates.
      y: likewise, with the same rows.
      **options: see :func:`fit`.

    Returns:
      An :class:`~jaxinfo.types.Estimate` in nats.
    """
    return _one({"x": x, "y": y}, "mutual_information", options)


def conditional_mutual_information(x: Any, y: Any, z: Any, **options: Any) -> Estimate:
    """Conditional mutual information I(X; Y | Z); arguments as in :func:`mutual_information`."""
    return _one({"x": x, "y": y, "z": z}, "conditional_mutual_information", options)


def interaction_information(x: Any, y: Any, z: Any, **options: Any) -> Estimate:
    """Interaction information I(X; Y; Z) = I(X; Y) − I(X; Y | Z), positive for redundancy (thesis 5.2)."""
    return _one({"x": x, "y": y, "z": z}, "interaction_information", options)


def entropy(x: Any, **options: Any) -> Estimate:
    """Differential entropy H(X) in nats (Eq. 4.22), or the entropy of class labels when X is discrete."""
    return _one({"x": x}, "entropy", options)


def total_correlation(vs: Any, **options: Any) -> Estimate:
    """Total correlation TC = KL(p(x) ‖ Π p(x_i)) (Eq. 5.3); ``vs`` as in :func:`fit`."""
    return _one(inputs.named(vs), "total_correlation", options)


def dual_total_correlation(vs: Any, **options: Any) -> Estimate:
    """Dual total correlation DTC = H(X) − Σ H(X_i | X_−i) (Eq. 5.4)."""
    return _one(inputs.named(vs), "dual_total_correlation", options)


def s_information(vs: Any, **options: Any) -> Estimate:
    """S-information Σ I(X_i; X_−i) = TC + DTC (Eq. 5.1)."""
    return _one(inputs.named(vs), "s_information", options)


def o_information(vs: Any, **options: Any) -> Estimate:
    """O-information Ω = TC − DTC (Eq. 5.5): positive when redundancy dominates, negative when synergy does."""
    return _one(inputs.named(vs), "o_information", options)


def o_information_gradient(vs: Any, **options: Any) -> dict[str, Estimate]:
    """Gradient of Ω, ∂_i Ω = Ω(X) − Ω(X_−i) (Eq. 5.6), for every variable: dict name -> Estimate."""
    variables = inputs.named(vs)
    results = estimate(variables, "o_information_gradient", **options)
    return {name: results[f"o_information_gradient({name})"] for name in variables}


def kl_divergence(xp: Any, xq: Any, **options: Any) -> Estimate:
    """KL(p‖q) between the laws of two data sets with the same columns (Prop. 1, Eq. 4.13).

    One network learns both laws, each from its rows around a Gaussian of its own, with the law as a GIVEN label; the integral
    runs over rows of ``xp``.  ``per_sample`` is aligned with the rows of ``xp``.

    Args:
      xp: array ``(n,)`` or ``(n, d)``, rows of p.
      xq: array ``(m,)`` or ``(m, d)``, rows of q.
      **options: see :func:`fit`; those of one data set do not apply: ``discrete``, ``groups``, ``sample_weight``, ``null``,
        ``bootstrap``, ``form``, ``sigma``.

    Raises:
      ValueError: when the columns differ, for bad data, or for an option of one data set.
    """
    opts, overrides = _options(options)
    return two_laws.kl_divergence(xp, xq, opts, overrides)


def load(directory: str) -> Model:
    """Read a model that :meth:`Model.save` wrote.

    Raises:
      ValueError: for a missing, truncated or foreign directory.
    """
    return Model.load(directory)


def _one(variables: Mapping[str, Any], measure: str, options: dict[str, Any]) -> Estimate:
    return estimate(variables, measure, **options)[measure]


def _enough(measures: Any, variables: Mapping[str, Any]) -> tuple[str, ...]:
    """Measures by name, () for those that are named later; refused when they need more variables than there are."""
    names = () if isinstance(measures, tuple | list) and not measures else queries.listed(measures)
    for name in names:
        need = {"o_information": 3, "o_information_gradient": 3}.get(name, 2 if name in queries.SYSTEM else 1)
        if len(variables) < need:
            extra = " (for two variables it is identically zero: use mutual_information)" if need == 3 else ""
            raise ValueError(
                f"{name} needs at least {need} variables, got {len(variables)}{extra}; give one entry per variable."
            )
    return names


def _kinds(model: Model) -> str:
    """Every variable with its size, in words."""
    blocks = model.blocks
    unit = lambda label, d: "classes" if label else "column" if d == 1 else "columns"
    parts = zip(blocks.names, blocks.sizes, blocks.discrete)
    return ", ".join(f"{name} ({d} {unit(label, d)})" for name, d, label in parts)


def _options(options: Mapping[str, Any]) -> tuple[Options, dict[str, Any]]:
    """Split options into those of the front door and those of the settings; refuse the rest."""
    door, fields = set(Options.__dataclass_fields__), set(Settings.__dataclass_fields__)
    unknown = [k for k in options if k not in door | fields]
    if unknown:
        raise ValueError(f"unknown option {unknown[0]!r}; the options are {', '.join(sorted(door | fields))}.")
    opts = Options(**{k: v for k, v in options.items() if k in door})
    return opts, {k: v for k, v in options.items() if k in fields}
