"""Estimate measures of one file of data.

Command:   python -m experiments.estimate --config=configs/estimate.py --workdir=out/estimate --config.data=FILE
Smoke:     python -m experiments.estimate --config=configs/estimate.py:smoke --workdir=out/smoke
Hardware:  two CPU cores; the default data set (20,000 colour pixels) takes minutes.
Expected:  redundancy dominates (Ω > 0); the number and its spread are in the records of the run.
"""

from ml_collections import ConfigDict


def get_config(arg: str = "") -> ConfigDict:
    """The configuration; ``smoke`` ends in seconds."""
    config = ConfigDict()
    config.data = "example:photographs"
    config.blocks = ""
    config.measures = ("total_correlation", "dual_total_correlation", "s_information", "o_information")
    config.options = ConfigDict({"budget": "standard", "seed": 0, "unit": "nats", "checkpoint_every_s": 15.0})
    config.rows = 0  # 0: all
    if arg == "smoke":
        config.rows = 600
        config.options = ConfigDict(
            {
                "budget": "quick",
                "seed": 0,
                "unit": "nats",
                "checkpoint_every_s": 15.0,
                "steps": 200,
                "width": 16,
                "num_mc": 2,
                "checks": 4,
            }
        )
    elif arg:
        raise ValueError(f"unknown argument {arg!r}; the only one is smoke.")
    return config
