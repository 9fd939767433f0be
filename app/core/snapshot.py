"""Snapshots: a learning state cut into records of a compacted topic, and put together again.

A snapshot is its parts, compressed one by one, joined and cut into chunks, and a manifest
with the digests of all of it. A record's key is readable: version, digest and chunk number,
the manifest behind the chunks:

    00000000000000005000.9f86d081...0f00a08.00000
    00000000000000005000.9f86d081...0f00a08.00001
    00000000000000005000.9f86d081...0f00a08.manifest
"""

import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec
from msgspec import Struct

from app.core.fold import Counts, Header, LearningState
from app.errors import SnapshotError

FORMAT = 1
CHUNK_BYTES = 512_000
PART_BYTES = 16 << 20  # far above what a part should be: a guard against false lengths
SNAPSHOT_BYTES = 2 << 30

KEY = re.compile(rb"(\d{20})\.([0-9a-f]{64})\.(\d{5}|manifest)")


class Identity(Struct, frozen=True):
    """What must agree before a state may load a snapshot."""

    model: str
    partitions: int
    features: str  # app.core.engine.grids_digest
    format: int = FORMAT


class Manifest(Struct, frozen=True):
    """The last record of a snapshot. `size` counts uncompressed bytes."""

    identity: Identity
    version: int
    digest: str
    engine: str
    counts: Counts
    parts: int
    size: int
    chunks: list[str]  # blake2b of each


class Snapshot(NamedTuple):
    """What a topic holds of a snapshot: nothing of it is checked yet."""

    version: int
    digest: str
    manifest: bytes
    chunks: Mapping[int, bytes]


class Bundle:
    """A snapshot in the making: `add` every part, then take the `records`.

    Adding compresses, some 15 ms per MB. It needs nothing but the part, so it may run while
    folding goes on, or in a thread. All chunks are held until the end, because their keys
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
        self._sha.update(_length(part) + part)
        self._parts += 1
        self._size += len(part)
        packed = zlib.compress(part, level=1)
        self._tail += _length(packed) + packed
        while len(self._tail) >= CHUNK_BYTES:
            self._chunks.append(bytes(self._tail[:CHUNK_BYTES]))
            del self._tail[:CHUNK_BYTES]

    def records(self, features: str, engine: str) -> Iterator[tuple[bytes, bytes]]:
        """Key and value of every record in the order to write them, the manifest last."""
        header = self._header
        chunks = [*self._chunks, bytes(self._tail)] if self._tail else self._chunks
        manifest = Manifest(
            identity=Identity(header.model, header.partitions, features),
            version=header.version,
            digest=self._sha.hexdigest(),
            engine=engine,
            counts=header.counts,
            parts=self._parts,
            size=self._size,
            chunks=[_short_digest(chunk) for chunk in chunks],
        )
        stem = f"{manifest.version:020d}.{manifest.digest}"
        for number, chunk in enumerate(chunks):
            yield f"{stem}.{number:05d}".encode(), chunk
        yield f"{stem}.manifest".encode(), msgspec.json.encode(manifest)


def pack(state: LearningState, features: str, engine: str) -> Iterator[tuple[bytes, bytes]]:
    """The records of a state's snapshot, made in one go."""
    bundle = Bundle()
    for part in state.parts():
        bundle.add(part)
    return bundle.records(features, engine)


def assemble(records: Iterable[tuple[bytes, bytes | None]]) -> list[Snapshot]:
    """The snapshots among a compacted topic's records, in log order, newest first.

    A value of None deletes its key. Chunks without a manifest are no snapshot: they are of
    one that is being written or was given up.
    """
    live: dict[bytes, bytes] = {}
    for key, value in records:
        if value is None:
            live.pop(key, None)
        elif KEY.fullmatch(key):
            live[key] = value
    found: dict[tuple[int, str], dict[str, bytes]] = {}
    for key in sorted(live):
        version, digest, which = _split(key)
        found.setdefault((version, digest), {})[which] = live[key]
    return [
        Snapshot(version, digest, pieces.pop("manifest"), {int(n): pieces[n] for n in pieces})
        for (version, digest), pieces in reversed(found.items())
        if "manifest" in pieces
    ]


