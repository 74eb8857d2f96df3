"""Real data, study by study: contrasts on equally many trials, verdicts that can fail, flags, costs."""

from itertools import combinations

import numpy as np
import pytest
from made_records import ENVIRONMENT

from experiments.datasets import lifespan
from experiments.documents import areas, real

TIES = "a, column 0: 61 % of the values are ties; uniform noise of the rounding step (0.01) was added, and so on"
FORMS = "forms disagree: gap gives -0.273 and difference 0.271 nats; the truth is likely between"
TIMES = (0.025, 0.075)


def row(measure, value, **more):
    return {"measure": measure, "value": value, "stderr": 0.1, "gaussian": 0.0, "n": 60, "flags": []} | more


def record(study, rows, **more):
    shared = {"options": {"null": 19}, "cpu_s": 90.0, "peak_mib": 700, "environment": ENVIRONMENT}
    return {"study": study, "rows": rows} | shared | more


def windows(measure, values, n, p=None, draws=(-0.1, 0.0, 0.1), **more):
    drawn = lambda v: {"bootstrap": [v + d for d in draws]} if draws else {}
    return [row(measure, v, time=t, n=n, p_value=p, **drawn(v), **more) for t, v in zip(TIMES, values)]


def session(of, against, drawn, *, study="pairs", name="s1", named=("A", "B"), measure="mutual_information", **more):
    """The three records of a session: two conditions, the first of which has more trials, and as many drawn of it."""
    told = lambda condition, values, n, matched, p=None: record(
        study, windows(measure, values, n, p, **more), session=name, areas=list(named), condition=condition,
        matched=matched, step_s=0.05,
    )  # fmt: skip
    first, second = areas.CONTRASTS[study].of, areas.CONTRASTS[study].against
    larger = areas.CONTRASTS[study].larger
    return [
        told(first, of, 300 if first == larger else 60, False, 0.05), told(second, against, 60, False, 0.5),
        told(larger, drawn, 60, True),
    ]  # fmt: skip


def test_conditions_are_compared_on_equally_many_trials():
    records = session((0.1, 0.1), (0.2, 0.2), (0.9, 0.3))  # all trials say less, as many of them say more
    (found,) = areas.contrasts(records)
    assert found["difference"][TIMES[0]] == (pytest.approx(0.7), pytest.approx(np.hypot(0.1, 0.1)))
    assert (found["above"], found["below"]) == (1, 0)  # .7 is beyond 2 × .141, .1 is not
    text = real.markdown(records)
    assert found["mean"] == (pytest.approx(0.4), pytest.approx(np.hypot(0.1, 0.1)), 2)
    # 2.83 standard errors by three draws of each: Student's t of two degrees of freedom
    told = "- s1 A–B, 50 ms, mutual information: 0.400 ± 0.141, one-sided p = 0.053; more is shared: not shown at 5 %."
    assert told in text
    name = "| s1 A–B, 50 ms, mutual information "
    assert f"{name}| grating, 300 trials | 0.100 ± 0.100* | 0.100 ± 0.100* |  |" in text
    assert f"{name}| grey, 60 trials | 0.200 ± 0.100 | 0.200 ± 0.100 |  |" in text
    assert f"{name}| grating, 60 drawn | 0.900 ± 0.100 | 0.300 ± 0.100 |  |" in text
    assert f"{name}| **grating − grey** | 0.700 ± 0.141 | 0.100 ± 0.141 | 1 above, 0 below |" in text
    assert (
        "| s1 A–B | grating, 300 trials | 50 ms | mutual information | 0.100 | 0.100 to 0.100 | 0.100 | – | 2 of 2 | – |"
        in text
    )


def test_a_contrast_counts_what_is_less_and_the_larger_standard_error():
    (less,) = areas.contrasts(session((0.1, 0.1), (0.9, 0.9), (0.2, 0.2)))
    assert (less["above"], less["below"]) == (0, 2)
    (unsure,) = areas.contrasts(session((0.1, 0.1), (0.9, 0.9), (0.2, 0.2), bootstrap_stderr=0.5))
    assert (unsure["above"], unsure["below"]) == (0, 0)
    (lacking,) = areas.contrasts(session((0.1, 0.1), (0.9, 0.9), (0.2, 0.2))[:2])  # none drawn yet
    assert lacking["difference"] == {}
    assert "**not compared**" in areas.more_is_shared([lacking], areas.CONTRASTS["pairs"])[0]
    (once,) = areas.contrasts(session((0.1, 0.1), (0.9, 0.9), (0.2, 0.2), draws=()))
    assert once["mean"] is None and once["difference"]
    said = areas.more_is_shared([less], areas.CONTRASTS["pairs"])
    assert any("−0.700" in line and "not shown" in line for line in said)


