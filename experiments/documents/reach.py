"""How far the default goes: the table of acceptance with bars of its own, ``docs/reach.md``."""

from pathlib import Path

import numpy as np

from experiments.documents import acceptance, bars
from experiments.documents.complete import said

MAKE = acceptance.MAKE.replace("acceptance", "reach")
DEFAULT = "default"


def gradients(records: list[dict]) -> dict[str, dict]:
    """Network -> wrong signs, values, and the mean of |error| over variables and data seeds, of the task with this bar."""
    errors: dict[str, list[np.ndarray]] = {}
    for r in acceptance.latest(records):
        options = dict(r["options"])
        net = options.pop("net", DEFAULT)
        if r["task"] != bars.GRADIENT["task"] or r["n"] != bars.N or options != bars.GRADIENT["nets"].get(net, {}):
            continue
        names = [m for m in r["value"] if m.startswith("o_information_gradient:")]
        both = np.array([[r["value"][m], r["truth"][m]] for m in names])
        errors.setdefault(net, []).append(both)
    out = {}
    for net, each in errors.items():
        value, truth = np.concatenate(each).T
        wrong = int((np.sign(value) != np.sign(truth)).sum())
        out[net] = {"wrong": wrong, "values": value.size, "error": float(abs(value - truth).mean()), "seeds": len(each)}
    return out


def verdicts(records: list[dict]) -> list[str]:
    """The bar on gradients in words: by the better of the networks that it names, and by the default."""
    b, found = bars.GRADIENT, gradients(records)

    def told(net: str) -> str:
        f, how = found[net], ", ".join(f"{k} {v}" for k, v in b["nets"].get(net, {}).items())
        which = f"{net} ({how})" if how else net
        return (
            f"{which} {f['wrong']} of {f['values']} signs wrong, mean error {f['error']:.3f} nats ({f['seeds']} seeds)"
        )

    judged = lambda net: said(found[net]["wrong"] == 0 and found[net]["error"] <= b["nats"])
    what = f"- Gradient of O-information, {b['task']} (bar: no sign wrong, ≤ {b['nats']:g}), "
    missing = [net for net in b["nets"] if net not in found]
    if missing:
        there = "; ".join(told(net) for net in b["nets"] if net in found)
        better = f"**not recorded** for {', '.join(missing)}." + (f" So far: {there}." if there else "")
    else:
        best = min(b["nets"], key=lambda net: (found[net]["wrong"], found[net]["error"]))
        better = f"{'; '.join(map(told, b['nets']))}; by {best}: {judged(best)}"
    default = f"{told(DEFAULT)}: {judged(DEFAULT)}" if DEFAULT in found else "**not recorded.**"
    return [f"{what}the better of {' and '.join(b['nets'])}: {better}", f"{what}the default network: {default}"]


def markdown(records: list[dict]) -> str:
    """The whole document."""
    return acceptance.markdown(records, "reach", verdicts(records))


def picture(records: list[dict], path: Path) -> None:
    """That of acceptance."""
    acceptance.picture(records, path)
