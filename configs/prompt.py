"""What a label still decides while a digit is generated (thesis Eq. 4.30, Figures 4.3 and 4.4).

Command:   python -m experiments.prompt --config=configs/prompt.py --workdir=records --data=mnist.npz
Smoke:     python -m experiments.prompt --config=configs/prompt.py:smoke --workdir=out/smoke
Hardware:  two CPU cores; resumes.  ``--data`` takes an npz file of MNIST or tfds:mnist; without it the small
           digits of scikit-learn.
Expected:  ``docs/prompt.md``: the curve ends within 0.1 nats of what a classifier says of I(X; Y), and switching the label
           changes nothing any more where the curve has fallen.
"""

from ml_collections import ConfigDict


def get_config(arg: str = "") -> ConfigDict:
    """The configuration; ``smoke`` ends in under a minute."""
    config = ConfigDict()
    config.n = 60_000
    config.read = 4_000  # rows of the curve
    config.latent = 8
    # of the latents, which vary by 1: what lies below it takes long to learn, and a square of differences reads what is not
    # learned yet as information
    config.noise = 0.3
    config.encoder = ConfigDict({"width": 400, "steps": 6_000})
    config.seeds = 3
    config.grid = 1_000  # times of the curve
    # log-SNR at which the label changes; at the first and the last, beyond the range, images have one label throughout
    config.switches = (-9.0, -6.0, -4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0, 6.0, 13.0)
    config.drawn = 1_000
    config.steps = 64  # of the solver
    # without its label an image is harder to know than with it: fewer steps, rows or units leave the two apart
    config.options = ConfigDict({"folds": 2, "steps": 40_000, "width": 128, "preprocess": "standardise"})
    if arg == "smoke":
        config.update({"n": 400, "read": 80, "latent": 2, "seeds": 1, "grid": 20, "drawn": 40, "steps": 8})
        config.encoder = ConfigDict({"width": 16, "steps": 40})
        config.switches = (-9.0, 0.0, 13.0)
        config.options = ConfigDict({"budget": "quick", "steps": 40, "width": 16, "num_mc": 2, "checks": 2})
    elif arg:
        raise ValueError(f"unknown argument {arg!r}; the only one is smoke.")
    return config
