"""The Gaussian inside: how much it is shrunk, with labels and with weights; in which coordinates it explains more."""

import numpy as np
import pytest

from jaxinfo import views as vw
from jaxinfo.blocks import Blocks
from jaxinfo.estimators.coordinates import shrunk_covariance
from jaxinfo.estimators.prepare import Job, prepare
from jaxinfo.estimators.settings import Settings

NONE = np.zeros(40, bool)


def drawn(n, d=40, classes=0, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    return np.column_stack([x, np.eye(classes)[rng.integers(0, classes, n)] - 1 / classes]) if classes else x


def correlation(cov, d=40):
    """The largest correlation of two of the first coordinates: 0 in truth."""
    c = cov[:d, :d] / np.sqrt(np.outer(np.diag(cov)[:d], np.diag(cov)[:d]))
    return abs(c - np.eye(d)).max()


def test_labels_do_not_switch_shrinkage_off():
    """Their one-hot coordinates are singular: the likelihood of the numbers given them is what counts."""
    onehot = np.arange(43) >= 40
    _, cov = shrunk_covariance(drawn(160, classes=3), drawn(20, classes=3, seed=1), onehot=onehot)
    _, alone = shrunk_covariance(drawn(160), drawn(20, seed=1), onehot=NONE)
    assert correlation(alone) < 0.01
    assert correlation(cov) < 0.01


def test_labels_that_matter_stay():
    rng = np.random.default_rng(2)
    label = rng.integers(0, 2, 2000)
    x = np.column_stack([rng.normal(size=2000) + 3.0 * label, label - 0.5, 0.5 - label])
    _, cov = shrunk_covariance(x[:1800], x[1800:], onehot=np.array([False, True, True]))
    assert cov[0, 1] == pytest.approx(np.cov(x[:1800].T)[0, 1], rel=0.05)


def test_rows_without_weight_do_not_choose_the_shrinkage():
    """Validation rows of another law, excluded by weight 0, would ask for the diagonal."""
    rng = np.random.default_rng(3)
    cov = np.array([[1.0, 0.9], [0.9, 1.0]])
    x = rng.multivariate_normal([0, 0], cov, size=500)
    strange = rng.multivariate_normal([0, 0], [[1.0, -0.9], [-0.9, 1.0]], size=500)
    validation, weights = np.concatenate([x[:100], strange]), np.concatenate([np.ones(100), np.zeros(500)])
    _, kept = shrunk_covariance(x[100:], validation, validation_weights=weights)
    _, misled = shrunk_covariance(x[100:], validation)
    assert kept[0, 1] > 0.85
    assert misled[0, 1] < 0.5


def test_a_class_that_did_not_train_does_not_choose_the_shrinkage():
    """Its direction is singular; two likelihoods of it differ by rounding noise."""
    onehot = np.arange(45) >= 40
    x, new = drawn(160, classes=5), drawn(40, classes=5, seed=1)
    rare = x[:, 44] > 0
    _, cov = shrunk_covariance(x[~rare], new, onehot=onehot)
    assert (new[:, 44] > 0).any()
    seen = new[:, 44] <= 0
    _, without = shrunk_covariance(x[~rare], new[seen], onehot=onehot)
    np.testing.assert_allclose(cov[:40, :40], without[:40, :40], rtol=1e-6, atol=1e-9)


def chosen(x, sizes=(3, 3), weights=None, discrete=None):
    """What two variables of these sizes are learned in, for their mutual information."""
    blocks = Blocks(sizes, tuple("ab"[: len(sizes)]), discrete or (False,) * len(sizes))
    views = [v for k in range(2) if not blocks.discrete[k] for v in (vw.given_rest(2, k), vw.alone(2, k))]
    return prepare(Job(x, 0, weights=weights), blocks, tuple(views), Settings(folds=2, net="mlp")).fitted.preprocess


def sources(law, noise=0.05, n=2000, seed=0):
    """Two linear mixtures of the same three sources, each with noise of its own."""
    rng = np.random.default_rng(seed)
    s = law(rng, (n, 3))
    turns = np.linalg.qr(rng.normal(size=(2, 3, 3)))[0]
    return np.column_stack([s @ turn for turn in turns]) + noise * rng.normal(size=(n, 6))


MIXED = {
    "student": lambda rng, shape: rng.standard_t(3, shape),
    "laplace": lambda rng, shape: rng.laplace(size=shape),
    "uniform": lambda rng, shape: rng.uniform(-1.0, 1.0, shape),
}


@pytest.mark.parametrize("law", MIXED)
def test_linear_mixtures_of_sources_that_are_not_gaussian_keep_their_units(law):
    assert chosen(sources(MIXED[law])) == "standardise"


@pytest.mark.parametrize("law", MIXED)
def test_coordinates_bent_one_by_one_become_ranks(law):
    assert chosen(np.sinh(3.0 * sources(MIXED[law], noise=1.0))) == "rank"


@pytest.mark.parametrize("n", [60, 200, 2000])
def test_ranks_unless_units_are_clearly_better(n):
    rng = np.random.default_rng(1)
    assert chosen(rng.normal(size=(n, 6))) == "rank"
    assert chosen(rng.uniform(size=(n, 6))) == "rank"
    assert chosen(sources(MIXED["laplace"], noise=3.0, n=n)) == "rank"


def test_rows_of_no_weight_have_no_say():
    plain = sources(MIXED["laplace"])
    bent = np.sinh(3.0 * plain)
    both, weights = np.concatenate([plain, bent]), np.repeat([1.0, 0.0], len(plain))
    assert chosen(both, weights=weights) == "standardise"
    assert chosen(both, weights=1.0 - weights) == "rank"


def test_labels_beside_do_not_disturb_the_choice():
    rng = np.random.default_rng(2)
    x = sources(MIXED["laplace"])
    label = np.eye(2)[(x[:, 0] + rng.normal(size=len(x)) > 0).astype(int)] - 0.5
    assert chosen(np.column_stack([x, label]), (6, 2), discrete=(False, True)) == "standardise"
    assert chosen(np.column_stack([np.sinh(3.0 * x), label]), (6, 2), discrete=(False, True)) == "rank"
