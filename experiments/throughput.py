"""How fast many fits train: ``python -m experiments.throughput --config=… --workdir=…``; one fresh process per cell.

Rates count the steps of the compiled program, the first two calls, which may compile, left out.  FLOPs are those of the
matrices of the network, forward and twice as many backward; the attainable rate is that of one large matrix product in
the same process.  A network that does nothing shows what everything else takes: random numbers, gathers, noise, the
Gaussian inside, the optimiser.
"""

import time
from pathlib import Path

from absl import app, flags
from ml_collections import config_flags

from experiments.cells import run

CONFIG = config_flags.DEFINE_config_file("config", "configs/throughput.py", "Configuration.")
WORKDIR = flags.DEFINE_string("workdir", "records", "Where throughput.jsonl is kept.")
LOOKS = 8


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
    from jaxinfo.estimators.fitted import unraveller
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
    s = Settings(steps=cell["steps"], checks=LOOKS, patience=0.999, seeds=cell["seeds"], **options).for_system(views)
    times, advance = [], crossfit._advance

    def timed(*arguments):
        cpu, wall = time.process_time(), time.time()
        out = jax.block_until_ready(advance(*arguments))
        times.append((time.process_time() - cpu, time.time() - wall))
        return out

    crossfit._advance = timed
    crossfit.fit_many([Job(x)], blocks, views, s, at_once=cell["at_once"])
    cpu, wall = (float(sum(t)) for t in zip(*times[2:]))
    done = s.folds * cell["at_once"] * (cell["steps"] // LOOKS) * len(times[2:])
    record = {"fit_steps_per_cpu_s": done / cpu, "fit_steps_per_s": done / wall}
    if cell["network_counts"]:
        shapes = jax.eval_shape(unraveller(blocks, s), jax.ShapeDtypeStruct((_length(blocks, s),), jnp.float32))
        weights = sum(leaf.size for leaf in jax.tree.leaves(shapes) if leaf.ndim == 2)
        record |= {"flops_per_fit_step": 6.0 * weights * s.batch, "attainable_flops_per_cpu_s": attainable()}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return cell | record | {"peak_mib": round(peak), "date": time.strftime("%Y-%m-%d"), "environment": environment()}


def _length(blocks, s) -> int:
    import jax
    import numpy as np

    from jaxinfo import gaussian
    from jaxinfo.estimators.fitted import network

    d = blocks.dim
    fac = gaussian.factors(blocks, np.zeros(d), np.eye(d), ((1,) * blocks.num_variables,))
    like = jax.eval_shape(lambda key: network(blocks, s).init(key, fac)["net"], jax.random.key(0))
    return sum(leaf.size for leaf in jax.tree.leaves(like))


def attainable(size: int = 1024, repeats: int = 20) -> float:
    """FLOPs per CPU-second of one large matrix product."""
    import jax
    import jax.numpy as jnp

    product = jax.jit(lambda a: a @ a)
    a = jax.block_until_ready(product(jnp.ones((size, size)) / size))
    cpu = time.process_time()
    for _ in range(repeats):
        a = product(a)
    jax.block_until_ready(a)
    return 2.0 * size**3 * repeats / (time.process_time() - cpu)


def main(_):
    """Run the cells that are missing, each in a fresh process."""
    config = CONFIG.value
    path = Path(WORKDIR.value) / f"{config.name}.jsonl"
    shared = {"task": config.task, "n": config.n, "steps": config.steps, "network": config.network.to_dict()}
    cells = [shared | {"seeds": r, "at_once": u, "network_counts": True} for r, u in config.cells]
    cells.append(shared | {"seeds": 1, "at_once": 1, "network_counts": False})
    show = lambda r: {k: v for k, v in r.items() if k not in ("environment", "date", "network")}
    run(path, cells, "experiments.throughput:measure", show=show)


if __name__ == "__main__":
    app.run(main)
