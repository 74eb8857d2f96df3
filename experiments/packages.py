"""Packages of others in virtual environments of their own: made, filled, and asked for one number."""

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import numpy as np

SCRIPT = Path(__file__).with_name("outside.py")
# threads of OpenMP that wait for each other on busy cores spend CPU-seconds on nothing
ALONE = {
    "OMP_NUM_THREADS": "1",
    "PYTHONUTF8": "1",
    "JAX_TRACEBACK_FILTERING": "off",
}  # the last line is what went wrong


def environment(package: str, requirement: str, root: Path, timeout_s: float) -> tuple[Path, str]:
    """The Python of the package's own environment, made and filled on first use, and what went wrong, if anything.

    Without a requirement it is the Python that runs this.
    """
    if not requirement:
        return Path(sys.executable), ""
    home = root / package.split()[0]
    python, done = home / "bin" / "python", home / "installed"
    if not done.exists() or done.read_text(encoding="utf-8") != requirement:
        venv.create(home, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "-q", "numpy", requirement]
        found = attempt(pip, timeout_s)
        if isinstance(found, str):
            return python, f"does not install: {found}"
        done.write_text(requirement, encoding="utf-8")
    return python, ""


def attempt(command: list[str], timeout_s: float) -> subprocess.CompletedProcess | str:
    """The finished process, or the last line of what went wrong."""
    try:
        found = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=timeout_s, env=os.environ | ALONE
        )
    except subprocess.TimeoutExpired:
        return f"not finished after {timeout_s:.0f} s"
    if found.returncode:
        return (found.stderr.strip().splitlines() or [f"exit status {found.returncode}"])[-1][:300]
    return found


def measured(
    python: Path,
    package: str,
    measure: str,
    train: dict[str, np.ndarray],
    test: dict[str, np.ndarray],
    timeout_s: float,
) -> dict:
    """``value``, ``stderr``, what it cost and the ``versions`` it had, as ``outside.py`` tells; or why it ``failed``."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "arrays.npz"
        arrays = {f"train:{k}": v for k, v in train.items()} | {f"test:{k}": v for k, v in test.items()}
        np.savez(path, **arrays)
        found = attempt([str(python), str(SCRIPT), package, measure, str(path)], timeout_s)
    if isinstance(found, str):
        return {"failed": found}
    lines = [line for line in found.stdout.splitlines() if line.startswith("FOUND")]
    return json.loads(lines[-1].removeprefix("FOUND")) if lines else {"failed": "said nothing"}
