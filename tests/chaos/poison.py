"""Records that nobody can use: each must become a dead letter, and nothing else may."""

import json
from collections.abc import Callable

from app.streams.fraud.messages import Transaction
from app.wire import encode

FAR = 30 * 86_400_000  # ms


def _changed(**fields: object) -> Callable[[Transaction], bytes]:
    def change(tx: Transaction) -> bytes:
        plain = json.loads(encode(tx)) | fields
        return json.dumps(
            {name: value for name, value in plain.items() if value != "gone"}
        ).encode()

    return change


TRANSACTIONS: dict[str, Callable[[Transaction], bytes]] = {
    "no JSON": lambda tx: b"\xff\x00 no JSON",
    "cut": lambda tx: encode(tx)[:-9],
    "empty": lambda tx: b"",
    "no amount": _changed(amount="gone"),
    "negative amount": _changed(amount=-1),
    "endless amount": lambda tx: encode(tx).replace(b'"amount":', b'"amount":1e999,"was":'),
    "card number": _changed(merchant="4111 1111 1111 1111"),
    "far ahead": lambda tx: encode(tx).replace(str(tx.at).encode(), b"4102444800000"),
    "seconds": lambda tx: encode(tx).replace(str(tx.at).encode(), str(tx.at // 1000).encode()),
    "NUL": _changed(merchant="m\0"),
    "deep": lambda tx: b'{"id":' + b"[" * 5000,
}
FEEDBACK: dict[str, bytes] = {
    "no JSON": b"fraud!",
    "empty": b"",
    "unknown label": b'{"id": "t", "customer": "c", "label": "bad", "source": "analyst"}',
    "no customer": b'{"id": "t", "label": "fraud", "source": "analyst"}',
}
