"""Series: transfer entropy of a process with exact truth, windows equal to separate estimates, bad input."""

import numpy as np
import pandas as pd
import pytest

import jaxinfo as ji
from jaxinfo import inputs
from jaxinfo.series import Windows

pytestmark = pytest.mark.usefixtures("quick_compile")
SMALL = dict(budget="quick", steps=60, width=16, depth=1, num_mc=4, checks=3, progress=False)


def process(length, seed=0):
    """y follows its own past and x one step before: TE from x to y is ½ log(1 + .36)."""
    rng = np.random.default_rng(seed)
    x, e, y = rng.normal(size=length), rng.normal(size=length), np.zeros(length)
    for t in range(1, length):
        y[t] = 0.5 * y[t - 1] + 0.6 * x[t - 1] + e[t]
    return x, y


def test_transfer_entropy_goes_one_way():
    x, y = process(4000)
    there, back = (ji.transfer_entropy(a, b, seed=0, **SMALL) for a, b in ((x, y), (y, x)))
    truth = 0.5 * np.log(1.36)
    assert abs(there.value - truth) < 4 * there.stderr < 0.2
    assert abs(back.value) < 4 * back.stderr < 0.2
    assert there.name == "transfer_entropy(lag 1)" and there.per_sample.shape == (3999,)


def test_no_past_reaches_across_recordings():
    x, y = process(400)
    trials = np.repeat(np.arange(40), 10)
    e = ji.transfer_entropy(x, y, lag=3, groups=trials, **SMALL)
    assert e.per_sample.shape == (40 * 7,)
    with pytest.raises(ValueError, match="no recording is longer than lag=10"):
        ji.transfer_entropy(x, y, lag=10, groups=trials)


@pytest.mark.parametrize(
    "x, y, lag, words",
    [
        (np.zeros(5), np.zeros(6), 1, "equally long"),
        (np.zeros(5), np.zeros(5), 0, "at least 1"),
        (np.zeros((5, 2, 2)), np.zeros(5), 1, "expected a series"),
        (np.zeros(5) + 1j, np.zeros(5), 1, "x is complex: expected real numbers"),
        (np.array(["rest", "run"] * 5), np.zeros(10), 1, "x: expected a series of numbers"),
        (pd.Series(np.zeros(5)), pd.Series(np.zeros(5), index=range(4, -1, -1)), 1, "y has another index than x"),
    ],
)
def test_bad_series(x, y, lag, words):
    with pytest.raises(ValueError, match=words):
        ji.transfer_entropy(x, y, lag)


def test_weights_of_samples_called_otherwise_are_refused():
    x, y = (pd.Series(v) for v in process(400))
    with pytest.raises(ValueError, match="sample_weight has another index than x"):
        ji.transfer_entropy(x, y, sample_weight=pd.Series(np.ones(400), index=range(399, -1, -1)))


def test_masked_samples_are_missing():
    x, y = process(400)
    with pytest.raises(ValueError, match="x holds 1 NaN values, the first in row 6"):
        ji.transfer_entropy(np.ma.masked_array(x, np.arange(400) == 6), y)
    with pytest.raises(ValueError, match="x is not numeric.*times"):
        ji.transfer_entropy(np.arange(400).astype("timedelta64[s]"), y)
    vs = trials()
    vs["a"] = np.ma.masked_array(vs["a"], False)
    vs["a"][5, 2] = np.ma.masked
    with pytest.raises(ValueError, match=r"window 2 \(time 0.3\): a holds 1 NaN values, the first in row 5"):
        ji.windows(vs, "mutual_information", times=[0.1, 0.2, 0.3])


