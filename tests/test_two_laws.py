"""KL between two data sets: the error that comes from knowing q by its rows."""

import numpy as np
import pytest

import jaxinfo as ji
from jaxinfo import inputs
from jaxinfo import measures as ms
from jaxinfo import views as vw
from jaxinfo.bench.distributions import gaussian_kl
from jaxinfo.blocks import Blocks
from jaxinfo.control import control_forms
from jaxinfo.estimators import opinion, summary
from jaxinfo.estimators.prepare import Job, prepare
from jaxinfo.estimators.settings import Settings
from jaxinfo.plan import plan
from jaxinfo.two_laws import _steps, beyond, ratio_variance
from jaxinfo.types import Estimate

SMALL = dict(budget="quick", steps=60, width=8, depth=1, num_mc=2, checks=2, progress=False)
KL = plan({"kl": ms.kl(3, [0], 1, 2)})


def normal(rng, n, mean, cov):
    return rng.multivariate_normal(mean, cov, n)


def equicorrelated(d, rho, scale=1.0):
    return scale**2 * ((1.0 - rho) * np.eye(d) + rho)


def test_gaussians_of_both_laws_make_the_log_ratio_of_each_row():
    """gap(x) of the control is log N_p(x) / N_q(x), whatever the row; its difference the divergence, of rows of p."""
    d, blocks = 3, Blocks((3, 1, 1), ("x", "p", "q"), (False, True, True))
    rng = np.random.default_rng(0)
    laws = [
        (np.array([0.3, -0.2, 0.1]), equicorrelated(d, 0.6, 0.8)),
        (np.array([0.0, 0.5, 0.0]), equicorrelated(d, -0.2)),
    ]
    packed = lambda mean: np.append(mean, [0.5, -0.5])
    means, covs = np.stack([packed(m) for m, _ in laws]), np.stack([np.pad(c, (0, 2)) for _, c in laws])
    assert [vw.given(view) for view in KL.views] == [(1,), (2,)]
    forms = control_forms(KL, blocks, means, covs, -30.0, 30.0, nodes=400)
    x = normal(rng, 2000, *laws[0])
    density = [
        -0.5 * (np.einsum("nd,de,ne->n", x - m, np.linalg.inv(c), x - m) + np.linalg.slogdet(c)[1]) for m, c in laws
    ]
    gap, difference = forms.rows(np.array([packed(row) for row in x]))
    np.testing.assert_allclose(gap[0], density[0] - density[1], atol=1e-6)
    truth = gaussian_kl(*laws[0], *laws[1])
    assert abs(difference.mean() - truth) < 4.0 * difference.std() / np.sqrt(2000)


@pytest.mark.parametrize("kind", ["turned", "wider", "narrower", "shifted", "equal"])
def test_laws_that_are_gaussian_are_read_from_their_gaussians(kind):
    """Each has a covariance of its own inside, so networks have nothing to learn."""
    rng = np.random.default_rng(11)
    eye, zero = np.eye(3), np.zeros(3)
    p = {
        "turned": (zero, equicorrelated(3, 0.5)), "wider": (zero, 1.44 * eye), "narrower": (zero, 0.25 * eye),
        "shifted": (0.5 * np.ones(3), eye), "equal": (zero, eye),
    }[kind]  # fmt: skip
    e = ji.kl_divergence(normal(rng, 3000, *p), normal(rng, 2500, zero, eye), **SMALL)
    truth = gaussian_kl(*p, zero, eye)
    assert e.stderr < 0.06 and abs(e.value - truth) < 3.0 * e.stderr
    assert abs(e.diagnostics["gaussian"] - truth) < 3.0 * max(e.diagnostics["row_stderr"], 0.01)


def prepared(p, q, **settings):
    x = np.column_stack([np.concatenate([p, q]), *([np.repeat([0.5, -0.5], [len(p), len(q)])] * 2)])
    law = np.repeat([0, 1], [len(p), len(q)])
    blocks = Blocks((p.shape[1], 1, 1), ("x", "p", "q"), (False, True, True))
    s = Settings(folds=2, net="mlp", **settings).for_system(blocks, KL.views)
    return prepare(Job(x, 0, law=law, laws=(0, 1)), blocks, KL.views, s), law


