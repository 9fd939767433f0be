"""What the options of `weir replay` mean."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice, takewhile
from typing import NamedTuple

import typer

from app.apps import load
from app.cli.replay.life import lived
from app.core.domain import Application
from app.data.files import Dataset
from app.data.life.settings import Life
from app.data.rows import Labelled
from app.settings import Settings, read_settings
from app.units import DAY_MS


class Plan(NamedTuple):
    """What is read, when labels become known, and which decisions are measured.

    Times are epoch ms: `span` is from the first up to, not including, the second, None for no
    end; nothing from `end` on is read, nor more than so many `events`.
    """

    source: Dataset
    label_delay: int  # ms
    span: tuple[int, int | None]
    events: int | None
    unreported: float = 0.0  # share of the positives that are labelled as negative
    life: Life | None = None  # where one is played, nobody waits for the file's labels

    @property
    def end(self) -> int | None:
        """Where the labels of the span are known; None where that may be the file's end."""
        if self.life is not None:
            return self.span[1]
        if self.span[1] is None or self.source.known is not None:
            return None
        return self.span[1] + self.label_delay

    def rows(self) -> Iterator[Labelled]:
        """The events to play."""
        rows, end = iter(self.source), self.end
        if end is not None:
            rows = takewhile(lambda row: row.event.at < end, rows)
        return islice(rows, self.events)


class Choice(NamedTuple):
    """One of the models: the application with it, and the most labels that are one step."""

    application: Application
    chunk: int


def about(plan: Plan, application: Application) -> dict[str, str]:
    """What is replayed and how, for people."""
    return {
        "File": plan.source.name,
        **(_labels(plan, application) if plan.life is None else lived(plan.life, application)),
        "Partitions": str(application.partitions),
        "Scope of the models": application.scope,
        "Features": application.feature_set,
    }


def _labels(plan: Plan, application: Application) -> dict[str, str]:
    known, days = plan.source.known, plan.label_delay / DAY_MS
    later = f"{days:g} days later"
    return {
        "Labels known": f"at {known}, else {later}" if known else later,
        f"Share of {application.labels.word(1)} never reported": f"{plan.unreported:.0%}",
    }


def span_of(first: datetime | None, last: datetime | None) -> tuple[int, int | None]:
    """Epoch ms at which the measured days begin and end; 0 and None without a day."""
    begin = 0 if first is None else _midnight(first)
    end = None if last is None else _midnight(last) + DAY_MS
    if end is not None and end <= begin:
        raise typer.BadParameter(f"--to {last:%Y-%m-%d} lies before --from {first:%Y-%m-%d}")
    return begin, end


def choices(
    models: list[str] | None,
    partitions: int | None,
    scope: str | None,
    features: str | None,
) -> list[Choice]:
    """The application with each model, with that of the environment where none is named.

    Raises
    ------
    SettingsError
        A setting that cannot be used.
    """
    named = {"partitions": partitions, "model_scope": scope, "features": features}
    given = {name: value for name, value in named.items() if value is not None}
    names = list(dict.fromkeys(models or []))
    if not names:
        return [_choice(read_settings(**given))]
    return [_choice(read_settings(**given, model=name)) for name in names]


def _choice(settings: Settings) -> Choice:
    return Choice(load(settings), settings.chunk)


def _midnight(day: datetime) -> int:
    return round(day.replace(tzinfo=UTC).timestamp() * 1000)
