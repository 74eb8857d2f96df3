"""Host-fed training: cut anywhere it ends with the same numbers; faults stop it in plain words and lose nothing."""

import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
import warnings
from pathlib import Path

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinfo import parallel, train
from jaxinfo.io.keeper import Keeper

ROOT = Path(__file__).resolve().parents[1]
TX = train.optimiser(0.02)
KEY = jax.random.key(0)


def loss(params, key, batch):
    noise = 0.1 * jax.random.normal(key, batch.shape)
    return jnp.mean((batch + noise - params["w"]) ** 2), None


def feed(step, count):
    """Batches of 16 rows around (1, −2), a function of the step alone."""
    return np.stack([np.random.default_rng(k).normal([1.0, -2.0], 0.1, (16, 2)) for k in range(step, step + count)])


def start():
    return train.init_state({"w": jnp.zeros(2)}, TX)


def run(num_steps=90, chunk=20, **options):
    return train.run(
        KEY, start(), options.pop("feed", feed), loss=loss, tx=TX, num_steps=num_steps, chunk=chunk, **options
    )


def same(a, b):
    chex.assert_trees_all_equal(a, b)


@pytest.fixture(scope="module")
def whole():
    return run()


def test_learns_and_does_not_depend_on_the_chunk(whole):
    same(whole, run(chunk=90))
    same(whole, run(chunk=7))
    assert int(whole.step) == 90 and np.abs(run(300).params["w"] - jnp.asarray([1.0, -2.0])).max() < 0.1


def test_stopped_and_called_again(whole, tmp_path):
    for steps in (40, 41, 90, 90):
        with Keeper(tmp_path, "run", every_s=0.0) as keeper:
            state = run(steps, chunk=10, keeper=keeper)
    same(whole, state)
    stored = sorted(p.name for p in tmp_path.iterdir())
    assert len(stored) == 3 and stored[-1] == "step_0000000090"


def test_damaged_newest_falls_back_with_a_warning(whole, tmp_path):
    with Keeper(tmp_path, "run", every_s=0.0) as keeper:
        run(60, chunk=10, keeper=keeper)
    newest = tmp_path / "step_0000000060"
    largest = max((p for p in newest.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    largest.write_bytes(largest.read_bytes()[: largest.stat().st_size // 2])
    with pytest.warns(UserWarning, match="damaged checkpoint, going back"), Keeper(tmp_path, "run") as keeper:
        assert keeper.newest()[0] == 50
    with warnings.catch_warnings(), Keeper(tmp_path, "run", every_s=0.0) as keeper:
        warnings.simplefilter("ignore")
        same(whole, run(90, chunk=10, keeper=keeper))


def test_another_run_is_not_read_and_half_written_ones_are_swept(tmp_path):
    with Keeper(tmp_path, "one", every_s=0.0) as keeper:
        run(40, keeper=keeper)
    (tmp_path / ".step_0000000060.abc").mkdir()
    with Keeper(tmp_path, "other", every_s=0.0) as keeper:
        assert keeper.newest() is None
        run(20, keeper=keeper)
        assert keeper.newest()[0] == 20
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step_0000000020"]


def test_a_whole_checkpoint_that_stepped_aside_for_its_successor_comes_back(tmp_path):
    with Keeper(tmp_path, "one", every_s=0.0) as keeper:
        run(20, keeper=keeper)
    for place in tmp_path.iterdir():  # killed while each was written again
        place.rename(tmp_path / f".{place.name}.0123abcd.old")
    with Keeper(tmp_path, "one", every_s=0.0) as keeper:
        assert keeper.newest()[0] == 20
    assert not list(tmp_path.glob(".*"))


def test_a_loss_that_is_not_finite_stops_and_keeps_the_state_before(tmp_path):
    def poisoned(step, count):
        batches = feed(step, count)
        if step <= 33 < step + count:
            batches[33 - step] = np.nan
        return batches

    with pytest.raises(FloatingPointError, match="at step 34: try a smaller learning rate.*after step 33 is kept"):
        with Keeper(tmp_path, "run") as keeper:
            run(feed=poisoned, keeper=keeper)
    with Keeper(tmp_path, "run") as keeper:
        step, leaves, _ = keeper.newest()
    assert step == 33
    same(jax.tree.leaves(run(33)), leaves)


def test_disk_full_says_so_and_the_older_checkpoint_is_whole(tmp_path):
    big = {"a": np.random.default_rng(0).normal(size=200_000)}
    with Keeper(tmp_path, "run") as keeper:
        keeper.save(1, big)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))
    try:
        with pytest.raises(OSError, match="disk full.*after step 1 is whole"), Keeper(tmp_path, "run") as keeper:
            keeper.save(2, big)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    with Keeper(tmp_path, "run") as keeper:
        step, tree, _ = keeper.newest()
    assert step == 1
    np.testing.assert_array_equal(tree["a"], big["a"])
    assert [p.name for p in tmp_path.iterdir()] == ["step_0000000001"]


def test_other_hosts_read_but_do_not_write(whole, tmp_path):
    with Keeper(tmp_path, "run", every_s=0.0, writes=False) as keeper:
        run(40, keeper=keeper)
    assert not list(tmp_path.iterdir())
    with Keeper(tmp_path, "run", every_s=0.0) as keeper:
        run(40, keeper=keeper)
    with Keeper(tmp_path, "run", writes=False) as keeper:
        same(whole, run(90, keeper=keeper))


def test_hosts_save_and_leave_together(tmp_path):
    """This one is not due and was told nothing; another says to save after two chunks of 20, and to leave after three."""
    mine, any_host = [], iter([False, True, False, True, True])
    with pytest.raises(SystemExit), Keeper(tmp_path, "run", every_s=1e9) as keeper:
        run(90, keeper=keeper, agree=lambda flag: mine.append(flag) or next(any_host))
    assert mine == [False] * 5
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step_0000000040", "step_0000000060"]


def test_keep_one_is_refused(tmp_path):
    with pytest.raises(ValueError, match="at least 2"):
        Keeper(tmp_path, keep=1)


PROGRAM = """
    import sys, time
    sys.path[:0] = [{root!r}, {tests!r}]
    import jax, numpy as np
    import test_run as t
    from jaxinfo.io.keeper import Keeper
    slow = lambda step, count: (time.sleep(0.02), t.feed(step, count))[1]
    with Keeper({place!r}, "run", every_s=0.0) as keeper:
        state = t.run(90, chunk=5, feed=slow, keeper=keeper)
    np.save({out!r}, np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(state)]))
"""


def launch(tmp_path):
    text = textwrap.dedent(PROGRAM).format(
        root=str(ROOT), tests=str(ROOT / "tests"), place=str(tmp_path / "kept"), out=str(tmp_path / "end.npy")
    )
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    return subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.DEVNULL, env=environment)


def end(tmp_path, process):
    assert process.wait(timeout=120) == 0
    return np.load(tmp_path / "end.npy")


def kill_after(process, checkpoints, place, how):
    """Wait for some checkpoints, then kill at once; whether it was still running."""
    target = time.monotonic() + 60
    while len(list(place.glob("step_*"))) < checkpoints and time.monotonic() < target and process.poll() is None:
        time.sleep(0.005)
    alive = process.poll() is None
    process.send_signal(how)
    return alive


def flat(state):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(state)])


