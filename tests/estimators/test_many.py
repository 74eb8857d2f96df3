"""Many fits in one program: the same numbers as one by one, however many run side by side, and after a restart."""

from dataclasses import replace

import numpy as np
import pytest
from tiers import few

from jaxinfo import measures as ms
from jaxinfo import plan
from jaxinfo.blocks import Blocks
from jaxinfo.estimators import crossfit
from jaxinfo.estimators.prepare import Job
from jaxinfo.estimators.settings import BUDGETS, Settings, for_null, resolve
from jaxinfo.io.keeper import Keeper

pytestmark = pytest.mark.usefixtures("quick_compile")
BLOCKS = Blocks((1, 1))
VIEWS = plan.plan({"mi": ms.mi(2, [0], [1])}).views
S = resolve("quick", {"steps": 60, "checks": 6, "width": 8, "depth": 1, "num_mc": 2, "batch": 32, "seeds": 2})


def rows(seed, n=400):
    return np.random.default_rng(seed).multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], size=n)


JOBS = [Job(rows(0), 0), Job(rows(1), 1), Job(rows(2), 2)]


def same(a, b, tolerance=1e-5):
    np.testing.assert_allclose(a.params, b.params, atol=tolerance)
    np.testing.assert_array_equal(a.history["best_step"], b.history["best_step"])
    np.testing.assert_allclose(a.history["validation"], b.history["validation"], atol=tolerance)


@pytest.mark.parametrize("net, at_once", few([("mlp", 4), ("mlp", 8), ("per_variable", 4)], ("per_variable", 4)))
def test_side_by_side_equals_alone(net, at_once):
    s = replace(S, net=net)
    together = crossfit.fit_many(JOBS, BLOCKS, VIEWS, s, at_once=at_once)
    for job, fitted in zip(JOBS, together):
        same(fitted, crossfit.fit_many([job], BLOCKS, VIEWS, s, at_once=1)[0])
    assert together[0].params.shape[:2] == (2, S.folds)
    assert np.abs(together[0].params[0] - together[0].params[1]).max() > 1e-3  # seeds differ


def test_one_program_for_every_group():
    traces = lambda: np.asarray([p.num_traces() for p in (crossfit._initial, crossfit._advance, crossfit._look)])
    before = traces()
    crossfit.fit_many(JOBS, BLOCKS, VIEWS, replace(S, batch=24), at_once=2)
    assert (traces() == before + 1).all()


def test_a_unit_that_ends_early_waits_unchanged():
    """Noise stops learning at once, the other goes on; both as if alone."""
    fast = {"learning_rate": 0.01, "decay": 0.9, "patience": 0.5}
    s = resolve("quick", {"steps": 400, "checks": 20, "width": 8, "depth": 1, "batch": 32, **fast})
    noise = np.random.default_rng(3).normal(size=(400, 2))
    bent = np.random.default_rng(4).normal(size=(400, 1))
    jobs = [Job(noise, 0), Job(np.column_stack([bent, np.abs(bent) + 0.01 * noise[:, :1]]), 0)]
    together = crossfit.fit_many(jobs, BLOCKS, VIEWS, s, at_once=2)
    ends = [f.history["step"][-1] for f in together]
    assert ends[0] < ends[1]
    for job, fitted in zip(jobs, together):
        same(fitted, crossfit.fit_many([job], BLOCKS, VIEWS, s)[0])


