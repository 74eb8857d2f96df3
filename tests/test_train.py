"""Training as a pure function: cut anywhere, vmapped or looped, the same numbers."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxinfo import train

TARGET = jnp.asarray([1.0, -2.0, 0.5])
TX = train.optimiser(0.05)
RATE = train.trapezoid(20, 120, 80)


def loss(params, key, data):
    noise = 0.1 * jax.random.normal(key, params["w"].shape)
    return jnp.sum((params["w"] - data + noise) ** 2), None


def start(w):
    return train.init_state({"w": w}, TX)


def test_two_pieces_equal_one():
    key, s0 = jax.random.key(0), start(jnp.zeros(3))
    whole, losses = train.fit(key, s0, TARGET, loss=loss, tx=TX, rate=RATE, num_steps=200)
    half, first = train.fit(key, s0, TARGET, loss=loss, tx=TX, rate=RATE, num_steps=80)
    both, second = train.fit(key, half, TARGET, loss=loss, tx=TX, rate=RATE, num_steps=120)
    chex.assert_trees_all_equal(whole, both)
    np.testing.assert_array_equal(losses, jnp.concatenate([first, second]))
    assert np.abs(whole.params["w"] - TARGET).max() < 0.1


def test_vmap_over_fits_equals_a_loop():
    keys, starts = jax.random.split(jax.random.key(1), 3), jnp.arange(9.0).reshape(3, 3)
    run = lambda k, w: train.fit(k, start(w), TARGET, loss=loss, tx=TX, rate=RATE, num_steps=50)[0].params["w"]
    together = jax.vmap(run)(keys, starts)
    for i in range(3):
        np.testing.assert_allclose(together[i], run(keys[i], starts[i]), rtol=1e-6)


def test_pmap_over_fits_equals_a_loop():
    keys, starts = jax.random.split(jax.random.key(1), 8), jnp.arange(24.0).reshape(8, 3)
    run = lambda k, w: train.fit(k, start(w), TARGET, loss=loss, tx=TX, rate=RATE, num_steps=50)[0].params["w"]
    together = jax.pmap(run)(keys, starts)
    np.testing.assert_allclose(together, jnp.stack([run(k, w) for k, w in zip(keys, starts)]), rtol=1e-6)


def test_average_has_no_bias_from_its_zero_start():
    still = optax.sgd(0.0)
    state = train.init_state({"w": TARGET}, still)
    for steps in (1, 7, 500):
        after, _ = train.fit(jax.random.key(0), state, TARGET, loss=loss, tx=still, num_steps=steps)
        np.testing.assert_allclose(after.ema["w"], TARGET, rtol=1e-4)


def test_rate_rises_stays_and_falls():
    rate = jax.vmap(train.trapezoid(10, 50, 20))(jnp.arange(100))
    np.testing.assert_allclose(
        rate[np.asarray([0, 4, 9, 30, 50, 60, 70, 90])], [0.1, 0.5, 1, 1, 1, 0.5, 0, 0], atol=1e-6
    )


def test_a_slowing_rate_is_half_after_three_times_its_steps_and_ends_as_any_other():
    steps = jnp.asarray([4, 30, 60, 70])
    even, slower = (jax.vmap(train.trapezoid(10, 50, 20, slowing))(steps) for slowing in (None, 10))
    np.testing.assert_allclose(slower / even, [np.sqrt(10 / 14), 0.5, np.sqrt(1 / 7), np.nan], rtol=1e-5)
    assert slower[-1] == 0.0


def test_a_rate_of_zero_changes_nothing():
    state, _ = train.fit(
        jax.random.key(0), start(TARGET), TARGET, loss=loss, tx=TX, rate=train.trapezoid(1, -5, 5), num_steps=9
    )
    np.testing.assert_array_equal(state.params["w"], TARGET)
    assert int(state.step) == 9


@pytest.mark.parametrize("kind", train.OPTIMISERS)
def test_every_optimiser_reaches_the_target(kind):
    tx = train.optimiser(0.02, kind=kind)
    state = train.init_state({"w": jnp.zeros(3)}, tx)
    rate = train.trapezoid(20, 300, 200)
    state, _ = train.fit(jax.random.key(0), state, TARGET, loss=loss, tx=tx, rate=rate, num_steps=500)
    np.testing.assert_allclose(state.params["w"], TARGET, atol=0.05)
