"""Latents: a plane hidden in many coordinates is found, standardised and turned back."""

import types

import jax
import numpy as np
import pytest

from jaxinfo.multimodal import latents
from jaxinfo.multimodal.latents import fit_latents

pytestmark = pytest.mark.usefixtures("quick_compile")


def plane(n, seed=0):
    z = np.random.default_rng(seed).normal(size=(n, 2))
    return z @ np.random.default_rng(9).normal(size=(2, 12)) + 3.0


def test_a_plane_needs_two_latents():
    x = plane(3000)
    two = fit_latents(jax.random.key(0), x, 2, width=32, steps=600, learning_rate=3e-3)
    one = fit_latents(jax.random.key(0), x, 1, width=32, steps=600, learning_rate=3e-3)
    assert two.loss < 0.02 * x.var() and one.loss > 5 * two.loss
    z = two.encode(plane(5000, seed=1))
    assert z.shape == (5000, 2)
    np.testing.assert_allclose(z.std(0), 1.0, atol=0.15)
    new = plane(5000, seed=1)
    assert np.mean((two.decode(z) - new) ** 2) < 0.03 * new.var()


def test_a_constant_has_a_constant_latent():
    found = fit_latents(jax.random.key(0), np.ones((50, 4)), 2, width=8, steps=5)
    assert np.isfinite(found.encode(np.ones((3, 4)))).all()


def test_same_key_same_latents():
    x = plane(100)
    one, two = (fit_latents(jax.random.key(3), x, 2, width=8, steps=20) for _ in range(2))
    np.testing.assert_array_equal(one.encode(x), two.encode(x))


@pytest.mark.parametrize("x", [np.ones((5, 3)), np.ones(40), np.full((40, 2), np.nan)])
def test_what_is_refused(x):
    with pytest.raises(ValueError, match="at least ten finite rows"):
        fit_latents(jax.random.key(0), x, 1)


def test_kept_latents_are_those_of_the_autoencoder_and_are_trained_once(tmp_path, monkeypatch):
    x, rows = plane(100), plane(30, seed=1)
    options = dict(width=8, steps=20)
    fitted = latents.fit_latents(jax.random.key(3), x, 2, **options)
    first = latents.encoded(jax.random.key(3), x, rows, 2, directory=tmp_path / "kept", **options)
    np.testing.assert_allclose(first.z, fitted.encode(rows), atol=1e-5)
    assert first.loss == fitted.loss
    assert [p.suffix for p in (tmp_path / "kept").iterdir()] == [".npz"]  # nothing half written
    monkeypatch.setattr(latents, "fit_latents", lambda *_, **__: pytest.fail("trained again"))
    again = latents.encoded(jax.random.key(3), x, rows, 2, directory=tmp_path / "kept", **options)
    np.testing.assert_array_equal(again.z, first.z)
    assert again.loss == first.loss


@pytest.mark.parametrize("change", ["key", "x", "rows", "latent", "steps", "directory"])
def test_what_latents_depend_on_is_trained_again(tmp_path, monkeypatch, change):
    trained = []
    fake = lambda key, x, latent, **_: (
        trained.append(1) or types.SimpleNamespace(encode=lambda rows: np.zeros((len(rows), latent)), loss=0.0)
    )
    monkeypatch.setattr(latents, "fit_latents", fake)
    told = {"key": jax.random.key(3), "x": plane(100), "rows": plane(30, seed=1), "latent": 2, "steps": 20}
    other = {
        "key": jax.random.key(4), "x": plane(100, seed=2), "rows": plane(30, seed=2), "latent": 1, "steps": 21,
        "directory": None,
    }  # fmt: skip
    for asked in (told, told, told | {change: other[change]}):
        latents.encoded(**{"directory": tmp_path} | asked)
    assert len(trained) == 2
