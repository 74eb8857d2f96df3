"""The registry of tasks, each a sampler, an exact truth and a stable id.

``all_tasks()`` lists the registry, ``task(id)`` looks one up, ``bmi_tasks()`` gives the 40 tasks of arXiv 2306.11078.
The factories in ``pair_tasks``, ``mixture_tasks`` and ``system_tasks`` make further members of each family.
"""

from __future__ import annotations

import difflib
from functools import cache

import numpy as np

from jaxinfo.bench import mixture_tasks as mixtures
from jaxinfo.bench import pair_tasks as pairs
from jaxinfo.bench import system_tasks as system
from jaxinfo.bench import transforms as tf
from jaxinfo.bench.pair_tasks import bmi_tasks
from jaxinfo.bench.task import Task

SYSTEM_DIMS = (5, 10, 15, 20)
HIGH_MI = (1.0, 2.0, 3.0, 4.0, 5.0, 8.0, 10.0)


@cache
def all_tasks() -> dict[str, Task]:
    """Every registered task, id -> :class:`Task`: the 40 published ones first."""
    named = [(dim, name) for dim in SYSTEM_DIMS for name in tf.SYSTEM_TRANSFORMS]
    made = (system.redundant_task, system.synergistic_task, system.mixed_task)
    tasks = [
        *bmi_tasks().values(),
        *(pairs.high_mi_task(mi, name) for name in ("plain", "half_cube", "spiral") for mi in HIGH_MI),
        *(pairs.independent_task(d) for d in (1, 5, 25)),
        pairs.normal_task(0.2),
        mixtures.mixture_label_task(),
        mixtures.mixture_entropy_task(),
        mixtures.mixture_kl_task(),
        mixtures.normal_kl_task(5),
        *(pairs.picture_task(picture, dim) for picture, dim in (("spot", 2), ("lamps", 2), ("lamps", 5))),
        system.sign_xor_task(),
        *system.inner_spiral_tasks(),
        *(make(dim, name, num_variables=n) for n in (10, 6) for make in made for dim, name in named),
        *(system.gradient_task(n, d) for n in (6, 10) for d in (1, 5, 10)),
        *(system.gradient_task(n, 5, name) for n in (6, 10) for name in ("half_cube", "inner_spiral")),
        *(system.blocks_task(n, d, name) for n in (50, 100) for d, name in ((1, "plain"), (2, "inner_spiral"))),
        system.system_task("independent-6x2", "Independent system 6 × 2", np.eye(6), 2),
    ]
    registry = {t.id: t for t in tasks}
    if len(registry) != len(tasks):
        raise AssertionError("two tasks share an id")
    return registry


def task(id: str) -> Task:
    """The registered task of this id.

    Raises:
      ValueError: when there is none; the message names the nearest ids.
    """
    tasks = all_tasks()
    if id not in tasks:
        near = difflib.get_close_matches(id, tasks, n=3, cutoff=0.4)
        raise ValueError(f"no task {id!r}; did you mean {', '.join(near) or 'one of all_tasks()'}?")
    return tasks[id]
