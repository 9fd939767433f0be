"""The manifest of a snapshot: what it belongs to, the digests of all of it, and its signature.

Nothing in a snapshot, or anywhere in Weir, is pickled. A signature says who wrote a snapshot;
its digests show whether it is whole.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from app.core.dump import Counts
from app.core.formats import reader_of
from app.errors import SnapshotError

FORMAT = 3  # of a manifest and of the parts of its snapshot; see READERS
# Formats whose parts can be loaded. Not 2: weights of `binned` were not rounded then, so scores
# would depend on the order of sums, and the record of the rules' alerts had one number fewer.
LOADED = (FORMAT,)

SignatureState = Literal["good", "wrong", "none", "not checked"]


class Identity(Struct, frozen=True):
    """What must agree before a state may load a snapshot."""

    model: str
    partitions: int
    features: str  # app.core.fingerprint.grids_digest
    format: int = FORMAT
    fold: int | UnsetType = UNSET  # app.core.fold.FOLD; the first ones did not say 1

    @classmethod
    def of(cls, model: str, partitions: int, features: str, fold: int) -> "Identity":
        """What the snapshots of a release are of, whose number of learning is `fold`."""
        return cls(model, partitions, features, fold=UNSET if fold == 1 else fold)

    def other_fold(self, wanted: "Identity") -> str:
        """How learning differs, in words; '' when it does not.

        It matters where a state begins with a snapshot. A restore may name models that were learned
        in another way: they go on as they are on all workers.

        >>> Identity("binned", 4, "1f").other_fold(Identity.of("binned", 4, "1f", 2))
        'another way of learning: fold 1, not 2'
        """
        mine, theirs = (1 if one.fold is UNSET else one.fold for one in (self, wanted))
        return "" if mine == theirs else f"another way of learning: fold {mine}, not {theirs}"

    def misfit(self, wanted: "Identity") -> str:
        """What differs from `wanted`, in words; '' when nothing does.

        >>> Identity("binned", 4, "1f").misfit(Identity("binned", 4, "2e"))
        'features 1f, not 2e'
        """
        mine, theirs = msgspec.structs.asdict(self), msgspec.structs.asdict(wanted)
        found = [
            f"{name} {mine[name]}, not {theirs[name]}"
            for name in ("model", "partitions", "features")
            if mine[name] != theirs[name]
        ]
        if self.format not in LOADED:
            found.append(f"format {self.format}, whose parts this release does not load")
        return "; ".join(found)


class Manifest(Struct, frozen=True):
    """What the last record of a snapshot says. `size` counts uncompressed bytes.

    `rebuilt`: the models have learned only a part of the log. A restore may use them, but no
    state starts from this snapshot.
    """

    identity: Identity
    version: int
    digest: str
    engine: str
    counts: Counts
    parts: int
    size: int
    chunks: list[str]  # blake2b of each
    rebuilt: bool = False


class _Format(Struct):
    format: int


class _Numbered(Struct):
    """What the manifests of all formats say."""

    identity: _Format


class Signed(Struct, frozen=True):
    """The last record of a snapshot: a manifest, and the signature over its very bytes."""

    manifest: msgspec.Raw
    signature: str = ""


def seal(manifest: bytes, keys: Sequence[bytes]) -> bytes:
    """The record of an encoded manifest, signed with the first of the keys if there is one."""
    signature = sign(manifest, keys[0]) if keys else ""
    return msgspec.json.encode(Signed(msgspec.Raw(manifest), signature))


def sign(manifest: bytes, key: bytes) -> str:
    """HMAC-SHA256 of an encoded manifest, as 64 hexadecimal digits."""
    return hmac.new(key, manifest, hashlib.sha256).hexdigest()


def signature(raw: bytes, keys: Sequence[bytes]) -> SignatureState:
    """The state of a manifest record's signature under these keys; any one of them will do."""
    signed = _signed(raw)
    if not signed.signature:
        return "none"
    if not keys:
        return "not checked"
    manifest = bytes(signed.manifest)
    fits = [
        hmac.compare_digest(sign(manifest, key).encode(), signed.signature.encode()) for key in keys
    ]
    return "good" if any(fits) else "wrong"


def read_manifest(raw: bytes) -> Manifest:
    """The manifest in a snapshot's last record.

    Raises
    ------
    SnapshotError
        There is none, or it is of an unsupported format.
    """
    manifest = _signed(raw).manifest
    try:
        form = msgspec.json.decode(manifest, type=_Numbered).identity.format
        return reader_of(READERS, form, "a manifest", SnapshotError)(manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SnapshotError(f"a manifest cannot be read: {error}") from None


def _signed(raw: bytes) -> Signed:
    try:
        return msgspec.json.decode(raw, type=Signed)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SnapshotError(f"a manifest cannot be read: {error}") from None


_read = msgspec.json.Decoder(Manifest).decode
# The current format and the previous one, which had the same fields.
READERS: Mapping[int, Callable[[msgspec.Raw], Manifest]] = {FORMAT: _read, FORMAT - 1: _read}
