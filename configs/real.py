"""Real data: brain areas in trials, signalling proteins, fMRI over the life span, three omics of tumours, views of digits.

Command:   python -m experiments.real --config=configs/real.py --workdir=records --data=DIRECTORY
Smoke:     python -m experiments.real --config=configs/real.py:smoke --workdir=out/smoke
Hardware:  two CPU cores, hours for all; ``--only`` takes one data set; resumes.
Expected:  ``docs/real.md``: areas share more while a grating is shown, the gradient of O-information is larger for proteins
           with more known edges, O-information of fMRI rises with age.
"""

from ml_collections import ConfigDict

FEW = {"budget": "quick", "folds": 5, "steps": 1_500, "width": 32, "batch": 128}  # hundreds of rows


def get_config(arg: str = "") -> ConfigDict:
    """The configuration; ``smoke`` is one of them, made small."""
    config = ConfigDict()
    config.made = False  # read small files made on the spot
    study = lambda options, **more: ConfigDict({"options": options, "seeds": 1} | more)
    trials = FEW | {"null": 19, "bootstrap": 10}
    config.steinmetz = study(trials, window_s=0.05, steps_s=(0.05, 0.01), systems=6)
    config.allen = study(trials, window_s=0.05, steps_s=(0.05, 0.005, 0.002, 0.001))
    config.sachs = study({"null": 19}, conditions=("cd3_cd28",))
    config.lifespan = study({"null": 19}, modules=(10, 20))
    config.tcga = study(FEW | {"null": 19, "bootstrap": 20}, dims=(2, 5))
    config.mfeat = study({"null": 19}, dims=(8,), noises=(0.3, 1.0))
    if arg == "smoke":
        tiny = {"budget": "quick", "steps": 40, "width": 16, "num_mc": 2, "checks": 2}
        for name in ("steinmetz", "allen", "sachs", "tcga", "mfeat"):
            del config[name]
        config.made, config.lifespan = True, study(tiny, modules=(3,))
    elif arg:
        raise ValueError(f"unknown argument {arg!r}; the only one is smoke.")
    return config
