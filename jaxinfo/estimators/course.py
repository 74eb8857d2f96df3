"""How long to train: at full rate while it pays, then cool down."""

from __future__ import annotations

from math import sqrt

from jaxinfo.estimators.settings import Settings, more_steps

PAYS = 0.15
MIN_LOOKS = 4
MIN_SHARE = 0.125  # of all steps that fewer rows would take: what is learned first is not all there is
RISES = 0.2  # share of the steps so far in which validation rows are worse than they were
RISING_LOOKS = 3  # looks of which that share has to consist, at least


def chunk_steps(s: Settings) -> int:
    """Optimiser steps between two looks at the validation rows."""
    assert s.steps is not None and s.checks is not None  # decided by Settings.for_system
    return max(1, s.steps // s.checks)


class Course:
    """Decides from the validation loss when the learning rate falls, and so when training ends.

    Full rate ends when the last ``patience`` share of the steps brought validation rows, summed over views, less than
    PAYS standard deviations of what a measure of two views makes of n rows, 1/√n nats, and √(V/2) as much of V views: less
    than the sampling error could notice.  It lasts MIN_SHARE of all steps, or until the rate is slow if that is sooner, and
    MIN_LOOKS looks; what is easy is so with many rows too, which only raise the end
    (:func:`~jaxinfo.estimators.settings.more_steps`).

    With ``rewind`` it also ends when the last RISES share of the steps was worse than the best by as much: networks that
    follow their training rows go back to where they were better, as they do where all steps come to an end.  And it goes on
    while networks of many coordinates, which begin worse than no network at all, are about to overtake it.

    Args:
      s: settings, everything decided.
      num_rows: n, of the data set.
      num_views: V, whose validation losses are summed.
    """

    def __init__(self, s: Settings, num_rows: int, num_views: int = 2):
        self.s, self.chunk, self.least = s, chunk_steps(s), PAYS * sqrt(num_views / (2.0 * num_rows))
        assert s.steps is not None
        self.end = self.all_steps = self.chunk * -(-s.steps // self.chunk)
        first = MIN_SHARE * self.all_steps / more_steps(num_rows)
        self.first = min(first, s.slowing) if s.slowing else first
        self.cool_steps = self._cooling(self.end * (1.0 - s.cooldown))
        self.cool_from = self.end - self.cool_steps
        self.rewinds = False
        self.seen: list[tuple[int, float]] = []

    def _cooling(self, full_rate_steps: float) -> int:
        share = self.s.cooldown / (1.0 - self.s.cooldown)
        return self.chunk * max(1, round(share * full_rate_steps / self.chunk))

    def look(self, done: int, validation: float) -> None:
        """Take note of the validation loss, in nats, after ``done`` steps; after none it is that of the Gaussian alone."""
        self.seen.append((done, validation))
        if done >= self.cool_from:
            if done == self.cool_from and self.s.rewind:
                self.rewinds = self.rewinds or validation - min(v for _, v in self.seen) > self.least
            return
        before = [v for step, v in self.seen if step <= (1.0 - self.s.patience) * done]
        recent = [v for step, v in self.seen if step > (1.0 - self.s.patience) * done]
        if not before or len(self.seen) <= MIN_LOOKS or done < self.first:
            return
        if self._overtakes(recent):
            return
        stands = min(before) - min(recent) < self.least
        if stands or (self.s.rewind and self._rises(done)):
            self.rewinds = not stands
            self.cool_from, self.cool_steps = done, self._cooling(done)
            self.end = done + self.cool_steps

    def goes_back(self, done: int) -> bool:
        """Whether the rate falls after ``done`` steps from the parameters that were best."""
        return self.rewinds and done == self.cool_from

    def _overtakes(self, recent: list[float]) -> bool:
        """Whether networks that were never yet better than none would be, in as many steps again at the pace of these."""
        (start, silent), (_, now) = self.seen[0], self.seen[-1]
        behind = start == 0 and min(v for _, v in self.seen) == silent
        return bool(self.s.rewind) and behind and recent[0] - now >= now - silent

    def _rises(self, done: int) -> bool:
        lately = max(RISING_LOOKS, sum(step > (1.0 - RISES) * done for step, _ in self.seen))
        losses = [v for _, v in self.seen]
        return min(losses[-lately:]) - min(losses) > self.least
