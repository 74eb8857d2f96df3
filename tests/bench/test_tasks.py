"""The registry: truths against literals, samplers against their laws, transforms against their inverses."""

import math

import numpy as np
import pytest
from scipy.special import ndtr

from jaxinfo.bench import distributions as dist
from jaxinfo.bench import mixture_tasks, system_tasks
from jaxinfo.bench import tasks as tk
from jaxinfo.bench import transforms as tf
from jaxinfo.estimators.ksg import ksg_mi

# A literal copy of the published table (id, dim_x, dim_y, nats), arXiv 2306.11078.
PUBLISHED = (
    ("1v1-normal-0.75", 1, 1, 0.41333928659223396),
    ("normal_cdf-1v1-normal-0.75", 1, 1, 0.41333928659223396),
    ("1v1-additive-0.1", 1, 1, 1.7094379663467407),
    ("1v1-additive-0.75", 1, 1, 0.3333333333333333),
    ("1v1-bimodal-0.75", 1, 1, 0.41333928659223396),
    ("wiggly-1v1-normal-0.75", 1, 1, 0.41333928659223396),
    ("half_cube-1v1-normal-0.75", 1, 1, 0.41333928659223396),
    ("student-identity-1-1-1", 1, 1, 0.22417142752923613),
    ("asinh-student-identity-1-1-1", 1, 1, 0.22417142752923613),
    ("swissroll_x-normal_cdf-1v1-normal-0.75", 2, 1, 0.41333928659223396),
    ("multinormal-dense-2-2-0.5", 2, 2, 0.2938933324510593),
    ("multinormal-dense-3-3-0.5", 3, 3, 0.41333928659223407),
    ("multinormal-dense-5-5-0.5", 5, 5, 0.5928118328288701),
    ("multinormal-dense-25-25-0.5", 25, 25, 1.2921837216593204),
    ("multinormal-dense-50-50-0.5", 50, 50, 1.6242653743036897),
    ("multinormal-sparse-2-2-2-2.0", 2, 2, 1.0216512475319819),
    ("multinormal-sparse-3-3-2-2.0", 3, 3, 1.0216512475319819),
    ("multinormal-sparse-5-5-2-2.0", 5, 5, 1.021651247531981),
    ("multinormal-sparse-25-25-2-2.0", 25, 25, 1.0216512475319774),
    ("student-identity-2-2-1", 2, 2, 0.43194562200144127),
    ("student-identity-2-2-2", 2, 2, 0.1931471805599454),
    ("student-identity-3-3-2", 3, 3, 0.29092192268276484),
    ("student-identity-3-3-3", 3, 3, 0.17871185309236282),
    ("student-identity-5-5-2", 5, 5, 0.44815067691532917),
    ("student-identity-5-5-3", 5, 5, 0.29854362265275824),
    ("normal_cdf-multinormal-sparse-3-3-2-2.0", 3, 3, 1.0216512475319819),
    ("normal_cdf-multinormal-sparse-5-5-2-2.0", 5, 5, 1.021651247531981),
    ("normal_cdf-multinormal-sparse-25-25-2-2.0", 25, 25, 1.0216512475319774),
    ("half_cube-multinormal-sparse-3-3-2-2.0", 3, 3, 1.0216512475319819),
    ("half_cube-multinormal-sparse-5-5-2-2.0", 5, 5, 1.021651247531981),
    ("half_cube-multinormal-sparse-25-25-2-2.0", 25, 25, 1.0216512475319774),
    ("spiral-multinormal-sparse-3-3-2-2.0", 3, 3, 1.0216512475319819),
    ("spiral-multinormal-sparse-5-5-2-2.0", 5, 5, 1.021651247531981),
    ("spiral-multinormal-sparse-25-25-2-2.0", 25, 25, 1.0216512475319774),
    ("spiral-normal_cdf-multinormal-sparse-3-3-2-2.0", 3, 3, 1.0216512475319819),
    ("spiral-normal_cdf-multinormal-sparse-5-5-2-2.0", 5, 5, 1.021651247531981),
    ("spiral-normal_cdf-multinormal-sparse-25-25-2-2.0", 25, 25, 1.0216512475319774),
    ("asinh-student-identity-2-2-1", 2, 2, 0.43194562200144127),
    ("asinh-student-identity-3-3-2", 3, 3, 0.29092192268276484),
    ("asinh-student-identity-5-5-2", 5, 5, 0.44815067691532917),
)


