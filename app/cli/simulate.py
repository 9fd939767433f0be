"""`weir simulate`: traffic with fraud in it, and its labels, to the configured broker."""

import asyncio
from typing import Annotated

import typer

from app.cli import sources
from app.cli.pace import rate_of
from app.cli.sentences import sentences
from app.settings import settings


def simulate(
    rate: Annotated[str, typer.Option(help="Transactions a second, or max.")] = "400",
    events: Annotated[
        int | None, typer.Option(min=1, help="Stop after this many transactions.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same traffic.")] = 1,
    drift: Annotated[
        bool, typer.Option("--drift", help="Let habits and frauds move over the weeks.")
    ] = False,
) -> None:
    """Publish simulated transactions and labels to WEIR_BROKERS, until Ctrl-C.

    The topics must exist: weir topics create. Analysts answer what comes up in the review
    topic; chargebacks come days of event time later. Event time runs faster than the clock.
    Transactions keep their ids: take another seed to publish to the same topics again.
    """
    from app.cli.feed import Feed

    speed = rate_of(rate)
    with sentences():
        feed = Feed(settings(), sources.simulated(seed, events, drift))
        asyncio.run(feed.run(speed))
    typer.echo(f"Published {feed.transactions:,} transactions and {feed.labels:,} labels.")
