"""Bytewax: a dataflow over its Kafka connector, with recovery on.

Its state lies in SQLite files on the worker's disk, not in a changelog topic, and its
positions do too. It ends when it has read the log to its end.
"""

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
from benchmarks.engines.work import Judge, Transaction, read


class Read(NamedTuple):
    """A transaction and the partition whose model judges it."""

    partition: int
    tx: Transaction


def create_flow(job: Job) -> Dataflow:
    """Kafka, a stateful step keyed by customer, Kafka."""
    judges: defaultdict[int, Judge] = defaultdict(Judge)

    def keyed(message: KafkaSourceMessage) -> tuple[str, Read]:
        tx = read(message.value)
        return tx.customer, Read(message.partition, tx)

    def judge(ring: bytes | None, item: Read) -> tuple[bytes, bytes]:
        return judges[item.partition].judge(item.tx, ring)

    def record(item: tuple[str, bytes]) -> KafkaSinkMessage:
        return KafkaSinkMessage(item[0].encode(), item[1])

    flow = Dataflow("plain")
    source = kop.input("source", flow, brokers=[job.brokers], topics=[job.source], tail=False)
    customers = op.map("keyed", source.oks, keyed)
    predictions = op.stateful_map("judge", customers, judge)
    records = op.map("records", predictions, record)
    config = {"enable.idempotence": "true", "partitioner": "murmur2_random"}
    kop.output("sink", records, brokers=[job.brokers], topic=job.predictions, add_config=config)
    return flow


def main(job: Job) -> None:
    """Run until the end of the log; the file `done` says that the last state is stored."""
    state = Path(job.state)
    state.mkdir()
    init_db_dir(state, 1)
    cli_main(create_flow(job), recovery_config=RecoveryConfig(state))
    job.done.touch()


if __name__ == "__main__":
    main(given())
