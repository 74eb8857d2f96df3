"""fMRI of people of 10 to 80 years (Gatica et al., Brain Connectivity 2021): does redundancy grow with age?

The file holds ``bold`` ``[subject, module, time]`` with NaN after ``length`` ``[subject]``, and ``age`` ``[subject]``.  Age is
GIVEN in one model of all subjects; the rows of a subject stay on one side of every split.
"""

from pathlib import Path

import numpy as np

from experiments.datasets.null import SYSTEM, tested

FILE = "lifespan_fmri.npz"


def read(path, modules: int):
    """The first modules, each row a time of a subject standardised within the subject; age and subject of each row."""
    with np.load(path) as z:
        bold, length, age = z["bold"], z["length"], z["age"]
    if not 3 <= modules <= bold.shape[1]:
        raise ValueError(f"modules must lie between 3 and the {bold.shape[1]} of {path}, got {modules}.")
    bold = bold[:, :modules]
    standard = lambda x: (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)
    x = np.concatenate([standard(b[:, :n]).T for b, n in zip(bold, length)])
    subject = np.repeat(np.arange(len(age)), length)
    return {f"m{i + 1}": x[:, i] for i in range(modules)}, age[subject], subject


def cells(config, path: Path) -> list[dict]:
    """How many modules."""
    return [{"modules": modules} for modules in config.modules]


def measure(cell: dict) -> list[dict]:
    """Ω given age, and its slope with age over subjects, by ours and by Gaussian copulas of each subject.

    The null shifts every module within each subject, by an amount of its own.  What is tested is the system without age,
    which permutations of rows can make independent.
    """
    from scipy import stats

    import jaxinfo as ji
    from jaxinfo.estimators import copula

    vs, age, subject = read(cell["path"], cell["modules"])
    options = dict(cell["options"])
    null = options.pop("null", 0)
    names = ", ".join(vs)
    asked = [f"{m}({names} | age)" for m in ("total_correlation", "dual_total_correlation", "o_information")]
    model = ji.fit(vs | {"age": age}, asked, seed=cell["seed"], discrete=(), groups=subject, progress=False, **options)
    results = model.estimate()
    rows = [row | {"measure": row["measure"].partition("(")[0]} for row in results.rows()]
    apart = tested(vs, SYSTEM, null, cell["seed"], options, groups=subject)
    rows += [row | {"measure": f"{row['measure']} without age"} for row in apart]
    ages = np.asarray([age[subject == s][0] for s in np.unique(subject)])
    of_subject = lambda z: np.asarray([z[subject == s].mean() for s in np.unique(subject)])
    omega = {
        "ours": of_subject(results[asked[-1]].per_sample),
        "copula": np.asarray(
            [
                copula.copula_measures({k: v[subject == s] for k, v in vs.items()}, ("o_information",))[
                    "o_information"
                ].value
                for s in np.unique(subject)
            ]
        ),
    }
    for name, each in omega.items():
        line = stats.linregress(ages, each)
        rows.append(
            {
                "measure": f"slope of o_information, {name}", "value": 10.0 * line.slope, "stderr": 10.0 * line.stderr,
                "p_value": line.pvalue, "correlation": line.rvalue, "unit": "nats per decade",
                "age": ages, "each": each,
            }
        )  # fmt: skip
    return rows
