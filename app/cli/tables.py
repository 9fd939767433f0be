"""State as tables for a terminal."""

from collections.abc import Iterator
from typing import Any

from rich import box
from rich.markup import escape
from rich.table import Table

from app.cli.figures import figure, moment

STYLES = {"fraud": "red", "block": "red", "review": "yellow", "legit": "green", "approve": "green"}


def facts(title: str, rows: dict[str, object]) -> Table:
    """Names and values, one pair a row."""
    table = Table(title=escape(title), title_justify="left", show_header=False, box=box.SIMPLE)
    for name, value in rows.items():
        table.add_row(escape(name), coloured(value))
    return table


def grid(title: str, columns: list[str], rows: list[list[object]]) -> Table:
    """A table with a header."""
    table = Table(title=escape(title), title_justify="left", box=box.SIMPLE)
    for name in columns:
        table.add_column(name, no_wrap=name.endswith("(UTC)") or name == "record")
    for row in rows:
        table.add_row(*map(coloured, row))
    return table


def coloured(value: object) -> str:
    """A value as rich's markup; what came from outside cannot add markup of its own."""
    text = figure(value) if isinstance(value, float) else "-" if value is None else str(value)
    style = STYLES.get(text)
    return f"[{style}]{text}[/]" if style else escape(text)


def customer_tables(found: dict[str, Any]) -> Iterator[Table]:
    """A customer: running values, windows, latest transactions."""
    amount = found["amount"]
    yield facts(
        f"customer {found['customer']}",
        {
            "transactions": found["transactions"],
            "typical amount": amount["typical"],
            "mean amount": amount["mean"],
            "standard deviation": amount["deviation"],
            "last transaction": moment(found["last_at"]),
            "fraud labels": sum(label["fraud"] for label in found["labels"]),
            "partition": found["partition"],
            "held by": found["worker"],
        },
    )
    windows = [[w["name"], int(w["count"]), w["sum"]] for w in found["windows"]]
    yield grid("up to the last transaction", ["window", "transactions", "sum"], windows)
    events = [
        [
            moment(event["at"]),
            f"{event['amount']:.2f}",
            "fraud" if event["fraud"] else "",
            event["merchant_hash"][:8],
            event["offset"],
        ]
        for event in found["events"]
    ]
    yield grid("latest", ["time (UTC)", "amount", "label", "merchant hash", "offset"], events)


def merchant_tables(found: dict[str, Any]) -> Iterator[Table]:
    """A merchant as its labels show it."""
    risk, run, unexplained = found["risk"], found["run"], found["unexplained_run"]
    yield facts(
        f"merchant {found['merchant']}",
        {
            "fraud rate of 1 day": risk["1d"],
            "fraud rate of 7 days": risk["7d"],
            "fraud rate of 30 days": risk["30d"],
            "labels": int(found["labels"]),
            "frauds in a row": run["length"],
            "since, in days": run["days"],
            "of usual amounts": unexplained["length"],
            f"frauds in location {found['location'] or '(none)'}": found["location_frauds"],
            "as of": moment(found["at"]),
            "version": found["version"],
        },
    )


def transaction_tables(found: dict[str, Any]) -> Iterator[Table]:
    """A transaction: decision, reasons, labels, where it was learned."""
    prediction = found["prediction"]
    if prediction is None:
        yield facts(f"transaction {found['transaction']}", {"decision": "not known yet"})
    else:
        yield facts(f"transaction {found['transaction']}", decision_facts(prediction))
        reasons = [[reason["text"], reason["contribution"]] for reason in prediction["reasons"]]
        if reasons:
            yield grid("reasons", ["", "logits"], reasons)
    if found["labels"]:
        yield grid(
            "labels",
            ["label", "", "source", "who", "said (UTC)", "note", "outcome", "record"],
            [label_row(label) for label in found["labels"]],
        )
    if found["taught"]:
        yield grid(
            f"what the models {' and '.join(found['learned']['models'])} were taught",
            ["", "weight", "source", "who", "known (UTC)", "feedback", "state"],
            [lesson_row(lesson) for lesson in found["taught"]],
        )


def decision_facts(prediction: dict[str, Any]) -> dict[str, object]:
    model, source = prediction["model"], prediction["source"]
    return {
        "decision": prediction["decision"],
        "score": prediction["score"],
        "reviewed from": prediction["threshold"],
        "mode": prediction["mode"],
        "model": f"{model['name']}, scope {model['scope']}, version {model['version']}",
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
