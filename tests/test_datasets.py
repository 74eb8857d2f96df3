"""Real data sets through small files of their formats: read right, measured whole; the real files when they are there."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from ml_collections import ConfigDict

from experiments.datasets import allen, calls, lifespan, made, mfeat, pairs, sachs, steinmetz, studies, tcga, trials
from jaxinfo.bench import systems
from jaxinfo.inputs import LEAST_ROWS
from jaxinfo.types import Estimate

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


def test_conditions_are_compared_on_equally_many_trials():
    """Of the larger condition as many are drawn as the other has, by the seed, never one twice."""
    condition = np.asarray(["grating", "grating", "grey"] * 40)
    wanted = steinmetz.CONTRAST.cells()
    assert [(c["condition"], c["matched"]) for c in wanted] == [("grating", False), ("grey", False), ("grating", True)]
    assert steinmetz.CONTRAST.compared() == (("grating", True), ("grey", False))
    assert allen.CONTRAST.compared() == (("change", False), ("no change", True))
    whole = trials.chosen(condition, "grating", False, 0)
    drawn = trials.chosen(condition, "grating", True, 0)
    assert len(whole) == 80 and len(np.unique(drawn)) == 40 and set(drawn) < set(whole)
    assert (trials.chosen(condition, "grating", True, 0) == drawn).all()
    assert (trials.chosen(condition, "grating", True, 1) != drawn).any()
    assert (trials.chosen(condition, "grey", True, 0) == trials.chosen(condition, "grey", False, 0)).all()


def test_windows_that_cannot_be_measured_like_the_others_are_left_out():
    counts = np.random.default_rng(0).poisson(3.0, size=(60, 9)).astype(float)
    whole = {"a": counts, "b": counts[:, ::-1].copy()}
    assert trials.measurable(whole, 2).tolist() == [True] * 8
    silent, same = counts.copy(), counts.copy()
    silent[:, 3] = 0.0
    same[:, 5] = same[:, 4]
    assert trials.measurable({"a": silent, "b": same}, 2).tolist() == [True] * 2 + [False] * 4 + [True] * 2
    assert trials.measurable({"a": silent, "b": same}, 1).tolist() == [True] * 3 + [False] + [True] * 5


def test_flashes_of_an_nwb_file(directory):
    """Kept: changes, and the 4th to 10th repeats; not omissions, the flash after one, nor flashes with a lick.

    The file has a second table, of another stimulus, whose columns do not speak of changes.
    """
    session = allen.read(directory / "made.nwb")
    position = np.arange(800) % 10
    licked = np.isin(np.arange(800), np.arange(3, 800, 40))
    kept = ((position == 0) | (position >= 4)) & (position != 5) & (position != 6) & ~licked
    assert session.counts["VISp"].shape == (kept.sum(), 250)
    assert (session.condition == "change").sum() == (kept & (position == 0)).sum()
    total = sum(c.sum() for c in session.counts.values()) / kept.sum() / len(session.counts)
    assert total == pytest.approx(2.0 * 4.0, rel=0.2)  # spikes per unit and flash: twice the drive, whose mean is 4


def test_sessions_that_lack_units_or_trials_are_named_and_left_out(directory, tmp_path, capsys):
    import h5py

    config = ConfigDict({"window_s": 0.125, "steps_s": (0.125,), "again_steps_s": (), "least": 2})
    shutil.copy(directory / "made.nwb", tmp_path / "whole.nwb")
    shutil.copy(directory / "made.nwb", tmp_path / "few.nwb")
    with h5py.File(tmp_path / "few.nwb", "a") as f:  # one unit of an area that the smaller system does not hold
        f["units/quality"][allen.AREAS.index("VISpm")] = b"noise"
        f["processing/rewards/volume/timestamps"][5:] = 1e6  # engaged at the beginning only
    (tmp_path / "torn.nwb").write_bytes(b"not a file")
    found = allen.cells(config, tmp_path / "*.nwb")
    assert {c["session"] for c in found} == {"whole"} and len(found) == len(allen.SYSTEMS) * 3
    said = capsys.readouterr().out
    assert "left out: few.nwb (1 units in VISpm, " in said and "trials of change" in said
    assert "left out: torn.nwb (cannot be read" in said and "whole" not in said
    config.least = 3
    assert allen.cells(config, tmp_path / "whole.nwb") == []
    assert f"2 units in {allen.AREAS[0]}" in capsys.readouterr().out


def test_subjects_stay_apart_and_padding_is_left_out(directory, monkeypatch):
    vs, age, subject = lifespan.read(directory / lifespan.FILE, 4)
    assert len(age) == 12 * 40 - 5 and np.isfinite(vs["m4"]).all()
    assert np.bincount(subject)[0] == 35
    each = [vs["m1"][subject == s] for s in range(12)]
    assert [e.mean() for e in each] == pytest.approx(np.zeros(12), abs=1e-9)
    assert [e.std() for e in each] == pytest.approx(np.ones(12))
    monkeypatch.setattr(lifespan, "LENGTH", 30)  # all to the same number of samples
    assert np.bincount(lifespan.read(directory / lifespan.FILE, 4)[2]).tolist() == [30] * 12
    with pytest.raises(ValueError, match="between 3 and the 4"):
        lifespan.read(directory / lifespan.FILE, 10)


def test_a_gaussian_of_an_age_reads_each_subject_by_the_others():
    """Of subjects that share one law it is that law's O-information, whatever their age; of one that has another, another."""
    rng, cov = np.random.default_rng(0), systems.redundant_cov(3, 0.6)
    x = rng.multivariate_normal(np.zeros(3), cov, 12 * 4_000)
    subject, age = np.repeat(np.arange(12), 4_000), np.linspace(10.0, 80.0, 12)
    found = lifespan.by_age(dict(zip("abc", x.T)), age, subject)
    truth = systems.gaussian_measures(cov, (1, 1, 1))["o_information"]
    assert found == pytest.approx(np.full(12, truth), abs=0.05)
    x[subject == 5] = rng.standard_normal((4_000, 3))
    assert lifespan.by_age(dict(zip("abc", x.T)), age, subject)[5] < truth - 0.1


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
    assert {(c["study"], c["session"]) for c in more} == {("allen", "s1")} and len(more) == 2 * 3 * len(allen.SYSTEMS)


