"""Train one network on data larger than memory, on as many devices and hosts as there are, and read measures from it.

    python -m experiments.stream --config=configs/gpu_box.py --workdir=out/stream --config.data=DIRECTORY

DIRECTORY holds one ``NAME.npy`` per variable, ``[n]`` or ``[n, d]``, aligned by rows; they are mapped, not read.
``task:ID`` draws fresh rows of a task with exact truth instead.  The last ``held_out`` rows are never trained on: they are
read at the end.  Killed at any moment, the same command goes on, and ends with the same numbers on the same devices.
On several hosts run the same command on each, with the same workdir; TPU pods of Kubernetes, Slurm and Open MPI tell each
who it is, elsewhere ``--coordinator``, ``--num_processes`` and ``--process_id`` do.
"""

import hashlib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from absl import app, flags, logging
from ml_collections import config_flags

from jaxinfo import blocks as bk
from jaxinfo import gaussian, integral, matching, parallel, preprocess, queries, times, train
from jaxinfo import plan as pl
from jaxinfo import views as vw
from jaxinfo.bench import tasks
from jaxinfo.estimators.fitted import SDE, network
from jaxinfo.estimators.objective import training_density, view_weights
from jaxinfo.estimators.prepare import clean_end
from jaxinfo.estimators.settings import Settings
from jaxinfo.io.keeper import Keeper
from jaxinfo.io.log import JsonLines, environment, progress
from jaxinfo.results import Results

CONFIG = config_flags.DEFINE_config_file("config", "configs/gpu_box.py", "Configuration.")
WORKDIR = flags.DEFINE_string("workdir", "out/stream", "Checkpoints, log and results; the same command resumes.")
COORDINATOR = flags.DEFINE_string("coordinator", None, "HOST:PORT of process 0, where nothing else tells it.")
NUM_PROCESSES = flags.DEFINE_integer("num_processes", None, "How many processes there are.")
PROCESS_ID = flags.DEFINE_integer("process_id", None, "The number of this one, from 0.")