def test_windows_share_their_draws():
    """Draws that go up in one window and down in the next leave the mean where it is."""
    of, against = ({t: row("x", v, bootstrap=[v - d, v + d]) for t, v, d in zip(TIMES, (1.0, 2.0), each)} for each in (
        (0.3, -0.3), (0.1, 0.1),
    ))  # fmt: skip
    assert areas.mean_difference(of, against) == (0.0, pytest.approx(0.1 * np.sqrt(2.0)), 1)


def test_many_windows_are_one_test():
    tested = [row("x", 9.0, tested=v, null=null) for v, null in ((0.5, [0.1, 0.6, 0.2]), (0.7, [0.3, 0.1, 0.8]))]
    assert areas.over_windows(tested) == pytest.approx(2 / 4)  # the third permutation says .8 somewhere
    assert areas.over_windows([row("x", 9.0)]) is None


def test_three_areas_have_a_table_of_both_measures():
    of = session((0.1, 0.1), (0.2, 0.2), (0.9, 0.3), study="steinmetz", measure="s_information")
    for r, values in zip(of, ((0.5, 0.6), (0.7, -0.8), (0.3, 0.4))):
        r["rows"] += windows("o_information", values, r["rows"][0]["n"])
    text = real.markdown(of)
    assert "o information | grey, 60 trials | 0.700 ± 0.100 | −0.800 ± 0.100 |" in text
    assert "o information | **grating − grey** | −0.400 ± 0.141 | 1.200 ± 0.141 | 1 above, 1 below |" in text
    assert "ms, s information: 0.400 ± 0.141" in text  # O-information says not how much is shared
    assert "ms, o information: " not in text


def test_a_window_that_could_not_be_measured_is_a_gap():
    records = session((0.1, 0.1), (0.2, 0.2), (0.9, 0.3))
    records[1]["rows"] = records[1]["rows"][:1]
    text = real.markdown(records)
    assert "grey, 60 trials | 0.200 ± 0.100 | – |" in text and "| 0.700 ± 0.141 | – | 1 above, 0 below |" in text
    records[1]["rows"] = []
    assert "grey, 0 trials | – | – |" in real.markdown(records)


def test_many_sessions_are_told_by_quartiles():
    values = np.linspace(0.0, 0.4, 5)
    records = [
        r
        for k, v in enumerate(values)
        for r in session(
            (v + 0.5, v), (9.0, 9.0), (0.1, 0.1), study="allen", name=f"s{k}", named="ABC", measure="o_information"
        )
    ]
    text = real.markdown(records)
    name = "| A–B–C, 50 ms, o information "
    assert "5 sessions." in text and f"{name}| change | 0.700 (0.600 to 0.800) | 0.200 (0.100 to 0.300) |" in text
    assert f"{name}| no change, drawn | 0.100 (0.100 to 0.100) |" in text  # not all its flashes, which say 9
    assert f"{name}| **change − no change** | 0.600 ± 0.071 (5 of 5) | 0.100 ± 0.071 (3 of 5) |" in text
    assert "| s0" not in text  # one line per session would be hundreds
    (alone,) = (line for line in real.markdown(records[:3]).splitlines() if "**change −" in line)
    assert "0.400 ± – (1 of 1)" in alone


def proteins(values=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6), edges=(0, 1, 2, 3, 4, 5), known=0.9):
    gradient = [row(f"o_information_gradient({n})", v, edges=e) for n, v, e in zip("abcdef", values, edges)]
    told = lambda a, b, value, edges, p: row(f"total_correlation({a}, {b})", value, edges=edges, p_value=p)
    pairs = [told("a", n, known + k, 1, 0.05) for k, n in enumerate("bcde")]
    pairs += [told(a, b, 0.05 * k, 0, 0.5) for k, (a, b) in enumerate([*combinations("bcdef", 2), ("a", "f")])]
    system = [row("total_correlation", 3.0, p_value=0.05, flags=[TIES, FORMS]), row("o_information", 1.0)]
    return [record("sachs", system + gradient + pairs, condition=None)]


def test_proteins_and_their_edges():
    text = real.markdown(proteins())
    assert "All cells: total correlation 3.000 ± 0.100 (p = 0.05), o information 1.000 ± 0.100." in text
    assert "All cells together mix those of every intervention." in text
    assert "Spearman 1.00 (one-sided p = 0.0014" in text and "larger with more edges: shown at 5 %" in text  # 1 of 6!
    assert "Over 6 proteins, of which f have the most edges, the test has little power: only a correlation" in text
    assert "of about 0.73 or more" in text
    # the graph is a star of four: its middle and the one left out can be chosen in 30 ways
    assert "area under the curve 1.00 (one-sided p = 0.033 over permuted proteins); more with an edge: shown" in text
    assert "p ≤ 0.05 in 4 of 4 with an edge and 0 of 11 without, by chance in about 0.2 and 0.6." in text
    (mixed,) = proteins()
    mixed["rows"] = [{k: v for k, v in r.items() if k != "p_value"} for r in mixed["rows"]]
    assert "permutation test has" not in real.markdown([mixed])
    assert text.index("| f | 5 | 0.600 ± 0.100 |") < text.index("| a | 0 | 0.100 ± 0.100 |")
    other = real.markdown(proteins(values=(0.6, 0.5, 0.4, 0.3, 0.2, 0.1), known=-9.0))
    assert "larger with more edges: not shown at 5 %" in other and "more with an edge: not shown at 5 %" in other


