"""Self-consistency on images: its pairs of rows, its ratios, and what is judged of them."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from absl import flags
from made_records import ENVIRONMENT

import jaxinfo as ji
from experiments.documents import bars, consistency
from jaxinfo.io import images
from jaxinfo.multimodal import latents

ROOT = Path(__file__).resolve().parents[2]
LOADS = pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")  # of ml_collections
LEVELS = (0.0, 0.5, 1.0)


def one(test, level, value, seed=0, title="3 images", ends=(12.0,), flags=()):
    """A record, whose value is the same at every clean end."""
    return {
        "test": test, "level": level, "seed": seed, "ends": list(ends), "n": 10, "pairs": 4, "latent": {"x": 2, "y": 3},
        "estimates": [
            {"hi": hi, "value": value, "stderr": 0.1, "flags": list(flags), "diagnostics": {"steps": 90}} for hi in ends
        ],
        "noise": 0.1, "title": title, "rows": 8 if test == "additivity" else 2, "cpu_s": 360.0, "environment": ENVIRONMENT,
    }  # fmt: skip


def seeds(baseline=(0.02, 4.0, 10.0), processing=1.02, additivity=2.0, count=bars.CONSISTENT["seeds"], **more):
    """Records of so many seeds: nats by level, and ratios at the level in the middle."""
    out = []
    for seed in range(count):
        out += [one("baseline", level, value, seed, **more) for level, value in zip(LEVELS, baseline)]
        out.append(one("data_processing", 0.5, processing * baseline[1], seed, **more))
        out.append(one("additivity", 0.5, additivity * baseline[1], seed, **more))
    return out


def verdicts(records):
    return consistency.verdicts(consistency.ratios(records)["3 images", 12.0])


def test_ratios_are_those_of_one_seed_data_set_and_clean_end():
    records = seeds(count=2, ends=(12.0, 8.0))
    for r in records:
        r["estimates"][1]["value"] *= 3.0
    every = consistency.ratios(records + seeds((0.04, 8.0, 20.0), count=2, title="9 images"))
    assert set(every) == {("3 images", 12.0), ("9 images", 12.0), ("3 images", 8.0)}
    for found in every.values():
        assert found["baseline"][0.5].ratio == pytest.approx([0.4, 0.4])
        assert found["data_processing"][0.5].ratio == pytest.approx([1.02, 1.02])
        assert found["additivity"][0.5].ratio == pytest.approx([2.0, 2.0])
    assert every["9 images", 12.0]["additivity"][0.5].below == pytest.approx([8.0, 8.0])


@pytest.mark.parametrize(
    "change, outside",
    [
        ({}, None),
        ({"baseline": (0.02, 4.0, 3.9)}, 0),
        ({"baseline": (0.6, 4.0, 10.0)}, 0),
        ({"processing": 1.06}, 1),
        ({"processing": 0.94}, 1),
        ({"additivity": 2.11}, 2),
        ({"additivity": 1.89}, 2),
        ({"additivity": float("nan")}, 2),
        ({"processing": float("nan")}, 1),
    ],
)
def test_verdicts(change, outside):
    said = ["outside" if "**outside.**" in line else "within" for line in verdicts(seeds(**change))]
    assert said == ["outside" if k == outside else "within" for k in range(3)]
    assert all("5 seeds" in line for line in verdicts(seeds(**change)))


@pytest.mark.parametrize("below", [float("nan"), 0.0])
def test_a_denominator_that_is_no_number_excuses_nothing(below):
    records = [r for r in seeds() if (r["test"], r["level"]) != ("baseline", 0.5)]
    for seed in range(5):
        records += [one("baseline", 0.5, 4.0 if seed else below, seed), one("additivity", 1.0, 20.0, seed)]
    assert verdicts(records)[2].endswith("**outside.**")


def test_means_over_seeds_are_judged():
    apart = seeds(processing=1.08) + seeds(processing=0.95, count=2)  # the last record of a seed counts
    assert "worst of 1 judged levels 0.50: 1.028 (bar: 1 ± 0.05): within." in verdicts(apart)[1]


def test_nothing_is_final_below_so_many_seeds():
    few = verdicts(seeds(count=4))
    assert all("4 seeds" in line and line.endswith("within so far.") for line in few)
    uneven = seeds()[:-1]
    assert [line.endswith("within so far.") for line in verdicts(uneven)] == [False, False, True]
    assert "4 seeds" in verdicts(uneven)[2]
    without_start = [r for r in seeds() if r["level"] > 0.0]
    assert verdicts(without_start)[0].endswith("within so far.")


def test_ratios_over_little_are_shown_but_not_judged():
    little = seeds(baseline=(0.0, 0.8, 10.0), processing=2.0, additivity=3.0)
    baseline, processing, additivity = verdicts(little)
    assert "within." in baseline  # its line is the whole image
    assert "**not judged**" in processing and "**not judged**" in additivity
    text = consistency.markdown(little)
    assert "| 0.50 | 0.80 ± 0.00 | 0.080 ± 0.000 | 2.000 ± 0.000 (not judged) | 3.000 ± 0.000 (not judged) |" in text
    nothing = verdicts(seeds(baseline=(0.0, 0.5, 0.8)))
    assert [line.count("**not judged**") for line in nothing] == [1, 1, 1]
    both = little + [one("additivity", 1.0, 20.5, seed) for seed in range(5)]
    assert "1 judged levels 1.00: 2.050 (bar: 2 ± 0.1; not judged: level 0.50, 3.000): within." in verdicts(both)[2]


def test_document(tmp_path):
    notes = ["too few rows: networks read 0.3 nats more", "truncated at high SNR: about 1 nats"]
    records = seeds() + seeds(count=1, title="9 images", ends=(8.0,), flags=notes)
    text = consistency.markdown(records)
    assert "3 images, 2 rows of baseline (90 steps), 2 rows of data processing (90 steps), 8 rows of additivity" in text
    assert "9 images, 2 rows of baseline" in text and "in 4 pairs of additivity" in text
    assert "| 0.50 | 4.00 ± 0.00 | 0.400 ± 0.000 | 1.020 ± 0.000 | 2.000 ± 0.000 |" in text
    assert "| 0.50 | 4.00 | 0.400 | 1.020 | 2.000 |" in text and "3.0 CPU-hours in all" in text
    assert "1 seed: from 0.002 to 1.000" in text and text.count("within so far.") == 3 and text.count("within.") == 3
    assert "Of 25 estimates, flags: none." in text
    assert "Of 5 estimates, flags: too few rows in 5, truncated at high SNR in 5." in text
    consistency.picture(records, tmp_path / "consistency.png")
    assert (tmp_path / "consistency.png").read_bytes()[:4] == b"\x89PNG"


@pytest.fixture
def experiment(monkeypatch):
    """The module; its flags are forgotten, because experiments define flags of the same names."""
    monkeypatch.chdir(ROOT)
    before = set(flags.FLAGS)
    yield importlib.import_module("experiments.consistency")
    for name in set(flags.FLAGS) - before:
        delattr(flags.FLAGS, name)


@LOADS
def test_all_tests_have_equally_many_rows_and_two_images_are_of_two_halves(experiment, monkeypatch):
    pixels = np.random.default_rng(0).uniform(size=(60, 4, 3)).astype(np.float32)
    monkeypatch.setattr(images, "load", lambda _: images.Images(pixels, np.zeros(60, int), "60 images"))
    asked = []

    def encoded(key, x, rows, latent, **_):
        asked.append((x, rows))
        return latents.Encoded(rows[:, :latent] + rows.sum(1, keepdims=True), 0.5)

    monkeypatch.setattr(latents, "encoded", encoded)
    cell = {
        "seed": 0, "n": 50, "pairs": 3, "latent": {"x": 1, "y": 2}, "noise": 0.0, "data": "", "kept": None, "encoder": {},
        "before": None, "level": 0.5,
    }  # fmt: skip
    monkeypatch.setattr(experiment, "BLOCKS", 4)
    x, y, groups, losses = experiment.pair(cell | {"test": "baseline"})
    assert groups is None
    assert (x.shape, y.shape) == ((20, 1), (20, 2))  # a third of the images, not the 50 that are asked for
    assert losses == [{"side": "x", "level": 1.0, "loss": 0.5}, {"side": "y", "level": 0.5, "loss": 0.5}]
    train, rows = asked[1]
    assert len(train) == 20 and len(rows) == 40 and not rows[:, 6:].any() and rows[:, :6].all()
    assert not {r.tobytes() for r in train} & {r.tobytes() for r in rows}  # autoencoders never see what is measured
    xx, yy, groups, _ = experiment.pair(cell | {"test": "additivity"})
    assert (xx.shape, yy.shape, groups.shape) == ((60, 2), (60, 4), (60,))
    np.testing.assert_array_equal(xx[:, :1], np.tile(x, (3, 1)))
    np.testing.assert_array_equal(yy[:, :2], np.tile(y, (3, 1)))
    assert not np.isin(xx[:, 1:], x).any()  # of the other half
    for image in np.unique(xx[:, 1]):
        rows = xx[:, 1] == image
        assert rows.sum() == 3 and np.unique(groups[rows]).size == 1  # in three pairs of one block
        assert np.unique(yy[rows, 2:], axis=0).shape == (1, 2)  # the latents of the same image on both sides
    assert [np.unique(xx[groups == k, 0]).size for k in range(4)] == [5, 5, 5, 5]
    both = experiment.pair(cell | {"test": "data_processing", "before": 0.25})[1]
    np.testing.assert_array_equal(both[:, :2], y)
    assert both.shape == (20, 4)


@LOADS
def test_the_same_networks_are_read_to_every_end(experiment, quick_compile):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 1))
    y = x + 0.05 * rng.standard_normal((300, 1))
    options = {"budget": "quick", "steps": 8, "width": 8, "num_mc": 2, "checks": 2}
    model = ji.fit({"x": x, "y": y}, experiment.MEASURE, seed=1, hi=12.0, progress=False, **options)
    own = model.estimate()[experiment.MEASURE]
    whole, cut, again = (experiment.read(model, hi) for hi in (12.0, 4.0, 12.0))
    assert whole == again and whole["value"] == own.value and whole["stderr"] == own.stderr
    assert cut["value"] < whole["value"] - 0.3 and cut["diagnostics"]["logsnr_range"][1] == 4.0
    assert {"gap", "difference", "gaussian"} < set(cut["diagnostics"])


@LOADS
def test_cells(experiment):
    config = importlib.import_module("configs.consistency").get_config()
    asked = experiment.cells(config, "mnist.npz", "3 images", "place")
    assert len({c["seed"] for c in asked}) == bars.CONSISTENT["seeds"]
    assert all(len(set(c["ends"])) == 2 and c["long"] for c in asked)
    assert "long" not in experiment.KEYS and not set(experiment.HERE) & set(experiment.KEYS)
