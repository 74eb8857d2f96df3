"""Derivatives of information from trained networks: ``python -m experiments.pathwise --config=… --workdir=…``.

Accuracy: rows x = W z, derivative of each measure with respect to W against that of the closed form.
Climbs: a rotation of independent sources that maximises the information between two halves, and a projection of six
coordinates onto three that maximises synergy (−Ω); networks are trained again at every step.
"""

import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from absl import app, flags
from ml_collections import config_flags
from scipy import linalg, optimize

import jaxinfo as ji
from jaxinfo.io.log import JsonLines, environment, progress, read_records

CONFIG = config_flags.DEFINE_config_file("config", "configs/pathwise.py", "Configuration.")
WORKDIR = flags.DEFINE_string("workdir", "records", "Where pathwise.jsonl is kept.")


def logdet(cov, rows):
    """½ log det of a block of a covariance."""
    return 0.5 * jnp.linalg.slogdet(cov[jnp.ix_(jnp.asarray(rows), jnp.asarray(rows))])[1]


def closed_form(name: str, cov):
    """A measure of a Gaussian of scalar variables, up to constants of the entropies that cancel."""
    n = cov.shape[0]
    whole, rest = list(range(n)), [[j for j in range(n) if j != i] for i in range(n)]
    tc = sum(logdet(cov, [i]) for i in range(n)) - logdet(cov, whole)
    dtc = sum(logdet(cov, r) for r in rest) - (n - 1) * logdet(cov, whole)
    return {
        "total_correlation": tc,
        "dual_total_correlation": dtc,
        "o_information": tc - dtc,
        "mutual_information": logdet(cov, [0]) + logdet(cov, rest[0]) - logdet(cov, whole),
    }[name]


def accuracy(n: int, num: int, seed: int, options: dict) -> dict:
    """Relative Frobenius error of ∂I/∂W for each measure."""
    rng = np.random.default_rng([seed, num])
    w = np.eye(num) + 0.35 * rng.normal(size=(num, num))
    z = rng.normal(size=(n, num))
    x = z @ w.T
    names = {
        "total_correlation": "total_correlation", "dual_total_correlation": "dual_total_correlation",
        "o_information": "o_information",
        "mutual_information": f"mutual_information(x1; {', '.join(f'x{i + 2}' for i in range(num - 1))})",
    }  # fmt: skip
    model = ji.fit(x, (), seed=seed, progress=False, preprocess="standardise", **options)
    found, errors = model.gradient(tuple(names.values())), {}
    for name, asked in names.items():
        got = stacked(found[asked]).T @ z / n
        wanted = np.asarray(jax.grad(lambda m, name=name: closed_form(name, m @ m.T))(jnp.asarray(w)))
        errors[name] = float(np.linalg.norm(got - wanted) / np.linalg.norm(wanted))
    return {"error": errors}


def stacked(gradient: dict) -> np.ndarray:
    """Variables side by side, ``[n, D]``."""
    return np.concatenate(list(gradient.values()), 1)


# --- climbs: what is maximised, as a function of parameters θ ---------------------------------------------------------

SPREAD = np.array([3.0, 2.0, 1.0, 0.5])  # standard deviations of the sources that are rotated
NOISE = 0.5


def rotation(theta):
    """The orthogonal matrix exp(A − Aᵀ)."""
    return jax.scipy.linalg.expm(theta - theta.T)


def mutual_information() -> tuple:
    """Two halves of rotated sources plus noise: how x is made of standard normals, and the best that can be reached."""
    make = lambda theta: jnp.concatenate([rotation(theta) * SPREAD, NOISE * jnp.eye(4)], 1)  # [4, 8]
    split = lambda x: {"a": x[:, :2], "b": x[:, 2:]}
    value = lambda cov: logdet(cov, [0, 1]) + logdet(cov, [2, 3]) - logdet(cov, [0, 1, 2, 3])
    return make, split, value, "mutual_information", 1.0


