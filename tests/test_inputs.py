"""Bad input, a test per row: each says what was expected, what came and what to do."""

import warnings
from contextlib import nullcontext

import numpy as np
import pytest
from scipy import signal

import jaxinfo as ji
from jaxinfo import beside, inputs
from jaxinfo.estimators.settings import Settings
from jaxinfo.options import Options

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


def test_masked_entries_are_missing(xy):
    x = np.ma.masked_equal(np.where(np.arange(N) == 7, -9999.0, xy[0][:, 0]), -9999.0)
    for masked in (x, np.ma.masked_equal(np.arange(N), 7)):
        with pytest.raises(ValueError, match=r"x holds 1 NaN values, the first in row 7.*drop or impute"):
            inputs.check(bad(masked, xy))
    with pytest.raises(ValueError, match=r"x1 holds 1 NaN values, the first in row 7"):
        inputs.check(inputs.named(np.ma.column_stack([x, xy[1]])))
    labels = np.ma.masked_array(np.arange(N) % 2 == 0, np.arange(N) == 7)
    with pytest.raises(ValueError, match=r"x holds 1 masked values, the first in row 7"):
        inputs.check(bad(labels, xy))
    with pytest.raises(ValueError, match="sample_weight must be finite"):
        beside.row_weights(np.ma.masked_equal(np.arange(N) + 1.0, 7.0), N)
    with pytest.raises(ValueError, match="groups has no label in 1 rows, the first row 7"):
        beside.row_groups(np.ma.masked_equal(np.arange(N), 7), N)
    whole = inputs.check(bad(np.ma.masked_array(xy[0], False), xy))
    np.testing.assert_array_equal(whole.x, inputs.check(bad(xy[0], xy)).x)


