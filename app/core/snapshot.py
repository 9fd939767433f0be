"""Snapshots as read back from a compacted topic: found, checked, unpacked and thinned out."""

import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from app.core.bundle import (
    CHUNK_BYTES,
    PART_BYTES,
    PINNED,
    SNAPSHOT_BYTES,
    length,
    short_digest,
)
from app.core.dump import Header, Named, Resolve
from app.core.manifest import Identity, Manifest, read_manifest, signature
from app.errors import SnapshotError

KEY = re.compile(rb"(\d{20})\.([0-9a-f]{64})\.(\d{5}|manifest)")


class Snapshot(NamedTuple):
    """What a topic holds of a snapshot: none of it is checked yet."""

    version: int
    digest: str
    manifest: bytes
    chunks: Mapping[int, bytes]

    def records(self) -> Iterator[tuple[bytes, bytes]]:
        """The records as `app.core.bundle.Bundle.records` returned them, the manifest last."""
        stem = f"{self.version:020d}.{self.digest}"
        for number in sorted(self.chunks):
            yield f"{stem}.{number:05d}".encode(), self.chunks[number]
        yield f"{stem}.manifest".encode(), self.manifest


def assemble(records: Iterable[tuple[bytes, bytes | None]], pinned: bool = False) -> list[Snapshot]:
    """The snapshots among a compacted topic's records, in log order, newest first.

    A value of None deletes its key. Chunks without a manifest are not a snapshot: they belong to
    one that is being written or was abandoned. With `pinned`, the copies that restores name.
    """
    prefix = PINNED if pinned else b""
    live: dict[bytes, bytes] = {}
    for key, value in records:
        if not (key.startswith(prefix) and KEY.fullmatch(key, len(prefix))):
            continue
        if value is None:
            live.pop(key[len(prefix) :], None)
        else:
            live[key[len(prefix) :]] = value
    found: dict[tuple[int, str], dict[str, bytes]] = {}
    for key in sorted(live):
        version, digest, which = _split(key)
        found.setdefault((version, digest), {})[which] = live[key]
    snapshots = []
    for (version, digest), pieces in reversed(found.items()):
        manifest = pieces.pop("manifest", None)
        if manifest is not None:
            chunks = {int(number): chunk for number, chunk in pieces.items()}
            snapshots.append(Snapshot(version, digest, manifest, chunks))
    return snapshots


def verify(snapshot: Snapshot, identity: Identity) -> Manifest:
    """Check that a snapshot is whole and belongs to `identity`, without unpacking it.

    Raises
    ------
    SnapshotError
        When it is damaged, incomplete, too large, or made for another model, partition
        count, feature set or format.
    """
    manifest = _manifest_of(snapshot)
    if misfit := manifest.identity.misfit(identity):
        raise SnapshotError(f"{_name(snapshot)} is of other settings: {misfit}")
    if manifest.size > SNAPSHOT_BYTES:
        raise SnapshotError(f"{_name(snapshot)} is too large: {manifest.size} bytes")
    for number, digest in enumerate(manifest.chunks):
        chunk = snapshot.chunks.get(number)
        if chunk is None:
            raise SnapshotError(f"{_name(snapshot)} lacks chunk {number}")
        if len(chunk) > CHUNK_BYTES or short_digest(chunk) != digest:
            raise SnapshotError(f"{_name(snapshot)} is damaged in chunk {number}")
    return manifest


def unpack(snapshot: Snapshot, identity: Identity, keys: Sequence[bytes] = ()) -> Iterator[bytes]:
    """Verify a snapshot that a state may start from; returns its parts, for `LearningState.load`.

    Parameters
    ----------
    keys
        One of them must have signed the manifest. Without keys signatures are not checked.

    Raises
    ------
    SnapshotError
        As `verify`, and when the signature is missing or wrong, or the snapshot is of a
        rebuild or of another FOLD; also at the end, when the parts are not those that were
        packed. A state that has loaded them must not be used then.
    """
    manifest = _manifest_of(snapshot)
    if manifest.rebuilt:
        raise SnapshotError(f"{_name(snapshot)} is of a rebuild, which no state may start from")
    if other := manifest.identity.other_fold(identity):
        raise SnapshotError(f"{_name(snapshot)} is of {other}")
    if keys and (found := signature(snapshot.manifest, keys)) != "good":
        raise SnapshotError(f"{_name(snapshot)} is not signed with a known key: {found}")
    return _unpack(snapshot, identity)