class Found(dict):
    """What the front door returns, without networks."""

    def __init__(self, measures):
        super().__init__(
            {m: Estimate(1.0, 0.1, diagnostics={"gap": 0.9, "flags": ("some flag: of it",)}) for m in measures}
        )

    def rows(self):
        return [{"measure": m, "value": 1.0, "p_value": 0.05} for m in self]


def test_nulls_take_a_small_budget_and_stand_beside_their_measures(monkeypatch):
    import jaxinfo as ji

    called = []
    monkeypatch.setattr(
        ji, "estimate", lambda vs, measures, **options: called.append((measures, options)) or Found(measures)
    )
    cell = {"seed": 3, "options": {"width": 8, "steps": 9_000, "null": 19, "bootstrap": 4}}
    asked = ("total_correlation", "o_information", "o_information_gradient")
    rows = calls.told({}, asked, cell, None, "system", groups="subjects")
    shared = {"seed": 3, "discrete": (), "progress": False, "width": 8, "groups": "subjects"}
    assert called == [
        (asked, shared | {"steps": 9_000, "bootstrap": 4}),
        (("total_correlation",), shared | calls.NULL | {"null": 19}),
    ]
    assert [row["p_value"] for row in rows] == [0.05, None, None] and rows[0]["flags"] == ["some flag: of it"]
    assert rows[0]["tested"] == 0.9
    called.clear()
    fewer = calls.for_null({"steps": 40})
    assert fewer["steps"] == 40 and fewer["folds"] == calls.NULL["folds"]
    assert calls.tested({}, calls.SYSTEM, {"seed": 3, "options": {"null": 0}}, None, "null") == []
    assert calls.tested({}, (), cell, None, "null") == [] and not called


def test_calls_of_a_cell_keep_what_they_have_in_places_of_their_own(monkeypatch, directory, tmp_path):
    import jaxinfo as ji

    places = []
    monkeypatch.setattr(ji, "estimate", lambda vs, measures, **o: places.append(o["checkpoint_dir"]) or Found(measures))
    for study, module in (("tcga", tcga), ("mfeat", mfeat), ("sachs", sachs)):
        places.clear()
        (cell, *_) = studies.cells(ConfigDict({study: STUDIES[study] | {"seeds": 1}}), directory)
        assert cell["long"]
        module.measure(cell, tmp_path / study)
        assert len(places) == len(set(places)) > 2
        assert all(Path(p).parent == tmp_path / study for p in places)