def test_missing_labels_are_no_class(xy):
    pd = pytest.importorskip("pandas")
    labels = ["u", "v"] * (N // 2)
    labels[7] = float("nan")
    for gap in (labels, pd.Series(labels), pd.Series(labels).astype("category"), pd.Categorical(labels)):
        with pytest.raises(ValueError, match=r"x holds 1 missing values, the first in row 7.*a value in every row"):
            inputs.check(bad(gap, xy))
    with pytest.raises(ValueError, match=r"x holds 1 (missing|NaN) values, the first in row 7"):
        inputs.check(bad(pd.array([None if i == 7 else i for i in range(N)], dtype="Int64"), xy))


def test_nothing_is_no_array(xy):
    with pytest.raises(ValueError, match="x is None: expected an array"):
        inputs.check(bad(None, xy))


@pytest.mark.parametrize("kind", ["timedelta64[s]", "datetime64[s]"])
def test_times_are_not_numbers(xy, kind):
    for when in (np.arange(N).astype(kind), np.asarray(["NaT"] * N, kind)):
        with pytest.raises(ValueError, match=r"x is not numeric.*64\[s\].*np\.timedelta64\(1, 's'\)"):
            inputs.check(bad(when, xy))
    with pytest.raises(ValueError, match="sample_weight is not numeric"):
        beside.row_weights(np.arange(N).astype(kind), N)


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
    with pytest.raises(
        ValueError, match=r"too few rows: expected at least 50, got 2; rows and columns may be exchanged"
    ):
        inputs.check({"x": xy[0].T})


def test_a_class_of_few_rows_is_told():
    x, c = np.random.default_rng(0).normal(size=300), np.array(["common"] * 295 + ["rare"] * 3 + ["odd"] * 2)
    with pytest.warns(
        inputs.InputWarning, match="c: class 'odd' has 2 of 300 rows, and 2 of 3 classes have fewer than 10"
    ):
        table = inputs.check({"x": x, "c": c})
    assert len(table.notes["c"]) == 1
    assert "discrete=" not in table.notes["c"][0]  # text has no other reading
    with pytest.warns(inputs.InputWarning, match=r"or pass discrete=\[\] to read it as counts"):
        inputs.check({"x": x, "c": np.repeat([0, 1], [297, 3])}, ["c"])


def test_numbers_written_as_text_are_told():
    x = np.random.default_rng(0).normal(size=200)
    with pytest.raises(ValueError, match=r"different strings.*\.astype\(float\)"):
        inputs.check({"x": x.astype(str), "y": x})


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
    with pytest.raises(ValueError, match=r"'mutual_informaton'; did you mean mutual_information\? Choose among"):
        ji.estimate({"x": xy[0], "y": xy[1]}, "mutual_informaton")
    with pytest.raises(ValueError, match=r"of two data sets there is jaxinfo\.kl_divergence"):
        ji.estimate({"x": xy[0], "y": xy[1]}, "kl_divergence")
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
        ("null", -1, "at least 0"),
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


@pytest.mark.parametrize(
    "column, step",
    [
        (lambda r, x: np.floor(np.append(r.uniform(size=N), 3.5e-6) ** -2), 1),
        (lambda r, x: np.append(r.poisson(20, N), 9_999_999_999), 1),
        (lambda r, x: np.append(np.round(x, 1), 1e12), 0.1),
        (lambda r, x: 1.7e9 + r.integers(0, 50, N), 1),
        (lambda r, x: 1.7e12 + np.append(r.integers(0, 50, N), 1e11), 1),
        (lambda r, x: 1.7e9 + r.integers(0, 50, N) / 4, 0.25),
        (lambda r, x: np.where(r.uniform(size=N) > 0.5, 3 * 0.1, 0.3) + 0.1 * r.integers(-9, 9, N), 0.1),
        (lambda r, x: np.diff(np.round(5000 + np.cumsum(np.round(x, 1)), 1)), 0.1),
    ],
    ids=["heavy tail", "one large count", "one large", "seconds", "milliseconds", "quarters", "dust", "differences"],
)
def test_one_large_value_does_not_hide_the_rounding_step(xy, column, step):
    a = column(np.random.default_rng(5), xy[0][:, 0])
    with pytest.warns(inputs.InputWarning, match="rounding step"):
        found = inputs.check({"x": a}, discrete=[])
    assert found.steps == pytest.approx([step], rel=1e-6)
    assert np.abs(found.x[:, 0] - a).max() <= 0.5001 * step


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


@pytest.mark.parametrize(
    "groups",
    [[1.0, np.nan, np.nan], np.asarray(["a", None, None], object), np.asarray(["2020", "NaT", "NaT"], "M8[D]")],
    ids=["numbers", "objects", "dates"],
)
def test_rows_without_a_group_are_not_one_group(groups):
    with pytest.raises(ValueError, match="groups has no label in 2 rows, the first row 1.*name them, or drop"):
        beside.row_groups(groups, 3)


def test_groups_of_any_kind():
    for groups in (["b", "a", "b"], [2.0, 1.0, 2.0], np.asarray(["2021", "2020", "2021"], "M8[D]")):
        assert beside.row_groups(groups, 3).tolist() == [1, 0, 1]
    with pytest.raises(ValueError, match="groups mixes labels that have no common order"):
        beside.row_groups(np.asarray(["a", 1, "a"], object), 3)


def test_discrete_with_too_many_classes_or_columns(xy):
    with pytest.raises(ValueError, match="200 classes in 200 rows"):
        inputs.check(bad(np.arange(N), xy), discrete=["x"])
    with pytest.raises(ValueError, match="one column of class labels"):
        inputs.check(bad(np.ones((N, 2), int), xy), discrete=["x"])
    with pytest.raises(ValueError, match="every row is of class"):
        inputs.check(bad(np.ones(N, int), xy), discrete=["x"])


def test_classes_have_a_limit():
    rng, n = np.random.default_rng(0), 6000
    x, many, most = rng.normal(size=n), np.arange(n) % 257, np.arange(n) % 256
    with pytest.raises(ValueError, match="c has 257 classes in 6000 rows.*at most 256; merge the rare ones"):
        inputs.check({"x": x, "c": many}, discrete=["c"])
    with pytest.raises(ValueError, match="257 different strings in 6000 rows.*may be 256.*merge the rare ones"):
        inputs.check({"x": x, "c": many.astype(str)})
    assert inputs.check({"x": x, "c": most.astype(str)}).blocks.sizes == (1, 256)


def test_names_must_differ_as_text(xy):
    pd = pytest.importorskip("pandas")
    two = dict.fromkeys((1, "1"), xy[1][:, 0])
    for twice in (two, pd.DataFrame(two), {"a": 0, "a ": 1}):
        with pytest.raises(ValueError, match=r"is named twice: expected names that differ as text.*rename"):
            inputs.named(twice)
    with pytest.raises(ValueError, match="empty name.*rename"):
        inputs.named({"a": xy[0], " ": xy[1]})


def test_new_rows_have_the_columns_of_the_fit(xy):
    copied = xy[0][:, [0, 1, 0]]
    with pytest.warns(inputs.InputWarning, match="duplicated"):
        table = inputs.check({"x": copied, "c": (xy[1][:, 0] > 0).astype(str)})
    labels = np.asarray(["True", "False"])
    for fits in (xy[0][:2], copied[:2]):
        np.testing.assert_array_equal(inputs.apply(table, {"x": fits, "c": labels})[:, :2], xy[0][:2])
    with pytest.raises(ValueError, match="x has 3 columns, and column 2 is none of the 2 fitted nor a copy"):
        inputs.apply(table, {"x": copied[:2] + [0.0, 0.0, 1.0], "c": labels})
    with pytest.raises(ValueError, match="c is discrete and has 2 columns"):
        inputs.apply(table, {"x": xy[0][:2], "c": labels[[[0, 1], [1, 0]]]})
    with pytest.raises(ValueError, match="x holds 1 NaN values, the first in row 1"):
        inputs.apply(table, {"x": np.ma.masked_array(xy[0][:2], [[False, False], [False, True]]), "c": labels})


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


def test_columns_rounded_alike_share_a_note():
    rng = np.random.default_rng(0)
    counts = rng.poisson([3.0, 30.0, 300.0], size=(500, 3)).astype(float)
    with pytest.warns(inputs.InputWarning):
        table = inputs.check({"x": np.column_stack([counts, rng.normal(size=500).round(1)]), "y": rng.normal(size=500)})
    first, second = table.notes["x"]
    assert "x, 3 columns, column 0 most of all" in first and "rounding step (1)" in first
    assert "x, column 3: " in second and "rounding step (0.1)" in second


def test_notes_are_repeated_where_they_speak_of_a_variable_or_of_all():
    rng = np.random.default_rng(0)
    with pytest.warns(inputs.InputWarning):
        table = inputs.check(
            {"x": rng.poisson(9.0, 60).astype(float), "y": rng.normal(size=(60, 8)), "z": rng.normal(size=60)}
        )
    assert [note.split(":")[0] for note in table.notes_on([0, 2])] == ["x, column 0", "too few rows"]
    assert [note.split(":")[0] for note in table.notes_on([1, 2])] == ["too few rows"]


@pytest.mark.parametrize(
    "values, message",
    [
        ([0, 1, 2, "NA"] * 50, "mixes text such as 'NA' and other values such as 0"),
        (np.asarray([0.5, "high"] * 100, dtype=object), "mixes text such as 'high'"),
        ([[0.0]] * 199 + [[1.0, 2.0]], "ragged list"),
        (np.asarray([{}] * N, dtype=object), "got dict such as {}"),
        (np.asarray([1, 2.5] * 100, dtype=object), r"convert with \.astype\(float\)"),
        (np.asarray(3.0), "one value, 3.0"),
        (np.asarray([1e300, 0.0] * 100), "larger than 1e\\+100"),
    ],
)
def test_values_that_are_no_variable(xy, values, message):
    with pytest.raises(ValueError, match=f"b .*{message}"):
        inputs.check({"a": xy[0], "b": values}, ())


def test_sparse_matrices_say_how_to_be_read(xy):
    sparse = pytest.importorskip("scipy.sparse").csr_matrix(np.ones((N, 2)))
    with pytest.raises(ValueError, match=r"b is a sparse matrix.*toarray"):
        inputs.check({"a": xy[0], "b": sparse})


def test_text_kept_as_objects_is_read_as_labels(xy):
    labels = np.asarray(["low", "high"] * 100, dtype=object)
    assert inputs.check({"a": xy[0], "b": labels}).blocks.discrete == (False, True)


def test_rows_called_otherwise_are_not_paired_by_position(xy):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": xy[0][:, 0], "b": xy[1][:, 0]})
    shuffled = frame.sample(frac=1.0, random_state=0)
    with pytest.raises(ValueError, match="b has another index than a.*concat"):
        inputs.check({"a": frame["a"], "b": shuffled["b"]})
    with pytest.raises(ValueError, match="sample_weight has another index than a"):
        ji.fit(frame, "mutual_information", sample_weight=shuffled["a"] ** 2)
    with pytest.raises(ValueError, match="data set 0: rows do not match: groups has another index than a"):
        ji.estimate_many([frame], "mutual_information", groups=shuffled["a"])
    with pytest.raises(ValueError, match="groups has another index than v"):
        ji.windows({"v": frame, "w": frame.copy()}, "mutual_information", groups=shuffled["a"])
    with pytest.raises(ValueError, match="the same columns in one order"):
        ji.kl_divergence(frame, frame[["b", "a"]])
    assert inputs.check({"a": shuffled["a"], "b": shuffled["b"]}).x.shape == (N, 2)


def test_a_dataset_has_its_samples_first(xy):
    class Variable:
        def __init__(self, values, dims):
            self.values, self.dims = values, dims

    class Dataset:
        def __init__(self, **variables):
            self.data_vars = variables

    a, b = Variable(np.ones((60, 3)), ("trial", "neuron")), Variable(np.ones((3, 60)), ("neuron", "trial"))
    assert inputs.named(Dataset(a=a))["a"].shape == (60, 3)
    with pytest.raises(ValueError, match="a by trial, b by neuron"):
        inputs.named(Dataset(a=a, b=b))


def test_discrete_takes_one_name_or_numbers_of_columns(xy):
    table = {0: xy[0][:, 0], 1: np.arange(N) % 3}
    assert Options(discrete="1").discrete == ("1",)
    assert inputs.check(inputs.named(table), [1]).blocks.discrete == (False, True)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"seed": -1}, "seed must be a whole number of at least 0, got -1"),
        ({"seed": None}, "seed must be a whole number"),
        ({"null": True}, "null must be a whole number"),
        ({"sigma": "1"}, "sigma must be positive, got '1'"),
        ({"discrete": True}, "discrete must be names of variables"),
        ({"budget": ["quick"]}, "budget must be one of"),
        ({"net": 3}, "net must be one of"),
        ({"learning_rate": -0.001}, "learning_rate must be positive"),
        ({"lo": "x"}, "lo must be finite"),
        ({"longer": "a"}, "longer must be positive"),
        ({"decay": 1.0}, "decay must be a number between 0 and 1"),
        ({"seeds": True}, "seeds must be a whole number of at least 1"),
        ({"frequencies": -1}, "frequencies must be a whole number of at least 0, got -1"),
        ({"focus": 1.0}, "focus must be a number between 0 and 1, got 1.0"),
        ({"optimiser": "sgd"}, "optimiser must be one of adamw, nadamw, lion, got 'sgd'"),
    ],
)
def test_options_of_another_kind(xy, options, message):
    with pytest.raises(ValueError, match=message):
        ji.mutual_information(*xy, **options)


