"""Six views of handwritten digits (UCI Multiple Features, R. P. W. Duin): Fourier, profile, Karhunen-Loeve, pixel, Zernike,
morphological.

The file holds ``fou``, ``fac``, ``kar``, ``pix``, ``zer``, ``mor`` ``[digit, feature]`` and ``label`` ``[digit]``.  The
views are functions of one bitmap, some of each other: noise is added, without which what they share is infinite.
"""

from itertools import combinations
from pathlib import Path

import numpy as np

from experiments.datasets import calls
from experiments.datasets.views import reduced

FILE = "mfeat.npz"
VIEWS = ("fou", "fac", "kar", "pix", "zer", "mor")


def read(path, dim: int, noise: float, seed: int):
    """The first principal components of each view, standardised, plus noise of this standard deviation; and labels."""
    rng = np.random.default_rng([seed, 5])
    with np.load(path) as z:
        vs = {name: reduced(z[name], dim) for name in VIEWS}
        label = z["label"]
    return {name: v + noise * rng.standard_normal(v.shape) for name, v in vs.items()}, label


def cells(config, path: Path) -> list[dict]:
    """Components and noise."""
    return [{"dim": dim, "noise": noise, "long": True} for dim in config.dims for noise in config.noises]


def measure(cell: dict, place: Path | None = None) -> list[dict]:
    """System, gradient, pairs, and what each view says of the digit."""
    vs, label = read(cell["path"], cell["dim"], cell["noise"], cell["seed"])
    pairs = tuple(f"total_correlation({a}, {b})" for a, b in combinations(VIEWS, 2))
    said = tuple(f"mutual_information({name}; label)" for name in VIEWS)
    rows = calls.told(vs, (*calls.WHOLE, "o_information_gradient"), cell, place, "system")
    rows += calls.told(vs, pairs, cell, place, "pairs")
    return rows + calls.told(vs | {"label": label}, said, cell, place, "label", discrete=("label",))
