"""fMRI of people of 10 to 80 years (Gatica et al., Brain Connectivity 2021): does redundancy grow with age?

The file holds ``bold`` ``[subject, module, time]`` with NaN after ``length`` ``[subject]``, and ``age`` ``[subject]``.  Age is
GIVEN in one model of all subjects; the rows of a subject stay on one side of every split.
"""

from pathlib import Path

import numpy as np

from experiments.datasets import calls

FILE = "lifespan_fmri.npz"
LENGTH = 159  # samples of each subject that the authors keep: an estimate from more samples is biased less


def read(path, modules: int):
    """The first modules, each row a time of a subject standardised within the subject; age and subject of each row."""
    with np.load(path) as z:
        bold, length, age = z["bold"], np.minimum(z["length"], LENGTH), z["age"]
    if not 3 <= modules <= bold.shape[1]:
        raise ValueError(f"modules must lie between 3 and the {bold.shape[1]} of {path}, got {modules}.")
    bold = bold[:, :modules]
    standard = lambda x: (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)
    x = np.concatenate([standard(b[:, :n]).T for b, n in zip(bold, length)])
    subject = np.repeat(np.arange(len(age)), length)
    return {f"m{i + 1}": x[:, i] for i in range(modules)}, age[subject], subject


def cells(config, path: Path) -> list[dict]:
    """How many modules."""
    return [{"modules": modules, "long": True} for modules in config.modules]


def measure(cell: dict, place: Path | None = None) -> list[dict]:
    """Ω given age, and its slope with age over subjects, by ours and by Gaussian copulas of each subject.

    The null shifts every module within each subject, by an amount of its own.  What is tested is the system without age,
    which permutations of rows can make independent.
    """
    import jaxinfo as ji

    vs, age, subject = read(cell["path"], cell["modules"])
    training, _, _ = calls.split(cell["options"])
    names = ", ".join(vs)
    asked = [f"{m}({names} | age)" for m in calls.WHOLE]
    results = ji.estimate(
        vs | {"age": age}, asked, seed=cell["seed"], discrete=(), groups=subject, progress=False, **training,
        **calls.kept(place, "system"),
    )  # fmt: skip
    rows = [row | {"measure": row["measure"].partition("(")[0]} for row in calls.rows(results)]
    apart = calls.tested(vs, calls.SYSTEM, cell, place, "null", groups=subject)
    rows += [row | {"measure": f"{row['measure']} without age"} for row in apart]
    with np.load(cell["path"]) as z:
        of = z["bold"].shape[1]
    pointwise = results[asked[-1]].per_sample
    assert pointwise is not None  # every estimate of a model has them
    each = {"ours": of_subject(pointwise, subject), "copula": by_copula(vs, subject)}
    return rows + [slope(name, of_subject(age, subject), omega) | {"of": of} for name, omega in each.items()]


def of_subject(z: np.ndarray, subject: np.ndarray) -> np.ndarray:
    """Means over the rows of each subject."""
    return np.asarray([z[subject == s].mean() for s in np.unique(subject)])


def by_copula(vs: dict, subject: np.ndarray) -> np.ndarray:
    """Ω of a Gaussian copula of each subject, nats."""
    from jaxinfo.estimators import copula

    omega = lambda of: copula.copula_measures(of, ("o_information",))["o_information"].value
    return np.asarray([omega({k: v[subject == s] for k, v in vs.items()}) for s in np.unique(subject)])


def slope(name: str, age: np.ndarray, omega: np.ndarray) -> dict:
    """A row: the straight line of Ω against age over subjects, with both for the figure."""
    from scipy import stats

    line = stats.linregress(age, omega)
    return {
        "measure": f"slope of o_information, {name}", "value": 10.0 * line.slope, "stderr": 10.0 * line.stderr,
        "p_value": line.pvalue, "correlation": line.rvalue, "unit": "nats per decade", "flags": [],
        "age": age, "each": omega,
    }  # fmt: skip
