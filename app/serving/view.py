"""What others may see of a worker: everything here is read-only."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from faust.types.tuples import TP

from app.core.dump import Learned
from app.core.fold import LearningState
from app.core.labels import LabelEntry, decode_entry
from app.core.manifest import Manifest, read_manifest
from app.core.snapshot import KEY
from app.core.threshold import KEY as THRESHOLD
from app.core.threshold import Threshold
from app.errors import SnapshotError
from app.runtime.topics.shapes import MODELS
from app.serving.learning.snapshots import PARTITION as SNAPSHOTS
from app.serving.one_sided import one_sided
from app.serving.worker import Worker


class Lag(NamedTuple):
    """Records that wait in a partition's two source topics; None when that is not known yet."""

    events: int | None
    feedback: int | None


class Progress(NamedTuple):
    """How far the learning state is behind its log.

    `version` is the next examples offset to fold, `end` the log's end, `behind_seconds` the time
    since the state was level with it. `refused_snapshots` were not used at the start.
    """

    version: int
    end: int
    lag: int
    behind_seconds: float
    refused_snapshots: int


class View:
    """One worker's state. Ask only for a partition that is assigned to the worker."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self.application, self.settings = worker.setup.application, worker.settings
        self.topics, self.sensors = worker.topics, worker.sensors

    def connected(self) -> bool:
        """Whether the worker has reached the broker and read what it starts from."""
        return self._worker.follower.caught_up.is_set()

    # -- the group

    def assigned(self) -> list[int]:
        """The partitions that are assigned to this worker, ascending."""
        return self._worker.assigned()

    def holders(self) -> dict[int, str]:
        """The URL of the worker that each partition was assigned to, at the last assignment."""
        distribution = self._worker.app.assignor.external_topic_distribution
        return {
            partition: url.rstrip("/")
            for url, topics in distribution.items()
            for partition in topics.get(self.topics.events, ())
        }

    def unready(self) -> str | None:
        """Why this worker does not decide as it should, None when it does."""
        worker, app, follower = self._worker, self._worker.app, self._worker.follower
        if worker.watch.doubt is not None:
            return worker.watch.doubt
        if not worker.flow.open or app.rebalancing:
            return "the consumer group is rebalancing"
        if not app.tables.recovery.completed.is_set():
            return "the tables are being recovered"
        if (late := worker.delays.why()) is not None:
            return late
        if follower.missing is not None:
            return f"a restore of the models waits for its snapshot: {follower.missing}"
        if not follower.caught_up.is_set() or follower.degraded():
            return f"the learning state is {follower.lag} examples behind"
        if any(not worker.opened(partition) for partition in self.assigned()):
            return "earlier decisions are being read back"
        return None

    def wrong_settings(self) -> list[str]:
        """Settings of topics that do harm, each with the command that helps."""
        watch = self._worker.watch
        return [one.sentence(self.settings.brokers) for one in sorted(watch.wrong)]

    def holding(self) -> bool:
        """Whether this worker waits for the group: no step begins, and nothing is written."""
        return not self._worker.guard.lease.valid

    def delays(self) -> Mapping[str, float]:
        """Seconds since the last acknowledged heartbeat, and that writes and the disk take."""
        return {watch.name: watch.seconds() for watch in self._worker.delays.watches}

    def lag(self, partition: int) -> Lag:
        """How much of an assigned partition's sources has not been processed."""
        return Lag(*(self._waiting(TP(name, partition)) for name in self.topics.inputs))

    # -- what has been learned

    @property
    def state(self) -> LearningState:
        """The learning state, which is the same on every worker at the same version."""
        return self._worker.follower.state

    def progress(self) -> Progress:
        """How far the learning state is behind its log."""
        follower = self._worker.follower
        return Progress(
            version=follower.state.version,
            end=max(follower.end, follower.state.version),
            lag=follower.lag,
            behind_seconds=follower.seconds_behind(),
            refused_snapshots=follower.refused_snapshots,
        )

    def learned(self) -> Mapping[int, Learned]:
        """What the model of each partition has learned."""
        state = self.state
        return {
            partition: state.learned_by(partition, "partition")
            for partition in range(state.partitions)
        }

    def one_sided(self) -> bool:
        """Whether negatives come from reviewed events alone, and nothing will change that."""
        return one_sided(self.settings, self.state)

    def snapshots(self) -> list[Manifest] | None:
        """The snapshots stored, newest first; None when their partition is another worker's.

        One whose manifest cannot be read, such as one of an earlier format, is left out.
        """
        if SNAPSHOTS not in self.assigned():
            return None
        manifests = []
        for key, value in self._worker.tables[MODELS].store(SNAPSHOTS).walk():
            if key.endswith(b"manifest") and KEY.fullmatch(key):
                with suppress(SnapshotError):
                    manifests.append(read_manifest(value))
        return manifests[::-1]

    def threshold(self, partition: int) -> Threshold | None:
        """The review threshold of a partition, None without a budget."""
        budget, epoch = self.application.budget, self.application.epoch
        if budget is None:
            return None
        return Threshold.decode(self._worker.held.get(partition, THRESHOLD), budget, epoch)

    def newest(self) -> list[bytes]:
        """The latest decisions of this worker as they were sent, oldest first."""
        return list(self.sensors.newest)

    # -- what is known of one key or event

    def record(self, key: str, partition: int) -> Any | None:
        """The record of a key, unpacked; None for one that is not known."""
        raw = self._worker.held.get(partition, key.encode())
        return None if raw is None else self.application.open(raw)

    def record_bytes(self, key: str, partition: int) -> int:
        """How large the record of a key is."""
        return len(self._worker.held.get(partition, key.encode()) or b"")

    def prediction(self, id: str, partition: int) -> Any | None:
        """What was decided on an event, None for one that is not known."""
        found = self._worker.partitions[partition].decisions.get(id)
        return None if found is None else self.application.read_prediction(found.raw)

    def labels(self, id: str, partition: int) -> LabelEntry | None:
        """Everything said about an event, None when nothing was."""
        raw = self._worker.labels.store(partition).get(id.encode())
        return None if raw is None else decode_entry(raw, "")

    def opened(self, partition: int) -> bool:
        """Whether this worker can answer for a partition."""
        return partition in self.assigned() and self._worker.opened(partition)

    def _waiting(self, tp: TP) -> int | None:
        end = self._worker.app.consumer.highwater(tp)
        return None if end is None else max(end - self._worker.flow.position(tp), 0)
