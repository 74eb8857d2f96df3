"""Words to measures, and the exact formulas with one discrete variable among continuous ones."""

import numpy as np
import pytest

from jaxinfo import queries
from jaxinfo.blocks import Blocks
from jaxinfo.estimators import plugin

B = Blocks((1, 2, 1, 3), ("a", "b", "c", "k"), (False, False, False, True))


def build(text, **kw):
    return queries.build(queries.parse(text, B), B, **kw)


def test_brackets_and_names():
    q = queries.parse("conditional_mutual_information(a, c; b | k)", B)
    assert q.groups == ((0, 2), (1,), (3,))
    assert queries.parse("total_correlation", B).groups == ((0, 1, 2, 3),)
    assert list(queries.expand("o_information_gradient", Blocks((1, 1, 1)))) == [
        f"o_information_gradient({i})" for i in range(3)
    ]


def test_names_may_hold_separators_brackets_and_spaces():
    named = Blocks((1,) * 6, ("height, cm", "cm", "a|b; c", " x (m) ", "height, cm, old", "line\nbreak"))
    every = tuple(range(6))
    gradient = queries.expand("o_information_gradient", named)
    assert list(gradient) == [f"o_information_gradient({name})" for name in named.names]
    assert [q.groups for q in gradient.values()] == [((i,),) for i in every]
    assert queries.parse(f"total_correlation({', '.join(named.names)})", named).groups == (every,)
    asked = "conditional_mutual_information(height, cm, cm; a|b; c | x (m), height, cm, old)"
    assert queries.parse(asked, named).groups == ((0, 1), (2,), (3, 4))
    with pytest.raises(ValueError, match="unknown variable 'height'"):
        queries.parse("entropy(height)", named)
    twofold = Blocks((1, 1, 1), ("a", "b", "a, b"))
    assert queries.parse("total_correlation(b, a)", twofold).groups == ((1, 0),)
    with pytest.raises(ValueError, match="'a, b' may be one variable or several.*rename"):
        queries.parse("total_correlation(a, b)", twofold)


@pytest.mark.parametrize(
    "text, say",
    [
        ("mutual_information(a)", "two groups"),
        ("mutual_information", "got 4 among the variables a, b, c, k"),
        ("entropy(z)", "unknown variable 'z'"),
        ("o_information(a, b)", "at least 3 variables, got 2.*identically zero"),
        ("o_information_gradient(a)", "continuous variables; with a discrete one take the difference"),
        ("entropy(a, k)", r"chain rule.*entropy\(x \| c\)"),
        ("mutual_information(a, k; b, k)", "k is named twice"),
        ("total_correlation(a; b)", r"after a bar.*total_correlation\(a, b, c \| d\)"),
        ("o_information(a, b, c | a)", "a is named twice"),
        ("o_information_gradient(a | a)", "a is named twice"),
        ("o_information_gradient(a, b | k)", r"one variable and, after a bar.*o_information_gradient\(a \| d\)"),
        ("o_information(| a, b, c)", "names no variable on one side"),
        ("o_information()", "names no variable"),
        ("total_correlation(a, b, a)", "a is named twice"),
        ("mutual_information(k; k)", "k is named twice"),
        ("total_correlation(k)", "at least 2 variables, got 1"),
    ],
)
def test_refusals_name_what_works(text, say):
    with pytest.raises(ValueError, match=say):
        build(text)


def test_a_discrete_variable_is_never_noised():
    for text in ("total_correlation", "dual_total_correlation", "s_information", "o_information"):
        assert all(v[3] != 1 for v in build(text).views())
    assert all(v[3] != 1 for v in build("mutual_information(k; a, b)").views())
    with pytest.raises(ValueError, match="form='conditional'"):
        build("mutual_information(a; k)", form="joint")


def test_labels_alone_on_one_side_are_found():
    side = lambda text: queries.label_side(queries.parse(text, B), B)
    assert side("mutual_information(k; a, b)") == side("mutual_information(a, b; k)") == (3,)
    assert side("conditional_mutual_information(a; k | b)") == (3,)
    assert not any(map(side, ("mutual_information(a; b)", "mutual_information(a; b, k)", "total_correlation")))
    assert not side("conditional_mutual_information(a; b | k)")


def test_smaller_side_is_noised_by_default():
    assert queries.build(queries.parse("mutual_information(b; a)", B), B).views()[0] == (1, 0, 2, 2)
    assert build("mutual_information(b; a)", form="conditional").views()[0] == (0, 1, 2, 2)


def discrete_truth(p):
    """TC, DTC, S, Ω of a joint pmf by their entropies."""
    h = lambda q: -np.sum(q[q > 0] * np.log(q[q > 0]))
    axes = range(p.ndim)
    alone = sum(h(p.sum(tuple(j for j in axes if j != i))) for i in axes)
    rest = sum(h(p) - h(p.sum(i)) for i in axes)
    tc, dtc = alone - h(p), h(p) - rest
    return {
        "total_correlation": tc,
        "dual_total_correlation": dtc,
        "s_information": tc + dtc,
        "o_information": tc - dtc,
    }


