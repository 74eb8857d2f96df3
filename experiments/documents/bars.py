"""Acceptance bars: what the default options must reach on 20,000 rows; ``experiments.tables`` judges by them.

``BARS[task][measure]`` is a limit on the error, the mean over data seeds of |estimate − truth|:

    {"nats": a}      at most a
    {"share": r}     at most r times |truth|
    {"stderrs": k}   at most k mean standard errors; with "nats" beside it, one of the two is enough
    {"sign": True}   the sign is right on every seed; with a limit beside it, both must hold

``CPU_S[task]`` limits the mean CPU-seconds of one run, all measures together.  ``RELAXED`` holds options under which
the limits count times a factor.
"""

from jaxinfo.bench.tasks import task

N = 20_000

_MIXED = {
    "total_correlation": {"share": 0.02},
    "dual_total_correlation": {"share": 0.02},
    "o_information": {"nats": 0.25},
}
_INNER_SPIRAL = {"o_information": {"nats": 0.10, "sign": True}}

BARS = {
    "1v1-normal-0.75": {"mutual_information": {"nats": 0.02}},
    "multinormal-sparse-25-25-2-2.0": {"mutual_information": {"nats": 0.05}},
    "half_cube-multinormal-sparse-25-25-2-2.0": {"mutual_information": {"nats": 0.05}},
    "student-identity-2-2-2": {"mutual_information": {"nats": 0.04}},
    "student-identity-1-1-1": {"mutual_information": {"nats": 0.04}},
    "swissroll_x-normal_cdf-1v1-normal-0.75": {"mutual_information": {"nats": 0.05}},
    "1v1-additive-0.1": {"mutual_information": {"nats": 0.06}},
    "independent-5-5": {"mutual_information": {"nats": 0.02}},
    "spiral-multinormal-sparse-3-3-2-2.0": {"mutual_information": {"nats": 0.10}},
    "mixture-4class": {"mutual_information": {"nats": 0.03}},
    "mixture-entropy-3": {"entropy": {"nats": 0.05, "stderrs": 3.0}},
    "mixture-kl": {"kl_divergence": {"nats": 0.05, "stderrs": 3.0}},
    "normal-kl-5": {"kl_divergence": {"nats": 0.05, "stderrs": 3.0}},
    "mixed-10x5-plain": _MIXED,
    "mixed-10x5-half_cube": _MIXED,
    "mixed-10x5-normal_cdf": _MIXED,
    "sign_xor": {"o_information": {"nats": 0.07}},
    "inner_spiral-redundant": _INNER_SPIRAL,
    "inner_spiral-synergistic": _INNER_SPIRAL,
    "inner_spiral-six": _INNER_SPIRAL,
    "gradient-6x1": {f"o_information_gradient:x{i}": {"nats": 0.1, "sign": True} for i in range(1, 7)},
}

CPU_S = {
    **{task: 90 for task, bar in BARS.items() if "mutual_information" in bar},
    "spiral-multinormal-sparse-3-3-2-2.0": 300,
    **{task: 240 for task in BARS if task.startswith("mixed-10x5-")},
    **{task: 300 for task in BARS if task.startswith("inner_spiral-")},
}

RELAXED = ({"options": {"gaussian": False}, "tasks": "mixed-10x5-", "error": 2.0, "cpu_s": 5.0},)

# Reach: what the default does beyond that.  Judged like BARS, under the options named in REACH_OPTIONS.
_HIGH = {
    f"high_mi-3-3-{mi}-{t}": {"mutual_information": {"share": 0.05}}
    for mi in ("1.0", "2.0", "3.0", "4.0", "5.0", "8.0", "10.0")
    for t in ("plain", "half_cube")
}
_SPIRAL = {
    f"high_mi-3-3-{mi}-spiral": {"mutual_information": {"share": 0.1}} for mi in ("1.0", "2.0", "3.0", "4.0", "5.0")
}
REACH = {
    **_HIGH,
    **_SPIRAL,
    "blocks-50x2-inner_spiral": {
        "total_correlation": {"share": 0.05},
        "dual_total_correlation": {"share": 0.05},
        "o_information": {"nats": 0.03 * task("blocks-50x2-inner_spiral").truth["total_correlation"], "sign": True},
    },
}
REACH_OPTIONS = ({"gaussian": False},)

# The gradient of Ω at ten variables: signs, and nats of the mean error over variables and seeds, by the better network; each
# with its other options, because a step of a transformer costs a CPU core many times one of the others.
GRADIENT = {"task": "gradient-10x5", "nats": 0.15, "nets": {"mlp": {}, "transformer": {"budget": "quick", "num_mc": 2}}}

# Intervals and permutation tests.
COVERED = 0.9  # share of nominal 95 % intervals that cover
WIDEST = 3.0  # half-width over root-mean-square error
REJECTED = {"independent-1-1": (0.0, 0.15), "1v1-normal-0.2": (0.9, 1.0)}  # share of tests at 5 %

# Derivatives.
FROBENIUS = 0.05
REACHED = 0.95

# Many fits.
RATE = 0.9  # fits times steps per CPU-second at 20 seeds, over one seed's
VMAPPED = 8.0  # fits times steps per second of many seeds side by side on a GPU, over one seed's
FLAT = 1.1  # peak memory of the most fits, over that of one group of them
OTHERS = 0.5  # share of a step that is not the network
READ = 3.0  # CPU-seconds of reading per view and row at 100 variables, over those at 10

# The 40 tasks: errors in nats at so many rows, how many tasks within 0.05 nats, CPU-minutes of one seed.
FORTY = {"n": 10_000, "tasks": 40, "seeds": 3, "near": 37, "error": 0.02, "cpu_min": 25.0}

# All of them under many seeds on an accelerator, and what a projection of it assumes.
ACCELERATOR = {"seeds": 10, "minutes": 10.0, "device": "H200", "flops_per_s": 67e12, "share": 0.05}

# Ten of them at 100,000 rows.
MORE = {"tasks": 10, "error": 0.01}

# Systems of six and ten variables: relative errors of TC and DTC, of Ω over TC; nats of the gradient.
SYSTEM, SYSTEM_SPIRAL, OMEGA, SLOPE = 0.03, 0.06, 0.03, 0.1

# Time to error: how many times sooner than the published recipe.
SOONER = {
    "1v1-normal-0.75": 40.0,
    "student-identity-2-2-2": 40.0,
    "half_cube-multinormal-sparse-25-25-2-2.0": 40.0,
    "spiral-multinormal-sparse-3-3-2-2.0": 10.0,
}
NEAR = 0.05  # nats

# Self-consistency on images: how far mean ratios may be from 0 (nothing shown), 1 and 2; the least denominator of a ratio
# that is judged, and the seeds of a final verdict.
CONSISTENT = {"baseline": 0.05, "data_processing": 0.05, "additivity": 0.1, "nats": 1.0, "seeds": 5}

# A label's influence: nats between the end of the curve and a classifier; standard errors of its end by which the curve may
# go back; the share of the curve under which it has fallen; the share of images that show the label which decides, over that
# of images drawn with one label throughout, and theirs over that of real images which the classifier gets right.
PROMPT = 0.1
BACK = 1.0
FALLEN = 0.1
SHOWN = 0.9
