"""What every document drawn from records begins with: its title and the commands that make it."""

from collections import Counter
from collections.abc import Sequence

from experiments.cells import cpu_seconds

DEFAULT = "acceptance"  # what ``experiments.tables`` draws without being told


def heading(title: str, make: str, name: str) -> list[str]:
    """Lines of the heading of ``docs/<name>.md``, drawn from ``records/<name>.jsonl``, which ``make`` writes."""
    which = "" if name == DEFAULT else f" --records=records/{name}.jsonl"
    return [
        f"# {title}",
        "",
        "Made by these commands; no number is typed by hand:",
        "",
        "```sh",
        make,
        "python -m experiments.tables" + which,
        "```",
        "",
    ]


def side_by_side(records: Sequence[dict]) -> list[str]:
    """A sentence on records without :func:`~experiments.cells.cpu_seconds`, where there are any."""
    without = [r for r in records if cpu_seconds(r) is None]
    devices = ", ".join(dict.fromkeys(str(r.get("environment", {}).get("device")) for r in without))
    told = f"Without CPU-seconds ({len(without)} of {len(records)} cells): trained side by side on {devices}."
    return [told] if without else []


def cost_counts(records: Sequence[dict]) -> str:
    """What the CPU-seconds of these records hold, in a sentence."""
    if any(r.get("programs_kept") for r in records):
        words = "CPU-seconds count compiling once for each shape of data, in the first cell that has it"
    else:
        words = "CPU-seconds include compiling, in a fresh process each"
    return f"{words}; processors: {processors(records)}."


def processors(records: Sequence[dict]) -> str:
    """The processors that records were measured on, with how many on each."""
    each = Counter(r.get("environment", {}).get("processor") or "not noted" for r in records)
    return ", ".join(f"{name} ({count})" for name, count in each.most_common()) or "none"


def commits(records: Sequence[dict]) -> str:
    """The commits that the records were made with, ``+changes`` where files differed from it."""
    environments = [r.get("environment", {}) for r in records]
    each = (str(e.get("commit"))[:10] + ("+changes" if e.get("modified") else "") for e in environments)
    return ", ".join(dict.fromkeys(each))
