"""How much of what a configuration asks for is recorded, and how a verdict reads when that is not all of it."""

import importlib
from collections.abc import Sequence
from types import ModuleType
from typing import NamedTuple

from experiments.cells import mark

WITHIN, SO_FAR, OUTSIDE = "within.", "within so far.", "**outside.**"
GROUPS, TASKS = 6, 3  # how many groups of missing cells are named, and how many tasks of each


class Recorded(NamedTuple):
    """Records of what is asked for.

    Attributes:
      records: the last one of each cell, in the order of the configuration.
      asked: how many cells are asked for.
      missing: the cells without a record.
      others: how many records are of cells that are not asked for.
    """

    records: list[dict]
    asked: int
    missing: list[dict]
    others: int


def said(holds: bool, whole: bool = True) -> str:
    """A verdict; ``whole`` is False when some of what the bar speaks of is not there yet."""
    return OUTSIDE if not holds else WITHIN if whole else SO_FAR


def asked(name: str, records: Sequence[dict]) -> tuple[list[dict], tuple[str, ...]]:
    """The cells that ``configs/<name>.py`` asks for, and the entries that tell them apart.

    What depends on data of the user is asked for on the data that the records speak of.
    """
    config = importlib.import_module(f"configs.{name}").get_config()
    module = without_flags("experiments.sweep" if "groups" in config else f"experiments.{name}")
    cells = module.asked(config, records) if hasattr(module, "asked") else module.cells(config)
    return cells, module.KEYS


def without_flags(name: str) -> ModuleType:
    """An experiment, imported for what it knows of its cells; it loses its flags, which have the names of every other's."""
    from absl import flags

    before = set(flags.FLAGS)
    module = importlib.import_module(name)
    for flag in set(flags.FLAGS) - before:
        delattr(flags.FLAGS, flag)
    return module


def recorded(name: str, records: Sequence[dict]) -> Recorded:
    """The records of ``records/<name>.jsonl`` that count, and what is missing."""
    cells, keys = asked(name, records)
    wanted, last = {mark(c, keys): c for c in cells}, {mark(r, keys): r for r in records}
    return Recorded(
        [last[m] for m in wanted if m in last],
        len(wanted),
        [c for m, c in wanted.items() if m not in last],
        sum(mark(r, keys) not in wanted for r in records),
    )


def stated(text: str, name: str, found: Recorded) -> str:
    """A document with a line under its title that says how much of it is there; without all of it nothing is final."""
    title, _, rest = text.partition("\n\n")
    line = f"Recorded: {len(found.records)} of the {found.asked} cells that `configs/{name}.py` asks for{spent(found.records)}."
    if found.missing:
        line = f"**{line} Missing: {named(found.missing)}.**"
        rest = rest.replace(WITHIN, SO_FAR)
    if found.others:
        line += f" Left out: {found.others} records of cells that it does not ask for."
    return f"{title}\n\n{line}\n\n{rest}"


def spent(records: Sequence[dict]) -> str:
    """The CPU-hours of records in words, of those that count them: what an accelerator did is no CPU's work."""
    on_cpu = [r for r in records if r.get("environment", {}).get("platform", "cpu") == "cpu"]
    seconds = [s for r in on_cpu if isinstance(s := r.get("cpu_s"), int | float)]
    some = "" if len(seconds) == len(records) else f" in the {len(seconds)} that tell"
    return f", {sum(seconds) / 3600:.1f} CPU-hours{some}" if seconds else ""


def named(cells: Sequence[dict]) -> str:
    """Cells in few words: their groups, with the first tasks of each, or how many they are."""
    groups: dict[str, list[str | None]] = {}
    for cell in cells:
        groups.setdefault(group(cell), []).append(cell.get("task"))
    words = []
    for name, of in list(groups.items())[:GROUPS]:
        tasks = list(dict.fromkeys(filter(None, of)))
        more = f" and {len(tasks) - TASKS} more" if len(tasks) > TASKS else ""
        words.append(f"{name}: {', '.join(tasks[:TASKS])}{more}" if tasks else f"{name} ({len(of)})")
    more = f"; and {len(groups) - GROUPS} more groups" if len(groups) > GROUPS else ""
    return "; ".join(words) + more


def group(cell: dict) -> str:
    """What a cell belongs to: a rival, a study, a test; ours by its rows and options."""
    if "cell" in cell:
        return " ".join(map(str, cell["cell"][:2]))
    if "num_variables" in cell:
        return f"{cell['num_variables']} variables"
    if "at_once" in cell:
        return f"{cell['seeds']} seeds, {cell['at_once']} at once" + ("" if cell["network_counts"] else ", no network")
    for key in ("shape", "estimator", "package", "study", "test", "title"):
        if isinstance(cell.get(key), str):
            return str(cell[key])
    return ", ".join([f"n={cell['n']}", *(f"{k}={v}" for k, v in cell["options"].items())])
