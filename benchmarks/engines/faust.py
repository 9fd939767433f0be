"""Faust as its documentation shows it: records, an agent over single events, a table.

Its settings are Faust's own, apart from what it needs here: four partitions, RocksDB, and a
free port for its web views. None of Weir's mends are in it.
"""

from collections import defaultdict

import faust

from app.cli.demo.fleet import choose_ports
from benchmarks.engines.job import Job, given
from benchmarks.engines.work import Judge


class Transaction(faust.Record, serializer="json"):
    """The transaction of `work`, as Faust reads it."""

    id: str
    at: int
    customer: str
    merchant: str
    amount: float
    currency: str
    category: str
    channel: str
    country: str
    device: str
    ip: str
    fraud: bool


def create_app(job: Job) -> faust.App:
    """The application with its one agent."""
    app = faust.App(
        job.group,
        broker=f"kafka://{job.brokers}",
        store="rocksdb://",
        datadir=job.state,
        topic_partitions=job.partitions,
        web_port=choose_ports(1, None)[0],
    )
    source = app.topic(job.source, value_type=Transaction)
    predictions = app.topic(job.predictions, value_type=bytes, value_serializer="raw")
    rings = app.Table("rings", key_type=str, value_type=bytes)
    judges: defaultdict[int, Judge] = defaultdict(Judge)

    @app.agent(source)
    async def judge(stream):
        async for event in stream.events():
            tx, model = event.value, judges[event.message.partition]
            rings[tx.customer], prediction = model.work(tx, rings.get(tx.customer))
            await predictions.send(key=tx.customer, value=prediction)

    return app


if __name__ == "__main__":
    faust.Worker(create_app(given()), loglevel="info").execute_from_commandline()
