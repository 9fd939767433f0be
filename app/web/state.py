"""What is known of a customer, a merchant and a transaction, as plain values for JSON."""

from typing import Any

import msgspec

from app.core.fold import LearningState
from app.fraud.explain import phrase
from app.fraud.features import FEATURES
from app.fraud.history import History
from app.fraud.labels import LabelEntry, Revision
from app.fraud.merchants import Merchants
from app.fraud.past import WINDOWS
from app.messages import Prediction, read_example

END = 1 << 62  # above every offset
WINDOW_NAMES = ("1m", "5m", "60m", "1d", "7d", "30d")


def customer_state(customer: str, history: History) -> dict[str, Any]:
    """A customer's record: events newest first, running values, recent fraud labels.

    Records keep hashes of transaction and merchant ids, never the ids.
    """
    past = history.before(END)
    labels = history.labels()
    frauds = {tx: fraud for tx, _, _, fraud in labels}
    latest = past.last_at or 0
    windows = zip(WINDOW_NAMES, WINDOWS, past.windows(latest), strict=True)
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
        "windows": [
            {"name": name, "seconds": width // 1000, "count": count, "sum": total}
            for name, width, (count, total) in windows
        ],
        "events": [
            {
                "at": event.at,
                "amount": event.amount,
                "merchant_hash": f"{event.merchant:016x}",
                "transaction_hash": f"{event.id_hash:016x}",
                "place": None if event.lat is None else (event.lat, event.lon),
                "offset": event.offset,
                "fraud": frauds.get(event.id_hash),
            }
            for event in reversed(history.events())
        ],
        "labels": [
            {
                "transaction_hash": f"{tx:016x}",
                "fraud": fraud,
                "known": known,
                "origin": msgspec.to_builtins(origin),
            }
            for tx, origin, known, fraud in reversed(labels)
        ],
        "epoch": history.epoch,
        "seen_through": history.seen_through,
    }


def merchant_state(
    merchant: str, location: str, at: int | None, state: LearningState
) -> dict[str, Any]:
    """A merchant as its labels show it at a time, the time of the latest label if None is given."""
    merchants = state.statistics
    assert isinstance(merchants, Merchants)
    at = merchants.clock if at is None else at
    view = merchants.view(merchant, location, at)
    return {
        "merchant": merchant,
        "location": location,
        "at": at,
        "version": state.version,
        "labels": view.labels,
        "risk": {"1d": view.risk_1d, "7d": view.risk_7d, "30d": view.risk_30d},
        "run": {"length": view.run, "days": view.run_days},
        "unexplained_run": {"length": view.unexplained_run, "days": view.unexplained_days},
        "location_frauds": view.location_frauds,
    }


def transaction_state(
    tx: str, prediction: Prediction | None, entry: LabelEntry | None, state: LearningState
) -> dict[str, Any]:
    """A transaction: its decision, all that was said of it, and where it was learned."""
    customer = prediction.customer if prediction is not None else entry.customer if entry else ""
    return {
        "transaction": tx,
        "customer": customer,
        "prediction": None if prediction is None else prediction_state(prediction),
        "labels": [] if entry is None else label_states(entry),
        "learned": None if entry is None else learned(entry, state),
    }


def prediction_state(prediction: Prediction) -> dict[str, Any]:
    """A prediction as on the wire, its source spelled out."""
    plain: dict[str, Any] = msgspec.to_builtins(prediction)
    plain["source"] = {
        "partition": prediction.source.partition,
        "offset": prediction.source.offset,
    }
    return plain


def label_states(entry: LabelEntry) -> list[dict[str, Any]]:
    """Everything said, in the order it was read: whether it holds, or disagrees with what does."""
    holds, disagreements = entry.holds, entry.disagreements
    return [
        {
            **said(revision),
            "holds": revision is holds,
            "disagrees": any(revision is other for other in disagreements),
        }
        for revision in entry.revisions
    ]


def said(revision: Revision) -> dict[str, Any]:
    """One revision without the example it gave."""
    plain = {name: getattr(revision, name) for name in revision.__struct_fields__}
    del plain["example"]
    return {**plain, "origin": msgspec.structs.asdict(revision.origin)}


def learned(entry: LabelEntry, state: LearningState) -> dict[str, Any] | None:
    """The latest example that the labels gave, and whether this worker's models have it."""
    given = [revision for revision in entry.revisions if revision.example]
    if not given:
        return None
    last = max(given, key=lambda revision: revision.origin)
    example = read_example(last.example)
    return {
        "label": {1: "fraud", 0: "legit", None: "none"}[example.y],
        "weight": example.w,
        "known": example.known,
        "origin": msgspec.structs.asdict(example.origin),
        "models": ["shared", f"partition {example.origin.partition}"],
        "folded": state.folded(example.origin),
        "version_when_scored": example.version,
    }


def feature_rows(features: dict[str, float]) -> list[dict[str, Any]]:
    """Features in the order of the table, with their unit and in words, for a page."""
    return [
        {
            "name": feature.name,
            "value": features[feature.name],
            "unit": feature.unit,
            "words": phrase(feature.name, features[feature.name]),
            "sentence": feature.sentence,
        }
        for feature in FEATURES
        if feature.name in features
    ]
