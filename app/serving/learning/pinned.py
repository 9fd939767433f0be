"""Finds the pinned snapshot that a restore names, and waits for it in the models changelog."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from app.core.dump import Named
from app.core.manifest import Identity
from app.core.snapshot import Snapshot, find_pinned, manifest_key, unpack_models
from app.errors import SnapshotError
from app.runtime.changelog import Changelog
from app.runtime.reading import reader

RETRY = 0.5  # seconds
EACH = 10  # attempts between two looks whether to give up


async def _never() -> bool:
    return False


class Copy(NamedTuple):
    """A pinned snapshot that can be used, and its header and models."""

    snapshot: Snapshot
    parts: list[bytes]


class Pinned:
    """The pinned snapshots of one application.

    Parameters
    ----------
    models
        Partition 0 of the models table's changelog.
    """

    def __init__(self, brokers: str, models: TopicPartition, identity: Identity) -> None:
        self.brokers, self.models, self.identity = brokers, models, identity

    async def wait_for(
        self,
        named: Named,
        missing: Callable[[str], None],
        given_up: Callable[[], Awaitable[bool]] = _never,
    ) -> Copy | None:
        """The named snapshot, unpacked; waits until it can be used, or it is given up: None.

        `missing` is called with a sentence after each attempt that did not find it, `given_up`
        every few seconds then.
        """
        while True:
            try:
                return await self._look(named, missing, given_up)
            except KafkaError as error:
                missing(f"the snapshots cannot be read from the broker: {error!r}")
            await asyncio.sleep(RETRY)

    async def _look(
        self,
        named: Named,
        missing: Callable[[str], None],
        given_up: Callable[[], Awaitable[bool]],
    ) -> Copy | None:
        stem = manifest_key(named).removesuffix(b"manifest")
        async with reader(self.brokers, self.models) as consumer:
            changelog = Changelog(consumer, self.models, lambda key: key.startswith(stem))
            attempts = 0
            while True:
                records = await changelog.read()
                try:
                    found = find_pinned(records.items(), named)
                    # In a thread: it hashes megabytes.
                    return Copy(found, await asyncio.to_thread(unpack_models, found, self.identity))
                except SnapshotError as error:
                    missing(str(error))
                if attempts % EACH == 0 and await given_up():
                    return None
                attempts += 1
                await asyncio.sleep(RETRY)
