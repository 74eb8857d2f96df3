"""Data under the null of independence: what is permuted with groups, and what cannot be."""

import warnings

import numpy as np
import pytest

import jaxinfo as ji
from jaxinfo.estimators import permutation

SLICES = (slice(0, 1), slice(1, 2))


def test_rows_that_are_groups_of_their_own_are_permuted():
    x = np.arange(400.0).reshape(200, 2)
    (drawn,) = permutation.independent(x, SLICES, np.arange(200), 1, 0)
    np.testing.assert_array_equal(drawn[:, 0], x[:, 0])
    assert sorted(drawn[:, 1]) == sorted(x[:, 1]) and np.mean(drawn[:, 1] == x[:, 1]) < 0.1


def test_rows_of_a_group_are_shifted_round_it():
    groups = np.random.default_rng(0).permutation(np.repeat(np.arange(3), 50))
    x = np.arange(300.0).reshape(150, 2)
    (drawn,) = permutation.independent(x, SLICES, groups, 1, 1)
    for g in range(3):
        before, after = x[groups == g, 1], drawn[groups == g, 1]
        start = int(np.flatnonzero(after == before[0])[0])
        np.testing.assert_array_equal(np.roll(before, start), after)


def test_a_variable_that_no_group_sees_change_is_refused():
    groups = np.repeat(np.arange(10), 20)
    x = np.column_stack([np.random.default_rng(0).normal(size=200), groups])
    for order, name in (([0, 1], "b"), ([1, 0], "a")):
        with pytest.raises(ValueError, match=f"{name} is constant within every one of them.*one row per group"):
            permutation.check_moved(x[:, order], np.zeros(2), dict(zip("ab", SLICES)), groups)


@pytest.mark.filterwarnings("ignore::jaxinfo.inputs.InputWarning")
def test_what_is_not_tested_may_stand_still_in_every_group():
    rng, groups = np.random.default_rng(0), np.repeat(np.arange(10), 20)
    x = {
        "x": rng.normal(size=200),
        "y": rng.normal(size=200),
        "age": groups + 0.5,
    }  # repeats: noise of width 1 is added
    ask = dict(groups=groups, null=1, progress=False, budget="quick", steps=20, width=8)
    e = ji.estimate(x, "mutual_information(x; y)", **ask)["mutual_information(x; y)"]  # is not refused
    assert "p_value" in e.diagnostics
    with pytest.raises(ValueError, match="age is constant within every one of them"):
        ji.estimate(x, "mutual_information(x; age)", **ask)


def test_rows_of_their_own_make_up_for_one_group_that_stands_still():
    groups = np.concatenate([np.arange(900), [900, 900]])
    x = np.random.default_rng(0).normal(size=(902, 2))
    x[-2:, 1] = 0.0
    permutation.check_moved(x, np.zeros(2), dict(zip("ab", SLICES)), groups)
    (drawn,) = permutation.independent(x, SLICES, groups, 1, 0)
    assert np.mean(drawn[:900, 1] == x[:900, 1]) < 0.1


def test_variables_of_one_side_are_permuted_alike():
    x = np.arange(800.0).reshape(200, 4)
    (drawn,) = permutation.independent(x, (slice(0, 1), slice(1, 3), slice(3, 4)), None, 1, 0, together=(1, 2))
    np.testing.assert_array_equal(drawn[:, 0], x[:, 0])
    np.testing.assert_array_equal(drawn[:, 1:] - drawn[:, 1:2], x[:, 1:] - x[:, 1:2])
    assert np.mean(drawn[:, 1] == x[:, 1]) < 0.1


def labels(seed, dependence, n=300):
    """a, and b with its noisy copy c, of sixteen classes; a share of the rows has a follow b."""
    rng = np.random.default_rng(seed)
    a, b, junk = rng.integers(0, 16, (3, n))
    copy = rng.random(n) < dependence
    return {"a": np.where(copy, b, a), "b": b, "c": np.where(rng.random(n) < 0.1, junk, b)}


@pytest.mark.parametrize("dependence, least, most", [(0.0, 0, 7), (0.3, 36, 40)])
def test_the_test_of_two_sides_holds_its_level_and_sees(dependence, least, most):
    """Of forty independent data sets more than seven are below 5 % only once in a thousand times."""
    ask = dict(discrete=["a", "b", "c"], null=39, progress=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        of = lambda seed: ji.estimate(labels(seed, dependence), "mutual_information(a; b, c)", seed=seed, **ask)
        p = [of(seed)["mutual_information(a; b, c)"].diagnostics["p_value"] for seed in range(40)]
    assert least <= sum(value <= 0.05 for value in p) <= most


def test_weights_of_rows_are_refused():
    x = dict(zip("ab", np.random.default_rng(0).normal(size=(2, 200))))
    with pytest.raises(ValueError, match="expected no sample_weight with null="):
        ji.estimate(x, "mutual_information", null=19, sample_weight=np.arange(200.0))
