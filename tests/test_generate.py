"""Rows drawn from a trained model follow the law it was trained on, and what cannot be drawn is refused."""

import numpy as np
import pytest

import jaxinfo as ji
from jaxinfo.estimators import generate

pytestmark = pytest.mark.usefixtures("quick_compile")
SMALL = dict(budget="quick", steps=400, width=16, depth=1, num_mc=2, checks=4, progress=False)
RHO = 0.8


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(0)
    x = rng.normal(size=3000)
    y = np.exp(RHO * x + np.sqrt(1 - RHO**2) * rng.normal(size=3000))  # in its own units far from normal
    vs = {"x": x, "y": y, "side": np.where(x > 0, "right", "left")}
    return ji.fit(vs, measures=("mutual_information(x; y)", "mutual_information(x; side)"), **SMALL)


def test_conditional_draws(model):
    given = np.repeat([0.3, 3.0], 2000)
    x = model.sample("x", {"y": given}, seed=1)["x"]
    assert x.shape == (4000, 1)
    for y, drawn in zip((0.3, 3.0), x.reshape(2, 2000)):
        # 4 standard errors of 2000 draws, and what a small network is off by
        assert abs(drawn.mean() - RHO * np.log(y)) < 4 * 0.6 / np.sqrt(2000) + 0.1
        assert abs(drawn.std() - np.sqrt(1 - RHO**2)) < 0.1


def test_given_a_label_or_nothing(model):
    x = model.sample("x", {"side": ["left"] * 500 + ["right"] * 500}, seed=2)["x"][:, 0]
    assert (x[:500] < 0.1).mean() > 0.9 and (x[500:] > -0.1).mean() > 0.9
    alone = model.sample("x", n=2000, seed=3)["x"]
    assert alone.shape == (2000, 1)
    assert abs(alone.mean()) < 4 / np.sqrt(2000) + 0.1 and abs(alone.std() - 1.0) < 0.15
    before = generate._walk.num_traces()
    np.testing.assert_array_equal(alone, model.sample("x", n=2000, seed=3)["x"])
    assert not np.isin(alone, model.sample("x", n=2000, seed=4)["x"]).any()
    assert generate._walk.num_traces() == before  # asked again, nothing compiles


def test_fewer_rows_than_folds(model):
    x = model.sample("x", {"y": [1.0]}, seed=5)["x"]
    assert x.shape == (1, 1) and abs(x[0, 0]) < 5 * np.sqrt(1 - RHO**2)


def test_a_loaded_model_draws_what_it_was_trained_for(model, tmp_path):
    model.save(tmp_path / "model")
    back = ji.load(tmp_path / "model")
    np.testing.assert_array_equal(back.sample("x", {"y": [1.0, 2.0]})["x"], model.sample("x", {"y": [1.0, 2.0]})["x"])
    with pytest.raises(ValueError, match="not trained, and a loaded model"):
        back.sample("y", {"x": [1.0]})


@pytest.mark.parametrize(
    "names, given, n, says",
    [
        ("side", {"x": [1.0]}, None, "can be given, not drawn"),
        ("z", {"x": [1.0]}, None, "unknown variable 'z'"),
        ("x", None, None, "say how many rows"),
        ("x", {"y": [1.0]}, 0, "n=0: expected a whole number"),
        ("x", {"y": 3.0}, None, "y is one value, 3.0"),
        ("x", {"x": [1.0]}, None, "both NOISED and GIVEN"),
        ("x", {"side": ["up"]}, None, "was not among those fitted"),
    ],
)
def test_what_is_refused(model, names, given, n, says):
    with pytest.raises(ValueError, match=says):
        model.sample(names, given, n=n)
