"""Train one masked score network per fold and seed, as one program.

The steps, each on its own rows: training rows fit the transform, the inner Gaussian and the network; validation rows
choose the covariance shrinkage, the moment to stop, the shrinkage of the network's correction and the density of
log-SNR; evaluation rows are only read (:mod:`jaxinfo.estimators.readout`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from jaxinfo import gaussian, matching, preprocess, times, train
from jaxinfo import views as vw
from jaxinfo.blocks import Blocks
from jaxinfo.estimators.settings import Settings
from jaxinfo.estimators.splits import Split, crossfit_splits
from jaxinfo.nets.mlp import mlp
from jaxinfo.sde import VP
from jaxinfo.types import Array, Net, Params
from jaxinfo.views import View

SDE = VP()  # the integral does not depend on the path; VP inverts in closed form
SHRINKAGE_GRID = (0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
VALIDATION_EVALUATIONS = 3000
WARMUP = 200
PAYS = 0.3
MIN_LOOKS = 4
# Half of a short estimate is compiling: level 2 takes a quarter less of it than 3 and its programs run as fast.
COMPILED = {"xla_backend_optimization_level": 2}
COMPILED_ONCE = {"xla_backend_optimization_level": 0}  # for what runs once and briefly
MARGIN = 8.0  # log-SNR beyond the log-precision of the sharpest Gaussian conditional


@dataclass(frozen=True)
class Fitted:
    """Trained networks and all that is needed to read them: F folds, R seeds.

    Attributes:
      blocks: packing of the variables.
      settings: what it was trained with.
      views: the V views it was trained on.
      splits: rows of each fold.
      transforms: one per fold.
      means: ``[F, D]`` of the transformed training rows.
      covs: ``[F, D, D]``, shrunk.
      params: network parameters as vectors ``[R, F, P]``; :func:`unraveller` makes trees of them.
      calibration: ``[R, F, V, C]`` factors on the network's correction along log-SNR.
      density: ``[R, F, K]`` masses of log-SNR bins from which evaluation draws.
      hi: clean end of log-SNR.
      history: ``step [C]``, ``validation [C, R, F, V]`` in nats, ``best_step [R, F]``, and
        ``cool_from``, the step from which the learning rate fell.
    """

    blocks: Blocks
    settings: Settings
    views: tuple[View, ...]
    splits: tuple[Split, ...]
    transforms: tuple[preprocess.Transform, ...]
    means: np.ndarray
    covs: np.ndarray
    params: Array
    calibration: np.ndarray
    density: np.ndarray
    hi: float
    history: dict[str, np.ndarray]


def network(blocks: Blocks, settings: Settings) -> Net:
    """The preconditioned network of these settings."""
    build = settings.builder()
    inner = build(blocks) if build is not None else mlp(blocks, settings.width, settings.depth)
    return gaussian.precondition(inner, blocks)


def shrunk_covariance(
    train_rows: np.ndarray, validation_rows: np.ndarray, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Mean ``[D]`` and covariance ``[D, D]`` of training rows, shrunk to the diagonal as validation likelihood asks."""
    mean = np.average(train_rows, axis=0, weights=weights)
    d = mean.size
    cov = np.cov(train_rows.T, aweights=weights, ddof=0).reshape(d, d)
    diagonal, ridge = np.diag(np.diag(cov)), 1e-10 * np.trace(cov) / d * np.eye(d)
    r = validation_rows - mean
    best, best_score = None, -np.inf
    for amount in SHRINKAGE_GRID:
        c = (1.0 - amount) * cov + amount * diagonal + ridge
        sign, logdet = np.linalg.slogdet(c)
        score = -0.5 * (np.einsum("nd,nd->n", r, np.linalg.solve(c, r.T).T).mean() + logdet) if sign > 0 else -np.inf
        if best is None or score > best_score + 1e-4:
            best, best_score = c, score
    assert best is not None  # the grid is not empty
    return mean, best


def clean_end(blocks: Blocks, covs: Sequence[np.ndarray], views: Sequence[View]) -> float:
    """How clean the integral must start: MARGIN above the sharpest Gaussian conditional's log-precision, in [12, 26]."""
    sharpest = 1.0
    for cov in covs:
        spectrum = gaussian.spectra(blocks, cov, tuple(views))
        sharpest = min(sharpest, float(spectrum.min()))
    return float(np.clip(MARGIN - np.log(max(sharpest, 1e-30)), 12.0, 26.0))


