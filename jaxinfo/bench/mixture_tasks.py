"""Mixtures and pairs of laws: information about a class, entropy, KL."""

from __future__ import annotations

from functools import partial

import numpy as np

from jaxinfo.bench import distributions as dist
from jaxinfo.bench import systems
from jaxinfo.bench.task import Sample, Task

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
