"""Records as JSON lines, what produced them, and a progress bar."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import platform
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

PACKAGES = ("jax", "jaxlib", "flax", "optax", "numpy")


def plain(value: Any) -> Any:
    """``value`` in terms of what JSON knows: dict, list, str, int, float, bool, None.

    Arrays become lists, named tuples (an Estimate) and dataclasses dicts, paths text, keys of dicts text.

    Raises:
      ValueError: for anything else, such as a function.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if hasattr(value, "to_dict"):  # ml_collections.ConfigDict
        return plain(value.to_dict())
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, set | frozenset):
        return [plain(v) for v in sorted(value)]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "__array__"):  # numpy and jax, scalars and arrays
        array = np.asarray(value)
        if array.dtype.kind in "biufU":
            return array.tolist()
        if array.dtype.name in ("bfloat16", "float8_e4m3fn", "float8_e5m2"):
            return array.astype(np.float64).tolist()
    raise ValueError(
        f"expected numbers, text, lists or dicts in a record, got {type(value).__name__}; convert it first."
    )


class JsonLines:
    """Append-only file of records, one JSON object per line; a record is on the disk when :meth:`write` returns.

    NaN and infinities are written as ``NaN`` and ``Infinity``, which Python and pandas read back.

    Args:
      path: the file; made with its directories when missing, continued when there.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("a+b", buffering=0)
        if self.path.stat().st_size:
            self._file.seek(-1, os.SEEK_END)
            if self._file.read(1) != b"\n":  # a run died while writing: its torn line must not swallow the next record
                self._file.write(b"\n")

    def write(self, record: Mapping[str, Any]) -> None:
        """Append one record; arrays and numpy scalars are welcome, see :func:`plain`.

        Raises:
          ValueError: for what is no dict.
          OSError: when the line is not written whole, as on a full disk.
        """
        if not isinstance(record, Mapping):
            raise ValueError(f"expected a record as a dict, got {type(record).__name__}; name its fields.")
        # One call for the whole line: several processes may append to one file.
        line = json.dumps(plain(record), ensure_ascii=False).encode() + b"\n"
        if self._file.write(line) != len(line):
            raise OSError(errno.ENOSPC, "a record was not written whole; is the disk full?", str(self.path))
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file; writing afterwards is an error."""
        self._file.close()

    def __enter__(self) -> JsonLines:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_records(path: str | Path) -> list[dict[str, Any]]:
    """The records of a JSON-lines file, in order.  A torn line is left out with a warning.

    A line is torn when a run died while writing it: the last one, or one before a later run went on.

    Raises:
      ValueError: when the file is missing, or holds no record although it is not empty.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: expected a file of records, got none at this path; check the spelling.")
    records, torn = [], []
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError:  # JSON and UTF-8 errors both
            record = None
        records.append(record) if isinstance(record, dict) else torn.append(number)
    if torn and not records and not (torn == [1] and path.read_bytes().startswith(b"{")):  # a run's very first record
        raise ValueError(
            f"{path}: expected one JSON object per line, got none in {len(torn)} lines; is it the right file?"
        )
    if torn:
        shown = ", ".join(map(str, torn[:5])) + (", …" if len(torn) > 5 else "")
        warnings.warn(f"{path}: left out {len(torn)} unreadable line(s): {shown}; a run died there.", stacklevel=2)
    return records


def environment() -> dict[str, Any]:
    """What a number depends on beside its settings: versions, device and commit; nothing says whose machine it is.

    ``cores`` are those that this process may use.  ``commit`` is that of the checkout this package is imported from, None
    when installed; ``modified`` says whether tracked files differ from it.
    """
    import jax

    device = jax.devices()[0]
    return {
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in PACKAGES},
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "platform": device.platform,
        "device": device.device_kind,
        "devices": jax.device_count(),
        **_commit(),
    }


def _processor() -> str:
    """The model of the processor; Linux tells it in a file of its own."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8").splitlines() if told.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _commit() -> dict[str, Any]:
    root = Path(__file__).resolve().parents[2]

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(root), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()

    try:
        # An installed copy may lie inside somebody else's repository, whose commit says nothing about it.
        if Path(git("rev-parse", "--show-toplevel")).resolve() != root:
            return {"commit": None, "modified": None}
        return {
            "commit": git("rev-parse", "HEAD"),
            "modified": bool(git("status", "--porcelain", "--untracked-files=no")),
        }
    except (OSError, subprocess.SubprocessError):
        return {"commit": None, "modified": None}


class Progress:
    """What :func:`progress` hands out; ``bar`` is a tqdm bar, or None when nothing is shown."""

    def __init__(self, bar: Any = None):
        self._bar = bar

    def update(self, n: int = 1, **postfix: Any) -> None:
        """Advance by ``n``; the keywords stand behind the bar, numbers with four digits."""
        if self._bar is None:
            return
        self._show(postfix)
        self._bar.update(n)

    def reach(self, n: int, total: int, **postfix: Any) -> None:
        """Stand at ``n`` of ``total``, which may have changed since the last call."""
        if self._bar is None:
            return
        self._show(postfix)
        self._bar.total = total
        self._bar.update(n - self._bar.n)

    def _show(self, postfix: dict[str, Any]) -> None:
        if postfix:
            shown = {k: f"{v:.4g}" if isinstance(v, float | np.floating) else str(v) for k, v in postfix.items()}
            self._bar.set_postfix(shown, refresh=False)


@contextmanager
def progress(total: int | None, description: str = "", enabled: bool | None = None) -> Iterator[Progress]:
    """A progress bar on stderr: ``with progress(100, "training") as bar: bar.update(10, loss=0.3)``.

    Args:
      total: how many updates of 1 there will be; None when unknown.
      description: stands before the bar.
      enabled: show it; by default only when stderr is a terminal, so that logs stay readable.
    """
    if not (sys.stderr.isatty() if enabled is None else enabled):
        yield Progress()
        return
    from tqdm import tqdm

    with tqdm(total=total, desc=description or None, dynamic_ncols=True) as bar:
        yield Progress(bar)