def assert_mean(rows, truth, k=5.0):
    """The mean of rows [n, ...] lies within k standard errors of the truth."""
    stderr = rows.std(axis=0, ddof=1) / math.sqrt(len(rows))
    assert np.all(np.abs(rows.mean(axis=0) - truth) <= k * stderr), (rows.mean(axis=0), truth, stderr)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_published_tasks_in_order_with_their_truths():
    got = tk.bmi_tasks()
    assert list(got) == [row[0] for row in PUBLISHED]
    for id, dim_x, dim_y, mi in PUBLISHED:
        assert got[id].dims == {"x": dim_x, "y": dim_y}
        # The published 1v1-additive-0.1 was itself computed numerically and is good to 5e-8.
        assert got[id].truth["mutual_information"] == pytest.approx(mi, abs=1e-7 if "additive" in id else 1e-12)
    assert set(got) <= set(tk.all_tasks())


@pytest.mark.parametrize("id", tk.all_tasks())
def test_draws_have_the_stated_shape_and_repeat(id):
    task = tk.task(id)
    assert task.id == id and task.name and task.truth and set(task.discrete) <= set(task.dims)
    assert all(math.isfinite(value) for value in task.truth.values())
    first, again, other = task.draw(3, 5), task.draw(3, 5), task.draw(4, 5)
    assert {name: v.shape for name, v in first.items()} == {name: (5, d) for name, d in task.dims.items()}
    for name, v in first.items():
        assert v.dtype == np.float64 and np.all(np.isfinite(v))
        np.testing.assert_array_equal(v, again[name])
        assert name in task.discrete or not np.any(v == other[name])


def test_tasks_of_one_seed_do_not_share_randomness():
    a, b = (tk.task(f"mixed-10x5-{name}").draw(0, 4)["x1"] for name in ("plain", "inner_spiral"))
    assert not np.any(np.isclose(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)))


def test_other_registered_ids():
    wanted = "mixed-10x5-half_cube inner_spiral-six sign_xor gradient-6x1 independent-5-5 mixture-4class".split()
    wanted += "mixture-entropy-3 mixture-kl high_mi-3-3-5.0-plain blocks-100x1-plain synergistic-10x20-plain".split()
    assert set(wanted) <= set(tk.all_tasks())


def test_unknown_ids_and_arguments_are_refused():
    with pytest.raises(ValueError, match="did you mean .*mixed-10x5-half_cube"):
        tk.task("mixed-10x5-half-cube")
    with pytest.raises(ValueError, match="at least 1"):
        tk.task("sign_xor").draw(0, 0)
    with pytest.raises(ValueError, match="choose one of plain"):
        system_tasks.mixed_task(5, "swirl")
    with pytest.raises(ValueError, match="needs dim at least 2"):
        system_tasks.mixed_task(1, "inner_spiral")
    with pytest.raises(ValueError, match="one of 6, 10"):
        system_tasks.gradient_task(7, 1)
    with pytest.raises(ValueError, match="positive definite"):
        dist.gaussian_entropy(dist.bivariate_cov(1.5))
    with pytest.raises(ValueError, match="sum to 1"):
        dist.mixture([0.5, 0.4], np.zeros((2, 1)), np.ones((2, 1, 1)))
    with pytest.raises(ValueError, match="do not hold the plane"):
        tf.spiral(np.zeros((3, 2)), plane=(1, 2))


# --- truths ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mi", tk.HIGH_MI)
def test_high_mi_reaches_what_it_says(mi):
    rho = dist.rho_for_mi(mi, pairs=2)
    assert dist.gaussian_mi(dist.sparse_cov(3, 3, rho), 3) == pytest.approx(mi, abs=1e-9)
    assert tk.task(f"high_mi-3-3-{mi:.1f}-spiral").truth == {"mutual_information": mi}


def test_quadratures_agree_with_closed_forms():
    cov = np.array([[1.0, 0.6], [0.6, 2.0]])
    one = dist.mixture([1.0], [[1.0, -1.0]], [cov])
    wide = dist.mixture([1.0], [[0.0, 0.0]], [2.0 * np.eye(2)])
    assert dist.mixture_entropy(one) == pytest.approx(dist.gaussian_entropy(cov), abs=1e-10)
    kl = dist.gaussian_kl(np.array([1.0, -1.0]), cov, np.zeros(2), 2.0 * np.eye(2))
    assert dist.mixture_kl(one, wide) == pytest.approx(kl, abs=1e-10)
    far = dist.mixture([0.25, 0.75], [[-30.0], [30.0]], np.ones((2, 1, 1)))
    bits = -0.25 * math.log(0.25) - 0.75 * math.log(0.75)
    assert dist.mixture_label_mi(far) == pytest.approx(bits, abs=1e-10)


