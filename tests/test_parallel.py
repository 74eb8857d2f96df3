"""Devices: one or eight, one process or two, the same numbers."""

import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxinfo as ji
from jaxinfo import parallel, train

ROOT = Path(__file__).resolve().parents[1]


def test_mesh_and_padding(monkeypatch):
    over = parallel.mesh()
    assert dict(over.shape) == {"fits": 8, "data": 1}
    assert [parallel.multiple(k, over) for k in (1, 8, 9)] == [8, 8, 16]
    assert dict(parallel.mesh(data=2).shape) == {"fits": 4, "data": 2}
    assert [parallel.mesh_of_fits(k).shape["fits"] for k in (2, 10)] == [2, 8]
    with pytest.raises(ValueError, match="does not fit on 8 devices"):
        parallel.mesh(fits=3, data=3)
    with pytest.raises(ValueError, match="together, or none"):
        parallel.start("localhost:1")
    parallel.start()  # one host, no cluster: nothing happens
    monkeypatch.setenv("SLURM_JOB_ID", "7")  # salloc or sbatch without srun: nobody started a second process
    monkeypatch.setenv("TPU_WORKER_HOSTNAMES", "localhost")  # one machine that names itself
    parallel.start()
    assert jax.process_count() == 1 and parallel.is_first()


def test_cores_are_shared_before_jax_starts_and_not_after():
    program = "import jax; from jaxinfo import parallel; parallel.share_cores(); print(jax.device_count())"
    environment = {k: v for k, v in os.environ.items() if k not in ("XLA_FLAGS", "JAX_NUM_CPU_DEVICES")}
    run = lambda **more: int(
        subprocess.run(
            [sys.executable, "-c", program], env=environment | {"JAX_PLATFORMS": "cpu"} | more, cwd=ROOT,
            capture_output=True, text=True, check=True,
        ).stdout
    )  # fmt: skip
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert run() == (1 if cores == 1 else max(cores, parallel.LEAST_CPU_DEVICES))
    assert run(JAX_NUM_CPU_DEVICES="3") == 3
    parallel.share_cores()
    assert jax.device_count() == 8


def test_placing_and_fetching():
    over = parallel.mesh()
    tree = {"a": np.arange(16.0).reshape(8, 2), "k": jax.random.split(jax.random.key(0), 8)}
    placed = parallel.spread_fits(tree, over)
    assert len(placed["a"].sharding.device_set) == 8 and len(placed["a"].addressable_shards[0].data) == 1
    np.testing.assert_array_equal(parallel.fetch(placed["a"]), tree["a"])
    assert parallel.replicate(jnp.ones(3), over).sharding.is_fully_replicated


@pytest.mark.usefixtures("quick_compile")
def test_one_and_eight_devices_give_the_same_estimate(monkeypatch):
    z = np.random.default_rng(0).multivariate_normal([0, 0, 0], np.eye(3) * 0.5 + 0.5, size=1500)
    small = dict(budget="quick", steps=120, width=16, depth=1, num_mc=2, checks=3, progress=False, seeds=2)
    ask = lambda: ji.estimate(z, ("total_correlation", "o_information"), folds=5, **small)
    monkeypatch.setattr(parallel, "fits_at_once", lambda: 2)  # 10 fits, padded to 16 on 8 devices
    eight = ask()
    monkeypatch.setattr(parallel, "mesh_of_fits", lambda count: parallel.mesh(devices=jax.devices()[:1]))
    one = ask()
    for name in one:
        assert one[name].value == pytest.approx(eight[name].value, abs=1e-4)
        np.testing.assert_allclose(one[name].per_sample, eight[name].per_sample, atol=1e-3)


