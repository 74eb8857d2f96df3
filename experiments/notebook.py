"""Run a notebook from a clean kernel: ``python -m experiments.notebook FILE.ipynb [--write]``.

The kernel works in an empty directory on a copy, so that what the notebook writes does not stay.  Without ``--write``
the file is left without outputs; with it the outputs are stored.  The exit status is 1 when a cell fails.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from absl import app, flags, logging

WRITE = flags.DEFINE_bool("write", False, "Store the outputs in the file.")
TIMEOUT = flags.DEFINE_integer("timeout", 600, "Seconds one cell may take.")


def stripped(notebook):
    """``notebook`` without outputs, execution counts and timings, changed in place."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            cell.metadata.pop("execution", None)
    notebook.metadata.pop("widgets", None)
    return notebook


def run(path: Path, write: bool = False, timeout: int = 600) -> str:
    """Execute the notebook at ``path``; returns what went wrong, "" when nothing did."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    before = path.read_text(encoding="utf-8")
    notebook = stripped(nbformat.reads(before, as_version=4))
    nbformat.validate(notebook)
    clean = nbformat.writes(notebook)
    root = str(Path(__file__).resolve().parents[1])
    started: dict[int, float] = {}

    def tell(cell, cell_index, execute_reply):
        first = next((line for line in cell.source.splitlines() if line and not line.startswith(("#", "%"))), "")
        print(f"  [{cell_index}] {time.time() - started[cell_index]:6.1f} s  {first[:80]}", flush=True)

    error = ""
    with tempfile.TemporaryDirectory() as scratch:
        client = NotebookClient(
            notebook, timeout=timeout, kernel_name="python3", resources={"metadata": {"path": scratch}},
            on_cell_execute=lambda cell, cell_index: started.update({cell_index: time.time()}),
            on_cell_executed=tell,
        )  # fmt: skip
        # The kernel finds the checkout also where the package is not installed.
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        try:
            client.execute(env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)})
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as e:
            error = str(e)
    after = nbformat.writes(notebook) if write and not error else clean
    if after.rstrip("\n") != before.rstrip("\n"):
        path.write_text(after.rstrip("\n") + "\n", encoding="utf-8")
    return error


def main(argv):
    """Run every notebook named."""
    if len(argv) < 2:
        raise app.UsageError("name a notebook: python -m experiments.notebook colabs/01_one_integral.ipynb")
    logging.set_verbosity(logging.WARNING)
    failed = False
    for name in argv[1:]:
        print(name, flush=True)
        begin = time.time()
        error = run(Path(name), WRITE.value, TIMEOUT.value)
        print(f"{error}\n{name} failed" if error else f"  ran in {time.time() - begin:.0f} s", flush=True)
        failed |= bool(error)
    sys.exit(int(failed))


if __name__ == "__main__":
    app.run(main)
