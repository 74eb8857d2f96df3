"""Self-consistency of mutual information on images: one record per test, level and seed, in fresh processes.

    python -m experiments.consistency --config=configs/consistency.py --workdir=records --data=mnist.npz

X is an image, Y its top rows with the rest black, each by the standardised latents of an autoencoder of its own, trained
on other images.  Noise is added to the latents of X alone: that makes the information finite, and leaves Y(i) a function
of Y(i + k) as far as autoencoders lose nothing, so that data processing holds exactly.
"""

import time
from pathlib import Path

from absl import app, flags
from ml_collections import config_flags

from experiments.cells import run

CONFIG = config_flags.DEFINE_config_file("config", "configs/consistency.py", "Configuration.")
WORKDIR = flags.DEFINE_string("workdir", "records", "Where consistency.jsonl is kept.")
DATA = flags.DEFINE_string("data", "digits", "An npz file of images and labels, tfds:<name>, or digits.")
KEYS = ("test", "level", "seed", "hi", "n", "latent", "noise", "encoder", "options", "title")


def measure(cell: dict) -> dict:
    """The information of one pair."""
    import jaxinfo as ji
    from jaxinfo.io.log import environment

    start = time.process_time()
    x, ys = latents(cell)
    images = len(x)
    pairs = cell["test"] == "additivity"
    y = ys[cell["level"]] if cell["test"] != "data_processing" else _joined(ys[cell["level"]], ys[cell["before"]])
    if pairs:
        x, y = (_joined(v[: len(v) // 2], v[len(v) // 2 : len(v) // 2 * 2]) for v in (x, y))
    e = ji.mutual_information(x, y, seed=cell["seed"], hi=cell["hi"], progress=False, **cell["options"])
    return cell | {
        "value": e.value, "stderr": e.stderr, "flags": list(e.flags), "images": images,
        "cpu_s": round(time.process_time() - start, 1),
        "date": time.strftime("%Y-%m-%d"), "environment": environment(),
    }  # fmt: skip


def latents(cell: dict):
    """Noisy latents of the images and, by level, the latents of their top rows."""
    import jax
    import numpy as np

    from jaxinfo.io import images
    from jaxinfo.multimodal.latents import fit_latents

    pixels = images.load(cell["data"]).pixels
    order = np.random.default_rng([cell["seed"], 1]).permutation(len(pixels))
    n = min(cell["n"], len(pixels) * 4 // 5)
    measured, others = pixels[order[:n]], pixels[order[n:]]
    noise = np.random.default_rng([cell["seed"], 2]).standard_normal((2, n, cell["latent"]))

    def of(level: float):
        shown = round(level * pixels.shape[1])
        if not shown:  # a constant cannot be standardised; it says nothing, like noise
            return noise[1]
        top = lambda z: np.where(np.arange(z.shape[1])[:, None] < shown, z, 0.0).reshape(len(z), -1)
        key = jax.random.key(1000 * cell["seed"] + shown)
        return fit_latents(key, top(others), cell["latent"], **cell["encoder"]).encode(top(measured))

    wanted = {cell["level"], cell["before"]} - {None}
    return of(1.0) + cell["noise"] * noise[0], {level: of(level) for level in wanted}


def _joined(a, b):
    import numpy as np

    return np.concatenate([a, b], axis=1)


def cells(config, data: str, title: str) -> list[dict]:
    """Three tests at every level they speak of, for every clean end and seed, on the data of this title."""
    levels = tuple(config.levels)
    asked = [("baseline", level, None) for level in levels]
    asked += [("data_processing", b, a) for a, b in zip(levels, levels[1:]) if a > 0]
    asked += [("additivity", level, None) for level in levels if level > 0]
    shared = {k: config[k] for k in ("n", "latent", "noise")}
    shared |= {"encoder": config.encoder.to_dict(), "options": config.options.to_dict(), "data": data, "title": title}
    return [
        {"test": test, "level": level, "before": before, "seed": seed, "hi": hi} | shared
        for hi, seeds in config.ends
        for seed in range(seeds)
        for test, level, before in asked
    ]


def asked(config, records: list[dict]) -> list[dict]:
    """The cells on the data that the records speak of."""
    return [cell for title in dict.fromkeys(r["title"] for r in records) for cell in cells(config, "", title)]


def shown(record: dict) -> str:
    """A line for people."""
    what = f"{record['test']} {record['level']:.2f} seed={record['seed']} hi={record['hi']:g}"
    return f"{what}: {record['value']:.3f} ± {record['stderr']:.3f} nats, {record['cpu_s']:.0f} s {record['flags']}"


def main(_):
    """Run the cells that are missing."""
    from jaxinfo.io import images

    path, title = Path(WORKDIR.value) / "consistency.jsonl", images.load(DATA.value).title
    run(path, cells(CONFIG.value, DATA.value, title), "experiments.consistency:measure", show=shown, keys=KEYS)


if __name__ == "__main__":
    app.run(main)
