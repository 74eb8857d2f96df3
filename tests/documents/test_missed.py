"""Bars that were missed, from made-up documents."""

from textwrap import fill

from experiments.documents import missed
from experiments.documents.complete import OUTSIDE, WITHIN


def test_every_verdict_outside_its_bar_is_listed():
    table = f"| task | measure | verdict |\n|---|---|---|\n| a | tc | {OUTSIDE} |\n| b | tc | {WITHIN} |\n"
    table += "| c | tc | **outside (error)** |\n"
    text = missed.markdown(
        {"cost": f"- x: 3 (bar: 40): {OUTSIDE}\n- y: 50 (bar: 40): {WITHIN}\n", "acceptance": table, "reach": "x"}
    )
    assert f"## [cost](cost.md)\n\n- x: 3 (bar: 40): {OUTSIDE}\n" in text and "- y" not in text
    assert (
        f"## [acceptance](acceptance.md)\n\n- a, tc: {OUTSIDE}\n- c, tc: **outside (error)**\n" in text
        and "- b" not in text
    )
    assert all(fill(words, 120) in text for words in missed.TRIED["cost"]) and "reach" not in text


def test_none_missed():
    assert "None: every recorded bar is within." in missed.markdown({"reach": f"- y: {WITHIN}"})
