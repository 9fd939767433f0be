"""A partition from its assignment to its first step: decisions, logs, and labels that waited."""

import asyncio
from collections.abc import Callable, Mapping

from aiokafka import TopicPartition

from app.errors import StateError
from app.runtime.reading import reader
from app.runtime.tables import Store
from app.runtime.writer import Out
from app.serving.decisions import PATIENCE, Decisions
from app.serving.generation import KEY, Mark, encode_mark, follow_up, read_mark
from app.serving.shared import Holding, Shared
from app.serving.waiting import left_over, overdue

PAGE = 1000  # waiting labels looked at without a pause
FOREVER = 2**63  # epoch ms


class Opening:
    """What is done once for a partition that was assigned.

    Parameters
    ----------
    enter_again
        Publishes the labels that wait for an event.
    """

    def __init__(
        self,
        shared: Shared,
        number: int,
        holding: Holding,
        decisions: Decisions,
        enter_again: Callable[[str], None],
    ) -> None:
        self.shared, self.number, self.holding = shared, number, holding
        self.decisions, self.enter_again = decisions, enter_again
        self.settings, self.topics = shared.setup.settings, shared.setup.topics

    async def run(self) -> Mark | None:
        """Read the decisions back, check the logs; what the first step keeps of epoch and topics.

        Raises
        ------
        StateError
            Logs, settings and stored state do not fit.
        """
        mark = self._begin_epoch()
        try:
            await self.decisions.recover(self.holding.committed(self.topics.events))
            await self._check_sources()
        except StateError:
            if mark is not None:  # so that raising the epoch means something
                await self._keep_first({KEY: encode_mark(mark)})
            raise
        self.shared.inputs.compare(self.number, self.decisions.newest)
        await self._enter_decided_again()
        return mark

    @property
    def labels(self) -> Store:
        """The labels of the partition, as they are on disk."""
        return self.shared.labels.store(self.number)

    def _begin_epoch(self) -> Mark | None:
        """Of which epoch and which topics the state is, from its first step on."""
        before, ids = read_mark(self.labels.get(KEY)), self.shared.topic_ids
        claims, epoch = self.decisions.claims, self.settings.epoch
        mark = follow_up(before, epoch, self.topics, ids, claims.unnamed).mark
        claims.unnamed, claims.marked = mark.unnamed, before is not None
        # Also where it stays as it is: of a step that a kill cut short only the disk may have it.
        return mark if ids else None

    async def _check_sources(self) -> None:
        """Raise StateError when a source's log ends below what was already read from it."""
        settings, names = self.settings, self.topics
        highest, epoch = self.shared.learning.state.highest(self.number), settings.epoch
        if highest and highest.epoch > epoch:
            raise StateError(
                f"the learning state is of epoch {highest.epoch}, but this worker's is {epoch}: "
                "its labels would have no effect; raise WEIR_EPOCH"
            )
        settled = highest.offset if highest and highest.epoch == epoch else -1
        read = {names.events: self.decisions.confirmed, names.feedback: settled}
        tps = [TopicPartition(topic, self.number) for topic in read]
        async with reader(settings.brokers, *tps, patience=PATIENCE) as consumer:
            ends = await consumer.end_offsets(tps)
        for tp, end in ends.items():
            if end < max(read[tp.topic] + 1, self.holding.committed(tp.topic) or 0):
                raise StateError(
                    f"{tp.topic}[{self.number}] ends at {end}, but more of it was read before: "
                    "the topic was recreated or truncated; raise WEIR_EPOCH"
                )

    async def _enter_decided_again(self) -> None:
        """Publish waiting labels whose decisions are known by now: another worker knew fewer."""
        labels, last = self.labels, None
        while waiting := overdue(labels, FOREVER, PAGE, after=last):
            # They wait no more: in the changelog first, the next start may not find them.
            await self._keep_first({one.key: None for one in left_over(waiting, labels.get)})
            for id in dict.fromkeys(label.id for label in waiting):
                if self.decisions.decision(id) is not None:
                    self.enter_again(id)
            last = waiting[-1]
            await asyncio.sleep(0)

    async def _keep_first(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Change the labels table before the first step: the changelog, then the store."""
        changelog = self.shared.outbox(self.shared.labels.changelog, self.number)
        receipt = changelog.put(Out(*change) for change in changes.items())
        # A stop cancels whoever waits here, and then waits for the receipt itself.
        await asyncio.shield(receipt.acked)
        self.labels.write(changes)
