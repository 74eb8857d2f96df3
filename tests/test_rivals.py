"""Packages of others: a value where there is one, a reason where there is none."""

import sys
from pathlib import Path

import numpy as np
import pytest

from experiments import packages
from jaxinfo.bench import tasks

PYTHON = Path(sys.executable)


def test_a_value_with_its_cost_and_version():
    pytest.importorskip("sklearn")
    task = tasks.task("1v1-normal-0.75")
    found = packages.measured(PYTHON, "scikit-learn", "mutual_information", task.draw(0, 2000), {}, 120.0)
    assert abs(found["value"] - task.truth["mutual_information"]) < 0.1
    assert found["cpu_s"] > 0 and found["version"]


@pytest.mark.parametrize(
    "package, measure, size, reason",
    [("scikit-learn", "total_correlation", 1, "two scalars only"), ("latentmi", "mutual_information", 2, "No module")],
)
def test_a_reason(package, measure, size, reason):
    rng = np.random.default_rng(0)
    vs = {"x": rng.normal(size=(50, size)), "y": rng.normal(size=(50, size))}
    assert reason in packages.measured(PYTHON, package, measure, vs, vs, 120.0)["failed"]


def test_time_runs_out():
    assert "not finished" in packages.attempt([sys.executable, "-c", "import time; time.sleep(60)"], 0.2)
