"""Read measures from trained networks on rows they have not seen."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from jaxinfo import evaluate as ev
from jaxinfo import gaussian, times
from jaxinfo import views as vw
from jaxinfo.estimators.crossfit import CALIBRATION_NODES, Fitted, _padded, _stack, make_net, score_of
from jaxinfo.measures import Measure

CALIBRATION_PRIOR = 30.0
PILOT_ROWS = 2048


def inner_factors(fitted: Fitted, views) -> gaussian.Factors:
    """Factors of the Gaussian inside the network, leaves ``[F, …]``."""
    d = fitted.blocks.dim
    if fitted.settings.gaussian:
        return _stack([gaussian.factors(fitted.blocks, m, c, views) for m, c in zip(fitted.means, fitted.covs)])
    one = gaussian.factors(fitted.blocks, np.zeros(d), np.eye(d), views)
    return _stack([one] * len(fitted.splits))


def calibrate(fitted: Fitted, x: np.ndarray, seed: int = 0) -> Fitted:
    """Shrink each view's correction to the Gaussian where validation rows say that it overshoots.

    For a view and a log-SNR node, the least-squares factor of the correction r on what it should predict,
    c = (<eps − eps_G, r> + prior) / (<r, r> + prior), clipped to [0, 1.1].  The prior, in nats, holds it at 1.
    """
    blocks, s, sde = fitted.blocks, fitted.settings, fitted.sde
    net = make_net(blocks, s)
    nodes = jnp.linspace(s.lo, fitted.hi, CALIBRATION_NODES)
    rows = _padded([t.forward(x[sp.validation]) for t, sp in zip(fitted.transforms, fitted.splits)])
    mask = _padded([np.ones(sp.validation.size) for sp in fitted.splits])
    roles = jnp.asarray(vw.table(fitted.views))
    draws = 4
    width = (fitted.hi - s.lo) / (CALIBRATION_NODES - 1)

    def one_fit(params, factors, x0, mask, key):
        def at(args):
            node, key = args
            k_t, k_e = jax.random.split(key)
            logsnr = node + width * (jax.random.uniform(k_t, x0.shape[:1]) - 0.5)
            t = sde.time(jnp.clip(logsnr, s.lo, fitted.hi))
            eps = jax.random.normal(k_e, x0.shape)

            def one_view(role):
                xs, tau = vw.look(sde, blocks, role, x0, eps, t)
                xs, tau = xs[None], tau[None]
                u = vw.bounded_clock(sde, tau)
                alpha, sigma = vw.coefficients(sde, tau)
                unit = xs / blocks.spread(jnp.sqrt(alpha**2 + sigma**2))
                base, _, _ = gaussian.gaussian_part(factors, blocks, unit, u)
                r = net.apply({"net": params, "gaussian": factors}, unit, u) - base
                keep = blocks.spread(role == vw.NOISED) * mask[:, None]
                return jnp.sum((eps - base[0]) * r[0] * keep), jnp.sum(r[0] ** 2 * keep)

            return jax.lax.map(one_view, roles)

        keys = jax.random.split(key, CALIBRATION_NODES * draws)
        hit, power = jax.lax.map(at, (jnp.repeat(nodes, draws), keys))  # [C*draws, V]
        fold = lambda z: z.reshape(CALIBRATION_NODES, draws, -1).mean(1).T  # [V, C], per pass over the rows
        hit, power = fold(hit), fold(power)
        return jnp.clip((hit + CALIBRATION_PRIOR) / (power + CALIBRATION_PRIOR), 0.0, 1.1)

    keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), 17), (s.seeds, s.folds))
    run = jax.jit(jax.vmap(jax.vmap(one_fit), in_axes=(0, None, None, None, 0)))
    c = run(
        fitted.params, inner_factors(fitted, fitted.views), jnp.asarray(rows, jnp.float32), jnp.asarray(mask, jnp.float32), keys
    )
    fitted.calibration = np.asarray(c)
    return fitted


def read(
    fitted: Fitted,
    measures: Mapping[str, Measure],
    x: np.ndarray,
    seed: int = 0,
    weights: np.ndarray | None = None,
    num_mc: int | None = None,
):
    """Gap and difference of every row: ``[R, M, n]`` each, from the network whose fold left the row out."""
    blocks, s, sde = fitted.blocks, fitted.settings, fitted.sde
    net = make_net(blocks, s)
    p = ev.plan(measures)
    factors = inner_factors(fitted, fitted.views)
    control = _stack([gaussian.factors(blocks, m, c, p.views) for m, c in zip(fitted.means, fitted.covs)])
    num_mc = s.num_mc if num_mc is None else num_mc
    z = [t.forward(x) for t in fitted.transforms]
    lo, hi = s.lo, fitted.hi

    def integrals(params, calibration, factors, control, mean, cov, x0, mask, density, key, num_mc):
        score = score_of(net, sde, blocks, params, factors, calibration, lo, hi)
        return ev.integrate(
            key, p, sde, blocks, score, x0,
            times=times.stratified(sde, lo, hi, density),
            num_mc=num_mc, mean=mean, cov=cov, weights=mask,
            control=gaussian.factored_score(sde, blocks, control),
        )

    axes_seed = (0, 0, None, None, None, None, None, None, 0, 0)
    over = lambda mc: jax.jit(
        jax.vmap(jax.vmap(lambda *a: integrals(*a, mc)), in_axes=axes_seed)
    )
    cast = lambda a: jnp.asarray(a, jnp.float32)
    constants = (factors, control, cast(fitted.means), cast(fitted.covs))
    keys = lambda k: jax.random.split(jax.random.fold_in(jax.random.key(seed), k), (s.seeds, s.folds))
    flat = jnp.ones((s.seeds, s.folds, times.DENSITY_BINS))
    calibration = cast(fitted.calibration)

    pilot_rows = [sp.validation[:PILOT_ROWS] for sp in fitted.splits]
    pilot = over(4)(
        fitted.params, calibration, *constants,
        cast(_padded([zf[r] for zf, r in zip(z, pilot_rows)])),
        cast(_padded([np.ones(r.size) for r in pilot_rows])), flat, keys(1),
    )
    second = np.asarray(pilot.second) / np.maximum(np.asarray(pilot.count)[..., None], 1e-30)  # [R, F, K, M]
    scale = second.mean(2, keepdims=True)
    second = (second / np.maximum(scale, 1e-30)).mean(-1)
    root = np.sqrt(np.maximum(second, 0.0))
    root /= np.maximum(root.sum(-1, keepdims=True), 1e-30)
    density = np.repeat(0.7 * root + 0.3 / root.shape[-1], times.DENSITY_BINS // root.shape[-1], axis=-1)

    rows = [sp.evaluation for sp in fitted.splits]
    sums = over(num_mc)(
        fitted.params, calibration, *constants,
        cast(_padded([zf[r] for zf, r in zip(z, rows)])),
        cast(_padded([np.ones(r.size) for r in rows])), cast(density), keys(2),
    )
    m = len(p.names)
    gap, difference = np.zeros((s.seeds, m, x.shape[0])), np.zeros((s.seeds, m, x.shape[0]))
    base = np.zeros((m, x.shape[0]))
    for f, r in enumerate(rows):
        forms = ev.control_forms(p, blocks, fitted.means[f], fitted.covs[f], lo, hi)
        g, d = forms.rows(z[f][r])
        base[:, r] = g
        gap[:, :, r] = np.asarray(sums.gap)[:, f, :, : r.size] + g
        difference[:, :, r] = np.asarray(sums.difference)[:, f, :, : r.size] + d
    return gap, difference, base, sums
