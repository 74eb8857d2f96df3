"""Pairs of visual areas in the other sessions of Steinmetz et al.; file and reader are those of :mod:`.steinmetz`.

Left out is s08, whose 41 trials without a grating are fewer than the library takes; s04 has the same pair.
"""

from pathlib import Path

from experiments.datasets import steinmetz

FILE = steinmetz.FILE
SYSTEMS = (
    ("s02", ("VISl", "VISpm")),
    ("s03", ("VISp", "VISam")),
    ("s04", ("VISp", "VISa")),
    ("s09", ("VISam", "VISl")),
)
measure = steinmetz.measure


def cells(config, path: Path) -> list[dict]:
    """Those of every session with two areas."""
    return steinmetz.of_systems(config, SYSTEMS)
