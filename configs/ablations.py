"""What each choice is worth: one option changed at a time, mostly to two levels beside the default's, on three data seeds.

How long and with what is trained (steps, batch, sizes and kind of network, where training looks, optimiser, weight decay) has
one, and so have 100,000 rows.

Command:   python -m experiments.sweep --config=configs/ablations.py --workdir=records
Smoke:     python -m experiments.sweep --config=configs/ablations.py:smoke --workdir=out/smoke
Hardware:  two CPU cores, hours; resumes.  More cores: --jobs=N measures N cells at once, each on its share of them.
Expected:  ``docs/ablations.md``: per change the error on each task, its mean over tasks, and the CPU-seconds of a fit, the
           default first, with the values that it could have told instead (gap, difference).
"""

from ml_collections import ConfigDict

TASKS = ("student-identity-2-2-2", "spiral-multinormal-sparse-3-3-2-2.0", "1v1-additive-0.75")
WIDE = ("half_cube-multinormal-sparse-25-25-2-2.0",)  # for what concerns covariances, which are nearly all of it
MUTUAL = ("mutual_information",)
N = 10_000
CHANGED = (
    *({"form": "sigma", "sigma": sigma} for sigma in (0.5, 1.0, 2.0)),
    *({"form": form} for form in ("reverse", "joint", "sigma_joint")),
    *({"num_mc": draws} for draws in (2, 20)),
    *({"hi": hi} for hi in (6.0, 15.0)),
    *({"lo": lo} for lo in (-2.0, -5.0)),
)
TRAINED = (  # with one data seed
    *({"steps": steps} for steps in (1_500, 5_000)),
    *({"width": width} for width in (32, 128)),
    *({"batch": batch} for batch in (64, 256)),
    {"net": "thesis"},
    *({"frequencies": pairs} for pairs in (0, 32)),
    *({"focus": share} for share in (0.0, 0.5)),
    {"optimiser": "nadamw"},
    {"optimiser": "lion", "learning_rate": 2e-4, "weight_decay": 0.15},
    *({"weight_decay": rate} for rate in (1e-3, 0.3)),
)
SMALL = ({"weight_decay": 0.3}, {"width": 32})  # with the fewest rows
PREPARED = (
    *({"preprocess": kind} for kind in ("standardise", "none")),
    {"gaussian": False},
    {"gaussian": False, "preprocess": "standardise"},
)
ROWS = (2_500, 40_000)
LARGE, MANY = 100_000, ("spiral-multinormal-sparse-5-5-2-2.0",)  # what more rows are worth to what learns for long
LONG = ({}, {"steps": 18_000})  # the latter are those of few rows


def get_config(arg: str = "") -> ConfigDict:
    """The configuration; ``smoke`` ends in under a minute."""
    config = ConfigDict()
    config.name = "ablations"
    config.rivals = ()
    config.keep_programs = True
    group = lambda n, seeds, options, tasks=TASKS, **more: ConfigDict(
        {"tasks": tasks, "n": n, "seeds": seeds, "measures": MUTUAL, "options": options} | more
    )
    config.groups = (
        group(N, 3, {}, TASKS + WIDE),
        *(group(N, 3, changed, TASKS + WIDE) for changed in PREPARED),
        *(group(N, 3, changed) for changed in CHANGED),
        *(group(N, 1, changed) for changed in TRAINED),
        *(group(n, 3, {}, TASKS + WIDE) for n in ROWS),
        *(group(ROWS[0], 3, changed) for changed in SMALL),
        *(group(LARGE, 1, changed, MANY, test=LARGE, long=True) for changed in LONG),
    )
    if arg == "smoke":
        small = {"budget": "quick", "steps": 60, "width": 16, "num_mc": 2, "checks": 4}
        config.groups = tuple(group(400, 1, small | more, ("1v1-normal-0.75",)) for more in ({}, {"form": "reverse"}))
    elif arg:
        raise ValueError(f"unknown argument {arg!r}; the only one is smoke.")
    return config
