"""Cost against the number of variables N: ``python -m experiments.scale --config=… --workdir=…``.

TC, DTC, S and O-information of N two-dimensional variables together: how long an optimiser step takes, looks at validation
rows aside, and reading per view and row.  Compiling is left out (the first call of each program); networks are trained for
a few steps only, which changes no cost.
"""

import time
from pathlib import Path

from absl import app, flags
from ml_collections import config_flags

from experiments.cells import run

CONFIG = config_flags.DEFINE_config_file("config", "configs/scale.py", "Configuration.")
WORKDIR = flags.DEFINE_string("workdir", "records", "Where scale.jsonl is kept.")
KEYS = ("num_variables", "n", "steps", "network")
LOOKS = 3


def measure(cell: dict) -> dict:
    """The record of one number of variables."""
    import resource

    import jax
    import numpy as np

    from jaxinfo import measures as ms
    from jaxinfo import plan
    from jaxinfo.bench import system_tasks
    from jaxinfo.blocks import Blocks
    from jaxinfo.estimators import crossfit, readout
    from jaxinfo.estimators.settings import Settings
    from jaxinfo.io.log import environment

    vs = system_tasks.blocks_task(cell["num_variables"], 2, "inner_spiral").draw(0, cell["n"])
    blocks = Blocks(tuple(v[0].size for v in vs.values()), tuple(vs))
    x = np.concatenate([v.reshape(cell["n"], -1) for v in vs.values()], 1).astype(float)
    n = blocks.num_variables
    asked = {"tc": ms.tc(n), "dtc": ms.dtc(n), "s": ms.s_info(n), "o": ms.o_info(n)}
    views = plan.plan(asked).views
    s = Settings(steps=cell["steps"], checks=LOOKS, patience=0.999, **cell["network"])
    times, advance = [], crossfit._advance

    def timed(*arguments):
        start = time.process_time()
        out = jax.block_until_ready(advance(*arguments))
        times.append(time.process_time() - start)
        return out

    crossfit._advance = timed
    fitted = readout.tune(crossfit.fit(x, blocks, views, s), x)
    s = fitted.settings
    readout.read(fitted, asked, x)  # compiles
    start = time.process_time()
    readout.read(fitted, asked, x)
    reading = time.process_time() - start
    each = sum(times[1:]) / (len(times[1:]) * s.folds * (s.steps // LOOKS))
    read = 2 * cell["n"] * len(views)  # each row by networks that left it out, and by some that saw it
    return cell | {
        "dim": blocks.dim, "views": len(views), "batch": s.batch, "num_mc": s.num_mc,
        "train_cpu_s_per_step": each, "read_cpu_s": reading, "read_cpu_s_per_view_row": reading / read,
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "date": time.strftime("%Y-%m-%d"), "environment": environment(),
    }  # fmt: skip


def cells(config) -> list[dict]:
    """One per number of variables."""
    shared = {"n": config.n, "steps": config.steps, "network": config.network.to_dict()}
    return [shared | {"num_variables": num} for num in config.variables]


def main(_):
    """Run the cells that are missing."""
    config = CONFIG.value
    show = lambda r: {k: v for k, v in r.items() if k not in ("environment", "date", "network")}
    run(Path(WORKDIR.value) / f"{config.name}.jsonl", cells(config), "experiments.scale:measure", show=show, keys=KEYS)


if __name__ == "__main__":
    app.run(main)
