"""The front door end to end, on small budgets: right within its own error bars, consistent, remembered."""

import shutil
import subprocess
import sys
from functools import partial

import jax
import numpy as np
import pytest
from scipy import stats

import jaxinfo as ji
from jaxinfo import kept
from jaxinfo import model as module
from jaxinfo.estimators import bootstrap, crossfit, opinion, readout, summary
from jaxinfo.inputs import InputWarning
from jaxinfo.io import checkpoint
from jaxinfo.results import Results
from jaxinfo.types import Estimate

pytestmark = pytest.mark.usefixtures("quick_compile")
SMALL = dict(budget="quick", steps=300, width=16, depth=1, num_mc=4, checks=3, progress=False)
RHO = 0.75
MI = -0.5 * np.log(1 - RHO**2)


@pytest.fixture(scope="module")
def pair():
    rng = np.random.default_rng(0)
    z = rng.multivariate_normal([0, 0], [[1, RHO], [RHO, 1]], size=2000)
    return z[:, 0], z[:, 1]


@pytest.fixture(scope="module")
def model(pair):
    rng = np.random.default_rng(1)
    vs = {"a": pair[0], "b": pair[1], "c": pair[0] + rng.normal(size=2000), "k": np.where(pair[1] > 0, "up", "down")}
    return vs, ji.fit(vs, measures=("mutual_information(a; b)", "o_information(a, b, c)"), **SMALL)


def within(e, truth, k=4.0, most=0.05):
    assert e.stderr < most
    assert abs(e.value - truth) < k * e.stderr, f"{e} against {truth:.4f}"


def test_information_about_labels_is_compared_with_their_entropy(model, monkeypatch):
    held = []
    monkeypatch.setattr(summary, "flag_above", lambda e, entropy: held.append(entropy) or e)
    vs, m = model
    e = m.measure("mutual_information(a; k)")
    share = np.mean(vs["k"] == "up")
    assert held == [pytest.approx(stats.entropy([share, 1 - share]), abs=1e-3)] and e.value < held[0]
    m.measure("mutual_information(a; b)")
    assert len(held) == 1


def test_gaussian_pair(pair):
    e = ji.mutual_information(*pair, seed=0, **SMALL)
    within(e, MI)
    assert e.per_sample.shape == (2000,)
    assert np.isclose(e.per_sample.mean(), e.diagnostics["gap"])
    area = np.trapezoid(e.profile["gap"], e.profile["logsnr"])
    assert abs(area - e.value) < 0.05
    low, high = e.ci(0.95)
    assert low < e.value < high
    d = e.diagnostics
    correction = d["optimism"] - 0.5 * d["optimism_gaussian"]
    assert np.isclose(e.value, d["gap"] + correction)
    doubts = (
        0.4 * (d["gap"] - d["difference"]),
        correction / 3.0,
        d["fine"] / np.sqrt(3.0),
        0.02 * (e.value - d["gaussian"]),
        max(d["ksg"] - e.value, 0.0) / np.sqrt(3.0),
    )
    assert np.isclose(e.stderr, np.linalg.norm([d["row_stderr"], *doubts]))
    assert "mutual_information = " in str(e) and "nats" in str(e)


def test_same_seed_same_answer_and_units(pair):
    one, two = (ji.mutual_information(*pair, seed=3, **SMALL) for _ in range(2))
    assert one.value == two.value
    bits = ji.mutual_information(*pair, seed=3, unit="bits", **SMALL)
    assert np.isclose(bits.value * np.log(2), one.value)
    assert np.isclose(bits.stderr * np.log(2), one.stderr)


def test_jax_arrays_and_frames_are_the_same_data(pair):
    pd = pytest.importorskip("pandas")
    a = ji.mutual_information(*pair, **SMALL)
    b = ji.mutual_information(pd.DataFrame({"u": pair[0]}), pd.Series(pair[1]), **SMALL)
    assert a.value == b.value
    c = ji.mutual_information(jax.numpy.asarray(pair[0], "float32"), pair[1], **SMALL)
    assert abs(a.value - c.value) < 1e-2