def synergy() -> tuple:
    """Three orthonormal projections of six coordinates in which a sum of two hides; −Ω is maximised."""
    hidden = np.eye(6)
    hidden[2, :2], hidden[2, 2] = 1.0, 0.3  # the third is the sum of the first two and a little noise
    mix = linalg.qr(np.random.default_rng(7).normal(size=(6, 6)))[0] @ hidden
    make = lambda theta: jnp.linalg.qr(theta)[0].T @ mix  # [3, 6]
    split = lambda x: {f"x{i + 1}": x[:, i] for i in range(3)}
    return make, split, lambda cov: -closed_form("o_information", cov), "o_information", -1.0


def climb(kind: str, seed: int, config) -> dict:
    """Gradient ascent with networks trained again at every step, beside direct optimisation of the closed form."""
    make, split, value, name, sign = {"mutual_information": mutual_information, "synergy": synergy}[kind]()
    shape = {"mutual_information": (4, 4), "synergy": (6, 3)}[kind]
    exact = jax.jit(lambda theta: value(make(theta) @ make(theta).T))
    slope = jax.jit(jax.grad(lambda flat: -exact(flat.reshape(shape))))
    rng = np.random.default_rng(seed)
    starts = [rng.normal(size=shape).ravel() for _ in range(20)]
    low, down = lambda f: -float(exact(f.reshape(shape))), lambda f: np.asarray(slope(f), float)
    runs = [optimize.minimize(low, s, jac=down) for s in starts]
    best, theta, path = max(-r.fun for r in runs), jnp.asarray(rng.normal(size=shape)), []
    first = speed = np.zeros(shape)
    with progress(config.climb_steps, f"climbing {kind}", None) as bar:
        for k in range(config.climb_steps):
            path.append(float(exact(theta)))
            z = rng.normal(size=(config.climb_n, make(theta).shape[1]))
            rows = lambda theta, z=z: z @ make(theta).T
            model = ji.fit(split(np.asarray(rows(theta))), (), seed=k, progress=False, **config.refit.to_dict())
            g = sign * stacked(model.gradient(name)) / len(z)
            step = np.asarray(jax.vjp(rows, theta)[1](jnp.asarray(g, theta.dtype))[0])
            first, speed = 0.8 * first + 0.2 * step, 0.95 * speed + 0.05 * step**2  # Adam
            moved = (first / (1 - 0.8 ** (k + 1))) / (np.sqrt(speed / (1 - 0.95 ** (k + 1))) + 1e-8)
            theta = theta + config.climb_rate * (1 - k / config.climb_steps) * moved
            bar.update(1, reached=path[-1] / best)
    path.append(float(exact(theta)))
    return {"path": path, "best": best, "reached": path[-1] / best}


def main(_):
    """Run the parts that are missing."""
    config, path = CONFIG.value, Path(WORKDIR.value) / "pathwise.jsonl"
    done = [r["cell"] for r in read_records(path)] if path.exists() else []
    cells = [["accuracy", num, seed] for num in config.variables for seed in range(config.seeds)]
    cells += [["climb", kind, seed] for kind in config.climbs for seed in range(config.seeds)]
    for kind, what, seed in cells:
        if [kind, what, seed] in done:
            continue
        cpu = time.process_time()
        if kind == "accuracy":
            found = accuracy(config.n, what, seed, config.options.to_dict()) | {"options": config.options.to_dict()}
        else:
            found = climb(what, seed, config) | {"options": config.refit.to_dict()}
        record = {"cell": [kind, what, seed], **found, "n": config.n if kind == "accuracy" else config.climb_n}
        record |= {"cpu_s": round(time.process_time() - cpu, 1), "date": time.strftime("%Y-%m-%d")}
        with JsonLines(path) as log:
            log.write(record | {"environment": environment()})
        print({k: v for k, v in record.items() if k not in ("path", "options")}, flush=True)


if __name__ == "__main__":
    app.run(main)
