"""Training in two ways, slab by slab and all views together: the same question asked of the same network."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxinfo as ji
from jaxinfo import correlations, gaussian, plan
from jaxinfo import measures as ms
from jaxinfo.bench import system_tasks
from jaxinfo.blocks import Blocks
from jaxinfo.estimators.fitted import network
from jaxinfo.estimators.objective import _drawn, all_together, slab_by_slab, training_density
from jaxinfo.estimators.settings import Settings, evaluations

BLOCKS = Blocks((2, 1, 2, 1))
D, N = BLOCKS.dim, BLOCKS.num_variables
VIEWS = plan.plan({"tc": ms.tc(N), "dtc": ms.dtc(N), "pair": ms.mi(N, [0, 1], [2])}).views


def one_fit(seed=0):
    """A covariance, and what an objective is told of a fit, with factors for each of the two ways."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(D, D))
    cov = a @ a.T / D + 0.5 * np.eye(D)
    rows = lambda n: jnp.asarray(rng.multivariate_normal(np.zeros(D), cov, n), jnp.float32)
    fit = {
        "train": rows(60), "count": 60, "cdf": jnp.linspace(1 / 60, 1.0, 60)[None], "hi": jnp.float32(9.0),
        "validation": rows(50), "validation_weight": jnp.full((1, 50), 1 / 50),
        "laws": jnp.zeros(len(VIEWS), int),
    }  # fmt: skip
    of = {"slabs": gaussian.factors, "together": gaussian.in_order}
    return {
        way: fit
        | {
            "factors": make(
                BLOCKS,
                np.zeros(D),
                cov,
                VIEWS,
                look=(correlations.focus(BLOCKS, cov), correlations.relevance(BLOCKS, cov)),
            )
        }
        for way, make in of.items()
    }


def parameters(s, seed=1, scale=0.3):
    fac = gaussian.factors(BLOCKS, np.zeros(D), np.eye(D), VIEWS)
    like = jax.eval_shape(lambda key: network(BLOCKS, s).init(key, fac)["net"], jax.random.key(0))
    length = sum(leaf.size for leaf in jax.tree.leaves(like))
    return jnp.asarray(scale * np.random.default_rng(seed).normal(size=length), jnp.float32)


@pytest.mark.parametrize("focus", [0.0, 0.5, 0.8])
def test_training_looks_around_log_snr_2_5_as_often_as_is_asked(focus):
    mass = np.asarray(training_density(-8.0, 12.0, focus))
    assert abs(mass.sum() - 1.0) < 1e-6 and abs(mass[0] * mass.size - (1.0 - focus)) < 0.02
    assert focus == 0.0 or -8.0 + 20.0 * (mass.argmax() + 0.5) / mass.size == pytest.approx(2.5, abs=0.2)


@pytest.mark.usefixtures("quick_compile")
@pytest.mark.parametrize("net", ["mlp", "per_variable"])
@pytest.mark.parametrize("frequencies", [0, 3])
def test_the_clock_is_told_by_so_many_sines_and_cosines(net, frequencies):
    s = Settings(width=8, depth=1, net=net, frequencies=frequencies).for_system(BLOCKS, VIEWS)
    fac = gaussian.factors(BLOCKS, np.zeros(D), np.eye(D), VIEWS)
    like = jax.eval_shape(lambda key: network(BLOCKS, s).init(key, fac)["net"], jax.random.key(0))
    assert like["params"]["trunk"]["gain"]["kernel"].shape[0] == 1 + 2 * frequencies


@pytest.mark.usefixtures("quick_compile")
@pytest.mark.parametrize("net", ["mlp", "per_variable"])
def test_both_ways_judge_alike(net):
    s = Settings(width=8, depth=1, net=net, batch=64).for_system(BLOCKS, VIEWS)
    ways = {"slabs": slab_by_slab(BLOCKS, s, False, VIEWS), "together": all_together(BLOCKS, s, False, VIEWS)}
    params, fits = parameters(s), one_fit()
    found = {way: jax.jit(objective.validate)(params, fits[way]) for way, objective in ways.items()}
    assert found["slabs"].shape == (len(VIEWS),) and float(found["slabs"].min()) > 0.1
    np.testing.assert_allclose(found["together"], found["slabs"], rtol=2e-3)


