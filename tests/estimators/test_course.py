"""How long training goes on: until validation rows gain nothing, then a cool-down; never beyond ``steps``."""

from dataclasses import replace

import pytest

from jaxinfo import measures as ms
from jaxinfo import plan
from jaxinfo.blocks import Blocks
from jaxinfo.estimators.course import Course
from jaxinfo.estimators.settings import BUDGETS, LEAST, LOOK, MANY_ROWS, MOST_TIMES, SLOWING, Settings, evaluations

S = Settings(steps=40_000, checks=40, patience=0.3, cooldown=0.25)


def settled(settings, views, n=0, dim=1):
    """The settings with all decided for variables of ``dim`` coordinates."""
    return settings.for_system(Blocks((dim,) * len(views[0])), views, n)


def follow(loss, settings=S, n=20_000):
    """The course when the validation loss after ``k`` steps is ``loss(k)``."""
    course, done = Course(settings, n), 0
    course.look(0, loss(0))
    while done < course.end:
        done += course.chunk
        course.look(done, loss(done))
    return course, done


def test_progress_to_the_end_uses_every_step():
    course, done = follow(lambda k: -1e-3 * k)
    assert done == course.end == 40_000
    assert (course.cool_from, course.cool_steps) == (30_000, 10_000)


def test_a_loss_that_stands_still_cools_down_early():
    course, done = follow(lambda k: max(0.0, 1.0 - k / 8000))
    assert 8000 < course.cool_from <= 13_000
    assert course.cool_steps == pytest.approx(course.cool_from / 3, abs=500)
    assert done == course.end == course.cool_from + course.cool_steps


def test_a_loss_that_rises_ends_sooner_where_the_course_may_go_back():
    rises = lambda k: abs(k - 10_000) / 1e5
    stays, returns = (follow(rises, replace(S, patience=0.5, rewind=rewind))[0] for rewind in (False, True))
    assert 12_500 <= returns.cool_from <= 13_000 < 19_000 < stays.cool_from
    assert [k for k in range(0, 40_001, 1000) if returns.goes_back(k)] == [returns.cool_from]
    assert not any(stays.goes_back(k) for k in range(0, 40_001, 1000))


def test_where_all_steps_end_it_goes_back_as_well():
    late = lambda k: abs(k - 28_500) / 1e5  # worse for too short a while to end at
    course = follow(late, replace(S, rewind=True))[0]
    assert course.cool_from == 30_000 and course.goes_back(30_000)
    assert not follow(late)[0].goes_back(30_000)
    assert not follow(lambda k: -k / 1e5, replace(S, rewind=True))[0].goes_back(30_000)


@pytest.mark.parametrize(
    "losses, end",
    [
        ([0.9, 0.37, 0.3, 0.21, 0.12, 0.03, -0.1, -0.35, -0.6], None),  # ten spirals of twenty coordinates
        ([0.85, 0.31, 0.18, 0.17, 0.18, 0.14], 2100),  # ten normal vectors: what is left is noise of the steps
    ],
)
def test_networks_about_to_be_better_than_none_go_on(losses, end):
    c = Course(Settings(steps=18_000, checks=60, slowing=1500, rewind=True), 20_000, 21)
    for k, loss in enumerate([0.0, *losses]):
        c.look(300 * k, 3394.6 + loss)
    assert c.end == (end or c.all_steps)


def test_a_loss_that_stands_still_leaves_nothing_to_go_back_to():
    course, _ = follow(lambda k: max(0.0, 1.0 - k / 8000), replace(S, rewind=True))
    assert not course.goes_back(course.cool_from)


def test_noise_below_the_sampling_error_is_no_progress():
    slow = lambda k: -1e-7 * k  # 0.001 nats in 10,000 steps
    assert follow(slow, n=20_000)[1] < 10_000
    assert follow(slow, n=10_000_000)[1] > 10_000  # but with many rows it can be told from nothing
    assert Course(S, 100, 8).least == 2 * Course(S, 100).least  # the noise of many views adds up


