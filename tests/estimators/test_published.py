"""The published recipes: near the truth on Gaussians, their numbers those of the thesis, stopped and gone on with."""

import math

import jax
import numpy as np
import pytest

from jaxinfo import views as vw
from jaxinfo.bench.run import rival
from jaxinfo.estimators import published

pytestmark = pytest.mark.usefixtures("quick_compile")

RHO = 0.8
MI = -0.5 * math.log(1 - RHO**2)
SHORT = {"steps": 1500, "width": 32, "batch": 128, "learning_rate": 3e-3}


def pair(seed, n=4000):
    x, noise = np.random.default_rng(seed).normal(size=(2, n))
    return {"x": x, "y": RHO * x + math.sqrt(1 - RHO**2) * noise}


def triple(seed, n=4000):
    r, *noise = np.random.default_rng(seed).normal(size=(4, n))
    return {f"x{i}": r + e for i, e in enumerate(noise)}


def trained(measure, data, **numbers):
    e = published.published_estimator(measure, published.Recipe(**numbers))
    return e, e.update(e.init(jax.random.key(0), data), data)


def test_a_gaussian_pair():
    e, state = trained("mutual_information", pair(0), **SHORT)
    got = e.estimate(state, pair(1, 12_000))
    assert got.stderr < 0.03
    # so few steps leave an error that the difference of two predictions shows to first order
    assert abs(got.value - MI) < 4 * got.stderr + 0.05
    assert got.diagnostics["difference"] == got.value


@pytest.mark.slow
def test_a_redundant_triple():
    e, state = trained("total_correlation", triple(0), steps=4000, width=32, learning_rate=3e-3)
    got = e.estimate(state, triple(1, 12_000))
    truth = 0.5 * (3 * math.log(2.0) - np.linalg.slogdet(np.eye(3) + 1.0)[1])
    assert got.stderr < 0.03
    assert abs(got.value - truth) < 4 * got.stderr + 0.05


def test_views_are_drawn_as_in_the_published_code():
    views = (vw.joint(10), vw.given_rest(10, 0), vw.alone(10, 0))
    assert published.shares(views).tolist() == [10, 5, 1]
    assert published.shares((vw.given_rest(2, 0), vw.alone(2, 0))).tolist() == [1, 1]


def test_going_on_is_the_same_as_going_through():
    e = published.published_estimator("mutual_information", published.Recipe(steps=40, width=16))
    start = lambda: e.init(jax.random.key(0), pair(0))
    whole, part = e.update(start(), pair(0)), start()
    for to in (20, 40, 40):
        part = published.advance("mutual_information", part, pair(0), to)
    assert int(part.state.step) == 40
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), part.state.params, whole.state.params)


@pytest.mark.parametrize(
    "measure, dim, steps, width, batch",
    [
        ("mutual_information", 2, 390_000, 64, 128),
        ("mutual_information", 50, 290_000, 128, 256),
        ("mutual_information", 100, 290_000, 256, 256),
        ("o_information", 50, 195_000, 128, 256),
        ("o_information", 100, 195_000, 192, 256),
    ],
)
def test_the_numbers_of_the_thesis(measure, dim, steps, width, batch):
    r = published.Recipe().for_problem(measure, dim)
    assert (r.steps, r.width, r.batch) == (steps, width, batch)


def test_among_the_rivals():
    e = rival("published", "total_correlation", steps=5, width=16)
    assert np.isfinite(e.estimate(e.update(e.init(jax.random.key(0), triple(0)), triple(0)), triple(1)).value)


def test_what_is_refused():
    with pytest.raises(ValueError, match="no published recipe"):
        published.published_estimator("entropy")
    e = published.published_estimator("mutual_information")
    with pytest.raises(ValueError, match="exactly two"):
        e.init(jax.random.key(0), triple(0))
    with pytest.raises(ValueError, match="call update first"):
        e.estimate(e.init(jax.random.key(0), pair(0)), pair(0))
    with pytest.raises(ValueError, match="steps"):
        published.Recipe(steps=0)
