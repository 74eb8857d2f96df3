"""Cells of an experiment, each in a fresh process: its CPU-seconds include compiling, unless programs are kept from cell to
cell, and its peak memory is its own."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path


def mark(record: dict, keys: Iterable[str]) -> str:
    """What tells a cell, or the cell of a record, from others."""
    return json.dumps([record.get(k) for k in keys], sort_keys=True)


def run(
    path: Path,
    cells: Iterable[dict],
    function: str,
    *,
    show: Callable[[dict], object],
    keys: tuple[str, ...] = (),
    keep_programs: bool = False,
) -> None:
    """Measure the cells that have no record yet and append their records: the same command resumes.

    Args:
      path: JSON lines.
      cells: what to measure, each plain JSON.
      function: ``"module:function"``, from a cell to its record, which repeats the cell.
      show: what to print of a record.
      keys: the entries that tell cells apart; all by default.
      keep_programs: compile each shape once, in the first cell that has it; programs stand beside the records.

    Raises:
      SystemExit: after the last cell, when some failed.
    """
    from jaxinfo.io.log import JsonLines, read_records

    kept, failed = read_records(path) if path.exists() else [], 0
    inherited = {k: v for k, v in os.environ.items() if k != "JAX_COMPILATION_CACHE_DIR"}  # else cells would share it
    if keep_programs:
        inherited["JAX_COMPILATION_CACHE_DIR"] = str(path.with_suffix(".programs").resolve())
        inherited.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.5")
    for cell in cells:
        told = keys or sorted(cell)
        if mark(cell, told) in {mark(r, told) for r in kept}:
            continue
        child = [sys.executable, "-m", "experiments.cells", function, json.dumps(cell)]
        found = subprocess.run(child, capture_output=True, text=True, env=inherited)
        lines = [line for line in found.stdout.splitlines() if line.startswith("RECORD")]
        if found.returncode or not lines:
            failed += 1
            print(f"{cell} failed:\n{found.stderr[-2000:]}", flush=True)
            continue
        record = json.loads(lines[0].removeprefix("RECORD"))
        with JsonLines(path) as log:
            log.write(record)
        print(show(record), flush=True)
    if failed:
        sys.exit(f"{failed} cells failed; the same command tries them again.")


def main(function: str, cell: str) -> None:
    """What the fresh process does: one cell, its record on standard output."""
    from jaxinfo.io.log import plain

    module, name = function.split(":")
    found = getattr(importlib.import_module(module), name)(json.loads(cell))
    print("RECORD" + json.dumps(plain(found)))


if __name__ == "__main__":
    main(*sys.argv[1:])
