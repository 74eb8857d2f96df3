"""Cells of an experiment, each in a fresh process: its CPU-seconds include compiling, unless programs are kept from cell to
cell, and its peak memory is its own.  A cell that says ``long`` goes on where a killed process left it.  Several processes
may run at once, and one may measure several cells."""

import hashlib
import importlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple


def mark(record: dict, keys: Iterable[str]) -> str:
    """What tells a cell, or the cell of a record, from others."""
    return json.dumps([record.get(k) for k in keys], sort_keys=True)


def cpu_seconds(record: dict) -> float | None:
    """The CPU-seconds of a fit; None where they are no cost of its own: on an accelerator, or side by side with others."""
    on_cpu = record.get("environment", {}).get("platform", "cpu") == "cpu"
    return record["cpu_s"] if on_cpu and "together" not in record else None


def run(
    path: Path,
    cells: Iterable[dict | list[dict]],
    function: str,
    *,
    show: Callable[[dict], object],
    keys: tuple[str, ...] = (),
    keep_programs: bool = False,
    given: Callable[[dict, list[dict]], dict] | None = None,
    jobs: int = 1,
) -> None:
    """Measure the cells that have no record yet and append their records: the same command resumes.

    Args:
      path: JSON lines.
      cells: what to measure, each plain JSON; a list of cells is measured in one process.
      function: ``"module:function"``, from a cell to its record, which repeats the cell, or from a list of cells to theirs;
        of a ``long`` cell it also takes the directory ``place`` where it keeps what it has, beside the records.
      show: what to print of a record.
      keys: the entries that tell cells apart; all by default.
      keep_programs: compile each shape once, in the first cell that has it; programs stand beside the records.
      given: what a cell is told of the records so far, as entries that do not tell it from others: the time that another
        took, say.  A ``LookupError`` leaves the cell for later.
      jobs: how many processes at once; each has its share of the processor's cores to itself.

    Raises:
      SystemExit: after the last cell, when some failed.
    """
    from jaxinfo.io.log import JsonLines, read_records

    inherited = {k: v for k, v in os.environ.items() if k != "JAX_COMPILATION_CACHE_DIR"}  # else cells would share it
    if keep_programs:
        inherited["JAX_COMPILATION_CACHE_DIR"] = str(path.with_suffix(".programs").resolve())
        inherited.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.5")
    told, writing = lambda cell: keys or sorted(cell), threading.Lock()

    def measured(item: dict | list[dict], cores: list[int], children: Children) -> Left:
        each = item if isinstance(item, list) else [item]
        kept = read_records(path) if path.exists() else []  # another process may have measured some meanwhile
        each = [c for c in each if mark(c, told(c)) not in {mark(r, told(c)) for r in kept}]
        if not each:
            return Left(0)
        try:
            whole = [c | (given(c, kept) if given else {}) for c in each]
        except LookupError as missing:
            return Left(0, item, f"{item} waits: {missing}")
        command = [sys.executable, "-m", "experiments.cells", function]
        command += [json.dumps(whole if isinstance(item, list) else whole[0]), ",".join(map(str, cores))]
        place = path.with_suffix(".unfinished") / hashlib.sha256(mark(each[0], told(each[0])).encode()).hexdigest()[:16]
        if isinstance(item, dict) and item.get("long"):
            command.append(str(place))
        found = children.run(command, inherited)
        records = [json.loads(x.removeprefix("RECORD")) for x in found.stdout.splitlines() if x.startswith("RECORD")]
        if found.returncode or not records:
            print(f"{each} failed:\n{found.stderr[-2000:]}", flush=True)
            return Left(len(each))
        with writing, JsonLines(path) as log:
            for record in records:
                log.write(record)
                print(show(record), flush=True)
        shutil.rmtree(place, ignore_errors=True)
        return Left(0)

    todo, failed = list(cells), 0
    with ended_together() as children:
        while todo:
            left = at_once(lambda item, cores: measured(item, cores, children), todo, shares(jobs), children)
            failed += sum(of.failed for of in left)
            late = [of for of in left if of.waits is not None]
            if len(late) == len(todo):  # what they wait for did not come
                failed += len(late)
                print("\n".join(of.why for of in late), flush=True)
                break
            todo = [of.waits for of in late if of.waits is not None]
    if failed:
        sys.exit(f"{failed} cells failed; the same command tries them again.")


class Left(NamedTuple):
    """What is left of an item: how many of its cells failed, or itself, where it waits for the record of another."""

    failed: int
    waits: dict | list[dict] | None = None
    why: str = ""


def shares(jobs: int) -> list[list[int]]:
    """The processor's cores that each of so many processes may use; none named where one process may use all."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if jobs < 2 or not cores:
        return [[] for _ in range(max(jobs, 1))]
    ends = [k * len(cores) // jobs for k in range(jobs + 1)]
    return [cores[a:b] or [cores[a % len(cores)]] for a, b in zip(ends, ends[1:])]


def at_once(work: Callable, items: Sequence, cores: Sequence[list[int]], children: "Children") -> list:
    """``work(item, cores)`` of all items in order, one at a time on each share of cores."""
    free: queue.Queue[list[int]] = queue.Queue()
    for share in cores:
        free.put(share)

    def one(item):
        share = free.get()
        try:
            return work(item, share)
        finally:
            free.put(share)

    with ThreadPoolExecutor(len(cores)) as pool:
        futures = [pool.submit(one, item) for item in items]
        try:
            return [f.result() for f in futures]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            children.kill()
            raise


class Children:
    """Processes that end with this one: they would live on with nobody to record them."""

    def __init__(self):
        self._running: set[subprocess.Popen] = set()

    def run(self, command: list[str], env: dict[str, str]) -> subprocess.CompletedProcess:
        """As ``subprocess.run``, with what it prints; its standard input stays open for as long as this process lives."""
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        with subprocess.Popen(command, **pipes, text=True, env=env) as child:
            self._running.add(child)
            kept_open, child.stdin = child.stdin, None  # communicate would close it
            try:
                out, err = child.communicate()
                return subprocess.CompletedProcess(command, child.returncode, out, err)
            finally:
                self._running.discard(child)
                kept_open.close()

    def kill(self) -> None:
        """End those that run."""
        for child in tuple(self._running):
            child.kill()


@contextmanager
def ended_together() -> Iterator[Children]:
    """A process that is asked to end takes its children with it."""
    children = Children()
    if threading.current_thread() is not threading.main_thread():
        yield children
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield children
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


def end_with_parent() -> None:
    """End this process once its standard input closes: the one that started it is gone, killed outright perhaps."""

    def wait() -> None:
        while os.read(0, 1024):  # sys.stdin has a lock that would outlive the interpreter
            pass
        os._exit(128 + signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def main(function: str, cell: str, cores: str = "", place: str = "") -> None:
    """What the fresh process does: one cell, or several in one, their records on standard output."""
    if cores:
        os.sched_setaffinity(0, map(int, cores.split(",")))
    from jaxinfo.io.log import plain

    module, name = function.split(":")
    measure, what = getattr(importlib.import_module(module), name), json.loads(cell)
    found = resumed(measure, what, Path(place)) if place else measure(what)
    for record in found if isinstance(found, list) else [found]:
        print("RECORD" + json.dumps(plain(record)))


if __name__ == "__main__":
    end_with_parent()
    main(*sys.argv[1:])
