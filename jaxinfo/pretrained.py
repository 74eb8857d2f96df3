"""What a prompt still decides at every moment of a generation, read from a pretrained noise predictor.

With X the image, Y the prompt and X_t the image under noise, Y — X — X_t, so (thesis Eq. 4.29, 4.30)

    I(X; Y | X_t) = I(X; Y) − I(X_t; Y) = ½ ∫ from logsnr(t) to the clean end of E‖eps(x, y) − eps(x)‖² d logsnr:

one integral of the difference between the conditional and the unconditional prediction, cut at t.  Nothing is trained and
nothing is known of the model but its predictions, so they may come from any package.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import NamedTuple

import numpy as np
from scipy.integrate import cumulative_simpson

Predict = Callable[[np.ndarray, int, np.ndarray | None], np.ndarray]


class Curve(NamedTuple):
    """Along the grid of the model, from the clean end (index 0) to the noisy one; in nats.

    Attributes:
      logsnr: ``[T]``, falling.
      integrand: ``[T]``, ½ E‖eps(x, y) − eps(x)‖² per unit of log-SNR.
      gap: ``[T]``, ½ E[‖eps − eps(x)‖² − ‖eps − eps(x, y)‖²], the same for exact predictions.
      stderr: ``[T]`` standard error of ``remaining`` over rows.
      remaining: ``[T]``, I(X; Y | X_t): what the prompt still decides; its last entry is I(X; Y).
      per_row: ``[n]``, the last entry of every row.
      gap_remaining: ``[T]``, ``remaining`` by the gap form, which may go back where predictions are wrong.
      gap_stderr: ``[T]``, its standard error over rows.
    """

    logsnr: np.ndarray
    integrand: np.ndarray
    gap: np.ndarray
    stderr: np.ndarray
    remaining: np.ndarray
    per_row: np.ndarray
    gap_remaining: np.ndarray
    gap_stderr: np.ndarray


def prompt_influence(
    predict: Predict,
    x: np.ndarray,
    y: np.ndarray,
    alpha_bar: np.ndarray,
    *,
    seed: int = 0,
    batch: int = 64,
    progress: Callable[[int, int], None] | None = None,
) -> Curve:
    """I(X; Y | X_t) against t from the predictions of a model trained elsewhere.

    Args:
      predict: ``(x_t [b, …], t, y [b, …] or None) -> eps [b, …]``, the noise in
        x_t = sqrt(alpha_bar_t) x + sqrt(1 − alpha_bar_t) eps; None asks for the unconditional prediction.  Without
        guidance: guided predictions belong to no law.
      x: rows ``[n, …]`` in the units the model was trained in (latents for a latent model); drawn by the model itself from
        ``y`` without guidance, or data.  Whole numbers are noised as float32, or float64 where that cannot hold them.
      y: prompts ``[n, …]``, in whatever form ``predict`` takes.
      alpha_bar: ``[T]`` of the model's grid, falling: 1000 entries for DDPM.
      seed: of the noise, one draw per row and time.
      batch: rows per call.
      progress: called with ``(done, all)`` after every time.

    Returns:
      A :class:`Curve`, integrated by Simpson's rule over log-SNR.

    Raises:
      ValueError: for shapes that do not fit, alpha_bar that does not fall inside (0, 1), or predictions of another shape
        or not finite, rows that are not finite, or no rows per call.
    """
    x, y, alpha_bar = np.asarray(x), np.asarray(y), np.asarray(alpha_bar, np.float64)
    if len(x) != len(y) or len(x) < 2:
        raise ValueError(f"expected as many prompts as rows, and at least two, got {len(x)} rows and {len(y)} prompts.")
    if alpha_bar.ndim != 1 or alpha_bar.size < 3 or not (np.diff(alpha_bar) < 0).all():
        raise ValueError(
            f"alpha_bar: expected at least three falling numbers, got shape {alpha_bar.shape}; index 0 is clean."
        )
    if not (0 < alpha_bar[-1] and alpha_bar[0] < 1):
        raise ValueError(f"alpha_bar must lie inside (0, 1), got {alpha_bar[0]:.4g} to {alpha_bar[-1]:.4g}.")
    if not (isinstance(batch, Integral) and batch >= 1):
        raise ValueError(f"batch={batch!r}: expected a whole number of rows per call, 1 or more.")
    if not np.isfinite(x).all():
        raise ValueError("x holds NaN or infinite values: expected finite rows; drop or impute those.")
    if x.dtype.kind in "biu":  # noised rows are not whole numbers
        x = x.astype(np.result_type(x.dtype, np.float32))
    logsnr = np.log(alpha_bar) - np.log1p(-alpha_bar)
    rng, count = np.random.default_rng(seed), alpha_bar.size
    rows, gap = np.zeros((2, count, len(x)))
    for t in range(count):
        eps = rng.standard_normal(x.shape)
        noised = (np.sqrt(alpha_bar[t]) * x + np.sqrt(1.0 - alpha_bar[t]) * eps).astype(x.dtype)
        for at in range(0, len(x), batch):
            here = slice(at, at + batch)
            with_y, without = (_checked(predict(noised[here], t, c), noised[here].shape) for c in (y[here], None))
            rows[t, here] = 0.5 * _square(with_y - without)
            gap[t, here] = 0.5 * (_square(eps[here] - without) - _square(eps[here] - with_y))
        if progress is not None:
            progress(t + 1, count)
    left, gap_left = (cumulative_simpson(f, x=-logsnr, axis=0, initial=0.0) for f in (rows, gap))
    stderr, gap_stderr = (f.std(axis=1, ddof=1) / np.sqrt(len(x)) for f in (left, gap_left))
    return Curve(
        logsnr, rows.mean(1), gap.mean(1), stderr, left.mean(1), left[-1], gap_left.mean(1), gap_stderr
    )  # fmt: skip


def _square(e: np.ndarray) -> np.ndarray:
    return (e.reshape(len(e), -1).astype(np.float64) ** 2).sum(1)


def _checked(found: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    found = np.asarray(found)
    if found.shape != shape:
        raise ValueError(
            f"expected predictions of shape {shape}, got {found.shape}; a model that predicts its variance too returns it "
            "in further channels: cut them off."
        )
    if not np.isfinite(found).all():
        raise ValueError("the model predicts NaN or infinite values: check its inputs and its precision.")
    return found
