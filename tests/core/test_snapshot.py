"""Snapshots: what is packed comes back bit by bit, what is damaged or foreign is refused."""

import random
import zlib
from collections.abc import Callable, Iterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.bundle import CHUNK_BYTES, PART_BYTES, Bundle, length, pack
from app.core.fold import FOLD, LearningState
from app.core.manifest import Identity, Manifest, read_manifest, seal
from app.core.snapshot import KEY, Snapshot, assemble, stale, unpack, verify
from app.errors import SnapshotError
from tests.core.folding import fold_log
from tests.core.samples import GRIDS, PARTITIONS, Tally, log, state

IDENTITY = Identity.of("binned", PARTITIONS, "features", FOLD)
Records = list[tuple[bytes, bytes]]


class Bulk(Tally):
    """Statistics of incompressible parts, so that a snapshot has many chunks."""

    def parts(self) -> Iterator[bytes]:
        yield from super().parts()
        chance = random.Random(self.last)
        for size in (0, 700_000, 1, 512_000):
            yield chance.randbytes(size)

    def load(self, parts: Iterator[bytes]) -> None:
        stored = list(parts)
        super().load(stored[:-4])


def folded(entries: int = 30, bulk: bool = False) -> LearningState:
    fresh = LearningState("binned", PARTITIONS, GRIDS, Bulk() if bulk else Tally())
    return fold_log(fresh, log(entries))


def records(entries: int = 30, bulk: bool = False) -> Records:
    return list(pack(folded(entries, bulk), "features", "1.0-abc"))


def only(found: Records) -> Snapshot:
    (snapshot,) = assemble(found)
    return snapshot


@pytest.mark.parametrize("bulk", [False, True], ids=["one chunk", "many chunks"])
def test_a_snapshot_gives_the_state_back(bulk):
    original = folded(40, bulk)
    fresh = folded(0, bulk)
    fresh.load(unpack(only(records(40, bulk)), IDENTITY))
    assert fresh.digest() == original.digest()
    assert fresh.version == 40


def test_the_manifest_tells_what_the_snapshot_is():
    original = folded(40)
    manifest = verify(only(records(40)), IDENTITY)
    assert (manifest.version, manifest.engine) == (40, "1.0-abc")
    assert manifest.counts == original.counts
    assert manifest.digest == original.digest()
    assert manifest.size == sum(map(len, original.parts()))


def test_records_are_small_named_in_order_and_end_with_the_manifest():
    found = records(30, bulk=True)
    keys = [key for key, _ in found]
    assert len(found) == 4
    assert keys == sorted(keys)
    assert all(KEY.fullmatch(key) for key in keys)
    assert keys[0].startswith(b"00000000000000000030.")
    assert keys[-1].endswith(b".manifest")
    assert max(len(value) for _, value in found) <= CHUNK_BYTES


def test_the_same_state_gives_the_same_records():
    assert records(20) == records(20)


def test_a_bundle_keeps_the_version_of_its_parts_while_folding_goes_on():
    going = folded(20)
    bundle = Bundle()
    for part in going.parts():
        bundle.add(part)
    fold_log(going, log(30))
    assert list(bundle.records("features", "1.0-abc")) == records(20)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 1000), lost=st.booleans())
def test_snapshots_are_found_newest_first_whatever_lies_between(seed, lost):
    chance = random.Random(seed)
    versions = [records(version) for version in (10, 20, 30)]
    mixed: list[tuple[bytes, bytes | None]] = [(b"other", b"x"), (b"gone", None)]
    for found in versions:
        mixed += chance.sample(found, k=len(found))
    if lost:
        mixed += [(key, None) for key, _ in versions[2]]
    assert [snapshot.version for snapshot in assemble(mixed)] == (
        [20, 10] if lost else [30, 20, 10]
    )


def test_chunks_without_a_manifest_are_no_snapshot():
    assert assemble(records()[:-1]) == []


def rewritten(change: Callable[[Manifest], Manifest]) -> Callable[[Records], Records]:
    """Damage that changes the manifest and leaves its key."""

    def damage(found: Records) -> Records:
        key, raw = found[-1]
        manifest = change(read_manifest(raw))
        return [*found[:-1], (key, seal(msgspec.json.encode(manifest), ()))]

    return damage


def with_first_chunk(change: Callable[[bytes], bytes]) -> Callable[[Records], Records]:
    return lambda found: [(found[0][0], change(found[0][1])), *found[1:]]


def forged(stream: bytes) -> Callable[[Records], Records]:
    """One chunk with a fitting digest, whose content is not what was packed."""
    other = Bundle()
    other.add(next(folded(0).parts()))
    other._chunks, other._tail = [], bytearray(stream)
    (_, chunk), (_, raw) = other.records("features", "")
    chunks = read_manifest(raw).chunks

    def damage(found: Records) -> Records:
        change = rewritten(lambda manifest: replace(manifest, chunks=chunks))
        return [(found[0][0], chunk), *change(found)[1:]]

    return damage


