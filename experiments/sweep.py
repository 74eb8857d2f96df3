"""Estimates of tasks with exact truth under stated options: one JSON record per cell, rivals beside.

    python -m experiments.sweep --config=configs/acceptance.py --workdir=records
    python -m experiments.sweep --config=configs/intervals.py --workdir=records --only=sign

A cell is (task, rows, data seed, options, measures), in a fresh process; with ``test`` rows it is read on a fresh draw of
so many, with an ``estimator`` a rival does it, which with the option ``cpu_seconds="ours"`` trains for as long as ours took
in all on the same task and rows.  Cells already recorded are skipped: the same command resumes.

``--jobs=4`` measures four cells at once, each on a quarter of the processor's cores.  ``--together=16`` trains up to sixteen
of ours side by side that have data of one shape and the same options, which fills an accelerator and compiles once: values
are those of separate calls, to rounding, and seconds are equal shares of the whole.  On a GPU several jobs share its memory
with ``XLA_PYTHON_CLIENT_PREALLOCATE=false``.
"""

import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from absl import app, flags
from ml_collections import config_flags

from experiments.cells import cpu_seconds, mark, run

CONFIG = config_flags.DEFINE_config_file("config", "configs/acceptance.py", "Configuration.")
WORKDIR = flags.DEFINE_string("workdir", "records", "Where the records are kept, in a file named after the config.")
ONLY = flags.DEFINE_string("only", "", "Run only tasks whose id starts with this.")
JOBS = flags.DEFINE_integer("jobs", 1, "Processes at once, each on its share of the cores.", lower_bound=1)
TOGETHER = flags.DEFINE_integer("together", 1, "Fits of ours trained side by side in one process.", lower_bound=1)
KEYS = ("task", "n", "seed", "options", "measures", "test", "estimator")
FRESH = 1_000_000  # what is added to the seed of a draw for its test rows
KEPT = (
    "gap", "difference", "gaussian", "row_stderr", "seed_spread", "optimism", "optimism_gaussian", "fine", "bent",
    "unseen", "steps", "best_step", "logsnr_range", "preprocess", "p_value", "flags", "terms", "rows",
)  # fmt: skip
OURS = "ours"  # the clock of a rival: as long as ours took


def measure(cell: dict, place: Path | None = None) -> dict:
    """Estimate the measures of one cell; returns its record.  Training is kept in ``place`` and goes on from there."""
    task, truth, vs, fresh = drawn(cell)
    with spending() as spent:
        if cell.get("estimator"):
            options = cell["options"] | {k: cell[k] for k in ("cpu_seconds",) if k in cell}
            found = by_rival(cell["estimator"], vs, vs if fresh is None else fresh, truth, cell["seed"], options)
        else:
            options = cell["options"] | ({} if place is None else {"checkpoint_dir": str(place)})
            found = estimates(task, vs, truth, cell["seed"], options, fresh)
    return record(cell, task, truth, vs, found, spent)


def measure_together(cells: list[dict]) -> list[dict]:
    """The records of cells of ours that share a program, trained side by side."""
    from jaxinfo.api import ask_each
    from jaxinfo.model import train_many

    of = [drawn(cell) for cell in cells]
    with spending() as spent:
        models = []
        for cell, (task, truth, vs, _) in zip(cells, of):
            asked, options = measures_of(truth), {"discrete": list(task.discrete), "progress": False} | cell["options"]
            models += ask_each({task.id: vs}, asked, seed=cell["seed"], **options)
        train_many(models, asked)
        found = [read(model, truth, fresh) for model, (_, truth, _, fresh) in zip(models, of)]
    share = {k: round(v / len(cells), 1) for k, v in spent.items()}
    return [
        record(cell, task, truth, vs, values, share) | {"together": len(cells)}
        for cell, (task, truth, vs, _), values in zip(cells, of, found)
    ]


def drawn(cell: dict) -> tuple:
    """The task of a cell, the exact values it asks for, its rows, and fresh ones where it is read on such."""
    from jaxinfo.bench import tasks

    task = tasks.task(cell["task"])
    truth = {k: v for k, v in task.truth.items() if wanted(k, task, cell["measures"])}
    if not truth:
        raise ValueError(f"{task.id} has no exact {cell['measures']}; it has {', '.join(task.truth)}.")
    fresh = task.draw(cell["seed"] + FRESH, cell["test"]) if cell.get("test") else None
    return task, truth, task.draw(cell["seed"], cell["n"]), fresh


@contextmanager
def spending() -> Iterator[dict[str, float]]:
    """``cpu_s`` and ``wall_s`` of what is done inside, known afterwards; what our data draw attention to is not said."""
    from jaxinfo.inputs import InputWarning

    spent: dict[str, float] = {}
    cpu, wall = time.process_time(), time.time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)
        yield spent
    spent |= {"cpu_s": round(time.process_time() - cpu, 1), "wall_s": round(time.time() - wall, 1)}


