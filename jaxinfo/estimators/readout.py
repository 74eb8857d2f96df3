"""Read measures from trained networks on rows they have not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxinfo import gaussian, times
from jaxinfo import views as vw
from jaxinfo.blocks import Blocks
from jaxinfo.control import control_forms, cross_entropy_rows, far_tail
from jaxinfo.estimators.fitted import (
    SDE,
    Fitted,
    float32,
    inner_in_order,
    padded,
    stacked,
)
from jaxinfo.estimators.scores import together
from jaxinfo.estimators.settings import Settings
from jaxinfo.integral import Sums, integrate
from jaxinfo.measures import Measure
from jaxinfo.plan import Plan, plan
from jaxinfo.programs import program
from jaxinfo.views import View

NODES = 16  # log-SNR nodes of the calibration curve
DRAWS = 4
PRIOR = 30.0  # nats of evidence that hold a calibration factor at 1
CHUNK = 4096  # views times rows at a time
FLOOR = 0.3  # share of evaluation draws that stay uniform in log-SNR


def tune(
    fitted: Fitted, x: np.ndarray, seed: int = 0, weights: np.ndarray | None = None, law: np.ndarray | None = None
) -> Fitted:
    """Set the calibration and the evaluation density of log-SNR on validation rows.

    With r the network's correction to the Gaussian, the calibration of a view at a log-SNR is the least-squares factor
    of r on what it should predict, (<eps − eps_G, r> + PRIOR) / (<r, r> + PRIOR): an overfitted correction is shrunk.
    The density is proportional to the root mean square of the corrections, which is where the integrand still varies
    once its Gaussian part is integrated exactly.

    Args:
      fitted: trained networks.
      x: ``[n, D]`` the rows that were split for them.
      seed: of the noise draws.
      weights: ``[n]`` row weights.
      law: ``[n]`` which law each row is of, where there are several: a view is set on the rows of its own.
    """
    s, w = fitted.settings, np.ones(x.shape[0]) if weights is None else weights
    rows = [sp.validation for sp in fitted.splits]
    z = [t.forward(x[r]) for t, r in zip(fitted.transforms, rows)]
    of_view = np.ones((1, x.shape[0])) if law is None else law == np.asarray(fitted.laws)[:, None]  # [V, n], or of all
    mean = lambda r: (of_view[:, r] * w[r]).sum(1, keepdims=True) / of_view[:, r].sum(1, keepdims=True)
    weighed = lambda r: (of_view[:, r] * w[r] / mean(r)).T
    hit, power = _corrections(
        fitted.blocks, s, fitted.views, fitted.params, inner_in_order(fitted, fitted.views), float32(padded(z)),
        float32(padded([weighed(r) for r in rows])), jnp.float32(fitted.hi),
        jax.random.split(jax.random.fold_in(jax.random.key(seed), 17), (s.seeds, s.folds)),
    )  # fmt: skip
    hit, power = np.asarray(hit, np.float64), np.asarray(power, np.float64)  # [R, F, V, NODES]
    calibration = np.clip((hit + PRIOR) / (power + PRIOR), 0.0, 1.1)
    at = np.linspace(0.0, NODES - 1.0, times.DENSITY_BINS)
    root = np.sqrt(power.sum(2))
    root = np.apply_along_axis(lambda row: np.interp(at, np.arange(NODES), row), -1, root)
    total = root.sum(-1, keepdims=True)
    uniform = np.full_like(root, 1.0 / times.DENSITY_BINS)
    density = np.where(total > 0, (1 - FLOOR) * root / np.maximum(total, 1e-30) + FLOOR * uniform, uniform)
    return replace(fitted, calibration=calibration, density=density)


@program(static_argnums=(0, 1, 2))
def _corrections(blocks: Blocks, s: Settings, views: tuple[View, ...], params, factors, rows, mask, hi, keys):
    """Sums over rows of <eps − eps_G, r> and <r, r> per view and node, ``[R, F, V, NODES]`` each; ``mask [F, rows, V]``, or 1
    for V."""
    view_of, variable = np.array(vw.entries(views)).T

    def one_fit(params, factors, x0, mask, key):
        width = (hi - s.lo) / (NODES - 1)
        predict = together(blocks, s, views, params, factors, jnp.ones((len(views), 2)), hi, factors)
        size = max(1, min(x0.shape[0], CHUNK // len(views)))
        chunks = -(-x0.shape[0] // size)
        count = jnp.arange(chunks * size) < x0.shape[0]  # the last row fills up the last chunk and counts once
        filled = lambda z: jnp.pad(z, [(0, count.size - z.shape[0])] + [(0, 0)] * (z.ndim - 1), mode="edge")
        chunked = lambda z: filled(z).reshape(chunks, size, *z.shape[1:])
        counted = chunked(mask) * count.reshape(chunks, size, 1)

        def some_rows(args):
            x0, eps, t, mask = args
            e, base = predict(x0, eps, t)
            noise = blocks.apart(eps).transpose(1, 0, 2)[variable]
            r, w = e - base, (mask if mask.shape[1] == 1 else mask[:, view_of]).T[..., None]
            each = jnp.stack([jnp.sum((noise - base) * r * w, (1, 2)), jnp.sum(r**2 * w, (1, 2))])
            return jax.ops.segment_sum(each.T, view_of, len(views))

        def at_node(args):
            node, key = args
            k_time, k_noise = jax.random.split(key)
            logsnr = node + width * (jax.random.uniform(k_time, x0.shape[:1]) - 0.5)
            t = SDE.time(jnp.clip(logsnr, s.lo, hi))
            eps = jax.random.normal(k_noise, x0.shape)
            return jax.lax.map(some_rows, (chunked(x0), chunked(eps), chunked(t), counted)).sum(0)  # [V, 2]

        nodes = jnp.repeat(jnp.linspace(s.lo, hi, NODES), DRAWS)
        found = jax.lax.map(at_node, (nodes, jax.random.split(key, nodes.size)))  # [NODES * DRAWS, V, 2]
        hit, power = jnp.moveaxis(found.reshape(NODES, DRAWS, len(views), 2).mean(1), -1, 0)
        return hit.T, power.T

    # folds side by side, seeds one after the other: memory does not grow with their number
    folds = jax.vmap(one_fit)
    return jax.lax.map(lambda of_seed: folds(of_seed[0], factors, rows, mask, of_seed[1]), (params, keys))


@program(static_argnums=(0, 1, 2))
def _integrals(blocks: Blocks, s: Settings, p: Plan, params, calibration, density, fold, hi, keys) -> Sums:
    def one(of_seed, fold):
        params, calibration, density, key = of_seed
        control = fold["factors"] if s.gaussian else fold["control"]
        return integrate(
            key, p, SDE, blocks, None, fold["rows"], times=times.stratified(SDE, s.lo, hi, density), num_mc=s.num_mc,
            mean=fold["mean"], cov=fold["cov"], weights=fold["weights"],
            predict=together(blocks, s, p.views, params, fold["factors"], calibration, hi, control),
        )  # fmt: skip

    # folds side by side, seeds one after the other: memory does not grow with their number
    each = (params, calibration, density, keys)
    return jax.lax.map(lambda of_seed: jax.vmap(one)(of_seed, fold), each)


@dataclass(frozen=True)
class Readout:
    """Everything measured, ready to be summarised.

    Attributes:
      names: M measures.
      gap: ``[R, M, n]`` pointwise values; the mean over a row's folds when it was read by several.
      difference: ``[R, M, n]``.
      gaussian: ``[M, n]`` pointwise values of the fitted Gaussian alone.
      profile: arrays ``logsnr [K]``, ``gap [M, K]``, ``difference [M, K]``, ``gaussian [M, K]``.
      slope: ``[V]`` calibration slope <eps, eps_v> / ‖eps_v‖² of each view read, 1 if right.
      slope_error: ``[V]`` its standard error.
      nested: ``[M]`` E<eps_p − eps_q, eps_q>, 0 if right.
      optimism: ``[M, 2]`` how much higher the gap of the same rows under the same noise is when networks that trained on
        them read them, and how much of that is due to the Gaussian inside the network; None for new rows.
    """

    names: tuple[str, ...]
    gap: np.ndarray
    difference: np.ndarray
    gaussian: np.ndarray
    profile: dict[str, np.ndarray]
    slope: np.ndarray
    slope_error: np.ndarray
    nested: np.ndarray
    optimism: np.ndarray | None


def read(
    fitted: Fitted,
    measures: Mapping[str, Measure],
    x: np.ndarray,
    seed: int = 0,
    *,
    weights: np.ndarray | None = None,
    crossfitted: bool = True,
) -> Readout:
    """Pointwise values of every measure on rows ``x [n, D]``.

    Args:
      fitted: trained and tuned networks.
      measures: names and measures; every view they read must have been trained.
      x: the rows that were trained on (``crossfitted=True``: each is read by the fold that left it out) or new rows
        (``False``: see :func:`in_turn`).
      seed: of the noise draws.
      weights: ``[n]`` row weights, for the profile.
      crossfitted: see ``x``.

    Raises:
      ValueError: when a view was not trained.
    """
    s = fitted.settings
    p = plan(measures)
    missing = [v for v in p.views if v not in set(fitted.views)]
    if missing:
        raise ValueError(
            f"{len(missing)} of the views that {', '.join(p.names)} read were not trained (the first is {missing[0]}); "
            "name these measures when fitting."
        )
    n = x.shape[0]
    own = [sp.evaluation for sp in fitted.splits]
    rows = own if crossfitted else in_turn(n, s.folds, sum(r.size for r in own))
    w = np.ones(n) if weights is None else np.asarray(weights, np.float64)
    keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), 23), (s.seeds, s.folds))
    gap, difference, base, profile, sums = _pointwise(fitted, p, x, rows, w, keys)
    optimism = None
    if crossfitted:  # the networks of fold f + 1 trained on the rows that fold f evaluates
        after = [rows[f - 1] for f in range(s.folds)]
        learned, _, learned_base, *_ = _pointwise(fitted, p, x, after, w, jnp.roll(keys, 1, axis=1))
        inside = learned_base - base if s.gaussian else np.zeros_like(base)
        optimism = np.stack([(learned - gap).mean(0), inside], -1).transpose(0, 2, 1) @ (w / w.sum())
    mass = np.maximum(sums.count.sum((0, 1)), 1e-30)  # [K]
    edges = sums.logsnr[0, 0]
    centres = 0.5 * (edges[1:] + edges[:-1])
    curve = sums.profile.sum((0, 1)) / mass[:, None, None]  # [K, 2, M]
    products = sums.slope.sum((0, 1, 2))  # [V, 2]
    return Readout(
        p.names, gap, difference, base,
        {
            "logsnr": centres,
            "gap": curve[:, 0].T,
            "difference": curve[:, 1].T,
            "gaussian": np.stack([np.interp(centres, profile.logsnr, values) for values in profile.values]),
        },
        products[:, 0] / np.maximum(products[:, 1], 1e-30),
        1.0 / np.sqrt(np.maximum(products[:, 1], 1e-30)),
        (sums.nested / np.maximum(sums.count.sum(-1, keepdims=True), 1e-30)).mean((0, 1)),
        optimism,
    )  # fmt: skip


def in_turn(n: int, folds: int, afford: int) -> list[np.ndarray]:
    """Which of ``n`` new rows each fold reads: all folds read few rows, of many each takes its turn.

    Every row is read by as many folds as make no more than ``afford`` readings together, and at least by one: a mean over
    rows is then one over folds as well, and new rows cost about what the rows trained on cost.
    """
    each = int(np.clip(afford // max(n, 1), 1, folds))
    at = np.arange(n)
    return [at[(at - f) % folds < each] for f in range(folds)]


class _Profile(NamedTuple):
    """The fitted Gaussian's own integrand: ``logsnr [nodes]``, ``values [M, nodes]``."""

    logsnr: np.ndarray
    values: np.ndarray


