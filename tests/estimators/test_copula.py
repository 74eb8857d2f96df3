"""The Gaussian copula: right on Gaussians under monotone maps, fooled where it must be."""

import math

import numpy as np
import pytest

from jaxinfo.bench import systems
from jaxinfo.bench import tasks as tk
from jaxinfo.estimators import copula


def measure(id, name, n=10_000, seed=0):
    task = tk.task(id)
    got = copula.copula_measures(task.draw(seed, n), (name,), task.discrete)[name]
    return got, task.truth[name]


def test_values_are_gaussian_measures_of_the_scores():
    data = tk.task("gradient-6x5").draw(0, 2000)
    measures = [*copula.MEASURES[1:5], "o_information_gradient:x4"]
    got = copula.copula_measures(data, measures)
    scores = np.hstack([copula.normal_scores(v) for v in data.values()])
    plug_in = systems.gaussian_measures(np.cov(scores, rowvar=False), (5,) * 6)
    for m in measures:
        bias = sum(w * copula.entropy_bias(5 * len(s), 2000) for w, s in copula.entropy_terms(m, tuple(data)))
        assert got[m].value == pytest.approx(plug_in[m] - bias, abs=1e-9)
        assert got[m].per_sample.mean() == pytest.approx(got[m].value)


@pytest.mark.parametrize(
    "id, name",
    [
        ("1v1-normal-0.75", "mutual_information"),
        ("half_cube-multinormal-sparse-25-25-2-2.0", "mutual_information"),
        ("multinormal-dense-50-50-0.5", "mutual_information"),
        ("high_mi-3-3-5.0-half_cube", "mutual_information"),
        ("independent-5-5", "mutual_information"),
        ("mixed-10x5-plain", "total_correlation"),
        ("mixed-10x5-half_cube", "dual_total_correlation"),
        ("mixed-10x5-normal_cdf", "o_information"),
        ("synergistic-10x5-plain", "s_information"),
        ("mixed-10x5-plain", "entropy"),
        ("gradient-6x5", "o_information_gradient:x1"),
        ("gradient-6x5", "o_information_gradient:x5"),
        ("mixture-4class", "mutual_information"),
    ],
)
def test_within_five_standard_errors_where_the_model_holds(id, name):
    got, truth = measure(id, name)
    assert abs(got.value - truth) < 5 * got.stderr, (got.value, truth, got.stderr)
    assert got.stderr < 0.02 * max(1.0, abs(truth)) and got.name == name


def test_ranks_make_monotone_maps_invisible():
    rng = lambda: np.random.default_rng(0)
    a, b = (tk.task(id).sample(rng(), 1000) for id in ("mixed-10x5-plain", "mixed-10x5-half_cube"))
    a, b = (copula.copula_measures(v, ("o_information",))["o_information"].value for v in (a, b))
    assert a == pytest.approx(b, abs=1e-10)


def test_sign_xor_fools_it():
    got, truth = measure("sign_xor", "o_information")
    assert truth == -math.log(2.0) and abs(got.value) < 0.005


def test_inner_spiral_turns_its_sign():
    got, truth = measure("inner_spiral-six", "o_information")
    assert truth == pytest.approx(-0.297, abs=5e-4)
    assert got.value == pytest.approx(0.19, abs=5 * got.stderr + 0.005)  # the copula's own limit is .194


def test_standard_error_is_the_spread_over_fresh_draws():
    task = tk.task("1v1-normal-0.75")
    many = [copula.copula_measures(task.draw(s, 300), ("mutual_information",)) for s in range(100)]
    values = np.array([e["mutual_information"].value for e in many])
    stderr = np.mean([e["mutual_information"].stderr for e in many])
    assert 0.7 < stderr / values.std(ddof=1) < 1.4  # 100 draws know a spread to 7 %


def test_correction_removes_the_bias_at_independence():
    rng = np.random.default_rng(0)
    values = []
    for _ in range(200):
        vs = {"x": rng.standard_normal((100, 3)), "y": rng.standard_normal((100, 3))}
        values.append(copula.copula_measures(vs, ("mutual_information",))["mutual_information"].value)
    assert abs(np.mean(values)) < 5 * np.std(values) / math.sqrt(200)  # uncorrected: 9 / 200 = .045, 20 errors away


def test_labels_and_one_hot_codes_are_the_same_class():
    data = tk.task("mixture-4class").draw(0, 500)
    label = data["c"][:, 0].astype(int)
    assert copula.class_conditional_mi(data["x"], label).value == pytest.approx(
        copula.class_conditional_mi(data["x"], np.eye(4)[label]).value
    )


def test_estimator_shape():
    data = tk.task("1v1-normal-0.75").draw(0, 500)
    estimator = copula.copula_estimator("mutual_information")
    state = estimator.update(estimator.init(None, data), data)
    want = copula.copula_measures(data, ("mutual_information",))["mutual_information"]
    assert estimator.estimate(state, data).value == want.value


def test_bad_input_is_refused():
    x, y, z = np.random.default_rng(0).standard_normal((3, 100, 1))
    mi = ("mutual_information",)
    with pytest.raises(ValueError, match="constant one in y"):
        copula.copula_measures({"x": x, "y": np.ones((100, 1))}, mi)
    with pytest.raises(ValueError, match="singular one among x, y"):
        copula.copula_measures({"x": x, "y": np.exp(x)}, mi)
    with pytest.raises(ValueError, match="more rows than coordinates"):
        copula.copula_measures({"x": x[:3], "y": y[:3]}, mi)
    with pytest.raises(ValueError, match="exactly two variables"):
        copula.copula_measures({"x": x, "y": y, "z": z}, mi)
    with pytest.raises(ValueError, match="unknown measure"):
        copula.copula_measures({"x": x, "y": y}, ("kl_divergence",))
    with pytest.raises(ValueError, match="one of three or more"):
        copula.copula_measures({"x": x, "y": y}, ("o_information_gradient:x",))
    with pytest.raises(ValueError, match="one continuous and one discrete"):
        copula.copula_measures({"x": x, "y": y, "z": z}, ("total_correlation",), ("z",))
    with pytest.raises(ValueError, match="at least two classes"):
        copula.class_conditional_mi(x, np.zeros(100))
    with pytest.raises(ValueError, match=r"\[n\] or \[n, d\]"):
        copula.copula_measures({"x": np.zeros((4, 2, 2)), "y": y}, mi)
