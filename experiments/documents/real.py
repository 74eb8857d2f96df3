"""Real data: what each study found, from the records of ``configs/real.py``.

Drawn by ``python -m experiments.tables --records=records/real.jsonl``.
"""

import re
from collections import Counter
from pathlib import Path

import numpy as np

from experiments.datasets import allen, steinmetz
from experiments.documents.heading import commits, cost_counts, heading

MAKE = "python -m experiments.real --config=configs/real.py --workdir=records --data=DIRECTORY"
LEVEL = 0.05
SURE = 2.0  # standard errors
CONTRASTS = {"steinmetz": steinmetz.CONTRAST, "pairs": steinmetz.CONTRAST, "allen": allen.CONTRAST}
SHARED = ("s_information", "mutual_information")  # how much areas share
TIED = re.compile(r"(?P<name>.+?)(?:, .*)?: (?P<percent>\d+) % of the (?:values are ties|rows share)")
COLUMNS, PANEL = 4, (3.4, 2.7)  # of the figure; inches


def number(value, digits: int = 3) -> str:
    """A number as people write it."""
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")


def p_of(p: float) -> str:
    """A p-value in words."""
    return f"p = {p:.2g}" if p >= 1e-4 else f"p = {p:.0e}".replace("-", "−")


def spread(row: dict) -> float:
    """Standard error, the bootstrap's where it is larger."""
    return max(row["stderr"], row.get("bootstrap_stderr") or 0.0)


def plus_minus(row: dict) -> str:
    """Value ± standard error."""
    return f"{number(row['value'])} ± {number(spread(row))}"


def with_p(row: dict) -> str:
    """Measure, value ± standard error, and the p-value of the permutation test where there is one."""
    p = row.get("p_value")
    tested = "" if p is None else f" (p = {number(p, 2)})"
    return f"{row['measure'].replace('_', ' ')} {plus_minus(row)}{tested}"


def differs(row: dict) -> bool:
    """Whether the permutation test says that this is not 0."""
    p = row.get("p_value")
    return p is not None and p <= LEVEL


def star(row: dict) -> str:
    """The sign of that in tables."""
    return "*" if differs(row) else ""


