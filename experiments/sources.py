"""Measures of mixed sources, x = W z with independent z of variance 1, in closed form or by quadrature; differentiable in W.

Sources are normal, or humps: an equal mixture of N(±HUMP, 1 − HUMP²), of which a Gaussian sees nothing but the covariance.
"""

from collections.abc import Callable, Sequence
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np

HUMP = 0.85
GRID = {1: 2001, 2: 241}  # nodes per coordinate, over ± 6 standard deviations


def draw(law: str, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Independent sources of mean 0 and variance 1."""
    z = rng.normal(size=shape)
    return z if law == "normal" else HUMP * rng.choice([-1.0, 1.0], size=shape) + np.sqrt(1.0 - HUMP**2) * z


def normal_entropy(w: jax.Array) -> jax.Array:
    """½ log det W Wᵀ: the entropy of normal W z up to a constant per coordinate, which cancels in every measure here."""
    return 0.5 * jnp.linalg.slogdet(w @ w.T)[1]


def humps_entropy(w: jax.Array) -> jax.Array:
    """The entropy of W z with humps, ``[k, N]`` of rank k, by quadrature: exact for k = N, for k ≤ 2 on a grid.

    With W Wᵀ = L Lᵀ and y = L u, u is a mixture of normals N(HUMP L⁻¹ W c, (1 − HUMP²) I) over all signs c.
    """
    k, n = w.shape
    if k == n > 1:
        return n * humps_entropy(jnp.eye(1)) + jnp.linalg.slogdet(w)[1]
    root = jnp.linalg.cholesky(w @ w.T)
    return _of_mixture(jax.scipy.linalg.solve_triangular(root, w, lower=True)) + jnp.sum(jnp.log(jnp.diagonal(root)))


def _of_mixture(white: jax.Array) -> jax.Array:
    """The entropy of ``white @ z`` with orthonormal rows, on a grid."""
    k, n = white.shape
    line = jnp.linspace(-6.0, 6.0, GRID[k])
    grid = jnp.stack(jnp.meshgrid(*[line] * k, indexing="ij"), -1).reshape(-1, k)
    signs = jnp.asarray(list(product([-1.0, 1.0], repeat=n)))
    s2 = 1.0 - HUMP**2
    away2 = jnp.sum((grid[:, None] - HUMP * signs @ white.T) ** 2, -1)
    log_p = jax.nn.logsumexp(-0.5 * away2 / s2, 1) - jnp.log(signs.shape[0] * (2 * jnp.pi * s2) ** (k / 2))
    return -jnp.sum(jnp.exp(log_p) * log_p) * (line[1] - line[0]) ** k


ENTROPY: dict[str, Callable[[jax.Array], jax.Array]] = {"normal": normal_entropy, "humps": humps_entropy}


def measure(law: str, name: str, w: jax.Array) -> jax.Array:
    """A measure of the coordinates of x = W z, ``w [N, N]``, in nats; mutual information is that of the first and the rest."""
    n = w.shape[0]
    h = lambda rows: ENTROPY[law](w[jnp.asarray(rows)])
    whole, rest = list(range(n)), [[j for j in range(n) if j != i] for i in range(n)]
    if name == "mutual_information":
        return h([0]) + h(rest[0]) - h(whole)
    tc = lambda: sum(h([i]) for i in range(n)) - h(whole)
    dtc = lambda: sum(h(r) for r in rest) - (n - 1) * h(whole)
    return {
        "total_correlation": tc, "dual_total_correlation": dtc, "o_information": lambda: tc() - dtc(),
    }[name]()  # fmt: skip


def known(law: str, num: int) -> Sequence[str]:
    """The measures that can be worked out for so many variables."""
    every = ("total_correlation", "dual_total_correlation", "o_information", "mutual_information")
    return every if law == "normal" or num <= 3 else every[:1]
