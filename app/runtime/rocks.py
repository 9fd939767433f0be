"""RocksDB files that can be trusted: damage is detected, never read as if it were whole.

RocksDB verifies a checksum of every block that it reads and of every entry of its write-ahead
logs. Three faults it does not report: a manifest that was cut off at the end of an entry makes it
forget files; a flipped bit that turns a log's entry into one of a recycled log makes it loop
forever, with the interpreter locked (https://github.com/facebook/rocksdb/issues/13333); and
rocksdict's iterators end at a damaged block as they do at the last key.
"""

import logging
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import rocksdict
from rocksdict import AccessType, Options, Rdict

from app.runtime.guard import Exit

log = logging.getLogger(__name__)

# The format of logs and manifests: https://github.com/facebook/rocksdb/wiki/Write-Ahead-Log-File-Format
LOG_BLOCK = 32 << 10
LOG_HEADER = struct.Struct("<IHB")  # checksum, length, type
RECYCLED = {5, 6, 7, 8, 11}  # types of entries in recycled logs; these options never recycle one
WHOLE = bytes.fromhex("f7cff485b741e288")  # the last bytes of a table file that is complete
DAMAGE = ("Corruption", "No such file")
DISK = (
    "No space left",
    "Disk quota exceeded",
    "File too large",
    "Read-only file system",
    "Permission denied",
    "Input/output error",
)


def cause(error: BaseException, otherwise: Exit) -> Exit:
    """The exit code of an error that may come from the local files.

    rocksdict has one class for all of its errors, so the text has to decide.

    >>> cause(Exception("IO error: No space left on device: While appending"), Exit.STEP).name
    'DISK'
    >>> cause(Exception("Corruption: block checksum mismatch"), Exit.STEP).name
    'DAMAGED'
    >>> cause(KeyError("No space left"), Exit.STEP).name
    'STEP'
    """
    if type(error) is not Exception and not isinstance(error, OSError):
        return otherwise
    text = str(error)
    if any(words in text for words in DISK):
        return Exit.DISK
    return Exit.DAMAGED if any(words in text for words in DAMAGE) else otherwise


def open_or_discard(path: Path, open_files: Callable[[], Rdict]) -> Rdict:
    """Open a database; a damaged one is removed and opened empty, to be rebuilt from the logs."""
    try:
        check(path)
        return open_files()
    except Exception as error:
        if cause(error, Exit.STEP) != Exit.DAMAGED:
            raise
        log.warning(
            "Discarding the damaged local state %s, to be rebuilt from the logs: %s", path, error
        )
    shutil.rmtree(path)
    return open_files()


def check(path: Path) -> None:
    """Raise when opening would never end, or the manifest does not name the newest table files.

    Older ones may have been merged into one that it names, by a process that was killed before
    it removed them. Read-only, because opening for writing removes what is not named.
    """
    for file in (*path.glob("MANIFEST-*"), *path.glob("*.log")):
        if not RECYCLED.isdisjoint(_types(file.read_bytes())):
            raise Exception(f"Corruption: {file.name} has an entry of a recycled log")
    whole = {int(file.stem) for file in path.glob("*.sst") if _is_whole(file)}
    if not whole:
        return
    db = Rdict(str(path), Options(raw_mode=True), access_type=AccessType.read_only())
    try:
        known = {int(Path(file["name"]).stem) for file in db.live_files()}
    finally:
        db.close()
    if lost := sorted(number for number in whole if number > max(known, default=0)):
        raise Exception(f"Corruption: the manifest does not name the tables {lost}")


def _types(content: bytes) -> Iterator[int]:
    """The type of each entry in a log; nonsense after a damaged entry."""
    at = 0
    while at + LOG_HEADER.size <= len(content):
        if (left := LOG_BLOCK - at % LOG_BLOCK) < LOG_HEADER.size:
            at += left  # no header is split over two blocks
            continue
        _, length, kind = LOG_HEADER.unpack_from(content, at)
        yield kind
        at += LOG_HEADER.size + length


def _is_whole(file: Path) -> bool:
    with file.open("rb") as table:
        return (
            table.seek(0, 2) >= len(WHOLE)
            and table.seek(-len(WHOLE), 2) >= 0
            and (table.read() == WHOLE)
        )


def walk(db: Rdict, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
    """The entries from a key onwards. Raises rocksdict's Exception at a damaged block."""
    entries: rocksdict.RdictIter = db.iter()
    entries.seek(start) if start else entries.seek_to_first()
    while entries.valid():
        yield entries.key(), entries.value()
        entries.next()
    entries.status()
