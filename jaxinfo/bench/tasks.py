"""Tasks: a sampler, an exact truth and a stable id; and the registry of all of them.

``all_tasks()`` lists the registry, ``task(id)`` looks one up, ``bmi_tasks()`` gives the 40 tasks of arXiv 2306.11078.
The factories below make further members of each family (other correlations, dimensions, truths).
"""

from __future__ import annotations

import difflib
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from jaxinfo.bench import distributions as dist
from jaxinfo.bench import systems
from jaxinfo.bench import transforms as tf

Sample = dict[str, np.ndarray]

SYSTEM_MEASURES = ("total_correlation", "dual_total_correlation", "s_information", "o_information")
VOLUME_PRESERVING = ("plain", "inner_spiral")
"""Transforms whose Jacobian determinant is 1: the differential entropy stays exact under them."""


@dataclass(frozen=True, eq=False)
class Task:
    """A benchmark law with known information.

    Attributes:
      id: stable, unique.
      name: for people.
      sample: ``(rng, n) -> dict name -> [n, d]`` in float64.  A KL task has the two data sets "p" and "q" as names,
        whose rows are not paired.
      truth: measure -> exact nats; "o_information_gradient:<variable>" for the gradient.
      dims: variable -> d, in the order of the sample.
      discrete: the variables that hold a class label, as whole numbers in one column.
    """

    id: str
    name: str
    sample: Callable[[np.random.Generator, int], Sample]
    truth: dict[str, float]
    dims: dict[str, int]
    discrete: tuple[str, ...] = ()

    def draw(self, seed: int, n: int) -> Sample:
        """``n`` rows, the same for the same seed; use two seeds, not two slices, for training and test rows.

        The id enters the seed, so that results on different tasks are independent of each other.

        Raises:
          ValueError: when n is below 1 or the seed negative.
        """
        if n < 1 or seed < 0:
            raise ValueError(f"draw: expected n at least 1 and a seed at least 0, got n={n}, seed={seed}.")
        return self.sample(np.random.default_rng([seed, zlib.crc32(self.id.encode())]), n)


# --- pairs: the 40 tasks of arXiv 2306.11078, high MI ----------------------------------------------------------------


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
    _known(transform, tf.PAIR_TRANSFORMS)
    cov = dist.sparse_cov(dim, dim, dist.rho_for_mi(mi, pairs=2))
    base = partial(_normal_pair, cov=cov, dim_x=dim)
    name = f"High MI {dim} × {dim} ({mi:.1f} nats, {transform})"
    maps = (tf.PAIR_TRANSFORMS[transform],)
    return _pair(f"high_mi-{dim}-{dim}-{mi:.1f}-{transform}", name, base, float(mi), (dim, dim), maps)


def picture_task(picture: str, dim: int = 2) -> Task:
    """The sparse normal ``dim × dim`` with both sides shown as pictures: the same truth behind many pixels.

    Raises:
      ValueError: for an unknown picture, or one that does not show so many coordinates.
    """
    _known(picture, tf.PICTURES)
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


# --- mixtures: class labels, entropy, KL -----------------------------------------------------------------------------

FOUR_CLASSES = dist.mixture(
    weights=[0.4, 0.3, 0.2, 0.1],
    means=[[1.5, 0.0], [-1.5, 0.5], [0.0, -1.5], [0.0, 2.0]],
    covs=[[[1.0, 0.0], [0.0, 0.5]], [[0.6, 0.3], [0.3, 0.6]], [[0.8, 0.0], [0.0, 0.8]], [[1.0, -0.4], [-0.4, 0.5]]],
)
"""Four overlapping classes in the plane, of different sizes and shapes."""

