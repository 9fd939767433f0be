"""Recorded traffic through the same core without Kafka: what live decisions would have been."""

from collections.abc import Callable, Iterable, Iterator

from app.data.batches import Batch
from app.fraud.account import Account, Decided
from app.fraud.history import History, hash64
from app.fraud.labels import LabelEntry
from app.fraud.settling import Known, settle
from app.messages import (
    Example,
    Feedback,
    Origin,
    Source,
    Transaction,
    read_example,
    read_prediction,
)


class Replay:
    """Decides and learns as workers do, with logs that are counters and tables in memory.

    Labels are settled and folded in the order in which they fall due; live, the order
    within an hour may differ between partitions. With one partition the scores are those of
    a live run in which labels and transactions wait for each other hour by hour, bit by bit.

    Parameters
    ----------
    account
        What decides, with a fresh learning state.
    partition_of
        The partition of a customer.
    """

    def __init__(self, account: Account, partition_of: Callable[[str], int]) -> None:
        self.account, self.partition_of = account, partition_of
        self._transactions = [0] * account.state.partitions  # next offsets
        self._feedback = [0] * account.state.partitions
        self._customers: dict[str, bytes] = {}
        self._scored: dict[str, Decided] = {}
        self._thresholds = [account.threshold(None) for _ in self._transactions]

    @property
    def decided(self) -> int:
        """Transactions so far."""
        return sum(self._transactions)

    def run(self, batches: Iterable[Batch]) -> Iterator[Example]:
        """Decide and learn hour by hour; gives each example once it is learned."""
        for batch in batches:
            for row in batch.rows:
                self.decide(row.tx)
            for due in batch.labels():
                example = self.learn(due.feedback, due.at)
                if example is not None:
                    yield example

    def decide(self, tx: Transaction) -> bytes:
        """Decide a transaction; returns its prediction's bytes."""
        partition = self.partition_of(tx.customer)
        source = Source(partition, self._transactions[partition])
        self._transactions[partition] += 1
        stored = self._scored.get(tx.id)
        record = self._customers.get(tx.customer)
        threshold = self._thresholds[partition]
        answer = self.account.decide(tx, source, record, stored, threshold=threshold)
        self._customers[tx.customer] = answer.history
        if stored is None:
            self._scored[tx.id] = Decided(source.offset, answer.raw)
        return answer.raw

    def learn(self, said: Feedback, at: int) -> Example | None:
        """Learn a label that is due at `at`; None when it changes nothing.

        Recorded traffic has one label for each transaction, so its decision is let go here.
        """
        partition = self.partition_of(said.customer)
        origin = Origin(self.account.epoch, partition, self._feedback[partition])
        self._feedback[partition] += 1
        stored = self._scored.pop(said.id, None)
        if stored is None:
            return None
        entry = LabelEntry(said.customer, [])
        revision = settle(entry, said, Known(origin, at), read_prediction(stored.raw))
        if revision is None or not revision.example:
            return None
        example = read_example(revision.example)
        self._mark_customer(said, origin, example)
        self.account.state.fold(example, self.account.state.version)
        return example

    def _mark_customer(self, said: Feedback, origin: Origin, example: Example) -> None:
        account = self.account
        record = self._customers[said.customer]
        history = History.decode(record, account.epoch, account.limits)
        history.learn_label(hash64(said.id), origin, example.known, example.y == 1)
        self._customers[said.customer] = history.encode()
