"""Views read together say what they say slab by slab."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiers import few

from jaxinfo import correlations, gaussian
from jaxinfo import measures as ms
from jaxinfo.blocks import Blocks
from jaxinfo.estimators import scores
from jaxinfo.estimators.fitted import SDE, network, unraveller
from jaxinfo.estimators.settings import Settings
from jaxinfo.integral import predicted
from jaxinfo.plan import plan

KINDS = {
    "scalars": Blocks((1, 1, 1)),
    "equal": Blocks((2, 2, 2)),
    "unequal": Blocks((3, 1, 2)),
    "discrete": Blocks((2, 2, 3), ("a", "b", "label"), (False, False, True)),
    "too unequal to pad": Blocks((9, 1, 1)),
}


def asked(blocks):
    if any(blocks.discrete):
        return plan({"mi": ms.cmi(3, [0], [1], [2]), "one": ms.mi(3, [0], [2])})
    return plan({"tc": ms.tc(3), "o": ms.o_info(3), "pair": ms.mi(3, [0, 1], [2]), "given": ms.cmi(3, [0], [1], [2])})


@pytest.mark.usefixtures("quick_compile")
@pytest.mark.parametrize("net", few(["mlp", "per_variable", "thesis"], "per_variable"))
@pytest.mark.parametrize("kind, own_control, laws", [*((k, 0, 0) for k in KINDS), ("unequal", 1, 0), ("unequal", 0, 1)])
def test_views_together_are_views_one_by_one(kind, net, own_control, laws):
    blocks, s = KINDS[kind], Settings(width=8, depth=2, net=net).for_system(KINDS[kind], asked(KINDS[kind]).views)
    p, d, rng = asked(blocks), blocks.dim, np.random.default_rng(3)
    random_cov = lambda: (lambda a: a @ a.T / d + 0.5 * np.eye(d))(rng.normal(size=(d, d)))
    cov, mean = random_cov(), 0.2 * rng.normal(size=d)
    look = correlations.focus(blocks, cov), correlations.relevance(blocks, cov)
    each = [(0.2 * rng.normal(size=d), random_cov()) for _ in p.views]  # views of laws of their own
    of_views = tuple(np.stack(parts) for parts in zip(*each)) if laws else (mean, cov)
    inside = gaussian.in_order(blocks, *of_views, p.views, look=look)
    control = gaussian.in_order(blocks, -mean, random_cov(), p.views) if own_control else inside
    like = jax.eval_shape(
        lambda key: network(blocks, s).init(key, gaussian.factors(blocks, mean, cov, p.views[:1]))["net"],
        jax.random.key(0),
    )
    length = sum(leaf.size for leaf in jax.tree.leaves(like))
    params = jnp.asarray(0.3 * rng.normal(size=length), jnp.float32)
    assert jax.tree.structure(unraveller(blocks, s)(params)) == jax.tree.structure(like)
    calibration = jnp.asarray(rng.uniform(0.5, 1.0, (len(p.views), 5)), jnp.float32)
    x0 = jnp.asarray(rng.normal(size=(6, d)), jnp.float32)
    eps = jnp.asarray(rng.normal(size=(6, d)), jnp.float32)
    t = SDE.time(jnp.linspace(-6.0, 8.0, 6))
    at_once = scores.together(blocks, s, p.views, params, inside, calibration, 9.0, control)
    one_by_one = predicted(
        scores.calibrated_score(blocks, s, unraveller(blocks, s)(params), inside, calibration, 9.0),
        scores.gaussian_score(blocks, control), p, SDE, blocks,
    )  # fmt: skip
    for got, want in zip(jax.jit(at_once)(x0, eps, t), jax.jit(one_by_one)(x0, eps, t)):
        assert got.shape == (sum(source < len(p.views) for source, _ in p.entries), 6, max(blocks.sizes))
        assert float(jnp.abs(want).max()) > 0.1
        np.testing.assert_allclose(got, want, rtol=2e-3, atol=2e-4)
