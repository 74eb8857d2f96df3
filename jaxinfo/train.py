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
Rate = Callable[[Array], Array]


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
    state: TrainState,
    key: Key,
    data: Any,
    *,
    loss: Loss,
    tx: optax.GradientTransformation,
    rate: Rate | None = None,
    decay: float = 0.999,
) -> tuple[TrainState, Array]:
    """One optimiser step; returns the new state and the loss."""
    (value, _), grads = jax.value_and_grad(loss, has_aux=True)(state.params, key, data)
    updates, opt_state = tx.update(grads, state.opt_state, state.params)
    if rate is not None:
        factor = rate(state.step)
        updates = jax.tree.map(lambda u: factor.astype(u.dtype) * u, updates)
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
    rate: Rate | None = None,
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
      rate: ``step -> factor`` on the updates, such as a :func:`trapezoid` whose end is decided while training.
      decay: of the moving average.

    Returns:
      ``(state, losses [num_steps])``.
    """

    def body(state, _):
        return step(state, jax.random.fold_in(key, state.step), data, loss=loss, tx=tx, rate=rate, decay=decay)

    return jax.lax.scan(body, state, None, length=num_steps)


def adamw(
    learning_rate: float, weight_decay: float = 0.0, clip: float = 1.0, b2: float = 0.999
) -> optax.GradientTransformation:
    """Adam with decoupled weight decay and clipping by global norm, at a constant rate (see :func:`trapezoid`)."""
    return optax.chain(optax.clip_by_global_norm(clip), optax.adamw(learning_rate, b2=b2, weight_decay=weight_decay))


def trapezoid(warmup: int, cool_from: Array | int, cool_steps: Array | int) -> Rate:
    """Rises linearly to 1 in ``warmup`` steps, stays, and falls linearly to 0 in ``cool_steps`` from ``cool_from`` on.

    Unlike a cosine it need not know its end beforehand: the constant part lasts as long as it pays, and ``cool_from``
    may be a traced number.
    """

    def rate(step):
        up = jnp.minimum((step + 1.0) / warmup, 1.0)
        return up * jnp.clip(1.0 - (step - cool_from) / cool_steps, 0.0, 1.0)

    return rate
