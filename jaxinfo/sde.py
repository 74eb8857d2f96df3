"""Linear SDEs dx = f(t) x dt + g(t) dW.  A family states two functions of time; everything else is derived from them.

    x_t = alpha(t) x_0 + sigma(t) eps,   f = d log alpha / dt,   g² = d sigma² / dt - 2 f sigma²,
    logsnr = log(alpha² / sigma²),       d logsnr / dt = -g² / sigma²                          (thesis 2.2.6, Eq. 2.25)

Hyper-parameters are pytree leaves: changing one does not retrace, and one may vmap over them.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import struct

from jaxinfo.types import Array, Key


class SDE:
    """What every family inherits.  Times run from 0 (clean) to ``T`` (noise); all methods act elementwise on ``t``."""

    T: float = 1.0

    def log_alpha(self, t: Array) -> Array:
        """Log of the factor that multiplies the data at time ``t``."""
        raise NotImplementedError

    def sigma2(self, t: Array) -> Array:
        """Variance of the noise added by time ``t``."""
        raise NotImplementedError

    def alpha(self, t: Array) -> Array:
        """Factor that multiplies the data at time ``t``."""
        return jnp.exp(self.log_alpha(t))

    def sigma(self, t: Array) -> Array:
        """Standard deviation of the noise added by time ``t``."""
        return jnp.sqrt(self.sigma2(t))

    def f(self, t: Array) -> Array:
        """Drift coefficient, f(t) = d log alpha / dt."""
        return jnp.vectorize(jax.grad(lambda s: self.log_alpha(s)))(jnp.asarray(t))

    def g2(self, t: Array) -> Array:
        """Squared diffusion coefficient, g² = d sigma²/dt - 2 f sigma²."""
        t = jnp.asarray(t)
        return jnp.vectorize(jax.grad(lambda s: self.sigma2(s)))(t) - 2.0 * self.f(t) * self.sigma2(t)

    def logsnr(self, t: Array) -> Array:
        """Log signal-to-noise ratio, 2 log alpha - log sigma²; falls strictly from 0 to T."""
        return 2.0 * self.log_alpha(t) - jnp.log(self.sigma2(t))

    def time(self, logsnr: Array) -> Array:
        """The inverse of :meth:`logsnr`, clipped to [0, T], by bisection on logit(t / T).

        The logit keeps full relative precision at the clean end, where ``t`` is as small as 1e-12.
        """
        logsnr = jnp.asarray(logsnr)
        lo, hi = jnp.full_like(logsnr, -40.0), jnp.full_like(logsnr, 40.0)

        def halve(_, bracket):
            lo, hi = bracket
            mid = 0.5 * (lo + hi)
            above = self.logsnr(self.T * jax.nn.sigmoid(mid)) > logsnr
            return jnp.where(above, mid, lo), jnp.where(above, hi, mid)

        lo, hi = jax.lax.fori_loop(0, 60, halve, (lo, hi))
        return self.T * jax.nn.sigmoid(0.5 * (lo + hi))

    def logsnr_range(self) -> tuple[Array, Array]:
        """Log-SNR at the noisy and at the clean end, ``(logsnr(T), logsnr(0))``; either may be infinite."""
        return self.logsnr(jnp.asarray(self.T)), self.logsnr(jnp.asarray(0.0))

    def kernel(self, x0: Array, t: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of p(x_t | x_0); ``t`` broadcasts against ``x0`` (Eq. 2.25)."""
        return self.alpha(t) * x0, self.sigma(t)

    def perturb(self, key: Key, x0: Array, t: Array) -> tuple[Array, Array]:
        """Draw ``(x_t, eps)`` with x_t = alpha x_0 + sigma eps; ``t`` broadcasts against ``x0``."""
        eps = jax.random.normal(key, x0.shape, x0.dtype)
        mean, sigma = self.kernel(x0, t)
        return mean + sigma * eps, eps

    def prior(self, key: Key, shape: tuple[int, ...], dtype=jnp.float32) -> Array:
        """Draw from the law at T of centred data: N(0, sigma²(T) I)."""
        return self.sigma(jnp.asarray(self.T, dtype)) * jax.random.normal(key, shape, dtype)


