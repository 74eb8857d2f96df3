"""A trained model: networks, data rules and everything that may be asked of them."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from numbers import Integral
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxinfo import beside, inputs, kept, parallel, pathwise, queries, refits, training
from jaxinfo import measures as ms
from jaxinfo import views as vw
from jaxinfo.blocks import Blocks
from jaxinfo.estimators import bootstrap, generate, opinion, permutation, plugin, readout, slopes, summary
from jaxinfo.estimators.fitted import SDE, Fitted
from jaxinfo.estimators.prepare import Job
from jaxinfo.estimators.settings import Settings, for_null, resolve
from jaxinfo.estimators.splits import crossfit_splits
from jaxinfo.options import Options
from jaxinfo.plan import plan
from jaxinfo.results import Results
from jaxinfo.types import Estimate

UNKNOWN_OPTIMISM = (
    "in new rows alone networks see too little: this measure was not read in the rows trained on before saving, so "
    "what they see more there is not added",
)


class Model:
    """Networks trained on one table of data; made by :func:`jaxinfo.fit`."""

    def __init__(self, table: inputs.Table | None, blocks: Blocks, opts: Options, settings: Settings, title: str = ""):
        self.table, self.blocks, self.options, self.settings, self.title = table, blocks, opts, settings, title
        self.fits: list[Fitted] = []
        self.asked: tuple[str, ...] = ()
        self.optimism: dict[str, list[float]] = {}
        self.weights = self.groups = None
        self.looks_twice = True  # whether neighbours are asked for a second opinion
        if table is not None:
            self.weights = beside.row_weights(opts.sample_weight, table.x.shape[0])
            self.groups = beside.row_groups(opts.groups, table.x.shape[0])

    @classmethod
    def train(
        cls, table: inputs.Table, measures: str | Sequence[str], opts: Options, overrides: Mapping[str, Any]
    ) -> Model:
        """Train what the measures need; see :func:`jaxinfo.fit`."""
        model = cls.ask(table, measures, opts, overrides)
        needed = model._measures(queries.expand(model.asked, table.blocks)) if model.asked else {}
        if not needed:
            return model
        place = None if opts.checkpoint_dir is None else Path(opts.checkpoint_dir)
        if place is not None:
            training.check_storable(model.settings)
        model.mark = model._fingerprint(needed)
        # a model of something else stays beside it, one that cannot be read is made again
        homes = [] if place is None else [place / "model", place / f"model-{model.mark[:12]}"]
        before = {home: kept.found(home) for home in homes}
        for own in before.values():
            if own is not None and own.mark == model.mark:
                model.fits = own.fits
                return model
        unread = [home for home, other in before.items() if other is None and home.exists()]
        train_models([model], plan(needed).views, place=place, mark=model.mark)
        if place is not None and parallel.is_first():
            # looked at again: another call may have left a model of its own there meanwhile
            model._write(next((home for home in homes if home in unread or not home.exists()), homes[-1]))
            shutil.rmtree(training.place_of(place, model.mark), ignore_errors=True)
        if place is not None:
            parallel.wait_for_all("model written")  # the others may look for it next
        return model

    @classmethod
    def ask(
        cls, table: inputs.Table, measures: str | Sequence[str], opts: Options, overrides: Mapping[str, Any]
    ) -> Model:
        """A model that knows what it will be asked, or with ``()`` will be told later; not trained yet."""
        table = inputs.told_of_order(table) if opts.groups is None else table
        model = cls(table, table.blocks, opts, resolve(opts.budget, overrides))
        later = isinstance(measures, (tuple, list)) and not measures
        asked = {} if later else queries.expand(measures, table.blocks)
        model.asked = tuple(asked)
        if opts.null:
            permutation.check((q.kind for q in asked.values()), model.weights)
            model._check_moved(asked.values())
        n, s = table.x.shape[0], model.settings
        counted = not later and all(queries.is_plug_in(q, table.blocks) for q in asked.values())  # never cut into folds
        for folds in () if counted else (s.folds, for_null(s).folds) if opts.null else (s.folds,):
            crossfit_splits(n, folds, np.random.default_rng(opts.seed), model.groups, s.validation, model.weights)
        if counted:
            beside.several_groups(model.groups, model.weights)
        if opts.bootstrap:
            rng = lambda: np.random.default_rng(opts.seed)
            cut = lambda units, weights: crossfit_splits(units.size, s.folds, rng(), units, weights=weights)
            refuse = beside.several_groups if counted else cut
            bootstrap.check(n, model.groups, opts.bootstrap, opts.seed, refuse, model.weights)
        return model

    mark = ""
    _stored_rules: inputs.Table

    def _fingerprint(self, measures) -> str:
        assert self.table is not None  # training has data
        h = hashlib.sha256(kept.FORMAT.encode())
        for part in (self.table.x, self.weights, self.groups):
            h.update(b"-" if part is None else np.ascontiguousarray(part).tobytes())
        h.update(repr((sorted(measures.items()), self.blocks, self.settings, self.options.seed)).encode())
        return h.hexdigest()

    # -- what may be asked --------------------------------------------------------------------------------------------

    def estimate(self) -> Results:
        """Every measure named when fitting, cross-fitted: each row read by the network that did not see it."""
        return self._results(queries.expand(self.asked, self.blocks), None)

    def measure(self, name: str, rows: Any = None, *, groups: Any = None, sample_weight: Any = None) -> Estimate:
        """One measure, on the rows trained on (cross-fitted) or on new ``rows``, which the folds' networks read in turn.

        Few new rows are read by the networks of every fold, and averaged.  What is of class labels alone has no network: it
        is counted in the rows given.

        A measure whose views were not trained is trained now, as long as the model still holds its data; only what is named
        when fitting is kept in ``checkpoint_dir``.

        Args:
          name: of the measure.
          rows: new rows, read like the data that were trained on.
          groups: ``[m]`` labels of new rows that are not independent: errors are clustered by them.
          sample_weight: ``[m]`` non-negative weights of new rows.

        Raises:
          ValueError: for groups or weights without new rows (those of the fit hold), groups of which one alone has weight,
            another index of pandas than that of ``rows``, or rows that differ from the data.
        """
        if rows is None and not (groups is None and sample_weight is None):
            raise ValueError(
                "groups and sample_weight are of new rows=; those of the rows trained on are given when fitting."
            )
        asked = queries.expand(name, self.blocks)
        if len(asked) > 1:
            raise ValueError(f"{name} is {len(asked)} measures; name one, such as {next(iter(asked))}.")
        return self._results(asked, rows, groups, sample_weight)[next(iter(asked))]

    def pointwise(self, name: str, rows: Any = None) -> np.ndarray:
        """Pointwise values of a measure, ``[n]`` in the model's unit: their mean is its gap form."""
        values = self.measure(name, rows).per_sample
        assert values is not None  # every estimate of a model has them
        return values

    def gradient(
        self,
        names: str | Sequence[str],
        rows: Any = None,
        *,
        logsnr: float = 4.0,
        num_mc: int = 4,
        corrected: bool = True,
    ) -> dict[str, Any]:
        """Derivative of measures with respect to every row: where to move it for more information.

        If the rows were made by parameters θ, the derivative with respect to those is the mean over rows of
        ``gradient · ∂x/∂θ``.  It holds for the law the networks were trained on: an optimiser that moves the law fits
        again as it goes.  What the fitted Gaussian explains is differentiated exactly, the rest under a little noise
        (see :mod:`jaxinfo.pathwise`).

        It reads networks trained on standardised coordinates, because the slopes of empirical ranks are too rough in the
        tails; they are trained now if need be, as long as the model still holds its data.

        Args:
          names: one measure, or several that share networks.
          rows: new rows; the rows trained on by default, cross-fitted.
          logsnr: the noise level, in preprocessed coordinates (variance near 1): higher sees finer structure and is
            noisier.
          num_mc: pairs of noise draws per row.
          corrected: False reads the networks' scores alone: nothing is taken from the Gaussian of the rows, and linear
            errors are not set right; to see what that is worth.

        Returns:
          dict continuous variable -> ``[n, d]``, in the model's unit per unit of the variable; for several measures a dict
          of those.

        Raises:
          ValueError: for measures of class labels, which have no derivative; a noise level outside the path; no draws.
        """
        low, high = SDE.logsnr_range()
        if not low < logsnr < high:
            raise ValueError(f"logsnr={logsnr}: expected a noise level inside the path, {low:.1f} to {high:.1f}.")
        if not (isinstance(num_mc, Integral) and num_mc >= 1):
            raise ValueError(f"num_mc={num_mc!r}: expected a whole number of pairs of noise draws, 1 or more.")
        asked = queries.expand(names, self.blocks)
        measures = self._measures(asked)
        spoken_of = {i for m in measures.values() for s in pathwise.entropy_weights(m) for i in s}
        if len(measures) < len(asked) or any(self.blocks.discrete[i] for i in spoken_of):
            raise ValueError(
                f"gradient of {', '.join(asked)}: expected measures of continuous variables, got class labels among "
                f"them; name a measure of the others, {', '.join(self._continuous())}."
            )
        views = tuple(dict.fromkeys(v for m in measures.values() for v in pathwise.views(m)))
        fitted, x = self._knowing(views, ", ".join(asked), affine=True), self._rows(rows)
        scale, out = Estimate(1.0, 0.0).to(self.options.unit).value, {}
        for name, measure in measures.items():
            found = scale * slopes.gradient(
                fitted, measure, x, self.options.seed, logsnr=logsnr, num_mc=num_mc, crossfitted=rows is None,
                corrected=corrected, weights=self.weights if rows is None else None,
            )  # fmt: skip
            out[name] = {n: found[:, s] for n, s in self._continuous().items()}
        return out if len(out) > 1 or not isinstance(names, str) else next(iter(out.values()))

    def _continuous(self) -> dict[str, slice]:
        """Coordinates by name of the variables that are no class labels."""
        b = self.blocks
        return {n: s for n, s, label in zip(b.names, b.slices, b.discrete) if not label}

    def subsets(self, orders: int | Sequence[int] = (3,), measure: str = "o_information") -> Results:
        """A measure of every subset with these numbers of variables, from one network trained on all their views.

        Args:
          orders: numbers of variables, or one.
          measure: of a system, by name.

        Raises:
          ValueError: for an order that is not between 2 and the number of variables, or another kind of measure.
        """
        names = self.blocks.names
        each = (orders,) if isinstance(orders, int | np.integer) else tuple(orders)
        if not each or not all(isinstance(k, int | np.integer) and 2 <= k <= len(names) for k in each):
            raise ValueError(f"orders must lie between 2 and {len(names)}, the number of variables, got {orders}.")
        if measure not in queries.SYSTEM:
            raise ValueError(f"subsets takes a measure of a system, {', '.join(queries.SYSTEM)}, got {measure!r}.")
        texts = [f"{measure}({', '.join(c)})" for k in each for c in combinations(names, k)]
        return self._results(queries.expand(tuple(texts), self.blocks), None)

    # -- how it is answered -------------------------------------------------------------------------------------------

    def _measures(self, asked: Mapping[str, queries.Query]) -> dict[str, ms.Measure]:
        o = self.options
        return {
            name: queries.build(q, self.blocks, o.form, o.sigma)
            for name, q in asked.items()
            if not queries.is_plug_in(q, self.blocks)
        }

    def sample(
        self, names: str | Sequence[str], given: Any = None, *, n: int | None = None, seed: int = 0, steps: int = 64
    ) -> dict[str, np.ndarray]:
        """Rows of some variables drawn given others, the remaining ones integrated out.

        The view is trained now if no measure asked for it.

        Args:
          names: variables to draw together, none of them discrete.
          given: rows of the variables to condition on, name -> ``[n]`` or ``[n, d]``, in the data's units; one row may be
            drawn from ``n`` times.
          n: how many rows, when nothing or one row is given.
          seed: of the noise.
          steps: of the solver.

        Returns:
          name -> ``[n, d]`` in the data's units, without columns that repeated others; values of a column with many ties
          come with the noise that was added to it.

        Raises:
          ValueError: for unknown or discrete names, names on both sides, neither ``given`` nor ``n``, or both where they
            do not agree.
        """
        names = (names,) if isinstance(names, str) else tuple(names)
        given = {} if given is None else inputs.named(given)
        drawn = [self.blocks.index(name) for name in names]
        if any(self.blocks.discrete[i] for i in drawn):
            raise ValueError("a discrete variable can be given, not drawn: ask for the continuous ones.")
        if n is None and not given:
            raise ValueError("say how many rows to draw, n=…, or give variables to condition on; got n=None.")
        if n is not None and not (isinstance(n, Integral) and n >= 1):
            raise ValueError(f"n={n!r}: expected a whole number of rows to draw, 1 or more.")
        view = vw.view(self.blocks.num_variables, drawn, [self.blocks.index(name) for name in given])
        fitted = self._knowing([view], f"drawing {', '.join(names)}")
        known = np.zeros((n or 1, self.blocks.dim))
        if given:
            known = inputs.apply(self._rules(), given, seed=seed, only=tuple(given))
            if n is not None and len(known) not in (1, n):
                raise ValueError(f"n={n} rows were asked for and {len(known)} given; leave out n, or give one row.")
            known = np.repeat(known, n or 1, 0) if len(known) == 1 else known
        out = generate.sample(jax.random.key(seed), fitted, view, known, steps)
        return {name: out[:, self.blocks.slices[i]] for name, i in zip(names, drawn)}

    def _knowing(self, views: Sequence[tuple[int, ...]], why: str, affine: bool = False) -> Fitted:
        """The fit that knows all these views with the model's settings, or, ``affine``, in coordinates that are no ranks;
        trained now if there is none."""
        kind = self.settings.preprocess
        right = lambda f: f.preprocess != "rank" if affine else f.settings.preprocess == kind
        for fitted in self.fits:
            if set(views) <= set(fitted.views) and right(fitted):
                return fitted
        if self.table is None:
            raise ValueError(f"{why}: not trained, and a loaded model does not hold its data; fit again naming it.")
        ranks = kind in (None, "rank")
        train_models([self], views, replace(self.settings, preprocess="standardise") if affine and ranks else None)
        return self.fits[-1]

    def _rows(self, rows: Any) -> np.ndarray:
        """Packed rows in the data's units: those trained on, or new ones by the same rules."""
        if rows is not None:
            return inputs.apply(self._rules(), inputs.named(rows), seed=self.options.seed + 1)
        if self.table is None:
            raise ValueError("a loaded model does not hold its data: ask measure(name, rows=...) on new rows.")
        return self.table.x

    def _results(
        self, asked: Mapping[str, queries.Query], rows: Any, groups: Any = None, sample_weight: Any = None
    ) -> Results:
        x, weights = self._rows(rows), self.weights
        if rows is None:
            groups = self.groups
        else:
            beside.same_index(inputs.named(rows) | {"groups": groups, "sample_weight": sample_weight})
            weights, groups = beside.row_weights(sample_weight, len(x)), beside.row_groups(groups, len(x))
            beside.several_groups(groups, weights)
        measures = self._measures(asked)
        found: dict[str, Estimate] = {}
        if measures:
            fitted = self._knowing(plan(measures).views, ", ".join(measures))
            out = readout.read(fitted, measures, x, self.options.seed, weights=weights, crossfitted=rows is None)
            if out.optimism is None:
                out = replace(out, optimism=self._optimism_of(measures, fitted))
            else:
                self.optimism |= dict(zip(out.names, out.optimism.tolist()))
            found = summary.estimates(out, fitted, measures, weights=weights, groups=groups)
            if out.optimism is None:
                found = {name: summary.flagged(e, UNKNOWN_OPTIMISM) for name, e in found.items()}
        for name, q in asked.items():
            few = len(x) < inputs.LEAST_ROWS
            if name not in found and few:
                raise ValueError(
                    f"{name} is counted in the new rows, since it is of class labels alone: expected at least "
                    f"{inputs.LEAST_ROWS}, got {len(x)}."
                )
            if name not in found:
                found[name] = self._plug_in(name, q, x, weights, groups)
            elif (labels := queries.label_side(q, self.blocks)) and not few:
                entropy = self._plug_in(name, queries.Query("entropy", (labels,)), x, weights, groups)
                found[name] = summary.flag_above(found[name], entropy.value)
            independent = weights is None and groups is None  # neighbours count rows alike, and each for itself
            pair = q.measure == "mutual_information" and not q.discrete(self.blocks)
            if self.looks_twice and independent and pair:
                found[name] = opinion.doubted(
                    found[name], *(x[:, np.isin(self.blocks.owner, side)] for side in q.groups)
                )
            if self.table is not None:
                found[name] = summary.flagged(found[name], self.table.notes_on(q.variables(self.blocks.num_variables)))
        if rows is None:
            found = self._with_refits(found, asked)
        unit = self.options.unit
        return Results({name: found[name].to(unit) for name in asked}, self.title)

    def _optimism_of(self, measures: Mapping[str, ms.Measure], fitted: Fitted) -> np.ndarray | None:
        """The optimism of these measures: new rows say nothing of it, but the rows trained on do.

        None when it was not read before and the data are gone.
        """
        missing = {name: m for name, m in measures.items() if name not in self.optimism}
        if missing and self.table is not None:
            own = readout.read(fitted, missing, self.table.x, self.options.seed, weights=self.weights)
            assert own.optimism is not None  # of rows trained on
            self.optimism |= dict(zip(own.names, own.optimism.tolist()))
        if any(name not in self.optimism for name in measures):
            return None
        return np.asarray([self.optimism[name] for name in measures])

    def _plug_in(self, name, q: queries.Query, x, weights, groups) -> Estimate:
        codes = np.stack(
            [
                x[:, s].argmax(1) if d else np.zeros(len(x), int)
                for s, d in zip(self.blocks.slices, self.blocks.discrete)
            ],
            1,
        )
        e = plugin.plug_in(
            codes, plugin.entropy_sets(q.measure, q.whole(self.blocks.num_variables)), weights, name, groups
        )
        return e._replace(diagnostics=e.diagnostics | {"n": len(x)})

    def _with_refits(self, found: dict[str, Estimate], asked: Mapping[str, queries.Query]) -> dict[str, Estimate]:
        """Estimates with the permutation test and the bootstrap that were asked for."""
        o = self.options
        tested = {name: q for name, q in asked.items() if o.null and q.kind in permutation.MEASURES}
        if not tested and not o.bootstrap:
            return found
        assert self.table is not None  # only asked of the rows trained on
        for together in dict.fromkeys(q.together for q in tested.values()):
            those = {name: q for name, q in tested.items() if q.together == together}
            self._check_moved(those.values())
            drawn = refits.permuted(self.table, self.groups, o, together)
            found |= refits.with_p_value(found, self._refitted("null", drawn, those, for_null(self.settings)))
        if o.bootstrap:
            drawn = refits.resampled(self.table, self.weights, self.groups, o)
            found = refits.with_spread(found, self._refitted("bootstrap", drawn, asked, self.settings))
        return found

    def _check_moved(self, tested: Iterable[queries.Query]) -> None:
        """Refuse a permutation test that would leave a variable as it is."""
        assert self.table is not None
        blocks = self.blocks
        spoken_of = sorted({i for q in tested for i in q.variables(blocks.num_variables)})
        variables = {blocks.names[i]: blocks.slices[i] for i in spoken_of}
        permutation.check_moved(self.table.x, self.table.steps, variables, self.groups)

    def _refitted(self, why: str, data: Iterable[refits.Drawn], asked, settings: Settings) -> list[Results]:
        """The same questions to other tables of this packing, in nats: trained in one program.

        With a ``checkpoint_dir`` their training is kept there under ``why``, each question of each data set in a place of
        its own: a killed call goes on, the same call again does not train.
        """
        plain = lambda opts: replace(opts, null=0, bootstrap=0, checkpoint_dir=None, unit="nats")
        models = [Model(table, self.blocks, plain(opts), settings) for table, opts in data]
        for m in models:
            m.looks_twice = False
        needed = self._measures(asked)
        if needed:
            directory = self.options.checkpoint_dir
            own = self._fingerprint(needed)[:16]
            train_kept(models, needed, None if directory is None else Path(directory) / why / own)
        return [m._results(asked, None) for m in models]

    def _rules(self) -> inputs.Table:
        if self.table is not None:
            return self.table
        return self._stored_rules

    # -- keeping it ---------------------------------------------------------------------------------------------------

    def save(self, directory: str | Path) -> Path:
        """Write the networks and the data rules (not the data) to a directory; :func:`jaxinfo.load` reads it.

        What reading the training rows tells of the measures named when fitting is read first and kept.
        """
        measures = self._measures(queries.expand(self.asked, self.blocks)) if self.asked else {}
        if measures and self.table is not None:
            self._optimism_of(measures, self._knowing(plan(measures).views, ", ".join(measures)))
        return self._write(directory)

    def _write(self, directory: str | Path) -> Path:
        return kept.write(
            directory,
            kept.Kept(self._rules(), self.options, self.settings, self.fits, self.asked, self.optimism, self.mark),
        )

    @classmethod
    def load(cls, directory: str | Path) -> Model:
        """Read what :meth:`save` wrote; the model answers on new rows."""
        k = kept.read(directory)
        model = cls(None, k.rules.blocks, k.options, k.settings)
        model.fits, model.asked, model.optimism, model.mark = k.fits, k.asked, k.optimism, k.mark
        model._stored_rules = k.rules
        return model


