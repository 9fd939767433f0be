"""What is kept in stored.txt, and the values that went into it."""

from base64 import b64decode
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from app.core.dump import Counts, Header, Learned, Restored
from app.core.hashing import hash64
from app.core.labels import Revision
from app.core.manifest import Identity, Manifest
from app.core.messages import ModelUsed, Origin, Reason, Source
from app.streams.fraud.history import origins
from app.streams.fraud.history.buckets import EMPTY, Buckets
from app.streams.fraud.history.habits import SLOT
from app.streams.fraud.history.past import Past
from app.streams.fraud.history.record import History
from app.streams.fraud.history.ring import Event
from app.streams.fraud.history.running import Running
from app.streams.fraud.history.totals import Totals
from app.streams.fraud.messages import Example, Prediction
from app.units import DAY_MS

EPOCH = 3
START = 1_700_000_000_000
DAY = START // DAY_MS


def _parsed(block: str) -> tuple[str, list[bytes]]:
    head, text = block.split("\n", 1)
    parts = text.split("\n+\n")
    raw = [part.encode() if part.startswith("{") else b64decode(part) for part in parts]
    return head.split(" @ ")[0], raw


_, *_blocks = (Path(__file__).parent / "stored.txt").read_text().strip().split("\n\n")
STORED: dict[str, list[bytes]] = dict(map(_parsed, _blocks))  # the parts, by name


class Known(NamedTuple):
    """A customer's record in words."""

    seen_through: int
    events: list[Event]
    past: Past
    labels: list[tuple[int, Origin, int, bool]]
    entered: Sequence[Source] = ()  # the highest offset of each foreign partition


def known(history: History) -> Known:
    past, entered = history.before(2**50), origins.ROW.iter_unpack(history._origins)
    sources = tuple(Source(*row) for row in entered)
    return Known(history.seen_through, history.events(), past, history.labels(), sources)


def event(
    n: int,
    after: int,
    amount: float,
    place: tuple[float, float] = (None, None),
    merchant: str = "m1",
    offset: int | None = None,
) -> Event:
    offset = n if offset is None else offset
    return Event(offset, hash64(f"t{n}"), START + after, amount, hash64(merchant), *place)


def customer(
    events: list[Event], running: Running, seen_through: int | None = None, **more: Any
) -> Known:
    """What a record should say of which no event has left."""
    past = Past(
        ats=tuple(event.at for event in events),
        amounts=tuple(event.amount for event in events),
        merchants=tuple(event.merchant for event in events),
        running=running,
        older=Totals(),
        frauds=(),
        whole=True,
    )
    last = events[-1].offset if seen_through is None else seen_through
    return Known(last, events, past, [])


