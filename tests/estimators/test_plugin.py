"""Plug-in estimates of labels: rows that count for nothing, rows that count together."""

import numpy as np
import pytest

from jaxinfo.estimators import plugin

MI = plugin.entropy_sets("mutual_information", ((0,), (1,)))


def test_a_class_without_weight_is_as_if_it_were_not_there():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 3, size=600)
    codes = np.stack([a, (a == 1) ^ (rng.random(600) < 0.1)], 1)
    kept = codes[:, 0] != 2
    e, without = plugin.plug_in(codes, MI, kept.astype(float)), plugin.plug_in(codes[kept], MI)
    assert e.value == pytest.approx(without.value, abs=1e-12) and e.value > 0.1
    assert e.stderr == pytest.approx(without.stderr, rel=0.01)
    assert np.isfinite(e.per_sample).all()


def test_rows_of_one_group_count_as_one_draw():
    """Labels that are the same all over a subject: the error is that of so many subjects, not of so many rows."""
    values, by_rows, by_groups, groups = [], [], [], np.repeat(np.arange(40), 100)
    for seed in range(200):
        rng = np.random.default_rng(seed)
        a = rng.integers(0, 2, 40)
        b = np.where(rng.random(40) < 0.8, a, 1 - a)
        codes = np.stack([a[groups], b[groups]], 1)
        values.append(plugin.plug_in(codes, MI).value)
        by_rows.append(plugin.plug_in(codes, MI).stderr)
        by_groups.append(plugin.plug_in(codes, MI, groups=groups).stderr)
    spread = np.std(values)
    assert 0.7 < np.mean(by_groups) / spread < 1.3
    assert np.mean(by_rows) < 0.2 * spread


def test_entropy_of_few_counts_is_that_of_chao_wang_and_jost():
    """Σ p (ψ(n) − ψ(n_v)) and, of singletons f1 and doubletons f2, their equation for what was not seen."""
    codes = np.random.default_rng(0).poisson(3.0, size=(60, 2))
    counts = np.unique(codes, axis=0, return_counts=True)[1]
    n, f1, f2 = 60, (counts == 1).sum(), (counts == 2).sum()
    a = 2 * f2 / ((n - 1) * f1 + 2 * f2)
    rest = -np.log(a) - sum((1 - a) ** r / r for r in range(1, n))
    truth = sum(c / n * sum(1 / k for k in range(c, n)) for c in counts) + f1 / n * (1 - a) ** (1 - n) * rest
    got = plugin.plug_in(codes, plugin.entropy_sets("entropy", ((0, 1),)))
    assert got.value == pytest.approx(truth, abs=1e-9)
    assert got.value > got.diagnostics["plug_in"] and got.diagnostics["flags"]


@pytest.mark.parametrize("classes, n, flagged", [(5, 200, False), (30, 1000, True)])
def test_labels_of_too_few_rows_are_flagged_and_their_intervals_hold(classes, n, flagged):
    """Independent labels: 30 x 30 combinations are not counted by 1,000 rows, where plain frequencies are far off."""
    found = [plugin.plug_in(np.random.default_rng(k).integers(0, classes, (n, 2)), MI) for k in range(100)]
    assert np.mean([abs(e.value) < 1.96 * e.stderr for e in found]) > 0.9
    assert abs(np.mean([e.value for e in found])) < 0.02
    assert {bool(e.diagnostics["flags"]) for e in found} == {flagged}
    assert (np.mean([e.diagnostics["plug_in"] for e in found]) > 0.4) == flagged


@pytest.mark.parametrize("measure", ["mutual_information", "o_information", "entropy"])
def test_intervals_hold_where_the_first_order_says_nothing(measure):
    """Independent fair labels: pointwise values are all but equal, and the estimate is its correction plus a χ²."""
    n, num = 400, 3 if measure == "o_information" else 2
    groups = ((0,), (1,)) if measure == "mutual_information" else (tuple(range(num)),)
    sets, truth = plugin.entropy_sets(measure, groups), num * np.log(2) if measure == "entropy" else 0.0
    found = [plugin.plug_in(np.random.default_rng(k).integers(0, 2, (n, num)), sets) for k in range(1000)]
    off, stderr = np.array([e.value - truth for e in found]), np.array([e.stderr for e in found])
    assert np.mean(np.abs(off) < 1.96 * stderr) > 0.94
    assert stderr.mean() < 1.6 * off.std()


def test_whole_weights_are_worth_copies_of_rows_in_what_is_seen():
    """Many rows in each class: weights of 1 and 3 read as the weighted frequencies, to what corrections are worth."""
    rng = np.random.default_rng(1)
    codes, weights = rng.integers(0, 3, (2000, 2)), rng.choice([1.0, 3.0], 2000)
    codes[:, 1] = np.where(rng.random(2000) < 0.5, codes[:, 0], codes[:, 1])
    copies = np.repeat(codes, weights.astype(int), axis=0)
    one, other = plugin.plug_in(codes, MI, weights), plugin.plug_in(copies, MI)
    assert one.value == pytest.approx(other.value, abs=2e-3) and one.value > 0.1
    assert one.stderr > other.stderr