def train_many(models: Sequence[Model], measures: str | Sequence[str]) -> None:
    """Train models of one packing and one set of options on what they were asked, kept in their ``checkpoint_dir``."""
    needed = models[0]._measures(queries.expand(measures, models[0].blocks))
    if needed:
        train_kept(models, needed, models[0].options.checkpoint_dir)


def train_kept(models: Sequence[Model], needed: Mapping[str, ms.Measure], directory: str | Path | None) -> None:
    """Train models on what measures need; with a directory a killed call goes on, and the same call does not train again."""
    if directory is None:
        return train_models(models, plan(needed).views)
    h = hashlib.sha256()
    for m in models:
        h.update(m._fingerprint(needed).encode())
    train_models(models, plan(needed).views, place=Path(directory), mark=h.hexdigest())


def train_models(
    models: Sequence[Model],
    views: Sequence[tuple[int, ...]],
    settings: Settings | None = None,
    *,
    place: Path | None = None,
    mark: str = "",
) -> None:
    """Train models of one packing and one set of options on these views, in one program.

    Args:
      models: each gets one fit more.
      views: what is trained.
      settings: those of the models by default.
      place: where to keep checkpoints while training, so that a killed call goes on; None keeps none.
      mark: what is being trained, in a word: checkpoints of something else are not read.
    """
    first, jobs = models[0], []
    for m in models:
        assert m.table is not None  # training has data
        jobs.append(Job(m.table.x, m.options.seed, m.groups, m.weights))
    settings = first.settings if settings is None else settings
    place = None if place is None else training.place_of(place, mark)
    found = training.train(jobs, first.blocks, views, settings, first.options, place=place, mark=mark)
    for m, fitted in zip(models, found):
        m.fits.append(fitted)
