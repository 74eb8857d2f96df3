"""The prompt's influence from predictions alone: against closed forms, and with a saved network."""

from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import simpson

from jaxinfo.bench import distributions as dist
from jaxinfo.io import checkpoint
from jaxinfo.pretrained import prompt_influence

SHIFT = 1.5  # two classes at ± SHIFT, variance 1: everything about them is known
DDPM = np.cumprod(1.0 - np.linspace(1e-4, 0.02, 1000))
STABLE = np.cumprod(1.0 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2)
DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "pretrained.md"


def rows(n, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=n)
    return (SHIFT * (2 * y - 1) + rng.standard_normal(n))[:, None], y


def exact(alpha_bar):
    """E[eps | x_t, y] and E[eps | x_t]; x_t has variance 1 within a class at every t."""

    def predict(x, t, y):
        a, s = np.sqrt(alpha_bar[t]), np.sqrt(1 - alpha_bar[t])
        mean = a * SHIFT * (np.tanh(a * SHIFT * x) if y is None else (2 * y - 1)[:, None])
        return s * (x - mean)

    return predict


def truth(alpha=1.0):
    """I(X_t; Y) of the two classes, by quadrature."""
    mixture = dist.Mixture(np.full(2, 0.5), np.array([[-alpha * SHIFT], [alpha * SHIFT]]), np.ones((2, 1, 1)))
    return dist.mixture_label_mi(mixture)


def test_exact_predictions_give_the_exact_curve():
    x, y = rows(3000)
    c = prompt_influence(exact(DDPM), x, y, DDPM, batch=3000)
    assert c.stderr[-1] < 0.02
    assert abs(c.remaining[-1] - truth()) < 4 * c.stderr[-1] + 0.002
    for t in (200, 500, 800):
        left = truth() - truth(np.sqrt(DDPM[t]))
        assert abs(c.remaining[t] - left) < 4 * c.stderr[t] + 0.002
    assert (np.diff(c.remaining) > -1e-6).all() and c.remaining[0] == 0.0
    assert c.per_row.mean() == pytest.approx(c.remaining[-1])


def test_the_gap_form_agrees_where_predictions_are_exact_and_goes_back_where_they_are_not():
    x, y = rows(3000)
    grid = DDPM[::5]
    c = prompt_influence(exact(grid), x, y, grid, batch=1000)
    assert 0.0 < c.gap_stderr[-1] < 0.04 and c.gap_remaining[0] == 0.0
    assert abs(c.gap_remaining[-1] - truth()) < 4 * c.gap_stderr[-1] + 0.002
    assert c.gap_remaining[-1] == pytest.approx(simpson(c.gap, x=-c.logsnr), abs=1e-3)
    back = lambda c: (np.maximum.accumulate(c.gap_remaining) - c.gap_remaining).max()
    assert back(c) < c.gap_stderr[-1]
    mistaken = lambda x, t, y: exact(grid)(x, t, None if y is None else 1 - y if grid[t] < 0.5 else y)
    wrong = prompt_influence(mistaken, x, y, grid, batch=3000)
    assert back(wrong) > 5 * wrong.gap_stderr[-1] and (np.diff(wrong.remaining) > -1e-6).all()


def test_a_saved_network_is_read_on_the_whole_grid(tmp_path):
    class Tiny(nn.Module):
        @nn.compact
        def __call__(self, x, t, y):
            code = jnp.concatenate([x, jnp.broadcast_to(t, x.shape), y], -1)
            return nn.Dense(1)(nn.tanh(nn.Dense(8)(code)))

    net = Tiny()
    params = net.init(jax.random.key(0), jnp.zeros((1, 1)), 0.0, jnp.zeros((1, 2)))
    checkpoint.save(tmp_path / "model", params, {"classes": 2})
    params, about = checkpoint.load(tmp_path / "model")
    run = jax.jit(net.apply)

    def predict(x, t, y):
        code = np.zeros((len(x), 2)) if y is None else np.eye(about["classes"])[y]
        return np.asarray(run(params, x, t / len(DDPM), code))

    x, y = rows(40)
    seen = []
    one = prompt_influence(predict, x, y, DDPM, batch=30, progress=lambda done, count: seen.append((done, count)))
    two = prompt_influence(predict, x, y, DDPM, batch=40)
    np.testing.assert_allclose(one.remaining, two.remaining, rtol=1e-5)
    assert seen[-1] == (1000, 1000) and one.logsnr.shape == (1000,)
    assert one.remaining[-1] == pytest.approx(simpson(one.integrand, x=-one.logsnr), rel=1e-3) and one.remaining[-1] > 0


def test_the_document_says_where_grids_end():
    text = " ".join(DOCUMENT.read_text(encoding="utf-8").split())
    ends = [np.log(grid[[0, -1]] / (1.0 - grid[[0, -1]])) for grid in (DDPM, STABLE)]
    for words, (clean, noisy) in zip(
        ("DDPM's runs from log-SNR {:.1f} at index 0 to {:.1f}", "from {:.1f} to {:.1f}"), ends
    ):
        assert words.format(clean, noisy) in text


def test_whole_numbers_are_noised_as_real_ones():
    x, y = rows(50)
    pixels, grid = np.rint(40 * x).astype(np.int16), DDPM[::100]
    seen = []
    predict = lambda x_t, t, y: seen.append(x_t.dtype) or exact(grid)(x_t, t, y)
    found = prompt_influence(predict, pixels, y, grid)
    np.testing.assert_array_equal(found.remaining, prompt_influence(predict, pixels.astype("f4"), y, grid).remaining)
    for kind in (np.float16, np.float32, np.float64):
        prompt_influence(predict, x.astype(kind), y, grid)
        assert seen[-1] == kind
    prompt_influence(predict, pixels.astype(np.int64), y, grid)
    assert seen[-1] == np.float64 and seen[0] == np.float32


def test_what_is_refused():
    x, y = rows(10)
    predict = exact(DDPM)
    with pytest.raises(ValueError, match="as many prompts"):
        prompt_influence(predict, x, y[:5], DDPM)
    with pytest.raises(ValueError, match="index 0 is clean"):
        prompt_influence(predict, x, y, DDPM[::-1])
    with pytest.raises(ValueError, match="inside"):
        prompt_influence(predict, x, y, np.array([1.0, 0.5, 0.1]))
    with pytest.raises(ValueError, match="cut them off"):
        prompt_influence(lambda x, t, y: np.concatenate([x, x], 1), x, y, DDPM)
    with pytest.raises(ValueError, match="batch=-1: expected a whole number"):
        prompt_influence(predict, x, y, DDPM, batch=-1)
    with pytest.raises(ValueError, match="x holds NaN"):
        prompt_influence(predict, np.where(x > 1.0, np.nan, x), y, DDPM)
    with pytest.raises(ValueError, match="the model predicts NaN"):
        prompt_influence(lambda x, t, y: np.full(x.shape, np.nan), x, y, DDPM)
