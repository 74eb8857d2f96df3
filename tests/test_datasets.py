"""Real data sets through small files of their formats: read right, measured whole; the real files when they are there."""

import os
from pathlib import Path

import numpy as np
import pytest
from ml_collections import ConfigDict

from experiments.datasets import allen, lifespan, made, mfeat, null, sachs, steinmetz, studies, tcga, trials

TINY = {"budget": "quick", "steps": 40, "width": 16, "num_mc": 2, "checks": 2}
AGAIN = TINY | {"null": 2, "bootstrap": 2}
DIRECTORY = os.environ.get("JAXINFO_DATA", "")


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    pytest.importorskip("h5py")
    return made.write(tmp_path_factory.mktemp("made"), studies.STUDIES)


def test_spikes_are_averaged_over_an_area_and_summed_over_time(directory):
    path = directory / steinmetz.FILE
    session = steinmetz.read(path, "s10", ("VISp", "VISl", "VISrl"))
    with np.load(path) as z:
        spikes = z["s10_spikes"][:12].astype(float)
    assert session.counts["VISp"] == pytest.approx(spikes.mean(0))
    assert trials.coarser(session.counts["VISp"], 5)[:, 1] == pytest.approx(spikes.mean(0)[:, 5:].sum(1))
    assert list(np.unique(session.condition)) == ["grating", "grey"]
    for wrong in ({"session": "s99"}, {"areas": ("CA1",)}):
        with pytest.raises(ValueError, match="expected one of"):
            steinmetz.read(path, **({"session": "s10", "areas": ("VISp",)} | wrong))


def test_flashes_of_an_nwb_file(directory):
    """Kept: changes, and the 4th to 10th repeats; not omissions, the flash after one, nor flashes with a lick."""
    session = allen.read(directory / "made.nwb", least=2)
    position = np.arange(800) % 10
    licked = np.isin(np.arange(800), np.arange(3, 800, 40))
    kept = ((position == 0) | (position >= 4)) & (position != 5) & (position != 6) & ~licked
    assert session.counts["VISp"].shape == (kept.sum(), 250)
    assert (session.condition == "change").sum() == (kept & (position == 0)).sum()
    total = sum(c.sum() for c in session.counts.values()) / kept.sum() / len(session.counts)
    assert total == pytest.approx(2.0 * 4.0, rel=0.2)  # spikes per unit and flash: twice the drive, whose mean is 4
    with pytest.raises(ValueError, match="at least 20 good units"):
        allen.read(directory / "made.nwb")


def test_subjects_stay_apart_and_padding_is_left_out(directory):
    vs, age, subject = lifespan.read(directory / lifespan.FILE, 4)
    assert len(age) == 12 * 40 - 5 and np.isfinite(vs["m4"]).all()
    assert np.bincount(subject)[0] == 35
    each = [vs["m1"][subject == s] for s in range(12)]
    assert [e.mean() for e in each] == pytest.approx(np.zeros(12), abs=1e-9)
    assert [e.std() for e in each] == pytest.approx(np.ones(12))
    with pytest.raises(ValueError, match="between 3 and the 4"):
        lifespan.read(directory / lifespan.FILE, 10)


def test_views_are_reduced_to_standardised_components(directory):
    omics, subtype = tcga.read(directory / tcga.FILE, 2)
    assert {v.shape for v in omics.values()} == {(90, 2)} and set(subtype) == {"Basal", "LumA"}
    views, label = mfeat.read(directory / mfeat.FILE, 2, noise=1.0, seed=0)
    assert len(views) == 6 and len(label) == 200
    assert views["fou"].var(0) == pytest.approx(2.0, rel=0.2)  # components of variance 1 and as much noise


def test_proteins_and_their_edges(directory):
    vs, edges = sachs.read(directory / sachs.FILE)
    assert list(vs) == ["raf", "mek", "erk", "akt"] and edges[0] == ("raf", "mek")
    assert len(sachs.read(directory / sachs.FILE, "pma")[0]["raf"]) == 150
    with pytest.raises(ValueError, match="expected one of"):
        sachs.read(directory / sachs.FILE, "none")


