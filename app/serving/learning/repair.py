"""Repairing the models: what commands write so that all workers act at one offset of the log."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import cast

import msgspec
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from app.core.bundle import pin
from app.core.entries import Unknown
from app.core.manifest import signature
from app.core.messages import Restore, Skip
from app.core.snapshot import Snapshot, assemble, resolver, verify
from app.errors import BrokerError, Refused, SnapshotError
from app.runtime.changelog import Changelog
from app.runtime.reading import bounds, reader, stretch
from app.runtime.topics.shapes import MODELS
from app.runtime.writer import Out, Writers
from app.serving.learning.skips import Skips
from app.serving.setup import Setup
from app.wire import encode

WITHIN = 120.0  # seconds for a whole snapshot


async def snapshots(setup: Setup) -> list[tuple[Snapshot, bool]]:
    """The snapshots in the models changelog and whether they are pinned, newest first."""
    records = await _stored(setup)
    found = [
        (snapshot, pinned)
        for pinned in (False, True)
        for snapshot in assemble(records.items(), pinned)
    ]
    return sorted(found, key=lambda pair: pair[0].version, reverse=True)


def choose(found: Iterable[tuple[Snapshot, bool]], name: str) -> Snapshot:
    """The snapshot with this version, or with a digest that begins with this name.

    Raises
    ------
    SnapshotError
        None matches, or several do.
    """
    meant = {
        snapshot.digest: snapshot
        for snapshot, _ in found
        if name in (str(snapshot.version), snapshot.digest[: max(len(name), 6)])
    }
    if not meant:
        raise SnapshotError(
            f"no snapshot {name} is stored; weir model list shows those that are, and "
            "weir model rebuild --through makes one of any version"
        )
    if len(meant) > 1:
        raise SnapshotError(f"several snapshots match {name}: give the digest")
    return meant.popitem()[1]


def check_usable(snapshot: Snapshot, setup: Setup) -> None:
    """Raise SnapshotError unless a snapshot is whole, fits the settings, signed as they say."""
    verify(snapshot, setup.application.identity)
    keys = setup.settings.signing_keys
    if keys and (found := signature(snapshot.manifest, keys)) != "good":
        raise SnapshotError(
            f"snapshot {snapshot.version} is not signed with a key of WEIR_SNAPSHOT_KEYS: {found}"
        )


async def announce(setup: Setup, records: Iterable[tuple[bytes, bytes]], entry: Restore) -> int:
    """Pin the records of a snapshot, then append the restore that names it; its offset.

    Each is acknowledged before the next is written, so no worker has to wait for long.

    Raises
    ------
    TopicsError, BrokerError
        The topics are missing, or no broker answers.
    """
    async with _writing(setup, "restore") as writers:
        pinned = [Out(key, value) for key, value in pin(records)]
        await writers(setup.topics.changelogs[MODELS], 0).put(pinned).acked
        return await _append(writers, setup.topics.examples, encode(entry))


async def leave_out(setup: Setup, entry: Skip) -> int:
    """Append a skip; its offset. Raises TopicsError and BrokerError as `announce`."""
    async with _writing(setup, "skip") as writers:
        return await _append(writers, setup.topics.examples, encode(entry))


@asynccontextmanager
async def _writing(setup: Setup, what: str) -> AsyncIterator[Writers]:
    await setup.check_topics()
    writers = Writers(setup.settings.brokers)
    try:
        await writers.start()
        async with asyncio.timeout(WITHIN):
            yield writers
    except (KafkaError, TimeoutError) as error:
        raise BrokerError(
            f"{setup.settings.brokers} did not accept the {what}: {error!r}"
        ) from None
    finally:
        await writers.stop()


async def _append(writers: Writers, topic: str, value: bytes) -> int:
    landed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    writers(topic, 0).put([Out(None, value)], lambda base, _: landed.set_result(base))
    return await landed


def restore_of(
    setup: Setup, version: int, digest: str, id: str, at: int, actor: str, reason: str
) -> Restore:
    """The entry that restores a snapshot's models. Raises Refused when a text is too long."""
    wanted = setup.application.identity
    entry = Restore(
        id=id,
        version=version,
        digest=digest,
        model=wanted.model,
        features=wanted.features,
        at=at,
        actor=actor,
        reason=reason,
    )
    try:
        setup.application.read_entry(
            encode(entry)
        )  # an entry that cannot be read would end every worker
    except msgspec.ValidationError as error:
        raise Refused(f"the restore cannot be written: {error}") from None
    return entry


async def stuck_at(setup: Setup, offset: int) -> Unknown | Restore:
    """The entry at an offset of the examples log at which workers stop, or wait for good.

    It is of an unknown kind, or a restore whose snapshot is not stored or cannot be used.

    Raises
    ------
    Refused
        There is none, it is left out already, or it is one that workers fold or pass over.
    """
    record = await _record_at(setup, offset)
    found = setup.application.sift(record.value, offset, record.timestamp)
    lost = isinstance(found, Restore) and await _lacks_snapshot(setup, found)
    if not (lost or isinstance(found, Unknown)):
        raise Refused(
            f"example {offset} is not of an unknown kind: all workers fold it, or pass it over "
            "as foreign, without a skip"
        )
    if await Skips(setup).name(offset):
        raise Refused(f"example {offset} is left out already")
    return cast(Unknown | Restore, found)


async def _lacks_snapshot(setup: Setup, restore: Restore) -> bool:
    """Whether workers wait for a restore's snapshot for good: it is not stored, or of no use."""
    identity = setup.application.identity
    if (restore.model, restore.features) != (identity.model, identity.features):
        return False  # it has no effect
    records = await _stored(setup)
    try:
        resolver(records, identity)(restore)
    except SnapshotError:
        return True
    return False


async def _stored(setup: Setup) -> dict[bytes, bytes]:
    """What the models changelog holds."""
    models = TopicPartition(setup.topics.changelogs[MODELS], 0)
    async with reader(setup.settings.brokers, models) as consumer:
        return await Changelog(consumer, models, bool).read()


async def _record_at(setup: Setup, offset: int) -> ConsumerRecord:
    examples = TopicPartition(setup.topics.examples, 0)
    async with reader(setup.settings.brokers, examples) as consumer:
        begin, end = await bounds(consumer, examples)
        if begin <= offset < end:
            async for records in stretch(consumer, examples, offset, offset + 1):
                return records[0]
    raise Refused(
        f"{examples.topic} has no entry at offset {offset}: it holds {begin} to {end - 1}"
    )


def skip_of(offset: int, at: int, actor: str, reason: str) -> Skip:
    """The entry that leaves another one out. Raises Refused when a text is too long."""
    try:
        return msgspec.convert(
            {"kind": "skip", "offset": offset, "at": at, "actor": actor, "reason": reason}, Skip
        )
    except msgspec.ValidationError as error:
        raise Refused(f"the skip cannot be written: {error}") from None


async def log_end(setup: Setup) -> int:
    """The version at the end of the examples log."""
    examples = TopicPartition(setup.topics.examples, 0)
    async with reader(setup.settings.brokers, examples) as consumer:
        return (await bounds(consumer, examples))[1]
