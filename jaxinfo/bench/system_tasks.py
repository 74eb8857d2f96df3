"""Systems of many variables: redundant, synergistic, mixed, behind transforms; sign-XOR."""

from __future__ import annotations

from functools import partial

import numpy as np

from jaxinfo.bench import systems
from jaxinfo.bench import transforms as tf
from jaxinfo.bench.task import Task

SYSTEM_MEASURES = ("total_correlation", "dual_total_correlation", "s_information", "o_information")
GROUPS = {6: ((3, 3), (3,)), 10: ((3, 3, 4), (3, 4))}
"""Number of variables -> sizes of groups (thesis C.3): of a system of one kind, and the redundant ones of a mixed one."""
VOLUME_PRESERVING = ("plain", "inner_spiral")
"""Transforms whose Jacobian determinant is 1: the differential entropy stays exact under them."""


def system_task(id: str, name: str, cov: np.ndarray, dim: int = 1, transform: str = "plain") -> Task:
    """Any Gaussian system under a transform of each variable; truths by Gaussian entropies (thesis C.3).

    Args:
      id: of the task.
      name: for people.
      cov: array ``[N, N]`` between the scalars.
      dim: dimension of every variable (independent copies).
      transform: a key of ``transforms.SYSTEM_TRANSFORMS``; "inner_spiral" needs dim at least 2.

    Raises:
      ValueError: for an unknown transform or one that dim does not allow.
    """
    tf.known(transform, tf.SYSTEM_TRANSFORMS)
    if transform == "inner_spiral" and dim < 2:
        raise ValueError(f"{id}: inner_spiral turns a plane, so it needs dim at least 2, got {dim}.")
    all_of_them = systems.gaussian_measures(cov)
    wanted = [
        key
        for key in all_of_them
        if key in SYSTEM_MEASURES
        or key.startswith("o_information_gradient")
        or (key == "entropy" and transform in VOLUME_PRESERVING)
    ]
    sample = partial(systems.sample_system, cov=cov, dim=dim, transform=tf.SYSTEM_TRANSFORMS[transform])
    truth = {key: dim * all_of_them[key] for key in wanted}
    return Task(id, name, sample, truth, {x: dim for x in systems.variable_names(len(cov))})


def _number(rho: float) -> str:
    return f"{rho:.2f}".rstrip("0").rstrip(".")


def redundant_task(dim: int, transform: str = "plain", rho: float = 0.8, num_variables: int = 10) -> Task:
    """Redundant groups of 3 and 3 variables, or of 3, 3 and 4 (thesis Figure 5.1).

    Args:
      dim: dimension of every variable.
      transform: a key of ``transforms.SYSTEM_TRANSFORMS``.
      rho: strength (C.6); other than .8 it is named in the id.
      num_variables: 6 or 10.

    Raises:
      ValueError: for another number of variables.
    """
    return _of_one_kind("redundant", num_variables, dim, transform, rho, 0.8)


def synergistic_task(dim: int, transform: str = "plain", rho: float = 0.9, num_variables: int = 10) -> Task:
    """Synergistic groups of 3 and 3 variables, or of 3, 3 and 4 (thesis Figure 5.2).

    Args:
      dim: dimension of every variable.
      transform: a key of ``transforms.SYSTEM_TRANSFORMS``.
      rho: strength (C.7); other than .9 it is named in the id.
      num_variables: 6 or 10.

    Raises:
      ValueError: for another number of variables.
    """
    return _of_one_kind("synergistic", num_variables, dim, transform, rho, 0.9)