def trials(n=600, length=3, seed=1):
    """Two signals whose correlation grows with time."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, n, length))
    return {"a": a, "b": a * np.linspace(0, 1.5, length) + b}


def test_windows_equal_separate_estimates(tmp_path):
    vs = trials()
    w = ji.windows(vs, "mutual_information", times=[0.1, 0.2, 0.3], **SMALL)
    values, errors = w.series("mutual_information")
    assert values[0] < 0.1 < values[1] < values[2] and (errors > 0).all() and w.times.tolist() == [0.1, 0.2, 0.3]
    alone = ji.mutual_information(vs["a"][:, 1], vs["b"][:, 1], **SMALL)
    assert values[1] == pytest.approx(alone.value, abs=1e-5)
    table = w.to_pandas()
    assert list(table.index.names) == ["measure", "time"] and len(table) == 3
    w.plot(tmp_path / "w.png")
    assert (tmp_path / "w.png").read_bytes()[:4] == b"\x89PNG"


def test_windows_overlap_and_widen():
    vs = {
        k: np.repeat(v[:, :, None], 2, 2) + 0.1 * np.random.default_rng(2).normal(size=(600, 3, 2))
        for k, v in trials().items()
    }
    w = ji.windows(vs, "mutual_information", window=2, stride=1, **SMALL)
    assert len(w) == 2 and w.times.tolist() == [0.5, 1.5]
    assert w[0]["mutual_information"].per_sample.shape == (600,)
    assert isinstance(w[1:], Windows) and w[1:].times.tolist() == [1.5] and w[-1] is w[1:][0]


@pytest.mark.parametrize(
    "change, words",
    [
        ({"a": np.zeros(5)}, "expected an array"),
        ({"a": np.zeros((600, 4))}, "share trials and times"),
    ],
)
def test_bad_windows(change, words):
    with pytest.raises(ValueError, match=words):
        ji.windows(trials() | change, "mutual_information")


@pytest.mark.filterwarnings("ignore::jaxinfo.inputs.InputWarning")
def test_windows_of_counts_say_which_and_what_to_do():
    rng = np.random.default_rng(0)
    silent, busy = rng.poisson(0.2, size=600), rng.poisson(4.0, size=600)
    counts = {k: np.stack([rng.permutation(v) for v in (silent, silent, busy)], 1) for k in "ab"}
    with pytest.raises(
        ValueError, match=r"window 2 \(time 0.3\) has other variables.*a \(\d+ classes\).*discrete=\[\]"
    ):
        ji.windows(counts, "mutual_information", times=[0.1, 0.2, 0.3])
    counts["b"][:, 1] = 0
    with pytest.raises(ValueError, match=r"window 1 \(time 0.2\): b is constant.*wider windows"):
        ji.windows(counts, "mutual_information", times=[0.1, 0.2, 0.3], discrete=[])


def test_what_is_noticed_of_windows_is_said_once_and_where():
    vs = {k: np.round(v, 1) for k, v in trials().items()}
    vs["a"][:, 1] += 1e-3 * np.random.default_rng(3).normal(size=600)
    with pytest.warns(inputs.InputWarning) as caught:
        ji.windows(vs, "mutual_information", times=[0.1, 0.2, 0.3], **SMALL)
    said = [str(w.message) for w in caught if "noise of the rounding step" in str(w.message)]
    assert all(text.startswith("window ") for text in said) and len(said) == len(set(said))
    assert sum("window 1 (time 0.2)" in text for text in said) == 1  # of b alone


def test_bad_widths_and_times():
    with pytest.raises(ValueError, match="window must lie between 1 and 3"):
        ji.windows(trials(), "mutual_information", window=4)
    with pytest.raises(ValueError, match="window must be a whole number of samples, got 2.0"):
        ji.windows(trials(), "mutual_information", window=2.0)
    with pytest.raises(ValueError, match="one entry per sample"):
        ji.windows(trials(), "mutual_information", times=[1.0])


def test_many_data_sets_must_hold_the_same_variables(tmp_path):
    a, b = trials(length=1).values()
    with pytest.raises(ValueError, match="data set 1 has other variables"):
        ji.estimate_many([{"a": a, "b": b}, {"a": a, "c": b}], "mutual_information")
    with pytest.raises(ValueError, match=r"data set 1: b is constant in column 0 \(value -?0\).*drop the column\.$"):
        ji.estimate_many([{"a": a, "b": b}, {"a": a, "b": 0 * b}], "mutual_information")
    with pytest.raises(ValueError, match="at least one data set"):
        ji.estimate_many([], "mutual_information")
    sets = [{"a": a, "b": b + k * a} for k in (0.0, 1.0)]
    first = ji.estimate_many(sets, "mutual_information", checkpoint_dir=tmp_path, **SMALL)
    again = ji.estimate_many(sets, "mutual_information", checkpoint_dir=tmp_path, **SMALL)
    assert [r["mutual_information"].value for r in first] == [r["mutual_information"].value for r in again]
    assert first[1]["mutual_information"].value > first[0]["mutual_information"].value + 0.1