def test_a_missing_file_is_said_and_left_out(tmp_path, capsys):
    config = ConfigDict({"sachs": {"options": {}, "seeds": 1, "conditions": ()}})
    assert studies.cells(config, tmp_path) == []
    assert "sachs.npz is not there" in capsys.readouterr().out


def test_every_study_is_asked_for_without_its_file():
    config = ConfigDict({study: settings | {"seeds": 2} for study, settings in STUDIES.items()})
    without = studies.asked(config)
    assert {c["study"] for c in without} == set(studies.STUDIES) - {"allen"}  # whose sessions only the user knows
    more = [c for c in studies.asked(config, ["s1", "s1"]) if c not in without]
    assert {(c["study"], c["session"]) for c in more} == {("allen", "s1")} and len(more) == 2 * 2 * len(allen.SYSTEMS)


def test_nulls_take_the_quick_budget_and_stand_beside_their_measures(monkeypatch):
    import jaxinfo as ji

    called = []

    class Found:
        def rows(self):
            return [{"measure": "total_correlation", "p_value": 0.05}]

    monkeypatch.setattr(ji, "estimate", lambda vs, measures, **options: called.append(options) or Found())
    assert null.tested({}, null.SYSTEM, 0, 0, {}) == [] and not called
    found = null.tested({}, null.SYSTEM, 19, 3, {"width": 8}, groups="subjects")
    assert called == [
        {"null": 19, "seed": 3, "discrete": (), "progress": False, "budget": "quick", "width": 8, "groups": "subjects"}
    ]
    rows = null.beside([{"measure": "total_correlation", "value": 1.0}, {"measure": "o_information"}], found)
    assert [row["p_value"] for row in rows] == [0.05, None] and rows[0]["value"] == 1.0


STUDIES = {
    "steinmetz": {"options": AGAIN, "window_s": 0.05, "steps_s": (0.05,), "systems": 1},
    "allen": {"options": AGAIN, "window_s": 0.125, "steps_s": (0.125,), "least": 2},
    "sachs": {"options": TINY | {"null": 2}, "conditions": ()},
    "lifespan": {"options": TINY | {"null": 2}, "modules": (3,)},
    "tcga": {"options": AGAIN, "dims": (2,)},
    "mfeat": {"options": TINY | {"null": 2}, "dims": (2,), "noises": (1.0,)},
}


@pytest.mark.slow
@pytest.mark.parametrize("study", STUDIES)
def test_every_study_ends_in_rows(study, directory):
    cells = studies.cells(ConfigDict({study: STUDIES[study] | {"seeds": 1}}), directory)
    record = studies.measure(cells[0])
    assert "path" not in record and record["file"]
    for row in record["rows"]:
        assert np.isfinite([row["value"], row["stderr"]]).all()
    if "bootstrap" in STUDIES[study]["options"]:
        assert record["rows"][0]["bootstrap_stderr"] > 0
    tested = [row for row in record["rows"] if row.get("p_value") is not None and "slope" not in row["measure"]]
    assert tested and all(0 < row["p_value"] <= 1 for row in tested)


@pytest.mark.skipif(not DIRECTORY, reason="JAXINFO_DATA names no directory of the real files")
def test_the_real_files_can_be_read():
    directory = Path(DIRECTORY)
    for session, areas in steinmetz.SYSTEMS:
        found = steinmetz.read(directory / steinmetz.FILE, session, areas)
        assert {v.shape for v in found.counts.values()} == {(found.condition.size, 40)}
    assert len(sachs.read(directory / sachs.FILE)[0]) == 11
    assert len(lifespan.read(directory / lifespan.FILE, 20)[0]) == 20
    assert tcga.read(directory / tcga.FILE, 2)[0]["mrna"].shape == (150, 2)
    assert mfeat.read(directory / mfeat.FILE, 8, 0.3, 0)[0]["mor"].shape == (2000, 6)
