"""Rivals with a network for mutual information: one trainer of critics for every bound of :mod:`~jaxinfo.estimators.bounds`."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxinfo import preprocess, train
from jaxinfo.estimators.bounds import AVERAGE, Bound, bound
from jaxinfo.estimators.copula import as_variables
from jaxinfo.estimators.settings import check_real, check_whole
from jaxinfo.types import Array, Estimate, Estimator, Params

AVERAGE_RATE = 0.01  # of MINE's moving average
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
      steps: most optimiser steps, in whole looks.
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
        check_real(self, 0.0, 1.0, "validation")
        check_real(self, 0.0, math.inf, "learning_rate", "clip")
        if self.cpu_seconds is not None:
            check_real(self, -math.inf, math.inf, "cpu_seconds")


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
      name: one of :data:`~jaxinfo.estimators.bounds.BOUNDS`.
      settings: how the critic is trained.

    Returns:
      ``init(key, data)``, ``update(state, data)`` (trains on the rows of ``data``, a dict of two variables ``[n]`` or
      ``[n, d]``) and ``estimate(state, data)`` (reads rows, best others, in nats; ``stderr`` from the spread over
      batches).

    Raises:
      ValueError: for an unknown bound, other than two variables, or fewer rows than two batches.
    """
    s = Settings() if settings is None else settings
    chosen = bound(name, s.clip)

    def update(state: State, data: Mapping[str, np.ndarray]) -> State:
        x, y = _pair(data, s)
        transforms = preprocess.fit(x, s.preprocess), preprocess.fit(y, s.preprocess)
        x, y = (t.forward(v).astype(np.float32) for t, v in zip(transforms, (x, y)))
        params, training = _train(state.key, chosen, s, x, y)
        return State(state.key, transforms, params, training)

    def estimate(state: State, data: Mapping[str, np.ndarray]) -> Estimate:
        if state.transforms is None:
            raise ValueError("estimate: expected a trained state, got a new one; call update first.")
        x, y = _pair(data, s)
        x, y = (t.forward(v).astype(np.float32) for t, v in zip(state.transforms, (x, y)))
        size = max(min(s.read, len(x) // FEWEST), s.batch)
        values = np.asarray(_values(chosen, s, size, state.params, x, y), np.float64)
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


def _values(b: Bound, s: Settings, batch: int, params: Params, x: np.ndarray, y: np.ndarray) -> Array:
    """The bound on batches of rows drawn in random order, ``[n // batch]``: neighbours in a file may be alike."""
    order = np.random.default_rng(0).permutation(len(x))[: len(x) // batch * batch]
    blocks = lambda v: jnp.asarray(v[order].reshape(-1, batch, v.shape[1]))
    apply, keys = (
        b.critic(x.shape[1], y.shape[1], s.width, s.depth).apply,
        jax.random.split(jax.random.key(0), len(x) // batch),
    )
    values = jax.jit(lambda p, *each: jax.lax.map(lambda one: b.value(p, apply, *one), each))
    return values(params, keys, blocks(x), blocks(y))


def _train(key: Array, b: Bound, s: Settings, x: np.ndarray, y: np.ndarray) -> tuple[Params, Training]:
    """The running average of the parameters with the least held-out loss, and how training went."""
    k_split, k_init, k_train = jax.random.split(key, 3)
    order = np.asarray(jax.random.permutation(k_split, len(x)))
    held = max(int(s.validation * len(x)), 2 * s.batch) if len(x) >= 4 * s.batch else s.batch
    out, inside = order[:held], order[held:]
    critic = b.critic(x.shape[1], y.shape[1], s.width, s.depth)
    params = {"critic": critic.init(k_init, jnp.asarray(x[:2]), jnp.asarray(y[:2]))} | b.beside(y.shape[1])
    labels = {k: AVERAGE if k == AVERAGE else "rest" for k in params}
    tx = optax.multi_transform(
        {"rest": train.optimiser(s.learning_rate), AVERAGE: optax.sgd(AVERAGE_RATE)}, lambda p: labels
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