def test_windows_have_p_values_of_their_own():
    rows = [{"measure": "s_information", "time": t} for t in (0.1, 0.2)] + [{"measure": "o_information", "time": 0.1}]
    test = lambda t, p, value: {
        "measure": "s_information",
        "time": t,
        "p_value": p,
        "value": value + 0.4,  # with what is added for what is yet to be learned, which the null does not hold
        "gap": value,
        "null": [0.1, value],
    }
    found = calls.beside(rows, [test(0.2, 0.5, 0.3), test(0.1, 0.05, 0.7)])
    assert [row["p_value"] for row in found] == [0.05, 0.5, None]
    assert [row.get("tested") for row in found] == [0.7, 0.3, None] and found[1]["null"] == [0.1, 0.3]


def test_trials_are_drawn_again_where_conditions_are_compared():
    which = lambda again: [(c["condition"], c["matched"], c["again"]) for c in steinmetz.CONTRAST.cells(again)]
    assert which(True) == [("grating", False, False), ("grey", False, True), ("grating", True, True)]
    assert not any(again for *_, again in which(False))
    assert [c["again"] for c in allen.CONTRAST.cells()] == [True, False, True]  # of changes there are fewer


STUDIES = {
    "steinmetz": {"options": AGAIN, "window_s": 0.05, "steps_s": (0.05,), "again_steps_s": (0.05,)},
    "pairs": {"options": AGAIN, "window_s": 0.05, "steps_s": (0.05,), "again_steps_s": (0.05,)},
    "allen": {"options": AGAIN, "window_s": 0.125, "steps_s": (0.125,), "again_steps_s": (0.125,), "least": 2},
    "sachs": {"options": TINY | {"null": 2}, "conditions": ()},
    "lifespan": {"options": TINY | {"null": 2}, "modules": (3,)},
    "tcga": {"options": AGAIN, "dims": (2,)},
    "mfeat": {"options": TINY | {"null": 2}, "dims": (2,), "noises": (1.0,)},
}


@pytest.mark.slow
@pytest.mark.parametrize("study", STUDIES)
def test_every_study_ends_in_rows(study, directory, tmp_path):
    cells = studies.cells(ConfigDict({study: STUDIES[study] | {"seeds": 1}}), directory)
    place = tmp_path / "place"
    record = studies.measure(next(c for c in cells if c.get("again", True)), place)
    assert "path" not in record and record["file"] and list(place.iterdir())
    assert min(record[k] for k in ("cpu_s", "wall_s", "peak_mib")) > 0
    for row in record["rows"]:
        assert np.isfinite([row["value"], row["stderr"]]).all()
    if "bootstrap" in STUDIES[study]["options"]:
        again = record["rows"][0]
        assert again["bootstrap_stderr"] == pytest.approx(np.std(again["bootstrap"], ddof=1), abs=1e-4) > 0
    tested = [row for row in record["rows"] if row.get("p_value") is not None and "slope" not in row["measure"]]
    assert tested and all(0 < row["p_value"] <= 1 for row in tested)
    assert all(len(row["null"]) == STUDIES[study]["options"]["null"] for row in tested)


@pytest.mark.skipif(not DIRECTORY, reason="JAXINFO_DATA names no directory of the real files")
def test_the_real_files_can_be_read():
    directory = Path(DIRECTORY)
    for session, areas in steinmetz.SYSTEMS + pairs.SYSTEMS:
        found = steinmetz.read(directory / steinmetz.FILE, session, areas)
        assert {v.shape for v in found.counts.values()} == {(found.condition.size, 40)}
        for which in steinmetz.CONTRAST.cells():
            assert trials.chosen(found.condition, which["condition"], which["matched"], 0).size >= LEAST_ROWS
    assert len(sachs.read(directory / sachs.FILE)[0]) == 11
    vs, _, subject = lifespan.read(directory / lifespan.FILE, 20)
    assert len(vs) == 20 and set(np.bincount(subject)) == {lifespan.LENGTH}
    assert tcga.read(directory / tcga.FILE, 2)[0]["mrna"].shape == (150, 2)
    assert mfeat.read(directory / mfeat.FILE, 8, 0.3, 0)[0]["mor"].shape == (2000, 6)
