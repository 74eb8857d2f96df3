"""Why the method is as it is and what lost, in words, with the numbers of the records of ``configs/ablations.py``.

Drawn by ``python -m experiments.tables --records=records/ablations.jsonl``.
"""

from textwrap import fill

import numpy as np

from experiments.documents.ablations import DEFAULT, MAKE, changed
from experiments.documents.heading import heading
from experiments.documents.rows import number

SURE = 2.0  # standard errors beyond which a difference counts as shown
SECTIONS = (
    (
        "What is told", ("value",),
        "Networks that have seen too little read too low in rows left out (`gap`); `difference` is no bound, reads high where "
        "networks follow their training rows and low where they have not learned. The default adds to `gap` the optimism, what "
        "the same networks read in rows they trained on minus what they read in rows left out, of which the part of the "
        "Gaussian inside counts half.",
    ),
    (
        "Coordinates", ("preprocess",),
        "Measures of interaction do not change when each coordinate is mapped by an increasing function; networks and the "
        "Gaussian inside do. Ranks made normal undo heavy tails, cubes and distribution functions before anything is learned; "
        "they bend linear mixtures of sources that are not Gaussian, which keep their units where a Gaussian predicts held-out "
        "rows clearly better there.",
    ),
    (
        "A Gaussian inside", ("gaussian",),
        "The network corrects the exact score of a fitted Gaussian, whose own value is exact under the rows that are read. In "
        "many dimensions it does nearly all of the work.",
    ),
    (
        "Which views of a mutual information", ("form",),
        "The conditional form learns each side alone and given the other. `reverse` takes the other side's two laws, `joint` "
        "the joint law beside both alone, which has to be right in more dimensions; `sigma` compares both laws with a Gaussian "
        "of that width, which cancels in `gap`, so that the value does not depend on it: what does is `difference`, and "
        "through it the standard error.",
    ),
    (
        "Noise draws of a row that is read", ("num_mc",),
        "More draws cost time where it is spent reading; the noise of few is small beside that of the rows.",
    ),
    (
        "Range of log-SNR", ("lo", "hi"),
        "The integral ends where both laws look like their Gaussians: at the noisy end they do soon, at the clean end later "
        "the finer the law is. By default the fitted Gaussian decides the clean end.",
    ),
    (
        "Steps and batch", ("steps", "batch"),
        "Training ends by itself when rows held out gain nothing, so the most steps are an upper end. With many rows, what can "
        "be learned is finer and takes longer.",
    ),
    (
        "Size and kind of network", ("width", "depth", "net"),
        "Wider networks learn faster by step and not by second, and follow their training rows sooner. The thesis's network "
        "stands for what the same integral and training make of it.",
    ),
    (
        "Where training looks", ("focus",),
        "A share of the draws of log-SNR goes where views of most data differ, around 2.5, the rest is uniform: noise levels "
        "at which nothing can be predicted only add noise to the gradient.",
    ),
    (
        "How the clock is told", ("frequencies",),
        "Sines and cosines of the clock, which scale and shift every layer; with 0 the clock alone does. The thesis's network "
        "above adds its code to every layer instead.",
    ),
    (
        "Optimiser", ("optimiser",),
        "Lion, whose steps are signs, has a rate five times lower and as much more decay.",
    ),
    (
        "Regularisation", ("weight_decay", "decay"),
        "Weights decay, and what is read is a running average of the parameters, the best that rows held out have seen.",
    ),
    (
        "Rows", (),
        "What more rows bring, everything else as the number of rows decides it.",
    ),
)  # fmt: skip
UNRECORDED = """## Tried while the method was made, without a record

Nothing here is measured by a command of this repository; each was compared once or twice with what was then the default.

- Units sharper in the trunk (hyperbolic tangents of narrow width with offsets spread over the input) learned the exclusive or
  and sharp edges better, the spiral and heavy tails worse, and a step was dearer: not kept.
- Normalisation layers were dearer and worse; an output layer of zeros sat on a plateau for long, one of small numbers does
  not.
- For strongly bent systems: a rate that does not slow down, larger batches and wider networks each gained on one system and
  lost on another, or cost more than the longer training that was kept.
- An autoencoder trained with the noise that its latents are given changed neither self-consistency nor the influence of a
  prompt. Equal numbers of latents on both sides fail the data-processing check in truth, not by estimation.
"""


