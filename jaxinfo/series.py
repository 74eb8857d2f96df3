"""Time series: transfer entropy, and measures in sliding windows; every window is one of many fits of one program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np

from jaxinfo import api, beside, columns, inputs
from jaxinfo.results import Results
from jaxinfo.types import Estimate

ADVICE = (
    "In windows: discrete=[] reads counts as numbers; where nothing happens, take wider windows (window=) or leave the "
    "samples out."
)
SEGMENTS = 50  # stretches of a series that count as independent draws, when nothing else is said


def transfer_entropy(x: Any, y: Any, lag: int = 1, *, groups: Any = None, **options: Any) -> Estimate:
    """Transfer entropy from X to Y: what the past of X says of Y's present beyond Y's own past.

        TE = I(Y_t; X_{t−lag … t−1} | Y_{t−lag … t−1})                                   (Schreiber, Phys. Rev. Lett. 85, 461)

    Neighbouring rows share samples, so rows are kept together in stretches: none is split between training and
    evaluation, and the standard error counts stretches, not rows.

    Args:
      x: series ``(T,)`` or ``(T, d)``.
      y: series of the same length.
      lag: how many past samples are looked at.
      groups: ``(T,)`` labels of recordings or trials that follow one another in the series: no past reaches across them,
        and they are the stretches.  By default the series is one recording, cut into 50 stretches.
      **options: see :func:`jaxinfo.fit`; ``sample_weight`` is ``(T,)``.

    Returns:
      An :class:`~jaxinfo.types.Estimate` in nats; ``per_sample`` is of the samples whose past is whole, in their order.

    Raises:
      ValueError: for series of different lengths, a lag below 1, or recordings too short for it.
    """
    sides = {"x": _series("x", x), "y": _series("y", y)}
    length = len(sides["x"])
    if len(sides["y"]) != length:
        raise ValueError(
            f"x and y must be equally long, got {length} and {len(sides['y'])} samples; cut the longer one."
        )
    beside.same_index({"x": x, "y": y, "groups": groups, "sample_weight": options.get("sample_weight")})
    if isinstance(lag, bool) or not isinstance(lag, Integral) or lag < 1:
        raise ValueError(f"lag must be a whole number of samples, at least 1, got {lag!r}.")
    given = beside.row_groups(groups, length)
    labels = np.zeros(length, int) if given is None else given
    stretch = np.arange(length) * SEGMENTS // length if given is None else given
    present = np.arange(lag, length)
    past = present[:, None] - np.arange(lag, 0, -1)  # [rows, lag], oldest first
    whole = (labels[past] == labels[present][:, None]).all(1)
    present, past = present[whole], past[whole]
    if not present.size:
        raise ValueError(f"no recording is longer than lag={lag} samples: lower lag or give longer recordings.")
    history = lambda side: sides[side][past].reshape(len(present), -1)
    variables = {"present": sides["y"][present], "source": history("x"), "own_past": history("y")}
    name = "conditional_mutual_information(present; source | own_past)"
    weights = beside.row_weights(options.pop("sample_weight", None), length)
    if weights is not None:
        options["sample_weight"] = weights[present]
    e = api.estimate(variables, name, groups=stretch[present], **options)[name]
    return e._replace(name=f"transfer_entropy(lag {lag})")


class Windows(list[Results]):
    """Results of successive windows: a list with their times, a table and a picture."""

    def __init__(self, results: Sequence[Results], times: Sequence[float]):
        super().__init__(results)
        self.times = np.asarray(times, float)

    def __getitem__(self, at):
        """One window's results, or of a slice the windows of it with their times."""
        found = super().__getitem__(at)
        return Windows(found, self.times[at]) if isinstance(at, slice) else found

    def rows(self, level: float = 0.95) -> list[dict[str, Any]]:
        """Tidy records as of :meth:`Results.rows`, each with its ``time``."""
        return [{"time": float(t)} | row for t, results in zip(self.times, self) for row in results.rows(level)]

    def to_pandas(self, level: float = 0.95) -> Any:
        """The same rows as a DataFrame indexed by (measure, time)."""
        try:
            import pandas as pd
        except ImportError as e:
            raise ImportError('to_pandas needs pandas: pip install "jaxinfo[plots]"') from e
        return pd.DataFrame(self.rows(level)).set_index(["measure", "time"]).sort_index()

    def series(self, measure: str) -> tuple[np.ndarray, np.ndarray]:
        """``(values [W], standard errors [W])`` of one measure."""
        return np.asarray([r[measure].value for r in self]), np.asarray([r[measure].stderr for r in self])

    def plot(self, path: str | Path | None = None) -> Any:
        """Every measure against time with its 95 % band; returns the Figure."""
        from jaxinfo import plots

        return plots.over_time(self.times, {name: [r[name] for r in self] for name in self[0]}, path)


