"""The development broker's jars: fetched once, checked against the lock at every start."""

import asyncio
import hashlib
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import platformdirs
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from app.errors import BrokerError
from app.settings import settings

if TYPE_CHECKING:
    from aiohttp import ClientSession

KAFKA = "4.3.1"
LOCK = Path(__file__).with_name("jars.lock")
AT_ONCE = 8  # parallel downloads
ATTEMPTS = 3
STALLED = 30.0  # seconds without data after which an attempt is given up


class Jar(NamedTuple):
    """One line of the lock."""

    sha256: str
    size: int  # bytes
    path: str  # in a Maven repository

    @property
    def name(self) -> str:
        """The file name."""
        return self.path.rpartition("/")[2]

    def fits(self, file: Path) -> bool:
        """Whether the file exists and is this jar, byte for byte."""
        try:
            if file.stat().st_size != self.size:
                return False
            with file.open("rb") as content:
                return hashlib.file_digest(content, "sha256").hexdigest() == self.sha256
        except FileNotFoundError:
            return False


def read_lock(lock: Path = LOCK) -> list[Jar]:
    """The jars that the broker needs, in class path order."""
    lines = (line.split() for line in lock.read_text().splitlines() if not line.startswith("#"))
    return [Jar(sha256, int(size), path) for sha256, size, path in lines]


def cache() -> Path:
    """The directory where fetched jars are kept for the next start."""
    return platformdirs.user_cache_path("weir") / f"kafka-{KAFKA}"


def repository() -> str:
    """The URL of the Maven repository: WEIR_MAVEN_URL if set, otherwise Maven Central."""
    if settings().maven_url:
        return settings().maven_url
    try:
        from jgo.constants import MAVEN_CENTRAL_URL
    except ImportError:
        raise BrokerError(
            "The development broker needs the package extra weir[broker], or WEIR_MAVEN_URL."
        ) from None
    return str(MAVEN_CENTRAL_URL)


async def provide(jars: Sequence[Jar], directory: Path) -> list[Path]:
    """Make sure that `directory` holds every jar; fetch those that are missing or damaged.

    All of them are hashed each time (0.1 s for 45 MB), so a damaged cache is repaired. Several
    processes may do this at the same time.

    Returns
    -------
    The files, in the order of `jars`.

    Raises
    ------
    BrokerError
        The directory cannot be written, or a jar cannot be fetched or does not match the lock.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        missing = [jar for jar in jars if not jar.fits(directory / jar.name)]
        if missing:
            await fetch(missing, directory, repository())
    except OSError as error:
        raise BrokerError(
            f"The broker's jars cannot be stored in {directory}: {error.strerror or error}."
        ) from None
    return [directory / jar.name for jar in jars]


async def fetch(jars: Sequence[Jar], directory: Path, url: str) -> None:
    """Fetch jars from the Maven repository at `url` in parallel, with a progress bar on stderr."""
    from aiohttp import ClientSession, ClientTimeout  # takes 0.1 s, avoided on a warm start

    async def one(jar: Jar) -> None:
        async with turns:
            store(jar, await download(session, jar, url), directory)
        bar.advance(task, jar.size)

    turns = asyncio.Semaphore(AT_ONCE)
    timeout = ClientTimeout(total=None, sock_connect=STALLED, sock_read=STALLED)
    columns = (TextColumn("Apache Kafka " + KAFKA), BarColumn(), DownloadColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=sum(jar.size for jar in jars))
        async with ClientSession(timeout=timeout, trust_env=True) as session:
            try:
                async with asyncio.TaskGroup() as group:
                    for jar in jars:
                        group.create_task(one(jar))
            except ExceptionGroup as failed:
                raise failed.exceptions[0] from None


async def download(session: "ClientSession", jar: Jar, url: str) -> bytes:
    """The content of a jar in the repository, cut off one byte after the size in the lock."""
    from aiohttp import ClientError

    for _ in range(ATTEMPTS):
        try:
            async with session.get(f"{url.rstrip('/')}/{jar.path}") as response:
                response.raise_for_status()
                content = bytearray()
                async for block in response.content.iter_any():
                    content += block[: jar.size + 1 - len(content)]
                return bytes(content)
        except (ClientError, TimeoutError) as error:
            reason = getattr(error, "message", "") or str(error) or "no answer"
    raise BrokerError(
        f"The broker's {jar.name} is not in the cache and cannot be fetched from {url} ({reason}); "
        "the first start needs the network, or WEIR_MAVEN_URL set to a reachable repository."
    )


def store(jar: Jar, content: bytes, directory: Path) -> None:
    """Put a jar into the cache atomically; refuse one that does not match the lock."""
    found = hashlib.sha256(content).hexdigest()
    if found != jar.sha256:
        raise BrokerError(
            f"The fetched {jar.name} does not match the lock (sha256 {found}, expected "
            f"{jar.sha256}); it was discarded."
        )
    part = directory / f"{jar.name}.{secrets.token_hex(4)}.part"
    try:
        part.write_bytes(content)
        part.replace(directory / jar.name)
    finally:
        part.unlink(missing_ok=True)
