"""From pointwise values to estimates: value, standard error, and what looks wrong in plain words.

    value   = gap + correction,    correction = optimism − ½ that of the Gaussian inside
    stderr² = (clustered) row variance of gap / n + between-seed variance / seeds
            + (DISAGREEMENT (gap − difference))² + (DOUBT correction)² + (UNRESOLVED fine)² + bent² + unseen²
    bent    = min(BENT × coordinates, 1) |value − that of the Gaussian inside|

Gap is read in rows held out.  Optimism is how much more networks read in rows they trained on.  Fitting noise lowers
held-out rows and raises trained ones by the same amount (as in Akaike's criterion), which asks for half the optimism: for
the Gaussian, which is fitted exactly, this is all.  What networks are too stiff or stopped too early to see is missing in
both and takes up the other half of theirs.  That part is not derived: of the combinations tried it had the least error over
the records of acceptance, and both weights of the standard error were chosen by coverage and width of intervals over the
same records.  They are a little more than 1/√12, as if the truth lay anywhere between the ends of each doubt.  Fine is what
networks read, beyond the Gaussian, of details that they are slow to resolve; as much again may be missing, anywhere between
nothing and all of it, of which the root mean square is 1/√3.  Bent is what networks may have missed of a law that no
Gaussian explains: the more coordinates bend together, the smaller the part that is found from a given number of rows.  One
percent per coordinate is the spread of (truth − value) / (value − Gaussian) in the records of benchmarks whose truth is
known, from two coordinates to 130; it is nothing where a Gaussian explains all.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import stats

from jaxinfo import views as vw
from jaxinfo.estimators.fitted import Fitted
from jaxinfo.estimators.prepare import MARGIN
from jaxinfo.estimators.readout import Readout
from jaxinfo.measures import Measure
from jaxinfo.types import Estimate

DISAGREEMENT, DOUBT, UNRESOLVED = 0.4, 1.0 / 3.0, 3.0**-0.5
TAIL_SHARE = 0.02
LEAST_NATS = 0.02
FINE = 6.0  # log-SNR of a twentieth of the data's spread: networks that learn from thousands of rows see little finer
BENT = 0.01  # share of what networks read beyond the Gaussian that may be missing, per coordinate
DETERMINISTIC = 19.0  # clean end that the Gaussian asks for when a direction is known to half a percent


def clustered_variance(values: np.ndarray, weights: np.ndarray, groups: np.ndarray | None) -> float:
    """Variance of the weighted mean of ``values [n]``; rows of one group count as one draw.

    Of G groups it is the greater, (t / z)², that normal intervals of 95 % are those of Student's t with G − 1 degrees.
    """
    w = weights / weights.sum()
    residual = w * (values - w @ values)
    if groups is not None:
        residual, w = (np.bincount(groups, weights=v) for v in (residual, w))
    m = int(np.count_nonzero(w))  # what has no weight is no draw
    few = 1.0 if groups is None else (stats.t.ppf(0.975, max(m - 1, 1)) / stats.norm.ppf(0.975)) ** 2
    return float(few * np.sum(residual**2) * m / max(m - 1, 1))


def estimates(
    readout: Readout,
    fitted: Fitted,
    measures: Mapping[str, Measure],
    *,
    weights: np.ndarray | None = None,
    groups: np.ndarray | None = None,
) -> dict[str, Estimate]:
    """One :class:`~jaxinfo.types.Estimate` per measure, in nats.

    Args:
      readout: pointwise values.
      fitted: the networks they were read from.
      measures: the measures, for their bounds.
      weights: ``[n]`` row weights.
      groups: ``[n]`` integer labels for clustered standard errors.
    """
    n = readout.gap.shape[-1]
    w = np.ones(n) if weights is None else weights
    share = w / w.sum()
    out = {}
    for row, name in enumerate(readout.names):
        gap_rows = readout.gap[:, row].mean(0)
        by_seed = readout.gap[:, row] @ share
        gap, difference = float(by_seed.mean()), float((readout.difference[:, row] @ share).mean())
        optimism, of_gaussian = (0.0, 0.0) if readout.optimism is None else map(float, readout.optimism[row])
        correction = optimism - 0.5 * of_gaussian
        values = {"gap": gap, "difference": difference, "mean": 0.5 * (gap + difference), "corrected": gap + correction}
        value = values[fitted.settings.value]
        seeds = by_seed.size
        spread = float(by_seed.std(ddof=1)) if seeds > 1 else 0.0
        row_variance = clustered_variance(gap_rows, w, groups)
        profile = {"logsnr": readout.profile["logsnr"]}
        profile |= {k: readout.profile[k][row] for k in ("gap", "difference", "gaussian")}
        gaussian = float(readout.gaussian[row] @ share)
        share_missing = bent_share(_coordinates(measures[name], fitted)) if fitted.settings.gaussian else 0.0
        fine, bent, unseen = _fine(profile), share_missing * abs(value - gaussian), _unseen(fitted)
        doubts = DISAGREEMENT * (gap - difference), DOUBT * correction, UNRESOLVED * fine, bent, unseen
        stderr = float(np.sqrt(row_variance + spread**2 / seeds + sum(d**2 for d in doubts)))
        high, low = _tails(profile)
        diagnostics = {
            "gap": gap,
            "difference": difference,
            "gaussian": gaussian,
            "row_stderr": float(np.sqrt(row_variance)),
            "seed_spread": spread,
            "unseen": unseen,
            "optimism": optimism,
            "optimism_gaussian": of_gaussian,
            "tail_high_snr": high,
            "tail_low_snr": low,
            "fine": fine,
            "bent": bent,
            "nested": float(readout.nested[row]),
            "calibration_slope": (float(readout.slope.min()), float(readout.slope.max())),
            "logsnr_range": (fitted.settings.lo, fitted.hi),
            "preprocess": fitted.preprocess,
            "steps": int(fitted.history["step"][-1]),
            "best_step": fitted.history["best_step"].tolist(),
            "n": n,
        }
        flags = _flags(value, stderr, diagnostics, fitted, readout, measures[name])
        out[name] = Estimate(value, stderr, gap_rows, profile, diagnostics | {"flags": tuple(flags)}, name)
    return out


def flagged(e: Estimate, notes: tuple[str, ...]) -> Estimate:
    """An estimate whose flags begin with these notes about the data."""
    return e._replace(diagnostics=e.diagnostics | {"flags": notes + e.diagnostics["flags"]})


def flag_above(e: Estimate, entropy: float) -> Estimate:
    """Flag a mutual information above the entropy of the labels on one side: I(A; B | C) ≤ H(A).

    Args:
      e: the estimate, in nats.
      entropy: H of the labels, in nats.
    """
    if e.value <= entropy + max(3.0 * e.diagnostics["row_stderr"], LEAST_NATS):
        return e
    return flagged(
        e,
        (
            f"above its largest possible value {entropy:.3f} nats, all that the labels hold: networks know the variable less "
            "well without its label than with it; raise steps and width, or use budget='thorough'",
        ),
    )


def _tails(profile) -> tuple[float, float]:
    """What lies beyond the ends of log-SNR: the integrand falls like exp(∓logsnr) there, so a tail is its last value."""
    return float(profile["difference"][-2:].mean()), float(profile["difference"][:2].mean())


def _fine(profile) -> float:
    """Nats beyond the Gaussian's that are read at log-SNR above FINE; the integrand of a law with edges falls there only
    like exp(-logsnr / 2), and networks are slow to find it."""
    step = np.gradient(profile["logsnr"])
    return float(((profile["gap"] - profile["gaussian"]) * step)[profile["logsnr"] > FINE].sum())


def _flags(value, stderr, d, fitted: Fitted, readout: Readout, measure: Measure) -> list[str]:
    flags, scale = [], max(abs(value), abs(d["gap"]))
    tolerance = max(LEAST_NATS, TAIL_SHARE * scale)
    if d["unseen"] > 0.5 * LEAST_NATS:
        flags.append(
            "nothing was learned: in held-out rows no network was ever better than a Gaussian; of so few rows up to about "
            f"{d['unseen']:.3f} nats beyond it would go unnoticed"
        )
    late = _late_progress(fitted, measure)
    if late > max(LEAST_NATS, min(stderr, 0.02 * scale)):
        flags.append(
            f"not converged: when the steps ran out, held-out rows still gained ({late:.3f} nats lately); raise steps or "
            "use budget='thorough'"
        )
    if abs(d["gap"] - d["difference"]) > max(4.0 * d["row_stderr"], 3.0 * LEAST_NATS, 0.05 * scale):
        flags.append(
            f"forms disagree: gap gives {d['gap']:.3f} and difference {d['difference']:.3f} nats; more rows or "
            "steps bring them together"
        )
    if d["optimism"] > max(4.0 * d["row_stderr"], LEAST_NATS, 0.05 * scale):
        flags.append(
            f"too few rows: networks read {d['optimism']:.3f} nats more in rows they trained on than in new ones; "
            "more rows bring them together"
        )
    if fitted.settings.gaussian and abs(d["fine"]) > max(d["row_stderr"], 0.5 * LEAST_NATS, TAIL_SHARE * scale):
        flags.append(
            f"fine structure: {abs(d['fine']):.3f} nats come from details below {100.0 * np.exp(-0.5 * FINE):.0f} % of the "
            "spread (edges, thresholds, thin sheets), of which networks find only a part: the value may be off by up to about "
            "as much, which is in the error"
        )
    if d["bent"] > max(2.0 * d["row_stderr"], tolerance):
        flags.append(
            f"strongly bent: networks read {abs(value - d['gaussian']):.3f} nats beyond what a Gaussian explains, in "
            f"{_coordinates(measure, fitted)} coordinates; about {d['bent']:.3f} nats may be missing, which is in the error; "
            "more rows, or fewer coordinates, bring it nearer"
        )
    worst = np.abs(readout.slope - 1.0) - 4.0 * readout.slope_error
    if (worst > 0.1).any():
        v = int(np.argmax(worst))
        flags.append(
            f"calibration slope off: the scores of one view would fit held-out rows better scaled by {readout.slope[v]:.2f}"
        )
    if fitted.settings.hi is None and fitted.hi >= DETERMINISTIC:
        left = 100.0 * np.exp(-0.5 * (fitted.hi - MARGIN))
        flags.append(
            f"nearly deterministic: given the others, some direction of the data is known to {left:.2g} % of its spread; "
            "the true value may be infinite, so add the measurement noise or report a lower bound"
        )
    elif abs(d["tail_high_snr"]) > tolerance:
        flags.append(
            f"truncated at high SNR: about {abs(d['tail_high_snr']):.3f} nats or more lie beyond log-SNR {fitted.hi:.0f}; "
            "raise hi, or the relation may be deterministic"
        )
    if abs(d["tail_low_snr"]) > tolerance:
        flags.append(f"truncated at low SNR: about {abs(d['tail_low_snr']):.3f} nats lie beyond it; lower lo")
    if measure.lower is not None and value < measure.lower - 3.0 * max(d["row_stderr"], LEAST_NATS / 3.0):
        flags.append(f"below its least possible value {measure.lower:g}: too few rows for these many coordinates")
    return flags


def _unseen(fitted: Fitted) -> float:
    """Nats that validation rows could not have told from nothing, 0 where some network learned something."""
    if np.any(fitted.history["best_step"]):
        return 0.0
    return 2.0 / max(sum(split.validation.size for split in fitted.splits), 1)


def bent_share(coordinates: int) -> float:
    """min(BENT × coordinates, 1)."""
    return min(BENT * coordinates, 1.0)


def _coordinates(measure: Measure, fitted: Fitted) -> int:
    """Coordinates of the variables that some view of the measure shows; the codes of labels do not bend."""
    blocks = fitted.blocks
    shown = {i for view in measure.views() for i, role in enumerate(view) if role != vw.ABSENT}
    return sum(blocks.sizes[i] for i in shown if not blocks.discrete[i])


def _late_progress(fitted: Fitted, measure: Measure) -> float:
    """Nats that validation rows gained in the last third of the steps at full rate, in the view of the measure that gained
    most, averaged over fits.

    The cool-down always gains; progress before it says that it came because the steps ran out.
    """
    step, gains, mine = fitted.history["step"], [], [fitted.views.index(view) for view in measure.views()]
    for whole, end in zip(np.moveaxis(fitted.history["validation"].mean(2), 1, 0), fitted.history["cool_from"]):
        score = whole[:, mine]
        all_views = score.mean(1)  # of one seed
        before, full = all_views[step <= end * 2 / 3], all_views[step <= end]
        gains.append(max(np.max(score[before.argmin()] - score[full.argmin()]), 0.0) if before.size else 0.0)
    return float(np.mean(gains))
