"""Bad input, a test per row: each says what was expected, what came and what to do."""

import warnings

import numpy as np
import pytest

import jaxinfo as ji
from jaxinfo import inputs

N = 200


@pytest.fixture
def xy():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 2))
    return x, x[:, :1] + rng.normal(size=(N, 1))


def bad(value, xy):
    """A data set whose x is ``value``."""
    return {"x": value, "y": xy[1]}


def test_nan_and_inf_name_the_row(xy):
    x = xy[0].copy()
    x[7, 1] = np.nan
    with pytest.raises(ValueError, match=r"x holds 1 NaN values, the first in row 7.*drop or impute"):
        inputs.check(bad(x, xy))
    x[7, 1] = np.inf
    with pytest.raises(ValueError, match=r"x holds 1 infinite values, the first in row 7"):
        inputs.check(bad(x, xy))


def test_constant_column(xy):
    x = xy[0].copy()
    x[:, 1] = 3.0
    with pytest.raises(ValueError, match=r"x is constant in column 1 \(value 3\).*drop"):
        inputs.check(bad(x, xy))


def test_duplicated_column_inside_is_dropped_with_a_warning(xy):
    x = xy[0][:, [0, 1, 0]]
    with pytest.warns(inputs.InputWarning, match=r"x: 1 duplicated column\(s\) dropped"):
        table = inputs.check(bad(x, xy))
    assert table.blocks.sizes == (2, 1)
    assert table.kept["x"].tolist() == [0, 1]


@pytest.mark.parametrize("copy", [lambda c: c, lambda c: -2.0 * c + 1.0, np.exp], ids=["same", "affine", "monotone"])
def test_duplicated_column_across_is_infinite(xy, copy):
    with pytest.raises(ValueError, match=r"column 0 of y is a function of column 1 of x.*infinite.*noise"):
        inputs.check({"x": xy[0], "y": copy(xy[0][:, 1])})


def test_non_numeric(xy):
    with pytest.raises(ValueError, match=r"x is not numeric: 200 different strings.*expected numbers"):
        inputs.check(bad(np.asarray([f"cell{i}" for i in range(N)]), xy))
    with pytest.raises(ValueError, match=r"x is not numeric.*datetime64"):
        inputs.check(bad(np.arange(N).astype("datetime64[s]"), xy))


def test_rows_that_do_not_match(xy):
    with pytest.raises(ValueError, match=r"rows do not match: x has 200, y has 150.*align"):
        inputs.check({"x": xy[0], "y": xy[1][:150]})


def test_one_variable(xy):
    with pytest.raises(ValueError, match=r"total_correlation needs at least 2 variables, got 1"):
        ji.total_correlation({"x": xy[0]})


@pytest.mark.parametrize("ask", [ji.o_information, ji.o_information_gradient])
def test_two_variables_have_no_o_information(xy, ask):
    with pytest.raises(ValueError, match=r"needs at least 3 variables, got 2.*mutual_information"):
        ask({"x": xy[0], "y": xy[1]})


def test_too_few_rows(xy):
    with pytest.raises(ValueError, match=r"too few rows: expected at least 50, got 49"):
        inputs.check({"x": xy[0][:49], "y": xy[1][:49]})


def test_few_rows_per_coordinate_is_a_warning():
    rng = np.random.default_rng(0)
    with pytest.warns(inputs.InputWarning, match=r"too few rows: 60 rows for 12 coordinates; at least 120"):
        inputs.check({"x": rng.normal(size=(60, 10)), "y": rng.normal(size=(60, 2))})


def test_empty():
    with pytest.raises(ValueError, match="empty: expected at least 50 rows, got 0"):
        inputs.check({"x": np.zeros((0, 2)), "y": np.zeros((0, 1))})
    with pytest.raises(ValueError, match="x is empty: expected at least one column"):
        inputs.check({"x": np.zeros((N, 0)), "y": np.zeros((N, 1))})
    with pytest.raises(ValueError, match="expected at least 1 variables, got 0"):
        inputs.check({})


def test_complex_object_and_three_axes(xy):
    with pytest.raises(ValueError, match=r"x is complex.*\.real and \.imag"):
        inputs.check(bad(xy[0] + 1j, xy))
    with pytest.raises(ValueError, match=r"x has dtype object.*astype\(float\)"):
        inputs.check(bad(xy[0].astype(object), xy))
    with pytest.raises(ValueError, match=r"x has shape \(200, 2, 1\).*reshape\(n, -1\)"):
        inputs.check(bad(xy[0][..., None], xy))


