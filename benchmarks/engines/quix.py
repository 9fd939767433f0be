"""Quix Streams: a streaming dataframe whose state lies in RocksDB with a changelog topic.

https://quix.io/docs/quix-streams/advanced/stateful-processing.html and configuration.html
there say how. What `tuned` changes is our own choice: checkpoints follow a count of records
and the producer gathers records for longer; at a pace it does not wait at all.
"""

from collections import defaultdict
from typing import Any

from quixstreams import Application, State, message_context

from benchmarks.engines.job import Job, given
from benchmarks.engines.work import Judge, read

COMMIT_EVERY = 10_000  # records
LINGER_MS = {False: 50, True: 0}  # by whether transactions come at a pace


def tuning(job: Job) -> dict[str, Any]:
    """What differs from the defaults."""
    if not job.tuned:
        return {}
    return {
        "commit_every": COMMIT_EVERY,
        "commit_interval": 1.0,
        "producer_extra_config": {
            "enable.idempotence": True,
            "linger.ms": LINGER_MS[job.paced],
            "batch.size": 900_000,
        },
        "consumer_extra_config": {"statistics.interval.ms": 0},
        "loglevel": "WARNING",
    }


def create_app(job: Job) -> Application:
    """The application with its one dataframe."""
    app = Application(
        broker_address=job.brokers,
        consumer_group=job.group,
        auto_offset_reset="earliest",
        state_dir=job.state,
        **tuning(job),
    )
    judges: defaultdict[int, Judge] = defaultdict(Judge)

    def judge(raw: bytes, state: State) -> bytes:
        model = judges[message_context().partition]
        ring, prediction = model.work(read(raw), state.get_bytes("ring"))
        state.set_bytes("ring", ring)
        return prediction

    source = app.topic(job.source, key_deserializer="bytes", value_deserializer="bytes")
    predictions = app.topic(job.predictions, key_serializer="bytes", value_serializer="bytes")
    app.dataframe(source).apply(judge, stateful=True).to_topic(predictions)
    return app


if __name__ == "__main__":
    create_app(given()).run()