def test_plug_in_matches_the_pmf():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(12)).reshape(2, 3, 2)
    n = 20_000
    draws = rng.choice(12, size=n, p=p.ravel())
    codes = np.stack(np.unravel_index(draws, p.shape), 1)
    for name, truth in discrete_truth(p).items():
        e = plugin.plug_in(codes, plugin.entropy_sets(name, ((0, 1, 2),)))
        assert e.stderr < 0.02
        assert abs(e.value - truth) < 5 * e.stderr, name


def test_what_follows_the_bar_is_given_in_every_view():
    for text in ("total_correlation(a, b | c)", "s_information(a, b | c)", "o_information_gradient(a | k)"):
        asked = queries.parse(text, B)
        (given,) = asked.groups[1]
        assert {v[given] for v in queries.build(asked, B).views()} == {0}, text
        assert asked.kind.startswith("conditional ")


def test_a_gradient_is_of_every_variable_that_is_not_given():
    asked = queries.parse("o_information_gradient(c | a)", B)
    assert asked.whole(4) == ((2, 1, 3), (0,)) and asked.variables(4) == (2, 1, 3, 0)
    assert queries.parse("entropy(b | k)", B).variables(4) == (1, 3)
    labels = Blocks((2, 2, 2, 1), discrete=(True, True, True, False))
    assert queries.is_plug_in(
        queries.parse("o_information_gradient(0)", labels), Blocks((2, 2, 2), discrete=(True,) * 3)
    )
    mixed = queries.parse("o_information_gradient(0)", labels)
    assert not queries.is_plug_in(mixed, labels)
    with pytest.raises(ValueError, match="is for continuous variables"):
        queries.build(mixed, labels)


def test_the_gradient_of_labels_is_counted():
    """∂_i Ω = Ω(X) − Ω(X_−i), which of three is Ω itself."""
    codes = np.random.default_rng(4).integers(0, 2, size=(4000, 4))
    codes[:, 0], codes[:, 3] = codes[:, 1] ^ codes[:, 2], codes[:, 1]
    value = lambda measure, *groups: plugin.plug_in(codes, plugin.entropy_sets(measure, groups)).value
    of_three = value("o_information_gradient", (0, 1, 2))
    assert of_three == pytest.approx(value("o_information", (0, 1, 2)), abs=1e-12)
    assert of_three == pytest.approx(-np.log(2), abs=0.01)  # an exclusive or
    of_four = value("o_information", (0, 1, 2, 3)) - value("o_information", (0, 1, 2))
    assert value("o_information_gradient", (3, 0, 1, 2)) == pytest.approx(of_four, abs=1e-12)
    given = value("o_information", (0, 1, 2), (3,))
    assert value("o_information_gradient", (0, 1, 2), (3,)) == pytest.approx(given, abs=1e-12)


def test_plug_in_given_a_variable_matches_the_pmf():
    """TC(A, B | C) of labels is their conditional mutual information, exactly."""
    a, b, c = (0,), (1,), (2,)
    codes = np.random.default_rng(3).integers(0, 3, size=(500, 3))
    codes[:, 1] = (codes[:, 0] + codes[:, 1] * codes[:, 2]) % 3
    conditional = plugin.plug_in(codes, plugin.entropy_sets("conditional_mutual_information", (a, b, c)))
    given = plugin.plug_in(codes, plugin.entropy_sets("total_correlation", ((0, 1), c)))
    assert given.value == pytest.approx(conditional.value, abs=1e-12)
    assert given.value > 0.05


def test_plug_in_correction_removes_most_of_the_bias():
    rng = np.random.default_rng(1)
    values, plain = [], []
    for _ in range(200):
        codes = rng.integers(0, 5, size=(100, 2))
        e = plugin.plug_in(codes, plugin.entropy_sets("mutual_information", ((0,), (1,))))
        values.append(e.value), plain.append(e.diagnostics["plug_in"])
    assert np.mean(plain) > 0.06  # independent: the plain plug-in is biased up by (5-1)² / 2n = .08
    assert abs(np.mean(values)) < 0.02


@pytest.mark.parametrize(
    "measure, times", [("total_correlation", 1), ("dual_total_correlation", 1), ("s_information", 2)]
)
def test_one_variable_and_one_label_share_their_mutual_information(measure, times):
    found, mi = build(f"{measure}(a, k)").entropies(), build("mutual_information(a; k)").entropies()
    assert found == {view: times * c for view, c in mi.items()}


def test_mixed_formulas_agree_with_entropies():
    """TC and Ω with one label: the measure's views add up to the right entropies."""
    tc = build("total_correlation").entropies()
    # −h(abc|k) … in views: H(alone) for each continuous, and −H(joint | k)
    assert tc[(1, 2, 2, 2)] == tc[(2, 1, 2, 2)] == tc[(2, 2, 1, 2)] == 1.0
    assert tc[(1, 1, 1, 0)] == -1.0
    assert (1, 1, 1, 2) not in tc  # the joint entropy without the label cancels
    assert sum(tc.values()) == 2.0
