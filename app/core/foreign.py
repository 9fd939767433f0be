"""What in the changelog of a table is not Weir's: decided by the shape of key and value alone.

So all workers pass the same records over. Nothing that a release has written, or a later one will
write, is taken for foreign: keys that begin with a NUL are Weir's own, unless they are of a known
kind and malformed (`app/core/label_keys.py`), and so is a value that begins as stored formats do,
however damaged the rest is. Whoever opens it says what is wrong:
that its format is newer than this release, or that it is damaged. Passing over such a value would
lose what it holds; passing over a foreign one leaves what the table had under its key.
"""

from collections.abc import Callable

from app.core.bundle import CHUNK_BYTES, PINNED
from app.core.label_keys import OWN, begins, misfit
from app.core.snapshot import KEY
from app.wire import MAX_ID_BYTES

# Of a key and its value; returns why a record is foreign, or ''.
Rule = Callable[[bytes | None, bytes | None], str]

# The first byte of a packed record is its format. No format will have the number of a character
# with which text begins, nor 0, with which the framing of other serializers does.
FORMATS = frozenset(range(1, 32)) - frozenset(b"\t\n\r")
is_entry = begins("customer")  # of labels
SEALED = b'{"manifest":'


def rules(records: str, labels: str, models: str) -> dict[str, Rule]:
    """The rule of each table, by its name."""
    return {records: record, labels: label_entry, models: snapshot}


def record(key: bytes | None, value: bytes | None) -> str:
    """Why a change of the table of records is foreign; '' when it is not."""
    if why := _not_an_id(key):
        return why
    if value is None or (value and value[0] in FORMATS):
        return ""
    return "its value is not a record of any format"


def label_entry(key: bytes | None, value: bytes | None) -> str:
    """Why a change of the table of labels is foreign; '' when it is not."""
    if why := _not_an_id(key):
        return why
    if key and key.startswith(OWN):
        return misfit(key, value)
    if value is None or is_entry(value):
        return ""
    return "its value is not what was said about an event"


def snapshot(key: bytes | None, value: bytes | None) -> str:
    """Why a change of the table of snapshots is foreign; '' when it is not."""
    if key is None or not KEY.fullmatch(key, len(PINNED) if key.startswith(PINNED) else 0):
        return "its key is not that of a snapshot"
    if value is None:
        return ""
    if key.endswith(b"manifest"):
        return "" if value.startswith(SEALED) else "its value is not a manifest"
    return "" if 0 < len(value) <= CHUNK_BYTES else "its value is not a chunk of a snapshot"


def _not_an_id(key: bytes | None) -> str:
    """Why a key is neither an id nor one of Weir's own."""
    if not key:
        return "it has no key"
    if key.startswith(OWN):
        return ""
    if len(key) > MAX_ID_BYTES or OWN in key or not (key.isascii() or _is_text(key)):
        return "its key is not an id"
    return ""


def _is_text(key: bytes) -> bool:
    try:
        key.decode()
    except UnicodeDecodeError:
        return False
    return True
