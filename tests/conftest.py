"""What every test file shares: eight CPU devices, 64-bit numbers on request, cheap compilation on request."""

import os
from pathlib import Path

import jax
import jaxlib
import pytest
from absl import flags

if jaxlib.__version__.startswith("0.10."):  # later ones may not know the option, and would end the process
    # Cheaper to compile, which is most of the time of these tests; the programs run slower.
    os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_use_fusion_emitters=false"
os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "false"  # of processes that tests start
jax.config.update("jax_enable_compilation_cache", False)  # tests leave nothing in the home of who runs them
jax.config.update("jax_num_cpu_devices", 8)  # before JAX starts; harmless to tests that use one


@pytest.fixture
def x64():
    """64-bit numbers inside the test, 32-bit after it."""
    with jax.enable_x64(True):
        yield


@pytest.fixture
def quick_compile():
    """For programs that compile for longer than they run: a quarter of the compile time, thrice the run time."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture
def flags_forgotten(monkeypatch):
    """Experiments define flags of the same names, each for a process of its own."""
    monkeypatch.chdir(Path(__file__).resolve().parents[1])
    before = set(flags.FLAGS)
    yield
    for name in set(flags.FLAGS) - before:
        delattr(flags.FLAGS, name)


MAPS = Path("/proc/self/maps")
MANY_MAPS = 30_000  # of the 65,530 that Linux grants


@pytest.fixture(autouse=True, scope="module")
def forget_programs():
    """Compiled programs hold memory maps, of which a process may have only so many: a long run once crashed."""
    yield
    if MAPS.exists() and MAPS.read_bytes().count(b"\n") > MANY_MAPS:
        jax.clear_caches()
