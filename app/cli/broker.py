"""`weir broker`: the development broker, or a cluster of them, until Ctrl-C."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.sentences import awaited, sentences


def broker(
    port: Annotated[
        int,
        typer.Option(help="Port of 127.0.0.1 that clients connect to; more nodes take the next."),
    ] = 9092,
    nodes: Annotated[
        int, typer.Option(min=1, help="Nodes; with three, topics can survive the loss of one.")
    ] = 1,
    directory: Annotated[
        Path | None,
        typer.Option(help="Where topics are kept; by default they are lost when the broker ends."),
    ] = None,
) -> None:
    """Run a real Apache Kafka for development, until Ctrl-C.

    The first start fetches it; later ones need no network.
    """
    with sentences():
        awaited(serve(port, nodes, directory))


async def serve(port: int, nodes: int, directory: Path | None) -> None:
    """Run nodes until SIGINT or SIGTERM; raise BrokerError when one ends by itself."""
    from asyncio import CancelledError

    from app.broker.broker import Broker
    from app.broker.cluster import Cluster
    from app.cli.tasks import cancel_on_signals

    cancel_on_signals()
    started = Broker(directory, port) if nodes == 1 else Cluster(nodes, directory, port)
    try:
        async with started as running:
            typer.echo(f"Kafka is ready at {running.bootstrap}; Ctrl-C ends it.")
            await running.wait()
    except CancelledError:
        typer.echo("Kafka has ended.")
