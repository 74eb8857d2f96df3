"""Cost against the number of variables, from the records of ``configs/scale.py``.

Drawn by ``python -m experiments.tables --records=records/scale.jsonl``.
"""

from pathlib import Path

from experiments.documents import bars
from experiments.documents.complete import said
from experiments.documents.heading import heading, processors

MAKE = "python -m experiments.scale --config=configs/scale.py --workdir=records"


def growth(records: list[dict]) -> list[dict]:
    """The last record of each number of variables, in order, with its cost over that of 10 variables."""
    kept = {r["num_variables"]: r for r in records}
    ten = kept.get(10)
    over = lambda r, k: r[k] / ten[k] if ten else float("nan")
    costs = {"train": "train_cpu_s_per_step", "read": "read_cpu_s_per_view_row"}
    return [r | {name: over(r, k) for name, k in costs.items()} for _, r in sorted(kept.items())]


def markdown(records: list[dict]) -> str:
    """The whole document."""
    table = growth(records)
    where, first = table[0].get("environment", {}), table[0]
    lines = [
        *heading("Cost against the number of variables", MAKE, "scale"),
        f"- Machine: {where.get('machine', '?')}, {where.get('platform', '?')} {where.get('device', '?')}; jax "
        f"{where.get('jax', '?')}; commit {str(where.get('commit'))[:10]}; processors: {processors(records)}.",
        f"- TC, DTC, S and O-information of two-dimensional variables together, n = {first['n']}; one network for all "
        "views.",
        "",
        "*step* is one optimiser step of one fit, *read* one row in one view with "
        f"{first['num_mc']} noise draws; CPU-seconds without compiling. The columns *over 10* divide by the cost at 10 "
        f"variables (bar on *read* at 100: ≤ {bars.READ:g}).",
        "",
        "![cost against the number of variables](scale.png)",
        "",
        "| variables | views | batch | step, ms | over 10 | read, µs | over 10 | all rows and views, s | peak MiB |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for r in table:
        lines.append(
            f"| {r['num_variables']} | {r['views']} | {r['batch']} | {1e3 * r['train_cpu_s_per_step']:.2f} | "
            f"{r['train']:.2f} | {1e6 * r['read_cpu_s_per_view_row']:.1f} | {r['read']:.2f} | {r['read_cpu_s']:.1f} | "
            f"{r['peak_mib']} |"
        )
    for r in table:
        if r["num_variables"] == 100:
            words = said(r["read"] <= bars.READ)
            lines += ["", f"Reading at 100 variables costs {r['read']:.2f} times what it costs at 10: {words}"]
    return "\n".join(lines) + "\n"


def picture(records: list[dict], path: Path) -> None:
    """Both costs over those of 10 variables, against the number of variables."""
    from matplotlib.figure import Figure

    from jaxinfo import plots

    table = growth(records)
    figure = Figure(figsize=(5.0, 3.0), layout="constrained", facecolor="white")
    axes = figure.subplots()
    at = [r["num_variables"] for r in table]
    labels = {"train": "one optimiser step", "read": "reading, per view and row"}
    for (what, label), colour in zip(labels.items(), (plots.BLUE, plots.ORANGE)):
        axes.loglog(at, [r[what] for r in table], "o-", ms=4, lw=1.4, color=colour, label=label)
    axes.set_xticks(at, [str(n) for n in at])
    axes.minorticks_off()
    axes.set_xlabel("variables", fontsize=plots.TEXT)
    axes.set_ylabel("CPU-seconds over those at 10", fontsize=plots.SMALL)
    axes.tick_params(labelsize=plots.SMALL)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=plots.SMALL)
    figure.savefig(path, dpi=110)
