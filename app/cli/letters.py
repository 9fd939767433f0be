"""Dead letters as tables and as JSON."""

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import msgspec
from rich.table import Table

from app.cli.tables import facts, grid
from app.figures import moment
from app.serving.dead_letters.headers import given_back
from app.serving.dead_letters.read import Letter, escaped


def plain(letter: Letter, whole: bool) -> dict[str, Any]:
    """A letter for JSON; key, headers and value only when the whole is asked for."""
    told = letter._asdict() | {"head": letter.head, "journey": msgspec.to_builtins(letter.journey)}
    value, key, headers = told.pop("value"), told.pop("key"), told.pop("headers")
    if not whole:
        return told
    return told | {
        "key": encoded(key),
        "headers": {name: (value or b"").decode(errors="replace") for name, value in headers},
        "producer_headers": [[name, encoded(value)] for name, value in given_back(headers)],
        "value": encoded(value),
    }


def encoded(raw: bytes | None) -> str | None:
    """Bytes as base64; what a record did not have stays None."""
    return None if raw is None else b64encode(raw).decode()


def listed(letters: list[Letter]) -> Table:
    """Letters, one a row."""
    columns = ["letter", "time (UTC)", "reason", "record", "bytes", "begins with"]
    rows: list[list[object]] = [
        [at(x), moment(x.at), x.reason, x.source, f"{x.size}{' (cut)' if x.cut else ''}", x.head]
        for x in letters
    ]
    return grid(f"the newest {len(letters)} dead letters", columns, rows)


def at(letter: Letter) -> str:
    """A letter's place as commands take it."""
    return f"{letter.partition}:{letter.offset}"


def shown(letter: Letter) -> Iterator[Table]:
    """Everything of a letter but its value."""
    yield facts(
        f"dead letter {at(letter)}",
        {
            "reason": letter.reason,
            "record": letter.source,
            "record's time (UTC)": moment(None if letter.timestamp == -1 else letter.timestamp),
            "written (UTC)": moment(letter.at),
            "key": None if letter.key is None else escaped(letter.key),
            "bytes": f"{letter.size}{', cut' if letter.cut else ''}",
            "sha256": f"{letter.sha256}{' (of the whole)' if letter.cut else ''}",
            "replays": letter.journey.replays,
        },
    )
    headers: list[list[object]] = [
        [escaped(name.encode()), "(none)" if value is None else escaped(value)]
        for name, value in letter.headers
    ]
    yield grid("headers", ["name", "value"], headers)
    if letter.journey.refusals:
        yield grid("refused before", ["record", "reason", "letter"], refusals(letter))


def refusals(letter: Letter) -> list[list[object]]:
    """A row for each earlier refusal that the letter still knows of."""
    return [
        [
            f"{r.topic}[{r.partition}] @ {r.offset}",
            r.reason,
            f"{r.letter_partition}:{r.letter_offset}",
        ]
        for r in letter.journey.refusals
    ]


def pretty(value: bytes | None) -> str:
    r"""A value to read: indented where it is JSON, escaped where it is not text.

    >>> print(pretty(b'{"id":"t1"}'))
    {
      "id": "t1"
    }
    >>> pretty(b"\xff{"), pretty(None)
    ('\\xff{', '(no value)')
    """
    if value is None:
        return "(no value)"
    try:
        return json.dumps(json.loads(value), indent=2)
    except (ValueError, RecursionError):
        return escaped(value)