def verify(snapshot: Snapshot, identity: Identity) -> Manifest:
    """Check that a snapshot is whole and belongs to `identity`, without unpacking it.

    Raises
    ------
    SnapshotError
        When it is damaged, incomplete, too large, or made for another model, partition
        count, feature set or format.
    """
    manifest = _read_manifest(snapshot)
    if manifest.identity != identity:
        raise SnapshotError(f"{_name(snapshot)} is of {manifest.identity}, not of {identity}")
    if manifest.size > SNAPSHOT_BYTES:
        raise SnapshotError(f"{_name(snapshot)} is too large: {manifest.size} bytes")
    for number, digest in enumerate(manifest.chunks):
        chunk = snapshot.chunks.get(number)
        if chunk is None:
            raise SnapshotError(f"{_name(snapshot)} lacks chunk {number}")
        if len(chunk) > CHUNK_BYTES or _short_digest(chunk) != digest:
            raise SnapshotError(f"{_name(snapshot)} is damaged in chunk {number}")
    return manifest


def unpack(snapshot: Snapshot, identity: Identity) -> Iterator[bytes]:
    """Verify a snapshot and give its parts, for `LearningState.load`.

    Raises
    ------
    SnapshotError
        As `verify`; also at the end, when the parts are not those that were packed. What
        has loaded them must not be used then.
    """
    manifest = verify(snapshot, identity)
    sha, count, size = hashlib.sha256(), 0, 0
    for part in _parts(snapshot, len(manifest.chunks)):
        count, size = count + 1, size + len(part)
        if size > manifest.size:
            break
        sha.update(_length(part) + part)
        yield part
    if (count, size, sha.hexdigest()) != (manifest.parts, manifest.size, manifest.digest):
        raise SnapshotError(f"{_name(snapshot)} is not what its manifest says")


def stale(keys: Iterable[bytes], keep: int = 3) -> list[bytes]:
    """Keys to delete so that the newest `keep` snapshots stay, in the order to delete them.

    Chunks without a manifest go once a newer manifest is there; newer ones may belong to a
    snapshot that is being written. Manifests go first, so that what is half deleted no
    longer counts as a snapshot.
    """
    live = sorted(key for key in keys if KEY.fullmatch(key))
    whole = [key.removesuffix(b"manifest") for key in live if key.endswith(b"manifest")]
    if not whole:
        return []
    kept, replaced, newest = tuple(whole[-keep:]), tuple(whole[:-keep]), whole[-1][:20]
    doomed = [
        key
        for key in live
        if key.startswith(replaced) or (key[:20] < newest and not key.startswith(kept))
    ]
    return sorted(doomed, key=lambda key: not key.endswith(b"manifest"))


def _read_manifest(snapshot: Snapshot) -> Manifest:
    try:
        manifest = msgspec.json.decode(snapshot.manifest, type=Manifest)
    except msgspec.DecodeError as error:
        raise SnapshotError(f"{_name(snapshot)} has a manifest that cannot be read") from error
    if (manifest.version, manifest.digest) != (snapshot.version, snapshot.digest):
        raise SnapshotError(f"{_name(snapshot)} has the manifest of another snapshot")
    return manifest


def _parts(snapshot: Snapshot, chunks: int) -> Iterator[bytes]:
    stream = bytearray()
    for number in range(chunks):
        stream += snapshot.chunks[number]
        while len(stream) >= 8 and len(stream) >= 8 + (size := int.from_bytes(stream[:8], "big")):
            packed = bytes(stream[8 : 8 + size])
            del stream[: 8 + size]
            yield _inflate(snapshot, packed)
    if stream:
        raise SnapshotError(f"{_name(snapshot)} ends within a part")


def _inflate(snapshot: Snapshot, packed: bytes) -> bytes:
    stream = zlib.decompressobj()
    try:
        part = stream.decompress(packed, PART_BYTES)
    except zlib.error as error:
        raise SnapshotError(f"{_name(snapshot)} cannot be unpacked: {error}") from None
    if not stream.eof:
        raise SnapshotError(f"{_name(snapshot)} has a part above {PART_BYTES} bytes")
    return part


def _split(key: bytes) -> tuple[int, str, str]:
    version, digest, which = key.decode().split(".")
    return int(version), digest, which


def _name(snapshot: Snapshot) -> str:
    return f"snapshot {snapshot.version} ({snapshot.digest[:12]})"


def _length(data: bytes) -> bytes:
    return len(data).to_bytes(8, "big")


def _short_digest(chunk: bytes) -> str:
    return hashlib.blake2b(chunk, digest_size=16).hexdigest()
