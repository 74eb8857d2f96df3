"""One variable of the public door: from what people have to a plain array, to class codes or to coordinates."""

from __future__ import annotations

import hashlib
from numbers import Number
from textwrap import shorten
from typing import Any

import numpy as np

TIES = 0.05
FEW_CLASSES = 32  # integers with more values are counts, unless they are named as labels
RARE = 10  # rows of a class, two for each fold
MOST_CLASSES = 256  # every class is a dense coordinate: 8 bytes a row
LARGEST_DUST, TYPICAL_DUST = 1e-9, 1e-6  # of the largest and of the typical value of a column
LARGEST = 1e100  # squares, and sums of them, stay finite
DUST_SPACINGS = 64  # spacings of floating numbers that arithmetic may leave between equal decimals


def plain(name: str, v: Any) -> np.ndarray:
    """Any array, list, Series or DataFrame as a numpy array; masked numbers become NaN.

    Raises:
      ValueError: for entries that are missing where NaN cannot stand: labels, dates, integers of pandas.
    """
    if np.ma.isMaskedArray(v):
        mask, a = np.ma.getmaskarray(v), np.asarray(np.ma.getdata(v))
        if not mask.any():
            return a
        if a.dtype.kind not in "iufc":
            _refuse(name, mask, "masked")
        return np.where(mask, np.nan, a)
    if hasattr(v, "toarray"):
        raise ValueError(f"{name} is a sparse matrix: expected a dense array (n, d); convert with .toarray().")
    category = str(getattr(v, "dtype", "")) == "category"
    try:
        a = np.asarray(v).astype(str) if category else v.to_numpy() if hasattr(v, "to_numpy") else np.asarray(v)
    except ValueError as e:
        raise ValueError(f"{name} is no array: expected rows of one length, got a ragged list ({e}).") from e
    if hasattr(v, "isna") and a.dtype.kind not in "fc":
        _refuse(name, np.asarray(v.isna()), "missing")
    if isinstance(v, (list, tuple)) and a.dtype.kind in "US":  # numpy has written NaN out as text
        _refuse(name, np.asarray([e != e for e in v]), "missing")
        _refuse_mixed(name, np.asarray(v, dtype=object))
    return a


def _refuse_mixed(name: str, a: np.ndarray) -> None:
    """Refuse objects of which some are text and some are not: which of them is damage, only their owner knows."""
    flat = a.ravel().tolist()
    text = [isinstance(e, str) for e in flat]
    if any(text) and not all(text):
        raise ValueError(
            f"{name} mixes text such as {flat[text.index(True)]!r} and other values such as {flat[text.index(False)]!r}: "
            "expected numbers in every row, or text in every row for class labels."
        )


def array(name: str, v: Any) -> np.ndarray:
    """Rows of one variable, ``[n, d]``: numbers, booleans or text.

    Raises:
      ValueError: for missing entries, objects, dates, complex numbers, no column, or other than one or two axes.
    """
    a = plain(name, v)
    if v is None:
        raise ValueError(f"{name} is None: expected an array (n,) or (n, d), a row per sample.")
    if a.dtype == object:
        _refuse(name, lost(a), "missing")
        _refuse_mixed(name, a)
        flat = a.ravel().tolist()
        if not all(isinstance(e, str) for e in flat):
            odd = next((e for e in flat if not isinstance(e, Number)), None)
            what = (
                "; convert with .astype(float)"
                if odd is None
                else f", got {type(odd).__name__} such as {shorten(repr(odd), 60)}"
            )
            raise ValueError(f"{name} has dtype object: expected numbers, or text for class labels{what}.")
        a = a.astype(str)
    if a.dtype.kind == "S":  # as HDF5 files have it
        try:
            a = np.char.decode(a, "utf-8")
        except UnicodeDecodeError as e:
            raise ValueError(f"{name} holds bytes that are no text in UTF-8 ({e}): decode them first.") from e
    refuse_complex(name, a)
    refuse_dates(name, a)
    if not (np.issubdtype(a.dtype, np.number) or a.dtype.kind in "bUS"):
        raise ValueError(f"{name} is not numeric: expected numbers or class labels, got dtype {a.dtype}.")
    if a.ndim == 1:
        a = a[:, None]
    if a.ndim == 0:
        raise ValueError(f"{name} is one value, {a.item()!r}: expected an array (n,) or (n, d), a row per sample.")
    if a.ndim != 2:
        raise ValueError(
            f"{name} has shape {a.shape}: expected (n,) or (n, d); flatten the trailing axes with reshape(n, -1)."
        )
    if a.shape[1] == 0:
        raise ValueError(f"{name} is empty: expected at least one column, got shape {a.shape}.")
    return a


