"""Accuracy and cost against exact truth, one line per task and measure: ``docs/acceptance.md`` and ``docs/reach.md``."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments.documents import bars
from experiments.documents.complete import WITHIN, said
from experiments.documents.heading import commits, heading
from experiments.documents.rows import covered, options_in_words

MAKE = "python -m experiments.sweep --config=configs/acceptance.py --workdir=records"
TITLES = {"acceptance": "Accuracy and cost on systems with exact truth", "reach": "How far the default goes"}
COLUMNS = (
    "task", "measure", "options", "seeds", "truth", "estimate", "error", "s.e.", "worst", "exact", "copula", "KSG", "CPU-s",
    "bar", "verdict",
)  # fmt: skip


# --- records to rows -------------------------------------------------------------------------------------------------


def latest(records: list[dict]) -> list[dict]:
    """One record per (task, n, seed, options): the last one, in the order of first appearance."""
    kept = {}
    for r in records:
        kept[r["task"], r["n"], r["seed"], json.dumps(r["options"], sort_keys=True)] = r
    return list(kept.values())


def rows(records: list[dict]) -> list[dict]:
    """One row per (task, measure, options, n): means over data seeds, judged by the bars."""
    cells: dict[tuple, list[dict]] = {}
    for r in latest(records):
        for measure in r["value"]:
            cells.setdefault((r["task"], r["n"], json.dumps(r["options"], sort_keys=True), measure), []).append(r)
    out = []
    for (task, n, options, measure), rs in cells.items():
        value, truth, stderr = (np.array([r[k][measure] for r in rs], float) for k in ("value", "truth", "stderr"))
        row = {"task": task, "n": n, "options": json.loads(options), "measure": measure, "seeds": len(rs)}
        row |= {"values": value, "stderrs": stderr, "truth": float(truth.mean()), "estimate": float(value.mean())}
        row |= {"error": float(abs(value - truth).mean()), "worst": float(abs(value - truth).max())}
        row |= {"stderr": float(stderr.mean()), "cpu_s": float(np.mean([r["cpu_s"] for r in rs]))}
        row |= {"sign": bool(np.all(np.sign(value) == np.sign(truth)))}
        for rival in ("exact", "copula", "ksg"):
            found = [r["beside"][rival][measure] for r in rs if measure in r.get("beside", {}).get(rival, {})]
            row[rival] = float(np.mean(found)) if found else None
        row["bar"], row["verdict"] = judge(row)
        out.append(row)
    return out


def factors(row: dict) -> tuple[float, float] | None:
    """By how much the bars of a row are relaxed, ``(error, CPU-seconds)``; None when no bar speaks of its options."""
    if row["n"] != bars.N:
        return None
    if not row["options"] or (row["task"] in bars.REACH and row["options"] in bars.REACH_OPTIONS):
        return 1.0, 1.0
    for r in bars.RELAXED:
        if row["options"] == r["options"] and row["task"].startswith(r["tasks"]):
            return r["error"], r["cpu_s"]
    return None


def judge(row: dict) -> tuple[str, str]:
    """``(bar, verdict)`` in words; both are empty without a bar.

    A limit that is missed is named; NaN misses every limit.
    """
    bar, factor = (bars.BARS | bars.REACH).get(row["task"], {}).get(row["measure"]), factors(row)
    if bar is None or factor is None:
        return "", ""
    words, misses, limits = [], [], []
    if "nats" in bar:
        limits.append((factor[0] * bar["nats"], f"≤ {factor[0] * bar['nats']:.3g}"))
    if "share" in bar:
        limits.append((factor[0] * bar["share"] * abs(row["truth"]), f"≤ {100 * factor[0] * bar['share']:.3g} %"))
    if "stderrs" in bar:
        limits.append((factor[0] * bar["stderrs"] * row["stderr"], f"≤ {factor[0] * bar['stderrs']:.3g} s.e."))
    if limits:
        words.append(" or ".join(text for _, text in limits))
        if not any(row["error"] <= limit for limit, _ in limits):
            misses.append("error")
    if bar.get("sign"):
        words.append("sign")
        if not row["sign"]:
            misses.append("sign")
    if row["task"] in bars.CPU_S:
        limit = factor[1] * bars.CPU_S[row["task"]]
        words.append(f"≤ {limit:.0f} s")
        if not row["cpu_s"] <= limit:
            misses.append("time")
    return ", ".join(words), f"outside ({', '.join(misses)})" if misses else "within"


def missing(table: list[dict], name: str = "acceptance") -> list[str]:
    """Bars of this table that no row was judged by."""
    judged = {(r["task"], r["measure"], bool(r["options"])) for r in table if r["verdict"]}
    of_table = bars.REACH if name == "reach" else bars.BARS
    wanted = [(task, measure, False) for task, each in of_table.items() for measure in each]
    for relaxed in bars.RELAXED:
        wanted += [(task, measure, True) for task, measure, _ in wanted if task.startswith(relaxed["tasks"])]
    return list(dict.fromkeys(w[0] + (" (relaxed)" if w[2] else "") for w in wanted if w not in judged))


# --- rows to Markdown ------------------------------------------------------------------------------------------------


def number(value: float | None, digits: int = 3) -> str:
    """A number with a real minus sign; – for None."""
    if value is None:
        return "–"
    return f"{value:.{digits}f}".replace("-", "−") if math.isfinite(value) else str(value)


def option_words(row: dict, several_n: bool) -> str:
    """``gaussian=False``; default when nothing was set."""
    words = [f"n={row['n']}"] if several_n else []
    return ", ".join(words + options_in_words(row["options"])) or "default"


def several(values, form=str) -> str:
    """The distinct values, joined by commas."""
    return ", ".join(dict.fromkeys(form(v) for v in values))


def header(records: list[dict], table: list[dict], name: str, more: Sequence[str] = ()) -> list[str]:
    """What the numbers depend on, all of it read from the records, and ``more`` lines of verdicts."""
    kept = latest(records)
    environments = [r.get("environment", {}) for r in kept]
    each = lambda *keys: several(" ".join(str(e[k]) for k in keys if k in e) for e in environments)
    dates = sorted(str(r["date"])[:10] for r in kept if r.get("date"))
    judged = [r for r in table if r["verdict"]]
    within = sum(r["verdict"] == "within" for r in judged)
    packages = ("python", "jax", "jaxlib", "flax", "optax", "numpy")
    lines = [
        *heading(TITLES.get(name, name), MAKE.replace("acceptance", name), name),
        f"- Machine: {each('system', 'machine', 'processor')}; device {each('devices', 'platform', 'device')}.",
        f"- Versions: {'; '.join(f'{p} {each(p)}' for p in packages)}.",
        f"- Code: commit {commits(kept)}.",
        f"- Date: {f'{dates[0]} to {dates[-1]}' if dates else 'not in the records'}.",
        f"- Rows n: {several(sorted({r['n'] for r in kept}))}. Data seeds per line: "
        f"{several(sorted({r['seeds'] for r in table}))}.",
        f"- Bars, of the lines that are recorded: {within} of {len(judged)}: {said(within == len(judged))}",
        *covered([r for r in kept if not r["options"]], "default options"),
        *more,
    ]
    absent = missing(table, name)
    if absent:
        lines.append(f"- No record yet for the bars of: {', '.join(absent)}.")
    return [
        *lines,
        "",
        "All in nats. *estimate*, *s.e.*, *copula*, *KSG* and *CPU-s* are means over data seeds, *error* is the mean",
        "of |estimate − truth| and *worst* its largest. *s.e.* is the standard error in the record; *exact* what the exact",
        "scores read on the same rows, where that was recorded: the floor of our error; *copula* a Gaussian copula (for a",
        "KL divergence, two fitted Gaussians); *KSG* nearest neighbours, on at most 10,000 rows, 3,000 in more than 12",
        "coordinates. *CPU-s* counts one run with all measures of the task, compilation included. A bar limits *error* and",
        "*CPU-s*; *sign* asks for the right sign on every seed.",
        "",
        "![estimate minus truth](acceptance.png)",
        "",
    ]


def markdown(records: list[dict], name: str = "acceptance", more: Sequence[str] = ()) -> str:
    """The whole document, with ``more`` lines of verdicts."""
    table = rows(records)
    several_n = len({r["n"] for r in table}) > 1
    lines = header(records, table, name, more)
    lines.append("| " + " | ".join(COLUMNS) + " |")
    words = ("task", "measure", "options", "bar", "verdict")
    lines.append("|" + "|".join("---" if c in words else "--:" for c in COLUMNS) + "|")
    for r in table:
        verdict = f"**{r['verdict']}**" if r["verdict"].startswith("outside") else WITHIN if r["verdict"] else "–"
        cells = [
            r["task"], r["measure"], option_words(r, several_n), str(r["seeds"]),
            *(number(r[k]) for k in ("truth", "estimate", "error", "stderr", "worst", "exact", "copula", "ksg")),
            number(r["cpu_s"], 0), r["bar"] or "–", verdict,
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


# --- rows to a picture -----------------------------------------------------------------------------------------------


def panels(table: list[dict]) -> list[list[dict]]:
    """The lines with a bar (all, when none has one): tasks of one measure, systems, systems of many nats."""
    shown = [r for r in table if r["verdict"]] or table
    measures, size = {}, {}
    for r in table:
        measures.setdefault(r["task"], set()).add(r["measure"])
        size[r["task"]] = max(size.get(r["task"], 0.0), abs(r["truth"]))
    kind = lambda r: 0 if len(measures[r["task"]]) == 1 else 1 if size[r["task"]] < 10 else 2
    return [p for p in ([r for r in shown if kind(r) == k] for k in range(3)) if p]


def picture(records: list[dict], path: Path) -> None:
    """Estimate minus truth with 95 % intervals, one dot per data seed; a grey band is the bar, a diamond the copula.

    Each panel has its own scale; what lies beyond it stands at the edge as a triangle.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    from jaxinfo import plots

    table = rows(records)
    several_n = len({r["n"] for r in table}) > 1
    sides = panels(table)
    most = max(len(s) for s in sides)
    figure = Figure(figsize=(6.2 * len(sides), 1.5 + 0.32 * most), layout="constrained", facecolor="white")
    for axes, side in zip(figure.subplots(1, len(sides), squeeze=False)[0], sides):
        reach = 1.1 * max(np.max(abs(r["values"] - r["truth"]) + 1.96 * r["stderrs"]) for r in side)
        for y, r in enumerate(side):
            band = _band(r)
            if band:
                axes.barh(y, 2 * min(band, reach), left=-min(band, reach), height=0.8, color=plots.PALE, zorder=0)
            at = y + 0.22 * np.linspace(-1, 1, r["seeds"]) * (r["seeds"] > 1)
            axes.errorbar(
                r["values"] - r["truth"], at, xerr=1.96 * r["stderrs"], fmt="o", ms=3, lw=1, color=plots.BLUE, zorder=3
            )
            if r["copula"] is not None:
                away = r["copula"] - r["truth"]
                mark = "D" if abs(away) <= reach else ">" if away > 0 else "<"
                at = np.clip(away, -reach, reach)
                axes.plot(at, y, mark, ms=5, color=plots.ORANGE, mec="white", clip_on=False, zorder=4)
        axes.axvline(0, color=plots.GREY, lw=0.8)
        axes.set_xlim(-reach, reach)
        axes.set_ylim(most - 0.4, -0.6)
        names = [_name(r, several_n) + (" ✗" if r["verdict"].startswith("outside") else "") for r in side]
        axes.set_yticks(range(len(side)), names, fontsize=plots.SMALL, color=plots.INK)
        axes.set_xlabel("estimate − truth  [nats]", fontsize=plots.TEXT)
        axes.tick_params(axis="x", labelsize=plots.SMALL)
        axes.tick_params(axis="y", length=0, pad=9)  # triangles stand between
        axes.spines[["top", "right", "left"]].set_visible(False)
    handles = [
        Line2D([], [], color=plots.BLUE, marker="o", ms=3, lw=1, label="estimate, 95 % interval, one per data seed"),
        Line2D([], [], color=plots.ORANGE, marker="D", ms=5, lw=0, label="Gaussian copula (triangle: beyond the axis)"),
        Patch(color=plots.PALE, label="acceptance bar on the mean |error| (✗: outside)"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(sides), frameon=False, fontsize=plots.SMALL)
    figure.savefig(path, dpi=110)


def _band(row: dict) -> float | None:
    bar, factor = (bars.BARS | bars.REACH).get(row["task"], {}).get(row["measure"]), factors(row)
    if bar is None or factor is None:
        return None
    scale = {"nats": 1.0, "share": abs(row["truth"]), "stderrs": row["stderr"]}
    return max((factor[0] * bar[k] * s for k, s in scale.items() if k in bar), default=None)


def _name(row: dict, several_n: bool) -> str:
    short = {
        "mutual_information": "", "entropy": "", "kl_divergence": "", "total_correlation": "TC",
        "dual_total_correlation": "DTC", "s_information": "S", "o_information": "Ω",
    }  # fmt: skip
    words = [row["task"], short.get(row["measure"], row["measure"].replace("o_information_gradient:", "∂Ω "))]
    if row["options"] or several_n:
        words.append(f"({option_words(row, several_n)})")
    return " ".join(filter(None, words))
