"""Weir's pages on real sockets, over a worker whose partitions are given instead of assigned."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from app.broker.ports import choose_ports
from app.core.labels import LabelEntry
from app.core.settling import Known, settle
from app.core.threshold import Threshold
from app.messages import Feedback, ModelUsed, Origin, Prediction, Reason, Source
from app.runtime.topics import partition_of
from app.serving.application import WeirApp, faust_settings
from app.serving.view import Lag, View
from app.serving.worker import Worker
from app.settings import read_settings
from app.streams.fraud.history.record import Event, History, Limits, hash64
from app.web.server import set_up

AT = 1_767_225_600_000
XSS = "<script>alert('\"x\"')</script>"


class KnownView(View):
    """A view of a worker that holds what a test says."""

    def __init__(self, worker: Worker, held: list[int]) -> None:
        super().__init__(worker)
        self._held = held
        self.elsewhere: dict[int, str] = {}
        self.thresholds: dict[int, Threshold] = {}
        self.histories: dict[str, History] = {}
        self.decisions: dict[str, Prediction] = {}
        self.entries: dict[str, LabelEntry] = {}

    def held(self) -> list[int]:
        return self._held

    def opened(self, partition: int) -> bool:
        return partition in self._held

    def holders(self) -> dict[int, str]:
        return dict.fromkeys(self._held, self.settings.url) | self.elsewhere

    def lag(self, partition: int) -> Lag:
        return Lag(0, None)

    def threshold(self, partition: int) -> Threshold | None:
        return self.thresholds.get(partition)

    def history(self, customer: str, partition: int) -> History | None:
        return self.histories.get(customer)

    def record_bytes(self, customer: str, partition: int) -> int:
        return len(self.histories[customer].encode())

    def decision(self, tx: str, partition: int) -> Prediction | None:
        found = self.decisions.get(tx)
        return found if found and self.partition(found.customer) == partition else None

    def labels(self, tx: str, partition: int) -> LabelEntry | None:
        found = self.entries.get(tx)
        return found if found and self.partition(found.customer) == partition else None

    def partition(self, customer: str) -> int:
        return partition_of(customer, self.settings.partitions)

    # -- what tests put in

    def know_customer(self, customer: str) -> None:
        history = History(1, Limits(events=8, replay=4, labels=4))
        for offset, amount in enumerate([10.0, 12.5, 300.0]):
            event = Event(offset, hash64(f"t{offset}"), AT + offset, amount, hash64("m1"))
            history.insert(event)
        history.learn_label(hash64("t2"), Origin(1, 0, 7), AT + 9, True)
        self.histories[customer] = history

    def know_transaction(self, tx: str, customer: str, *said: Feedback) -> None:
        self.decisions[tx] = decision = prediction(tx, customer)
        entry = LabelEntry(customer, [])
        for offset, feedback in enumerate(said):
            origin = Origin(1, self.partition(customer), offset)
            settle(entry, feedback, Known(origin, AT + offset), decision)
        if said:
            self.entries[tx] = entry


def prediction(tx: str, customer: str, merchant: str = "m1") -> Prediction:
    return Prediction(
        id=tx,
        customer=customer,
        merchant=merchant,
        location="DE",
        amount=300.0,
        at=AT,
        score=0.83,
        threshold=0.625,
        decision="review",
        reasons=[Reason("amount_log_ratio", 2.5, "amount is 25.0 times the typical amount")],
        mode="model",
        model=ModelUsed("binned", "both", 17),
        features={"amount": 300.0, "hour": 3.0},
        source=Source(0, 2),
        engine="0-test",
    )


ViewOf = Callable[..., KnownView]
Serve = Callable[[KnownView], Awaitable[TestClient]]


@pytest.fixture
def view_of(tmp_path: Path) -> ViewOf:
    """A view with a port and partitions of its own."""

    def make(held: list[int], **settings: object) -> KnownView:
        port, _ = choose_ports(None)
        chosen = read_settings(data_dir=tmp_path / str(port), web_port=port, **settings)
        app = WeirApp(chosen.app_id, **faust_settings(chosen))
        return KnownView(Worker(chosen, app), held)

    return make


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serve a view on its port; everything is closed after the test."""
    clients: list[TestClient] = []

    async def start(view: KnownView) -> TestClient:
        server = web.Application()
        set_up(server, view)
        client = TestClient(TestServer(server, host="127.0.0.1", port=view.settings.web_port))
        clients.append(client)
        await client.start_server()
        return client

    yield start
    for client in clients:
        await client.close()
