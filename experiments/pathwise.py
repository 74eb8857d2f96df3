"""Derivatives of information from trained networks: ``python -m experiments.pathwise --config=… --workdir=…``.

Accuracy: rows x = W z, derivative of each measure with respect to W against the exact one, for normal sources and for
sources with two humps.
Climbs: a rotation of independent sources that maximises the information between two halves, a projection of six
coordinates onto three that maximises synergy (−Ω), and a rotation that minimises total correlation and so finds independent
sources; networks are trained again at every step.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from absl import app, flags
from ml_collections import config_flags
from scipy import linalg, optimize

import jaxinfo as ji
from experiments import sources
from experiments.cells import mark
from jaxinfo.io.log import JsonLines, environment, progress, read_records

CONFIG = config_flags.DEFINE_config_file("config", "configs/pathwise.py", "Configuration.")
WORKDIR = flags.DEFINE_string("workdir", "records", "Where pathwise.jsonl is kept.")
KEYS = ("cell", "n", "options", "climb_steps", "climb_rate")
ALONE = (4.0, 5.0, 6.0)  # log-SNR at which scores are also read without any correction


def accuracy(what: str, n: int, seed: int, options: dict) -> dict:
    """Relative Frobenius error of ∂I/∂W for each measure; ``what`` is the law of the sources and their number.

    Beside it: of networks read alone, and of normal sources what the covariance of the very rows says, the best that can
    be known of them.
    """
    law, num = what.split("-")[0], int(what.split("-")[1])
    rng = np.random.default_rng([seed, num])
    w = np.eye(num) + 0.35 * rng.normal(size=(num, num))
    z = sources.draw(law, rng, (n, num))
    x = z @ w.T
    rest = ", ".join(f"x{i + 2}" for i in range(num - 1))
    asked = {m: f"{m}(x1; {rest})" if m == "mutual_information" else m for m in sources.known(law, num)}
    model = ji.fit(x, (), seed=seed, progress=False, preprocess="standardise", **options)
    slope = lambda name, at: np.asarray(jax.grad(lambda m: sources.measure(law, name, m))(jnp.asarray(at)))
    wanted = {name: slope(name, w) for name in asked}
    away = lambda got: {
        name: float(np.linalg.norm(got[name] - want) / np.linalg.norm(want)) for name, want in wanted.items()
    }
    through = lambda found: away({name: stacked(found[text]).T @ z / n for name, text in asked.items()})
    texts = tuple(asked.values())
    out = {"error": through(model.gradient(texts))}
    out["alone"] = {str(s): through(model.gradient(texts, corrected=False, logsnr=s)) for s in ALONE}
    if law == "normal":
        root = np.linalg.cholesky(z.T @ z / n)
        out["rows"] = away({name: slope(name, w @ root) @ root.T for name in asked})
    return out


def stacked(gradient: dict) -> np.ndarray:
    """Variables side by side, ``[n, D]``."""
    return np.concatenate(list(gradient.values()), 1)


# --- climbs: what is maximised, as a function of parameters θ ---------------------------------------------------------

SPREAD = np.array([3.0, 2.0, 1.0, 0.5])  # standard deviations of the sources that are rotated
NOISE = 0.5


def rotation(theta):
    """The orthogonal matrix exp(A − Aᵀ)."""
    return jax.scipy.linalg.expm(theta - theta.T)


class Climb(NamedTuple):
    """What is climbed: x = make(θ) z with sources of a law; ``sign`` times a measure of the named variables rises."""

    law: str
    shape: tuple[int, ...]
    make: Callable[[jax.Array], jax.Array]
    split: Callable[[np.ndarray], dict[str, np.ndarray]]
    value: Callable[[jax.Array], jax.Array]
    name: str
    sign: float
    vanishes: bool = False  # the best value is 0


def mutual_information() -> Climb:
    """Two halves of rotated sources plus noise: their information is maximised."""
    make = lambda theta: jnp.concatenate([rotation(theta) * SPREAD, NOISE * jnp.eye(4)], 1)  # [4, 8]
    h = sources.normal_entropy
    value = lambda theta: h(make(theta)[:2]) + h(make(theta)[2:]) - h(make(theta))
    split = lambda x: {"a": x[:, :2], "b": x[:, 2:]}
    return Climb("normal", (4, 4), make, split, value, "mutual_information", 1.0)


def synergy() -> Climb:
    """Three orthonormal projections of six coordinates in which a sum of two hides; −Ω is maximised."""
    hidden = np.eye(6)
    hidden[2, :2], hidden[2, 2] = 1.0, 0.3  # the third is the sum of the first two and a little noise
    mix = linalg.qr(np.random.default_rng(7).normal(size=(6, 6)))[0] @ hidden
    make = lambda theta: jnp.linalg.qr(theta)[0].T @ mix  # [3, 6]
    value = lambda theta: -sources.measure("normal", "o_information", make(theta))
    return Climb("normal", (6, 3), make, apart, value, "o_information", -1.0)


def independence() -> Climb:
    """Sources with two humps each, rotated: total correlation is minimised, which finds them (independent components)."""
    value = lambda theta: -sources.measure("humps", "total_correlation", rotation(theta))
    return Climb("humps", (3, 3), rotation, apart, value, "total_correlation", -1.0, vanishes=True)


def apart(x: np.ndarray) -> dict[str, np.ndarray]:
    """Every column a variable."""
    return {f"x{i + 1}": x[:, i] for i in range(x.shape[1])}


CLIMBS = {"mutual_information": mutual_information, "synergy": synergy, "independence": independence}


def climb(kind: str, seed: int, config) -> dict:
    """Gradient ascent with networks trained again at every step, beside direct optimisation of the exact value.

    ``share`` is the exact value over the best, on the way; of what is lowered to 0, the share that is gone.
    """
    c = CLIMBS[kind]()
    exact = jax.jit(c.value)
    slope = jax.jit(jax.grad(lambda flat: -c.value(flat.reshape(c.shape))))
    rng = np.random.default_rng(seed)
    starts = [rng.normal(size=c.shape).ravel() for _ in range(20)]
    low, down = lambda f: -float(exact(f.reshape(c.shape))), lambda f: np.asarray(slope(f), float)
    runs = [optimize.minimize(low, s, jac=down) for s in starts]
    best, theta, path = max(-r.fun for r in runs), jnp.asarray(rng.normal(size=c.shape)), []
    first = speed = np.zeros(c.shape)
    with progress(config.climb_steps, f"climbing {kind}", None) as bar:
        for k in range(config.climb_steps):
            path.append(float(exact(theta)))
            z = sources.draw(c.law, rng, (config.climb_n, c.make(theta).shape[1]))
            rows = lambda theta, z=z: z @ c.make(theta).T
            model = ji.fit(c.split(np.asarray(rows(theta))), (), seed=k, progress=False, **config.refit.to_dict())
            g = c.sign * stacked(model.gradient(c.name)) / len(z)
            step = np.asarray(jax.vjp(rows, theta)[1](jnp.asarray(g, theta.dtype))[0])
            first, speed = 0.8 * first + 0.2 * step, 0.95 * speed + 0.05 * step**2  # Adam
            moved = (first / (1 - 0.8 ** (k + 1))) / (np.sqrt(speed / (1 - 0.95 ** (k + 1))) + 1e-8)
            theta = theta + config.climb_rate * (1 - k / config.climb_steps) * moved
            bar.update(1, value=path[-1])
    path.append(float(exact(theta)))
    share = [1.0 - p / path[0] if c.vanishes else p / best for p in path]
    return {"path": path, "best": best, "share": share, "reached": share[-1]}


def cells(config) -> list[dict]:
    """Accuracy for every law and number of sources, and every climb, for each seed."""
    settings = {
        "accuracy": {"n": config.n, "options": config.options.to_dict()},
        "climb": {"n": config.climb_n, "options": config.refit.to_dict()}
        | {k: config[k] for k in ("climb_steps", "climb_rate")},
    }
    parts = (("accuracy", config.accuracy), ("climb", config.climbs))
    return [
        {"cell": [kind, what, seed]} | settings[kind]
        for kind, each in parts
        for what in each
        for seed in range(config.seeds)
    ]


def main(_):
    """Run the parts that are missing."""
    config, path = CONFIG.value, Path(WORKDIR.value) / "pathwise.jsonl"
    done = {mark(r, KEYS) for r in read_records(path)} if path.exists() else set()
    for cell in cells(config):
        if mark(cell, KEYS) in done:
            continue
        kind, what, seed = cell["cell"]
        cpu = time.process_time()
        found = accuracy(what, config.n, seed, cell["options"]) if kind == "accuracy" else climb(what, seed, config)
        record = cell | found
        record |= {"cpu_s": round(time.process_time() - cpu, 1), "date": time.strftime("%Y-%m-%d")}
        with JsonLines(path) as log:
            log.write(record | {"environment": environment()})
        print({k: v for k, v in record.items() if k not in ("path", "options")}, flush=True)


if __name__ == "__main__":
    app.run(main)
