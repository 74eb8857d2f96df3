"""Sums of mutual informations: the right terms, and the right totals with an estimator that is exact."""

import jax
import numpy as np
import pytest

from jaxinfo.estimators import copula, decompose
from jaxinfo.types import Estimate, Estimator

N = 5


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(4000, N)) @ (np.eye(N) + 0.5 * rng.normal(size=(N, N)))
    return {f"x{i}": mixed[:, i] for i in range(N)}


def test_terms_of_three_variables():
    assert decompose.mi_terms("total_correlation", "abc") == [(1.0, (0,), (1, 2)), (1.0, (1,), (2,))]
    assert decompose.mi_terms("o_information_gradient:b", "abc") == [
        (-1.0, (1,), (0, 2)),
        (1.0, (1,), (2,)),
        (1.0, (1,), (0,)),
    ]


def test_a_tree_halves():
    assert decompose.tree(range(5)) == [
        (1.0, (0, 1), (2, 3, 4)),
        (1.0, (0,), (1,)),
        (1.0, (2,), (3, 4)),
        (1.0, (3,), (4,)),
    ]
    assert len(decompose.tree(range(10))) == len(decompose.line(range(10))) == 9


@pytest.mark.parametrize("path", decompose.PATHS)
@pytest.mark.parametrize("measure", [m for m in copula.MEASURES if m not in ("entropy", "mutual_information")])
def test_both_paths_add_up_to_the_whole(data, measure, path):
    whole = copula.copula_measures(data, (measure,))[measure].value
    sums = decompose.decomposed(copula.copula_estimator("mutual_information"), measure, path)
    got = sums.estimate(sums.update(sums.init(jax.random.key(0), data), data), data)
    assert got.value == pytest.approx(whole, abs=0.01)  # the terms are corrected for bias one by one
    assert got.stderr > 0 and got.name == measure
    # I(x_0; the rest) is a term of S and of the line: estimated once for Ω, not at all for DTC, where it cancels
    shared = 0 if path == "tree" else 2 if measure == "dual_total_correlation" else 1
    terms = {"total_correlation": N - 1, "s_information": N}.get(measure, 2 * N - 1 - shared)
    assert got.diagnostics["terms"] == terms


@pytest.mark.parametrize("wider_first", [True, False])
def test_which_side_comes_first(wider_first):
    seen = []
    told = lambda state, pair: seen.append(tuple(v.shape[1] for v in pair.values())) or Estimate(1.0, 0.0)
    alone = Estimator(lambda key, data: None, lambda state, data: state, told)
    whole = decompose.decomposed(alone, "total_correlation", wider_first=wider_first)
    x = {name: np.zeros((5, d)) for name, d in (("a", 1), ("b", 2), ("c", 4))}
    whole.estimate(whole.init(jax.random.key(0), x), x)
    assert {tuple(sorted(s, reverse=wider_first)) for s in seen} == set(seen) and len(seen) == 2


def test_what_cannot_be_decomposed():
    with pytest.raises(ValueError, match="one of line, tree"):
        decompose.mi_terms("total_correlation", "abc", "ring")
    with pytest.raises(ValueError, match="unknown measure"):
        decompose.mi_terms("synergy", "abc")
    with pytest.raises(ValueError, match="entropy is no sum of mutual informations"):
        decompose.mi_terms("entropy", "abc")
