"""Devices: how fits and batches are laid out over them, and the start of several hosts.

Programs are written for one device and jitted; an array placed with a :class:`~jax.sharding.NamedSharding` makes the same
program run on many.  Two axes are enough here: ``fits`` (independent networks: seeds, folds, tasks, permutations) and
``data`` (rows of a batch of one network).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

FITS, DATA = "fits", "data"
CLUSTERS = "SLURM_STEP_NODELIST", "OMPI_COMM_WORLD_SIZE", "MEGASCALE_COORDINATOR_ADDRESS"
PODS = "TPU_WORKER_HOSTNAMES", "TPU_PROCESS_ADDRESSES"  # lists of hosts; a single machine has one, too, of itself
LEAST_CPU_DEVICES = 8  # the folds of the largest budget


def start(coordinator: str | None = None, num_processes: int | None = None, process_id: int | None = None) -> None:
    """Join the hosts of a pod into one computation; call it before anything else touches JAX.

    Does nothing on a single host: without arguments and without a cluster whose variables tell of it (TPU pods of
    Kubernetes, Slurm's ``srun``, Open MPI).  Elsewhere, as on TPU machines that were started one by one, give all three.

    Args:
      coordinator: ``host:port`` of process 0.
      num_processes: how many processes there are.
      process_id: the number of this one.

    Raises:
      ValueError: when only some of the three are given.
    """
    given = [a is not None for a in (coordinator, num_processes, process_id)]
    if any(given) and not all(given):
        raise ValueError(
            "start: give coordinator, num_processes and process_id together, or none of them to let the cluster decide; "
            f"got {coordinator!r}, {num_processes!r}, {process_id!r}."
        )
    if all(given):
        if os.environ.get("JAX_PLATFORMS") == "cpu":
            jax.config.update("jax_cpu_collectives_implementation", "gloo")
        jax.distributed.initialize(coordinator, num_processes, process_id)
    elif any(name in os.environ for name in CLUSTERS) or any("," in os.environ.get(name, "") for name in PODS):
        jax.distributed.initialize()


def share_cores() -> None:
    """Divide this machine's processor into several devices, for a program that is about to start JAX on it.

    Networks of this size are too small to share cores within one matrix product, so folds go beside each other instead:
    the same numbers sooner.  There are enough devices for every fold of a budget, whatever the number of cores: the
    operating system deals them out evenly, where folds in pairs would leave a core idle at the end.  Does nothing once
    JAX has started, where the number was chosen already, or on one core.
    """
    chosen = os.environ.get("JAX_NUM_CPU_DEVICES") or "device_count" in os.environ.get("XLA_FLAGS", "")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if chosen or cores == 1:
        return
    with suppress(RuntimeError):  # JAX has started
        jax.config.update("jax_num_cpu_devices", max(cores, LEAST_CPU_DEVICES))


def is_first() -> bool:
    """Whether this process writes records and checkpoints."""
    return jax.process_index() == 0


def layout(at_once: int) -> str:
    """How many units train side by side on how many devices, in a word: what is kept on the way has this shape."""
    return f"{at_once}on{jax.device_count()}"


def mesh(fits: int | None = None, data: int = 1, devices: Sequence[jax.Device] | None = None) -> Mesh:
    """A mesh of ``fits`` × ``data`` devices; by default all of them along ``fits``.

    Raises:
      ValueError: when there are not as many devices as asked for.
    """
    devices = list(jax.devices() if devices is None else devices)
    fits = len(devices) // data if fits is None else fits
    if fits < 1 or data < 1 or fits * data > len(devices):
        raise ValueError(
            f"mesh: fits={fits} times data={data} does not fit on {len(devices)} devices; make the product smaller."
        )
    grid = np.asarray(devices[: fits * data]).reshape(fits, data)
    return Mesh(grid, (FITS, DATA), axis_types=(AxisType.Auto, AxisType.Auto))


def mesh_of_fits(count: int) -> Mesh:
    """A mesh for this many fits: no more devices than fits, unless several hosts have to take part."""
    return mesh(fits=None if jax.process_count() > 1 else min(count, jax.device_count()))


def multiple(count: int, over: Mesh, axis: str = FITS) -> int:
    """The least multiple of an axis that is not below ``count``: fits, or rows of a batch, are padded to it."""
    size = over.shape[axis]
    return -(-count // size) * size


def spread_fits(tree: Any, over: Mesh) -> Any:
    """Arrays whose leading axis counts fits, laid over the ``fits`` axis; its length must be a :func:`multiple`."""
    return jax.device_put(tree, NamedSharding(over, PartitionSpec(FITS)))


def replicate(tree: Any, over: Mesh) -> Any:
    """The same arrays on every device."""
    return jax.device_put(tree, NamedSharding(over, PartitionSpec()))


def spread_rows(tree: Any, over: Mesh, axis: int = 0) -> Any:
    """Batches whose ``axis`` counts rows, laid over the ``data`` axis.

    On several hosts every process gives its own rows, and the whole batch is all of them in the order of processes.
    """
    sharding = NamedSharding(over, PartitionSpec(*([None] * axis), DATA))
    if jax.process_count() == 1:
        return jax.device_put(tree, sharding)
    return jax.tree.map(lambda a: jax.make_array_from_process_local_data(sharding, np.asarray(a)), tree)


def fetch(tree: Any) -> Any:
    """Numpy arrays of the whole, also when other hosts hold parts of it."""
    if jax.process_count() == 1:
        return jax.tree.map(np.asarray, tree)
    from jax.experimental import multihost_utils

    return jax.tree.map(np.asarray, multihost_utils.process_allgather(tree, tiled=True))


def any_host(flag: bool) -> bool:
    """Whether one host says so: what all of them have to do together must not hang on each one's own clock."""
    if jax.process_count() == 1:
        return flag
    from jax.experimental import multihost_utils

    return bool(np.any(multihost_utils.process_allgather(np.asarray(flag))))


def wait_for_all(what: str) -> None:
    """Return when every host is here: one that ends sooner would end the others."""
    if jax.process_count() > 1:
        from jax.experimental import multihost_utils

        multihost_utils.sync_global_devices(what)


def fits_at_once() -> int:
    """How many fits run side by side by default: a few on CPU, where more only fall out of cache; many elsewhere."""
    return 1 if jax.default_backend() == "cpu" else 64
