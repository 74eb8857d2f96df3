"""Training as a pure function: a scan over optimiser steps, ready to be vmapped over seeds, folds and tasks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import struct

from jaxinfo.types import Array, Key, Params

Loss = Callable[[Params, Key, Any], tuple[Array, Any]]
Rate = Callable[[Array], Array]
OPTIMISERS: dict[str, Callable[..., optax.GradientTransformation]] = {
    "adamw": optax.adamw,
    "nadamw": optax.nadamw,
    "lion": optax.lion,
}
MEMORY = 0.125  # the largest share of the steps so far that the running average spans


@struct.dataclass
class TrainState:
    """Everything needed to go on: step count, parameters, their running average and the optimiser's state."""

    step: Array
    params: Params
    ema: Params
    opt_state: Any


def init_state(params: Params, tx: optax.GradientTransformation) -> TrainState:
    """A fresh state; the first step sets the average."""
    return TrainState(jnp.zeros((), jnp.int32), params, jax.tree.map(jnp.zeros_like, params), tx.init(params))


def _averaged(ema: Params, params: Params, step: Array, decay: float) -> Params:
    """k ema + (1 − k) params with k = min(decay, step / (step + 1 / MEMORY)): the running average after one more step.

    It spans the last 1 / (1 − ``decay``) steps, but no more than the last MEMORY of all so far, else the first steps, which
    lead far astray, would long be remembered.
    """
    keep = jnp.minimum(decay, step / (step + 1.0 / MEMORY))
    return jax.tree.map(lambda e, p: (keep * e + (1.0 - keep) * p).astype(e.dtype), ema, params)


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
    ema = _averaged(state.ema, params, state.step, decay)
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


def run(
    key: Key,
    state: TrainState,
    feed: Callable[[int, int], Any],
    *,
    loss: Loss,
    tx: optax.GradientTransformation,
    num_steps: int,
    chunk: int = 100,
    rate: Rate | None = None,
    decay: float = 0.999,
    place: Callable[[Any], Any] | None = None,
    keeper: Any = None,
    agree: Callable[[bool], bool] = bool,
    log: Callable[[int, dict[str, float]], None] | None = None,
) -> TrainState:
    """Train on data the host feeds, larger than memory, to ``num_steps``; a killed run goes on by the same call.

    The batches of the next chunk are read while the device works on this one.  Step k draws with ``fold_in(key, k)`` and
    reads batch k, wherever the run was cut, so a resumed run ends with the same numbers.

    Args:
      key: typed PRNG key of the whole run.
      state: where to start when nothing is kept; donated.
      feed: ``(step, count) -> batches``, the batches of steps ``step … step + count − 1`` stacked along a leading axis;
        a function of the step alone.
      loss: ``(params, key, batch) -> (loss, aux)``.
      tx: the optimiser.
      num_steps: in all, those before a restart included.
      chunk: steps per call of the compiled program; its data must fit into memory twice.
      rate: see :func:`fit`.
      decay: of the moving average.
      place: puts batches on the devices, such as :func:`jaxinfo.parallel.spread_rows`; plain transfer by default.
      keeper: a :class:`jaxinfo.io.keeper.Keeper`, entered.
      agree: whether any host says so, :func:`jaxinfo.parallel.any_host` where there are several: they save and leave together.
      log: called with ``(step, {"loss": mean of the chunk})`` after each chunk.

    Raises:
      FloatingPointError: when the loss or the parameters are not finite, with the step; the state before that step is kept.
      SystemExit: after SIGTERM, once the state is kept.
    """
    place = jax.device_put if place is None else place

    @partial(jax.jit, donate_argnums=0)
    def advance(state, batches):
        def body(carry, batch):
            state, sound = carry
            new, value = step(
                state, jax.random.fold_in(key, state.step), batch, loss=loss, tx=tx, rate=rate, decay=decay
            )
            # after the first failure nothing moves: the last good state comes out; gradients may fail where losses do not
            sound = sound & jnp.isfinite(value) & jnp.isfinite(optax.tree.norm(new.params))
            return (jax.tree.map(lambda n, o: jnp.where(sound, n, o), new, state), sound), (value, sound)

        (state, _), (losses, sound) = jax.lax.scan(body, (state, jnp.asarray(True)), batches)
        return state, losses, sound

    def keep(done):
        if keeper is not None:
            keeper.save(done, jax.tree.leaves(state))

    found = keeper.newest() if keeper is not None else None
    done = 0
    if found is not None:
        done, leaves, _ = found
        kept = jax.tree.unflatten(jax.tree.structure(state), leaves)
        state = jax.tree.map(lambda leaf, now: jax.device_put(leaf, now.sharding), kept, state)
    count = lambda at: min(chunk, num_steps - at)
    batches = place(feed(done, count(done))) if done < num_steps else None
    while done < num_steps:
        now = count(done)
        state, losses, sound = advance(state, batches)
        if done + now < num_steps:
            batches = place(feed(done + now, count(done + now)))
        losses = np.asarray(losses)  # waits for the device
        wrong = np.flatnonzero(~np.asarray(sound))
        if wrong.size:
            done += int(wrong[0])
            keep(done)
            raise FloatingPointError(
                f"the training loss became {losses[wrong[0]]}, or its gradient was not finite, at step {done + 1}: try a "
                "smaller learning rate, stronger clipping, or look for extreme values in the data of that step"
                + ("." if keeper is None else f"; the state after step {done} is kept in {keeper.directory}.")
            )
        done += now
        if log is not None:
            log(done, {"loss": float(losses.mean())})
        if keeper is not None and (agree(keeper.due()) or done == num_steps):
            keep(done)
            if agree(keeper.stopping):
                keeper.leave()
    return state


def optimiser(
    learning_rate: float, weight_decay: float = 0.0, clip: float = 1.0, kind: str = "adamw"
) -> optax.GradientTransformation:
    """One of OPTIMISERS with decoupled weight decay and clipping by global norm, at a constant rate (see
    :func:`trapezoid`)."""
    return optax.chain(optax.clip_by_global_norm(clip), OPTIMISERS[kind](learning_rate, weight_decay=weight_decay))


def trapezoid(warmup: int, cool_from: Array | int, cool_steps: Array | int, slowing: int | None = None) -> Rate:
    """Rises linearly to 1 in ``warmup`` steps, stays, and falls linearly to 0 in ``cool_steps`` from ``cool_from`` on.

    Unlike a cosine it need not know its end beforehand: the part between lasts as long as it pays, and ``cool_from``
    may be a traced number.

    Args:
      warmup: steps in which the rate rises.
      cool_from: the step from which it falls.
      cool_steps: steps in which it falls.
      slowing: steps; all of the rate is divided by √(1 + step / slowing), which needs no end either.  None divides by 1.

    Returns:
      ``step -> factor``, from 0 to 1.
    """

    def rate(step):
        up = jnp.minimum((step + 1.0) / warmup, 1.0)
        slower = 1.0 if slowing is None else jnp.sqrt(slowing / (slowing + step))
        return up * slower * jnp.clip(1.0 - (step - cool_from) / cool_steps, 0.0, 1.0)

    return rate
