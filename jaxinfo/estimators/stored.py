"""Fits as a tree of arrays and plain words, and back: what a checkpoint can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from jaxinfo import preprocess
from jaxinfo.blocks import Blocks
from jaxinfo.estimators.fitted import Fitted
from jaxinfo.estimators.settings import Settings
from jaxinfo.estimators.splits import Split


def pack(fits: Sequence[Fitted]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Arrays by name, and what else there is as JSON, one entry per fit."""
    tree: dict[str, Any] = {}
    described = []
    for k, f in enumerate(fits):
        tree[f"fit{k}"] = {
            "params": f.params, "means": f.means, "covs": f.covs, "focus": f.focus, "calibration": f.calibration,
            "density": f.density, "history": dict(f.history), "splits": [list(split) for split in f.splits],
        }  # fmt: skip
        described.append(
            {
                "views": [list(v) for v in f.views],
                "laws": list(f.laws),
                "hi": f.hi,
                "settings": asdict(f.settings),
                "transforms": [preprocess.to_plain(t) for t in f.transforms],
            }
        )
    return tree, described


def unpack(tree: Mapping[str, Any], described: Sequence[Mapping[str, Any]], blocks: Blocks) -> list[Fitted]:
    """The inverse of :func:`pack`."""
    fits = []
    for k, words in enumerate(described):
        part = tree[f"fit{k}"]
        fits.append(
            Fitted(
                blocks=blocks,
                settings=Settings(**words["settings"]),
                views=tuple(tuple(v) for v in words["views"]),
                splits=tuple(Split(*rows) for rows in part["splits"]),
                transforms=tuple(preprocess.from_plain(t) for t in words["transforms"]),
                laws=tuple(words["laws"]),
                means=part["means"],
                covs=part["covs"],
                focus=part["focus"],
                params=part["params"],
                calibration=part["calibration"],
                density=part["density"],
                hi=words["hi"],
                history=dict(part["history"]),
            )
        )
    return fits
