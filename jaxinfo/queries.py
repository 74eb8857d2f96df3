"""From what a person asks, ``"o_information"`` or ``"mutual_information(x; y, z)"``, to a :class:`Measure`.

Discrete variables are only GIVEN or ABSENT.  With one discrete C among N continuous variables X these stay exact:

    TC(X, C) = TC(X) + I(C; X),    Ω(X, C) = Ω(X) + (1 − N) I(C; X) + Σ_j I(C; X_−j).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from jaxinfo import measures as ms
from jaxinfo.blocks import Blocks
from jaxinfo.measures import Measure

MEASURES = (
    "mutual_information",
    "conditional_mutual_information",
    "interaction_information",
    "entropy",
    "total_correlation",
    "dual_total_correlation",
    "s_information",
    "o_information",
    "o_information_gradient",
)
SEPARATOR, SHIELD = "[,;|]", "\0"
SYSTEM = ("total_correlation", "dual_total_correlation", "s_information", "o_information")


@dataclass(frozen=True)
class Query:
    """A measure's name and its groups of variables (positions), e.g. mutual_information ((0,), (1, 2))."""

    measure: str
    groups: tuple[tuple[int, ...], ...]

    @property
    def kind(self) -> str:
        """The measure's name, ``conditional`` before it when a measure of a system is conditioned on variables."""
        system = self.measure in SYSTEM or self.measure == "o_information_gradient"
        return f"conditional {self.measure}" if system and len(self.groups) > 1 else self.measure

    def whole(self, n: int) -> tuple[tuple[int, ...], ...]:
        """Its groups with every variable of ``n`` that it is of: a gradient is of all but those given, the one named first."""
        if self.measure != "o_information_gradient":
            return self.groups
        named = {i for g in self.groups for i in g}
        return (self.groups[0] + tuple(i for i in range(n) if i not in named), *self.groups[1:])

    def variables(self, n: int) -> tuple[int, ...]:
        """Every variable of ``n`` that its value depends on."""
        return tuple(i for g in self.whole(n) for i in g)

    @property
    def together(self) -> tuple[int, ...]:
        """The variables that the null of independence permutes alike: the second side of a mutual information of groups;
        empty where all are independent under the null."""
        groups = self.measure == "mutual_information" and max(map(len, self.groups)) > 1
        return self.groups[1] if groups else ()

    def discrete(self, blocks: Blocks) -> tuple[int, ...]:
        """The discrete variables it speaks of."""
        return tuple(i for g in self.groups for i in g if blocks.discrete[i])


def parse(text: str, blocks: Blocks) -> Query:
    """Read ``name`` or ``name(a, b; c | d)``: commas join variables into a group, ``;`` and ``|`` separate groups.

    Without brackets the variables are taken in order: two for mutual information, three for conditional and interaction
    information, all for the rest.  Measures of a system are conditioned on what follows a bar:
    ``o_information(a, b, c | age)``.

    Raises:
      ValueError: for an unknown measure or variable, or a wrong number of groups.
    """
    match = re.fullmatch(r"\s*([A-Za-z_]+)\s*(?:\((.*)\))?\s*", text, re.DOTALL)
    name = match.group(1) if match else text
    if match is None or name not in MEASURES:
        near = get_close_matches(name.lower(), MEASURES, 1)
        hint = f"did you mean {near[0]}? C" if near else "c"
        if "kl" in name.lower():
            hint = "of two data sets there is jaxinfo.kl_divergence(p, q); of one c"
        raise ValueError(f"unknown measure {text!r}; {hint}hoose among {', '.join(MEASURES)}.")
    n = blocks.num_variables
    inside = match.group(2)
    groups: tuple[tuple[int, ...], ...]
    if inside is None:
        groups = tuple((i,) for i in range(n)) if name not in (*SYSTEM, "entropy") else (tuple(range(n)),)
        if name == "o_information_gradient":
            raise ValueError(
                "name the variable, o_information_gradient(x1), or ask for all with o_information_gradient."
            )
    else:
        inside = _shielded(inside, blocks)
        parts = re.split(r"[;|]", inside)
        if not all(part.strip() for part in parts):
            raise ValueError(
                f"{text!r} names no variable on one side of a bar or semicolon; name one or drop the sign."
            )
        groups = tuple(tuple(_position(v, blocks) for v in part.split(",") if v.strip()) for part in parts)
    want = {
        "mutual_information": (2, "two groups of variables, as in mutual_information(a; b)"),
        "conditional_mutual_information": (3, "three groups, as in conditional_mutual_information(a; b | c)"),
        "interaction_information": (3, "three groups, as in interaction_information(a; b; c)"),
    }
    if name in want and len(groups) != want[name][0]:
        raise ValueError(
            f"{name} needs {want[name][1]}; got {len(groups)} among the variables {', '.join(blocks.names)}."
        )
    if name in (*SYSTEM, "o_information_gradient", "entropy"):
        example = "a | d" if name == "o_information_gradient" else "a, b, c | d"
        one = name == "o_information_gradient" and len(groups[0]) != 1
        if len(groups) > 2 or ";" in (inside or "") or one:
            raise ValueError(
                f"{name} takes {'one variable' if one else 'variables with commas'} and, after a bar, those it is "
                f"conditioned on, as in {name}({example}); got {text!r}."
            )
    twice = [blocks.names[i] for i, times in Counter(i for g in groups for i in g).items() if times > 1]
    if twice:
        raise ValueError(f"{text}: {twice[0]} is named twice; name each variable once, on one side.")
    if name == "o_information_gradient" and n < 3:
        raise ValueError(f"o_information_gradient needs at least 3 variables, got {n}.")
    least = 3 if name == "o_information" else 2 if name in SYSTEM else 1
    if len(groups[0]) < least:
        hint = "; for two it is identically zero, use mutual_information" if least == 3 else ""
        raise ValueError(f"{name} needs at least {least} variables, got {len(groups[0])}{hint}.")
    return Query(name, groups)


