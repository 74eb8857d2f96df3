"""A trained model on the disk: the format, what is written and what is read back."""

from __future__ import annotations

import warnings
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxinfo import inputs, training
from jaxinfo.blocks import Blocks
from jaxinfo.estimators import stored
from jaxinfo.estimators.fitted import Fitted
from jaxinfo.estimators.settings import Settings
from jaxinfo.io import checkpoint
from jaxinfo.options import Options

FORMAT = "jaxinfo-model-7"  # changes with what is stored and with the networks that read it


class OtherFormat(ValueError):
    """A whole checkpoint that is no model of this version."""


class Kept(NamedTuple):
    """All of a trained model but its data.

    Attributes:
      rules: a table of no rows ``[0, D]``: how new rows become coordinates.
      options: those that answers depend on.
      settings: how networks are trained.
      fits: the networks.
      asked: measures named when fitting.
      optimism: measure -> its optimism and that of the Gaussian inside, nats.
      mark: what was trained, in a word.
    """

    rules: inputs.Table
    options: Options
    settings: Settings
    fits: list[Fitted]
    asked: tuple[str, ...]
    optimism: dict[str, list[float]]
    mark: str


def write(directory: str | Path, kept: Kept) -> Path:
    """Write a model; an older one at this place is replaced once the new one is complete.

    Raises:
      ValueError: for a net of one's own, or a directory that holds something else.
    """
    training.check_storable(kept.settings)
    tree, described = stored.pack(kept.fits)
    rules, o = kept.rules, kept.options
    b = rules.blocks
    metadata = {
        "format": FORMAT,
        "mark": kept.mark,
        "blocks": {"sizes": list(b.sizes), "names": list(b.names), "discrete": list(b.discrete)},
        "asked": list(kept.asked),
        "optimism": kept.optimism,
        "settings": asdict(kept.settings),
        "options": {"seed": o.seed, "form": o.form, "sigma": o.sigma, "unit": o.unit},
        "classes": {k: v.tolist() for k, v in rules.classes.items()},
        "kept": {k: v.tolist() for k, v in rules.kept.items()},
        "steps": rules.steps.tolist(),
        "fits": described,
    }
    checkpoint.save(directory, tree or {"empty": np.zeros(1)}, metadata)
    return Path(directory)


def read(directory: str | Path) -> Kept:
    """Read what :func:`write` wrote.

    Raises:
      ValueError: for a missing, damaged or foreign directory, or a model of another version.
    """
    tree, meta = checkpoint.load(directory)
    if meta.get("format") != FORMAT:
        raise OtherFormat(
            f"{directory} holds no model of this version: expected format {FORMAT}, got {meta.get('format')}; fit again."
        )
    blocks = Blocks(*(tuple(meta["blocks"][k]) for k in ("sizes", "names", "discrete")))
    classes, columns = ({k: np.asarray(v) for k, v in meta[name].items()} for name in ("classes", "kept"))
    rules = inputs.Table(np.zeros((0, blocks.dim)), blocks, classes, columns, np.asarray(meta["steps"]), {})
    return Kept(
        rules, Options(**meta["options"]), Settings(**meta["settings"]), stored.unpack(tree, meta["fits"], blocks),
        tuple(meta["asked"]), dict(meta["optimism"]), meta["mark"],
    )  # fmt: skip


def found(directory: Path) -> Kept | None:
    """What an earlier call left there; None when there is nothing, or with a warning when it is damaged.

    Raises:
      ValueError: when something else is in its place, a model of another version say, which is not overwritten.
    """
    directory = checkpoint.standing(directory)
    if not directory.exists():
        return None
    try:
        return read(directory)
    except OtherFormat as error:
        raise ValueError(f"{error} It is not overwritten: move it away, or choose another checkpoint_dir.") from error
    except (ValueError, OSError, KeyError) as error:
        if not checkpoint.replaceable(directory):
            raise ValueError(f"{directory} holds other files; choose another checkpoint_dir.") from error
        warnings.warn(f"{directory} cannot be read ({error}): training again.", UserWarning, stacklevel=4)
        return None