def test_full_rate_lasts_an_eighth_of_all_steps_or_until_it_slows_and_four_looks():
    still = lambda k: 0.0
    assert follow(still)[0].cool_from == 5000
    assert follow(still, replace(S, steps=400, checks=20))[0].cool_from == 4 * 20
    assert follow(still, replace(S, slowing=2000))[0].cool_from == 4000  # sooner where the rate falls, after four looks


def test_many_rows_raise_the_end_and_not_the_beginning():
    pair = plan.plan({"mi": ms.mi(2, [0], [1])}).views
    standard, thorough = BUDGETS["standard"], BUDGETS["thorough"]
    few, many, most = (settled(standard, pair, n).steps for n in (MANY_ROWS, 3 * MANY_ROWS, 100 * MANY_ROWS))
    assert (many, most) == (3 * few, MOST_TIMES * few) and settled(standard, pair).steps == few
    assert settled(thorough, pair, 3 * MANY_ROWS).steps == thorough.longer * many
    assert settled(replace(standard, steps=70, longer=2.0), pair, 3 * MANY_ROWS).steps == 70  # as asked
    ends = {n: follow(lambda k: 0.0, settled(standard, pair, n), n)[1] for n in (MANY_ROWS, 3 * MANY_ROWS)}
    assert ends[MANY_ROWS] == ends[3 * MANY_ROWS]  # where nothing is to be learned


@pytest.mark.parametrize("steps, checks", [(1, 1), (10, 40), (300, 3), (3000, 40), (16_001, 7)])
def test_never_longer_than_asked_up_to_one_look(steps, checks):
    course, done = follow(lambda k: -float(k), replace(S, steps=steps, checks=checks))
    assert steps <= done < steps + course.chunk
    assert 1 <= course.cool_steps and course.cool_from + course.cool_steps == course.end


def test_what_is_left_open_follows_the_number_of_views_and_variables():
    standard, system = BUDGETS["standard"], lambda n: plan.plan({"tc": ms.tc(n), "dtc": ms.dtc(n)}).views
    gradient = lambda n: plan.plan({f"{i}": ms.o_info_gradient(n, i) for i in range(n)}).views
    few, more, many = (settled(standard, views) for views in (system(2)[:2], system(6), system(50)))
    assert few.batch < more.batch < many.batch and few.steps < many.steps < more.steps
    assert many.steps < settled(standard, system(20)).steps  # a step of fifty is dear
    assert settled(standard, system(6), dim=5).steps < settled(standard, gradient(6), dim=5).steps  # few views, many
    assert few.checks == few.steps // LOOK and settled(replace(S, checks=None, steps=30), system(2)).checks == 20
    assert (few.net, more.net, many.net) == ("mlp", "mlp", "per_variable")
    nets = {(n, dim): settled(standard, system(n), dim=dim).net for n in (4, 6) for dim in (2, 5)}
    assert nets == {(4, 2): "mlp", (4, 5): "mlp", (6, 2): "mlp", (6, 5): "per_variable"}
    assert few.slowing is more.slowing is None and many.slowing == SLOWING
    assert (few.rewind, more.rewind, many.rewind) == (False, False, True)
    assert replace(S, rewind=True).for_system(Blocks((1, 1)), system(2)).rewind
    assert settled(replace(S, slowing=7), system(2)).slowing == settled(replace(S, slowing=7), system(50)).slowing == 7
    assert settled(standard, system(6), dim=5).batch == LEAST < many.batch == settled(standard, system(60)).batch
    assert many.all_together and not settled(replace(S, net="mlp"), system(50)).all_together
    pairs = plan.plan(
        {f"{i}": ms.tc(9, [i, i + 1]) for i in range(8)}
    ).views  # eight joints: each costs nine evaluations
    assert settled(standard, pairs).net == "mlp"
    assert evaluations(system(9)) == 9 + 9 + 9 and evaluations(pairs) == 9 + 8 * 9
    chosen = replace(S, batch=77, steps=10, checks=3, net="thesis", learning_rate=0.1, rewind=True)
    assert settled(chosen, system(50)) == chosen
