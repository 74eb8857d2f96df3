"""Accuracy and cost of the default budget on systems with exact truth, rivals beside: one JSON record per cell.

    python -m experiments.acceptance --config=configs/acceptance.py --workdir=records
    python -m experiments.acceptance --config=configs/acceptance.py:smoke --workdir=out/smoke

Each (task, data seed) runs in a fresh process, so that its CPU-seconds include compiling.
Cells already recorded with the same options are skipped: the same command resumes.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

from absl import app, flags
from ml_collections import config_flags

CONFIG = config_flags.DEFINE_config_file("config", "configs/acceptance.py", "Configuration.")
WORKDIR = flags.DEFINE_string("workdir", "records", "Where acceptance.jsonl is kept.")
ONLY = flags.DEFINE_string("only", "", "Run only tasks whose id starts with this.")


def cell(task_id: str, n: int, seed: int, options: dict, rivals: bool) -> dict:
    """Estimate the measures of a task from ``n`` rows; returns one record.

    Gradients of O-information need N (N − 1) more views: only where a bar speaks of them.
    """
    import warnings

    import jaxinfo as ji
    from experiments.bars import BARS
    from jaxinfo.bench import tasks
    from jaxinfo.inputs import InputWarning
    from jaxinfo.io.log import environment

    warnings.simplefilter("ignore", InputWarning)
    task = tasks.task(task_id)
    vs = task.draw(seed, n)
    cpu, wall = time.process_time(), time.time()
    judged = BARS.get(task_id, {})
    gradient = any(k.startswith("o_information_gradient") for k in judged)
    truth = {k: v for k, v in task.truth.items() if gradient or not k.startswith("o_information_gradient")}
    found = {}
    if "kl_divergence" in truth:
        found["kl_divergence"] = ji.kl_divergence(vs["p"], vs["q"], seed=seed, **options)
    else:
        names = []
        for name in truth:
            if name.startswith("o_information_gradient"):
                names.append("o_information_gradient")
            elif name == "entropy":
                names.append(f"entropy({', '.join(vs)})" if len(vs) > 1 else "entropy")
            else:
                names.append(name)
        if len(vs) > 1 and not task.id.startswith("mixture-entropy"):
            names = [s for s in names if not s.startswith("entropy")]
        results = ji.estimate(
            vs, tuple(dict.fromkeys(names)), seed=seed, discrete=list(task.discrete), progress=False, **options
        )
        for name in truth:
            key = name.replace("o_information_gradient:", "o_information_gradient(") + (")" if ":" in name else "")
            if key in results:
                found[name] = results[key]
    cpu, wall = time.process_time() - cpu, time.time() - wall
    beside = rivals_of(task, vs, tuple(found)) if rivals else {}
    keep = ("gap", "difference", "gaussian", "row_stderr", "optimism", "steps", "best_step", "logsnr_range", "flags")
    return {
        "task": task_id, "n": n, "seed": seed, "options": options, "cpu_s": round(cpu, 1), "wall_s": round(wall, 1),
        "truth": {k: truth[k] for k in found},
        "value": {k: e.value for k, e in found.items()},
        "stderr": {k: e.stderr for k, e in found.items()},
        "diagnostics": {k: {d: e.diagnostics.get(d) for d in keep} for k, e in found.items()},
        "beside": beside, "date": time.strftime("%Y-%m-%d"), "environment": environment(),
    }  # fmt: skip


def rivals_of(task, vs: dict, measures: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Gaussian copula and nearest neighbours on the same rows: rival -> measure -> nats."""
    import numpy as np

    from jaxinfo.estimators import copula, ksg

    if "kl_divergence" in measures:  # of two fitted Gaussians
        p, q = vs["p"], vs["q"]
        m, s = [z.mean(0) for z in (p, q)], [np.cov(z.T) for z in (p, q)]
        inverse = np.linalg.inv(s[1])
        moved = np.trace(inverse @ s[0]) + (m[1] - m[0]) @ inverse @ (m[1] - m[0]) - len(m[0])
        value = 0.5 * (moved + np.linalg.slogdet(s[1])[1] - np.linalg.slogdet(s[0])[1])
        return {
            "copula": {"kl_divergence": float(value)},
            "ksg": {"kl_divergence": float(ksg.knn_kl(p, q).value)},
        }
    rows = 3000 if sum(v[0].size for v in vs.values()) > 12 else 10_000
    found = {
        "copula": copula.copula_measures(vs, measures, discrete=task.discrete),
        "ksg": ksg.ksg_measures(vs, measures, max_rows=rows, discrete=task.discrete),
    }
    return {rival: {k: float(e.value) for k, e in each.items()} for rival, each in found.items()}


def child() -> None:
    """What a fresh process does: one cell, its record on the last line of standard output."""
    from jaxinfo.io.log import plain

    task, n, seed, options, rivals = sys.argv[1:]
    record = cell(task, int(n), int(seed), json.loads(options), rivals == "True")
    print("RECORD" + json.dumps(plain(record)))


def main(_):
    """Run the cells that are missing and print the table."""
    from jaxinfo.io.log import JsonLines, read_records

    config, path = CONFIG.value, Path(WORKDIR.value) / "acceptance.jsonl"
    mark = lambda r: (r["task"], r["n"], r["seed"], json.dumps(r["options"], sort_keys=True))
    done = {mark(r) for r in read_records(path)} if path.exists() else set()
    for group in config.groups:
        options = group.options.to_dict()
        for task in group.tasks:
            if not task.startswith(ONLY.value):
                continue
            for seed in range(config.seeds):
                if (task, group.n, seed, json.dumps(options, sort_keys=True)) in done:
                    continue
                arguments = [task, str(group.n), str(seed), json.dumps(options), str(config.rivals)]
                run = subprocess.run(
                    [sys.executable, "-c", "import experiments.acceptance as a; a.child()", *arguments],
                    capture_output=True,
                    text=True,
                )
                lines = [line for line in run.stdout.splitlines() if line.startswith("RECORD")]
                if run.returncode or not lines:
                    print(f"{task} seed {seed} failed:\n{run.stderr[-2000:]}", flush=True)
                    continue
                record = json.loads(lines[0].removeprefix("RECORD"))
                with JsonLines(path) as log:
                    log.write(record)
                error = {k: round(record["value"][k] - record["truth"][k], 4) for k in record["value"]}
                print(f"{task} n={group.n} seed={seed} {options} cpu={record['cpu_s']} error={error}", flush=True)


if __name__ == "__main__":
    app.run(main)
