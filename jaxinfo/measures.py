"""Measures of information as signed sums of one integral between scores read in two views.

In every term p is the finer (better informed) view and q the coarser:

    KL(p‖q) = ½ ∫ Σ_i E‖eps_p^i − eps_q^i‖² d logsnr = ½ ∫ Σ_i E[‖eps − eps_q^i‖² − ‖eps − eps_p^i‖²] d logsnr.

Measures add, subtract, scale and restrict; nothing here touches data.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from jaxinfo import views as vw
from jaxinfo.views import View


@dataclass(frozen=True)
class Scores:
    """For variable i, the view its score is read in; None when the variable is not in the term."""

    views: tuple[View | None, ...]


@dataclass(frozen=True)
class Gaussian:
    """Closed-form reference for the term's variables: the fitted Gaussian, or N(0, scale² I) when a scale is given."""

    scale: float | None = None


@dataclass(frozen=True)
class Term:
    """``weight * KL(p‖q)``, read in the views of p and q."""

    weight: float
    p: Scores
    q: Scores | Gaussian

    def __post_init__(self):
        read = [i for i, v in enumerate(self.p.views) if v is not None]
        if not read:
            raise ValueError("a Term needs at least one variable whose score is read.")
        for i in read:
            if self.p.views[i][i] != vw.NOISED:
                raise ValueError(f"variable {i} is read in a view where it is not NOISED: {self.p.views[i]}.")
        if isinstance(self.q, Scores):
            other = [i for i, v in enumerate(self.q.views) if v is not None]
            if other != read:
                raise ValueError(
                    f"the two sides of a Term read different variables ({read} and {other}): that is not a KL divergence."
                )
            for i in read:
                if self.q.views[i][i] != vw.NOISED:
                    raise ValueError(f"variable {i} is read in a view where it is not NOISED: {self.q.views[i]}.")


@dataclass(frozen=True)
class CrossEntropy:
    """``weight * E[−log G(x_A)]`` for the variables A and the reference G: what turns −KL(p‖G) into an entropy."""

    weight: float
    variables: tuple[int, ...]
    reference: Gaussian


