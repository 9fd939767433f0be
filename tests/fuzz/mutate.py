"""Valid messages from a seed, and what outsiders make of them: by field, and by byte."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

NOW = 1_767_225_600_000  # epoch ms
TEXTS = ("currency", "category", "channel", "country", "device", "ip")
OWN = ("shop", "age", "device", "a" * 32, "a" * 33, "A", "id")
ODD_TEXTS = (
    "",
    " ",
    "\0",
    "a\0b",
    "x" * 128,
    "x" * 129,
    "\u00e9" * 64,
    "\u00e9" * 65,
    "\U0001f600" * 32,
    "\U0001f600" * 33,
    "\u202e",
    "\ufeffa",
    "4111111111111111",
    "4111 1111 1111 1111",
    "4111-1111-1111-1112",
    "378282246310005",
    "490154203237518",
    "1234567890123456789",
    "NULL",
    "nan",
    "<script>alert(1)</script>",
    "\n",
    "\x7f",
    "'; drop table",
)
ODD_NUMBERS = (
    "0",
    "-0",
    "-0.0",
    "-1",
    "1e12",
    "1000000000001",
    "1e13",
    "1e308",
    "1e999",
    "1e-400",
    "0.1",
    "90",
    "-90.0000001",
    "180",
    "181",
    "01",
    "1.",
    ".5",
    "+1",
    "NaN",
    "Infinity",
    "-Infinity",
    "0x10",
    "1_000",
    "9" * 400,
    "1e",
    "--1",
)
ODD_TIMES = (
    "0",
    "-1",
    "1796055000",
    "20190101",
    "43466",
    "253402300799999",
    "253402300800000",
    "1767225600.5",
    "1.7672256e12",
    '"2026-01-01T00:00:00Z"',
    '"2026-01-01T00:00:00+00:00"',
    '"2025-12-31T23:59:59.999-01:00"',
    '"2026-01-01T00:00:00"',
    '"2026-01-01"',
    '"2026-02-30T00:00:00Z"',
    '"2026-01-01T24:00:00Z"',
    '"1969-12-31T23:59:59Z"',
    '"0000-00-00T00:00:00Z"',
    '"01/01/2026 00:00"',
    '"1767225600000"',
    "true",
    "null",
    "[]",
)
VALUES = ("null", "true", "false", "[]", "{}", '"x"', "1", "-1", "1.5", '[{"id":1}]')
EXTRA = (
    '"unknown":1',
    '"unknown":null',
    '"unknown":"\\u0000"',
    '"unknown":{"id":"t","amount":-1}',
    '"unknown":1e999',
    '"":""',
    '"\\u00e9":[1,2,{"a":[]}]',
    '"Amount":"x"',
    '"id ":1',
)
EDGES: tuple[Callable[[bytes], bytes], ...] = (
    lambda raw: b"\xef\xbb\xbf" + raw,
    lambda raw: b" \t\r\n" + raw + b"\n",
    lambda raw: raw + b"\0",
    lambda raw: raw + b"{}",
    lambda raw: raw[:-1],
    lambda raw: raw[1:],
    lambda raw: b"[" + raw + b"]",
    lambda raw: b"",
    lambda raw: raw.decode(errors="replace").encode("utf-16"),
    lambda raw: b'{"id":' + b"[" * 20_000,
    lambda raw: b"\xff\xfe" + raw,
    lambda raw: raw.replace(b"{", b"{,", 1),
    lambda raw: raw.replace(b"}", b",}"),
    lambda raw: raw.replace(b":", b"=", 1),
    lambda raw: raw.replace(b'"', b"'"),
    lambda raw: b"\0\0\0\0\1" + raw,  # as a schema registry marks messages
    lambda raw: b"/* */" + raw,
    lambda raw: raw.replace(b"c", b"\xe9", 1),
    lambda raw: raw.replace(b"}", b',"unknown":"\xff"}'),
)

Fields = dict[str, str]  # JSON by name


def transaction(chance: Random, number: int, now: int = NOW) -> dict[str, Any]:
    """A valid transaction; its id and customer follow from the number."""
    made: dict[str, Any] = {
        "id": f"t{number}",
        "at": now - chance.randrange(0, 3_600_000),
        "customer": f"c{number % 997}",
        "merchant": f"m{chance.randrange(50)}",
        "amount": round(chance.lognormvariate(3, 1), 2),
    }
    for name in TEXTS:
        if chance.random() < 0.3:
            made[name] = chance.choice(("EUR", "FR", "web", "d-17", "10.0.0.1", "\u00e9\U0001f600"))
    if chance.random() < 0.3:
        made["lat"], made["lon"] = chance.uniform(-90, 90), chance.uniform(-180, 180)
    if chance.random() < 0.2:
        names = chance.sample(OWN[:4], k=chance.randrange(4))
        made["fields"] = {
            name: chance.choice(("x", "\u00e9", 3, -0.5, True, None)) for name in names
        }
    if chance.random() < 0.1:
        made["label"] = chance.choice(("fraud", "legit", "unsure"))
    return made


def label(chance: Random, number: int, now: int = NOW) -> dict[str, Any]:
    """A valid label of some transaction."""
    made: dict[str, Any] = {
        "id": f"t{number}",
        "customer": f"c{number % 997}",
        "label": chance.choice(("fraud", "legit", "unsure", "none")),
        "source": chance.choice(("chargeback", "analyst", "customer")),
    }
    for name in ("actor", "reason", "label_id", "note"):
        if chance.random() < 0.3:
            made[name] = f"{name} {chance.randrange(9)}"
    if chance.random() < 0.5:
        made["at"] = now - chance.randrange(0, 3_600_000)
    return made


def written(chance: Random, message: dict[str, Any]) -> bytes:
    """A message as some client's library would write it."""
    names = list(message)
    if chance.random() < 0.3:
        chance.shuffle(names)
    ascii_only = chance.random() < 0.5
    fields = {name: json.dumps(message[name], ensure_ascii=ascii_only) for name in names}
    return joined(fields, chance.choice(("", " ")))


