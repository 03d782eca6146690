"""Paired, interleaved measurement for a machine whose speed changes all the time.

Absolute times mean little there: the same code takes twice as long a moment
later. So all contenders of a scenario run in turn, in random order, in batches
far shorter than the machine's moods, for many rounds; what is compared is
always taken from the same round. In a round each contender runs a few times
and its fastest batch counts, since noise only ever adds; what is reported is
the median over the rounds, and the 10th and 90th percentile beside it.
"""

from __future__ import annotations

import gc
import math
import random
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median, quantiles
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Batch = Callable[[int], float]
"""Runs something so many times, and returns the seconds that this took."""

Times = dict[str, list[float]]
"""By contender, the seconds of one run, round after round."""


@dataclass(frozen=True)
class Effort:
    """How long to measure: rounds, batches of each contender in a round, length of a batch."""

    rounds: int
    passes: int
    batch_seconds: float


FULL = Effort(rounds=400, passes=5, batch_seconds=150e-6)
QUICK = Effort(rounds=40, passes=3, batch_seconds=100e-6)


@dataclass(frozen=True)
class Spread:
    """A median over the rounds, and between what most of the rounds lie."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return the 10th percentile, the median and the 90th percentile."""
        deciles = quantiles(values, n=10)
        return cls(deciles[0], median(values), deciles[-1])


def paired_times(contenders: dict[str, Batch], effort: Effort) -> Times:
    """Measure the contenders against each other."""
    counts = {name: _count(batch, effort.batch_seconds) for name, batch in contenders.items()}
    times: Times = {name: [] for name in contenders}
    order = list(contenders)
    with _no_collector():
        for _ in range(effort.rounds):
            best = dict.fromkeys(order, math.inf)
            for _ in range(effort.passes):
                random.shuffle(order)
                for name in order:
                    seconds = contenders[name](counts[name]) / counts[name]
                    best[name] = min(best[name], seconds)
            for name, seconds in best.items():
                times[name].append(seconds)
            gc.collect()
    return times


def overheads(times: Times, bare: str) -> Times:
    """Return what each contender costs on top of the bare one, round by round."""
    return {
        name: [own - base for own, base in zip(seconds, times[bare], strict=True)]
        for name, seconds in times.items()
        if name != bare
    }


def ratios(times: Times, yardstick: str) -> Times:
    """Return each contender's times in those of the yardstick, round by round."""
    return {
        name: [
            own / base if base > 0 else math.inf
            for own, base in zip(seconds, times[yardstick], strict=True)
        ]
        for name, seconds in times.items()
    }


def _count(batch: Batch, seconds: float) -> int:
    """Return how many runs take about so long; warms everything up on the way."""
    count = 1
    while min(batch(count) for _ in range(5)) < seconds:
        count *= 2
    return count


@contextmanager
def _no_collector() -> Iterator[None]:
    """Keep the garbage collector out of the batches; between rounds it sees new objects only."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