def _pointwise(
    fitted: Fitted, p: Plan, x: np.ndarray, rows: Sequence[np.ndarray], w: np.ndarray, keys
) -> tuple[np.ndarray, np.ndarray, np.ndarray, _Profile, Any]:
    """``(gap [R, M, n], difference [R, M, n], Gaussian's own [M, n], its profile, sums)``, fold f reading ``rows[f]``."""
    s, blocks = fitted.settings, fitted.blocks
    n, m = x.shape[0], len(p.names)
    z = [t.forward(x[r]) for t, r in zip(fitted.transforms, rows)]
    # references are Gaussians of the first law; where there are others no measure has any
    own = {"mean": float32(fitted.means[:, 0]), "cov": float32(fitted.covs[:, 0])}
    fold = {"factors": inner_in_order(fitted, p.views)} | own
    if not s.gaussian:
        of_fold = (fitted.gaussian(k, p.views) for k in range(s.folds))
        fold["control"] = stacked([gaussian.in_order(blocks, mean, cov, p.views) for mean, cov in of_fold])
    calibration = float32(fitted.calibration[:, :, [fitted.views.index(v) for v in p.views]])
    # blocks of as many rows as a fold evaluates: new rows need no program of their own, and memory does not grow
    size, parts = max(sp.evaluation.size for sp in fitted.splits), []
    for b in range(-(-max(r.size for r in rows) // size)):
        here = slice(b * size, (b + 1) * size)
        each = fold | {
            "rows": float32(padded([zf[here] for zf in z], length=size)),
            "weights": float32(padded([w[r[here]] for r in rows], length=size)),
        }
        block_keys = keys if b == 0 else jax.vmap(jax.vmap(lambda key, b=b: jax.random.fold_in(key, b)))(keys)
        parts.append(
            _integrals(
                blocks, s, p, fitted.params, calibration, float32(fitted.density), each,
                jnp.float32(fitted.hi), block_keys,
            )
        )  # fmt: skip
    sums = _joined(parts)
    gap, difference = np.zeros((s.seeds, m, n)), np.zeros((s.seeds, m, n))
    base, count = np.zeros((m, n)), np.zeros(n)
    profiles = []
    for f, r in enumerate(rows):
        (mean, cov), zf = fitted.gaussian(f, p.views), z[f]
        centre = mean if mean.ndim == 1 else mean[0]
        c, share = np.pad(zf - centre, ((0, 0), (0, 1)), constant_values=1.0), w[r] / max(w[r].sum(), 1e-300)
        forms = control_forms(p, blocks, mean, cov, s.lo, fitted.hi, moments=c.T @ (share[:, None] * c))
        g, d = forms.rows(zf)
        first = fitted.means[f, 0], fitted.covs[f, 0]
        ends = cross_entropy_rows(p, blocks, zf, *first) + far_tail(p, SDE, blocks, *first, s.lo)[:, None]
        jacobian = _log_jacobian(p, blocks, fitted.transforms[f].log_jacobian(x[r]))
        gap[:, :, r] += sums.gap[:, f, :, : r.size] + g + ends - jacobian
        difference[:, :, r] += sums.difference[:, f, :, : r.size] + d + ends - jacobian
        base[:, r] += g + ends - jacobian
        count[r] += 1
        profiles.append(forms.profile)
    profile = _Profile(forms.logsnr, np.mean(profiles, 0).T)
    return gap / count, difference / count, base / count, profile, sums


def _joined(parts: Sequence[Sums]) -> Any:
    """The :class:`~jaxinfo.integral.Sums` of all blocks of rows, as numpy arrays in double precision."""
    host = [jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), part) for part in parts]
    total = jax.tree.map(lambda *leaves: sum(leaves), *host)
    along = lambda name: np.concatenate([getattr(part, name) for part in host], -1)
    return total.replace(gap=along("gap"), difference=along("difference"), logsnr=host[0].logsnr)


def _log_jacobian(p: Plan, blocks: Blocks, log_slope: np.ndarray) -> np.ndarray:
    """``[M, B]``: what entropies lose when the transform's coordinates are turned back into the data's own."""
    out = np.zeros((len(p.names), log_slope.shape[0]))
    for row, terms in enumerate(p.cross):
        for t in terms:
            out[row] += t.weight * sum(log_slope[:, blocks.slices[i]].sum(1) for i in t.variables)
    return out