THREE_CLUSTERS = dist.mixture(
    weights=[0.5, 0.3, 0.2],
    means=[[0.0, 0.0, 0.0], [2.5, 0.0, 0.0], [0.0, 2.0, -2.0]],
    covs=[
        [[1.0, 0.3, 0.0], [0.3, 1.0, 0.3], [0.0, 0.3, 1.0]],
        [[0.5, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.5]],
        [[1.0, 0.0, -0.4], [0.0, 0.7, 0.0], [-0.4, 0.0, 1.0]],
    ],
)
"""Three overlapping clusters in space."""

KL_P = dist.mixture([0.6, 0.4], [[0.0, 0.0], [2.0, 1.0]], [np.eye(2), [[0.7, 0.2], [0.2, 0.5]]])
"""The finer of the two mixtures in the plane of the KL task."""

KL_Q = dist.mixture([0.5, 0.5], [[0.5, 0.5], [1.5, -1.0]], [1.5 * np.eye(2), [[1.5, 0.5], [0.5, 1.2]]])
"""The broader one: it covers the other, so that the KL is finite and well estimated from rows."""


def _label_sample(rng, n, mix) -> Sample:
    x, label = dist.sample_mixture(rng, n, mix)
    return {"x": x, "c": label[:, None].astype(float)}


def _mixture_sample(rng, n, mix) -> Sample:
    return {"x": dist.sample_mixture(rng, n, mix)[0]}


def _two_mixtures(rng, n, p, q) -> Sample:
    return {"p": dist.sample_mixture(rng, n, p)[0], "q": dist.sample_mixture(rng, n, q)[0]}


def _two_normals(rng, n, mean_p, cov_p, cov_q) -> Sample:
    return {"p": mean_p + dist.sample_normal(rng, n, cov_p), "q": dist.sample_normal(rng, n, cov_q)}


def mixture_label_task(mix: dist.Mixture = FOUR_CLASSES) -> Task:
    """MI between a row of a mixture and its class; truth by quadrature."""
    k, d = mix.means.shape
    sample, truth = partial(_label_sample, mix=mix), {"mutual_information": dist.mixture_label_mi(mix)}
    return Task(f"mixture-{k}class", f"Gaussian mixture and its class ({k})", sample, truth, {"x": d, "c": 1}, ("c",))


def mixture_entropy_task(mix: dist.Mixture = THREE_CLUSTERS) -> Task:
    """Differential entropy of a mixture; truth by quadrature."""
    d = mix.means.shape[1]
    sample, truth = partial(_mixture_sample, mix=mix), {"entropy": dist.mixture_entropy(mix)}
    return Task(f"mixture-entropy-{d}", f"Entropy of a Gaussian mixture in {d} dimensions", sample, truth, {"x": d})


def mixture_kl_task(p: dist.Mixture = KL_P, q: dist.Mixture = KL_Q) -> Task:
    """KL divergence of two mixtures; truth by quadrature."""
    sample, truth = partial(_two_mixtures, p=p, q=q), {"kl_divergence": dist.mixture_kl(p, q)}
    d = p.means.shape[1]
    return Task("mixture-kl", "KL of two Gaussian mixtures", sample, truth, {"p": d, "q": d})


def normal_kl_task(dim: int) -> Task:
    """KL(p‖q) of N(0.3, equicorrelated .5) from N(0, 1.2 I) in ``dim`` dimensions; closed form."""
    mean, cov_p, cov_q = np.full(dim, 0.3), systems.redundant_cov(dim, 0.5), 1.2 * np.eye(dim)
    truth = {"kl_divergence": dist.gaussian_kl(mean, cov_p, np.zeros(dim), cov_q)}
    sample = partial(_two_normals, mean_p=mean, cov_p=cov_p, cov_q=cov_q)
    return Task(f"normal-kl-{dim}", f"KL of two normals in {dim} dimensions", sample, truth, {"p": dim, "q": dim})


# --- systems ---------------------------------------------------------------------------------------------------------


def _known(transform: str, table) -> None:
    if transform not in table:
        raise ValueError(f"unknown transform {transform!r}; choose one of {', '.join(table)}.")


