"""Accuracy and cost of the default budget on systems with exact truth.

Command:   python -m experiments.sweep --config=configs/acceptance.py --workdir=records
Smoke:     python -m experiments.sweep --config=configs/acceptance.py:smoke --workdir=out/smoke
Hardware:  two CPU cores, hours for the whole table; resumes.
Expected:  the bars of the table that ``python -m experiments.tables`` prints; all rows within them.
"""

from ml_collections import ConfigDict

PAIRS = (
    "1v1-normal-0.75",
    "multinormal-sparse-25-25-2-2.0",
    "half_cube-multinormal-sparse-25-25-2-2.0",
    "student-identity-2-2-2",
    "student-identity-1-1-1",
    "swissroll_x-normal_cdf-1v1-normal-0.75",
    "1v1-additive-0.1",
    "independent-5-5",
    "spiral-multinormal-sparse-3-3-2-2.0",
    "mixture-4class",
)
SYSTEMS = (
    "mixed-10x5-plain",
    "mixed-10x5-half_cube",
    "mixed-10x5-normal_cdf",
    "sign_xor",
    "inner_spiral-redundant",
    "inner_spiral-synergistic",
    "inner_spiral-six",
)
DENSITIES = ("mixture-entropy-3", "mixture-kl", "normal-kl-5")


def get_config(arg: str = "") -> ConfigDict:
    """The configuration; ``smoke`` ends in under a minute."""
    config = ConfigDict()
    config.name = "acceptance"
    config.seeds = 3
    config.rivals = ("copula", "ksg", "exact")
    group = lambda tasks, **options: ConfigDict({"n": 20_000, "tasks": tasks, "options": options})
    gradient = group(("gradient-6x1",))
    gradient.measures = ("o_information", "o_information_gradient")
    without = group(SYSTEMS[:3], gaussian=False)
    without.seeds = 1
    config.groups = (group(PAIRS), group(DENSITIES), group(SYSTEMS), gradient, without)
    if arg == "smoke":
        config.seeds = 1
        small = {"budget": "quick", "steps": 100, "width": 16, "num_mc": 2, "checks": 4}
        config.groups = (ConfigDict({"n": 500, "tasks": ("1v1-normal-0.75",), "options": small}),)
    elif arg:
        raise ValueError(f"unknown argument {arg!r}; the only one is smoke.")
    return config