def record(cell: dict, task, truth: dict, vs: dict, found: dict, spent: dict[str, float]) -> dict:
    """What is kept of a cell: its estimates, what they cost, rivals on the same rows ``vs`` beside."""
    import resource

    import jax

    from jaxinfo.io.log import environment

    return cell | spent | {
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "truth": {k: truth[k] for k in found},
        "value": {k: e.value for k, e in found.items()},
        "stderr": {k: e.stderr for k, e in found.items()},
        "diagnostics": {k: {d: e.diagnostics.get(d) for d in KEPT if d in e.diagnostics} for k, e in found.items()},
        "beside": rivals_of(task, vs, tuple(found), cell["rivals"]) if cell["rivals"] else {},
        "date": time.strftime("%Y-%m-%d"), "environment": environment(),
        "programs_kept": bool(jax.config.jax_compilation_cache_dir),
    }  # fmt: skip


def wanted(name: str, task, measures: list[str]) -> bool:
    """Whether a cell asks for this exact value of its task; an empty list asks for all but the gradients of Ω.

    Gradients need N (N − 1) more views, and the entropy of a system is no measure of interaction.
    """
    base = name.split(":")[0]
    if measures:
        return base in measures
    return base != "o_information_gradient" and (base != "entropy" or len(task.truth) == 1)


def estimates(task, vs: dict, truth: dict, seed: int, options: dict, fresh: dict | None = None) -> dict:
    """Our estimates under the names of the task's exact values: cross-fitted, or read on ``fresh`` rows."""
    import jaxinfo as ji

    if "kl_divergence" in truth:
        return {"kl_divergence": ji.kl_divergence(vs["p"], vs["q"], seed=seed, **options)}
    model = ji.fit(vs, measures_of(truth), seed=seed, discrete=list(task.discrete), progress=False, **options)
    return read(model, truth, fresh)


def measures_of(truth: dict) -> tuple[str, ...]:
    """The measures that tell these exact values."""
    return tuple(dict.fromkeys(name.split(":")[0] for name in truth))


def read(model, truth: dict, fresh: dict | None) -> dict:
    """What a trained model says of these exact values: cross-fitted, or read on ``fresh`` rows."""
    key = lambda name: name.replace(":", "(") + (")" if ":" in name else "")
    if fresh is not None:
        return {name: model.measure(key(name), rows=fresh) for name in truth}
    results = model.estimate()
    return {name: results[key(name)] for name in truth}


def by_rival(name: str, train: dict, test: dict, truth: dict, seed: int, options: dict) -> dict:
    """A rival's estimates under the names of the task's exact values."""
    from jaxinfo.bench import run

    return run.estimate_all(name, tuple(truth), train, test, seed, **options)


def clock(cell: dict, kept: list[dict]) -> dict:
    """``cpu_seconds`` for a rival that trains as long as ours took, by the records so far: mean over data seeds
    measured one by one on a CPU.

    A decomposition shares them among its mutual informations.

    Raises:
      LookupError: when ours has not been measured yet.
    """
    from jaxinfo.bench import tasks
    from jaxinfo.estimators import decompose

    if cell["options"].get("cpu_seconds") != OURS:
        return {}
    same = ("task", "n", "measures")
    of_ours = (r for r in kept if not r.get("estimator") and not r["options"] and all(r[k] == cell[k] for k in same))
    took = [seconds for r in of_ours if (seconds := cpu_seconds(r)) is not None]
    if not took:
        raise LookupError(f"no record of ours on {cell['task']}, n = {cell['n']}")
    path, _, _ = cell["estimator"].rpartition("-")
    names = list(tasks.task(cell["task"]).dims)
    parts = {t[1:] for m in cell["measures"] for t in decompose.mi_terms(m, names, path)} if path else [()]
    return {"cpu_seconds": round(sum(took) / len(took) / len(parts), 2)}