@pytest.mark.usefixtures("quick_compile")
@pytest.mark.parametrize("weighted", [False, True])
def test_losses_are_errors_per_noised_coordinate(weighted):
    """Of a Gaussian law whose Gaussian is inside, with a silent network: below one, the error of knowing nothing."""
    s = Settings(width=8, depth=1, net="per_variable", batch=800).for_system(BLOCKS, VIEWS)
    params, fit = parameters(s, scale=0.0), one_fit()["together"]
    loss = jax.jit(all_together(BLOCKS, s, weighted, VIEWS).loss)
    found = np.array([loss(params, jax.random.key(k), fit)[0] for k in range(30)])
    assert 0.2 < found.mean() < 0.9 and found.std() < 0.2
    only = fit | {"cdf": jnp.ones((1, 60))}  # all weight on the first row
    apart = abs(float(loss(params, jax.random.key(0), only)[0]) - found[0])
    assert (apart > 1e-4) == weighted


def test_relevance_is_the_largest_canonical_correlation_against_the_loudest():
    cov = np.eye(6)
    cov[0, 2], cov[1, 4], cov[2, 0], cov[4, 1] = 0.8, 0.4, 0.8, 0.4
    found, c2 = correlations.relevance(Blocks((2, 2, 1, 1)), cov), correlations.NO_RELEVANCE**2
    least = np.sqrt(c2 / (0.64 + c2))
    half = np.sqrt((0.16 + c2) / (0.64 + c2))
    np.testing.assert_allclose(found[:, 0], [1.0, 1.0, half, least], atol=1e-12)
    np.testing.assert_allclose(found[0, 1:3], [1.0, 1.0], atol=1e-12)  # each hears nobody else
    np.testing.assert_array_equal(correlations.relevance(Blocks((2, 1)), np.eye(3)), np.ones((2, 2)))
    scaled = np.diag([1.0, 3.0, 0.1, 2.0, 1.0, 5.0])
    np.testing.assert_allclose(correlations.relevance(Blocks((2, 2, 1, 1)), scaled @ cov @ scaled), found, atol=1e-12)


@pytest.mark.usefixtures("quick_compile")
def test_a_step_costs_what_the_batch_says_and_one_row_at_least():
    """Views of several NOISED variables cost one evaluation for each variable."""
    wide = plan.plan({f"{i} {j}": ms.tc(N, [i, j]) for i in range(N) for j in range(i)}).views
    assert evaluations(wide) == N * (N * (N - 1) // 2) + N

    def rows(views, batch):
        s = Settings(width=4, depth=1, net="per_variable", batch=batch).for_system(BLOCKS, views)
        fac = gaussian.in_order(BLOCKS, np.zeros(D), np.eye(D), views)
        loss = all_together(BLOCKS, s, False, views).loss
        text = str(jax.make_jaxpr(loss)(parameters(s), jax.random.key(0), one_fit()["together"] | {"factors": fac}))
        return next(k for k in range(1, 99) if f"f32[{k},{D}] = gather" in text)

    assert [rows(wide, 560), rows(wide, 56), rows(wide, 8)] == [10, 1, 1]


@pytest.mark.broad
@pytest.mark.usefixtures("quick_compile")
def test_many_gaussian_variables_are_read_right():
    """More variables than a first layer of one network would take: the path of a front-door call, seconds long."""
    task = system_tasks.blocks_task(8, 1)
    r = ji.estimate(task.draw(0, 1500), seed=0, budget="quick", steps=100, batch=200, width=8, num_mc=2, progress=False)
    for name in ("total_correlation", "dual_total_correlation", "o_information"):
        assert r[name].stderr < 0.3
        assert abs(r[name].value - task.truth[name]) < 4 * r[name].stderr + 0.05, r[name]


@pytest.mark.slow
def test_many_bent_variables_are_learned():
    task = system_tasks.blocks_task(12, 2, "inner_spiral")
    r = ji.estimate(task.draw(0, 8000), seed=0, folds=2, steps=3000, progress=False)
    for name in ("total_correlation", "dual_total_correlation"):
        truth, blind = task.truth[name], r[name].diagnostics["gaussian"]
        assert abs(r[name].value - truth) < 0.3 * abs(blind - truth), (r[name], truth, blind)


def test_slabs_of_several_laws_draw_rows_of_theirs():
    weight = np.stack([np.arange(60) < 20, np.arange(60) >= 20]).astype(float)
    weight[1, 30:] = 0.0  # rows without weight are never drawn
    fit = one_fit()["slabs"] | {"cdf": jnp.asarray(np.cumsum(weight, 1) / weight.sum(1, keepdims=True), jnp.float32)}
    at = np.asarray(_drawn(jax.random.key(0), fit, True, (3, 2000), jnp.array([0, 1, 0])))
    assert [(row.min(), row.max()) for row in at] == [(0, 19), (20, 29), (0, 19)]
