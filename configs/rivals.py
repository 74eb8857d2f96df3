"""Packages of others on the arrays we are measured on, ours among them.

Command:   python -m experiments.rivals --config=configs/rivals.py --workdir=records
Smoke:     python -m experiments.rivals --config=configs/rivals.py:smoke --workdir=out/smoke
Hardware:  two CPU cores, hours; needs a package index for the first run, and disk for torch twice; resumes.
Expected:  a record for every package, task and measure; one that gives no number says why.  What did not install is tried
           again by the same command; what failed or did not end in time is, once ``each_s`` changes.
"""

from ml_collections import ConfigDict

PAIRS = (
    "1v1-normal-0.75",
    "1v1-additive-0.1",
    "student-identity-2-2-2",
    "swissroll_x-normal_cdf-1v1-normal-0.75",
    "spiral-multinormal-sparse-3-3-2-2.0",
    "half_cube-multinormal-sparse-25-25-2-2.0",
)
SYSTEMS = ("sign_xor", "gradient-10x1", "mixed-10x5-plain")  # a copula is right on the second alone


def get_config(arg: str = "") -> ConfigDict:
    """The configuration; ``smoke`` asks for a package that does not exist, which needs no network to fail."""
    config = ConfigDict()
    config.packages = {  # what to install; nothing for ours
        "jaxinfo": "",
        "scikit-learn": "scikit-learn",
        "hoi": "hoi==0.0.7",
        "latentmi": "latentmi==0.1.3",
        "diffusion-mi MMG": "diffusion-mi==0.1.0",
        "diffusion-mi MINDE": "diffusion-mi==0.1.0",
    }
    config.tasks = PAIRS + SYSTEMS
    config.measures = ("mutual_information", "total_correlation", "dual_total_correlation", "o_information")
    config.n, config.seeds = 10_000, 1
    config.install_s, config.each_s = 1800.0, 1800.0
    if arg == "smoke":
        config.packages = {"no-such-package": "no-such-package-of-this-name==0"}
        config.tasks, config.n, config.each_s, config.install_s = PAIRS[:1], 200, 60.0, 60.0
    elif arg:
        raise ValueError(f"unknown argument {arg!r}; the only one is smoke.")
    return config
