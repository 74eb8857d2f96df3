"""The published recipes of MINDE and SOI, whole, as a rival: what our choices are measured against.

One network of the thesis with the raw vector of clocks, a view drawn per row, times from the importance sampler of arXiv
2106.02808 in training and reading, Adam at a constant rate, an average of the parameters, coordinates standardised,
no Gaussian inside, no held-out rows, and the ``difference`` of predictions as the value (Tables B.2 and C.1 of the
thesis; arXiv 2310.09031, 2402.05667).

Where the texts and their code leave a choice: ABSENT coordinates are zero; views are drawn in proportion to their NOISED
variables plus half their GIVEN ones, which is one half each for mutual information; reading uses exact weights, where the
published code cannot read more than 5.1 nats in a direction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxinfo import measures as ms
from jaxinfo import preprocess, times, train
from jaxinfo import views as vw
from jaxinfo.blocks import Blocks
from jaxinfo.estimators.copula import as_variables
from jaxinfo.estimators.settings import check_whole
from jaxinfo.integral import evaluate
from jaxinfo.measures import Measure
from jaxinfo.nets.thesis import ThesisMLP, thesis_width
from jaxinfo.plan import plan
from jaxinfo.sde import VP
from jaxinfo.types import Array, Estimate, Estimator

SDE = VP()
MEASURES = {
    "mutual_information": lambda n: ms.mi(n, [0], [1]),
    "total_correlation": ms.tc,
    "dual_total_correlation": ms.dtc,
    "s_information": ms.s_info,
    "o_information": ms.o_info,
}
CHUNK = 1000  # steps per call of the compiled program


@dataclass(frozen=True)
class Recipe:
    """The numbers of a recipe; None takes what the thesis used for this many coordinates.

    Attributes:
      steps: optimiser steps: for mutual information 390,000 up to 10 coordinates and 290,000 above, for the others
        195,000.
      width: 64 up to 10 coordinates, 128 up to 50, 256 above; for systems 128, 192, 256 up to 50, 100, and above.
      batch: 128 up to 10 coordinates of a pair, 256 otherwise.
      learning_rate: .001 up to 10 coordinates of a pair, .002 above, .01 for systems.
      decay: of the running average.
      num_mc: draws per row when reading.
    """

    steps: int | None = None
    width: int | None = None
    batch: int | None = None
    learning_rate: float | None = None
    decay: float = 0.999
    num_mc: int = 10

    def __post_init__(self):
        check_whole(self, "num_mc", *(k for k in ("steps", "width", "batch") if getattr(self, k) is not None))

    def for_problem(self, measure: str, dim: int) -> Recipe:
        """With everything left open decided."""
        if measure == "mutual_information":
            small = dim <= 10
            steps, batch, rate = (390_000, 128, 1e-3) if small else (290_000, 256, 2e-3)
            width = thesis_width(dim)
        else:
            steps, batch, rate = 195_000, 256, 1e-2
            width = 128 if dim <= 50 else 192 if dim <= 100 else 256
        return Recipe(
            self.steps or steps, self.width or width, self.batch or batch, self.learning_rate or rate, self.decay,
            self.num_mc,
        )  # fmt: skip


class State(NamedTuple):
    """A training under way: how rows are packed and transformed, the recipe with nothing left open, its state."""

    key: Array
    blocks: Blocks
    transform: preprocess.Transform | None
    recipe: Recipe
    state: train.TrainState


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
        params = _net(blocks, r).init(k_init, jnp.zeros((1, blocks.dim)), jnp.zeros((1, blocks.num_variables)))
        return State(k_train, blocks, None, r, train.init_state(params, _adam(r)))

    def update(state: State, data: Mapping[str, np.ndarray]) -> State:
        assert state.recipe.steps is not None
        return advance(measure, state, data, state.recipe.steps)

    def estimate(state: State, data: Mapping[str, np.ndarray]) -> Estimate:
        blocks, x = _packed(data, measure)
        if state.transform is None:
            raise ValueError("estimate: expected a trained state, got a new one; call update first.")
        params, net = state.state.ema, _net(blocks, state.recipe)
        score = lambda x, tau: cast(Array, net.apply(params, jnp.where(blocks.spread(tau == SDE.T), 0.0, x), tau))
        found = evaluate(
            jax.random.fold_in(state.key, 1), {measure: _measure(measure, blocks)}, SDE, blocks, score,
            jnp.asarray(state.transform.forward(x), jnp.float32), times=times.importance(SDE),
            num_mc=state.recipe.num_mc, value="difference",
        )  # fmt: skip
        return found[measure]

    return Estimator(init, update, estimate)


def advance(measure: str, state: State, data: Mapping[str, np.ndarray], to: int) -> State:
    """Train until step ``to`` (multiples of :data:`CHUNK` share one compiled program); does nothing when past it."""
    blocks, x = _packed(data, measure)
    transform = state.transform or preprocess.fit(x, "standardise")
    rows, now, r = jnp.asarray(transform.forward(x), jnp.float32), state.state, state.recipe
    views = plan({measure: _measure(measure, blocks)}).views
    done = int(now.step)
    while done < to:
        count = min(CHUNK, to - done)
        now = _steps(blocks, r, views, count, state.key, now, rows)
        done += count
    return state._replace(transform=transform, state=now)


@partial(jax.jit, static_argnums=(0, 1, 2, 3), donate_argnums=5)
def _steps(
    blocks: Blocks, r: Recipe, views: tuple[vw.View, ...], count: int, key: Array, now: train.TrainState, rows: Array
) -> train.TrainState:
    net, roles, sampler = _net(blocks, r), jnp.asarray(vw.table(views)), times.importance(SDE)
    logits = jnp.log(jnp.asarray(shares(views), jnp.float32))
    assert r.batch is not None
    batch = r.batch

    def loss(params: Any, key: Array, rows: Array) -> tuple[Array, None]:
        k_row, k_view, k_time, k_noise = jax.random.split(key, 4)
        x0 = rows[jax.random.randint(k_row, (batch,), 0, rows.shape[0])]
        role = roles[jax.random.categorical(k_view, logits, shape=(batch,))]
        t = sampler.sample(k_time, (1, batch))[0][0]
        eps = jax.random.normal(k_noise, x0.shape)
        x, tau = vw.look(SDE, blocks, role, x0, eps, t)
        found = cast(Array, net.apply(params, jnp.where(blocks.spread(role == vw.ABSENT), 0.0, x), tau))
        error = jnp.where(blocks.spread(role == vw.NOISED), found - eps, 0.0) ** 2
        return jnp.mean(jnp.sum(error, -1)), None

    return train.fit(key, now, rows, loss=loss, tx=_adam(r), num_steps=count, decay=r.decay)[0]


def shares(views: Sequence[vw.View]) -> np.ndarray:
    """How often each view is drawn, as weights ``[V]``: its NOISED variables plus half its GIVEN ones."""
    return np.array([len(vw.noised(v)) + len(vw.given(v)) // 2 for v in views])


def _adam(r: Recipe) -> optax.GradientTransformation:
    assert r.learning_rate is not None
    return optax.adam(r.learning_rate)


def _net(blocks: Blocks, r: Recipe) -> ThesisMLP:
    assert r.width is not None
    return ThesisMLP(blocks.dim, r.width)


def _measure(measure: str, blocks: Blocks) -> Measure:
    return MEASURES[measure](blocks.num_variables)


def _packed(data: Mapping[str, np.ndarray], measure: str) -> tuple[Blocks, np.ndarray]:
    vs = as_variables(data)
    if len(vs) < 2 or (measure == "mutual_information" and len(vs) != 2):
        need = "exactly two variables" if measure == "mutual_information" else "at least two variables"
        raise ValueError(f"{measure} needs {need}, got {', '.join(vs) or 'none'}.")
    blocks = Blocks(tuple(v.shape[1] for v in vs.values()), tuple(vs))
    return blocks, np.concatenate(list(vs.values()), axis=1)
