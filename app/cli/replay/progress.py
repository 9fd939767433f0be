"""How far a replay is, on standard error while it is a terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from app.cli.replay.options import Plan
from app.data.rows import Labelled


class Bar:
    """A bar with the rate and the time left, by what shows most exactly how far it is."""

    def __init__(self, plan: Plan, events: str) -> None:
        console = Console(stderr=True)
        self.plan, self.events, self.rows = plan, events, 0
        self.begin: int | None = None  # epoch ms of the first event
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("Replaying", total=None, rate="")

    def __enter__(self) -> "Bar":
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def move(self, rows: Sequence[Labelled]) -> None:
        """An hour with these events has been played."""
        self.rows += len(rows)
        if not rows:
            return
        now = rows[-1].event.at
        self.begin = now if self.begin is None else self.begin
        elapsed = self._bar.tasks[0].elapsed or 0.0
        done, total = self._reached(now, self.begin)
        rate = f"{self.rows:,} {self.events}, {self.rows / max(elapsed, 0.001):,.0f}/s"
        self._bar.update(self._task, completed=done, total=total, rate=rate)

    def _reached(self, now: int, begin: int) -> tuple[int, int | None]:
        """How much is done, of how much: event time where an end of it is given, else rows."""
        if self.plan.events is not None:
            return self.rows, self.plan.events
        if self.plan.end is not None:
            return now - begin, self.plan.end - begin
        return self.rows, self.plan.source.rows
