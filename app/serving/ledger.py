"""A partition's decisions on disk, by event id, and how far their log has been read."""

import shutil
import struct
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import rocksdict
from rocksdict import AccessType, BlockBasedOptions, Cache, DBCompressionType, Options, Rdict

from app.runtime.rocks import open_or_discard

FORMAT = 3  # of the mark and of entries; see READERS
UNREAD = -1  # place of an entry that this worker wrote and did not read from the log
EARLIER = -1  # source of a decision of an earlier epoch: its offset no longer means anything
MARK = b"\0reached"  # no id contains a NUL
_FIRST = struct.Struct("<q")
_HEAD = struct.Struct("<qq")  # source offset, predictions offset
_MARK = struct.Struct("<qqqq")  # format, epoch, next predictions offset, highest source offset


class Entry(msgspec.Struct, frozen=True, gc=False):
    """What is kept for an id: its decision, and where in the predictions log it was read.

    `source` is the offset of the event in this epoch's log, or EARLIER.
    """

    source: int
    place: int
    raw: bytes


class Ledger:
    """A RocksDB of entries that expire, and a mark that says how far it has read its log.

    One of another epoch, or of an unsupported format, is recreated: the log has everything.

    Parameters
    ----------
    horizon
        Seconds after which an entry expires.
    """

    def __init__(self, path: Path, epoch: int, horizon: float) -> None:
        self.path, self.epoch, self.horizon = path, epoch, horizon
        self.earlier: int | None = None  # the epoch of the store that `read_mark` gave up
        self.db = self._open()

    def entry(self, id: str) -> Entry | None:
        """What is kept for an id."""
        value = self.db.get(id.encode())
        return None if value is None else READERS[_format_of(value)](value)

    def write(self, entries: dict[str, Entry]) -> None:
        """Keep entries, all of them or none."""
        batch = rocksdict.WriteBatch(raw_mode=True)
        for id, entry in entries.items():
            source = -FORMAT if entry.source == EARLIER else entry.source
            batch.put(id.encode(), _HEAD.pack(source, entry.place) + entry.raw)
        self.db.write(batch)

    def read_mark(self) -> tuple[int, int]:
        """The next predictions offset to read, the highest source offset answered before it."""
        mark = self.db.get(MARK)
        if mark is not None and len(mark) == _MARK.size:
            form, epoch, reached, confirmed = _MARK.unpack(mark)
            if form in READERS and epoch == self.epoch:
                if form != FORMAT:  # before any entry that the previous release cannot read
                    self.save_mark(reached, confirmed)
                return reached, confirmed
            if form in READERS and epoch < self.epoch:
                self.earlier = epoch
        self.start_over()
        return 0, -1

    def save_mark(self, reached: int, confirmed: int) -> None:
        """Remember how far the log was read."""
        self.db.put(MARK, _MARK.pack(FORMAT, self.epoch, reached, confirmed))

    def start_over(self) -> None:
        """Forget everything."""
        self.db.close()
        shutil.rmtree(self.path)
        self.db = self._open()

    def close(self) -> None:
        """Release the files."""
        self.db.close()

    def _open(self) -> Rdict:
        options = Options(raw_mode=True)
        options.set_compression_type(DBCompressionType.lz4())
        options.set_write_buffer_size(4 << 20)
        table = BlockBasedOptions()
        table.set_bloom_filter(10, block_based=False)
        table.set_block_cache(Cache(8 << 20))
        options.set_block_based_table_factory(table)

        def open_files() -> Rdict:
            # Column families are named: otherwise rocksdict takes their options from the last
            # start, nests expiry in expiry, and from the third start on every compaction drops
            # all entries.
            return Rdict(
                str(self.path),
                options,
                column_families={"default": options},
                access_type=AccessType.with_ttl(int(self.horizon)),
            )

        self.path.mkdir(parents=True, exist_ok=True)
        return open_or_discard(self.path, open_files)


def _format_of(value: bytes) -> int:
    """The format of an entry: 2 begins with a source, which is never below 0.

    Entries of the previous format stay among new ones until they expire, so later formats identify
    themselves: by their number, negated, in place of the source. Format 3 does so where there is no
    source, and is format 2 otherwise.
    """
    (first,) = _FIRST.unpack_from(value)
    return 2 if first >= 0 else -int(first)


def _read_2(value: bytes) -> Entry:
    source, place = _HEAD.unpack_from(value)
    return Entry(source, place, value[_HEAD.size :])


def _read_3(value: bytes) -> Entry:
    _, place = _HEAD.unpack_from(value)
    return Entry(EARLIER, place, value[_HEAD.size :])


# The current format and the previous one, which knew no decisions of earlier epochs.
READERS: Mapping[int, Callable[[bytes], Entry]] = {FORMAT: _read_3, 2: _read_2}
