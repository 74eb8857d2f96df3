"""Packages of others by task, and the reasons of those that gave nothing."""

from made_records import ENVIRONMENT

from experiments.documents import rivals

TOLD = {
    "task": "1v1-normal-0.75", "measure": "mutual_information", "n": 100, "seed": 0, "truth": 0.413,
    "environment": ENVIRONMENT,
}  # fmt: skip


def answer(package, value, cpu_s, peak_mib, **more):
    found = {"value": value, "stderr": None, "cpu_s": cpu_s, "peak_mib": peak_mib, "versions": {package: "1.2"}}
    return TOLD | {"package": package} | found | more


def test_values_with_their_cost_and_reasons_without(tmp_path):
    records = [
        answer("jaxinfo", 0.414, 30.0, 700, stderr=0.012),
        TOLD | {"package": "two", "failed": "no such thing"},
        TOLD | {"package": "two", "failed": "no such thing", "measure": "o_information"},
        answer("one", 0.4, 3.0, 250),
    ]
    text = rivals.markdown(records)
    assert "one 1.2" in text and "| +0.001 ± 0.012 (30 s, 700 MiB) | – | −0.013 (3 s, 250 MiB) |" in text
    assert "- two: no such thing (mutual_information of 1v1-normal-0.75 and 1 more)" in text
    rivals.picture(records, tmp_path / "rivals.png")
    rivals.picture(records[1:2], tmp_path / "none.png")
    assert (tmp_path / "none.png").read_bytes()[:4] == b"\x89PNG"
