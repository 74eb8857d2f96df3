"""Data under the null of independence: what is permuted with groups, and what cannot be."""

import numpy as np
import pytest

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
    for order, number in (([0, 1], 2), ([1, 0], 1)):
        with pytest.raises(
            ValueError, match=f"variable {number} is constant within every one of them.*one row per group"
        ):
            list(permutation.independent(x[:, order], SLICES, groups, 1, 0))


def test_rows_of_their_own_make_up_for_one_group_that_stands_still():
    groups = np.concatenate([np.arange(900), [900, 900]])
    x = np.random.default_rng(0).normal(size=(902, 2))
    x[-2:, 1] = 0.0
    (drawn,) = permutation.independent(x, SLICES, groups, 1, 0)
    assert np.mean(drawn[:900, 1] == x[:900, 1]) < 0.1