@struct.dataclass
class VP(SDE):
    """Variance preserving with beta linear in time (Eq. 2.30; arXiv 2011.13456).

    alpha = exp(-B/2), sigma² = 1 - exp(-B), B(t) = beta_min t + (beta_max - beta_min) t²/2.
    """

    beta_min: float = 0.1
    beta_max: float = 20.0

    def _integral(self, t):
        return self.beta_min * t + 0.5 * (self.beta_max - self.beta_min) * t**2

    def log_alpha(self, t):
        """-B/2."""
        return -0.5 * self._integral(t)

    def sigma2(self, t):
        """1 - exp(-B), through expm1: the plain form is 2 % off at t = 1e-5 in float32."""
        return -jnp.expm1(-self._integral(t))

    def time(self, logsnr):
        """Closed form, because training draws times in its inner loop: B = softplus(-logsnr), then a quadratic."""
        b = jax.nn.softplus(-jnp.asarray(logsnr))
        slope = self.beta_max - self.beta_min
        return jnp.clip(2.0 * b / (self.beta_min + jnp.sqrt(self.beta_min**2 + 2.0 * slope * b)), 0.0, self.T)


@struct.dataclass
class SubVP(SDE):
    """Sub-variance-preserving (arXiv 2011.13456): alpha as VP, sigma = 1 - exp(-B)."""

    beta_min: float = 0.1
    beta_max: float = 20.0

    _integral = VP._integral
    log_alpha = VP.log_alpha

    def sigma2(self, t):
        """(1 - exp(-B))²."""
        return jnp.expm1(-self._integral(t)) ** 2


@struct.dataclass
class VE(SDE):
    """Variance exploding (Eq. 2.31): alpha = 1, sigma = sigma_min (sigma_max / sigma_min)^t.

    Its clean end is not clean: log-SNR stops at -2 log sigma_min (9.21 by default).
    """

    sigma_min: float = 0.01
    sigma_max: float = 50.0

    def log_alpha(self, t):
        """0."""
        return jnp.zeros_like(jnp.asarray(t))

    def sigma2(self, t):
        """sigma_min² (sigma_max / sigma_min)^(2t)."""
        return jnp.exp(2.0 * ((1.0 - t) * jnp.log(self.sigma_min) + t * jnp.log(self.sigma_max)))


@struct.dataclass
class Cosine(SDE):
    """Cosine schedule without offset (arXiv 2102.09672): alpha = cos(pi t/2), sigma = sin(pi t/2)."""

    def log_alpha(self, t):
        """Log cos(pi t / 2), written as sin(pi (1 - t)/2) to stay exact near T."""
        return jnp.log(jnp.sin(0.5 * jnp.pi * (1.0 - t)))

    def sigma2(self, t):
        """sin²(pi t / 2)."""
        return jnp.sin(0.5 * jnp.pi * t) ** 2


@struct.dataclass
class RectifiedFlow(SDE):
    """The straight path x_t = (1 - t) x_0 + t eps (arXiv 2209.03003)."""

    def log_alpha(self, t):
        """log(1 - t)."""
        return jnp.log1p(-t)

    def sigma2(self, t):
        """t²."""
        return jnp.asarray(t) ** 2


@struct.dataclass
class DDPM(SDE):
    """The discrete grid of DDPM (Eq. 2.35) as a path: log alpha-bar is linear between the grid times t_k = k / K.

    Only the grid times belong to the discrete model; log-SNR runs from ``logsnr(1)`` to ``logsnr(1 / K)`` = 9.21.
    """

    betas: Array = struct.field(default_factory=lambda: jnp.linspace(1e-4, 0.02, 1000))

    def log_alpha(self, t):
        """Half the cumulative sum of log(1 - beta_k)."""
        log_alpha2 = jnp.concatenate([jnp.zeros(1, self.betas.dtype), jnp.cumsum(jnp.log1p(-self.betas))])
        return 0.5 * jnp.interp(t * self.betas.size, jnp.arange(self.betas.size + 1), log_alpha2)

    def sigma2(self, t):
        """1 - alpha-bar."""
        return -jnp.expm1(2.0 * self.log_alpha(t))

    def logsnr_range(self):
        """The ends of the grid: the first step is the cleanest state the discrete model has."""
        return self.logsnr(jnp.asarray(self.T)), self.logsnr(jnp.asarray(1.0 / self.betas.size))


FAMILIES = {"vp": VP, "subvp": SubVP, "ve": VE, "cosine": Cosine, "rectified_flow": RectifiedFlow, "ddpm": DDPM}
