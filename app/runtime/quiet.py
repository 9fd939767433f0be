"""Keeps aiokafka's complaints about a broker that is away from filling the log."""

import logging
import time
from collections.abc import Callable


class OncePer(logging.Filter):
    """Let aiokafka complain of the same thing once in a while: without a broker it never ends."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.seconds, self.clock = seconds, clock
        self.said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this message was not let through within the last seconds."""
        if not record.name.startswith("aiokafka") or record.levelno < logging.WARNING:
            return True
        key, now = (record.name, str(record.msg)), self.clock()
        if now - self.said.get(key, -self.seconds) < self.seconds:
            return False
        self.said[key] = now
        return True


def limit_connection_errors(seconds: float = 10.0) -> None:
    """Put `OncePer` in front of every handler: loggers may be made later."""
    limit = OncePer(seconds)
    for handler in logging.getLogger().handlers:
        handler.addFilter(limit)
