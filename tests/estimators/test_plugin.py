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
