"""How long training goes on: until validation rows gain nothing, then a cool-down; never beyond ``steps``."""

from dataclasses import replace

import numpy as np
import pytest

from jaxinfo.estimators.course import Course
from jaxinfo.estimators.settings import BUDGETS, Settings

S = Settings(steps=40_000, checks=40, patience=0.3, cooldown=0.25)


def follow(loss, settings=S, n=20_000):
    """The course when the validation loss after ``k`` steps is ``loss(k)``."""
    course, done = Course(settings, np.sqrt(n)), 0
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


def test_noise_below_the_sampling_error_is_no_progress():
    slow = lambda k: -1e-7 * k  # 0.001 nats in 10,000 steps
    assert follow(slow, n=20_000)[1] < 10_000
    assert follow(slow, n=10_000_000)[1] > 10_000  # but with many rows it can be told from nothing


@pytest.mark.parametrize("steps, checks", [(1, 1), (10, 40), (300, 3), (3000, 40), (16_001, 7)])
def test_never_longer_than_asked_up_to_one_look(steps, checks):
    course, done = follow(lambda k: -float(k), replace(S, steps=steps, checks=checks))
    assert steps <= done < steps + course.chunk
    assert 1 <= course.cool_steps and course.cool_from + course.cool_steps == course.end


def test_what_is_left_open_follows_the_number_of_views_and_variables():
    few, more, many = (BUDGETS["standard"].for_system(*size) for size in ((2, 2), (13, 6), (101, 50)))
    assert few.batch < more.batch < many.batch and many.steps < few.steps < more.steps
    assert few.checks == few.steps // 1000 and many.checks == 20
    assert (few.net, more.net, many.net) == ("mlp", "mlp", "per_variable")
    assert BUDGETS["standard"].for_system(3, 7).batch < many.batch == BUDGETS["standard"].for_system(401, 200).batch
    assert many.all_together and not replace(S, net="mlp").for_system(101, 50).all_together
    chosen = replace(S, batch=77, steps=10, checks=3, net="thesis", learning_rate=0.1)
    assert chosen.for_system(101, 50) == chosen
