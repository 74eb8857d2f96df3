"""The published recipes whole, from the records of ``configs/published.py``.

Drawn by ``python -m experiments.tables --records=records/published.jsonl``.
"""

from pathlib import Path

from experiments.documents import acceptance
from experiments.documents.heading import commits, heading

MAKE = "python -m experiments.sweep --config=configs/published.py --workdir=records"


def markdown(records: list[dict]) -> str:
    """The whole document: a line per task, and no bar."""
    table, number = acceptance.rows(records), acceptance.number
    lines = [
        *heading("The published recipes", MAKE, "published"),
        f"Code: commit {commits(records)}. MINDE on the 40 tasks, SOI on ten variables, with the steps and rates of",
        "the thesis, by this repository's implementation: SOI's network is shallower than the published one, other",
        f"differences stand in `estimators/published.py`. Trained on {records[0]['n']} rows, read on {records[0]['test']}",
        "fresh ones. In nats, means over data seeds; the error is that of |estimate − truth|.",
        "",
        "![errors](published.png)",
        "",
        "| task | measure | seeds | truth | estimate | error | s.e. | CPU-s |",
        "|---|---|" + "--:|" * 6,
    ]
    for r in table:
        cells = [
            r["task"], r["measure"], str(r["seeds"]), *(number(r[k]) for k in ("truth", "estimate", "error", "stderr")),
            number(r["cpu_s"], 0),
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def picture(records: list[dict], path: Path) -> None:
    """Estimate minus truth of every task with 95 % intervals."""
    acceptance.picture(records, path)
