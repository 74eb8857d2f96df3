"""Options of the front door that say what is asked, beside those that say how networks are trained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jaxinfo import measures as ms
from jaxinfo.estimators.settings import BUDGETS, check_real, check_whole


@dataclass(frozen=True, eq=False)
class Options:
    """Options of the front door; the fields of Settings may be given beside them.

    Attributes:
      budget: "quick", "standard" or "thorough".
      seed: decides splits, weights and noise: the same seed gives the same answer.
      discrete: names of class-label variables; None lets the dtype decide.
      groups: ``[n]`` labels (subject, session, block) kept on one side of every split; errors are clustered by them.
      sample_weight: ``[n]`` non-negative row weights.
      null: number of permutations for a p-value of independence (0: none); of mutual information between groups the second is
        permuted as one.
      bootstrap: number of refits on rows (or ``groups``) drawn with replacement (0: none); their values and standard
        deviation are in the diagnostics.  Each costs as much as the estimate.
      form: of mutual information: "conditional", "reverse", "joint", "sigma", "sigma_joint".
      sigma: reference N(0, sigma² I) of sigma forms and entropies; None uses the fitted Gaussian.
      unit: "nats" or "bits".
      checkpoint_dir: where the trained model is kept; the same call again reads it instead of training, or goes on with
        a training that was killed.
      checkpoint_every_s: seconds between checkpoints of a training under way.
      progress: show a bar; None shows it on a terminal.
    """

    budget: str = "standard"
    seed: int = 0
    discrete: Sequence[str] | None = None
    groups: Any = None
    sample_weight: Any = None
    null: int = 0
    bootstrap: int = 0
    form: str | None = None
    sigma: float | None = None
    unit: str = "nats"
    checkpoint_dir: str | Path | None = None
    checkpoint_every_s: float = 15.0
    progress: bool | None = None

    def __post_init__(self):
        if not isinstance(self.budget, str) or self.budget not in BUDGETS:
            raise ValueError(f"budget must be one of {', '.join(BUDGETS)}, got {self.budget!r}.")
        if self.unit not in ("nats", "bits"):
            raise ValueError(f"unit must be 'nats' or 'bits', got {self.unit!r}.")
        if self.form is not None and self.form not in ms.MI_FORMS:
            raise ValueError(f"form must be one of {', '.join(ms.MI_FORMS)}, got {self.form!r}.")
        check_whole(self, "seed", "null", "bootstrap", least=0)
        if self.bootstrap == 1:
            raise ValueError(
                "bootstrap must be a number of refits, 0 or at least 2, got 1; 20 tells the standard "
                "error to about a sixth."
            )
        if self.sigma is not None:
            check_real(self, 0.0, np.inf, "sigma")
        if isinstance(self.discrete, str):
            object.__setattr__(self, "discrete", (self.discrete,))
        if self.discrete is not None and not isinstance(self.discrete, Iterable):
            raise ValueError(f"discrete must be names of variables, discrete=['stimulus'], got {self.discrete!r}.")
        if self.checkpoint_dir is not None and Path(self.checkpoint_dir).is_file():
            raise ValueError(f"checkpoint_dir must be a directory, got a file, {self.checkpoint_dir}; name another.")
