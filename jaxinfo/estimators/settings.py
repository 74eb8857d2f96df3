"""Everything about an estimate that may be turned, and the three budgets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import isfinite
from numbers import Integral, Real
from typing import Any

import numpy as np

from jaxinfo import preprocess as pre
from jaxinfo import views as vw
from jaxinfo.blocks import Blocks
from jaxinfo.nets.mlp import mlp
from jaxinfo.nets.per_variable import per_variable
from jaxinfo.nets.thesis import thesis
from jaxinfo.nets.transformer import transformer
from jaxinfo.train import OPTIMISERS
from jaxinfo.types import Net
from jaxinfo.views import View

NETS: dict[str, Callable[..., Net]] = {
    "mlp": mlp,
    "per_variable": per_variable,
    "thesis": thesis,
    "transformer": transformer,
}
SIZED = ("mlp", "per_variable")  # their sizes are settings
FEW_VIEWS = 4
FEW_VARIABLES, FEW_COORDINATES = 6, 20  # that one first layer has room for
FEW_VECTORS = 4  # it has for where there are more coordinates in all
SLOWING = 1_500  # steps in which what there is to learn has to show
LOOK = 300  # steps between two looks at the validation rows
MANY_ROWS, MOST_TIMES = 20_000, 5.0  # a data set of more rows takes steps in proportion, at most so many times as many
EACH = 48  # evaluations of each NOISED variable in a step of layers for each variable
LEAST, MOST = 1_440, 4_800  # of all of them together: fewer are too noisy a step for many coordinates
VALUES = ("gap", "difference", "mean", "corrected")


def check_whole(settings: Any, *names: str, least: int = 1) -> None:
    """Refuse fields that are not whole numbers of at least ``least``; those of numpy become Python's.

    Raises:
      ValueError: naming the first such field and what it holds.
    """
    for name in names:
        v = getattr(settings, name)
        if isinstance(v, bool) or not isinstance(v, Integral) or v < least:
            raise ValueError(f"{name} must be a whole number of at least {least}, got {v!r}.")
        object.__setattr__(settings, name, int(v))


def check_real(settings: Any, low: float, high: float, *names: str) -> None:
    """Refuse fields that are not finite numbers strictly between two.

    Raises:
      ValueError: naming the first such field and what it holds.
    """
    for name in names:
        v = getattr(settings, name)
        if isinstance(v, bool) or not isinstance(v, Real) or not low < float(v) < high:
            kind = (
                f"a number between {low:g} and {high:g}" if isfinite(high) else "positive" if low == 0.0 else "finite"
            )
            raise ValueError(f"{name} must be {kind}, got {v!r}.")


def evaluations(views: Sequence[View]) -> int:
    """Passes through the trunk that all views of one row cost a network with layers for each variable: a view with one
    variable NOISED takes one, any other predicts all N."""
    return sum(1 if len(vw.noised(v)) == 1 else len(v) for v in views)


def many(blocks: Blocks) -> bool:
    """Whether one first layer for all variables is too narrow: N > FEW_VARIABLES, or N > FEW_VECTORS where
    D > FEW_COORDINATES."""
    return blocks.num_variables > (FEW_VECTORS if blocks.dim > FEW_COORDINATES else FEW_VARIABLES)


def more_steps(num_rows: int) -> float:
    """How many times as many steps n rows may take as MANY_ROWS: min(max(n / MANY_ROWS, 1), MOST_TIMES).

    What more rows show is fine and takes long to learn; in proportion, each row is seen as often.
    """
    return min(max(num_rows / MANY_ROWS, 1.0), MOST_TIMES)


@dataclass(frozen=True)
class Settings:
    """How networks are built, trained and read; hashable, so that equal settings share one compiled program.

    Attributes:
      width: hidden width of "mlp" and "per_variable"; other networks have sizes of their own, unless ``net`` is a builder.
      depth: their residual blocks.
      frequencies: pairs of sine and cosine that tell them the clock; with 0 it is told as it is.
      batch: network evaluations per optimiser step, over all views; None takes 128 for at most FEW_VIEWS views, 256 for
        more; with "per_variable", of which each NOISED variable is an evaluation, EACH of each, at least LEAST and at most
        MOST.
      steps: most optimiser steps, rounded up to the next look (``checks``); fewer are taken when validation rows gain nothing
        any more.  None takes 18,000 for at most FEW_VIEWS views, 32,000 for more; with "per_variable" 18,000 where LEAST
        suffices, 32,000 above, 24,000 where MOST is reached; all of them :func:`more_steps` times for data of many rows.
      longer: how many times as many steps, where None decides.
      patience: the learning rate starts to fall when this share of the steps so far brought validation rows nothing.
      cooldown: share of all steps in which the learning rate falls to zero.
      checks: how many times the validation loss is looked at; None looks every LOOK steps, and 20 times at least.
      learning_rate: peak of the schedule; None takes .001, .002 with "per_variable".
      slowing: after k steps at full rate, that is the peak over √(1 + k / slowing): what gains for long ends finer, and what
        gained nothing in so many steps may end.  None takes SLOWING with "per_variable", and lets no other rate slow down.
      rewind: end, too, when validation rows have been worse for a while than they were, and let the rate fall from the
        parameters that were best.  None does with "per_variable".
      focus: share of the training draws at log-SNRs where views differ most, the rest is uniform; see
        :func:`~jaxinfo.estimators.objective.training_density`.
      optimiser: "adamw", "nadamw" or "lion", whose rate and decay should be about a fifth and five times as large.
      weight_decay: of the optimiser.
      decay: of the running average of the parameters.
      num_mc: noise draws per evaluated row (even: each is used with both signs).
      folds: cross-fitting folds.
      seeds: networks per fold.
      validation: share of a fold's training rows held out for choices.
      lo: noisy end of log-SNR.
      hi: clean end of log-SNR; None lets the fitted Gaussian decide.
      gaussian: keep the fitted Gaussian inside the network.
      preprocess: "rank", "standardise" or "none"; None takes ranks, unless rows in their own units leave clearly less to
        networks: :mod:`jaxinfo.estimators.coordinates`.
      net: "mlp", "per_variable", "thesis", "transformer", or a builder ``blocks -> Net``;
        :class:`~jaxinfo.types.Net` says what it sees.  None takes "per_variable", which trains all views together, for
        :func:`many` variables of which at most one view has several NOISED, else "mlp".
      value: what is reported: "gap", "difference", their "mean", or "corrected": gap plus
        what :mod:`jaxinfo.estimators.summary` makes of the optimism.
    """

    width: int = 64
    depth: int = 3
    frequencies: int = 8
    batch: int | None = None
    steps: int | None = None
    longer: float = 1.0
    patience: float = 0.5
    cooldown: float = 0.25
    checks: int | None = None
    learning_rate: float | None = None
    slowing: int | None = None
    rewind: bool | None = None
    focus: float = 0.8
    optimiser: str = "adamw"
    weight_decay: float = 0.03
    decay: float = 0.999
    num_mc: int = 10
    folds: int = 5
    seeds: int = 1
    validation: float = 0.1
    lo: float = -8.0
    hi: float | None = None
    gaussian: bool = True
    preprocess: str | None = None
    net: str | Callable[[Blocks], Net] | None = None
    value: str = "corrected"

    def __post_init__(self):
        check_whole(self, "width", "depth", "num_mc", "folds", "seeds")
        check_whole(self, "frequencies", least=0)
        left = ("batch", "steps", "checks", "slowing")  # open, where None
        check_whole(self, *(name for name in left if getattr(self, name) is not None))
        if self.folds < 2:
            raise ValueError(
                f"folds must be at least 2, got {self.folds}: every row is read by a network that left it out."
            )
        if self.num_mc > 1 and self.num_mc % 2:
            raise ValueError(f"num_mc must be even (noise comes in mirrored pairs), got {self.num_mc}.")
        check_real(self, 0.0, np.inf, "longer", *(k for k in ("learning_rate",) if self.learning_rate is not None))
        check_real(self, 0.0, 1.0, "validation", "decay", "patience", "cooldown")
        check_real(self, -np.inf, np.inf, "lo", *(k for k in ("hi",) if self.hi is not None))
        if self.focus != 0.0:
            check_real(self, 0.0, 1.0, "focus")
        if self.optimiser not in OPTIMISERS:
            raise ValueError(f"optimiser must be one of {', '.join(OPTIMISERS)}, got {self.optimiser!r}.")
        if self.weight_decay != 0.0:
            check_real(self, 0.0, np.inf, "weight_decay")
        if self.preprocess is not None and self.preprocess not in pre.KINDS:
            raise ValueError(f"preprocess must be None or one of {', '.join(pre.KINDS)}, got {self.preprocess!r}.")
        if self.value not in VALUES:
            raise ValueError(f"value must be one of {', '.join(VALUES)}, got {self.value!r}.")
        if self.net is not None and not callable(self.net) and self.net not in NETS:
            raise ValueError(f"net must be one of {', '.join(NETS)} or a builder blocks -> Net, got {self.net!r}.")
        if self.hi is not None and not self.lo < self.hi:
            raise ValueError(f"lo must lie below hi, got {self.lo} and {self.hi}.")

    def for_system(self, blocks: Blocks, views: Sequence[View], num_rows: int = 0) -> Settings:
        """These settings with everything left open decided: more views are more functions to learn, and more rows show
        more of them.

        Args:
          blocks: packing.
          views: what is learned.
          num_rows: n, of the data set; 0 where data have no end, which take the steps of MANY_ROWS.
        """
        joint = sum(len(vw.noised(v)) > 1 for v in views)
        net = self.net or ("per_variable" if many(blocks) and joint <= 1 else "mlp")
        if net == "per_variable":
            whole = EACH * evaluations(views)
            batch, rate = max(LEAST, min(whole, MOST)), 2e-3
            steps = 18_000 if whole <= LEAST else 32_000 if whole <= MOST else 24_000  # the last take hours as it is
            slowing, rewind = SLOWING, True
        else:
            few = len(views) <= FEW_VIEWS
            batch, steps, rate, slowing, rewind = 128 if few else 256, 18_000 if few else 32_000, 1e-3, None, False
        steps = self.steps or round(steps * self.longer * more_steps(num_rows))
        return replace(
            self, batch=self.batch or batch, steps=steps, checks=self.checks or max(20, steps // LOOK),
            learning_rate=rate if self.learning_rate is None else self.learning_rate, net=net,
            slowing=self.slowing or slowing, rewind=rewind if self.rewind is None else self.rewind,
        )  # fmt: skip

    @property
    def all_together(self) -> bool:
        """Whether all views are trained at each row, not each at rows of its own."""
        return self.net == "per_variable"

    def builder(self) -> Callable[[Blocks], Net]:
        """The network builder."""
        assert self.net is not None  # decided by for_system
        if isinstance(self.net, str):
            sized = ("width", "depth", "frequencies") if self.net in SIZED else ()
            return partial(NETS[self.net], **{k: getattr(self, k) for k in sized})
        return self.net


BUDGETS = {
    "quick": Settings(steps=3_000, folds=2, num_mc=6),
    "standard": Settings(),
    "thorough": Settings(width=96, longer=4.0, folds=8, seeds=2, num_mc=20),
}


def resolve(budget: str, overrides: Mapping[str, Any]) -> Settings:
    """The settings of a budget with some fields replaced."""
    return replace(BUDGETS[budget], **overrides)


def for_null(s: Settings) -> Settings:
    """The small budget of a permutation test: statistic and null share it, so it need not be precise to be valid."""
    quick = BUDGETS["quick"]
    steps = min(k for k in (s.steps, quick.steps) if k is not None)
    return replace(s, folds=quick.folds, seeds=1, steps=steps, num_mc=min(s.num_mc, quick.num_mc))
