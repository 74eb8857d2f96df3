"""How far the default goes: many nats, gradients of O-information at N = 10 with three networks, 50 variables.

Command:   python -m experiments.sweep --config=configs/reach.py --workdir=records
Smoke:     python -m experiments.sweep --config=configs/reach.py:smoke --workdir=out/smoke
Hardware:  two CPU cores, hours for the whole table; resumes.
Expected:  ``docs/reach.md``: MI within 5 % up to 10 nats, 10 % up to 5 nats behind a spiral; signs of all gradients right
           with the best network; TC and DTC of 50 variables within 5 %, O-information within 3 % of TC.
"""

from ml_collections import ConfigDict

MUTUAL = ("mutual_information",)
FEW = ("1.0", "2.0", "3.0", "4.0", "5.0")
HIGH = tuple(f"high_mi-3-3-{mi}-{transform}" for mi in (*FEW, "8.0", "10.0") for transform in ("plain", "half_cube"))
SPIRAL = tuple(f"high_mi-3-3-{mi}-spiral" for mi in FEW)
GAUSSIAN_OFF = tuple(f"high_mi-3-3-5.0-{transform}" for transform in ("plain", "half_cube"))
SYSTEM = ("total_correlation", "dual_total_correlation", "s_information", "o_information")
GRADIENT = ("o_information", "o_information_gradient")


def get_config(arg: str = "") -> ConfigDict:
    """The configuration; ``smoke`` ends in under a minute."""
    config = ConfigDict()
    config.name = "reach"
    config.rivals = ("copula", "ksg", "exact")
    config.seeds = 3
    group = lambda tasks, measures, n=20_000, seeds=3, **options: ConfigDict(
        {"tasks": tasks, "n": n, "seeds": seeds, "measures": measures, "options": options}
    )
    long = lambda *args, **kwargs: ConfigDict(group(*args, **kwargs).to_dict() | {"long": True})
    config.groups = (
        group(HIGH, MUTUAL),
        group(SPIRAL, MUTUAL),
        group(GAUSSIAN_OFF, MUTUAL, gaussian=False),
        group(("gradient-10x5",), GRADIENT),
        long(("gradient-10x5",), GRADIENT, seeds=1, net="transformer", budget="quick", num_mc=2),
        group(("gradient-10x5",), GRADIENT, seeds=1, net="mlp"),
        long(("blocks-50x2-inner_spiral",), SYSTEM, seeds=1),
    )
    if arg == "smoke":
        small = {"budget": "quick", "steps": 60, "width": 16, "num_mc": 2, "checks": 4}
        config.groups = (
            group(HIGH[:1], MUTUAL, 400, 1, **small),
            group(("gradient-6x1",), GRADIENT, 400, 1, **small, net="transformer"),
        )
    elif arg:
        raise ValueError(f"unknown argument {arg!r}; the only one is smoke.")
    return config
