"""Whether the workers of a fleet compute the same features: said when a partition is opened."""

import logging

import msgspec

from app.core.messages import ModelUsed

log = logging.getLogger(__name__)


class _Made(msgspec.Struct):
    model: ModelUsed


_read = msgspec.json.Decoder(_Made).decode


class InputsSaid:
    """Compares the features of this worker with those of decisions in the log; says it once.

    A change of settings looks the same as a worker that has others, so both are named, and what
    follows. No decision is lost either way.
    """

    def __init__(self, feature_set: str) -> None:
        self.feature_set = feature_set
        self._said: set[str] = set()

    def compare(self, partition: int, raw: bytes | None) -> None:
        """The newest decision of a partition, as it lies in the log; None if there is none."""
        theirs = self.feature_set if raw is None else _read(raw).model.features
        if theirs in (self.feature_set, *self._said):
            return
        self._said.add(theirs)
        log.warning(
            "The newest decision of partition %d was made with the features %s; this worker has "
            "%s. If the settings were not changed just now, workers have different files of "
            "fields (WEIR_FIELDS, WEIR_FIELDS_KEY) or feature sets (WEIR_FEATURES), and score the "
            "same transaction differently",
            *(partition, theirs, self.feature_set),
        )
