"""Measures compiled to arrays: each distinct view is scored once per draw, and measures are linear in what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from jaxinfo import views as vw
from jaxinfo.measures import CrossEntropy, Gaussian, Measure, Scores


@dataclass(frozen=True, eq=False)
class Plan:
    """Measures compiled to arrays; hashed by identity, and :func:`plan` gives one object per list of measures.

    Attributes:
      names: M names.
      views: V distinct views, scored by the network.
      references: (reference, view) of Gaussian sources; source V + r is ``references[r]``.
      pairs: ``[P, 3]`` integers (variable, source of p, source of q).
      matrix: ``[M, P]``.
      cross: per measure, its cross-entropy terms.
    """

    names: tuple[str, ...]
    views: tuple[vw.View, ...]
    references: tuple[tuple[Gaussian, vw.View], ...]
    pairs: np.ndarray
    matrix: np.ndarray
    cross: tuple[tuple[CrossEntropy, ...], ...]

    @cached_property
    def entries(self) -> tuple[tuple[int, int], ...]:
        """(source, variable) of everything predicted: the NOISED variables of each view, then of each reference."""
        each = (*self.views, *(view for _, view in self.references))
        return vw.entries(each)


def plan(measures: Mapping[str, Measure]) -> Plan:
    """Compile measures of the same number of variables.

    Raises:
      ValueError: when there is none, or they disagree on the number of variables.
    """
    if not measures:
        raise ValueError("no measure was asked for.")
    return _plan(tuple(measures.items()))


@lru_cache(maxsize=256)
def _plan(items: tuple[tuple[str, Measure], ...]) -> Plan:
    measures = dict(items)
    counts = {m.n for m in measures.values()}
    if len(counts) != 1:
        raise ValueError(f"measures must speak of the same variables, got counts {sorted(counts)}.")
    n = counts.pop()
    views = tuple(dict.fromkeys(v for m in measures.values() for v in m.views()))
    if not views:
        raise ValueError("these measures are identically zero: every term cancelled, and no score is left to read.")
    number: dict[vw.View | None, int] = {v: k for k, v in enumerate(views)}
    references: dict[tuple[Gaussian, vw.View], int] = {}
    pairs: dict[tuple[int, int, int], int] = {}
    entries = []
    for row, measure in enumerate(measures.values()):
        for t in measure.terms:
            if isinstance(t, CrossEntropy):
                continue
            read = [i for i, v in enumerate(t.p.views) if v is not None]
            for i in read:
                if isinstance(t.q, Scores):
                    q = number[t.q.views[i]]
                else:
                    key = (t.q, vw.view(n, read))
                    q = len(views) + references.setdefault(key, len(references))
                pair = pairs.setdefault((i, number[t.p.views[i]], q), len(pairs))
                entries.append((row, pair, t.weight))
    matrix = np.zeros((len(measures), max(len(pairs), 1)))
    for row, pair, weight in entries:
        matrix[row, pair] += weight
    cross = tuple(tuple(t for t in m.terms if isinstance(t, CrossEntropy)) for m in measures.values())
    table = np.asarray(list(pairs) or [(0, 0, 0)], dtype=np.int32)
    return Plan(tuple(measures), views, tuple(references), table, matrix, cross)