@dataclass(frozen=True)
class Measure:
    """A signed sum of terms over ``n`` variables.

    ``lower`` is the least value the quantity can take (0 for a divergence), used only for flags.
    """

    n: int
    terms: tuple[Term | CrossEntropy, ...]
    lower: float | None = None

    def __add__(self, other: Measure) -> Measure:
        if other.n != self.n:
            raise ValueError(f"measures of {self.n} and of {other.n} variables cannot be added; restrict one of them.")
        return Measure(self.n, _collect(self.terms + other.terms))

    def __neg__(self) -> Measure:
        return -1.0 * self

    def __sub__(self, other: Measure) -> Measure:
        return self + (-1.0 * other)

    def __rmul__(self, c: float) -> Measure:
        return Measure(self.n, tuple(replace(t, weight=float(c) * t.weight) for t in self.terms))

    __mul__ = __rmul__

    def restrict(self, absent: Iterable[int]) -> Measure:
        """The same measure of the system without these variables, which become ABSENT in every view.

        ``o_info(n) - o_info(n).restrict(absent=[i])`` is the gradient of Ω with respect to variable i.
        """
        absent = frozenset(absent)

        def cut(v):
            return None if v is None else tuple(vw.ABSENT if i in absent else r for i, r in enumerate(v))

        def cut_scores(s):
            views = [None if i in absent else cut(v) for i, v in enumerate(s.views)]
            return Scores(tuple(views))

        terms: list[Term | CrossEntropy] = []
        for t in self.terms:
            if isinstance(t, CrossEntropy):
                left = tuple(i for i in t.variables if i not in absent)
                if left:
                    terms.append(CrossEntropy(t.weight, left, t.reference))
                continue
            p = cut_scores(t.p)
            if all(v is None for v in p.views):
                continue
            terms.append(Term(t.weight, p, cut_scores(t.q) if isinstance(t.q, Scores) else t.q))
        return Measure(self.n, _collect(terms), self.lower)

    def given(self, known: Iterable[int]) -> Measure:
        """The same measure conditioned on these variables, ABSENT in it so far: GIVEN in every view.

        ``tc(4, [0, 1, 2]).given([3])`` is the total correlation of the first three given the fourth, averaged over it.

        Raises:
          ValueError: when the measure speaks of one of them.
        """
        known = frozenset(known)

        def know(v):
            if v is None:
                return None
            taken = [i for i in known if v[i] != vw.ABSENT]
            if taken:
                raise ValueError(f"variable {taken[0]} is measured or given already: it cannot be conditioned on.")
            return tuple(vw.GIVEN if i in known else r for i, r in enumerate(v))

        know_all = lambda s: Scores(tuple(know(v) for v in s.views)) if isinstance(s, Scores) else s
        terms = (t if isinstance(t, CrossEntropy) else Term(t.weight, know_all(t.p), know_all(t.q)) for t in self.terms)
        return Measure(self.n, tuple(terms), self.lower)

    def views(self) -> tuple[View, ...]:
        """The distinct views this measure reads, in a fixed order."""
        seen: dict[View, None] = {}
        for t in self.terms:
            if isinstance(t, Term):
                for side in (t.p, t.q):
                    if isinstance(side, Scores):
                        seen.update({v: None for v in side.views if v is not None})
        return tuple(seen)

    def entropies(self) -> dict[View, float]:
        """The measure as a sum of conditional entropies: view -> coefficient of H(NOISED | GIVEN).

        KL(p‖q) = H(q views) − H(p views) whenever each view is read in all its NOISED variables or the partial
        readings of one view add up to all of them.

        Raises:
          ValueError: when a view is read with different weights in different variables: no entropy form exists.
        """
        read: dict[View, dict[int, float]] = {}
        for t in self.terms:
            if isinstance(t, CrossEntropy):
                continue
            for sign, side in ((-1.0, t.p), (1.0, t.q)):
                if not isinstance(side, Scores):
                    continue
                for i, v in enumerate(side.views):
                    if v is not None:
                        weights = read.setdefault(v, {})
                        weights[i] = weights.get(i, 0.0) + sign * t.weight
        out = {}
        for v, weights in read.items():
            values = [weights.get(i, 0.0) for i in vw.noised(v)]
            if max(values) - min(values) > 1e-9:
                raise ValueError(
                    f"view {v} is read with different weights per variable: the measure has no entropy form."
                )
            if abs(values[0]) > 1e-12:
                out[v] = values[0]
        return out


def _collect(terms):
    """Add the weights of equal terms and drop those that cancel."""
    total: dict = {}
    for t in terms:
        key = (t.variables, t.reference) if isinstance(t, CrossEntropy) else (t.p, t.q)
        weight, _ = total.get(key, (0.0, t))
        total[key] = (weight + t.weight, t)
    return tuple(replace(t, weight=w) for w, t in total.values() if abs(w) > 1e-12)


def _term(n, weight, p: dict[int, View], q: dict[int, View] | Gaussian):
    side = lambda d: Scores(tuple(d.get(i) for i in range(n)))
    return Term(weight, side(p), q if isinstance(q, Gaussian) else side(q))


def _sets(n: int, **groups: Iterable[int]) -> list[tuple[int, ...]]:
    out = []
    for name, group in groups.items():
        g = tuple(sorted(set(group)))
        if any(i < 0 or i >= n for i in g):
            raise ValueError(f"{name} = {g} names a variable outside 0..{n - 1}.")
        out.append(g)
    for i in range(len(out)):
        for j in range(i + 1, len(out)):
            if set(out[i]) & set(out[j]):
                raise ValueError(f"the groups {list(groups)} must not share variables, got {out}.")
    return out


