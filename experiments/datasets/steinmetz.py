"""Neuropixels recordings of Steinmetz et al. (Nature 576, 266, 2019): visual areas of a mouse that looks at gratings.

The file holds, per session ``sNN``: ``sNN_spikes`` ``[unit, trial, bin]`` counts from stimulus onset, ``sNN_area`` ``[unit]``,
``sNN_contrast`` ``[trial, 2]`` (left, right), and ``bin_seconds``.  Windows and averaging follow thesis C.3.4.
"""

from pathlib import Path

import numpy as np

from experiments.datasets import trials

FILE = "steinmetz_spikes.npz"
CONTRAST = trials.Contrast("grating", "grey", larger="grating")
SYSTEMS = (("s10", ("VISp", "VISl", "VISrl")),)  # the session with three visual areas


def read(path, session: str, areas) -> trials.Trials:
    """One session; a trial's condition is whether a grating was shown.

    Raises:
      ValueError: for a session or area that the file lacks.
    """
    with np.load(path) as z:
        if f"{session}_spikes" not in z:
            known = ", ".join(sorted(k.removesuffix("_spikes") for k in z if k.endswith("_spikes")))
            raise ValueError(f"{path} has no session {session!r}; expected one of {known}.")
        spikes, area, contrast = (z[f"{session}_{k}"] for k in ("spikes", "area", "contrast"))
        bin_s = float(z["bin_seconds"])
    missing = [a for a in areas if a not in area]
    if missing:
        raise ValueError(f"session {session} has no area {missing[0]}; expected one of {', '.join(np.unique(area))}.")
    counts = {a: spikes[area == a].mean(0, dtype=np.float64) for a in areas}
    return trials.Trials(counts, np.where(contrast.max(1) > 0, CONTRAST.of, CONTRAST.against), bin_s)


def cells(config, path: Path) -> list[dict]:
    """Those of the session with three areas."""
    return of_systems(config, SYSTEMS)


def of_systems(config, systems) -> list[dict]:
    """Every session with its areas, step of the counts and condition."""
    return [
        {"session": session, "areas": list(areas), "step_s": step, "window_s": config.window_s, "long": True} | which
        for session, areas in systems
        for step in config.steps_s
        for which in CONTRAST.cells(again=step in config.again_steps_s)
    ]


def measure(cell: dict, place: Path | None = None) -> list[dict]:
    """The windows of one cell."""
    return trials.windows(read(cell["path"], cell["session"], cell["areas"]), cell, place)
