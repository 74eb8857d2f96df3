"""One battery over every listed member: jit = eager, vmap = loop, sharded = unsharded = pmap, one trace, dtype kept."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from tiers import few

from jaxinfo import divergence, gaussian, matching, precondition, times
from jaxinfo import measures as ms
from jaxinfo import sde as paths
from jaxinfo import views as vw
from jaxinfo.blocks import Blocks
from jaxinfo.integral import integrate
from jaxinfo.nets.mlp import mlp
from jaxinfo.nets.per_variable import per_variable
from jaxinfo.nets.thesis import thesis
from jaxinfo.nets.transformer import transformer
from jaxinfo.plan import plan

BLOCKS = Blocks((1, 2, 1))
N, D, B = 3, 4, 64
ROOT = np.random.default_rng(0).normal(size=(D, D)) * 0.5 + np.eye(D)
COV = ROOT @ ROOT.T
X = jnp.asarray(np.random.default_rng(1).multivariate_normal(np.zeros(D), COV, size=B), jnp.float32)
NETS = {
    "mlp": lambda b: mlp(b, 16, 2),
    "per_variable": lambda b: per_variable(b, 16, 2),
    "thesis": lambda b: thesis(b, 16),
    "transformer": lambda b: transformer(b, 16, 2, 2),
}
MEASURES = {
    "mi": ms.mi(N, [0], [1]),
    "mi joint": ms.mi(N, [0], [1, 2], "joint"),
    "mi sigma": ms.mi(N, [0], [1], "sigma", 1.0),
    "cmi": ms.cmi(N, [0], [1], [2]),
    "entropy": ms.entropy(N, [0, 1]),
    "kl": ms.kl(N, [1], 0, 2),
    "tc": ms.tc(N),
    "dtc": ms.dtc(N),
    "s": ms.s_info(N),
    "omega": ms.o_info(N),
    "gradient": ms.o_info_gradient(N, 0),
    "interaction": ms.interaction_information(N, [0], [1], [2]),
}
VIEWS = tuple(dict.fromkeys(v for m in MEASURES.values() for v in m.views()))


def scores(sde):
    """A joint and a product-of-marginals score function."""
    product = np.zeros_like(COV)
    for s in BLOCKS.slices:
        product[s, s] = COV[s, s]
    return (
        gaussian.oracle(sde, BLOCKS, np.zeros(D), jnp.asarray(COV, jnp.float32)),
        gaussian.oracle(sde, BLOCKS, np.zeros(D), jnp.asarray(product, jnp.float32)),
    )


def rows_divergence(sde, x, key=None, integrand="gap"):
    s_p, s_q = scores(sde)
    where = times.stratified(sde, -6.0, 6.0)
    return divergence.score_divergence(
        jax.random.key(0) if key is None else key, sde, BLOCKS, s_p, s_q, x, times=where, num_mc=2, integrand=integrand
    )


@pytest.fixture(params=few(sorted(paths.FAMILIES), "ddpm", "ve", "vp"))
def sde(request):
    return paths.FAMILIES[request.param]()


@pytest.fixture(params=few(sorted(NETS), "per_variable"))
def net(request):
    return precondition.precondition(NETS[request.param](BLOCKS), BLOCKS)


@pytest.fixture
def params(net):
    return net.init(jax.random.key(0), gaussian.factors(BLOCKS, np.zeros(D), COV, VIEWS))


def test_divergence_jit_equals_eager_and_keeps_its_type(sde):
    eager, jitted = rows_divergence(sde, X), jax.jit(lambda x: rows_divergence(sde, x))(X)
    np.testing.assert_allclose(eager, jitted, rtol=2e-3, atol=2e-3)
    assert jitted.dtype == jnp.float32 and jitted.shape == (B,)


@pytest.mark.usefixtures("quick_compile")
def test_divergence_vmap_equals_loop():
    keys = jax.random.split(jax.random.key(3), 3)
    run = lambda k: rows_divergence(paths.VP(), X, k)
    np.testing.assert_allclose(jax.vmap(run)(keys), jnp.stack([run(k) for k in keys]), rtol=1e-3, atol=1e-3)


def test_divergence_traces_once():
    count = 0

    @jax.jit
    def run(x, key):
        nonlocal count
        count += 1
        return rows_divergence(paths.VP(), x, key)

    for k in range(3):
        run(X + k, jax.random.key(k))
    assert count == 1


def mesh():
    return jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,))


@pytest.mark.usefixtures("quick_compile")
def test_divergence_sharded_and_pmapped():
    run = jax.jit(lambda x: rows_divergence(paths.VP(), x))
    whole = run(X)
    spread = jax.device_put(X, NamedSharding(mesh(), PartitionSpec("data")))
    np.testing.assert_allclose(run(spread), whole, rtol=1e-4, atol=1e-4)
    keys = jax.random.split(jax.random.key(7), 8)
    parts = X.reshape(8, B // 8, D)
    pieces = jax.pmap(lambda x, k: rows_divergence(paths.VP(), x, k))(parts, keys)
    loop = jnp.stack([rows_divergence(paths.VP(), x, k) for x, k in zip(parts, keys)])
    np.testing.assert_allclose(pieces, loop, rtol=1e-3, atol=1e-3)


def slab_loss(params, net, x):
    roles = jnp.asarray(vw.table(VIEWS[:4]))
    where = times.stratified(paths.VP(), -6.0, 6.0)
    slabs = x.reshape(4, B // 4, D)
    return matching.matching_loss(params, net, paths.VP(), BLOCKS, jax.random.key(2), slabs, roles=roles, times=where)


@pytest.mark.usefixtures("quick_compile")
def test_matching_loss_jit_sharded_pmapped(net, params):
    eager, per_slab = slab_loss(params, net, X)
    run = jax.jit(lambda p, x: slab_loss(p, net, x))
    jitted, _ = run(params, X)
    np.testing.assert_allclose(eager, jitted, rtol=1e-4)
    assert jitted.dtype == jnp.float32 and per_slab.shape == (4,)
    spread = jax.device_put(X, NamedSharding(mesh(), PartitionSpec("data")))
    np.testing.assert_allclose(run(params, spread)[0], jitted, rtol=1e-4)
    doubled = jax.pmap(lambda x: slab_loss(params, net, x)[0])(jnp.stack([X] * 8))
    np.testing.assert_allclose(doubled, jnp.full(8, jitted), rtol=1e-4)


def show(params, net, sde):
    """A network's answer for every view, with what stands in the ABSENT coordinates as it is and replaced."""
    score = vw.bind(net, params, sde, BLOCKS)
    roles = jnp.asarray(vw.table(VIEWS))[:, None]
    x0 = jnp.broadcast_to(X[:8], (len(VIEWS), 8, D))
    x, tau = vw.look(
        sde, BLOCKS, roles, x0, jax.random.normal(jax.random.key(1), x0.shape), jnp.full((len(VIEWS), 8), 0.3)
    )
    absent = BLOCKS.spread(tau == sde.T)
    return roles, score(x, tau), score(jnp.where(absent, 99.0, x), tau)


