"""What `weir state` prints about cards: for each kind, titles over facts or over rows.

Facts are values by name; rows follow a header.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from app.figures import moment, share

Body: TypeAlias = Mapping[str, object] | Sequence[Sequence[object]]
Titled: TypeAlias = tuple[str, Body]


def customer_tables(found: dict[str, Any]) -> Iterator[Titled]:
    """A customer: running values, windows, latest transactions."""
    amount = found["amount"]
    yield (
        f"customer {found['customer']}",
        {
            "transactions": found["transactions"],
            "typical amount": amount["typical"],
            "mean amount": amount["mean"],
            "standard deviation": amount["deviation"],
            "last transaction": moment(found["last_at"]),
            "fraud labels": sum(label["fraud"] for label in found["labels"]),
            "partition": found["partition"],
            "worker": found["worker"],
        },
    )
    windows = [[w["name"], int(w["count"]), w["sum"]] for w in found["windows"]]
    yield "up to the last transaction", [["window", "transactions", "sum"], *windows]
    header = ["time (UTC)", "amount", "label", "merchant hash", "offset"]
    yield "latest", [header, *map(event_row, found["events"])]


def event_row(event: dict[str, Any]) -> list[object]:
    return [
        moment(event["at"]),
        f"{event['amount']:.2f}",
        "fraud" if event["fraud"] else "",
        event["merchant_hash"][:8],
        event["offset"],
    ]


def merchant_tables(found: dict[str, Any]) -> Iterator[Titled]:
    """A merchant as its labels show it."""
    risk, run, unexplained = found["risk"], found["run"], found["unexplained_run"]
    yield (
        f"merchant {found['merchant']}",
        {
            "fraud rate of 1 day": risk["1d"],
            "fraud rate of 7 days": risk["7d"],
            "fraud rate of 30 days": risk["30d"],
            "labels": int(found["labels"]),
            "frauds in a row": run["length"],
            "since, in days": run["days"],
            "with usual amounts": unexplained["length"],
            f"frauds in location {found['location'] or '(none)'}": found["location_frauds"],
            "as of": moment(found["at"]),
            "version": found["version"],
        },
    )


def transaction_tables(found: dict[str, Any]) -> Iterator[Titled]:
    """A transaction: decision, reasons, labels, where it was learned."""
    prediction = found["prediction"]
    if prediction is None:
        yield f"transaction {found['transaction']}", {"decision": "not known yet"}
    else:
        yield f"transaction {found['transaction']}", decision_facts(prediction)
        reasons = [[reason["text"], reason["contribution"]] for reason in prediction["reasons"]]
        if reasons:
            yield "reasons", [["", "logits"], *reasons]
    if found["labels"]:
        header = ["label", "", "source", "who", "said (UTC)", "note", "outcome", "record"]
        yield "labels", [header, *map(label_row, found["labels"])]
    if found["taught"]:
        models = " and ".join(found["learned"]["models"])
        header = ["", "weight", "source", "who", "known (UTC)", "feedback", "state"]
        yield f"what the models {models} were taught", [header, *map(lesson_row, found["taught"])]


def decision_facts(prediction: dict[str, Any]) -> dict[str, object]:
    model, source = prediction["model"], prediction["source"]
    own = f", own weight {share(model['own'])}" if "own" in model else ""
    return {
        "decision": prediction["decision"],
        "score": prediction["score"],
        "reviewed from": prediction["threshold"],
        "mode": prediction["mode"],
        "model": f"{model['name']}, scope {model['scope']}{own}, version {model['version']}",
        "customer": prediction["customer"],
        "merchant": prediction["merchant"],
        "amount": f"{prediction['amount']:.2f}",
        "time (UTC)": moment(prediction["at"]),
        "record": f"transactions {source['partition']} @ {source['offset']}",
    }


def label_row(label: dict[str, Any]) -> list[object]:
    origin = label["origin"]
    return [
        label["label"],
        label["standing"],
        label["source"],
        label["actor"],
        moment(label["at"]),
        label["note"],
        label["outcome"],
        f"{origin['partition']} @ {origin['offset']}",
    ]


def lesson_row(lesson: dict[str, Any]) -> list[object]:
    origin = lesson["origin"]
    return [
        lesson["words"],
        lesson["weight"] if lesson["label"] != "none" else None,
        lesson["source"],
        lesson["actor"],
        moment(lesson["known"]),
        f"{origin['partition']} @ {origin['offset']}",
        "learned" if lesson["folded"] else "on its way to be learned",
    ]


TABLES = {
    "customer": customer_tables,
    "merchant": merchant_tables,
    "transaction": transaction_tables,
}
