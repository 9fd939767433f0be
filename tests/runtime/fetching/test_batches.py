"""Batches as other clients write them: read whole, or one record that says why not."""

import random
import subprocess
import sys
from collections.abc import Iterator

import cramjam
import pytest
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from app.errors import StateError
from app.runtime.fetching import batches, codecs
from app.runtime.fetching.batches import Batches, Records, UnreadableBatch, runs
from tests.batches import (
    COMPRESSED,
    GZIP,
    IN_PARTS,
    LZ4,
    NONE,
    SNAPPY,
    ZSTD,
    batch,
    batch_of,
    flipped,
    record,
)

T = TopicPartition("transactions", 0)
VALUES = [b'{"id": "t%d"}' % n * 20 for n in range(4)]
MORE = batch_of([b"more"], base=len(VALUES))  # behind the batch in question
BOMB = 64 << 20  # bytes


@pytest.fixture(autouse=True)
def passed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    batches.install()
    monkeypatch.setattr(Records, "passed", {T.topic})
    yield


def read(raw: bytes, begin: int = 0, tp: TopicPartition = T) -> list[ConsumerRecord]:
    """What a fetch from this offset brings."""
    fetched = Records(tp, Batches(raw), [], begin, None, None, True, 1)
    found = list(fetched)
    assert not found or fetched.next_fetch_offset == found[-1].offset + 1
    return found


def values(raw: bytes) -> list[bytes]:
    found = read(raw)
    assert not any(isinstance(one, UnreadableBatch) for one in found), found
    return [one.value for one in found]


@pytest.mark.parametrize(("codec", "compress"), COMPRESSED.values(), ids=COMPRESSED)
def test_every_clients_batches_are_read(codec, compress):
    assert values(batch_of(VALUES, codec, compress) + MORE) == [*VALUES, b"more"]


@pytest.mark.parametrize(("codec", "compress"), IN_PARTS.values(), ids=IN_PARTS)
def test_streams_behind_one_another_are_one_batch(codec, compress):
    assert values(batch_of(VALUES, codec, compress)) == VALUES


def of_zeros(codec: str) -> bytes:
    compressor = getattr(cramjam, codec).Compressor()
    for _ in range(BOMB >> 20):
        compressor.compress(bytes(1 << 20))
    return bytes(compressor.finish())


def zeros_in_blocks() -> bytes:
    block = bytes(cramjam.snappy.compress_raw(bytes(1 << 20)))
    blocks = (len(block).to_bytes(4, "big") + block) * 64
    return codecs.XERIAL + bytes(8) + blocks


ODD = [(b"\xe9t\xe9", b"1"), (b"trace", None), (b"trace", b"2")]  # Latin-1


@pytest.mark.parametrize(("codec", "compress"), COMPRESSED.values(), ids=COMPRESSED)
@pytest.mark.parametrize("timestamp_type", [0, 8], ids=["the producer's time", "the broker's"])
def test_a_headers_name_that_is_not_utf_8_is_escaped(codec, compress, timestamp_type):
    names = [ODD, [], [(b"plain", b"")]]
    records = [record(n, b"%d" % n, None, headers) for n, headers in enumerate(names)]
    raw = batch(compress(b"".join(records)), 3, codec | timestamp_type, base=7)
    first, second, third = read(raw, begin=7)
    assert first.headers == (("\\xe9t\\xe9", b"1"), ("trace", None), ("trace", b"2"))
    assert (second.headers, third.headers) == ((), (("plain", b""),))
    (like,) = read(batch(compress(records[1]), 1, codec | timestamp_type, base=7, last=1))
    assert second == like, "as aiokafka reads it"


