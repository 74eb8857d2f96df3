"""The published recipes of MINDE and SOI on the tasks they were published for: network, steps, rates, 100,000 rows.

Command:   python -m experiments.sweep --config=configs/published.py --workdir=records
Smoke:     python -m experiments.sweep --config=configs/published.py:smoke --workdir=out/smoke
Hardware:  two CPU cores, days for all of it; resumes.
Expected:  an estimate per task with its CPU-seconds, from 10,000 fresh rows; ``:minde`` and ``:soi`` ask for one of the two,
           ``--only=1v1-normal`` for some of the tasks.
"""

from ml_collections import ConfigDict

RECIPES = ("minde", "soi")
SYSTEMS = tuple(
    f"{kind}-10x{dim}-{transform}"
    for kind in ("redundant", "synergistic", "mixed")
    for dim in (5, 10, 15, 20)
    for transform in ("plain", "half_cube", "normal_cdf")
)


def get_config(arg: str = "") -> ConfigDict:
    """The configuration: both recipes, ``minde``, ``soi``, or ``smoke``, which ends in under a minute."""
    if arg not in ("", "smoke", *RECIPES):
        raise ValueError(f"unknown argument {arg!r}; choose one of {', '.join(RECIPES)}, smoke, or none for both.")
    config = ConfigDict()
    config.name, config.seeds, config.rivals = "published", 1, ()
    group = lambda tasks, measure, n=100_000, test=10_000, **options: ConfigDict(
        {"tasks": tasks, "n": n, "test": test, "measures": (measure,), "options": options, "estimator": "published"}
    )
    # no options: the numbers of Recipe, which follow the thesis by the number of coordinates
    recipes = {"minde": group(("bmi",), "mutual_information"), "soi": group(SYSTEMS, "o_information")}
    config.groups = tuple(recipes[name] for name in RECIPES if arg in ("", name))
    if arg == "smoke":
        short = {"steps": 20, "width": 16, "num_mc": 2}
        config.groups = (
            group(("1v1-normal-0.75",), "mutual_information", 300, 100, **short),
            group(("sign_xor",), "o_information", 300, 100, **short),
        )
    return config
