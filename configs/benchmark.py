"""The 40 published tasks from 10,000 rows read on 10,000 others, rivals inside with the same CPU-seconds; 10 from 100,000.

Command:   python -m experiments.sweep --config=configs/benchmark.py --workdir=records
Smoke:     python -m experiments.sweep --config=configs/benchmark.py:smoke --workdir=out/smoke
Hardware:  two CPU cores, hours; resumes.
Expected:  the bars that ``docs/benchmark.md`` states, once drawn: every task within 0.1 nats, below every rival.
"""

from ml_collections import ConfigDict

UNTRAINED = ("copula", "cca", "ksg")
TRAINED = ("dv", "mine", "nwj", "infonce", "smile", "club", "doe_gaussian", "doe_logistic", "fmmi", "published")
OTHERWISE = {"published": {"decay": 0.99}}
MUTUAL = ("mutual_information",)
TEN = (  # every fourth of the 40, in their published order
    "1v1-normal-0.75",
    "1v1-bimodal-0.75",
    "asinh-student-identity-1-1-1",
    "multinormal-dense-5-5-0.5",
    "multinormal-sparse-3-3-2-2.0",
    "student-identity-2-2-2",
    "student-identity-5-5-3",
    "half_cube-multinormal-sparse-3-3-2-2.0",
    "spiral-multinormal-sparse-5-5-2-2.0",
    "spiral-normal_cdf-multinormal-sparse-25-25-2-2.0",
)


def get_config(arg: str = "") -> ConfigDict:
    """The configuration; ``smoke`` ends in under a minute."""
    config = ConfigDict()
    config.name = "benchmark"
    config.rivals = ()
    config.keep_programs = True
    group = lambda tasks, n, seeds, **more: ConfigDict(
        {"tasks": tasks, "n": n, "test": n, "seeds": seeds, "measures": MUTUAL, "options": {}} | more
    )
    # a trained rival ends when it has had the CPU-seconds that ours took on the same task; the published recipe's average
    # forgets sooner than as published, since the clock ends it before that one has left the start
    time = {"cpu_seconds": "ours", "steps": 10**6}
    trained = lambda name: group(("bmi",), 10_000, 1, estimator=name, options=time | OTHERWISE.get(name, {}))
    config.groups = (
        group(("bmi",), 10_000, 3),
        *(group(("bmi",), 10_000, 3, estimator=name) for name in UNTRAINED),
        *map(trained, TRAINED),
        group(TEN, 100_000, 1),
    )
    if arg == "smoke":
        small = {"budget": "quick", "steps": 100, "width": 16, "num_mc": 2, "checks": 4}
        short = {"steps": 40, "look": 20, "batch": 32, "width": 16}
        config.groups = (
            group(("1v1-normal-0.75",), 400, 1, options=small),
            group(("1v1-normal-0.75",), 400, 1, estimator="infonce", options=short),
        )
    elif arg:
        raise ValueError(f"unknown argument {arg!r}; the only one is smoke.")
    return config