def windows(
    vs: Mapping[str, Any],
    measures: str | Sequence[str] = api.queries.SYSTEM,
    *,
    window: int = 1,
    stride: int | None = None,
    times: Sequence[float] | None = None,
    **options: Any,
) -> Windows:
    """Measures in windows along a time axis: rows are trials, a window's samples are the coordinates of a variable.

    >>> # w = jaxinfo.windows({"V1": spikes_a, "LM": spikes_b, "RL": spikes_c}, "o_information", window=5)
    >>> # w.to_pandas(); w.plot("omega.png")

    Args:
      vs: dict name -> ``[trials, T]`` or ``[trials, T, d]``, aligned in time.
      measures: as in :func:`jaxinfo.fit`.
      window: samples in a window.
      stride: samples from one window to the next; ``window`` by default (side by side).
      times: ``[T]`` time of each sample; a window is labelled by the mean over its samples.  Sample numbers by default.
      **options: see :func:`jaxinfo.fit`; all windows are trained in one program.

    Raises:
      ValueError: for arrays that are not aligned, a window or stride that does not fit, or bad data; says which window.
    """
    arrays, variables = {}, inputs.named(vs)
    beside.same_index(variables | {k: options.get(k) for k in ("groups", "sample_weight")})
    for name, v in variables.items():
        a = columns.plain(name, v)
        if a.ndim not in (2, 3):
            raise ValueError(f"{name}: expected an array [trials, T] or [trials, T, d], got shape {a.shape}.")
        arrays[name] = a if a.ndim == 3 else a[:, :, None]
    shapes = {a.shape[:2] for a in arrays.values()}
    if len(shapes) != 1:
        raise ValueError(f"variables must share trials and times, got shapes {sorted(shapes)} of [trials, T].")
    length = shapes.pop()[1]
    stride = window if stride is None else stride
    for name, count in (("window", window), ("stride", stride)):
        if isinstance(count, bool) or not isinstance(count, Integral):
            raise ValueError(f"{name} must be a whole number of samples, got {count!r}.")
    if not 1 <= window <= length or stride < 1:
        raise ValueError(f"window must lie between 1 and {length} and stride be at least 1, got {window} and {stride}.")
    at = np.arange(length, dtype=float) if times is None else np.asarray(times, float)
    if at.shape != (length,):
        raise ValueError(f"times must have one entry per sample, expected {length}, got shape {at.shape}.")
    starts = range(0, length - window + 1, stride)
    middles = [at[s : s + window].mean() for s in starts]
    cut = lambda a, s: a[:, s : s + window].reshape(a.shape[0], -1)
    parts = {
        f"window {i} (time {middle:g})": {k: cut(a, s) for k, a in arrays.items()}
        for i, (s, middle) in enumerate(zip(starts, middles))
    }
    return Windows(api.estimate_each(parts, measures, advice=ADVICE, **options), middles)


def _series(name: str, value: Any) -> np.ndarray:
    a = columns.plain(name, value)
    if a.ndim not in (1, 2):
        raise ValueError(f"{name}: expected a series (T,) or (T, d), got shape {a.shape}.")
    columns.refuse_complex(name, a)
    columns.refuse_dates(name, a)
    try:
        a = a.astype(np.float64)
    except (TypeError, ValueError) as e:
        raise ValueError(f"{name}: expected a series of numbers; code labels as columns of 0 and 1 ({e}).") from e
    return columns.numbers(name, a.reshape(len(a), -1))
