"""Everything about an estimate that may be turned, and the three budgets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jaxinfo import preprocess as pre
from jaxinfo.blocks import Blocks
from jaxinfo.nets.thesis import thesis
from jaxinfo.types import Net

NETS = {"mlp": None, "thesis": thesis}
FEW_VIEWS = 4


@dataclass(frozen=True)
class Settings:
    """How networks are built, trained and read; hashable, so that equal settings share one compiled program.

    Attributes:
      width: hidden width of the network.
      depth: residual blocks.
      batch: network evaluations per optimiser step, over all views.
      steps: most optimiser steps; networks that learn more than a few views get ``many_views`` times as many.
      many_views: see ``steps``.
      patience: share of ``steps`` without progress on validation rows after which training stops.
      checks: how many times the validation loss is looked at.
      learning_rate: peak of the schedule.
      weight_decay: of AdamW.
      decay: of the running average of the parameters.
      num_mc: noise draws per evaluated row (even: each is used with both signs).
      folds: cross-fitting folds.
      seeds: networks per fold.
      validation: share of a fold's training rows held out for choices.
      lo: noisy end of log-SNR.
      hi: clean end of log-SNR; None lets the fitted Gaussian decide.
      gaussian: keep the fitted Gaussian inside the network.
      preprocess: "rank", "standardise" or "none".
      net: "mlp", "thesis", or a builder ``blocks -> Net``.
      value: integrand reported as the value: "gap", "difference" or their "mean".
    """

    width: int = 64
    depth: int = 3
    batch: int = 256
    steps: int = 16_000
    many_views: float = 2.0
    patience: float = 0.3
    checks: int = 40
    learning_rate: float = 2e-3
    weight_decay: float = 0.03
    decay: float = 0.999
    num_mc: int = 10
    folds: int = 5
    seeds: int = 1
    validation: float = 0.1
    lo: float = -8.0
    hi: float | None = None
    gaussian: bool = True
    preprocess: str = "rank"
    net: str | Callable[[Blocks], Net] | None = None
    value: str = "mean"

    def __post_init__(self):
        whole = ("width", "depth", "batch", "steps", "checks", "num_mc", "folds", "seeds")
        for name in whole:
            v = getattr(self, name)
            if not isinstance(v, int) or v < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, got {v!r}.")
        if self.folds < 2:
            raise ValueError(
                f"folds must be at least 2, got {self.folds}: every row is read by a network that left it out."
            )
        if self.num_mc > 1 and self.num_mc % 2:
            raise ValueError(f"num_mc must be even (noise comes in mirrored pairs), got {self.num_mc}.")
        if not 0.0 < self.validation < 1.0 or not 0.0 < self.decay < 1.0:
            raise ValueError("validation and decay must lie strictly between 0 and 1.")
        if self.preprocess not in pre.KINDS:
            raise ValueError(f"preprocess must be one of {', '.join(pre.KINDS)}, got {self.preprocess!r}.")
        if self.value not in ("gap", "difference", "mean"):
            raise ValueError(f"value must be gap, difference or mean, got {self.value!r}.")
        if isinstance(self.net, str) and self.net not in NETS:
            raise ValueError(f"net must be one of {', '.join(NETS)} or a builder blocks -> Net, got {self.net!r}.")
        if self.hi is not None and not self.lo < self.hi:
            raise ValueError(f"lo must lie below hi, got {self.lo} and {self.hi}.")

    def for_views(self, num_views: int) -> Settings:
        """These settings with the number of steps that ``num_views`` views need."""
        return (
            self if num_views <= FEW_VIEWS else replace(self, steps=int(self.many_views * self.steps), many_views=1.0)
        )

    def builder(self) -> Callable[[Blocks], Net] | None:
        """The network builder, None for the default."""
        return NETS[self.net] if isinstance(self.net, str) else self.net


BUDGETS = {
    "quick": Settings(steps=3_000, folds=2, num_mc=6),
    "standard": Settings(),
    "thorough": Settings(width=96, steps=30_000, folds=8, seeds=2, num_mc=20),
}


def resolve(budget: str, overrides: Mapping[str, Any]) -> Settings:
    """The settings of a budget with some fields replaced; explicit steps are taken literally."""
    settings = replace(BUDGETS[budget], **overrides)
    return replace(settings, many_views=1.0) if "steps" in overrides else settings