def test_no_retrace_on_a_second_call_of_the_same_shape(pair):
    ji.mutual_information(*pair, seed=0, **SMALL)
    before = crossfit._advance.num_traces(), readout._integrals.num_traces()
    ji.mutual_information(pair[1] + 1.0, 2.0 * pair[0], seed=5, **SMALL)
    ji.estimate({"other": pair[0], "names": pair[1]}, "mutual_information", seed=6, **SMALL)
    assert (crossfit._advance.num_traces(), readout._integrals.num_traces()) == before


def test_discrete_beside_continuous(pair):
    """The label says on which side x + y/2 lies: H(label) minus what a normal y leaves open."""
    label = np.where(pair[0] + 0.5 * pair[1] > 0, "yes", "no")
    y, w = np.polynomial.hermite_e.hermegauss(80)
    p = stats.norm.cdf((RHO + 0.5) * y / np.sqrt(1 - RHO**2))
    open_ = w @ stats.entropy([p, 1 - p]) / w.sum()
    e = ji.mutual_information(label, pair[1], **SMALL)
    within(e, np.log(2) - open_)
    both = ji.mutual_information(label, pair[1] > 0, **SMALL)
    assert both.value < ji.entropy(label, **SMALL).value <= np.log(2) + 0.01


def test_model_asks_many_times(model):
    vs, m = model
    r = m.estimate()
    assert list(r) == ["mutual_information(a; b)", "o_information(a, b, c)"]
    within(r["mutual_information(a; b)"], MI)
    new = {k: v[:300] for k, v in vs.items()}
    e = m.measure("o_information(a, b, c)", rows=new)
    assert e.per_sample.shape == (300,)
    assert np.allclose(m.pointwise("o_information(a, b, c)", new), e.per_sample)
    s = m.subsets(orders=(2,), measure="total_correlation")
    assert len(s) == 6  # pairs of a, b, c and the label
    within(s["total_correlation(a, b)"], MI)


def test_new_rows_of_any_number_share_a_program(model):
    vs, m = model
    own = m.measure("mutual_information(a; b)")
    before = readout._integrals.num_traces()
    few = m.measure("mutual_information(a; b)", rows={k: v[:70] for k, v in vs.items()})
    many = m.measure("mutual_information(a; b)", rows=vs)
    assert few.per_sample.shape == (70,) and many.per_sample.shape == own.per_sample.shape
    assert readout._integrals.num_traces() == before
    assert abs(many.value - own.value) < 4 * own.stderr  # the same rows, which some folds trained on


@pytest.mark.parametrize("n, each", [(1, 5), (200, 5), (500, 2), (1000, 1), (7, 5), (5003, 1)])
def test_new_rows_are_read_in_turn(n, each):
    read = np.concatenate(readout.in_turn(n, folds=5, afford=1000))
    assert (np.bincount(read, minlength=n) == each).all()
    assert read.size <= max(1000, n)


def test_columns_named_for_people():
    pd = pytest.importorskip("pandas")
    labels = np.random.default_rng(1).integers(0, 2, size=(400, 3)) > 0  # counted, so that nothing is trained
    names = ("height, cm", "weight [kg]", "a|b")
    m = ji.fit(pd.DataFrame(labels, columns=names), ("o_information", "mutual_information(height, cm; a|b)"))
    assert list(m.estimate()) == ["o_information", "mutual_information(height, cm; a|b)"]
    assert list(m.subsets((3,))) == ["o_information(height, cm, weight [kg], a|b)"]
    assert len(m.subsets((2,), "total_correlation")) == 3


def test_a_note_about_one_variable_stays_with_measures_that_speak_of_it():
    rng = np.random.default_rng(1)
    labels = {"a": rng.integers(0, 3, 400), "b": rng.integers(0, 2, 400) > 0, "c": rng.integers(0, 2, 400) > 0}
    with pytest.warns(InputWarning, match="read as class labels"):
        r = ji.estimate(labels, ("mutual_information(a; b)", "mutual_information(b; c)"))  # counted: nothing is trained
    assert "a holds integers" in r["mutual_information(a; b)"].flags[0]
    assert not r["mutual_information(b; c)"].flags


