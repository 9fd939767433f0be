"""Brings a demo up and down: directory, broker, topics, workers, traffic, page."""

import asyncio
import errno
import logging
import shutil
import tempfile
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from app.apps import set_up
from app.broker.broker import Broker
from app.cli.demo.fleet import Fleet, choose_ports
from app.cli.demo.page import new_page
from app.cli.demo.play import Play
from app.cli.demo.tally import Tally
from app.cli.pace import Pace
from app.cli.tasks import cancel_on_signals, first
from app.cli.workload import Workload
from app.errors import BrokerError, WeirError
from app.runtime.writer import Writers
from app.serving.observe import observing
from app.serving.publish import Publisher
from app.settings import Settings, read_settings

STOP = 15.0  # seconds from SIGTERM to SIGKILL of a worker


class Options(NamedTuple):
    """How to run a demo; None stands for a free port or a temporary directory."""

    rate: float | None
    workers: int
    port: int | None
    web_port: int | None
    directory: Path | None
    fields: Path | None = None  # of the file's columns, where that is not the settings'

    def settings(self, **more: Any) -> Settings:
        """The settings of all that is started."""
        given = {} if self.fields is None else {"fields": str(self.fields)}
        return read_settings(replication=1, **given, **more)


async def run_demo(workload: Workload, options: Options) -> dict[str, Any]:
    """Run a demo until its traffic ends, or until SIGINT or SIGTERM; returns its summary.

    Raises
    ------
    WeirError
        Something did not start, or ended early; the sentence names its log.
    """
    cancel_on_signals()
    setup = set_up(options.settings())
    tally = Tally(setup.application, setup.topics, workload.flag)
    failure = None
    with workplace(options.directory) as directory:
        logging.basicConfig(filename=directory / "demo.log", level=logging.WARNING)
        # A signal, or aiokafka: closing a consumer whose broker is gone raises it as well.
        with suppress(asyncio.CancelledError):
            async with AsyncExitStack() as stack:
                failure = await attempt(play(stack, workload, options, tally, directory))
        if failure is not None:
            raise failure
    return tally.summary()


async def attempt(work: Coroutine[Any, Any, None]) -> WeirError | None:
    """The error that the work ended with, if any."""
    try:
        await work
    except WeirError as error:
        return error
    return None


async def play(
    stack: AsyncExitStack, workload: Workload, options: Options, tally: Tally, directory: Path
) -> None:
    """Everything between an empty directory and the end of the traffic."""
    page, ports = new_page(tally), choose_ports(options.workers, options.web_port)
    page.say("Starting Kafka ...")
    broker = await stack.enter_async_context(Broker(directory / "kafka", options.port))
    setup = set_up(options.settings(brokers=broker.bootstrap))
    await setup.create_topics()
    page.say(f"Kafka is ready at {broker.bootstrap}. Starting {options.workers} worker(s) ...")
    observer = await stack.enter_async_context(observing(setup, *tally.topics))
    fleet = Fleet(setup.settings, ports, directory)
    await fleet.start()
    stack.push_async_callback(dismiss, fleet, broker)
    await first(fleet.ready(), fleet.watch(), broker.wait())
    writers = Writers(broker.bootstrap)
    await writers.start()
    stack.push_async_callback(disconnect, writers, broker)
    page.say(f"Playing {workload.name}. Web views: {fleet.members[0].url}")
    tally.begin(fleet.cpu_seconds)
    stack.callback(tally.end)
    playing = Play(Publisher(setup, writers), observer, fleet, tally)
    await first(
        playing.run(workload.hours, Pace(options.rate)),
        playing.watch(),
        page.refresh(),
        fleet.watch(),
        broker.wait(),
    )


async def dismiss(fleet: Fleet, broker: Broker) -> None:
    """End the workers; without a broker there is nothing that they could hand over."""
    await fleet.stop(STOP if broker.running else 0.0)


async def disconnect(writers: Writers, broker: Broker) -> None:
    """Write out what is queued, unless the broker has ended."""
    if broker.running:
        await writers.stop()


@contextmanager
def workplace(given: Path | None) -> Iterator[Path]:
    """A directory for one run.

    A temporary one is removed at the end; after a failure its logs stay, because the
    error's sentence names them.
    """
    try:
        directory = empty(given)
    except OSError as error:
        place = given or tempfile.gettempdir()
        raise BrokerError(f"the demo cannot use {place}: {error.strerror}") from None
    try:
        yield directory
    except WeirError:
        remove_data(directory)
        raise
    except OSError as error:
        raise BrokerError(f"the demo cannot use {directory}: {error.strerror}") from None
    if given is None:
        shutil.rmtree(directory)


def empty(given: Path | None) -> Path:
    """The directory, made if need be. Raises OSError when it cannot be used."""
    if given is None:
        return Path(tempfile.mkdtemp(prefix="weir-demo-"))
    given.mkdir(parents=True, exist_ok=True)
    if any(given.iterdir()):
        raise OSError(errno.ENOTEMPTY, "it is not empty, and a demo begins from nothing")
    return given.resolve()


def remove_data(directory: Path) -> None:
    """Leave nothing but the logs."""
    for folder in (directory / "kafka" / "data", *directory.glob("worker-*/")):
        shutil.rmtree(folder, ignore_errors=True)
