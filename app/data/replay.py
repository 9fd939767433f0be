"""Recorded traffic through the same core without Kafka: what live decisions would have been."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from app.core.batch import Account, Decided, Sitting
from app.core.labels import TAUGHT
from app.core.settling import lesson
from app.data.batches import Batch
from app.data.overflow import Kept
from app.data.rows import Due, Labelled
from app.messages import Example, Feedback, Origin, Prediction, Source, Transaction, read_prediction
from app.streams.fraud.history.record import History, hash64

CHUNK = 500  # labels in a step, as WEIR_CHUNK has it
TOGETHER = 2_000  # transactions decided at once: an hour may hold a whole file


class Learned(NamedTuple):
    """A decision whose label became known, and the example that this gave."""

    decision: Prediction
    example: Example


class Histories:
    """Customers' records: the latest used are kept open, which spares reading and packing them.

    Parameters
    ----------
    most
        Records that are open at a time: an open one takes some 5 kB, a packed one less than 2.
        As many more stay in memory packed, the others in a file.
    """

    def __init__(self, account: Account, most: int = 20_000) -> None:
        self.account, self.most = account, most
        self._open: dict[str, History] = {}  # the latest used is the last
        self._packed = Kept(bytes, most)

    def open(self, customer: str) -> History:
        """The record of a customer, to be changed in place."""
        history = self._open.pop(customer, None)
        if history is None:
            record = self._packed.pop(customer)
            history = History.decode(record, self.account.epoch, self.account.limits)
            if len(self._open) >= self.most:
                oldest = next(iter(self._open))
                self._packed.put(oldest, self._open.pop(oldest).encode())
        self._open[customer] = history
        return history


class Replay:
    """Decides and learns as workers do, with logs that are counters and tables in memory.

    Labels are settled and folded in the order in which they fall due; live, the order
    within an hour may differ between partitions. With one partition the scores are those of
    a live run in which labels and transactions wait for each other hour by hour, bit by bit.

    Memory is bounded by the merchants: customers' records, and decisions that wait for their
    labels, lie in a file where they are many.

    Parameters
    ----------
    account
        What decides, with a fresh learning state.
    partition_of
        The partition of a customer.
    chunk
        Most labels that are one step of a partition.
    """

    def __init__(
        self, account: Account, partition_of: Callable[[str], int], chunk: int = CHUNK
    ) -> None:
        self.account, self.partition_of, self.chunk = account, partition_of, chunk
        self.repeated = 0  # transactions whose id had come before
        self.refused = 0  # labels of a transaction that is another customer's
        self._transactions = [0] * account.state.partitions  # next offsets
        self._feedback = [0] * account.state.partitions
        self._customers = Histories(account)
        self._scored = Kept(Decided)
        self._thresholds = [account.threshold(None) for _ in self._transactions]

    @property
    def decided(self) -> int:
        """Transactions so far."""
        return sum(self._transactions)

    def run(self, batches: Iterable[Batch]) -> Iterator[Learned]:
        """Decide and learn hour by hour; gives what was learned once it is."""
        for batch in batches:
            yield from self.play(batch)

    def play(self, batch: Batch) -> list[Learned]:
        """Decide the transactions of an hour, then learn its labels."""
        for begin in range(0, len(batch.rows), TOGETHER):
            self.decide_all(batch.rows[begin : begin + TOGETHER])
        return self.learn_all(batch.labels())

    def decide_all(self, rows: Sequence[Labelled]) -> list[bytes]:
        """Decide transactions on what is known now; returns their predictions' bytes.

        A decision is kept for its label, and repeated when its id comes again, unless none is
        to come.
        """
        sitting = Sitting(self.account)
        for row in rows:
            partition = self.partition_of(row.tx.customer)
            source = Source(partition, self._transactions[partition])
            self._transactions[partition] += 1
            record, threshold = self._customers.open(row.tx.customer), self._thresholds[partition]
            sitting.hear(row.tx, source, record, self._scored.get(row.tx.id), threshold)
        answers = sitting.decide()
        expected = {row.tx.id for row in rows if row.fraud is not None}
        for id, decided in sitting.fresh.items():
            if id in expected:
                self._scored.put(id, decided)
        self.repeated += sum(answer.fresh is None for answer in answers)
        return [answer.raw for answer in answers]

    def decide(self, tx: Transaction) -> bytes:
        """Decide one transaction whose label is to come; returns its prediction's bytes."""
        (raw,) = self.decide_all([Labelled(tx, fraud=False, scenario=0)])
        return raw

    def learn(self, said: Feedback, at: int) -> Example | None:
        """Learn a label that is due at `at`, a step of its own; None when it changes nothing."""
        learned = self.learn_all([Due(at, said)])
        return learned[0].example if learned else None

    def learn_all(self, labels: Sequence[Due]) -> list[Learned]:
        """Learn labels in their order; gives those that change something.

        As live, up to `chunk` labels of one partition are a step, whose last example says so.
        """
        learned, ends = [], {}
        reached = self._feedback.copy()
        for due in labels:
            one = self._settle(due.feedback, due.at)
            if one is not None:
                origin = one.example.origin
                step = (origin.offset - reached[origin.partition]) // self.chunk
                ends[origin.partition, step] = one.example
                learned.append(one)
        for example in ends.values():
            example.end_of_step = True
        state = self.account.state
        cells = state.look_up([one.example for one in learned])
        for one, where in zip(learned, cells, strict=True):
            state.fold(one.example, state.version, where)
        return learned

    def _settle(self, said: Feedback, at: int) -> Learned | None:
        """What a label teaches. Recorded traffic has one for each transaction.

        So what it says holds at once, and the decision is let go.
        """
        partition = self.partition_of(said.customer)
        origin = Origin(self.account.epoch, partition, self._feedback[partition])
        self._feedback[partition] += 1
        stored = self._scored.pop(said.id)
        if stored is None:
            return None
        decision = read_prediction(stored.raw)
        if decision.customer != said.customer:
            self._scored.put(said.id, stored)
            self.refused += 1
            return None
        example = lesson(decision, TAUGHT[said.label], 1.0, at, origin)
        if example.y == 1:  # a legitimate label says nothing new to a record without one
            history = self._customers.open(said.customer)
            history.learn_label(hash64(said.id), origin, at, fraud=True)
        return Learned(decision, example)
