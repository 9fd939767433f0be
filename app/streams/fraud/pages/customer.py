"""/state/customers/{id}: what a customer's record holds."""

from typing import Any

import msgspec
from aiohttp import web

from app.streams.fraud.history.past import Past
from app.streams.fraud.history.recent import Row
from app.streams.fraud.history.record import History
from app.streams.fraud.history.ring import Event
from app.streams.fraud.history.widths import WIDTHS
from app.units import SECOND_MS
from app.web.address import read_id
from app.web.forwarding import ask_holder, not_known
from app.web.pages import answer
from app.web.site import site

END = 1 << 62  # above every offset


async def get_customer(request: web.Request) -> web.Response:
    """/state/customers/{id}: events, running values, recent fraud labels, from its worker."""
    customer, here = read_id(request.match_info["id"]), site(request)
    partition = here.partition(customer)
    if not here.view.opened(partition):
        return answer(request, "customer.html", await ask_holder(request, partition))
    history = here.view.record(customer, partition)
    if history is None:
        raise not_known("customers", customer)
    state = customer_state(customer, history)
    state["bytes"] = here.view.record_bytes(customer, partition)
    return answer(request, "customer.html", state | {"partition": partition, "worker": here.url})


def customer_state(customer: str, history: History) -> dict[str, Any]:
    """A customer's record: events newest first, running values, recent fraud labels.

    Records keep hashes of transaction and merchant ids, never the ids. Times are epoch
    milliseconds.
    """
    past, labels = history.before(END), history.labels()
    frauds = {tx: fraud for tx, _, _, fraud in labels}
    return {
        "customer": customer,
        "transactions": past.count,
        "amount": {
            "mean": past.mean,
            "deviation": past.variance**0.5,
            "typical": past.typical,
        },
        "last_at": past.last_at,
        "last_spike": past.last_spike,
        "home": past.home,
        "windows": window_states(past),
        "events": [
            event_state(event, frauds.get(event.id_hash)) for event in reversed(history.events())
        ],
        "labels": [label_state(row) for row in reversed(labels)],
        "epoch": history.epoch,
        "seen_through": history.seen_through,
    }


def window_states(past: Past) -> list[dict[str, Any]]:
    """Transactions and their sum over each window that ends with the latest one."""
    counted = past.windows(past.last_at or 0)
    return [
        {"name": name, "seconds": width // SECOND_MS, "count": count, "sum": total}
        for (name, width), (count, total) in zip(WIDTHS.items(), counted, strict=True)
    ]


def event_state(event: Event, fraud: bool | None) -> dict[str, Any]:
    """A transaction of the record, and its label if it ever was one of fraud."""
    return {
        "at": event.at,
        "amount": event.amount,
        "merchant_hash": f"{event.merchant:016x}",
        "transaction_hash": f"{event.id_hash:016x}",
        "place": None if event.lat is None else (event.lat, event.lon),
        "offset": event.offset,
        "fraud": fraud,
    }


def label_state(row: Row) -> dict[str, Any]:
    """A recent label."""
    tx, origin, known, fraud = row
    return {
        "transaction_hash": f"{tx:016x}",
        "fraud": fraud,
        "known": known,
        "origin": msgspec.to_builtins(origin),
    }
