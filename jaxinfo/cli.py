"""The ``jaxinfo`` command: measure a file of data, or an embedded data set, from the shell."""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

from jaxinfo import api, inputs, parallel, programs, queries
from jaxinfo.blocks import Blocks
from jaxinfo.estimators import permutation
from jaxinfo.estimators.settings import BUDGETS
from jaxinfo.io import data, embedded

WRITTEN = "estimates.csv", "profile.csv", "records.jsonl", "report.png"
EPILOG = """\
examples:
  jaxinfo estimate recordings.npz --out out
      every array is a variable; TC, DTC, S- and O-information with intervals, a table and a picture in out/
  jaxinfo estimate cells.csv --blocks "rna=rna_*;atac=atac_*" --measures mutual_information
      columns joined into two vector variables
  jaxinfo estimate table.parquet --measures "mutual_information(a; b)" "conditional_mutual_information(a; b | c)"
  jaxinfo estimate example:photographs --out out
      an embedded data set; others: example:photographs_neighbours, example:digits, example:breast_cancer

measures: """ + ", ".join(queries.MEASURES)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="jaxinfo", description="Measure how several variables interact, with error bars, from samples."
    )
    commands = top.add_subparsers(dest="command", required=True)
    e = commands.add_parser(
        "estimate",
        help="estimate measures of information from a file",
        description="Train one score network on the data (cross-fitted) and read measures of information from it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    e.add_argument("data", metavar="DATA", help="npz, npy, csv or parquet file, or example:NAME")
    e.add_argument(
        "--measures", nargs="+", metavar="MEASURE", default=None,
        help="what to estimate, after DATA (default: the four system measures, with --null those of them that can be tested, "
        "or mutual_information for two variables)",
    )  # fmt: skip
    e.add_argument("--blocks", metavar="SPEC", help='join columns into variables: "name=col,col*;name=col"')
    e.add_argument("--discrete", nargs="*", metavar="NAME", help="variables that are class labels (default: by type)")
    e.add_argument("--groups", metavar="COLUMN", help="column of labels (subject, session) kept on one side of splits")
    e.add_argument("--weights", metavar="COLUMN", help="column of row weights")
    e.add_argument(
        "--budget", choices=sorted(BUDGETS), default="standard", help="how much to train (default: standard)"
    )
    e.add_argument("--seed", type=int, default=0, help="same seed, same answer (default: 0)")
    e.add_argument("--null", type=int, default=0, metavar="M", help="permutations for a p-value of independence")
    e.add_argument("--bootstrap", type=int, default=0, metavar="B", help="refits on rows drawn again, for their spread")
    e.add_argument("--form", help="form of mutual information: conditional, reverse, joint, sigma, sigma_joint")
    e.add_argument("--unit", choices=("nats", "bits"), default="nats", help="unit of information (default: nats)")
    e.add_argument("--out", metavar="DIR", help="write estimates.csv, profile.csv, records.jsonl and report.png there")
    e.add_argument(
        "--no-cache", action="store_true",
        help="do not keep compiled programs (in ~/.cache/jaxinfo) for the next run on data of this shape",
    )  # fmt: skip
    e.add_argument("--quiet", action="store_true", help="no progress bar")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status (2 for bad input or files, with one line that says what to do)."""
    args = parser().parse_args(argv)
    parallel.share_cores()
    if not args.no_cache:
        programs.keep()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", inputs.InputWarning)  # the table repeats them as flags
            results = _estimate(args)
            print(results, flush=True)  # before anything is written: a full disk must not cost the answer
            if args.out:
                print(f"\n{_write(results, args.out)}")
    except (ValueError, ImportError, FloatingPointError, OSError) as e:
        print(f"jaxinfo: {e}", file=sys.stderr)
        return 2
    return 0


def _estimate(args: argparse.Namespace) -> api.Results:
    if args.data.startswith("example:"):
        variables, title = embedded.load(args.data.removeprefix("example:"))
        if args.blocks:
            variables = data.join(variables, data.parse_blocks(args.blocks))
    else:
        beside = [column for column in (args.groups, args.weights) if column is not None]
        variables, title = data.read(args.data, args.blocks, beside), f"{Path(args.data).name}"
    aside = {}
    for option in ("groups", "weights"):
        column = getattr(args, option)
        if column is not None:
            if column not in variables:
                raise ValueError(f"--{option} names {column!r}, which is not in the data: {', '.join(variables)}.")
            aside[option] = variables.pop(column)
    measures = args.measures
    if measures is None:
        measures = queries.SYSTEM if len(variables) > 2 else ("mutual_information",)
        if args.null:
            measures = tuple(name for name in measures if name in permutation.MEASURES)
    else:  # what no measure speaks of need not be a variable at all
        asked = queries.expand(measures, Blocks((1,) * len(variables), tuple(variables))).values()
        spoken_of = {i for q in asked for i in q.variables(len(variables))}
        dropped = [name for i, name in enumerate(variables) if i not in spoken_of]
        variables = {name: v for name, v in variables.items() if name not in dropped}
        args.discrete = args.discrete and [name for name in args.discrete if name not in dropped]
    if args.out:
        _writable(args.out, args.data)
    results = api.estimate(
        variables, measures, budget=args.budget, seed=args.seed, null=args.null, bootstrap=args.bootstrap,
        form=args.form, unit=args.unit, discrete=args.discrete, groups=aside.get("groups"),
        sample_weight=aside.get("weights"), progress=False if args.quiet else None,
    )  # fmt: skip
    n = next(iter(results.values())).diagnostics["n"]
    sizes = ", ".join(variables)
    results.title = f"{title}\n{n} rows; variables: {sizes}\n"
    return results


def _writable(directory: str, source: str) -> None:
    """Make a directory and try a file in it, before hours of training.

    Raises:
      ValueError: when either fails, or what is written there would replace the ``source`` of the data.
    """
    if Path(source).resolve() in [(Path(directory) / name).resolve() for name in WRITTEN]:
        raise ValueError(f"--out {directory}: {source} would be replaced by the results; name another directory.")
    try:
        Path(directory).mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=directory).close()
    except OSError as e:
        raise ValueError(
            f"--out {directory}: expected a directory to write to, got {e.strerror or e}; name another."
        ) from e


def _write(results: api.Results, directory: str) -> str:
    """Write the estimates and their picture; says where."""
    out = results.save(directory)
    results.plot(out / "report.png")
    return "written: " + ", ".join(str(out / name) for name in (*api.Results.FILES, "report.png"))


if __name__ == "__main__":
    sys.exit(main())
