"""Many fits in one program: fits times steps per second, peak memory, share of the attainable FLOP rate.

Command:   python -m experiments.throughput --config=configs/throughput.py --workdir=records
Smoke:     python -m experiments.throughput --config=configs/throughput.py:smoke --workdir=out/smoke
Hardware:  two CPU cores, minutes, nothing else running; or a GPU, with a workdir of its own.
Expected:  ``docs/throughput.md``: on a CPU at 20 seeds at least 0.9 of one seed's rate, peak memory flat in the number of fits,
           less than half of a step for random numbers and copies; on a GPU at least 8 times one seed's rate.
"""

from ml_collections import ConfigDict


def get_config(arg: str = "") -> ConfigDict:
    """The configuration; ``smoke`` ends in under a minute."""
    config = ConfigDict()
    config.name = "throughput"
    config.task = "spiral-multinormal-sparse-3-3-2-2.0"
    config.n = 10_000
    config.steps = 1_600
    config.cells = ((1, 1), (5, 1), (20, 1), (20, 2), (20, 4), (20, 20))  # seeds, how many of them side by side
    config.network = ConfigDict({})
    if arg == "smoke":
        config.n, config.steps, config.cells = 300, 40, ((1, 1), (2, 1))
        config.network = ConfigDict({"width": 16, "depth": 1})
    elif arg:
        raise ValueError(f"unknown argument {arg!r}; the only one is smoke.")
    return config
