"""Packages of others on the same arrays, each in its own virtual environment: one record per (package, task, measure).

    python -m experiments.rivals --config=configs/rivals.py --workdir=records

A package that does not install, knows no such measure or does not end in time is a record that says so.  The same command
resumes, and tries again what did not install: the last record of a cell counts.  What failed otherwise or ran out of time is
tried again when it is given something else: a version, seconds.  Ours is one of the packages.
"""

import time
from itertools import groupby
from pathlib import Path

from absl import app, flags
from ml_collections import config_flags

from experiments.cells import mark
from experiments.packages import environment, measured

CONFIG = config_flags.DEFINE_config_file("config", "configs/rivals.py", "Configuration.")
WORKDIR = flags.DEFINE_string("workdir", "records", "Where rivals.jsonl is kept; the same command resumes.")
ENVIRONMENTS = flags.DEFINE_string("environments", "out/rivals", "Where the virtual environments are made.")
KEYS = ("package", "requirement", "task", "n", "seed", "measure", "each_s")
FRESH = 1_000_000  # what is added to the seed of a draw for its test rows


def cells(config) -> list[dict]:
    """Every package on every task and measure it is asked for."""
    from jaxinfo.bench import tasks

    given = {"n": config.n, "each_s": config.each_s}
    return [
        {"package": package, "requirement": wanted, "task": name, "measure": measure, "seed": seed} | given
        for package, wanted in config.packages.items()
        for name in config.tasks
        for measure in config.measures
        if measure in tasks.task(name).truth
        for seed in range(config.seeds)
    ]


def to_do(wanted: list[dict], records: list[dict]) -> list[dict]:
    """The cells without a record, and those whose last record says that the package did not install."""
    last = {mark(r, KEYS): r for r in records}
    done = {told for told, r in last.items() if r.get("installed", True)}
    return [cell for cell in wanted if mark(cell, KEYS) not in done]


def main(_):
    """Run the cells that are missing, package by package."""
    from jaxinfo.bench import tasks
    from jaxinfo.io.log import JsonLines, read_records
    from jaxinfo.io.log import environment as machine

    config, path = CONFIG.value, Path(WORKDIR.value) / "rivals.jsonl"
    wanted = to_do(cells(config), read_records(path) if path.exists() else [])
    for package, each in groupby(wanted, lambda cell: cell["package"]):
        python, trouble = environment(package, config.packages[package], Path(ENVIRONMENTS.value), config.install_s)
        for cell in each:
            task, measure = tasks.task(cell["task"]), cell["measure"]
            if trouble:
                found = {"failed": trouble, "installed": False}
            else:
                rows = task.draw(cell["seed"], cell["n"]), task.draw(cell["seed"] + FRESH, cell["n"])
                found = measured(python, package, measure, *rows, cell["each_s"])
            record = cell | {"truth": task.truth[measure]} | found
            record |= {"date": time.strftime("%Y-%m-%d"), "environment": machine()}
            with JsonLines(path) as log:
                log.write(record)
            said = found.get("failed") or f"{found['value'] - record['truth']:+.3f} in {found['cpu_s']:.0f} s"
            print(package, cell["task"], measure, f"seed={cell['seed']}", said, flush=True)


if __name__ == "__main__":
    app.run(main)
