"""Recordings of several brain areas in trials: windows after stimulus onset, conditions, and what is measured in them."""

from typing import NamedTuple

import numpy as np

SYSTEM = ("s_information", "o_information")


class Trials(NamedTuple):
    """Spike counts of a session.

    Attributes:
      counts: area -> ``[trials, T]`` counts per bin, averaged over the area's units.
      condition: ``[trials]`` what each trial is compared by.
      bin_s: seconds of a bin.
    """

    counts: dict[str, np.ndarray]
    condition: np.ndarray
    bin_s: float


def coarser(counts: np.ndarray, by: int) -> np.ndarray:
    """``[trials, T]`` counts summed over ``by`` neighbouring bins; what is left over at the end is dropped."""
    trials, length = counts.shape
    return counts[:, : length // by * by].reshape(trials, -1, by).sum(2)


def windows(trials: Trials, condition: str, step_s: float, window_s: float, seed: int, options: dict) -> list[dict]:
    """S- and O-information (mutual information of two areas) in windows side by side, for one condition.

    Args:
      trials: a session.
      condition: which trials.
      step_s: counts are taken in steps of so many seconds, each a coordinate of its area's vector.
      window_s: length of a window.
      seed: of the estimates.
      options: of the front door; ``bootstrap`` counts refits on trials drawn again, ``null`` permutations for the
        p-value of S-information.

    Returns:
      Tidy rows: time of the window's middle (s), measure, value and what :meth:`jaxinfo.results.Results.rows` has.
    """
    import jaxinfo as ji

    by, per = round(step_s / trials.bin_s), round(window_s / step_s)
    kept = trials.condition == condition
    vs = {area: coarser(counts[kept], by) for area, counts in trials.counts.items()}
    length = next(iter(vs.values())).shape[1]
    at = (np.arange(length) + 0.5) * step_s
    fitting = {k: v for k, v in options.items() if k not in ("null", "bootstrap")}
    call = lambda measures, **more: ji.windows(
        vs, measures, window=per, times=at, seed=seed, discrete=(), progress=False, **fitting, **more
    )
    tested = "mutual_information" if len(vs) == 2 else SYSTEM[0]
    found = call(tested if len(vs) == 2 else SYSTEM, bootstrap=options.get("bootstrap", 0)).rows()
    p = (
        {row["time"]: row["p_value"] for row in call(tested, null=options["null"]).rows()}
        if options.get("null")
        else {}
    )
    return [row | {"p_value": p.get(row["time"]) if row["measure"] == tested else None} for row in found]