def unpack_models(snapshot: Snapshot, identity: Identity) -> list[bytes]:
    """Verify a whole snapshot; returns its header and models, for `LearningState.restore`.

    No signature is required. The restore's entry in the examples log names the sha256 of the
    parts, so anybody who could forge them could write examples as well; and a lost key prevents
    nobody from folding the log.

    Raises
    ------
    SnapshotError
        As `verify`, and when the parts are not those that were packed.
    """
    parts: list[bytes] = []
    wanted = 1  # the header, which says how many models follow
    for part in _unpack(snapshot, identity):
        if len(parts) < wanted:
            parts.append(part)
        if len(parts) == 1:
            wanted = 1 + _header_of(snapshot, part).models
    if len(parts) < wanted:
        raise SnapshotError(f"{_name(snapshot)} lacks models")
    return parts


def find_pinned(records: Iterable[tuple[bytes, bytes | None]], named: Named) -> Snapshot:
    """The pinned copy of a snapshot that a restore names.

    Raises
    ------
    SnapshotError
        It is not among the records, or its manifest is not.
    """
    for snapshot in assemble(records, pinned=True):
        if (snapshot.version, snapshot.digest) == (named.version, named.digest):
            return snapshot
    raise SnapshotError(f"snapshot {named.version} ({named.digest[:12]}) is not pinned")


def manifest_key(named: Named) -> bytes:
    """The key of a pinned snapshot's last record: with it, all of the snapshot is there."""
    return PINNED + f"{named.version:020d}.{named.digest}.manifest".encode()


def resolver(records: Mapping[bytes, bytes], identity: Identity) -> Resolve:
    """Finds what restores name among the records of a models changelog."""
    return lambda named: unpack_models(find_pinned(records.items(), named), identity)


def stale(keys: Iterable[bytes], keep: int = 3) -> list[bytes]:
    """Keys to delete so that the newest `keep` snapshots stay, in the order to delete them.

    Chunks without a manifest go once a newer manifest is there; newer ones may belong to a
    snapshot that is being written. Manifests go first, so that what is half deleted no
    longer counts as a snapshot. Pinned copies stay forever: a fold from an earlier
    snapshot, or from the log's start, needs them.
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


def _manifest_of(snapshot: Snapshot) -> Manifest:
    try:
        manifest = read_manifest(snapshot.manifest)
    except SnapshotError as error:
        raise SnapshotError(f"{_name(snapshot)}: {error}") from None
    if (manifest.version, manifest.digest) != (snapshot.version, snapshot.digest):
        raise SnapshotError(f"{_name(snapshot)} has the manifest of another snapshot")
    return manifest


def _header_of(snapshot: Snapshot, part: bytes) -> Header:
    try:
        return msgspec.msgpack.decode(part, type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SnapshotError(f"{_name(snapshot)} has no header: {error}") from None


def _unpack(snapshot: Snapshot, identity: Identity) -> Iterator[bytes]:
    manifest = verify(snapshot, identity)
    sha, count, size = hashlib.sha256(), 0, 0
    for part in _parts(snapshot, len(manifest.chunks)):
        count, size = count + 1, size + len(part)
        if size > manifest.size:
            break
        sha.update(length(part) + part)
        yield part
    if (count, size, sha.hexdigest()) != (manifest.parts, manifest.size, manifest.digest):
        raise SnapshotError(f"{_name(snapshot)} is not what its manifest says")


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
        part = stream.decompress(packed, PART_BYTES + 1)
    except zlib.error as error:
        raise SnapshotError(f"{_name(snapshot)} cannot be unpacked: {error}") from None
    if len(part) > PART_BYTES or not stream.eof:
        raise SnapshotError(f"{_name(snapshot)} has a part that is cut or too large")
    return part


def _split(key: bytes) -> tuple[int, str, str]:
    version, digest, which = key.decode().split(".")
    return int(version), digest, which


def _name(snapshot: Snapshot) -> str:
    return f"snapshot {snapshot.version} ({snapshot.digest[:12]})"
