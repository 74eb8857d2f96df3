"""Every file in configs/ says how to run it and has a small version of itself."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = sorted((ROOT / "configs").glob("*.py"))


def load(path):
    spec = importlib.util.spec_from_file_location(f"config_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_are_configs():
    assert CONFIGS


def said(path):
    """The lines ``Word: what`` of a configuration's docstring."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    return {line.split(":")[0]: line.split(":", 1)[1].strip() for line in text.splitlines() if ":" in line}


def script(path):
    """The experiment that a configuration is for."""
    return said(path)["Command"].split()[2]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_docstring_says_how_to_run_it(path):
    for word in ("Command", "Smoke", "Hardware", "Expected"):
        assert said(path).get(word), f"{path.name}: no line {word}:"
    assert (ROOT / script(path).replace(".", "/")).with_suffix(".py").is_file()
    for word, argument in (("Command", ""), ("Smoke", ":smoke")):
        start = f"python -m {script(path)} --config=configs/{path.name}{argument} --workdir="
        assert said(path)[word].startswith(start), said(path)[word]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_smoke_differs_and_unknown_arguments_raise(path):
    module = load(path)
    default, smoke = module.get_config(), module.get_config("smoke")
    assert smoke.to_json() != default.to_json()
    with pytest.raises(ValueError, match="smoke"):
        module.get_config("unknown")


def test_hosts_are_told_by_flags_all_together(tmp_path):
    config = ROOT / "configs" / "gpu_box.py"
    command = [sys.executable, "-m", script(config), f"--config={config}:smoke", f"--workdir={tmp_path}"]
    done = subprocess.run([*command, "--process_id=1"], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode != 0 and "give coordinator, num_processes and process_id together" in done.stderr
    text = config.read_text(encoding="utf-8")
    assert all(flag in text for flag in ("--coordinator=", "--num_processes=", "--process_id="))


@pytest.mark.slow
@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_smoke_runs(path, tmp_path):
    command = [
        sys.executable, "-m", script(path), f"--config={path}:smoke", f"--workdir={tmp_path}",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    assert list(tmp_path.glob("*.jsonl")), "no records"