def training_density(lo: Array | float, hi: Array | float) -> Array:
    """Where training looks: bin masses over [lo, hi], a logistic around log-SNR 1.5 with a uniform floor.

    Noise levels at which nothing can be predicted only add gradient noise, so most draws go where views differ.
    """
    at = lo + (jnp.arange(times.DENSITY_BINS) + 0.5) * (hi - lo) / times.DENSITY_BINS
    bell = 1.0 / jnp.cosh((at - 1.5) / 2.4) ** 2
    return 0.8 * bell / bell.sum() + 0.2 / times.DENSITY_BINS


def unraveller(blocks: Blocks, s: Settings) -> Callable[[Array], Params]:
    """From one vector to the tree of parameters: training keeps a vector, whose update is one program, not one a leaf."""
    like = jax.eval_shape(lambda key: network(blocks, s).init(key, _no_factors(blocks))["net"], jax.random.key(0))
    return ravel_pytree(jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), like))[1]


def _no_factors(blocks: Blocks) -> gaussian.Factors:
    d = blocks.dim
    return gaussian.factors(blocks, np.zeros(d), np.eye(d), ((vw.NOISED,) * blocks.num_variables,))


@partial(jax.jit, static_argnums=(0, 1), compiler_options=COMPILED_ONCE)
def _initial(blocks: Blocks, s: Settings, keys, factors):
    net, tx = network(blocks, s), _optimiser(s)
    one = lambda key, fac: train.init_state(ravel_pytree(net.init(key, fac)["net"])[0], tx)
    state = jax.vmap(jax.vmap(one), in_axes=(0, None))(keys, factors)
    best = {
        "params": state.ema,
        "score": jnp.full(keys.shape, jnp.inf, jnp.float32),
        "step": jnp.zeros(keys.shape, jnp.int32),
    }
    return state, best


def _optimiser(s: Settings):
    return train.adamw(s.learning_rate, s.weight_decay)


