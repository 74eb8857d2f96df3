"""How soon is the error small: our budgets against the published recipes, in the same run.

Command:   python -m experiments.cost --config=configs/cost.py --workdir=records
Smoke:     python -m experiments.cost --config=configs/cost.py:smoke --workdir=out/smoke
Hardware:  two CPU cores, hours, nothing else running; the same command goes on, also within a cell.
Expected:  ``docs/cost.md``: whether the time to error of mutual information is 40 times shorter than that of the published
           recipe (10 times on the 3 x 3 spiral); errors and losses of O-information by steps, without a bar.
"""

from ml_collections import ConfigDict

SPIRAL = "spiral-multinormal-sparse-3-3-2-2.0"
LARGE = "half_cube-multinormal-sparse-25-25-2-2.0"
BEYOND = 640_000  # 390,000 as published do not come near on the spiral, and are less than ten times our seconds
SYSTEMS = ("inner_spiral-six",)  # a Gaussian alone is half a nat off


def group(
    measure: str, tasks: tuple[str, ...], checkpoints: int, ours: dict, published: dict, test: int = 10_000, **more
):
    """Tasks with what estimators are given: rows ``n``, ``seeds``, the ``first`` and ``last`` number of steps.

    ``more`` names other options of ours.
    """
    shared = {"n": 10_000, "checkpoints": checkpoints, "test": test, "options": {}}
    recipe = {"n": 100_000, "last": 0}  # 0: as published
    others = {name: shared | ours | options for name, options in more.items()}
    return ConfigDict(
        {"measure": measure, "tasks": tasks, "ours": shared | ours, "published": shared | recipe | published} | others
    )


def get_config(arg: str = "") -> ConfigDict:
    """The configuration; ``smoke`` ends in a minute."""
    config = ConfigDict()
    ours, published = {"first": 50, "last": 20_000, "seeds": 2}, {"first": 1_000, "seeds": 2}
    quick = {"options": {"budget": "quick"}, "last": 4_000}
    pairs = lambda tasks, recipe: group("mutual_information", tasks, 10, ours, recipe, quick=quick)
    curves = {"first": 500, "last": 32_000, "seeds": 3}, {"first": 1_000, "last": 40_000, "seeds": 3}
    config.questions = (
        pairs(("1v1-normal-0.75", "student-identity-2-2-2"), published),
        pairs((SPIRAL,), published | {"last": BEYOND}),
        pairs((LARGE,), published | {"seeds": 1}),  # its training takes four times as long
        group("o_information", SYSTEMS, 6, *curves),  # thesis C.10
    )
    if arg == "smoke":
        small = {"n": 300, "first": 10, "last": 20, "seeds": 1}
        quick = small | {"options": {"budget": "quick", "width": 16, "num_mc": 2, "checks": 2}}
        narrow = small | {"options": {"width": 16}}
        config.questions = (group("mutual_information", ("1v1-normal-0.75",), 2, quick, narrow, test=300),)
    elif arg:
        raise ValueError(f"unknown argument {arg!r}; the only one is smoke.")
    return config