def test_whole_numbers_of_numpy_are_whole_numbers():
    assert Settings(seeds=np.int64(2)) == Settings(seeds=2) and type(Settings(seeds=np.int64(2)).seeds) is int


@pytest.mark.parametrize("measures", [None, [3], [None]])
def test_measures_have_names(xy, measures):
    with pytest.raises(ValueError, match="expected measures by name"):
        ji.fit({"x": xy[0], "y": xy[1]}, measures)


def test_a_model_asked_nothing_waits_for_its_first_question(xy, tmp_path):
    model = ji.fit({"x": xy[0], "y": xy[1]}, ())
    assert model.fits == [] and model.asked == ()
    assert ji.load(model.save(tmp_path / "model")).asked == ()
    for ask in (model.estimate, lambda: model.measure(()), lambda: model.gradient(())):
        with pytest.raises(ValueError, match="expected measures by name"):
            ask()
    with pytest.raises(ValueError, match="expected measures by name"):
        ji.estimate({"x": xy[0], "y": xy[1]}, [])


def test_a_file_is_no_checkpoint_dir(tmp_path):
    (tmp_path / "model").write_text("")
    with pytest.raises(ValueError, match="got a file"):
        Options(checkpoint_dir=tmp_path / "model")


def series(rng, n, memory=0.9):
    e = rng.normal(size=n)
    return signal.lfilter([np.sqrt(1.0 - memory**2)], [1.0, -memory], e)


