"""How soon is the error small: our budgets against the published recipes, in the same run.

Command:   python -m experiments.cost --config=configs/cost.py --workdir=records
Smoke:     python -m experiments.cost --config=configs/cost.py:smoke --workdir=out/smoke
Hardware:  two CPU cores, hours, nothing else running; a finished task is kept, the same command goes on.
Expected:  ``docs/cost.md``: time to error of mutual information at least 40 times shorter than that of the published recipe
           (10 times on the 3 x 3 spiral); O-information of two systems is shown beside, without a bar.
"""

from ml_collections import ConfigDict

TASKS = (
    "1v1-normal-0.75",
    "student-identity-2-2-2",
    "half_cube-multinormal-sparse-25-25-2-2.0",
    "spiral-multinormal-sparse-3-3-2-2.0",
)


def get_config(arg: str = "") -> ConfigDict:
    """The configuration; ``smoke`` ends in under a minute."""
    config = ConfigDict()
    config.tasks = TASKS
    config.curves = ("mixed-10x5-plain", "inner_spiral-six")  # O-information, thesis C.10
    config.checkpoints = 10
    config.test = 10_000
    config.ours = ConfigDict({"n": 10_000, "first": 50, "last": 20_000, "options": {}})
    config.published = ConfigDict({"n": 100_000, "first": 1_000, "last": 0, "options": {}})  # last 0: as published
    if arg == "smoke":
        config.tasks, config.curves, config.checkpoints, config.test = TASKS[:1], (), 2, 300
        small = {"budget": "quick", "width": 16, "num_mc": 2, "checks": 2}
        config.ours = ConfigDict({"n": 300, "first": 10, "last": 20, "options": small})
        config.published = ConfigDict({"n": 300, "first": 10, "last": 20, "options": {"width": 16}})
    elif arg:
        raise ValueError(f"unknown argument {arg!r}; the only one is smoke.")
    return config
