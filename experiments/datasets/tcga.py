"""Three omics of breast tumours (TCGA; Singh et al., Bioinformatics 35, 3055, 2019): messenger RNA, micro-RNA, protein.

The file holds ``train_mrna``, ``train_mirna``, ``train_protein`` ``[tumour, feature]`` of the same tumours and
``train_subtype`` ``[tumour]`` with ``subtype_names``.
"""

from pathlib import Path

import numpy as np

from experiments.datasets.null import beside, tested
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
    return [{"dim": dim} for dim in config.dims]


def measure(cell: dict) -> list[dict]:
    """The system with its null, and what each omic says of the subtype."""
    import jaxinfo as ji

    vs, subtype = read(cell["path"], cell["dim"])
    options = dict(cell["options"])
    null, again = options.pop("null", 0), options.pop("bootstrap", 0)
    call = lambda of, measures, **more: ji.estimate(
        of,
        measures,
        seed=cell["seed"],
        discrete=("subtype",) if "subtype" in of else (),
        progress=False,
        **options,
        **more,
    )
    rows = call(vs, ("total_correlation", "dual_total_correlation", "o_information"), bootstrap=again).rows()
    rows = beside(rows, tested(vs, "total_correlation", null, cell["seed"], options))
    labelled = call(vs | {"subtype": subtype}, tuple(f"mutual_information({omic}; subtype)" for omic in OMICS))
    return rows + labelled.rows()
