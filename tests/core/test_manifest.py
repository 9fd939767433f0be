"""Signatures: a snapshot is of whoever holds one of the keys, and keys can be changed."""

import msgspec
import pytest

from app.core.bundle import pack
from app.core.fold import FOLD
from app.core.manifest import Identity, read_manifest, seal, signature
from app.core.snapshot import Snapshot, assemble, unpack
from app.errors import SnapshotError
from tests.core.folding import fold_log
from tests.core.samples import PARTITIONS, log, state

IDENTITY = Identity.of("binned", PARTITIONS, "features", FOLD)
OLD, NEW, OTHER = b"the first secret", b"the second one..", b"somebody else's."


def stored(*keys: bytes) -> Snapshot:
    (snapshot,) = assemble(pack(fold_log(state(), log(20)), "features", "engine", keys))
    return snapshot


def changed(snapshot: Snapshot, **other: object) -> Snapshot:
    """The manifest says something else under the old signature."""
    manifest = msgspec.structs.replace(read_manifest(snapshot.manifest), **other)
    told = msgspec.json.decode(snapshot.manifest)
    sealed = msgspec.json.decode(seal(msgspec.json.encode(manifest), ()))
    raw = msgspec.json.encode(sealed | {"signature": told["signature"]})
    return snapshot._replace(manifest=raw)


def signed_again(snapshot: Snapshot, mark: object) -> Snapshot:
    told = msgspec.json.decode(snapshot.manifest)
    return snapshot._replace(manifest=msgspec.json.encode(told | {"signature": mark}))


@pytest.mark.parametrize(
    ("written", "known", "becomes"),
    [
        ((OLD,), (OLD,), "good"),
        ((OLD,), (NEW, OLD), "good"),
        ((NEW, OLD), (NEW,), "good"),
        ((NEW, OLD), (OLD,), "wrong"),
        ((OLD,), (NEW, OTHER), "wrong"),
        ((), (OLD,), "none"),
        ((OLD,), (), "not checked"),
        ((), (), "none"),
    ],
    ids=[
        "the same key",
        "the second of two keys",
        "the first key signs",
        "the second key does not sign",
        "neither key",
        "not signed",
        "no key to check with",
        "nobody signs",
    ],
)
def test_a_signature_is_good_under_either_key(written, known, becomes):
    snapshot = stored(*written)
    assert signature(snapshot.manifest, known) == becomes
    if becomes == "good" or not known:
        fresh = state()
        fresh.load(unpack(snapshot, IDENTITY, known))
        assert fresh.digest() == snapshot.digest
    else:
        with pytest.raises(SnapshotError, match=rf"snapshot 20 .* known key: {becomes}"):
            unpack(snapshot, IDENTITY, known)


@pytest.mark.parametrize(
    "forged",
    [
        lambda snapshot: changed(snapshot, chunks=[]),
        lambda snapshot: changed(snapshot, engine="mine"),
        lambda snapshot: changed(snapshot, rebuilt=True),
        lambda snapshot: signed_again(snapshot, ""),
        lambda snapshot: signed_again(snapshot, "é" * 64),
        lambda snapshot: signed_again(snapshot, 5),
        lambda snapshot: snapshot._replace(manifest=stored(OTHER).manifest),
    ],
    ids=["chunks", "engine", "kind", "no signature", "not ASCII", "a number", "of another key"],
)
def test_a_manifest_that_was_changed_is_refused(forged):
    snapshot = stored(OLD)
    unpack(snapshot, IDENTITY, (OLD,))
    with pytest.raises(SnapshotError, match=r"snapshot 20 \("):
        unpack(forged(snapshot), IDENTITY, (OLD,))


def test_a_key_is_changed_in_three_steps_and_every_snapshot_stays_of_use():
    before = stored(OLD)
    unpack(before, IDENTITY, (NEW, OLD))  # the new key signs, the old one still verifies
    between = stored(NEW, OLD)
    unpack(between, IDENTITY, (NEW,))  # once the old snapshots are gone, so is the old key
    with pytest.raises(SnapshotError):
        unpack(before, IDENTITY, (NEW,))


def test_no_text_tells_a_secret():
    snapshot = stored(OLD)
    with pytest.raises(SnapshotError) as refused:
        unpack(snapshot, IDENTITY, (NEW, OTHER))
    assert not any(key.decode() in str(refused.value) for key in (OLD, NEW, OTHER))