def test_saved_and_loaded(model, tmp_path):
    vs, m = model
    m.save(tmp_path / "model")
    back = ji.load(str(tmp_path / "model"))
    new = {k: v[:100] for k, v in vs.items()}
    one, two = (each.measure("o_information(a, b, c)", rows=new) for each in (back, m))
    assert one.value == two.value
    assert one.diagnostics["optimism"] != 0  # what the networks showed in their own rows holds in new ones
    unread = back.measure("total_correlation(a, b, c)", rows=new)  # its views were trained, its optimism never read
    assert any("before saving" in flag for flag in unread.flags) and unread.value == unread.diagnostics["gap"]
    with pytest.raises(ValueError, match="does not hold its data"):
        back.measure("o_information(a, b, c)")
    with pytest.raises(ValueError, match="not trained, and a loaded model does not hold its data"):
        back.measure("conditional_mutual_information(a; b | c)", rows=new)
    with pytest.raises(ValueError):
        ji.load(str(tmp_path / "nothing"))


def test_checkpoint_dir_remembers(pair, tmp_path):
    one = ji.mutual_information(*pair, checkpoint_dir=tmp_path, **SMALL)
    seen = (tmp_path / "model").stat().st_mtime_ns
    two = ji.mutual_information(*pair, checkpoint_dir=tmp_path, **SMALL)
    assert (tmp_path / "model").stat().st_mtime_ns == seen
    assert one.value == two.value
    three = ji.mutual_information(*pair, checkpoint_dir=tmp_path, seed=1, **SMALL)
    assert three.value != one.value
    assert (tmp_path / "model").stat().st_mtime_ns == seen  # that of another seed stands beside it
    both = [
        ji.load(home).measure("mutual_information", rows=dict(zip("xy", pair))).value
        for home in tmp_path.glob("model*")
    ]
    assert len(both) == 2 and both[0] != both[1]


def test_two_calls_share_a_checkpoint_dir(pair, tmp_path, monkeypatch):
    """Another call ends while this one trains: its model stays, and that of this call stands beside it."""
    ask = lambda place, seed: ji.mutual_information(*pair, checkpoint_dir=place, seed=seed, **SMALL)
    first, second = ask(tmp_path / "one", 0), ask(tmp_path / "two", 1)

    def trained(models, views, place, mark):
        shutil.copytree(tmp_path / "one" / "model", place / "model")
        models[0].fits = kept.read(tmp_path / "two" / "model").fits

    with monkeypatch.context() as patched:
        patched.setattr(module, "train_models", trained)
        assert ask(tmp_path / "both", 1).value == second.value
        patched.setattr(module, "train_models", lambda *args, **more: pytest.fail("trained again"))
        assert (ask(tmp_path / "both", 0).value, ask(tmp_path / "both", 1).value) == (first.value, second.value)


def test_a_checkpoint_of_something_else_is_not_replaced(pair, tmp_path):
    checkpoint.save(tmp_path / "model", {"w": np.ones(2)}, {"format": "jaxinfo-model-1"})
    with pytest.raises(ValueError, match="got jaxinfo-model-1; fit again. It is not overwritten"):
        ji.mutual_information(*pair, checkpoint_dir=tmp_path, **SMALL)
    assert checkpoint.load(tmp_path / "model")[1] == {"format": "jaxinfo-model-1"}


@pytest.mark.broad
def test_refits_of_a_killed_null_are_not_made_again(pair, tmp_path, monkeypatch):
    """Null and bootstrap keep their training too: the same call again trains nothing and says the same."""
    asked = dict(checkpoint_dir=tmp_path, null=2, bootstrap=2, **SMALL)
    one = ji.mutual_information(*pair, **asked)
    monkeypatch.setattr(crossfit, "_advance", lambda *args: pytest.fail("trained again"))
    two = ji.mutual_information(*pair, **asked)
    for name in ("null", "bootstrap"):
        np.testing.assert_array_equal(one.diagnostics[name], two.diagnostics[name])
    monkeypatch.undo()
    other = ji.mutual_information(pair[0], pair[1][::-1], **asked)
    assert other.diagnostics["bootstrap"][0] != one.diagnostics["bootstrap"][0]


