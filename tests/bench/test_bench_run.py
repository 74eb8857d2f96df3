"""Rivals by name."""

import pytest

from jaxinfo.bench import run, tasks

pytestmark = pytest.mark.usefixtures("quick_compile")

SHORT = {"width": 16, "batch": 32, "steps": 40, "look": 20}


def read(name, task, measure, **options):
    task = tasks.task(task)
    train, test = task.draw(0, 400), task.draw(1, 300)
    return run.estimate(run.rival(name, measure, **options), train, test)


def test_untrained_rivals_read_the_test_rows():
    truth = tasks.task("1v1-normal-0.75").truth["mutual_information"]
    for name in ("copula", "ksg"):
        e = read(name, "1v1-normal-0.75", "mutual_information")
        assert abs(e.value - truth) < 4 * e.stderr and e.diagnostics["rows"] == 300


def test_bounds_alone_and_along_a_path():
    assert read("infonce", "1v1-normal-0.75", "mutual_information", **SHORT).diagnostics["rows"] == 300
    for name in ("infonce", "tree-infonce"):
        e = read(name, "sign_xor", "total_correlation", **SHORT)
        assert e.diagnostics["terms"] == 2 and e.name == "total_correlation"


def test_any_rival_can_be_taken_along_a_path():
    whole = read("copula", "sign_xor", "total_correlation").value
    found = {name: read(name, "sign_xor", "total_correlation") for name in ("line-copula", "tree-ksg", "line-cca")}
    assert all(e.diagnostics["terms"] == 2 and "steps" not in e.diagnostics for e in found.values())
    assert all(abs(found[name].value - whole) < 0.1 for name in ("line-copula", "line-cca"))
    assert found["tree-ksg"].value > whole + 0.2  # neighbours see what correlations do not


def test_measures_of_a_system_share_their_parts():
    task = tasks.task("sign_xor")
    train, test = task.draw(0, 400), task.draw(1, 300)
    measures = ("total_correlation", "s_information", "dual_total_correlation", "o_information")
    found = run.estimate_all("dv", measures, train, test, **SHORT)
    tc, s, dtc, omega = (found[m].value for m in measures)
    assert dtc == pytest.approx(s - tc) and omega == pytest.approx(2 * tc - s)
    recipe = {"steps": 10, "width": 16, "num_mc": 2}
    e = run.estimate_all("line-published", ("total_correlation",), train, test, **recipe)["total_correlation"]
    assert e.diagnostics["terms"] == 2
    assert run.estimate_all("copula", ("o_information",), train, test)["o_information"].diagnostics["rows"] == 300


@pytest.mark.parametrize("name", ["smoke", "ring-dv", "tree-smoke"])
def test_unknown_names(name):
    with pytest.raises(ValueError, match="choose one of copula, cca, ksg, published, dv"):
        run.rival(name, "total_correlation")