def _chunk_steps(s: Settings) -> int:
    return max(1, s.steps // s.checks)


@partial(jax.jit, static_argnums=(0, 1, 2), donate_argnums=(4, 5), compiler_options=COMPILED)
def _advance(blocks: Blocks, s: Settings, weighted: bool, keys, state, best, data):
    """One chunk of optimiser steps for every fit, then one look at the validation rows."""
    net, tx = network(blocks, s), _optimiser(s)
    roles, hi = data["roles"], data["hi"]
    slabs, rows = matching.slab_layout(roles.shape[0], s.evaluations(roles.shape[0]))
    where = times.stratified(SDE, s.lo, hi, training_density(s.lo, hi))
    flat = times.stratified(SDE, s.lo, hi)
    unravel = unraveller(blocks, s)
    rate = train.trapezoid(min(WARMUP, max(s.steps // 10, 1)), data["cool_from"], data["cool_steps"])

    def loss(params, key, fold):
        k_row, k_view, k_loss = jax.random.split(key, 3)
        u = jax.random.uniform(k_row, (slabs, rows))
        index = jnp.searchsorted(fold["cdf"], u) if weighted else (u * fold["count"]).astype(jnp.int32)
        x0 = fold["train"][jnp.minimum(index, fold["count"] - 1)]
        views = matching.draw_views(k_view, roles, data["probs"], slabs)
        both = {"net": unravel(params), "gaussian": fold["factors"]}
        return matching.matching_loss(both, net, SDE, blocks, k_loss, x0, roles=views, times=where)

    def validate(params, fold):
        """½ ∫ E‖eps − eps_θ‖² of every view in nats, always at the same rows, times and noise: ``[V]``."""
        x0 = fold["validation"]
        draws = int(np.clip(VALIDATION_EVALUATIONS // x0.shape[0], 1, 8))
        k_time, k_noise = jax.random.split(jax.random.key(0))
        t, w = flat.sample(k_time, (draws, x0.shape[0]))
        eps = jax.random.normal(k_noise, (draws, *x0.shape), x0.dtype)
        stack = lambda z: z.reshape(1, -1, *z.shape[2:])
        x_all, eps_all, t_all = stack(jnp.broadcast_to(x0, eps.shape)), stack(eps), stack(t)
        both = {"net": unravel(params), "gaussian": fold["factors"]}

        def per_view(role):
            error = matching.noise_error(both, net, SDE, blocks, x_all, eps_all, t_all, role[None])
            return jnp.sum(0.5 * w * error.reshape(t.shape) * fold["validation_weight"]) / draws

        return jax.lax.map(per_view, roles)

    def one(key, state, best, fold):
        state, losses = train.fit(
            key, state, fold, loss=loss, tx=tx, num_steps=_chunk_steps(s), rate=rate, decay=s.decay
        )
        params = train.averaged(state, s.decay)
        score = validate(params, fold)
        total = jnp.where(jnp.isfinite(score.sum()), score.sum(), jnp.inf)
        better = total < best["score"]
        keep = lambda new, old: jnp.where(better, new, old)
        best = {
            "params": jax.tree.map(keep, params, best["params"]),
            "score": keep(total, best["score"]),
            "step": keep(state.step, best["step"]),
        }
        return state, best, losses.mean(), score

    return jax.vmap(jax.vmap(one), in_axes=(0, 0, 0, None))(keys, state, best, data["folds"])


def fit(
    x: np.ndarray,
    blocks: Blocks,
    views: Sequence[View],
    settings: Settings,
    seed: int = 0,
    *,
    groups: np.ndarray | None = None,
    weights: np.ndarray | None = None,
    view_probs: np.ndarray | None = None,
    progress: Callable[[int, int, dict[str, float]], None] | None = None,
) -> Fitted:
    """Train the scores of these views on rows ``x [n, D]`` (float64, variables packed as ``blocks``).

    Args:
      x: rows in their own units.
      blocks: packing.
      views: the views to learn.
      settings: everything else.
      seed: decides splits, initial weights, draws.
      groups: ``[n]`` labels; rows of one group stay on one side of every split.
      weights: ``[n]`` row weights.
      view_probs: ``[V]`` how often each view is trained; :func:`view_weights` by default.
      progress: called with ``(step, steps, {"validation": nats})`` after each look.

    Raises:
      FloatingPointError: when the loss is not finite, with the step and what to try.
    """
    s, views = settings, tuple(views)
    n, d = x.shape
    splits = tuple(crossfit_splits(n, s.folds, np.random.default_rng(seed), groups, s.validation))
    onehot = np.asarray(blocks.discrete)[blocks.owner]
    w = np.ones(n) if weights is None else np.asarray(weights, np.float64)
    part = lambda rows: None if weights is None else w[rows]
    transforms, means, covs, z = [], [], [], []
    for split in splits:
        transform = preprocess.fit(x[split.train], s.preprocess, onehot, part(split.train))
        zf = transform.forward(x)
        mean, cov = shrunk_covariance(zf[split.train], zf[split.validation], part(split.train))
        transforms.append(transform)
        means.append(mean)
        covs.append(cov)
        z.append(zf)
    hi = clean_end(blocks, covs, views) if s.hi is None else float(s.hi)
    fitted = Fitted(
        blocks, s, views, splits, tuple(transforms), np.stack(means), np.stack(covs), jnp.zeros(0),
        np.ones(0), np.ones(0), hi, {},
    )  # fmt: skip
    share = lambda rows: w[rows] / w[rows].sum()
    data: dict[str, Any] = {
        "roles": jnp.asarray(vw.table(views)),
        "probs": float32(view_weights(views) if view_probs is None else view_probs),
        "hi": jnp.asarray(hi, jnp.float32),
        "folds": {
            "train": float32(padded([zf[sp.train] for zf, sp in zip(z, splits)])),
            "count": jnp.asarray([sp.train.size for sp in splits]),
            "cdf": float32(padded([np.cumsum(share(sp.train)) for sp in splits], 2.0)),
            "validation": float32(padded([zf[sp.validation] for zf, sp in zip(z, splits)])),
            "validation_weight": float32(padded([share(sp.validation) for sp in splits])),
            "factors": inner_factors(fitted),
        },
    }
    k_init, k_fit = jax.random.split(jax.random.key(seed))
    keys = lambda k: jax.random.split(k, (s.seeds, s.folds))
    state, best = _initial(blocks, s, keys(k_init), data["folds"]["factors"])
    chunk, weighted, fit_keys = _chunk_steps(s), weights is not None, keys(k_fit)
    steps, scores, done, course = [], [], 0, Course(s, np.sqrt(n))
    while done < course.end:
        ends = {"cool_from": jnp.asarray(course.cool_from), "cool_steps": jnp.asarray(course.cool_steps)}
        state, best, losses, score = _advance(blocks, s, weighted, fit_keys, state, best, data | ends)
        done += chunk
        score, losses = np.asarray(score), np.asarray(losses)
        if not np.isfinite(losses).all():
            raise FloatingPointError(
                f"the training loss became {losses.ravel()[~np.isfinite(losses.ravel())][0]} before step {done}: try a "
                "smaller learning_rate, preprocess='rank', or look for extreme values in the data."
            )
        steps.append(done)
        scores.append(score)
        course.look(done, float(score.sum(-1).mean()))
        if progress is not None:
            progress(done, course.end, {"validation": float(score.sum(-1).mean())})
    history = {"step": np.asarray(steps), "validation": np.asarray(scores), "best_step": np.asarray(best["step"])}
    history["cool_from"] = np.asarray(course.cool_from)
    return replace_params(fitted, best["params"], history)


class Course:
    """How long to train: at full rate while it pays, then cool down.

    Full rate ends when the last ``patience`` share of the steps brought validation rows, summed over views, less than
    PAYS standard deviations of a mean over all rows (of one nat each): less than the sampling error could notice.
    """

    def __init__(self, s: Settings, root_n: float):
        self.s, self.chunk, self.least = s, _chunk_steps(s), PAYS / root_n
        self.end = self.chunk * -(-s.steps // self.chunk)
        self.cool_steps = self._cooling(self.end * (1.0 - s.cooldown))
        self.cool_from = self.end - self.cool_steps
        self.seen: list[tuple[int, float]] = []

    def _cooling(self, full_rate_steps: float) -> int:
        share = self.s.cooldown / (1.0 - self.s.cooldown)
        return self.chunk * max(1, round(share * full_rate_steps / self.chunk))

    def look(self, done: int, validation: float) -> None:
        """Take note of the validation loss, in nats, after ``done`` steps."""
        self.seen.append((done, validation))
        if done >= self.cool_from:
            return
        before = [v for step, v in self.seen if step <= (1.0 - self.s.patience) * done]
        recent = [v for step, v in self.seen if step > (1.0 - self.s.patience) * done]
        if len(self.seen) >= MIN_LOOKS and before and min(before) - min(recent) < self.least:
            self.cool_from, self.cool_steps = done, self._cooling(done)
            self.end = done + self.cool_steps


def view_weights(views: Sequence[View]) -> np.ndarray:
    """How often a view is trained: as (number of NOISED variables)^0.7, because a joint score is harder to learn."""
    return np.asarray([len(vw.noised(v)) ** 0.7 for v in views])


def replace_params(fitted: Fitted, params: Array, history: dict[str, np.ndarray]) -> Fitted:
    """The same fit with these parameters, no calibration and a uniform density."""
    s = fitted.settings
    ones = lambda *tail: np.ones((s.seeds, s.folds, *tail))
    return replace(
        fitted, params=params, history=history, calibration=ones(len(fitted.views), 2), density=ones(times.DENSITY_BINS)
    )


def inner_factors(fitted: Fitted) -> gaussian.Factors:
    """Factors of the Gaussian inside the network for the trained views, leaves ``[F, …]``."""
    if fitted.settings.gaussian:
        each = [gaussian.factors(fitted.blocks, m, c, fitted.views) for m, c in zip(fitted.means, fitted.covs)]
    else:
        d = fitted.blocks.dim
        each = [gaussian.factors(fitted.blocks, np.zeros(d), np.eye(d), fitted.views)] * len(fitted.means)
    return stacked(each)


def stacked(trees: Sequence[Any]) -> Any:
    """Equal trees joined along a new leading axis."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def padded(arrays: Sequence[np.ndarray], fill: float = 0.0) -> np.ndarray:
    """Arrays of different lengths stacked, the short ones filled up at their end."""
    longest = max(a.shape[0] for a in arrays)
    grow = lambda a: np.pad(a, [(0, longest - a.shape[0])] + [(0, 0)] * (a.ndim - 1), constant_values=fill)
    return np.stack([grow(a) for a in arrays])


def float32(a: np.ndarray) -> Array:
    """To the device in single precision."""
    return jnp.asarray(a, jnp.float32)