def system_task(
    id: str, name: str, cov: np.ndarray, dim: int = 1, transform: str = "plain", gradient: bool = False
) -> Task:
    """Any Gaussian system under a transform of each variable; truths by Gaussian entropies (thesis C.3).

    Args:
      id: of the task.
      name: for people.
      cov: array ``[N, N]`` between the scalars.
      dim: dimension of every variable (independent copies).
      transform: a key of ``transforms.SYSTEM_TRANSFORMS``; "inner_spiral" needs dim at least 2.
      gradient: put the gradient of O-information among the truths.

    Raises:
      ValueError: for an unknown transform or one that dim does not allow.
    """
    _known(transform, tf.SYSTEM_TRANSFORMS)
    if transform == "inner_spiral" and dim < 2:
        raise ValueError(f"{id}: inner_spiral turns a plane, so it needs dim at least 2, got {dim}.")
    all_of_them = systems.gaussian_measures(cov)
    wanted = [
        key
        for key in all_of_them
        if key in SYSTEM_MEASURES
        or (gradient and key.startswith("o_information_gradient"))
        or (key == "entropy" and transform in VOLUME_PRESERVING)
    ]
    sample = partial(systems.sample_system, cov=cov, dim=dim, transform=tf.SYSTEM_TRANSFORMS[transform])
    truth = {key: dim * all_of_them[key] for key in wanted}
    return Task(id, name, sample, truth, {x: dim for x in systems.variable_names(len(cov))})


def _number(rho: float) -> str:
    return f"{rho:.2f}".rstrip("0").rstrip(".")


def redundant_task(dim: int, transform: str = "plain", rho: float = 0.8) -> Task:
    """Ten variables in redundant groups of 3, 3 and 4 (thesis Figure 5.1); a ρ other than .8 is named in the id."""
    tail = "" if rho == 0.8 else f"-rho{_number(rho)}"
    cov = systems.groups_cov(redundant=((3, rho), (3, rho), (4, rho)))
    name = f"Redundant system 10 × {dim} ({transform}, ρ = {_number(rho)})"
    return system_task(f"redundant-10x{dim}-{transform}{tail}", name, cov, dim, transform)


def synergistic_task(dim: int, transform: str = "plain", rho: float = 0.9) -> Task:
    """Ten variables in synergistic groups of 3, 3 and 4 (thesis Figure 5.2); a ρ other than .9 is named in the id."""
    tail = "" if rho == 0.9 else f"-rho{_number(rho)}"
    cov = systems.groups_cov(synergistic=((3, rho), (3, rho), (4, rho)))
    name = f"Synergistic system 10 × {dim} ({transform}, ρ = {_number(rho)})"
    return system_task(f"synergistic-10x{dim}-{transform}{tail}", name, cov, dim, transform)


def mixed_task(dim: int, transform: str = "plain", rho: float = 0.8, synergy: float = 0.9) -> Task:
    """Ten variables: redundant 3 and 4 of correlation ρ, synergistic 3 (thesis Figure 5.3).

    Args:
      dim: dimension of every variable.
      transform: a key of ``transforms.SYSTEM_TRANSFORMS``.
      rho: strength of the redundant groups (C.6); other than .8 it is named in the id.
      synergy: strength of the synergistic group (C.7); other than .9 it is named in the id.
    """
    tail = ("" if rho == 0.8 else f"-rho{_number(rho)}") + ("" if synergy == 0.9 else f"-synergy{_number(synergy)}")
    cov = systems.groups_cov(redundant=((3, rho), (4, rho)), synergistic=((3, synergy),))
    name = f"Mixed system 10 × {dim} ({transform}, ρ = {_number(rho)}, {_number(synergy)})"
    return system_task(f"mixed-10x{dim}-{transform}{tail}", name, cov, dim, transform)


