"""Estimate measures of a file from a configuration: ``python -m experiments.estimate --config=… --workdir=…``."""

from pathlib import Path

from absl import app, flags, logging
from ml_collections import config_flags

import jaxinfo as ji
from jaxinfo import parallel, programs
from jaxinfo.io import data, embedded
from jaxinfo.io.log import JsonLines

CONFIG = config_flags.DEFINE_config_file("config", "configs/estimate.py", "Configuration.")
WORKDIR = flags.DEFINE_string("workdir", "out/estimate", "Everything is written here; the same command resumes.")


def main(_):
    """Read, estimate, record, draw."""
    parallel.share_cores()
    programs.keep()
    logging.set_verbosity(logging.WARNING)  # orbax tells every step of a save
    config, workdir = CONFIG.value, Path(WORKDIR.value)
    if config.data.startswith("example:"):
        variables, title = embedded.load(config.data.removeprefix("example:"))
        if config.blocks:
            variables = data.join(variables, data.parse_blocks(config.blocks))
    else:
        variables, title = data.read(config.data, config.blocks or None), config.data
    if config.rows:
        variables = {k: v[: config.rows] for k, v in variables.items()}
    with JsonLines(workdir / "records.jsonl") as log:
        log.write({"kind": "config", **config.to_dict()})
    results = ji.estimate(variables, tuple(config.measures), checkpoint_dir=workdir, **config.options.to_dict())
    results.title = title
    results.save(workdir)
    results.plot(workdir / "report.png")
    print(results)


if __name__ == "__main__":
    app.run(main)