# ---------------------------------------------------------------------------------------------------------------------
# Two groups of variables

MI_FORMS = ("conditional", "reverse", "joint", "sigma", "sigma_joint")


def mi(n: int, a: Iterable[int], b: Iterable[int], form: str = "conditional", sigma: float | None = None) -> Measure:
    """Mutual information I(A; B) among ``n`` variables.

    Forms: "conditional" noises A, with B given against absent (MINDE-c, Eq. 4.27); "reverse" swaps A and B; "joint"
    noises both (MINDE-j, Eq. 4.28); "sigma" and "sigma_joint" are differences of entropies against N(0, sigma² I)
    (Eqs. 4.25 and 4.26 with the sign of the derivation), or against the fitted Gaussian when ``sigma`` is None.

    Raises:
      ValueError: for an unknown form, an empty group or overlapping groups.
    """
    return _information(n, a, b, (), form, sigma)


def cmi(
    n: int, a: Iterable[int], b: Iterable[int], c: Iterable[int], form: str = "conditional", sigma: float | None = None
) -> Measure:
    """Conditional mutual information I(A; B | C): as :func:`mi` with C GIVEN in every view."""
    return _information(n, a, b, c, form, sigma)


def _information(n, a, b, c, form, sigma):
    a, b, c = _sets(n, A=a, B=b, C=c)
    if not a or not b:
        raise ValueError("mutual information needs two groups with at least one variable each.")
    if form not in MI_FORMS:
        raise ValueError(f"unknown form {form!r}; choose one of {', '.join(MI_FORMS)}.")
    if form == "reverse":
        a, b, form = b, a, "conditional"
    fine_a, fine_b = vw.view(n, a, b + c), vw.view(n, b, a + c)
    both, coarse = vw.view(n, a + b, c), vw.view(n, a, c)
    if form == "conditional":
        terms = [_term(n, 1.0, {i: fine_a for i in a}, {i: coarse for i in a})]
    elif form == "joint":
        fine = {i: fine_a for i in a} | {i: fine_b for i in b}
        terms = [_term(n, 1.0, fine, {i: both for i in a + b})]
    elif form == "sigma":
        return Measure(n, (_entropy(n, a, c, sigma) - _entropy(n, a, b + c, sigma)).terms, 0.0)
    else:
        h = _entropy(n, a + b, c, sigma) - _entropy(n, a, b + c, sigma) - _entropy(n, b, a + c, sigma)
        return Measure(n, h.terms, 0.0)
    return Measure(n, tuple(terms), 0.0)


def entropy(n: int, a: Iterable[int], given: Iterable[int] = (), sigma: float | None = None) -> Measure:
    """Differential entropy H(A) or H(A | given) (Eq. 4.22), against the fitted Gaussian or N(0, sigma² I)."""
    a, given = _sets(n, A=a, given=given)
    if not a:
        raise ValueError("entropy needs at least one variable.")
    return _entropy(n, a, given, sigma)


def _entropy(n, a, given, sigma):
    reference = Gaussian(sigma)
    v = vw.view(n, a, given)
    return Measure(n, (_term(n, -1.0, {i: v for i in a}, reference), CrossEntropy(1.0, tuple(a), reference)))


def kl(n: int, a: Iterable[int], label_p: int, label_q: int) -> Measure:
    """KL(p‖q) of the variables A under two laws told apart by a label.

    The label stands in two variables, ``label_p`` and ``label_q``, equal in training.  The rows evaluated are rows of
    p with ``label_p`` saying p and ``label_q`` saying q; the two views then read the two laws' scores at the same point.
    """
    a, lp, lq = _sets(n, A=a, label_p=[label_p], label_q=[label_q])
    fine, coarse = vw.view(n, a, lp), vw.view(n, a, lq)
    return Measure(n, (_term(n, 1.0, {i: fine for i in a}, {i: coarse for i in a}),), 0.0)


