"""Self-consistency of mutual information on images: one record per test, level and seed, in fresh processes.

    python -m experiments.consistency --config=configs/consistency.py --workdir=records --data=mnist.npz

X is an image, Y its top rows with the rest black, each by the standardised latents of an autoencoder of its own, trained
on other images.  Noise is added to the latents of X alone, which makes the information finite.  Autoencoders drop details,
and not the same ones: Y(i) may hold some that Y(i + k) lacks.  X has fewer latents than Y, so that hardly any of them is in
X, and data processing holds as nearly.  All three tests read the images of the first half; a row of additivity joins one of
these with one of the second half.  Two images are twice as much to learn, so each stands in several pairs; they are made
within blocks of images, and no block is divided, which keeps what trains apart from what is read.  The same networks are
read to every clean end of log-SNR.
"""

import shutil
import time
from pathlib import Path

from absl import app, flags
from ml_collections import config_flags

from experiments.cells import run

CONFIG = config_flags.DEFINE_config_file("config", "configs/consistency.py", "Configuration.")
WORKDIR = flags.DEFINE_string("workdir", "records", "Where consistency.jsonl is kept.")
DATA = flags.DEFINE_string("data", "digits", "An npz file of images and labels, tfds:<name>, or digits.")
KEYS = ("test", "level", "before", "seed", "ends", "n", "pairs", "latent", "noise", "encoder", "options", "title")
HERE = ("data", "kept")  # where a cell finds things on this machine: no part of its record
MEASURE = "mutual_information"
BLOCKS = 20  # of images whose pairs stay together
KEPT = (
    "gap", "difference", "gaussian", "row_stderr", "optimism", "optimism_gaussian", "fine", "bent", "tail_high_snr",
    "steps", "best_step", "logsnr_range",
)  # fmt: skip


def measure(cell: dict, place: Path | None = None) -> dict:
    """The information of one pair, read to every clean end.  Training is kept in ``place`` and goes on from there."""
    import resource

    import jax

    import jaxinfo as ji
    from jaxinfo.io.log import environment

    cpu, wall = time.process_time(), time.time()
    x, y, groups, losses = pair(cell)
    options = cell["options"] | ({} if place is None else {"checkpoint_dir": str(place)}) | {"groups": groups}
    model = ji.fit({"x": x, "y": y}, MEASURE, seed=cell["seed"], hi=max(cell["ends"]), progress=False, **options)
    return {k: v for k, v in cell.items() if k not in HERE} | {
        "estimates": [read(model, hi) for hi in cell["ends"]], "rows": len(x), "encoder_losses": losses,
        "cpu_s": round(time.process_time() - cpu, 1), "wall_s": round(time.time() - wall, 1),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "date": time.strftime("%Y-%m-%d"), "environment": environment(),
        "programs_kept": bool(jax.config.jax_compilation_cache_dir),
    }  # fmt: skip


def read(model, hi: float) -> dict:
    """What the networks of a model say with the integral stopped at this log-SNR."""
    from dataclasses import replace

    from jaxinfo.estimators import readout

    (fitted,) = model.fits
    model.fits = [readout.tune(replace(fitted, hi=hi), model.table.x, model.options.seed)]
    model.optimism = {}  # that of another end
    e = model.estimate()[MEASURE]
    return {
        "hi": hi, "value": e.value, "stderr": e.stderr, "flags": list(e.flags),
        "diagnostics": {k: e.diagnostics[k] for k in KEPT},
    }  # fmt: skip


def pair(cell: dict):
    """Both sides of one test, the groups of its rows if any, and the losses of the autoencoders behind them."""
    import numpy as np

    x, ys, losses = latents(cell)
    n, y = len(x) // 2, ys[cell["level"]]
    joined = lambda a, b: np.concatenate([a, b], axis=1)
    if cell["test"] == "additivity":
        first, second, groups = paired(n, cell["pairs"], np.random.default_rng([cell["seed"], 3]))
        return joined(x[first], x[n + second]), joined(y[first], y[n + second]), groups, losses
    if cell["test"] == "data_processing":
        y = joined(y, ys[cell["before"]])
    return x[:n], y[:n], None, losses


