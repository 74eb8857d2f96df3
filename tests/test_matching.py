"""The loss networks are trained on: the exact score minimises it, and half of it counts nats."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracle_tools import assert_rows, assert_within_se

from jaxinfo import gaussian, matching, precondition, times
from jaxinfo import measures as ms
from jaxinfo import sde as paths
from jaxinfo import views as vw
from jaxinfo.blocks import Blocks
from jaxinfo.nets.mlp import mlp
from jaxinfo.types import Net

BLOCKS = Blocks((1, 2, 1))
N, D = 3, 4
COV = np.array([[1.0, 0.5, 0.2, -0.3], [0.5, 1.5, 0.4, 0.1], [0.2, 0.4, 0.8, 0.3], [-0.3, 0.1, 0.3, 1.2]])
VIEWS = tuple(dict.fromkeys(ms.s_info(N).views() + ms.tc(N).views()))
ROLES = vw.table(VIEWS)
LO, HI = -8.0, 12.0

pytestmark = pytest.mark.usefixtures("quick_compile")


def rows(shape, seed=0):
    return np.random.default_rng(seed).standard_normal((*shape, D)) @ np.linalg.cholesky(COV).T


def tilted(p, x, u):
    """The exact Gaussian prediction, scaled and shifted: right at scale 1, shift 0."""
    eps, _, _ = precondition.gaussian_part(p["gaussian"], BLOCKS, x, u)
    return p["scale"] * eps + p["shift"]


ORACLE = Net(lambda key: None, tilted)


def parameters(scale=1.0, shift=0.0):
    return {"scale": scale, "shift": shift * jnp.ones(D), "gaussian": gaussian.factors(BLOCKS, np.zeros(D), COV, VIEWS)}


def floor(view):
    """½ ∫ E‖eps − E[eps | x]‖² dλ of a view: ½ Σ log (1 + s e^hi) / (1 + s e^lo) over the spectrum s."""
    s = np.linalg.eigvalsh(gaussian.conditional(BLOCKS, COV, view)[3])
    return 0.5 * float(np.sum(np.logaddexp(0.0, HI + np.log(s)) - np.logaddexp(0.0, LO + np.log(s))))


def loss_of(p, key, x, family="vp", net=ORACLE, **options):
    sde = paths.FAMILIES[family]()
    where = times.stratified(sde, LO, HI)
    return matching.matching_loss(p, net, sde, BLOCKS, key, x, roles=jnp.asarray(ROLES), times=where, **options)


@pytest.mark.parametrize("family", ["vp", "cosine"])
def test_every_slab_reaches_its_entropy_up_to_a_constant(family, x64):
    """Per view the loss is a closed form, the same on every path; differences of views are measures."""
    x = jnp.asarray(rows((60, len(VIEWS), 800)))
    keys = jax.random.split(jax.random.key(0), 60)
    slabs = jax.jit(jax.vmap(lambda k, x: loss_of(parameters(), k, x, family)[1]))(keys, x)  # [60, V]
    for k, view in enumerate(VIEWS):
        assert_rows(slabs[:, k], floor(view), max_se=0.01 * floor(view), what=f"{family}, {view}")
    for measure in (ms.tc(N), ms.dtc(N), ms.s_info(N)):
        terms = measure.entropies()
        truth = sum(w * gaussian.conditional_entropy(BLOCKS, COV, v) for v, w in terms.items())
        assert sum(w * floor(v) for v, w in terms.items()) == pytest.approx(truth, abs=2e-3)


def test_the_exact_score_is_a_minimum(x64):
    """No gradient there, and any other scale or shift costs what the quadratic says."""
    x = jnp.asarray(rows((40, len(VIEWS), 200)))
    keys = jax.random.split(jax.random.key(1), 40)
    f = lambda scale, shift, k, x: loss_of(parameters(scale, shift), k, x)[0]
    grads = jax.jit(jax.vmap(jax.grad(f, (0, 1)), (None, None, 0, 0)))(1.0, 0.0, keys, x)
    for g in grads:
        assert_rows(g, 0.0, max_se=0.01, what="gradient at the minimum")
    losses = jax.jit(jax.vmap(f, (None, None, 0, 0)))
    best = losses(1.0, 0.0, keys, x)
    for scale, shift in ((0.8, 0.0), (1.2, 0.0), (1.0, 0.1), (1.0, -0.1)):
        extra = losses(scale, shift, keys, x) - best
        assert (extra.mean() > 5 * extra.std() / np.sqrt(extra.size)) and extra.mean() > 0.005
    np.testing.assert_allclose((losses(1.0, 0.1, keys, x) - best).mean(), 0.01, rtol=0.1)


def test_gradient_steps_from_a_wrong_start_find_the_score(x64):
    x, p = jnp.asarray(rows((len(VIEWS), 500))), (0.3, 0.5)
    f = jax.jit(jax.grad(lambda p, k: loss_of(parameters(*p), k, x)[0]))
    for k in range(150):
        p = jax.tree.map(lambda a, g: a - 0.5 * g, p, f(p, jax.random.key(k)))
    np.testing.assert_allclose(p, (1.0, 0.0), atol=0.02)


def test_the_mirror_image_cancels_what_is_odd_in_the_noise(x64):
    """Of a constant prediction c the error is ‖eps‖² + ‖c‖² exactly: the cross terms cancel in each pair."""
    constant = Net(lambda key: None, lambda p, x, u: jnp.broadcast_to(p, x.shape))
    x = jnp.asarray(rows((len(VIEWS), 8)))
    at = jax.jit(lambda c: loss_of(c, jax.random.key(0), x, net=constant)[0])
    assert float(at(0.7) - at(0.0)) == pytest.approx(0.49, abs=1e-12)
    assert float(at(0.7) - at(-0.7)) == pytest.approx(0.0, abs=1e-12)


def test_row_weights_are_rows(x64):
    """Weight 2 on half of the rows and 0 on the others is the loss of that half, drawn at the same times."""
    x = jnp.asarray(rows((len(VIEWS), 10)))
    w = jnp.zeros((len(VIEWS), 10)).at[:, ::2].set(2.0)
    changed = x.at[:, 1::2].set(99.0)
    run = jax.jit(lambda x, w: loss_of(parameters(), jax.random.key(3), x, weights=w))
    one, slabs = run(x, w)
    assert one == run(changed, w)[0] and slabs.shape == (len(VIEWS),)
    assert float(run(x, jnp.ones_like(w))[0]) == pytest.approx(float(run(x, None)[0]))


def test_only_noised_coordinates_count():
    """What a network says elsewhere changes nothing, and the mean is per NOISED coordinate."""
    net = Net(lambda key: None, lambda p, x, u: jnp.where(BLOCKS.spread((u == 0) | (u == 1)), 1e6, 0.0))
    x = jnp.asarray(rows((len(VIEWS), 2000)), jnp.float32)
    loss, _ = jax.jit(lambda x: loss_of(None, jax.random.key(0), x, net=net))(x)
    assert_within_se(loss, np.sqrt(2.0 / (2000 * BLOCKS.spread(ROLES == vw.NOISED).sum())), 1.0, max_se=0.02)


def test_what_the_network_is_shown():
    """GIVEN clean, NOISED at unit weight, ABSENT pure noise; clocks exactly 0 and 1 at the ends."""
    seen = {}

    def spy(p, x, u):
        seen.update(x=x, u=u)
        return x

    roles = jnp.asarray([vw.view(3, [1], [0])])
    x0, eps = jnp.full((1, 2, D), 7.0), jnp.full((1, 2, D), -3.0)
    sde = paths.VE()
    t = jnp.array([[0.2, 0.8]])
    matching.noise_error(None, Net(lambda key: None, spy), sde, BLOCKS, x0, eps, t, roles)
    np.testing.assert_array_equal(seen["x"][0, :, 0], 7.0)
    np.testing.assert_array_equal(seen["x"][0, :, 3], -3.0)
    weight = jnp.sqrt(1.0 + sde.sigma2(t))
    np.testing.assert_allclose(seen["x"][..., 1], (7.0 - 3.0 * sde.sigma(t)) / weight, rtol=1e-5)
    np.testing.assert_array_equal(seen["u"][0, :, 0], 0.0)
    np.testing.assert_array_equal(seen["u"][0, :, 2], 1.0)
    np.testing.assert_allclose(vw.clock_logsnr(seen["u"][..., 1]), sde.logsnr(t), rtol=1e-4)


def test_views_are_drawn_as_often_as_asked():
    roles, probs = jnp.asarray(ROLES), jnp.asarray([4.0, 1.0, 1.0, 2.0, 1.0, 0.5, 0.5])
    slabs = 10
    draw = jax.jit(jax.vmap(lambda k: roles[matching.draw_views(k, probs, slabs)]))
    drawn = np.asarray(draw(jax.random.split(jax.random.key(0), 4000)))  # [4000, slabs, N]
    counts = (drawn[:, :, None, :] == ROLES).all(-1).sum(1)  # [4000, V]
    want = slabs * np.asarray(probs / probs.sum())
    assert (counts.sum(1) == slabs).all()
    assert (np.abs(counts - want) < 1.0).all()  # systematic: never off by one or more
    np.testing.assert_allclose(counts.mean(0), want, atol=0.04)
    # as many slabs as views, all alike: each once
    each = np.asarray(roles[matching.draw_views(jax.random.key(1), jnp.ones(len(VIEWS)), len(VIEWS))])
    np.testing.assert_array_equal(each, ROLES)


@pytest.mark.parametrize("views, batch, slabs, per_slab", [(7, 256, 7, 18), (200, 256, 21, 6), (1, 256, 1, 128)])
def test_slab_layout(views, batch, slabs, per_slab):
    assert matching.slab_layout(views, batch) == (slabs, per_slab)


def test_gradients_reach_the_network_and_not_the_gaussian_inside():
    net = precondition.precondition(mlp(BLOCKS, 8, 1), BLOCKS)
    p = net.init(jax.random.key(0), gaussian.factors(BLOCKS, np.zeros(D), COV, VIEWS))
    x = jnp.asarray(rows((len(VIEWS), 16)), jnp.float32)
    grads = jax.jit(jax.grad(lambda q: loss_of(q, jax.random.key(0), x, net=net)[0], allow_int=True))(p)
    sizes = [float(jnp.abs(g).max()) for g in jax.tree.leaves(grads["net"])]
    assert np.isfinite(sizes).all() and np.mean(np.asarray(sizes) > 0) > 0.6  # the modulation starts at zero
    inner = [g for g in jax.tree.leaves(grads["gaussian"]) if jnp.issubdtype(g.dtype, jnp.floating)]
    assert inner and all((g == 0).all() for g in inner)
