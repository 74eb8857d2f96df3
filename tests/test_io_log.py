"""Records survive: round trips, torn lines, what produced them; and the progress bar."""

import json
import math
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from jaxinfo.io import log
from jaxinfo.types import Estimate


def test_records_round_trip_with_arrays(tmp_path):
    path = tmp_path / "new" / "records.jsonl"
    first = {
        "value": np.float32(0.5),
        "n": np.int64(3),
        "ok": np.bool_(True),
        "rows": np.arange(4).reshape(2, 2),
        "device": jnp.ones(2, jnp.bfloat16),
        "where": tmp_path,
        "nested": {1: (None, "é\n")},
        "set": {3, 1},
    }
    with log.JsonLines(path) as out:
        out.write(first)
        out.write({"estimate": Estimate(1.0, math.nan, name="tc")})
    with log.JsonLines(path) as out:  # appends
        out.write({"last": math.inf})
    got = log.read_records(path)
    assert got[0] == {
        "value": 0.5, "n": 3, "ok": True, "rows": [[0, 1], [2, 3]], "device": [1.0, 1.0], "where": str(tmp_path),
        "nested": {"1": [None, "é\n"]}, "set": [1, 3],
    }  # fmt: skip
    assert got[1]["estimate"]["name"] == "tc" and math.isnan(got[1]["estimate"]["stderr"])
    assert got[2] == {"last": math.inf}
    assert len(path.read_text(encoding="utf-8").splitlines()) == 3


def test_each_record_is_on_the_disk_at_once(tmp_path):
    out = log.JsonLines(tmp_path / "records.jsonl")
    out.write({"a": 1})
    assert json.loads((tmp_path / "records.jsonl").read_text()) == {"a": 1}
    out.close()


def test_torn_line_is_left_out_with_a_warning_and_later_records_stay(tmp_path):
    path = tmp_path / "records.jsonl"
    with log.JsonLines(path) as out:
        out.write({"a": 1})
    with path.open("a") as file:
        file.write('{"a": 2, "b')
    with pytest.warns(UserWarning, match=r"left out 1 unreadable line\(s\): 2"):
        assert log.read_records(path) == [{"a": 1}]
    with log.JsonLines(path) as out:  # the next run goes on
        out.write({"a": 3})
    with pytest.warns(UserWarning, match="a run died there"):
        assert log.read_records(path) == [{"a": 1}, {"a": 3}]


def test_a_first_record_that_was_torn_leaves_none(tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_text('{"a": 1, "b')
    with pytest.warns(UserWarning, match="a run died there"):
        assert log.read_records(path) == []


def test_files_without_records(tmp_path):
    (tmp_path / "empty.jsonl").write_text("")
    assert log.read_records(tmp_path / "empty.jsonl") == []
    (tmp_path / "foreign.jsonl").write_bytes(b"\x89PNG\n\xff\n")
    with pytest.raises(ValueError, match="one JSON object per line, got none in 2 lines"):
        log.read_records(tmp_path / "foreign.jsonl")
    with pytest.raises(ValueError, match="got none at this path"):
        log.read_records(tmp_path / "absent.jsonl")


def test_a_refused_record_leaves_no_trace(tmp_path):
    with log.JsonLines(tmp_path / "records.jsonl") as out:
        with pytest.raises(ValueError, match="got function"):
            out.write({"a": lambda: 0})
        with pytest.raises(ValueError, match="a record as a dict"):
            out.write([1, 2])
    assert (tmp_path / "records.jsonl").read_bytes() == b""


def test_environment_says_what_but_not_where():
    import platform

    got = log.environment()
    assert {"jax", "jaxlib", "flax", "optax", "numpy", "python", "device", "platform", "commit"} <= set(got)
    assert got["numpy"] == np.__version__ and got["platform"] in ("cpu", "gpu", "tpu")
    assert got["commit"] is None or len(got["commit"]) == 40
    assert platform.node() not in json.dumps(got) or not platform.node()
    json.dumps(got)


def test_progress_shows_only_when_asked_or_on_a_terminal(capsys):
    with log.progress(4, "training") as bar:
        bar.update(4, loss=0.5)
    assert capsys.readouterr().err == ""
    with log.progress(4, "training", enabled=True) as bar:
        bar.update(1, loss=np.float32(0.123456), fold="2")
        bar.update(3)
    shown = capsys.readouterr().err
    assert "training" in shown and "4/4" in shown and "loss=0.1235" in shown and "fold=2" in shown
    with log.progress(None, enabled=False) as bar:
        bar.update()


def test_a_record_that_is_not_written_whole_is_told(tmp_path, monkeypatch):
    with log.JsonLines(tmp_path / "records.jsonl") as out:
        short = SimpleNamespace(write=lambda line: len(line) - 1, fileno=out._file.fileno, close=out._file.close)
        monkeypatch.setattr(out, "_file", short)
        with pytest.raises(OSError, match="not written whole; is the disk full"):
            out.write({"a": 1})
