"""Compiled programs are kept where they were asked to be, and do not change a number."""

import os
import subprocess
import sys

from jaxinfo import programs

RUN = """
import jax, jax.numpy as jnp
from jaxinfo import programs
programs.WORTH_KEEPING_S = 0.0
home = programs.keep()
value = programs.program()(lambda x: jnp.tanh(x @ x).sum())(jnp.full((5, 5), 0.123456789))
print(home, repr(float(value)))
"""


def run(**environment):
    inherited = {
        k: v for k, v in os.environ.items() if not k.endswith(("_COMPILATION_CACHE_DIR", "_COMPILATION_CACHE"))
    }
    done = subprocess.run(
        [sys.executable, "-c", RUN], capture_output=True, text=True, env=inherited | environment, check=True
    )
    return done.stdout.split()


def test_the_second_process_finds_the_program_of_the_first(tmp_path):
    home, value = run(XDG_CACHE_HOME=str(tmp_path))
    kept = sorted((tmp_path / "jaxinfo" / programs.processor()).iterdir())
    assert home == str(tmp_path / "jaxinfo" / programs.processor())
    assert any(p.name.startswith("jit_") and p.name.endswith("-cache") for p in kept)
    assert run(XDG_CACHE_HOME=str(tmp_path)) == [home, value]
    after = sorted(p for p in (tmp_path / "jaxinfo" / programs.processor()).iterdir())
    assert [p.name for p in after] == [p.name for p in kept]  # nothing was compiled anew


def test_a_directory_set_before_stays(tmp_path):
    home, _ = run(JAX_COMPILATION_CACHE_DIR=str(tmp_path / "mine"), XDG_CACHE_HOME=str(tmp_path / "other"))
    assert home == str(tmp_path / "mine") and not (tmp_path / "other").exists()


def test_nothing_is_kept_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert run(XDG_CACHE_HOME=str(tmp_path / "file"))[0] == "None"
