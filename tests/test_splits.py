"""Splits: every row evaluated once, groups whole, three parts apart."""

import numpy as np
import pytest

from jaxinfo.estimators.splits import crossfit_splits, stratified_splits


@pytest.mark.parametrize("n, folds", [(50, 2), (101, 5), (1000, 8)])
def test_every_row_is_evaluated_once(n, folds):
    splits = crossfit_splits(n, folds, np.random.default_rng(0))
    assert sorted(np.concatenate([s.evaluation for s in splits])) == list(range(n))
    for s in splits:
        parts = [set(p) for p in s]
        assert sum(map(len, parts)) == n == len(set.union(*parts))
        assert abs(len(s.evaluation) - n / folds) <= 1
        assert abs(len(s.validation) - 0.1 * (n - len(s.evaluation))) <= 1.5


def test_groups_stay_whole_and_folds_stay_balanced():
    rng = np.random.default_rng(1)
    groups = rng.choice(30, size=900, p=rng.dirichlet(np.ones(30)))
    splits = crossfit_splits(900, 3, np.random.default_rng(0), groups)
    for s in splits:
        sides = [set(groups[p]) for p in s]
        assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])
        assert 200 < len(s.evaluation) < 400
    assert sorted(np.concatenate([s.evaluation for s in splits])) == list(range(900))


def test_too_few_groups():
    with pytest.raises(ValueError, match="at least 6 groups, got 4"):
        crossfit_splits(100, 5, np.random.default_rng(0), np.arange(100) % 4)


def test_rows_without_weight_fill_no_part():
    """Half of the groups weigh nothing: every fold still trains on, validates and evaluates some that do."""
    groups = np.repeat(np.arange(12), 30)
    weights = (groups % 2 == 0).astype(float)
    for seed in range(20):
        for s in crossfit_splits(360, 5, np.random.default_rng(seed), groups, weights=weights):
            assert all(weights[part].any() for part in s)


def test_a_giant_group_trains():
    groups = np.concatenate([np.zeros(600, int), 1 + np.arange(300) // 30])
    for seed in range(20):
        for s in crossfit_splits(900, 5, np.random.default_rng(seed), groups):
            assert s.validation.size <= 0.25 * s.train.size


@pytest.mark.parametrize("sizes", [[1000] * 10 + [3], [60, *range(150, 1030, 80)]])
def test_validation_is_never_far_too_small(sizes):
    """A few rows in a group of their own do not choose everything."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    for seed in range(20):
        for s in crossfit_splits(groups.size, 5, np.random.default_rng(seed), groups):
            rest = s.train.size + s.validation.size
            assert 0.05 * rest <= s.validation.size <= 0.3 * rest


def test_rows_without_weight_are_dealt_evenly():
    weights = (np.arange(10_000) < 1000).astype(float)
    for s in crossfit_splits(10_000, 5, np.random.default_rng(0), weights=weights):
        assert abs(s.evaluation.size - 2000) < 20 and abs(weights[s.evaluation].sum() - 200) <= 1


def test_one_group_cannot_train_and_validate():
    groups = np.repeat([0, 1, 2], [200, 200, 200])
    with pytest.raises(ValueError, match="only 1 group with weight is left.*finer groups"):
        crossfit_splits(600, 2, np.random.default_rng(0), groups)


def test_every_side_of_a_split_holds_its_share_of_every_stratum():
    strata = np.random.default_rng(0).permutation(np.repeat([0, 1], [50, 5000]))
    splits = stratified_splits(strata, 5, np.random.default_rng(1))
    assert sorted(np.concatenate([s.evaluation for s in splits])) == list(range(5050))
    for s in splits:
        assert sorted(np.concatenate(s)) == list(range(5050))
        assert [(strata[part] == 0).sum() for part in s] == [36, 4, 10]
        assert [part.size for part in s] == [3636, 404, 1010]
