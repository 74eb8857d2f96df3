"""Self-consistency on images (thesis Section 4.6.2, Figure 4.2): more rows say more, copies nothing, two images twice.

Command:   python -m experiments.consistency --config=configs/consistency.py --workdir=records --data=mnist.npz
Smoke:     python -m experiments.consistency --config=configs/consistency.py:smoke --workdir=out/smoke
Hardware:  two CPU cores, hours; resumes.  ``--data`` takes an npz file of MNIST or tfds:mnist; without it the small
           digits of scikit-learn.
Expected:  ``docs/consistency.md``: the ratio to the whole image rises from 0 to 1, data processing 1 ± 0.05, additivity
           2 ± 0.1, means over five seeds.
"""

from ml_collections import ConfigDict


def get_config(arg: str = "") -> ConfigDict:
    """The configuration; ``smoke`` ends in under a minute."""
    config = ConfigDict()
    config.levels = tuple(k / 7 for k in range(8))  # share of the image's rows that Y shows, from the top
    config.n = 20_000  # images whose information is measured; autoencoders train on all others
    config.latent = 16
    config.noise = 0.1  # standard deviation of what is added to the latents of X, which vary by 1
    config.encoder = ConfigDict({"width": 400, "steps": 4_000})
    config.ends = ((12.0, 5), (8.0, 1))  # clean end of log-SNR, data seeds
    config.options = ConfigDict({})
    if arg == "smoke":
        config.levels, config.n, config.latent, config.ends = (0.0, 0.5, 1.0), 400, 2, ((8.0, 1),)
        config.encoder = ConfigDict({"width": 16, "steps": 20})
        config.options = ConfigDict({"budget": "quick", "steps": 40, "width": 16, "num_mc": 2, "checks": 2})
    elif arg:
        raise ValueError(f"unknown argument {arg!r}; the only one is smoke.")
    return config
