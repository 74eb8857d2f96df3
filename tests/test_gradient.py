"""Derivatives with respect to the data from trained networks: the closed form of Gaussians, and scaling laws."""

import jax.numpy as jnp
import numpy as np
import pytest

import jaxinfo as ji
from jaxinfo.types import Net

pytestmark = pytest.mark.usefixtures("quick_compile")


def silent(blocks):
    """A network that adds nothing to the Gaussian inside: only the plumbing is under test, networks are elsewhere."""
    return Net(lambda key, x, u: {"w": jnp.zeros(1)}, lambda p, x, u: 0.0 * p["w"] * x[..., : blocks.dim])


SMALL = dict(budget="quick", steps=2, checks=1, num_mc=2, progress=False, net=silent)
RNG = np.random.default_rng(0)
MIX = np.array([[1.0, 0.4, -0.3], [0.5, 1.2, 0.2], [-0.4, 0.3, 0.9]])
Z = RNG.normal(size=(6000, 3))
X = Z @ MIX.T


@pytest.fixture(scope="module")
def model():
    return ji.fit({"a": X[:, 0], "b": X[:, 1:]}, "mutual_information", **SMALL)


@pytest.mark.parametrize("options", [{}, {"corrected": False, "logsnr": 9.0}], ids=["corrected", "scores alone"])
def test_through_a_mixing_matrix(model, options):
    """∂I/∂W of I(a; b) with x = W z: nothing but the closed form of a Gaussian, at the noise of the estimate.

    Scores alone see the law under noise, so they need a high log-SNR; the scores of this model are a Gaussian's."""
    g = model.gradient("mutual_information(a; b)", **options)
    assert g["a"].shape == (6000, 1) and g["b"].shape == (6000, 2)
    got = np.concatenate([g["a"], g["b"]], 1).T @ Z / len(Z)
    inverse = lambda keep: np.linalg.inv((MIX @ MIX.T)[np.ix_(keep, keep)]) @ MIX[keep]
    wanted = -inverse([0, 1, 2])
    wanted[[0]] += inverse([0])
    wanted[[1, 2]] += inverse([1, 2])
    assert np.linalg.norm(got - wanted) < 0.05 * np.linalg.norm(wanted)


def test_information_does_not_change_with_the_units(model):
    """I(a; b) does not change when a grows by a common factor: E[∂I/∂a · a] = 0; H(b) grows by log factor times two."""
    g = model.gradient("mutual_information(a; b)")["a"][:, 0] * X[:, 0]
    assert abs(g.mean()) < 5 * g.std() / np.sqrt(len(g)) < 0.3
    h = (model.gradient("entropy(b)")["b"] * X[:, 1:]).sum(1)
    assert abs(h.mean() - 2.0) < max(5 * h.std() / np.sqrt(len(h)), 0.05)


def test_new_rows_and_what_has_no_derivative(model):
    assert model.gradient("mutual_information(a; b)", {"a": X[:70, 0], "b": X[:70, 1:]})["b"].shape == (70, 2)
    labelled = ji.fit(
        {"a": X[:, 0], "k": X[:, 1] > 0, "b": X[:, 1:]}, "mutual_information(a; b)", discrete=["k"], **SMALL
    )
    for name in ("mutual_information(a; k)", "conditional_mutual_information(a; b | k)", "entropy(k)"):
        with pytest.raises(ValueError, match="of the others, a, b"):
            labelled.gradient(name)
    beside, alone = (m.gradient("mutual_information(a; b)") for m in (labelled, model))  # a label that is not spoken of
    assert list(beside) == ["a", "b"]
    for name in beside:
        np.testing.assert_allclose(beside[name], alone[name], atol=0.1)
    with pytest.raises(ValueError, match="logsnr=-11.0: expected a noise level inside the path"):
        model.gradient("mutual_information(a; b)", logsnr=-11.0)
    with pytest.raises(ValueError, match="num_mc=0: expected"):
        model.gradient("mutual_information(a; b)", num_mc=0)
    both = model.gradient(("entropy(a)", "entropy(b)"))
    assert not both["entropy(a)"]["b"].any() and both["entropy(b)"]["b"].shape == (6000, 2)
