"""Checkpoints: what is saved is loaded, replaced whole or not at all, and damage is noticed."""

import json
import os
import uuid

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxinfo.io import checkpoint


def tree():
    return {
        "params": {"kernel": jnp.arange(6.0).reshape(2, 3), "bias": np.zeros(3, np.float64)},
        "half": jnp.ones(2, jnp.bfloat16),
        "list": [np.int32(3), (True, 2.5), []],
        "nothing": None,
        "empty": np.zeros((0, 3), np.float32),
        "a/b.c": np.ones((1, 1), np.complex64),
        "none": {},
    }


def same(a, b):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b)):
        assert isinstance(y, np.ndarray) and y.dtype == np.asarray(x).dtype and y.shape == np.shape(x)
        np.testing.assert_array_equal(np.asarray(x), y)


def test_round_trip_without_a_template(tmp_path):
    about = {"names": ("x", "y"), "level": np.float64(0.95), "nested": {"n": np.arange(2)}}
    checkpoint.save(tmp_path / "new" / "model", tree(), about)
    got, metadata = checkpoint.load(tmp_path / "new" / "model")
    same(tree(), got)
    assert metadata == {"names": ["x", "y"], "level": 0.95, "nested": {"n": [0, 1]}}
    assert os.listdir(tmp_path / "new") == ["model"]  # nothing left behind


def test_optimiser_state_comes_back_through_its_leaves(tmp_path):
    params = {"w": jnp.ones((2, 2)), "a": jnp.zeros(3)}
    state = optax.adam(1e-3).init(params)
    checkpoint.save(tmp_path / "state", state)
    got, metadata = checkpoint.load(tmp_path / "state")
    same(state, jax.tree.unflatten(jax.tree.structure(state), jax.tree.leaves(got)))
    assert metadata == {}


def test_replaced_only_when_the_new_one_is_complete(tmp_path, monkeypatch):
    place = tmp_path / "model"
    checkpoint.save(place, {"a": np.zeros(2)}, {"run": 1})
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "_fingerprint", lambda file: 1 / 0)  # dies after the arrays were written
        with pytest.raises(ZeroDivisionError):
            checkpoint.save(place, {"a": np.ones(2)}, {"run": 2})
    assert checkpoint.load(place)[1] == {"run": 1} and os.listdir(tmp_path) == ["model"]

    rename = os.rename
    with monkeypatch.context() as patch:
        # The second rename, the one that puts the new directory in place, fails: the old one must come back.
        calls = []
        patch.setattr(os, "rename", lambda a, b: calls.append(b) or (1 / 0 if len(calls) == 2 else rename(a, b)))
        with pytest.raises(ZeroDivisionError):
            checkpoint.save(place, {"a": np.ones(2)}, {"run": 3})
    assert checkpoint.load(place)[1] == {"run": 1} and os.listdir(tmp_path) == ["model"]

    checkpoint.save(place, {"b": np.ones(2)}, {"run": 4})
    got, metadata = checkpoint.load(place)
    assert metadata == {"run": 4} and list(got) == ["b"] and os.listdir(tmp_path) == ["model"]


def test_a_save_killed_between_its_renames_leaves_the_older_one(tmp_path):
    place = tmp_path / "model"
    checkpoint.save(place, {"a": np.zeros(2)}, {"run": 1})
    os.rename(place, tmp_path / f".model.{uuid.uuid4().hex[:8]}.old")
    assert checkpoint.load(place)[1] == {"run": 1}
    checkpoint.save(place, {"a": np.ones(2)}, {"run": 2})
    assert checkpoint.load(place)[1] == {"run": 2}
    assert [p.name for p in tmp_path.iterdir()] == ["model"]  # one that is removed does not come back
    with pytest.raises(ValueError, match="got none at this path"):
        checkpoint.load(tmp_path / "other")


def test_other_files_are_never_replaced(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    for place in (tmp_path, tmp_path / "thesis.txt"):
        with pytest.raises(ValueError, match="choose another place"):
            checkpoint.save(place, {"a": np.ones(1)})
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
    (tmp_path / "empty").mkdir()
    checkpoint.save(tmp_path / "empty", {"a": np.ones(1)})
    same({"a": np.ones(1)}, checkpoint.load(tmp_path / "empty")[0])


def test_every_truncated_file_is_noticed(tmp_path):
    place = tmp_path / "model"
    checkpoint.save(place, {"a": np.arange(1000.0)}, {"run": 1})
    files = [p for p in place.rglob("*") if p.is_file() and p.stat().st_size]
    assert len(files) > 2
    for file in files:
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ValueError, match="copy or save it again"):
            checkpoint.load(place)
        file.write_bytes(whole)
    next(p for p in files if p.name != checkpoint.INDEX).unlink()
    with pytest.raises(ValueError, match="missing, cut or changed"):
        checkpoint.load(place)


def test_directories_that_are_no_checkpoint(tmp_path):
    with pytest.raises(ValueError, match="got none at this path"):
        checkpoint.load(tmp_path / "absent")
    with pytest.raises(ValueError, match="is it the right one"):
        checkpoint.load(tmp_path)
    for text, message in (
        ("[]", "unreadable"),
        ("{}", "unreadable"),
        (json.dumps({"format": "other", "version": 1}), "got other version 1"),
        (json.dumps({"format": checkpoint.FORMAT, "version": 99}), "version 99"),
    ):
        (tmp_path / checkpoint.INDEX).write_text(text)
        with pytest.raises(ValueError, match=message):
            checkpoint.load(tmp_path)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"name": "text"}, r"tree\['name'\]: expected an array of numbers"),
        ({"k": [jax.random.key(0)]}, r"tree\['k'\]\[0\].*save jax.random.key_data"),
        ({1: np.ones(1)}, "dict keys that are text"),
    ],
)
def test_leaves_that_cannot_be_saved(tmp_path, bad, message):
    with pytest.raises(ValueError, match=message):
        checkpoint.save(tmp_path / "bad", bad)
    with pytest.raises(ValueError, match="got function"):
        checkpoint.save(tmp_path / "bad", {}, {"f": lambda: 0})
    assert os.listdir(tmp_path) == []
