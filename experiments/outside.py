"""What runs inside a rival package's own environment: arrays in, one number out.  Imports numpy and that package only.

python outside.py PACKAGE MEASURE arrays.npz      prints one line of JSON
"""

import json
import math
import sys
import time
from importlib.metadata import version

import numpy as np


def sklearn(measure, vs):
    """Nearest neighbours, scalar pairs only."""
    from sklearn.feature_selection import mutual_info_regression

    x, y = vs.values()
    if measure != "mutual_information" or x.shape[1] != 1 or y.shape[1] != 1:
        raise NotImplementedError("scikit-learn estimates the mutual information of two scalars only")
    return mutual_info_regression(x, y[:, 0], random_state=0)[0]


def hoi(measure, vs):
    """Gaussian copula entropies of scalar variables, in bits."""
    from hoi import metrics

    kinds = {
        "total_correlation": metrics.TC,
        "dual_total_correlation": metrics.DTC,
        "s_information": metrics.Sinfo,
        "o_information": metrics.Oinfo,
    }
    if measure not in kinds or any(v.shape[1] != 1 for v in vs.values()):
        raise NotImplementedError("hoi measures three or more scalars; a third axis of its arrays is a batch")
    x = np.concatenate(list(vs.values()), 1)
    model = kinds[measure](x, verbose=False)
    return float(np.squeeze(model.fit(minsize=x.shape[1], maxsize=x.shape[1], method="gc"))) * math.log(2.0)


def latentmi(measure, vs):
    """Autoencoder and nearest neighbours in its latent space, in bits."""
    from latentmi import lmi

    if measure != "mutual_information":
        raise NotImplementedError("latentmi estimates mutual information only")
    x, y = vs.values()
    return float(np.nanmean(lmi.lmi(x, y)[0])) * math.log(2.0)


def dmi(name):
    """An estimator of the diffusion-mi package with its own defaults."""

    def estimate(measure, vs):
        import dmi as package

        if measure != "mutual_information":
            raise NotImplementedError("diffusion-mi estimates mutual information only")
        x, y = (v.astype(np.float32) for v in vs.values())
        estimator = getattr(package, name)()
        estimator.fit(x, y)
        return float(estimator.estimate(x, y))

    return estimate


RIVALS = {
    "scikit-learn": sklearn,
    "hoi": hoi,
    "latentmi": latentmi,
    "diffusion-mi": dmi("MMGEstimator"),
}


def main(package, measure, path):
    """Read the arrays, estimate, say what came out."""
    with np.load(path) as arrays:
        vs = {k: arrays[k].astype(np.float64) for k in arrays.files}
    cpu, wall = time.process_time(), time.time()
    value = RIVALS[package](measure, {k: v[:, None] if v.ndim == 1 else v for k, v in vs.items()})
    found = {"value": float(value), "cpu_s": time.process_time() - cpu, "wall_s": time.time() - wall}
    print("FOUND" + json.dumps(found | {"version": version(package)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
