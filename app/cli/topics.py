"""`weir topics`: make the topics that the settings describe, check them, look for strangers."""

from typing import Annotated

import typer

from app.cli import chosen
from app.cli.arguments import duration
from app.cli.sentences import awaited, sentences
from app.cli.strangers import verify

topics = typer.Typer(help="The topics of these settings.", no_args_is_help=True)


@topics.command()
def create(
    wait: Annotated[str, typer.Option(help="How long to wait for a broker, e.g. 60s.")] = "0s",
) -> None:
    """Create the topics that are missing; those that exist are left alone.

    Where one has other partitions than the settings say, nothing is created.
    """
    patience = duration(wait, "--wait")
    with sentences():
        created = awaited(chosen.setup().create_topics(patience))
    for name in created:
        typer.echo(f"created {name}")
    if not created:
        typer.echo("all topics exist")


@topics.command()
def check() -> None:
    """Fail unless every topic exists with the partitions of the settings; warn of settings."""
    with sentences():
        setup = chosen.setup()
        awaited(setup.check_topics())
        wrong = awaited(setup.wrong_settings())
    for sentence in wrong:
        typer.echo(f"warning: {sentence}")
    if not wrong:
        typer.echo("all topics are as they should be")


topics.command()(verify)
