"""`weir label --file`: a file's labels, to the configured broker."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

import typer

from app.cli import chosen
from app.cli.mapping import line
from app.cli.sentences import awaited
from app.cli.tables import drawn
from app.cli.tasks import cancel_on_signals
from app.core.messages import Feedback
from app.data.label_file import LabelFile, open_labels
from app.data.options import FileOptions
from app.errors import DataError
from app.serving.setup import Setup
from app.wire import encode

AT_ONCE = 1000  # labels that are sent before they are waited for
SHOWN = 5


def publish_file(path: Path, options: FileOptions, usual: Mapping[str, str], dry_run: bool) -> None:
    """Publish the labels of a file, or show them, and say how many there were.

    Raises
    ------
    DataError
        A row is no label; everything before it is published.
    BrokerError, TopicsError
        No broker answers, or the topics are missing or of another shape.
    """
    if dry_run:
        show(open_labels(chosen.application(), path, options, usual))
        return
    setup = chosen.setup()
    labels = open_labels(setup.application, path, options, usual)
    feed = LabelFeed(labels)
    try:
        awaited(feed.run(setup))
    except DataError as error:
        raise DataError(
            f"{error}\nPublished {feed.labels:,} labels. Mend the row, or leave out all such "
            "rows with --skip-bad, and publish the file again: a label counts once."
        ) from None
    for note in labels.notes():
        typer.echo(note)
    more = " Publish the file again to go on: a label counts once." if feed.interrupted else ""
    typer.echo(f"Published {feed.labels:,} labels.{more}")


class LabelFeed:
    """Labels on their way to the configured broker, and how many have been acknowledged."""

    def __init__(self, file: Iterable[Feedback]) -> None:
        self.file, self.labels = file, 0
        self.interrupted = True  # until all of them are published

    async def run(self, setup: Setup) -> None:
        """Publish until the file ends, or until SIGINT or SIGTERM."""
        from app.runtime.writer import Writers
        from app.serving.publish import Publisher

        logging.basicConfig(level=logging.CRITICAL, format="weir: %(message)s")
        cancel_on_signals()
        with suppress(asyncio.CancelledError):
            await setup.check_topics()
            writers = Writers(setup.settings.brokers)
            await writers.start()
            try:
                await self.publish(Publisher(setup, writers).labels, writers.flush)
            finally:
                await writers.stop()

    async def publish(
        self,
        send: Callable[[Sequence[Feedback]], None],
        acknowledged: Callable[[], Awaitable[None]],
    ) -> None:
        """Publish piece by piece, each once the one before is acknowledged.

        Those before a row that cannot be used are published before it is told.
        """
        labels, failure = iter(self.file), None
        while failure is None:
            piece, failure = _piece(labels)
            if not piece:
                break
            send(piece)
            await acknowledged()
            self.labels += len(piece)
        if failure is not None:
            raise failure
        self.interrupted = False


def _piece(labels: Iterator[Feedback]) -> tuple[list[Feedback], DataError | None]:
    """The next labels, and what is wrong with the row behind them if it cannot be used."""
    piece: list[Feedback] = []
    try:
        for said in islice(labels, AT_ONCE):
            piece.append(said)
    except DataError as error:
        return piece, error
    return piece, None


def show(labels: LabelFile) -> None:
    """Print a file's mapping, and its first labels as they would be sent."""
    from rich.console import Console

    rows = labels.sample(SHOWN)
    console = Console()
    console.print(drawn(labels.path.name, {"Format": labels.table.told}))
    console.print(drawn("Mapping", [("field", "from", "how"), *labels.mapping()]))
    for said in rows:
        line(encode(said).decode())
    for note in labels.notes():
        line(note)
    line("Nothing was sent.")
