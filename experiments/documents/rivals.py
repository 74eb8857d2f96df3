"""Packages of others on the arrays we are measured on, from the records of ``configs/rivals.py``.

Drawn by ``python -m experiments.tables --records=records/rivals.jsonl``.
"""

from pathlib import Path

import numpy as np

from experiments.documents.heading import commits, heading

MAKE = "python -m experiments.rivals --config=configs/rivals.py --workdir=records"


def cells(records: list[dict]) -> dict[tuple[str, str], dict[str, list[dict]]]:
    """(task, measure) -> package -> its records, for questions that at least one package answered or tried to."""
    out: dict[tuple[str, str], dict[str, list[dict]]] = {}
    for r in records:
        out.setdefault((r["task"], r["measure"]), {}).setdefault(r["package"], []).append(r)
    return out


def said(records: list[dict] | None) -> str:
    """Mean of estimate − truth, its standard error where told, CPU-seconds, peak memory; a dash where there is no number."""
    answers = [r for r in records or () if "value" in r]
    if not answers:
        return "–"
    away = np.mean([r["value"] - r["truth"] for r in answers])
    spent, peak = (np.mean([r[k] for r in answers]) for k in ("cpu_s", "peak_mib"))
    told = [r["stderr"] for r in answers if r["stderr"] is not None]
    spread = f" ± {np.mean(told):.3f}" if told else ""
    return f"{away:+.3f}{spread} ({spent:.0f} s, {peak:.0f} MiB)".replace("-", "−")


def reasons(records: list[dict]) -> list[str]:
    """Why a package gave no number, one line per package and reason, with the tasks."""
    why: dict[tuple[str, str], list[str]] = {}
    for r in records:
        if "failed" in r:
            why.setdefault((r["package"], r["failed"]), []).append(f"{r['measure']} of {r['task']}")
    lines = []
    for (package, reason), where in why.items():
        each = list(dict.fromkeys(where))
        lines.append(f"- {package}: {reason} ({each[0]}" + (f" and {len(each) - 1} more)" if len(each) > 1 else ")"))
    return lines


def markdown(records: list[dict]) -> str:
    """The whole document."""
    packages = list(dict.fromkeys(r["package"] for r in records))
    versions = {r["package"]: r["versions"].get(r["package"].split()[0]) for r in records if "versions" in r}
    named = [f"{p} {versions[p]}" if p in versions else p for p in packages]
    lines = [
        *heading("Packages of others", MAKE, "rivals"),
        f"Code: commit {commits(records)}. {records[0]['n']} rows, pairs and systems drawn as in our own documents; each",
        "package in a virtual environment of its own, with its own defaults. jaxinfo trains on these rows and reads as many",
        "fresh ones; so do latentmi, which splits all of them itself, and diffusion-mi; the others read the rows for training.",
        "Estimate − truth in nats, ± the standard error where one is told (CPU-seconds, importing and compiling included, one",
        "thread of OpenMP; peak memory).",
        "",
        "| task | measure | truth | " + " | ".join(named) + " |",
        "|---|---|--:|" + "--:|" * len(packages),
    ]
    for (task, measure), of in cells(records).items():
        truth = next(iter(of.values()))[0]["truth"]
        row = [task, measure.replace("_", " "), f"{truth:.3f}".replace("-", "−"), *(said(of.get(p)) for p in packages)]
        lines.append("| " + " | ".join(row) + " |")
    why = reasons(records)
    if why:
        lines += ["", "Where there is no number:", "", *why]
    return "\n".join(lines) + "\n"


def picture(records: list[dict], path: Path) -> None:
    """|Estimate − truth| of every package, a group of bars per task."""
    from matplotlib.figure import Figure

    from jaxinfo import plots

    packages = list(dict.fromkeys(r["package"] for r in records))
    answered = {k: of for k, of in cells(records).items() if any("value" in r for each in of.values() for r in each)}
    figure = Figure(figsize=(7.2, 0.6 + 0.35 * max(len(answered), 1)), layout="constrained", facecolor="white")
    axes = figure.subplots()
    colours = (plots.BLUE, plots.ORANGE, plots.GREY, "black", "tab:green", "tab:purple")
    for row, of in enumerate(answered.values()):
        for package, colour, shape in zip(packages, colours, "os^DvP"):
            errors = [abs(r["value"] - r["truth"]) for r in of.get(package, ()) if "value" in r]
            if errors:
                axes.plot(max(np.mean(errors), 1e-3), row, shape, ms=5, color=colour, label=package)
    axes.set_yticks(range(len(answered)), [f"{t}: {m.replace('_', ' ')}" for t, m in answered], fontsize=plots.SMALL)
    axes.invert_yaxis()
    if answered:
        axes.set_xscale("log")
    axes.set_xlabel("|estimate − truth|  [nats]", fontsize=plots.SMALL)
    axes.tick_params(labelsize=plots.SMALL)
    axes.spines[["top", "right"]].set_visible(False)
    handles = {label: handle for handle, label in zip(*axes.get_legend_handles_labels())}
    axes.legend(handles.values(), handles.keys(), frameon=False, fontsize=plots.SMALL)
    figure.savefig(path, dpi=110)
