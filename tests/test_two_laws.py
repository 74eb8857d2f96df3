"""KL between two data sets: the error that comes from knowing q by its rows."""

import numpy as np
import pytest

import jaxinfo as ji
from jaxinfo.two_laws import ratio_variance


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_variance_of_the_ratio_of_two_normals(noise):
    """N(1, 1) over N(0, 1): Var_q(p / q) = e − 1, from log-ratios that are noisy; noise only loses some of it."""
    rng = np.random.default_rng(0)
    n, m = 20_000, 10_000
    x = np.concatenate([1.0 + rng.normal(size=n), rng.normal(size=m)])
    found = ratio_variance(x - 0.5 + noise * rng.normal(size=n + m), n)
    assert (0.8 if noise == 0.0 else 0.4) * (np.e - 1) < found < 1.25 * (np.e - 1)


def test_equal_laws_have_no_ratio_to_speak_of():
    found = ratio_variance(np.random.default_rng(1).normal(size=20_000), 10_000)
    assert found < 0.02


def test_columns_that_repeat_others_in_one_data_set_alone_are_refused():
    a, b, c, d = np.random.default_rng(3).normal(size=(4, 200))
    with pytest.warns(UserWarning, match="duplicated"), pytest.raises(ValueError, match="in one of them alone"):
        ji.kl_divergence(np.stack([a, a, b], 1), np.stack([c, d, d], 1))


def test_options_of_one_data_set_are_refused():
    x = np.random.default_rng(2).normal(size=(200, 1))
    for wrong in ({"form": "joint"}, {"null": 19}, {"groups": np.arange(200)}, {"sigma": 1.0}):
        with pytest.raises(ValueError, match=f"kl_divergence takes no .* got {next(iter(wrong))}"):
            ji.kl_divergence(x, x + 1.0, **wrong)
