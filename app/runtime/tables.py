"""Tables: bytes to bytes, a store for each partition and a changelog that exists already."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import faust
import rocksdict
from faust.types.tuples import TP

from app.runtime.rocks import walk

MEMORY = {  # RocksDB's defaults allow 2 GiB of cache for each partition
    "block_cache_size": 8 << 20,
    "write_buffer_size": 4 << 20,
    "max_write_buffer_number": 2,
    "bloom_filter_size": 10,
}


class Store(Protocol):
    """The keys of one partition, in ascending order."""

    def get(self, key: bytes) -> bytes | None:
        """The value of a key."""

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Apply all changes or none; None deletes."""

    def walk(self, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """The entries from a key onwards."""


class Table(Protocol):
    """What steps need of a table."""

    name: str
    changelog: str

    def store(self, partition: int) -> Store:
        """The files of a partition that is assigned to this worker."""

    def persisted(self, partition: int, offset: int) -> None:
        """Note that the store reflects the changelog up to and including this offset."""


class RocksStore:
    """A store in RocksDB."""

    def __init__(self, db: rocksdict.Rdict) -> None:
        self.db = db
        self.get = db.get  # called for every record, so without a wrapper in between

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Apply all changes or none; None deletes."""
        batch = rocksdict.WriteBatch(raw_mode=True)
        for key, value in changes.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        self.db.write(batch)

    def walk(self, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """The entries from a key onwards. Raises rocksdict's Exception at a damaged block."""
        return walk(self.db, start)


class FaustTable:
    """A Faust table whose keys are routed by partition, never by Faust's serializers."""

    def __init__(self, app: faust.App, name: str, changelog: str, partitions: int) -> None:
        self.name, self.changelog = name, changelog
        topic = app.topic(
            changelog,
            key_type=bytes,
            value_type=bytes,
            key_serializer="raw",
            value_serializer="raw",
            partitions=partitions,
            compacting=True,
            internal=False,
        )
        self.faust: Any = app.Table(
            name,
            key_type=bytes,
            value_type=bytes,
            partitions=partitions,
            changelog_topic=topic,
            options=dict(MEMORY),  # Faust removes entries from it
        )

    def store(self, partition: int) -> RocksStore:
        """The files of a partition that is assigned to this worker."""
        return RocksStore(self.faust.data._db_for_partition(partition))

    def persisted(self, partition: int, offset: int) -> None:
        """Note that the store reflects the changelog up to and including this offset."""
        self.faust.data.set_persisted_offset(TP(self.changelog, partition), offset)
