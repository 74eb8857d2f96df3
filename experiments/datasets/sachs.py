"""Proteins of single cells (Sachs et al., Science 308, 523, 2005): is the gradient of Ω larger where edges are known?

The file holds ``X`` ``[cell, protein]`` intensities, ``variables``, ``condition`` ``[cell]`` with ``condition_names``, and
``consensus_edges`` ``[edge, 2]`` (from, to) of the signalling network.
"""

from itertools import combinations
from pathlib import Path

import numpy as np

from experiments.datasets import calls

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
    """Those of the conditions named, and all cells together."""
    return [{"condition": c, "long": True} for c in (*config.conditions, None)]


def measure(cell: dict, place: Path | None = None) -> list[dict]:
    """System, gradient and pairs, each row with the known edges of its protein or between its two.

    Pairs are tested within a condition: interventions move many proteins at once, so in all cells together nearly every
    pair depends.
    """
    vs, edges = read(cell["path"], cell["condition"])
    pairs = tuple(f"total_correlation({a}, {b})" for a, b in combinations(vs, 2))
    rows = calls.told(vs, (*calls.WHOLE, "o_information_gradient"), cell, place, "system")
    within = cell if cell["condition"] else cell | {"options": cell["options"] | {"null": 0}}
    rows += calls.told(vs, pairs, within, place, "pairs")
    for row in rows:
        inside = row["measure"].partition("(")[2].rstrip(")").split(", ")
        row["edges"] = sum(set(inside) <= {a, b} if len(inside) == 2 else inside[0] in (a, b) for a, b in edges)
    return rows
