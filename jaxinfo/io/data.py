"""Read variables from files, and join columns into vectors.

A data set is a dict of paired arrays, name -> ``[n]`` or ``[n, d]``; text is kept as string arrays (class labels).
"""

from __future__ import annotations

import csv
import difflib
import fnmatch
import re
import zipfile
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

Data = dict[str, np.ndarray]


class Columns(NamedTuple):
    """What a file holds: the names of its columns, and what reads those that are asked for."""

    names: list[str]
    take: Callable[[Sequence[str]], Data]


WHOLE = re.compile(r"[+-]?[0-9]+")

MISSING = ("", "na", "n/a", "nan", "null", "none")
"""Cells of a numeric csv column read as NaN, in any case; in a column of labels only the empty cell is missing."""


def read(path: str | Path, blocks: Mapping[str, Sequence[str]] | str | None = None, beside: Sequence[str] = ()) -> Data:
    """Named variables of a file, in its own units.

    ``.npz`` holds one array ``[n]`` or ``[n, d]`` per variable; ``.npy`` one 2-D array, whose columns are called x0,
    x1, …; ``.csv`` (commas, UTF-8) and ``.parquet`` have one named column per variable.

    Args:
      path: the file; its ending says what it is.
      blocks: name -> columns (or globs such as ``"d*"``) joined into one vector variable; columns not named are left
        out, whatever they hold.  The text that :func:`parse_blocks` reads will do.  By default every column is a variable.
      beside: columns that stay as they are and in no block, such as labels of groups; those that are missing are left out.

    Returns:
      Dict name -> array ``[n]`` or ``[n, d]`` with the same n; numbers, booleans, or strings.  A column of csv is integer
      when every cell is a whole number without a decimal point.

    Raises:
      ValueError: for a file that is missing, empty, cut short or of another kind; a column that is missing or named
        twice; rows that do not match; text that cannot be a label; a block called like a column beside.
      ImportError: for parquet without pyarrow.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in READERS:
        raise ValueError(f"{path}: expected a file ending in {', '.join(READERS)}, got {kind or 'no ending'!r}.")
    if not path.is_file():
        what = "a directory" if path.is_dir() else "nothing"
        raise ValueError(f"{path}: expected a file, got {what} at this path; check the spelling.")
    if path.stat().st_size == 0:
        raise ValueError(f"{path}: expected data, got an empty file (0 bytes); write it again.")
    found = READERS[kind](path)
    spec = parse_blocks(blocks) if isinstance(blocks, str) else blocks
    aside = [name for name in beside if name in found.names]
    inside = [name for name in found.names if name not in aside]
    if spec is not None:
        twice = [name for name in aside if name in spec]
        if twice:
            raise ValueError(
                f"{path}: {twice[0]!r} is a block and a column beside the blocks (of groups or weights): call the block "
                "otherwise."
            )
        inside = [name for patterns in spec.values() for name in _named(patterns, inside)]
    wanted = list(dict.fromkeys([*inside, *aside]))
    columns = {name: _checked(path, name, values) for name, values in found.take(wanted).items()}
    rows = {name: len(values) for name, values in columns.items()}
    if not rows or min(rows.values()) == 0:
        raise ValueError(f"{path}: expected at least one row of at least one variable, got none; is it the right file?")
    if len(set(rows.values())) != 1:
        raise ValueError(
            f"{path}: expected variables with the same number of rows, got {rows}; rows are paired samples. "
            "What is no variable is left out by naming the others in blocks."
        )
    if spec is None:
        return columns
    return join({name: columns[name] for name in inside}, spec) | {name: columns[name] for name in aside}


def parse_blocks(text: str) -> dict[str, list[str]]:
    """``"x=a,b;y=c,d*"`` -> ``{"x": ["a", "b"], "y": ["c", "d*"]}``.

    Raises:
      ValueError: for a part without ``=``, a block without a name or columns, a name given twice.
    """
    out: dict[str, list[str]] = {}
    for part in text.strip().strip(";").split(";"):
        name, equals, listed = (piece.strip() for piece in part.partition("="))
        columns = [c.strip() for c in listed.split(",")]
        if not (name and equals and all(columns)):
            raise ValueError(f"expected blocks such as 'x=a,b;y=c,d*', got {part!r}; write name=column,column.")
        if name in out:
            raise ValueError(f"expected each block once, got {name!r} twice in {text!r}; join its columns with commas.")
        out[name] = columns
    return out


def join(columns: Mapping[str, np.ndarray], blocks: Mapping[str, Sequence[str]]) -> Data:
    """Columns ``[n]`` or ``[n, d]`` joined into one variable per block, ``[n, d_1 + d_2 + …]``; alone, as it is.

    Raises:
      ValueError: for an unknown column, one named twice, or text joined with other columns.
    """
    if not blocks:
        raise ValueError("expected at least one block, got none; leave blocks out to take every column.")
    out: Data = {}
    owner: dict[str, str] = {}
    for block, patterns in blocks.items():
        members = _named(patterns, columns)
        for name in members:
            if name in owner:
                raise ValueError(
                    f"expected each column once, got {name!r} in block {owner[name]!r} and again in {block!r}: a "
                    "variable shared by two blocks makes their information infinite; name it in one of them."
                )
            owner[name] = block
        if not members:
            raise ValueError(f"expected at least one column in block {block!r}, got none; name one or drop the block.")
        text = [name for name in members if columns[name].dtype.kind == "U"]
        if text and len(members) > 1:
            raise ValueError(
                f"block {block!r}: expected numbers to join, got text in {', '.join(text)}; a label is a variable of "
                "its own: give it a block by itself."
            )
        parts = [columns[name] for name in members]
        out[block] = parts[0] if len(parts) == 1 else np.column_stack(parts)
    return out


def _named(patterns: Sequence[str] | str, columns: Collection[str]) -> list[str]:
    """The columns that globs name; a lone string, which would be read letter by letter, is one of them."""
    patterns = [patterns] if isinstance(patterns, str) else patterns
    return [name for pattern in patterns for name in _matches(pattern, columns)]


def _matches(pattern: str, columns: Collection[str]) -> list[str]:
    if pattern in columns:  # a column may itself contain * or ?
        return [pattern]
    found = [name for name in columns if fnmatch.fnmatchcase(name, pattern)]
    if not found:
        names = list(columns)
        close = difflib.get_close_matches(pattern, names, 3) or names[:10] + ["…"] * (len(names) > 10)
        raise ValueError(f"expected a column {pattern!r}, got none of that name; there is {', '.join(close)}.")
    return found


def _checked(path: Path, name: str, values: np.ndarray) -> np.ndarray:
    """Shape and kind of one variable: numbers and booleans ``[n]`` or ``[n, d]``, text ``[n]``."""
    if values.dtype.kind == "S":
        try:
            values = np.char.decode(values, "utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: variable {name!r}: expected labels in UTF-8, got other bytes.") from error
    if values.dtype.kind not in "biufU":
        raise ValueError(
            f"{path}: variable {name!r}: expected numbers or text, got {values.dtype}; convert it to numbers first."
        )
    if values.ndim not in (1, 2) or (values.ndim == 2 and (values.shape[1] == 0 or values.dtype.kind == "U")):
        raise ValueError(
            f"{path}: variable {name!r}: expected an array [n] or [n, d] (text: [n]), got {values.dtype} of shape "
            f"{values.shape}; flatten each row, or leave it out by naming the others in blocks."
        )
    return values


# --- one reader per ending: columns that nobody names may hold anything -----------------------------------------------


def _each(columns: Mapping[str, Callable[[], np.ndarray]]) -> Columns:
    """Columns that are read one by one."""
    return Columns(list(columns), lambda names: {name: columns[name]() for name in names})


BROKEN = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError)
"""What numpy raises for files that are cut short, damaged, pickled or something else."""


def _broken(path: Path, expected: str, error: Exception) -> ValueError:
    return ValueError(
        f"{path}: expected {expected}, got a file that is cut short, damaged or of another kind "
        f"({type(error).__name__}: {error}); write it again."
    )


def _read_npz(path: Path) -> Columns:
    names = _of_npz(path, lambda arrays: list(arrays.files))
    return Columns(names, lambda wanted: _of_npz(path, lambda arrays: {name: arrays[name] for name in wanted}))


def _of_npz(path: Path, take: Callable[[Any], Any]) -> Any:
    try:
        # Opened here, since numpy leaves the files it opens itself open when they are damaged.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return take(arrays)
    except (*BROKEN, AttributeError, TypeError) as error:  # the last two: an .npy called .npz gives no archive
        raise _broken(path, "an .npz of plain arrays (numpy.savez, no pickled objects)", error) from error


def _read_npy(path: Path) -> Columns:
    try:
        table = np.load(path, allow_pickle=False)
        shape = table.shape
    except (*BROKEN, AttributeError) as error:
        raise _broken(path, "an .npy of one plain array (numpy.save, no pickled objects)", error) from error
    if len(shape) != 2:
        raise ValueError(f"{path}: expected a 2-D array, rows by columns, got shape {shape}; reshape it or use .npz.")
    return _each({f"x{i}": partial(table.take, i, axis=1) for i in range(shape[1])})


def _read_csv(path: Path) -> Columns:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            # Empty lines carry no row; line numbers are kept for messages.
            reader = csv.reader(file, strict=True)
            lines = [(reader.line_num, row) for row in reader if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _broken(path, "comma-separated UTF-8 text", error) from error
    if len(lines) < 2:
        raise ValueError(f"{path}: expected a header and at least one row, got {len(lines)} line(s); write it again.")
    header = [name.strip() for name in lines[0][1]]
    if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
        raise ValueError(f"{path}: expected commas between columns, got {header[0]!r}; use commas and decimal points.")
    plain_count = [str(i) for i in range(len(header))]  # how pandas names the columns of a bare array
    if header != plain_count and all(_number(name) is not None for name in header):
        raise ValueError(
            f"{path}: expected a header of column names, got numbers {header[:3]}; add a first line of names."
        )
    for i, name in enumerate(header):
        if not name:
            raise ValueError(
                f"{path}: expected a name for column {i + 1}, got none; name it, or write without an index."
            )
        if name in header[:i]:
            raise ValueError(f"{path}: expected each column name once, got {name!r} twice; rename one of them.")
    for number, row in lines[1:]:
        if len(row) != len(header):
            raise ValueError(
                f"{path}: expected {len(header)} cells in line {number}, got {len(row)}; the file is cut short, or a "
                "cell with a comma lacks its quotes."
            )
    numbers = [number for number, _ in lines[1:]]
    cells = zip(*(row for _, row in lines[1:]))
    return _each({name: partial(_column, path, name, column, numbers) for name, column in zip(header, cells)})


def _number(cell: str) -> float | None:
    try:
        return None if "_" in cell else float(cell)  # Python reads 1_1 as 11
    except ValueError:
        return None


def _column(path: Path, name: str, cells: Sequence[str], lines: Sequence[int]) -> np.ndarray:
    """Numbers when every cell that is not missing is one, labels when none is; a mixture is refused as damage.

    Whole numbers without a decimal point in every row are integers, as they would be in the other kinds of files.
    """
    cells = [cell.strip() for cell in cells]
    values = [_number(cell) for cell in cells]
    missing = [cell.lower() in MISSING for cell in cells]
    if all(missing):
        raise ValueError(f"{path}: column {name!r}: expected values, got only missing ones; drop the column.")
    text = [i for i, value in enumerate(values) if value is None and not missing[i]]
    if not text:
        if all(WHOLE.fullmatch(cell) for cell in cells):
            try:
                return np.asarray([int(cell) for cell in cells], np.int64)
            except OverflowError:
                pass  # too large for integers of 64 bits: floating numbers hold them nearly
        return np.asarray([np.nan if value is None else value for value in values])
    numeric = sum(value is not None and not gone for value, gone in zip(values, missing))
    if numeric:
        raise ValueError(
            f"{path}: column {name!r}: expected numbers or labels, got {numeric} numbers and text such as "
            f"{cells[text[0]]!r} in line {lines[text[0]]}; correct the cell, or spell every label as text (c1, c2, …)."
        )
    if "" in cells:
        raise ValueError(
            f"{path}: column {name!r}: expected a label in every row, got none in line {lines[cells.index('')]}; drop "
            "the row or name the class."
        )
    return np.asarray(cells)


def _read_parquet(path: Path) -> Columns:
    try:
        import pyarrow as pa
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise ImportError('reading parquet needs pyarrow: pip install "jaxinfo[bench]".') from error
    try:
        table = parquet.ParquetFile(path).read()
    except (OSError, EOFError, ValueError, pa.ArrowException) as error:
        raise _broken(path, "a parquet table", error) from error
    # the index that pandas stored is none of its columns
    index = [c for c in (table.schema.pandas_metadata or {}).get("index_columns", ()) if isinstance(c, str)]
    names = [name for name in table.column_names if name not in index]
    if len(set(names)) != len(names):
        raise ValueError(f"{path}: expected each column name once, got {', '.join(names)}; rename one of them.")
    return _each({name: partial(_arrow_column, path, name, table.column(name)) for name in names})


def _arrow_column(path: Path, name: str, column) -> np.ndarray:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):  # a pandas categorical
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        if column.null_count:
            raise ValueError(
                f"{path}: column {name!r}: expected a label in every row, got {column.null_count} without; drop the "
                "rows or name the class."
            )
        return np.asarray(column.to_pylist(), dtype=str)
    if pa.types.is_decimal(kind) or (pa.types.is_boolean(kind) and column.null_count):
        column = column.cast(pa.float64())
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        rows = column.to_pylist()
        if len({None if row is None else len(row) for row in rows}) != 1 or rows[0] is None:
            raise ValueError(
                f"{path}: column {name!r}: expected vectors of one length, got several; pad or split them."
            )
        return np.asarray([[np.nan if v is None else v for v in row] for row in rows])
    return column.to_numpy()  # missing numbers become NaN


READERS = {".npz": _read_npz, ".npy": _read_npy, ".csv": _read_csv, ".parquet": _read_parquet}
