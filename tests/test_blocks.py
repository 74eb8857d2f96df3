"""Packing: N variables of any dimension side by side in D coordinates."""

import doctest

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinfo import blocks as module
from jaxinfo.blocks import Blocks

CASES = [(1,), (1, 1, 1), (2, 1, 3), (4, 4)]


@pytest.mark.parametrize("sizes", CASES)
def test_counts_owners_and_slices(sizes):
    b = Blocks(sizes)
    assert (b.num_variables, b.dim) == (len(sizes), sum(sizes))
    assert b.names == tuple(str(i) for i in range(len(sizes))) and not any(b.discrete)
    for i, s in enumerate(b.slices):
        np.testing.assert_array_equal(b.owner[s], i)
        assert s.stop - s.start == sizes[i]
    assert b.slices[-1].stop == b.dim


@pytest.mark.usefixtures("quick_compile")
@pytest.mark.parametrize("sizes", CASES)
@pytest.mark.parametrize("lead", [(), (5,), (2, 3)])
def test_spread_segment_sum_split_and_pack(sizes, lead):
    b = Blocks(sizes)
    per_variable = jax.random.normal(jax.random.key(0), (*lead, len(sizes)))
    x = jax.random.normal(jax.random.key(1), (*lead, b.dim))
    wide = b.spread(per_variable)
    assert wide.shape == (*lead, b.dim)
    np.testing.assert_allclose(b.segment_sum(wide), per_variable * jnp.asarray(sizes), rtol=1e-6)
    np.testing.assert_allclose(
        b.segment_sum(x), jnp.stack([x[..., b.owner == i].sum(-1) for i in range(len(sizes))], -1), rtol=1e-5, atol=1e-6
    )
    apart = b.apart(x)
    assert apart.shape == (*lead, len(sizes), max(sizes))
    for i, s in enumerate(b.slices):
        np.testing.assert_array_equal(apart[..., i, : sizes[i]], x[..., s])
        assert not apart[..., i, sizes[i] :].any()
    parts = b.split(x)
    assert tuple(parts) == b.names
    np.testing.assert_array_equal(b.pack(parts), x)
    np.testing.assert_array_equal(b.pack(dict(reversed(list(parts.items())))), x)  # by name, not by order
    assert b.spread(per_variable.astype(jnp.bfloat16)).dtype == jnp.bfloat16


def test_names_and_positions():
    b = Blocks((1, 2), names=("weight", "height"), discrete=(True, False))
    assert b.index("height") == b.index(1) == 1
    assert b.index("weight") == 0
    assert b.split(jnp.arange(3.0))["height"].tolist() == [1.0, 2.0]


def test_static_and_hashable():
    assert Blocks((1, 2)) == Blocks((1, 2), ("0", "1")) and hash(Blocks((1, 2))) == hash(Blocks((1, 2)))
    assert Blocks((1, 2)) != Blocks((2, 1))
    count = 0

    def f(b, x):
        nonlocal count
        count += 1
        return b.segment_sum(x)

    run = jax.jit(f, static_argnums=0)
    for _ in range(2):
        run(Blocks((1, 2)), jnp.ones(3))  # a fresh but equal packing does not retrace
    assert count == 1


def test_the_example_in_the_docstring():
    assert doctest.testmod(module).failed == 0
