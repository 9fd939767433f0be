"""Weir's pages on real sockets, over a worker whose partitions are given instead of assigned."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from app.apps import load
from app.broker.ports import choose_ports
from app.core.batch import Stored
from app.core.bundle import pack
from app.core.domain import Application
from app.core.keyed import Record
from app.core.labels import LabelEntry, encode_entry
from app.core.messages import Feedback, Origin, Prediction
from app.core.partitioning import partition_of
from app.core.settling import Received, settle
from app.core.threshold import KEY as THRESHOLD
from app.core.threshold import Threshold
from app.runtime.application import WeirApp, faust_settings
from app.runtime.topics.shapes import MODELS
from app.serving.feedback import publish
from app.serving.partition import Partition
from app.serving.setup import Setup
from app.serving.view import Lag, View
from app.serving.worker import Worker
from app.settings import Settings, read_settings
from app.web.limits import LimitedRunner, Limits
from app.web.server import set_up
from app.wire import encode
from tests.web import cards
from tests.web.cards import AT

__all__ = ["AT"]
XSS = "<script>alert('\"x\"')</script>"
HTML = {"Accept": "text/html,*/*;q=0.8"}


class LimitedServer(TestServer):
    """A server whose connections have the limits of a worker's, or a test's own."""

    def __init__(self, app: web.Application, limits: Limits, **kwargs: Any) -> None:
        super().__init__(app, **kwargs)
        self.limits = limits

    async def _make_runner(self, **kwargs: Any) -> LimitedRunner:
        return LimitedRunner(self.app, self.limits)


class KnownView(View):
    """A real worker's view, but for what a consumer group would say of its partitions."""

    def __init__(self, worker: Worker, held: list[int]) -> None:
        super().__init__(worker)
        self.worker, self._held = worker, held
        self.opening: set[int] = set()
        self.elsewhere: dict[int, str] = {}
        for partition in held:
            holding = worker.flow.holding(partition)
            worker.partitions[partition] = Partition(worker.shared, partition, holding)

    def assigned(self) -> list[int]:
        return self._held

    def opened(self, partition: int) -> bool:
        return partition in self._held and partition not in self.opening

    def holders(self) -> dict[int, str]:
        return dict.fromkeys(self._held, self.settings.url) | self.elsewhere

    def lag(self, partition: int) -> Lag:
        return Lag(0, None)

    def partition(self, key: str) -> int:
        return partition_of(key, self.settings.partitions)

    # -- what tests put in

    def connect(self) -> None:
        """The worker has reached the broker, and has read what it starts from."""
        self.worker.follower.caught_up.set()

    def know(self, key: str, record: Record) -> None:
        """There is a record of this key."""
        store = self.worker.records.store(self.partition(key))
        store.write({key.encode(): record.encode()})

    def know_event(self, prediction: Prediction, *said: Feedback) -> None:
        """An event was decided, then labelled."""
        decisions = self.worker.partitions[self.partition(prediction.key)].decisions
        decisions.put({prediction.id: Stored(prediction.source.offset, encode(prediction))})
        self.know_labels(prediction.key, *said, prediction=prediction)

    def know_labels(self, key: str, *said: Feedback, prediction: Prediction | None = None) -> None:
        """Labels of events with this key; without a prediction they wait for it."""
        partition = self.partition(key)
        for offset, feedback in enumerate(said):
            entry = self.labels(feedback.id, partition) or LabelEntry(key, [])
            received = Received(Origin(1, partition, offset), AT + offset)
            settle(self.application, entry, feedback, received, prediction)
            store = self.worker.labels.store(partition)
            store.write({feedback.id.encode(): encode_entry(entry)})

    def know_threshold(self, partition: int, threshold: Threshold) -> None:
        """A partition's threshold has moved."""
        self.worker.records.store(partition).write({THRESHOLD: threshold.encode()})

    def know_snapshot(self) -> None:
        """The learning state as it is now was stored; the worker holds partition 0."""
        engine, features = self.application.engine, self.application.identity.features
        self.worker.tables[MODELS].store(0).write(dict(pack(self.state, features, engine)))

    # -- the same of cards

    def know_customer(self, customer: str) -> None:
        """A customer with three payments, the last one a fraud."""
        self.know(customer, cards.history())

    def know_transaction(self, tx: str, customer: str, *said: Feedback) -> None:
        """A payment that went to review, and its labels."""
        self.know_event(cards.prediction(tx, customer), *said)


ViewOf = Callable[..., KnownView]
Serve = Callable[..., Awaitable[TestClient]]


@pytest.fixture
def view_of(tmp_path: Path) -> Iterator[ViewOf]:
    """Makes views, each with a port and partitions of its own, of cards if nothing else is said."""
    workers: list[Worker] = []

    def make(
        held: list[int],
        application: Callable[[Settings], Application] = load,
        **settings: object,
    ) -> KnownView:
        port, _ = choose_ports(None)
        chosen = read_settings(data_dir=tmp_path / str(port), web_port=port, **settings)
        app = WeirApp(chosen.app_id, **faust_settings(chosen))
        workers.append(worker := Worker(Setup(chosen, application(chosen)), app))
        return KnownView(worker, held)

    yield make
    for worker in workers:
        worker.closed()


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serve a view on its port; everything is closed after the test."""
    clients: list[TestClient] = []

    async def start(view: KnownView, limits: Limits | None = None) -> TestClient:
        server = web.Application()
        set_up(server, view, partial(publish, view.worker.writers, view.worker.setup))
        port, limits = view.settings.web_port, limits or Limits()
        client = TestClient(LimitedServer(server, limits, host="127.0.0.1", port=port))
        clients.append(client)
        await client.start_server()
        return client

    yield start
    for client in clients:
        await client.close()
