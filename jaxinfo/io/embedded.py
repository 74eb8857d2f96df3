"""Real data sets that come with an installed package and need no download."""

from __future__ import annotations

import numpy as np

from jaxinfo.io.data import Data


def load(name: str) -> tuple[Data, str]:
    """A real data set that comes with scikit-learn, and one sentence about it; the same rows at every call.

    Args:
      name: one of :data:`NAMES`: "photographs", "photographs_neighbours", "digits", "breast_cancer".

    Returns:
      Dict name -> float64 ``[n]`` or ``[n, d]``, and the sentence.

    Raises:
      ValueError: for an unknown name.
      ImportError: without scikit-learn.
    """
    if name not in NAMES:
        raise ValueError(f"expected an embedded data set, got {name!r}; choose one of {', '.join(NAMES)}.")
    try:
        from sklearn import datasets
    except ImportError as error:
        raise ImportError('embedded data sets need scikit-learn: pip install "jaxinfo[bench]".') from error
    return NAMES[name](datasets)


PHOTOGRAPH_ROWS = 20_000
NEIGHBOUR_DISTANCE = 4  # pixels: near enough to share an object, too far to share the camera's interpolation
CAMERA_NOISE = 4.0  # grey levels; with less, much of the information lies at scales that take more rows to resolve
NOISE_SEED = 20_250_101


def _pixels(datasets, margin: int):
    """Random positions, without repeats, at least ``margin`` from the border, and a function from offset to colours."""
    images = np.stack(datasets.load_sample_images().images)  # [2, height, width, 3] in 0..255
    count, height, width, _ = images.shape
    rng = np.random.default_rng(NOISE_SEED)
    inner = (count, height - 2 * margin, width - 2 * margin)
    which, row, column = np.unravel_index(rng.choice(np.prod(inner), PHOTOGRAPH_ROWS, replace=False), inner)

    def colours(down: int = 0, right: int = 0) -> np.ndarray:
        """Red, green and blue ``[n, 3]`` in about (0, 1), with the noise of a camera, which hides the rounding to 1/256."""
        rounded = images[which, row + margin + down, column + margin + right]
        return (rounded + 0.5 + CAMERA_NOISE * rng.standard_normal(rounded.shape)) / 256.0

    return colours


def _photographs(datasets) -> tuple[Data, str]:
    colours = _pixels(datasets, 0)()
    return (
        {name: colours[:, i] for i, name in enumerate(("red", "green", "blue"))},
        f"Red, green and blue of {PHOTOGRAPH_ROWS:,} random pixels of two photographs (temple, flower), with camera noise "
        f"of {CAMERA_NOISE:g} of 256 grey levels.",
    )


def _photographs_neighbours(datasets) -> tuple[Data, str]:
    d = NEIGHBOUR_DISTANCE
    colours = _pixels(datasets, d)
    offsets = {"centre": (0, 0), "up": (-d, 0), "down": (d, 0), "left": (0, -d), "right": (0, d)}
    return (
        {name: colours(*offset) for name, offset in offsets.items()},
        f"Colours (red, green, blue) of {PHOTOGRAPH_ROWS:,} random pixels of two photographs (temple, flower) and of "
        f"the four pixels {d} away from each, with camera noise of {CAMERA_NOISE:g} of 256 grey levels.",
    )


def _digits(datasets) -> tuple[Data, str]:
    images = datasets.load_digits().images  # [n, 8, 8], whole numbers 0..16
    # Whole numbers, and a quarter may be blank in many rows: without noise their coordinates would tie.
    images = images + np.random.default_rng(NOISE_SEED).random(images.shape)
    quarter = lambda rows, columns: principal_coordinates(images[:, rows, columns].reshape(len(images), -1), 2)
    first, second = slice(0, 4), slice(4, 8)
    return (
        {
            "top_left": quarter(first, first),
            "top_right": quarter(first, second),
            "bottom_left": quarter(second, first),
            "bottom_right": quarter(second, second),
        },
        f"The first 2 principal coordinates of each quarter of {len(images):,} handwritten digits, dequantised.",
    )


def _breast_cancer(datasets) -> tuple[Data, str]:
    table = datasets.load_breast_cancer().data  # [n, 30]: 10 features as mean, error and worst, in that order
    table = (table - table.mean(axis=0)) / table.std(axis=0)  # the features have different units
    return (
        {
            name: principal_coordinates(table[:, 10 * i : 10 * (i + 1)], 3)
            for i, name in enumerate(("mean", "error", "worst"))
        },
        f"Ten features of cell nuclei in {len(table)} tumours as their mean, standard error and worst value, each by "
        "its first 3 principal coordinates.",
    )


def principal_coordinates(x: np.ndarray, d: int) -> np.ndarray:
    """The first ``d`` principal coordinates of centred rows, ``[n, D] -> [n, d]``, in the units of x.

    The largest loading of each axis is positive, so that the signs do not depend on the linear-algebra library.
    """
    centred = x - x.mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:d]
    largest = np.abs(axes).argmax(axis=1)
    return centred @ (axes * np.sign(axes[np.arange(len(axes)), largest])[:, None]).T


NAMES = {
    "photographs": _photographs,
    "photographs_neighbours": _photographs_neighbours,
    "digits": _digits,
    "breast_cancer": _breast_cancer,
}
