"""What a label still decides while a digit is generated: one record per seed, in fresh processes.

    python -m experiments.prompt --config=configs/prompt.py --workdir=records --data=mnist.npz

A class-conditional diffusion model of the latents of images is trained here; its predictions are then read like those of
any pretrained model.  A classifier says what I(X; Y) is without diffusion, and which of two labels an image took whose
label was switched on the way.
"""

import time
from pathlib import Path

from absl import app, flags
from ml_collections import config_flags

from experiments.cells import run

CONFIG = config_flags.DEFINE_config_file("config", "configs/prompt.py", "Configuration.")
WORKDIR = flags.DEFINE_string("workdir", "records", "Where prompt.jsonl is kept.")
DATA = flags.DEFINE_string("data", "digits", "An npz file of images and labels, tfds:<name>, or digits.")
KEYS = ("seed", "n", "read", "latent", "noise", "grid", "drawn", "steps", "switches", "encoder", "options", "title")
KEPT = (
    "gap",
    "difference",
    "gaussian",
    "row_stderr",
    "optimism",
    "optimism_gaussian",
    "fine",
    "bent",
    "steps",
    "best_step",
    "logsnr_range",
)


def measure(cell: dict, place: Path | None = None) -> dict:
    """Train, read the curve, switch labels.  What is trained is kept in ``place`` and goes on from there."""
    import resource

    import numpy as np

    import jaxinfo as ji
    from jaxinfo.io.log import environment

    cpu, wall = time.process_time(), time.time()
    z, loss, labels = latents(cell, place)
    model = ji.fit(
        {"image": z, "label": labels}, "mutual_information(image; label)", discrete=["label"], seed=cell["seed"],
        progress=False, checkpoint_dir=None if place is None else str(place / "model"), **cell["options"],
    )  # fmt: skip
    e = model.estimate()["mutual_information(image; label)"]
    classifier, told = classified(z, labels)
    curve = influence(model, cell)
    each = {
        "logsnr": curve.logsnr, "remaining": curve.remaining, "remaining_stderr": curve.stderr,
        "gap_remaining": curve.gap_remaining, "gap_stderr": curve.gap_stderr,
    }  # fmt: skip
    return {k: v for k, v in cell.items() if k != "data"} | told | {k: np.round(v, 5) for k, v in each.items()} | {
        "value": e.value, "stderr": e.stderr, "flags": list(e.flags), "encoder_loss": loss,
        "diagnostics": {k: e.diagnostics[k] for k in KEPT}, "rows": len(curve.per_row),
        "switched": switched(model, classifier, np.unique(labels), cell),
        "cpu_s": round(time.process_time() - cpu, 1), "wall_s": round(time.time() - wall, 1),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "date": time.strftime("%Y-%m-%d"), "environment": environment(),
    }  # fmt: skip


def latents(cell: dict, place: Path | None):
    """Standardised latents of the images plus N(0, noise²), the loss of their autoencoder, and their labels."""
    import jax
    import numpy as np

    from jaxinfo.io import images
    from jaxinfo.multimodal.latents import encoded

    found = images.load(cell["data"])
    order = np.random.default_rng([cell["seed"], 3]).permutation(len(found.labels))[: cell["n"]]
    x = found.pixels[order].reshape(len(order), -1)
    z, loss = encoded(jax.random.key(cell["seed"]), x, x, cell["latent"], directory=place, **cell["encoder"])
    noise = np.random.default_rng([cell["seed"], 5]).standard_normal(z.shape)
    return z + cell["noise"] * noise, loss, found.labels[order]


def classified(z, labels):
    """A classifier of latents, and what it says of rows held out: H(Y) minus its cross-entropy, which is I(X; Y) as far as
    it can tell, in nats, and how often it is right."""
    import numpy as np
    from sklearn.model_selection import cross_val_predict
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier((128, 128), alpha=1e-2, early_stopping=True, random_state=0)
    held = cross_val_predict(model, z, labels, cv=5, method="predict_proba")
    classes, codes = np.unique(labels, return_inverse=True)
    share = np.bincount(codes) / codes.size
    log_likelihood = np.log(np.maximum(held[np.arange(codes.size), codes], 1e-12))
    return model.fit(z, labels), {
        "classifier": float(log_likelihood.mean() - share @ np.log(share)),
        "classifier_stderr": float(log_likelihood.std(ddof=1) / np.sqrt(codes.size)),
        "classifier_right": float((held.argmax(1) == codes).mean()),
    }