def test_coordinates_keep_their_units_unless_ranks_leave_less():
    rng = np.random.default_rng(12)
    wide, narrow = 2.0 * rng.normal(size=(4000, 2)), rng.normal(size=(4000, 2))
    assert prepared(wide, narrow)[0].fitted.preprocess == "standardise"
    assert prepared(np.exp(wide), np.exp(narrow))[0].fitted.preprocess == "rank"


def test_each_view_learns_from_the_rows_of_its_law():
    rng = np.random.default_rng(13)
    found, law = prepared(3.0 + rng.normal(size=(500, 2)), rng.normal(size=(400, 2)), preprocess="none")
    f = found.fitted
    assert f.laws == (0, 1) and f.means.shape == (2, 2, 4) and f.covs.shape == (2, 2, 4, 4)
    np.testing.assert_allclose(f.means[:, 0, :2], 3.0, atol=0.3)
    np.testing.assert_allclose(f.means[:, 1, :2], 0.0, atol=0.3)
    for weight, split in zip(found.train_weight, f.splits):
        assert weight.shape == (2, split.train.size)
        np.testing.assert_allclose(weight.sum(1), 1.0)
        np.testing.assert_array_equal(weight[0] > 0, law[split.train] == 0)
        np.testing.assert_array_equal(weight[1] > 0, law[split.train] == 1)


def test_layers_for_each_variable_are_refused():
    x = np.random.default_rng(2).normal(size=(200, 1))
    with pytest.raises(ValueError, match="one variable.*per_variable"):
        ji.kl_divergence(x, x + 1.0, net="per_variable")


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_variance_of_the_ratio_of_two_normals(noise):
    """N(1, 1) over N(0, 1): Var_q(p / q) = e − 1, from log-ratios that are noisy; noise only loses some of it."""
    rng = np.random.default_rng(0)
    n, m = 20_000, 10_000
    x = np.concatenate([1.0 + rng.normal(size=n), rng.normal(size=m)])
    found = ratio_variance(x - 0.5 + noise * rng.normal(size=n + m), n)
    assert (0.8 if noise == 0.0 else 0.4) * (np.e - 1) < found < 1.25 * (np.e - 1)


def test_equal_laws_have_no_ratio_to_speak_of():
    found = ratio_variance(np.random.default_rng(1).normal(size=20_000), 10_000)
    assert found < 0.02


def test_columns_that_repeat_others_in_one_data_set_alone_are_refused():
    a, b, c, d = np.random.default_rng(3).normal(size=(4, 200))
    with pytest.raises(ValueError, match="in one of them alone"):
        ji.kl_divergence(np.stack([a, a, b], 1), np.stack([c, d, d], 1))


def test_options_of_one_data_set_are_refused():
    x = np.random.default_rng(2).normal(size=(200, 1))
    for wrong in ({"form": "joint"}, {"null": 19}, {"groups": np.arange(200)}, {"sigma": 1.0}):
        with pytest.raises(ValueError, match=f"kl_divergence takes no .* got {next(iter(wrong))}"):
            ji.kl_divergence(x, x + 1.0, **wrong)


@pytest.mark.filterwarnings("ignore::jaxinfo.inputs.InputWarning")
@pytest.mark.parametrize("unit, shift, step", [(0.5, 0.0, 0.5), (1.0, 0.3, 0.3), (2.0, 0.0, 1.0), (0.0, 0.0, 1.0)])
def test_both_data_sets_are_seen_through_one_channel(unit, shift, step):
    """Whole numbers against others: the noise of both is of the smallest gap between values of both, or of the rounded one."""
    rng = np.random.default_rng(4)
    p = rng.integers(0, 4, (500, 1)).astype(float)
    q = 4.0 * rng.random((400, 1))
    q = shift + (unit * np.floor(q / unit) if unit else q)
    tables = [inputs.check({"x": v}, ()) for v in (p, q)]
    assert _steps([p, q], tables) == pytest.approx(step)
    both = [inputs.check({"x": v}, (), steps={"x": np.array([step])}) for v in (p, q)]
    for table, rows in zip(both, (p, q)):
        noise = table.x - rows
        assert table.steps == pytest.approx(step) and np.ptp(noise) == pytest.approx(step, rel=0.05)


