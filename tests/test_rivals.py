"""Packages of others: a value where there is one, a reason where there is none."""

import sys
from pathlib import Path

import numpy as np
import pytest
from absl import flags

from experiments import outside, packages
from jaxinfo.bench import tasks

PYTHON = Path(sys.executable)


def test_a_value_with_its_cost_and_version():
    pytest.importorskip("sklearn")
    task = tasks.task("1v1-normal-0.75")
    found = packages.measured(PYTHON, "scikit-learn", "mutual_information", task.draw(0, 2000), {}, 120.0)
    assert abs(found["value"] - task.truth["mutual_information"]) < 0.1
    assert found["cpu_s"] > 0 and found["version"]
    assert 20 < found["peak_mib"] < 2_000  # of the child


@pytest.mark.parametrize(
    "package, measure, size, reason",
    [("scikit-learn", "total_correlation", 1, "two scalars only"), ("latentmi", "mutual_information", 2, "No module")],
)
def test_a_reason(package, measure, size, reason):
    rng = np.random.default_rng(0)
    vs = {"x": rng.normal(size=(50, size)), "y": rng.normal(size=(50, size))}
    assert reason in packages.measured(PYTHON, package, measure, vs, vs, 120.0)["failed"]


def test_ours_trains_on_one_draw_and_reads_the_other(monkeypatch):
    import jaxinfo as ji

    class Model:
        def measure(self, name, rows):
            return ji.types.Estimate(rows["x"].mean(), 0.0, name=name)

    seen = {}
    monkeypatch.setattr(ji, "fit", lambda vs, measure, **options: seen.update(vs=vs, **options) or Model())
    train, test = ({"x": np.full((5, 1), v), "y": np.zeros((5, 1))} for v in (1.0, 2.0))
    assert outside.RIVALS["jaxinfo"]("mutual_information", train, test) == 2.0
    assert seen["vs"] is train and set(seen) <= {"vs", "discrete", "progress"}  # its defaults
    assert packages.environment("jaxinfo", "", Path("nowhere"), 1.0) == (PYTHON, "")


@pytest.fixture
def rivals(monkeypatch):
    """The experiment, whose flags other experiments define too."""
    monkeypatch.chdir(Path(__file__).resolve().parents[1])
    before = set(flags.FLAGS)
    from experiments import rivals

    yield rivals
    for name in set(flags.FLAGS) - before:
        delattr(flags.FLAGS, name)


@pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")  # of ml_collections
def test_what_did_not_install_is_tried_again_and_nothing_else(rivals):
    cells = [{"package": p, "task": "t", "n": 10, "seed": 0, "measure": "m"} for p in "abcd"]
    a, b, c, _ = cells
    records = [
        a | {"failed": "x", "installed": False},
        b | {"failed": "too slow"},
        c | {"failed": "x", "installed": False},
    ]
    assert [cell["package"] for cell in rivals.to_do(cells, records)] == ["a", "c", "d"]
    assert [cell["package"] for cell in rivals.to_do(cells, [*records, c | {"value": 0.1}])] == ["a", "d"]


def test_time_runs_out():
    assert "not finished" in packages.attempt([sys.executable, "-c", "import time; time.sleep(60)"], 0.2)
