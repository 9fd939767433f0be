"""`weir topics`: make the topics that the settings describe, or check them."""

import asyncio
from typing import Annotated

import typer

from app.cli.sentences import sentences
from app.cli.sources import duration
from app.settings import settings

topics = typer.Typer(help="The topics of these settings.", no_args_is_help=True)


@topics.command()
def create(
    wait: Annotated[str, typer.Option(help="How long to wait for a broker, e.g. 60s.")] = "0s",
) -> None:
    """Create the topics that are missing; those that exist are checked and left alone."""
    from app.runtime import topics as on_kafka

    with sentences():
        patience = duration(wait)
        created = asyncio.run(on_kafka.create(settings(), patience))
    for name in created:
        typer.echo(f"created {name}")
    if not created:
        typer.echo("all topics exist")


@topics.command()
def check() -> None:
    """Fail unless every topic exists with the partitions that the settings give."""
    from app.runtime import topics as on_kafka

    with sentences():
        asyncio.run(on_kafka.check(settings()))
    typer.echo("all topics are as they should be")
