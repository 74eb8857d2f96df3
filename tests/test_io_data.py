"""Reading variables: what goes in comes out, and every damaged file is refused in words."""

import importlib.util

import numpy as np
import pytest

from jaxinfo.io import data

N = 50


@pytest.fixture
def columns():
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=N) for name in ("a", "b", "c", "d1", "d2")}


def write_csv(path, columns):
    lines = [",".join(columns)] + [",".join(map(str, row)) for row in zip(*columns.values())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_npz(path, columns):
    np.savez(path, **columns)
    return path


def write_parquet(path, columns):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    pd.DataFrame(columns).to_parquet(path)
    return path


WRITERS = {"csv": write_csv, "npz": write_npz, "parquet": write_parquet}


@pytest.mark.parametrize("kind", WRITERS)
def test_what_was_written_is_read(tmp_path, columns, kind):
    columns = columns | {"label": np.asarray(["left", "right"] * (N // 2))}
    got = data.read(WRITERS[kind](tmp_path / f"table.{kind}", columns))
    assert list(got) == list(columns)
    for name, values in columns.items():
        np.testing.assert_array_equal(got[name], values)
    assert got["label"].dtype.kind == "U" and got["a"].dtype == np.float64


@pytest.mark.parametrize("kind", WRITERS)
def test_blocks_join_columns_in_order(tmp_path, columns, kind):
    got = data.read(WRITERS[kind](tmp_path / f"table.{kind}", columns), "y=c,d*; x = a")
    assert list(got) == ["y", "x"]
    np.testing.assert_array_equal(got["y"], np.column_stack([columns["c"], columns["d1"], columns["d2"]]))
    np.testing.assert_array_equal(got["x"], columns["a"])


def test_a_block_is_not_called_like_a_column_beside(tmp_path, columns):
    path = write_csv(tmp_path / "x.csv", columns)
    with pytest.raises(ValueError, match="'c' is a block and a column beside"):
        data.read(path, {"c": ["a"]}, ("c",))


def test_what_no_block_names_may_hold_anything(tmp_path, columns):
    more = {"rate": np.asarray(1000.0), "who": np.asarray([b"m1", b"m2"] * (N // 2)), "film": np.zeros((3, 2, 2))}
    path = write_npz(tmp_path / "table.npz", columns | more)
    with pytest.raises(ValueError, match="naming the others in blocks"):
        data.read(path)
    got = data.read(path, "x=a;y=d*", beside=("who", "b", "missing"))
    assert list(got) == ["x", "y", "who", "b"] and got["y"].shape == (N, 2) and list(got["who"][:2]) == ["m1", "m2"]


def test_columns_that_nobody_names_are_not_looked_at(tmp_path):
    (tmp_path / "t.csv").write_text("a,b,id,gone\n1,2,A1,\n3,4,17,\n5,6,,\n")
    np.savez(tmp_path / "t.npz", a=np.arange(3.0), b=np.arange(3.0), id=np.asarray([{}, [], 1], dtype=object))
    files = ["t.csv", "t.npz"]
    if importlib.util.find_spec("pyarrow") and importlib.util.find_spec("pandas"):
        import pandas as pd

        pd.DataFrame({"a": [1.0, 3, 5], "b": [2.0, 4, 6], "id": ["A1", "17", None]}).to_parquet(tmp_path / "t.parquet")
        files.append("t.parquet")
    for name in files:
        assert list(data.read(tmp_path / name, "x=a;y=b")) == ["x", "y"]
        with pytest.raises(ValueError):
            data.read(tmp_path / name)


def test_the_index_of_a_pandas_table_is_no_variable(tmp_path, columns):
    pd, _ = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    table = pd.DataFrame(columns)
    table[table.a > 0.0].to_parquet(tmp_path / "some.parquet")
    table.set_index("c").to_parquet(tmp_path / "named.parquet")
    assert list(data.read(tmp_path / "some.parquet")) == list(columns)
    assert list(data.read(tmp_path / "named.parquet")) == [name for name in columns if name != "c"]


def test_npy_columns_are_counted(tmp_path):
    table = np.arange(12.0).reshape(4, 3)
    np.save(tmp_path / "table.npy", table)
    got = data.read(tmp_path / "table.npy", {"pair": ["x0", "x2"]})
    np.testing.assert_array_equal(got["pair"], table[:, [0, 2]])


def test_npz_keeps_vectors_and_joins_them(tmp_path):
    arrays = {"u": np.zeros((4, 2)), "v": np.ones(4), "k": np.arange(4)}
    got = data.read(write_npz(tmp_path / "arrays.npz", arrays), {"uv": ["u", "v"], "k": ["k"]})
    assert got["uv"].shape == (4, 3) and got["k"].dtype.kind == "i"


def test_npz_is_opened_twice_however_many_arrays_it_holds(tmp_path, monkeypatch):
    path = write_npz(tmp_path / "arrays.npz", {f"a{k}": np.arange(3) + k for k in range(50)})
    opened, load = [], np.load
    monkeypatch.setattr(np, "load", lambda *args, **kw: opened.append(1) or load(*args, **kw))
    assert len(data.read(path)) == 50 and len(opened) == 2  # for the names, and for what is read


def test_whole_numbers_of_csv_are_integers(tmp_path):
    path = tmp_path / "whole.csv"
    path.write_text(
        "label,sign,real,mixed,gap,power,huge\n0,-1,0.0,1,1,1,1\n1,+2,1.0,2.5,NA,2e3,99999999999999999999\n"
    )
    got = data.read(path)
    assert {name: values.dtype.kind for name, values in got.items()} == {
        "label": "i", "sign": "i", "real": "f", "mixed": "f", "gap": "f", "power": "f", "huge": "f",
    }  # fmt: skip
    assert got["sign"].tolist() == [-1, 2] and got["huge"].tolist() == [1.0, 1e20]


@pytest.mark.parametrize("kind", WRITERS)
def test_labels_have_the_same_type_in_every_kind_of_file(tmp_path, columns, kind):
    labels = np.arange(N) % 2
    got = data.read(WRITERS[kind](tmp_path / f"table.{kind}", columns | {"label": labels}))["label"]
    assert got.dtype == np.int64
    np.testing.assert_array_equal(got, labels)


def test_csv_missing_cells_are_nan_and_pandas_counts_are_names(tmp_path):
    path = tmp_path / "gaps.csv"
    path.write_text('0,1,2\n1.5,NA,"none"\n,2e3,"a, b"\n', encoding="utf-8-sig")
    got = data.read(path)
    np.testing.assert_array_equal(got["0"], [1.5, np.nan])
    np.testing.assert_array_equal(got["1"], [np.nan, 2000.0])
    assert list(got["2"]) == ["none", "a, b"]


def test_parquet_kinds(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    table = {
        "gap": pa.array([1, None, 3]),
        "flag": pa.array([True, False, True]),
        "kind": pa.array(["p", "q", "p"]).dictionary_encode(),
        "vector": pa.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]),
    }
    parquet.write_table(pa.table(table), tmp_path / "kinds.parquet")
    got = data.read(tmp_path / "kinds.parquet")
    np.testing.assert_array_equal(got["gap"], [1.0, np.nan, 3.0])
    assert got["flag"].dtype == bool and list(got["kind"]) == ["p", "q", "p"] and got["vector"].shape == (3, 2)
    for bad, message in (
        ({"when": pa.array([0, 1], pa.timestamp("s"))}, "expected numbers or text"),
        ({"kind": pa.array(["p", None])}, "a label in every row"),
        ({"vector": pa.array([[1.0], [1.0, 2.0]])}, "vectors of one length"),
    ):
        parquet.write_table(pa.table(bad), tmp_path / "bad.parquet")
        with pytest.raises(ValueError, match=message):
            data.read(tmp_path / "bad.parquet")


def test_parse_blocks():
    assert data.parse_blocks("x=a,b;y=c,d*") == {"x": ["a", "b"], "y": ["c", "d*"]}
    for text, message in (
        ("x", "name=column"),
        ("=a", "name=column"),
        ("x=a,,b", "name=column"),
        ("x=a;x=b", "'x' twice"),
        ("", "name=column"),
    ):
        with pytest.raises(ValueError, match=message):
            data.parse_blocks(text)


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ({"x": ["aa"]}, "a column 'aa', got none of that name; there is a"),
        ({"x": ["a", "a"]}, "'a' in block 'x' and again in 'x'"),
        ({"x": ["a"], "y": ["*"]}, "'a' in block 'x' and again in 'y'"),
        ({"x": ["a", "label"]}, "got text in label"),
        ({"x": []}, "at least one column in block 'x'"),
        ({}, "at least one block"),
    ],
)
def test_blocks_that_make_no_sense(columns, blocks, message):
    with pytest.raises(ValueError, match=message):
        data.join(columns | {"label": np.asarray(["p"] * N)}, blocks)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", "", "an empty file"),
        ("empty.npz", "", "an empty file"),
        ("header.csv", "a,b\n", "a header and at least one row, got 1"),
        ("short.csv", "a,b\n1,2\n3", "expected 2 cells in line 3, got 1"),
        ("twice.csv", "a,a\n1,2\n", "'a' twice"),
        ("index.csv", ",a\n0,2\n", "a name for column 1"),
        ("bare.csv", "1.5,2.5\n1,2\n", "a header of column names"),
        ("semicolons.csv", "a;b\n1,5;2\n", "expected commas"),
        ("mixed.csv", "a\n1\n2\n3x\n", "2 numbers and text such as '3x' in line 4"),
        ("underscores.csv", "a\n1_1\n1_2\n11\n", "1 numbers and text such as '1_1' in line 2"),
        ("void.csv", "a,b\n1,\n2,\n", "only missing ones"),
        ("unlabelled.csv", "a,b\n1,p\n2,\n", "got none in line 3"),
        ("quote.csv", 'a,b\n1,"2\n', "cut short, damaged or of another kind"),
        ("binary.csv", b"a,b\n\xff\xfe\x00,1\n", "cut short, damaged or of another kind"),
        ("text.npz", "not an archive", "cut short, damaged or of another kind"),
        ("text.npy", "not an array", "cut short, damaged or of another kind"),
        ("text.parquet", "not a table", "cut short, damaged or of another kind"),
        ("table.xlsx", "x", "a file ending in .npz, .npy, .csv, .parquet, got '.xlsx'"),
        ("table", "x", "got 'no ending'"),
    ],
)
def test_bad_files(tmp_path, name, content, message):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=message):
        data.read(path)


def test_no_file(tmp_path):
    with pytest.raises(ValueError, match="got nothing at this path"):
        data.read(tmp_path / "absent.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ValueError, match="got a directory"):
        data.read(tmp_path / "folder.csv")


@pytest.mark.parametrize("kind", ["npz", "npy", "parquet"])
def test_truncated_files(tmp_path, columns, kind):
    path = tmp_path / f"table.{kind}"
    np.save(path, np.zeros((N, 2))) if kind == "npy" else WRITERS[kind](path, columns)
    whole = path.read_bytes()
    for kept in (len(whole) - 1, len(whole) // 2, 10):
        path.write_bytes(whole[:kept])
        with pytest.raises(ValueError, match="cut short"):
            data.read(path)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.zeros(3), "b": np.zeros(4)}, "the same number of rows"),
        ({"a": np.zeros((3, 2, 2))}, r"an array \[n\] or \[n, d\]"),
        ({"a": np.zeros(())}, r"an array \[n\] or \[n, d\]"),
        ({"a": np.zeros(3, complex)}, "numbers or text, got complex128"),
        ({"a": np.zeros(0)}, "at least one row"),
        ({}, "at least one row"),
    ],
)
def test_arrays_that_are_no_variables(tmp_path, arrays, message):
    with pytest.raises(ValueError, match=message):
        data.read(write_npz(tmp_path / "bad.npz", arrays))


def test_pickles_and_misnamed_arrays_are_refused(tmp_path):
    np.savez(tmp_path / "pickled.npz", a=np.asarray([{}, []], dtype=object))
    np.save(tmp_path / "array.npy", np.zeros(3))
    (tmp_path / "array.npy").rename(tmp_path / "array.npz")
    for name in ("pickled.npz", "array.npz"):
        with pytest.raises(ValueError, match="no pickled objects"):
            data.read(tmp_path / name)
    np.save(tmp_path / "flat.npy", np.zeros(3))
    with pytest.raises(ValueError, match="a 2-D array"):
        data.read(tmp_path / "flat.npy")
