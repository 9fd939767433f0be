"""Bytewax: a dataflow over its Kafka connector, with recovery on.

Its state lies in SQLite files on the worker's disk, not in a changelog topic, and its
positions do too. It ends when it has read the log to its end.
"""

import signal
import sys
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSinkMessage, KafkaSourceMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from benchmarks.engines.job import Job, given
from benchmarks.engines.work import Features, Judge, Transaction, look, read


class Read(NamedTuple):
    """A transaction, and where it lies in the log."""

    partition: int
    offset: int
    tx: Transaction


class Seen(NamedTuple):
    """A transaction with its features."""

    read: Read
    x: Features


def remember(ring: bytes | None, item: Read) -> tuple[bytes, Seen]:
    """The customer's ring after a transaction, and the features before it."""
    after, x = look(item.tx, ring)
    return after, Seen(item, x)


def create_flow(job: Job) -> Dataflow:
    """Kafka, a stateful step keyed by customer, the models, Kafka."""
    judges: defaultdict[int, Judge] = defaultdict(Judge)

    def keyed(message: KafkaSourceMessage) -> tuple[str, Read]:
        tx = read(message.value)
        return tx.customer, Read(message.partition, message.offset, tx)

    def judge(batch: list[tuple[str, Seen]]) -> list[KafkaSinkMessage]:
        # The step before hands a batch out by customer; the models learn in the log's order.
        batch.sort(key=in_log)
        return [
            KafkaSinkMessage(
                customer.encode(), judges[item.read.partition].judge(item.read.tx, item.x)
            )
            for customer, item in batch
        ]

    flow = Dataflow("plain")
    source = kop.input("source", flow, brokers=[job.brokers], topics=[job.source], tail=False)
    customers = op.map("keyed", source.oks, keyed)
    seen = op.stateful_map("ring", customers, remember)
    predictions = op.flat_map_batch("judge", seen, judge)
    config = {"enable.idempotence": "true", "partitioner": "murmur2_random"}
    kop.output("sink", predictions, brokers=[job.brokers], topic=job.predictions, add_config=config)
    return flow


def in_log(item: tuple[str, Seen]) -> tuple[int, int]:
    """Where a transaction lies."""
    return item[1].read.partition, item[1].read.offset


def main(job: Job) -> None:
    """Run until the end of the log; the file `done` says that the last state is stored.

    The process stays until it is stopped, so that the harness can measure it.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    state = Path(job.state)
    state.mkdir()
    init_db_dir(state, 1)
    cli_main(create_flow(job), recovery_config=RecoveryConfig(state))
    job.done.touch()
    signal.pause()


if __name__ == "__main__":
    main(given())