PROGRAM = """
    import sys
    sys.path.insert(0, {root!r})
    from jaxinfo import parallel
    parallel.start("localhost:{port}", 2, {process})
    import jax, jax.numpy as jnp, numpy as np
    from jax.experimental import multihost_utils
    sys.path.insert(0, {tests!r})
    import test_parallel as t
    assert jax.process_count() == 2 and jax.device_count() == 2 and parallel.is_first() == ({process} == 0)
    over = parallel.mesh(fits=1, data=2)
    mine = slice(8 * {process}, 8 * {process} + 8)
    feed = lambda step, count: t.feed(step, count)[:, mine]
    spread = lambda tree: parallel.spread_rows(tree, over, axis=1)
    from jaxinfo.io.keeper import Keeper
    for steps in (20, 40):  # the second goes on from what the first host has kept for all
        with Keeper({kept!r}, "run", every_s=0.0, writes=parallel.is_first()) as keeper:
            state = t.trained(feed, spread, lambda s: parallel.replicate(s, over), keeper, steps)
            keeper.wait()
        multihost_utils.sync_global_devices(f"kept {{steps}}")
    assert keeper.newest()[0] == 40
    np.save({out!r}, parallel.fetch(state.params["w"]))
    gathered = parallel.fetch(parallel.spread_rows(np.arange(3) + 3 * {process}, over))
    assert gathered.tolist() == list(range(6)), gathered
"""


def feed(step, count):
    return np.stack([np.random.default_rng(k).normal([1.0, -2.0], 0.1, (16, 2)) for k in range(step, step + count)])


def trained(feed, place, put=lambda state: state, keeper=None, steps=40):
    tx = train.optimiser(0.02)
    loss = lambda params, key, batch: (
        jnp.mean((batch + 0.1 * jax.random.normal(key, batch.shape) - params["w"]) ** 2),
        0,
    )
    state = put(train.init_state({"w": jnp.zeros(2)}, tx))
    return train.run(
        jax.random.key(0), state, feed, loss=loss, tx=tx, num_steps=steps, chunk=10, place=place, keeper=keeper
    )


def test_two_processes_train_one_model(tmp_path):
    with socket.socket() as s:
        s.bind(("localhost", 0))
        port = s.getsockname()[1]
    environment = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS"} | {"JAX_PLATFORMS": "cpu"}
    processes = []
    for process in range(2):
        text = textwrap.dedent(PROGRAM).format(
            root=str(ROOT), tests=str(ROOT / "tests"), port=port, process=process, out=str(tmp_path / f"{process}.npy"),
            kept=str(tmp_path / "kept"),
        )  # fmt: skip
        processes.append(
            subprocess.Popen([sys.executable, "-c", text], env=environment, stderr=subprocess.PIPE, text=True)
        )
    said = [p.communicate(timeout=240)[1] for p in processes]
    assert [p.returncode for p in processes] == [0, 0], said[0][-2000:] + said[1][-2000:]
    alone = trained(feed, jax.device_put).params["w"]
    for process in range(2):
        np.testing.assert_allclose(np.load(tmp_path / f"{process}.npy"), alone, atol=1e-5)


def test_two_hosts_of_two_devices_train_on_a_stream(tmp_path):
    """Nine rows of every view are dealt out over four devices; the first host reads while the other waits."""
    with socket.socket() as s:
        s.bind(("localhost", 0))
        port = s.getsockname()[1]
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    config = ROOT / "configs" / "gpu_box.py"
    command = [
        sys.executable, "-m", "experiments.stream", f"--config={config}:smoke", f"--workdir={tmp_path}",
        f"--coordinator=localhost:{port}", "--num_processes=2",
    ]  # fmt: skip
    said = [tmp_path / f"said{k}.txt" for k in range(2)]
    with said[0].open("w") as first, said[1].open("w") as second:
        processes = [
            subprocess.Popen([*command, f"--process_id={k}"], env=environment, cwd=ROOT, stderr=out)
            for k, out in enumerate((first, second))
        ]
        try:
            codes = [p.wait(timeout=300) for p in processes]
        finally:
            for p in processes:
                p.kill()
    assert codes == [0, 0], "".join(path.read_text()[-2000:] for path in said)
    assert (tmp_path / "estimates.csv").read_text().count("\n") == 4  # a line for each measure, written once
    assert (tmp_path / "log1.jsonl").is_file()
