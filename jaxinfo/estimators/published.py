"""The published recipes of MINDE and SOI, whole, as a rival: what our choices are measured against.

One network of the thesis with the raw vector of clocks, times from the importance sampler of arXiv 2106.02808 in training
and reading, Adam at a constant rate, the plain average of the parameters from the first on, coordinates standardised, no
Gaussian inside, no held-out rows, and the ``difference`` of predictions as the value (Tables B.2 and C.1 of the thesis;
arXiv 2310.09031, 2402.05667).

- MINDE-c for mutual information: the first variable NOISED and alone predicted; the second GIVEN or ABSENT, which is zero,
  by a coin for the whole batch; squared errors summed over coordinates.
- SOI for the measures of systems: a view for each row, drawn in proportion to its NOISED variables plus half its GIVEN ones;
  ABSENT coordinates hold fresh noise; squared errors weighted by 2 − (NOISED coordinates) / (all).

What is not as published:

- A clock is 0 where GIVEN and 1 where ABSENT for both; the flag of MINDE-c in the thesis is the other way round.
- SOI has the three residual blocks of MINDE; the parameter counts of Table C.1 are of a deeper variant.
- Rows are drawn with replacement instead of by epochs, times stratified over the batch, initial weights as flax draws them.
- Coordinates are standardised by the rows for training, where the published code also takes those for reading.
- Reading uses exact weights; those of the published code cap what it can read at 5.1 nats in a direction.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxinfo import measures as ms
from jaxinfo import preprocess, times, train
from jaxinfo import views as vw
from jaxinfo.blocks import Blocks
from jaxinfo.estimators.copula import as_variables
from jaxinfo.estimators.settings import check_real, check_whole
from jaxinfo.integral import evaluate
from jaxinfo.measures import Measure
from jaxinfo.nets.thesis import ThesisMLP, thesis_width
from jaxinfo.plan import plan
from jaxinfo.sde import VP
from jaxinfo.types import Array, Estimate, Estimator, Params, ScoreFn

SDE = VP()
PAIR = "mutual_information"
MEASURES = {
    PAIR: lambda n: ms.mi(n, [0], [1]),
    "total_correlation": ms.tc,
    "dual_total_correlation": ms.dtc,
    "s_information": ms.s_info,
    "o_information": ms.o_info,
}
CHUNK = 100  # steps per call of the compiled program


@dataclass(frozen=True)
class Recipe:
    """The numbers of a recipe; None takes what the thesis used for this many coordinates.

    Attributes:
      steps: optimiser steps, at most: for mutual information 390,000 up to 10 coordinates and 290,000 above, for the
        others 195,000.
      width: 64 up to 10 coordinates, 128 up to 50, 256 above; for systems 128, 192, 256 up to 50, 100, and above.
      batch: 128 up to 10 coordinates of a pair, 256 otherwise.
      learning_rate: .001 up to 10 coordinates of a pair, .002 above, .01 for systems.
      decay: of the running average.
      num_mc: draws per row when reading.
      cpu_seconds: stop after this much time of the processor, compilation and the first CHUNK steps aside; None takes
        every step.
    """

    steps: int | None = None
    width: int | None = None
    batch: int | None = None
    learning_rate: float | None = None
    decay: float = 0.999
    num_mc: int = 10
    cpu_seconds: float | None = None

    def __post_init__(self):
        check_whole(self, "num_mc", *(k for k in ("steps", "width", "batch") if getattr(self, k) is not None))
        check_real(self, 0.0, 1.0, "decay")
        check_real(self, 0.0, math.inf, *(k for k in ("learning_rate", "cpu_seconds") if getattr(self, k) is not None))

    def for_problem(self, measure: str, dim: int) -> Recipe:
        """With everything left open decided."""
        if measure == PAIR:
            small = dim <= 10
            steps, batch, rate = (390_000, 128, 1e-3) if small else (290_000, 256, 2e-3)
            width = thesis_width(dim)
        else:
            steps, batch, rate = 195_000, 256, 1e-2
            width = 128 if dim <= 50 else 192 if dim <= 100 else 256
        return replace(
            self,
            steps=self.steps or steps,
            width=self.width or width,
            batch=self.batch or batch,
            learning_rate=self.learning_rate or rate,
        )


class State(NamedTuple):
    """A training under way.

    Attributes:
      key: of all its steps.
      blocks: how rows are packed.
      transform: how they are standardised; None before the first step.
      recipe: its numbers, nothing left open.
      state: of the network.
      loss: mean over the steps of the last call of :func:`advance`; None before the first.
    """

    key: Array
    blocks: Blocks
    transform: preprocess.Transform | None
    recipe: Recipe
    state: train.TrainState
    loss: float | None = None


def published_estimator(measure: str, recipe: Recipe | None = None) -> Estimator:
    """MINDE-c for mutual information, SOI for the measures of systems, as published.

    Args:
      measure: one of :data:`MEASURES`.
      recipe: its numbers.

    Returns:
      ``init(key, data)``, ``update(state, data)`` (trains to the last step) and ``estimate(state, data)`` (reads rows,
      best others, in nats); :func:`advance` trains for some steps only.

    Raises:
      ValueError: for an unknown measure, or variables it cannot take.
    """
    if measure not in MEASURES:
        raise ValueError(f"no published recipe for {measure!r}; choose one of {', '.join(MEASURES)}.")
    asked = Recipe() if recipe is None else recipe

    def init(key: Array, data: Mapping[str, np.ndarray]) -> State:
        blocks, _ = _packed(data, measure)
        r = asked.for_problem(measure, blocks.dim)
        k_init, k_train = jax.random.split(key)
        net = _net(measure, blocks, r)
        params = net.init(k_init, jnp.zeros((1, blocks.dim)), jnp.zeros((1, blocks.num_variables)))
        start = replace(train.init_state(params, _adam(r)), ema=jax.tree.map(jnp.copy, params))
        return State(k_train, blocks, None, r, start)

    def update(state: State, data: Mapping[str, np.ndarray]) -> State:
        assert state.recipe.steps is not None
        return advance(measure, state, data, state.recipe.steps, state.recipe.cpu_seconds)

    def estimate(state: State, data: Mapping[str, np.ndarray]) -> Estimate:
        blocks, x = _packed(data, measure)
        if state.transform is None:
            raise ValueError("estimate: expected a trained state, got a new one; call update first.")
        score = _score(measure, blocks, state.recipe, state.state.ema)
        found = evaluate(
            jax.random.fold_in(state.key, 1), {measure: _measure(measure, blocks)}, SDE, blocks, score,
            jnp.asarray(state.transform.forward(x), jnp.float32), times=times.importance(SDE),
            num_mc=state.recipe.num_mc, value="difference",
        )[measure]  # fmt: skip
        return found._replace(diagnostics=found.diagnostics | {"steps": int(state.state.step), "rows": len(x)})

    return Estimator(init, update, estimate)


def advance(
    measure: str, state: State, data: Mapping[str, np.ndarray], to: int, cpu_seconds: float | None = None
) -> State:
    """Train until step ``to`` (multiples of :data:`CHUNK` share one compiled program); does nothing when past it.

    With ``cpu_seconds`` it stops sooner, see :class:`Recipe`.
    """
    blocks, x = _packed(data, measure)
    transform = state.transform or preprocess.fit(x, "standardise")
    rows, now, r = jnp.asarray(transform.forward(x), jnp.float32), state.state, state.recipe
    views = plan({measure: _measure(measure, blocks)}).views
    done, total, taken, started = int(now.step), 0.0, 0, None
    while done < to:
        count = min(CHUNK, to - done)
        now, losses = _steps(measure, blocks, r, views, count, state.key, now, rows)
        done, total, taken = done + count, total + float(np.sum(losses)), taken + count
        started = time.process_time() if started is None else started
        if cpu_seconds is not None and time.process_time() - started > cpu_seconds:
            break
    return state._replace(transform=transform, state=now, loss=total / taken if taken else state.loss)


@partial(jax.jit, static_argnums=(0, 1, 2, 3, 4), donate_argnums=6)
def _steps(
    measure: str, blocks: Blocks, r: Recipe, views: tuple[vw.View, ...], count: int, key: Array, now: train.TrainState,
    rows: Array,
) -> tuple[train.TrainState, Array]:  # fmt: skip
    """So many steps, and the loss of each."""
    roles, sampler, tx = jnp.asarray(vw.table(views)), times.importance(SDE), _adam(r)
    logits = jnp.log(jnp.asarray(shares(views), jnp.float32))
    assert r.batch is not None
    batch, drawn = r.batch, 1 if measure == PAIR else r.batch

    def loss(params: Params, key: Array, rows: Array) -> tuple[Array, None]:
        k_row, k_view, k_time, k_noise = jax.random.split(key, 4)
        x0 = rows[jax.random.randint(k_row, (batch,), 0, rows.shape[0])]
        role = roles[jax.random.categorical(k_view, logits, shape=(drawn,))]
        role = jnp.broadcast_to(role, (batch, blocks.num_variables))
        t = sampler.sample(k_time, (1, batch))[0][0]
        eps = jax.random.normal(k_noise, x0.shape)
        x, tau = vw.look(SDE, blocks, role, x0, eps, t)
        noised = blocks.spread(role == vw.NOISED)
        error = jnp.where(noised, _score(measure, blocks, r, params)(x, tau) - eps, 0.0) ** 2
        weight = 1.0 if measure == PAIR else 2.0 - jnp.mean(noised, -1)
        return jnp.mean(weight * jnp.sum(error, -1)), None

    def body(now: train.TrainState, _: None) -> tuple[train.TrainState, Array]:
        new, value = train.step(now, jax.random.fold_in(key, now.step), rows, loss=loss, tx=tx)
        ema = jax.tree.map(lambda e, p: r.decay * e + (1.0 - r.decay) * p, now.ema, new.params)
        return replace(new, ema=ema), value

    return jax.lax.scan(body, now, None, length=count)


def shares(views: Sequence[vw.View]) -> np.ndarray:
    """How often each view is drawn, as weights ``[V]``: its NOISED variables plus half its GIVEN ones."""
    return np.array([len(vw.noised(v)) + len(vw.given(v)) // 2 for v in views])


def _adam(r: Recipe) -> optax.GradientTransformation:
    assert r.learning_rate is not None
    return optax.adam(r.learning_rate)


def _net(measure: str, blocks: Blocks, r: Recipe) -> ThesisMLP:
    assert r.width is not None
    return ThesisMLP(blocks.sizes[0] if measure == PAIR else blocks.dim, r.width)


def _score(measure: str, blocks: Blocks, r: Recipe, params: Params) -> ScoreFn:
    """The noise that the network predicts; coordinates for which MINDE-c has no output are zero."""
    net = _net(measure, blocks, r)

    def score(x: Array, tau: Array) -> Array:
        if measure == PAIR:
            x = jnp.where(blocks.spread(tau == SDE.T), 0.0, x)
        found = cast(Array, net.apply(params, x, tau))
        return jnp.pad(found, [(0, 0)] * (x.ndim - 1) + [(0, blocks.dim - found.shape[-1])])

    return score


def _measure(measure: str, blocks: Blocks) -> Measure:
    return MEASURES[measure](blocks.num_variables)


def _packed(data: Mapping[str, np.ndarray], measure: str) -> tuple[Blocks, np.ndarray]:
    vs = as_variables(data)
    if len(vs) < 2 or (measure == PAIR and len(vs) != 2):
        need = "exactly two variables" if measure == PAIR else "at least two variables"
        raise ValueError(f"{measure} needs {need}, got {', '.join(vs) or 'none'}.")
    blocks = Blocks(tuple(v.shape[1] for v in vs.values()), tuple(vs))
    return blocks, np.concatenate(list(vs.values()), axis=1)
