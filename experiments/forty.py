"""The 40 tasks in few programs: tasks of one shape and all their data seeds train side by side; one record per shape.

    python -m experiments.forty --config=configs/forty.py --workdir=records

``experiments.sweep`` gives every fit a process of its own, which measures its cost but compiles it again; here a shape of
data is compiled once, and on an accelerator its fits fill the device.  Values are those of separate calls, to rounding.
"""

import time
from pathlib import Path

from absl import app, flags
from ml_collections import config_flags

from experiments.cells import run

CONFIG = config_flags.DEFINE_config_file("config", "configs/forty.py", "Configuration.")
WORKDIR = flags.DEFINE_string("workdir", "records", "Where forty.jsonl is kept.")
KEYS = ("shape", "tasks", "seeds", "n", "test", "options")
FRESH = 1_000_000  # what is added to the seed of a draw for its test rows
MEASURE = "mutual_information"


def measure(cell: dict) -> dict:
    """Train every task of a shape under every data seed, read fresh rows."""
    import resource

    import jax

    from jaxinfo.api import ask_each
    from jaxinfo.bench import tasks
    from jaxinfo.estimators.fitted import flops_per_step
    from jaxinfo.io.log import environment
    from jaxinfo.model import train_many

    made = [tasks.task(name) for name in cell["tasks"]]
    drawn = [t.draw(k, cell["n"]) for t, k in _pairs(cell, made)]
    cpu, wall = time.process_time(), time.perf_counter()
    models = []
    for (t, k), vs in zip(_pairs(cell, made), drawn):  # networks of a seed of their own
        models += ask_each({t.id: vs}, MEASURE, seed=k, progress=False, **cell["options"])
    train_many(models, MEASURE)
    trained = time.perf_counter() - wall
    each = [m.measure(MEASURE, rows=t.draw(FRESH + k, cell["test"])) for m, (t, k) in zip(models, _pairs(cell, made))]
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    taken = [float(m.fits[0].history["step"][-1]) for m in models]
    fitted = models[0].fits[0]
    by_task = lambda values: {
        t: values[i * cell["seeds"] : (i + 1) * cell["seeds"]] for i, t in enumerate(cell["tasks"])
    }
    return cell | {
        "truth": {t.id: t.truth[MEASURE] for t in made}, "value": by_task([e.value for e in each]),
        "stderr": by_task([e.stderr for e in each]), "steps": by_task(taken),
        "training_flops": sum(taken) * fitted.settings.folds * flops_per_step(fitted.blocks, fitted.settings),
        "cpu_s": round(cpu, 1), "wall_s": round(wall, 1), "training_wall_s": round(trained, 1),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "clock": "cpu" if jax.default_backend() == "cpu" else "wall",
        "date": time.strftime("%Y-%m-%d"), "environment": environment(),
    }  # fmt: skip


def _pairs(cell: dict, made: list) -> list[tuple]:
    return [(task, seed) for task in made for seed in range(cell["seeds"])]


def shapes(names: list[str]) -> dict[str, list[str]]:
    """Tasks by the dimensions of their variables, in the order of their first task."""
    from jaxinfo.bench import tasks

    out: dict[str, list[str]] = {}
    for name in names:
        out.setdefault("-".join(map(str, tasks.task(name).dims.values())), []).append(name)
    return out


def cells(config) -> list[dict]:
    """One per shape."""
    from jaxinfo.bench.tasks import bmi_tasks

    shared = {"seeds": config.seeds, "n": config.n, "test": config.test, "options": config.options.to_dict()}
    found = shapes(list(config.tasks) or list(bmi_tasks()))
    return [{"shape": shape, "tasks": of} | shared for shape, of in found.items()]


def asked(config, records: list[dict]) -> list[dict]:
    """The cells under every number of seeds that the records speak of, one on a CPU, more on an accelerator."""
    counts = sorted({r["seeds"] for r in records if "seeds" in r}) or [config.seeds]
    return [c | {"seeds": count} for count in counts for c in cells(config)]


def shown(record: dict) -> str:
    """A line for people."""
    away = [abs(v - record["truth"][t]) for t, of in record["value"].items() for v in of]
    return (
        f"{record['shape']}: {len(record['tasks'])} tasks × {record['seeds']} seeds, worst {max(away):.3f}, mean "
        f"{sum(away) / len(away):.4f} nats, {record['wall_s']:.0f} s of wall, {record['cpu_s']:.0f} CPU-s"
    )


def main(_):
    """Run the shapes that are missing, each in a fresh process."""
    path = Path(WORKDIR.value) / "forty.jsonl"
    run(path, cells(CONFIG.value), "experiments.forty:measure", show=shown, keys=KEYS)


if __name__ == "__main__":
    app.run(main)