def baseline(row: dict, rows: list[dict]) -> dict | None:
    """What a row is compared with: the fit of as many rows that has no option set, on a data set that both have; rows alone
    are compared with the default."""
    n = row["n"] if row["options"] else rows[0]["n"]
    plain = (r for r in rows if not r["options"] and r["n"] == n and r is not row)
    shared = lambda r: any(set(row["sets"][t]) & set(r["sets"].get(t, ())) for t in row["sets"])
    return next((r for r in plain if shared(r)), None)


def against(row: dict, base: dict) -> dict:
    """Mean |error| of a row and of its baseline on the data sets that both have, their paired difference with its standard
    error, and how many times the CPU-seconds; nothing where nothing can be said.

    Tasks differ in what a change does to them, which is no error of the mean over these tasks: that is of their data seeds.
    """
    by_set = lambda row, task: dict(zip(row["sets"][task], abs(row["error"][task])))
    tasks, pairs = [t for t in row["error"] if t in base["error"]], []
    for each, plain in ((by_set(row, t), by_set(base, t)) for t in tasks):
        pairs.append(np.array([(each[k], plain[k]) for k in each if k in plain]).reshape(-1, 2))
    theirs, of_base = np.concatenate(pairs).T
    d, of_task = theirs - of_base, [p[:, 0] - p[:, 1] for p in pairs if len(p)]
    stderr = None
    if all(each.size > 1 for each in of_task):
        stderr = np.sqrt(sum(each.size * each.var(ddof=1) for each in of_task)) / d.size
    elif d.size > 1 and all(each.size == 1 for each in of_task):
        stderr = d.std(ddof=1) / np.sqrt(d.size)
    same, cpu = row["processor"] == base["processor"], [np.mean([r["cpu_s"][t] for t in tasks]) for r in (row, base)]
    return {
        "error": float(theirs.mean()), "base": float(of_base.mean()), "difference": float(d.mean()), "sets": d.size,
        "stderr": None if stderr is None else float(stderr),
        "times": float(cpu[0] / cpu[1]) if same else None,
    }  # fmt: skip


def verdict(of: dict) -> str:
    """Worse or better in words, where that is shown."""
    if of["stderr"] is None:
        return "one data set"
    if not abs(of["difference"]) > SURE * of["stderr"]:
        return "no difference shown"
    return "**worse**" if of["difference"] > 0 else "**better**"


def section(row: dict) -> int:
    """Which section a row belongs to: the first that has one of its options."""
    options = set(row["options"]) - {"value"} or set(row["options"])  # what is told, of a change, belongs to the change
    found = (k for k, (_, keys, _) in enumerate(SECTIONS) if set(keys) & options)
    return next(found, len(SECTIONS) - 1)


def markdown(records: list[dict]) -> str:
    """The whole document."""
    rows = changed(records)
    lines = [
        *heading("Notes on the method", MAKE, "ablations"),
        "What each choice of the default is worth, and what lost. A line compares |estimate − truth| with the default's on the",
        "same data sets (task and data seed; on as many rows where options change): mean errors in nats, their paired",
        "difference ± its standard error over the data seeds of these tasks (where each has one, over the tasks), *worse* or",
        f"*better* where that is over {SURE:g} standard errors, and how many times the CPU-seconds of a fit, where one",
        "processor measured both. A loss on one task may hide among others: errors by task are in",
        "[ablations.md](ablations.md); on which tasks the default was chosen, [benchmark.md](benchmark.md) says.",
    ]
    for k, (title, _, words) in enumerate(SECTIONS):
        of = [(r, b) for r in rows if section(r) == k and r["change"] != DEFAULT and (b := baseline(r, rows))]
        if not of:
            continue
        lines += [
            "",
            f"## {title}",
            "",
            fill(words, 120),
            "",
            "| change | data sets | its error | default's | difference | | × CPU |",
        ]
        lines.append("|---|--:|--:|--:|--:|---|--:|")
        for row, base in of:
            a = against(row, base)
            spread = "" if a["stderr"] is None else f" ± {number(a['stderr'])}"
            cells = [
                row["change"], str(a["sets"]), number(a["error"]), number(a["base"]), number(a["difference"]) + spread,
                verdict(a), "–" if a["times"] is None else f"{a['times']:.1f}",
            ]  # fmt: skip
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n\n" + UNRECORDED
