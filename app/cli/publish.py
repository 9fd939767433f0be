"""`weir publish`: a file's transactions, and their labels, to the configured broker."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from app.cli import sources
from app.cli.pace import rate_of
from app.cli.sentences import sentences
from app.settings import settings


def publish(
    data: Annotated[Path, typer.Argument(metavar="FILE", help="A .parquet, .csv or .jsonl file.")],
    rate: Annotated[str, typer.Option(help="Transactions a second, or max.")] = "max",
    labels: Annotated[
        bool, typer.Option("--labels", help="Publish the labels as well, when they fall due.")
    ] = False,
    label_delay: Annotated[
        str, typer.Option(help="After what event time the labels become known.")
    ] = "7d",
    events: Annotated[
        int | None, typer.Option(min=1, help="Stop after this many transactions.")
    ] = None,
) -> None:
    """Publish the transactions of a file to WEIR_BROKERS, until its end or Ctrl-C.

    The topics must exist: weir topics create. Nothing waits for decisions or learning: at
    full speed labels may overtake them. weir demo --data waits.
    """
    from app.cli.feed import Feed

    speed, delay = rate_of(rate), sources.duration(label_delay)
    with sentences():
        feed = Feed(settings(), sources.from_file(data, delay, events), labels)
        asyncio.run(feed.run(speed))
    typer.echo(f"Published {feed.transactions:,} transactions and {feed.labels:,} labels.")
