"""KL divergence between two data sets with one network, conditioned on which of them a row is from."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import optimize

from jaxinfo import columns, inputs, training
from jaxinfo import measures as ms
from jaxinfo.blocks import Blocks
from jaxinfo.estimators import opinion, readout, summary
from jaxinfo.estimators.prepare import Job
from jaxinfo.estimators.settings import resolve
from jaxinfo.options import Options
from jaxinfo.plan import plan
from jaxinfo.types import Estimate
from jaxinfo.views import GIVEN

FORMAT = "jaxinfo-two-laws-3"  # changes with the networks whose training is kept
LEAST_OUTER = 10  # rows of q that tell how it falls
APART = 0.5  # share of the rows of p beyond all rows of q from which on the value says so
FOREIGN = ("discrete", "groups", "sample_weight", "null", "bootstrap", "form", "sigma")  # options of one data set


def kl_divergence(xp: Any, xq: Any, opts: Options, overrides: Mapping[str, Any]) -> Estimate:
    """KL(p‖q) in nats (``opts.unit``) from rows of both, ``[n, d]`` and ``[m, d]``; see :func:`jaxinfo.kl_divergence`.

    One network learns both laws, each around a Gaussian of its own: which one a row is of is a label, given twice, so that a
    view can condition on either and learns from the rows of that one.
    Rows of both make the error: those of p by the spread of log p / q, those of q by that of p / q.

    Raises:
      ValueError: for options that need one data set, or different numbers of columns.
    """
    asked = {k: getattr(opts, k) for k in FOREIGN}
    foreign = [k for k, v in asked.items() if v is not None and not (isinstance(v, int) and v == 0)]
    if foreign:
        raise ValueError(
            f"kl_divergence takes no {', '.join(FOREIGN)}, got {foreign[0]}: its rows belong to two data sets of numbers."
        )
    called = [list(map(str, v.columns)) for v in (xp, xq) if hasattr(v, "columns") and hasattr(v, "iloc")]
    if len(called) == 2 and called[0] != called[1]:
        raise ValueError(f"both data sets need the same columns in one order, got {called[0]} and {called[1]}.")
    names = "xp", "xq"
    arrays = [columns.array(name, v) for name, v in zip(names, (xp, xq))]
    if any(a.dtype.kind in "bUS" for a in arrays):
        raise ValueError(
            "kl_divergence is not of labels: expected numbers in both data sets, got text or booleans; the divergence of "
            "classes is that of their frequencies, scipy.stats.entropy(p, q)."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", inputs.InputWarning)  # said below, of what is done
        alone = [inputs.check({name: a}, ()) for name, a in zip(names, arrays)]
    kept = [t.kept[name].tolist() for name, t in zip(names, alone)]
    if kept[0] != kept[1]:
        raise ValueError(
            f"both data sets need the same columns, got {len(kept[0])} and {len(kept[1])}, numbers {kept[0]} and {kept[1]}: "
            "where a column repeats another in one of them alone, the divergence is infinite; leave it out of both."
        )
    steps = {"x": _steps([columns.numbers(name, a) for name, a in zip(names, arrays)], alone)}
    tables = [inputs.check({"x": a}, (), seed=opts.seed + k, steps=steps) for k, a in enumerate(arrays)]
    p, q = (t.x for t in tables)
    d = p.shape[1]
    blocks = Blocks((d, 1, 1), ("x", "law_p", "law_q"), (False, True, True))
    label = np.concatenate([np.ones(len(p)), np.zeros(len(q))])
    x = np.column_stack([np.concatenate([p, q]), label - 0.5, label - 0.5])
    weights = np.concatenate([np.full(len(p), 0.5 / len(p)), np.full(len(q), 0.5 / len(q))]) * len(x)
    measures = {"kl_divergence": ms.kl(3, [0], 1, 2)}
    settings = resolve(opts.budget, overrides)
    if settings.net == "per_variable":
        raise ValueError("kl_divergence has one variable: net='per_variable' is for many; leave it out.")
    views = plan(measures).views
    laws = tuple(0 if view[1] == GIVEN else 1 for view in views)
    job = Job(x, opts.seed, None, None if len(p) == len(q) else weights, (label == 0.0).astype(int), laws)
    mark = hashlib.sha256(x.tobytes() + repr((FORMAT, len(p), settings, opts.seed)).encode()).hexdigest()
    place = None if opts.checkpoint_dir is None else training.place_of(opts.checkpoint_dir, mark)
    (fitted,) = training.train([job], blocks, views, settings, opts, place=place, mark=mark)
    # Every row as one of p (first label), and as one of q (second): what is read is log p(x) / q(x), of rows of both.
    both = x.copy()
    both[:, d], both[:, d + 1] = 0.5, -0.5
    only_p = np.concatenate([np.ones(len(p)), np.zeros(len(q))])
    out = readout.read(fitted, measures, both, opts.seed, weights=only_p)
    log_ratio = out.gap[:, 0].mean(0)
    of_p = [k for k, law in enumerate(laws) if law == 0]
    rows = replace(
        out,
        gap=out.gap[..., : len(p)],
        difference=out.difference[..., : len(p)],
        gaussian=out.gaussian[:, : len(p)],
        slope=out.slope[of_p],  # that of q, whose scores are read at rows of p, need not be 1
        slope_error=out.slope_error[of_p],
    )
    notes = tuple(dict.fromkeys(note for table in tables for note in table.notes_on([0])))
    apart = float(np.mean(log_ratio[: len(p)] > log_ratio[len(p) :].max()))
    if apart > APART:
        notes += (
            f"hardly any overlap: {100.0 * apart:.0f} % of the rows of p lie where q has none; the value is extrapolated, and "
            "infinite where q cannot be",
        )
    e = opinion.doubted_kl(summary.estimates(rows, fitted, measures)["kl_divergence"], p, q)
    out_of_reach = beyond(p, q)
    if out_of_reach > max(2.0 * e.diagnostics["row_stderr"], summary.LEAST_NATS):
        notes += (
            f"tails: rows of the first data set lie beyond all of the second; about {out_of_reach:.3f} nats may be missing, "
            "which is in the error, and the divergence is infinite if the second never lies there",
        )
    e = summary.flagged(e, notes)
    of_q = ratio_variance(log_ratio, len(p)) / len(q)
    stderr = float(np.sqrt(e.stderr**2 + of_q + summary.UNRESOLVED**2 * out_of_reach**2))
    told = {k: v for k, v in e.diagnostics.items() if k != "nested"}  # 0 is right of views of one law
    told |= {"q_stderr": float(np.sqrt(of_q)), "beyond": out_of_reach}
    return e._replace(stderr=stderr, diagnostics=told).to(opts.unit)


def beyond(p: np.ndarray, q: np.ndarray) -> float:
    """Nats that rows of q cannot tell: ``⟨max(r² − max_q r², 0)⟩ / m`` over rows of p, r the distance from the mean of q by its
    covariance, m the mean excess of r² over its 99 % point in q.

    Beyond its outermost row q may go on falling as its outermost rows do, exp(−r² / m) (of a normal law m is near 2), which no
    row shows; where networks find no tail they read on as if p and q fell alike.

    Args:
      p: ``[n, d]``.
      q: ``[m, d]``.
    """
    mean, d = q.mean(0), q.shape[1]
    precision = np.linalg.pinv(np.cov(q.T).reshape(d, d), hermitian=True)
    r2_p, r2_q = (np.einsum("ni,ij,nj->n", z - mean, precision, z - mean) for z in (p, q))
    r2_q.sort()
    outer = max(len(q) // 100, LEAST_OUTER)
    excess = np.mean(r2_q[-outer:] - r2_q[-outer - 1])
    return float(np.mean(np.maximum(r2_p - r2_q[-1], 0.0)) / max(excess, np.finfo(float).eps))


def _steps(both: Sequence[np.ndarray], alone: Sequence[inputs.Table]) -> np.ndarray:
    """Rounding steps ``[d]`` for both data sets, so that both are seen through one channel: the smallest gap between the
    values of both where both are rounded, the step of the one that is where only one is."""
    out = np.zeros(both[0].shape[1])
    for j, of_each in zip(next(iter(alone[0].kept.values())), zip(*(t.steps for t in alone))):
        rounded = [step for step in of_each if step > 0.0]
        if len(rounded) == 2:
            values = np.unique(np.concatenate([a[:, j] for a in both]), return_counts=True)
            out[j] = columns.rounding_step(*values) or min(rounded)
        elif rounded:
            out[j] = rounded[0]
    return out


def ratio_variance(log_ratio: np.ndarray, count: int) -> float:
    """Var_q of p(x) / q(x), which over the rows of q is the part of the error that comes from knowing q by its rows.

    KL(p‖q) moves by −p(x)/q(x) for mass put at x into q (its influence function).  Pointwise log-ratios are too noisy to
    be exponentiated; they only order the rows, and isotonic regression of "is of p" on them gives calibrated ratios.

    Args:
      log_ratio: ``[n + m]`` rows of p, then of q.
      count: n.
    """
    order = np.argsort(log_ratio, kind="stable")
    of_p = (order < count).astype(float)
    n, m = count, log_ratio.size - count
    posterior = optimize.isotonic_regression(of_p, weights=np.where(of_p > 0, 0.5 / n, 0.5 / m)).x
    ratio = posterior[of_p == 0] / (1.0 - posterior[of_p == 0])  # a block that holds a row of q ends below 1
    return float(np.var(ratio, ddof=1))
