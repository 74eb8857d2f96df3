"""Derivatives of information from trained networks: against the closed form, and climbing with them.

Command:   python -m experiments.pathwise --config=configs/pathwise.py --workdir=records
Smoke:     python -m experiments.pathwise --config=configs/pathwise.py:smoke --workdir=out/smoke
Hardware:  two CPU cores, hours; every finished part is kept, the same command goes on.
Expected:  relative Frobenius error at most 5 % for 3 and 6 normal variables with the Gaussian part off; ascent with
           refitting reaches at least 95 % of the best value; the learned projection finds the synergy, the learned rotation
           the sources (``docs/pathwise.md``).
"""

from ml_collections import ConfigDict


def get_config(arg: str = "") -> ConfigDict:
    """The configuration; ``smoke`` ends in under a minute."""
    config = ConfigDict()
    config.name = "pathwise"
    config.accuracy = ("normal-3", "normal-6", "humps-3")  # law and number of the sources
    config.n = 50_000
    config.seeds = 3
    config.options = ConfigDict({"gaussian": False})
    config.climbs = ("mutual_information", "synergy", "independence")
    config.climb_n = 5_000
    config.climb_steps = 60
    config.climb_rate = 0.1
    config.refit = ConfigDict({"budget": "quick", "steps": 400, "num_mc": 2, "preprocess": "standardise"})
    if arg == "smoke":
        small = {"budget": "quick", "steps": 40, "width": 16, "depth": 1, "num_mc": 2, "checks": 2}
        config.accuracy, config.n, config.seeds = ("normal-3",), 500, 1
        config.options = ConfigDict(small | {"gaussian": False})
        config.climb_n, config.climb_steps = 300, 2
        config.refit = ConfigDict(small | {"preprocess": "standardise"})
    elif arg:
        raise ValueError(f"unknown argument {arg!r}; the only one is smoke.")
    return config