@pytest.mark.usefixtures("quick_compile")
def test_networks_answer_only_where_something_is_noised(net, params):
    roles, out, _ = show(params, net, paths.VP())
    silent = jnp.broadcast_to(BLOCKS.spread(roles != vw.NOISED), out.shape)
    np.testing.assert_array_equal(out[silent], 0.0)
    assert (jnp.abs(out[~silent]) > 0).all()


@pytest.mark.parametrize("name", ["mlp", "per_variable", "transformer"])
def test_networks_ignore_absent_coordinates(name, sde):
    """(The thesis's network is shown fresh noise there, as published.)"""
    net = precondition.precondition(NETS[name](BLOCKS), BLOCKS)
    params = net.init(jax.random.key(0), gaussian.factors(BLOCKS, np.zeros(D), COV, VIEWS))
    _, out, other = show(params, net, sde)
    np.testing.assert_array_equal(out, other)


@pytest.mark.parametrize("name", NETS)
def test_parameters_are_single_precision_whatever_the_mode(name, x64):
    """Else a model trained in one mode could not be read in the other."""
    like = jax.eval_shape(
        lambda key: NETS[name](BLOCKS).init(key, jnp.ones((1, 1, 3 * D)), jnp.ones((1, 1, N))), jax.random.key(0)
    )
    assert {leaf.dtype for leaf in jax.tree.leaves(like)} == {jnp.dtype("float32")}


def test_factored_score_equals_the_oracle_in_every_view(sde, x64):
    oracle = gaussian.oracle(sde, BLOCKS, np.zeros(D), COV)
    fast = gaussian.factored_score(sde, BLOCKS, gaussian.factors(BLOCKS, np.zeros(D), COV, VIEWS))
    roles = jnp.asarray(vw.table(VIEWS))[:, None]
    t = jnp.broadcast_to(jnp.linspace(0.05, 0.95, 8), (len(VIEWS), 8))
    x0 = jnp.broadcast_to(jnp.asarray(X[:8], jnp.float64), (len(VIEWS), 8, D))
    eps = jax.random.normal(jax.random.key(1), x0.shape)
    x, tau = vw.look(sde, BLOCKS, roles, x0, eps, t)
    mask = BLOCKS.spread(roles == vw.NOISED)
    np.testing.assert_allclose(jnp.where(mask, fast(x, tau), 0.0), jnp.where(mask, oracle(x, tau), 0.0), atol=1e-9)