PLAIN = customer(
    [event(0, 0, 5.0), event(1, 60_000, 7.5), event(4, 30_000, 40.0, merchant="m2")],
    Running(3, 17.5, 762.5, 9.375, START + 60_000, START + 30_000),
    seen_through=6,
)
PLACES = customer(
    [
        event(0, 0, 5.0),
        event(1, 60_000, 7.5, (48.5, 2.25)),
        event(2, 120_000, 6.25, (50.75, -1.5)),
    ],
    Running(
        *(3, 6.25, 3.125, 6.25, START + 120_000, -1),
        *(2, 49.625, 0.375, 50.75, -1.5, START + 120_000),
    ),
)
WIDE = customer(
    [
        event(0, 0, 5.0),
        event(1, 2**31, 7.5, offset=2**40),
        event(2, 2**31 + 1, 6.0, offset=2**40 + 1),
    ],
    Running(3, 37 / 6, 3.166666666666667, 37 / 6, START + 2**31 + 1, -1),
)
DAILY = Known(
    6,
    [event(n, n * DAY_MS, 10.0 + n) for n in (4, 5, 6)],
    Past(
        ats=(START + 5 * DAY_MS, START + 6 * DAY_MS),
        amounts=(15.0, 16.0),
        merchants=(hash64("m1"),) * 2,
        running=Running(7, 13.0, 28.0, 13.0, START + 6 * DAY_MS, -1),
        older=Totals(
            tuple(range(DAY, DAY + 5)), (1,) * 5, (10.0, 11.0, 12.0, 13.0, 14.0), START + 4 * DAY_MS
        ),
        frauds=(START + 4 * DAY_MS,),
        whole=True,
    ),
    [
        (hash64("t3"), Origin(EPOCH, 1, 9), START + 4 * DAY_MS, True),
        (hash64("t1"), Origin(EPOCH, 1, 11), START + 5 * DAY_MS, False),
    ],
)
_COUNTS, _SUMS = EMPTY
# Two events that left a second before the others: in the latest bucket of each level.
BUSY = Known(
    5,
    [event(n, 1000 * n, 10.0 + n) for n in (2, 3, 4)],
    Past(
        ats=(START + 3000, START + 4000),
        amounts=(13.0, 14.0),
        merchants=(hash64("m1"),) * 2,
        running=Running(5, 12.0, 10.0, 12.0, START + 4000, -1),
        older=Totals((DAY,), (3,), (33.0,), START + 2000),
        frauds=(),
        whole=True,
        buckets=Buckets(
            reached=START + 4000,
            levels=(((*_COUNTS[1:], 3), (*_SUMS[1:], 33.0)),) * 4,
        ),
    ),
    [],
    (Source(0, 9), Source(2, 5)),
)
# Words of two fields; the first event kept used both.
WORDED = Known(
    4,
    [event(n, 1000 * n, amount) for n, amount in ((2, 90.0), (3, 4.0), (4, 6.0))],
    Past(
        ats=(START + 3000, START + 4000),
        amounts=(4.0, 6.0),
        merchants=(hash64("m1"),) * 2,
        running=Running(5, 23.0, 5632.0, 8.75, START + 4000, START + 2000),
        older=Totals((DAY,), (3,), (105.0,), START + 2000),
        frauds=(),
        whole=True,
        buckets=Buckets(
            reached=START + 4000,
            levels=(((*_COUNTS[1:], 3), (*_SUMS[1:], 105.0)),) * 4,
        ),
        habits=(SLOT.pack(7, 2, 17.5) + SLOT.pack(9, 2, 5.5), SLOT.pack(3, 1, 90.0)),
    ),
    [],
)

EXAMPLE = Example(
    id="t1",
    x={"amount": 40.0, "amount_log_ratio": 0.25},
    y=1,
    w=1.0,
    previous=None,
    score=0.75,
    threshold=0.5,
    version=12,
    merchant="m1",
    location="FR",
    at=START,
    known=START,
    origin=Origin(EPOCH, 1, 8),
    end_of_step=True,
)
PREDICTION = Prediction(
    id="t1",
    key="c1",
    merchant="m1",
    location="FR",
    amount=40.0,
    at=START,
    score=0.75,
    threshold=0.5,
    decision="review",
    reasons=[Reason("amount_log_ratio", 1.5, "5 times the usual amount")],
    mode="blend",
    model=ModelUsed("binned", "both", 12, "fraud-full"),
    features={"amount": 40.0},
    source=Source(1, 8),
    engine="0.1.0-x",
)
SETTLED = Revision(
    origin=Origin(EPOCH, 1, 8),
    label_id="l1",
    label="fraud",
    source="analyst",
    at=START,
    recorded=START + 5,
    outcome="settled",
    actor="ann",
    note="by phone",
    example=b'{"tx":"t1"}',
)
WAITS = Revision(
    origin=Origin(EPOCH, 1, 9),
    label_id="l2",
    label="legit",
    source="customer",
    at=START,
    recorded=START + 6,
    outcome="waiting",
    key="c1",
    history=b"[1]",
)
COUNTS = Counts(examples=4, positives=1, negatives=3, withdrawn=1, skipped=2)
MANIFEST = Manifest(
    identity=Identity("binned", 2, "1f" * 8),
    version=12,
    digest="ab" * 32,
    engine="0.1.0-x",
    counts=COUNTS,
    parts=9,
    size=4321,
    chunks=["cd" * 16],
    rebuilt=True,
)
HEADER = Header(
    model="binned",
    partitions=2,
    version=12,
    counts=COUNTS,
    learned=[Learned(negatives=3, positives=1), Learned()],
    origins=[Origin(EPOCH, 1, 8)],
    restores=[Restored("r1", 11, 10, "ab" * 32)],
)
