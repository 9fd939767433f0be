"""What is passed over because Weir did not write it: counted, and said once in a while."""

import logging
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

QUIET = 10.0  # seconds between two lines about one topic


class PassedOver:
    """Takes note of foreign records, wherever they are met.

    Parameters
    ----------
    count
        Called with the topic of each.
    """

    def __init__(
        self,
        count: Callable[[str], None] = lambda topic: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.count, self.clock = count, clock
        self._said: dict[str, float] = {}
        self._since: dict[str, int] = {}

    def __call__(self, topic: str, partition: int, offset: int, why: str) -> None:
        """A record was passed over."""
        self.count(topic)
        now = self.clock()
        if now - self._said.get(topic, -QUIET) < QUIET:
            self._since[topic] = self._since.get(topic, 0) + 1
            return
        self._said[topic] = now
        if others := self._since.pop(topic, 0):
            why = f"{why}; so were {others} more since the last such line"
        log.warning("%s[%d] @ %d is foreign and passed over: %s", topic, partition, offset, why)
