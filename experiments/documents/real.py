"""Real data: what each study found, from the records of ``configs/real.py``.

Drawn by ``python -m experiments.tables --records=records/real.jsonl``.
"""

from pathlib import Path

import numpy as np

from experiments.documents.heading import commits, heading

MAKE = "python -m experiments.real --config=configs/real.py --workdir=records --data=DIRECTORY"
LEVEL = 0.05


def number(value, digits: int = 3) -> str:
    """A number as people write it."""
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")


def plus_minus(row: dict) -> str:
    """Value ± standard error, the bootstrap's where it is larger."""
    spread = max(row["stderr"], row.get("bootstrap_stderr") or 0.0)
    return f"{number(row['value'])} ± {number(spread)}"


def with_p(row: dict) -> str:
    """Measure, value ± standard error, and the p-value of the permutation test where there is one."""
    p = row.get("p_value")
    tested = "" if p is None else f" (p = {number(p, 2)})"
    return f"{row['measure'].replace('_', ' ')} {plus_minus(row)}{tested}"


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """A table in Markdown, its first column text."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "--:|" * (len(head) - 1)]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def of_trials(records: list[dict]) -> list[str]:
    """Areas in windows: means over windows, how many differ from the null, and the contrast of conditions."""
    lines, rows = [], []
    for r in records:
        for measure in dict.fromkeys(row["measure"] for row in r["rows"]):
            of = [row for row in r["rows"] if row["measure"] == measure]
            values = np.asarray([row["value"] for row in of])
            tested = [row["p_value"] for row in of if row.get("p_value") is not None]
            found = f"{sum(p <= LEVEL for p in tested)} of {len(tested)}" if tested else "–"
            spread = np.mean([row["stderr"] for row in of])
            again = [row["bootstrap_stderr"] for row in of if row.get("bootstrap_stderr") is not None]
            rows.append([
                f"{r['session']} {'–'.join(r['areas'])}", r["condition"], f"{1000 * r['step_s']:.0f} ms",
                measure.replace("_", " "), number(values.mean()), f"{number(values.min())} to {number(values.max())}",
                number(spread), number(np.mean(again)) if again else "–", found,
            ])  # fmt: skip
    head = [
        "areas", "condition", "counts", "measure", "mean over windows", "range", "mean s.e.", "bootstrap s.e.",
        f"windows with p ≤ {LEVEL:g}",
    ]  # fmt: skip
    return lines + table(head, rows)


def of_proteins(records: list[dict]) -> list[str]:
    """System and gradient by protein, and whether known edges share more than other pairs."""
    from scipy import stats

    lines = []
    for r in records:
        system = [row for row in r["rows"] if "(" not in row["measure"]]
        gradient = [row for row in r["rows"] if row["measure"].startswith("o_information_gradient(")]
        pairs = [row for row in r["rows"] if row["measure"].startswith("total_correlation(")]
        lines += [f"{r['condition'] or 'all cells'}: {', '.join(map(with_p, system))}.", ""]
        rank = stats.spearmanr([row["edges"] for row in gradient], [row["value"] for row in gradient])
        known, other = ([row["value"] for row in pairs if bool(row["edges"]) == k] for k in (True, False))
        test = stats.mannwhitneyu(known, other, alternative="greater")
        auc = test.statistic / (len(known) * len(other))
        lines += [
            f"Gradient of O-information against the number of known edges: Spearman {number(rank.statistic, 2)} "
            f"(p = {rank.pvalue:.2g}). Mutual information of the {len(known)} pairs with a known edge against the "
            f"{len(other)} others: area under the curve {number(auc, 2)} (p = {test.pvalue:.2g}).",
            "",
        ]
        rows = [
            [row["measure"].partition("(")[2][:-1], str(row["edges"]), plus_minus(row), number(row["gaussian"])]
            for row in sorted(gradient, key=lambda row: -row["value"])
        ]
        lines += table(["protein", "known edges", "gradient of O-information", "Gaussian"], rows)
    return lines


def of_ages(records: list[dict]) -> list[str]:
    """Slopes with age."""
    lines = []
    for r in records:
        system = [row for row in r["rows"] if not row["measure"].startswith("slope")]
        lines += [f"{r['modules']} modules, given age, nats: {', '.join(map(with_p, system))}.", ""]
        rows = [
            [row["measure"].rpartition(", ")[2], plus_minus(row), number(row["correlation"], 2), f"{row['p_value']:.2g}"]
            for row in r["rows"] if row["measure"].startswith("slope")
        ]  # fmt: skip
        lines += table(["O-information by subject", "nats per decade", "correlation with age", "p"], rows)
    return lines


def of_views(records: list[dict]) -> list[str]:
    """Every row of the system, and the pairs as a matrix when there are any."""
    lines = []
    for r in records:
        what = ", ".join(f"{k} = {r[k]}" for k in ("dim", "noise") if k in r)
        pairs = [row for row in r["rows"] if row["measure"].startswith("total_correlation(")]
        others = [row for row in r["rows"] if row not in pairs]
        rows = [
            [row["measure"].replace("_", " "), plus_minus(row), number(row["gaussian"]), number(row.get("p_value"), 2)]
            for row in others
        ]
        lines += [f"{what}:", "", *table(["measure", "nats", "Gaussian", "p"], rows)]
        if pairs:
            named = {tuple(row["measure"].partition("(")[2][:-1].split(", ")): row["value"] for row in pairs}
            names = list(dict.fromkeys(n for pair in named for n in pair))
            named |= {(b, a): value for (a, b), value in named.items()}
            matrix = [[a, *("" if a == b else number(named[a, b], 2) for b in names)] for a in names]
            lines += ["Mutual information of pairs, nats:", "", *table(["", *names], matrix)]
    return lines


SAID = {
    "steinmetz": ("Visual areas of a mouse (Steinmetz et al. 2019)", of_trials),
    "allen": ("Visual Behavior Neuropixels (Allen Institute)", of_trials),
    "sachs": ("Signalling proteins (Sachs et al. 2005)", of_proteins),
    "lifespan": ("fMRI from 10 to 80 years (Gatica et al. 2021)", of_ages),
    "tcga": ("Three omics of breast tumours (TCGA)", of_views),
    "mfeat": ("Six views of digits (UCI Multiple Features)", of_views),
}


def markdown(records: list[dict]) -> str:
    """The whole document."""
    lines = [
        *heading("Real data", MAKE, "real"),
        f"Code: commit {commits(records)}. Standard errors are those of the estimate, or of refits on rows drawn again",
        "where those are larger; p is that of the permutation test of independence. How each file is read and what is left out",
        "stands in `experiments/datasets/`.",
        "",
        "![real data](real.png)",
        "",
    ]
    for study, (title, tell) in SAID.items():
        of = [r for r in records if r["study"] == study]
        if of:
            lines += [f"## {title}", "", *tell(of)]
    return "\n".join(lines).rstrip() + "\n"


def picture(records: list[dict], path: Path) -> None:
    """O-information in windows, by protein, and by age: the panels whose records are there."""
    from matplotlib.figure import Figure

    from jaxinfo import plots

    triples: dict[tuple, list[dict]] = {}
    for r in sorted((r for r in records if len(r.get("areas", ())) > 2), key=lambda r: -r["step_s"]):
        triples.setdefault((r["session"], *r["areas"], r["step_s"]), []).append(r)
    proteins = [r for r in records if r["study"] == "sachs"][:1]
    ages = [r for r in records if r["study"] == "lifespan"][-1:]
    panels = (
        [("windows", of) for of in triples.values()] + [("proteins", r) for r in proteins] + [("ages", r) for r in ages]
    )
    figure = Figure(figsize=(3.3 * max(len(panels), 1), 3.0), layout="constrained", facecolor="white")
    for axes, (kind, of) in zip(figure.subplots(1, max(len(panels), 1), squeeze=False)[0], panels):
        if kind == "windows":
            _windows(axes, of, plots)
        elif kind == "proteins":
            _proteins(axes, of, plots)
        else:
            _ages(axes, of, plots)
        axes.tick_params(labelsize=plots.SMALL)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def _windows(axes, records, plots):
    for r, colour in zip(records, (plots.BLUE, plots.GREY)):
        for measure, style in (("s_information", "--"), ("o_information", "-")):
            of = [row for row in r["rows"] if row["measure"] == measure]
            at, value = ([row[k] for row in of] for k in ("time", "value"))
            spread = [max(row["stderr"], row.get("bootstrap_stderr") or 0.0) for row in of]
            label = f"{measure[0].upper().replace('O', 'Ω')}, {r['condition']}"
            axes.errorbar(at, value, spread, fmt=f"o{style}", ms=3, lw=1, color=colour, label=label)
    axes.axhline(0.0, color=plots.GREY, lw=0.6)
    axes.set_title(
        f"{'–'.join(records[0]['areas'])}, counts in {1000 * records[0]['step_s']:.0f} ms", fontsize=plots.SMALL
    )
    axes.set_xlabel("seconds from onset", fontsize=plots.SMALL)
    axes.set_ylabel("nats", fontsize=plots.SMALL)
    axes.legend(frameon=False, fontsize=plots.SMALL)


def _proteins(axes, record, plots):
    of = sorted(
        (r for r in record["rows"] if r["measure"].startswith("o_information_gradient(")), key=lambda r: r["value"]
    )
    names = [f"{row['measure'].partition('(')[2][:-1]} ({row['edges']})" for row in of]
    axes.errorbar(
        [r["value"] for r in of], range(len(of)), xerr=[r["stderr"] for r in of], fmt="o", ms=4, color=plots.BLUE
    )
    axes.set_yticks(range(len(of)), names)
    axes.axvline(0.0, color=plots.GREY, lw=0.6)
    axes.set_title("proteins (known edges)", fontsize=plots.SMALL)
    axes.set_xlabel("gradient of Ω  [nats]", fontsize=plots.SMALL)


def _ages(axes, record, plots):
    for row, colour in zip((r for r in record["rows"] if "each" in r), (plots.BLUE, plots.GREY)):
        age, each = np.asarray(row["age"]), np.asarray(row["each"])
        axes.plot(age, each, "o", ms=2, alpha=0.5, color=colour)
        line = np.polyfit(age, each, 1)
        axes.plot(
            np.sort(age), np.polyval(line, np.sort(age)), color=colour, lw=1.5, label=row["measure"].rpartition(", ")[2]
        )
    axes.set_title(f"{record['modules']} modules of each person", fontsize=plots.SMALL)
    axes.set_xlabel("age  [years]", fontsize=plots.SMALL)
    axes.set_ylabel("Ω  [nats]", fontsize=plots.SMALL)
    axes.legend(frameon=False, fontsize=plots.SMALL)
