"""Canonical correlations: exact for Gaussians as measured, blind to the rest."""

import numpy as np
import pytest

from jaxinfo.bench import run
from jaxinfo.bench import tasks as tk
from jaxinfo.estimators import cca


def estimate(id, n=10_000):
    task = tk.task(id)
    e = run.estimate(run.rival("cca", "mutual_information"), task.draw(0, n), task.draw(1, n))
    return e, task.truth["mutual_information"]


@pytest.mark.parametrize(
    "id", ["1v1-normal-0.75", "multinormal-dense-5-5-0.5", "multinormal-sparse-3-3-2-2.0", "high_mi-3-3-5.0-plain"]
)
def test_right_on_gaussians(id):
    e, truth = estimate(id)
    assert abs(e.value - truth) < 5 * e.stderr and e.stderr < 0.03 * max(1.0, truth)
    assert e.per_sample.mean() == pytest.approx(e.value, abs=1e-9)


def test_new_rows_do_not_flatter_directions():
    """50 coordinates of nothing: rows that chose the directions see information, new rows hardly any."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 400, 25))
    own = cca.information(cca.directions(x, y), x, y)
    new = cca.information(cca.directions(x, y), *rng.normal(size=(2, 400, 25)))
    assert own.value > 0.7 and new.value < 0.15


def test_a_curve_hides_from_it():
    e, truth = estimate("spiral-multinormal-sparse-3-3-2-2.0")
    assert e.value < 0.8 * truth


def test_refusals():
    x = np.random.default_rng(0).normal(size=(100, 2))
    with pytest.raises(ValueError, match="x is singular"):
        cca.directions(np.column_stack([x, x[:, :1]]), x)
    with pytest.raises(ValueError, match="y is singular"):  # what rounding leaves of it is positive
        cca.directions(x, np.column_stack([x, x @ [0.3, 1e3]]) * [1e4, 1e-3, 1.0])
    with pytest.raises(ValueError, match="at least 6 rows, got 5"):
        cca.directions(x[:5], x[:5])
    with pytest.raises(ValueError, match="mutual_information only"):
        cca.cca_estimator("total_correlation")