def refuse_complex(name: str, a: np.ndarray) -> None:
    """Refuse complex numbers: a cast would keep their real parts alone."""
    if a.dtype.kind == "c":
        raise ValueError(f"{name} is complex: expected real numbers; stack .real and .imag as two columns.")


def refuse_dates(name: str, a: np.ndarray) -> None:
    """Refuse dates and durations: numpy counts durations among the numbers, NaT as the smallest of them."""
    if a.dtype.kind in "mM":
        raise ValueError(
            f"{name} is not numeric: expected numbers, got times of dtype {a.dtype}; turn them into numbers with a unit, "
            "as in t / np.timedelta64(1, 's') for durations and (t - t[0]) / np.timedelta64(1, 's') for dates."
        )


def lost(a: np.ndarray) -> np.ndarray:
    """Which entries are NaN, NaT or None."""
    if a.dtype.kind in "fc":
        return np.isnan(a)
    if a.dtype.kind in "mM":
        return np.isnat(a)
    if a.dtype == object:  # what pandas calls NA answers neither yes nor no
        gone = lambda e: e is None or not isinstance(e == e, bool | np.bool_) or e != e
        return np.asarray([gone(e) for e in a.ravel()], bool).reshape(a.shape)
    return np.zeros(a.shape, bool)


def _refuse(name: str, bad: np.ndarray, kind: str, expected: str = "a value in every row") -> None:
    if bad.any():
        first = int(np.flatnonzero(bad.reshape(len(bad), -1).any(1))[0]) if bad.ndim else 0
        raise ValueError(
            f"{name} holds {int(bad.sum())} {kind} values, the first in row {first}: expected {expected}; drop or impute "
            "those rows."
        )


def numbers(name: str, a: np.ndarray) -> np.ndarray:
    """``[n, d]`` as float64, all finite.

    Raises:
      ValueError: for text or booleans, NaN and infinities, saying where the first one is.
    """
    if a.dtype.kind in "bUS":
        other = ", or convert it with .astype(float)" if a.dtype.kind == "b" else ""
        raise ValueError(
            f"{name} is not numeric: got dtype {a.dtype}; name it in discrete= to read it as class labels{other}."
        )
    a = a.astype(np.float64)
    kinds = [kind for kind, there in (("NaN", np.isnan(a)), ("infinite", np.isinf(a))) if there.any()]
    _refuse(name, ~np.isfinite(a), " or ".join(kinds), "finite numbers")
    _refuse(
        name, np.abs(a) > LARGEST, f"larger than {LARGEST:g}", "numbers whose squares are finite (rescale the variable)"
    )
    return a


