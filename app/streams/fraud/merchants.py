"""What settled labels say about merchants: folded from the examples log, equal on all workers."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from struct import Struct
from typing import NamedTuple, TypeAlias

from app.core.formats import reader_of
from app.core.hashing import cached_hash64
from app.errors import SnapshotError
from app.streams.fraud.messages import Example
from app.streams.fraud.table import Place, Table
from app.units import DAY_MS

DAYS = 31  # buckets: the 30 days of the longest window and the day in which it begins
LIFETIME = 60  # days without a label after which a merchant is forgotten
PRIOR = 2.0  # labels at the overall share that smooth a risk; 1 to 3 measured best
# The alarm's level goes up with an unexplained fraud and down with a legitimate label, by a third
# of that, so that it outlasts frauds that nobody reports; bounded, so that it ends soon after.
UP, DOWN, HIGHEST = 3, 1, 12
SPIKE, FAR = 0.8, 3.0  # log ratio to the typical amount and z-score from which it explains a fraud

# Day of the newest bucket; labels and frauds by weight; length and beginning (ms) of the current
# run of frauds and of unexplained ones, and the time (ms) of the transaction that began the latter;
# level of the alarm and the time (ms) of the transaction that raised it.
HEAD = Struct("<i2diqiqqiq")
RING = Struct(f"<{DAYS}f")
WEIGHT = Struct("<f")
LABELS, FRAUDS = HEAD.size, HEAD.size + RING.size  # where the buckets begin in a record
RECORD = Struct(f"{HEAD.format}{2 * DAYS}f")
PATTERN = Struct("<ii")  # day of the latest fraud, frauds
EMPTY = (0.0,) * DAYS

Totals: TypeAlias = tuple[int, float, float]  # the first three of HEAD

START = Struct("<4sqdd")  # tag with the format, clock, labels, frauds
TAG = b"mer"
FORMAT = 3  # one digit after the tag; see READERS


class MerchantView(NamedTuple):
    """A merchant at one moment: risks are in 0..1, days are None where there is no run."""

    risk_1d: float
    risk_7d: float
    risk_30d: float
    labels: float = 0.0
    run: int = 0
    run_days: float | None = None
    unexplained_run: int = 0
    unexplained_days: float | None = None
    unexplained_age: float | None = None
    alarm: float = 0.0
    alarm_age: float | None = None
    location_frauds: int = 0
    amount_rate: float | None = None


class Merchants:
    """Fraud by merchant and by (merchant, location), from labels in log order.

    A risk is the share of fraud among the labels that became known in a window, smoothed
    towards the overall share. Windows are made of day buckets, the oldest of which counts by
    the part of it that is in the window. The unexplained run leaves out frauds whose amount
    alone stands out: those say more about the card than about the merchant. The alarm counts the
    same frauds as a cumulative sum that legitimate labels reduce step by step.

    A correction or withdrawal takes back what it replaces, from the totals and from the day
    it was counted in, while the ring holds that day. Weights that are multiples of a power of
    two (1, 0.5, 0.25) come and go exactly, up to 2 ** 24 such parts a merchant and day; others
    leave a rounding error of a float. Runs are not sums: to them a correction is a new label,
    and a withdrawal leaves them as they are. What was said before a merchant was forgotten is
    taken back from nothing, or from what came since.

    References
    ----------
    Page, E. S. (1954). Continuous inspection schemes. Biometrika 41, 100-115.
    """

    _clock: int
    _labels: float
    _frauds: float
    _merchants: Table
    _patterns: Table

    def __init__(self) -> None:
        self._forget()

    def __len__(self) -> int:
        """How many merchants have state."""
        return len(self._merchants)

    @property
    def clock(self) -> int:
        """When the latest label became known, epoch ms."""
        return self._clock

    def learn(self, example: Example) -> None:
        """Fold one label. A correction first takes back the label that it replaces."""
        self._clock = max(self._clock, example.known)
        place = self._merchants.open(cached_hash64(example.merchant), self._clock // DAY_MS)
        newest, labels, frauds, *runs = HEAD.unpack_from(*place)
        totals, previous, y = (newest, labels, frauds), example.previous, example.y
        if previous is not None:
            totals = self._count(place, totals, previous.label, -previous.weight, previous.day)
        if y is not None:
            totals = self._count(place, totals, y, example.w, example.known // DAY_MS)
            if y or any(runs):
                runs = _extended(runs, example)
        HEAD.pack_into(*place, *totals, *runs)
        more = (y or 0) - (previous.label if previous else 0)
        if more:
            self._count_pattern(example, more)

    @property
    def base(self) -> float:
        """The overall share of frauds: 1 % before the first label."""
        return (self._frauds + 1) / (self._labels + 100)

    def view(
        self,
        merchant: str,
        location: str,
        at: int,
        risks: bool = True,
        amount_rate: float | None = None,
    ) -> MerchantView:
        """A merchant as a transaction at time `at` (epoch ms) may see it.

        Without `risks` these are the overall share, which saves more than half of the time.
        `amount_rate` is passed on.
        """
        base = self.base
        place = self._merchants.find(cached_hash64(merchant))
        if place is None:
            return MerchantView(base, base, base, amount_rate=amount_rate)
        records, start = place
        head = HEAD.unpack_from(records, start)
        newest, labels, frauds, run, began, unexplained_run, since, first, level, raised = head
        risk_1d = risk_7d = risk_30d = base
        if risks:
            known_1d, known_7d, known_30d = _windows(records, start + LABELS, newest, at)
            bad_1d = bad_7d = bad_30d = PRIOR * base
            if frauds:
                sums = _windows(records, start + FRAUDS, newest, at)
                bad_1d, bad_7d, bad_30d = bad_1d + sums[0], bad_7d + sums[1], bad_30d + sums[2]
            risk_1d = bad_1d / (known_1d + PRIOR)
            risk_7d = bad_7d / (known_7d + PRIOR)
            risk_30d = bad_30d / (known_30d + PRIOR)
        return MerchantView(
            risk_1d,
            risk_7d,
            risk_30d,
            labels,
            run,
            max(at - began, 0) / DAY_MS if run else None,
            unexplained_run,
            max(at - since, 0) / DAY_MS if unexplained_run else None,
            max(at - first, 0) / DAY_MS if unexplained_run else None,
            level / UP,
            max(at - raised, 0) / DAY_MS if level else None,
            self._pattern(merchant, location) if frauds else 0,
            amount_rate,
        )

    def parts(self) -> Iterator[bytes]:
        """A dump in parts of at most 300 kB, each made when it is asked for."""
        yield START.pack(TAG + b"%d" % FORMAT, self._clock, self._labels, self._frauds)
        for part in self._merchants.parts():
            yield b"m" + part
        for part in self._patterns.parts():
            yield b"p" + part

    def load(self, parts: Iterable[bytes]) -> None:
        """Load what `parts` of another one dumped. Raises SnapshotError if they are not that."""
        self._forget()
        parts = iter(parts)
        start = next(parts, b"")
        if start[:3] != TAG or not start[3:4].isdigit():
            raise SnapshotError("the merchant statistics are missing")
        form = int(start[3:4])
        reader_of(READERS, form, "a dump of merchant statistics", SnapshotError)(self, start, parts)

    def _load_3(self, start: bytes, parts: Iterator[bytes]) -> None:
        if len(start) != START.size:
            raise SnapshotError("the merchant statistics are cut short")
        _, self._clock, self._labels, self._frauds = START.unpack(start)
        tables = {b"m": self._merchants, b"p": self._patterns}
        for part in parts:
            if part[:1] not in tables:
                raise SnapshotError("the merchant statistics hold a part of an unknown kind")
            tables[part[:1]].load(part[1:])

    def _forget(self) -> None:
        self._clock = 0
        self._labels = 0.0
        self._frauds = 0.0
        self._merchants = Table(RECORD, LIFETIME)
        self._patterns = Table(PATTERN, LIFETIME)

    def _count(self, place: Place, totals: Totals, label: int, weight: float, day: int) -> Totals:
        """Add a label's weight to totals and to the buckets of its day; returns the merchant's."""
        newest, labels, frauds = totals
        bad = weight if label else 0.0
        self._labels = max(self._labels + weight, 0.0)
        self._frauds = max(self._frauds + bad, 0.0)
        records, at = place
        if weight > 0 and day > newest:
            _clear(place, max(newest + 1, day - DAYS + 1), day)
            newest = day
        if newest - DAYS < day <= newest:
            _add(records, at + LABELS + day % DAYS * WEIGHT.size, weight)
            if label:
                _add(records, at + FRAUDS + day % DAYS * WEIGHT.size, weight)
        return newest, max(labels + weight, 0.0), max(frauds + bad, 0.0)

    def _count_pattern(self, example: Example, frauds: int) -> None:
        key = cached_hash64(f"{example.merchant}\0{example.location}")
        records, at = self._patterns.open(key, self._clock // DAY_MS)
        _, count = PATTERN.unpack_from(records, at)
        PATTERN.pack_into(records, at, self._clock // DAY_MS, max(count + frauds, 0))

    def _pattern(self, merchant: str, location: str) -> int:
        place = self._patterns.find(cached_hash64(f"{merchant}\0{location}"))
        return 0 if place is None else int(PATTERN.unpack_from(*place)[1])


# The current format, and the previous one if it holds all that a fold of the log would give: every
# worker must have the same statistics. Format 2 had no alarm, whose level depends on labels that
# its runs have forgotten. It is refused, and the log is folded again.
READERS: Mapping[int, Callable[[Merchants, bytes, Iterator[bytes]], None]] = {
    FORMAT: Merchants._load_3
}


def explained(x: dict[str, float]) -> bool:
    """Whether a fraud's own amount, against its customer's history, accounts for it."""
    return x.get("amount_log_ratio", 0.0) > SPIKE or x.get("amount_zscore", 0.0) > FAR


def _extended(runs: list[int], example: Example) -> list[int]:
    """The runs and the alarm of a merchant, as in HEAD, after one label more."""
    run, began, unexplained_run, since, first, level, raised = runs
    if not example.y:
        run = unexplained_run = 0
        level = max(level - DOWN, 0)
    else:
        began = began if run else example.known
        run += 1
        if not explained(example.x):
            if not unexplained_run:
                since, first = example.known, example.at
            unexplained_run += 1
            raised = raised if level else example.at
            level = min(level + UP, HIGHEST)
    return [run, began, unexplained_run, since, first, level, raised]


def _windows(records: bytearray, ring_at: int, newest: int, at: int) -> tuple[float, ...]:
    """Sums over the 1, 7 and 30 days before `at` of the buckets of one kind."""
    day, elapsed = divmod(at, DAY_MS)
    ahead = day - newest
    if abs(ahead) >= DAYS:
        return 0.0, 0.0, 0.0
    ring = RING.unpack_from(records, ring_at)
    turn = (day + 1) % DAYS
    ring = ring[turn:] + ring[:turn]  # the last one is the bucket of `day`
    if ahead > 0:
        ring = ring[:-ahead] + EMPTY[:ahead]  # days without labels yet
    elif ahead < 0:
        ring = EMPTY[:-ahead] + ring[-ahead:]  # days that the ring has left behind
    rest = 1 - elapsed / DAY_MS
    week = sum(ring[24:])
    return (
        ring[30] + rest * ring[29],
        week + rest * ring[23],
        week + sum(ring[1:24]) + rest * ring[0],
    )


def _clear(place: Place, first: int, last: int) -> None:
    records, at = place
    for day in range(first, last + 1):
        bucket = at + day % DAYS * WEIGHT.size
        WEIGHT.pack_into(records, bucket + LABELS, 0.0)
        WEIGHT.pack_into(records, bucket + FRAUDS, 0.0)


def _add(records: bytearray, at: int, weight: float) -> None:
    WEIGHT.pack_into(records, at, max(WEIGHT.unpack_from(records, at)[0] + weight, 0.0))
