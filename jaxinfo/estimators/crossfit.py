"""Train one masked score network per data set, seed and fold: many fits, one program.

The steps, each on its own rows: training rows fit the transform, the inner Gaussian and the network; validation rows
choose the covariance shrinkage, the moment to stop, the shrinkage of the network's correction and the density of
log-SNR; evaluation rows are only read (:mod:`jaxinfo.estimators.readout`).

A unit is one data set under one seed: its folds train side by side and end together.  Units do not influence each other:
how many run at once changes memory and speed, not results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from jaxinfo import parallel, times, train
from jaxinfo.blocks import Blocks
from jaxinfo.estimators.course import Course, chunk_steps
from jaxinfo.estimators.fitted import (
    Fitted,
    inner_factors,
    inner_in_order,
    network,
    padded,
)
from jaxinfo.estimators.objective import objective
from jaxinfo.estimators.prepare import Job, Prepared, prepare
from jaxinfo.estimators.settings import Settings
from jaxinfo.programs import program
from jaxinfo.views import View

WARMUP = 200


@program(level=0, static_argnums=(0, 1))
def _initial(blocks: Blocks, s: Settings, keys, fits):
    """States, and the best so far: a silent network, which leaves the Gaussian alone.  Training has to do better."""
    net, tx = network(blocks, s), _optimiser(s)

    def one(key, fit):
        state = train.init_state(ravel_pytree(net.init(key, fit["factors"])["net"])[0], tx)
        never = jnp.full((), jnp.inf, state.params.dtype)
        return state, {"params": jnp.zeros_like(state.params), "score": never, "step": jnp.zeros((), jnp.int32)}

    return jax.vmap(one)(keys, fits)


def _optimiser(s: Settings):
    assert s.learning_rate is not None  # decided by Settings.for_system
    return train.optimiser(s.learning_rate, s.weight_decay, kind=s.optimiser)


@program(static_argnums=(0, 1, 2, 3), donate_argnums=(4,))
def _advance(blocks: Blocks, s: Settings, weighted: bool, views: tuple[View, ...], state, fits):
    """One chunk of optimiser steps for every fit.

    Args:
      blocks: packing.
      s: settings.
      weighted: whether rows are drawn by weight.
      views: the views to learn.
      state: training states, leaves ``[K, …]``.
      fits: what differs between the K fits.

    Returns:
      ``(state, losses [K, steps])``.
    """
    tx = _optimiser(s)
    assert s.steps is not None  # decided by Settings.for_system
    warmup = min(WARMUP, max(s.steps // 10, 1))
    loss, _ = objective(blocks, s, weighted, views)

    def one(state, fit):
        rate = train.trapezoid(warmup, fit["cool_from"], fit["cool_steps"], s.slowing)
        live = state.step < fit["end"]  # a unit that ended earlier than its neighbours stays as it is
        after, losses = train.fit(
            fit["key"], state, fit, loss=loss, tx=tx, num_steps=chunk_steps(s), rate=rate, decay=s.decay
        )
        return jax.tree.map(lambda new, old: jnp.where(live, new, old), after, state), losses

    return jax.vmap(one)(state, fits)


@program(static_argnums=(0, 1, 2, 3), donate_argnums=(4,))
def _look(blocks: Blocks, s: Settings, weighted: bool, views: tuple[View, ...], best, params, step, fits):
    """Validation losses ``[K, V]`` of ``params [K, P]`` after ``step [K]`` steps; they become the best when they are.

    A unit that has ended shows the same parameters again, which are not better than themselves.  Arguments as in
    :func:`_advance`; ``best`` holds ``params [K, P]``, ``score [K]`` in nats and ``step [K]``, and is given away.
    """
    _, validate = objective(blocks, s, weighted, views)

    def one(best, params, step, fit):
        score = validate(params, fit)
        total = jnp.where(jnp.isfinite(score.sum()), score.sum(), jnp.inf)  # what is not a number is never the best
        new = {"params": params, "score": total, "step": step}
        return jax.tree.map(lambda new, old: jnp.where(total < best["score"], new, old), new, best), score

    return jax.vmap(one)(best, params, step, fits)


@program(level=0, donate_argnums=(0,))
def _rewind(state, best, those):
    """States of which ``those [K]`` have the best parameters again; where nothing was better than a silent network, from
    which nothing is learned, they stay."""

    def one(state, best, this):
        moved = lambda now: jnp.where(this & (best["step"] > 0), best["params"], now)
        return replace(state, params=moved(state.params), ema=moved(state.ema))

    return jax.vmap(one)(state, best, those)


class Trained(NamedTuple):
    """A unit after training: ``params [F, P]``, ``validation [C, F, V]``, ``best_step [F]``, ``cool_from``."""

    params: np.ndarray
    validation: np.ndarray
    best_step: np.ndarray
    cool_from: int


def fit(
    x: np.ndarray,
    blocks: Blocks,
    views: Sequence[View],
    settings: Settings,
    seed: int = 0,
    *,
    groups: np.ndarray | None = None,
    weights: np.ndarray | None = None,
    **options: Any,
) -> Fitted:
    """:func:`fit_many` for one data set."""
    return fit_many([Job(x, seed, groups, weights)], blocks, views, settings, **options)[0]


def fit_many(
    jobs: Sequence[Job],
    blocks: Blocks,
    views: Sequence[View],
    settings: Settings,
    *,
    at_once: int | None = None,
    keepers: Callable[[str], Any] | None = None,
    progress: Callable[[int, int, dict[str, float]], None] | None = None,
) -> list[Fitted]:
    """Train the scores of these views on every data set, under every seed.

    Args:
      jobs: data sets of one packing, which share one compiled program.  With equally many rows each ends as it would
        alone; those with fewer are padded, which changes the noise of their validation, and may take the steps of the most.
      blocks: packing.
      views: the views to learn.
      settings: everything else.
      at_once: how many units (data set × seed) train side by side; :func:`jaxinfo.parallel.fits_at_once` by default.
      keepers: gives the :class:`~jaxinfo.io.keeper.Keeper` of a group of units by its name, which tells how many train
        side by side on how many devices: a killed call that is made again goes on from there and ends with the same
        numbers, bit for bit.
      progress: called with ``(step, steps, {"validation": nats})`` after each look.

    Raises:
      FloatingPointError: when the loss is not finite, with the step and what to try.
    """
    views = tuple(views)
    s = settings.for_system(blocks, views, max(job.x.shape[0] for job in jobs))
    units = [(j, r) for j in range(len(jobs)) for r in range(s.seeds)]
    at_once = min(at_once or parallel.fits_at_once(), len(units))
    weighted = any(job.weights is not None or job.law is not None for job in jobs)
    trained: list[Trained] = []
    bare: dict[int, Fitted] = {}
    ready: dict[int, Prepared] = {}
    starts = range(0, len(units), at_once)
    for g, first in enumerate(starts):
        group = units[first : first + at_once]
        # only the data sets of this group are held: memory does not grow with their number
        ready = {j: ready[j] if j in ready else prepare(jobs[j], blocks, views, s) for j in {j for j, _ in group}}
        bare |= {j: p.fitted for j, p in ready.items()}
        fits = _stack([(ready[j], jobs[j].seed, r) for j, r in group], s, at_once)
        courses = [Course(s, jobs[j].x.shape[0], len(views)) for j, _ in group]
        told = None
        if progress is not None:
            told = lambda done, end, m, g=g, p=progress: p(g * end + done, len(starts) * end, m)
        name = f"group{g:04d}_{parallel.layout(at_once)}"
        with keepers(name) if keepers is not None else nullcontext() as keeper:
            trained += _train(blocks, s, weighted, views, fits, courses, keeper, told)
    return [_collect(bare[j], trained[j * s.seeds : (j + 1) * s.seeds]) for j in range(len(jobs))]


def _stack(units: Sequence[tuple[Prepared, int, int]], s: Settings, at_once: int) -> dict[str, Any]:
    """What differs between the fits of (data, seed of the job, number of the unit's seed), on the host.

    Leaves ``[K, …]``, folds fastest; the last fits are repeated until there are as many as ``at_once`` units have, and
    a multiple of the devices.
    """
    keys = []
    for _, seed, r in units:
        pair = jax.random.split(jax.random.key(seed))  # initial weights, training
        keys.append([jax.random.key_data(jax.random.split(k, (s.seeds, s.folds))[r]) for k in pair])
    of_views = (lambda f: inner_in_order(f, f.views)) if s.all_together else inner_factors
    flat = lambda name: [rows for p, *_ in units for rows in getattr(p, name)]
    by_law = lambda rows, fill: padded([w.T for w in rows], fill).astype(np.float32).swapaxes(1, 2)  # [K, L, n]
    fits = {
        "train": padded(flat("train")).astype(np.float32),
        "count": np.asarray([rows.shape[0] for rows in flat("train")]),
        "cdf": by_law([np.cumsum(w, -1) for w in flat("train_weight")], 2.0),
        "validation": padded(flat("validation")).astype(np.float32),
        "validation_weight": by_law(flat("validation_weight"), 0.0),
        "laws": np.asarray([p.fitted.laws for p, *_ in units for _ in range(s.folds)]),
        "hi": np.repeat([p.fitted.hi for p, *_ in units], s.folds).astype(np.float32),
        "factors": jax.tree.map(lambda *a: np.concatenate(a), *[of_views(p.fitted) for p, *_ in units]),
        "keys": np.concatenate([np.stack(pair, 1) for pair in keys]),
    }
    over = parallel.mesh_of_fits(at_once * s.folds)
    at = np.minimum(np.arange(parallel.multiple(at_once * s.folds, over)), len(units) * s.folds - 1)
    return jax.tree.map(lambda a: a[at], fits)


def _train(
    blocks: Blocks, s: Settings, weighted: bool, views: tuple[View, ...], fits, courses, keeper, progress
) -> list[Trained]:
    """Train the stacked fits of one group side by side, each unit as long as its course says."""
    folds, units, over = s.folds, len(courses), parallel.mesh_of_fits(fits["keys"].shape[0])
    place = lambda tree: parallel.spread_fits(tree, over)
    k_init, fits["key"] = (jax.random.wrap_key_data(jnp.asarray(k)) for k in np.moveaxis(fits.pop("keys"), 1, 0))
    owner = np.minimum(np.arange(fits["key"].shape[0]) // folds, units - 1)  # the unit of each fit
    fits = place(fits)
    state, best = place(_initial(blocks, s, place(k_init), fits))
    judge = lambda best, params, step: _look(blocks, s, weighted, views, best, params, step, fits)
    scores, done = [], 0

    def look(score):
        """Every course still running takes note of its folds' validation losses ``[units, F, V]``."""
        for course, each in zip(courses, score):
            if done <= course.end:
                course.look(done, float(each.sum(-1).mean()))

    silent = place(jax.tree.map(jnp.copy, best))  # the other is given away
    best, score = judge(best, silent["params"], silent["step"])
    best = place(best)
    look(parallel.fetch(score)[: units * folds].reshape(units, folds, -1))
    found = keeper.newest() if keeper is not None else None
    saved = -1 if found is None else found[0]
    if found is not None:
        _, tree, _ = found
        state, best = (_like(now, kept, place) for now, kept in zip((state, best), tree["at"]))
        for score in tree["scores"]:
            done += chunk_steps(s)
            scores.append(score)
            look(score)
    while done < max(course.end for course in courses):
        ends = {k: np.asarray([getattr(c, k) for c in courses])[owner] for k in ("cool_from", "cool_steps", "end")}
        before = (state, best) if keeper is None else jax.tree.map(jnp.copy, (state, best))  # they are given away
        state, losses = _advance(blocks, s, weighted, views, state, fits | place(ends))
        state = place(state)  # already there: it only says so in the words that the next call compares
        best, score = judge(best, state.ema, state.step)
        best = place(best)
        running = [c.end > done for c in courses]
        losses, score = parallel.fetch((losses, score))
        mine = losses[: units * folds].reshape(units, -1)[running]
        if keeper is not None and done and not np.isfinite(mine).all():
            keeper.save(done, _kept(before[0], before[1], scores))
        _check(mine, done, chunk_steps(s), keeper is not None)
        done += chunk_steps(s)
        scores.append(score[: units * folds].reshape(units, folds, -1))
        look(scores[-1])
        if any(goes_back := [course.goes_back(done) for course in courses]):
            state = place(_rewind(state, best, place(np.asarray(goes_back)[owner])))
        if progress is not None:
            progress(done, max(c.end for c in courses), {"validation": float(scores[-1].sum(-1).mean())})
        if keeper is not None and parallel.any_host(keeper.due()):
            keeper.save(done, _kept(state, best, scores))
            saved = done
            if parallel.any_host(keeper.stopping):
                keeper.leave()
    if keeper is not None:
        if saved < done:
            keeper.save(done, _kept(state, best, scores))
        if parallel.any_host(keeper.stopping):  # told during the last steps: another group may follow
            keeper.leave()
    params, best_step = parallel.fetch((best["params"], best["step"]))
    out = []
    for u, course in enumerate(courses):
        mine, looks = slice(u * folds, (u + 1) * folds), course.end // chunk_steps(s)
        history = np.stack(scores)[:looks, u]
        out.append(Trained(params[mine], history, best_step[mine], course.cool_from))
    return out


def _kept(state: Any, best: Any, scores: Sequence[np.ndarray]) -> dict[str, Any]:
    """What a checkpoint holds of a group."""
    return {"at": parallel.fetch([jax.tree.leaves(state), jax.tree.leaves(best)]), "scores": np.stack(scores)}


def _like(now: Any, kept: Sequence[np.ndarray], place: Callable[[Any], Any]) -> Any:
    """Kept leaves in the structure of ``now``, on the devices."""
    return place(jax.tree.unflatten(jax.tree.structure(now), kept))


def _check(losses: np.ndarray, done: int, chunk: int, kept: bool) -> None:
    wrong = ~np.isfinite(losses)
    if wrong.any():
        unit, place = np.argwhere(wrong)[0]
        step = done + 1 + int(np.flatnonzero(wrong.reshape(losses.shape[0], -1, chunk).any((0, 1)))[0])
        raise FloatingPointError(
            f"the training loss became {losses[unit, place]} at step {step}: try a smaller learning_rate, "
            "preprocess='rank', or look for extreme values in the data."
            + (f"  The last good state, of step {done}, is kept." if kept and done else "")
        )


def _collect(fitted: Fitted, runs: Sequence[Trained]) -> Fitted:
    """A fit of R seeds from its units; the shorter histories stand still after their end."""
    s = fitted.settings
    looks = max(run.validation.shape[0] for run in runs)
    longer = lambda v: np.concatenate([v, np.repeat(v[-1:], looks - v.shape[0], 0)])
    history = {
        "step": chunk_steps(s) * np.arange(1, looks + 1),
        "validation": np.stack([longer(run.validation) for run in runs], 1),
        "best_step": np.stack([run.best_step for run in runs]),
        "cool_from": np.asarray([run.cool_from for run in runs]),
    }
    ones = lambda *tail: np.ones((s.seeds, s.folds, *tail))
    return replace(
        fitted,
        params=np.stack([run.params for run in runs]),
        history=history,
        calibration=ones(len(fitted.views), 2),
        density=ones(times.DENSITY_BINS),
    )