GOOD = batch_of(VALUES, ZSTD, COMPRESSED["zstd with its size"][1])
SPOILT = {  # name: (a batch of four records, what is told)
    "a flipped bit": (flipped(GOOD), "checksum"),
    "an unknown codec": (batch(b"x" * 40, 4, codec=5), "codec 0x05"),
    "another one": (batch(b"x" * 40, 4, codec=7), "codec 0x07"),
    "no gzip": (batch(b"garbage" * 9, 4, GZIP), "gzip: invalid gzip header"),
    "no snappy": (batch(b"\xff" * 9, 4, SNAPPY), "snappy: "),
    "no lz4": (batch(b"garbage", 4, LZ4), "lz4: "),
    "no zstd": (batch(b"garbage", 4, ZSTD), "zstd: "),
    "cut gzip": (batch(COMPRESSED["gzip"][1](VALUES[0])[:-9], 4, GZIP), "gzip: "),
    "cut lz4": (batch(COMPRESSED["lz4 with its size"][1](VALUES[0])[:-3], 4, LZ4), "lz4: "),
    "cut zstd": (batch(COMPRESSED["zstd with its size"][1](VALUES[0])[:-3], 4, ZSTD), "zstd: "),
    "cut blocks": (
        batch(COMPRESSED["snappy of Java, in blocks"][1](VALUES[0])[:-3], 4, SNAPPY),
        "snappy: a block is cut",
    ),
    "garbage in it": (batch(cramjam.zstd.compress(b"\xff" * 50).read(), 4, ZSTD), ""),
    "a record missing": (batch(record(0, b"x") * 3, 4), "Can't read"),
    "a record too many": (batch(b"".join(record(n, b"x") for n in range(5)), 4), "bytes"),
    "a wrong length": (batch(record(0, b"x", more=1) + record(1, b"x") * 3, 4), "size"),
    "offsets that go back": (batch(record(1, b"x") + record(0, b"x") * 3, 4), "ascend"),
    "an offset beyond its last": (
        batch(b"".join(record(n * 9, b"x") for n in range(4)), 4),
        "ascend",
    ),
    "a name that is not UTF-8 and a wrong length": (
        batch(record(0, b"x", headers=ODD, more=1) + record(1, b"x", headers=ODD) * 3, 4),
        "does not end where it says",
    ),
    "a name that is not UTF-8 and no more": (batch(record(0, b"x", headers=ODD)[:-1], 4), "cut"),
    "a gzip bomb": (batch(of_zeros("gzip"), 4, GZIP), "more than 16 MiB"),
    "an lz4 bomb": (batch(of_zeros("lz4"), 4, LZ4), "more than 16 MiB"),
    "a zstd bomb": (batch(of_zeros("zstd"), 4, ZSTD), "more than 16 MiB"),
    "a snappy bomb": (batch(b"\xff\xff\xff\xff\x0f" + b"a" * 20, 4, SNAPPY), "more than 16 MiB"),
    "a bomb of headers": (
        batch(
            COMPRESSED["zstd with its size"][1](record(0, b"x", headers=[(b"", None)] * 600_000)),
            4,
            ZSTD,
        ),
        "headers or more",
    ),
    "a bomb of blocks": (batch(zeros_in_blocks(), 4, SNAPPY), "more than 16 MiB"),
}


@pytest.mark.parametrize(("raw", "told"), SPOILT.values(), ids=SPOILT)
def test_a_batch_that_cannot_be_read_is_one_record_and_the_next_is_read(raw, told):
    bad, good = read(raw + MORE)
    assert isinstance(bad, UnreadableBatch)
    assert (bad.first, bad.offset, bad.value, bad.timestamp) == (0, 3, raw, -1)
    assert told in bad.why and "\n" not in bad.why
    assert (good.offset, good.value) == (4, b"more")
    (alone,) = read(raw)
    assert alone == bad, "nothing behind it is needed to tell where it ends"
    (rest, _) = read(raw + MORE, begin=2)
    assert (rest.first, rest.offset) == (0, 3), "as much of it as there is to read"


@pytest.mark.parametrize("name", SPOILT)
def test_elsewhere_it_is_an_error_that_names_the_place(name):
    with pytest.raises(StateError, match=r"^predictions\[3\] @ 0 cannot be read: \w+"):
        read(SPOILT[name][0], tp=TopicPartition("predictions", 3))


def test_a_batch_without_a_beginning_that_can_be_understood_costs_one_offset():
    (bad,) = read(b"garbage", begin=7)
    assert (bad.first, bad.offset, bad.value) == (7, 7, b"garbage")
    length = bytearray(GOOD)
    length[8:12] = (1 << 20).to_bytes(4, "big")
    (bad,) = read(bytes(length), begin=0)
    assert (bad.first, bad.offset, bad.why) == (0, 3, "it is cut")


