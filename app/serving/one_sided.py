"""A warning: all negative labels are of reviewed events, and none of an ordinary one.

Models that never learn an ordinary event take it for positive. Whether it is so is told from the
learning state, which counts the latest negatives in a row that are of flagged events. One of an
approved event, from whatever source, ends that row. Because the count is folded, it outlasts a
restart, no window of time has to be kept, and all workers of the same settings agree.
"""

import logging

from app.core.fold import LearningState
from app.settings import Settings

log = logging.getLogger(__name__)

MANY = 100  # negatives in a row from which it is no chance

WARNING = (
    "The latest %d negative labels are all of events that were reviewed or blocked, and "
    "WEIR_MATURITY is 0: nobody tells the models what an ordinary event is, so scores rise until "
    "nearly all is flagged. Set WEIR_MATURITY=30d, or send labels of approved events too"
)


def one_sided(settings: Settings, state: LearningState) -> bool:
    """Whether negatives come from flagged events alone, while maturity is off."""
    return not settings.maturity and (state.counts.asked or 0) >= MANY


class OneSided:
    """Warns in the log, once in the life of a process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.said = bool(settings.maturity)

    def look(self, state: LearningState) -> None:
        """Look at a state that has learned something."""
        if not self.said and one_sided(self.settings, state):
            self.said = True
            log.warning(WARNING, state.counts.asked)
