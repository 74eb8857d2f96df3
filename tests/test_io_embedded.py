"""Embedded data sets: the same rows at every call, without ties."""

import numpy as np
import pytest

from jaxinfo.io import embedded

SHAPES = {
    "photographs": (3, (20_000,)),
    "photographs_neighbours": (5, (20_000, 3)),
    "digits": (4, (1797, 2)),
    "breast_cancer": (3, (569, 3)),
}


@pytest.mark.parametrize("name", embedded.NAMES)
def test_embedded_data_are_stable_and_continuous(name):
    pytest.importorskip("sklearn")
    got, about = embedded.load(name)
    again, _ = embedded.load(name)
    count, shape = SHAPES[name]
    assert len(got) == count and about.endswith(".") and about.count(". ") == 0
    for key, values in got.items():
        assert values.shape == shape and values.dtype == np.float64
        np.testing.assert_array_equal(values, again[key])
        assert len(np.unique(values.reshape(len(values), -1)[:, 0])) == len(values)  # no ties


def test_neighbours_are_in_the_picture_and_centres_differ():
    pytest.importorskip("sklearn")
    got, _ = embedded.load("photographs_neighbours")
    near = np.corrcoef(got["centre"][:, 0], got["up"][:, 0])[0, 1]
    assert 0.5 < near < 1.0
    assert all(-0.1 < v.min() and v.max() < 1.1 for v in got.values())  # camera noise leaves (0, 1) a little


def test_unknown_embedded_name():
    with pytest.raises(ValueError, match="choose one of photographs"):
        embedded.load("iris")


def test_principal_coordinates_keep_the_variance_and_the_sign():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 4)) * [3.0, 2.0, 1.0, 0.5]
    z = embedded.principal_coordinates(x, 4)
    np.testing.assert_allclose(z.var(axis=0).sum(), x.var(axis=0).sum())
    np.testing.assert_allclose(np.cov(z.T) - np.diag(np.var(z, axis=0, ddof=1)), 0.0, atol=1e-12)
    np.testing.assert_allclose(embedded.principal_coordinates(x + 7.0, 2), z[:, :2], atol=1e-12)
    assert np.corrcoef(z[:, 0], x[:, 0])[0, 1] > 0.9
