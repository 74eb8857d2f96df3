"""How rows of studies of real data read: numbers with their errors, verdicts of tests, flags, tables."""

import re
from collections import Counter

import numpy as np

LEVEL = 0.05
TIED = re.compile(r"(?P<name>.+?)(?:, .*)?: (?P<percent>\d+) % of the (?:values are ties|rows share)")


def number(value, digits: int = 3) -> str:
    """A number as people write it."""
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")


def options_in_words(options: dict) -> list[str]:
    """``["gaussian=False", …]``, by name."""
    return [f"{k}={v}" for k, v in sorted(options.items())]


def over_seeds(values, digits: int = 3, sign: str = "") -> str:
    """Mean ± standard deviation over data seeds ``[seeds]``; of one its value.  ``sign="+"`` shows it of what is positive."""
    mean = f"{np.mean(values):{sign}.{digits}f}".replace("-", "−")
    return f"{mean} ± {np.std(values, ddof=1):.{digits}f}" if np.size(values) > 1 else mean


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
    often = sorted(kinds.items(), key=lambda kind: (-kind[1], kind[0]))
    words = [f"{kind} ({count} of {len(rows)} values)" for kind, count in often]
    if ties:
        each = ", ".join(f"{name} {percent} %" for name, percent in sorted(ties.items(), key=lambda t: -t[1]))
        words.append(f"tied values, to which noise of the rounding step was added, at most {each}")
    return [f"Flags: {'; '.join(words)}.", ""] if words else []


def _bent(record: dict, measure: str) -> float:
    """The part of the standard error for bent laws, of records whose error does not hold it yet; nats."""
    from jaxinfo.bench import tasks
    from jaxinfo.estimators import summary

    known = record.get("diagnostics", {}).get(measure, {})
    if "bent" in known or known.get("gaussian") is None or not record.get("options", {}).get("gaussian", True):
        return 0.0
    coordinates = sum(tasks.task(record["task"]).dims.values())
    return summary.bent_share(coordinates) * abs(record["value"][measure] - known["gaussian"])


def covered(records: list[dict], what: str = "all tasks") -> list[str]:
    """A line on how many 95 % intervals of these records hold the truth, and which is furthest from it; no bar.

    Standard errors of before the part ``bent`` are told with it too, those of before the part ``fine`` are counted.  Records of
    the benchmarks are what the parts of the standard error were weighed by, which the line says.
    """
    z, with_bent, older = {}, {}, 0
    for r in records:
        for m, truth in r["truth"].items():
            error, stderr = r["value"].get(m, np.nan) - truth, r.get("stderr", {}).get(m)
            if stderr and np.isfinite(error):
                z[r["task"], m, r.get("seed")] = error / stderr
                with_bent[r["task"], m, r.get("seed")] = error / np.hypot(stderr, _bent(r, m))
                older += "fine" not in r.get("diagnostics", {}).get(m, {})
    if not z:
        return []
    furthest = max(z, key=lambda k: abs(z[k]))
    inside, now = (sum(abs(v) <= 1.96 for v in each.values()) for each in (z, with_bent))
    words = [] if now == inside else [f"{now} with the part that the error has since for laws that bend"]
    words += (
        [f"{older} were recorded before it had parts for fine structure and for what neighbours see"] if older else []
    )
    return [
        f"- Intervals of 95 %, {what}: {inside} of {len(z)} hold the truth"
        + (f" ({'; '.join(words)})" if words else "")
        + f"; the furthest estimate is {number(abs(z[furthest]), 1)} standard errors "
        f"{'below' if z[furthest] < 0 else 'above'} it ({furthest[0]}, {furthest[1].replace('_', ' ')}). The error's parts "
        "were weighed by tasks like these, so this is no independent check."
    ]


def legend(axes, plots):
    """A legend above what is drawn."""
    lines = len(axes.get_legend_handles_labels()[1])
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.11 * lines * (high - low))
    axes.legend(frameon=False, fontsize=plots.SMALL - 1, loc="upper right", labelspacing=0.2, borderaxespad=0.0)