def test_new_rows_have_groups_and_weights_of_their_own(model):
    fitted = model[1]
    rng = np.random.default_rng(8)
    few = {k: v[:40] for k, v in model[0].items()}
    rows, groups = {k: np.repeat(v, 10, axis=0) for k, v in few.items()}, np.repeat(np.arange(40), 10)
    name, weights = "o_information(a, b, c)", rng.integers(0, 2, 400)
    plain, clustered = fitted.measure(name, rows), fitted.measure(name, rows, groups=groups)
    assert clustered.diagnostics["row_stderr"] > 1.5 * plain.diagnostics["row_stderr"]
    weighted = fitted.measure(name, rows, sample_weight=weights)
    np.testing.assert_allclose(weighted.diagnostics["gap"], plain.per_sample[weights > 0].mean(), atol=1e-5)
    with pytest.raises(ValueError, match="are of new rows="):
        fitted.measure(name, groups=groups)
    for one, share in ((np.zeros(400), None), (groups, groups == 0)):
        with pytest.raises(ValueError, match="a single group with weight: expected at least two"):
            fitted.measure(name, rows, groups=one, sample_weight=share)
    pd = pytest.importorskip("pandas")
    called = pd.Series(groups, index=np.arange(400)[::-1])
    with pytest.raises(ValueError, match="groups has another index than a"):
        fitted.measure(name, {k: pd.Series(v.ravel()) for k, v in rows.items()}, groups=called)


def test_results_go_everywhere(model, tmp_path):
    pd = pytest.importorskip("pandas")
    r = model[1].estimate()
    assert "o_information(a, b, c)" in str(r)
    frame = r.to_pandas()
    assert frame.loc["o_information(a, b, c)", "value"] == r["o_information(a, b, c)"].value
    r.save(tmp_path)
    assert len(pd.read_csv(tmp_path / "estimates.csv")) == 2
    assert (tmp_path / "records.jsonl").read_text().count("\n") == 3
    r.plot(tmp_path / "report.png")
    assert (tmp_path / "report.png").stat().st_size > 10_000


def test_groups_cluster_the_error(pair):
    rng = np.random.default_rng(2)
    few = rng.multivariate_normal([0, 0], [[1, RHO], [RHO, 1]], size=200)
    x = np.repeat(few, 10, axis=0) + 0.05 * rng.normal(size=(2000, 2))
    groups = np.repeat(np.arange(200), 10)
    clustered = ji.mutual_information(x[:, 0], x[:, 1], groups=groups, **SMALL)
    with pytest.warns(InputWarning, match="rows follow one another"):
        plain = ji.mutual_information(x[:, 0], x[:, 1], **SMALL)
    assert clustered.diagnostics["row_stderr"] > 2.0 * plain.diagnostics["row_stderr"]


@pytest.mark.broad
def test_weights_undo_a_selection():
    """Rows of a selected half weighted back: the mutual information of the full law."""
    rng = np.random.default_rng(4)
    z = rng.multivariate_normal([0, 0], [[1, RHO], [RHO, 1]], size=6000)
    keep = (z[:, 0] > 0) | (rng.uniform(size=6000) < 0.25)
    w = np.where(z[:, 0] > 0, 1.0, 4.0)[keep]
    e = ji.mutual_information(z[keep, 0], z[keep, 1], sample_weight=w, **SMALL)
    within(e, MI)


def test_null_gives_a_p_value(pair):
    quick = dict(SMALL, null=3)
    e = ji.mutual_information(pair[0][:400], pair[1][:400], **quick)
    assert e.diagnostics["p_value"] == 0.25 and len(e.diagnostics["null"]) == 3
    with pytest.raises(ValueError, match="only for mutual_information"):
        ji.o_information(np.random.default_rng(0).normal(size=(200, 3)), **quick)


def test_bootstrap_refits_on_rows_drawn_again(pair):
    quick = dict(SMALL, bootstrap=4, unit="bits")
    groups = np.repeat(np.arange(100), 4)
    e = ji.mutual_information(pair[0][:400], pair[1][:400], groups=groups, **quick)
    draws = e.diagnostics["bootstrap"]
    assert len(draws) == 4 and np.unique(draws).size == 4
    assert e.diagnostics["bootstrap_stderr"] == pytest.approx(np.std(draws, ddof=1))
    assert 0.01 < e.diagnostics["bootstrap_stderr"] < 0.5  # the rows' own spread is about .05 bits
    assert "bootstrap ±" in str(Results({"mi": e}))
    with pytest.raises(ValueError, match=r"bootstrap of 4 groups.*holds only 3 of them.*folds=2.*finer groups"):
        ji.mutual_information(pair[0][:400], pair[1][:400], groups=np.repeat(np.arange(4), 100), **SMALL, bootstrap=20)