def test_unknown_measure_and_option(xy):
    with pytest.raises(ValueError, match=r"unknown measure 'synergy'; choose among mutual_information"):
        ji.estimate({"x": xy[0], "y": xy[1]}, "synergy")
    with pytest.raises(ValueError, match=r"unknown option 'step'; the options are .*steps"):
        ji.mutual_information(*xy, step=3)
    for option, value, say in [
        ("budget", "huge", "quick, standard, thorough"),
        ("unit", "hartley", "'nats' or 'bits'"),
        ("form", "best", "conditional, reverse, joint"),
        ("preprocess", "whiten", "rank, standardise, none"),
        ("net", "resnet", "mlp, per_variable, thesis, transformer"),
        ("folds", 1, "at least 2"),
        ("steps", 0, "at least 1"),
        ("num_mc", 3, "even"),
        ("null", -1, "0 or more"),
        ("bootstrap", 1, "0 or at least 2"),
        ("sigma", -1.0, "positive"),
        ("discrete", ["z"], "not a variable"),
    ]:
        with pytest.raises(ValueError, match=say):
            ji.mutual_information(*xy, **{option: value})


def test_column_named_twice(xy):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(np.column_stack([xy[0], xy[1]]), columns=["a", "b", "a"])
    with pytest.raises(ValueError, match=r"column 'a' is named twice"):
        ji.total_correlation(frame)


def test_ties_and_zero_inflation_are_dequantised_by_the_rounding_step(xy):
    rounded = np.round(xy[0], 1)
    with pytest.warns(inputs.InputWarning, match=r"ties; uniform noise of the rounding step \(0.1\)"):
        table = inputs.check(bad(rounded, xy))
    assert np.abs(table.x[:, :2] - rounded).max() <= 0.0501
    counts = np.random.default_rng(0).poisson(0.4, size=N).astype(float)
    with pytest.warns(inputs.InputWarning, match=r"% of the rows share the value 0; .*step \(1\)"):
        table = inputs.check({"x": counts, "y": xy[1]}, discrete=[])
    assert np.unique(table.x[:, 0]).size == N


def test_integers_with_few_values_are_labels_and_with_many_are_counts(xy):
    labels = np.arange(N) % 4
    with pytest.warns(inputs.InputWarning, match="4 values and is read as class labels"):
        assert inputs.check(bad(labels, xy)).blocks.discrete == (True, False)
    counts = np.random.default_rng(0).poisson(40.0, size=N)
    with pytest.warns(inputs.InputWarning, match="rounding step"):
        assert inputs.check(bad(counts, xy)).blocks.discrete == (False, False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert inputs.check(bad(labels.astype(str), xy)).blocks.discrete == (True, False)
        assert inputs.check(bad(labels > 1, xy)).blocks.discrete == (True, False)


def test_weights_and_groups(xy):
    with pytest.raises(ValueError, match=r"sample_weight has shape \(3,\): expected one weight per row, \(200,\)"):
        ji.mutual_information(*xy, sample_weight=np.ones(3))
    with pytest.raises(ValueError, match="non-negative"):
        ji.mutual_information(*xy, sample_weight=-np.ones(N))
    with pytest.raises(ValueError, match=r"groups has shape \(3,\)"):
        ji.mutual_information(*xy, groups=np.ones(3))


def test_discrete_with_too_many_classes_or_columns(xy):
    with pytest.raises(ValueError, match="200 classes in 200 rows"):
        inputs.check(bad(np.arange(N), xy), discrete=["x"])
    with pytest.raises(ValueError, match="one column of class labels"):
        inputs.check(bad(np.ones((N, 2), int), xy), discrete=["x"])
    with pytest.raises(ValueError, match="every row is of class"):
        inputs.check(bad(np.ones(N, int), xy), discrete=["x"])


def test_new_rows_must_fit(xy):
    table = inputs.check({"x": xy[0], "c": (xy[1][:, 0] > 0).astype(str)})
    with pytest.raises(ValueError, match="must have the variables x, c"):
        inputs.apply(table, {"x": xy[0]})
    with pytest.raises(ValueError, match="class 'maybe'"):
        inputs.apply(table, {"x": xy[0][:2], "c": np.asarray(["True", "maybe"])})
    same = inputs.apply(table, {"x": xy[0], "c": (xy[1][:, 0] > 0).astype(str)})
    np.testing.assert_array_equal(same, table.x)


def test_shapes_people_have(xy):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(xy[0], columns=["a", "b"])
    assert list(inputs.named(frame)) == ["a", "b"]
    two = pd.DataFrame(
        np.column_stack([xy[0], xy[1]]), columns=pd.MultiIndex.from_tuples([("u", "1"), ("u", "2"), ("v", "1")])
    )
    assert inputs.check(inputs.named(two)).blocks.sizes == (2, 1)
    assert list(inputs.named([xy[0], xy[1]])) == ["x1", "x2"]
    assert list(inputs.named(xy[0])) == ["x1", "x2"]
    labels = pd.Series(["u", "v"] * (N // 2))
    assert inputs.check({"x": xy[0], "c": labels}).blocks.discrete == (False, True)
    assert inputs.check({"x": xy[0], "c": labels.astype("category")}).blocks.discrete == (False, True)
    with pytest.raises(ValueError, match="dict name -> array"):
        inputs.named(xy[0][:, 0])