def rivals_of(task, vs: dict, measures: tuple[str, ...], names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Gaussian copula, nearest neighbours and exact scores on the same rows, those of them named: rival -> measure -> nats."""
    import numpy as np

    from jaxinfo.estimators import copula, ksg

    if "kl_divergence" in measures:  # of two fitted Gaussians
        p, q = vs["p"], vs["q"]
        m, s = [z.mean(0) for z in (p, q)], [np.cov(z.T) for z in (p, q)]
        inverse = np.linalg.inv(s[1])
        moved = np.trace(inverse @ s[0]) + (m[1] - m[0]) @ inverse @ (m[1] - m[0]) - len(m[0])
        value = 0.5 * (moved + np.linalg.slogdet(s[1])[1] - np.linalg.slogdet(s[0])[1])
        each = {"copula": value, "ksg": ksg.knn_kl(p, q).value}
        return {rival: {"kl_divergence": float(of)} for rival, of in each.items() if rival in names}
    rows = 3000 if sum(v[0].size for v in vs.values()) > 12 else 10_000
    found = {
        "copula": lambda: copula.copula_measures(vs, measures, discrete=task.discrete),
        "ksg": lambda: ksg.ksg_measures(vs, measures, max_rows=rows, discrete=task.discrete),
    }
    if task.copula is not None:
        found["exact"] = lambda: exact(task, vs, measures)
    return {rival: {k: float(e.value) for k, e in found[rival]().items()} for rival in names if rival in found}


def exact(task, vs: dict, measures: tuple[str, ...]) -> dict:
    """What our integral reads from the exact scores of a task with a normal copula: its error is the floor of ours."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from jaxinfo import gaussian, integral, plan, preprocess, queries, times
    from jaxinfo.blocks import Blocks
    from jaxinfo.estimators.fitted import SDE
    from jaxinfo.estimators.prepare import clean_end
    from jaxinfo.estimators.settings import BUDGETS

    s, blocks = BUDGETS["standard"], Blocks(tuple(task.dims.values()), tuple(vs))
    asked = queries.expand(measures, blocks)
    built = {name: queries.build(q, blocks) for name, q in asked.items()}
    views = plan.plan(built).views
    x = np.column_stack(list(vs.values()))
    z = preprocess.fit(x, "rank").forward(x)
    score = gaussian.factored_score(SDE, blocks, gaussian.factors(blocks, np.zeros(blocks.dim), task.copula, views))
    return integral.evaluate(
        jax.random.key(0), built, SDE, blocks, score, jnp.asarray(z, jnp.float32), num_mc=s.num_mc, control=True,
        times=times.stratified(SDE, s.lo, clean_end(blocks, [task.copula], views)),
    )  # fmt: skip


def cells(config) -> list[dict]:
    """Every cell of a configuration: ``groups`` of tasks with ``n``, ``options`` and ``measures``, times ``seeds``.

    A group without ``seeds`` takes the configuration's; ``test``, ``estimator`` and ``long`` are for those that have them;
    the task ``bmi`` means the 40 published ones.
    """
    from jaxinfo.bench.tasks import bmi_tasks

    out = []
    for group in config.groups:
        options, measures = group.options.to_dict(), list(group.get("measures", ()))
        for task in [t for name in group.tasks for t in (bmi_tasks() if name == "bmi" else [name])]:
            for seed in range(group["seeds"] if "seeds" in group else config.seeds):
                cell = {"task": task, "n": group.n, "seed": seed, "options": options, "measures": measures}
                cell |= {k: group[k] for k in ("test", "estimator", "long") if k in group}
                out.append(cell | {"rivals": [] if "estimator" in group else list(config.rivals)})
    return out


def alike(cells: Sequence[dict], most: int) -> list[dict | list[dict]]:
    """Cells of ours whose networks share a program, up to ``most`` in a list; the others as they are, after them."""
    from jaxinfo.bench import tasks

    lists: dict[str, list[dict]] = {}
    others: list[dict | list[dict]] = []
    for cell in cells:
        task = tasks.task(cell["task"])
        if cell.get("estimator") or "kl_divergence" in task.truth:
            others.append(cell)
        else:
            same = mark(cell, ("n", "test", "options", "measures"))
            lists.setdefault(f"{same} {task.dims} {task.discrete} {measures_of(task.truth)}", []).append(cell)
    return [*(of[k : k + most] for of in lists.values() for k in range(0, len(of), most)), *others]


def shown(record: dict) -> str:
    """A line for people: how far each estimate is from the truth."""
    away = {k: f"{v - record['truth'][k]:+.3f} ± {record['stderr'][k]:.3f}" for k, v in record["value"].items()}
    what = f"{record['task']} n={record['n']} seed={record['seed']} {record.get('estimator', '')} {record['options']}"
    return f"{what} cpu={record['cpu_s']} {away}"


def main(_):
    """Run the cells that are missing."""
    config, several = CONFIG.value, TOGETHER.value > 1
    of = [cell for cell in cells(config) if cell["task"].startswith(ONLY.value)]
    run(
        Path(WORKDIR.value) / f"{config.name}.jsonl",
        alike(of, TOGETHER.value) if several else of,
        "experiments.sweep:measure_any",
        show=shown,
        keys=KEYS,
        keep_programs=config.get("keep_programs", False),
        given=clock,
        jobs=JOBS.value,
    )


def measure_any(cells: dict | list[dict], **kept) -> dict | list[dict]:
    """The record of a cell, or those of cells that are trained side by side."""
    return measure_together(cells) if isinstance(cells, list) else measure(cells, **kept)


if __name__ == "__main__":
    app.run(main)
