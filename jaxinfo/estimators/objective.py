"""What training minimises and what it is judged by, in two ways.

Slab by slab, each view has rows, times and noise of its own.  All together, the views are read at the rows of one small
batch: what the clean variables say is then worked out once a row, not once a view.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxinfo import matching, times
from jaxinfo import views as vw
from jaxinfo.blocks import Blocks
from jaxinfo.estimators.fitted import SDE, network, unraveller
from jaxinfo.estimators.scores import together
from jaxinfo.estimators.settings import Settings, evaluations
from jaxinfo.types import Array
from jaxinfo.views import View

VALIDATION_EVALUATIONS = 3000
CHUNK = 4096  # views times rows at a time


class Objective(NamedTuple):
    """``loss(params, key, fit) -> (loss, aux)``; ``validate(params, fit) -> [V]``, ½ ∫ E‖eps − eps_θ‖² of every view in
    nats, always at the same rows, times and noise.  ``params`` is a vector; ``fit`` is what differs between fits."""

    loss: Callable[[Array, Array, Any], tuple[Array, Any]]
    validate: Callable[[Array, Any], Array]


def objective(blocks: Blocks, s: Settings, weighted: bool, views: Sequence[View]) -> Objective:
    """The one of the two that the settings say."""
    return (all_together if s.all_together else slab_by_slab)(blocks, s, weighted, views)


def slab_by_slab(blocks: Blocks, s: Settings, weighted: bool, views: Sequence[View]) -> Objective:
    """Each view trained as often as :func:`view_weights` says; ``fit["factors"]`` are of these views."""
    net, unravel = network(blocks, s), unraveller(blocks, s)
    roles, probs = jnp.asarray(vw.table(views)), jnp.asarray(view_weights(views), jnp.float32)
    assert s.batch is not None  # decided by Settings.for_system
    slabs, rows = matching.slab_layout(roles.shape[0], s.batch)

    def loss(params, key, fit):
        k_row, k_view, k_loss = jax.random.split(key, 3)
        drawn = matching.draw_views(k_view, probs, slabs)
        x0 = fit["train"][_drawn(k_row, fit, weighted, (slabs, rows), fit["laws"][drawn])]
        both = {"net": unravel(params), "gaussian": fit["factors"]}
        return matching.matching_loss(both, net, SDE, blocks, k_loss, x0, roles=roles[drawn], times=_times(s, fit))

    def validate(params, fit):
        x0, eps, t, w = _held_out(s, fit)
        stack = lambda z: z.reshape(1, -1, *z.shape[2:])
        both = {"net": unravel(params), "gaussian": fit["factors"]}

        def per_view(args):
            role, law = args
            error = matching.noise_error(both, net, SDE, blocks, stack(x0), stack(eps), stack(t), role[None])
            return jnp.sum(0.5 * w * error.reshape(t.shape) * fit["validation_weight"][law]) / t.shape[0]

        return jax.lax.map(per_view, (roles, fit["laws"]))

    return Objective(loss, validate)


def all_together(blocks: Blocks, s: Settings, weighted: bool, views: Sequence[View]) -> Objective:
    """All views at each row of a batch, every NOISED coordinate alike; ``fit["factors"]`` are in the order of ``views``, which
    are of one law."""
    view_of, variable = np.array(vw.entries(views)).T
    coordinates = int(np.asarray(blocks.sizes)[variable].sum())
    assert s.batch is not None
    rows = max(1, s.batch // (2 * evaluations(views)))

    def errors(params, fit, x0, eps, t):
        """Squared error of every entry: ``[E, B]``."""
        factors, ones = fit["factors"], jnp.ones((len(views), 2))
        found, _ = together(blocks, s, views, params, factors, ones, fit["hi"], factors)(x0, eps, t)
        noise = blocks.apart(eps).transpose(1, 0, 2)[variable]
        return ((found - noise) ** 2).sum(-1)

    def loss(params, key, fit):
        k_row, k_time, k_noise = jax.random.split(key, 3)
        x0 = fit["train"][_drawn(k_row, fit, weighted, (rows,))]
        t = times.inside(SDE, _times(s, fit).sample(k_time, (rows, 1))[0][:, 0])
        eps = jax.random.normal(k_noise, x0.shape, x0.dtype)
        # vmapped over the sign alone: what is said by clean variables and the clock is worked out once for both
        error = jax.vmap(lambda e: errors(params, fit, x0, e, t))(jnp.stack([eps, -eps]))
        return error.mean((0, 2)).sum() / coordinates, None

    def validate(params, fit):
        x0, eps, t, w = _held_out(s, fit)
        flat = [z.reshape(-1, *z.shape[2:]) for z in (x0, eps, t, w * fit["validation_weight"][0])]
        size = max(1, min(flat[2].size, CHUNK // len(views)))
        count = -(-flat[2].size // size)
        grow = lambda z, mode: jnp.pad(z, [(0, count * size - z.shape[0])] + [(0, 0)] * (z.ndim - 1), mode=mode)
        cut = [grow(z, "edge" if k < 3 else "constant").reshape(count, size, *z.shape[1:]) for k, z in enumerate(flat)]

        def some(args):
            x0, eps, t, w = args
            return jax.ops.segment_sum(errors(params, fit, x0, eps, t) @ (0.5 * w), view_of, len(views))

        return jax.lax.map(some, tuple(cut)).sum(0) / t.shape[0]

    return Objective(loss, validate)


def training_density(lo: Array | float, hi: Array | float, focus: float = 0.8) -> Array:
    """Where training looks: bin masses over [lo, hi], a share ``focus`` a logistic around log-SNR 2.5, the rest uniform.

    Noise levels at which nothing can be predicted only add gradient noise, so most draws go where views differ.
    """
    at = lo + (jnp.arange(times.DENSITY_BINS) + 0.5) * (hi - lo) / times.DENSITY_BINS
    bell = 1.0 / jnp.cosh((at - 2.5) / 3.2) ** 2
    return focus * bell / bell.sum() + (1.0 - focus) / times.DENSITY_BINS


def view_weights(views: Sequence[View]) -> np.ndarray:
    """How often a view is trained: as (number of NOISED variables)^0.7, because a joint score is harder to learn."""
    return np.asarray([len(vw.noised(v)) ** 0.7 for v in views])


def _times(s: Settings, fit) -> times.Times:
    return times.stratified(SDE, s.lo, fit["hi"], training_density(s.lo, fit["hi"], s.focus))


def _drawn(key, fit, weighted: bool, shape: tuple[int, ...], law: Array | None = None) -> Array:
    """Numbers of training rows, by weight when rows are ``weighted``; where they are of several laws, slab s of ``law[s]``."""
    u = jax.random.uniform(key, shape)
    if not weighted:
        index = (u * fit["count"]).astype(jnp.int32)
    elif fit["cdf"].shape[0] == 1:
        index = jnp.searchsorted(fit["cdf"][0], u)
    else:  # rows of other laws are flat steps, which right of them are passed
        index = jax.vmap(lambda cdf, at: jnp.searchsorted(cdf, at, side="right"))(fit["cdf"][law], u)
    return jnp.minimum(index, fit["count"] - 1)


def _held_out(s: Settings, fit) -> tuple[Array, Array, Array, Array]:
    """Validation rows with their noise ``[M, B, D]``, times and weights ``[M, B]``: the same at every look."""
    x0 = fit["validation"]
    draws = int(np.clip(VALIDATION_EVALUATIONS // x0.shape[0], 1, 8))
    k_time, k_noise = jax.random.split(jax.random.key(0))
    t, w = times.stratified(SDE, s.lo, fit["hi"]).sample(k_time, (draws, x0.shape[0]))
    eps = jax.random.normal(k_noise, (draws, *x0.shape), x0.dtype)
    return jnp.broadcast_to(x0, eps.shape), eps, t, w
