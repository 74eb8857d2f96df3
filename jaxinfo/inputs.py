"""The public door: turn what people have (arrays, DataFrames, dicts, labels) into packed rows, or say what is wrong."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import stats

from jaxinfo import beside, columns
from jaxinfo.blocks import Blocks

LEAST_ROWS = 50
FAR, LEAST_ORDERED = 5, 100  # rows
ALIKE = 0.6  # an autoregression of 0.5 has 0.53; of a thousand sets of 100 independent draws, one is below 0.64


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
      notes: name -> warnings about this variable in plain words, under "" those about all; repeated as flags of the
        estimates that speak of it.
    """

    x: np.ndarray
    blocks: Blocks
    classes: dict[str, np.ndarray]
    kept: dict[str, np.ndarray]
    steps: np.ndarray
    notes: dict[str, tuple[str, ...]]

    def notes_on(self, variables: Iterable[int]) -> tuple[str, ...]:
        """The notes that an estimate which speaks of these variables repeats."""
        about = {self.blocks.names[i] for i in variables}
        return tuple(note for name, notes in self.notes.items() if not name or name in about for note in notes)


def named(vs: Any) -> dict[str, Any]:
    """Variables by name: dict, DataFrame (a column each; two-level columns group by the first), list, or ``[n, N]``.

    Raises:
      ValueError: for anything else, a name given twice (1 and "1" are the same), or an empty one.
    """
    if hasattr(vs, "data_vars"):  # xarray Dataset
        first = {k: tuple(v.dims)[:1] for k, v in vs.data_vars.items()}
        if len(set(first.values())) > 1:
            raise ValueError(
                f"expected the dimension of the samples first in every variable, got "
                f"{', '.join(f'{k} by {d[0] if d else None}' for k, d in first.items())}; use .transpose(dimension, ...)."
            )
        return _by_text({k: v.values for k, v in vs.data_vars.items()})
    if hasattr(vs, "columns") and hasattr(vs, "iloc"):
        names = list(vs.columns)
        _refuse_twice(names)
        if getattr(vs.columns, "nlevels", 1) > 1:
            names = list(dict.fromkeys(c[0] for c in names))
        return _by_text({c: vs[c] for c in names})
    if isinstance(vs, Mapping):
        return _by_text(vs)
    if isinstance(vs, (list, tuple)):
        return {f"x{i + 1}": v for i, v in enumerate(vs)}
    a = vs if np.ma.isMaskedArray(vs) else np.asarray(vs)
    if a.ndim == 2:
        return {f"x{i + 1}": a[:, i] for i in range(a.shape[1])}
    raise ValueError(
        f"expected a dict name -> array, a list of arrays, a DataFrame or one array (n, N) of scalars; got "
        f"{type(vs).__name__} with shape {a.shape}. For vector variables give a dict or a list."
    )


def _by_text(variables: Mapping[Any, Any]) -> dict[str, Any]:
    """The same variables under their names as text, which measures are asked by."""
    _refuse_twice([str(name).strip() for name in variables])
    if any(not str(name).strip() for name in variables):
        raise ValueError("a variable has an empty name: expected one that measures can be asked by; rename it.")
    return {str(name): v for name, v in variables.items()}


