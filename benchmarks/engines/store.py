"""Rings in RocksDB for the bare loops: one database a partition, a batch at a time."""

from pathlib import Path

import rocksdict

from app.runtime.tables import MEMORY


class Rings:
    """The rings of one partition, with the changes of a batch in front of them."""

    def __init__(self, directory: Path, partition: int) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        options = rocksdict.Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_write_buffer_size(MEMORY["write_buffer_size"])
        options.set_max_write_buffer_number(MEMORY["max_write_buffer_number"])
        blocks = rocksdict.BlockBasedOptions()
        blocks.set_block_cache(rocksdict.Cache(MEMORY["block_cache_size"]))
        blocks.set_bloom_filter(MEMORY["bloom_filter_size"], False)
        options.set_block_based_table_factory(blocks)
        self.db = rocksdict.Rdict(str(directory / str(partition)), options)
        self.changed: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        """The ring that was put last."""
        ring = self.changed.get(key)
        return self.db.get(key) if ring is None else ring

    def put(self, key: bytes, ring: bytes) -> None:
        """Change a ring; `write` makes it last."""
        self.changed[key] = ring

    def write(self) -> dict[bytes, bytes]:
        """Write what has changed to RocksDB as one batch; returns it, for the changelog."""
        batch = rocksdict.WriteBatch(raw_mode=True)
        for key, ring in self.changed.items():
            batch.put(key, ring)
        self.db.write(batch)
        changed, self.changed = self.changed, {}
        return changed

    def close(self) -> None:
        """Close the database."""
        self.db.close()
