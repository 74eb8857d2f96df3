"""A main job that is killed, again and again: the same command ends with the same numbers, bit for bit."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]


def command(workdir, steps):
    options = {"steps": steps, "checks": 40, "checkpoint_every_s": 0.05}
    return [
        sys.executable, "-m", "experiments.estimate", "--config=configs/estimate.py:smoke", f"--workdir={workdir}",
        *(f"--config.options.{name}={value}" for name, value in options.items()),
    ]  # fmt: skip


def launch(workdir, steps=2000):
    # programs are kept: else every start compiles for longer than it trains, and most kills would fall into that
    programs = {
        "JAX_ENABLE_COMPILATION_CACHE": "true",
        "JAX_COMPILATION_CACHE_DIR": str(workdir.parent / "programs"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command(workdir, steps), cwd=ROOT, env=os.environ | programs, **quiet)


def finished(workdir):
    assert launch(workdir).wait(timeout=300) == 0
    return (workdir / "estimates.csv").read_bytes(), (workdir / "profile.csv").read_bytes()


def checkpoints(place):
    return {path.name for path in place.glob("training-*/group*/step_*")}


def killed(process, place, rng, took):
    """Kill at a random moment, every other time just after a checkpoint began to appear; False when it ended before."""
    before, end, at_write = checkpoints(place), time.monotonic() + rng.uniform(0.0, took), rng.uniform() < 0.5
    while process.poll() is None and (checkpoints(place) == before if at_write else time.monotonic() < end):
        time.sleep(0.002)
    time.sleep(rng.uniform(0.0, 0.3) if at_write else 0.0)
    if process.poll() is not None:
        return False
    process.send_signal(signal.SIGKILL)
    process.wait()
    return True


@pytest.mark.slow
def test_killed_at_twenty_random_moments(tmp_path):
    wanted, rng, kills, resumed = finished(tmp_path / "whole"), np.random.default_rng(0), 0, 0
    begun = time.monotonic()
    assert finished(tmp_path / "again") == wanted  # from programs that were kept
    took, place = time.monotonic() - begun, tmp_path / "killed"
    while kills < 20:
        process, found = launch(place), checkpoints(place)
        if killed(process, place, rng, took):
            kills, resumed = kills + 1, resumed + bool(found)
        else:
            assert (place / "estimates.csv").read_bytes() == wanted[0]
            shutil.rmtree(place)
    assert resumed > 5  # most restarts found something to go on from
    assert finished(place) == wanted
