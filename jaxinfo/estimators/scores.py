"""What a fitted network and a Gaussian predict: slab by slab, and for all views of the same rows at once.

Most views have one variable NOISED, and most of what a network does with them is the same for all: it takes in the clean
variables, of which each view leaves out one, and the clock.  Reading them so costs a view what its own variable costs,
however many others there are.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxinfo import gaussian, precondition
from jaxinfo import views as vw
from jaxinfo.blocks import Blocks
from jaxinfo.estimators.fitted import SDE, inner_network, network, unraveller
from jaxinfo.estimators.settings import Settings
from jaxinfo.integral import Predict, of_entries
from jaxinfo.types import Array, Params, ScoreFn
from jaxinfo.views import View

WIDEST = 2  # most padded places a coordinate (variables are padded to the largest) at which views are read together


def calibrated_score(
    blocks: Blocks, s: Settings, params: Params, factors: gaussian.Factors | gaussian.Ordered, calibration, hi
) -> ScoreFn:
    """Score function of one fit, its correction to the Gaussian shrunk by ``calibration [V, C]`` along log-SNR.

    With :class:`~jaxinfo.gaussian.Ordered` factors slab s shows view s, of which ``calibration`` has row s too.
    """
    net, both = network(blocks, s), {"net": params, "gaussian": factors}
    grid = jnp.linspace(s.lo, hi, calibration.shape[-1])

    def score(x, tau):
        is_given, is_absent = vw.roles_of(SDE, tau)
        unit, u = _as_networks_see(blocks, x, tau)
        eps = net.apply(both, unit, u)
        base, _, _ = precondition.gaussian_part(factors, blocks, unit, u)
        rows = calibration
        if isinstance(factors, gaussian.Factors):
            roles = gaussian.slab_roles(is_given, is_absent)
            rows = calibration[jnp.argmax(jnp.all(roles[:, None] == factors.roles[None], -1), -1)]  # [S, C]
        logsnr = vw.clock_logsnr(jnp.max(jnp.where(is_given | is_absent, 0.0, u), -1))  # [S, B]
        c = jax.vmap(lambda row, at: jnp.interp(at, grid, row))(rows, logsnr)
        return jnp.where(blocks.spread(is_given | is_absent), 0.0, base + c[..., None] * (eps - base))

    return score


def gaussian_score(blocks: Blocks, factors: gaussian.Factors | gaussian.Ordered) -> ScoreFn:
    """The Gaussian alone, in the very words of :func:`calibrated_score`: when both hold the same factors it costs nothing."""

    def score(x, tau):
        is_given, is_absent = vw.roles_of(SDE, tau)
        base, _, _ = precondition.gaussian_part(factors, blocks, *_as_networks_see(blocks, x, tau))
        return jnp.where(blocks.spread(is_given | is_absent), 0.0, base)

    return score


def _as_networks_see(blocks: Blocks, x, tau):
    """x with unit signal-plus-noise weight, and the bounded clock."""
    alpha, sigma = vw.coefficients(SDE, tau)
    return x / blocks.spread(jnp.sqrt(alpha**2 + sigma**2)), vw.bounded_clock(SDE, tau)


def together(
    blocks: Blocks,
    s: Settings,
    views: Sequence[View],
    params: Array,
    factors: gaussian.Ordered,
    calibration: Array,
    hi: Array,
    control: gaussian.Ordered,
) -> Predict:
    """:data:`~jaxinfo.integral.Predict` of one fit, the same numbers as its score functions give slab by slab.

    Args:
      blocks: packing.
      s: settings of the fit.
      views: V views.
      params: its parameters, one vector.
      factors: of the Gaussian inside, in the order of ``views``.
      calibration: ``[V, C]``, see :func:`calibrated_score`.
      hi: clean end of log-SNR.
      control: factors of the Gaussian that is subtracted; may be ``factors`` themselves.
    """
    net, tree = inner_network(blocks, s), unraveller(blocks, s)(params)
    # a network with layers for each variable is dear without ``single``, and pads little with it
    shared = net.single is not None and (net.weigh is not None or blocks.padded[0].size <= WIDEST * blocks.dim)
    order = [(v, i) for places in factors.places for v in places for i in vw.noised(views[v])]
    back = np.argsort(np.array([v for v, _ in order]), kind="stable")  # within a view they are in order

    def single(part, of_control, at_views, x0, eps, t):
        noised = np.array([vw.noised(views[v])[0] for v in at_views])
        alpha, sigma = SDE.alpha(t)[:, None], SDE.sigma(t)[:, None]
        own = jnp.moveaxis(blocks.apart(alpha * x0 + sigma * eps), 1, 0)[noised]  # [V, B, W]
        base, white = gaussian.whiten_single(part, blocks, noised, own, x0, alpha, sigma)
        other = (
            base if of_control is part else gaussian.whiten_single(of_control, blocks, noised, own, x0, alpha, sigma)[0]
        )
        logsnr = SDE.logsnr(t)
        given = np.array([[role == vw.GIVEN for role in views[v]] for v in at_views])
        out = precondition.single(net, blocks, tree, part, x0, own, white, given, noised, logsnr)
        grid = jnp.linspace(s.lo, hi, calibration.shape[-1])
        factor = jax.vmap(lambda row: jnp.interp(logsnr, grid, row))(calibration[np.array(at_views)])
        return base + factor[..., None] * out, other

    def general(part, of_control, at_views, x0, eps, t):
        here = (tuple(range(len(at_views))),)
        shown = tuple(views[v] for v in at_views)
        roles = jnp.asarray(vw.table(shown))
        x, tau = jax.vmap(lambda r: vw.look(SDE, blocks, r, x0, eps, t))(roles)
        inside, outside = (gaussian.Ordered((z,), here) for z in (part, of_control))
        score = calibrated_score(blocks, s, tree, inside, calibration[np.array(at_views)], hi)
        return tuple(of_entries(blocks, f(x, tau), vw.entries(shown)) for f in (score, gaussian_score(blocks, outside)))

    def predict(x0, eps, t):
        pieces = []
        for part, of_control, at_views in zip(factors.parts, control.parts, factors.places):
            ones = all(len(vw.noised(views[v])) == 1 for v in at_views)
            pieces.append((single if shared and ones else general)(part, of_control, at_views, x0, eps, t))
        e, c = (jnp.concatenate(z)[back] for z in zip(*pieces))
        return e, c

    return predict