def _shielded(inside: str, blocks: Blocks) -> str:
    """``inside`` with variables whose names hold a separator replaced by :data:`SHIELD` and their positions.

    Raises:
      ValueError: when such a name could as well be read as several variables.
    """
    marked = [(i, name) for i, name in enumerate(blocks.names) if re.search(SEPARATOR, name)]
    for i, name in sorted(marked, key=lambda pair: -len(pair[1])):  # a name may lie inside a longer one
        whole = rf"(^|{SEPARATOR})\s*{re.escape(name.strip())}\s*(?=$|{SEPARATOR})"
        shielded = re.sub(whole, rf"\g<1>{SHIELD}{i}", inside)
        parts = {part.strip() for part in re.split(SEPARATOR, name)}
        if shielded != inside and parts <= {*(other.strip() for other in blocks.names), ""}:
            raise ValueError(f"{name!r} may be one variable or several of {', '.join(blocks.names)}; rename it.")
        inside = shielded
    return inside


def _position(word: str, blocks: Blocks) -> int:
    """Position of a variable named or shielded in ``word``; spaces around names do not count."""
    word = word.strip()
    if word.startswith(SHIELD):
        return int(word[1:])
    return blocks.index({name.strip(): name for name in blocks.names}.get(word, word))


def listed(names: Any) -> tuple[str, ...]:
    """One or several measures as a tuple of text.

    Raises:
      ValueError: for anything else, or none.
    """
    many = (names,) if isinstance(names, str) else tuple(names) if isinstance(names, Iterable) else ()
    if not many or not all(isinstance(text, str) for text in many):
        raise ValueError(f"expected measures by name, one or several of {', '.join(MEASURES)}; got {names!r}.")
    return tuple(str(text) for text in many)  # of numpy, too


def expand(names: Sequence[str] | str, blocks: Blocks) -> dict[str, Query]:
    """Queries by name; a bare ``o_information_gradient`` becomes one per variable, ``o_information_gradient(x)``.

    Raises:
      ValueError: for no name, or those that :func:`parse` refuses.
    """
    out: dict[str, Query] = {}
    for text in listed(names):
        if text.strip() == "o_information_gradient":
            for v in blocks.names:
                key = f"o_information_gradient({v})"
                out[key] = parse(key, blocks)
        else:
            out[text] = parse(text, blocks)
    return out


def is_plug_in(q: Query, blocks: Blocks) -> bool:
    """True when every variable asked about is discrete: no diffusion, counts are enough."""
    return all(blocks.discrete[i] for i in q.variables(blocks.num_variables))


def label_side(q: Query, blocks: Blocks) -> tuple[int, ...]:
    """The side of a mutual information that is labels alone: I(A; B) and I(A; B | C) are at most its entropy.  () without."""
    if q.measure not in ("mutual_information", "conditional_mutual_information"):
        return ()
    return next((g for g in q.groups[:2] if all(blocks.discrete[i] for i in g)), ())


