"""Real data: what each study found, from the records of ``configs/real.py``.

Drawn by ``python -m experiments.tables --records=records/real.jsonl``.
"""

from pathlib import Path

import numpy as np

from experiments.datasets import lifespan
from experiments.documents import areas
from experiments.documents.heading import commits, cost_counts, heading
from experiments.documents.rows import (
    LEVEL,
    differs,
    flagged,
    legend,
    number,
    p_of,
    plus_minus,
    shown,
    spread,
    star,
    table,
    with_p,
)

MAKE = "python -m experiments.real --config=configs/real.py --workdir=records --data=DIRECTORY"
COLUMNS, PANEL = 4, (3.4, 2.7)  # of the figure; inches


def inside(row: dict) -> str:
    """What a measure speaks of."""
    return row["measure"].partition("(")[2][:-1]


def of_pairs(rows: list[dict]) -> list[dict]:
    """The rows on pairs."""
    return [row for row in rows if row["measure"].startswith("total_correlation(")]


def of_proteins(records: list[dict]) -> list[str]:
    """System and gradient by protein, and whether known edges share more than other pairs."""
    lines = [] if all(r["condition"] for r in records) else ["All cells together mix those of every intervention.", ""]
    for r in records:
        system = [row for row in r["rows"] if "(" not in row["measure"]]
        gradient = [row for row in r["rows"] if row["measure"].startswith("o_information_gradient(")]
        rows = [
            [inside(row), str(row["edges"]), plus_minus(row), number(row["gaussian"])]
            for row in sorted(gradient, key=lambda row: -row["value"])
        ]
        lines += [
            f"{r['condition'] or 'All cells'}: {', '.join(map(with_p, system))}.",
            "",
            f"- {by_edges(gradient)}",
            f"- {edges_apart(of_pairs(r['rows']))}",
            "",
            *table(["protein", "known edges", "gradient of O-information", "Gaussian"], rows),
            *flagged(r["rows"]),
        ]
    return lines


def by_edges(gradient: list[dict]) -> str:
    """Whether the gradient is larger for proteins with more known edges, in a sentence that says what could be shown."""
    from scipy import stats

    n, edges = len(gradient), np.asarray([row["edges"] for row in gradient])
    test = stats.permutation_test(
        ([row["value"] for row in gradient],), lambda values: stats.spearmanr(values, edges).statistic,
        permutation_type="pairings", alternative="greater", vectorized=False, rng=np.random.default_rng(0),
    )  # fmt: skip
    most = [inside(row) for row in gradient if row["edges"] == edges.max()]
    t = stats.t.ppf(1.0 - LEVEL, n - 2)
    needed = t / np.sqrt(n - 2 + t**2)
    return (
        f"Gradient of O-information against the number of known edges: Spearman {number(test.statistic, 2)} "
        f"(one-sided {p_of(test.pvalue)} over permuted proteins); larger with more edges: {shown(test.pvalue < LEVEL)}. Over "
        f"{n} proteins, of which {' and '.join(most)} have the most edges, the test has little power: only a correlation of "
        f"about {number(needed, 2)} or more would be shown."
    )


def edges_apart(pairs: list[dict]) -> str:
    """Whether pairs with a known edge share more than the others, and how many pairs differ from the null.

    Pairs of one protein are alike, so proteins change places in the graph, not pairs.
    """
    from scipy import stats

    known, other = ([row for row in pairs if bool(row["edges"]) == k] for k in (True, False))
    named = [tuple(inside(row).split(", ")) for row in pairs]
    places = {name: k for k, name in enumerate(dict.fromkeys(name for pair in named for name in pair))}
    a, b = np.array([[places[name] for name in pair] for pair in named]).T
    linked = np.zeros((len(places),) * 2, bool)
    linked[a, b] = linked[b, a] = [bool(row["edges"]) for row in pairs]
    ranks = stats.rankdata([row["value"] for row in pairs])
    area = lambda place: (ranks[linked[place[a], place[b]]].mean() - (len(known) + 1) / 2) / len(other)  # of all pairs
    test = stats.permutation_test(
        (np.arange(len(places)),), lambda place: area(place.astype(int)), permutation_type="pairings",
        alternative="greater", vectorized=False, rng=np.random.default_rng(0),
    )  # fmt: skip
    found = lambda rows: f"{sum(map(differs, rows))} of {len(rows)}"
    tested = any(row.get("p_value") is not None for row in pairs)
    by_null = (
        f" The permutation test has p ≤ {LEVEL:g} in {found(known)} with an edge and {found(other)} without, by chance in "
        f"about {number(LEVEL * len(known), 1)} and {number(LEVEL * len(other), 1)}."
    )
    return (
        f"Mutual information of the {len(known)} pairs with a known edge against the {len(other)} others: area under the curve "
        f"{number(test.statistic, 2)} (one-sided {p_of(test.pvalue)} over permuted proteins); more with an edge: "
        f"{shown(test.pvalue < LEVEL)}."
    ) + (by_null if tested else "")