def test_a_false_number_of_records_ends_where_the_next_batch_begins():
    spoilt = bytearray(batch_of(VALUES))
    spoilt[23:27] = (1_000_000).to_bytes(4, "big")
    bad, good = read(bytes(spoilt) + MORE)
    assert (bad.first, bad.offset, good.offset) == (0, 3, 4)
    (bad,) = read(bytes(spoilt))
    assert bad.offset == 0, "no further than is certain"


def test_most_of_what_a_batch_may_hold_is_read():
    value = b"x" * (codecs.DECOMPRESSED_BYTES - 100)
    raw = batch_of([value], ZSTD, COMPRESSED["zstd with its size"][1])
    assert len(raw) < 10_000
    (found,) = read(raw)
    assert found.value == value


def test_a_batch_of_too_many_records_is_passed_over():
    empty = record(0, None, None) * (batches.MOST_RECORDS + 1)
    raw = batch(COMPRESSED["zstd with its size"][1](empty), batches.MOST_RECORDS + 1, ZSTD)
    (bad,) = read(raw)
    assert "records" in bad.why and bad.offset == batches.MOST_RECORDS


def test_a_bomb_takes_no_more_memory_than_the_bound():
    code = (
        "import resource\n"
        "from tests.runtime.fetching import test_batches as t\n"
        "from app.runtime.fetching import batches\n"
        "batches.install(); batches.Records.passed = {t.T.topic}\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10\n"
        "before = peak()\n"
        "for name in t.SPOILT:\n"
        "    if 'bomb' in name: t.read(t.SPOILT[name][0])\n"
        "print(peak() - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 3 * (codecs.DECOMPRESSED_BYTES >> 20), "MiB"


def test_a_batch_that_cannot_be_read_is_a_run_by_itself():
    found = read(batch_of(VALUES) + flipped(batch_of(VALUES, base=4)) + batch_of([b"x"], base=8))
    assert [[one.offset for one in run] for run in runs(found)] == [[0, 1, 2, 3], [7], [8]]
    assert runs(found[:4]) == [found[:4]]
    assert runs([]) == []


@given(st.integers(0, 2**32), st.sampled_from([*COMPRESSED]))
def test_any_damage_is_read_or_passed_over_and_what_follows_is_read(chance, name):
    chooser = random.Random(chance)
    codec, compress = COMPRESSED[name]
    raw = bytearray(batch_of(VALUES, codec, compress))
    for _ in range(chooser.randint(1, 3)):
        raw[chooser.randrange(21, len(raw))] = chooser.randrange(256)
    if chooser.random() < 0.8:  # most of it with a checksum that fits
        raw = bytearray(batch(bytes(raw[61:]), 4, raw[22] & 7))
    *found, last = read(bytes(raw) + MORE)
    assert last.value == b"more" and [one.offset for one in found] == sorted(
        {one.offset for one in found}
    )


@pytest.mark.parametrize("codec", codecs.CODECS)
def test_without_a_codec_nothing_starts(monkeypatch, codec):
    codecs.check()
    monkeypatch.setattr(f"aiokafka.codec.has_{codec}", lambda: False)
    with pytest.raises(StateError, match=rf"compressed with {codec} could not be read: install"):
        codecs.check()


@pytest.mark.parametrize("codec", [NONE, GZIP, SNAPPY, LZ4], ids=["plain", *codecs.CODECS[:3]])
@pytest.mark.parametrize("magic", [0, 1])
def test_the_formats_before_batches_are_read_and_passed_over_as_well(magic, codec):
    if (magic, codec) == (0, LZ4):
        return  # which that format never had
    builder = LegacyRecordBatchBuilder(magic, codec, 1 << 20)
    for n, value in enumerate(VALUES):
        builder.append(n, 1_000, b"k", value)
    raw = bytearray(builder.build())
    if codec:
        raw[:8] = (len(VALUES) - 1).to_bytes(8, "big")  # as a broker numbers what is compressed
    assert values(bytes(raw)) == VALUES
    *good, bad = read(flipped(bytes(raw)))
    assert [one.offset for one in good] == ([] if codec else [0, 1, 2])
    assert (bad.offset, bad.why) == (3, "its checksum is wrong")
