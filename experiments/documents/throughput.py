"""How fast many fits train, from the records of ``configs/throughput.py``.

Drawn by ``python -m experiments.tables --records=records/throughput.jsonl``.
"""

from pathlib import Path

from experiments.documents import bars
from experiments.documents.complete import said
from experiments.documents.heading import heading, processors

MAKE = "python -m experiments.throughput --config=configs/throughput.py --workdir=records"


def rates(records: list[dict]) -> tuple[list[dict], list[dict]]:
    """Cells with the network, each with its rate and peak memory over those of one seed, and cells without it."""
    kept = list({(r["seeds"], r["at_once"], r["network_counts"]): r for r in records}.values())
    full = [r for r in kept if r["network_counts"]]
    one = alone(full)
    over = lambda r, k: r[k] / one[k] if one else float("nan")
    full = [r | {"rate": over(r, "fit_steps_per_s"), "memory": over(r, "peak_mib")} for r in full]
    flops = lambda r: r["fit_steps_per_s"] * r["flops_per_fit_step"] / r["attainable_flops_per_s"]
    return [r | {"flop_share": flops(r)} for r in full], [r for r in kept if not r["network_counts"]]


def alone(records: list[dict]) -> dict | None:
    """The record of one seed by itself, which all others are compared with."""
    return next((r for r in records if (r["seeds"], r["at_once"]) == (1, 1)), None)


def verdicts(full: list[dict], bare: list[dict]) -> list[str]:
    """The bars in words: those of a CPU, or that of a GPU."""
    one = alone(full)
    if one is None:
        return ["- **Not judged**: no record of one seed by itself."]
    if one["clock"] == "wall":
        many = [r for r in full if r["at_once"] > 1]
        if not many:
            return ["- **Not judged**: no record of seeds side by side."]
        best = max(many, key=lambda r: r["rate"])
        return [
            f"- {best['at_once']} seeds side by side train {best['rate']:.2f} times as fast as one (bar: ≥ {bars.VMAPPED:g}): "
            + said(best["rate"] >= bars.VMAPPED)
        ]
    lines, twenty = [], [r["rate"] for r in full if r["seeds"] == 20]
    if twenty:
        reached = said(max(twenty) >= bars.RATE)
        lines.append(
            f"- At 20 seeds, best grouping, the rate is {max(twenty):.2f} of one seed's (bar: ≥ {bars.RATE}): {reached}"
        )
    most = max((r for r in full if r["at_once"] == 1), key=lambda r: r["seeds"])
    if most["seeds"] > 1:
        lines.append(
            f"- Peak memory of {most['seeds']} seeds one after another is {most['memory']:.2f} of one seed's "
            f"(bar: ≤ {bars.FLAT:g}): {said(most['memory'] <= bars.FLAT)}"
        )
    for r in bare:
        share = one["fit_steps_per_s"] / r["fit_steps_per_s"]
        lines.append(
            f"- With a network that does nothing a step takes {100 * share:.0f} % of its time: random numbers, gathers, "
            f"copies, noise, the Gaussian inside, the optimiser (bar: < {100 * bars.OTHERS:.0f} %): "
            + said(share < bars.OTHERS)
        )
    return lines


def markdown(records: list[dict]) -> str:
    """The whole document."""
    full, bare = rates(records)
    first = (full + bare)[0]
    where, clock = first.get("environment", {}), {"cpu": "CPU-second", "wall": "second of the clock"}[first["clock"]]
    lines = [
        *heading("Many fits in one program", MAKE, "throughput"),
        f"- Machine: {where.get('machine', '?')}, {where.get('platform', '?')} {where.get('device', '?')}; jax "
        f"{where.get('jax', '?')}; commit {str(where.get('commit'))[:10]}; processors: {processors(records)}.",
        f"- Task {first['task']}, n = {first['n']}, {first['steps']} steps, {first['folds']} folds of each seed.",
        *verdicts(full, bare),
        "",
        f"*seeds* are trained in groups of *at once*. *fit-steps* are fits × steps per {clock}, *rate* is over that of one",
        "seed, *memory* the peak of the host over that of one seed. *FLOP share* is the matrix products of the network,",
        "forward and backward, over what one large matrix product attains in the same process.",
        "",
        "![rate and memory](throughput.png)",
        "",
        "| seeds | at once | fit-steps | by the wall clock | rate | peak MiB | memory | FLOP share |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for r in full:
        lines.append(
            f"| {r['seeds']} | {r['at_once']} | {r['fit_steps_per_s']:.0f} | {r['fit_steps_per_wall_s']:.0f} | "
            f"{r['rate']:.2f} | {r['peak_mib']} | {r['memory']:.2f} | {100 * r['flop_share']:.0f} % |"
        )
    return "\n".join(lines) + "\n"


def picture(records: list[dict], path: Path) -> None:
    """Rate and peak memory over those of one seed."""
    from matplotlib.figure import Figure

    from jaxinfo import plots

    full, _ = rates(records)
    figure = Figure(figsize=(6.0, 2.6), layout="constrained", facecolor="white")
    names = [f"{r['seeds']}\n{r['at_once']}" for r in full]
    for axes, what in zip(figure.subplots(1, 2), ("rate", "memory")):
        axes.bar(range(len(full)), [r[what] for r in full], color=plots.BLUE, width=0.6)
        axes.axhline(1.0, color=plots.GREY, lw=0.8)
        axes.set_xticks(range(len(full)), names, fontsize=plots.SMALL)
        axes.set_xlabel("seeds, below how many at once", fontsize=plots.SMALL)
        axes.set_ylabel(f"{what} over one seed's", fontsize=plots.SMALL)
        axes.tick_params(axis="y", labelsize=plots.SMALL)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
