"""A Gaussian inside: the closed-form score of every view, and entropies.

For x ~ N(mu, Sigma) seen through a linear-Gaussian channel y = A x + S eps with one alpha and one sigma per variable,

    E[eps | y] = S (A Sigma A + S²)^(-1) (y - A mu),

which covers GIVEN (alpha, sigma) = (1, 0), ABSENT (0, 1) and any mixture of clocks in between.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from scipy.special import digamma

from jaxinfo import views as vw
from jaxinfo.blocks import Blocks
from jaxinfo.sde import SDE
from jaxinfo.types import Array, ScoreFn

LOG_2PI_E = float(np.log(2.0 * np.pi) + 1.0)


def oracle(sde: SDE, blocks: Blocks, mean: Array, cov: Array) -> ScoreFn:
    """Exact score function of N(mean [D], cov [D, D]) for any clocks, one linear solve per row.

    Slow and exact: the test oracle.  Trained estimates use :func:`factors`, which shares one eigendecomposition per view.
    """
    mean, cov = jnp.asarray(mean), jnp.asarray(cov)

    def score(x, tau):
        y, channel, sigma = _channel(sde, blocks, mean, cov, x, tau)
        return sigma * jnp.linalg.solve(channel, y[..., None])[..., 0]

    return score


def mixture_oracle(sde: SDE, blocks: Blocks, weights: Array, means: Array, covs: Array) -> ScoreFn:
    """Exact score function of a Gaussian mixture: the components' predictions weighted by their posteriors.

    Args:
      sde: the path.
      blocks: packing.
      weights: ``[C]``, positive, summing to one.
      means: ``[C, D]``.
      covs: ``[C, D, D]``.
    """
    weights, means, covs = jnp.asarray(weights), jnp.asarray(means), jnp.asarray(covs)

    def score(x, tau):
        def component(mean, cov):
            y, channel, sigma = _channel(sde, blocks, mean, cov, x, tau)
            z = jnp.linalg.solve(channel, y[..., None])[..., 0]
            log_density = -0.5 * (jnp.sum(y * z, -1) + jnp.linalg.slogdet(channel)[1])
            return sigma * z, log_density

        eps, log_density = jax.vmap(component)(means, covs)  # [C, ..., D], [C, ...]
        posterior = jax.nn.softmax(
            log_density + jnp.log(weights).reshape((-1,) + (1,) * (log_density.ndim - 1)), axis=0
        )
        return jnp.sum(posterior[..., None] * eps, axis=0)

    return score


def _channel(sde, blocks, mean, cov, x, tau):
    """Centred output y, its covariance A Sigma A + S², and sigma per coordinate; ABSENT coordinates carry nothing."""
    alpha, sigma = vw.coefficients(sde, tau)
    _, is_absent = vw.roles_of(sde, tau)
    alpha, sigma = blocks.spread(alpha), blocks.spread(sigma)
    y = jnp.where(blocks.spread(is_absent), 0.0, x - alpha * mean)
    eye = jnp.eye(blocks.dim, dtype=cov.dtype)
    return y, alpha[..., :, None] * cov * alpha[..., None, :] + (sigma**2)[..., :, None] * eye, sigma


# ---------------------------------------------------------------------------------------------------------------------
# Entropies


def entropy(cov: np.ndarray) -> float:
    """Entropy of a Gaussian in nats, ½ (d log 2 pi e + log det cov) (thesis Eq. C.9).

    Raises:
      ValueError: when ``cov`` is not positive definite: the entropy is minus infinity.
    """
    cov = np.atleast_2d(np.asarray(cov, dtype=np.float64))
    sign, logdet = np.linalg.slogdet(cov)
    if sign <= 0 or not np.isfinite(logdet):
        raise ValueError("Gaussian entropy: the covariance is singular; drop duplicated or constant columns.")
    return 0.5 * (cov.shape[0] * LOG_2PI_E + logdet)


def entropy_bias(dim: int, dof: float) -> float:
    """Bias of the plug-in entropy of a ``dim``-dimensional Gaussian whose covariance has ``dof`` degrees of freedom.

    E log det(S/dof) - log det Sigma = sum_j psi((dof - j + 1)/2) - dim log(dof / 2), halved: subtract it.
    """
    j = np.arange(1, dim + 1)
    return 0.5 * float(np.sum(digamma((dof - j + 1) / 2.0)) - dim * np.log(dof / 2.0))


def conditional_entropy(blocks: Blocks, cov: np.ndarray, view: vw.View, dof: float | None = None) -> float:
    """H(NOISED | GIVEN) of a view in nats, ABSENT variables integrated out; bias-corrected when ``dof`` is given."""
    noised, known = coordinates(blocks, view)
    both = np.concatenate([noised, known])
    value = entropy(cov[np.ix_(both, both)]) - (entropy(cov[np.ix_(known, known)]) if known.size else 0.0)
    if dof is not None:
        value -= entropy_bias(both.size, dof) - (entropy_bias(known.size, dof) if known.size else 0.0)
    return value


def coordinates(blocks: Blocks, view: vw.View) -> tuple[np.ndarray, np.ndarray]:
    """Packed coordinates that are NOISED and that are GIVEN in a view."""
    roles = np.asarray(view)[blocks.owner]
    return np.flatnonzero(roles == vw.NOISED), np.flatnonzero(roles == vw.GIVEN)


# ---------------------------------------------------------------------------------------------------------------------
# One eigendecomposition per view


@struct.dataclass
class Factors:
    """Everything needed for the closed-form score of a fixed list of views.

    With S_v the covariance of the NOISED given the GIVEN coordinates, S_v = basis diag(spectrum) basisᵀ and
    basisᵀ E[x_noised | x_given] = basisᵀ mean + pullᵀ (x_given - mean); rows of other coordinates are zero.  A is the most
    NOISED coordinates of any view.  ``focus`` and ``relevance`` are what :mod:`jaxinfo.correlations` makes of the covariance,
    for a network around this Gaussian.
    """

    roles: Array  # [V, N]
    mean: Array  # [D], [V, D] of views of several laws
    basis: Array  # [V, D, A]
    spectrum: Array  # [V, A]
    pull: Array  # [V, D, A]
    focus: Array  # [D, D]
    relevance: Array  # [N, N]


def factors(
    blocks: Blocks,
    mean: np.ndarray,
    cov: np.ndarray,
    views: tuple[vw.View, ...],
    dtype=None,
    look: tuple[np.ndarray, np.ndarray] | None = None,
) -> Factors:
    """Precompute :class:`Factors` in float64 on the host, stored in JAX's default float type unless ``dtype`` is given.

    With the ``look`` of :mod:`jaxinfo.correlations` a network around this Gaussian looks at what is correlated;
    without, at everything alike.  Views of several laws have a ``mean [V, D]`` and a ``cov [V, D, D]`` each.
    """
    mean, cov = np.asarray(mean, np.float64), np.asarray(cov, np.float64)
    shape = len(views), blocks.dim, max(num_noised(blocks, v) for v in views)
    basis, spectrum, pull = np.zeros(shape), np.ones((shape[0], shape[2])), np.zeros(shape)
    for v, view in enumerate(views):
        a, c, gain, s = conditional(blocks, of_view(cov, v), view)
        values, vectors = np.linalg.eigh(s)
        spectrum[v, : a.size] = np.maximum(values, 0.0)
        basis[v][np.ix_(a, np.arange(a.size))] = vectors
        pull[v][np.ix_(c, np.arange(a.size))] = gain.T @ vectors
    dtype = jnp.result_type(float) if dtype is None else dtype
    as_jax = lambda z: jnp.asarray(z, dtype)
    n = blocks.num_variables
    seen = (np.eye(blocks.dim), np.ones((n, n))) if look is None else look
    parts = (mean, basis, spectrum, pull, *seen)
    return Factors(jnp.asarray(vw.table(views)), *(as_jax(z) for z in parts))


def of_view(cov: np.ndarray, v: int) -> np.ndarray:
    """The covariance ``[D, D]`` of view v, of one for all views or of one each, ``[V, D, D]``."""
    return cov if cov.ndim == 2 else cov[v]


def num_noised(blocks: Blocks, view: vw.View) -> int:
    """How many coordinates a view has NOISED."""
    return sum(blocks.sizes[i] for i in vw.noised(view))


@struct.dataclass
class Ordered:
    """Factors for slabs that come in a fixed order, slab s showing view s: nothing is looked up, and the many views of
    one variable cost what one variable costs, not what the joint does.

    ``places[k]`` are the slabs of ``parts[k]``.
    """

    parts: tuple[Factors, ...]
    places: tuple[tuple[int, ...], ...] = struct.field(pytree_node=False)

    @property
    def focus(self) -> Array:
        """That of all parts."""
        return self.parts[0].focus

    @property
    def relevance(self) -> Array:
        """That of all parts."""
        return self.parts[0].relevance


def in_order(
    blocks: Blocks,
    mean: np.ndarray,
    cov: np.ndarray,
    views: tuple[vw.View, ...],
    look: tuple[np.ndarray, np.ndarray] | None = None,
) -> Ordered:
    """:class:`Ordered` factors of these views: those with one variable NOISED, and the others.

    Arguments as in :func:`factors`.
    """
    single = [len(vw.noised(v)) == 1 for v in views]
    places = [tuple(k for k, one in enumerate(single) if one is wanted) for wanted in (True, False)]
    places = [p for p in places if p]
    of = lambda z, at, ndim: np.asarray(z) if np.ndim(z) == ndim else np.asarray(z)[list(at)]
    part = lambda at: factors(blocks, of(mean, at, 1), of(cov, at, 2), tuple(views[k] for k in at), look=look)
    return Ordered(tuple(part(at) for at in places), tuple(places))


def conditional(
    blocks: Blocks, cov: np.ndarray, view: vw.View
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """``(noised, given, gain, S)`` of a view: its coordinates, the regression on the GIVEN, the covariance left over."""
    a, c = coordinates(blocks, view)
    s = cov[np.ix_(a, a)]
    gain = np.zeros((a.size, c.size))
    if c.size:
        # Least squares, because one-hot codes of a discrete variable are linearly dependent.
        gain = np.linalg.lstsq(cov[np.ix_(c, c)], cov[np.ix_(c, a)], rcond=1e-12)[0].T
        s = s - gain @ cov[np.ix_(c, a)]
    return a, c, gain, 0.5 * (s + s.T)


def spectra(blocks: Blocks, cov: np.ndarray, views: tuple[vw.View, ...]) -> np.ndarray:
    """Eigenvalues of the NOISED given the GIVEN coordinates, all views in one array; ``cov`` as in :func:`factors`."""
    return np.concatenate([np.linalg.eigvalsh(conditional(blocks, of_view(cov, k), v)[3]) for k, v in enumerate(views)])


def select(fac: Factors, roles: Array) -> Factors:
    """The factors of the views asked for: ``roles [S, N]`` looked up among the known ones.

    A view that was never factorised gives NaN rather than a wrong score.
    """
    match = jnp.all(roles[:, None, :] == fac.roles[None], axis=-1)  # [S, V]
    found, i = match.any(-1), jnp.argmax(match, axis=-1)
    spectrum = jnp.where(found[:, None], fac.spectrum[i], jnp.nan)
    mean = fac.mean if fac.mean.ndim == 1 else fac.mean[i]
    return Factors(roles, mean, fac.basis[i], spectrum, fac.pull[i], fac.focus, fac.relevance)


def whiten(fac: Factors, blocks: Blocks, x: Array, alpha: Array, sigma: Array) -> tuple[Array, Array]:
    """Closed-form prediction and whitened input of slabs that share the views of ``fac``.

    Args:
      fac: factors of S views.
      blocks: packing.
      x: ``[S, B, D]``, the noised and the given coordinates in place.
      alpha: ``[S, B, 1]`` of the NOISED variables.
      sigma: ``[S, B, 1]``.

    Returns:
      ``(eps_G, w)``, both ``[S, B, D]``: E[eps | x] of the Gaussian, and (alpha² S + sigma²)^(-1/2) (x - E[x | given]).
    """
    is_noised = blocks.spread(fac.roles == vw.NOISED)[:, None, :]
    is_given = blocks.spread(fac.roles == vw.GIVEN)[:, None, :]
    mean = fac.mean if fac.mean.ndim == 1 else fac.mean[:, None, :]
    centred = jnp.where(is_noised, x - alpha * mean, 0.0)
    known = jnp.where(is_given, x - mean, 0.0)
    z = jnp.einsum("sbd,sde->sbe", centred, fac.basis) - alpha * jnp.einsum("sbd,sde->sbe", known, fac.pull)
    variance = alpha**2 * fac.spectrum[:, None, :] + sigma**2
    eps = jnp.einsum("sbe,sde->sbd", sigma * z / variance, fac.basis)
    white = jnp.einsum("sbe,sde->sbd", z * jax.lax.rsqrt(variance), fac.basis)
    return eps, white


def whiten_single(
    fac: Factors, blocks: Blocks, noised: np.ndarray, own: Array, clean: Array, alpha: Array, sigma: Array
) -> tuple[Array, Array]:
    """:func:`whiten` of views with one variable NOISED, at rows they share.

    Args:
      fac: factors of V such views.
      blocks: packing.
      noised: ``[V]`` their NOISED variables.
      own: ``[V, B, W]`` the noised coordinates, in the places of :attr:`~jaxinfo.blocks.Blocks.padded`.
      clean: ``[B, D]`` clean rows.
      alpha: ``[B, 1]``.
      sigma: ``[B, 1]``.

    Returns:
      ``(eps_G, w)``, both ``[V, B, W]``.
    """
    at, keep = blocks.padded
    here, real = at[noised], keep[noised]  # [V, W]
    basis = jnp.where(
        real[..., None], jnp.take_along_axis(fac.basis, jnp.asarray(here)[..., None], 1), 0.0
    )  # [V, W, A]
    if fac.mean.ndim == 1:  # taken away once, not for each view
        mean, known = fac.mean[here], jnp.einsum("bd,vda->vba", clean - fac.mean, fac.pull)
    else:
        mean = jnp.take_along_axis(fac.mean, jnp.asarray(here), 1)
        known = jnp.einsum("vbd,vda->vba", clean - fac.mean[:, None], fac.pull)
    centred = jnp.where(real[:, None], own - alpha * mean[:, None], 0.0)
    z = jnp.einsum("vbw,vwa->vba", centred, basis) - alpha * known
    variance = alpha**2 * fac.spectrum[:, None, :] + sigma**2
    eps = jnp.einsum("vba,vwa->vbw", sigma * z / variance, basis)
    white = jnp.einsum("vba,vwa->vbw", z * jax.lax.rsqrt(variance), basis)
    return eps, white


def factored_score(sde: SDE, blocks: Blocks, fac: Factors) -> ScoreFn:
    """The score function of the Gaussian behind ``fac``; every NOISED variable of a row must share one clock."""

    def score(x, tau):
        is_given, is_absent = vw.roles_of(sde, tau)
        alpha, sigma = vw.coefficients(sde, tau)
        is_noised = ~(is_given | is_absent)
        first = jnp.argmax(is_noised, axis=-1)[..., None]
        a, s = jnp.take_along_axis(alpha, first, -1), jnp.take_along_axis(sigma, first, -1)
        eps, _ = whiten(select(fac, slab_roles(is_given, is_absent)), blocks, x, a, s)
        return eps

    return score


def slab_roles(is_given: Array, is_absent: Array) -> Array:
    """Roles ``[S, N]`` of slabs whose rows share one view, from booleans ``[S, B, N]``."""
    g, a = is_given[:, 0], is_absent[:, 0]
    return jnp.where(g, vw.GIVEN, jnp.where(a, vw.ABSENT, vw.NOISED)).astype(jnp.int8)
