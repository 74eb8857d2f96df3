"""From pointwise values to an estimate: value, standard error, and one flag for each thing that looks wrong."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from jaxinfo import measures as ms
from jaxinfo.blocks import Blocks
from jaxinfo.estimators import summary
from jaxinfo.estimators.readout import Readout
from jaxinfo.estimators.settings import Settings

N = 4000
LOGSNR = np.linspace(-7.5, 11.5, 20)
MI = ms.mi(2, [0], [1])
BELL = np.exp(-0.5 * (LOGSNR - 1.0) ** 2) / np.sqrt(2 * np.pi)  # integrates to 1, nothing at either end


def readout(value=1.0, difference=1.0, optimism=(0.0, 0.0), slope=1.0, curves=()):
    rows = np.random.default_rng(0).normal(size=N)
    rows = value + 0.3 * (rows - rows.mean()) / rows.std()
    curves = {"gap": BELL, "difference": BELL, "gaussian": 0.5 * BELL} | dict(curves)
    return Readout(
        ("mi",), rows[None, None], rows[None, None] - value + difference, 0.5 * rows[None],
        {"logsnr": LOGSNR} | {k: c[None] for k, c in curves.items()},
        np.array([slope]), np.array([0.01]), np.zeros(1), np.array([optimism]),
    )  # fmt: skip


def fitted(late=0.0, best=1000, dim=1, **settings):
    step = np.arange(1, 11) * 100
    score = np.where(step > 666, -late, 0.0)[:, None, None, None]  # [looks, seeds, folds, views]
    history = {
        "step": step, "validation": np.broadcast_to(score, (10, 1, 2, 2)), "cool_from": np.array([1000]),
        "best_step": np.full((1, 2), best),
    }  # fmt: skip
    splits = (SimpleNamespace(validation=np.arange(30)), SimpleNamespace(validation=np.arange(20)))
    blocks = Blocks((dim, 1))
    return SimpleNamespace(
        settings=Settings(folds=2, **settings), hi=12.0, history=history, splits=splits, blocks=blocks, views=MI.views(),
        preprocess="rank",
    )  # fmt: skip


def estimate(read=None, fit=None):
    return summary.estimates(read or readout(), fit or fitted(), {"mi": MI})["mi"]


def test_value_and_error_are_those_of_the_formula():
    e = estimate(readout(1.0, 0.9, (0.04, 0.02)))
    assert e.value == pytest.approx(1.0 + 0.04 - 0.5 * 0.02)
    bent = 2 * summary.BENT * (1.03 - 0.5)  # two coordinates
    parts = 0.3 / np.sqrt(N - 1), summary.DISAGREEMENT * 0.1, summary.DOUBT * 0.03, bent
    assert e.stderr == pytest.approx(np.sqrt(sum(p**2 for p in parts)), rel=1e-6)
    assert estimate(readout(1.0, 0.9), fitted(value="mean")).value == pytest.approx(0.95)
    assert not estimate().flags


def test_diagnostics_change_with_the_unit():
    without_unit = {"calibration_slope", "logsnr_range", "preprocess", "steps", "best_step", "n", "flags"}
    nats = estimate(readout(1.0, 0.9, (0.04, 0.02)))
    bits = nats.to("bits")
    for name in set(nats.diagnostics) - without_unit:
        assert bits.diagnostics[name] == pytest.approx(nats.diagnostics[name] / np.log(2)), name


def test_what_held_out_rows_cannot_tell_from_nothing_is_in_the_error():
    plain, blind = estimate(), estimate(fit=fitted(best=0))
    assert blind.value == plain.value and not plain.diagnostics["unseen"]
    assert blind.stderr**2 - plain.stderr**2 == pytest.approx((2.0 / 50) ** 2)
    assert [flag for flag in blind.flags if flag.startswith("nothing was learned") and "0.040 nats" in flag]


def test_what_networks_are_slow_to_resolve_is_in_the_error():
    plain, edged = estimate(), estimate(readout(curves={"gap": BELL + 0.01 * (LOGSNR > 6.0)}))
    assert edged.value == plain.value
    assert edged.stderr**2 - plain.stderr**2 == pytest.approx((0.01 * 6) ** 2 / 3.0, rel=1e-5)
    both = {"gap": BELL + 0.01 * (LOGSNR > 6.0), "gaussian": BELL + 0.01 * (LOGSNR > 6.0)}
    assert estimate(readout(curves=both)).stderr == pytest.approx(plain.stderr)


def test_what_bends_in_many_coordinates_is_in_the_error():
    plain = estimate(fit=fitted(gaussian=False))
    for dim, share in ((1, 0.02), (19, 0.2), (300, 1.0)):
        bent = estimate(fit=fitted(dim=dim))
        assert bent.value == plain.value and not plain.diagnostics["bent"]
        assert bent.stderr**2 - plain.stderr**2 == pytest.approx((share * 0.5) ** 2)


def test_codes_of_labels_do_not_bend():
    plain, with_label = fitted(dim=1), fitted(dim=1)
    with_label.blocks = Blocks((1, 60), discrete=(False, True))
    bent = lambda fit: estimate(fit=fit).diagnostics["bent"]
    assert bent(with_label) == pytest.approx(bent(plain) / 2)  # one coordinate of two


def test_groups_without_weight_are_no_draws():
    rng = np.random.default_rng(0)
    groups, values = np.repeat(np.arange(50), 4), rng.normal(size=200)
    weights = (groups < 3).astype(float)
    some = groups < 3
    few = summary.clustered_variance(values[some], np.ones(12), groups[some])
    assert summary.clustered_variance(values, weights, groups) == pytest.approx(few)


@pytest.mark.parametrize("count", [3, 6, 30])
def test_few_groups_widen_the_interval_to_that_of_student(count):
    rng = np.random.default_rng(0)
    groups, covered = np.repeat(np.arange(count), 20), []
    for _ in range(2000):
        values = rng.normal(size=count)[groups]
        variance = summary.clustered_variance(values, np.ones(values.size), groups)
        covered.append(abs(values.mean()) < 1.96 * np.sqrt(variance))
    assert np.mean(covered) == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / 2000))


@pytest.mark.parametrize(
    ("said", "read", "fit"),
    [
        ("not converged.*0.050 nats", {}, {"late": 0.05}),
        ("forms disagree: gap gives 1.000 and difference 0.900", {"difference": 0.9}, {}),
        ("too few rows: networks read 0.100 nats more", {"optimism": (0.1, 0.0)}, {}),
        (
            "fine structure: 0.060 nats come from details below 5 %",
            {"curves": {"gap": BELL + 0.01 * (LOGSNR > 6.0)}},
            {},
        ),
        ("strongly bent: networks read 0.500 nats beyond.*in 20 coordinates; about 0.100 nats", {}, {"dim": 19}),
        ("calibration slope off.*scaled by 1.30", {"slope": 1.3}, {}),
        ("truncated at high SNR: about 0.100", {"curves": {"difference": BELL + 0.1 * (LOGSNR > 10.0)}}, {}),
        ("truncated at low SNR: about 0.100", {"curves": {"difference": BELL + 0.1 * (LOGSNR < -6.0)}}, {}),
        ("below its least possible value 0", {"value": -0.05, "difference": -0.05}, {}),
    ],
)
def test_each_flag_speaks_alone(said, read, fit):
    (flag,) = estimate(readout(**read), fitted(**fit)).flags
    assert re.search(said, flag)


def test_gains_of_one_view_are_not_averaged_away():
    """Half of the steps at full rate were left when one of two views began to gain, more than the error but little of all."""
    fit = fitted()
    fit.history["validation"] = fitted(late=0.021).history["validation"] * np.array([1.0, 0.0])
    (flag,) = estimate(readout(2.0, 2.0), fit).flags
    assert "not converged" in flag and "0.021 nats" in flag


def test_gains_of_views_that_a_measure_does_not_read_are_not_its_own():
    fit = fitted()
    fit.views = (*MI.views(), (0, 1))
    fit.history["validation"] = fitted(late=0.5).history["validation"][..., :1] * np.array([0.0, 0.0, 1.0])
    assert not estimate(fit=fit).flags
    fit.views = ((0, 1), *MI.views())
    (flag,) = estimate(fit=fit).flags
    assert "not converged" in flag


def test_more_than_labels_hold_is_named():
    e = estimate(readout(1.0, 1.0))
    assert summary.flag_above(e, 1.0) is e and summary.flag_above(e, 1.0 - 2.5 * e.diagnostics["row_stderr"]) is e
    (flag,) = summary.flag_above(e, 0.9).flags
    assert "above its largest possible value 0.900" in flag


def test_what_a_gaussian_explains_is_not_called_fine_structure():
    both = BELL + 0.01 * (LOGSNR > 6.0)
    assert not estimate(readout(curves={"gap": both, "gaussian": both})).flags
    assert not estimate(readout(curves={"gap": both}), fitted(gaussian=False)).flags


def test_a_relation_that_is_nearly_exact_is_named():
    fit = fitted()
    fit.hi = summary.DETERMINISTIC
    (flag,) = estimate(fit=fit).flags
    assert "nearly deterministic" in flag
