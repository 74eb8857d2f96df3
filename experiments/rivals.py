"""Packages of others on the same arrays, each in its own virtual environment: one record per (package, task, measure).

    python -m experiments.rivals --config=configs/rivals.py --workdir=records

A package that does not install, knows no such measure or does not end in time is a record that says so.
"""

from pathlib import Path

from absl import app, flags
from ml_collections import config_flags

from experiments.packages import environment, measured

CONFIG = config_flags.DEFINE_config_file("config", "configs/rivals.py", "Configuration.")
WORKDIR = flags.DEFINE_string("workdir", "records", "Where rivals.jsonl is kept; the same command resumes.")
ENVIRONMENTS = flags.DEFINE_string("environments", "out/rivals", "Where the virtual environments are made.")
FRESH = 1_000_000  # what is added to the seed of a draw for its test rows


def main(_):
    """Every package on every task and measure it is asked for."""
    from jaxinfo.bench import tasks
    from jaxinfo.io.log import JsonLines, read_records
    from jaxinfo.io.log import environment as machine

    config, path = CONFIG.value, Path(WORKDIR.value) / "rivals.jsonl"
    kept = read_records(path) if path.exists() else []
    mark = lambda r: (r["package"], r["task"], r["n"], r["seed"], r["measure"])
    seen = {mark(r) for r in kept}
    for package, requirement in config.packages.items():
        python, trouble = environment(package, requirement, Path(ENVIRONMENTS.value), config.install_s)
        for name in config.tasks:
            task = tasks.task(name)
            for measure in [m for m in config.measures if m in task.truth]:
                for seed in range(config.seeds):
                    cell = {"package": package, "task": name, "n": config.n, "seed": seed, "measure": measure}
                    if mark(cell) in seen:
                        continue
                    rows = task.draw(seed, config.n), task.draw(seed + FRESH, config.n)
                    found = {"failed": trouble} if trouble else measured(python, package, measure, *rows, config.each_s)
                    record = cell | {"truth": task.truth[measure]} | found | {"environment": machine()}
                    with JsonLines(path) as log:
                        log.write(record)
                    said = (
                        found.get("failed") or f"{found['value'] - task.truth[measure]:+.3f} in {found['cpu_s']:.0f} s"
                    )
                    print(package, name, measure, f"seed={seed}", said, flush=True)


if __name__ == "__main__":
    app.run(main)
