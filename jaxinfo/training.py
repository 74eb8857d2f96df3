"""Networks trained for a front door: in one program, with a progress bar, kept on the way, tuned at the end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jaxinfo import parallel
from jaxinfo.blocks import Blocks
from jaxinfo.estimators import crossfit, readout
from jaxinfo.estimators.fitted import Fitted
from jaxinfo.estimators.prepare import Job
from jaxinfo.estimators.settings import Settings
from jaxinfo.io.keeper import Keeper
from jaxinfo.io.log import progress
from jaxinfo.options import Options
from jaxinfo.views import View


def place_of(directory: str | Path, mark: str) -> Path:
    """Where checkpoints of training ``mark`` lie inside a ``checkpoint_dir``: of their own, beside whatever else is there."""
    return Path(directory) / f"training-{mark[:12]}"


def check_storable(settings: Settings) -> None:
    """Refuse to keep what could not be read back.

    Raises:
      ValueError: for a net of one's own.
    """
    if settings.net is not None and not isinstance(settings.net, str):
        raise ValueError(
            "a model with a custom net callable cannot be saved: only its parameters could be; leave out checkpoint_dir, "
            "or add the net to NETS and give its name."
        )


def train(
    jobs: Sequence[Job],
    blocks: Blocks,
    views: Sequence[View],
    settings: Settings,
    opts: Options,
    *,
    place: Path | None = None,
    mark: str = "",
) -> list[Fitted]:
    """Networks of these views for every data set.

    Args:
      jobs: data sets of one packing.
      blocks: packing.
      views: what is trained.
      settings: how.
      opts: whether a bar is shown, and how often a checkpoint is written.
      place: where to keep checkpoints while training, so that a killed call goes on; None keeps none.
      mark: what is being trained, in a word: checkpoints of something else are not read.

    Raises:
      ValueError: when a net of one's own should be kept.
    """

    if place is not None:
        check_storable(settings)

    def keeper(group: str) -> Keeper:
        assert place is not None
        return Keeper(place / group, mark, every_s=opts.checkpoint_every_s, writes=parallel.is_first())

    words = f"training {len(jobs) * settings.folds * settings.seeds} networks on {len(views)} views"
    with progress(None, words, opts.progress) as bar:
        fits = crossfit.fit_many(
            jobs, blocks, views, settings, keepers=None if place is None else keeper,
            progress=lambda step, total, metrics: bar.reach(step, total, **metrics),
        )  # fmt: skip
    return [readout.tune(fitted, job.x, job.seed, job.weights, job.law) for fitted, job in zip(fits, jobs)]