def influence(model, cell: dict):
    """The curve, from the predictions of the first fold on ``read`` rows it has not seen."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from jaxinfo import pretrained
    from jaxinfo import views as vw
    from jaxinfo.estimators import generate
    from jaxinfo.estimators.fitted import SDE

    fitted = model.fits[0]
    rows = fitted.splits[0].evaluation[: cell["read"]]
    x = fitted.transforms[0].forward(model.table.x[rows]).astype(np.float32)
    image, label = (model.blocks.slices[k] for k in (0, 1))

    @jax.jit
    def conditional(x, t, codes):
        packed = lambda a, b: jnp.concatenate([a, b], 1)
        view = (vw.NOISED, vw.GIVEN)
        predict = generate.predictor(fitted, view, packed(jnp.zeros_like(x), codes))
        return predict(packed(x, codes), t)[:, image]

    @jax.jit
    def marginal(x, t):
        predict = generate.predictor(fitted, (vw.NOISED, vw.ABSENT))
        return predict(jnp.concatenate([x, jnp.zeros((len(x), label.stop - label.start))], 1), t)[:, image]

    logsnr = np.linspace(fitted.hi, fitted.settings.lo, cell["grid"])
    times = SDE.time(jnp.asarray(logsnr, jnp.float32))
    predict = lambda x, t, y: np.asarray(marginal(x, times[t]) if y is None else conditional(x, times[t], y))
    return pretrained.prompt_influence(
        predict, x[:, image], x[:, label], 1.0 / (1.0 + np.exp(-logsnr)), seed=cell["seed"], batch=len(x)
    )


def switched(model, classifier, classes, cell: dict) -> list[dict]:
    """Draw with one label until a log-SNR, then with another: how often the image shows the first, how often the second."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from jaxinfo import samplers
    from jaxinfo import views as vw
    from jaxinfo.estimators import generate
    from jaxinfo.estimators.fitted import SDE

    fitted, view = model.fits[0], (vw.NOISED, vw.GIVEN)
    rng = np.random.default_rng([cell["seed"], 4])
    pairs = np.stack([rng.permutation(len(classes))[:2] for _ in range(cell["drawn"])])
    image, label = (model.blocks.slices[k] for k in (0, 1))
    times = samplers.grid(SDE, cell["steps"], fitted.settings.lo, fitted.hi)

    def known(codes):
        rows = np.zeros((len(codes), model.blocks.dim))
        rows[:, label] = np.eye(len(classes))[codes]
        return jnp.asarray(fitted.transforms[0].forward(rows), jnp.float32)

    first, second = (known(pairs[:, k]) for k in (0, 1))

    @jax.jit
    def draw(key, at):
        before, after = (generate.predictor(fitted, view, given) for given in (first, second))
        predict = lambda x, t: jnp.where(SDE.logsnr(t) < at, before(x, t), after(x, t))
        k_start, k_walk = jax.random.split(key)
        x = samplers.start(k_start, SDE, times[0], first.shape)
        x = samplers.sample(k_walk, samplers.heun(SDE), predict, x, times)
        return samplers.denoised(SDE, predict, x, times[-1])

    out = []
    for at in cell["switches"]:
        x = fitted.transforms[0].inverse(np.asarray(draw(jax.random.key(cell["seed"]), at), np.float64))[:, image]
        first_won, second_won = (classifier.predict(x)[:, None] == classes[pairs]).mean(0)
        out.append({"logsnr": at, "first": float(first_won), "second": float(second_won)})
    return out


def cells(config, data: str, title: str) -> list[dict]:
    """One per seed, on the data of this title."""
    shared = {k: config[k] for k in ("n", "read", "latent", "noise", "grid", "drawn", "steps")}
    shared |= {"encoder": config.encoder.to_dict(), "options": config.options.to_dict(), "data": data}
    shared |= {"switches": list(config.switches), "title": title, "long": True}
    return [{"seed": seed} | shared for seed in range(config.seeds)]


def asked(config, records: list[dict]) -> list[dict]:
    """The cells on the data that the records speak of."""
    return [cell for title in dict.fromkeys(r["title"] for r in records) for cell in cells(config, "", title)]


def shown(record: dict) -> str:
    """A line for people."""
    each = " ".join(f"{s['logsnr']:g}:{s['second']:.2f}" for s in record["switched"])
    ends = f"{record['value']:.3f} ± {record['stderr']:.3f}, curve {record['remaining'][-1]:.3f} or "
    ends += f"{record['gap_remaining'][-1]:.3f}"
    return f"seed={record['seed']} I {ends}, classifier {record['classifier']:.3f}; second label {each}"


def main(_):
    """Run the cells that are missing."""
    from jaxinfo.io import images

    path, title = Path(WORKDIR.value) / "prompt.jsonl", images.load(DATA.value).title
    run(path, cells(CONFIG.value, DATA.value, title), "experiments.prompt:measure", show=shown, keys=KEYS)


if __name__ == "__main__":
    app.run(main)