def _refuse_twice(names: Sequence[Any]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(
            f"column {str(twice[0])!r} is named twice: expected names that differ as text, spaces around them aside; "
            "rename or drop one."
        )


def check(
    variables: Mapping[str, Any],
    discrete: Sequence[str] | None = None,
    *,
    least: int = 1,
    seed: int = 0,
    steps: Mapping[str, np.ndarray] | None = None,
) -> Table:
    """Check and pack variables.

    Args:
      variables: name -> array ``(n,)`` or ``(n, d)``, Series, DataFrame or JAX array.
      discrete: names of the variables that are class labels, of at most 256 classes.  None lets the dtype decide:
        booleans, strings, categories, and integer columns with few distinct values are labels.
      least: fewest variables that make sense.
      seed: of the dequantisation.
      steps: name -> ``[d]`` rounding steps that are known, as those of another table of the same variables.

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
        discrete = [str(d) for d in discrete]  # as variables are called
        unknown = [d for d in discrete if d not in variables]
        if unknown:
            raise ValueError(
                f"discrete names {unknown[0]!r}, which is not a variable; they are {', '.join(variables)}."
            )
    arrays = {name: columns.array(name, v) for name, v in variables.items()}
    rows = {name: a.shape[0] for name, a in arrays.items()}
    if len(set(rows.values())) > 1:
        raise ValueError(
            f"rows do not match: {', '.join(f'{k} has {v}' for k, v in rows.items())}; row i of every variable must be "
            "the same sample, so align them first."
        )
    beside.same_index(variables)
    n = next(iter(rows.values()))
    if n == 0:
        raise ValueError("the data are empty: expected at least 50 rows, got 0.")
    if n < LEAST_ROWS:
        wide = max(len(arrays), *(a.shape[1] for a in arrays.values())) >= LEAST_ROWS
        advice = "rows and columns may be exchanged: give .T" if wide else "collect more samples"
        raise ValueError(f"too few rows: expected at least {LEAST_ROWS}, got {n}; {advice}.")
    notes: dict[str, tuple[str, ...]] = {}
    classes, kept, packed, found, is_discrete = {}, {}, [], [], []
    for name, a in arrays.items():
        said: list[str] = []
        labels = name in discrete if discrete is not None else columns.looks_discrete(name, a, said)
        is_discrete.append(labels)
        if labels:
            codes, classes[name] = columns.codes(name, a)
            rare = columns.rare_class(name, np.bincount(codes), classes[name])
            said += [] if rare is None else [rare]
            kept[name] = np.arange(1)
            packed.append(np.eye(classes[name].size)[codes])
            found += [0.0] * classes[name].size
        else:
            rng = np.random.default_rng([seed, len(packed)])
            part, keep, step = columns.coordinates(name, a, said, rng, None if steps is None else steps[name])
            kept[name] = keep
            packed.append(part)
            found += list(step)
        notes[name] = tuple(said)
    _across(arrays, is_discrete, list(variables))
    x = np.concatenate(packed, 1)
    blocks = Blocks(tuple(p.shape[1] for p in packed), tuple(variables), tuple(is_discrete))
    if n < 10 * blocks.dim:
        notes[""] = (
            f"too few rows: {n} rows for {blocks.dim} coordinates; at least {10 * blocks.dim} are advisable, so reduce "
            "the dimension or read the error bars as optimistic",
        )
    table = Table(x, blocks, classes, kept, np.asarray(found), notes)
    for note in table.notes_on(range(blocks.num_variables)):
        warnings.warn(note, InputWarning, stacklevel=3)
    return table


def told_of_order(table: Table) -> Table:
    """The table, with a note where rows follow one another, as in a time series: two variables or more whose neighbouring
    rows are ALIKE.

    Of rows that are draws in any order, neighbours differ as much as rows FAR apart: γ(1) / γ(FAR) = 1 for the variogram
    γ(k) = mean (r_{i+k} − r_i)² of ranks.  So they do in tables sorted by labels, or by one variable, which is why it takes
    two that are smooth, not both of them labels.  What it does not see: slow drifts under more noise than drift, and
    oscillations as short as FAR.  Of one lag and against the variance, γ(1) is von Neumann's ratio (Ann. Math. Stat. 12, 1941).

    Args:
      table: checked rows ``[n, D]`` in the order they came; fewer than LEAST_ORDERED are not judged.
    """
    b = table.blocks
    ratios = [_roughness(table.x[:, s], labels) for s, labels in zip(b.slices, b.discrete)]
    smooth = [i for i, ratio in enumerate(ratios) if ratio < ALIKE]
    if len(table.x) < LEAST_ORDERED or len(smooth) < 2 or all(b.discrete[i] for i in smooth):
        return table
    said = [b.names[i] for i in smooth]
    note = (
        f"rows follow one another: neighbouring rows of {', '.join(said[:3])}{' and others' * (len(said) > 3)} are alike "
        f"(they differ {min(ratios):.2f} times as much as rows {FAR} apart), while errors, held-out rows and p-values take "
        "every row for a draw of its own, so that information may be found where there is none; give groups= (trials, or "
        "stretches of rows much longer than the memory, as in groups=np.arange(n) // 200)"
    )
    warnings.warn(note, InputWarning, stacklevel=3)
    return replace(table, notes=table.notes | {"": (*table.notes.get("", ()), note)})


def _roughness(x: np.ndarray, labels: bool) -> float:
    """γ(1) / γ(FAR) of ``x [n, d]``, summed over coordinates; 1 where nothing changes."""
    r = x if labels else stats.rankdata(x, axis=0)
    near, far = (np.mean((r[k:] - r[:-k]) ** 2) for k in (1, FAR))
    return float(near / far) if far > 0.0 else 1.0


def apply(table: Table, variables: Mapping[str, Any], seed: int = 1, only: Sequence[str] | None = None) -> np.ndarray:
    """Pack new rows of the same variables as ``table``, or of ``only`` some of them with zeros for the rest: ``[m, D]``.

    Raises:
      ValueError: when variables, columns or classes differ from those fitted, or values are missing.
    """
    names = table.blocks.names
    wanted = names if only is None else tuple(only)
    beside.same_index(variables)
    if set(variables) != set(wanted):
        raise ValueError(f"new rows must have the variables {', '.join(wanted)}, got {', '.join(map(str, variables))}.")
    arrays = {name: columns.array(name, v) for name, v in variables.items()}
    rng, out = np.random.default_rng(seed), []
    for name, size in zip(names, table.blocks.sizes):
        if name not in wanted:
            out.append(np.zeros((len(next(iter(arrays.values()))), size)))
            continue
        a = arrays[name]
        if name in table.classes:
            flat, known = columns.label_column(name, a), table.classes[name]
            out.append(np.eye(known.size)[columns.known_classes(name, flat, known)])
            continue
        a = _as_fitted(name, columns.numbers(name, a), table.kept[name])
        step = table.steps[table.blocks.slices[table.blocks.index(name)]]
        out.append(a + step * rng.uniform(-0.5, 0.5, a.shape))
    if len({o.shape[0] for o in out}) > 1:
        raise ValueError("rows do not match: row i of every variable must be the same sample.")
    if not len(out[0]):
        raise ValueError("the new rows are empty: expected at least one, got 0.")
    return np.concatenate(out, 1)


def _as_fitted(name: str, a: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """The columns ``kept`` of new rows ``a [m, d]``; any beyond them must copy one of them, as those dropped did."""
    if a.shape[1] <= kept.max():
        raise ValueError(f"{name} has {a.shape[1]} columns; the fit had more, give the same columns.")
    for j in range(kept.max() + 1, a.shape[1]):
        if not (a[:, kept] == a[:, [j]]).all(0).any():
            raise ValueError(
                f"{name} has {a.shape[1]} columns, and column {j} is none of the {kept.size} fitted nor a copy of one: "
                "give the same columns."
            )
    return a[:, kept]


def _across(arrays: Mapping[str, np.ndarray], is_discrete: Sequence[bool], names: Sequence[str]) -> None:
    """Refuse a column that is an increasing (or decreasing) function of a column of another variable."""
    seen: dict[bytes, tuple[str, int]] = {}
    for name, labels in zip(names, is_discrete):
        if labels:
            continue
        a = arrays[name]
        for j in range(a.shape[1]):
            rank = columns.ranks(a[:, j].astype(np.float64))
            most = rank.max()
            mine = columns.digest(rank)
            for key in (mine, columns.digest(most - rank)):
                other = seen.get(key)
                if other is not None and other[0] != name and most > 1:
                    raise ValueError(
                        f"column {j} of {name} is a function of column {other[1]} of {other[0]}: their mutual information "
                        "is all that either holds, infinite if they are continuous; drop one of the two or add the "
                        "measurement noise."
                    )
            seen.setdefault(mine, (name, j))
