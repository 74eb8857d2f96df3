"""The 40 tasks in few programs: bars on accuracy and cost, on a CPU and on an accelerator."""

import pytest

from experiments.documents import complete, forty

NEAR = [f"task {k}" for k in range(40)]


def told(tasks, error=0.01, seeds=1, clock="cpu", **more):
    return {
        "shape": "1-1", "tasks": tasks, "seeds": seeds, "n": 10_000, "test": 10_000, "options": {}, "clock": clock,
        "truth": dict.fromkeys(tasks, 0.4), "value": dict.fromkeys(tasks, [0.4 + error] * seeds), "wall_s": 60.0,
        "cpu_s": 100.0, "steps": dict.fromkeys(tasks, [3500.0] * seeds), "training_flops": 67e12 * 0.05 * 60,
        "training_wall_s": 30.0,
    } | more  # fmt: skip


def test_one_line_per_shape_and_a_projection(tmp_path):
    one = told(["1v1-normal-0.75"], seeds=2) | {"value": {"1v1-normal-0.75": [0.41, 0.37]}}
    text = forty.markdown([one])
    assert "| 1 + 1 | 1 | 0.0200 | 0.030 | 3500 | 60 | 100 |" in text
    assert "**A projection, not a measurement**" in text and "would take 10.0 minutes" in text
    assert "0.8 CPU-minutes a seed (bar: 25): within so far." in text
    forty.picture([one], tmp_path / "forty.png")
    assert (tmp_path / "forty.png").read_bytes()[:4] == b"\x89PNG"


def test_accuracy_is_judged_on_all_forty():
    assert "Within 0.1 nats: 40 of 40 (bar: all): within so far." in forty.markdown([told(NEAR)])  # of one seed
    text = forty.markdown([told(NEAR, seeds=3)])
    assert "Within 0.1 nats: 40 of 40 (bar: all): within." in text
    assert "Mean error 0.0100 nats (bar: 0.02): within." in text and "outside" not in text
    text = forty.markdown([told(NEAR[:36]), told(NEAR[36:39], 0.06), told(NEAR[39:], -0.11)])
    assert "Within 0.1 nats: 39 of 40 (bar: all): **outside.**" in text
    assert "Within 0.05 nats: 36 of 40 (bar: at least 37 of 40): **outside.**" in text
    assert "**outside.**" in forty.markdown([told(NEAR, cpu_s=1600.0)])  # too dear


def test_an_accelerator_is_judged_by_minutes_of_ten_seeds():
    gpu = told(NEAR[:1], seeds=10, clock="wall")
    assert "1 tasks × 10 seeds in 1.0 minutes of wall (bar: 10 seeds in 10): within so far." in forty.markdown([gpu])
    slow = forty.markdown([told(NEAR, seeds=10, clock="wall", wall_s=900.0)])
    assert "40 tasks × 10 seeds in 15.0 minutes of wall (bar: 10 seeds in 10): **outside.**" in slow
    assert "projection" not in slow


def test_part_of_an_accelerator_is_projected_by_what_it_took_beside_a_cpu():
    cpu = [told(NEAR[:10]), told(NEAR[10:], shape="2-2")]
    gpu = told(NEAR[:10], seeds=10, clock="wall", wall_s=120.0, training_wall_s=60.0, training_flops=67e12 * 0.05 * 600)
    text = forty.markdown([gpu, *cpu])
    assert text.index("`--config.seeds=1`") < text.index("`--config.seeds=10`")
    assert "10 tasks × 10 seeds in 2.0 minutes of wall (bar: 10 seeds in 10): within so far." in text
    assert "58 steps per second, each of all fits of a shape at once, 33.50 TFLOP/s, 50.0 % of what an H200" in text
    assert "all 40 tasks would take 4.0 minutes (bar: 10)." in text and text.count("projection") == 1
    assert "3.3 CPU-minutes a seed (bar: 25): within." in text and "10 of 10 (bar: all): within so far." in text


@pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")  # of ml_collections
def test_shapes_that_an_accelerator_has_not_taken_are_missing(flags_forgotten):
    records = [told(NEAR[:10]), told(NEAR[10:], shape="2-2"), told(NEAR[:10], seeds=10)]
    cells, _ = complete.asked("forty", records)
    assert [sum(c["seeds"] == k for c in cells) for k in (1, 10)] == [len(cells) // 2] * 2
