"""`weir broker`: the development broker, or a cluster of them, until Ctrl-C."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer

from app.errors import WeirError


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
        typer.Option(help="Where topics are kept; without it they are gone when the broker ends."),
    ] = None,
) -> None:
    """Run a real Apache Kafka for development, until Ctrl-C.

    The first start fetches it; later ones need no network.
    """
    try:
        asyncio.run(serve(port, nodes, directory))
    except WeirError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


async def serve(port: int, nodes: int, directory: Path | None) -> None:
    """Run nodes until SIGINT or SIGTERM; raise BrokerError when one ends by itself."""
    from app.broker.broker import Broker  # 0.2 s that `weir --help` saves
    from app.broker.cluster import Cluster

    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    started = Broker(directory, port) if nodes == 1 else Cluster(nodes, directory, port)
    try:
        async with started as running:
            typer.echo(f"Kafka is ready at {running.bootstrap}; Ctrl-C ends it.")
            await running.wait()
    except asyncio.CancelledError:
        typer.echo("Kafka has ended.")