def of_ages(records: list[dict]) -> list[str]:
    """Slopes with age: a verdict on all modules, and what a subset of them says."""
    lines = []
    for r in records:
        slopes = [row for row in r["rows"] if row["measure"].startswith("slope")]
        apart = [row for row in r["rows"] if row["measure"].endswith(lifespan.APART)]
        system = [row for row in r["rows"] if row not in slopes + apart]
        rows = [
            [
                row["measure"].rpartition(", ")[2],
                plus_minus(row),
                number(row["correlation"], 2),
                f"{row['p_value']:.2g}",
            ]
            for row in slopes
        ]
        lines += [
            "O-information by subject. Ours averages over each person's rows what the law of people of an age says of them, as",
            "the Gaussian of an age does; the published rise is of each person's own law, which says more than what people of",
            "an age share.",
            "",
            *(f"- {with_age(row, r['modules'])}" for row in slopes),
            "",
            f"{r['modules']} modules, given age, nats: {', '.join(map(with_p, system))}.",
            "",
            *(
                [f"By the small budget of the permutation test, nats: {', '.join(map(with_p, apart))}.", ""]
                if apart
                else []
            ),
            *table(["O-information by subject", "nats per decade", "correlation with age", "p"], rows),
            *flagged(system),
        ]
    return lines


def with_age(row: dict, modules: int) -> str:
    """Whether O-information rises with age, in a sentence.

    The published direction is judged on all modules and on what it speaks of, each subject's own law.
    """
    sure, name = row["p_value"] < LEVEL, row["measure"].rpartition(", ")[2]
    rises, falls = sure and row["value"] > 0, sure and row["value"] < 0
    if modules < row["of"]:
        verdict = "rises with age" if rises else "falls with age" if falls else f"a rise with age is {shown(False)}"
        return f"The first {modules} of {row['of']} modules, a subset that is not judged, {name}: {verdict}."
    if name != lifespan.OWN:
        verdict = "rises with age" if rises else "falls with age" if falls else f"a change with age is {shown(False)}"
        return f"All {modules} modules, {name}: {verdict}."
    published = "the published direction"
    verdict = f"rises with age, {published}." if rises else f"**falls** with age, not {published}." if falls else ""
    return f"All {modules} modules, {name}: " + (verdict or f"the published rise with age is **{shown(False)}**.")


def of_views(records: list[dict]) -> list[str]:
    """Every row of the system, and the pairs as a matrix when there are any."""
    lines = []
    for r in records:
        what = ", ".join(f"{k} = {r[k]}" for k in ("dim", "noise") if k in r)
        pairs = of_pairs(r["rows"])
        rows = [
            [row["measure"].replace("_", " "), plus_minus(row), number(row["gaussian"]), number(row.get("p_value"), 2)]
            for row in r["rows"]
            if row not in pairs
        ]
        lines += [f"{what}:", "", *table(["measure", "nats", "Gaussian", "p"], rows)]
        if pairs:
            lines += matrix(pairs)
        lines += flagged(r["rows"])
    return lines


def matrix(pairs: list[dict]) -> list[str]:
    """Mutual information of every pair, those that differ from the null with a star."""
    named = {tuple(inside(row).split(", ")): f"{row['value']:.2f} ± {spread(row):.2f}{star(row)}" for row in pairs}
    names = list(dict.fromkeys(n for pair in named for n in pair))
    named |= {(b, a): cell for (a, b), cell in named.items()}
    rows = [[a, *("" if a == b else named[a, b].replace("-", "−") for b in names)] for a in names]
    return [f"Mutual information of pairs, nats; * where p ≤ {LEVEL:g}:", "", *table(["", *names], rows)]


SAID = {
    "steinmetz": ("Three visual areas of a mouse (Steinmetz et al. 2019)", areas.of_trials),
    "tcga": ("Three omics of breast tumours (TCGA)", of_views),
    "mfeat": ("Six views of digits (UCI Multiple Features)", of_views),
    "lifespan": ("fMRI from 10 to 80 years (Gatica et al. 2021)", of_ages),
    "sachs": ("Signalling proteins (Sachs et al. 2005)", of_proteins),
    "pairs": ("Two visual areas in other sessions (Steinmetz et al. 2019)", areas.of_trials),
    "allen": ("Visual Behavior Neuropixels (Allen Institute)", areas.of_sessions),
}