def test_factors_in_a_fixed_order_are_those_looked_up(x64):
    mean, x = np.arange(D) / 3.0, jax.random.normal(jax.random.key(2), (len(VIEWS), 8, D))
    roles = jnp.asarray(vw.table(VIEWS))[:, None]
    u = jnp.where(roles == vw.GIVEN, 0.0, jnp.where(roles == vw.ABSENT, 1.0, jnp.linspace(0.1, 0.9, 8)[None, :, None]))
    own = mean * np.arange(1.0, 1.0 + len(VIEWS))[:, None], COV * np.linspace(0.5, 2.0, len(VIEWS))[:, None, None]
    for law in ((mean, COV), own):  # one law, and one for each view
        ordered = gaussian.in_order(BLOCKS, *law, VIEWS)
        assert [part.basis.shape[-1] for part in ordered.parts] == [2, 4]  # one variable's coordinates, and all
        for one, two in zip(
            precondition.gaussian_part(gaussian.factors(BLOCKS, *law, VIEWS), BLOCKS, x, u),
            precondition.gaussian_part(ordered, BLOCKS, x, u),
        ):
            np.testing.assert_allclose(one, two, atol=1e-12)
    alone = gaussian.factors(BLOCKS, own[0][1], own[1][1], VIEWS[1:2])
    every = gaussian.factors(BLOCKS, *own, VIEWS)
    looked_up, wanted = (precondition.gaussian_part(f, BLOCKS, x[1:2], u[1:2])[0] for f in (every, alone))
    np.testing.assert_allclose(looked_up, wanted, atol=1e-12)


@pytest.mark.parametrize("name", sorted(MEASURES))
def test_measures_are_linear_and_hashable(name):
    m = MEASURES[name]
    assert hash(m) == hash(type(m)(m.n, tuple(m.terms), m.lower))
    assert (m - m).terms == ()
    assert (m - 0.0 * m).terms == (0.0 * m + m).terms == m.terms
    assert (2.0 * m).entropies() == pytest.approx({v: 2 * c for v, c in m.entropies().items()})
    assert (m + m).entropies() == pytest.approx((2.0 * m).entropies())


@pytest.mark.parametrize("make", ["stratified", "uniform", "importance", "quadrature", "simpson", "adaptive"])
def test_time_samplers_integrate_a_known_function(make, x64):
    """∫ sech²(λ/2)/4 dλ = 1 over all log-SNR."""
    sde = paths.VP()
    where = {
        "stratified": lambda: times.stratified(sde, -10.0, 20.0),
        "uniform": lambda: times.uniform(sde),
        "importance": lambda: times.importance(sde),
        "quadrature": lambda: times.quadrature(sde, -10.0, 20.0),
        "simpson": lambda: times.quadrature(sde, -10.0, 20.0, "simpson"),
        "adaptive": lambda: times.adaptive(sde, -10.0, 20.0, jnp.exp(-0.1 * jnp.arange(64.0))),
    }[make]()
    m, b = (65, 4) if make in ("quadrature", "simpson") else (8, 4000)
    t, w = where.sample(jax.random.key(0), (m, b))
    value = w * 0.25 / jnp.cosh(sde.logsnr(t) / 2) ** 2
    stderr = float(value.std()) / np.sqrt(m * b) if m == 8 else 1e-4
    assert stderr < 0.05
    assert abs(float(value.mean()) - 1.0) < 5 * stderr + 1e-4


# --- the integral over measures --------------------------------------------------------------------------------------

PLAN = plan({k: m for k, m in MEASURES.items() if k != "kl"})


def integrals(x, key, dtype=jnp.float32, sde=None, antithetic=True):
    """Sums of every measure over rows ``x``."""
    sde = paths.VP() if sde is None else sde
    return integrate(
        key,
        PLAN,
        sde,
        BLOCKS,
        gaussian.factored_score(sde, BLOCKS, gaussian.factors(BLOCKS, np.zeros(D), COV, PLAN.views, dtype=dtype)),
        x,
        times=times.stratified(sde, -6.0, 6.0),
        num_mc=2,
        mean=jnp.zeros(D, dtype),
        cov=jnp.asarray(COV, dtype),
        antithetic=antithetic,
        chunk=400,  # several blocks of rows, the last one padded
    )


