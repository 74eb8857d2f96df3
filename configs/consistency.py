"""Self-consistency on images (thesis Section 4.6.2, Figure 4.2): more rows say more, copies nothing, two images twice.

Command:   python -m experiments.consistency --config=configs/consistency.py --workdir=records --data=mnist.npz
Smoke:     python -m experiments.consistency --config=configs/consistency.py:smoke --workdir=out/smoke
Hardware:  two CPU cores, hours; resumes.  ``--data`` takes an npz file of MNIST or tfds:mnist; without it the small
           digits of scikit-learn.
Expected:  ``docs/consistency.md``: the ratio to the whole image rises from 0 to 1, data processing 1 ± 0.05, additivity
           2 ± 0.1, means over five seeds, the last two where the denominator is a nat or more.
"""

from ml_collections import ConfigDict


def get_config(arg: str = "") -> ConfigDict:
    """The configuration; ``smoke`` ends in under a minute."""
    config = ConfigDict()
    config.levels = (0.0, 0.25, 0.5, 0.75, 1.0)  # share of the image's rows that Y shows, from the top
    config.n = 15_000  # images of either half; autoencoders train on all others
    config.pairs = 4  # in which each image stands where two are joined, which is twice as much to learn
    config.latent = ConfigDict({"x": 2, "y": 8})  # X is coarser: what it holds of an image, Y holds of what it shows
    config.noise = 0.1  # standard deviation of what is added to the latents of X, which vary by 1
    config.encoder = ConfigDict({"width": 400, "steps": 4_000})
    config.ends = (12.0, 8.0)  # clean ends of log-SNR: networks are trained to the greatest and read to each
    config.seeds = (1, 2, 3, 4, 5)  # of the data; on 0 the numbers of latents and pairs were chosen
    config.options = ConfigDict({})
    if arg == "smoke":
        config.levels, config.n, config.ends, config.seeds = (0.0, 0.5, 1.0), 400, (8.0, 4.0), (0,)
        config.latent = ConfigDict({"x": 2, "y": 2})
        config.encoder = ConfigDict({"width": 16, "steps": 20})
        config.options = ConfigDict({"budget": "quick", "steps": 40, "width": 16, "num_mc": 2, "checks": 2})
    elif arg:
        raise ValueError(f"unknown argument {arg!r}; the only one is smoke.")
    return config
