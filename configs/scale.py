"""Cost against the number of variables: an optimiser step, and reading per view and row.

Command:   python -m experiments.scale --config=configs/scale.py --workdir=records
Smoke:     python -m experiments.scale --config=configs/scale.py:smoke --workdir=out/smoke
Hardware:  two CPU cores, nothing else running; resumes.
Expected:  reading a row in a view takes at 100 variables at most 3 times what it takes at 10 (``docs/scale.md``).
"""

from ml_collections import ConfigDict


def get_config(arg: str = "") -> ConfigDict:
    """The configuration; ``smoke`` ends in under a minute."""
    config = ConfigDict()
    config.name = "scale"
    config.variables = (3, 10, 25, 50, 100)
    config.n = 2_000
    config.steps = 900  # looks are 300 steps apart, as by default
    config.network = ConfigDict({})
    if arg == "smoke":
        config.variables, config.n, config.steps = (3, 4), 300, 16
        config.network = ConfigDict({"width": 16, "depth": 1, "folds": 2, "num_mc": 2})
    elif arg:
        raise ValueError(f"unknown argument {arg!r}; the only one is smoke.")
    return config