def test_networks_that_follow_their_training_rows_go_back(tmp_path):
    """They end sooner, better than when the rate began to fall, and after a restart the same."""
    fast = {"learning_rate": 0.005, "decay": 0.98, "width": 32, "batch": 32}
    s = resolve("quick", {"steps": 1500, "checks": 60, "depth": 1, **fast})
    z = np.random.default_rng(3).normal(size=(300, 2))
    job = Job(np.column_stack([z[:, 0], z[:, 0] ** 2 + z[:, 1]]), 0)
    stays, returns = (crossfit.fit(job.x, BLOCKS, VIEWS, replace(s, rewind=rewind)) for rewind in (False, True))
    assert returns.history["step"][-1] < stays.history["step"][-1]
    (at,), seen = returns.history["cool_from"], returns.history["validation"].sum(-1).mean(-1)[:, 0]
    falls = int(np.flatnonzero(returns.history["step"] == at)[0])
    assert seen[falls + 1] < seen[falls]
    same_until = stays.history["validation"][: falls + 1]
    np.testing.assert_array_equal(returns.history["validation"][: falls + 1], same_until)
    assert seen[falls + 1] < stays.history["validation"].sum(-1).mean(-1)[falls + 1, 0]

    def stop(done, end, metrics):
        if done == at:
            raise Died

    keepers = lambda group: Keeper(tmp_path / group, "run", every_s=0.0)
    with pytest.raises(Died):
        crossfit.fit_many([job], BLOCKS, VIEWS, replace(s, rewind=True), keepers=keepers, progress=stop)
    same(crossfit.fit_many([job], BLOCKS, VIEWS, replace(s, rewind=True), keepers=keepers)[0], returns, 0.0)


class Died(Exception):
    pass


@pytest.mark.parametrize("net", few(["mlp", "per_variable"], "per_variable"))
def test_a_killed_call_goes_on_to_the_same_numbers(net, tmp_path):
    s = replace(S, net=net)
    wanted = crossfit.fit_many(JOBS, BLOCKS, VIEWS, s, at_once=2)

    def keepers(group):
        return Keeper(tmp_path / str(group), "run", every_s=0.0)

    looks = []

    def die(done, end, metrics):
        looks.append(done)
        if len(looks) in (2, 9, 11):
            raise Died

    for attempt in range(4):
        try:
            got = crossfit.fit_many(JOBS, BLOCKS, VIEWS, s, at_once=2, keepers=keepers, progress=die)
        except Died:
            assert attempt < 3
    assert len(looks) < 3 * 6 + 6  # most looks were not made twice
    for a, b in zip(wanted, got):
        same(a, b, 0.0)


def test_loss_that_is_not_finite_names_its_step():
    wild = Settings(**{**S.__dict__, "learning_rate": 1e30, "seeds": 1})
    with pytest.raises(FloatingPointError, match=r"at step \d+: try a smaller learning_rate"):
        crossfit.fit_many(JOBS[:1], BLOCKS, VIEWS, wild)


def test_null_budget_is_never_larger():
    small = for_null(resolve("thorough", {"steps": 100}))
    assert small.steps == 100 and small.folds == BUDGETS["quick"].folds and small.seeds == 1
    assert for_null(BUDGETS["standard"]).steps == BUDGETS["quick"].steps


def test_the_last_good_state_is_kept_when_the_loss_is_not_finite(tmp_path):
    """From the third look on the loss is not finite: what stood before is on the disk."""
    s = Settings(**{**S.__dict__, "seeds": 1})
    good = crossfit.chunk_steps(s)
    spoil = {"at": 0}

    def keepers(group):
        return Keeper(tmp_path / group, "run", every_s=1e9)

    def poison(done, end, metrics):
        spoil["at"] = done

    real = crossfit._advance

    def advance(blocks, s, weighted, views, state, fits):
        state, losses = real(blocks, s, weighted, views, state, fits)
        return state, losses * (np.nan if spoil["at"] >= 2 * good else 1.0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crossfit, "_advance", advance)
        with pytest.raises(FloatingPointError, match=f"last good state, of step {2 * good}, is kept"):
            crossfit.fit_many(JOBS[:1], BLOCKS, VIEWS, s, keepers=keepers, progress=poison)
    (place,) = tmp_path.iterdir()
    step, kept, _ = Keeper(place, "run").newest()
    assert step == 2 * good and kept["scores"].shape[0] == 2
    assert all(np.isfinite(leaf).all() for part in kept["at"] for leaf in part if leaf.dtype.kind == "f")