def paired(n: int, pairs: int, rng):
    """Row numbers of both halves and the block of each pair: every image of n stands in so many, all within its block."""
    import numpy as np

    blocks = np.array_split(np.arange(n), BLOCKS)
    first = np.concatenate(blocks * pairs)
    second = np.concatenate([rng.permutation(rows) for rows in blocks * pairs])
    block = np.concatenate([np.full(rows.size, k) for k, rows in enumerate(blocks)])
    return first, second, np.tile(block, pairs)


def latents(cell: dict):
    """Noisy latents of twice n images, by level the latents of their top rows, and the losses of the autoencoders."""
    import jax
    import numpy as np

    from jaxinfo.io import images
    from jaxinfo.multimodal.latents import encoded

    pixels = images.load(cell["data"]).pixels
    order = np.random.default_rng([cell["seed"], 1]).permutation(len(pixels))
    count = 2 * min(cell["n"], len(pixels) // 3)  # a small set leaves a third for the autoencoders
    measured, others = pixels[order[:count]], pixels[order[count:]]
    rng, losses = np.random.default_rng([cell["seed"], 2]), []

    def of(side: str, level: float):
        shown, latent = round(level * pixels.shape[1]), cell["latent"][side]
        if not shown:  # a constant cannot be standardised; it says nothing, like noise
            return rng.standard_normal((count, latent))
        top = lambda z: np.where(np.arange(z.shape[1])[:, None] < shown, z, 0.0).reshape(len(z), -1)
        key = jax.random.fold_in(jax.random.key(cell["seed"]), shown)
        found = encoded(key, top(others), top(measured), latent, directory=cell["kept"], **cell["encoder"])
        losses.append({"side": side, "level": level, "loss": found.loss})
        return found.z

    x = of("x", 1.0)
    x = x + cell["noise"] * rng.standard_normal(x.shape)
    return x, {level: of("y", level) for level in (cell["level"], cell["before"]) if level is not None}, losses


def cells(config, data: str, title: str, kept: str = "") -> list[dict]:
    """Three tests at every level they speak of, for every seed, on the data of this title.

    Latents are kept in the directory ``kept``: every autoencoder serves many cells.
    """
    levels = tuple(config.levels)
    asked = [("baseline", level, None) for level in levels]
    asked += [("data_processing", b, a) for a, b in zip(levels, levels[1:]) if a > 0]
    asked += [("additivity", level, None) for level in levels if level > 0]
    shared = {"n": config.n, "pairs": config.pairs, "noise": config.noise, "latent": config.latent.to_dict()}
    shared |= {"encoder": config.encoder.to_dict(), "options": config.options.to_dict(), "title": title}
    shared |= {"data": data, "kept": kept or None, "long": True, "ends": list(config.ends)}
    return [
        {"test": test, "level": level, "before": before, "seed": seed} | shared
        for seed in config.seeds
        for test, level, before in asked
    ]


def asked(config, records: list[dict]) -> list[dict]:
    """The cells on the data that the records speak of."""
    return [cell for title in dict.fromkeys(r["title"] for r in records) for cell in cells(config, "", title)]


def shown(record: dict) -> str:
    """A line for people."""
    each = ", ".join(f"{e['value']:.3f} ± {e['stderr']:.3f} to {e['hi']:g}" for e in record["estimates"])
    flags = sorted({flag for e in record["estimates"] for flag in e["flags"]})
    return f"{record['test']} {record['level']:.2f} seed={record['seed']}: {each}; {record['cpu_s']:.0f} s {flags}"


def main(_):
    """Run the cells that are missing; latents go when all are there."""
    from jaxinfo.io import images

    path, title = Path(WORKDIR.value) / "consistency.jsonl", images.load(DATA.value).title
    kept = path.with_suffix(".unfinished") / "latents"
    wanted = cells(CONFIG.value, DATA.value, title, str(kept))
    run(path, wanted, "experiments.consistency:measure", show=shown, keys=KEYS, keep_programs=True)
    shutil.rmtree(kept, ignore_errors=True)


if __name__ == "__main__":
    app.run(main)
