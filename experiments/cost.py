"""Error against CPU-seconds: ``python -m experiments.cost --config=configs/cost.py --workdir=records``.

One record per task, estimator and data seed, in a fresh process, with the estimate at log-spaced numbers of steps.  The
published recipe is trained once and read at each of them: a checkpoint costs its training so far and one reading.  Ours
lowers its learning rate towards an end it has to know, so a checkpoint is a whole run that may take so many steps and
compiles everything anew; it may end sooner, and the last is the default, which ends where held-out rows say so.  Compiling
counts in both and is also told alone.  A killed cell goes on: from its last whole run, or from a checkpoint in training.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from absl import app, flags
from ml_collections import config_flags

from experiments.cells import run

CONFIG = config_flags.DEFINE_config_file("config", "configs/cost.py", "Configuration.")
WORKDIR = flags.DEFINE_string("workdir", "records", "Where cost.jsonl is kept.")
KEYS = ("task", "measure", "estimator", "seed", "n", "test", "checkpoints", "first", "last", "options")
FRESH = 1_000_000  # what is added to the seed of a draw for its test rows
PIECE = 2_000  # steps of the published recipe between two chances to keep them
COMPILING = "/jax/core/compile/"  # the events of tracing, lowering and compiling begin so
SPENT = ("cpu_s", "compile_s", "wall_s")


def measure(cell: dict, place: Path) -> dict:
    """The record of one task, estimator and seed; what it has is kept in ``place``."""
    from jaxinfo.bench import tasks
    from jaxinfo.io.log import environment

    cpu, wall, task = time.process_time(), time.time(), tasks.task(cell["task"])
    train, test = task.draw(cell["seed"], cell["n"]), task.draw(cell["seed"] + FRESH, cell["test"])
    found = {"ours": ours, "published": published}[cell["estimator"]](train, test, cell, place)
    return cell | found | {
        "truth": task.truth[cell["measure"]],
        "cpu_s": round(time.process_time() - cpu, 1), "wall_s": round(time.time() - wall, 1), "peak_mib": peak_mib(),
        "date": time.strftime("%Y-%m-%d"), "environment": environment(),
    }  # fmt: skip


def ours(train: dict, test: dict, cell: dict, place: Path) -> dict:
    """``points``: a run per number of steps asked for; ``loss`` is the least that held-out rows said, a mean over folds and
    views."""
    import jax

    import jaxinfo as ji
    from jaxinfo.io.log import JsonLines, read_records

    path = place / "points.jsonl"
    points = read_records(path) if path.exists() else []
    wanted = [*checkpoints(cell["first"], cell["last"], cell["checkpoints"])[:-1], None]
    with JsonLines(path) as log, compiling() as clock:
        for asked in wanted[len(points) :]:
            jax.clear_caches()  # a run of its own compiles everything
            options = cell["options"] | ({"steps": asked} if asked else {})
            start = clock()
            model = ji.fit(train, (cell["measure"],), seed=cell["seed"], progress=False, **options)
            e = model.measure(cell["measure"], rows=test)
            spent = since(start, clock())
            loss = float(model.fits[0].history["validation"].mean((1, 2, 3)).min())
            points.append(point(e, asked, int(e.diagnostics["steps"]), loss, spent))
            log.write(points[-1])
    return {"points": points}


def published(train: dict, test: dict, cell: dict, place: Path) -> dict:
    """``points`` of one training, read on the way, and its ``recipe``; ``loss`` is the mean over at most PIECE last steps.

    Where it goes on in another process, compiling again is not counted again.
    """
    from dataclasses import asdict

    import jax

    from jaxinfo.estimators import published as rival
    from jaxinfo.io.keeper import Keeper

    name, recipe = cell["measure"], rival.Recipe(**cell["options"])
    estimator = rival.published_estimator(name, recipe)
    with Keeper(place) as keeper, compiling() as clock:
        start = clock()
        state = estimator.init(jax.random.key(cell["seed"]), train)
        points, spent, found = [], since(start, clock()), keeper.newest()
        if found is not None:
            _, kept, about = found
            state = rival.advance(name, restored(state, kept, about["loss"]), train, 0)
            points, spent = about["points"], about["spent"]

        def keep() -> None:
            keeper.save(int(state.state.step), state.state, {"points": points, "spent": spent, "loss": state.loss})
            keeper.wait()  # written while the clock stands
            if keeper.stopping:
                keeper.leave()

        for steps in checkpoints(cell["first"], cell["last"] or state.recipe.steps, cell["checkpoints"])[len(points) :]:
            while (done := int(state.state.step)) < steps:
                start = clock()
                state = jax.block_until_ready(rival.advance(name, state, train, min(done + PIECE, steps)))
                spent = added(spent, since(start, clock(), compiled=found is None))
                if keeper.due():
                    keep()
            start = clock()
            e = estimator.estimate(state, test)
            points.append(point(e, steps, steps, state.loss, added(spent, since(start, clock()))))
            keep()
    return {"points": points, "recipe": asdict(state.recipe)}


def restored(state, kept, loss: float | None):
    """A fresh training with the parameters, averages and moments that were kept of another."""
    import jax

    now = jax.tree.unflatten(jax.tree.structure(state.state), jax.tree.leaves(kept))
    return state._replace(state=now, loss=loss)


def point(e, asked: int | None, taken: int, loss: float, spent: dict) -> dict:
    """What is recorded of one checkpoint; peak memory is that of the process so far."""
    told = {k: round(v, 3) for k, v in spent.items()} | {"peak_mib": peak_mib()}
    return {"asked": asked, "steps": taken, "value": e.value, "stderr": e.stderr, "loss": loss} | told


@contextmanager
def compiling() -> Iterator:
    """A clock: called, it tells SPENT so far; ``compile_s`` are CPU-seconds in tracing, lowering and compiling."""
    import jax

    total, depth, began = 0.0, 0, 0.0

    def begin(event: str, *_, **__) -> None:
        nonlocal depth, began
        if event.startswith(COMPILING):
            began = time.process_time() if depth == 0 else began
            depth += 1

    def end(event: str, *_, **__) -> None:
        nonlocal depth, total
        if event.startswith(COMPILING) and depth:
            depth -= 1
            total += time.process_time() - began if depth == 0 else 0.0

    jax.monitoring.register_scalar_listener(begin)  # at the beginning of each
    jax.monitoring.register_event_duration_secs_listener(end)
    try:
        yield lambda: dict(zip(SPENT, (time.process_time(), total, time.perf_counter())))
    finally:
        jax.monitoring.unregister_scalar_listener(begin)
        jax.monitoring.unregister_event_duration_listener(end)


def since(start: dict, now: dict, compiled: bool = True) -> dict:
    """What was spent between two times of a clock, with or without compiling."""
    spent = {k: now[k] - start[k] for k in SPENT}
    return spent if compiled else spent | {"cpu_s": spent["cpu_s"] - spent["compile_s"], "compile_s": 0.0}


def added(a: dict, b: dict) -> dict:
    """The sum of what was spent."""
    return {k: a[k] + b[k] for k in SPENT}


def peak_mib() -> int:
    """Peak memory of this process so far."""
    import resource

    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def checkpoints(first: int, last: int, count: int) -> list[int]:
    """``count`` log-spaced numbers of steps, multiples of the first: pieces of one length share a compiled program."""
    import numpy as np

    return [first * int(round(k / first)) for k in np.geomspace(first, last, count)]


def cells(config) -> list[dict]:
    """Every task of a group under both estimators, ours also with other options, each with the data seeds it is given."""
    out = []
    for group in config.questions:
        for task in group.tasks:
            for name in (k for k in group if k not in ("measure", "tasks")):
                given = group[name].to_dict()
                seeds = range(given.pop("seeds"))
                estimator = "published" if name == "published" else "ours"
                cell = {"task": task, "measure": group.measure, "estimator": estimator, "long": True} | given
                out += [cell | {"seed": seed} for seed in seeds]
    return out


def shown(record: dict) -> str:
    """A line for people."""
    away = " ".join(f"{p['cpu_s']:.0f}s:{p['value'] - record['truth']:+.3f}" for p in record["points"])
    return f"{record['task']} {record['estimator']} seed={record['seed']} {away}"


def main(_):
    """Run the cells that are missing."""
    path = Path(WORKDIR.value) / "cost.jsonl"
    run(path, cells(CONFIG.value), "experiments.cost:measure", show=shown, keys=KEYS)


if __name__ == "__main__":
    app.run(main)
