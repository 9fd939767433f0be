"""Decompressing batches: all four codecs, each within a bound on what comes out.

aiokafka's decoders allocate whatever a batch unpacks to, and a few hundred bytes of zstd may hold
gigabytes. Here they fill a buffer of a fixed size and stop when that is full.
"""

import mmap
import struct
import threading
from collections.abc import Callable

from aiokafka import codec as stock
from aiokafka.record import default_records, legacy_records
from aiokafka.record._crecords import default_records as c_default_records
from aiokafka.record._crecords import legacy_records as c_legacy_records

from app.errors import StateError
from app.runtime.fetching.cursor import header_count

try:
    import cramjam
except ImportError:
    cramjam = None  # type: ignore[assignment]  # `check` says so

CODECS = ("gzip", "snappy", "lz4", "zstd")
# Topics take batches of 1 MiB as compressed, and producers limit a batch before they compress it,
# to 1 MB unless they are told otherwise. Sixteen times that is far from any payment traffic, and
# small enough for each thread that reads to keep a buffer of this size.
DECOMPRESSED_BYTES = 16 << 20
# A header takes two bytes or more and some hundred as an object, so those of batches that unpack to
# more than this are counted before they are parsed.
COUNTED_BYTES = 1 << 20
MOST_HEADERS = DECOMPRESSED_BYTES // 64
FULL = "failed to write whole buffer"  # what cramjam says when there is no room left

XERIAL = b"\x82SNAPPY\x00"  # snappy-java's framing: this, two versions, then blocks with sizes
XERIAL_HEADER = len(XERIAL) + 8
_BLOCK = struct.Struct(">i")
_own = threading.local()

Decoder = Callable[[bytes], bytes]


class Undecodable(Exception):
    """What a batch holds cannot be decompressed, or is larger than the bound."""


def check() -> None:
    """Raise StateError unless batches of every codec can be read."""
    missing = [
        name for name in CODECS if not getattr(stock, f"has_{name}")() or not hasattr(cramjam, name)
    ]
    if missing:
        raise StateError(
            f"batches compressed with {', '.join(missing)} could not be read: "
            "install the package cramjam with these codecs"
        )


def bound() -> None:
    """Let aiokafka decompress with the decoders of this module, in the whole process."""
    for name, decoder in DECODERS.items():
        for module in (default_records, c_default_records):
            setattr(module, f"{name}_decode", _counted(decoder))
        for module in (legacy_records, c_legacy_records):  # their records have no headers
            setattr(module, f"{name}_decode", decoder)


def _counted(decoder: Decoder) -> Decoder:
    def decode(payload: bytes) -> bytes:
        data = decoder(payload)
        if len(data) > COUNTED_BYTES and header_count(data, MOST_HEADERS) >= MOST_HEADERS:
            raise Undecodable(f"it holds {MOST_HEADERS:,} headers or more")
        return data

    return decode


def _streaming(name: str) -> Decoder:
    """The decoder of a format whose streams say where they end; several may follow one another."""

    def decode(payload: bytes) -> bytes:
        room = _room()
        try:
            size = getattr(cramjam, name).decompress_into(bytes(payload), room)
        except cramjam.DecompressionError as error:
            raise _too_large() if FULL in str(error) else _broken(name, error) from None
        return room[:size]

    return decode


def _snappy(payload: bytes) -> bytes:
    """Snappy as librdkafka writes it, raw, or in snappy-java's blocks."""
    payload = bytes(payload)
    if not payload.startswith(XERIAL):
        return _snappy_block(payload, DECOMPRESSED_BYTES)
    blocks: list[bytes] = []
    at, left = XERIAL_HEADER, DECOMPRESSED_BYTES
    while at < len(payload):
        if payload.startswith(XERIAL, at):  # another stream follows
            at += XERIAL_HEADER
            continue
        end = at + _BLOCK.size
        size = _BLOCK.unpack_from(payload, at)[0] if end <= len(payload) else -1
        if size < 0 or end + size > len(payload):
            raise Undecodable("snappy: a block is cut")
        blocks.append(_snappy_block(payload[end : end + size], left))
        left -= len(blocks[-1])
        at = end + size
    return b"".join(blocks)


def _snappy_block(block: bytes, most: int) -> bytes:
    try:
        if cramjam.snappy.decompress_raw_len(block) > most:
            raise _too_large()
        return bytes(cramjam.snappy.decompress_raw(block))
    except cramjam.DecompressionError as error:
        raise _broken("snappy", error) from None


def _room() -> mmap.mmap:
    """This thread's buffer; memory that was never written to is not taken from the system."""
    if not hasattr(_own, "room"):
        _own.room = mmap.mmap(-1, DECOMPRESSED_BYTES)
    room: mmap.mmap = _own.room
    return room


def _too_large() -> Undecodable:
    return Undecodable(f"it holds more than {DECOMPRESSED_BYTES >> 20} MiB when decompressed")


def _broken(name: str, error: Exception) -> Undecodable:
    return Undecodable(f"{name}: {str(error).removeprefix(f'{name}: ')}")


DECODERS: dict[str, Decoder] = {
    "gzip": _streaming("gzip"),
    "snappy": _snappy,
    "lz4": _streaming("lz4"),
    "zstd": _streaming("zstd"),
}