replace = msgspec.structs.replace
BOMB = zlib.compress(bytes(PART_BYTES + 2))
DAMAGE = {
    "a flipped bit": with_first_chunk(lambda chunk: bytes([chunk[0] ^ 1]) + chunk[1:]),
    "a cut chunk": with_first_chunk(lambda chunk: chunk[:-1]),
    "an empty chunk": with_first_chunk(lambda chunk: b""),
    "a longer chunk": with_first_chunk(lambda chunk: chunk + b"\0"),
    "a chunk above the limit": with_first_chunk(lambda chunk: chunk + bytes(CHUNK_BYTES)),
    "a missing chunk": lambda found: found[1:],
    "an empty manifest": lambda found: [*found[:-1], (found[-1][0], b"")],
    "a manifest that is not text": lambda found: [*found[:-1], (found[-1][0], b'{"engine":"\xff"')],
    "a record without a manifest": lambda found: [*found[:-1], (found[-1][0], b"{}")],
    "a manifest without fields": lambda found: [*found[:-1], (found[-1][0], b'{"manifest":{}}')],
    "the manifest of another version": rewritten(lambda m: replace(m, version=m.version + 1)),
    "the manifest of another digest": rewritten(lambda m: replace(m, digest="0" * 64)),
    "a chunk too many": rewritten(lambda m: replace(m, chunks=[*m.chunks, m.chunks[0]])),
    "a chunk too few": rewritten(lambda m: replace(m, chunks=[])),
    "another count of parts": rewritten(lambda m: replace(m, parts=m.parts + 1)),
    "a smaller size": rewritten(lambda m: replace(m, size=m.size - 1)),
    "a larger size": rewritten(lambda m: replace(m, size=m.size + 1)),
    "a size above the limit": rewritten(lambda m: replace(m, size=1 << 40)),
    "a part that is not compressed": forged(length(b"text") + b"text"),
    "a part that ends early": forged(length(BOMB[:50]) + BOMB[:50]),
    "a part that unpacks above the limit": forged(length(BOMB) + BOMB),
    "a length above the chunk": forged(length(bytes(99)) + b"text"),
    "another content": forged(length(zlib.compress(b"a")) + zlib.compress(b"a")),
    "another model": rewritten(lambda m: replace(m, identity=replace(IDENTITY, model="blend"))),
    "other partitions": rewritten(lambda m: replace(m, identity=replace(IDENTITY, partitions=9))),
    "other features": rewritten(lambda m: replace(m, identity=replace(IDENTITY, features="f"))),
    "another format": rewritten(lambda m: replace(m, identity=replace(IDENTITY, format=0))),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_snapshot_that_is_damaged_or_foreign_is_refused(damage):
    snapshot = only(damage(records()))
    with pytest.raises(SnapshotError, match=r"snapshot 30 \([0-9a-f]{12}\)"):
        list(unpack(snapshot, IDENTITY))


def test_a_state_loaded_from_a_false_snapshot_says_so():
    snapshot = only(DAMAGE["another count of parts"](records()))
    with pytest.raises(SnapshotError):
        state().load(unpack(snapshot, IDENTITY))


def test_a_part_above_the_limit_is_not_packed():
    bundle = Bundle()
    bundle.add(next(folded(0).parts()))
    with pytest.raises(SnapshotError, match="too large"):
        bundle.add(bytes(PART_BYTES + 1))


def key(version: int, which: str, digest: str = "a") -> bytes:
    return f"{version:020d}.{digest * 64}.{which}".encode()


def snapshots(*versions: int) -> list[bytes]:
    return [key(version, which) for version in versions for which in ("00000", "manifest")]


@pytest.mark.parametrize(
    ("keys", "doomed"),
    [
        ([], []),
        (snapshots(1, 2, 3), []),
        (snapshots(1, 2, 3, 4), [key(1, "manifest"), key(1, "00000")]),
        ([key(5, "00000")], []),
        ([*snapshots(4), key(5, "00000")], []),
        ([*snapshots(4), key(3, "00000"), key(3, "00001")], [key(3, "00000"), key(3, "00001")]),
        ([*snapshots(4), key(4, "00000", "b")], []),
        ([*snapshots(1, 2, 3), key(2, "00000", "b")], [key(2, "00000", "b")]),
        ([b"other", *snapshots(1)], []),
        (
            snapshots(1, 2, 3, 4, 5),
            [key(1, "manifest"), key(2, "manifest"), key(1, "00000"), key(2, "00000")],
        ),
    ],
    ids=[
        "nothing",
        "as many as are kept",
        "one more",
        "one that is being written",
        "one that is being written behind a whole one",
        "one that was given up",
        "one that is being written at the same version",
        "one that was given up between whole ones",
        "keys of others",
        "manifests first",
    ],
)
def test_the_newest_snapshots_stay_and_what_was_given_up_goes(keys, doomed):
    random.Random(0).shuffle(keys)
    assert stale(keys) == doomed
