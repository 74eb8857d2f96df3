"""What each choice is worth, from the records of ``configs/ablations.py``.

Drawn by ``python -m experiments.tables --records=records/ablations.jsonl``.
"""

import json
from pathlib import Path

import numpy as np

from experiments.documents.heading import commits, heading

MAKE = "python -m experiments.sweep --config=configs/ablations.py --workdir=records"
MEASURE = "mutual_information"
DEFAULT, FORMS = "default", ("gap", "difference")


def changed(records: list[dict]) -> list[dict]:
    """One row per change (options and rows): per task the errors over data seeds, and what a fit costs.

    The first is the default, which has no option set and as many rows as most others; then come the values that it could
    have told instead, from the same networks (``value=gap`` and so on).
    """
    kept = {(r["task"], r["n"], r["seed"], json.dumps(r["options"], sort_keys=True)): r for r in records}
    counts = [n for _, n, _, _ in kept]
    usual = max(set(counts), key=counts.count)
    cells: dict[tuple, dict[str, list[dict]]] = {}
    for (task, n, _, options), r in kept.items():
        cells.setdefault((n, options), {}).setdefault(task, []).append(r)
    rows = []
    for (n, options), tasks in cells.items():
        words = [f"{k}={v}" for k, v in json.loads(options).items()] + ([f"n={n}"] if n != usual else [])
        # the first seed compiles for the rest
        cpu = float(np.mean([min(r["cpu_s"] for r in rs) for rs in tasks.values()]))
        errors = lambda told, tasks=tasks: {
            t: np.array([told(r) - r["truth"][MEASURE] for r in rs]) for t, rs in tasks.items()
        }
        rows.append(
            {"change": ", ".join(words) or DEFAULT, "error": errors(lambda r: r["value"][MEASURE]), "cpu_s": cpu}
        )
        if not words:
            other = {k: errors(lambda r, k=k: r.get("diagnostics", {}).get(MEASURE, {}).get(k, np.nan)) for k in FORMS}
            rows += [{"change": f"value={k}", "error": e, "cpu_s": cpu} for k, e in other.items()]
    first = (DEFAULT, *(f"value={k}" for k in FORMS))
    return sorted(rows, key=lambda row: first.index(row["change"]) if row["change"] in first else len(first))


def markdown(records: list[dict]) -> str:
    """The whole document."""
    rows = changed(records)
    tasks = list(dict.fromkeys(t for row in rows for t in row["error"]))
    number = lambda v: f"{v:+.3f}".replace("-", "−")
    lines = [
        *heading("What each choice is worth", MAKE, "ablations"),
        f"Code: commit {commits(records)}. Mean of estimate − truth ± its standard deviation over data seeds, in nats; one",
        "option changed at a time. *mean error* is the mean of |estimate − truth| over tasks and seeds; *CPU-s* of a fit is",
        "the mean over tasks of the least over seeds, since the first compiles for the others.",
        "",
        "![errors](ablations.png)",
        "",
        "| change | " + " | ".join(tasks) + " | mean error | CPU-s |",
        "|---|" + "--:|" * (len(tasks) + 2),
    ]
    for row in rows:
        cells = [
            f"{number(row['error'][t].mean())} ± {row['error'][t].std():.3f}" if t in row["error"] else "–"
            for t in tasks
        ]
        lines.append(f"| {row['change']} | " + " | ".join(cells) + f" | {_error(row):.3f} | {row['cpu_s']:.0f} |")
    return "\n".join(lines) + "\n"


def _error(row: dict) -> float:
    return float(np.mean([abs(e).mean() for e in row["error"].values()]))


def picture(records: list[dict], path: Path) -> None:
    """Errors of every change, a panel per task and a dot per data seed; the default is orange."""
    from matplotlib.figure import Figure

    from jaxinfo import plots

    rows = changed(records)
    tasks = list(dict.fromkeys(t for row in rows for t in row["error"]))
    figure = Figure(figsize=(3.0 + 2.6 * len(tasks), 1.0 + 0.24 * len(rows)), layout="constrained", facecolor="white")
    for k, (axes, task) in enumerate(zip(figure.subplots(1, len(tasks), squeeze=False, sharey=True)[0], tasks)):
        for y, row in enumerate(reversed(rows)):
            errors = row["error"].get(task, np.array([]))
            colour = plots.ORANGE if row["change"] == DEFAULT else plots.BLUE
            axes.plot(errors, np.full(errors.size, y), "o", ms=4, color=colour)
        axes.axvline(0, color=plots.GREY, lw=0.8)
        axes.set_title(task, fontsize=plots.SMALL)
        axes.set_xlabel("estimate − truth  [nats]", fontsize=plots.SMALL)
        axes.tick_params(labelsize=plots.SMALL)
        axes.spines[["top", "right"]].set_visible(False)
        if k == 0:
            axes.set_yticks(range(len(rows)), [row["change"] for row in reversed(rows)])
    figure.savefig(path, dpi=110)