def same_tree(a, b, tol):
    chex.assert_trees_all_close(a, b, rtol=tol, atol=tol)


@pytest.mark.usefixtures("quick_compile")
def test_integral_traces_once_is_sharded_and_vmapped():
    count = 0

    @jax.jit
    def run(x, key):
        nonlocal count
        count += 1
        return integrals(x, key)

    keys = jax.random.split(jax.random.key(5), 2)
    loop = [run(X, k) for k in keys]
    run(X + 1.0, keys[0])
    assert count == 1
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(loop[0]))
    assert loop[0].gap.shape == loop[0].difference.shape == (len(PLAN.names), B)
    together = jax.jit(jax.vmap(lambda k: integrals(X, k)))(keys)
    same_tree(together, jax.tree.map(lambda *z: jnp.stack(z), *loop), 1e-2)
    spread = run(jax.device_put(X, NamedSharding(mesh(), PartitionSpec("data"))), keys[0])
    same_tree(spread, loop[0], 1e-3)


@pytest.mark.broad
def test_integral_jit_equals_eager(x64):
    x, key = X.astype(jnp.float64), jax.random.key(6)
    eager = integrals(x[:24], key, jnp.float64)
    same_tree(jax.jit(lambda x: integrals(x, key, jnp.float64))(x[:24]), eager, 1e-9)


@pytest.mark.parametrize("dtype", few([jnp.float32, jnp.float64], jnp.float64))
def test_types_are_kept_when_64_bits_are_on(dtype, x64):
    """Times are drawn in the default type; rows decide."""
    x = X.astype(dtype)
    for family in (paths.VP(), paths.DDPM()):
        sums = jax.eval_shape(lambda x, family=family: integrals(x, jax.random.key(0), dtype, family), x)
        assert sums.gap.dtype == sums.difference.dtype == sums.profile.dtype == dtype
        assert jax.eval_shape(lambda x, family=family: rows_divergence(family, x), x).dtype == dtype
    roles = jnp.asarray(vw.table(VIEWS[:4]))
    net = precondition.precondition(mlp(BLOCKS, 8, 1), BLOCKS)
    params = net.init(jax.random.key(0), gaussian.factors(BLOCKS, np.zeros(D), COV, VIEWS, dtype=dtype))
    params = jax.tree.map(lambda p: p.astype(dtype) if jnp.issubdtype(p.dtype, jnp.floating) else p, params)
    where = times.stratified(paths.VP(), -6.0, 6.0)
    slabs = x.reshape(4, B // 4, D)
    loss, per_slab = jax.eval_shape(
        lambda p, x: matching.matching_loss(p, net, paths.VP(), BLOCKS, jax.random.key(2), x, roles=roles, times=where),
        params,
        slabs,
    )
    assert loss.dtype == per_slab.dtype == dtype


def test_padding_rows_and_zero_weights_count_for_nothing(x64):
    x = X.astype(jnp.float64)[:50]
    weights = jnp.ones(50).at[::3].set(0.0)
    run = jax.jit(
        lambda x, w: integrate(
            jax.random.key(1),
            PLAN,
            paths.VP(),
            BLOCKS,
            gaussian.factored_score(paths.VP(), BLOCKS, gaussian.factors(BLOCKS, np.zeros(D), COV, PLAN.views)),
            x,
            times=times.stratified(paths.VP(), -6.0, 6.0),
            mean=jnp.zeros(D),
            cov=jnp.asarray(COV),
            weights=w,
            chunk=20 * len(PLAN.views),
        )
    )
    a, b = run(x, weights), run(x.at[::3].set(77.0), weights)
    keep = np.asarray(weights) > 0
    np.testing.assert_allclose(a.gap[:, keep], b.gap[:, keep], rtol=1e-9)
    assert a.profile.shape == b.profile.shape
    assert float(a.count.sum()) == float(weights.sum())  # padding is not counted
    same_tree((a.profile, a.second, a.slope, a.nested), (b.profile, b.second, b.slope, b.nested), 1e-9)


@pytest.mark.parametrize("name", few(sorted(paths.FAMILIES), "ddpm", "vp"))
def test_time_samplers_jit_equals_eager(name):
    family = paths.FAMILIES[name]()
    for where in (times.stratified(family, -6.0, 6.0), times.quadrature(family, -6.0, 6.0)):
        eager = where.sample(jax.random.key(0), (5, 8))
        jitted = jax.jit(where.sample, static_argnums=1)(jax.random.key(0), (5, 8))
        same_tree(eager, jitted, 1e-4)
