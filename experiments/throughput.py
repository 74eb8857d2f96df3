"""How fast many fits train: ``python -m experiments.throughput --config=… --workdir=…``; one fresh process per cell.

Rates count the steps of the compiled program, the first two calls, which may compile, left out.  They are per CPU-second on
a CPU and per second of the clock on other devices, whose work CPU-seconds do not see; ``clock`` says which.  FLOPs are those
of the matrices of the network, forward and twice as many backward; the attainable rate is that of one large matrix product
in the same process.  A network that does nothing shows what everything else takes: random numbers, gathers, noise, the
Gaussian inside, the optimiser.
"""

import time
from collections.abc import Callable
from pathlib import Path

from absl import app, flags
from ml_collections import config_flags

from experiments.cells import run

CONFIG = config_flags.DEFINE_config_file("config", "configs/throughput.py", "Configuration.")
WORKDIR = flags.DEFINE_string("workdir", "records", "Where throughput.jsonl is kept.")
KEYS = ("task", "n", "steps", "network", "seeds", "at_once", "network_counts")
LOOKS = 8
CLOCKS = {"cpu": time.process_time, "wall": time.perf_counter}
SIZES = {"cpu": 1024, "wall": 8192}  # of the large matrix product: accelerators need more to be busy


def measure(cell: dict) -> dict:
    """Train without ending early; the record of one cell."""
    import resource

    import jax
    import jax.numpy as jnp
    import numpy as np

    from jaxinfo import measures as ms
    from jaxinfo import plan
    from jaxinfo.bench import tasks
    from jaxinfo.blocks import Blocks
    from jaxinfo.estimators import crossfit
    from jaxinfo.estimators.fitted import flops_per_step
    from jaxinfo.estimators.prepare import Job
    from jaxinfo.estimators.settings import Settings
    from jaxinfo.io.log import environment
    from jaxinfo.types import Net

    def nothing(blocks):
        return Net(lambda key, x, u: {"w": jnp.zeros(1)}, lambda p, x, u: 0.0 * p["w"] * x[..., : blocks.dim])

    vs = tasks.task(cell["task"]).draw(0, cell["n"])
    blocks = Blocks(tuple(v[0].size for v in vs.values()), tuple(vs))
    x = np.concatenate([v.reshape(cell["n"], -1) for v in vs.values()], 1).astype(float)
    views = plan.plan({"mi": ms.mi(2, [0], [1])}).views
    options = dict(cell["network"]) | ({} if cell["network_counts"] else {"net": nothing})
    s = Settings(steps=cell["steps"], checks=LOOKS, patience=0.999, seeds=cell["seeds"], **options).for_system(
        blocks, views
    )
    times, advance = [], crossfit._advance

    def timed(*arguments):
        start = [read() for read in CLOCKS.values()]
        out = jax.block_until_ready(advance(*arguments))
        times.append([read() - before for read, before in zip(CLOCKS.values(), start)])
        return out

    crossfit._advance = timed
    crossfit.fit_many([Job(x)], blocks, views, s, at_once=cell["at_once"])
    spent = dict(zip(CLOCKS, (float(sum(t)) for t in zip(*times[2:]))))
    done = s.folds * cell["at_once"] * (cell["steps"] // LOOKS) * len(times[2:])
    clock = "cpu" if jax.default_backend() == "cpu" else "wall"
    record = {"clock": clock, "fit_steps_per_s": done / spent[clock], "fit_steps_per_wall_s": done / spent["wall"]}
    record |= {"folds": s.folds}
    if cell["network_counts"]:
        record |= {
            "flops_per_fit_step": flops_per_step(blocks, s),
            "attainable_flops_per_s": attainable(CLOCKS[clock], SIZES[clock]),
        }
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return cell | record | {"peak_mib": round(peak), "date": time.strftime("%Y-%m-%d"), "environment": environment()}


def attainable(read: Callable[[], float], size: int, repeats: int = 20) -> float:
    """FLOPs per second of one large matrix product, by the clock that ``read`` reads."""
    import jax
    import jax.numpy as jnp

    product = jax.jit(lambda a: a @ a)
    a = jax.block_until_ready(product(jnp.ones((size, size)) / size))
    start = read()
    for _ in range(repeats):
        a = product(a)
    jax.block_until_ready(a)
    return 2.0 * size**3 * repeats / (read() - start)


def cells(config) -> list[dict]:
    """Every grouping of seeds, and one seed whose network does nothing."""
    shared = {"task": config.task, "n": config.n, "steps": config.steps, "network": config.network.to_dict()}
    out = [shared | {"seeds": r, "at_once": u, "network_counts": True} for r, u in config.cells]
    return [*out, shared | {"seeds": 1, "at_once": 1, "network_counts": False}]


def main(_):
    """Run the cells that are missing, each in a fresh process."""
    config = CONFIG.value
    path = Path(WORKDIR.value) / f"{config.name}.jsonl"
    show = lambda r: {k: v for k, v in r.items() if k not in ("environment", "date", "network")}
    run(path, cells(config), "experiments.throughput:measure", show=show, keys=KEYS)


if __name__ == "__main__":
    app.run(main)
