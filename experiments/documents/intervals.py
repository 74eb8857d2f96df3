"""Coverage of intervals and rejections of the permutation test, from the records of ``configs/intervals.py``.

Drawn by ``python -m experiments.tables --records=records/intervals.jsonl``.
"""

import json
from pathlib import Path

import numpy as np

from experiments.documents import bars
from experiments.documents.complete import said
from experiments.documents.heading import commits, heading, processors

LEVEL, Z = 0.95, 1.959964
MAKE = "python -m experiments.sweep --config=configs/intervals.py --workdir=records"


def groups(records: list[dict]) -> dict[tuple, list[dict]]:
    """Records by (task, n, options, measure), the last one of each data seed."""
    kept = {}
    for r in records:
        for measure in r["value"]:
            key = (r["task"], r["n"], json.dumps(r["options"], sort_keys=True), measure)
            kept.setdefault(key, {})[r["seed"]] = r
    return {key: [each[s] for s in sorted(each)] for key, each in kept.items()}


def coverage(records: list[dict]) -> list[dict]:
    """One row per task: how many intervals cover, their half-width against the root-mean-square error."""
    out = []
    for (task, n, options, measure), rs in groups(records).items():
        if json.loads(options).get("null"):
            continue
        value, truth, stderr = (np.array([r[k][measure] for r in rs], float) for k in ("value", "truth", "stderr"))
        half, error = Z * stderr, value - truth
        row = {"task": task, "n": n, "measure": measure, "draws": len(rs), "truth": float(truth.mean())}
        row |= {"covered": int((abs(error) <= half).sum()), "bias": float(error.mean())}
        row |= {"rmse": float(np.sqrt((error**2).mean())), "half": float(half.mean())}
        row |= {"ratio": row["half"] / row["rmse"], "values": value, "halves": half}
        out.append(row)
    return out


def rejections(records: list[dict]) -> list[dict]:
    """One row per task of permutation tests: how many of them reject independence at 5 %."""
    out = []
    for (task, n, options, measure), rs in groups(records).items():
        if json.loads(options).get("null"):
            p = np.array([r["diagnostics"][measure]["p_value"] for r in rs])
            out.append({"task": task, "n": n, "tests": p.size, "rejected": int((p <= 0.05).sum()), "p": p})
    return out


def verdicts(covers: list[dict], tests: list[dict]) -> list[str]:
    """The bars in words, with what was reached."""
    lines = []
    if covers:
        covered, draws = sum(r["covered"] for r in covers), sum(r["draws"] for r in covers)
        wide = [r["task"] for r in covers if not r["ratio"] <= bars.WIDEST]  # true of NaN
        least = bars.COVERED * draws
        lines.append(
            f"- {covered} of {draws} nominal 95 % intervals cover (bar: at least {least:.0f}): "
            + said(covered >= least)
        )
        lines.append(
            f"- Half-width at most {bars.WIDEST:g} root-mean-square errors: "
            + said(not wide)
            + (f" {', '.join(wide)}" if wide else "")
        )
    for r in tests:
        low, high = bars.REJECTED[r["task"]]
        inside = low * r["tests"] <= r["rejected"] <= high * r["tests"]
        words = f"at most {high * r['tests']:.0f}" if low == 0 else f"at least {low * r['tests']:.0f}"
        lines.append(
            f"- {r['task']}, n = {r['n']}: {r['rejected']} of {r['tests']} permutation tests reject at 5 % (bar: {words}): "
            + said(inside)
        )
    return lines


def older(records: list[dict]) -> list[str]:
    """A line on intervals that were recorded before the standard error had all its parts, where there are any."""
    covers = [r for r in records if not r["options"].get("null")]
    old = [r["task"] for r in covers if not all("fine" in d for d in r.get("diagnostics", {}).values())]
    each = ", ".join(f"{task} ({old.count(task)})" for task in dict.fromkeys(old))
    words = f"Recorded before the error had parts for fine structure, laws that bend and what neighbours see: {each}."
    return ["", words] if old else []


def markdown(records: list[dict]) -> str:
    """The whole document."""
    covers, tests = coverage(records), rejections(records)
    lines = [
        *heading("Do intervals cover, and does the permutation test hold its level?", MAKE, "intervals"),
        f"Code: commit {commits(records)}. CPU-seconds per estimate, compiling included: "
        f"{np.mean([r['cpu_s'] for r in records]):.0f} on average; processors: {processors(records)}.",
        *older(records),
        "",
        *verdicts(covers, tests),
        "",
        "![estimates and their intervals](intervals.png)",
        "",
        "| task | measure | n | draws | truth | covered | bias | rms error | half-width | half-width / rms error |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    number = lambda v, digits=3: f"{v:.{digits}f}".replace("-", "−")
    for r in covers:
        cells = [r["task"], r["measure"], r["n"], r["draws"], number(r["truth"]), r["covered"]]
        cells += [number(r[k]) for k in ("bias", "rmse", "half")] + [number(r["ratio"], 2)]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


def picture(records: list[dict], path: Path) -> None:
    """One panel per task: every interval, sorted by its estimate; those that miss the truth in orange."""
    from matplotlib.figure import Figure

    from jaxinfo import plots

    covers = coverage(records)
    figure = Figure(figsize=(2.6 * max(len(covers), 1), 3.2), layout="constrained", facecolor="white")
    for axes, r in zip(figure.subplots(1, max(len(covers), 1), squeeze=False)[0], covers):
        order = np.argsort(r["values"])
        for y, k in enumerate(order):
            hit = abs(r["values"][k] - r["truth"]) <= r["halves"][k]
            colour = plots.BLUE if hit else plots.ORANGE
            axes.errorbar(r["values"][k], y, xerr=r["halves"][k], fmt="o", ms=3, lw=1, color=colour)
        axes.axvline(r["truth"], color=plots.GREY, lw=1)
        axes.set_title(f"{r['task']}\n{r['covered']} of {r['draws']} cover", fontsize=plots.SMALL)
        axes.set_xlabel(f"{plots.label(r['measure'])}  [nats]", fontsize=plots.SMALL)
        axes.tick_params(labelsize=plots.SMALL)
        axes.set_yticks([])
        axes.spines[["top", "right", "left"]].set_visible(False)
    figure.savefig(path, dpi=110)