def classes_allowed(n: int) -> int:
    """The most class labels a variable of n rows may have."""
    return min(MOST_CLASSES, max(FEW_CLASSES, n // 20))


def looks_discrete(name: str, a: np.ndarray, notes: list[str]) -> bool:
    """Whether ``a [n, d]`` is read as labels when nobody says: booleans, text, integers of few values; may add a note.

    Raises:
      ValueError: for text in several columns, or of too many kinds.
    """
    if a.dtype.kind in "bUS":
        if a.shape[1] != 1:
            way = (
                "convert with .astype(float) to read them as numbers" if a.dtype.kind == "b" else "name each by itself"
            )
            raise ValueError(
                f"{name} is not numeric and has {a.shape[1]} columns, and a label variable has one column; {way}."
            )
        found, most = np.unique(a).size, classes_allowed(len(a))
        if found > most:
            raise ValueError(
                f"{name} is not numeric: {found} different strings in {len(a)} rows are too many for class labels, of "
                f"which there may be {most}; expected numbers"
                + (" (convert those written as text with .astype(float))" if _spell_numbers(a) else "")
                + ", or fewer classes: merge the rare ones."
            )
        return True
    if np.issubdtype(a.dtype, np.integer) and a.shape[1] == 1:
        distinct = np.unique(a).size
        if 1 < distinct <= min(FEW_CLASSES, len(a) // 20):
            notes.append(
                f"{name} holds integers with {distinct} values and is read as class labels; pass discrete=[] (or floats) "
                "to read it as counts"
            )
            return True
    return False


def _spell_numbers(a: np.ndarray) -> bool:
    try:
        a.astype(np.float64)
    except ValueError:
        return False
    return True


def rare_class(name: str, counts: np.ndarray, labels: np.ndarray) -> str | None:
    """A note on the rarest class if it has fewer than RARE rows: ``counts [k]`` of ``labels [k]``."""
    k = int(counts.argmin())
    if counts[k] >= RARE:
        return None
    numeric = " or pass discrete=[] to read it as counts," if labels.dtype.kind in "iuf" else ""
    return (
        f"{name}: class {str(labels[k])!r} has {counts[k]} of {counts.sum()} rows, and {int((counts < RARE).sum())} of "
        f"{labels.size} classes have fewer than {RARE}; merge rare classes,{numeric} since what goes with so few rows is "
        "hardly known"
    )


def codes(name: str, a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Class of every row of ``a [n, 1]`` as a number from 0, ``[n]``, and the labels in that order.

    Raises:
      ValueError: for several columns, numbers that are not finite, one class or too many.
    """
    flat = label_column(name, a)
    labels, found = np.unique(flat, return_inverse=True)
    if labels.size < 2:
        raise ValueError(f"{name} is constant: every row is of class {str(labels[0])!r}; drop it.")
    most = classes_allowed(len(a))
    if labels.size > most:
        raise ValueError(
            f"{name} has {labels.size} classes in {len(a)} rows: too many for a discrete variable, expected at most "
            f"{most}; merge the rare ones, or leave it out of discrete= to read it as numbers."
        )
    return found, labels


def known_classes(name: str, flat: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The position among the classes ``known`` of each label ``flat [m]``; text and what is written like it are one class.

    Raises:
      ValueError: for a label that is none of them.
    """
    if (flat.dtype.kind == "U") != (known.dtype.kind == "U"):  # pandas' categories are text, their values need not be
        flat, known = flat.astype(str), known.astype(str)
    order = np.argsort(known)
    place = order[np.minimum(np.searchsorted(known, flat, sorter=order), known.size - 1)]
    strange = known[place] != flat
    if strange.any():
        raise ValueError(
            f"{name} has the class {str(flat[strange][0])!r}, which was not among those fitted: "
            f"{shorten(', '.join(map(str, known)), 120)}."
        )
    return place


def label_column(name: str, a: np.ndarray) -> np.ndarray:
    """The one column ``[n]`` of a discrete variable ``a [n, 1]``.

    Raises:
      ValueError: for several columns, or numbers that are not finite.
    """
    if a.shape[1] != 1:
        raise ValueError(f"{name} is discrete and has {a.shape[1]} columns: expected one column of class labels.")
    if a.dtype.kind not in "bUS":
        numbers(name, a)
    return a[:, 0]


def coordinates(
    name: str, a: np.ndarray, notes: list[str], rng: np.random.Generator, steps: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A continuous variable ``a [n, d]`` as float64 without copies of columns, dequantised where values repeat.

    Args:
      name: of the variable.
      a: its rows.
      notes: gets a note for everything that was changed.
      rng: of the uniform noise.
      steps: ``[d]`` rounding steps if they are known; left out, those of the columns of which more than TIES are ties.

    Returns:
      Rows ``[n, k]``, the columns kept ``[k]``, and the rounding step of each ``[k]``, 0 where nothing repeats.

    Raises:
      ValueError: for text, values that are not finite, or a constant column.
    """
    a = numbers(name, a)
    constant = np.flatnonzero(np.ptp(a, axis=0) == 0.0)
    if constant.size:
        raise ValueError(
            f"{name} is constant in column {int(constant[0])} (value {a[0, constant[0]]:g}): it carries no information and "
            "its density is not defined; drop the column."
        )
    first: dict[bytes, int] = {}
    for j in range(a.shape[1]):
        first.setdefault(digest(a[:, j]), j)
    keep = np.asarray(sorted(first.values()))
    if keep.size < a.shape[1]:
        notes.append(f"{name}: {a.shape[1] - keep.size} duplicated column(s) dropped")
        a = a[:, keep]
    step = np.zeros(a.shape[1])
    alike: dict[float, list[tuple[int, float, str]]] = {}
    for j in range(a.shape[1]):
        values, counts = np.unique(a[:, j], return_counts=True)
        tied = 1.0 - values.size / a.shape[0]
        if tied > TIES if steps is None else steps[keep[j]] > 0.0:
            atom = counts.max() / a.shape[0]
            step[j] = rounding_step(values, counts) if steps is None else steps[keep[j]]
            what = (
                f"{100 * atom:.0f} % of the rows share the value {values[counts.argmax()]:g}"
                if atom > 0.2
                else f"{100 * tied:.0f} % of the values are ties"
            )
            alike.setdefault(step[j], []).append((int(keep[j]), float(tied), what))
            a[:, j] += step[j] * rng.uniform(-0.5, 0.5, a.shape[0])
    notes += [_rounded(name, size, found) for size, found in alike.items()]
    return a, keep, step


def _rounded(name: str, step: float, found: list[tuple[int, float, str]]) -> str:
    """The note on columns rounded to one step, each with its number, share of ties and what is tied; the worst in words."""
    column, _, what = max(found, key=lambda f: f[1])
    where = f"column {column}" if len(found) == 1 else f"{len(found)} columns, column {column} most of all"
    if step == 0.0:
        return f"{name}, {where}: {what}, and others differ by errors of arithmetic alone: nothing was added to tell them apart"
    return (
        f"{name}, {where}: {what}; uniform noise of the rounding step ({step:g}) was added, and the answer is about the "
        "data at that resolution"
    )


def rounding_step(values: np.ndarray, counts: np.ndarray) -> float:
    """The smallest gap between the distinct ``values [k]`` of a column, rising, that ``counts [k]`` rows have each.

    Whole numbers have no floating dust.  Elsewhere a gap is dust between equal decimals when it is below a billionth of
    the largest value, unless that value is far out (then a millionth of the typical distance from the median counts),
    or when arithmetic cannot tell the two apart.  0 when every gap is dust.
    """
    gaps = np.diff(values)
    if (values == np.rint(values)).all():
        return float(gaps.min())
    size = np.abs(values)
    centre = values[np.searchsorted(np.cumsum(counts), 0.5 * counts.sum())]
    away = np.repeat(np.abs(values - centre), counts)
    dust = min(LARGEST_DUST * size.max(), TYPICAL_DUST * np.quantile(away[away > 0.0], 0.9))
    gaps = gaps[gaps > np.maximum(dust, DUST_SPACINGS * np.spacing(np.maximum(size[1:], size[:-1])))]
    return float(gaps.min()) if gaps.size else 0.0


def ranks(column: np.ndarray) -> np.ndarray:
    """Place of every entry of ``column [n]`` among its distinct values; the same for increasing functions of it."""
    return np.unique(column, return_inverse=True)[1].astype(np.int64)


def digest(column: np.ndarray) -> bytes:
    """Thirty-two bytes that columns share only when they are equal to the last bit."""
    return hashlib.blake2b(np.ascontiguousarray(column).data, digest_size=32).digest()
