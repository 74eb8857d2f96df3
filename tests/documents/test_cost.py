"""Time to error: what is measured of it, that a killed cell goes on, and what its document judges."""

from contextlib import contextmanager
from itertools import count

import jax
import jax.numpy as jnp
import pytest
from made_records import ENVIRONMENT

from experiments.documents import bars, cost
from jaxinfo.bench import tasks
from jaxinfo.estimators import published as rival

NORMAL, SPIRAL = "1v1-normal-0.75", "spiral-multinormal-sparse-3-3-2-2.0"


def timed(estimator, *points, task=NORMAL, truth=0.4, seed=0, compile_s=1.0, measure="mutual_information", of=100):
    kept = [
        {
            "asked": 10 * (k + 1), "steps": 10 * (k + 1), "value": truth + error, "stderr": 0.01, "loss": 1.0 / (k + 1),
            "cpu_s": cpu, "compile_s": compile_s, "wall_s": cpu, "peak_mib": 100,
        }
        for k, (cpu, error) in enumerate(points)
    ]  # fmt: skip
    told = {"task": task, "measure": measure, "estimator": estimator, "n": 100, "truth": truth, "seed": seed}
    told |= {"recipe": {"steps": of}} if estimator == "published" else {}
    return told | {"points": kept, "environment": ENVIRONMENT}


PUBLISHED = timed("published", (10, 0.3), (100, 0.01), (200, 0.2), (400, 0.04), (800, -0.03))


def test_the_error_has_to_stay_small():
    assert cost.time_to_error([PUBLISHED], {0: bars.NEAR}) == (400, 1, True)
    assert cost.time_to_error([PUBLISHED], {0: 0.01}) == (800, 1, False)  # one that never comes near had its whole time
    assert cost.time_to_error([timed("ours", (1, float("nan")))], {0: 1.0}) == (1, 1, False)


def test_what_is_near_enough_is_told_by_our_final_error_of_each_seed():
    near = cost.limits([timed("ours", (1, -0.07), seed=0), timed("ours", (1, 0.01), seed=1)])
    assert near == {0: pytest.approx(0.07), 1: bars.NEAR}
    late = [timed("published", (1, 0.06), (9, 0.04), seed=s) for s in (0, 1)]
    assert [cost.time_to_error([r], near).cpu_s for r in late] == [1, 9]


def test_checkpoints_stand_in_the_order_of_their_cost():
    """The third run may take more steps than the second and took fewer."""
    ours = timed("ours", (5, 0.2), (9, -0.09), (7, 0.01), (20, 0.02))
    assert [p["cpu_s"] for p in cost.by_cost(ours)] == [5, 7, 9, 20]
    assert cost.time_to_error([ours], {0: bars.NEAR}).cpu_s == 20
    assert cost.error(ours) == pytest.approx(0.02)  # the default is the last that was asked for


def test_noise_of_compiling_does_not_change_their_order():
    ours = timed("ours", (30, 0.2), (22, 0.01), (24, 0.01))
    ours["points"][0]["compile_s"] = 29.0  # the first run took one second and was slow to compile
    assert cost.time_to_error([ours], {0: bars.NEAR}) == (22, 1, True)


def test_times_are_means_over_seeds_and_compiling_counts():
    ours = [timed("ours", (5, 0.2), (cpu, -0.03), (20, 0.01), seed=s, compile_s=4.0) for s, cpu in enumerate((8, 12))]
    alone = timed("ours", (1, 0.0), task="other")
    both = [PUBLISHED, PUBLISHED | {"seed": 1}]
    (row,) = cost.compared([*ours, *both, alone])
    assert row["ratio"] == pytest.approx(400 / 10) and row["ratio_run"] == pytest.approx(399 / 6)
    assert row["seeds"] == 2 and "default 40.0 (66.5 without compiling) (bar: 40): within." in cost.markdown(
        [*ours, *both]
    )
    (shared,) = cost.compared([*ours, PUBLISHED])
    assert shared["seeds"] == 1 and shared["ratio"] == pytest.approx(400 / 8)  # of the seed that both have
    assert cost.compared([ours[0], both[1]]) == []
    assert cost.compared([ours[0] | {"environment": {"processor": "other"}}, PUBLISHED]) == []
    slower = [timed("ours", (5, 0.2), (11, -0.03), seed=0)]
    assert "(bar: 40): **outside.**" in cost.markdown([*slower, PUBLISHED])