def test_mixture_truths_do_not_move_with_the_grid():
    assert tk.task("mixture-4class").truth["mutual_information"] == pytest.approx(0.93534865952, abs=1e-10)
    assert tk.task("mixture-entropy-3").truth["entropy"] == pytest.approx(4.93124954624, abs=1e-10)
    assert tk.task("mixture-kl").truth["kl_divergence"] == pytest.approx(0.44004801022, abs=1e-10)
    assert dist.mixture_label_mi(mixture_tasks.FOUR_CLASSES, 0.15) == pytest.approx(0.93534865952, abs=1e-10)
    assert dist.mixture_kl(mixture_tasks.KL_P, mixture_tasks.KL_Q, 0.15) == pytest.approx(0.44004801022, abs=1e-10)


def test_mixture_truths_agree_with_their_own_rows():
    entropy, kl, label = (tk.task(id) for id in ("mixture-entropy-3", "mixture-kl", "mixture-4class"))
    x = entropy.draw(0, 20_000)["x"]
    assert_mean(-dist.mixture_log_density(x, mixture_tasks.THREE_CLUSTERS), entropy.truth["entropy"])
    p = kl.draw(0, 20_000)["p"]
    gap = dist.mixture_log_density(p, mixture_tasks.KL_P) - dist.mixture_log_density(p, mixture_tasks.KL_Q)
    assert_mean(gap, kl.truth["kl_divergence"])
    rows = label.draw(0, 20_000)
    of_class = dist.mixture_log_densities(rows["x"], mixture_tasks.FOUR_CLASSES)[
        np.arange(20_000), rows["c"][:, 0].astype(int)
    ]
    assert_mean(
        of_class - dist.mixture_log_density(rows["x"], mixture_tasks.FOUR_CLASSES), label.truth["mutual_information"]
    )
    assert set(np.unique(rows["c"])) == {0.0, 1.0, 2.0, 3.0}


# --- samplers --------------------------------------------------------------------------------------------------------


def test_normal_samplers_have_their_covariance():
    cov = dist.sparse_cov(3, 3)
    x = dist.sample_normal(rng(), 20_000, cov)
    assert_mean(x[:, :, None] * x[:, None, :], cov)


def test_student_rows_have_heavy_tails_and_no_correlation():
    x = dist.sample_student(rng(), 20_000, np.eye(2), 3.0)
    inside = np.abs(x) < 0.7648923  # the upper quartile of t with 3 degrees of freedom
    assert_mean(inside.astype(float), 0.5)
    both = inside.all(axis=1).astype(float)
    assert both.mean() > 0.25 + 5 * both.std() / math.sqrt(len(both))  # one χ² per row: dependent though uncorrelated
    assert dist.student_mi(2, 2, 1e6) == pytest.approx(0.0, abs=1e-5)
    cov = dist.dense_cov(1, 1)
    assert dist.student_mi(1, 1, 2, cov) - dist.student_mi(1, 1, 2) == pytest.approx(dist.gaussian_mi(cov, 1))


def test_uniform_noise_and_two_humps():
    x, y = dist.sample_additive(rng(), 20_000, 0.1)
    assert 0.0 <= x.min() and x.max() <= 1.0 and np.abs(y - x).max() <= 0.1
    assert_mean(np.stack([x, (x - 0.5) ** 2, (y - x) ** 2]).transpose(1, 0, 2)[..., 0], [0.5, 1 / 12, 0.01 / 3])
    x, y = dist.sample_bimodal(rng(), 20_000, 0.75)
    assert_mean(np.hstack([x, y, x**2, y**2]), [3.5, 1.0, 1.0 + 0.7 * 25.0, 1.0 + 0.5 + 4.5])


def test_mixture_quantile_inverts_the_distribution_function():
    u = np.concatenate([np.linspace(1e-9, 1.0 - 1e-9, 501), [1e-12]])
    x = dist.mixture_quantile(u, [0.3, 0.7], [0.0, 5.0], [1.0, 2.0])
    np.testing.assert_allclose(0.3 * ndtr(x) + 0.7 * ndtr((x - 5.0) / 2.0), u, rtol=1e-9, atol=1e-15)