def permutations(records: list[dict]) -> str:
    """From how many permutations p-values come, in words."""
    counts = sorted({r["options"]["null"] for r in records if r["options"].get("null")})
    each = " or ".join(f"{count}, so p is at least {1 / (1 + count):.2g}" for count in counts)
    return f"permutations: {each or 'none'}"


def cost(records: list[dict]) -> list[str]:
    """What each study took."""
    of = {study: [r for r in records if r["study"] == study] for study in SAID}
    told = [
        (study, len(rs), sum(r["cpu_s"] for r in rs), max(r["peak_mib"] for r in rs)) for study, rs in of.items() if rs
    ]
    each = "; ".join(f"{study} {cpu / 60:.0f} in {cells} cells, at most {peak} MiB" for study, cells, cpu, peak in told)
    hours = sum(cpu for _, _, cpu, _ in told) / 3600
    return [f"CPU-minutes: {each}; {hours:.1f} CPU-hours in all. {cost_counts(records)}", ""]


def markdown(records: list[dict]) -> str:
    """The whole document."""
    lines = [
        *heading("Real data", MAKE, "real"),
        f"Code: commit {commits(records)}. Standard errors are those of the estimate, or of refits on rows drawn again",
        f"where those are larger; p is that of the permutation test of independence ({permutations(records)}). O-information",
        "and its gradient have no permutation null, since both can be 0 without independence: read their standard errors.",
        "How each file is read and what is left out stands in `experiments/datasets/`.",
        "",
        *cost(records),
        "![real data](real.png)",
        "",
        "Bars are one standard error to each side.",
        "",
    ]
    for study, (title, tell) in SAID.items():
        of = [r for r in records if r["study"] == study]
        if of:
            lines += [f"## {title}", "", *tell(of)]
    return "\n".join(lines).rstrip() + "\n"


def picture(records: list[dict], path: Path) -> None:
    """Areas in windows, O-information by protein, and by age: the panels whose records are there."""
    from matplotlib.figure import Figure

    from jaxinfo import plots

    of = lambda *studies: [r for r in records if r["study"] in studies]
    windows = [(areas.draw_windows, row) for row in areas.contrasts(of("steinmetz", "pairs"))]
    sessions: dict[tuple, list[dict]] = {}
    for row in areas.contrasts(of("allen")):
        if row["measure"] == "o_information":
            sessions.setdefault((row["areas"], row["step_s"]), []).append(row)
    panels = [*windows, *((areas.draw_sessions, rows) for rows in sessions.values())]
    panels += [*((_proteins, r) for r in of("sachs")), *((_ages, r) for r in of("lifespan"))]
    columns = min(COLUMNS, max(len(panels), 1))
    rows = max(-(-len(panels) // columns), 1)
    figure = Figure(figsize=(PANEL[0] * columns, PANEL[1] * rows), layout="constrained", facecolor="white")
    each = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (draw, what) in zip(each, panels):
        draw(axes, what, plots)
        axes.tick_params(labelsize=plots.SMALL)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in each[len(panels) :]:
        axes.set_axis_off()
    figure.savefig(path, dpi=110)


def _proteins(axes, record, plots):
    of = sorted(
        (r for r in record["rows"] if r["measure"].startswith("o_information_gradient(")), key=lambda r: r["value"]
    )
    axes.errorbar(
        [r["value"] for r in of], range(len(of)), xerr=[spread(r) for r in of], fmt="o", ms=4, color=plots.BLUE
    )
    axes.set_yticks(range(len(of)), [f"{inside(row)} ({row['edges']})" for row in of])
    axes.axvline(0.0, color=plots.GREY, lw=0.6)
    axes.set_title(f"proteins (known edges), {record['condition'] or 'all cells'}", fontsize=plots.SMALL)
    axes.set_xlabel("gradient of Ω  [nats]", fontsize=plots.SMALL)


def _ages(axes, record, plots):
    for row, colour in zip((r for r in record["rows"] if "each" in r), (plots.BLUE, plots.ORANGE, plots.GREY)):
        age, each = np.asarray(row["age"]), np.asarray(row["each"])
        axes.plot(age, each, "o", ms=2, alpha=0.5, color=colour)
        line = np.polyfit(age, each, 1)
        axes.plot(
            np.sort(age),
            np.polyval(line, np.sort(age)),
            color=colour,
            lw=1.5,
            ls="--" if colour == plots.ORANGE else "-",
            label=row["measure"].rpartition(", ")[2],
        )
    axes.set_title(f"{record['modules']} modules of each person", fontsize=plots.SMALL)
    axes.set_xlabel("age  [years]", fontsize=plots.SMALL)
    axes.set_ylabel("Ω  [nats]", fontsize=plots.SMALL)
    legend(axes, plots)