# ---------------------------------------------------------------------------------------------------------------------
# Many variables.  ``among`` is the subset measured (all by default); the others are ABSENT in every view.


def _among(n, among, least, what):
    s = tuple(range(n)) if among is None else _sets(n, among=among)[0]
    if len(s) < least:
        raise ValueError(f"{what} needs at least {least} variables, got {len(s)}.")
    return s


def _alone(n, s):
    return {i: vw.view(n, {i}) for i in s}


def _joint(n, s):
    v = vw.view(n, s)
    return {i: v for i in s}


def _rest(n, s):
    return {i: vw.view(n, {i}, set(s) - {i}) for i in s}


def tc(n: int, among: Iterable[int] | None = None) -> Measure:
    """Total correlation KL(p(x) ‖ Π p(x_i)) (Eq. 5.3): all noised against each alone."""
    s = _among(n, among, 2, "total correlation")
    return Measure(n, (_term(n, 1.0, _joint(n, s), _alone(n, s)),), 0.0)


def dtc(n: int, among: Iterable[int] | None = None) -> Measure:
    """Dual total correlation H(X) − Σ H(X_i | X_−i) (Eq. 5.4): each given the rest against all noised."""
    s = _among(n, among, 2, "dual total correlation")
    return Measure(n, (_term(n, 1.0, _rest(n, s), _joint(n, s)),), 0.0)


def s_info(n: int, among: Iterable[int] | None = None) -> Measure:
    """S-information Σ I(X_i; X_−i) = TC + DTC (Eq. 5.1): each given the rest against each alone."""
    s = _among(n, among, 2, "S-information")
    return Measure(n, (_term(n, 1.0, _rest(n, s), _alone(n, s)),), 0.0)


def o_info(n: int, among: Iterable[int] | None = None) -> Measure:
    """O-information Ω = TC − DTC (Eq. 5.5): positive when redundancy dominates, negative when synergy does.

    Raises:
      ValueError: for fewer than three variables, where Ω is identically zero.
    """
    s = tuple(range(n)) if among is None else _sets(n, among=among)[0]
    if len(s) < 3:
        raise ValueError(
            f"O-information needs at least 3 variables, got {len(s)}: for two it is identically zero "
            "(TC = DTC = mutual information); use mutual_information instead."
        )
    return tc(n, s) - dtc(n, s)


def o_info_gradient(n: int, i: int, among: Iterable[int] | None = None, form: str = "mi") -> Measure:
    """Gradient of Ω, ∂_i Ω = Ω(X) − Ω(X_−i) (Eq. 5.6).

    ``form="mi"``: (2 − N) I(X_i; X_−i) + Σ_{j≠i} I(X_i; X_−ij) (Eq. C.4); ``form="difference"``: Eqs. C.1–C.3.
    """
    s = tuple(range(n)) if among is None else _sets(n, among=among)[0]
    if len(s) < 3:
        raise ValueError(f"the gradient of O-information needs at least 3 variables, got {len(s)}.")
    if i not in s:
        raise ValueError(f"variable {i} is not among {s}.")
    rest = tuple(j for j in s if j != i)
    if form == "difference":
        whole = o_info(n, s)
        return whole - whole.restrict(absent=[i])
    if form != "mi":
        raise ValueError(f"unknown form {form!r}; choose 'mi' or 'difference'.")
    total = (2.0 - len(s)) * mi(n, [i], rest)
    for j in rest:
        total = total + mi(n, [i], [k for k in rest if k != j])
    return total


def interaction_information(n: int, a: Iterable[int], b: Iterable[int], c: Iterable[int]) -> Measure:
    """Interaction (co-)information I(A; B; C) = I(A; B) − I(A; B | C) (thesis 5.2): positive means redundancy."""
    return mi(n, a, b) - cmi(n, a, b, c)
