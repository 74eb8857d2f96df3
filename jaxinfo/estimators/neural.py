"""Rivals with a network for mutual information: one trainer of critics, one bound each.

With scores f_ij = T(x_i, y_j) of a batch, E_p the mean over its B pairs (i = j) and E_q over the B (B − 1) others:

    DV, MINE   E_p f − log E_q e^f                           Donsker and Varadhan 1983; arXiv 1801.04062
    NWJ        E_p f − E_q e^(f − 1)                         arXiv 0809.0853
    InfoNCE    E_p f − mean_i log (1/B) Σ_j e^f_ij           arXiv 1807.03748; never above log B
    SMILE      E_p f − log E_q e^clip(f, ±τ), f trained to tell pairs from others       arXiv 1910.06222
    CLUB       E_p log q(y|x) − E_q log q(y|x), q Gaussian; an upper bound if q is right   arXiv 2006.12013
    DoE        cross-entropy of q(y) − cross-entropy of q(y|x), Gaussian or logistic    arXiv 1811.04251
    FMMI       −∫₀¹ E div v(z_t, t) dt, v the velocity of a flow from p(x) p(y) to p(x, y)          arXiv 2511.08552

MINE differs from DV in its gradient only: the partition function is divided by a moving average.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxinfo import preprocess, train
from jaxinfo.estimators.copula import as_variables
from jaxinfo.estimators.settings import check_whole
from jaxinfo.nets.critic import Critic, joint, location_scale, velocity
from jaxinfo.types import Array, Estimate, Estimator, Params

BOUNDS = ("dv", "mine", "nwj", "infonce", "smile", "club", "doe_gaussian", "doe_logistic", "fmmi")
AVERAGE_RATE = 0.01  # of MINE's moving average
PROBES = 16  # times and directions in which a row's divergence is read
FEWEST = 8  # batches that rows are read in, for a standard error


@dataclass(frozen=True)
class Settings:
    """How a critic is trained.

    Attributes:
      width: hidden width of the critic.
      depth: hidden layers.
      batch: pairs per step.  Bounds score every x with every y of a batch: half as many cost a quarter.  It is that of
        thesis C.3.3, as is the rate.
      read: most rows that a bound is evaluated on at a time; InfoNCE is the lower, the fewer they are.
      steps: most optimiser steps.
      look: steps between looks at held-out rows; the best parameters are kept.
      cpu_seconds: stop at the first look after this much time of the processor, compilation aside.
      learning_rate: of Adam.
      validation: share of the training rows held out for the choice of the best step.
      clip: τ of SMILE.
      preprocess: "rank", "standardise" or "none", fitted on the training rows.
    """

    width: int = 128
    depth: int = 2
    batch: int = 64
    read: int = 512
    steps: int = 20_000
    look: int = 100
    cpu_seconds: float | None = None
    learning_rate: float = 1e-3
    validation: float = 0.1
    clip: float = 5.0
    preprocess: str = "rank"

    def __post_init__(self):
        check_whole(self, "width", "depth", "batch", "read", "steps", "look")
        if self.batch < 2:
            raise ValueError(
                f"batch must be at least 2, got {self.batch}: a pair is told from the others of its batch."
            )
        if not 0.0 < self.validation < 1.0:
            raise ValueError(f"validation must lie strictly between 0 and 1, got {self.validation!r}.")


class Bound(NamedTuple):
    """A critic and three functions of ``(params, apply, key, x, y)``, for one batch.

    ``critic(dx, dy)`` makes the network, ``loss`` is what training lowers, ``held`` what is lowest at the step to keep, and
    ``value`` the estimate.
    """

    critic: Callable[[int, int], Critic]
    loss: Callable[..., Array]
    held: Callable[..., Array]
    value: Callable[..., Array]


def _log_mean_exp_others(f: Array) -> Array:
    """log E_q e^f over the pairs i ≠ j."""
    b = f.shape[0]
    return jax.nn.logsumexp(jnp.where(jnp.eye(b, dtype=bool), -jnp.inf, f)) - math.log(b * (b - 1))


def _mean_others(f: Array) -> Array:
    b = f.shape[0]
    return (jnp.sum(f) - jnp.trace(f)) / (b * (b - 1))


def _dv(f: Array) -> Array:
    return jnp.mean(jnp.diagonal(f)) - _log_mean_exp_others(f)


def _nwj(f: Array) -> Array:
    return jnp.mean(jnp.diagonal(f)) - jnp.exp(_log_mean_exp_others(f) - 1.0)


def _infonce(f: Array) -> Array:
    return jnp.mean(jnp.diagonal(f) - jax.nn.logsumexp(f, axis=1)) + math.log(f.shape[0])


def _density_ratio_loss(f: Array) -> Array:
    """Logistic loss of telling pairs from others (the Jensen–Shannon bound)."""
    return jnp.mean(jax.nn.softplus(-jnp.diagonal(f))) + _mean_others(jax.nn.softplus(f))


def _log_gaussian(y: Array, mean: Array, log_scale: Array) -> Array:
    return -jnp.sum(0.5 * ((y - mean) * jnp.exp(-log_scale)) ** 2 + log_scale, -1) - 0.5 * y.shape[-1] * math.log(
        2 * math.pi
    )


def _log_logistic(y: Array, mean: Array, log_scale: Array) -> Array:
    z = (y - mean) * jnp.exp(-log_scale)
    return jnp.sum(-z - 2.0 * jax.nn.softplus(-z) - log_scale, -1)


def _of_scores(s: Settings, value: Callable[[Array], Array], loss: Callable[[Array], Array] | None = None) -> Bound:
    of = lambda g: lambda p, apply, key, x, y: g(apply(p["critic"], x, y))
    lower = of(loss or (lambda f: -value(f)))
    return Bound(lambda dx, dy: joint(s.width, s.depth), lower, lower, of(value))


def _mine(s: Settings) -> Bound:
    plain = _of_scores(s, _dv)

    def loss(p, apply, key, x, y):
        f = apply(p["critic"], x, y)
        log_mean, average = _log_mean_exp_others(f), p["average"]
        # the average is a parameter of its own, moved towards log_mean by plain gradient steps
        follow = 0.5 * (average - jax.lax.stop_gradient(log_mean)) ** 2
        return jnp.exp(log_mean - jax.lax.stop_gradient(average)) - jnp.mean(jnp.diagonal(f)) + follow

    return plain._replace(loss=loss)


def _club(s: Settings) -> Bound:
    def value(p, apply, key, x, y):
        mean, log_scale = apply(p["critic"], x, y)
        each = _log_gaussian(y[None], mean[:, None], log_scale[:, None])  # [B, B]: log q(y_j | x_i)
        return jnp.mean(jnp.diagonal(each)) - _mean_others(each)

    loss = lambda p, apply, key, x, y: -jnp.mean(_log_gaussian(y, *apply(p["critic"], x, y)))
    return Bound(lambda dx, dy: location_scale(dy, s.width, s.depth), loss, loss, value)


def _doe(s: Settings, log_density: Callable[[Array, Array, Array], Array]) -> Bound:
    def entropies(p, apply, x, y):
        alone = -jnp.mean(log_density(y, p["mean"], p["log_scale"]))
        return alone, -jnp.mean(log_density(y, *apply(p["critic"], x, y)))

    loss = lambda p, apply, key, x, y: sum(entropies(p, apply, x, y))
    value = lambda p, apply, key, x, y: jnp.subtract(*entropies(p, apply, x, y))
    return Bound(lambda dx, dy: location_scale(dy, s.width, s.depth), loss, loss, value)


def _fmmi(s: Settings) -> Bound:
    def path(key, x, y):
        """Where the straight paths from (x, y of another row) to (x', y') are at random times, and their velocities."""
        k_y, k_start, k_time = jax.random.split(key, 3)
        shuffle = lambda k: jax.random.permutation(k, x.shape[0])
        start = jnp.concatenate([x, y[shuffle(k_y)]], -1)[shuffle(k_start)]
        end = jnp.concatenate([x, y], -1)
        t = (jnp.arange(x.shape[0])[:, None] + jax.random.uniform(k_time, (x.shape[0], 1))) / x.shape[0]
        return t, (1.0 - t) * start + t * end, end - start

    def loss(p, apply, key, x, y):
        t, z, v = path(key, x, y)
        return jnp.mean(jnp.sum((apply(p["critic"], z, t) - v) ** 2, -1))

    def value(p, apply, key, x, y):
        """Hutchinson's estimate of the divergence, several probes and times per row."""

        def once(key):
            k_path, k_probe = jax.random.split(key)
            t, z, _ = path(k_path, x, y)
            probe = jax.random.rademacher(k_probe, z.shape, z.dtype)
            _, along = jax.jvp(lambda z: apply(p["critic"], z, t), (z,), (probe,))
            return -jnp.mean(jnp.sum(along * probe, -1))

        return jnp.mean(jax.lax.map(once, jax.random.split(key, PROBES)))

    return Bound(lambda dx, dy: velocity(dx + dy, s.width, s.depth), loss, loss, value)


