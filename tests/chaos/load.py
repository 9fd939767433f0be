"""Input that describes itself: from a transaction's number alone follows all that must come of it.

Customers take turns, so the n-th transaction is the (n // customers)-th of its customer. Amounts
are quarters, so their sums are exact. What is said of a transaction is a script chosen by its
number, and so is the label that must hold in the end.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from app.streams.fraud.messages import Feedback, Transaction

START = 1_767_225_600_000  # 2026-01-01, epoch ms
TURN = 61 * 60_000  # ms between two transactions of one customer: no window ends on one
DAY = 86_400_000
ASTRAY_EVERY = 10  # customers

Says = Literal["truth", "lie", "unsure", "none"]


class Line(NamedTuple):
    """Something said of a transaction so many transactions later; below 0, before it is there.

    `astray` goes to another partition than the customer's, `times` is how often it is sent.
    """

    after: int
    source: str
    says: Says
    times: int = 1
    astray: bool = False


# Every script ends with the truth, unless nobody says it or it is taken back.
SCRIPTS: tuple[tuple[Line, ...], ...] = (
    (Line(400, "analyst", "truth"),),
    (Line(250, "customer", "truth"),),
    (Line(300, "analyst", "lie"), Line(600, "analyst", "truth")),
    (Line(200, "analyst", "lie"), Line(500, "chargeback", "truth")),
    (Line(300, "chargeback", "truth"), Line(450, "analyst", "lie")),
    (Line(300, "analyst", "truth"), Line(700, "analyst", "none")),
    (Line(350, "analyst", "unsure"),),
    (Line(-50, "analyst", "truth"),),
    (Line(300, "analyst", "truth", times=3),),
    (),
    (Line(350, "analyst", "truth", astray=True),),
    (Line(0, "stream", "truth"),),  # inside the transaction
)
EARLIEST = -min(line.after for script in SCRIPTS for line in script)
LATEST = max(line.after for script in SCRIPTS for line in script)


@dataclass(frozen=True)
class Load:
    """The input of one run. `seed` gives names of its own, `customers` take turns."""

    seed: int
    customers: int = 240
    merchants: int = 300

    def number(self, tx: str) -> int:
        """The number of a transaction, from its id."""
        return int(tx.rsplit("-", 1)[1])

    def customer(self, n: int) -> str:
        """Whose turn it is."""
        return f"c{self.seed}-{n % self.customers}"

    def amount(self, n: int) -> float:
        """In quarters: sums of them are exact."""
        return (n * 7919 % 1000 + 4) / 4

    def at(self, n: int) -> int:
        """Event time, epoch ms."""
        turn, place = divmod(n, self.customers)
        return START + turn * TURN + place * TURN // self.customers

    def merchant(self, n: int) -> str:
        """Where it is paid."""
        return f"m{self.seed}-{n * 31 % self.merchants}"

    def astray(self, n: int) -> bool:
        """Whether it is sent to a wrong partition: all of some customers, so they stay in order."""
        return n % self.customers % ASTRAY_EVERY == 3

    def fraud(self, n: int) -> bool:
        """The truth: some merchants are bad, so there is something to learn."""
        return n * 31 % self.merchants % 33 == 0

    def script(self, n: int) -> tuple[Line, ...]:
        """What is said of it: shifted in each round of merchants, so that each meets them all."""
        return SCRIPTS[(n + n // self.merchants) % len(SCRIPTS)]

    def transaction(self, n: int) -> Transaction:
        """The n-th transaction."""
        inside = any(line.after == 0 for line in self.script(n))
        return Transaction(
            id=f"t{self.seed}-{n}",
            at=self.at(n),
            customer=self.customer(n),
            merchant=self.merchant(n),
            amount=self.amount(n),
            label=self._word(n, "truth") if inside else None,
        )

    def said(self, n: int) -> Iterator[tuple[Line, Feedback]]:
        """What is sent as feedback of the n-th transaction, in order."""
        for place, line in enumerate(self.script(n)):
            if line.after:
                yield line, self._feedback(n, place, line)

    def holds(self, n: int) -> int | None:
        """The label that must hold in the end: 1 fraud, 0 legitimate, None for none."""
        lines = self.script(n)
        if not lines or lines[-1].says == "none" or all(x.says == "unsure" for x in lines):
            return None
        return int(self.fraud(n))

    def _feedback(self, n: int, place: int, line: Line) -> Feedback:
        return Feedback(
            id=f"t{self.seed}-{n}",
            key=self.customer(n),
            label=self._word(n, line.says),
            source=line.source,
            actor=f"actor-{place}",
            at=self.at(n) + (place + 1) * 60_000,
            label_id=f"l{self.seed}-{n}-{place}",
        )

    def _word(self, n: int, says: Says) -> Literal["fraud", "legit", "unsure", "none"]:
        if says in ("unsure", "none"):
            return says
        return "fraud" if self.fraud(n) == (says == "truth") else "legit"

    # -- what must come of the first `count` transactions, in closed form

    def turns(self, customer: int, count: int) -> list[int]:
        """The numbers of a customer's transactions."""
        return list(range(customer, count, self.customers))

    def totals(self, customer: int, count: int) -> tuple[int, float]:
        """How many transactions a customer has made, and the sum of their amounts."""
        numbers = self.turns(customer, count)
        return len(numbers), sum(self.amount(n) for n in numbers)

    def last_day(self, customer: int, count: int) -> tuple[int, float]:
        """The same of the 24 hours up to the latest one: the last 24 at most."""
        latest = self.turns(customer, count)[-(DAY // TURN + 1) :]
        return len(latest), sum(self.amount(n) for n in latest)

    def merchant_labels(self, count: int) -> dict[str, tuple[int, int]]:
        """Labels that hold, and frauds among them, of each merchant that has any."""
        found: dict[str, tuple[int, int]] = {}
        for n in range(count):
            if (label := self.holds(n)) is not None:
                labels, frauds = found.get(self.merchant(n), (0, 0))
                found[self.merchant(n)] = labels + 1, frauds + label
        return found
