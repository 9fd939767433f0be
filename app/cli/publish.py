"""`weir publish`: a file's events, and their labels, to the configured broker."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli import chosen
from app.cli.arguments import duration, rate_of
from app.cli.sentences import awaited, sentences


def publish(
    data: Annotated[Path, typer.Argument(metavar="FILE", help="A .parquet, .csv or .jsonl file.")],
    rate: Annotated[str, typer.Option(help="Events a second, or max.")] = "max",
    labels: Annotated[
        bool, typer.Option("--labels", help="Publish the labels as well, when they fall due.")
    ] = False,
    label_delay: Annotated[
        str, typer.Option(help="After what event time the labels become known.")
    ] = "7d",
    events: Annotated[int | None, typer.Option(min=1, help="Stop after this many events.")] = None,
) -> None:
    """Publish the events of a file to WEIR_BROKERS, until its end or Ctrl-C.

    The topics must exist: weir topics create. Nothing waits for decisions or learning: at
    full speed labels may overtake them. weir demo --data waits.
    """
    from app.cli import workload
    from app.cli.feed import Feed

    speed, delay = rate_of(rate), duration(label_delay)
    with sentences():
        setup = chosen.setup()
        traffic = workload.from_file(setup.application, data, delay, events)
        feed = Feed(setup, traffic, labels)
        awaited(feed.run(speed))
    typer.echo(f"Published {feed.events:,} {setup.application.events} and {feed.labels:,} labels.")
