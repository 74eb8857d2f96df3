"""The same questions to data drawn anew: permuted until nothing depends on anything else, or rows drawn with replacement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from jaxinfo.estimators import bootstrap, permutation
from jaxinfo.inputs import Table
from jaxinfo.options import Options
from jaxinfo.types import Estimate

Drawn = tuple[Table, Options]


def permuted(table: Table, groups: np.ndarray | None, opts: Options, together: Sequence[int] = ()) -> Iterator[Drawn]:
    """The table itself, then ``opts.null`` copies with each variable's rows but the first's permuted; ``groups [n]``.

    With variables ``together`` those alone are permuted, all alike.  All take one small budget and one code path, so the test
    is valid whatever the network's bias.
    """
    quick = replace(opts, budget="quick")
    yield table, quick
    for x in permutation.independent(table.x, table.blocks.slices, groups, opts.null, opts.seed, together):
        yield replace(table, x=x), quick


def with_p_value(found: Mapping[str, Estimate], read: Sequence[Mapping[str, Estimate]]) -> dict[str, Estimate]:
    """The measures that were read of :func:`permuted` tables, with ``p_value`` and ``null [m]`` (nats) in their diagnostics."""
    gap = lambda e: e.diagnostics.get("gap", e.value)
    out = {}
    for name in read[0]:
        draws = np.asarray([gap(r[name]) for r in read[1:]])
        p = permutation.p_value(gap(read[0][name]), draws)
        out[name] = found[name]._replace(diagnostics=found[name].diagnostics | {"p_value": p, "null": draws})
    return out


def resampled(table: Table, weights: np.ndarray | None, groups: np.ndarray | None, opts: Options) -> Iterator[Drawn]:
    """``opts.bootstrap`` tables of rows (or groups) drawn with replacement; copies of a unit stay together.

    ``weights`` and ``groups`` are ``[n]`` or None; see :mod:`jaxinfo.estimators.bootstrap`.
    """
    for rows, units in bootstrap.resampled(table.x.shape[0], groups, opts.bootstrap, opts.seed):
        of_rows = replace(opts, groups=units, sample_weight=None if weights is None else weights[rows])
        yield replace(table, x=table.x[rows]), of_rows


def with_spread(found: Mapping[str, Estimate], read: Sequence[Mapping[str, Estimate]]) -> dict[str, Estimate]:
    """Estimates with their values on :func:`resampled` tables, ``bootstrap [m]``, and the standard deviation of those, nats."""
    out = {}
    for name, e in found.items():
        draws = np.asarray([r[name].value for r in read])
        spread = {"bootstrap": draws, "bootstrap_stderr": float(draws.std(ddof=1))}
        out[name] = e._replace(diagnostics=e.diagnostics | spread)
    return out