def test_a_bootstrap_of_what_is_counted_needs_no_folds():
    rng, groups = np.random.default_rng(0), np.repeat(np.arange(8), 25)
    x, y = rng.integers(0, 3, (2, 200)).astype(str)
    count = partial(ji.mutual_information, x, y, progress=False)
    assert count(groups=groups, bootstrap=20).diagnostics["bootstrap_stderr"] > 0.0
    with pytest.raises(ValueError, match="groups has a single group with weight"):
        count(groups=np.zeros(200))
    with pytest.raises(ValueError, match=r"bootstrap of 8 groups: one of the 20 draws.*single group with weight"):
        count(groups=groups, bootstrap=20, sample_weight=1.0 * (groups < 2))


def test_a_bootstrap_that_may_draw_no_weight_is_refused_at_once(pair):
    groups = np.repeat(np.arange(20), 20)
    with pytest.raises(ValueError, match="bootstrap of 20 groups"):
        ji.mutual_information(
            pair[0][:400], pair[1][:400], groups=groups, sample_weight=1.0 * (groups < 4), **SMALL, bootstrap=50
        )


def test_bootstrap_draws_whole_groups_and_keeps_copies_together():
    groups = np.asarray([2, 0, 0, 1, 2, 2])
    for rows, units in bootstrap.resampled(6, groups, 20, seed=1):
        assert (groups[rows] == units).all()
        for unit in np.unique(units):  # as many copies of each of its rows
            counts = np.bincount(rows[units == unit], minlength=6)[groups == unit]
            assert np.ptp(counts) == 0


def test_neighbours_tell_of_what_networks_miss(pair):
    """Steps of a staircase: networks that learn nothing read what a Gaussian reads."""
    x = np.random.default_rng(51).normal(size=1000)
    told = lambda e: [flag for flag in e.flags if flag.startswith("nearest neighbours see more")]
    with pytest.warns(InputWarning, match="ties"):
        e = ji.mutual_information(x, np.floor(2.0 * x), **SMALL)
    assert told(e) and e.diagnostics["ksg"] > e.value + 0.2
    e = ji.mutual_information(*pair, **SMALL)
    assert not told(e)
    within(Estimate(e.diagnostics["ksg"], 0.03), MI)
    blank = Estimate(0.0, 0.01, None, None, {"flags": ()}, "")
    assert opinion.doubted(blank, x[:, None], np.zeros((1000, 4))) is blank


def test_what_neighbours_see_more_is_in_the_error(pair):
    sides = [z[:, None] for z in pair]
    for value in (MI - 0.2, MI + 0.2):
        e = opinion.doubted(Estimate(value, 0.03, None, None, {"flags": ()}, ""), *sides)
        more = max(e.diagnostics["ksg"] - value, 0.0)
        assert e.value == value and e.stderr == pytest.approx(np.hypot(0.03, more / np.sqrt(3.0)))


def test_entropy_and_its_units_of_length():
    rng = np.random.default_rng(5)
    x = rng.exponential(size=(3000, 1))
    e = ji.entropy(x, **SMALL)
    within(e, 1.0, most=0.08)
    wide = ji.entropy(10.0 * x, **SMALL)
    assert abs(wide.value - e.value - np.log(10.0)) < 0.05


def test_kl_of_two_gaussians():
    rng = np.random.default_rng(6)
    p, q = rng.normal(size=(3000, 2)) + [0.5, 0.0], rng.normal(size=(2000, 2))
    e = ji.kl_divergence(p, q, **SMALL)
    within(e, 0.125)
    assert e.per_sample.shape == (3000,)
    with pytest.raises(ValueError, match="same columns"):
        ji.kl_divergence(p, q[:, :1], **SMALL)


@pytest.mark.broad
def test_conditional_information_of_a_chain(pair):
    """x → y → z: nothing is left between x and z once y is known."""
    z = pair[1] + np.random.default_rng(7).normal(size=2000)
    asked = ("conditional_mutual_information(x; z | y)", "mutual_information(x; z)", "interaction_information(x; y; z)")
    r = ji.estimate({"x": pair[0], "y": pair[1], "z": z}, asked, **SMALL)
    nothing, direct, shared = r.values()
    assert abs(nothing.value) < max(4 * nothing.stderr, 0.02)
    rho2 = RHO**2 / 2  # of x and z
    within(direct, -0.5 * np.log(1 - rho2))
    assert shared.value == pytest.approx(direct.value - nothing.value, abs=0.02)


