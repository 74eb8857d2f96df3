"""Real data: brain areas in trials, signalling proteins, fMRI over the life span, three omics of tumours, views of digits.

Command:   python -m experiments.real --config=configs/real.py --workdir=records --data=DIRECTORY
Smoke:     python -m experiments.real --config=configs/real.py:smoke --workdir=out/smoke
Hardware:  one CPU core, hours for all; ``--only`` takes one data set; a killed cell goes on.
Expected:  ``docs/real.md``: in how many windows areas share more while a grating is shown, whether the gradient of
           O-information is larger for proteins with more known edges, whether O-information of fMRI rises with age.

Options are chosen for that time: permutation tests train two folds by 1,500 steps at most, few rows train small networks, views
of digits take 16,000 steps at most (the default: 18,000, and 32,000 for all pairs).  Trials are drawn again where two
conditions are compared, of pairs of areas only for counts in 50 ms: of 60 trials, the ten coordinates of 10 ms tell little.
"""

from ml_collections import ConfigDict

FEW = {"budget": "quick", "folds": 5, "steps": 1_500, "width": 32, "batch": 128}  # hundreds of rows


def get_config(arg: str = "") -> ConfigDict:
    """The configuration; ``smoke`` has two of them, on small files made on the spot."""
    config = ConfigDict()
    config.made = False  # read small files made on the spot
    study = lambda options, **more: ConfigDict({"options": options, "seeds": 1} | more)
    trials = FEW | {"null": 19, "bootstrap": 20}
    config.steinmetz = study(trials, window_s=0.05, steps_s=(0.05, 0.01), again_steps_s=(0.05, 0.01))
    config.tcga = study(trials, dims=(2, 5))
    config.mfeat = study({"null": 19, "steps": 16_000}, dims=(8,), noises=(0.3, 1.0))
    config.lifespan = study({"null": 19}, modules=(20,))
    config.sachs = study({"null": 19}, conditions=("cd3_cd28",))
    config.pairs = study(trials, window_s=0.05, steps_s=(0.05, 0.01), again_steps_s=(0.05,))
    config.allen = study(trials, window_s=0.05, steps_s=(0.05, 0.005, 0.002, 0.001), again_steps_s=(0.05,))
    if arg == "smoke":
        tiny = {"budget": "quick", "steps": 40, "width": 16, "num_mc": 2, "checks": 2}
        for name in ("tcga", "mfeat", "sachs", "pairs", "allen"):
            del config[name]
        config.made, config.lifespan = True, study(tiny, modules=(3,))
        config.steinmetz = study(
            tiny | {"null": 2, "bootstrap": 2}, window_s=0.05, steps_s=(0.05,), again_steps_s=(0.05,)
        )
    elif arg:
        raise ValueError(f"unknown argument {arg!r}; the only one is smoke.")
    return config
