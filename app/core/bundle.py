"""A snapshot in the making: a learning state cut into records of a compacted topic.

A snapshot is its parts, compressed one by one, joined and cut into chunks, and a manifest
with the digests of all of these. A record's key is readable: version, digest and chunk number,
the manifest after the chunks:

    00000000000000005000.9f86d081...0f00a08.00000
    00000000000000005000.9f86d081...0f00a08.00001
    00000000000000005000.9f86d081...0f00a08.manifest

The copy of a snapshot that a restore names has the prefix `pinned.` in its keys.
"""

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from app.core.dump import Header
from app.core.fold import FOLD, LearningState
from app.core.manifest import Identity, Manifest, seal
from app.errors import SnapshotError

PINNED = b"pinned."
CHUNK_BYTES = 512_000
PART_BYTES = 16 << 20  # far above what a part should be: a guard against false lengths
SNAPSHOT_BYTES = 2 << 30


class Bundle:
    """A snapshot in the making: `add` every part, then take the `records`.

    Adding compresses, some 15 ms per MB. It needs nothing but the part, so it may run while
    folding goes on, or in a thread. All chunks are kept until the end, because their keys
    carry the digest of the whole.
    """

    _header: Header

    def __init__(self) -> None:
        self._sha = hashlib.sha256()
        self._tail = bytearray()
        self._chunks: list[bytes] = []
        self._parts = 0
        self._size = 0

    def add(self, part: bytes) -> None:
        """Take in the next part of `LearningState.parts`."""
        if not self._parts:
            self._header = msgspec.msgpack.decode(part, type=Header)
        if len(part) > PART_BYTES or self._size + len(part) > SNAPSHOT_BYTES:
            raise SnapshotError(f"a part of {len(part)} bytes makes the snapshot too large")
        self._sha.update(length(part) + part)
        self._parts += 1
        self._size += len(part)
        packed = zlib.compress(part, level=1)
        self._tail += length(packed) + packed
        while len(self._tail) >= CHUNK_BYTES:
            self._chunks.append(bytes(self._tail[:CHUNK_BYTES]))
            del self._tail[:CHUNK_BYTES]

    def records(
        self, features: str, engine: str, keys: Sequence[bytes] = (), rebuilt: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Key and value of every record in the order to write them, the manifest last.

        The first of `keys` signs the manifest, whose digests cover the rest.
        """
        header = self._header
        chunks = [*self._chunks, bytes(self._tail)] if self._tail else self._chunks
        manifest = Manifest(
            identity=Identity.of(header.model, header.partitions, features, FOLD),
            version=header.version,
            digest=self._sha.hexdigest(),
            engine=engine,
            counts=header.counts,
            parts=self._parts,
            size=self._size,
            chunks=[short_digest(chunk) for chunk in chunks],
            rebuilt=rebuilt,
        )
        stem = f"{manifest.version:020d}.{manifest.digest}"
        for number, chunk in enumerate(chunks):
            yield f"{stem}.{number:05d}".encode(), chunk
        yield f"{stem}.manifest".encode(), seal(msgspec.json.encode(manifest), keys)


def pack(
    state: LearningState,
    features: str,
    engine: str,
    keys: Sequence[bytes] = (),
    rebuilt: bool = False,
) -> Iterator[tuple[bytes, bytes]]:
    """The records of a state's snapshot, made in one go."""
    bundle = Bundle()
    for part in state.parts():
        bundle.add(part)
    return bundle.records(features, engine, keys, rebuilt)


def pin(records: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """The same records under keys that are never deleted: a restore is going to name them."""
    return ((PINNED + key, value) for key, value in records)


def length(data: bytes) -> bytes:
    """How the length of a part is written before it: 8 bytes, big endian."""
    return len(data).to_bytes(8, "big")


def short_digest(chunk: bytes) -> str:
    """blake2b of a chunk, as 32 hexadecimal digits."""
    return hashlib.blake2b(chunk, digest_size=16).hexdigest()
