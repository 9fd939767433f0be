"""Keeps aiokafka's warnings about an unreachable broker from filling the log."""

import logging
import time
from collections.abc import Callable


class OncePer(logging.Filter):
    """Lets aiokafka repeat a warning only once in a while: without a broker it never stops."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.seconds, self.clock = seconds, clock
        self.said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this message has not passed within the last `seconds`."""
        if not record.name.startswith("aiokafka") or record.levelno < logging.WARNING:
            return True
        key, now = (record.name, str(record.msg)), self.clock()
        if now - self.said.get(key, -self.seconds) < self.seconds:
            return False
        self.said[key] = now
        return True


def limit_connection_errors(seconds: float = 10.0) -> None:
    """Add `OncePer` to every handler: loggers may be created later."""
    limit = OncePer(seconds)
    for handler in logging.getLogger().handlers:
        handler.addFilter(limit)
