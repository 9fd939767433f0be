"""The command line: one command a file, registered here.

Commands import what they need when they run: the help, and a replay, load no Kafka client.
"""

import logging

import typer

from app.cli.acls import acls
from app.cli.broker import broker
from app.cli.dead_letters import dead_letters
from app.cli.demo import demo
from app.cli.features import features
from app.cli.inspect import inspects
from app.cli.label import label
from app.cli.model import model
from app.cli.publish import publish
from app.cli.replay import replay
from app.cli.simulate import simulate
from app.cli.state import state
from app.cli.topics import topics
from app.cli.worker import worker

cli = typer.Typer(
    name="weir",
    help="Judges events on Kafka, such as card transactions, and learns from every answer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
cli.command()(demo)
cli.command()(broker)
cli.add_typer(topics, name="topics")
cli.command()(worker)
cli.command()(simulate)
cli.command("inspect")(inspects)
cli.command()(publish)
cli.command()(replay)
cli.command()(label)
cli.command()(acls)
cli.command()(state)
cli.add_typer(features, name="features")
cli.add_typer(model, name="model")
cli.add_typer(dead_letters, name="dead-letters")


def main() -> None:
    """Entry point of the console script."""
    # Commands say in a sentence what went wrong; only a worker, which sets up logging, logs it.
    logging.getLogger("aiokafka").addHandler(logging.NullHandler())
    cli()
