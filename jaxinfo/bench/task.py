"""What a task is: a sampler, an exact truth and a stable id."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Sample = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Task:
    """A benchmark law with known information.

    Attributes:
      id: stable, unique.
      name: for people.
      sample: ``(rng, n) -> dict name -> [n, d]`` in float64.  A KL task has the two data sets "p" and "q" as names,
        whose rows are not paired.
      truth: measure -> exact nats; "o_information_gradient:<variable>" for the gradient.
      dims: variable -> d, in the order of the sample.
      discrete: the variables that hold a class label, as whole numbers in one column.
      copula: correlations ``[D, D]`` of the normal law behind increasing maps of single coordinates, where there is one.
    """

    id: str
    name: str
    sample: Callable[[np.random.Generator, int], Sample]
    truth: dict[str, float]
    dims: dict[str, int]
    discrete: tuple[str, ...] = ()
    copula: np.ndarray | None = None

    def draw(self, seed: int, n: int) -> Sample:
        """``n`` rows, the same for the same seed; use two seeds, not two slices, for training and test rows.

        The id enters the seed, so that results on different tasks are independent of each other.

        Raises:
          ValueError: when n is below 1 or the seed negative.
        """
        if n < 1 or seed < 0:
            raise ValueError(f"draw: expected n at least 1 and a seed at least 0, got n={n}, seed={seed}.")
        return self.sample(np.random.default_rng([seed, zlib.crc32(self.id.encode())]), n)
