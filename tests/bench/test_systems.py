"""Systems of many variables: truths by hand and by brute force, samplers against their covariances."""

import math

import numpy as np
import pytest
from scipy.linalg import block_diag

from jaxinfo.bench import system_tasks
from jaxinfo.bench import systems as sy
from jaxinfo.bench import tasks as tk
from jaxinfo.bench.distributions import gaussian_entropy, gaussian_mi


def brute_force(cov, sizes):
    """TC, DTC, S, Ω straight from the definitions."""
    owner = np.repeat(np.arange(len(sizes)), sizes)
    entropy = lambda keep: gaussian_entropy(cov[np.ix_(keep, keep)]) if keep.any() else 0.0
    n, joint = len(sizes), gaussian_entropy(cov)
    alone = [entropy(owner == i) for i in range(n)]
    rest = [entropy(owner != i) for i in range(n)]
    tc = sum(alone) - joint
    dtc = joint - sum(joint - r for r in rest)
    return tc, dtc, tc + dtc, tc - dtc


def random_cov(d, seed=0):
    a = np.random.default_rng(seed).standard_normal((d, 2 * d))
    return a @ a.T / (2 * d)


def test_measures_from_the_precision_matrix_are_the_definitions():
    sizes, names = (2, 1, 3, 1), ("a", "b", "c", "d")
    cov = random_cov(7)
    got = sy.gaussian_measures(cov, sizes, names)
    tc, dtc, s, o = brute_force(cov, sizes)
    assert got["entropy"] == pytest.approx(gaussian_entropy(cov))
    assert got["total_correlation"] == pytest.approx(tc)
    assert got["dual_total_correlation"] == pytest.approx(dtc)
    assert got["s_information"] == pytest.approx(s)
    assert got["o_information"] == pytest.approx(o)
    owner = np.repeat(np.arange(4), sizes)
    for i, name in enumerate(names):
        keep = owner != i
        without = brute_force(cov[np.ix_(keep, keep)], [d for j, d in enumerate(sizes) if j != i])[3]
        assert got[f"o_information_gradient:{name}"] == pytest.approx(o - without)


def test_two_variables_have_mutual_information_and_no_o_information():
    cov = random_cov(5)
    got = sy.gaussian_measures(cov, (2, 3))
    assert got["mutual_information"] == pytest.approx(gaussian_mi(cov, 2))
    assert got["o_information"] == pytest.approx(0.0, abs=1e-12)
    assert got["dual_total_correlation"] == pytest.approx(got["total_correlation"])


def test_mixed_system_of_the_thesis():
    truth = tk.task("mixed-10x5-plain").truth
    assert truth["total_correlation"] == pytest.approx(20.554, abs=5e-4)
    assert truth["dual_total_correlation"] == pytest.approx(16.793, abs=5e-4)
    assert truth["o_information"] == pytest.approx(3.761, abs=5e-4)
    halves = [tk.task(f"{kind}-6x5-plain").truth["total_correlation"] / 2 for kind in ("redundant", "synergistic")]
    assert tk.task("mixed-6x5-plain").truth["total_correlation"] == pytest.approx(sum(halves))
    assert tk.task("mixed-6x5-plain").dims == dict.fromkeys(sy.variable_names(6), 5)
    wide = tk.task("mixed-10x20-half_cube").truth
    assert "entropy" not in wide and wide["o_information"] == pytest.approx(4 * truth["o_information"])


def test_copies_are_a_kronecker_product():
    cov, one = sy.triples_cov(3), system_tasks.system_task("a", "a", sy.triples_cov(3), 1).truth
    three = sy.gaussian_measures(np.kron(cov, np.eye(3)), (3, 3, 3))
    assert all(three[key] == pytest.approx(3 * value) for key, value in one.items())