def shown(holds: bool) -> str:
    """Whether a test shows what it asks for."""
    return f"shown at {100 * LEVEL:g} %" if holds else f"not shown at {100 * LEVEL:g} %"


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """A table in Markdown, its first column text."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "--:|" * (len(head) - 1)]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def flagged(rows: list[dict]) -> list[str]:
    """A line on the flags of these rows: each kind once with how many rows bear it, and the variables with ties."""
    ties: dict[str, int] = {}
    kinds: Counter[str] = Counter()
    for row in rows:
        found = {flag: TIED.match(flag) for flag in row.get("flags", ())}
        for tied in filter(None, found.values()):
            ties[tied["name"]] = max(ties.get(tied["name"], 0), int(tied["percent"]))
        kinds.update({flag.partition(":")[0] for flag, tied in found.items() if not tied})
    words = [f"{kind} ({count} of {len(rows)} values)" for kind, count in kinds.most_common()]
    if ties:
        each = ", ".join(f"{name} {percent} %" for name, percent in sorted(ties.items(), key=lambda t: -t[1]))
        words.append(f"tied values, to which noise of the rounding step was added, at most {each}")
    return [f"Flags: {'; '.join(words)}.", ""] if words else []


# -- areas in windows -------------------------------------------------------------------------------------------------


def by_time(record: dict | None, measure: str) -> dict[float, dict]:
    """The rows of a measure by the middle of their window."""
    return {row["time"]: row for row in (record or {"rows": ()})["rows"] if row["measure"] == measure}


def trial_count(record: dict) -> int:
    """On how many trials a record was measured; 0 when no window could be."""
    return record["rows"][0]["n"] if record["rows"] else 0


def difference(of: dict[float, dict], against: dict[float, dict]) -> dict[float, tuple[float, float]]:
    """Time -> difference of two conditions and its standard error, nats."""
    both = [t for t in of if t in against]
    return {t: (of[t]["value"] - against[t]["value"], float(np.hypot(spread(of[t]), spread(against[t])))) for t in both}


def contrasts(records: list[dict]) -> list[dict]:
    """One row per session, step and measure: the records of its conditions and their differences by time."""
    groups: dict[tuple, dict[tuple, dict]] = {}
    for r in records:
        key = (r["study"], r["session"], tuple(r["areas"]), r["step_s"])
        groups.setdefault(key, {})[r["condition"], r["matched"]] = r
    out = []
    for (study, session, areas, step_s), of in groups.items():
        first, second = (of.get(which) for which in CONTRASTS[study].compared())
        for measure in dict.fromkeys(row["measure"] for r in of.values() for row in r["rows"]):
            found = difference(by_time(first, measure), by_time(second, measure))
            out.append(
                {"study": study, "session": session, "areas": areas, "step_s": step_s, "measure": measure, "records": of,
                 "difference": found, "above": sum(d > SURE * s for d, s in found.values()),
                 "below": sum(d < -SURE * s for d, s in found.values())}
            )  # fmt: skip
    return out


def more_is_shared(rows: list[dict], contrast) -> str:
    """In how many windows areas share more in one condition, in a sentence."""
    from scipy.stats import norm

    of = [row for row in rows if row["measure"] in SHARED]
    bins = sum(len(row["difference"]) for row in of)
    if not bins:
        return "Conditions: **not compared**, no window is recorded for both."
    above, below = (sum(row[k] for row in of) for k in ("above", "below"))
    chance = bins * norm.sf(SURE)
    return (
        f"{contrast.of} − {contrast.against}: areas share more in {above} of {bins} windows and less in {below}, by more than "
        f"{SURE:g} standard errors of the difference; by chance about {chance:.1f} each, if nothing differed. Windows of a "
        "session share its trials, so they do not count as so many tests."
    )


def of_trials(records: list[dict]) -> list[str]:
    """Areas in windows: means, how many windows differ from the null, every window by condition, and the contrast."""
    contrast = CONTRASTS[records[0]["study"]]
    rows = contrasts(records)
    return [
        f"Bias depends on the number of trials, so conditions are compared on equally many: of {contrast.larger} as many are "
        "drawn as the other has, without replacement, by a fixed seed.",
        "",
        more_is_shared(rows, contrast),
        "",
        *means(records),
        f"Every window, nats; * where p ≤ {LEVEL:g}.",
        "",
        *windows(rows),
        *flagged([row for r in records for row in r["rows"]]),
    ]


def called(condition: str, matched: bool, record: dict) -> str:
    """A condition with its number of trials."""
    return f"{condition}, {trial_count(record)} {'drawn' if matched else 'trials'}"


def means(records: list[dict]) -> list[str]:
    """A table: means over windows, and how many windows differ from the null."""
    rows = []
    for r in records:
        for measure in dict.fromkeys(row["measure"] for row in r["rows"]):
            of = list(by_time(r, measure).values())
            values = np.asarray([row["value"] for row in of])
            tested = [row["p_value"] for row in of if row.get("p_value") is not None]
            again = [row["bootstrap_stderr"] for row in of if row.get("bootstrap_stderr") is not None]
            rows.append([
                f"{r['session']} {'–'.join(r['areas'])}", called(r["condition"], r["matched"], r),
                f"{1000 * r['step_s']:.0f} ms", measure.replace("_", " "), number(values.mean()),
                f"{number(values.min())} to {number(values.max())}", number(np.mean([row["stderr"] for row in of])),
                number(np.mean(again)) if again else "–",
                f"{sum(p <= LEVEL for p in tested)} of {len(tested)}" if tested else "–",
            ])  # fmt: skip
    head = [
        "areas", "condition", "counts", "measure", "mean over windows", "range", "mean s.e.", "bootstrap s.e.",
        f"windows with p ≤ {LEVEL:g}",
    ]  # fmt: skip
    return table(head, rows)


def windows(rows: list[dict]) -> list[str]:
    """A table of every window: the conditions of a session one below the other, then their difference."""
    times = sorted({t for row in rows for r in row["records"].values() for t in by_time(r, row["measure"])})
    lines = []
    for row in rows:
        name = f"{row['session']} {'–'.join(row['areas'])}, {1000 * row['step_s']:.0f} ms, {row['measure'].replace('_', ' ')}"
        for (condition, matched), r in row["records"].items():
            at = by_time(r, row["measure"])
            cells = [plus_minus(at[t]) + star(at[t]) if t in at else "–" for t in times]
            lines.append([name, called(condition, matched, r), *cells, ""])
        contrast, found = CONTRASTS[row["study"]], row["difference"]
        cells = [f"{number(found[t][0])} ± {number(found[t][1])}" if t in found else "–" for t in times]
        beyond = f"{row['above']} above, {row['below']} below"
        lines.append([name, f"**{contrast.of} − {contrast.against}**", *cells, beyond if found else "–"])
    head = ["areas, counts, measure", "condition", *(f"{1000 * t:.0f} ms" for t in times), f"beyond {SURE:g} s.e."]
    return table(head, lines)


def of_sessions(records: list[dict]) -> list[str]:
    """Many sessions: quartiles over them in each window, and the contrast within sessions."""
    contrast, rows = CONTRASTS["allen"], contrasts(records)
    groups: dict[tuple, list[dict]] = {}
    for row in rows:
        groups.setdefault((row["areas"], row["step_s"], row["measure"]), []).append(row)
    times = sorted({t for r in records for row in r["rows"] for t in [row["time"]]})
    lines = []
    for (areas, step_s, measure), of in groups.items():
        name = f"{'–'.join(areas)}, {1000 * step_s:.0f} ms, {measure.replace('_', ' ')}"
        for condition, matched in contrast.compared():
            cells = [quartiles(over_sessions(of, condition, matched, t)) for t in times]
            lines.append([name, condition + (", drawn" if matched else ""), *cells])
        change = [np.asarray([row["difference"][t][0] for row in of if t in row["difference"]]) for t in times]
        lines.append([name, f"**{contrast.of} − {contrast.against}**", *map(mean_change, change)])
    sessions = len({r["session"] for r in records})
    return [
        f"{sessions} sessions. By window and condition: median (quartiles) over sessions, nats, on equally many flashes of "
        "both; below, the mean difference within sessions ± its standard error over sessions, and in how many it is positive.",
        "",
        more_is_shared(rows, contrast),
        "",
        *table(["areas, counts, measure", "condition", *(f"{1000 * t:.0f} ms" for t in times)], lines),
        *flagged([row for r in records for row in r["rows"]]),
    ]


def over_sessions(rows: list[dict], condition: str, matched: bool, time: float) -> np.ndarray:
    """Values of a measure in one window, a session each."""
    at = (by_time(row["records"].get((condition, matched)), row["measure"]).get(time) for row in rows)
    return np.asarray([found["value"] for found in at if found is not None])


def quartiles(values: np.ndarray) -> str:
    """Median and quartiles."""
    if not values.size:
        return "–"
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    return f"{number(middle)} ({number(low)} to {number(high)})"


def mean_change(values: np.ndarray) -> str:
    """Mean ± standard error over sessions, and how many are positive."""
    if not values.size:
        return "–"
    error = values.std(ddof=1) / np.sqrt(values.size) if values.size > 1 else None
    return f"{number(values.mean())} ± {number(error)} ({(values > 0).sum()} of {values.size})"


# -- proteins, ages, views --------------------------------------------------------------------------------------------


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

    n = len(gradient)
    rank = stats.spearmanr([row["edges"] for row in gradient], [row["value"] for row in gradient])
    t = stats.t.ppf(1.0 - LEVEL / 2, n - 2)
    needed = t / np.sqrt(n - 2 + t**2)
    return (
        f"Gradient of O-information against the number of known edges: Spearman {number(rank.statistic, 2)} "
        f"({p_of(rank.pvalue)}); larger with more edges: {shown(rank.statistic > 0 and rank.pvalue < LEVEL)}. Over {n} "
        f"proteins the test has little power: only a correlation of about {number(needed, 2)} or more would be shown."
    )


def edges_apart(pairs: list[dict]) -> str:
    """Whether pairs with a known edge share more than the others, and how many pairs differ from the null."""
    from scipy import stats

    known, other = ([row for row in pairs if bool(row["edges"]) == k] for k in (True, False))
    values = lambda rows: [row["value"] for row in rows]
    test = stats.mannwhitneyu(values(known), values(other), alternative="greater")
    auc = test.statistic / (len(known) * len(other))
    found = lambda rows: f"{sum(map(differs, rows))} of {len(rows)}"
    return (
        f"Mutual information of the {len(known)} pairs with a known edge against the {len(other)} others: area under the curve "
        f"{number(auc, 2)} ({p_of(test.pvalue)}); more with an edge: {shown(test.pvalue < LEVEL)}. The permutation test has "
        f"p ≤ {LEVEL:g} in {found(known)} with an edge and {found(other)} without."
    )


def of_ages(records: list[dict]) -> list[str]:
    """Slopes with age: a verdict on all modules, and what a subset of them says."""
    lines = []
    for r in records:
        slopes = [row for row in r["rows"] if row["measure"].startswith("slope")]
        system = [row for row in r["rows"] if row not in slopes]
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
            "O-information by subject:",
            "",
            *(f"- {with_age(row, r['modules'])}" for row in slopes),
            "",
            f"{r['modules']} modules, given age, nats: {', '.join(map(with_p, system))}.",
            "",
            *table(["O-information by subject", "nats per decade", "correlation with age", "p"], rows),
            *flagged(system),
        ]
    return lines


def with_age(row: dict, modules: int) -> str:
    """Whether O-information rises with age, in a sentence; the published direction is judged on all modules."""
    sure, name = row["p_value"] < LEVEL, row["measure"].rpartition(", ")[2]
    rises, falls = sure and row["value"] > 0, sure and row["value"] < 0
    if modules < row["of"]:
        verdict = "rises with age" if rises else "falls with age" if falls else f"a rise with age is {shown(False)}"
        return f"The first {modules} of {row['of']} modules, a subset that is not judged, {name}: {verdict}."
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
    "steinmetz": ("Three visual areas of a mouse (Steinmetz et al. 2019)", of_trials),
    "tcga": ("Three omics of breast tumours (TCGA)", of_views),
    "mfeat": ("Six views of digits (UCI Multiple Features)", of_views),
    "lifespan": ("fMRI from 10 to 80 years (Gatica et al. 2021)", of_ages),
    "sachs": ("Signalling proteins (Sachs et al. 2005)", of_proteins),
    "pairs": ("Two visual areas in other sessions (Steinmetz et al. 2019)", of_trials),
    "allen": ("Visual Behavior Neuropixels (Allen Institute)", of_sessions),
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
    ]
    for study, (title, tell) in SAID.items():
        of = [r for r in records if r["study"] == study]
        if of:
            lines += [f"## {title}", "", *tell(of)]
    return "\n".join(lines).rstrip() + "\n"


# -- the figure -------------------------------------------------------------------------------------------------------


def picture(records: list[dict], path: Path) -> None:
    """Areas in windows, O-information by protein, and by age: the panels whose records are there."""
    from matplotlib.figure import Figure

    from jaxinfo import plots

    of = lambda *studies: [r for r in records if r["study"] in studies]
    areas = [(_windows, row) for row in contrasts(of("steinmetz", "pairs"))]
    sessions: dict[tuple, list[dict]] = {}
    for row in contrasts(of("allen")):
        if row["measure"] == "o_information":
            sessions.setdefault((row["areas"], row["step_s"]), []).append(row)
    panels = [*areas, *((_sessions, rows) for rows in sessions.values())]
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


def _legend(axes, plots):
    """A legend above what is drawn."""
    lines = len(axes.get_legend_handles_labels()[1])
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.11 * lines * (high - low))
    axes.legend(frameon=False, fontsize=plots.SMALL - 1, loc="upper right", labelspacing=0.2, borderaxespad=0.0)


def _windows(axes, row, plots):
    """Every condition of a session against time, side by side where they would hide each other."""
    for k, ((condition, matched), r) in enumerate(row["records"].items()):
        colour = plots.GREY if condition == CONTRASTS[row["study"]].against else plots.SKY if matched else plots.BLUE
        of = list(by_time(r, row["measure"]).values())
        at = [1000 * row_["time"] + 5 * (k - 1) for row_ in of]
        axes.errorbar(
            at, [row_["value"] for row_ in of], [spread(row_) for row_ in of], fmt="o-", ms=3, lw=1, color=colour,
            label=called(condition, matched, r),
        )  # fmt: skip
    axes.axhline(0.0, color=plots.GREY, lw=0.6)
    axes.set_title(
        f"{row['session']} {'–'.join(row['areas'])}, counts in {1000 * row['step_s']:.0f} ms", fontsize=plots.SMALL
    )
    axes.set_xlabel("ms from onset", fontsize=plots.SMALL)
    axes.set_ylabel(f"{plots.label(row['measure'])}  [nats]", fontsize=plots.SMALL)
    _legend(axes, plots)


def _sessions(axes, rows, plots):
    """Boxes over sessions in every window, both conditions side by side."""
    contrast = CONTRASTS["allen"]
    times = sorted({t for row in rows for r in row["records"].values() for t in by_time(r, row["measure"])})
    for (condition, matched), shift, colour in zip(contrast.compared(), (-0.18, 0.18), (plots.BLUE, plots.GREY)):
        boxes = axes.boxplot(
            [over_sessions(rows, condition, matched, t) for t in times], positions=np.arange(len(times)) + shift,
            widths=0.3, patch_artist=True, manage_ticks=False, flierprops={"markersize": 2},
            medianprops={"color": plots.INK},
        )  # fmt: skip
        for box in boxes["boxes"]:
            box.set(facecolor=colour, alpha=0.6)
        boxes["boxes"][0].set_label(condition)
    axes.axhline(0.0, color=plots.GREY, lw=0.6)
    axes.set_xticks(range(len(times)), [f"{1000 * t:.0f}" for t in times])
    axes.set_title(
        f"{len(rows)} sessions, {len(rows[0]['areas'])} areas, counts in {1000 * rows[0]['step_s']:.0f} ms",
        fontsize=plots.SMALL,
    )
    axes.set_xlabel("ms from flash", fontsize=plots.SMALL)
    axes.set_ylabel("Ω  [nats]", fontsize=plots.SMALL)
    _legend(axes, plots)


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
    _legend(axes, plots)
