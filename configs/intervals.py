"""Do 95 % intervals cover the truth, and does the permutation test hold its level and find what is there?

Command:   python -m experiments.sweep --config=configs/intervals.py --workdir=records
Smoke:     python -m experiments.sweep --config=configs/intervals.py:smoke --workdir=out/smoke
Hardware:  two CPU cores, hours for all draws; resumes.
Expected:  ``docs/intervals.md``: at least 72 of 80 intervals cover, half-widths at most 3 root-mean-square errors; at
           most 6 of 40 independent pairs rejected at 5 %, at least 9 of 10 of the dependent ones.
"""

from ml_collections import ConfigDict

MUTUAL, TOTAL, OMEGA = ("mutual_information",), ("total_correlation",), ("o_information",)
COVERAGE = (
    ("1v1-normal-0.75", MUTUAL),
    ("student-identity-2-2-2", MUTUAL),
    ("inner_spiral-redundant", TOTAL),
    ("sign_xor", OMEGA),
)
NULL = {"budget": "quick", "null": 19}


def get_config(arg: str = "") -> ConfigDict:
    """The configuration; ``smoke`` ends in under a minute."""
    config = ConfigDict()
    config.name = "intervals"
    config.rivals = ()
    group = lambda task, n, seeds, measures, **options: ConfigDict(
        {"tasks": (task,), "n": n, "seeds": seeds, "measures": measures, "options": options}
    )
    config.groups = (
        *(group(task, 5_000, 20, measures) for task, measures in COVERAGE),
        group("independent-1-1", 2_000, 40, MUTUAL, **NULL),
        group("1v1-normal-0.2", 2_000, 10, MUTUAL, **NULL),
    )
    if arg == "smoke":
        small = {"budget": "quick", "steps": 60, "width": 16, "num_mc": 2, "checks": 4}
        config.groups = (
            group("1v1-normal-0.75", 400, 2, MUTUAL, **small),
            group("independent-1-1", 400, 2, MUTUAL, **small, null=3),
        )
    elif arg:
        raise ValueError(f"unknown argument {arg!r}; the only one is smoke.")
    return config