def bound(name: str, s: Settings) -> Bound:
    """One of :data:`BOUNDS`.

    Raises:
      ValueError: for an unknown name.
    """
    makers: dict[str, Callable[[], Bound]] = {
        "dv": lambda: _of_scores(s, _dv),
        "mine": lambda: _mine(s),
        "nwj": lambda: _of_scores(s, _nwj),
        "infonce": lambda: _of_scores(s, _infonce),
        "smile": lambda: _of_scores(
            s,
            lambda f: jnp.mean(jnp.diagonal(f)) - _log_mean_exp_others(jnp.clip(f, -s.clip, s.clip)),
            _density_ratio_loss,
        ),
        "club": lambda: _club(s),
        "doe_gaussian": lambda: _doe(s, _log_gaussian),
        "doe_logistic": lambda: _doe(s, _log_logistic),
        "fmmi": lambda: _fmmi(s),
    }
    if name not in makers:
        raise ValueError(f"unknown bound {name!r}; choose one of {', '.join(BOUNDS)}.")
    return makers[name]()


class Training(NamedTuple):
    """Steps taken, the step whose parameters are kept, and whether the loss left the finite numbers."""

    steps: int = 0
    best_step: int = 0
    diverged: bool = False


class State(NamedTuple):
    """A critic and how to read it: the transforms of its training rows, parameters, how its training went."""

    key: Array
    transforms: tuple[preprocess.Transform, preprocess.Transform] | None
    params: Params
    training: Training