def test_rows_of_both_are_told_apart_without_false_alarms():
    rng = np.random.default_rng(7)
    e = ji.kl_divergence(1.0 + rng.normal(size=(2000, 1)), rng.normal(size=(1500, 1)), **SMALL)
    assert not [flag for flag in e.flags if "calibration" in flag or "overlap" in flag]
    area = np.trapezoid(e.profile["gaussian"], e.profile["logsnr"])
    assert area == pytest.approx(
        e.diagnostics["gaussian"], abs=0.02
    )  # the curve of the Gaussian is that of the rows read
    far = ji.kl_divergence(6.0 + rng.normal(size=(300, 1)), rng.normal(size=(300, 1)), **SMALL)
    assert any(flag.startswith("hardly any overlap") for flag in far.flags)


def test_what_lies_beyond_is_in_the_unit_asked_for():
    rng = np.random.default_rng(2)
    p, q = 2.0 * rng.standard_t(3, size=(400, 1)), rng.normal(size=(400, 1))
    nats, bits = (ji.kl_divergence(p, q, unit=unit, **SMALL).diagnostics["beyond"] for unit in ("nats", "bits"))
    assert nats > 0.0 and bits == pytest.approx(nats / np.log(2))


def test_text_is_refused_in_words_that_help():
    text = np.array([["a"], ["b"]] * 60)
    with pytest.raises(ValueError, match="not of labels: expected numbers.*frequencies"):
        ji.kl_divergence(text, text)


def test_what_lies_beyond_the_outermost_row():
    """Of a normal law: ½ (r² − r²_max), since the density goes on as exp(−r² / 2)."""
    rng = np.random.default_rng(5)
    q = rng.normal(size=(20_000, 1))
    assert beyond(q, q) == 0.0
    r2 = [(x - q.mean()) ** 2 / q.var(ddof=1) for x in (6.0, np.abs(q - q.mean()).max() + q.mean())]
    assert beyond(np.array([[6.0], [0.0]]), q) == pytest.approx(0.5 * 0.5 * (r2[0] - r2[1]), rel=0.15)
    wide = lambda z: np.column_stack([z, 10.0 * z])  # a repeated direction has no length
    assert beyond(wide(np.array([[6.0], [0.0]])), wide(q)) == pytest.approx(beyond(np.array([[6.0], [0.0]]), q))


@pytest.mark.parametrize("law", ["normal", "student", "uniform"])
@pytest.mark.parametrize("d", [1, 10])
def test_of_one_law_hardly_anything_lies_beyond(law, d):
    rng = np.random.default_rng(6)
    draw = {"normal": rng.normal, "uniform": rng.random, "student": lambda size: rng.standard_t(3, size)}[law]
    found = np.mean([beyond(draw(size=(2000, d)), draw(size=(2000, d))) for _ in range(10)])
    assert found < summary.LEAST_NATS  # no flag


def test_tails_that_the_second_does_not_reach_are_in_the_error_and_said():
    """Student's t with 3 degrees against a normal of equal variance: .195 nats, more than half of it beyond any row."""
    rng = np.random.default_rng(8)
    p, q = rng.standard_t(3, (2000, 1)), np.sqrt(3.0) * rng.normal(size=(2000, 1))
    e = ji.kl_divergence(p, q, **SMALL)
    assert any(flag.startswith("tails: rows of the first") for flag in e.flags)
    assert e.diagnostics["beyond"] == pytest.approx(beyond(p, q)) and e.stderr > 0.57 * beyond(p, q) > 0.03
    back = ji.kl_divergence(q, p, **SMALL)
    assert not any(flag.startswith("tails") for flag in back.flags) and back.diagnostics["beyond"] < 0.001


def test_neighbours_see_what_networks_of_two_laws_do_not():
    """A comb against a box: networks of a few steps see nothing of it, neighbours most of log 2."""
    rng = np.random.default_rng(9)
    comb, box = (rng.integers(0, 20, (4000, 1)) + 0.5 * rng.random((4000, 1))) / 20.0, rng.random((4000, 1))
    blank = Estimate(0.0, 0.01, None, None, {"flags": ()}, "")
    e = opinion.doubted_kl(blank, comb, box)
    assert e.diagnostics["ksg"] == pytest.approx(np.log(2.0), abs=0.15)
    assert e.stderr == pytest.approx(np.hypot(0.01, e.diagnostics["ksg"] / np.sqrt(3.0))) and "knn_kl" in e.flags[0]
    assert opinion.doubted_kl(blank, np.repeat(comb, 5, 1), np.repeat(box, 5, 1)) is blank
    twice = np.repeat(comb[:500], 5, 0)  # copies, which have no distance
    assert opinion.doubted_kl(blank, twice, box) is blank
