"""The fraud labels that a customer's transactions got recently: a record's second section.

It is a function of the feedback topic alone. Rows are kept by transaction, in the order of
the origins that decided them. A replayed label meets its own row, or a later one of the
same transaction, or a full section that has gone on without it: it changes nothing.
"""

from struct import Struct

from app.core.messages import Origin

# transaction, origin (epoch, partition, offset, index), when it became known, 1 for fraud
ROW = Struct("<QIIqIqB")

Row = tuple[int, Origin, int, bool]


def settle(packed: bytes, row: Row, limit: int) -> bytes:
    """The section after a label, of at most `limit` rows; the lowest origin leaves first.

    A transaction's row is replaced by a higher origin only. A legitimate label keeps its
    row, so that a lower origin cannot bring the fraud back; for a transaction without a
    row it says nothing new.
    """
    tx, origin, _, fraud = row
    rows = unpack(packed)
    known = next((kept for kept in rows if kept[0] == tx), None)
    if (known is None and not fraud) or (known is not None and known[1] >= origin):
        return packed
    rows = [kept for kept in rows if kept is not known]
    rows.append(row)
    rows.sort(key=lambda kept: (kept[1], kept[0]))
    return b"".join(map(_pack, rows[-limit:]))


def unpack(packed: bytes) -> list[Row]:
    """The rows (transaction hash, origin, when known in epoch ms, fraud), lowest origin first."""
    return [
        (tx, Origin(epoch, partition, offset, index), known, bool(fraud))
        for tx, epoch, partition, offset, index, known, fraud in ROW.iter_unpack(packed)
    ]


def frauds(packed: bytes) -> tuple[int, ...]:
    """When the fraud labels that hold became known, epoch ms, in the order of their origins."""
    return tuple(row[5] for row in ROW.iter_unpack(packed) if row[6])


def _pack(row: Row) -> bytes:
    tx, origin, known, fraud = row
    return ROW.pack(tx, origin.epoch, origin.partition, origin.offset, origin.index, known, fraud)
