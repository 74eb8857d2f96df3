"""Checkpoints of a run that may be killed at any time: written beside the work, the last few kept, the newest good one read.

with Keeper(directory, mark="what this run is") as keeper:
    found = keeper.newest()                       # None at the first start
    while not finished:
        ...
        if keeper.due():
            keeper.save(step, tree)
        if keeper.stopping:                       # SIGTERM came: save, then leave
            keeper.save(step, tree)
            keeper.leave()
"""

from __future__ import annotations

import re
import shutil
import signal
import threading
import time
import warnings
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxinfo.io import checkpoint

NAME = re.compile(r"step_(\d{10})")
TERMINATED = 128 + signal.SIGTERM  # exit status by the shell's convention


class Keeper:
    """Checkpoints of one run in one directory.

    Args:
      directory: made when missing; nothing else should live in it.
      mark: what the run is (a fingerprint of its data and settings); checkpoints with another mark are not read, and
        are removed when this run first saves.
      keep: how many of the newest are kept.
      every_s: seconds between saves that :meth:`due` asks for.
      writes: False on all hosts but one: they read what the one wrote to a file system they share.
    """

    def __init__(
        self, directory: str | Path, mark: str = "", keep: int = 3, every_s: float = 15.0, writes: bool = True
    ):
        if keep < 2:
            raise ValueError(f"keep must be at least 2, got {keep}: the newest checkpoint may be the damaged one.")
        self.directory, self.mark, self.keep, self.every_s = Path(directory), mark, keep, every_s
        self.stopping, self.writes = False, writes
        self._writer: ThreadPoolExecutor | None = None
        self._pending: Future | None = None
        self._last = time.monotonic()
        self._previous: Any = None

    def __enter__(self) -> Keeper:
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGTERM, self._stop)
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGTERM, self._previous)
            self._previous = None
        try:
            self.wait()
        except OSError:
            if kind is None:  # an error already on its way says more
                raise
        finally:
            if self._writer is not None:
                self._writer.shutdown()
                self._writer = None

    def _stop(self, *_: object) -> None:
        self.stopping = True

    def due(self) -> bool:
        """Whether it is time to save again."""
        return self.stopping or time.monotonic() - self._last >= self.every_s

    def save(self, step: int, tree: Any, metadata: Mapping[str, Any] | None = None) -> None:
        """Start writing a checkpoint of ``tree`` after ``step``; it is complete after :meth:`wait`.

        The arrays are copied first, so the caller may donate them.

        Raises:
          OSError: when the save *before* this one failed, for instance because the disk is full.
        """
        self.wait()
        self._last = time.monotonic()
        if not self.writes:
            return
        copied = jax.tree.map(lambda leaf: np.array(leaf, copy=True), tree)
        about = dict(metadata or {}) | {"step": step, "mark": self.mark}
        if self._writer is None:
            self._writer = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._pending = self._writer.submit(self._write, step, copied, about)

    def wait(self) -> None:
        """Return when everything is on the disk.

        Raises:
          OSError: when writing failed; says which older checkpoint is whole.
        """
        if self._pending is None:
            return
        pending, self._pending = self._pending, None
        try:
            pending.result()
        except Exception as error:  # orbax and its C++ parts raise many kinds
            older = [step for step, _ in self._stored()]
            whole = f"the one after step {older[0]} is whole" if older else "there is no older one"
            raise OSError(
                f"{self.directory}: expected to write a checkpoint, got {type(error).__name__}: {str(error)[:300]}. Is the "
                f"disk full or the place read-only? Free space or choose another place; {whole}, and the same command "
                "goes on from it."
            ) from error

    def leave(self) -> None:
        """Wait for the disk, then end the process with status 143, as SIGTERM would have done."""
        self.wait()
        raise SystemExit(TERMINATED)

    def newest(self) -> tuple[int, Any, dict[str, Any]] | None:
        """``(step, tree, metadata)`` of the newest checkpoint that is whole and of this run; None when there is none.

        A damaged one is left out with a warning.
        """
        self.wait()
        if self.writes:
            self._sweep()
        for step, path in self._stored():
            try:
                tree, metadata = checkpoint.load(path)
            except ValueError as error:
                warnings.warn(f"left out a damaged checkpoint, going back to the one before: {error}", stacklevel=2)
                continue
            if metadata.get("mark") == self.mark:
                return step, tree, metadata
        return None

    def clear(self) -> None:
        """Remove every checkpoint: the run is over and its result is kept elsewhere."""
        self.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _write(self, step: int, tree: Any, metadata: dict[str, Any]) -> None:
        place = self.directory / f"step_{step:010d}"
        checkpoint.save(place, tree, metadata)
        stored = self._stored()
        for later, path in stored:  # of another run, or of one that was wound back
            if later > step:
                shutil.rmtree(path, ignore_errors=True)
        for _, path in [s for s in stored if s[0] <= step][self.keep :]:
            shutil.rmtree(path, ignore_errors=True)

    def _stored(self) -> list[tuple[int, Path]]:
        """Checkpoints, newest first."""
        if not self.directory.is_dir():
            return []
        found = [(NAME.fullmatch(p.name), p) for p in self.directory.iterdir()]
        return sorted(((int(m.group(1)), p) for m, p in found if m), reverse=True)

    def _sweep(self) -> None:
        """Remove what a killed run left half written; a whole checkpoint that stepped aside for it takes its place again."""
        if self.directory.is_dir():
            for p in list(self.directory.iterdir()):
                name = re.match(r"\.(step_\d{10})\.", p.name)
                place = self.directory / name.group(1) if name else None
                if place is not None and checkpoint.standing(place) == p:
                    p.rename(place)
                elif p.name.startswith(".step_"):
                    shutil.rmtree(p, ignore_errors=True)
