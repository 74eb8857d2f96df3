"""All data sets: which cells there are, cheap and telling ones first, and the record of one."""

import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

STUDIES = ("steinmetz", "tcga", "mfeat", "lifespan", "sachs", "pairs", "allen")


def measure(cell: dict, place: Path | None = None) -> dict:
    """The rows of one cell.  What is trained is kept in ``place`` and goes on from there."""
    import resource
    import warnings

    import jax

    from jaxinfo.inputs import InputWarning
    from jaxinfo.io.log import environment

    warnings.simplefilter("ignore", InputWarning)  # what they say is in the flags of the rows
    cpu, wall = time.process_time(), time.time()
    rows = import_module(f"experiments.datasets.{cell['study']}").measure(cell, place)
    cpu, wall = time.process_time() - cpu, time.time() - wall
    told = {k: v for k, v in cell.items() if k != "path"} | {"file": Path(cell["path"]).name}
    return told | {
        "rows": rows, "cpu_s": round(cpu, 1), "wall_s": round(wall, 1),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "date": time.strftime("%Y-%m-%d"), "environment": environment(),
        "programs_kept": bool(jax.config.jax_compilation_cache_dir),
    }  # fmt: skip


def cells(config, directory: Path, only: str = "") -> list[dict]:
    """The cells of every data set whose file is there."""
    out = []
    for study in STUDIES:
        if study not in config or (only and study != only):
            continue
        module, settings = import_module(f"experiments.datasets.{study}"), config[study]
        if not list(directory.glob(module.FILE)):
            print(f"{study}: {directory / module.FILE} is not there; left out.", flush=True)
            continue
        path = directory / module.FILE
        out += _cells(study, settings, path, module.cells(settings, path))
    return out


def asked(config, sessions: Sequence[str] = ()) -> list[dict]:
    """The cells of every data set, whether its file is there or not; of NWB files those of these sessions."""
    out = []
    for study in STUDIES:
        if study not in config:
            continue
        module, settings = import_module(f"experiments.datasets.{study}"), config[study]
        path = Path(module.FILE)
        if study == "allen":
            each = module.of_files(settings, [Path(f"{session}.nwb") for session in dict.fromkeys(sessions)])
        else:
            each = module.cells(settings, path)
        out += _cells(study, settings, path, each)
    return out


def _cells(study: str, settings, path: Path, each: list[dict]) -> list[dict]:
    shared = {"study": study, "path": str(path), "options": settings.options.to_dict()}
    return [shared | cell | {"seed": seed} for cell in each for seed in range(settings.seeds)]