@pytest.mark.broad
def test_other_networks_and_seeds(pair):
    e = ji.mutual_information(*pair, net="thesis", seeds=2, **(SMALL | {"steps": 90}))
    within(e, MI)
    assert e.diagnostics["seed_spread"] > 0.0


def test_nearly_deterministic_is_flagged():
    rng = np.random.default_rng(8)
    x = rng.normal(size=2000)
    e = ji.mutual_information(x, x + 1e-6 * rng.normal(size=2000), **SMALL)
    assert any("infinite" in flag or "truncated" in flag for flag in e.flags)


def test_conventions_of_scikit_learn():
    from jaxinfo.sklearn_adapter import MutualInformation

    base = pytest.importorskip("sklearn.base")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 1))
    y = x[:, 0] + rng.normal(size=2000)
    m = base.clone(MutualInformation(random_state=3, **SMALL))
    assert m.get_params()["random_state"] == 3 and m.get_params()["steps"] == 300
    with pytest.raises(ValueError, match="not fitted"):
        m.score(x, y)
    m.fit(x, y)
    assert abs(m.mutual_information_ - 0.5 * np.log(2)) < 4 * m.stderr_
    assert abs(m.score(x, y) - m.mutual_information_) < 0.05
    assert m.pointwise(x[:50], y[:50]).shape == (50,)
    search = pytest.importorskip("sklearn.model_selection").GridSearchCV(m, {"width": [8]}, cv=2)
    assert search.fit(x[:600], y[:600]).best_params_ == {"width": 8}
    assert m.set_params(budget="standard").budget == "standard"
    for option, here in (("seed", "random_state"), ("discrete", "discrete_target")):
        with pytest.raises(ValueError, match=f"unknown option '{option}': here it is {here}"):
            MutualInformation(**{option: None}).fit(x, y)


def test_functions_ask_what_their_name_says(monkeypatch):
    from jaxinfo import api

    monkeypatch.setattr(api, "estimate", lambda vs, measure, **options: {measure: (measure, "".join(vs), options)})
    for name, given in (
        ("conditional_mutual_information", "xyz"),
        ("interaction_information", "xyz"),
        ("entropy", "x"),
    ):
        assert getattr(api, name)(*given, seed=1) == (name, given, {"seed": 1})
    abc = dict(zip("abc", np.zeros((3, 9))))
    for name in ("total_correlation", "dual_total_correlation", "s_information", "o_information"):
        assert getattr(api, name)(abc, seed=1) == (name, "abc", {"seed": 1})


def test_command_line(tmp_path, pair, monkeypatch):
    from jaxinfo.estimators.settings import BUDGETS, resolve

    less = {k: v for k, v in SMALL.items() if k not in ("budget", "progress")}
    monkeypatch.setitem(BUDGETS, "quick", resolve("quick", less))
    np.savetxt(tmp_path / "xy.csv", np.column_stack(pair)[:400], delimiter=",", header="x,y", comments="")
    from jaxinfo import cli

    assert cli.main(["estimate", str(tmp_path / "missing.csv")]) == 2
    assert cli.main(["estimate", str(tmp_path / "xy.csv"), "--measures", "synergy", "--quiet"]) == 2
    out = tmp_path / "out"
    assert cli.main(["estimate", str(tmp_path / "xy.csv"), "--budget", "quick", "--quiet", "--out", str(out)]) == 0
    assert {f.name for f in out.iterdir()} == {"estimates.csv", "profile.csv", "records.jsonl", "report.png"}


