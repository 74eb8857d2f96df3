"""Packages of others on the same arrays, each in its own virtual environment: one record per (package, task, measure).

    python -m experiments.rivals --config=configs/rivals.py --workdir=records

A package that does not install, knows no such measure or does not end in time is a record that says so.
"""

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import numpy as np
from absl import app, flags
from ml_collections import config_flags

CONFIG = config_flags.DEFINE_config_file("config", "configs/rivals.py", "Configuration.")
WORKDIR = flags.DEFINE_string("workdir", "records", "Where rivals.jsonl is kept; the same command resumes.")
ENVIRONMENTS = flags.DEFINE_string("environments", "out/rivals", "Where the virtual environments are made.")
SCRIPT = Path(__file__).with_name("outside.py")


def environment(package: str, requirement: str, root: Path, timeout_s: float) -> tuple[Path, str]:
    """The Python of the package's own environment, made and filled on first use, and what went wrong, if anything."""
    home = root / package
    python, done = home / "bin" / "python", home / "installed"
    if not done.exists():
        venv.create(home, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "-q", "numpy", requirement]
        found = attempt(pip, timeout_s)
        if isinstance(found, str):
            return python, f"does not install: {found}"
        done.touch()
    return python, ""


def attempt(command: list[str], timeout_s: float) -> subprocess.CompletedProcess | str:
    """The finished process, or the last line of what went wrong."""
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return f"not finished after {timeout_s:.0f} s"
    if found.returncode:
        return (found.stderr.strip().splitlines() or [f"exit status {found.returncode}"])[-1][:300]
    return found


def measured(python: Path, package: str, measure: str, vs: dict[str, np.ndarray], timeout_s: float) -> dict:
    """``value``, ``cpu_s``, ``wall_s``, ``version``; or ``failed`` with the reason."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "arrays.npz"
        np.savez(path, **vs)
        found = attempt([str(python), str(SCRIPT), package, measure, str(path)], timeout_s)
    if isinstance(found, str):
        return {"failed": found}
    lines = [line for line in found.stdout.splitlines() if line.startswith("FOUND")]
    return json.loads(lines[-1].removeprefix("FOUND")) if lines else {"failed": "said nothing"}


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
                    vs = task.draw(seed, config.n)
                    found = {"failed": trouble} if trouble else measured(python, package, measure, vs, config.each_s)
                    record = cell | {"truth": task.truth[measure]} | found | {"environment": machine()}
                    with JsonLines(path) as log:
                        log.write(record)
                    said = (
                        found.get("failed") or f"{found['value'] - task.truth[measure]:+.3f} in {found['cpu_s']:.0f} s"
                    )
                    print(package, name, measure, f"seed={seed}", said, flush=True)


if __name__ == "__main__":
    sys.exit(app.run(main))
