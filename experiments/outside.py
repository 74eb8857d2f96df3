"""What runs inside a rival package's own environment: arrays in, one number out.  Imports numpy and that package only.

python outside.py RIVAL MEASURE arrays.npz      prints one line of JSON

The arrays are called train:NAME and test:NAME; what is not trained reads the rows for training.  Ours is called like a rival.
"""

import json
import math
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np


def jaxinfo(measure, train, test):
    """Ours by its defaults: trained on the rows for training, it reads the others."""
    import jaxinfo as ji

    return ji.fit(train, measure, discrete=(), progress=False).measure(measure, rows=test).value


def sklearn(measure, train, test):
    """Nearest neighbours, scalar pairs only."""
    from sklearn.feature_selection import mutual_info_regression

    x, y = train.values()
    if measure != "mutual_information" or x.shape[1] != 1 or y.shape[1] != 1:
        raise NotImplementedError("scikit-learn estimates the mutual information of two scalars only")
    return mutual_info_regression(x, y[:, 0], random_state=0)[0]


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
    return float(np.squeeze(model.fit(minsize=x.shape[1], maxsize=x.shape[1], method="gc"))) * math.log(2.0)


def latentmi(measure, train, test):
    """Autoencoder and nearest neighbours in its latent space, in bits; half of the rows train, it reads the others."""
    from latentmi import lmi

    if measure != "mutual_information":
        raise NotImplementedError("latentmi estimates mutual information only")
    np.random.seed(0)
    return float(np.nanmean(lmi.estimate(*train.values())[0])) * math.log(2.0)


def dmi(name):
    """An estimator of the diffusion-mi package with its own defaults but the number of steps, which it has none for."""

    def estimate(measure, train, test):
        from dmi import estimators

        if measure != "mutual_information":
            raise NotImplementedError("diffusion-mi estimates mutual information only")
        x, y = (v.astype(np.float32) for v in train.values())
        held = len(x) // 10
        estimator = getattr(estimators, name)(max_n_steps=STEPS)
        estimator.fit(x[held:], y[held:], x[:held], y[:held])
        return float(estimator.estimate(*(v.astype(np.float32) for v in test.values())))

    return estimate


STEPS = 20_000  # of the trained rivals, as many as ours may take
RIVALS = {
    "jaxinfo": jaxinfo,
    "scikit-learn": sklearn,
    "hoi": hoi,
    "latentmi": latentmi,
    "diffusion-mi MMG": dmi("MMGEstimator"),
    "diffusion-mi MINDE": dmi("MINDEEstimator"),
}


def main(rival, measure, path):
    """Read the arrays, estimate, say what came out."""
    with np.load(path) as arrays:
        vs = {k: arrays[k].astype(np.float64) for k in arrays.files}
    vs = {k: v[:, None] if v.ndim == 1 else v for k, v in vs.items()}
    part = lambda which: {k.partition(":")[2]: v for k, v in vs.items() if k.startswith(which)}
    cpu, wall = time.process_time(), time.time()
    value = RIVALS[rival](measure, part("train"), part("test"))
    found = {"value": float(value), "cpu_s": time.process_time() - cpu, "wall_s": time.time() - wall}
    found |= {"peak_mib": peak_mib(), "version": version(rival.split()[0])}
    print("FOUND" + json.dumps(found))


def peak_mib():
    """Peak memory of this process; what ``resource`` tells may be that of the process which started it."""
    status = Path("/proc/self/status")
    if status.exists():
        peak = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM"))
        return round(int(peak.split()[1]) / 1024)
    import resource

    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024))


if __name__ == "__main__":
    main(*sys.argv[1:])
