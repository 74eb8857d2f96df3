"""How studies call the front door: what is trained kept where a killed cell finds it, permutation tests beside."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

SYSTEM = ("total_correlation", "dual_total_correlation")  # 0 exactly when all variables are independent
WHOLE = (*SYSTEM, "o_information")
# what rows tell of diagnostics; draws are aligned over windows and measures
TOLD = ("gap", "difference", "optimism", "null", "bootstrap")
NULL = {"budget": "quick", "folds": 2, "steps": 1_500}  # statistic and null share it: the test is valid, if less sharp


def split(options: dict) -> tuple[dict, int, int]:
    """Options of training, how many permutations, how many bootstraps."""
    training = {k: v for k, v in options.items() if k not in ("null", "bootstrap")}
    return training, options.get("null", 0), options.get("bootstrap", 0)


def for_null(training: dict) -> dict:
    """The options of a permutation test beside an estimate with these: no more than its own small budget."""
    return training | NULL | {"steps": min(training.get("steps", NULL["steps"]), NULL["steps"])}


def kept(place: Path | None, call: str) -> dict:
    """Where this call of a cell keeps its training, as options: each has a directory of its own; none without a place."""
    return {} if place is None else {"checkpoint_dir": str(place / call)}


def rows(results) -> list[dict]:
    """Tidy rows of results, or of windows; the flags of each are a list, in full, and what is TOLD stands beside."""
    each = results if isinstance(results, list) else [results]
    told = lambda found: {k: np.round(found[k], 5).tolist() for k in TOLD if found.get(k) is not None}
    more = [{"flags": list(e.flags)} | told(e.diagnostics) for found in each for e in found.values()]
    return [row | beside for row, beside in zip(results.rows(), more)]


def told(vs: dict, measures: Sequence[str], cell: dict, place: Path | None, call: str, **more) -> list[dict]:
    """Rows of these measures, with bootstraps, and p-values where independence can be permuted.

    Args:
      vs: variables.
      measures: what is asked.
      cell: its ``seed``, and its ``options``, of which ``null`` counts permutations and ``bootstrap`` refits.
      place: where a long cell keeps what it has, or None.
      call: what this call is, in a word no other call of the cell has.
      **more: options of the front door.
    """
    import jaxinfo as ji
    from jaxinfo.estimators import permutation

    training, _, again = split(cell["options"])
    options = {"discrete": (), "seed": cell["seed"], "progress": False} | training | kept(place, call) | more
    found = rows(ji.estimate(vs, measures, bootstrap=again, **options))
    testable = tuple(m for m in measures if m.partition("(")[0] in permutation.MEASURES)
    return beside(found, tested(vs, testable, cell, place, f"{call}_null", **more))


def tested(vs: dict, measures: Sequence[str], cell: dict, place: Path | None, call: str, **more) -> list[dict]:
    """Rows of these measures with their ``p_value``; none when the cell asks for no permutations.  Arguments as above."""
    import jaxinfo as ji

    training, null, _ = split(cell["options"])
    if not null or not measures:
        return []
    options = {"discrete": (), "seed": cell["seed"], "progress": False} | for_null(training) | kept(place, call) | more
    return rows(ji.estimate(vs, measures, null=null, **options))


def beside(found: list[dict], tests: list[dict]) -> list[dict]:
    """The rows, each with the p-value of its measure, in its window when there are some; None where it was not tested.

    What was ``tested``, the gap of an estimate of its own, and the ``null``, gaps too, stand beside it.
    """
    key = lambda row: (row["measure"], row.get("time"))
    of = {key(row): row for row in tests}
    kept = lambda test: {"p_value": test["p_value"], "tested": test["gap"], "null": test.get("null")}
    return [row | (kept(of[key(row)]) if key(row) in of else {"p_value": None}) for row in found]
