"""Small files in the formats of the real data sets, made from hidden causes: what tests and the smoke run read."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments.datasets import allen, lifespan, mfeat, pairs, sachs, steinmetz, tcga

TRIALS, GREY, BINS = 160, 60, 10


def write(directory: Path, studies: Sequence[str]) -> Path:
    """A file for each of these data sets; returns the directory."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    of = {
        "steinmetz": (_spikes, steinmetz.FILE),
        "pairs": (_spikes, pairs.FILE),
        "allen": (_session, "made.nwb"),
        "sachs": (_cells, sachs.FILE),
        "lifespan": (_bold, lifespan.FILE),
        "tcga": (_omics, tcga.FILE),
        "mfeat": (_digits, mfeat.FILE),
    }
    for study in studies:
        make, file = of[study]
        make(directory / file, np.random.default_rng(0))
    return directory


def _spikes(path, rng):
    systems = steinmetz.SYSTEMS + pairs.SYSTEMS
    arrays = {"bin_seconds": np.float64(0.01), "session_tags": np.unique([s for s, _ in systems])}
    for session, areas in systems:
        area = np.repeat(areas, 12)
        drive = rng.gamma(4.0, size=(1, TRIALS, 1))  # shared by all areas of a trial
        arrays |= {
            f"{session}_spikes": rng.poisson(0.05 * drive, size=(area.size, TRIALS, BINS)).astype(np.uint8),
            f"{session}_area": area,
            f"{session}_contrast": np.repeat([[0.5, 0.0], [0.0, 0.0]], [TRIALS - GREY, GREY], 0).astype(np.float32),
        }
    np.savez(path, **arrays)


def _session(path, rng):
    import h5py

    flashes, units = 800, 2 * len(allen.AREAS)
    start = 10.0 + 0.75 * np.arange(flashes)
    change = np.arange(flashes) % 10 == 0
    area = np.tile(allen.AREAS, 2)
    drive = rng.gamma(4.0, size=flashes)
    burst = lambda: np.sort(np.concatenate([t + 0.25 * rng.random(rng.poisson(2.0 * d)) for t, d in zip(start, drive)]))
    trains = [burst() for _ in range(units)]
    with h5py.File(path, "w") as f:
        f["units/spike_times"], f["units/spike_times_index"] = (
            np.concatenate(trains),
            np.cumsum([t.size for t in trains]),
        )
        f["units/peak_channel_id"] = np.arange(units)
        f["units/snr"], f["units/isi_violations"] = np.full(units, 2.0), np.zeros(units)
        f["units/quality"] = np.asarray(["good"] * units, "S")
        f["general/extracellular_ephys/electrodes/id"] = np.arange(units)
        f["general/extracellular_ephys/electrodes/location"] = area.astype("S")
        table = f.create_group("intervals/images_presentations")
        table["start_time"], table["is_change"] = start, change
        table["omitted"], table["active"] = np.arange(flashes) % 10 == 5, np.ones(flashes, bool)
        table["flashes_since_change"] = np.arange(flashes) % 10
        other = f.create_group("intervals/gabors_presentations")  # a stimulus without changes lacks columns
        other["start_time"], other["is_change"] = 0.1 * np.arange(40), np.zeros(40, bool)
        other["active"], other["orientation"] = np.zeros(40, bool), np.zeros(40)
        f["processing/licking/licks/timestamps"] = start[3::40] + 0.1
        f["processing/rewards/volume/timestamps"] = np.arange(0.0, 630.0, 15.0)


def _cells(path, rng):
    n, names = 300, np.asarray(["raf", "mek", "erk", "akt"])
    x = np.exp(np.cumsum(rng.normal(size=(n, 4)), 1))  # a chain
    np.savez(
        path, X=x, variables=names, condition=np.arange(n) % 2, condition_names=np.asarray(["cd3_cd28", "pma"]),
        consensus_edges=np.asarray([[0, 1], [1, 2], [2, 3]], np.int8),
    )  # fmt: skip


def _bold(path, rng):
    subjects, modules, times = 12, 4, 40
    age = np.linspace(10.0, 80.0, subjects)
    shared = rng.normal(size=(subjects, 1, times))
    bold = (age / 80.0)[:, None, None] * shared + 0.5 * rng.normal(size=(subjects, modules, times))
    length = np.full(subjects, times, np.int16)
    length[0], bold[0, :, times - 5 :] = times - 5, np.nan
    np.savez(path, bold=bold, length=length, age=age)


def _omics(path, rng):
    n, hidden = 90, rng.normal(size=(90, 3))
    view = lambda d: hidden @ rng.normal(size=(3, d)) + rng.normal(size=(n, d))
    np.savez(
        path, train_mrna=view(20), train_mirna=view(15), train_protein=view(10),
        train_subtype=(hidden[:, 0] > 0).astype(np.uint8), subtype_names=np.asarray(["Basal", "LumA"]),
    )  # fmt: skip


def _digits(path, rng):
    n, hidden = 200, rng.normal(size=(200, 4))
    views = {name: hidden @ rng.normal(size=(4, 6)) + 0.1 * rng.normal(size=(n, 6)) for name in mfeat.VIEWS}
    np.savez(path, label=(hidden[:, 0] > 0).astype(np.uint8), **views)
