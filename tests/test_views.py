"""Views: who is given, noised, absent, and what the network is shown."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinfo import gaussian, precondition
from jaxinfo import sde as paths
from jaxinfo import views as vw
from jaxinfo.blocks import Blocks
from jaxinfo.nets.mlp import mlp
from jaxinfo.types import Net

pytestmark = pytest.mark.usefixtures("quick_compile")
BLOCKS = Blocks((1, 2, 1))
COV = np.array([[1.0, 0.5, 0.2, -0.3], [0.5, 1.5, 0.4, 0.1], [0.2, 0.4, 0.8, 0.3], [-0.3, 0.1, 0.3, 1.2]])
MEAN = np.array([0.5, -1.0, 0.0, 2.0])


def test_constructors():
    g, n, a = vw.GIVEN, vw.NOISED, vw.ABSENT
    assert vw.view(4, [2], [0, 3]) == (g, a, n, g)
    assert vw.joint(3) == (n, n, n)
    assert vw.alone(3, 1) == (a, n, a)
    assert vw.given_rest(3, 1) == (g, n, g)
    v = vw.view(5, [1, 4], [0])
    assert vw.noised(v) == (1, 4) and vw.given(v) == (0,)
    assert hash(v) == hash(vw.view(5, {4, 1}, {0}))
    table = vw.table([v, vw.joint(5)])
    assert table.shape == (2, 5) and table.dtype == np.int8


@pytest.fixture(params=sorted(paths.FAMILIES))
def sde(request):
    return paths.FAMILIES[request.param]()


def test_clocks_and_roles_are_each_others_inverse(sde):
    v = jnp.asarray(vw.view(3, [1], [0]))
    tau = vw.clocks(v, jnp.array([0.3, 0.7]), sde.T)
    np.testing.assert_allclose(tau, [[0.0, 0.3, sde.T], [0.0, 0.7, sde.T]])
    is_given, is_absent = vw.roles_of(sde, tau)
    np.testing.assert_array_equal(is_given, np.broadcast_to(v == vw.GIVEN, (2, 3)))
    np.testing.assert_array_equal(is_absent, np.broadcast_to(v == vw.ABSENT, (2, 3)))


def test_the_ends_are_exact_on_every_path(sde):
    """Also on VE and DDPM, whose clean end is not clean, and on VP, whose noisy end keeps some signal."""
    alpha, sigma = vw.coefficients(sde, jnp.array([0.0, 0.5, sde.T]))
    np.testing.assert_array_equal(alpha[jnp.array([0, 2])], [1.0, 0.0])
    np.testing.assert_array_equal(sigma[jnp.array([0, 2])], [0.0, 1.0])
    assert alpha[1] == sde.alpha(0.5) and sigma[1] == sde.sigma(0.5)
    # and they let derivatives through
    slope = jax.vmap(jax.grad(lambda s: sum(c.sum() for c in vw.coefficients(sde, s))))(jnp.array([0.0, 0.5, sde.T]))
    assert jnp.isfinite(slope).all()


def test_look_shows_what_each_role_may_see(sde):
    x0 = jnp.arange(8.0).reshape(2, 4)
    eps = 100.0 + x0
    t = jnp.array([0.2, 0.6])
    x, tau = vw.look(sde, BLOCKS, jnp.asarray(vw.view(3, [1], [0])), x0, eps, t)
    np.testing.assert_array_equal(x[:, 0], x0[:, 0])
    np.testing.assert_array_equal(x[:, 3], eps[:, 3])
    np.testing.assert_allclose(
        x[:, 1:3], sde.alpha(t)[:, None] * x0[:, 1:3] + sde.sigma(t)[:, None] * eps[:, 1:3], rtol=1e-6
    )
    np.testing.assert_array_equal(tau, vw.clocks(jnp.asarray(vw.view(3, [1], [0])), t, sde.T))


def test_bounded_clock(sde, x64):
    t = jnp.linspace(0.05, 0.95, 9)
    u = vw.bounded_clock(sde, jnp.concatenate([jnp.array([0.0]), t, jnp.array([sde.T])]))
    assert u[0] == 0.0 and u[-1] == 1.0
    assert ((u[1:-1] > 0) & (u[1:-1] < 1)).all() and (jnp.diff(u) > 0).all()
    np.testing.assert_allclose(vw.clock_logsnr(u[1:-1]), sde.logsnr(t), rtol=1e-9, atol=1e-9)


def test_a_network_serves_every_path(sde, x64):
    """It sees x at unit signal-plus-noise weight and log-SNR, so one function is the score on all of them."""
    silent = Net(lambda key, x, u: {}, lambda p, x, u: jnp.zeros((*x.shape[:-1], BLOCKS.dim)))
    net = precondition.precondition(silent, BLOCKS)
    views = (vw.joint(3), vw.view(3, [1], [0]), vw.alone(3, 2), vw.given_rest(3, 1))
    params = {"net": {}, "gaussian": gaussian.factors(BLOCKS, MEAN, COV, views)}
    rng = np.random.default_rng(0)
    x0, eps = jnp.asarray(rng.standard_normal((2, 4, 6, 4)))
    t = jnp.broadcast_to(jnp.linspace(0.1, 0.9, 6), (4, 6))
    x, tau = vw.look(sde, BLOCKS, jnp.asarray(vw.table(views))[:, None], x0, eps, t)
    bound, exact = vw.bind(net, params, sde, BLOCKS), gaussian.oracle(sde, BLOCKS, MEAN, COV)
    is_noised = BLOCKS.spread(jnp.asarray(vw.table(views)) == vw.NOISED)[:, None]
    # the Gaussian inside is centred at alpha mean, which survives the rescaling
    np.testing.assert_allclose(bound(x, tau), jnp.where(is_noised, exact(x, tau), 0.0), atol=1e-9)


def test_bind_is_zero_where_nothing_is_noised():
    net = precondition.precondition(mlp(BLOCKS, 8, 1), BLOCKS)
    v = vw.view(3, [1], [0])
    params = jax.jit(net.init)(jax.random.key(0), gaussian.factors(BLOCKS, MEAN, COV, (v,)))
    x, tau = vw.look(paths.VP(), BLOCKS, jnp.asarray(v), jnp.ones((5, 4)), jnp.ones((5, 4)), jnp.full(5, 0.4))
    out = jax.jit(vw.bind(net, params, paths.VP(), BLOCKS))(x[None], tau[None])[0]
    np.testing.assert_array_equal(out[:, [0, 3]], 0.0)
    assert (out[:, 1:3] != 0).all()


def test_a_view_that_was_never_factorised_gives_nan():
    """Rather than a wrong score."""
    sde = paths.VP()
    score = gaussian.factored_score(sde, BLOCKS, gaussian.factors(BLOCKS, MEAN, COV, (vw.joint(3),)))
    x, tau = vw.look(sde, BLOCKS, jnp.asarray(vw.alone(3, 0)), jnp.ones((2, 4)), jnp.ones((2, 4)), jnp.full(2, 0.5))
    assert jnp.isnan(score(x[None], tau[None])[0, :, 0]).all()