def test_it_is_said_where_ours_is_near_before_networks_learn():
    far, near = (timed("ours", (5, e), (8, 0.01)) for e in (0.2, 0.04))
    said = "1v1-normal-0.75 ours is near at its first checkpoint"
    assert said in cost.markdown([near, PUBLISHED]) and said not in cost.markdown([far, PUBLISHED])


def test_a_recipe_that_went_on_beyond_its_steps_is_said_to():
    near = timed("ours", (10, 0.01), task=SPIRAL)
    far = timed("published", (100, 0.3), (200, 0.2), task=SPIRAL, of=15)
    text = cost.markdown([far, near])
    assert (
        "20.0 (≥ 22.1 without compiling), of a recipe that went on to 20 steps; ≥ 15.0 at the end of its own 15 (bar: 10)"
        in text
    )


def test_one_that_never_comes_near(tmp_path):
    near = timed("ours", (10, 0.2), (50, 0.01), task=SPIRAL)
    far = timed("published", (10, 0.3), (1000, 0.2), task=SPIRAL)
    text = cost.markdown([far, near])
    assert (
        "| never in 1000 (1) |" in text
        and "| ≥ 20.0 |" in text
        and "default ≥ 20.0 (≥ 20.4 without compiling) (bar: 10): within." in text
    )
    # nor does ours where a dearer run than the default is farther off
    apart = timed("ours", (9, 0.3), (8, 0.0), task=SPIRAL)
    (row,) = cost.compared([far, apart])
    assert row["ratio"] == 0.0 and "never in 9.0 (1.0)" in cost.markdown([far, apart])
    assert "**outside.**" in cost.markdown([far, apart])


def test_other_options_of_ours_are_told_and_not_judged(tmp_path):
    default = timed("ours", (20, 0.2), (40, 0.01))
    quick = timed("ours", (2, 0.2), (4, -0.03)) | {"options": {"budget": "quick"}}
    records = [default, quick, PUBLISHED]
    assert [(r["options"], r["ratio"], r["bar"]) for r in cost.compared(records)] == [
        ("default", 10.0, 40.0),
        ("budget=quick", 100.0, None),
    ]
    text = cost.markdown(records)
    assert (
        "default 10.0 (10.2 without compiling); budget=quick 100.0 (133.0 without compiling) (bar: 40): **outside.**"
        in text
    )
    assert "| budget=quick |" in text and text.count("**outside.**") == 1
    cost.picture(records, tmp_path / "cost.png")
    assert (tmp_path / "cost.png").read_bytes()[:4] == b"\x89PNG"


def test_systems_have_curves_and_no_bar(tmp_path):
    points = (5, 0.2), (8, 0.02)
    told = {"task": "inner_spiral-six", "measure": "o_information"}
    system = [timed(who, *points, seed=s, **told) for who in ("ours", "published") for s in range(3)]
    system[1]["points"][1]["value"] += 0.03
    text = cost.markdown(system)
    assert "(20 steps, published: 100)" in text and "bar:" not in text
    assert "| inner_spiral-six | ours | 20 | 20 | 0.030 ± 0.017 | 0.500 | 8 |" in text
    cost.picture([PUBLISHED, timed("ours", (5, 0.2), (8, 0.01)), *system], tmp_path / "cost.png")
    assert (tmp_path / "cost.png").read_bytes()[:4] == b"\x89PNG"
    assert "C.10" not in cost.markdown([PUBLISHED])


