"""Everything about an estimate that may be turned, and the three budgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jaxinfo.blocks import Blocks
from jaxinfo.types import Net


@dataclass(frozen=True)
class Settings:
    """How networks are built, trained and read; hashable, so that equal settings share one compiled program.

    Attributes:
      width: hidden width of the network.
      depth: residual blocks.
      batch: network evaluations per optimiser step, over all views.
      steps: most optimiser steps.
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
      net: builder ``blocks -> Net`` in place of the default network.
      value: integrand reported as the value: "gap", "difference" or their "mean".
    """

    width: int = 64
    depth: int = 3
    batch: int = 256
    steps: int = 12_000
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
    net: Callable[[Blocks], Net] | None = None
    value: str = "mean"


BUDGETS = {
    "quick": Settings(steps=3_000, folds=2, num_mc=6),
    "standard": Settings(),
    "thorough": Settings(width=96, steps=30_000, folds=8, seeds=2, num_mc=20),
}
