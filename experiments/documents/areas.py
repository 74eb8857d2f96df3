"""Brain areas in windows after an event: two conditions of a session, or of many sessions, as text and as panels."""

from typing import NamedTuple

import numpy as np

from experiments.datasets import allen, steinmetz
from experiments.documents.rows import LEVEL, flagged, legend, number, p_of, plus_minus, shown, spread, star, table

SURE = 2.0  # standard errors
CONTRASTS = {"steinmetz": steinmetz.CONTRAST, "pairs": steinmetz.CONTRAST, "allen": allen.CONTRAST}
SHARED = ("s_information", "mutual_information")  # how much areas share


def by_time(record: dict | None, measure: str) -> dict[float, dict]:
    """The rows of a measure by the middle of their window, to the microsecond, which sums of unlike steps share."""
    return {round(row["time"], 6): row for row in (record or {"rows": ()})["rows"] if row["measure"] == measure}


def trial_count(record: dict) -> int:
    """On how many trials a record was measured; 0 when no window could be."""
    return record["rows"][0]["n"] if record["rows"] else 0


def difference(of: dict[float, dict], against: dict[float, dict]) -> dict[float, tuple[float, float]]:
    """Time -> difference of two conditions and its standard error, nats."""
    both = [t for t in of if t in against]
    return {t: (of[t]["value"] - against[t]["value"], float(np.hypot(spread(of[t]), spread(against[t])))) for t in both}


class Mean(NamedTuple):
    """A mean over windows and its standard error in nats, and the degrees of freedom of that."""

    value: float
    error: float
    df: int


def mean_difference(of: dict[float, dict], against: dict[float, dict]) -> Mean | None:
    """The difference of two conditions averaged over windows, its standard error by trials drawn again.

    Draws are the same trials in every window, so their spread holds what windows have in common; None without draws.
    """
    both = [t for t in of if t in against]
    if not both or any(rows[t].get("bootstrap") is None for rows in (of, against) for t in both):
        return None
    draws = [np.mean([rows[t]["bootstrap"] for t in both], 0) for rows in (of, against)]
    value = np.mean([of[t]["value"] - against[t]["value"] for t in both])
    return Mean(float(value), float(np.hypot(*(d.std(ddof=1) for d in draws))), min(d.size for d in draws) - 1)


def over_windows(rows: list[dict]) -> float | None:
    """The p-value of the largest of all windows, by the largest of each permutation; None where nothing was tested.

    Permutations are the same in every window: one test however many windows.
    """
    tested = [row for row in rows if row.get("null") is not None]
    if not tested:
        return None
    largest = np.max([row["null"] for row in tested], 0)
    beaten = int((largest >= max(row["tested"] for row in tested)).sum())
    return (1 + beaten) / (1 + largest.size)


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
            both = by_time(first, measure), by_time(second, measure)
            found = difference(*both)
            out.append(
                {"study": study, "session": session, "areas": areas, "step_s": step_s, "measure": measure, "records": of,
                 "difference": found, "mean": mean_difference(*both), "above": sum(d > SURE * s for d, s in found.values()),
                 "below": sum(d < -SURE * s for d, s in found.values())}
            )  # fmt: skip
    return out


def more_is_shared(rows: list[dict], contrast) -> list[str]:
    """Whether areas share more in one condition, on the mean over windows of every session, as a list."""
    from scipy import stats

    of = [row for row in rows if row["measure"] in SHARED and row["mean"] is not None]
    if not of:
        return ["Conditions: **not compared**, no windows are recorded for both on trials drawn again.", ""]
    lines = [f"{contrast.of} − {contrast.against}, mean over windows ± standard error by trials drawn again, nats:", ""]
    for row in of:
        value, error, df = row["mean"]
        p = float(stats.t.sf(value / error, df))
        lines.append(
            f"- {named(row)}: {number(value)} ± {number(error)}, one-sided {p_of(p)}; more is shared: {shown(p < LEVEL)}."
        )
    return [
        *lines,
        "",
        f"Comparisons: {len(of)}; if none shared more, {number(LEVEL * len(of), 2)} would be shown by chance.",
        f"{contrast.of.capitalize()} trials differ among each other in what is seen, which areas share too.",
        "",
    ]


def of_trials(records: list[dict]) -> list[str]:
    """Areas in windows: means, how many windows differ from the null, every window by condition, and the contrast."""
    contrast = CONTRASTS[records[0]["study"]]
    rows = contrasts(records)
    return [
        f"Bias depends on the number of trials, so conditions are compared on equally many: of {contrast.larger} as many are "
        "drawn as the other has, without replacement, by a fixed seed.",
        "",
        *more_is_shared(rows, contrast),
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
                f"{sum(p <= LEVEL for p in tested)} of {len(tested)}" if tested else "–", number(over_windows(of), 2),
            ])  # fmt: skip
    head = [
        "areas", "condition", "counts", "measure", "mean over windows", "range", "mean s.e.", "bootstrap s.e.",
        f"windows with p ≤ {LEVEL:g}", "p over all windows",
    ]  # fmt: skip
    return table(head, rows)


def named(row: dict) -> str:
    """Session, areas, counts and measure."""
    return (
        f"{row['session']} {'–'.join(row['areas'])}, {1000 * row['step_s']:.0f} ms, {row['measure'].replace('_', ' ')}"
    )


def windows(rows: list[dict]) -> list[str]:
    """A table of every window: the conditions of a session one below the other, then their difference."""
    times = sorted({t for row in rows for r in row["records"].values() for t in by_time(r, row["measure"])})
    lines = []
    for row in rows:
        name = named(row)
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
    times = sorted({t for r in records for row in r["rows"] for t in by_time(r, row["measure"])})
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


def draw_windows(axes, row, plots):
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
    legend(axes, plots)


def draw_sessions(axes, rows, plots):
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
    legend(axes, plots)
