"""Nearest-neighbour baselines against a naive second implementation and against known truths."""

import math

import numpy as np
import pytest
from scipy.special import digamma

from jaxinfo.bench import tasks as tk
from jaxinfo.estimators import ksg


def max_norm(a, b):
    return np.abs(a[:, None, :] - b[None, :, :]).max(axis=-1)


def naive_mi(x, y, k):
    """KSG estimator 1 from the full table of distances."""
    dx, dy = max_norm(x, x), max_norm(y, y)
    radius = np.sort(np.maximum(dx, dy), axis=1)[:, k]
    nx, ny = (dx < radius[:, None]).sum(1) - 1, (dy < radius[:, None]).sum(1) - 1
    return digamma(k) + digamma(len(x)) - np.mean(digamma(nx + 1) + digamma(ny + 1))


@pytest.mark.parametrize("dims", [(1, 1), (2, 1), (2, 3)])
@pytest.mark.parametrize("k", [1, 3])
def test_mi_is_the_naive_count(dims, k):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, dims[0]))
    y = rng.standard_normal((300, dims[1])) + x[:, :1]
    assert ksg.ksg_mi(x, y, k, ranks=False).value == pytest.approx(naive_mi(x, y, k), abs=1e-12)


def test_mixed_mi_entropy_and_kl_are_the_naive_counts():
    rng = np.random.default_rng(1)
    n, k = 200, 3
    labels = rng.integers(0, 3, n)
    x = rng.standard_normal((n, 2)) + labels[:, None]
    table = max_norm(x, x)
    terms = []
    for i in range(n):
        same = np.sort(table[i, labels == labels[i]])
        m = (table[i] <= same[k]).sum() - 1  # without the row itself
        terms.append(digamma(n) + digamma(k) - digamma(len(same)) - digamma(m))
    assert ksg.ksg_mi_discrete(x, labels, k, ranks=False).value == pytest.approx(np.mean(terms), abs=1e-12)
    one_hot = np.eye(3)[labels]
    assert ksg.ksg_mi_discrete(x, one_hot, k, ranks=False).value == pytest.approx(np.mean(terms), abs=1e-12)

    own = np.sort(table, axis=1)[:, k]
    entropy = digamma(n) - digamma(k) + 2 * np.log(2 * own).mean()
    assert ksg.knn_entropy(x, k).value == pytest.approx(entropy, abs=1e-12)

    q = 2.0 * rng.standard_normal((250, 2))
    other = np.sort(max_norm(x, q), axis=1)[:, k - 1]
    kl = 2 * np.log(other / own).mean() + math.log(250 / (n - 1))
    assert ksg.knn_kl(x, q, k).value == pytest.approx(kl, abs=1e-12)


@pytest.mark.parametrize(
    "id, most",
    [
        ("1v1-normal-0.75", 0.02),
        ("independent-1-1", 0.02),
        ("asinh-student-identity-1-1-1", 0.02),
        ("1v1-additive-0.1", 0.02),
        ("mixture-4class", 0.02),
        ("mixture-entropy-3", 0.03),
        ("mixture-kl", 0.03),
    ],
)
def test_within_five_standard_errors(id, most):
    task = tk.task(id)
    ((measure, truth),) = task.truth.items()
    got = ksg.ksg_measures(task.draw(0, 6000), (measure,), discrete=task.discrete)[measure]
    assert got.stderr < most and abs(got.value - truth) < 5 * got.stderr
    assert got.name == measure and got.per_sample.mean() == pytest.approx(got.value)


def test_standard_error_is_the_spread_over_fresh_draws():
    task = tk.task("1v1-normal-0.75")
    many = [ksg.ksg_measures(task.draw(s, 500), ("mutual_information",))["mutual_information"] for s in range(60)]
    spread = np.std([e.value for e in many], ddof=1)
    assert 0.7 < np.mean([e.stderr for e in many]) / spread < 1.4  # 60 draws know a spread to 9 %


def test_sums_see_the_sign_of_xor():
    task = tk.task("sign_xor")
    measures = tuple(m for m in task.truth if ":x2" not in m and ":x3" not in m)
    got = ksg.ksg_measures(task.draw(0, 4000), measures)
    value = {m: e.value for m, e in got.items()}
    assert value["o_information"] < -0.5 and value["total_correlation"] > 0.5
    assert value["s_information"] == pytest.approx(value["total_correlation"] + value["dual_total_correlation"])
    difference = value["total_correlation"] - value["dual_total_correlation"]
    assert value["o_information"] == pytest.approx(difference)
    assert value["o_information_gradient:x1"] == pytest.approx(-math.log(2.0), abs=0.25)


def test_max_rows_and_flags():
    task = tk.task("multinormal-dense-25-25-0.5")
    data = task.draw(0, 400)
    got = ksg.ksg_mi(data["x"], data["y"], max_rows=100)
    assert got.diagnostics["rows"] == 100 and got.per_sample is None
    assert "50 coordinates" in got.flags[0]
    assert "repeat" in ksg.ksg_mi(np.round(data["x"][:, :1], 1), data["y"][:, :1]).flags[0]


def test_estimator_shape():
    task = tk.task("1v1-normal-0.75")
    data = task.draw(0, 500)
    estimator = ksg.ksg_estimator("mutual_information")
    state = estimator.update(estimator.init(None, data), data)
    assert estimator.estimate(state, data).value == ksg.ksg_mi(data["x"], data["y"]).value


def test_bad_input_is_refused():
    x = np.random.default_rng(0).standard_normal((50, 1))
    with pytest.raises(ValueError, match="same number of rows"):
        ksg.ksg_mi(x, x[:40])
    with pytest.raises(ValueError, match="k=50 with 50 rows"):
        ksg.ksg_mi(x, x + 1, 50)
    with pytest.raises(ValueError, match="finite"):
        ksg.ksg_mi(x, np.full_like(x, np.nan))
    with pytest.raises(ValueError, match="exact copies"):
        ksg.knn_entropy(np.zeros((50, 1)))
    with pytest.raises(ValueError, match="are labels discrete"):
        ksg.ksg_mi_discrete(x, x)
    with pytest.raises(ValueError, match="one width"):
        ksg.knn_kl(x, np.hstack([x, x]))
    with pytest.raises(ValueError, match="data sets p and q"):
        ksg.ksg_measures({"x": x, "y": x}, ("kl_divergence",))
    with pytest.raises(ValueError, match="unknown measure 'co_information'"):
        ksg.ksg_measures({"x": x, "y": x + 1}, ("co_information",))
    with pytest.raises(ValueError, match="exactly two variables"):
        ksg.ksg_measures({"a": x, "b": x, "c": x}, ("mutual_information",))
