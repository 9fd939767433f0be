"""A broker, a disk and a worker in memory: the two agents' steps without Kafka.

What a worker writes is counted, one place after the other: each write to its disk, each batch that
lands in its log, each acknowledgement that is heard, each commit. A worker that is to end in front
of a place loses there what it had in memory and what was on its way. The next one starts on what
is left: the logs, the committed positions, a disk.
"""

from tests.serving.memory.broker import Aborted, Logs, Outbox, Places
from tests.serving.memory.disk import Disk, Store, Table
from tests.serving.memory.inputs import MINUTE, NOW, OURS, PARTITION, THEIRS, payment, said
from tests.serving.memory.lives import Worker, World, examples, set_up, turns, world

__all__ = [
    "MINUTE",
    "NOW",
    "OURS",
    "PARTITION",
    "THEIRS",
    "Aborted",
    "Disk",
    "Logs",
    "Outbox",
    "Places",
    "Store",
    "Table",
    "Worker",
    "World",
    "examples",
    "payment",
    "said",
    "set_up",
    "turns",
    "world",
]