def mixed_task(
    dim: int, transform: str = "plain", rho: float = 0.8, synergy: float = 0.9, num_variables: int = 10
) -> Task:
    """A synergistic group of 3 beside redundant ones, of 3 or of 3 and 4 variables (thesis Figure 5.3).

    Args:
      dim: dimension of every variable.
      transform: a key of ``transforms.SYSTEM_TRANSFORMS``.
      rho: strength of the redundant groups (C.6); other than .8 it is named in the id.
      synergy: strength of the synergistic group (C.7); other than .9 it is named in the id.
      num_variables: 6 or 10.

    Raises:
      ValueError: for another number of variables.
    """
    system = f"{num_variables}x{dim}-{transform}" + _strengths(rho=(rho, 0.8), synergy=(synergy, 0.9))
    name = f"Mixed system {num_variables} × {dim} ({transform}, ρ = {_number(rho)}, {_number(synergy)})"
    return system_task(f"mixed-{system}", name, _mixed_cov(num_variables, rho, synergy), dim, transform)


def gradient_task(
    num_variables: int, dim: int, transform: str = "plain", rho: float = 0.8, synergy: float = 0.9
) -> Task:
    """The mixed system with its gradient (thesis Figure 5.4); the arguments of :func:`mixed_task`, plain goes unnamed."""
    system = f"{num_variables}x{dim}" + ("" if transform == "plain" else f"-{transform}")
    system += _strengths(rho=(rho, 0.8), synergy=(synergy, 0.9))
    name = f"Gradient of O-information, mixed system {num_variables} × {dim} ({transform})"
    cov = _mixed_cov(num_variables, rho, synergy)
    return system_task(f"gradient-{system}", name, cov, dim, transform)


def _sizes(num_variables: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if num_variables not in GROUPS:
        raise ValueError(f"num_variables must be one of {', '.join(map(str, GROUPS))}, got {num_variables}.")
    return GROUPS[num_variables]


def _of_one_kind(kind: str, num_variables: int, dim: int, transform: str, rho: float, usual: float) -> Task:
    """All groups of one kind, an argument of ``systems.groups_cov``; a strength other than the usual one is named."""
    sizes, _ = _sizes(num_variables)
    cov = systems.groups_cov(**{kind: [(size, rho) for size in sizes]})
    system = f"{num_variables}x{dim}-{transform}" + _strengths(rho=(rho, usual))
    name = f"{kind.capitalize()} system {num_variables} × {dim} ({transform}, ρ = {_number(rho)})"
    return system_task(f"{kind}-{system}", name, cov, dim, transform)


def _mixed_cov(num_variables: int, rho: float, synergy: float) -> np.ndarray:
    _, sizes = _sizes(num_variables)
    return systems.groups_cov([(size, rho) for size in sizes], [(num_variables - sum(sizes), synergy)])


def _strengths(**each: tuple[float, float]) -> str:
    """The strengths that are not the usual ones, each ``(strength, usual)``, as the end of an id."""
    return "".join(f"-{k}{_number(strength)}" for k, (strength, usual) in each.items() if strength != usual)


def blocks_task(num_variables: int, dim: int = 1, transform: str = "plain") -> Task:
    """Many variables: redundant and synergistic triples in turn (:func:`systems.triples_cov`)."""
    cov = systems.triples_cov(num_variables)
    name = f"Triples {num_variables} × {dim} ({transform})"
    return system_task(f"blocks-{num_variables}x{dim}-{transform}", name, cov, dim, transform)


def inner_spiral_tasks() -> list[Task]:
    """The six-variable system and its halves: 2-D variables, κ = .15; a Gaussian copula gets the sign of Ω wrong."""
    six = systems.triples_cov(6)
    covs = {"redundant": six[:3, :3], "synergistic": six[3:, 3:], "six": six}
    return [
        system_task(f"inner_spiral-{key}", f"Inner spiral ({key})", cov, 2, "inner_spiral") for key, cov in covs.items()
    ]


def sign_xor_task() -> Task:
    """Three normals, pairwise independent, whose signs multiply to one: TC = log 2, DTC = 2 log 2."""
    truth = systems.sign_xor_measures()
    return Task("sign_xor", "Sign XOR of three normals", systems.sample_sign_xor, truth, {"x1": 1, "x2": 1, "x3": 1})
