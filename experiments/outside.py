"""What runs inside a rival package's own environment: arrays in, one number out.  Imports numpy and that package only.

python outside.py RIVAL MEASURE arrays.npz      prints FOUND and JSON on one line

The arrays are called train:NAME and test:NAME; what is not trained reads the rows for training.  Ours is called like a rival.
Each rival returns its value in nats and the standard error that it tells, or None.
"""

import json
import math
import os
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

BESIDE = ("numpy", "scipy", "scikit-learn", "torch", "pytorch-lightning", "jax", "jaxlib")  # told of, if there


def jaxinfo(measure, train, test):
    """Ours by its defaults: trained on the rows for training, it reads the others."""
    import jaxinfo as ji

    e = ji.fit(train, measure, discrete=(), progress=False).measure(measure, rows=test)
    return e.value, e.stderr


def sklearn(measure, train, test):
    """Nearest neighbours, scalar pairs only."""
    from sklearn.feature_selection import mutual_info_regression

    x, y = train.values()
    if measure != "mutual_information" or x.shape[1] != 1 or y.shape[1] != 1:
        raise NotImplementedError("scikit-learn estimates the mutual information of two scalars only")
    return mutual_info_regression(x, y[:, 0], random_state=0)[0], None


def hoi(measure, train, test):
    """Gaussian copula entropies of scalar variables, in bits."""
    from hoi import metrics

    kinds = {
        "total_correlation": metrics.TC,
        "dual_total_correlation": metrics.DTC,
        "s_information": metrics.Sinfo,
        "o_information": metrics.Oinfo,
    }
    if measure not in kinds or any(v.shape[1] != 1 for v in train.values()):
        raise NotImplementedError("hoi measures three or more scalars; a third axis of its arrays is a batch")
    x = np.concatenate(list(train.values()), 1)
    model = kinds[measure](x, verbose=False)
    found = model.fit(minsize=x.shape[1], maxsize=x.shape[1], method="gc")
    return float(np.squeeze(found)) * math.log(2.0), None


def latentmi(measure, train, test):
    """Autoencoder and nearest neighbours in its latent space, in bits.

    It splits the rows that it is given: half of them train, it reads the others.
    """
    from latentmi import lmi

    only_pairs(measure, "latentmi")
    seeded()
    both = [np.concatenate([train[k], test[k]]) for k in train]
    return float(np.nanmean(lmi.estimate(*both)[0])) * math.log(2.0), None


def minde(measure, train, test):
    """MINDE of diffusion-mi with its own defaults, 1,000 epochs among them; it standardises."""
    from dmi import estimators

    only_pairs(measure, "diffusion-mi")
    seeded()
    x, y = (v.astype(np.float32) for v in train.values())
    model = estimators.MINDEEstimator()
    model.fit(x, y)
    return float(model.estimate(*(v.astype(np.float32) for v in test.values()))), None


def mmg(measure, train, test):
    """MMG of diffusion-mi with its own defaults, on rows standardised by those for training as its demonstration does."""
    from dmi import estimators

    only_pairs(measure, "diffusion-mi")
    seeded()
    scale = lambda k, v: ((v - train[k].mean(0)) / train[k].std(0)).astype(np.float32)
    x, y = (scale(k, v) for k, v in train.items())
    model = estimators.MMGEstimator()
    model.fit(x, y, x[:1000], y[:1000])  # it wants rows for validation and decides nothing by them
    return float(model.estimate(*(scale(k, v) for k, v in test.items()))), None


def only_pairs(measure, package):
    """Refuse what these packages do not know."""
    if measure != "mutual_information":
        raise NotImplementedError(f"{package} estimates mutual information only")


def seeded():
    """The same numbers at every call."""
    import torch

    np.random.seed(0)
    torch.manual_seed(0)


RIVALS = {
    "jaxinfo": jaxinfo,
    "scikit-learn": sklearn,
    "hoi": hoi,
    "latentmi": latentmi,
    "diffusion-mi MMG": mmg,
    "diffusion-mi MINDE": minde,
}


def main(rival, measure, path):
    """Read the arrays, estimate, say what came out."""
    with np.load(path) as arrays:
        vs = {k: arrays[k].astype(np.float64) for k in arrays.files}
    vs = {k: v[:, None] if v.ndim == 1 else v for k, v in vs.items()}
    part = lambda which: {k.partition(":")[2]: v for k, v in vs.items() if k.startswith(which)}
    cpu, wall = cpu_seconds(), time.time()
    value, stderr = RIVALS[rival](measure, part("train"), part("test"))
    found = {"value": float(value), "stderr": stderr if stderr is None else float(stderr)}
    found |= {"cpu_s": cpu_seconds() - cpu, "wall_s": time.time() - wall, "peak_mib": peak_mib()}
    found |= {"versions": versions(rival.split()[0]), "omp_threads": os.environ.get("OMP_NUM_THREADS")}
    print("\nFOUND" + json.dumps(found))  # progress bars leave their line open


def cpu_seconds():
    """Of this process and of those that it started and that have ended."""
    spent = os.times()
    return time.process_time() + spent.children_user + spent.children_system


def peak_mib():
    """Peak memory of this process; what ``resource`` tells may be that of the process which started it."""
    status = Path("/proc/self/status")
    if status.exists():
        peak = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM"))
        return round(int(peak.split()[1]) / 1024)
    import resource

    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024))


def versions(package):
    """What this environment holds."""
    found = {"python": platform.python_version()}
    for name in dict.fromkeys((package, *BESIDE)):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
