"""Estimates of tasks with exact truth under stated options: one JSON record per cell, rivals beside.

    python -m experiments.sweep --config=configs/acceptance.py --workdir=records
    python -m experiments.sweep --config=configs/intervals.py --workdir=records --only=sign

A cell is (task, rows, data seed, options, measures), in a fresh process; with ``test`` rows it is read on a fresh draw of
so many, with an ``estimator`` a rival does it, which with the option ``cpu_seconds="ours"`` trains for as long as ours took
in all on the same task and rows.  Cells already recorded are skipped: the same command resumes.
"""

import time
from collections.abc import Sequence
from pathlib import Path

from absl import app, flags
from ml_collections import config_flags

from experiments.cells import run

CONFIG = config_flags.DEFINE_config_file("config", "configs/acceptance.py", "Configuration.")
WORKDIR = flags.DEFINE_string("workdir", "records", "Where the records are kept, in a file named after the config.")
ONLY = flags.DEFINE_string("only", "", "Run only tasks whose id starts with this.")
KEYS = ("task", "n", "seed", "options", "measures", "test", "estimator")
FRESH = 1_000_000  # what is added to the seed of a draw for its test rows
KEPT = (
    "gap", "difference", "gaussian", "row_stderr", "seed_spread", "optimism", "optimism_gaussian", "steps",
    "best_step", "logsnr_range", "p_value", "flags", "terms", "rows",
)  # fmt: skip
OURS = "ours"  # the clock of a rival: as long as ours took


def measure(cell: dict, place: Path | None = None) -> dict:
    """Estimate the measures of one cell; returns its record.  Training is kept in ``place`` and goes on from there."""
    import resource
    import warnings

    import jax

    from jaxinfo.bench import tasks
    from jaxinfo.inputs import InputWarning
    from jaxinfo.io.log import environment

    warnings.simplefilter("ignore", InputWarning)
    task = tasks.task(cell["task"])
    truth = {k: v for k, v in task.truth.items() if wanted(k, task, cell["measures"])}
    if not truth:
        raise ValueError(f"{task.id} has no exact {cell['measures']}; it has {', '.join(task.truth)}.")
    vs = task.draw(cell["seed"], cell["n"])
    fresh = task.draw(cell["seed"] + FRESH, cell["test"]) if cell.get("test") else None
    cpu, wall = time.process_time(), time.time()
    if cell.get("estimator"):
        options = cell["options"] | {k: cell[k] for k in ("cpu_seconds",) if k in cell}
        found = by_rival(cell["estimator"], vs, vs if fresh is None else fresh, truth, cell["seed"], options)
    else:
        options = cell["options"] | ({} if place is None else {"checkpoint_dir": str(place)})
        found = estimates(task, vs, truth, cell["seed"], options, fresh)
    cpu, wall = time.process_time() - cpu, time.time() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return cell | {
        "cpu_s": round(cpu, 1), "wall_s": round(wall, 1), "peak_mib": round(peak),
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
    asked = tuple(dict.fromkeys(name.split(":")[0] for name in truth))
    key = lambda name: name.replace(":", "(") + (")" if ":" in name else "")
    model = ji.fit(vs, asked, seed=seed, discrete=list(task.discrete), progress=False, **options)
    if fresh is not None:
        return {name: model.measure(key(name), rows=fresh) for name in truth}
    results = model.estimate()
    return {name: results[key(name)] for name in truth}


def by_rival(name: str, train: dict, test: dict, truth: dict, seed: int, options: dict) -> dict:
    """A rival's estimates under the names of the task's exact values."""
    from jaxinfo.bench import run

    return run.estimate_all(name, tuple(truth), train, test, seed, **options)


def clock(cell: dict, kept: list[dict]) -> dict:
    """``cpu_seconds`` for a rival that trains as long as ours took, by the records so far: mean over data seeds.

    ``"4 ours"`` is four times as long.  A decomposition shares them among its mutual informations.

    Raises:
      LookupError: when ours has not been measured yet.
    """
    from jaxinfo.bench import tasks
    from jaxinfo.estimators import decompose

    times, _, whose = str(cell["options"].get("cpu_seconds")).rpartition(" ")
    if whose != OURS:
        return {}
    same = ("task", "n", "measures")
    took = [
        r["cpu_s"] for r in kept if not r.get("estimator") and not r["options"] and all(r[k] == cell[k] for k in same)
    ]
    if not took:
        raise LookupError(f"no record of ours on {cell['task']}, n = {cell['n']}")
    path, _, _ = cell["estimator"].rpartition("-")
    names = list(tasks.task(cell["task"]).dims)
    parts = {t[1:] for m in cell["measures"] for t in decompose.mi_terms(m, names, path)} if path else [()]
    return {"cpu_seconds": round(float(times or 1) * sum(took) / len(took) / len(parts), 2)}


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
    z = preprocess.fit(x, s.preprocess).forward(x)
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


def shown(record: dict) -> str:
    """A line for people: how far each estimate is from the truth."""
    away = {k: f"{v - record['truth'][k]:+.3f} ± {record['stderr'][k]:.3f}" for k, v in record["value"].items()}
    what = f"{record['task']} n={record['n']} seed={record['seed']} {record.get('estimator', '')} {record['options']}"
    return f"{what} cpu={record['cpu_s']} {away}"


def main(_):
    """Run the cells that are missing."""
    config = CONFIG.value
    wanted = [cell for cell in cells(config) if cell["task"].startswith(ONLY.value)]
    path = Path(WORKDIR.value) / f"{config.name}.jsonl"
    run(
        path,
        wanted,
        "experiments.sweep:measure",
        show=shown,
        keys=KEYS,
        keep_programs=config.get("keep_programs", False),
        given=clock,
    )


if __name__ == "__main__":
    app.run(main)