def test_groups_have_the_sign_they_are_named_for():
    for system in (f"{n}x{d}-plain" for n in (6, 10) for d in tk.SYSTEM_DIMS):
        assert tk.task(f"redundant-{system}").truth["o_information"] > 0
        assert tk.task(f"synergistic-{system}").truth["o_information"] < 0
    for n in (6, 10):  # one system under two names
        gradient = tk.task(f"gradient-{n}x5").truth
        assert all(gradient[m] == value for m, value in tk.task(f"mixed-{n}x5-plain").truth.items())
    gradient = tk.task("gradient-6x1").truth
    values = [gradient[f"o_information_gradient:x{i}"] for i in range(1, 7)]
    assert min(values[:3]) > 0 > max(values[3:])
    # Groups are independent, so that each gradient is that of its own triple, which is all of its Ω.
    np.testing.assert_allclose(values[0] + values[3], gradient["o_information"], atol=1e-12)
    independent = tk.task("independent-6x2").truth
    assert all(abs(value) < 1e-12 for key, value in independent.items() if key != "entropy")


def test_inner_spiral_truths():
    truth = {key: tk.task(f"inner_spiral-{key}").truth["o_information"] for key in ("redundant", "synergistic", "six")}
    assert truth["redundant"] == pytest.approx(0.802, abs=5e-4)
    assert truth["synergistic"] == pytest.approx(-math.log(3.0))
    assert truth["six"] == pytest.approx(-0.297, abs=5e-4)


def test_triples_are_the_looks_and_sums_they_are_said_to_be():
    redundant = np.ones((3, 3)) + 0.25 * np.eye(3)
    synergistic = np.array([[1.0, 1.0, 0.0], [1.0, 2.0, 1.0], [0.0, 1.0, 1.25]])
    cov = block_diag(redundant, synergistic)
    scale = np.sqrt(np.diag(cov))
    np.testing.assert_allclose(sy.triples_cov(6, 0.5), cov / np.outer(scale, scale), atol=1e-12)


@pytest.mark.parametrize("n, redundant, synergistic", [(50, 8, 8), (100, 17, 16)])
def test_many_triples_add_up(n, redundant, synergistic):
    one = {key: tk.task(f"inner_spiral-{key}").truth for key in ("redundant", "synergistic")}
    truth = tk.task(f"blocks-{n}x2-inner_spiral").truth
    for key in system_tasks.SYSTEM_MEASURES:
        want = redundant * one["redundant"][key] + synergistic * one["synergistic"][key]
        assert truth[key] == pytest.approx(want)
    assert len(tk.task(f"blocks-{n}x1-plain").dims) == n


def test_system_rows_have_their_covariance():
    cov = sy.groups_cov(redundant=((3, 0.8),), synergistic=((3, 0.9),))
    rows = sy.sample_system(np.random.default_rng(0), 10_000, cov, dim=2)
    x = np.stack(list(rows.values()), axis=1)  # [n, N, d]
    products = x[:, :, None, :, None] * x[:, None, :, None, :]  # [n, N, N, d, d]
    error = products.mean(axis=0) - cov[:, :, None, None] * np.eye(2)
    assert np.all(np.abs(error) <= 5 * products.std(axis=0) / 100.0)


def test_sign_xor_is_pairwise_independent_and_jointly_not():
    rows = np.hstack(list(sy.sample_sign_xor(np.random.default_rng(0), 10_000).values()))
    assert np.all(rows.prod(axis=1) > 0)
    assert np.all(np.abs(np.corrcoef(rows.T) - np.eye(3)) < 0.05)
    assert np.all(np.abs((rows**2).mean(axis=0) - 1.0) < 5 * math.sqrt(2.0) / 100.0)
    truth = tk.task("sign_xor").truth
    bit = math.log(2.0)
    assert (truth["total_correlation"], truth["dual_total_correlation"]) == (bit, 2 * bit)
    assert truth["o_information"] == -bit and truth["s_information"] == 3 * bit


def test_bad_systems_are_refused():
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        sy.redundant_cov(3, 1.0)
    with pytest.raises(ValueError, match="at least 3 variables"):
        sy.synergistic_cov(2, 0.5)
    with pytest.raises(ValueError, match="sum to 3"):
        sy.gaussian_measures(np.eye(3), (2, 2))
    with pytest.raises(ValueError, match="positive definite"):
        sy.gaussian_measures(np.ones((3, 3)))
    with pytest.raises(ValueError, match="3 variables"):
        sy.triples_cov(2)
