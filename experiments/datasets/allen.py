"""Visual Behavior Neuropixels of the Allen Institute (2022) in its own NWB files, one per session, by thesis C.3.4.

Read are: ``units`` (spike times, ``peak_channel_id``, ``snr``, ``isi_violations``, ``quality``), the electrodes' ``id`` and
``location``, the tables ``intervals/*_presentations`` that tell of changes, and the times of licks and rewards.  A file comes
from ``VisualBehaviorNeuropixelsProjectCache`` of the AllenSDK, or from the bucket it names.
"""

from pathlib import Path

import numpy as np

from experiments.datasets import trials

FILE = "*.nwb"
AREAS = ("VISp", "VISl", "VISal", "VISrl", "VISam", "VISpm")
SYSTEMS = (AREAS[:3], AREAS)
UNITS = 20  # fewest in every one of AREAS
CONTRAST = trials.Contrast("change", "no change", larger="no change")
COLUMNS = ("is_change", "omitted", "active", "flashes_since_change")  # of a table that tells of changes
FLASH_S, BIN_S = 0.25, 0.001
REPEATS = (4, 10)  # flashes since the change, for those that count as no change
ENGAGED = 2.0  # rewards per minute
AROUND_S = 60.0  # over which they are counted


def read(path, areas=AREAS) -> trials.Trials:
    """Flashes of one session; a trial's condition is "change" or "no change".

    Kept are units with a signal-to-noise ratio of at least 1 and fewer than 1 violation of the refractory period, and
    flashes while the animal was engaged (2 rewards a minute around them), not omitted nor after an omission, without a
    lick while they lasted.

    Raises:
      ValueError: when the file tells of no changes.
    """
    with _opened(path) as f:
        spikes = {area: _spikes(f, units) for area, units in _units(f, areas).items()}
        start, condition = _flashes(f, path)
    edges = np.arange(round(FLASH_S / BIN_S) + 1) * BIN_S
    counts = {area: np.mean([_binned(times, start, edges) for times in units], 0) for area, units in spikes.items()}
    return trials.Trials(counts, condition, BIN_S)


def lacking(path, least: int = UNITS) -> str:
    """Why a session is not measured, in a few words: units of an area or trials of a condition that it lacks; or nothing."""
    from jaxinfo.inputs import LEAST_ROWS

    try:
        with _opened(path) as f:
            units = {f"units in {area}": len(u) for area, u in _units(f, AREAS).items()}
            condition = _flashes(f, path)[1]
    except (ValueError, KeyError, OSError) as error:
        return f"cannot be read: {error}"
    found = {f"trials of {c}": int((condition == c).sum()) for c in (CONTRAST.of, CONTRAST.against)}
    few = [f"{n} {what}" for what, n in units.items() if n < least]
    return ", ".join(few + [f"{n} {what}" for what, n in found.items() if n < LEAST_ROWS])


def _opened(path):
    """The file, open for reading."""
    try:
        import h5py
    except ImportError as error:
        raise ImportError('NWB files are read with h5py: pip install "jaxinfo[recordings]".') from error
    return h5py.File(path)


def _units(f, areas) -> dict[str, np.ndarray]:
    """Numbers of the good units of each area."""
    units, electrodes = f["units"], f["general/extracellular_ephys/electrodes"]
    location = dict(zip(electrodes["id"][:].tolist(), electrodes["location"].asstr()[:]))
    good = (units["snr"][:] >= 1.0) & (units["isi_violations"][:] < 1.0) & (units["quality"].asstr()[:] == "good")
    area = np.asarray([location[c] for c in units["peak_channel_id"][:].tolist()])
    return {a: np.flatnonzero(good & (area == a)) for a in areas}


def _spikes(f, numbers: np.ndarray) -> list[np.ndarray]:
    """Spike times of these units."""
    units = f["units"]
    ends = units["spike_times_index"][:]
    begins = np.concatenate([[0], ends[:-1]])
    return [units["spike_times"][begins[u] : ends[u]] for u in numbers]


def _flashes(f, path) -> tuple[np.ndarray, np.ndarray]:
    """Start of each flash kept, and its condition.

    There is a table for each kind of stimulus, without the columns that say nothing of it.
    """
    tables = [t for name, t in f["intervals"].items() if name.endswith("_presentations") and set(COLUMNS) <= set(t)]
    if not tables:
        raise ValueError(f"{path}: no table of presentations tells of changes; expected a Visual Behavior session.")
    column = lambda name: np.concatenate([t[name][:] for t in tables])
    start = column("start_time")
    order = np.argsort(start)
    start = start[order]
    change, omitted, active = (column(k)[order].astype(bool) for k in ("is_change", "omitted", "active"))
    since = column("flashes_since_change")[order]
    licks, rewards = f["processing/licking/licks/timestamps"][:], f["processing/rewards/volume/timestamps"][:]
    within = lambda times, a, b: np.searchsorted(np.sort(times), b) - np.searchsorted(np.sort(times), a)
    engaged = within(rewards, start - AROUND_S / 2, start + AROUND_S / 2) >= ENGAGED * AROUND_S / 60.0
    after_omission = np.concatenate([[False], omitted[:-1]])
    kept = active & engaged & ~omitted & ~after_omission & (within(licks, start, start + FLASH_S) == 0)
    repeated = ~change & (since >= REPEATS[0]) & (since <= REPEATS[1])
    kept &= change | repeated
    return start[kept], np.where(change[kept], CONTRAST.of, CONTRAST.against)


def _binned(times: np.ndarray, start: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Counts of sorted spike times in bins after each start: ``[trials, bins]``."""
    return np.diff(np.searchsorted(times, start[:, None] + edges), axis=1)


def cells(config, path: Path) -> list[dict]:
    """Those of every file that lacks nothing; the others are said and left out."""
    whole = []
    for file in sorted(path.parent.glob(path.name)):
        why = lacking(file, config.get("least", UNITS))
        if why:
            print(f"left out: {file.name} ({why})", flush=True)
        else:
            whole.append(file)
    return of_files(config, whole)


def of_files(config, files: list[Path]) -> list[dict]:
    """Every file, system of areas, step and condition."""
    return [
        {"session": file.stem, "path": str(file), "areas": list(areas), "step_s": step, "window_s": config.window_s,
         "least": config.get("least", UNITS), "long": True} | which
        for file in files
        for areas in SYSTEMS
        for step in config.steps_s
        for which in CONTRAST.cells(again=step in config.again_steps_s)
    ]  # fmt: skip


def measure(cell: dict, place: Path | None = None) -> list[dict]:
    """The windows of one cell."""
    return trials.windows(read(cell["path"], cell["areas"]), cell, place)
