"""What a demo shows while it runs: a live table in a terminal, lines elsewhere."""

import asyncio
import time
from typing import NoReturn, Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table

from app.cli.demo.tally import Tally
from app.figures import moment

EVERY = 0.5  # seconds between two states of the table
LINE_EVERY = 3.0  # seconds between two lines
LATEST = 2000  # events behind the latency shown


class Page(Protocol):
    """Where a demo shows what it does."""

    def say(self, text: str) -> None:
        """Print a line that stays."""

    async def refresh(self) -> NoReturn:
        """Show the figures again and again."""


class Rate:
    """Decisions a second between two looks."""

    def __init__(self) -> None:
        self.at, self.count = time.monotonic(), 0

    def get(self, count: int) -> float:
        """The rate since the last call."""
        now = time.monotonic()
        rate = (count - self.count) / max(now - self.at, 1e-9)
        self.at, self.count = now, count
        return rate


class Lines:
    """One line every few seconds, for logs and pipes."""

    def __init__(self, console: Console, tally: Tally) -> None:
        self.console, self.tally, self.rate = console, tally, Rate()

    def say(self, text: str) -> None:
        self.console.print(text, soft_wrap=True)

    async def refresh(self) -> NoReturn:
        while True:
            await asyncio.sleep(LINE_EVERY)
            cells = rows(self.tally, self.rate)
            self.say("; ".join(f"{name} {value}" for name, value in cells.items()))


class Screen(Lines):
    """A table that changes in place."""

    async def refresh(self) -> NoReturn:
        with Live(console=self.console, auto_refresh=False) as live:
            while True:
                live.update(table(rows(self.tally, self.rate)), refresh=True)
                await asyncio.sleep(EVERY)


def new_page(tally: Tally) -> Page:
    """The page that fits standard output."""
    console = Console(highlight=False)
    return Screen(console, tally) if console.is_terminal else Lines(console, tally)


def table(cells: dict[str, str]) -> Table:
    """The figures in two columns."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column()
    for name, value in cells.items():
        grid.add_row(name, value)
    return grid


def rows(tally: Tally, rate: Rate) -> dict[str, str]:
    """The figures in words, by name."""
    kinds, events = ("approve", "review", "block"), tally.application.events
    decided = ", ".join(f"{tally.decisions[kind]:,} {kind}" for kind in kinds)
    quality, latency = tally.recent.get(), tally.latency(LATEST)
    p50, p99 = (number(latency[name], ".0f") for name in ("p50", "p99"))
    return {
        "event time": moment(tally.event_time or None),
        events: f"{tally.published:,} ({rate.get(tally.predictions):,.0f}/s)",
        "decisions": decided,
        "alerts": f"{len(tally.reviewed):,}, precision {number(quality['alert_precision'], '.2f')}",
        "labels": f"{tally.labels:,}, learned {len(tally.taught):,}",
        "version": f"{tally.version:,} of the learning state",
        "average precision": f"{number(quality['average_precision'], '.3f')} of the latest labels",
        "latency": f"p50 {p50} ms, p99 {p99} ms",
        "lag": f"{len(tally.undecided):,} {events}, {len(tally.unlearned):,} labels",
    }


def number(value: float | None, form: str) -> str:
    """A figure, or a dash as long as there is none.

    >>> number(0.25, ".1%"), number(None, ".1%")
    ('25.0%', '-')
    """
    return "-" if value is None else format(value, form)
