"""Cells of an experiment, each in a fresh process: its CPU-seconds include compiling, unless programs are kept from cell to
cell, and its peak memory is its own.  A cell that says ``long`` goes on where a killed process left it."""

import hashlib
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
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
    given: Callable[[dict, list[dict]], dict] | None = None,
) -> None:
    """Measure the cells that have no record yet and append their records: the same command resumes.

    Args:
      path: JSON lines.
      cells: what to measure, each plain JSON.
      function: ``"module:function"``, from a cell to its record, which repeats the cell; of a ``long`` cell it also takes
        the directory ``place`` where it keeps what it has, beside the records.
      show: what to print of a record.
      keys: the entries that tell cells apart; all by default.
      keep_programs: compile each shape once, in the first cell that has it; programs stand beside the records.
      given: what a cell is told of the records so far, as entries that do not tell it from others: the time that another
        took, say.  A ``LookupError`` leaves the cell for later.

    Raises:
      SystemExit: after the last cell, when some failed.
    """
    from jaxinfo.io.log import JsonLines, read_records

    failed = 0
    inherited = {k: v for k, v in os.environ.items() if k != "JAX_COMPILATION_CACHE_DIR"}  # else cells would share it
    if keep_programs:
        inherited["JAX_COMPILATION_CACHE_DIR"] = str(path.with_suffix(".programs").resolve())
        inherited.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.5")
    for cell in cells:
        told = keys or sorted(cell)
        kept = read_records(path) if path.exists() else []  # another process may have measured some meanwhile
        if mark(cell, told) in {mark(r, told) for r in kept}:
            continue
        try:
            whole = cell | (given(cell, kept) if given else {})
        except LookupError as missing:
            failed += 1
            print(f"{cell} waits: {missing}", flush=True)
            continue
        child = [sys.executable, "-m", "experiments.cells", function, json.dumps(whole)]
        place = path.with_suffix(".unfinished") / hashlib.sha256(mark(cell, told).encode()).hexdigest()[:16]
        if cell.get("long"):
            child.append(str(place))
        with ended_together():
            found = subprocess.run(child, capture_output=True, text=True, env=inherited)
        lines = [line for line in found.stdout.splitlines() if line.startswith("RECORD")]
        if found.returncode or not lines:
            failed += 1
            print(f"{cell} failed:\n{found.stderr[-2000:]}", flush=True)
            continue
        record = json.loads(lines[0].removeprefix("RECORD"))
        with JsonLines(path) as log:
            log.write(record)
        shutil.rmtree(place, ignore_errors=True)
        print(show(record), flush=True)
    if failed:
        sys.exit(f"{failed} cells failed; the same command tries them again.")


@contextmanager
def ended_together() -> Iterator[None]:
    """A process that is asked to end takes the one it waits for with it, which would live on with nobody to record it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def resumed(function: Callable[..., dict], cell: dict, place: Path, every_s: float = 1.0) -> dict:
    """The record of a long cell; its seconds include those of processes that were killed on it, as last noted."""
    from jaxinfo.io.log import JsonLines, read_records

    place.mkdir(parents=True, exist_ok=True)
    path = place / "spent.jsonl"
    before = {r["start"]: r for r in (read_records(path) if path.exists() else [])}  # the last note of each start
    over, wall = threading.Event(), time.monotonic()

    def note() -> None:
        with JsonLines(path) as log:
            while not over.wait(every_s):
                spent = {"cpu_s": time.process_time(), "wall_s": time.monotonic() - wall}
                log.write({"start": len(before)} | spent)

    noting = threading.Thread(target=note, daemon=True)
    noting.start()
    try:
        record = function(cell, place=place / "kept")
    finally:
        over.set()
        noting.join()
    spent = {k: round(record[k] + sum(r[k] for r in before.values()), 1) for k in ("cpu_s", "wall_s")}
    return record | spent | {"restarts": len(before)}


def main(function: str, cell: str, place: str = "") -> None:
    """What the fresh process does: one cell, its record on standard output."""
    from jaxinfo.io.log import plain

    module, name = function.split(":")
    measure, what = getattr(importlib.import_module(module), name), json.loads(cell)
    found = resumed(measure, what, Path(place)) if place else measure(what)
    print("RECORD" + json.dumps(plain(found)))


if __name__ == "__main__":
    main(*sys.argv[1:])
