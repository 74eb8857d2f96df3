"""A main job that is killed, again and again: the same command ends with the same numbers, bit for bit."""

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
    return subprocess.Popen(command(workdir, steps), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def finished(workdir):
    assert launch(workdir).wait(timeout=300) == 0
    return (workdir / "estimates.csv").read_bytes(), (workdir / "profile.csv").read_bytes()


@pytest.mark.slow
def test_killed_at_twenty_random_moments(tmp_path):
    wanted, rng, kills, resumed = finished(tmp_path / "whole"), np.random.default_rng(0), 0, 0
    place, training = tmp_path / "killed", tmp_path / "killed" / "training"
    while kills < 20:
        process = launch(place)
        resumed += bool(list(training.glob("group*/step_*")))
        before, deadline = len(list(training.glob("group*/step_*"))), time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
            names = {p.name for p in training.glob("group*/step_*")}
            if len(names) != before or rng.uniform() < 0.0005:
                break
        time.sleep(rng.uniform(0.0, 0.5))
        if process.poll() is not None:  # it came to its end before it could be killed
            assert (place / "estimates.csv").read_bytes() == wanted[0]
            for p in sorted(place.rglob("*"), reverse=True):
                p.rmdir() if p.is_dir() else p.unlink()
            continue
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    assert resumed > 5  # most restarts found something to go on from
    assert finished(place) == wanted