@pytest.fixture
def experiment(flags_forgotten):
    """The experiment."""
    from experiments import cost as experiment

    return experiment


CELL = {
    "task": NORMAL, "measure": "mutual_information", "estimator": "published", "seed": 0, "n": 200, "test": 100,
    "checkpoints": 2, "first": 4, "last": 12, "options": {"width": 16, "num_mc": 1},
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")  # of ml_collections
def test_the_clock_tells_compiling_from_running(experiment):
    with experiment.compiling() as clock:
        start = clock()
        f = jax.jit(lambda x: jnp.sin(x) @ jnp.cos(x).T)
        f(jnp.ones((4, 3))).block_until_ready()
        first = experiment.since(start, clock())
        start = clock()
        f(jnp.ones((4, 3))).block_until_ready()
        again = experiment.since(start, clock())
    assert 0.0 < first["compile_s"] <= first["cpu_s"]
    assert again["compile_s"] == 0.0
    apart = experiment.since(dict.fromkeys(experiment.SPENT, 1), {"cpu_s": 9, "compile_s": 5, "wall_s": 8}, False)
    assert apart == {"cpu_s": 4, "compile_s": 0, "wall_s": 7}


@contextmanager
def ticking():
    """A clock that goes on by as much at every look: 10 CPU-seconds, of which 4 compile."""
    ticks = count()

    def clock():
        tick = next(ticks)
        return {"cpu_s": 10 * tick, "compile_s": 4 * tick, "wall_s": tick}

    yield clock


@pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")
def test_a_killed_training_goes_on_where_it_was(experiment, tmp_path, monkeypatch, quick_compile):
    task = tasks.task(NORMAL)
    data = task.draw(0, 200), task.draw(1, 100)
    monkeypatch.setattr(experiment, "compiling", ticking)
    whole = experiment.published(*data, CELL, tmp_path / "whole")
    assert [p["asked"] for p in whole["points"]] == [4, 12] and whole["recipe"]["steps"] == 390_000
    assert [(p["cpu_s"], p["compile_s"], p["wall_s"]) for p in whole["points"]] == [(30, 12, 3), (40, 16, 4)]
    assert all(p["peak_mib"] > 0 for p in whole["points"])

    advance, calls = rival.advance, []

    def killed(measure, state, train, to):
        calls.append(int(state.state.step))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return advance(measure, state, train, to)

    monkeypatch.setattr(rival, "advance", killed)
    with pytest.raises(KeyboardInterrupt):
        experiment.published(*data, CELL, tmp_path / "part")
    part = experiment.published(*data, CELL, tmp_path / "part")
    assert calls == [0, 4, 4, 4]  # the third call trains nothing: it brings back how rows are standardised
    for a, b in zip(whole["points"], part["points"]):
        assert b["value"] == pytest.approx(a["value"], abs=1e-6) and b["loss"] == pytest.approx(a["loss"], abs=1e-5)
    # training is compiled again and counted once
    assert [(p["cpu_s"], p["compile_s"], p["wall_s"]) for p in part["points"]] == [(30, 12, 3), (36, 12, 4)]


@pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")
def test_cells(experiment):
    from configs.cost import LARGE, get_config

    wanted = experiment.cells(get_config())
    assert all(cell["long"] for cell in wanted) and "long" not in experiment.KEYS
    seeds = lambda task, name, options=None: [
        c["seed"] for c in wanted if (c["task"], c["estimator"], c["options"]) == (task, name, options or {})
    ]
    assert seeds(NORMAL, "published") == seeds(NORMAL, "ours") == [0, 1] and seeds(LARGE, "published") == [0]
    assert seeds(NORMAL, "ours", {"budget": "quick"}) == [0, 1]
    assert {c["task"] for c in wanted} >= set(bars.SOONER)
    assert experiment.checkpoints(1000, 390_000, 10)[:3] == [1000, 2000, 4000]