def build(q: Query, blocks: Blocks, form: str | None = None, sigma: float | None = None) -> Measure:
    """The :class:`Measure` of a query.

    Args:
      q: the query.
      blocks: kinds and number of variables.
      form: of mutual information; by default "conditional" in the direction that noises the group of fewer coordinates.
      sigma: reference N(0, sigma² I) of the sigma forms and of entropy.

    Raises:
      ValueError: when discrete variables make it impossible; the message names a form that works.
    """
    n = blocks.num_variables
    if q.measure == "mutual_information":
        a, b = q.groups
        return _mi(blocks, a, b, (), form, sigma)
    if q.measure == "conditional_mutual_information":
        a, b, c = q.groups
        return _mi(blocks, a, b, c, form, sigma)
    if q.measure == "interaction_information":
        a, b, c = _continuous_first(q.groups, blocks)
        return _mi(blocks, a, b, (), form, sigma) - _mi(blocks, a, b, c, form, sigma)
    if q.measure == "entropy":
        a, given = q.groups[0], q.groups[1] if len(q.groups) > 1 else ()
        if any(blocks.discrete[i] for i in a):
            raise ValueError(
                "the entropy of discrete together with continuous variables is not defined here; use the chain rule: "
                "entropy of the continuous given the discrete, entropy(x | c), plus the entropy of c."
            )
        return ms.entropy(n, a, given, sigma)
    measured = _of_system(q, blocks)
    return measured.given(q.groups[1]) if len(q.groups) > 1 else measured


def _of_system(q: Query, blocks: Blocks) -> Measure:
    """A measure of a whole system: TC, DTC, S, Ω or its gradient."""
    n = blocks.num_variables
    among = q.whole(n)[0]
    labels = [i for i in among if blocks.discrete[i]]
    if q.measure == "o_information_gradient":
        if labels:
            raise ValueError(
                "the gradient of O-information is for continuous variables; with a discrete one take the difference of "
                "o_information over all variables and over all but one."
            )
        return ms.o_info_gradient(n, among[0], tuple(sorted(among)))
    builders = {
        "total_correlation": ms.tc,
        "dual_total_correlation": ms.dtc,
        "s_information": ms.s_info,
        "o_information": ms.o_info,
    }
    if not labels:
        return builders[q.measure](n, among)
    if len(labels) > 1:
        raise ValueError(
            f"{q.measure} works with at most one discrete variable among continuous ones, got "
            f"{', '.join(blocks.names[i] for i in labels)}; join them into one label variable (a class per combination), "
            "or read counts as numbers with discrete=[] (--discrete without names in the shell)."
        )
    label, rest = labels[0], tuple(i for i in among if not blocks.discrete[i])
    with_all = ms.mi(n, rest, [label])
    total = with_all + ms.tc(n, rest) if len(rest) > 1 else with_all
    if q.measure == "total_correlation":
        return _bounded(total)
    omega = (1.0 - len(rest)) * with_all
    if len(rest) > 2:
        omega = omega + ms.o_info(n, rest)
    for j in rest:
        others = [i for i in rest if i != j]
        if others:
            omega = omega + ms.mi(n, others, [label])
    if q.measure == "o_information":
        return omega
    return _bounded(total - omega if q.measure == "dual_total_correlation" else 2.0 * total - omega)


def _bounded(m: Measure) -> Measure:
    return Measure(m.n, m.terms, 0.0)


def _continuous_first(groups, blocks):
    return sorted(groups, key=lambda g: any(blocks.discrete[i] for i in g))


def _mi(blocks: Blocks, a, b, c, form, sigma) -> Measure:
    n = blocks.num_variables
    label = lambda g: any(blocks.discrete[i] for i in g)
    if label(a) and label(b):
        raise ValueError(
            "both sides of this mutual information hold class labels, and the measure speaks of continuous variables too; "
            "noise needs a side without labels: put them all on one side, or use the chain rule "
            "I(A; B, C) = I(A; C) + I(A; B | C)."
        )
    if label(a) or label(b):
        if form not in (None, "conditional", "reverse", "sigma"):
            raise ValueError(f"form {form!r} would noise a discrete variable; use form='conditional'.")
        if label(a):
            a, b = b, a
        form = "conditional" if form in (None, "reverse") else form
    if form is None:
        size = lambda g: sum(blocks.sizes[i] for i in g)
        form = "reverse" if size(b) < size(a) else "conditional"
    return ms.cmi(n, a, b, c, form, sigma) if c else ms.mi(n, a, b, form, sigma)
