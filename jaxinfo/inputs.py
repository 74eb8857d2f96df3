"""The public door: turn what people have (arrays, DataFrames, dicts, labels) into packed rows, or say what is wrong."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxinfo.blocks import Blocks

LEAST_ROWS = 50
TIES = 0.05
MOST_CLASSES = 32


class InputWarning(UserWarning):
    """Something about the data was changed or makes the answer less certain."""


@dataclass(frozen=True)
class Table:
    """Checked data.

    Attributes:
      x: ``[n, D]`` float64 rows, discrete variables as one-hot codes.
      blocks: names, sizes and kinds of the variables.
      classes: per discrete variable, its class labels in code order.
      kept: per variable, the columns kept of those given.
      steps: per packed coordinate, the rounding step undone by dequantisation (0 when none).
      notes: warnings in plain words, repeated as flags of every estimate.
    """

    x: np.ndarray
    blocks: Blocks
    classes: dict[str, np.ndarray]
    kept: dict[str, np.ndarray]
    steps: np.ndarray
    notes: tuple[str, ...]


def named(vs: Any) -> dict[str, Any]:
    """Variables by name: dict, DataFrame (a column each; two-level columns group by the first), list, or ``[n, N]``.

    Raises:
      ValueError: for anything else, or a column named twice.
    """
    if hasattr(vs, "data_vars"):  # xarray Dataset
        return {str(k): v.values for k, v in vs.data_vars.items()}
    if hasattr(vs, "columns") and hasattr(vs, "iloc"):
        columns = list(vs.columns)
        twice = sorted({str(c) for c in columns if columns.count(c) > 1})
        if twice:
            raise ValueError(
                f"column {twice[0]!r} is named twice; expected one name per column, so rename or drop one."
            )
        if columns and isinstance(columns[0], tuple):
            return {str(g): vs[g] for g in dict.fromkeys(c[0] for c in columns)}
        return {str(c): vs[c] for c in columns}
    if isinstance(vs, Mapping):
        return {str(k): v for k, v in vs.items()}
    if isinstance(vs, (list, tuple)):
        return {f"x{i + 1}": v for i, v in enumerate(vs)}
    a = np.asarray(vs)
    if a.ndim == 2:
        return {f"x{i + 1}": a[:, i] for i in range(a.shape[1])}
    raise ValueError(
        f"expected a dict name -> array, a list of arrays, a DataFrame or one array (n, N) of scalars; got "
        f"{type(vs).__name__} with shape {a.shape}. For vector variables give a dict or a list."
    )


def check(
    variables: Mapping[str, Any], discrete: Sequence[str] | None = None, *, least: int = 1, seed: int = 0
) -> Table:
    """Check and pack variables.

    Args:
      variables: name -> array ``(n,)`` or ``(n, d)``, Series, DataFrame or JAX array.
      discrete: names of the variables that are class labels.  None lets the dtype decide: booleans, strings, categories,
        and integer columns with few distinct values are labels.
      least: fewest variables that make sense.
      seed: of the dequantisation.

    Raises:
      ValueError: saying what was expected, what came, and what to do.
    """
    if len(variables) < least:
        raise ValueError(
            f"expected at least {least} variables, got {len(variables)}"
            + (f" ({', '.join(variables)})" if variables else "")
            + "; give each variable as its own entry of the dict or list."
        )
    if discrete is not None:
        unknown = [d for d in discrete if d not in variables]
        if unknown:
            raise ValueError(
                f"discrete names {unknown[0]!r}, which is not a variable; they are {', '.join(variables)}."
            )
    arrays = {name: _array(name, v) for name, v in variables.items()}
    rows = {name: a.shape[0] for name, a in arrays.items()}
    if len(set(rows.values())) > 1:
        raise ValueError(
            f"rows do not match: {', '.join(f'{k} has {v}' for k, v in rows.items())}; row i of every variable must be "
            "the same sample, so align them first."
        )
    n = next(iter(rows.values()))
    if n == 0:
        raise ValueError("the data are empty: expected at least 50 rows, got 0.")
    if n < LEAST_ROWS:
        raise ValueError(f"too few rows: expected at least {LEAST_ROWS}, got {n}; collect more samples.")
    notes: list[str] = []
    classes, kept, packed, steps, is_discrete = {}, {}, [], [], []
    for name, a in arrays.items():
        labels = name in discrete if discrete is not None else _looks_discrete(name, a, n, notes)
        is_discrete.append(labels)
        if labels:
            codes, classes[name] = _codes(name, a)
            kept[name] = np.arange(1)
            packed.append(np.eye(classes[name].size)[codes])
            steps += [0.0] * classes[name].size
        else:
            columns, keep, step = _continuous(name, a, notes, np.random.default_rng([seed, len(packed)]))
            kept[name] = keep
            packed.append(columns)
            steps += list(step)
    _across(arrays, is_discrete, list(variables))
    x = np.concatenate(packed, 1)
    blocks = Blocks(tuple(p.shape[1] for p in packed), tuple(variables), tuple(is_discrete))
    if n < 10 * blocks.dim:
        notes.append(
            f"too few rows: {n} rows for {blocks.dim} coordinates; at least {10 * blocks.dim} are advisable, so reduce "
            "the dimension or read the error bars as optimistic"
        )
    for note in notes:
        warnings.warn(note, InputWarning, stacklevel=3)
    return Table(x, blocks, classes, kept, np.asarray(steps), tuple(notes))


def apply(table: Table, variables: Mapping[str, Any], seed: int = 1, only: Sequence[str] | None = None) -> np.ndarray:
    """Pack new rows of the same variables as ``table``, or of ``only`` some of them with zeros for the rest: ``[m, D]``.

    Raises:
      ValueError: when variables, columns or classes differ from those fitted.
    """
    names = table.blocks.names
    wanted = names if only is None else tuple(only)
    if set(variables) != set(wanted):
        raise ValueError(f"new rows must have the variables {', '.join(wanted)}, got {', '.join(map(str, variables))}.")
    rng, out = np.random.default_rng(seed), []
    for name, size in zip(names, table.blocks.sizes):
        if name not in wanted:
            out.append(np.zeros((len(next(iter(variables.values()))), size)))
            continue
        a = _array(name, variables[name])
        if name in table.classes:
            flat, known = a.reshape(a.shape[0]), table.classes[name]
            strange = ~np.isin(flat, known)
            if strange.any():
                raise ValueError(f"{name} has the class {str(flat[strange][0])!r}, which was not among those fitted.")
            out.append(np.eye(known.size)[np.searchsorted(known, flat)])
            continue
        if a.shape[1] <= table.kept[name].max():
            raise ValueError(f"{name} has {a.shape[1]} columns; the fit had more, give the same columns.")
        _finite(name, a)
        a = a.astype(np.float64)[:, table.kept[name]]
        step = table.steps[table.blocks.slices[table.blocks.index(name)]]
        out.append(a + step * rng.uniform(-0.5, 0.5, a.shape))
    if len({o.shape[0] for o in out}) > 1:
        raise ValueError("rows do not match: row i of every variable must be the same sample.")
    return np.concatenate(out, 1)


def _array(name: str, v: Any) -> np.ndarray:
    """Two-dimensional, numeric or label-like."""
    if hasattr(v, "dtype") and str(v.dtype) == "category":
        v = np.asarray(v).astype(str)
    pandas = hasattr(v, "to_numpy")
    a = v.to_numpy() if pandas else np.asarray(v)
    if pandas and a.dtype == object and all(isinstance(e, str) for e in a.ravel()):
        a = a.astype(str)  # pandas keeps strings as objects
    if a.dtype == object:
        raise ValueError(
            f"{name} has dtype object: expected numbers (or strings for class labels); convert with .astype(float)."
        )
    if np.issubdtype(a.dtype, np.complexfloating):
        raise ValueError(f"{name} is complex: expected real numbers; stack .real and .imag as two columns.")
    if not (np.issubdtype(a.dtype, np.number) or a.dtype.kind in "bUS"):
        raise ValueError(f"{name} is not numeric: expected numbers or class labels, got dtype {a.dtype}.")
    if a.ndim == 1:
        a = a[:, None]
    if a.ndim != 2:
        raise ValueError(
            f"{name} has shape {a.shape}: expected (n,) or (n, d); flatten the trailing axes with reshape(n, -1)."
        )
    if a.shape[1] == 0:
        raise ValueError(f"{name} is empty: expected at least one column, got shape {a.shape}.")
    return a


def _finite(name: str, a: np.ndarray) -> None:
    bad = ~np.isfinite(a.astype(np.float64))
    if bad.any():
        kind = "NaN" if np.isnan(a.astype(np.float64)).any() else "infinite"
        raise ValueError(
            f"{name} holds {int(bad.sum())} {kind} values, the first in row {int(np.flatnonzero(bad.any(1))[0])}: expected "
            "finite numbers; drop or impute those rows."
        )


def _looks_discrete(name: str, a: np.ndarray, n: int, notes: list[str]) -> bool:
    if a.dtype.kind in "bUS":
        if a.shape[1] != 1:
            raise ValueError(f"{name} is not numeric and has {a.shape[1]} columns; a label variable has one column.")
        if np.unique(a).size > max(MOST_CLASSES, n // 20):
            raise ValueError(
                f"{name} is not numeric: {np.unique(a).size} different strings in {n} rows are too many for class labels; "
                "expected numbers."
            )
        return True
    if np.issubdtype(a.dtype, np.integer) and a.shape[1] == 1:
        distinct = np.unique(a).size
        if 1 < distinct <= min(MOST_CLASSES, n // 20):
            notes.append(
                f"{name} holds integers with {distinct} values and is read as class labels; pass discrete=[] (or floats) "
                "to read it as counts"
            )
            return True
    return False


def _codes(name: str, a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if a.shape[1] != 1:
        raise ValueError(f"{name} is discrete and has {a.shape[1]} columns: expected one column of class labels.")
    if a.dtype.kind not in "bUS":
        _finite(name, a)
    labels, codes = np.unique(a[:, 0], return_inverse=True)
    if labels.size < 2:
        raise ValueError(f"{name} is constant: every row is of class {str(labels[0])!r}; drop it.")
    if labels.size > max(MOST_CLASSES, a.shape[0] // 20):
        raise ValueError(
            f"{name} has {labels.size} classes in {a.shape[0]} rows: too many for a discrete variable; merge classes or "
            "leave it out of discrete=."
        )
    return codes, labels


def _ranks(column: np.ndarray) -> bytes:
    """Equal for columns that are increasing functions of each other."""
    return np.unique(column, return_inverse=True)[1].astype(np.int64).tobytes()


def _continuous(name, a, notes, rng):
    if a.dtype.kind in "bUS":
        raise ValueError(
            f"{name} is not numeric: got dtype {a.dtype}; name it in discrete= to read it as class labels."
        )
    _finite(name, a)
    a = a.astype(np.float64)
    constant = np.flatnonzero(np.ptp(a, axis=0) == 0.0)
    if constant.size:
        raise ValueError(
            f"{name} is constant in column {int(constant[0])} (value {a[0, constant[0]]:g}): it carries no information and "
            "its density is not defined; drop the column."
        )
    first: dict[bytes, int] = {}
    for j in range(a.shape[1]):
        first.setdefault(np.ascontiguousarray(a[:, j]).tobytes(), j)
    keep = np.asarray(sorted(first.values()))
    if keep.size < a.shape[1]:
        notes.append(f"{name}: {a.shape[1] - keep.size} duplicated column(s) dropped")
        a = a[:, keep]
    step = np.zeros(a.shape[1])
    for j in range(a.shape[1]):
        values, counts = np.unique(a[:, j], return_counts=True)
        tied = 1.0 - values.size / a.shape[0]
        if tied > TIES:
            # The smallest gap is the rounding step; floating dust between equal decimals is not a step.
            gaps = np.diff(values)
            gaps = gaps[gaps > 1e-9 * max(abs(values[0]), abs(values[-1]))]
            atom = counts.max() / a.shape[0]
            step[j] = float(np.min(gaps)) if gaps.size else 0.0
            what = (
                f"{100 * atom:.0f} % of the rows share the value {values[counts.argmax()]:g}"
                if atom > 0.2
                else f"{100 * tied:.0f} % of the values are ties"
            )
            notes.append(
                f"{name}, column {int(keep[j])}: {what}; uniform noise of the rounding step ({step[j]:g}) was added, and "
                "the answer is about the data at that resolution"
            )
            a[:, j] += step[j] * rng.uniform(-0.5, 0.5, a.shape[0])
    return a, keep, step


def _across(arrays, is_discrete, names):
    """Refuse a column that is an increasing (or decreasing) function of a column of another variable."""
    seen: dict[bytes, tuple[str, int]] = {}
    for name, labels in zip(names, is_discrete):
        if labels:
            continue
        a = arrays[name]
        for j in range(a.shape[1]):
            mine = a[:, j].astype(np.float64)
            for key in (_ranks(mine), _ranks(-mine)):
                other = seen.get(key)
                if other is not None and other[0] != name and np.unique(mine).size > 2:
                    raise ValueError(
                        f"column {j} of {name} is a function of column {other[1]} of {other[0]}: their mutual information "
                        "is infinite; drop one of the two or add the measurement noise."
                    )
            seen.setdefault(_ranks(mine), (name, j))


def row_weights(sample_weight: Any, n: int) -> np.ndarray | None:
    """Checked row weights scaled to mean one, or None.

    Raises:
      ValueError: for a wrong length, negative, non-finite or all-zero weights.
    """
    if sample_weight is None:
        return None
    w = np.asarray(sample_weight, np.float64)
    if w.shape != (n,):
        raise ValueError(f"sample_weight has shape {w.shape}: expected one weight per row, ({n},).")
    if not np.isfinite(w).all() or (w < 0).any() or w.sum() == 0:
        raise ValueError("sample_weight must be finite and non-negative with a positive sum; clip or drop the rest.")
    return w / w.mean()


def row_groups(groups: Any, n: int) -> np.ndarray | None:
    """Checked group labels, or None.

    Raises:
      ValueError: for a wrong length.
    """
    if groups is None:
        return None
    g = np.asarray(groups)
    if g.shape != (n,):
        raise ValueError(f"groups has shape {g.shape}: expected one label per row, ({n},).")
    return np.unique(g, return_inverse=True)[1]