def test_command_line_tries_the_output_first_and_prints_before_it_writes(tmp_path, pair, monkeypatch, capsys):
    from jaxinfo import cli
    from jaxinfo.types import Estimate

    trained = []
    answer = Results({"mutual_information": Estimate(0.25, 0.01, diagnostics={"n": 400})})
    monkeypatch.setattr(cli.api, "estimate", lambda *_, **__: trained.append(1) or answer)
    np.savetxt(tmp_path / "xy.csv", np.column_stack(pair)[:400], delimiter=",", header="x,y", comments="")
    ask = ["estimate", str(tmp_path / "xy.csv"), "--no-cache", "--out"]
    for place in (tmp_path / "xy.csv", tmp_path / "xy.csv" / "below"):
        assert cli.main([*ask, str(place)]) == 2
        assert "expected a directory to write to" in capsys.readouterr().err
    source = (tmp_path / "xy.csv").rename(tmp_path / "profile.csv")
    assert cli.main(["estimate", str(source), "--out", str(tmp_path)]) == 2
    assert "would be replaced by the results" in capsys.readouterr().err and source.stat().st_size > 1000
    source.rename(tmp_path / "xy.csv")
    assert not trained

    def full(self, directory):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Results, "save", full)
    assert cli.main([*ask, str(tmp_path / "out")]) == 2
    said = capsys.readouterr()
    assert trained and "0.2500" in said.out and said.err == "jaxinfo: [Errno 28] No space left on device\n"


def test_command_line_leaves_out_what_no_measure_names(tmp_path, pair, monkeypatch, capsys):
    from jaxinfo import cli
    from jaxinfo.types import Estimate

    asked = {}

    def keep(variables, measures, **options):
        asked.update(options, names=list(variables), measures=measures)
        return Results({"mutual_information": Estimate(0.25, 0.01, diagnostics={"n": 400})})

    monkeypatch.setattr(cli.api, "estimate", keep)
    rows = [f"{a},{b},cell{i},{i % 2}" for i, (a, b) in enumerate(zip(pair[0][:400], pair[1]))]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,id,k", *rows]))
    ask = ["estimate", str(tmp_path / "t.csv"), "--no-cache"]
    assert cli.main([*ask, "--measures", "mutual_information(a; b)", "--discrete", "k"]) == 0
    assert asked["names"] == ["a", "b"] and asked["discrete"] == []
    assert cli.main([*ask, "--blocks", "x=a,b;y=k", "--groups", "id"]) == 0
    assert asked["names"] == ["x", "y"] and asked["groups"][1] == "cell1"
    assert cli.main([*ask, "--null", "19"]) == 0
    assert asked["measures"] == ("total_correlation", "dual_total_correlation", "s_information")
    np.savetxt(tmp_path / "s.csv", np.zeros((60, 4)), delimiter=",", header="a,b,c,d", comments="")
    ask = ["estimate", str(tmp_path / "s.csv"), "--no-cache", "--measures"]
    assert cli.main([*ask, "o_information_gradient(a)", "total_correlation(a, b)"]) == 0
    assert asked["names"] == ["a", "b", "c", "d"]  # a gradient is of the whole system


def test_import_is_light():
    """``import jaxinfo`` brings in no heavy package beyond jax, flax and optax."""
    heavy = ("matplotlib", "sklearn", "pandas", "tensorflow_datasets", "orbax.checkpoint")
    code = f"import sys, jaxinfo; print([m for m in {heavy} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("measures", [3, None, [3], np.array([1.0])])
def test_measures_that_are_no_names_are_refused(measures):
    with pytest.raises(ValueError, match="expected measures by name"):
        ji.fit(np.random.default_rng(0).normal(size=(100, 2)), measures)


def test_names_of_measures_may_be_an_array():
    labels = {"a": np.arange(400) % 3, "b": np.arange(400) % 2 > 0}  # counted: nothing is trained
    with pytest.warns(InputWarning, match="read as class labels"):
        assert list(ji.fit(labels, np.array(["mutual_information"])).estimate()) == ["mutual_information"]


def test_kl_says_which_data_set_is_wrong():
    x = np.random.default_rng(0).normal(size=(200, 2))
    bad = np.where(np.arange(400).reshape(200, 2) == 14, np.nan, x)
    with pytest.raises(ValueError, match="xq holds 1 NaN values, the first in row 7"):
        ji.kl_divergence(x, bad)
    bad[:2] = np.inf
    with pytest.raises(ValueError, match="xp holds 5 NaN or infinite values"):
        ji.kl_divergence(bad, x)
    with pytest.raises(ValueError, match=r"xp has dtype object.*got dict such as .{,80}\.$"):
        ji.kl_divergence({"x": x}, x)
