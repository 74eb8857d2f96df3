"""One network on data larger than memory, on the GPUs of one machine.

Command:   python -m experiments.stream --config=configs/gpu_box.py --workdir=out/gpu_box
Smoke:     python -m experiments.stream --config=configs/gpu_box.py:smoke --workdir=out/smoke
Hardware:  one to eight GPUs of one machine.  On K machines, with a workdir that they share, add to the command
           --coordinator=HOST:PORT --num_processes=K --process_id=0 (HOST is the first machine; 1, 2, … on the others);
           where Slurm or Open MPI starts it, none of the three.
Expected:  total correlation of the default task within 5 % of its exact truth; the records of the run hold both.
"""

from ml_collections import ConfigDict


def get_config(arg: str = "") -> ConfigDict:
    """The configuration; ``smoke`` ends in under a minute on CPU."""
    config = ConfigDict()
    config.data = "task:blocks-50x2-inner_spiral"
    config.measures = ("total_correlation", "dual_total_correlation", "o_information")
    config.seed = 0
    config.batch = 32_768  # network evaluations per step, over all views
    config.steps = 100_000
    config.chunk = 100
    config.rules_rows = 100_000
    config.held_out = 20_000
    config.save_every_s = 120.0
    config.network = ConfigDict({"net": "mlp", "width": 512, "depth": 4, "num_mc": 10})
    if arg == "smoke":
        config.data, config.batch, config.steps, config.chunk = "task:gradient-6x1", 256, 40, 10
        config.rules_rows, config.held_out = 2_000, 500
        config.network = ConfigDict({"width": 16, "depth": 1, "num_mc": 2})
    elif arg:
        raise ValueError(f"unknown argument {arg!r}; the only one is smoke.")
    return config
