"""Small trained networks reach the truth on three data seeds (slow: minutes)."""

import numpy as np
import pytest

import jaxinfo as ji
from jaxinfo.bench import tasks

pytestmark = pytest.mark.slow
SMALL = dict(steps=8000, folds=3, width=48, progress=False)
BANDS = {  # task: (rows, measure, mean |error| over seeds at most)
    "1v1-normal-0.75": (5000, "mutual_information", 0.03),
    "student-identity-2-2-2": (10_000, "mutual_information", 0.06),
    "sign_xor": (10_000, "o_information", 0.12),
    "inner_spiral-redundant": (10_000, "o_information", 0.15),
    "mixture-4class": (5000, "mutual_information", 0.05),
}


@pytest.mark.parametrize("name", sorted(BANDS))
def test_truth_is_reached(name):
    n, measure, band = BANDS[name]
    task = tasks.task(name)
    found = []
    for seed in range(3):
        vs = task.draw(seed, n)
        r = ji.estimate(vs, (measure,), seed=seed, discrete=list(task.discrete), **SMALL)
        found.append(r[measure])
    errors = np.asarray([e.value - task.truth[measure] for e in found])
    stderrs = np.asarray([e.stderr for e in found])
    assert np.abs(errors).mean() < band, errors
    assert (stderrs < band).all(), stderrs
    assert (np.abs(errors) < 5 * stderrs + 0.02).all(), (errors, stderrs)


def test_the_networks_do_the_work_when_the_gaussian_is_off():
    task = tasks.task("1v1-normal-0.75")
    e = ji.mutual_information(*task.draw(0, 5000).values(), seed=0, gaussian=False, **SMALL)
    assert abs(e.value - task.truth["mutual_information"]) < 0.04