def gradient_task(
    num_variables: int, dim: int, transform: str = "plain", rho: float = 0.8, synergy: float = 0.9
) -> Task:
    """The mixed system of 6 (redundant 3, synergistic 3) or 10 variables with its gradient (thesis Figure 5.4).

    Args:
      num_variables: 6 or 10.
      dim: dimension of every variable.
      transform: a key of ``transforms.SYSTEM_TRANSFORMS``, named in the id unless plain.
      rho: strength of the redundant groups.
      synergy: strength of the synergistic group.

    Raises:
      ValueError: for another number of variables.
    """
    groups = {6: ((3, rho),), 10: ((3, rho), (4, rho))}
    if num_variables not in groups:
        raise ValueError(f"gradient_task: num_variables must be 6 or 10, got {num_variables}.")
    cov = systems.groups_cov(redundant=groups[num_variables], synergistic=((3, synergy),))
    tail = "" if transform == "plain" else f"-{transform}"
    tail += ("" if rho == 0.8 else f"-rho{_number(rho)}") + ("" if synergy == 0.9 else f"-synergy{_number(synergy)}")
    name = f"Gradient of O-information, mixed system {num_variables} × {dim} ({transform})"
    return system_task(f"gradient-{num_variables}x{dim}{tail}", name, cov, dim, transform, gradient=True)


def blocks_task(num_variables: int, dim: int = 1, transform: str = "plain") -> Task:
    """Many variables: redundant and synergistic triples in turn (:func:`systems.triples_cov`)."""
    cov = systems.triples_cov(num_variables)
    name = f"Triples {num_variables} × {dim} ({transform})"
    return system_task(f"blocks-{num_variables}x{dim}-{transform}", name, cov, dim, transform)


def _inner_spiral_tasks() -> list[Task]:
    """The six-variable system and its halves: 2-D variables, κ = .15; a Gaussian copula gets the sign of Ω wrong."""
    six = systems.triples_cov(6)
    covs = {"redundant": six[:3, :3], "synergistic": six[3:, 3:], "six": six}
    return [
        system_task(f"inner_spiral-{key}", f"Inner spiral ({key})", cov, 2, "inner_spiral", gradient=key == "six")
        for key, cov in covs.items()
    ]


def _sign_xor_task() -> Task:
    truth = systems.sign_xor_measures()
    return Task("sign_xor", "Sign XOR of three normals", systems.sample_sign_xor, truth, {"x1": 1, "x2": 1, "x3": 1})


# --- registry --------------------------------------------------------------------------------------------------------

SYSTEM_DIMS = (5, 10, 15, 20)
HIGH_MI = (1.0, 2.0, 3.0, 4.0, 5.0, 8.0, 10.0)


@cache
def all_tasks() -> dict[str, Task]:
    """Every registered task, id -> :class:`Task`: the 40 published ones first."""
    named = [(dim, name) for dim in SYSTEM_DIMS for name in tf.SYSTEM_TRANSFORMS]
    tasks = [
        *bmi_tasks().values(),
        *(high_mi_task(mi, name) for name in ("plain", "half_cube", "spiral") for mi in HIGH_MI),
        *(independent_task(d) for d in (1, 5, 25)),
        normal_task(0.2),
        mixture_label_task(),
        mixture_entropy_task(),
        mixture_kl_task(),
        normal_kl_task(5),
        *(picture_task(picture, dim) for picture, dim in (("spot", 2), ("lamps", 2), ("lamps", 5))),
        _sign_xor_task(),
        *_inner_spiral_tasks(),
        *(make(dim, name) for make in (redundant_task, synergistic_task, mixed_task) for dim, name in named),
        *(gradient_task(n, d) for n in (6, 10) for d in (1, 5, 10)),
        *(gradient_task(n, 5, name) for n in (6, 10) for name in ("half_cube", "inner_spiral")),
        *(blocks_task(n, d, name) for n in (50, 100) for d, name in ((1, "plain"), (2, "inner_spiral"))),
        system_task("independent-6x2", "Independent system 6 × 2", np.eye(6), 2, gradient=True),
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
