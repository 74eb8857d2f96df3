"""Latent coordinates of one modality: a deterministic autoencoder, its coordinates standardised.

Divergences between laws of data are those between the laws of their latents as far as the autoencoder is invertible
(thesis Section 4.6.2); noise added to standardised latents makes finite what a deterministic relation makes infinite.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxinfo import train
from jaxinfo.nets.autoencoder import Autoencoder, mlp_autoencoder
from jaxinfo.types import Key, Params

ROWS = 4096  # encoded per call


@dataclass(frozen=True)
class Latents:
    """A trained autoencoder and the mean and standard deviation of its latents on the training rows.

    Attributes:
      net: the autoencoder.
      params: its parameters.
      mean: ``[d]``.
      std: ``[d]``, 1 where a latent does not vary.
      loss: mean squared error per coordinate on the rows held out.
    """

    net: Autoencoder
    params: Params
    mean: np.ndarray
    std: np.ndarray
    loss: float

    def encode(self, x: np.ndarray) -> np.ndarray:
        """Standardised latents ``[n, d]`` of rows ``[n, D]``."""
        return (_by_blocks(self.net.encode, self.params, x) - self.mean) / self.std

    def decode(self, z: np.ndarray) -> np.ndarray:
        """Rows ``[n, D]`` from standardised latents ``[n, d]``."""
        return _by_blocks(self.net.decode, self.params, np.asarray(z) * self.std + self.mean)


def fit_latents(
    key: Key,
    x: np.ndarray,
    latent: int,
    *,
    width: int = 400,
    steps: int = 4_000,
    batch: int = 256,
    learning_rate: float = 1e-3,
    held: float = 0.05,
) -> Latents:
    """Train an autoencoder on rows by their mean squared error.

    Args:
      key: typed PRNG key.
      x: rows ``[n, D]``.
      latent: how many coordinates.
      width: hidden width.
      steps: optimiser steps; the learning rate falls to zero over the last half.
      batch: rows per step.
      learning_rate: of Adam.
      held: share of the rows that only measure the loss.

    Raises:
      ValueError: for rows that are not ``[n, D]`` numbers, or fewer than ten.
    """
    x = np.asarray(x, np.float32)
    if x.ndim != 2 or len(x) < 10 or not np.isfinite(x).all():
        raise ValueError(f"fit_latents: expected at least ten finite rows [n, D], got shape {x.shape}.")
    k_split, k_init, k_train = jax.random.split(key, 3)
    order = np.asarray(jax.random.permutation(k_split, len(x)))
    count = max(1, int(held * len(x)))
    out, inside = x[order[:count]], jnp.asarray(x[order[count:]])
    net = mlp_autoencoder(x.shape[1], latent, width)
    tx = train.optimiser(learning_rate)
    rate = train.trapezoid(min(100, max(1, steps // 10)), steps // 2, steps - steps // 2)

    def loss(params, key, rows):
        at = jax.random.randint(key, (batch,), 0, rows.shape[0])
        return jnp.mean((net.decode(params, net.encode(params, rows[at])) - rows[at]) ** 2), None

    state = train.init_state(net.init(k_init, inside[:2]), tx)
    run = jax.jit(partial(train.fit, loss=loss, tx=tx, num_steps=steps, rate=rate), donate_argnums=1)
    params = run(k_train, state, inside)[0].params  # the rate has fallen to zero: no average needed
    z = _by_blocks(net.encode, params, np.asarray(inside))
    std = z.std(0)
    rebuilt = _by_blocks(net.decode, params, _by_blocks(net.encode, params, out))
    return Latents(net, params, z.mean(0), np.where(std > 1e-6, std, 1.0), float(np.mean((rebuilt - out) ** 2)))


class Encoded(NamedTuple):
    """Standardised latents ``z [n, d]`` of rows, and the ``loss`` of their autoencoder on rows held out of its training."""

    z: np.ndarray
    loss: float


def encoded(
    key: Key, x: np.ndarray, rows: np.ndarray, latent: int, *, directory: str | Path | None = None, **options: Any
) -> Encoded:
    """Latents of ``rows`` by an autoencoder trained on ``x``; with a directory it is trained once and its latents are kept.

    The file is named by a hash of everything that they depend on but this code, and appears when it is whole.

    Args:
      key: as in :func:`fit_latents`, like the others.
      x: rows to train on ``[m, D]``.
      rows: rows to encode ``[n, D]``.
      latent: how many coordinates.
      directory: where latents are kept; None keeps none.
      **options: of :func:`fit_latents`.

    Raises:
      ValueError: as there.
    """
    x, rows = np.asarray(x, np.float32), np.asarray(rows, np.float32)

    def made() -> Encoded:
        found = fit_latents(key, x, latent, **options)
        return Encoded(found.encode(rows).astype(np.float32), found.loss)

    if directory is None:
        return made()
    told = hashlib.sha256(repr((x.shape, rows.shape, latent, sorted(options.items()))).encode())
    for part in (jax.random.key_data(key), x, rows):
        told.update(np.ascontiguousarray(part).tobytes())
    path = Path(directory) / f"{told.hexdigest()[:32]}.npz"
    if path.is_file():
        with np.load(path) as kept:
            return Encoded(kept["z"], float(kept["loss"]))
    found, fresh = made(), path.with_suffix(f".{os.getpid()}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with fresh.open("wb") as file:
        np.savez(file, z=found.z, loss=found.loss)
    fresh.replace(path)
    return found


def _by_blocks(function: Callable, params: Params, x: np.ndarray) -> np.ndarray:
    run = jax.jit(function)
    x = np.asarray(x, np.float32)
    return np.concatenate([np.asarray(run(params, x[k : k + ROWS])) for k in range(0, len(x), ROWS)])
