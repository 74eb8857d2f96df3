"""Recordings of several brain areas in trials: windows after stimulus onset, conditions, and what is measured in them."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.datasets import calls

SYSTEM = ("s_information", "o_information")
UNTIL_S = 0.25  # from onset, as in thesis C.3.4: later counts hold what the animal does


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


class Contrast(NamedTuple):
    """Two conditions that are compared.

    Few trials bias an estimate, so they are compared on equally many: of the ``larger`` one, as many are drawn.

    Attributes:
      of: the condition that is expected to share more.
      against: the other one.
      larger: the one of the two with more trials.
    """

    of: str
    against: str
    larger: str

    def cells(self, again: bool = True) -> list[dict]:
        """What is measured: both conditions on all their trials, and the larger on as many as the other has.

        ``again``: whether those that are compared are also measured on trials drawn again.
        """
        which = [(self.of, False), (self.against, False), (self.larger, True)]
        return [{"condition": c, "matched": m, "again": again and (c, m) in self.compared()} for c, m in which]

    def compared(self) -> tuple[tuple[str, bool], tuple[str, bool]]:
        """(condition, matched) of the two that are subtracted."""
        return (self.of, self.of == self.larger), (self.against, self.against == self.larger)


def chosen(condition: np.ndarray, wanted: str, matched: bool, seed: int) -> np.ndarray:
    """Numbers of the trials of a condition; ``matched`` draws as many of them as the rarest condition has."""
    rows = np.flatnonzero(condition == wanted)
    if not matched:
        return rows
    least = np.unique(condition, return_counts=True)[1].min()
    return np.sort(np.random.default_rng([seed, 6]).choice(rows, least, replace=False))


def coarser(counts: np.ndarray, by: int) -> np.ndarray:
    """``[trials, T]`` counts summed over ``by`` neighbouring bins; what is left over at the end is dropped."""
    trials, length = counts.shape
    return counts[:, : length // by * by].reshape(trials, -1, by).sum(2)


def measurable(vs: dict[str, np.ndarray], per: int) -> np.ndarray:
    """Which samples lie in windows of ``per`` samples that can be measured like the others: ``[T]``.

    Not where an area is silent at one of them in all trials, nor where two of them hold the same counts in every trial.
    """
    length = next(iter(vs.values())).shape[1] // per * per
    varied = lambda cut: bool(np.ptp(cut, axis=0).all()) and np.unique(cut, axis=1).shape[1] == per
    starts = range(0, length, per)
    return np.repeat([all(varied(counts[:, s : s + per]) for counts in vs.values()) for s in starts], per)


def windows(trials: Trials, cell: dict, place: Path | None) -> list[dict]:
    """S- and O-information (mutual information of two areas) in windows side by side, for one condition.

    Args:
      trials: a session.
      cell: which trials (``condition``, ``matched``), and whether they are drawn ``again``; ``step_s``, in which counts are
        taken, each a coordinate of its area's vector; ``window_s``, the length of a window; ``seed``; ``options`` of the
        front door, of which ``bootstrap`` counts refits on trials drawn again, and ``null`` permutations for the p-value of
        S- or mutual information, taken where all trials are used.
      place: where a long cell keeps what it has, or None.

    Returns:
      Tidy rows: time of the window's middle (s), measure, value and what :meth:`jaxinfo.results.Results.rows` has.
    """
    import jaxinfo as ji

    by, per = round(cell["step_s"] / trials.bin_s), round(cell["window_s"] / cell["step_s"])
    kept = chosen(trials.condition, cell["condition"], cell["matched"], cell["seed"])
    until = round(UNTIL_S / trials.bin_s)
    vs = {area: coarser(counts[kept, :until], by) for area, counts in trials.counts.items()}
    left = np.flatnonzero(measurable(vs, per))
    if not left.size:
        return []
    training, null, again = calls.split(cell["options"])
    call = lambda measures, name, options, **more: calls.rows(
        ji.windows(
            {area: counts[:, left] for area, counts in vs.items()}, measures, window=per, times=(left + 0.5) * cell["step_s"],
            seed=cell["seed"], discrete=(), progress=False, **options, **calls.kept(place, name), **more,
        )
    )  # fmt: skip
    asked = SYSTEM if len(vs) > 2 else ("mutual_information",)
    found = call(asked, "windows", training, bootstrap=again if cell["again"] else 0)
    if not null or cell["matched"]:
        return calls.beside(found, [])
    return calls.beside(found, call(asked[0], "windows_null", calls.for_null(training), null=null))
