"""Proteins of single cells (Sachs et al., Science 308, 523, 2005): is the gradient of Ω larger where edges are known?

The file holds ``X`` ``[cell, protein]`` intensities, ``variables``, ``condition`` ``[cell]`` with ``condition_names``, and
``consensus_edges`` ``[edge, 2]`` (from, to) of the signalling network.
"""

from pathlib import Path

import numpy as np

from experiments.datasets.null import SYSTEM, beside, tested

FILE = "sachs.npz"


def read(path, condition: str | None = None):
    """Log intensities by protein, the cells of one condition or all, and the known edges as pairs of names."""
    with np.load(path) as z:
        x, names, edges = z["X"], [str(v) for v in z["variables"]], z["consensus_edges"]
        conditions = z["condition_names"][z["condition"]]
    if condition is not None:
        if condition not in conditions:
            raise ValueError(
                f"{path} has no condition {condition!r}; expected one of {', '.join(np.unique(conditions))}."
            )
        x = x[conditions == condition]
    return dict(zip(names, np.log(x.astype(np.float64)).T)), [(names[a], names[b]) for a, b in edges]


def cells(config, path: Path) -> list[dict]:
    """All cells together, and those of the conditions named."""
    return [{"condition": c} for c in (None, *config.conditions)]


def measure(cell: dict) -> list[dict]:
    """System with its null, gradient and pairs, each row with the known edges of its protein or between its two."""
    import jaxinfo as ji

    vs, edges = read(cell["path"], cell["condition"])
    options = dict(cell["options"])
    null = options.pop("null", 0)
    asked = ("total_correlation", "dual_total_correlation", "o_information", "o_information_gradient")
    model = ji.fit(vs, asked, seed=cell["seed"], discrete=(), progress=False, **options)
    rows = model.estimate().rows() + model.subsets((2,), "total_correlation").rows()
    rows = beside(rows, tested(vs, SYSTEM, null, cell["seed"], options))
    for row in rows:
        inside = row["measure"].partition("(")[2].rstrip(")").split(", ")
        row["edges"] = sum(set(inside) <= {a, b} if len(inside) == 2 else inside[0] in (a, b) for a, b in edges)
    return rows
