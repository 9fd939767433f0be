"""`weir publish`: a file's events, and their labels, to the configured broker."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import chosen
from app.cli.arguments import duration, rate_of
from app.cli.file_options import reads_files
from app.cli.sentences import awaited, sentences
from app.errors import DataError

if TYPE_CHECKING:
    from app.cli.feed import Feed
    from app.data.options import FileOptions
    from app.serving.setup import Setup

ADVICE = "Mend the row first, or leave out all such rows with --skip-bad."


@reads_files
def publish(
    reading: "FileOptions",
    data: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A .csv, .jsonl or .parquet file."),
    ],
    rate: Annotated[str, typer.Option(help="Events a second, or max.")] = "max",
    labels: Annotated[
        bool, typer.Option("--labels", help="Publish the labels as well, when they fall due.")
    ] = False,
    label_delay: Annotated[
        str, typer.Option(help="After what event time the labels become known.")
    ] = "7d",
    events: Annotated[int | None, typer.Option(min=1, help="Stop after this many events.")] = None,
    after: Annotated[
        int, typer.Option(min=0, help="Go on after so many events that were published before.")
    ] = 0,
) -> None:
    """Publish the events of a file to WEIR_BROKERS, until its end or Ctrl-C.

    The topics must exist: weir topics create. Nothing waits for decisions or learning: at
    full speed labels may overtake them. weir demo --data waits.
    """
    from app.cli import workload
    from app.cli.feed import Feed

    speed, delay = rate_of(rate), duration(label_delay, "--label-delay")
    with sentences():
        setup = chosen.setup(reading.fields)
        traffic = workload.from_file(setup.application, data, delay, events, reading, after)
        feed = Feed(setup, traffic, labels)
        try:
            awaited(feed.run(speed))
        except DataError as error:
            raise DataError(f"{error}\n{told(feed, setup, after)} {ADVICE}") from None
    for note in traffic.notes():
        typer.echo(note)
    typer.echo(told(feed, setup, after if feed.interrupted else None))


def told(feed: "Feed", setup: "Setup", after: int | None) -> str:
    """What was published, and how to go on where that was not all; None: it was."""
    said = f"Published {feed.events:,} {setup.application.events} and {feed.labels:,} labels."
    return said if after is None else f"{said} --after {after + feed.events} goes on behind them."
