"""How programs are compiled, and kept from one process to the next: half of a short estimate is compiling."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

WORTH_KEEPING_S = 0.5  # seconds of compiling below which a program is not kept


class Program:
    """A jitted function compiled at a level of optimisation; ``jax_disable_most_optimizations`` has precedence."""

    def __init__(self, function: Callable, level: int, **options: Any):
        self._plain: Any = jax.jit(function, **options)
        self._levelled: Any = jax.jit(function, compiler_options={"xla_backend_optimization_level": level}, **options)

    def __call__(self, *arguments: Any) -> Any:
        """Call it, compiling when the shapes are new."""
        return (self._plain if jax.config.read("jax_disable_most_optimizations") else self._levelled)(*arguments)

    def num_traces(self) -> int:
        """How many shapes were compiled."""
        return sum(f._cache_size() for f in (self._plain, self._levelled))


def program(level: int = 2, **options: Any) -> Callable[[Callable], Program]:
    """Decorator: :class:`Program` with options of ``jax.jit``.

    Level 2 compiles sooner than 3 and its programs run as fast; level 0 is for what runs once and briefly.
    """
    return lambda function: Program(function, level, **options)


def keep(directory: str | os.PathLike | None = None) -> Path | None:
    """Keep compiled programs on disk: another process that asks for the same shapes does not compile them again.

    The numbers are the same to the last bit.  Each kind of processor has a folder of its own, since programs are made for
    one.  A directory that was set before (``JAX_COMPILATION_CACHE_DIR``) stays.

    Args:
      directory: where; by default ``jaxinfo`` under ``$XDG_CACHE_HOME`` or ``~/.cache``.

    Returns:
      Where programs are kept; None when the folder cannot be written: then nothing is kept.
    """
    before = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]
    if before:
        return Path(before)
    try:
        if directory is None:
            directory = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jaxinfo"
        home = Path(directory) / processor()
        home.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # RuntimeError: nobody's home
        return None
    if not os.access(home, os.W_OK):
        return None
    jax.config.update("jax_compilation_cache_dir", str(home))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", WORTH_KEEPING_S)
    return home


def processor() -> str:
    """A short name of this kind of processor: its architecture, and a digest of what it can do."""
    cpuinfo, words = Path("/proc/cpuinfo"), platform.processor()
    if cpuinfo.is_file():
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
        words = next((line for line in lines if line.lower().startswith(("flags", "features"))), words)
    return f"{platform.machine()}-{hashlib.sha256(words.encode()).hexdigest()[:8]}"