class Mapped:
    """Rows of ``.npy`` files on disk; batch k is a function of k alone."""

    def __init__(self, directory: str, held_out: int, seed: int):
        files = sorted(Path(directory).glob("*.npy"))
        if not files:
            raise ValueError(f"{directory}: expected one NAME.npy per variable, got none; see experiments/stream.py.")
        self.arrays = {f.stem: np.load(f, mmap_mode="r") for f in files}
        lengths = {len(a) for a in self.arrays.values()}
        if len(lengths) != 1 or max(lengths) <= 2 * held_out:
            raise ValueError(
                f"{directory}: expected variables of equally many rows, more than twice held_out={held_out}, got {lengths}."
            )
        self.n, self.seed = lengths.pop() - held_out, seed
        self.blocks = bk.Blocks(tuple(a[:1].size for a in self.arrays.values()), tuple(self.arrays))

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Packed rows ``[len(rows), D]`` by number, read in the order of the disk."""
        order = np.argsort(rows)
        sides = [np.asarray(a[rows[order]], np.float64).reshape(len(rows), -1) for a in self.arrays.values()]
        return np.concatenate(sides, 1)[np.argsort(order)]

    def batch(self, step: int, slabs: int, rows: int, mine: slice) -> np.ndarray:
        """Batch ``step`` of ``slabs`` times ``rows``, drawn with replacement; of each slab the rows of this host are read,
        ``[slabs, rows of mine, D]``."""
        drawn = np.random.default_rng([self.seed, step]).integers(0, self.n, (slabs, rows))[:, mine]
        return self.take(drawn.ravel()).reshape(*drawn.shape, -1)

    def first(self, size: int) -> np.ndarray:
        """Rows from which the transform and the Gaussian are fitted."""
        return self.take(np.random.default_rng([self.seed]).integers(0, self.n, min(size, self.n)))

    def held_out(self, size: int) -> np.ndarray:
        """The rows that are read at the end."""
        return self.take(np.arange(self.n, self.n + size))


class Drawn:
    """Fresh rows of a task with exact truth."""

    def __init__(self, id: str, seed: int):
        self.task, self.seed = tasks.task(id), 10_000_000 * (1 + seed)
        first = self.task.draw(0, 1)
        self.blocks = bk.Blocks(tuple(np.asarray(v).size for v in first.values()), tuple(first))

    def draw(self, step: int, size: int) -> np.ndarray:
        """Packed rows ``[size, D]``."""
        return np.concatenate([v.reshape(size, -1) for v in self.task.draw(self.seed + step, size).values()], 1)

    def batch(self, step: int, slabs: int, rows: int, mine: slice) -> np.ndarray:
        """Batch ``step`` of ``slabs`` times ``rows``, of each slab the rows of this host, ``[slabs, rows of mine, D]``."""
        return self.draw(step, slabs * rows).reshape(slabs, rows, -1)[:, mine]

    def first(self, size: int) -> np.ndarray:
        """Rows from which the transform and the Gaussian are fitted."""
        return self.draw(-1, size)

    def held_out(self, size: int) -> np.ndarray:
        """The rows that are read at the end."""
        return self.draw(-2, size)


def main(_):
    """Train, read, save."""
    logging.set_verbosity(logging.WARNING)  # orbax tells every step of a save
    parallel.start(COORDINATOR.value, NUM_PROCESSES.value, PROCESS_ID.value)
    config, workdir = CONFIG.value, Path(WORKDIR.value)
    if config.data.startswith("task:"):
        source = Drawn(config.data.removeprefix("task:"), config.seed)
    else:
        source = Mapped(config.data, config.held_out, config.seed)
    blocks = source.blocks
    measures = {k: queries.build(q, blocks) for k, q in queries.expand(tuple(config.measures), blocks).items()}
    views = pl.plan(measures).views
    s = Settings(**config.network.to_dict()).for_system(blocks, views)
    rules = source.first(config.rules_rows)
    transform = preprocess.fit(rules, s.preprocess or "rank")
    z = transform.forward(rules)
    mean, cov = z.mean(0), np.cov(z.T, ddof=0).reshape(blocks.dim, blocks.dim)
    hi, factors = clean_end(blocks, [cov], views), gaussian.factors(blocks, mean, cov, views)
    over = parallel.mesh(fits=1, data=jax.device_count())
    net, roles = network(blocks, s), jnp.asarray(vw.table(views))
    slabs, rows = matching.slab_layout(len(views), config.batch)
    rows = parallel.multiple(rows, over, parallel.DATA)  # every device has as many of each view
    where = times.stratified(SDE, s.lo, hi, training_density(s.lo, hi, s.focus))
    probs = jnp.asarray(view_weights(views), jnp.float32)

    def loss(params, key, batch):
        k_view, k_loss = jax.random.split(key)
        drawn = matching.draw_views(k_view, probs, slabs)
        both = {"net": params, "gaussian": factors}
        return matching.matching_loss(both, net, SDE, blocks, k_loss, batch, roles=roles[drawn], times=where)

    here, of = jax.process_index(), jax.process_count()
    mine = slice(here * rows // of, (here + 1) * rows // of)

    def coordinates(x):
        return transform.forward(x.reshape(-1, blocks.dim)).reshape(x.shape).astype(np.float32)

    def feed(step, count):
        return np.stack([coordinates(source.batch(k, slabs, rows, mine)) for k in range(step, step + count)])

    tx = train.optimiser(s.learning_rate, s.weight_decay, kind=s.optimiser)
    k_init, k_run, k_read = jax.random.split(jax.random.key(config.seed), 3)
    state = parallel.replicate(train.init_state(net.init(k_init, factors)["net"], tx), over)
    cool = int(config.steps * s.cooldown)
    mark = hashlib.sha256(f"{config.to_json()} {jax.device_count()}".encode()).hexdigest()
    with (
        Keeper(workdir / "training", mark, every_s=config.save_every_s, writes=parallel.is_first()) as keeper,
        JsonLines(workdir / f"log{here}.jsonl") as log,
        progress(config.steps, "training") as bar,
    ):
        log.write({"kind": "start", "config": config.to_dict(), "environment": environment(), "views": len(views)})

        def tell(step, metrics):
            log.write({"kind": "step", "step": step, **metrics})
            bar.reach(step, config.steps, **metrics)

        state = train.run(
            k_run, state, feed, loss=loss, tx=tx, num_steps=config.steps, chunk=config.chunk,
            rate=train.trapezoid(min(200, config.steps // 10 + 1), config.steps - cool, cool), decay=s.decay,
            place=lambda batch: parallel.spread_rows(batch, over, axis=2), keeper=keeper,
            agree=parallel.any_host, log=tell,
        )  # fmt: skip
    params = parallel.fetch(state.ema)  # by all hosts together
    if parallel.is_first():
        score = vw.bind(net, {"net": params, "gaussian": factors}, SDE, blocks)
        held = transform.forward(source.held_out(config.held_out))
        found = integral.evaluate(
            k_read, measures, SDE, blocks, score, held.astype(np.float32), times=times.stratified(SDE, s.lo, hi),
            num_mc=s.num_mc, mean=mean, cov=cov, control=True, value="mean",
        )  # fmt: skip
        report(found, source, config.data, workdir)
    parallel.wait_for_all("read")


def report(found, source: Mapped | Drawn, title: str, workdir: Path) -> None:
    """Keep, draw and print the estimates, beside exact values where those are known."""
    results = Results(found, title)
    results.save(workdir)
    if isinstance(source, Drawn):
        exact = {k: source.task.truth.get(k) for k in found}
        with JsonLines(workdir / "records.jsonl") as log:
            log.write({"kind": "truth", **exact})
        results.title += "; exact: " + ", ".join(f"{k} {v:.3f}" for k, v in exact.items() if v is not None)
    results.plot(workdir / "report.png")
    print(results)


if __name__ == "__main__":
    app.run(main)
