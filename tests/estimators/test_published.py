"""The published recipes: near the truth on Gaussians, their numbers those of the thesis, stopped and gone on with."""

import math

import chex
import jax
import numpy as np
import pytest

from jaxinfo import views as vw
from jaxinfo.bench.run import rival
from jaxinfo.blocks import Blocks
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


@pytest.mark.broad
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
    chex.assert_trees_all_close(part.state.params, whole.state.params, atol=1e-5)


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


@pytest.mark.parametrize("sizes, count", [((1, 1), 55_425), ((10, 10), 220_810), ((50, 50), 898_354)])
def test_the_network_of_the_thesis(sizes, count):
    """Its numbers of parameters in Table B.2, whose row of 50 coordinates is that of 20."""
    data = {k: np.zeros((2, d)) for k, d in zip("xy", sizes)}
    state = published.published_estimator("mutual_information").init(jax.random.key(0), data)
    assert sum(leaf.size for leaf in jax.tree.leaves(state.state.params)) == count


def test_the_average_is_the_plain_one_from_the_first_parameters_on():
    e = published.published_estimator("mutual_information", published.Recipe(steps=3, width=8, decay=0.9))
    state, average = e.init(jax.random.key(0), pair(0)), None
    for to in range(4):  # the first call takes no step
        state = published.advance("mutual_information", state, pair(0), to)
        params = jax.tree.map(np.asarray, state.state.params)
        average = params if average is None else jax.tree.map(lambda a, p: 0.9 * a + 0.1 * p, average, params)
        chex.assert_trees_all_close(state.state.ema, average, atol=1e-6)


@pytest.mark.parametrize("measure", ["mutual_information", "o_information"])
def test_what_stands_for_absent_variables(measure):
    """Nothing for MINDE, noise that the network sees for SOI."""
    blocks = Blocks((1, 2) if measure == "mutual_information" else (1, 2, 1))
    r, tau = published.Recipe(width=32), np.ones((5, blocks.num_variables), np.float32)
    tau[:, 0] = 0.5
    x = np.random.default_rng(0).normal(size=(5, blocks.dim)).astype(np.float32)
    net = published._net(measure, blocks, r)
    params = net.init(jax.random.key(0), x, tau)
    params["params"]["Dense_3"]["kernel"] = np.ones_like(params["params"]["Dense_3"]["kernel"])  # it starts at zero
    score, other = published._score(measure, blocks, r, params), x + [[0.0] + [1.0] * (blocks.dim - 1)]
    same = np.allclose(score(x, tau), score(other, tau))
    assert score(x, tau).shape == x.shape and same == (measure == "mutual_information")


def test_the_loss_of_systems_weighs_what_predicts_little(monkeypatch):
    """A network that predicts zero loses n_noised (2 − n_noised / D) in the mean of a view."""
    monkeypatch.setattr(published, "_score", lambda measure, blocks, r, params: lambda x, tau: 0.0 * x)
    losses = {}
    for measure, data in (("mutual_information", pair(0)), ("o_information", triple(0))):
        e = published.published_estimator(measure, published.Recipe(steps=100, width=8, batch=500))
        losses[measure] = e.update(e.init(jax.random.key(1), data), data).loss
    # shares: the joint 3, each of three given the rest 2, each of three alone 1
    expected = (3 * 3 * (2 - 1) + 9 * (2 - 1 / 3)) / (3 + 6 + 3)
    assert losses["mutual_information"] == pytest.approx(1.0, abs=0.02)
    assert losses["o_information"] == pytest.approx(expected, abs=0.03)


def test_seconds_end_it(monkeypatch):
    data = pair(0, 200)
    ticks = iter(range(100))
    monkeypatch.setattr(published.time, "process_time", lambda: 10.0 * next(ticks))
    short = {"steps": 1000, "width": 8, "batch": 8, "num_mc": 1}
    e = published.published_estimator("mutual_information", published.Recipe(**short, cpu_seconds=25.0))
    state = e.update(e.init(jax.random.key(0), data), data)
    # the clock starts after the first CHUNK steps and is looked at once after each
    assert int(state.state.step) == 3 * published.CHUNK
    assert e.estimate(state, data).diagnostics["steps"] == 3 * published.CHUNK
    with pytest.raises(ValueError, match="cpu_seconds must be positive"):
        published.Recipe(cpu_seconds=0.0)


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
    with pytest.raises(ValueError, match="decay must be a number between 0 and 1, got 1.5"):
        published.Recipe(decay=1.5)
    with pytest.raises(ValueError, match="learning_rate must be positive, got nan"):
        published.Recipe(learning_rate=float("nan"))
