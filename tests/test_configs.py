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


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_docstring_says_how_to_run_it(path):
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    said = {line.split(":")[0]: line.split(":", 1)[1].strip() for line in text.splitlines() if ":" in line}
    for word in ("Command", "Smoke", "Hardware", "Expected"):
        assert said.get(word), f"{path.name}: no line {word}:"
    for word, argument in (("Command", ""), ("Smoke", ":smoke")):
        start = f"python -m experiments.{path.stem} --config=configs/{path.name}{argument} --workdir="
        assert said[word].startswith(start), said[word]
    assert (ROOT / "experiments" / path.name).is_file()


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_smoke_differs_and_unknown_arguments_raise(path):
    module = load(path)
    default, smoke = module.get_config(), module.get_config("smoke")
    assert default.to_json() == module.get_config("").to_json()
    assert smoke.to_json() != default.to_json()
    with pytest.raises(ValueError, match="smoke"):
        module.get_config("unknown")


@pytest.mark.slow
@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_smoke_runs(path, tmp_path):
    command = [
        sys.executable, "-m", f"experiments.{path.stem}", f"--config={path}:smoke", f"--workdir={tmp_path}",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    assert list(tmp_path.glob("*.jsonl")), "no records"
