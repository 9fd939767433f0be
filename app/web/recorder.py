"""The last minutes of a worker's counters: rates, recent latency, and a line to draw."""

import asyncio
import time
from bisect import bisect_left
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import NamedTuple

from aiohttp import web
from prometheus_client import Metric

from app.serving.sensors import Sensors

EVERY = 1.0  # seconds between two samples
KEPT = 300  # samples
RATE_OVER = 10.0  # seconds that a rate is the mean of
LATENCY_OVER = 60.0  # seconds of decisions behind the latency
SLOT = 5  # seconds of one point of the line


class Sample(NamedTuple):
    """Counters at one moment: all of them count from the worker's start."""

    at: float  # seconds since 1970
    decided: int
    labels: int
    examples: int
    latencies: tuple[float, ...]  # decisions within each bound, cumulative


class Rates(NamedTuple):
    """How much was decided, said and learned a second."""

    events: float
    labels: float
    examples: float


class Recorder:
    """Takes a sample every second while the server runs."""

    def __init__(self, sensors: Sensors, clock: Callable[[], float] = time.time) -> None:
        self.sensors, self.clock = sensors, clock
        self.samples: deque[Sample] = deque(maxlen=KEPT)
        self.bounds: tuple[float, ...] = ()
        self.take()

    async def running(self, app: web.Application) -> AsyncIterator[None]:
        """Sample for as long as the server runs."""
        task = asyncio.ensure_future(self._run())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    def take(self) -> None:
        """Note the counters as they are."""
        sensors = self.sensors
        self.bounds, latencies = buckets(*sensors.latency.collect())
        self.samples.append(
            Sample(
                at=self.clock(),
                decided=total(*sensors.decisions.collect()),
                labels=total(*sensors.labels.collect()),
                examples=total(*sensors.examples.collect()),
                latencies=latencies,
            )
        )

    def rates(self) -> Rates:
        """The rates of the last ten seconds."""
        first, last = self._since(RATE_OVER)
        seconds = max(last.at - first.at, EVERY)
        return Rates(
            events=(last.decided - first.decided) / seconds,
            labels=(last.labels - first.labels) / seconds,
            examples=(last.examples - first.examples) / seconds,
        )

    def latencies(self) -> list[tuple[float, float]]:
        """Decisions of the last minute by latency: (upper bound in seconds, how many)."""
        first, last = self._since(LATENCY_OVER)
        within = [b - a for a, b in zip(first.latencies, last.latencies, strict=True)]
        counts = [b - a for a, b in pairwise([0.0, *within])]
        return list(zip(self.bounds, counts, strict=True))

    def line(self) -> dict[int, float]:
        """Events a second by the time (seconds since 1970) at which a slot begins."""
        slots: dict[int, float] = {}
        for earlier, later in pairwise(self.samples):
            slot = int(later.at) // SLOT * SLOT
            slots[slot] = slots.get(slot, 0.0) + (later.decided - earlier.decided) / SLOT
        slots.pop(int(self.samples[-1].at) // SLOT * SLOT, None)  # not over yet
        return slots

    def _since(self, seconds: float) -> tuple[Sample, Sample]:
        last = self.samples[-1]
        start = bisect_left(self.samples, last.at - seconds, key=lambda sample: sample.at)
        return self.samples[min(start, max(len(self.samples) - 2, 0))], last

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            self.take()


def total(metric: Metric) -> int:
    """The sum of a counter over its labels."""
    return sum(int(s.value) for s in metric.samples if s.name.endswith("_total"))


def buckets(metric: Metric) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Upper bounds and cumulative counts of a histogram without labels."""
    rows = [(float(s.labels["le"]), s.value) for s in metric.samples if s.name.endswith("_bucket")]
    bounds, counts = zip(*rows, strict=True)
    return bounds, counts


def quantile(counted: Sequence[tuple[float, float]], share: float) -> float | None:
    """The value below which a share of what was counted lies; None when nothing was.

    Within a bucket values are taken to lie evenly, as Prometheus' histogram_quantile does.

    >>> quantile([(1.0, 50.0), (2.0, 50.0), (float("inf"), 0.0)], 0.75)
    1.5
    """
    wanted = share * sum(count for _, count in counted)
    if wanted <= 0:
        return None
    below, lower = 0.0, 0.0
    for bound, count in counted:
        if below + count >= wanted and count > 0:
            if bound == float("inf"):
                return lower
            return lower + (bound - lower) * (wanted - below) / count
        below, lower = below + count, bound
    return lower
