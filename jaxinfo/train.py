"""Training as a pure function: a scan over optimiser steps, ready to be vmapped over seeds, folds and tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct

from jaxinfo.types import Array, Key, Params

Loss = Callable[[Params, Key, Any], tuple[Array, Any]]


@struct.dataclass
class TrainState:
    """Everything needed to go on: step count, parameters, their running average and the optimiser's state."""

    step: Array
    params: Params
    ema: Params
    opt_state: Any


def init_state(params: Params, tx: optax.GradientTransformation) -> TrainState:
    """A fresh state; the average starts at zero and is corrected for that by :func:`averaged`."""
    return TrainState(jnp.zeros((), jnp.int32), params, jax.tree.map(jnp.zeros_like, params), tx.init(params))


def averaged(state: TrainState, decay: float = 0.999) -> Params:
    """Exponential moving average of the parameters without the bias of its zero start, ema / (1 − decay^step)."""
    correction = -jnp.expm1(jnp.log(decay) * jnp.maximum(state.step, 1))
    return jax.tree.map(lambda e: e / correction, state.ema)


def step(
    state: TrainState, key: Key, data: Any, *, loss: Loss, tx: optax.GradientTransformation, decay: float = 0.999
) -> tuple[TrainState, Array]:
    """One optimiser step; returns the new state and the loss."""
    (value, _), grads = jax.value_and_grad(loss, has_aux=True)(state.params, key, data)
    updates, opt_state = tx.update(grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    ema = jax.tree.map(lambda e, p: decay * e + (1.0 - decay) * p, state.ema, params)
    return TrainState(state.step + 1, params, ema, opt_state), value


def fit(
    key: Key,
    state: TrainState,
    data: Any,
    *,
    loss: Loss,
    tx: optax.GradientTransformation,
    num_steps: int,
    decay: float = 0.999,
) -> tuple[TrainState, Array]:
    """``num_steps`` optimiser steps as one scan.

    The key of a step is ``fold_in(key, step)``: a run cut in pieces draws the same stream as one in a single piece.

    Args:
      key: typed PRNG key of the whole run.
      state: where to start.
      data: passed on to ``loss``.
      loss: ``(params, key, data) -> (loss, aux)``.
      tx: the optimiser.
      num_steps: how many steps.
      decay: of the moving average.

    Returns:
      ``(state, losses [num_steps])``.
    """

    def body(state, _):
        return step(state, jax.random.fold_in(key, state.step), data, loss=loss, tx=tx, decay=decay)

    return jax.lax.scan(body, state, None, length=num_steps)


def adamw(
    learning_rate: float,
    num_steps: int,
    weight_decay: float = 0.0,
    warmup: int = 200,
    clip: float = 1.0,
    b2: float = 0.999,
) -> optax.GradientTransformation:
    """Adam with decoupled weight decay, clipping by global norm, linear warm-up and cosine decay to zero."""
    warmup = min(warmup, max(num_steps // 10, 1))
    schedule = optax.warmup_cosine_decay_schedule(0.0, learning_rate, warmup, max(num_steps, warmup + 1), 0.0)
    return optax.chain(optax.clip_by_global_norm(clip), optax.adamw(schedule, b2=b2, weight_decay=weight_decay))
