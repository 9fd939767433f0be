"""The three Faust tables: bytes to bytes on RocksDB, with changelogs that exist beforehand."""

from typing import Any

import faust

from app.runtime.topics import Topics
from app.settings import Settings

MEMORY = {  # RocksDB's defaults allow 2 GiB of cache for each partition
    "block_cache_size": 8 << 20,
    "write_buffer_size": 4 << 20,
    "max_write_buffer_number": 2,
    "bloom_filter_size": 10,
}


def new_table(app: faust.App, name: str, settings: Settings, topics: Topics) -> Any:
    """A table whose keys are routed by partition, never by Faust's serializers."""
    changelog = app.topic(
        topics.changelogs[name],
        key_type=bytes,
        value_type=bytes,
        key_serializer="raw",
        value_serializer="raw",
        partitions=settings.partitions,
        compacting=True,
        internal=False,
    )
    return app.Table(
        name,
        key_type=bytes,
        value_type=bytes,
        partitions=settings.partitions,
        changelog_topic=changelog,
        options=dict(MEMORY),  # Faust takes entries out of it
    )