def joined(fields: Fields, space: str = "") -> bytes:
    """An object of fields that are JSON, or not, already."""
    pairs = (f"{json.dumps(name)}:{space}{value}" for name, value in fields.items())
    return ("{" + f",{space}".join(pairs) + "}").encode("utf-8", "surrogatepass")


def by_field(chance: Random, message: dict[str, Any], spare: tuple[str, ...] = ()) -> bytes:
    """A message with one or two fields changed, none of `spare`."""
    fields = {name: json.dumps(value) for name, value in message.items()}
    for _ in range(chance.choice((1, 1, 1, 2))):
        optional = [name for name in (*TEXTS, "lat", "lon", "label", "note") if name not in fields]
        name = chance.choice([one for one in (*fields, *optional[:3]) if one not in spare])
        kind = chance.random()
        if kind < 0.12:
            fields.pop(name, None)
        elif kind < 0.2:
            fields[chance.choice((name.upper(), name + " ", "x" + name))] = fields.pop(name, "1")
        elif kind < 0.32:
            fields[name] = chance.choice(VALUES)
        elif name == "fields":
            odd = json.dumps(chance.choice(ODD_TEXTS)), chance.choice(ODD_NUMBERS)
            fields[name] = f'{{"{chance.choice(OWN)}": {chance.choice(odd)}}}'
        elif name == "at":
            fields[name] = chance.choice(ODD_TIMES)
        elif name in ("amount", "lat", "lon"):
            fields[name] = chance.choice(ODD_NUMBERS)
        else:
            fields[name] = json.dumps(chance.choice(ODD_TEXTS))
    raw = joined(fields)
    if chance.random() < 0.2:
        raw = raw[:-1] + b"," + chance.choice(EXTRA).encode() + b"}"
    return raw


def by_edge(chance: Random, raw: bytes) -> bytes:
    """A message with something around it, or in the wrong encoding."""
    return chance.choice(EDGES)(raw)


def by_byte(chance: Random, raw: bytes, most: int = 4) -> bytes:
    """Bytes with some of them flipped, removed, doubled, swapped or replaced."""
    data = bytearray(raw)
    for _ in range(chance.randint(1, most)):
        at = chance.randrange(len(data) + 1)
        kind = chance.randrange(6)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del data[at : at + chance.choice((1, 1, 2, 8, 64))]
        elif kind == 2:
            data[at:at] = data[at : at + chance.choice((1, 4, 16))]
        elif kind == 3 and at < len(data):
            data[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, *b'"{}[],:\\\r\n\t 09-'))
        elif kind == 4:
            data[at:at] = chance.randbytes(chance.choice((1, 2, 8)))
        else:
            other = chance.randrange(len(data) + 1)
            low, high = sorted((at, other))
            data[at:at] = data[low : min(high, low + 32)]
    return bytes(data)


def in_place(chance: Random, raw: bytes, most: int = 4) -> bytes:
    """Bytes with some of them replaced, most near the end: where files say what they hold."""
    data = bytearray(raw)
    for _ in range(chance.randint(1, most) if data else 0):
        low = chance.choice((0, max(len(data) - 700, 0)))
        data[chance.randrange(low, len(data))] = chance.choice((0xFF, 0x80, chance.randrange(256)))
    return bytes(data)


def record(
    chance: Random, kind: str, number: int, spare: tuple[str, ...] = (), now: int = NOW
) -> bytes:
    """A record of a kind, transaction or label: valid, or changed in one of these ways."""
    make = transaction if kind == "transaction" else label
    return changed(chance, make(chance, number, now), spare)


def changed(chance: Random, message: dict[str, Any], spare: tuple[str, ...] = ()) -> bytes:
    """A message as it is, or changed by field, at its edges or in its bytes."""
    way = chance.random()
    if way < 0.4:
        return written(chance, message)
    if way < 0.75:
        return by_field(chance, message, spare)
    if way < 0.87:
        return by_edge(chance, written(chance, message))
    return by_byte(chance, written(chance, message))
