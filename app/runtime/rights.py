"""Rights in Kafka: which operations a user may do on which resource."""

from typing import NamedTuple


class Right(NamedTuple):
    """Operations that a user needs on one resource."""

    resource: str  # topic, group or transactionalId, as Strimzi writes it
    name: str
    pattern: str  # literal or prefix
    operations: tuple[str, ...]
