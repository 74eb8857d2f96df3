"""``docs/missed.md``: every bar that some document says is outside, and what was tried to reach it.

Written by ``python -m experiments.tables`` whenever it draws, from the documents as they stand.
"""

from collections.abc import Mapping
from textwrap import fill

from experiments.documents.complete import OUTSIDE

SIGNS = OUTSIDE, OUTSIDE.replace(".**", " (")  # the second says of what

TRIED = {
    "cost": (
        "Compiling is most of what a short fit of ours costs; the published recipe, one network, compiles in less. Where "
        "it is near at its first checkpoints, forty times sooner would be a fraction of a second.",
        "1. The default, ended by its held-out rows. 2. `budget=\"quick\"`, rows of their own in the table. 3. Programs that "
        "were compiled before, as a second estimate of the same shape finds them on disk: *without compiling*.",
        "Tried without a record: levels of optimisation below the one used compile no sooner; other emitters of the compiler's "
        "loops do, and their programs run slower, so that long fits lose more than short ones gain. Training, validation and "
        "reading are one program each already, for all views, rows and folds.",
    ),
    "systems": (
        "TC and DTC, tried on the worst of them: 1. Layers for each variable that look at what is correlated, the default up "
        "to commit 863c82a, whose record is in the history of `records/systems.jsonl`: further away. 2. Layers that look at "
        "what bends, the default since. 3. One network for all views, `net=\"mlp\"`, beside the default's error where it was "
        "measured. 4. `longer=2` may take twice the steps and ends where the default ends: held-out rows had stopped gaining, "
        "and networks go back to where those were best.",
        "Gradients: 1. The default of many vectors, layers for each variable, for 16,000 to 18,000 steps, up to commit "
        "c48c374: further away, in the history of the records. 2. One network for all views, `net=\"mlp\"`, the default "
        "before, beside the default's error. 3. The default since, 24,000 to 32,000 steps.",
        "Tried without a record, with one network for all views: a larger batch brings gradients nearer and leaves the "
        "O-information of the same system where it was; twice the steps change TC and DTC by less than their standard errors.",
    ),
}  # fmt: skip


def lines_of(name: str, text: str) -> list[str]:
    """The verdicts of a document that are outside their bars; a row of a table by its first two cells and its verdict."""
    found = []
    outside = lambda words: any(sign in words for sign in SIGNS)
    for line in filter(outside, text.splitlines()):
        if line.startswith("- "):
            found.append(line)
        elif line.startswith("| "):
            cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
            verdict = next(filter(outside, cells))
            found.append(f"- {', '.join(cells[:2])}: {verdict}")
    return found


def markdown(documents: Mapping[str, str]) -> str:
    """The whole document, of the texts of all others by name."""
    lines = [
        "# Bars that were missed",
        "",
        "Written by `python -m experiments.tables` from the other documents, which hold the records' numbers: every verdict",
        "that is outside its bar, and what was tried.",
    ]
    missed = {name: found for name, text in sorted(documents.items()) if (found := lines_of(name, text))}
    for name, found in missed.items():
        lines += ["", f"## [{name}]({name}.md)", "", *found]
        for words in TRIED.get(name, ()):
            lines += ["", fill(words, 120)]
    if not missed:
        lines += ["", "None: every recorded bar is within."]
    return "\n".join(lines) + "\n"