@pytest.mark.parametrize(
    "vs, told",
    [
        (lambda rng: {"x": series(rng, 400), "y": series(rng, 400)}, True),
        (lambda rng: {"x": np.stack([series(rng, 400)] * 2, 1) + [0.0, 1.0], "s": series(rng, 400) > 0}, True),
        (lambda rng: {"x": series(rng, 400), "y": rng.normal(size=400)}, False),  # one that is smooth is no harm
        (lambda rng: {"x": rng.normal(size=400) + 3 * np.repeat([0, 1], 200), "c": np.repeat(["a", "b"], 200)}, False),
        (
            lambda rng: {"x": rng.normal(size=400), "c": np.arange(400) // 200 > 0, "d": np.arange(400) // 100 % 2 > 0},
            False,
        ),
        (lambda rng: {"x": rng.normal(size=100), "y": rng.normal(size=100)}, False),
    ],
)
def test_rows_that_follow_one_another_are_told(vs, told):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = inputs.check(vs(np.random.default_rng(0)))
    with pytest.warns(inputs.InputWarning, match="rows follow one another") if told else nullcontext():
        notes = inputs.told_of_order(table).notes_on([0])
    assert any("give groups=" in note for note in notes) == told


def test_groups_say_that_order_is_known():
    rng = np.random.default_rng(0)
    vs = {"x": series(rng, 400), "y": series(rng, 400)}
    with pytest.warns(inputs.InputWarning, match="of x, y are alike"):
        ji.fit(vs, measures=())
    ji.fit(vs, measures=(), groups=np.arange(400) // 40)


def test_labels_kept_as_bytes_are_text(xy):
    text = np.asarray(["go", "stop"] * (N // 2))
    table = inputs.check({"x": xy[0], "c": text.astype("S4")})
    assert table.classes["c"].tolist() == ["go", "stop"]
    np.testing.assert_array_equal(table.x, inputs.check({"x": xy[0], "c": text}).x)
    with pytest.raises(ValueError, match="c holds bytes that are no text"):
        inputs.check({"x": xy[0], "c": np.asarray([b"\xff", b"a"] * (N // 2))})


@pytest.mark.parametrize("fitted", ["numbers", "text"])
def test_labels_that_read_alike_are_one_class(xy, fitted):
    """Categories of pandas are text; their values in other rows may be numbers, which sort otherwise."""
    numbers = np.arange(N) % 4 + 8
    first, then = (numbers, numbers.astype(str)) if fitted == "numbers" else (numbers.astype(str), numbers)
    table = inputs.check({"x": xy[0], "c": first}, ["c"])
    new = inputs.apply(table, {"x": xy[0], "c": then})
    np.testing.assert_array_equal(new, table.x)
    with pytest.raises(ValueError, match="c has the class '12', which was not among those fitted: .*9"):
        inputs.apply(table, {"x": xy[0], "c": (then.astype(int) + 1).astype(then.dtype)})


def test_booleans_in_several_columns_say_how_to_be_read(xy):
    many = np.random.default_rng(0).random((N, 3)) < 0.5
    for discrete, word in ((None, "has 3 columns"), ((), "got dtype bool")):
        with pytest.raises(ValueError, match=rf"v is not numeric.*{word}.*\.astype\(float\)"):
            inputs.check({"x": xy[0], "v": many}, discrete)
