"""Error against CPU-seconds: ``python -m experiments.cost --config=configs/cost.py --workdir=records``.

One record per task and estimator, in a fresh process, with the estimate at log-spaced numbers of steps.  The published
recipe is trained once and read at each of them: a checkpoint costs its training so far and one reading.  Ours lowers its
learning rate towards an end it has to know, so a checkpoint is a whole run that may take so many steps; the last is the
default, which ends where held-out rows say so.  Compilation counts in both.
"""

import time
from pathlib import Path

from absl import app, flags
from ml_collections import config_flags

from experiments.cells import run

CONFIG = config_flags.DEFINE_config_file("config", "configs/cost.py", "Configuration.")
WORKDIR = flags.DEFINE_string("workdir", "records", "Where cost.jsonl is kept.")
KEYS = ("task", "measure", "estimator", "n", "test", "checkpoints", "first", "last", "options")
FRESH = 1_000_000  # what is added to the seed of a draw for its test rows


def measure(cell: dict) -> dict:
    """The record of one task and estimator."""
    from jaxinfo.bench import tasks
    from jaxinfo.io.log import environment

    task = tasks.task(cell["task"])
    train, test = task.draw(0, cell["n"]), task.draw(FRESH, cell["test"])
    points = {"ours": ours, "published": published}[cell["estimator"]](train, test, cell)
    truth = task.truth[cell["measure"]]
    return cell | {"truth": truth, "points": points, "date": time.strftime("%Y-%m-%d"), "environment": environment()}


def ours(train: dict, test: dict, cell: dict) -> list[dict]:
    """One run per number of steps; ``loss`` is the least that held-out rows said on the way, a mean over folds and views."""
    import jaxinfo as ji

    points = []
    for steps in (*checkpoints(cell["first"], cell["last"], cell["checkpoints"])[:-1], None):
        start = time.process_time()
        options = cell["options"] | ({"steps": steps} if steps else {})
        model = ji.fit(train, (cell["measure"],), seed=0, progress=False, **options)
        e = model.measure(cell["measure"], rows=test)
        taken = int(e.diagnostics["steps"])
        loss = float(model.fits[0].history["validation"].mean((1, 2, 3)).min())
        spent = time.process_time() - start
        points.append({"steps": taken, "value": e.value, "stderr": e.stderr, "loss": loss, "cpu_s": spent})
    return points


def published(train: dict, test: dict, cell: dict) -> list[dict]:
    """One training, read on the way."""
    import jax

    from jaxinfo.estimators import published as rival

    training = time.process_time()
    estimator = rival.published_estimator(cell["measure"], rival.Recipe(**cell["options"]))
    state, spent, points = estimator.init(jax.random.key(0), train), 0.0, []
    for steps in checkpoints(cell["first"], cell["last"] or state.recipe.steps, cell["checkpoints"]):
        state = jax.block_until_ready(rival.advance(cell["measure"], state, train, steps))
        spent += time.process_time() - training
        reading = time.process_time()
        e = estimator.estimate(state, test)
        training = time.process_time()
        points.append({"steps": steps, "value": e.value, "stderr": e.stderr, "cpu_s": spent + training - reading})
    return points


def checkpoints(first: int, last: int, count: int) -> list[int]:
    """``count`` log-spaced numbers of steps, multiples of the first: pieces of one length share a compiled program."""
    import numpy as np

    return [first * int(round(k / first)) for k in np.geomspace(first, last, count)]


def cells(config) -> list[dict]:
    """Mutual information of every pair and O-information of the systems named in ``curves``, under both estimators."""
    shared = {"checkpoints": config.checkpoints, "test": config.test}
    asked = [(task, "mutual_information") for task in config.tasks]
    asked += [(task, "o_information") for task in config.curves]
    return [
        {"task": task, "measure": measure, "estimator": name} | shared | config[name].to_dict()
        for task, measure in asked
        for name in ("ours", "published")
    ]


def shown(record: dict) -> str:
    """A line for people."""
    away = " ".join(f"{p['cpu_s']:.0f}s:{p['value'] - record['truth']:+.3f}" for p in record["points"])
    return f"{record['task']} {record['estimator']} {away}"


def main(_):
    """Run the cells that are missing."""
    path = Path(WORKDIR.value) / "cost.jsonl"
    run(path, cells(CONFIG.value), "experiments.cost:measure", show=shown, keys=KEYS)


if __name__ == "__main__":
    app.run(main)
