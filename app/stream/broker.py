"""The development broker: a real single-node Apache Kafka (KRaft) as a child process."""

import asyncio
import fcntl
import os
import shutil
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from app.errors import BrokerError
from app.stream.child import Child
from app.stream.jars import cache, provide, read_lock
from app.stream.java import find_java
from app.stream.kraft import JVM, PORT_TAKEN, explain, server_properties
from app.stream.ports import HOST, choose_ports
from app.stream.ready import until_ready

ATTEMPTS = 3  # starts, when another process takes a port that was free
READY = 30.0  # seconds until it must serve a consumer group
STOP = 10.0  # seconds from SIGTERM to SIGKILL
CONFIGURATION = "server.properties"


class Broker:
    """A single-node Apache Kafka for development and tests.

    It listens on the loopback address only, logs errors to `log`, and ends when the process that
    started it ends, however that happens. It belongs to no event loop.

    Parameters
    ----------
    directory: its data and its log; None for a temporary one, removed by `stop`.
    port: of clients; None for a free one, kept over restarts.
    properties: server properties that are added to, or replace, those of `kraft.PROPERTIES`.

    Examples
    --------
    async with Broker() as broker:
        producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap)
    """

    def __init__(
        self,
        directory: Path | None = None,
        port: int | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        self.port = port
        self._given = directory
        self._added = dict(properties or {})
        self._directory: Path | None = None
        self._java: list[str] = []
        self._child: Child | None = None
        self._lock: int | None = None
        self._log_start = 0

    @property
    def bootstrap(self) -> str:
        """Its address for clients, host:port."""
        return f"{HOST}:{self.port}"

    @property
    def directory(self) -> Path:
        """Where its data and its log are, from `start` on."""
        if self._directory is None:
            raise BrokerError("The broker has not been started.")
        return self._directory

    @property
    def log(self) -> Path:
        """File with its errors, over all its starts."""
        return self.directory / "broker.log"

    @property
    def pid(self) -> int:
        """Its process id, also after it has ended."""
        if self._child is None:
            raise BrokerError("The broker has not been started.")
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    async def start(self) -> None:
        """Fetch it if need be, start it, and return once it serves a consumer group.

        Raises
        ------
        BrokerError
            One sentence: no Java, no jars, no port, no disk, or what its log says.
        """
        jars = await provide(read_lock(), cache())
        self._java = [find_java(), *JVM, "-cp", os.pathsep.join(map(str, jars))]
        try:
            self._directory = make_directory(self._given)
            self._lock = lock(self._directory)
            await self._launch()
        except BaseException as error:
            self._release(keep_log=isinstance(error, BrokerError))
            if isinstance(error, OSError):
                place = self._directory or self._given or tempfile.gettempdir()
                raise BrokerError(f"The broker cannot use {place}: {error.strerror}.") from None
            raise

    async def stop(self) -> None:
        """End it (SIGTERM, after 10 s SIGKILL) and remove its directory if that was temporary."""
        try:
            if self._child is not None:
                await self._child.stop(STOP)
        finally:
            self._release()

    def kill(self) -> None:
        """End it at once (SIGKILL), as a power cut would; `restart` brings it back."""
        if self._child is not None:
            self._child.kill()

    async def restart(self) -> None:
        """End it unless it has ended, and start it on the same port with the same data."""
        if self._child is not None:
            await self._child.stop(STOP)
        await self._launch()

    async def wait(self) -> None:
        """Return never: raise when it ends by itself."""
        if self._child is not None:
            await self._child.wait()
        raise self._failure("ended")

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def _launch(self) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            port, controller = choose_ports(self.port)
            self._configure(port, controller)
            try:
                await self._format()
                await self._run(port)
            except BrokerError:
                if self.port or attempt == ATTEMPTS or PORT_TAKEN not in self._errors():
                    raise
            else:
                self.port = port
                return

    def _configure(self, port: int, controller: int) -> None:
        text = server_properties(port, controller, self._added)
        (self.directory / CONFIGURATION).write_text(text)
        self.log.touch()
        self._log_start = self.log.stat().st_size

    async def _format(self) -> None:
        """Make the data directory, once: a second or two."""
        if (self.directory / "data" / "meta.properties").exists():
            return
        cluster = urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")
        tool = self._spawn(
            "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", CONFIGURATION
        )
        try:
            async with asyncio.timeout(READY):
                status = await tool.wait()
        except TimeoutError:
            raise self._failure(f"did not format its directory within {READY:.0f} s") from None
        finally:
            tool.kill()
        if status:
            raise self._failure("could not format its directory")

    async def _run(self, port: int) -> None:
        self._child = self._spawn("kafka.Kafka", CONFIGURATION)
        ended = asyncio.create_task(self._child.wait())
        ready = asyncio.create_task(until_ready(HOST, port))
        try:
            await asyncio.wait({ended, ready}, timeout=READY, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                raise self._failure("ended before it was ready")
            if not ready.done():
                raise self._failure(f"did not serve a consumer group within {READY:.0f} s")
            ready.result()
        except BaseException:
            self._child.kill()
            raise
        finally:
            ended.cancel()
            ready.cancel()
            await asyncio.gather(ended, ready, return_exceptions=True)

    def _spawn(self, *command: str) -> Child:
        return Child([*self._java, *command], self.directory, self.log)

    def _errors(self) -> str:
        """What its log holds since the last start."""
        return self.log.read_bytes()[self._log_start :].decode(errors="replace")

    def _failure(self, what: str) -> BrokerError:
        return BrokerError(f"The broker {what}: {explain(self._errors())} (log: {self.log}).")

    def _release(self, keep_log: bool = False) -> None:
        """Give the directory free, and remove it if it is temporary."""
        if self._lock is None:
            return
        os.close(self._lock)
        self._lock = None
        if self._given is None:
            told = keep_log and self.log.exists()
            shutil.rmtree(self.directory / "data" if told else self.directory, ignore_errors=True)


def make_directory(given: Path | None) -> Path:
    if given is None:
        return Path(tempfile.mkdtemp(prefix="weir-broker-"))
    given.mkdir(parents=True, exist_ok=True)
    return given.resolve()


def lock(directory: Path) -> int:
    """Keep others off the directory: Kafka's own lock comes after it has touched the metadata."""
    held = os.open(directory / "lock", os.O_CREAT | os.O_RDWR, 0o644)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        raise BrokerError(f"The broker cannot use {directory}: another one does.") from None
    return held
