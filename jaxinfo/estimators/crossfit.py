"""Fit one masked score network per fold and seed, as one program, and read every measure from it on held-out rows.

The steps, each on its own rows: training rows fit the transform, the inner Gaussian and the network; validation rows
choose the covariance shrinkage, the moment to stop, the shrinkage of the network's correction and the density of
log-SNR; evaluation rows are only read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinfo import evaluate as ev
from jaxinfo import gaussian, matching, preprocess, times, train
from jaxinfo import views as vw
from jaxinfo.blocks import Blocks
from jaxinfo.estimators.splits import Split, crossfit_splits
from jaxinfo.measures import Measure
from jaxinfo.nets.mlp import mlp
from jaxinfo.sde import SDE, VP
from jaxinfo.types import Array, Net, Params

SHRINKAGE_GRID = (0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
CALIBRATION_NODES = 12


@dataclass(frozen=True)
class Settings:
    """Everything that may be turned.

    Attributes:
      width: hidden width of the network.
      depth: residual blocks.
      batch: rows per optimiser step, over all views.
      steps: most optimiser steps.
      min_steps: fewest optimiser steps before stopping early.
      learning_rate: peak of the schedule.
      decay: of the parameter average.
      num_mc: noise draws per evaluated row.
      folds: cross-fitting folds.
      seeds: networks per fold.
      validation: share of a fold's training rows held out for choices.
      lo: noisy end of log-SNR.
      hi: clean end; None lets the fitted Gaussian decide.
      gaussian: keep the fitted Gaussian inside the network.
      preprocess: "rank", "standardise" or "none".
      net: builder ``blocks -> Net`` replacing the default network.
      value: integrand reported as the value.
      checks: how many times the validation loss is looked at.
    """

    width: int = 64
    depth: int = 3
    batch: int = 256
    steps: int = 8000
    min_steps: int = 4000
    learning_rate: float = 2e-3
    weight_decay: float = 0.03
    b2: float = 0.999
    decay: float = 0.999
    num_mc: int = 10
    folds: int = 2
    seeds: int = 1
    validation: float = 0.1
    lo: float = -8.0
    hi: float | None = None
    gaussian: bool = True
    preprocess: str = "rank"
    net: Callable[[Blocks], Net] | None = None
    value: str = "gap"
    checks: int = 20


@dataclass
class Fitted:
    """Trained networks and all that is needed to read them: one entry per fold, a leading seed axis on parameters."""

    blocks: Blocks
    settings: Settings
    sde: SDE
    views: tuple[vw.View, ...]
    splits: list[Split]
    transforms: list[preprocess.Transform]
    means: np.ndarray  # [F, D]
    covs: np.ndarray  # [F, D, D]
    params: Params  # leaves [R, F, ...]
    calibration: np.ndarray  # [R, F, V, C]
    hi: float
    history: dict[str, np.ndarray]


def make_net(blocks: Blocks, settings: Settings) -> Net:
    """The preconditioned network of these settings."""
    inner = settings.net(blocks) if settings.net is not None else mlp(blocks, settings.width, settings.depth)
    return gaussian.precondition(inner, blocks)


def shrunk_covariance(train_rows: np.ndarray, validation_rows: np.ndarray, weights: np.ndarray | None = None):
    """Mean and covariance of training rows, shrunk towards their diagonal as far as the validation likelihood wants.

    Returns:
      ``(mean [D], cov [D, D], amount)``.
    """
    mean = np.average(train_rows, axis=0, weights=weights)
    cov = np.cov(train_rows.T, aweights=weights, ddof=0).reshape(mean.size, mean.size)
    best = None
    for amount in SHRINKAGE_GRID:
        c = (1.0 - amount) * cov + amount * np.diag(np.diag(cov)) + 1e-9 * np.trace(cov) / mean.size * np.eye(mean.size)
        r = validation_rows - mean
        sign, logdet = np.linalg.slogdet(c)
        if sign <= 0:
            continue
        score = -0.5 * (np.einsum("nd,nd->n", r, np.linalg.solve(c, r.T).T).mean() + logdet)
        if best is None or score > best[0] + 1e-4:
            best = (score, c, amount)
    return mean, best[1], best[2]


def training_density(lo: float, hi: float) -> np.ndarray:
    """Where training looks: bin masses over [lo, hi], a logistic around log-SNR 1.5 with a uniform floor.

    Noise levels at which nothing can be predicted only add gradient noise, so most draws go where views differ.
    """
    at = lo + (np.arange(times.DENSITY_BINS) + 0.5) * (hi - lo) / times.DENSITY_BINS
    bell = 1.0 / np.cosh((at - 1.5) / 2.4) ** 2
    return 0.8 * bell / bell.sum() + 0.2 / at.size


def clean_end(blocks: Blocks, covs: Sequence[np.ndarray], views: Sequence[vw.View], lo: float) -> float:
    """How clean the integral must start: 8 above the log-precision of the sharpest Gaussian conditional, in [12, 26]."""
    sharpest = 1.0
    for cov in covs:
        fac = gaussian.factors(blocks, np.zeros(blocks.dim), cov, tuple(views), dtype=jnp.float32)
        values = np.asarray(fac.spectrum)
        sharpest = min(sharpest, float(values[values > 0].min()))
    del lo
    return float(np.clip(8.0 - np.log(sharpest), 12.0, 26.0))


def fit(
    x: np.ndarray,
    blocks: Blocks,
    measures: Mapping[str, Measure],
    settings: Settings,
    seed: int = 0,
    *,
    groups: np.ndarray | None = None,
    weights: np.ndarray | None = None,
    view_weights: Mapping[vw.View, float] | None = None,
    progress: Callable[[int, int, dict], None] | None = None,
) -> Fitted:
    """Train on rows ``x [n, D]`` everything the measures will read."""
    s = settings
    n, d = x.shape
    views = ev.plan(measures).views
    splits = crossfit_splits(n, s.folds, np.random.default_rng(seed), groups, s.validation)
    onehot = np.asarray(blocks.discrete)[blocks.owner]
    weights_np = np.ones(n) if weights is None else np.asarray(weights, np.float64)
    transforms, means, covs, z = [], [], [], []
    for split in splits:
        tr = preprocess.fit(x[split.train], s.preprocess, onehot, None if weights is None else weights_np[split.train])
        zf = tr.forward(x)
        mean, cov, _ = shrunk_covariance(
            zf[split.train], zf[split.validation], None if weights is None else weights_np[split.train]
        )
        transforms.append(tr), means.append(mean), covs.append(cov), z.append(zf)
    means_a, covs_a = np.stack(means), np.stack(covs)
    inner_covs = covs_a if s.gaussian else np.stack([np.eye(d)] * s.folds)
    inner_means = means_a if s.gaussian else np.zeros_like(means_a)
    sde = VP()
    hi = clean_end(blocks, covs, views, s.lo) if s.hi is None else s.hi
    where = times.stratified(sde, s.lo, hi)
    train_where = times.stratified(sde, s.lo, hi, training_density(s.lo, hi))
    net = make_net(blocks, s)
    fac = _stack([gaussian.factors(blocks, m, c, views) for m, c in zip(inner_means, inner_covs)])

    # Rows packed to one shape per fold; draws are bounded by each fold's own count.
    data = {
        "x": jnp.asarray(_padded([zf[sp.train] for zf, sp in zip(z, splits)]), jnp.float32),
        "count": jnp.asarray([sp.train.size for sp in splits]),
        "cdf": jnp.asarray(
            _padded([np.cumsum(weights_np[sp.train]) / weights_np[sp.train].sum() for sp in splits], 2.0)
        ),
        "factors": fac,
    }
    weighted = weights is not None
    roles, probs = jnp.asarray(vw.table(views)), _view_probabilities(views, view_weights)
    slabs, rows = matching.slab_layout(len(views), s.batch)

    def loss(params, key, data):
        k_row, k_view, k_loss = jax.random.split(key, 3)
        u = jax.random.uniform(k_row, (slabs, rows))
        if weighted:
            index = jnp.minimum(jnp.searchsorted(data["cdf"], u), data["count"] - 1)
        else:
            index = jnp.minimum((u * data["count"]).astype(jnp.int32), data["count"] - 1)
        return matching.matching_loss(
            {"net": params, "gaussian": data["factors"]},
            net,
            sde,
            blocks,
            k_loss,
            data["x"][index],
            roles=matching.draw_views(k_view, roles, probs, slabs),
            times=train_where,
        )

    tx = train.adamw(s.learning_rate, s.steps, s.weight_decay, b2=s.b2)
    # Validation loss: fixed rows, fixed noise, every view, in nats; padding rows weigh nothing.
    val = jnp.asarray(_padded([zf[sp.validation] for zf, sp in zip(z, splits)]), jnp.float32)
    val_mask = jnp.asarray(_padded([weights_np[sp.validation] / weights_np[sp.validation].sum() for sp in splits]))
    k_val, k_init, k_fit = jax.random.split(jax.random.key(seed), 3)
    val_rows, val_mc = val.shape[1], int(np.clip(2000 // val.shape[1] + 1, 1, 8))
    val_t, val_w = where.sample(k_val, (val_mc, val_rows))
    val_eps = jax.random.normal(jax.random.fold_in(k_val, 1), (val_mc, val_rows, d))

    def validation_loss(params, factors, x0, mask):
        def one(args):
            role, t, w, eps = args
            err = matching.noise_error(
                {"net": params, "gaussian": factors}, net, sde, blocks, x0[None], eps[None], t[None], role[None]
            )
            return jnp.sum(0.5 * w * err[0] * mask)

        per_view = lambda role: jax.lax.map(
            one, (jnp.broadcast_to(role, (val_mc, *role.shape)), val_t, val_w, val_eps)
        ).mean()
        return jax.lax.map(per_view, roles)  # [V] nats

    over_fits = lambda f, *axes: jax.vmap(jax.vmap(f, in_axes=axes), in_axes=tuple(0 if a == 0 else None for a in axes))
    init = jax.jit(
        jax.vmap(
            jax.vmap(lambda k, fc: train.init_state(net.init(k, fc)["net"], tx), in_axes=(0, 0)), in_axes=(0, None)
        )
    )
    keys = lambda k: jax.random.split(k, (s.seeds, s.folds))
    state = init(keys(k_init), fac)
    chunk = max(1, s.steps // s.checks)

    def run_chunk(keys, state, data, best, val, mask):
        def one(key, state, data, best, x0, m):
            state, losses = train.fit(key, state, data, loss=loss, tx=tx, num_steps=chunk, decay=s.decay)
            ema = train.averaged(state, s.decay)
            score = validation_loss(ema, data["factors"], x0, m)
            total = jnp.where(jnp.isfinite(score.sum()), score.sum(), jnp.inf)
            better = total < best["score"]
            keep = lambda new, old: jnp.where(better, new, old)
            best = {
                "params": jax.tree.map(keep, ema, best["params"]),
                "score": keep(total, best["score"]),
                "step": keep(state.step, best["step"]),
            }
            return state, best, losses.mean(), score

        per_fold = jax.vmap(one)
        return jax.vmap(per_fold, in_axes=(0, 0, None, 0, None, None))(keys, state, data, best, val, mask)

    run_chunk = jax.jit(run_chunk, donate_argnums=(1, 3))
    best = {
        "params": jax.tree.map(jnp.copy, state.params),
        "score": jnp.full((s.seeds, s.folds), jnp.inf, jnp.float32),
        "step": jnp.zeros((s.seeds, s.folds), jnp.int32),
    }
    history: dict[str, list] = {"step": [], "loss": [], "validation": []}
    fit_keys = keys(k_fit)
    for c in range(-(-s.steps // chunk)):
        state, best, losses, score = run_chunk(fit_keys, state, data, best, val, val_mask)
        history["step"].append((c + 1) * chunk)
        history["loss"].append(np.asarray(losses))
        history["validation"].append(np.asarray(score))
        if progress is not None:
            progress((c + 1) * chunk, s.steps, {"validation": float(np.asarray(score).sum(-1).mean())})
    del over_fits
    fitted = Fitted(
        blocks,
        s,
        sde,
        views,
        splits,
        transforms,
        means_a,
        covs_a,
        best["params"],
        np.ones((s.seeds, s.folds, len(views), CALIBRATION_NODES)),
        hi,
        {k: np.asarray(v) for k, v in history.items()} | {"best_step": np.asarray(best["step"])},
    )
    return fitted


def score_of(net: Net, sde: SDE, blocks: Blocks, params: Params, factors, calibration: Array, lo: float, hi: float):
    """Score function of one fit, its correction to the Gaussian shrunk by ``calibration [V, C]`` along log-SNR."""
    grid = jnp.linspace(lo, hi, calibration.shape[-1])

    def score(x, tau):
        alpha, sigma = vw.coefficients(sde, tau)
        is_given, is_absent = vw.roles_of(sde, tau)
        unit = x / blocks.spread(jnp.sqrt(alpha**2 + sigma**2))
        u = vw.bounded_clock(sde, tau)
        eps = net.apply({"net": params, "gaussian": factors}, unit, u)
        base, _, _ = gaussian.gaussian_part(factors, blocks, unit, u)
        roles = gaussian.slab_roles(is_given, is_absent)
        match = jnp.argmax(jnp.all(roles[:, None] == factors.roles[None], -1), -1)  # [S]
        logsnr = vw.clock_logsnr(jnp.max(jnp.where(is_given | is_absent, 0.0, u), -1))  # [S, B]
        c = jax.vmap(lambda row, at: jnp.interp(at, grid, row))(calibration[match], logsnr)
        return jnp.where(blocks.spread(is_given | is_absent), 0.0, base + c[..., None] * (eps - base))

    return score


def _stack(trees):
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def _padded(arrays: Sequence[np.ndarray], fill: float = 0.0) -> np.ndarray:
    longest = max(a.shape[0] for a in arrays)
    return np.stack(
        [np.pad(a, [(0, longest - a.shape[0])] + [(0, 0)] * (a.ndim - 1), constant_values=fill) for a in arrays]
    )


def _view_probabilities(views, view_weights) -> Array:
    w = np.asarray([1.0 if view_weights is None else view_weights.get(v, 1.0) for v in views])
    return jnp.asarray(w / w.sum(), jnp.float32)
