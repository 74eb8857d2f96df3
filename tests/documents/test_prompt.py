"""What a label still decides: the curve by both forms, its end, and which label wins after a switch."""

import numpy as np
import pytest
from made_records import ENVIRONMENT

from experiments.documents import prompt


def record(seed=0, gap=(0.0, 1.0, 2.03), early=0.97, late=0.01, start=0.98, **more):
    kept = lambda at, second: {"logsnr": at, "first": round(0.99 - second, 2), "second": second}
    at, second = (-9.0, -6.0, 0.0, 5.9, 13.0), (start, early, 0.5, late, 0.0)
    return {
        "seed": seed, "title": "digits", "latent": 2, "noise": 0.1, "grid": 3, "classifier": 2.0, "classifier_stderr": 0.01,
        "classifier_right": 0.98, "value": 2.02, "stderr": 0.03, "logsnr": [6.0, 0.0, -6.0], "remaining": [0.0, 1.0, 2.05],
        "remaining_stderr": [0.0, 0.01, 0.02], "gap_remaining": list(gap), "gap_stderr": [0.0, 0.02, 0.04],
        "switched": [*map(kept, at, second)],
        "cpu_s": 36.0, "peak_mib": 900, "environment": ENVIRONMENT, **more,
    }  # fmt: skip


def outside(*records):
    return ["**outside.**" in line for line in prompt.verdicts(list(records))]


def test_all_within():
    rows = prompt.switches([record()])
    assert [r["left"] for r in rows] == pytest.approx([1.0, 1.0, 1.0 / 2.05, 0.1 / 6.0 / 2.05, 0.0])
    assert outside(record()) == [False] * 3
    monotone, end, switched = prompt.verdicts([record()])
    assert "2.050 ± 0.020 nats by the difference form, 2.030 ± 0.040 by the gap form" in end
    assert "2.020 ± 0.030, the classifier 2.000 ± 0.010" in end and "0.050 apart" in end
    assert "more than 90 %, at least 97 % show the second" in switched
    assert "less than 10 %, at most 1 % do (≤ 10 %) and at least 98 % show the first" in switched
    assert "at least 98 % show it (bar: ≥ 88 %)" in switched  # of what the classifier gets right, 98 %


def test_images_of_one_label_throughout_set_the_bar_and_have_one():
    assert outside(record(start=0.9, early=0.82)) == [False] * 3
    assert outside(record(start=0.9, early=0.8)) == [False, False, True]
    assert outside(record(start=0.87, early=0.87)) == [False, False, True]
    assert outside(record(start=0.87, early=0.87, classifier_right=0.96)) == [False] * 3


@pytest.mark.parametrize(
    "change, verdict",
    [
        ({"gap": (0.0, 2.07, 2.02)}, 0),  # goes back by .05, its standard error is .04
        ({"gap": (0.0, float("nan"), 2.02)}, 0),
        ({"classifier": 1.94}, 1),
        ({"classifier": 2.16}, 1),
        ({"early": 0.87}, 2),
        ({"late": 0.11}, 2),
    ],
)
def test_each_verdict_can_fail_on_one_seed(change, verdict):
    assert outside(record(**change)) == [k == verdict for k in range(3)]
    if verdict < 2:  # a good seed excuses no other
        assert outside(record(), record(1, **change)) == [k == verdict for k in range(3)]


def test_a_fall_within_the_standard_error_is_none():
    assert prompt.back(record(gap=(0.0, 2.03, 2.0))) == pytest.approx(0.75)
    assert not outside(record(gap=(0.0, 2.03, 2.0)))[0]
    assert prompt.back(record()) == 0.0


def test_images_that_show_neither_label_count_against_the_bar():
    lost = record()
    lost["switched"][3] |= {"first": 0.85, "second": 0.05}
    assert outside(lost) == [False, False, True]
    chance = record()
    chance["switched"][3] |= {"first": 0.1, "second": 0.1}  # what a blind classifier of ten classes would say
    assert outside(chance) == [False, False, True]


def test_without_a_switch_where_the_curve_has_fallen_nothing_is_judged():
    (text,) = prompt.verdicts([record(switched=record()["switched"][:3])])[2:]
    assert "**not judged**, no switch where the label still decides less than 10 %" in text


def test_document(tmp_path):
    other = record(title="letters", remaining=[0.0, 2.0, 4.1], classifier=4.1)
    text = prompt.markdown([record(), record(1), other])
    assert "digits; 2 seeds; the classifier is right on 98 % of images held out:" in text
    assert "letters; 1 seed;" in text and "Ends at 4.100" in text
    assert "| −6 | 100 % | 2 % | 97 % |" in text and "0.0 CPU-hours, 900 MiB at most" in text
    prompt.picture([record(), other], tmp_path / "prompt.png")
    assert (tmp_path / "prompt.png").read_bytes()[:4] == b"\x89PNG"


def test_curves_of_many_times_go_back_where_they_fall():
    up = np.linspace(0.0, 2.0, 1000)
    wavy = up - 0.5 * np.exp(-((np.linspace(-1.0, 1.0, 1000) * 5.0) ** 2))
    assert prompt.back(record(gap=up)) == 0.0 and prompt.back(record(gap=wavy)) > 1.0
