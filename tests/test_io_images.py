"""Labelled images from every source, and what a file must hold."""

import sys
import types

import numpy as np
import pytest

from jaxinfo.io import images


def test_digits():
    found = images.load()
    assert found.pixels.shape == (1797, 8, 8) and found.labels.shape == (1797,)
    assert found.pixels.min() == 0.0 and found.pixels.max() == 1.0 and "8 x 8" in found.title


@pytest.mark.parametrize("names", images.KEYS)
def test_npz(tmp_path, names):
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    np.savez(tmp_path / "a.npz", **dict(zip(names, (pixels, np.array([4, 5], np.uint8)))))
    found = images.load(str(tmp_path / "a.npz"))
    np.testing.assert_allclose(found.pixels, pixels / 255.0, rtol=1e-6)
    assert found.labels.tolist() == [4, 5] and found.title.startswith("2 images")


def test_tensorflow_datasets_through_its_data_source(monkeypatch):
    asked = {}

    def data_source(name, split, data_dir):
        asked.update(name=name, split=split, data_dir=data_dir)
        return [{"image": np.full((4, 4, 1), 255, np.uint8), "label": k} for k in range(3)]

    monkeypatch.setitem(sys.modules, "tensorflow_datasets", types.SimpleNamespace(data_source=data_source))
    found = images.load("tfds:mnist", data_dir="somewhere")
    assert asked == {"name": "mnist", "split": "train", "data_dir": "somewhere"}
    assert found.pixels.shape == (3, 4, 4) and found.labels.tolist() == [0, 1, 2] and found.pixels.max() == 1.0


@pytest.mark.parametrize(
    "arrays, says",
    [
        ({"a": np.zeros((2, 3, 3))}, "expected arrays"),
        ({"images": np.zeros((2, 3, 3)), "labels": np.zeros(3)}, "as many labels"),
        ({"images": np.zeros((2, 3, 3, 3)), "labels": np.zeros(2)}, "grey images"),
        ({"images": np.full((2, 3, 3), 7.0), "labels": np.zeros(2)}, "from 0 to 1"),
        ({"images": np.full((2, 3, 3), np.nan), "labels": np.zeros(2)}, "from 0 to 1"),
    ],
)
def test_what_a_file_must_hold(tmp_path, arrays, says):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=says):
        images.load(str(tmp_path / "a.npz"))


def test_no_file():
    with pytest.raises(ValueError, match="check the spelling"):
        images.load("nowhere.npz")
