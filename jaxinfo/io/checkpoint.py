"""Save and load trees of arrays with what describes them.

A checkpoint is a directory: ``arrays/`` as orbax wrote it and ``checkpoint.json`` with the structure of the tree, the
metadata, and size and checksum of every file, so that a damaged copy is noticed instead of read.
"""

from __future__ import annotations

import glob
import json
import os
import shutil
import uuid
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxinfo.io.log import plain

FORMAT, VERSION = "jaxinfo checkpoint", 1
INDEX = "checkpoint.json"
NUMBERS = "biufc"


def save(directory: str | Path, arrays_tree: Any, metadata: Mapping[str, Any] | None = None) -> None:
    """Write a checkpoint; an older one at this place is replaced once the new one is complete.

    Dicts, lists, tuples and None are kept.  Named tuples, optimiser states and other registered nodes come back as
    tuples in the same order: ``jax.tree.unflatten(jax.tree.structure(like), jax.tree.leaves(loaded))`` restores them.

    Args:
      directory: the checkpoint; call from one process.
      arrays_tree: pytree of arrays (any shape, numbers or booleans) and Python numbers.
      metadata: anything :func:`jaxinfo.io.log.plain` turns into JSON; tuples come back as lists.

    Raises:
      ValueError: for a leaf that is no array of numbers, metadata JSON cannot hold, or a directory that holds
        something else than a checkpoint.
    """
    directory = Path(os.path.abspath(directory))
    if directory.exists() and not replaceable(directory):
        raise ValueError(
            f"{directory}: expected a checkpoint or nothing to replace, got other files; choose another place."
        )
    leaves: list[np.ndarray] = []
    index = {
        "format": FORMAT,
        "version": VERSION,
        "metadata": plain(dict(metadata or {})),
        "tree": _describe(arrays_tree, leaves, "tree"),
    }
    directory.parent.mkdir(parents=True, exist_ok=True)
    fresh = directory.with_name(f".{directory.name}.{uuid.uuid4().hex[:8]}")
    fresh.mkdir()
    try:
        stored = {str(i): leaf for i, leaf in enumerate(leaves) if leaf.size}  # orbax refuses empty arrays
        if stored:
            with _checkpointer() as checkpointer:
                checkpointer.save(fresh / "arrays", stored)
        index["files"] = {file: _fingerprint(fresh / file) for file in _files(fresh)}
        with (fresh / INDEX).open("w", encoding="utf-8") as file:
            json.dump(index, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        _swap(fresh, directory)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def load(directory: str | Path) -> tuple[Any, dict[str, Any]]:
    """The tree, its arrays as numpy arrays of the dtype and shape saved, and the metadata.

    Raises:
      ValueError: when the directory is missing, no checkpoint of this library, of a later version, or damaged.
    """
    directory = standing(Path(os.path.abspath(directory)))
    if not directory.is_dir():
        raise ValueError(f"{directory}: expected a checkpoint directory, got none at this path; check the spelling.")
    if not (directory / INDEX).is_file():
        raise ValueError(
            f"{directory}: expected a checkpoint with a {INDEX}, got a directory without; is it the right one?"
        )
    damaged = f"{directory}: expected a complete checkpoint, got"
    try:
        index = json.loads((directory / INDEX).read_text(encoding="utf-8"))
        kind, version = index["format"], index["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{damaged} an unreadable {INDEX} ({error}); copy or save it again.") from error
    if kind != FORMAT or version != VERSION:
        raise ValueError(
            f"{directory}: expected {FORMAT} version {VERSION}, got {kind} version {version}; use the version of the "
            "library that wrote it."
        )
    for file, fingerprint in index["files"].items():
        if not (directory / file).is_file() or _fingerprint(directory / file) != fingerprint:
            raise ValueError(f"{damaged} a missing, cut or changed file {file}; copy or save it again.")
    leaves = _leaves(index["tree"])
    names = [str(i) for i, leaf in enumerate(leaves) if 0 not in leaf["shape"]]
    arrays = {}
    if names:
        ocp = _orbax()
        wanted = ocp.args.PyTreeRestore(restore_args={n: ocp.RestoreArgs(restore_type=np.ndarray) for n in names})
        with _checkpointer() as checkpointer:
            arrays = checkpointer.restore(directory / "arrays", args=wanted)
    return _rebuild(index["tree"], arrays, iter(range(len(leaves)))), index["metadata"]


def standing(directory: Path) -> Path:
    """The checkpoint of this place: itself, or the older one, whole, that a save killed between its two renames left aside."""
    whole = [old for old in _aside(directory) if (old / INDEX).is_file()] if not directory.exists() else []
    return max(whole, key=lambda old: old.stat().st_mtime, default=directory)


def _aside(directory: Path) -> list[Path]:
    return list(directory.parent.glob(f".{glob.escape(directory.name)}.????????.old"))


def _orbax():
    import orbax.checkpoint

    return orbax.checkpoint


def _checkpointer():
    """Orbax's, of this process alone: with several hosts it would wait until all of them save or load the same."""
    import jax

    ocp, here = _orbax(), jax.process_index()
    alone = ocp.options.MultiprocessingOptions(
        primary_host=here, active_processes={here}, barrier_sync_key_prefix=f"host{here}_{uuid.uuid4().hex[:8]}"
    )
    options = alone if jax.process_count() > 1 else ocp.options.MultiprocessingOptions()
    return ocp.Checkpointer(
        ocp.PyTreeCheckpointHandler(multiprocessing_options=options), multiprocessing_options=options
    )


def replaceable(directory: Path) -> bool:
    """A checkpoint or an empty directory; anything else may be somebody's work."""
    return directory.is_dir() and ((directory / INDEX).is_file() or not any(directory.iterdir()))


def _describe(node: Any, leaves: list[np.ndarray], at: str) -> Any:
    """The structure of a tree as JSON; its arrays are appended to ``leaves`` in the order of the description."""
    import jax

    if node is None:
        return None
    if isinstance(node, Mapping):
        wrong = [k for k in node if not isinstance(k, str)]
        if wrong:
            raise ValueError(f"{at}: expected dict keys that are text, got {wrong[0]!r}; use str(key).")
        # Sorted, as jax flattens dicts: the order of leaves is then that of jax.tree.leaves.
        return {"dict": [[k, _describe(node[k], leaves, f"{at}[{k!r}]")] for k in sorted(node)]}
    children = jax.tree.leaves(node, is_leaf=lambda x: x is not node)  # one level down
    if not (len(children) == 1 and children[0] is node):
        kind = "list" if isinstance(node, list) else "tuple"
        return {kind: [_describe(child, leaves, f"{at}[{i}]") for i, child in enumerate(children)]}
    if isinstance(node, jax.Array) and jax.dtypes.issubdtype(node.dtype, jax.dtypes.prng_key):
        raise ValueError(f"{at}: expected an array of numbers, got a PRNG key; save jax.random.key_data(key).")
    leaf = np.asarray(node)
    if leaf.dtype.kind not in NUMBERS and not _extended(leaf.dtype):
        raise ValueError(
            f"{at}: expected an array of numbers, got {leaf.dtype}; put text and settings in the metadata."
        )
    leaves.append(leaf)
    return {"shape": list(leaf.shape), "dtype": leaf.dtype.name}


def _extended(dtype: np.dtype) -> bool:
    """Bfloat16 and its kin, which numpy files under void."""
    import jax.numpy as jnp

    return dtype.kind == "V" and dtype.names is None and jnp.issubdtype(dtype, jnp.number)


def _leaves(tree: Any) -> list[dict]:
    """The leaf descriptions of a structure, in order."""
    if tree is None:
        return []
    if "shape" in tree:
        return [tree]
    ((kind, children),) = tree.items()
    return [leaf for child in children for leaf in _leaves(child[1] if kind == "dict" else child)]


def _rebuild(tree: Any, arrays: Mapping[str, np.ndarray], count: Any) -> Any:
    if tree is None:
        return None
    if "shape" in tree:
        name = str(next(count))
        return arrays[name] if name in arrays else np.zeros(tree["shape"], tree["dtype"])
    ((kind, children),) = tree.items()
    if kind == "dict":
        return {k: _rebuild(child, arrays, count) for k, child in children}
    built = [_rebuild(child, arrays, count) for child in children]
    return built if kind == "list" else tuple(built)


def _files(root: Path) -> list[str]:
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())


def _fingerprint(file: Path) -> list[int]:
    """Size in bytes and CRC-32."""
    size = checksum = 0
    with file.open("rb") as stream:
        while piece := stream.read(1 << 22):
            size, checksum = size + len(piece), zlib.crc32(piece, checksum)
    return [size, checksum]


def _swap(fresh: Path, directory: Path) -> None:
    """Put ``fresh`` in place.  The old checkpoint steps aside, whole, and is removed only after the new one stands."""
    if not directory.exists():
        os.rename(fresh, directory)
    else:
        old = fresh.with_name(fresh.name + ".old")
        os.rename(directory, old)
        try:
            os.rename(fresh, directory)
        except BaseException:
            os.rename(old, directory)
            raise
    for old in _aside(directory):  # that of a save killed earlier, too
        (old / INDEX).unlink(missing_ok=True)  # first: what is half removed is no checkpoint
        shutil.rmtree(old, ignore_errors=True)