def test_sigterm_saves_and_exits_and_the_same_command_goes_on(whole, tmp_path):
    process = launch(tmp_path)
    assert kill_after(process, 1, tmp_path / "kept", signal.SIGTERM)
    assert process.wait(timeout=60) == 143
    assert not (tmp_path / "end.npy").exists() and list((tmp_path / "kept").glob("step_*"))
    np.testing.assert_array_equal(end(tmp_path, launch(tmp_path)), flat(whole))


@pytest.mark.slow
def test_killed_at_twenty_moments(whole, tmp_path):
    rng, kills = np.random.default_rng(0), 0
    while kills < 20:
        process = launch(tmp_path)
        kept = {p.name for p in (tmp_path / "kept").glob("step_*")}
        while process.poll() is None and {p.name for p in (tmp_path / "kept").glob("step_*")} == kept:
            time.sleep(0.002)
        time.sleep(rng.uniform(0.0, 0.1))
        if process.poll() is None:
            process.kill()
            process.wait()
            kills += 1
        else:  # it came to its end: start over, the same numbers must come out again
            np.testing.assert_array_equal(np.load(tmp_path / "end.npy"), flat(whole))
            for p in (tmp_path / "kept").iterdir():
                subprocess.run(["rm", "-r", str(p)], check=True)
    np.testing.assert_array_equal(end(tmp_path, launch(tmp_path)), flat(whole))


def test_rows_spread_over_devices_give_the_same_model(whole):
    over = parallel.mesh(fits=1, data=8)
    spread = run(place=lambda tree: parallel.spread_rows(tree, over, axis=1))
    chex.assert_trees_all_close(whole, spread, rtol=1e-6, atol=1e-5)


def test_a_gradient_that_is_not_finite_spoils_no_kept_state(tmp_path):
    """The loss |w| by way of a root is finite at 0, where its derivative is not."""
    root = lambda params, key, batch: (jnp.sqrt(jnp.sum((params["w"] - 1.0) ** 2)) + 0.0 * jnp.sum(batch), None)
    state = train.init_state({"w": jnp.ones(2)}, TX)
    with (
        pytest.raises(FloatingPointError, match="its gradient was not finite, at step 1: "),
        Keeper(tmp_path) as keeper,
    ):
        train.run(KEY, state, feed, loss=root, tx=TX, num_steps=4, chunk=4, keeper=keeper)
    with Keeper(tmp_path) as keeper:
        done, leaves, _ = keeper.newest()
    assert done == 0 and all(np.isfinite(leaf).all() for leaf in leaves if leaf.dtype.kind == "f")
