"""Pairs of vectors: the 40 tasks of arXiv 2306.11078, high MI, pictures; factories make others of each family."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial

import numpy as np

from jaxinfo.bench import distributions as dist
from jaxinfo.bench import transforms as tf
from jaxinfo.bench.task import Sample, Task


def _split(x: np.ndarray, dim_x: int) -> tuple[np.ndarray, np.ndarray]:
    return x[:, :dim_x], x[:, dim_x:]


def _normal_pair(rng, n, cov, dim_x):
    return _split(dist.sample_normal(rng, n, cov), dim_x)


def _student_pair(rng, n, dim_x, dim_y, dof):
    return _split(dist.sample_student(rng, n, np.eye(dim_x + dim_y), dof), dim_x)


def _pair_sample(rng, n, base, maps) -> Sample:
    x, y = base(rng, n)
    for map_x, map_y in maps:  # innermost first
        x, y = map_x(x), map_y(y)
    return {"x": x, "y": y}


def _pair(id: str, name: str, base, mi: float, dims: tuple[int, int], maps=()) -> Task:
    sample = partial(_pair_sample, base=base, maps=tuple(maps))
    return Task(id, name, sample, {"mutual_information": mi}, dict(zip("xy", dims)))


_TRANSFORM_WORDS = {
    "normal_cdf": "Normal CDF",
    "half_cube": "Half-cube",
    "asinh": "Asinh",
    "wiggly": "Wiggly",
    "spiral": "Spiral",
}


def _parts(task: Task) -> tuple[Callable, tuple]:
    """The sampler of a pair task before its transforms, and the transforms."""
    assert isinstance(task.sample, partial)
    return task.sample.keywords["base"], task.sample.keywords["maps"]


def _transformed(task: Task, *names: str) -> Task:
    """A pair task under further transforms, innermost first; ids and names as in arXiv 2306.11078."""
    base, maps = _parts(task)
    for name in names:
        maps = (*maps, tf.PAIR_TRANSFORMS[name])
    id = "-".join([*reversed(names), task.id])
    title = " @ ".join([*(_TRANSFORM_WORDS[n] for n in reversed(names)), task.name])
    dim_x, dim_y = task.dims.values()
    return _pair(id, title, base, task.truth["mutual_information"], (dim_x, dim_y), maps)


def normal_task(rho: float = 0.75) -> Task:
    """Bivariate normal of correlation ρ (arXiv 2306.11078)."""
    cov = dist.bivariate_cov(rho)
    base = partial(_normal_pair, cov=cov, dim_x=1)
    return _pair(f"1v1-normal-{rho}", "Bivariate normal 1 × 1", base, dist.gaussian_mi(cov, 1), (1, 1))


def additive_task(noise: float) -> Task:
    """Uniform plus uniform noise (arXiv 2306.11078)."""
    name = f"Uniform 1 × 1 (additive noise={noise})"
    base = partial(dist.sample_additive, noise=noise)
    return _pair(f"1v1-additive-{noise}", name, base, dist.additive_mi(noise), (1, 1))


def bimodal_task(rho: float = 0.75) -> Task:
    """Bivariate normal turned into two-humped margins (arXiv 2306.11078)."""
    mi = dist.gaussian_mi(dist.bivariate_cov(rho), 1)
    return _pair(f"1v1-bimodal-{rho}", "Bimodal 1 × 1", partial(dist.sample_bimodal, rho=rho), mi, (1, 1))


def student_task(dim_x: int, dim_y: int, dof: int) -> Task:
    """Multivariate Student-t of identity dispersion (arXiv 2306.11078)."""
    base = partial(_student_pair, dim_x=dim_x, dim_y=dim_y, dof=dof)
    name = f"Student-t {dim_x} × {dim_y} (dof={dof})"
    mi = dist.student_mi(dim_x, dim_y, dof)
    return _pair(f"student-identity-{dim_x}-{dim_y}-{dof}", name, base, mi, (dim_x, dim_y))


def dense_task(dim: int, rho: float = 0.5) -> Task:
    """``dim × dim`` normal, correlation ρ between all coordinates (arXiv 2306.11078)."""
    cov = dist.dense_cov(dim, dim, rho)
    base = partial(_normal_pair, cov=cov, dim_x=dim)
    name = f"Multinormal {dim} × {dim} (dense)"
    return _pair(f"multinormal-dense-{dim}-{dim}-{rho}", name, base, dist.gaussian_mi(cov, dim), (dim, dim))


def sparse_task(dim: int) -> Task:
    """``dim × dim`` normal with two pairs of correlation .8 (arXiv 2306.11078).

    The 2.0 of the id is the strength s of the published benchmark, ρ = s² / (1 + s²).
    """
    cov = dist.sparse_cov(dim, dim, 0.8)
    base = partial(_normal_pair, cov=cov, dim_x=dim)
    name = f"Multinormal {dim} × {dim} (2-pair)"
    return _pair(f"multinormal-sparse-{dim}-{dim}-2-2.0", name, base, dist.gaussian_mi(cov, dim), (dim, dim))


def _swiss_roll_task() -> Task:
    normal = normal_task()
    maps = (tf.PAIR_TRANSFORMS["normal_cdf"], (tf.swiss_roll, tf.plain))
    (base, _), mi = _parts(normal), normal.truth["mutual_information"]
    return _pair(f"swissroll_x-normal_cdf-{normal.id}", "Swiss roll 2 × 1", base, mi, (2, 1), maps)


@cache
def bmi_tasks() -> dict[str, Task]:
    """The 40 tasks of arXiv 2306.11078, id -> :class:`Task`, in the published order."""
    normal, sparse = normal_task(), {d: sparse_task(d) for d in (2, 3, 5, 25)}
    student_11 = student_task(1, 1, 1)
    large = (3, 5, 25)
    tasks = [
        normal,
        _transformed(normal, "normal_cdf"),
        additive_task(0.1),
        additive_task(0.75),
        bimodal_task(),
        _transformed(normal, "wiggly"),
        _transformed(normal, "half_cube"),
        student_11,
        _transformed(student_11, "asinh"),
        _swiss_roll_task(),
        *(dense_task(d) for d in (2, 3, 5, 25, 50)),
        *sparse.values(),
        *(student_task(d, d, dof) for d, dof in ((2, 1), (2, 2), (3, 2), (3, 3), (5, 2), (5, 3))),
        *(_transformed(sparse[d], "normal_cdf") for d in large),
        *(_transformed(sparse[d], "half_cube") for d in large),
        *(_transformed(sparse[d], "spiral") for d in large),
        *(_transformed(sparse[d], "normal_cdf", "spiral") for d in large),
        *(_transformed(student_task(d, d, dof), "asinh") for d, dof in ((2, 1), (3, 2), (5, 2))),
    ]
    return {t.id: t for t in tasks}


def high_mi_task(mi: float, transform: str = "plain", dim: int = 3) -> Task:
    """``dim × dim`` normal, two interacting pairs, correlation raised to reach the wanted MI (thesis Figure 4.1).

    Args:
      mi: truth, nats.
      transform: a key of ``transforms.PAIR_TRANSFORMS``.
      dim: dimension of each side, at least 2 (3 for "spiral").

    Raises:
      ValueError: for an unknown transform or a negative mi.
    """
    tf.known(transform, tf.PAIR_TRANSFORMS)
    cov = dist.sparse_cov(dim, dim, dist.rho_for_mi(mi, pairs=2))
    base = partial(_normal_pair, cov=cov, dim_x=dim)
    name = f"High MI {dim} × {dim} ({mi:.1f} nats, {transform})"
    maps = (tf.PAIR_TRANSFORMS[transform],)
    made = _pair(f"high_mi-{dim}-{dim}-{mi:.1f}-{transform}", name, base, float(mi), (dim, dim), maps)
    return made if transform == "spiral" else replace(made, copula=cov)  # all others change coordinates one by one


def picture_task(picture: str, dim: int = 2) -> Task:
    """The sparse normal ``dim × dim`` with both sides shown as pictures: the same truth behind many pixels.

    Raises:
      ValueError: for an unknown picture, or one that does not show so many coordinates.
    """
    tf.known(picture, tf.PICTURES)
    normal = sparse_task(dim)
    show = tf.PICTURES[picture]
    (base, maps), mi = _parts(normal), normal.truth["mutual_information"]
    pixels = show(np.zeros((1, dim))).shape[1]
    name = f"{picture.capitalize()} @ {normal.name}"
    return _pair(f"{picture}-{normal.id}", name, base, mi, (pixels, pixels), (*maps, (show, show)))


def independent_task(dim: int) -> Task:
    """Two independent normals ``dim × dim``: truth 0."""
    base = partial(_normal_pair, cov=np.eye(2 * dim), dim_x=dim)
    return _pair(f"independent-{dim}-{dim}", f"Independent normals {dim} × {dim}", base, 0.0, (dim, dim))
