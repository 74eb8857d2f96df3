"""Labelled grey images: from a file, from tensorflow-datasets, or the small digits that come with scikit-learn."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

KEYS = (("images", "labels"), ("train_images", "train_labels"), ("x_train", "y_train"), ("images", "label"))
"""Names of the two arrays looked for in an npz file."""


class Images(NamedTuple):
    """``pixels [n, height, width]`` in [0, 1], ``labels [n]`` whole numbers, and a sentence about them."""

    pixels: np.ndarray
    labels: np.ndarray
    title: str


def load(source: str = "digits", data_dir: str | None = None) -> Images:
    """Labelled images.

    Args:
      source: "digits" (scikit-learn, 8 x 8), a path to an npz file with images ``[n, height, width]`` and labels under one
        pair of :data:`KEYS`, or "tfds:mnist" and the like.
      data_dir: where tensorflow-datasets keeps its data.

    Raises:
      ValueError: for a file without such arrays, or images that do not fit their labels.
      ImportError: when the package behind a source is not installed.
    """
    if source == "digits":
        try:
            from sklearn import datasets
        except ImportError as error:
            raise ImportError('digits need scikit-learn: pip install "jaxinfo[bench]".') from error
        found = datasets.load_digits()
        pixels, labels, title = found.images / 16.0, found.target, "8 x 8 digits of scikit-learn"
    elif source.startswith("tfds:"):
        pixels, labels = _from_tfds(source.removeprefix("tfds:"), data_dir)
        title = f"{source.removeprefix('tfds:')}, training part"
    else:
        pixels, labels, title = *_from_npz(Path(source)), Path(source).name
    pixels = np.asarray(pixels)
    if pixels.ndim == 4 and pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    labels = np.asarray(labels).reshape(-1)
    if pixels.ndim != 3 or len(pixels) != len(labels) or not len(labels):
        raise ValueError(
            f"{source}: expected grey images [n, height, width] and as many labels, got shapes {pixels.shape} and "
            f"{labels.shape}."
        )
    if pixels.dtype == np.uint8:
        pixels = pixels / 255.0
    if not (np.isfinite(pixels).all() and pixels.min() >= 0.0 and pixels.max() <= 1.0):
        raise ValueError(f"{source}: expected bytes, or numbers from 0 to 1, got {pixels.min()} to {pixels.max()}.")
    return Images(pixels.astype(np.float32), labels.astype(np.int64), f"{len(labels):,} images ({title})")


def _from_npz(path: Path) -> tuple[np.ndarray, np.ndarray]:
    if path.suffix != ".npz" or not path.is_file():
        raise ValueError(f"{path}: expected an npz file, 'digits' or 'tfds:<name>'; check the spelling.")
    with np.load(path, allow_pickle=False) as file:
        for images, labels in KEYS:
            if images in file and labels in file:
                return file[images], file[labels]
        raise ValueError(f"{path}: expected arrays {' or '.join(map(str, KEYS))}, got {', '.join(file.files)}.")


def _from_tfds(name: str, data_dir: str | None) -> tuple[np.ndarray, np.ndarray]:
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise ImportError("this source needs tensorflow-datasets: pip install tensorflow-datasets.") from error
    source = tfds.data_source(name, split="train", data_dir=data_dir)  # needs no TensorFlow, once the data is prepared
    each = [source[k] for k in range(len(source))]
    return np.stack([e["image"] for e in each]), np.array([e["label"] for e in each])
