"""TC, DTC and O-information of six and ten variables of 5 to 20 dimensions, decompositions of rivals beside.

Command:   python -m experiments.sweep --config=configs/systems.py --workdir=records
Smoke:     python -m experiments.sweep --config=configs/systems.py:smoke --workdir=out/smoke
Hardware:  two CPU cores, hours for the whole grid; resumes, and the cells of ours where they were killed.  On a GPU
           --together=12 trains a shape's systems side by side (their CPU-seconds are then no clock for decompositions).
Expected:  ``docs/systems.md``: TC and DTC within 3 % (inner spiral 6 %), signs of O-information right, its mean error
           within 3 % of TC; gradients within 0.1 nats; ahead of every decomposition.
"""

from ml_collections import ConfigDict

TRANSFORMS = ("plain", "half_cube", "normal_cdf", "inner_spiral")
SYSTEM = ("total_correlation", "dual_total_correlation", "s_information", "o_information")
GRADIENT = ("o_information", "o_information_gradient")
GRID = tuple(
    f"{kind}-{num}x{dim}-{transform}"
    for num in (10, 6)
    for dim in (5, 20, 10, 15)  # the ends first
    for kind in ("mixed", "redundant", "synergistic")
    for transform in TRANSFORMS
)
COMPARED = tuple(
    f"mixed-10x{dim}-{transform}" for dim in (5, 20) for transform in ("plain", "half_cube", "inner_spiral")
)
HARDEST = ("gradient-6x5-inner_spiral", "gradient-10x5-inner_spiral")
WIDEST = ("synergistic-10x20-inner_spiral",)
TRIED = ({"net": "mlp"}, {"longer": 2.0})
BOUNDS = ("line-mine", "line-nwj", "line-infonce", "line-club")


def get_config(arg: str = "") -> ConfigDict:
    """The configuration; ``smoke`` ends in under a minute."""
    config = ConfigDict()
    config.name = "systems"
    config.seeds = 1
    config.rivals = ("copula",)
    config.keep_programs = True
    group = lambda tasks, measures, options, n=20_000, **more: ConfigDict(
        {"tasks": tasks, "n": n, "measures": measures, "options": options} | more
    )
    # all mutual informations of a decomposition together have the CPU-seconds that ours took on the same system
    rival = lambda name, options, tasks=COMPARED: group(
        tasks, SYSTEM, {"cpu_seconds": "ours", "steps": 10**6} | options, estimator=name, test=20_000
    )
    # its average forgets sooner than as published, since a clock ends it before that one has left the start
    decompositions = dict.fromkeys(BOUNDS, {}) | {"line-published": {"decay": 0.99}}
    rivals = [rival(*each) for each in decompositions.items()]
    rivals.append(rival("tree-nwj", {}, COMPARED[:2]))
    slopes = tuple(f"gradient-{n}x5{tail}" for tail in ("", "-half_cube", "-inner_spiral") for n in (6, 10))
    ours = lambda tasks, measures=SYSTEM, **options: group(tasks, measures, options, long=True)
    rest = tuple(task for task in GRID if task not in COMPARED)
    tried = (ours(HARDEST, GRADIENT, **TRIED[0]), *(ours(WIDEST, **options) for options in TRIED))
    config.groups = (ours(COMPARED), *rivals, ours(slopes, GRADIENT), *tried, ours(rest))
    if arg == "smoke":
        small = {"budget": "quick", "steps": 60, "width": 16, "num_mc": 2, "checks": 4}
        short = {"steps": 20, "look": 10, "batch": 32, "width": 16}
        config.groups = (
            group(("sign_xor",), SYSTEM, small, 400),
            group(("sign_xor",), SYSTEM, short, 400, estimator="line-nwj", test=400),
        )
    elif arg:
        raise ValueError(f"unknown argument {arg!r}; the only one is smoke.")
    return config
