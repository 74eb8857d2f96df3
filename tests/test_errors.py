"""What the parts refuse, and the words it uses: what was expected, what came, what to do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinfo import divergence, gaussian, times
from jaxinfo import measures as ms
from jaxinfo import preprocess as pre
from jaxinfo import sde as paths
from jaxinfo import views as vw
from jaxinfo.blocks import Blocks
from jaxinfo.estimators.splits import crossfit_splits
from jaxinfo.integral import evaluate, integrate
from jaxinfo.plan import plan
from jaxinfo.types import Estimate

SCORES = ms.Scores((vw.view(2, [0]), None))


def divergence_of(integrand):
    b, vp = Blocks((1,)), paths.VP()
    s = gaussian.oracle(vp, b, np.zeros(1), np.eye(1))
    x = jnp.zeros((2, 1))
    return divergence.score_divergence(
        jax.random.key(0), vp, b, s, s, x, times=times.stratified(vp), integrand=integrand
    )


def integral_of(measures, function=evaluate, x=None, **options):
    b, vp = Blocks((1, 1)), paths.VP()
    s = gaussian.oracle(vp, b, jnp.zeros(2), jnp.eye(2))
    measures = plan(measures) if function is integrate else measures
    x = jnp.ones((4, 2)) if x is None else x
    return function(jax.random.key(0), measures, vp, b, s, x, times=times.stratified(vp), **options)


def test_whole_rows_and_keys_of_the_old_kind_are_read():
    b, vp = Blocks((1, 1)), paths.VP()
    s = gaussian.oracle(vp, b, jnp.zeros(2), jnp.eye(2))
    rows, key = np.arange(-4, 4).reshape(4, 2), jax.random.PRNGKey(0)
    found = evaluate(key, {"tc": ms.tc(2)}, vp, b, s, rows, times=times.stratified(vp))["tc"]
    assert abs(found.value) < 1e-5 and found.per_sample.shape == (4,)


REFUSALS = {
    "blocks: empty": (lambda: Blocks(()), r"at least one coordinate, got sizes \(\)"),
    "blocks: size 0": (lambda: Blocks((1, 0)), r"at least one coordinate, got sizes \(1, 0\)"),
    "blocks: names": (lambda: Blocks((1, 2), ("a",)), "expected 2 names and discrete flags, got 1 and 2"),
    "blocks: flags": (lambda: Blocks((1, 2), discrete=(True,)), "expected 2 names and discrete flags, got 2 and 1"),
    "blocks: twice": (lambda: Blocks((1, 2), ("a", "a")), "names must differ"),
    "blocks: unknown": (lambda: Blocks((1,), ("a",)).index("b"), "unknown variable 'b'; the variables are a"),
    "blocks: position": (lambda: Blocks((1, 1)).index(2), "variable 2 does not exist; there are 2, counted from 0"),
    "blocks: negative": (lambda: Blocks((1, 1)).index(-1), "variable -1 does not exist"),
    "view: nothing noised": (lambda: vw.view(3, [], [1]), "at least one NOISED variable"),
    "view: two roles": (lambda: vw.view(3, [0, 1], [1]), r"\[1\] are both NOISED and GIVEN"),
    "term: nothing read": (
        lambda: ms.Term(1.0, ms.Scores((None, None)), ms.Scores((None, None))),
        "at least one variable whose score is read",
    ),
    "term: read where given": (
        lambda: ms.Term(1.0, ms.Scores((None, vw.view(2, [0], [1]))), ms.Gaussian()),
        r"variable 1 is read in a view where it is not NOISED: \(1, 0\)",
    ),
    "term: q read where absent": (
        lambda: ms.Term(1.0, SCORES, ms.Scores((vw.view(2, [1]), None))),
        "variable 0 is read in a view where it is not NOISED",
    ),
    "term: two targets": (
        lambda: ms.Term(1.0, SCORES, ms.Scores((None, vw.view(2, [1])))),
        r"read different variables \(\[0\] and \[1\]\): that is not a KL divergence",
    ),
    "measure: two systems": (lambda: ms.tc(2) + ms.tc(3), "of 2 and of 3 variables cannot be added; restrict"),
    "measure: no entropy form": (
        lambda: ms.Measure(2, (ms.Term(1.0, ms.Scores((vw.joint(2), None)), SCORES),)).entropies(),
        r"\(1, 1\) is read with different weights per variable: the measure has no entropy form",
    ),
    "mi: empty group": (lambda: ms.mi(3, [0], []), "two groups with at least one variable each"),
    "mi: overlap": (lambda: ms.mi(3, [0, 1], [1]), "must not share variables"),
    "cmi: overlap": (lambda: ms.cmi(3, [0], [1], [1]), "must not share variables"),
    "mi: outside": (lambda: ms.mi(3, [0], [3]), r"B = \(3,\) names a variable outside 0..2"),
    "mi: form": (lambda: ms.mi(2, [0], [1], "both"), "unknown form 'both'; choose one of conditional, reverse, joint"),
    "entropy: empty": (lambda: ms.entropy(2, []), "at least one variable"),
    "entropy: overlap": (lambda: ms.entropy(2, [0], [0]), "must not share variables"),
    "kl: label in the data": (lambda: ms.kl(3, [0, 1], 1, 2), "must not share variables"),
    "tc: one variable": (lambda: ms.tc(1), "total correlation needs at least 2 variables, got 1"),
    "dtc: subset": (lambda: ms.dtc(3, [1]), "dual total correlation needs at least 2 variables, got 1"),
    "s: one variable": (lambda: ms.s_info(1), "S-information needs at least 2 variables"),
    "omega: two variables": (lambda: ms.o_info(2), "identically zero .*use mutual_information instead"),
    "omega: subset": (lambda: ms.o_info(4, [1, 2]), "needs at least 3 variables, got 2"),
    "gradient: two variables": (lambda: ms.o_info_gradient(2, 0), "needs at least 3 variables, got 2"),
    "gradient: elsewhere": (lambda: ms.o_info_gradient(4, 3, [0, 1, 2]), r"variable 3 is not among \(0, 1, 2\)"),
    "gradient: form": (lambda: ms.o_info_gradient(3, 0, form="c1"), "unknown form 'c1'; choose 'mi' or 'difference'"),
    "plan: nothing": (lambda: plan({}), "no measure was asked for"),
    "plan: two systems": (lambda: plan({"a": ms.tc(2), "b": ms.tc(3)}), r"same variables, got counts \[2, 3\]"),
    "plan: all cancelled": (lambda: plan({"zero": ms.tc(2) - ms.tc(2)}), "identically zero: every term cancelled"),
    "integral: odd draws": (lambda: integral_of({"tc": ms.tc(2)}, integrate, num_mc=3), "num_mc=3; use an even number"),
    "evaluate: value": (
        lambda: integral_of({"tc": ms.tc(2)}, value="median"),
        "value must be one of gap, difference, mean, got 'median'",
    ),
    "evaluate: no name": (lambda: integral_of(ms.tc(2)), "a dict name -> Measure, got Measure"),
    "evaluate: other variables": (lambda: integral_of({"tc": ms.tc(3)}), "the 2 variables of blocks"),
    "evaluate: coordinates": (lambda: integral_of({"tc": ms.tc(2)}, x=np.ones((4, 3))), r"rows \(B, 2\).*got \(4, 3\)"),
    "evaluate: NaN": (lambda: integral_of({"tc": ms.tc(2)}, x=np.full((4, 2), np.nan)), "4 of the rows are not finite"),
    "evaluate: weights": (lambda: integral_of({"tc": ms.tc(2)}, weights=np.zeros(4)), "non-negative weights"),
    "evaluate: no draws": (lambda: integral_of({"tc": ms.tc(2)}, num_mc=0), "num_mc must be at least 1, got 0"),
    "divergence: integrand": (
        lambda: divergence_of("score"),
        "unknown integrand 'score'; choose one of gap, difference",
    ),
    "quadrature: rule": (lambda: times.quadrature(paths.VP(), rule="romberg"), "'gauss' or 'simpson', got 'romberg'"),
    "quadrature: even": (
        lambda: times.quadrature(paths.VP(), rule="simpson").sample(jax.random.key(0), (4, 2)),
        "odd number of nodes, at least 3, got 4",
    ),
    "times: off the path": (
        lambda: times.stratified(paths.VE(), 10.0, 20.0),
        r"range is empty: asked for \[10.00, 20.00\] on a path that runs from -7.82 to 9.21",
    ),
    "gaussian: singular": (lambda: gaussian.entropy(np.ones((2, 2))), "singular; drop duplicated or constant columns"),
    "preprocess: kind": (lambda: pre.fit(np.zeros((3, 1)), "pca"), "rank, standardise, none, got 'pca'"),
    "splits: groups": (
        lambda: crossfit_splits(9, 3, np.random.default_rng(0), np.arange(9) % 3),
        "at least 4 groups, got 3; use fewer folds or finer groups",
    ),
    "estimate: level": (lambda: Estimate(1.0, 0.1).ci(1.0), "strictly between 0 and 1, got 1.0"),
    "estimate: unit": (lambda: Estimate(1.0, 0.1).to("bans"), "must be 'nats' or 'bits', got 'bans'"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals(name):
    call, words = REFUSALS[name]
    with pytest.raises(ValueError, match=words):
        call()


def test_the_base_of_paths_is_no_path():
    with pytest.raises(NotImplementedError):
        paths.SDE().log_alpha(0.5)
    with pytest.raises(NotImplementedError):
        paths.SDE().sigma2(0.5)
