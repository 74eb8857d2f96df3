"""Packages of others: a value where there is one, a reason where there is none."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

from experiments import outside, packages
from jaxinfo.bench import tasks

PYTHON = Path(sys.executable)


def test_a_value_with_its_cost_and_version():
    pytest.importorskip("sklearn")
    task = tasks.task("1v1-normal-0.75")
    found = packages.measured(PYTHON, "scikit-learn", "mutual_information", task.draw(0, 2000), {}, 120.0)
    assert abs(found["value"] - task.truth["mutual_information"]) < 0.1
    assert found["cpu_s"] > 0 and found["wall_s"] > 0 and found["stderr"] is None
    assert {"python", "numpy", "scikit-learn"} <= set(found["versions"]) and found["omp_threads"] == "1"
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
            return ji.types.Estimate(rows["x"].mean(), 0.5, name=name)

    seen = {}
    monkeypatch.setattr(ji, "fit", lambda vs, measure, **options: seen.update(vs=vs, **options) or Model())
    train, test = ({"x": np.full((5, 1), v), "y": np.zeros((5, 1))} for v in (1.0, 2.0))
    assert outside.RIVALS["jaxinfo"]("mutual_information", train, test) == (2.0, 0.5)
    assert seen["vs"] is train and set(seen) <= {"vs", "discrete", "progress"}  # its defaults
    assert packages.environment("jaxinfo", "", Path("nowhere"), 1.0) == (PYTHON, "")


@pytest.fixture
def torch(monkeypatch):
    """Stands in for what latentmi and diffusion-mi import."""
    seeds = []
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(manual_seed=seeds.append))
    return seeds


def package(monkeypatch, name, **content):
    module = ModuleType(name)
    vars(module).update(content)
    monkeypatch.setitem(sys.modules, name, module)


def rows(n, shift, spread):
    rng = np.random.default_rng(n)
    return {k: shift + spread * rng.normal(size=(n, 1)) for k in "xy"}


def test_hoi_reads_all_variables_at_once_and_tells_bits(monkeypatch):
    asked = []

    class Metric:
        def __init__(self, x, verbose):
            self.x = x

        def fit(self, **options):
            asked.append((self.x, options))
            return np.full((1, 1), 3.0)

    package(monkeypatch, "hoi", metrics=SimpleNamespace(TC=None, DTC=None, Sinfo=None, Oinfo=Metric))
    three = {k: np.full((5, 1), i) for i, k in enumerate("abc")}
    value, stderr = outside.hoi("o_information", three, {})
    assert value == pytest.approx(3.0 * np.log(2.0)) and stderr is None
    np.testing.assert_array_equal(asked[0][0], np.tile([0, 1, 2], (5, 1)))
    assert asked[0][1] == {"minsize": 3, "maxsize": 3, "method": "gc"}
    with pytest.raises(NotImplementedError, match="three or more scalars"):
        outside.hoi("o_information", three | {"d": np.zeros((5, 2))}, {})


def test_latentmi_trains_on_as_many_rows_as_we_do(monkeypatch, torch):
    seen = []

    def estimate(x, y):
        seen.append((x, y))
        return np.array([np.nan, 1.0, 3.0]), None, None

    package(monkeypatch, "latentmi", lmi=SimpleNamespace(estimate=estimate))
    train, test = rows(100, 0.0, 1.0), rows(90, 1.0, 1.0)
    value, stderr = outside.latentmi("mutual_information", train, test)
    assert value == pytest.approx(2.0 * np.log(2.0)) and stderr is None and torch == [0]
    np.testing.assert_array_equal(seen[0][1], np.concatenate([train["y"], test["y"]]))


class Diffusion:
    """An estimator of diffusion-mi that notes what it is given."""

    seen: ClassVar[dict] = {}

    def __init__(self, **options):
        self.seen.update(options)

    def fit(self, *arrays):
        self.seen["fit"] = arrays

    def estimate(self, *arrays):
        self.seen["estimate"] = arrays
        return 0.25


def test_diffusion_mi_trains_for_as_long_as_it_does_by_itself(monkeypatch, torch):
    package(monkeypatch, "dmi", estimators=SimpleNamespace(MINDEEstimator=Diffusion, MMGEstimator=Diffusion))
    train, test = rows(10_000, 5.0, 3.0), rows(500, 5.0, 3.0)
    assert outside.minde("mutual_information", train, test) == (0.25, None)
    assert set(Diffusion.seen) == {"fit", "estimate"}
    assert [len(v) for v in Diffusion.seen["fit"]] == [10_000, 10_000]
    Diffusion.seen.clear()
    assert outside.mmg("mutual_information", train, test) == (0.25, None)
    assert set(Diffusion.seen) == {"fit", "estimate"} and len(Diffusion.seen["fit"]) == 4
    x, read = Diffusion.seen["fit"][0], Diffusion.seen["estimate"][0]
    assert x.mean() == pytest.approx(0.0, abs=1e-5) and x.std() == pytest.approx(1.0, abs=1e-5)
    np.testing.assert_allclose(read, (test["x"] - train["x"].mean()) / train["x"].std(), rtol=1e-4, atol=1e-6)
    with pytest.raises(NotImplementedError, match="mutual information only"):
        outside.mmg("o_information", train, test)


def test_seconds_of_processes_that_were_started_count():
    before = outside.cpu_seconds()
    subprocess.run([sys.executable, "-c", "sum(range(10**7))"], check=True)
    assert outside.cpu_seconds() - before > 0.05


@pytest.fixture
def rivals(flags_forgotten):
    """The experiment."""
    from experiments import rivals

    return rivals


@pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")  # of ml_collections
def test_what_did_not_install_is_tried_again_and_the_rest_when_it_is_given_something_else(rivals):
    given = {"task": "t", "n": 10, "seed": 0, "measure": "m", "each_s": 60.0}
    cells = [{"package": p} | given for p in "abcd"]
    a, b, c, _ = cells
    records = [
        a | {"failed": "x", "installed": False},
        b | {"failed": "not finished after 60 s"},
        c | {"failed": "x", "installed": False},
    ]
    names = lambda wanted, records: [cell["package"] for cell in rivals.to_do(wanted, records)]
    assert names(cells, records) == ["a", "c", "d"]
    assert names(cells, [*records, c | {"value": 0.1}]) == ["a", "d"]
    assert names([cell | {"each_s": 90.0} for cell in cells], records) == ["a", "b", "c", "d"]


def test_time_runs_out():
    assert "not finished" in packages.attempt([sys.executable, "-c", "import time; time.sleep(60)"], 0.2)
