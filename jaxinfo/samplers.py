"""Generation: walk from noise to data along the clock, all variables or some given others.

A *predictor* ``(x [B, D], t) -> eps [B, D]`` is a score function seen through one view; :func:`through` makes it.  A
*stepper* ``(predictor, x, t, t_next) -> (mean [B, D], std)`` is one step of a method; :func:`sample` adds the noise, so
that the same definition serves sampling (draw), DDIM (std 0) and a policy gradient (log-probability).

The reverse dynamics of dx = f x dt + g dW with score −eps / sigma (thesis Eq. 2.26, 2.33):

    stochastic      dx = [f x + g² eps / sigma] dt + g dW̄
    deterministic   d(x / alpha) = eps d(sigma / alpha)                (probability flow, in the coordinates of DDIM)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxinfo import views as vw
from jaxinfo.blocks import Blocks
from jaxinfo.sde import SDE
from jaxinfo.times import clip_range, inside
from jaxinfo.types import Array, Key, ScoreFn

Predictor = Callable[[Array, Array], Array]
Stepper = Callable[[Predictor, Array, Array, Array], tuple[Array, Array]]
Constrain = Callable[[Key, Array, Array], Array]
SPACINGS = ("logsnr", "time", "karras")


# --- what is walked on -----------------------------------------------------------------------------------------------


def grid(sde: SDE, steps: int, lo: float = -10.0, hi: float = 10.0, spacing: str = "logsnr") -> Array:
    """``steps + 1`` times from noise to data, cut to the range of log-SNR that the path has.

    Args:
      sde: the path.
      steps: number of steps between the times.
      lo: log-SNR at the noisy end.
      hi: log-SNR at the clean end.
      spacing: even in "logsnr", in "time", or in (sigma/alpha)^(1/7) ("karras", arXiv 2206.00364).

    Raises:
      ValueError: for an unknown spacing, fewer than one step, or an empty range.
    """
    if spacing not in SPACINGS or steps < 1:
        raise ValueError(
            f"grid: expected a spacing among {', '.join(SPACINGS)} and at least one step, got {spacing!r} and {steps}."
        )
    reached = clip_range(sde, lo, hi)
    if spacing == "time":
        first, last = (sde.time(jnp.asarray(v)) for v in reached)
        return inside(sde, jnp.linspace(first, last, steps + 1))
    if spacing == "karras":
        noisy, clean = np.exp(-np.asarray(reached) / 14.0)
        return inside(sde, sde.time(jnp.asarray(-14.0 * np.log(np.linspace(noisy, clean, steps + 1)))))
    return inside(sde, sde.time(jnp.linspace(reached[0], reached[1], steps + 1)))


def through(score_fn: ScoreFn, sde: SDE, blocks: Blocks, view: vw.View, given: Array | None = None) -> Predictor:
    """A score function seen through one view: its GIVEN coordinates hold ``given [B, D]``, its ABSENT ones zero.

    Raises:
      ValueError: when the view has GIVEN variables and ``given`` is missing.
    """
    roles = jnp.asarray(view)
    if vw.given(view) and given is None:
        raise ValueError(f"the view gives variables {vw.given(view)}: pass their rows as given=.")
    is_noised, is_given = blocks.spread(roles == vw.NOISED), blocks.spread(roles == vw.GIVEN)

    def predict(x, t):
        known = jnp.where(is_given, given, 0.0) if given is not None else jnp.zeros_like(x)
        shown = jnp.where(is_noised, x, known)
        t = inside(sde, jnp.asarray(t, x.dtype))  # walks may begin at T, where a clock would say ABSENT
        tau = jnp.broadcast_to(vw.clocks(roles, t, sde.T), (x.shape[0], len(view)))
        return jnp.where(is_noised, score_fn(shown[None], tau[None])[0], 0.0)

    return predict


def classifier_free(conditional: Predictor, marginal: Predictor, weight: float) -> Predictor:
    """Guidance by the difference of two views: eps = (1 + w) eps(x | c) − w eps(x) (arXiv 2207.12598)."""
    return lambda x, t: (1.0 + weight) * conditional(x, t) - weight * marginal(x, t)


def classifier(
    predict: Predictor, sde: SDE, log_prob: Callable[[Array, Array], Array], weight: float = 1.0
) -> Predictor:
    """Guidance by a classifier: eps − w sigma ∇_x log p(c | x_t) (arXiv 2105.05233).

    Args:
      predict: the unguided predictor.
      sde: the path.
      log_prob: ``(x [B, D], t) -> [B]``, log-probability of the wanted class at time t.
      weight: w; 1 samples the posterior.
    """

    def guided(x, t):
        gradient = jax.grad(lambda z: log_prob(z, t).sum())(x)
        return predict(x, t) - weight * sde.sigma(t) * gradient

    return guided


def denoised(sde: SDE, predict: Predictor, x: Array, t: Array) -> Array:
    """E[x_0 | x_t] = (x_t − sigma eps) / alpha (Tweedie)."""
    return (x - sde.sigma(t) * predict(x, t)) / sde.alpha(t)


# --- steps -----------------------------------------------------------------------------------------------------------


def euler_maruyama(sde: SDE) -> Stepper:
    """The stochastic reverse dynamics, weak order 1 (Eq. 2.26)."""

    def step(predict, x, t, t_next):
        dt = t - t_next
        g2 = sde.g2(t)
        return x - dt * (sde.f(t) * x + g2 * predict(x, t) / sde.sigma(t)), jnp.sqrt(g2 * dt)

    return step


def _flow(sde: SDE, x: Array, eps: Array, t: Array, t_next: Array) -> Array:
    """The deterministic dynamics solved exactly for a constant eps."""
    ratio = sde.alpha(t_next) / sde.alpha(t)
    return ratio * x + (sde.sigma(t_next) - ratio * sde.sigma(t)) * eps


def heun(sde: SDE) -> Stepper:
    """Probability flow with the trapezoidal rule in sigma / alpha: order 2, two evaluations (arXiv 2206.00364)."""

    def step(predict, x, t, t_next):
        first = predict(x, t)
        second = predict(_flow(sde, x, first, t, t_next), t_next)
        return _flow(sde, x, 0.5 * (first + second), t, t_next), jnp.zeros_like(t)

    return step


def _posterior_variance(sde: SDE, t: Array, t_next: Array) -> tuple[Array, Array]:
    """Variance of q(x_next | x_t, x_0) and of q(x_t | x_next)."""
    ratio = sde.alpha(t) / sde.alpha(t_next)
    forward = sde.sigma2(t) - ratio**2 * sde.sigma2(t_next)
    return sde.sigma2(t_next) / sde.sigma2(t) * forward, forward


def ddim(sde: SDE, eta: float = 0.0) -> Stepper:
    """DDIM (arXiv 2010.02502): the predicted clean row, noised anew with the predicted noise and eta of fresh noise.

    eta = 0 is the probability flow to first order, eta = 1 has DDPM's variance.
    """

    def step(predict, x, t, t_next):
        eps = predict(x, t)
        small, _ = _posterior_variance(sde, t, t_next)
        variance = eta**2 * small
        x0 = (x - sde.sigma(t) * eps) / sde.alpha(t)
        kept = jnp.sqrt(jnp.maximum(sde.sigma2(t_next) - variance, 0.0))
        return sde.alpha(t_next) * x0 + kept * eps, jnp.sqrt(variance)

    return step


def ddpm(sde: SDE, variance: str | Callable[[Array, Array], Array] = "small") -> Stepper:
    """Ancestral sampling (Eq. 2.38): the mean of q(x_next | x_t, x_0) at the predicted x_0.

    Args:
      sde: the path; on :class:`~jaxinfo.sde.DDPM` at its grid times this is the published sampler.
      variance: "small" (that of the posterior), "large" (that of the forward step), or learned: ``(x [B, D], t) ->
        v [B, D]`` in [0, 1], log-linear between them (arXiv 2102.09672, Eq. 15).

    Raises:
      ValueError: for an unknown variance.
    """
    if isinstance(variance, str) and variance not in ("small", "large"):
        raise ValueError(f"ddpm: variance must be 'small', 'large' or a function, got {variance!r}.")

    def step(predict, x, t, t_next):
        small, forward = _posterior_variance(sde, t, t_next)
        ratio = sde.alpha(t) / sde.alpha(t_next)
        mean = (x - forward / sde.sigma(t) * predict(x, t)) / ratio
        if callable(variance):
            v = variance(x, t)
            return mean, jnp.exp(0.5 * (v * jnp.log(forward) + (1.0 - v) * jnp.log(small)))
        return mean, jnp.sqrt(small if variance == "small" else forward)

    return step


def langevin(sde: SDE, signal_to_noise: float = 0.16) -> Stepper:
    """A corrector: one Langevin step at ``t_next`` that pulls the rows towards the law there (arXiv 2011.13456).

    The step is 2 r² E‖z‖² / ‖score‖², with the score's mean square over the rows.
    """

    def step(predict, x, t, t_next):
        eps = predict(x, t_next)
        sigma2 = sde.sigma2(t_next)
        power = jnp.mean(jnp.sum(eps**2, -1))
        size = 2.0 * signal_to_noise**2 * jnp.sum(jnp.any(eps != 0.0, 0)) / jnp.maximum(power, 1e-12)  # × sigma²
        return x - size * sde.sigma(t_next) * eps, jnp.sqrt(2.0 * size * sigma2)

    return step


def predictor_corrector(sde: SDE, corrections: int = 1, signal_to_noise: float = 0.16) -> tuple[Stepper, ...]:
    """Euler–Maruyama, then ``corrections`` Langevin steps, as :func:`sample` takes them."""
    return (euler_maruyama(sde), *(langevin(sde, signal_to_noise),) * corrections)


# --- walks -----------------------------------------------------------------------------------------------------------


def start(key: Key, sde: SDE, t: Array, shape: tuple[int, ...], dtype=jnp.float32) -> Array:
    """Rows at the noisy end: N(0, alpha² + sigma²), exact for standardised data as alpha vanishes."""
    return jnp.sqrt(sde.alpha(t) ** 2 + sde.sigma2(t)) * jax.random.normal(key, shape, dtype)


def _advance(key, steppers, predict, x, t, t_next):
    for k, stepper in enumerate(steppers):
        mean, std = stepper(predict, x, t, t_next)
        x = mean + std * jax.random.normal(jax.random.fold_in(key, k), x.shape, x.dtype)
    return x.astype(mean.dtype)


def sample(
    key: Key,
    stepper: Stepper | Sequence[Stepper],
    predict: Predictor,
    x_T: Array,
    times: Array,
    *,
    constrain: Constrain | None = None,
    trace: bool = False,
) -> Array:
    """Walk rows ``x_T [B, D]`` along ``times``: one scan; jit what calls it, and it is traced once per shape.

    Args:
      key: typed PRNG key.
      stepper: the method; several are applied one after the other at every step (predictor, then correctors).
      predict: the predictor, see :func:`through`.
      x_T: rows at ``times[0]``.
      times: ``[K + 1]``, falling, see :func:`grid`.
      constrain: ``(key, x, t) -> x`` after every step, such as putting known coordinates in place.
      trace: return every state.

    Returns:
      ``[B, D]`` at the last time, or ``[K, B, D]`` with ``trace``.
    """
    steppers = (stepper,) if callable(stepper) else tuple(stepper)

    def body(x, inputs):
        key, t, t_next = inputs
        k_step, k_constrain = jax.random.split(key)
        x = _advance(k_step, steppers, predict, x, t, t_next)
        if constrain is not None:
            x = constrain(k_constrain, x, t_next)
        return x, x if trace else None

    last, states = jax.lax.scan(body, x_T, (jax.random.split(key, len(times) - 1), times[:-1], times[1:]))
    return states if trace else last


def repaint_schedule(steps: int, resamplings: int = 10, jump: int = 10) -> np.ndarray:
    """Indices into the grid that RePaint visits: down to ``steps``, at every ``jump`` steps back up and down again.

    ``steps + (steps / jump − 1) (resamplings − 1) jump`` evaluations: 250, 10, 10 gives 2,410 (arXiv 2201.09865).

    Raises:
      ValueError: when a number is below one.
    """
    if min(steps, resamplings, jump) < 1:
        raise ValueError(
            f"repaint: steps, resamplings and jump must be at least 1, got {steps}, {resamplings}, {jump}."
        )
    visited, again = [0], {k: resamplings - 1 for k in range(jump, steps, jump)}
    at = 0
    while at < steps:
        at += 1
        visited.append(at)
        if again.get(at, 0) > 0:
            again[at] -= 1
            visited.extend(range(at - 1, at - jump - 1, -1))
            at -= jump
    return np.asarray(visited)


def repaint(
    key: Key,
    stepper: Stepper | Sequence[Stepper],
    predict: Predictor,
    x_T: Array,
    times: Array,
    sde: SDE,
    *,
    known: Array,
    is_known: Array,
    resamplings: int = 10,
    jump: int = 10,
) -> Array:
    """Conditional rows from a joint predictor alone: known coordinates are noised into place, walks go back and forth.

    An approximation that improves with ``resamplings``; a predictor trained with GIVEN variables needs none of it.

    Args:
      key: typed PRNG key.
      stepper: the method.
      predict: of all variables NOISED.
      x_T: rows ``[B, D]`` at ``times[0]``.
      times: ``[K + 1]``, falling.
      sde: the path.
      known: ``[B, D]`` clean values.
      is_known: ``[D]`` booleans.
      resamplings: how often each stretch is walked.
      jump: length of a stretch.

    Returns:
      ``[B, D]`` at the last time, known coordinates clean.
    """
    steppers = (stepper,) if callable(stepper) else tuple(stepper)
    visited = repaint_schedule(len(times) - 1, resamplings, jump)

    def body(x, inputs):
        key, t, t_next, down = inputs
        k_step, k_known, k_up = jax.random.split(key, 3)
        noise = lambda k: jax.random.normal(k, x.shape, x.dtype)

        def walk(x):
            x = _advance(k_step, steppers, predict, x, t, t_next)
            placed = sde.alpha(t_next) * known + sde.sigma(t_next) * noise(k_known)
            return jnp.where(is_known, placed, x).astype(x.dtype)

        def back(x):
            ratio = sde.alpha(t_next) / sde.alpha(t)
            variance = sde.sigma2(t_next) - ratio**2 * sde.sigma2(t)
            return (ratio * x + jnp.sqrt(jnp.maximum(variance, 0.0)) * noise(k_up)).astype(x.dtype)

        return jax.lax.cond(down, walk, back, x), None

    here, there = visited[:-1], visited[1:]
    inputs = jax.random.split(key, here.size), times[here], times[there], jnp.asarray(there > here)
    x, _ = jax.lax.scan(body, x_T, inputs)
    return jnp.where(is_known, known, x)
