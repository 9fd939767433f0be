"""Batches as other clients write them, byte by byte: what aiokafka's own producer never writes."""

import struct
import time
from collections.abc import Callable, Sequence

import cramjam
from aiokafka.codec import gzip_encode, lz4_encode, snappy_encode, zstd_encode
from aiokafka.record._crecords.cutil import crc32c_cython as crc32c

NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)
TRANSACTIONAL = 0x10  # beside the codec
NOW = int(time.time() * 1000)
HEADER = struct.Struct(">qiibIhiqqqhii")
AFTER_CRC = 21

Headers = Sequence[tuple[bytes, bytes | None]]
Compress = Callable[[bytes], bytes]

COMPRESSED: dict[str, tuple[int, Compress]] = {  # name: (codec id, what a client makes of records)
    "plain": (NONE, bytes),
    "gzip": (GZIP, gzip_encode),
    "snappy of librdkafka, raw": (SNAPPY, lambda raw: bytes(cramjam.snappy.compress_raw(raw))),
    "snappy of Java, in blocks": (SNAPPY, lambda raw: snappy_encode(raw, xerial_blocksize=64)),
    "lz4 with its size": (LZ4, lz4_encode),
    "lz4 without its size": (LZ4, lambda raw: streamed("lz4", raw)),
    "zstd with its size": (ZSTD, zstd_encode),
    "zstd without its size": (ZSTD, lambda raw: streamed("zstd", raw)),
}
IN_PARTS: dict[str, tuple[int, Compress]] = {  # several streams behind one another
    "gzip": (GZIP, lambda raw: in_two(gzip_encode, raw)),
    "snappy": (SNAPPY, lambda raw: in_two(snappy_encode, raw)),
    "lz4": (LZ4, lambda raw: in_two(lz4_encode, raw)),
    "zstd": (ZSTD, lambda raw: in_two(zstd_encode, raw)),
}


def streamed(codec: str, raw: bytes) -> bytes:
    """Compressed piece by piece: the beginning cannot say how large the whole is."""
    # Brokers do not take lz4 whose blocks refer to one another.
    options = {"block_linked": False} if codec == "lz4" else {}
    compressor = getattr(cramjam, codec).Compressor(**options)
    for begin in range(0, len(raw), 64):
        compressor.compress(raw[begin : begin + 64])
    return bytes(compressor.finish())


def in_two(compress: Compress, raw: bytes) -> bytes:
    half = len(raw) // 2
    return compress(raw[:half]) + compress(raw[half:])


def varint(number: int) -> bytes:
    """A number as records have it: zigzag, seven bits a byte."""
    left, out = (number << 1) ^ (number >> 63), bytearray()
    while left > 0x7F:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([*out, left])


def field(value: bytes | None) -> bytes:
    return varint(-1) if value is None else varint(len(value)) + value


def record(
    delta: int, value: bytes | None, key: bytes | None = b"k", headers: Headers = (), more: int = 0
) -> bytes:
    """A record at an offset from the first; `more` falsifies its length."""
    told = b"".join(field(name) + field(given) for name, given in headers)
    body = b"\0" + varint(0) + varint(delta) + field(key) + field(value)
    body += varint(len(headers)) + told
    return varint(len(body) + more) + body


def batch(
    records: bytes,
    count: int,
    codec: int = NONE,
    base: int = 0,
    timestamp: int = NOW,
    last: int | None = None,
) -> bytes:
    """A batch of these bytes, whatever they are, with a true checksum."""
    last = count - 1 if last is None else last
    length = HEADER.size - 12 + len(records)
    facts = codec, last, timestamp, timestamp, -1, -1, -1, count
    raw = bytearray(HEADER.pack(base, length, -1, 2, 0, *facts) + records)
    raw[AFTER_CRC - 4 : AFTER_CRC] = crc32c(bytes(raw[AFTER_CRC:])).to_bytes(4, "big")
    return bytes(raw)


def batch_of(
    values: Sequence[bytes | None],
    codec: int = NONE,
    compress: Compress = bytes,
    base: int = 0,
    **more: int,
) -> bytes:
    """A batch with these values."""
    records = b"".join(record(n, value) for n, value in enumerate(values))
    return batch(compress(records), len(values), codec, base, **more)


def flipped(raw: bytes, at: int = -1) -> bytes:
    """With one bit wrong."""
    spoilt = bytearray(raw)
    spoilt[at] ^= 1
    return bytes(spoilt)
