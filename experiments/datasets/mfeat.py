"""Six views of handwritten digits (UCI Multiple Features, R. P. W. Duin): Fourier, profile, Karhunen-Loeve, pixel, Zernike,
morphological.

The file holds ``fou``, ``fac``, ``kar``, ``pix``, ``zer``, ``mor`` ``[digit, feature]`` and ``label`` ``[digit]``.  The
views are functions of one bitmap, some of each other: noise is added, without which what they share is infinite.
"""

from pathlib import Path

import numpy as np

from experiments.datasets.null import beside, tested
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
    return [{"dim": dim, "noise": noise} for dim in config.dims for noise in config.noises]


def measure(cell: dict) -> list[dict]:
    """System, gradient, pairs, and what each view says of the digit."""
    import jaxinfo as ji

    vs, label = read(cell["path"], cell["dim"], cell["noise"], cell["seed"])
    options = dict(cell["options"])
    null = options.pop("null", 0)
    asked = ("total_correlation", "dual_total_correlation", "o_information", "o_information_gradient")
    model = ji.fit(vs, asked, seed=cell["seed"], discrete=(), progress=False, **options)
    rows = model.estimate().rows() + model.subsets((2,), "total_correlation").rows()
    rows = beside(rows, tested(vs, "total_correlation", null, cell["seed"], options))
    said = tuple(f"mutual_information({name}; label)" for name in VIEWS)
    labelled = ji.estimate(
        vs | {"label": label}, said, seed=cell["seed"], discrete=("label",), progress=False, **options
    )
    return rows + labelled.rows()
