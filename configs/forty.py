"""The 40 tasks of arXiv 2306.11078 under ten data seeds, tasks of one shape side by side: minutes on an accelerator.

Command:   python -m experiments.forty --config=configs/forty.py --workdir=records
Smoke:     python -m experiments.forty --config=configs/forty.py:smoke --workdir=out/smoke
Hardware:  one GPU (``docs/forty.md`` says how long); on two CPU cores ``--config.seeds=1``, from which the document
           projects what an accelerator would take.
Expected:  ``docs/forty.md``: ten seeds of the whole table in at most ten minutes on a GPU.
"""

from ml_collections import ConfigDict


def get_config(arg: str = "") -> ConfigDict:
    """The configuration; ``smoke`` ends in under a minute."""
    config = ConfigDict()
    config.tasks = ()  # all 40
    config.seeds = 10
    config.n = 10_000
    config.test = 10_000
    config.options = ConfigDict({})
    if arg == "smoke":
        config.tasks, config.seeds, config.n, config.test = ("1v1-normal-0.75", "1v1-bimodal-0.75"), 2, 400, 400
        config.options = ConfigDict({"budget": "quick", "steps": 60, "width": 16, "num_mc": 2, "checks": 4})
    elif arg:
        raise ValueError(f"unknown argument {arg!r}; the only one is smoke.")
    return config
