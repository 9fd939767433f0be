"""What others may see of a worker: everything here only reads."""

from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from faust.types.tuples import TP

from app.core import threshold
from app.core.fold import LearningState
from app.core.labels import LabelEntry, decode_entry
from app.core.manifest import Manifest, read_manifest
from app.core.snapshot import KEY
from app.core.threshold import Threshold
from app.errors import SnapshotError
from app.messages import Prediction, read_prediction
from app.serving.snapshots import PARTITION as SNAPSHOTS
from app.serving.worker import Worker
from app.streams.fraud.history.record import History


class Lag(NamedTuple):
    """Records that wait in a partition's two source topics; None when that is not known yet."""

    transactions: int | None
    feedback: int | None


class View:
    """One worker's state. A partition may be asked for only while the worker holds it."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.settings, self.topics = worker.settings, worker.topics
        self.sensors = worker.sensors

    def connected(self) -> bool:
        """Whether the worker has reached the broker and read what it starts from."""
        return self.worker.follower.caught_up.is_set()

    # -- the group

    def held(self) -> list[int]:
        """The partitions that this worker holds, ascending."""
        return self.worker.held()

    def holders(self) -> dict[int, str]:
        """The URL of the worker that holds each partition, as of the last assignment."""
        distribution = self.worker.app.assignor.external_topic_distribution
        return {
            partition: url.rstrip("/")
            for url, topics in distribution.items()
            for partition in topics.get(self.topics.transactions, ())
        }

    def unready(self) -> str | None:
        """Why this worker does not decide as it should, None when it does."""
        worker, app = self.worker, self.worker.app
        if not worker.flow.open or app.rebalancing:
            return "the group is giving out partitions"
        if not app.tables.recovery.completed.is_set():
            return "the tables are being recovered"
        if worker.follower.missing is not None:
            return f"a restore of the models waits for its snapshot: {worker.follower.missing}"
        if not worker.follower.caught_up.is_set() or worker.degraded():
            return f"the learning state is {worker.follower.lag} examples behind"
        if any(not worker.opened(partition) for partition in self.held()):
            return "earlier decisions are being read back"
        if not worker.guard.lease.valid:
            return "the group has not acknowledged a heartbeat lately"
        return None

    def lag(self, partition: int) -> Lag:
        """How much of a held partition's sources has not been worked on."""
        names = self.topics.transactions, self.topics.feedback
        return Lag(*(self._waiting(TP(name, partition)) for name in names))

    # -- what has been learned

    @property
    def state(self) -> LearningState:
        """The learning state, which is the same on every worker at the same version."""
        return self.worker.follower.state

    def snapshots(self) -> list[Manifest] | None:
        """The snapshots stored, newest first; None when another worker holds their table.

        One whose manifest cannot be read, as of an earlier format, is left out.
        """
        if SNAPSHOTS not in self.held():
            return None
        store = self.worker.models.data._db_for_partition(SNAPSHOTS)
        found = filter(KEY.fullmatch, list(store.keys()))
        keys = sorted((key for key in found if key.endswith(b"manifest")), reverse=True)
        manifests = []
        for key in keys:
            with suppress(SnapshotError):
                manifests.append(read_manifest(store.get(key)))
        return manifests

    def threshold(self, partition: int) -> Threshold | None:
        """The review threshold of a partition, None without a budget."""
        if not self.settings.review_budget:
            return None
        raw = self.worker.held_back.get(partition, threshold.KEY)
        return self.worker.account.threshold(raw)

    # -- what is known of one customer or transaction

    def history(self, customer: str, partition: int) -> History | None:
        """A customer's record, None for one that is not known."""
        raw = self.worker.held_back.get(partition, customer.encode())
        return None if raw is None else self.worker.account.open(raw)

    def record_bytes(self, customer: str, partition: int) -> int:
        """How large a customer's record is."""
        return len(self.worker.held_back.get(partition, customer.encode()) or b"")

    def decision(self, tx: str, partition: int) -> Prediction | None:
        """What was decided on a transaction, None for one that is not known."""
        found = self.worker.scored[partition].get(tx)
        return None if found is None else read_prediction(found.raw)

    def labels(self, tx: str, partition: int) -> LabelEntry | None:
        """Everything said of a transaction, None when nothing was."""
        raw = self.worker.labels.data._db_for_partition(partition).get(tx.encode())
        return None if raw is None else decode_entry(raw, "")

    def opened(self, partition: int) -> bool:
        """Whether this worker can answer for a partition."""
        return partition in self.held() and self.worker.opened(partition)

    def _waiting(self, tp: TP) -> int | None:
        consumer = self.worker.app.consumer
        end = consumer.highwater(tp)
        return None if end is None else max(end - self.worker.flow.position(tp), 0)


def frauds_learned(state: LearningState) -> Mapping[int, int]:
    """Frauds behind the model of each partition."""
    return {
        partition: state.learned_by(partition, "partition").frauds
        for partition in range(state.partitions)
    }
