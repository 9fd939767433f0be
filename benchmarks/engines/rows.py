"""What was measured, as rows: medians over the repeats, with the range beside them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

import msgspec

Range = tuple[float, float]  # lowest and highest of the repeats


@dataclass(frozen=True)
class Measured:
    """What one run came to.

    Attributes
    ----------
    cpu_us
        Processor time of the process an event. At catch-up from the first output until all is
        stored and committed.
    events_per_s
        From the first output to the last.
    rss, disk, wire
        Most memory seen, local state after the stop, outputs and changelog in the broker: bytes.
    latencies
        Quantiles .5, .99 and .999 in ms, from before the send to the arrival of the output.
    """

    cpu_us: float
    events_per_s: float
    rss: int
    disk: int | None = None
    wire: int | None = None
    latencies: tuple[float, float, float] | None = None
    outputs_equal: bool | None = None
    state_equal: bool | None = None


class Row(msgspec.Struct, kw_only=True):
    """One line of the table. What was not measured is None; `note` says what a reader must know."""

    engine: str
    version: str | None
    work: str
    load: str
    events: int
    runs: int = 0
    cpu_us: float | None = None
    cpu_us_range: Range | None = None
    events_per_s: float | None = None
    events_per_s_range: Range | None = None
    rss_mb: float | None = None
    disk_bytes: int | None = None
    wire_bytes: int | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    p999_ms: float | None = None
    outputs_equal: bool | None = None
    state_equal: bool | None = None
    note: str = ""


def fill(row: Row, runs: Sequence[Measured]) -> Row:
    """Put the medians of the runs into a row; equal means equal in every run."""
    if not runs:
        return row
    row.runs = len(runs)
    cpu, rates = [run.cpu_us for run in runs], [run.events_per_s for run in runs]
    row.cpu_us, row.cpu_us_range = round(median(cpu), 1), spread(cpu, 1)
    row.events_per_s, row.events_per_s_range = round(median(rates)), spread(rates, 0)
    row.rss_mb = round(median(run.rss for run in runs) / 2**20, 1)
    row.disk_bytes = whole(run.disk for run in runs)
    row.wire_bytes = whole(run.wire for run in runs)
    if (found := [run.latencies for run in runs if run.latencies is not None]) != []:
        row.p50_ms, row.p99_ms, row.p999_ms = (
            round(median(column), 2) for column in zip(*found, strict=True)
        )
    row.outputs_equal = every(run.outputs_equal for run in runs)
    row.state_equal = every(run.state_equal for run in runs)
    return row


def spread(values: Sequence[float], digits: int) -> Range:
    """The lowest and the highest value."""
    return round(min(values), digits), round(max(values), digits)


def whole(values: Iterable[int | None]) -> int | None:
    """The median of what was measured."""
    known = [value for value in values if value is not None]
    return round(median(known)) if known else None


def every(answers: Iterable[bool | None]) -> bool | None:
    """Whether all say yes; None if nobody was asked.

    >>> every([True, None]), every([True, False]), every([None])
    (True, False, None)
    """
    known = [answer for answer in answers if answer is not None]
    return all(known) if known else None
