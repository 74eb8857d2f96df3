"""KL divergence between two data sets with one network, conditioned on which of them a row is from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from jaxinfo import inputs
from jaxinfo import measures as ms
from jaxinfo.blocks import Blocks
from jaxinfo.estimators import crossfit, readout, summary
from jaxinfo.estimators.settings import resolve
from jaxinfo.options import Options
from jaxinfo.plan import plan
from jaxinfo.types import Estimate


def kl_divergence(xp: Any, xq: Any, opts: Options, overrides: Mapping[str, Any]) -> Estimate:
    """KL(p‖q) in nats (``opts.unit``) from rows of both, ``[n, d]`` and ``[m, d]``; see :func:`jaxinfo.kl_divergence`.

    One network learns both laws: which one a row is of is a label, given twice, so that a view can condition on either.

    Raises:
      ValueError: for options that need one data set, or different numbers of columns.
    """
    if opts.groups is not None or opts.sample_weight is not None or opts.null or opts.bootstrap:
        raise ValueError(
            "kl_divergence takes no groups, sample_weight, null or bootstrap: its rows belong to two data sets."
        )
    tables = [inputs.check({"x": v}, (), seed=opts.seed) for v in (xp, xq)]
    p, q = (t.x for t in tables)
    if p.shape[1] != q.shape[1]:
        raise ValueError(f"both data sets need the same columns, got {p.shape[1]} and {q.shape[1]}.")
    d = p.shape[1]
    blocks = Blocks((d, 1, 1), ("x", "law_p", "law_q"), (False, True, True))
    label = np.concatenate([np.ones(len(p)), np.zeros(len(q))])
    x = np.column_stack([np.concatenate([p, q]), label - 0.5, label - 0.5])
    weights = np.concatenate([np.full(len(p), 0.5 / len(p)), np.full(len(q), 0.5 / len(q))]) * len(x)
    measures = {"kl_divergence": ms.kl(3, [0], 1, 2)}
    settings = resolve(opts.budget, overrides)
    fitted = crossfit.fit(
        x, blocks, plan(measures).views, settings, opts.seed, weights=None if len(p) == len(q) else weights
    )
    fitted = readout.tune(fitted, x, opts.seed)
    # Read on rows of p whose second label says q; rows of q stay in place so that folds keep their row numbers.
    asked = x.copy()
    asked[:, d + 1] = -0.5
    only_p = np.concatenate([np.ones(len(p)), np.zeros(len(q))])
    out = readout.read(fitted, measures, asked, opts.seed, weights=only_p)
    rows = replace(
        out,
        gap=out.gap[..., : len(p)],
        difference=out.difference[..., : len(p)],
        gaussian=out.gaussian[:, : len(p)],
    )
    notes = tuple(dict.fromkeys(tables[0].notes + tables[1].notes))
    e = summary.estimates(rows, fitted, measures, notes=notes)["kl_divergence"]
    return e.to(opts.unit)
