"""Real data sets: one record per data set and question, with nulls and error bars, in fresh processes.

    python -m experiments.real --config=configs/real.py --workdir=records --data=DIRECTORY --only=steinmetz

``--data`` is the directory that holds the files; one that is not there is said so and left out.  The smoke run makes small
files of the same formats instead, and keeps its records in ``made.jsonl``.
"""

import sys
from pathlib import Path

from absl import app, flags
from ml_collections import config_flags

from experiments.cells import run
from experiments.datasets import studies

CONFIG = config_flags.DEFINE_config_file("config", "configs/real.py", "Configuration.")
WORKDIR = flags.DEFINE_string("workdir", "records", "Where real.jsonl is kept; the same command resumes.")
DATA = flags.DEFINE_string("data", "", "Directory of the files.")
ONLY = flags.DEFINE_enum("only", "", ["", *studies.STUDIES], "Only this data set.")
KEYS = (
    "study", "options", "seed", "session", "areas", "condition", "matched", "again", "step_s", "window_s", "least", "modules",
    "dim", "noise",
)  # fmt: skip


def asked(config, records: list[dict]) -> list[dict]:
    """The cells of every study; of recordings that a user brings, those of the sessions that the records speak of."""
    return studies.asked(config, [r["session"] for r in records if r["study"] == "allen"])


def shown(record: dict) -> str:
    """A line for people: the first values."""
    hidden = ("rows", "options", "environment", "date", "file", "each")
    what = " ".join(f"{k}={v}" for k, v in record.items() if k not in hidden)
    few = ", ".join(f"{r['measure']} {r['value']:.3f} ± {r['stderr']:.3f}" for r in record["rows"][:4])
    return f"{what}: {few}"


def main(_):
    """Run the cells that are missing."""
    from experiments.datasets import made

    config, workdir = CONFIG.value, Path(WORKDIR.value)
    if config.made:
        path, directory = (
            workdir / "made.jsonl",
            made.write(workdir / "made", [s for s in studies.STUDIES if s in config]),
        )
    elif DATA.value:
        path, directory = workdir / "real.jsonl", Path(DATA.value)
    else:
        sys.exit("say where the files are: --data=DIRECTORY; experiments/datasets/ tells what each holds.")
    wanted = studies.cells(config, directory, ONLY.value)
    run(path, wanted, "experiments.datasets.studies:measure", show=shown, keys=KEYS, keep_programs=True)


if __name__ == "__main__":
    app.run(main)
