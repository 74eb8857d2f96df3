"""What each choice is worth, from the records of ``configs/ablations.py``.

Drawn by ``python -m experiments.tables --records=records/ablations.jsonl``.
"""

import json
from collections import Counter
from pathlib import Path

import numpy as np

from experiments.documents.heading import commits, heading
from experiments.documents.rows import options_in_words, over_seeds

MAKE = "python -m experiments.sweep --config=configs/ablations.py --workdir=records"
DEFAULT, FORMS = "default", ("gap", "difference", "mean")


def changed(records: list[dict]) -> list[dict]:
    """One row per change (``options`` and rows ``n``): per task the errors, the data seed and measure of each
    (``sets``), and what a fit costs.

    The first is the default, which has no option set and as many rows as most others; then come the values that it could
    have told instead, from the same networks (``value=gap`` and so on).
    """
    kept = {(r["task"], r["n"], r["seed"], json.dumps(r["options"], sort_keys=True)): r for r in records}
    counts = [n for _, n, _, _ in kept]
    usual = max(sorted(set(counts)), key=counts.count)
    cells: dict[tuple, dict[str, list[dict]]] = {}
    for (task, n, _, options), r in kept.items():
        cells.setdefault((n, options), {}).setdefault(task, []).append(r)
    rows = []
    for (n, options), tasks in cells.items():
        chosen, more = json.loads(options), [f"n={n}"] if n != usual else []
        words = options_in_words(chosen) + more
        cpu = {t: min(r["cpu_s"] for r in rs) for t, rs in tasks.items()}  # the first seed compiles for the rest
        processors = dict.fromkeys(processor(r) for rs in tasks.values() for r in rs)
        errors = lambda told, tasks=tasks: {
            t: np.array([told(r, m) - r["truth"][m] for r in rs for m in r["value"]]) for t, rs in tasks.items()
        }
        sets = {t: [(r["seed"], m) for r in rs for m in r["value"]] for t, rs in tasks.items()}
        row = lambda change, error, chosen, cpu=cpu, processors=processors, n=n, sets=sets: {
            "change": change, "error": error, "size": {t: float(abs(e).mean()) for t, e in error.items()}, "cpu_s": cpu,
            "processor": ", ".join(processors), "n": n, "options": chosen, "sets": sets,
        }  # fmt: skip
        rows.append(row(", ".join(words) or DEFAULT, errors(lambda r, m: r["value"][m]), chosen))
        # widths of the Gaussian that both laws are compared with cancel in gap: they show in difference alone
        forms = FORMS if not words else ("difference",) if "sigma" in chosen else ()
        told = {k: errors(lambda r, m, k=k: instead(r.get("diagnostics", {}).get(m, {}), k)) for k in forms}
        rows += [row(", ".join([*words, f"value={k}"]), e, chosen | {"value": k}) for k, e in told.items()]
    first = (DEFAULT, *(f"value={k}" for k in FORMS))
    return sorted(rows, key=lambda row: first.index(row["change"]) if row["change"] in first else len(first))


def instead(diagnostics: dict, form: str) -> float:
    """What one of FORMS would have told."""
    gap, difference = (diagnostics.get(k, np.nan) for k in ("gap", "difference"))
    return {"gap": gap, "difference": difference, "mean": 0.5 * (gap + difference)}[form]


def processor(record: dict) -> str:
    """What a fit's CPU-seconds were spent on."""
    return str(record.get("environment", {}).get("processor", "?"))


def markdown(records: list[dict]) -> str:
    """The whole document; where machines differ, each row says its own."""
    rows = changed(records)
    several = len({row["processor"] for row in rows}) > 1
    tasks = list(dict.fromkeys(t for row in rows for t in row["error"]))
    shared = shared_tasks(rows)
    lines = [
        *heading("What each choice is worth", MAKE, "ablations"),
        f"Code: commit {commits(records)}. Mean of estimate − truth ± its standard deviation over data seeds (where there are",
        "several), in nats, of mutual information; one option changed at a time, or",
        "some that belong together; more than 20,000 rows may take more steps, too. *mean error* is the",
        f"mean of |estimate − truth| over seeds and the tasks that most changes have ({', '.join(shared)});",
        "*CPU-s* of a fit is the mean over them of the least over seeds, since the first compiles for the others"
        + ("; compare it between rows of one processor." if several else f", on {rows[0]['processor']}."),
        "",
        "![errors](ablations.png)",
        "",
        "| change | " + " | ".join(tasks) + " | mean error | CPU-s |" + " processor |" * several,
        "|---|" + "--:|" * (len(tasks) + 2) + "---|" * several,
    ]
    for row in rows:
        cells = [over_seeds(row["error"][t], sign="+") if t in row["error"] else "–" for t in tasks]
        whole = "– | –"
        if set(shared) <= set(row["error"]):
            error, cpu = (np.mean([row[k][t] for t in shared]) for k in ("size", "cpu_s"))
            whole = f"{error:.3f} | {cpu:.0f}"
        lines.append(f"| {row['change']} | " + " | ".join(cells) + f" | {whole} |" + f" {row['processor']} |" * several)
    return "\n".join(lines) + "\n"


def shared_tasks(rows: list[dict]) -> list[str]:
    """The tasks that more than half of the changes have; what a fit could have told instead is no other fit."""
    fits = [row for row in rows if "value" not in row["options"]]
    counts = Counter(t for row in fits for t in row["error"])
    return [t for t, count in counts.items() if 2 * count > len(fits)]


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
        axes.locator_params(axis="x", nbins=4)
        axes.spines[["top", "right"]].set_visible(False)
        if k == 0:
            axes.set_yticks(range(len(rows)), [row["change"] for row in reversed(rows)])
    figure.savefig(path, dpi=110)
