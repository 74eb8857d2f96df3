"""The types everything else is written in.  Imports nothing from the package.

Letters used for shapes: B rows, N variables, D packed coordinates, V views, M measures, R seeds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any, NamedTuple

import jax
import numpy as np

Array = jax.Array
Key = jax.Array
Params = Any

ScoreFn = Callable[[Array, Array], Array]
"""``(x [..., V, B, D], tau [..., V, B, N]) -> eps [..., V, B, D]``: the predicted noise, eps = -sigma * score.

The rows of one slab (axis -2) share one view.  ``tau`` holds the clock of every variable: 0 is GIVEN, T is ABSENT.
"""

NATS_PER_BIT = math.log(2.0)
INFORMATIVE = {  # diagnostics that are amounts of information and change with the unit
    "gap", "difference", "gaussian", "copula", "ksg", "row_stderr", "seed_spread", "unseen", "tail_high_snr", "tail_low_snr",
    "nested", "null", "bootstrap", "bootstrap_stderr", "plug_in", "correction", "optimism", "optimism_gaussian", "q_stderr",
    "fine", "bent", "beyond",
}  # fmt: skip


class Net(NamedTuple):
    """A network as two pure functions.

    ``init(key, x, u) -> params``; ``apply(params, x [..., V, B, D], u [..., V, B, N]) -> eps [..., V, B, D]`` where ``u`` is
    the bounded clock ``sigmoid(-logsnr / 4)``: exactly 0 for GIVEN, exactly 1 for ABSENT.

    The network inside :func:`jaxinfo.precondition.precondition`, which :class:`~jaxinfo.estimators.settings.Settings`
    builds, is shown several parts of D coordinates side by side: ``[F w, F x, r F x]``, or ``[w, x]`` when every variable
    has one coordinate.  It finds their number as ``x.shape[-1] // blocks.dim`` and still returns D coordinates.

    ``single``, if a network has it, says what ``apply`` says of views with one variable NOISED, at rows the views share:
    ``single(params, clean [B, N, k W], own [V, B, K W], given [V, N], noised [V], clock [B, 1]) -> [V, B, W]``.
    ``clean`` holds what GIVEN variables show, ``[F x, r F x]`` or ``[x]``, ``own`` all parts of the NOISED one, each in
    the W places of :attr:`jaxinfo.blocks.Blocks.padded`, zero where a variable has fewer coordinates.

    ``weigh``, if a network has it, is called before either, ``weigh(params, relevance [N, N]) -> params``, with how much
    the variable of a row says of that of a column (:func:`jaxinfo.correlations.relevance`).
    """

    init: Callable[..., Params]
    apply: Callable[..., Array]
    single: Callable[..., Array] | None = None
    weigh: Callable[..., Params] | None = None


class Estimate(NamedTuple):
    """An estimated quantity of information, in nats unless ``unit`` says bits.

    Attributes:
      value: the estimate.
      stderr: its standard error.
      per_sample: array ``[n]``, pointwise values, aligned with the rows given; their (weighted) mean is the value in
        gap form.
      profile: dict with arrays ``logsnr [K]``, ``gap [K]``, ``difference [K]``, ``gaussian [K]``: the integrand against
        log-SNR (nats per unit of log-SNR).
      diagnostics: dict of numbers and of ``flags``, plain-word warnings.
      name: what was measured.
      unit: "nats" or "bits".
    """

    value: float
    stderr: float
    per_sample: np.ndarray | None = None
    profile: dict[str, np.ndarray] | None = None
    diagnostics: dict[str, Any] = {}
    name: str = ""
    unit: str = "nats"

    def ci(self, level: float = 0.95) -> tuple[float, float]:
        """Two-sided normal interval ``value ± z * stderr`` at confidence ``level`` (0 < level < 1)."""
        if isinstance(level, str) or not 0.0 < level < 1.0:
            raise ValueError(f"ci: level must lie strictly between 0 and 1, got {level!r}; 0.95 is the usual choice.")
        half = NormalDist().inv_cdf(0.5 + level / 2.0) * self.stderr
        return self.value - half, self.value + half

    @property
    def flags(self) -> tuple[str, ...]:
        """Warnings about this estimate, in plain words; empty when nothing looks wrong."""
        return tuple(self.diagnostics.get("flags", ()))

    def to(self, unit: str) -> Estimate:
        """The same estimate in ``unit`` ("nats" or "bits"): bits = nats / ln 2."""
        if unit not in ("nats", "bits"):
            raise ValueError(f"unit must be 'nats' or 'bits', got {unit!r}.")
        if unit == self.unit:
            return self
        scale = 1.0 / NATS_PER_BIT if unit == "bits" else NATS_PER_BIT
        return self._replace(
            value=self.value * scale,
            stderr=self.stderr * scale,
            per_sample=None if self.per_sample is None else self.per_sample * scale,
            profile=None
            if self.profile is None
            else {k: v if k == "logsnr" else v * scale for k, v in self.profile.items()},
            diagnostics={
                k: v if k not in INFORMATIVE or v is None else v.to(unit) if isinstance(v, Estimate) else v * scale
                for k, v in self.diagnostics.items()
            },
            unit=unit,
        )

    def __str__(self) -> str:
        text = f"{self.name or 'estimate'} = {self.value:.4f} ± {self.stderr:.4f} {self.unit}"
        return text + "".join(f"\n  ! {flag}" for flag in self.flags)

    def __repr__(self) -> str:
        return str(self)  # the arrays behind an estimate would drown it in a notebook


class Estimator(NamedTuple):
    """What every rival of ours is: three functions over explicit state.

    ``init(key, data) -> state``; ``update(state, data) -> state``; ``estimate(state, data) -> Estimate``.
    """

    init: Callable[..., Any]
    update: Callable[..., Any]
    estimate: Callable[..., Estimate]
