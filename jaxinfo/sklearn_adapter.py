"""A thin adapter with scikit-learn's conventions; imports scikit-learn only when that asks for its tags."""

from __future__ import annotations

from typing import Any

import numpy as np

from jaxinfo import api
from jaxinfo.types import Estimate


class MutualInformation:
    """Mutual information between X and y as an estimator with ``fit``, ``score``, ``get_params`` and ``random_state``.

    Works with ``sklearn.base.clone``, grid searches over ``budget`` or ``preprocess``, and pipelines.

    Attributes after :meth:`fit`:
      estimate_: the :class:`~jaxinfo.types.Estimate`, cross-fitted.
      mutual_information_: its value, in nats unless ``unit`` says otherwise.
      stderr_: its standard error.
      n_features_in_: columns of X.

    >>> MutualInformation(budget="quick").get_params()["random_state"]
    0
    """

    def __init__(
        self, budget: str = "standard", random_state: int = 0, discrete_target: bool | None = None, **options: Any
    ):
        self.budget, self.random_state, self.discrete_target = budget, random_state, discrete_target
        self.options = options

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """All constructor arguments."""
        del deep
        return {
            "budget": self.budget, "random_state": self.random_state, "discrete_target": self.discrete_target,
        } | self.options  # fmt: skip

    def set_params(self, **params: Any) -> MutualInformation:
        """Change constructor arguments; returns self."""
        for name, value in params.items():
            if name in ("budget", "random_state", "discrete_target"):
                setattr(self, name, value)
            else:
                self.options[name] = value
        return self

    def fit(self, X: Any, y: Any) -> MutualInformation:
        """Estimate I(X; y) from rows X ``(n, d)`` and y ``(n,)`` or ``(n, e)``.

        Raises:
          ValueError: for an option that has another name here, or as :func:`jaxinfo.fit` does.
        """
        for option, here in (("seed", "random_state"), ("discrete", "discrete_target")):
            if option in self.options:
                raise ValueError(f"unknown option {option!r}: here it is {here}.")
        discrete = None if self.discrete_target is None else ["y"] if self.discrete_target else []
        seed = self.random_state
        if hasattr(seed, "randint"):  # a numpy RandomState
            seed = seed.randint(2**31 - 1)
        seed = 0 if seed is None else seed
        self._model = api.fit(
            {"x": X, "y": y}, "mutual_information", budget=self.budget, seed=seed, discrete=discrete, **self.options
        )
        self.estimate_: Estimate = self._model.estimate()["mutual_information"]
        self.mutual_information_, self.stderr_ = self.estimate_.value, self.estimate_.stderr
        self.n_features_in_ = 1 if np.ndim(X) == 1 else int(np.shape(X)[1])
        return self

    def score(self, X: Any, y: Any) -> float:
        """The estimate on new rows, by the fitted networks."""
        self._check()
        return float(self._model.measure("mutual_information", rows={"x": X, "y": y}).value)

    def pointwise(self, X: Any, y: Any) -> np.ndarray:
        """Pointwise information of new rows, ``(m,)``, in nats unless ``unit`` says otherwise."""
        self._check()
        return self._model.pointwise("mutual_information", {"x": X, "y": y})

    def __sklearn_is_fitted__(self) -> bool:
        """What ``sklearn.utils.validation.check_is_fitted`` asks."""
        return hasattr(self, "_model")

    def __sklearn_tags__(self) -> Any:
        """What grid searches and pipelines ask, in scikit-learn's own words."""
        from sklearn.utils import Tags, TargetTags

        return Tags(estimator_type=None, target_tags=TargetTags(required=True))

    def _check(self) -> None:
        if not hasattr(self, "_model"):
            raise ValueError("this MutualInformation is not fitted yet; call fit(X, y) first.")
