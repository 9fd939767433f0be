"""What is known of a customer, a merchant and a transaction, as plain values for JSON."""

from typing import Any

import msgspec

from app.core.fold import LearningState
from app.core.labels import TAUGHT, LabelEntry, Revision
from app.messages import Prediction, read_example
from app.streams.fraud.decision import known
from app.streams.fraud.explain import phrase
from app.streams.fraud.features import FEATURES
from app.streams.fraud.history.past import WINDOWS
from app.streams.fraud.history.record import History

END = 1 << 62  # above every offset
VALUES = {1: "fraud", 0: "legit", None: "none"}  # of an example
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
    merchants = known(state).merchants
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
    lessons = [] if entry is None else taught(entry, state)
    return {
        "transaction": tx,
        "customer": customer,
        "prediction": None if prediction is None else prediction_state(prediction),
        "labels": [] if entry is None else label_states(entry),
        "taught": lessons,
        "learned": lessons[-1] if lessons else None,
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
    """Everything said, in the order it was read, and how it stands to the label that holds."""
    return [{**said(revision), **stands(entry, revision)} for revision in entry.revisions]


def said(revision: Revision) -> dict[str, Any]:
    """One revision without the example it gave and what its record carried along."""
    plain = {name: getattr(revision, name) for name in revision.__struct_fields__}
    del plain["example"], plain["history"]
    return {**plain, "origin": msgspec.structs.asdict(revision.origin)}


def stands(entry: LabelEntry, revision: Revision) -> dict[str, Any]:
    """How one revision stands: `standing` says it in a word, the other two are its yes and no.

    A label that counts holds, agrees with the one that does, disagrees (of the same rank) or
    is outranked. One that does not was withdrawn, waits, has expired, is an opinion (unsure)
    or takes back (withdrawal).
    """
    holds = entry.holds
    disagrees = any(revision is other for other in entry.disagreements)
    if revision.outcome in ("waiting", "expired"):
        word: str = revision.outcome
    elif revision.label not in TAUGHT:
        word = "unsure" if revision.label == "unsure" else "withdrawal"
    elif all(revision is not other for other in entry.standing):
        word = "withdrawn"
    elif revision is holds:
        word = "holds"
    elif disagrees:
        word = "disagrees"
    else:
        word = "agrees" if holds and revision.label == holds.label else "outranked"
    return {"standing": word, "holds": word == "holds", "disagrees": disagrees}


def taught(entry: LabelEntry, state: LearningState) -> list[dict[str, Any]]:
    """All examples that the labels gave, oldest first: what was learned, corrected, taken back."""
    given = sorted((r for r in entry.revisions if r.example), key=lambda r: r.origin)
    return [lesson(revision, state) for revision in given]


def lesson(revision: Revision, state: LearningState) -> dict[str, Any]:
    """One example, who said what gave it, and whether this worker's models have it."""
    example = read_example(revision.example)
    before = None if example.previous is None else VALUES[example.previous.label]
    now = VALUES[example.y]
    words = f"learned as {now}" if before is None else f"corrected from {before} to {now}"
    return {
        "label": now,
        "replaces": before,
        "words": words if example.y is not None else f"{before} taken back",
        "said": revision.label,
        "source": revision.source,
        "actor": revision.actor,
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