# --- transforms ------------------------------------------------------------------------------------------------------


def test_coordinate_maps_increase():
    line = np.linspace(-8.0, 8.0, 20_001)
    for f in (tf.plain, tf.half_cube, tf.asinh, tf.wiggly_x, tf.wiggly_y, tf.normal_cdf):
        assert np.all(np.diff(f(line[np.abs(line) < 5] if f is tf.normal_cdf else line)) > 0)
    y = tf.half_cube(line)
    np.testing.assert_allclose(np.sign(y) * np.abs(y) ** (2.0 / 3.0), line, atol=1e-12)


def test_swiss_roll_unrolls():
    u = rng().uniform(size=(1000, 1))
    roll = tf.swiss_roll(u)
    t = 21.0 * np.linalg.norm(roll, axis=1, keepdims=True)
    np.testing.assert_allclose((t / (1.5 * np.pi) - 1.0) / 2.0, u, atol=1e-12)


def test_pictures_show_their_variables():
    """What was put in can be read off the pixels: the pictures keep every information."""
    v = np.random.default_rng(0).normal(size=(50, 2))
    spots = tf.spot(v)
    grid = (np.arange(tf.SIDE) + 0.5) / tf.SIDE
    rows, columns = (spots.reshape(50, tf.SIDE, tf.SIDE).max(axis) for axis in (2, 1))
    for profile, coordinate in ((rows, 0), (columns, 1)):  # log-ratios of neighbours are affine in the place
        ratio = np.log(profile[:, 9] / profile[:, 8]) * 0.12**2 / (grid[9] - grid[8])
        place = 0.5 * (grid[9] + grid[8]) + ratio
        assert place == pytest.approx(0.2 + 0.6 * ndtr(v[:, coordinate]), abs=1e-9)
    w = np.random.default_rng(1).normal(size=(50, 8))
    lights, *_ = np.linalg.lstsq(tf.lamp_pictures(8).T, tf.lamps(w).T, rcond=None)
    assert lights.T == pytest.approx(ndtr(w), abs=1e-9)
    assert np.linalg.cond(tf.lamp_pictures(8)) < 10
    for show, wrong, say in ((tf.spot, 3, "two coordinates"), (tf.lamps, 9, "at most 8")):
        with pytest.raises(ValueError, match=say):
            show(np.zeros((1, wrong)))
    assert tk.task("spot-multinormal-sparse-2-2-2-2.0").draw(0, 3)["x"].shape == (3, 256)


@pytest.mark.parametrize("d", [2, 3, 5])
def test_spirals_turn_back_and_keep_volume(d):
    v = rng().standard_normal((50, d))
    plane = (0, 1) if d == 2 else (1, 2)
    np.testing.assert_allclose(tf.spiral(tf.spiral(v, 0.3, plane), -0.3, plane), v, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(tf.inner_spiral(v), axis=1), np.linalg.norm(v, axis=1))
    h = 1e-6
    columns = [(tf.inner_spiral(v + h * e) - tf.inner_spiral(v - h * e)) / (2 * h) for e in np.eye(d)]
    np.testing.assert_allclose(np.linalg.det(np.stack(columns, axis=-1)), 1.0, atol=1e-7)


def test_spiral_of_one_row_by_hand():
    v = np.array([[math.sqrt(math.pi), 0.0]])
    np.testing.assert_allclose(tf.spiral(v), [[0.0, math.sqrt(math.pi)]], atol=1e-12)  # ‖v‖² / 2 = a right angle


def test_transforms_keep_the_information():
    base = tk.task("1v1-normal-0.75").sample(rng(), 2000)
    before = ksg_mi(base["x"], base["y"]).value
    for name in ("half_cube", "normal_cdf", "wiggly"):
        moved = tk.task(f"{name}-1v1-normal-0.75").sample(rng(), 2000)
        assert ksg_mi(moved["x"], moved["y"]).value == pytest.approx(before, abs=1e-12)  # ranks do not change
    for id in ("swissroll_x-normal_cdf-1v1-normal-0.75", "1v1-bimodal-0.75", "1v1-additive-0.75"):
        task = tk.task(id)
        data = task.draw(0, 5000)
        got = ksg_mi(data["x"], data["y"])
        assert abs(got.value - task.truth["mutual_information"]) < 5 * got.stderr and got.stderr < 0.03
