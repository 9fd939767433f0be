"""What the options of `weir replay` mean."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice, takewhile
from typing import NamedTuple

import typer

from app.data.rows import Labelled
from app.settings import Settings, read_settings
from app.streams.fraud.files import Dataset

DAY_MS = 86_400_000


class Plan(NamedTuple):
    """What is read, when labels become known, and which decisions are measured.

    Times are epoch ms: `span` is from the first up to, not including, the second, None for no
    end; nothing from `end` on is read, nor more than so many `events`.
    """

    source: Dataset
    label_delay: int  # ms
    span: tuple[int, int | None]
    events: int | None
    unreported: float = 0.0  # share of the frauds that are labelled as legitimate

    @property
    def end(self) -> int | None:
        """Where the labels of the span are known; None where only the file's end tells."""
        if self.span[1] is None or self.source.shape.known is not None:
            return None
        return self.span[1] + self.label_delay

    def rows(self) -> Iterator[Labelled]:
        """The transactions to play."""
        rows, end = iter(self.source), self.end
        if end is not None:
            rows = takewhile(lambda row: row.tx.at < end, rows)
        return islice(rows, self.events)


def about(plan: Plan, settings: Settings) -> dict[str, str]:
    """What is replayed and how, for people."""
    known = plan.source.shape.known
    days = plan.label_delay / DAY_MS
    return {
        "File": plan.source.name,
        "Labels known": f"at {known}, else {days:g} days later"
        if known
        else f"{days:g} days later",
        "Frauds that nobody reports": f"{plan.unreported:.0%}",
        "Partitions": str(settings.partitions),
        "Scope of the models": settings.model_scope,
        "Features": settings.features,
    }


def columns_of(text: str | None) -> dict[str, str]:
    """Column by field of FIELD=COLUMN,...

    >>> columns_of("id=TX ID,at=TIME")
    {'id': 'TX ID', 'at': 'TIME'}
    """
    mapping: dict[str, str] = {}
    for item in text.split(",") if text else []:
        field, _, column = (part.strip() for part in item.partition("="))
        if not field or not column or field in mapping:
            raise typer.BadParameter(f"{item!r} in --columns is not one FIELD=COLUMN for a field")
        mapping[field] = column
    return mapping


def span_of(first: datetime | None, last: datetime | None) -> tuple[int, int | None]:
    """Epoch ms at which the measured days begin and end; 0 and None without a day."""
    begin = 0 if first is None else _midnight(first)
    end = None if last is None else _midnight(last) + DAY_MS
    if end is not None and end <= begin:
        raise typer.BadParameter(f"--to {last:%Y-%m-%d} lies before --from {first:%Y-%m-%d}")
    return begin, end


def settings_of(
    models: list[str] | None,
    partitions: int | None,
    scope: str | None,
    features: str | None,
) -> list[Settings]:
    """The settings for each model, the environment's one where none is named.

    Raises
    ------
    SettingsError
        A setting that cannot be used.
    """
    chosen = {"partitions": partitions, "model_scope": scope, "features": features}
    given = {name: value for name, value in chosen.items() if value is not None}
    names = list(dict.fromkeys(models or []))
    if not names:
        return [read_settings(**given)]
    return [read_settings(**given, model=name) for name in names]


def _midnight(day: datetime) -> int:
    return round(day.replace(tzinfo=UTC).timestamp() * 1000)
