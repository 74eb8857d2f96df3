"""fMRI of people of 10 to 80 years (Gatica et al., Brain Connectivity 2021): does redundancy grow with age?

The file holds ``bold`` ``[subject, module, time]`` with NaN after ``length`` ``[subject]``, and ``age`` ``[subject]``.  Age is
GIVEN in one model of all subjects; the rows of a subject stay on one side of every split.
"""

from pathlib import Path

import numpy as np

from experiments.datasets import calls

FILE = "lifespan_fmri.npz"
YEARS = 5.0  # standard deviation of the ages that count as one
APART = "without age"  # the end of the name of what is tested
OURS, SMOOTH, OWN = "ours", "Gaussian of an age", "copula of each subject"
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
    """Ω given age, and its slope with age over subjects.

    OURS averages over a subject's rows what the one law of people of an age says of them; SMOOTH does the same with a Gaussian.
    OWN is Ω of the law of each subject alone, which is what was published: subjects of an age that differ from each other
    share less, as one law, than each has.

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
    rows += [row | {"measure": f"{row['measure']} {APART}"} for row in apart]
    with np.load(cell["path"]) as z:
        of = z["bold"].shape[1]
    pointwise = results[asked[-1]].per_sample
    assert pointwise is not None  # every estimate of a model has them
    ages = of_subject(age, subject)
    each = {OURS: of_subject(pointwise, subject), SMOOTH: by_age(vs, ages, subject), OWN: by_copula(vs, subject)}
    return rows + [slope(name, ages, omega) | {"of": of} for name, omega in each.items()]


def of_subject(z: np.ndarray, subject: np.ndarray) -> np.ndarray:
    """Means over the rows of each subject."""
    return np.asarray([z[subject == s].mean() for s in np.unique(subject)])


def by_age(vs: dict, age: np.ndarray, subject: np.ndarray) -> np.ndarray:
    """Pointwise Ω of a Gaussian of people of about a subject's age, over the subject's rows, nats.

    Ω(x) = 2 log p(x) − Σ_i log p(x_i) − Σ_i log p(x_i | x_others), with the covariances of the others averaged by weights
    exp(−(age difference)² / 2 YEARS²).

    Args:
      vs: N modules, each ``[n]``.
      age: ``[subjects]``, years.
      subject: whose row each is ``[n]``, numbers in the order of ``age``.

    Returns:
      ``[subjects]``.
    """
    x = np.column_stack(list(vs.values()))
    own = np.stack([np.cov(x[subject == s].T, bias=True) for s in np.unique(subject)])
    weight = np.exp(-0.5 * ((age[:, None] - age) / YEARS) ** 2) * (1.0 - np.eye(len(age)))
    shared = np.einsum("st,tij->sij", weight / weight.sum(1, keepdims=True), own)
    precision, variance = np.linalg.inv(shared), np.einsum("sii->si", shared)
    given = 1.0 / np.einsum("sii->si", precision)  # variances given the others
    log = lambda v, square: -0.5 * (np.log(2.0 * np.pi * v) + square / v)  # mean log-density over rows
    one = log(variance, np.einsum("sii->si", own))
    rest = log(given, np.einsum("sij,sjk,ski->si", precision, own, precision) * given**2)
    whole = -0.5 * (np.linalg.slogdet(2.0 * np.pi * shared)[1] + np.einsum("sij,sji->s", precision, own))
    return 2.0 * whole - one.sum(1) - rest.sum(1)


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