def neural_estimator(name: str = "infonce", settings: Settings | None = None) -> Estimator:
    """A variational estimator of mutual information as ``types.Estimator``.

    Args:
      name: one of :data:`BOUNDS`.
      settings: how the critic is trained.

    Returns:
      ``init(key, data)``, ``update(state, data)`` (trains on the rows of ``data``, a dict of two variables ``[n]`` or
      ``[n, d]``) and ``estimate(state, data)`` (reads rows, best others, in nats; ``stderr`` from the spread over
      batches).

    Raises:
      ValueError: for an unknown bound, other than two variables, or fewer rows than two batches.
    """
    s = Settings() if settings is None else settings
    chosen = bound(name, s)

    def update(state: State, data: Mapping[str, np.ndarray]) -> State:
        x, y = _pair(data, s)
        transforms = preprocess.fit(x, s.preprocess), preprocess.fit(y, s.preprocess)
        x, y = (t.forward(v).astype(np.float32) for t, v in zip(transforms, (x, y)))
        params, training = _train(state.key, chosen, name, s, x, y)
        return State(state.key, transforms, params, training)

    def estimate(state: State, data: Mapping[str, np.ndarray]) -> Estimate:
        if state.transforms is None:
            raise ValueError("estimate: expected a trained state, got a new one; call update first.")
        x, y = _pair(data, s)
        x, y = (t.forward(v).astype(np.float32) for t, v in zip(state.transforms, (x, y)))
        size = max(min(s.read, len(x) // FEWEST), s.batch)
        values = np.asarray(_values(chosen, size, state.params, x, y), np.float64)
        stderr = float(values.std(ddof=1)) / math.sqrt(len(values))
        training = state.training
        flags: list[str] = []
        if training.diverged:
            flags.append(f"the loss was not finite after {training.steps} steps: its best parameters before are read")
        if name == "infonce" and values.mean() > 0.8 * math.log(size):
            most = f"log {size} = {math.log(size):.2f} nats"
            flags.append(f"near the most this bound can say, {most}: raise read or batch")
        about = {"steps": training.steps, "best_step": training.best_step, "rows": len(x), "flags": tuple(flags)}
        return Estimate(float(values.mean()), stderr, None, None, about, "mutual_information")

    return Estimator(lambda key, data: State(key, None, None, Training()), update, estimate)


def _pair(data: Mapping[str, np.ndarray], s: Settings) -> tuple[np.ndarray, np.ndarray]:
    vs = as_variables(data)
    if len(vs) != 2:
        raise ValueError(f"mutual information needs exactly two variables, got {', '.join(vs)}; name two of them.")
    x, y = vs.values()
    if len(x) < 2 * s.batch:
        raise ValueError(f"expected at least two batches of rows ({2 * s.batch}), got {len(x)}; lower batch.")
    return x, y


def _values(b: Bound, batch: int, params: Params, x: np.ndarray, y: np.ndarray) -> Array:
    """The bound on batches of rows drawn in random order, ``[n // batch]``: neighbours in a file may be alike."""
    order = np.random.default_rng(0).permutation(len(x))[: len(x) // batch * batch]
    blocks = lambda v: jnp.asarray(v[order].reshape(-1, batch, v.shape[1]))
    apply, keys = b.critic(x.shape[1], y.shape[1]).apply, jax.random.split(jax.random.key(0), len(x) // batch)
    values = jax.jit(lambda p, *each: jax.lax.map(lambda one: b.value(p, apply, *one), each))
    return values(params, keys, blocks(x), blocks(y))


def _train(key: Array, b: Bound, name: str, s: Settings, x: np.ndarray, y: np.ndarray) -> tuple[Params, Training]:
    """The running average of the parameters with the least held-out loss, and how training went."""
    k_split, k_init, k_train = jax.random.split(key, 3)
    order = np.asarray(jax.random.permutation(k_split, len(x)))
    held = max(int(s.validation * len(x)), 2 * s.batch) if len(x) >= 4 * s.batch else s.batch
    out, inside = order[:held], order[held:]
    critic = b.critic(x.shape[1], y.shape[1])
    params = {"critic": critic.init(k_init, jnp.asarray(x[:2]), jnp.asarray(y[:2]))}
    if name == "mine":
        params["average"] = jnp.zeros(())
    if name.startswith("doe"):
        params |= {"mean": jnp.zeros(y.shape[1]), "log_scale": jnp.zeros(y.shape[1])}
    labels = {k: "average" if k == "average" else "rest" for k in params}
    tx = optax.multi_transform(
        {"rest": train.adamw(s.learning_rate), "average": optax.sgd(AVERAGE_RATE)}, lambda p: labels
    )
    rows = jnp.asarray(x[inside]), jnp.asarray(y[inside])

    def loss(p, key, data):
        k_row, k_loss = jax.random.split(key)
        at = jax.random.randint(k_row, (s.batch,), 0, data[0].shape[0])
        return b.loss(p, critic.apply, k_loss, data[0][at], data[1][at]), None

    count, state = min(s.look, s.steps), train.init_state(params, tx)
    several = jax.jit(partial(train.fit, loss=loss, tx=tx, num_steps=count), donate_argnums=1)
    advance = several.lower(k_train, state, rows).compile()  # before the clock starts
    n = held // s.batch * s.batch
    blocks = tuple(jnp.asarray(v[out][:n].reshape(-1, s.batch, v.shape[1])) for v in (x, y))

    keys = jax.random.split(jax.random.key(0), blocks[0].shape[0])  # the same noise at every look

    def on_held(p):
        return jnp.mean(jax.lax.map(lambda one: b.held(p, critic.apply, *one), (keys, *blocks)))

    held_out = jax.jit(on_held).lower(state.ema).compile()
    best, least, best_step, done, started = jax.tree.map(jnp.copy, params), math.inf, 0, 0, time.process_time()
    while done < s.steps:
        state, _ = advance(k_train, state, rows)
        done += count
        params = state.ema
        now = float(held_out(params))
        if not math.isfinite(now):  # exponentials of wild scores; the best so far stands
            return best, Training(done, best_step, diverged=True)
        if now < least:
            best, least, best_step = jax.tree.map(jnp.copy, params), now, done  # the next step takes the state's own
        if s.cpu_seconds is not None and time.process_time() - started > s.cpu_seconds:
            break
    return best, Training(done, best_step)
