"""`weir simulate`: simulated traffic and its labels, to the configured broker."""

from typing import Annotated

import typer

from app.cli import chosen
from app.cli.arguments import rate_of
from app.cli.sentences import awaited, sentences


def simulate(
    rate: Annotated[str, typer.Option(help="Events a second, or max.")] = "400",
    events: Annotated[int | None, typer.Option(min=1, help="Stop after this many events.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same traffic.")] = 1,
    drift: Annotated[
        bool, typer.Option("--drift", help="Let habits and frauds change over the weeks.")
    ] = False,
) -> None:
    """Publish simulated events and labels to WEIR_BROKERS, until Ctrl-C.

    The topics must exist: weir topics create. Analysts answer what comes up in the review
    topic; chargebacks come days of event time later. Event time runs faster than the clock.
    Ids are the same for the same seed: take another one to publish to the same topics again.
    """
    from app.cli import workload
    from app.cli.feed import Feed

    speed = rate_of(rate)
    with sentences():
        setup = chosen.setup()
        feed = Feed(setup, workload.simulated(setup.application, seed, events, drift))
        awaited(feed.run(speed))
    typer.echo(f"Published {feed.events:,} {setup.application.events} and {feed.labels:,} labels.")
