"""What a fit is: trained networks of several folds and seeds, and what is needed to read them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from jaxinfo import correlations, gaussian, precondition, preprocess
from jaxinfo import views as vw
from jaxinfo.blocks import Blocks
from jaxinfo.estimators.settings import Settings
from jaxinfo.estimators.splits import Split
from jaxinfo.sde import VP
from jaxinfo.types import Array, Net, Params
from jaxinfo.views import View

SDE = VP()  # the integral does not depend on the path; VP inverts in closed form


@dataclass(frozen=True)
class Fitted:
    """Trained networks and all that is needed to read them: F folds, R seeds.

    Attributes:
      blocks: packing of the variables.
      settings: what it was trained with.
      views: the V views it was trained on.
      splits: rows of each fold.
      transforms: one per fold.
      laws: ``[V]``, which law each view is of; all of law 0 but for a divergence of two data sets.
      means: ``[F, L, D]`` of the transformed training rows of each of L laws.
      covs: ``[F, L, D, D]``, shrunk.
      focus: ``[F, D, D]``, what networks look at: :func:`jaxinfo.correlations.focus`.
      params: network parameters as vectors ``[R, F, P]``; :func:`unraveller` makes trees of them.
      calibration: ``[R, F, V, C]`` factors on the network's correction along log-SNR.
      density: ``[R, F, K]`` masses of log-SNR bins from which evaluation draws.
      hi: clean end of log-SNR.
      history: ``step [C]``, ``validation [C, R, F, V]`` in nats, ``best_step [R, F]``, and
        ``cool_from [R]``, the step from which the learning rate fell.
    """

    blocks: Blocks
    settings: Settings
    views: tuple[View, ...]
    splits: tuple[Split, ...]
    transforms: tuple[preprocess.Transform, ...]
    laws: tuple[int, ...]
    means: np.ndarray
    covs: np.ndarray
    focus: np.ndarray
    params: np.ndarray
    calibration: np.ndarray
    density: np.ndarray
    hi: float
    history: dict[str, np.ndarray]

    @property
    def preprocess(self) -> str:
        """What was done to coordinates, also where the settings left it to the data: "rank", "standardise" or "none"."""
        if self.settings.preprocess is not None:
            return self.settings.preprocess
        ranks = any(isinstance(m, preprocess.RankToNormal) for t in self.transforms for m in t.maps)
        return "rank" if ranks else "standardise"

    def gaussian(self, fold: int, views: Sequence[View]) -> tuple[np.ndarray, np.ndarray]:
        """Mean ``[D]`` and covariance ``[D, D]`` of a fold; one for each of these views, ``[V, D]`` and ``[V, D, D]``, where
        they are of several laws."""
        return of_laws(self.means[fold], self.covs[fold], [self.laws[self.views.index(v)] for v in views])


def of_laws(means: np.ndarray, covs: np.ndarray, laws: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of views from those of laws, ``[L, D]`` and ``[L, D, D]``; of one law without an axis of views."""
    return (means[0], covs[0]) if len(means) == 1 else (means[list(laws)], covs[list(laws)])


def network(blocks: Blocks, settings: Settings) -> Net:
    """The preconditioned network of these settings."""
    return precondition.precondition(inner_network(blocks, settings), blocks)


def inner_network(blocks: Blocks, settings: Settings) -> Net:
    """The network inside."""
    return settings.builder()(blocks)


def unraveller(blocks: Blocks, s: Settings) -> Callable[[Array], Params]:
    """From one vector to the tree of parameters: training keeps a vector, whose update is one program, not one a leaf."""
    return ravel_pytree(jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), parameters(blocks, s)))[1]


def parameters(blocks: Blocks, s: Settings) -> Params:
    """The shapes of one network's parameters."""
    return jax.eval_shape(lambda key: network(blocks, s).init(key, _no_factors(blocks))["net"], jax.random.key(0))


def flops_per_step(blocks: Blocks, s: Settings) -> float:
    """Of the matrix products of one network in a training step, forward and twice as many backward."""
    assert s.batch is not None  # Settings.for_system decides it
    return 6.0 * s.batch * sum(leaf.size for leaf in jax.tree.leaves(parameters(blocks, s)) if leaf.ndim == 2)


def _no_factors(blocks: Blocks) -> gaussian.Factors:
    d = blocks.dim
    return gaussian.factors(blocks, np.zeros(d), np.eye(d), ((vw.NOISED,) * blocks.num_variables,))


def inner_factors(fitted: Fitted) -> gaussian.Factors:
    """Factors of the Gaussian inside the network for the trained views, leaves ``[F, …]``."""
    b, views = fitted.blocks, fitted.views
    return stacked([gaussian.factors(b, m, c, views, look=look) for m, c, look in _inner(fitted, views)])


def inner_in_order(fitted: Fitted, views: Sequence[View]) -> gaussian.Ordered:
    """The same for slabs that show these views in this order."""
    b = fitted.blocks
    return stacked([gaussian.in_order(b, m, c, tuple(views), look=look) for m, c, look in _inner(fitted, views)])


def _inner(fitted: Fitted, views: Sequence[View]) -> list[tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]]:
    """Mean and covariance of the Gaussian inside the network of each fold, of all of these views or of each, the standard
    normal when it is switched off, and what the network looks at."""
    b, f = fitted.blocks, fitted
    standard = np.zeros(b.dim), np.eye(b.dim)
    each = [f.gaussian(k, views) if f.settings.gaussian else standard for k in range(len(f.means))]
    # a network that weighs no variables is told that all are equally relevant, which costs nothing
    weighs = inner_network(b, f.settings).weigh is not None
    relevance = lambda c: correlations.relevance(b, c) if weighs else np.ones((b.num_variables,) * 2)
    return [(m, c, (look, relevance(c if c.ndim == 2 else c.mean(0)))) for (m, c), look in zip(each, f.focus)]


def stacked(trees: Sequence[Any]) -> Any:
    """Equal trees joined along a new leading axis."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def padded(arrays: Sequence[np.ndarray], fill: float = 0.0, length: int | None = None) -> np.ndarray:
    """Arrays of different lengths stacked, the short ones filled up at their end, to the longest or to ``length``."""
    longest = max(a.shape[0] for a in arrays) if length is None else length
    grow = lambda a: np.pad(a, [(0, longest - a.shape[0])] + [(0, 0)] * (a.ndim - 1), constant_values=fill)
    return np.stack([grow(a) for a in arrays])


def float32(a: np.ndarray) -> Array:
    """To the device in single precision."""
    return jnp.asarray(a, jnp.float32)
