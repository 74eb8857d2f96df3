"""Systems beside decompositions: relative errors, signs, gradients, and rivals that diverge."""

import math

import pytest

from experiments.documents import systems

TRUTH = {"total_correlation": 20.0, "dual_total_correlation": 10.0, "s_information": 30.0, "o_information": 10.0}
SLOPE = "o_information_gradient:x1"


def told(name, tc, dtc, task="mixed-10x5-plain", **more):
    value = TRUTH | {"total_correlation": tc, "dual_total_correlation": dtc, "o_information": tc - dtc}
    own = {"estimator": name} if name != "jaxinfo" else {"beside": {"copula": {m: 0.0 for m in TRUTH}}, "options": {}}
    return {
        "task": task, "seed": 0, "n": 100, "truth": TRUTH, "value": value, "stderr": dict.fromkeys(TRUTH, 0.1),
        "cpu_s": 5.0,
    } | own | more  # fmt: skip


def rival(tc, dtc, **more):
    steps = {"diagnostics": {"total_correlation": {"steps": 700.0}}}
    return told("line-nwj", tc, dtc, options={"cpu_seconds": "ours"}, cpu_seconds=10.4) | steps | more


def sloped(value, task="gradient-6x5"):
    return told("jaxinfo", 0.0, 0.0, task=task) | {
        "truth": {SLOPE: -0.5},
        "value": {SLOPE: value},
        "stderr": {SLOPE: 0.01},
    }


OURS = told("jaxinfo", 20.2, 10.1)


def test_verdicts(tmp_path):
    records = [OURS, rival(15.0, 16.0), sloped(-0.45)]
    text = systems.markdown(records)
    assert "1 systems: worst relative error 1.0 %, mixed-10x5-plain (bar: 3 %): within." in text
    assert "Beyond it" not in text and "By O-information alone on 1." in text
    further = told("jaxinfo", 22.0, 10.1, task="other-plain")
    assert "(bar: 3 %): **outside.** Beyond it are 1: other-plain 10.0 %." in systems.markdown([OURS, further])
    assert "right in 1 of 1 estimates" in text and "0 wrong signs, worst mean absolute error 0.050" in text
    assert "- line-nwj (10 CPU-seconds and 700 steps for each mutual information): sum" in text
    assert "ours is ahead on 1 of 1 systems (bar: all): within." in text
    assert (
        "- Gaussian copula, other maps: sum of the three relative errors 2.500, ours 0.025, medians; ours is ahead on 1 of 1"
        in text
    )
    rows = {r["estimator"]: r for r in systems.systems(records)}
    assert rows["line-nwj"]["signs"] == [False] and rows["copula"]["tc"] == 1.0
    assert rows["line-nwj"]["omega"] == pytest.approx(11.0 / 20.0)
    systems.picture([*records, rival(-1e20, math.nan, seed=1)], tmp_path / "systems.png")
    assert (tmp_path / "systems.png").read_bytes()[:4] == b"\x89PNG"


def test_what_was_tried_beside_the_default_stands_apart_and_is_not_judged():
    tried = sloped(-0.2) | {"options": {"net": "mlp"}}
    text = systems.markdown([OURS, sloped(-0.45), tried])
    assert (
        "| gradient-6x5 | jaxinfo | 1 | 0.050 |" in text and "| gradient-6x5 | jaxinfo, net=mlp | 1 | 0.300 |" in text
    )
    assert "worst mean absolute error 0.050" in text and "- jaxinfo, net=mlp" not in text
    assert "within so far. Beside the default: net=mlp 0.300 (gradient-6x5)." in text.replace(
        "within.", "within so far."
    )


def test_what_was_tried_for_totals_stands_beside_the_default():
    tried = told("jaxinfo", 19.0, 10.0) | {"options": {"net": "mlp"}}
    text = systems.markdown([OURS, tried])
    task = OURS["task"]
    share = max(
        abs(19.0 / OURS["truth"]["total_correlation"] - 1.0), abs(10.0 / OURS["truth"]["dual_total_correlation"] - 1.0)
    )
    assert f"Beside the default: net=mlp {100 * share:.1f} % ({task})." in text
    assert text.count("1 systems: worst relative error") == 1


def test_ours_must_be_ahead_on_every_system():
    other = [told("jaxinfo", 21.0, 10.0, task="mixed-10x20-plain"), rival(20.0, 10.0, task="mixed-10x20-plain")]
    assert "ahead on 1 of 2 systems (bar: all): **outside.**" in systems.markdown([OURS, rival(15.0, 16.0), *other])


def test_what_is_no_number_is_beyond_every_bar():
    diverged = rival(math.inf, math.nan)
    assert "ahead on 1 of 1 systems (bar: all): within." in systems.markdown([OURS, diverged])
    ours = told("jaxinfo", 20.1, math.nan)
    text = systems.markdown([ours, told("jaxinfo", 20.0, 10.0, task="mixed-10x20-plain"), diverged])
    assert "worst relative error nan %, mixed-10x5-plain (bar: 3 %): **outside.**" in text
    assert "ahead on 0 of 1 systems (bar: all): **outside.**" in text
    unsure = OURS | {"stderr": dict.fromkeys(TRUTH, math.nan)}
    assert systems.signs([unsure])["jaxinfo", "mixed-10x5-plain"] == [True]  # excuses nothing


def test_every_seed_is_asked_by_its_own_standard_error():
    vague = told("jaxinfo", 15.0, 16.0, seed=1) | {"stderr": dict.fromkeys(TRUTH, 4.0)}
    sure = told("jaxinfo", 15.0, 16.0, seed=2)
    assert systems.signs([OURS, vague, sure])["jaxinfo", "mixed-10x5-plain"] == [True, False]
    text = systems.markdown([OURS, vague, sure])
    assert "right in 1 of 2 estimates where they or the truth are over 3 of their standard errors, of 3:" in text
    assert "| **1 wrong** |" in text
    assert "standard errors, of 1: **not judged.**" in systems.markdown([vague])
    surely_wrong = told("jaxinfo", 10.0, 60.0) | {"stderr": dict.fromkeys(TRUTH, 4.0)}  # 12 errors from zero
    assert systems.signs([surely_wrong])["jaxinfo", "mixed-10x5-plain"] == [False]


def test_a_loss_that_left_the_numbers_is_said():
    flags = {"steps": 700.0, "flags": ["the loss was not finite after 300 steps: its best parameters before are read"]}
    text = systems.markdown([OURS, rival(15.0, 16.0, diagnostics={"total_correlation": flags})])
    assert "700 steps for each mutual information; left the numbers on 1 of 1 systems)" in text
    assert "| mixed-10x5-plain | line-nwj, left the numbers |" in text


def test_gradients_behind_a_spiral_are_judged_apart():
    text = systems.markdown(
        [sloped(-0.45), sloped(-0.2, "gradient-10x5-inner_spiral"), sloped(0.1, "gradient-6x5-half_cube")]
    )
    assert "- Gradients, other maps: 1 wrong signs, worst mean absolute error 0.600" in text
    assert (
        "- Gradients, inner spiral: 0 wrong signs, worst mean absolute error 0.300 nats (bar: none, 0.1): **out" in text
    )