def test_flags_are_told_once_and_in_short():
    assert real.flagged([row("x", 0.0)]) == []
    several = [TIES, TIES.replace("61", "73"), "b: 22 % of the rows share the value 0; uniform noise was added"]
    line, _ = real.flagged([row("x", 0.0, flags=several), row("y", 0.0, flags=[FORMS]), row("z", 0.0, flags=[FORMS])])
    assert line == (
        "Flags: forms disagree (2 of 3 values); tied values, to which noise of the rounding step was added, at most a 73 %, "
        "b 22 %."
    )
    assert "Flags: forms disagree (1 of 23 values); tied values" in real.markdown(proteins())


def aged(value, p, modules=20, name=lifespan.OWN):
    slope = row(
        f"slope of o_information, {name}", value, p_value=p, correlation=0.3, of=20, age=[10, 40, 80], each=[0, 1, 2]
    )
    system = [row("o_information", 0.5), row("total_correlation without age", 0.7, p_value=0.1)]
    return record("lifespan", [*system, slope], modules=modules)


@pytest.mark.parametrize(
    "value, p, modules, said",
    [
        (0.09, 0.0005, 20, "All 20 modules, copula of each subject: rises with age, the published direction."),
        (
            0.09,
            0.06,
            20,
            "All 20 modules, copula of each subject: the published rise with age is **not shown at 5 %**.",
        ),
        (-0.09, 0.0005, 20, "All 20 modules, copula of each subject: **falls** with age, not the published direction."),
        (
            0.09,
            0.0005,
            10,
            "The first 10 of 20 modules, a subset that is not judged, copula of each subject: rises with age.",
        ),
        (
            0.002,
            0.8,
            10,
            "10 of 20 modules, a subset that is not judged, copula of each subject: a rise with age is not shown at 5 %.",
        ),
    ],
)
def test_the_published_direction_is_judged_on_all_modules(value, p, modules, said):
    text = real.markdown([aged(value, p, modules)])
    assert f"{said}\n" in text and f"{real.number(value)} ± 0.100" in text
    assert "without age 0.700 ± 0.100 (p = 0.10)" in text


def test_the_law_of_an_age_is_another_question():
    text = real.markdown([aged(0.002, 0.8, name=lifespan.OURS)])
    assert (
        "All 20 modules, ours: a change with age is not shown at 5 %." in text and "published rise with age" not in text
    )
    assert "All 20 modules, ours: falls with age." in real.markdown([aged(-0.09, 0.001, name=lifespan.OURS)])


def test_views_and_their_pairs():
    pairs = [
        row(f"total_correlation({a}, {b})", v, p_value=p)
        for a, b, v, p in (("a", "b", 0.9, 0.05), ("a", "c", -0.1, 1.0))
    ]
    pairs.append(row("total_correlation(b, c)", 0.2, p_value=0.05))
    said = [row("mutual_information(a; label)", 1.5, p_value=0.05)]
    text = real.markdown([record("mfeat", [row("o_information", 0.5), *pairs, *said], dim=2, noise=1.0)])
    assert "| b | 0.90 ± 0.10* |  | 0.20 ± 0.10* |" in text and "| c | −0.10 ± 0.10 | 0.20 ± 0.10* |  |" in text
    assert "| mutual information(a; label) | 1.500 ± 0.100 | 0.000 | 0.05 |" in text
    assert "| o information | 0.500 ± 0.100 | 0.000 | – |" in text


def test_what_it_cost_and_what_has_no_null():
    text = real.markdown([*proteins(), aged(0.1, 0.5), aged(0.1, 0.5, 10)])
    assert (
        "CPU-minutes: lifespan 3 in 2 cells, at most 700 MiB; sachs 2 in 1 cells, at most 700 MiB; 0.1 CPU-hours"
        in text
    )
    assert "and its gradient have no permutation null" in text and "(permutations: 19, so p is at least 0.05)." in text
    assert "(permutations: none)." in real.markdown([aged(0.1, 0.5) | {"options": {}}])


def test_pictures(tmp_path):
    trials = session((0.1, 0.1), (0.2, 0.2), (0.9, 0.3))
    flashes = session((0.1, 0.1), (0.2, 0.2), (0.9, 0.3), study="allen", measure="o_information", named="ABC")
    for name, records in (("all", [*trials, *flashes, *proteins(), aged(0.1, 0.5)]), ("none", [aged(0.1, 0.5)])):
        real.picture(records, tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
