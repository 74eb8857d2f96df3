"""Three omics of breast tumours (TCGA; Singh et al., Bioinformatics 35, 3055, 2019): messenger RNA, micro-RNA, protein.

The file holds ``train_mrna``, ``train_mirna``, ``train_protein`` ``[tumour, feature]`` of the same tumours and
``train_subtype`` ``[tumour]`` with ``subtype_names``.
"""

from pathlib import Path

import numpy as np

from experiments.datasets import calls
from experiments.datasets.views import reduced

FILE = "tcga_brca.npz"
OMICS = ("mrna", "mirna", "protein")


def read(path, dim: int):
    """The first principal components of each omic, standardised, and the tumours' subtypes."""
    with np.load(path) as z:
        vs = {omic: reduced(z[f"train_{omic}"], dim) for omic in OMICS}
        return vs, z["subtype_names"][z["train_subtype"]]


def cells(config, path: Path) -> list[dict]:
    """How many components of each."""
    return [{"dim": dim, "long": True} for dim in config.dims]


def measure(cell: dict, place: Path | None = None) -> list[dict]:
    """The system, and what each omic says of the subtype."""
    vs, subtype = read(cell["path"], cell["dim"])
    said = tuple(f"mutual_information({omic}; subtype)" for omic in OMICS)
    rows = calls.told(vs, calls.WHOLE, cell, place, "system")
    return rows + calls.told(vs | {"subtype": subtype}, said, cell, place, "subtype", discrete=("subtype",))
