"""The engines, what they need, and where each keeps the state of a customer."""

import pickle
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import msgspec
from aiokafka import ConsumerRecord

from benchmarks.engines.job import Job

States = dict[str, bytes]  # rings by customer


@dataclass(frozen=True)
class Engine:
    """One way to do the plain work.

    Attributes
    ----------
    module: the file of this folder that is its process.
    package: the distribution that it stands or falls with, and whose version is shown.
    tuned: passed on in its job.
    own_changelog: whether it makes a changelog topic itself, under a name of its own.
    customer: the customer in a key of its changelog; None if it has no changelog.
    note: what a reader of the table has to know.
    """

    name: str
    module: str
    package: str
    tuned: bool = False
    own_changelog: bool = False
    customer: Callable[[bytes], str] | None = bytes.decode
    note: str = ""

    @property
    def version(self) -> str | None:
        """The installed version, None if there is none."""
        try:
            return version(self.package)
        except PackageNotFoundError:
            return None


def before_bar(key: bytes) -> str:
    """The customer in a key of Quix' changelog: it is followed by a bar and the state's name."""
    return key.partition(b"|")[0].decode()


def quoted(key: bytes) -> str:
    """The customer in a key of Faust's changelog: JSON."""
    return msgspec.json.decode(key, type=str)


ENGINES = (
    Engine("weir", "weir", "faust-streaming", note="its engine alone, from `app.runtime`"),
    Engine(
        "faust",
        "faust",
        "faust-streaming",
        own_changelog=True,
        customer=quoted,
        note="records, an agent over single events, a table; its own settings",
    ),
    Engine(
        "quix",
        "quix",
        "quixstreams",
        own_changelog=True,
        customer=before_bar,
        note="its own settings: commits every 5 s",
    ),
    Engine(
        "quix tuned",
        "quix",
        "quixstreams",
        tuned=True,
        own_changelog=True,
        customer=before_bar,
        note="commits every 10,000 records or second, gathers for 50 ms, at a pace for none",
    ),
    Engine(
        "bytewax",
        "bytewax",
        "bytewax",
        customer=None,
        note="states in SQLite, without a changelog; batches put back into the log's order",
    ),
    Engine("aiokafka", "aiokafka", "aiokafka", note="a bare loop, 500 records at a time"),
    Engine("confluent", "confluent", "confluent-kafka", note="a bare loop, 500 records at a time"),
)


def from_changelog(engine: Engine, log: Iterable[Iterable[ConsumerRecord]]) -> States:
    """The last ring of each customer in a changelog; none is ever deleted."""
    customer_in = engine.customer
    assert customer_in is not None
    written = (record for part in log for record in part if record.value is not None)
    return {customer_in(record.key): record.value for record in written}


def from_snapshots(job: Job) -> States:
    """The last ring of each customer in Bytewax' recovery files."""
    states: States = {}
    for file in sorted(job.state.glob("*.sqlite3")):
        with closing(sqlite3.connect(file)) as db:
            rows = db.execute(
                "SELECT state_key, ser_change FROM snaps WHERE step_id LIKE '%.ring.%'"
                " ORDER BY snap_epoch"
            )
            states.update((customer, pickle.loads(change)) for customer, change in rows)
    return states
