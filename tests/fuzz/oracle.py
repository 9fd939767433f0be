"""What is valid, read from the documents by a simple model that shares no code with Weir.

Strict JSON by the standard library, then tables of fields. Where the documents leave open
whether something is valid, the oracle has no opinion (None): either answer is right then, but
it has to be an answer.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

MAX_MS = 253_402_300_799_999
DAY_MS = 86_400_000
EARLY_MS = 100_000_000_000  # March 1973
SECONDS_FROM = 100_000_000  # March 1973 as well
SURE_MS = (220_000_000_000, 7_258_118_400_000)  # 1976 to 2200
NEAR_MS = 366 * DAY_MS
DEEP = 200  # levels of nesting that every reader of JSON takes
DIGITS = 20  # of a whole number that every reader takes

Says = bool | None  # valid, not valid, no opinion


CARD_FIELDS = frozenset(("customer", "merchant", "actor", "reason", "note"))
# What a clock that begins at 0 says: beside it every number may be milliseconds.
AT_THE_START = 0
ANY_TIME = 1 << 60  # ms that a time may be ahead, where that is not asked


class Verdict(NamedTuple):
    """Whether a record can be used, what it is then, and otherwise why not."""

    valid: Says
    message: Mapping[str, Any]
    why: str = ""


Check = Callable[[str, Any], Says]


def text(most: int, least: int = 0, words: tuple[str, ...] = (), nul: bool = False) -> Check:
    """A text of so many bytes, one of these words if there are any."""

    def check(name: str, value: Any) -> Says:
        if not isinstance(value, str) or (words and value not in words):
            return False
        if len(value) < least or len(value) > most or ("\0" in value and not nul):
            return False
        if name != "note" and len(value.encode(errors="replace")) > most:
            return False
        return card(name, value)

    return check


def card(name: str, value: str) -> Says:
    """Whether a text may stand in a field although it might be a card number."""
    if name not in CARD_FIELDS:
        return True
    digits = re.sub(r"[ -]", "", value)
    loose = re.sub(r"[^0-9]", "", value)
    if not re.fullmatch(r"[0-9]{13,19}", digits):
        odd = re.fullmatch(r"\s*[0-9][\d\s./_\-\u2010-\u2015]*\s*", value)
        return None if odd and 13 <= len(loose) <= 19 else True
    if not luhn(digits):
        return True
    issued = known_issuer(digits)
    return None if issued is None else not issued


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others."""
    doubled = [int(digit) * 2 for digit in digits[-2::-2]]
    plain = sum(int(digit) for digit in digits[-1::-2])
    return (plain + sum(number // 10 + number % 10 for number in doubled)) % 10 == 0


def known_issuer(digits: str) -> Says:
    """Whether a number begins and is as long as those of an issuer; many are left to opinion."""
    if len(digits) == 16 and re.match("4|5[1-5]|6011|35[3-8]", digits):
        return True
    if len(digits) == 15 and re.match("34|37", digits):
        return True
    return False if digits[0] in "017" else None


def number(least: float, most: float) -> Check:
    """A number within bounds."""

    def check(name: str, value: Any) -> Says:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return least <= value <= most

    return check


_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)


def epoch_ms(value: Any) -> int | bool | None:
    """Epoch milliseconds; False for no time, None for what a generous reader might take."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 <= value <= MAX_MS else False
    if not isinstance(value, str):
        return False
    found = _INSTANT.fullmatch(value)
    if found is None:
        return None if re.match(r"\d{4}-\d\d-\d\d[Tt _]\d\d:", value) else False
    try:
        zone = "+00:00" if found[4] == "Z" else found[4]
        at = datetime.fromisoformat(f"{found[1]}T{found[2]}{zone}")
        since = at - datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    except (ValueError, OverflowError):
        return False
    nanos = int((found[3] or ".0")[1:].ljust(9, "0"))
    whole, rest = since // timedelta(milliseconds=1) + nanos // 1_000_000, nanos % 1_000_000
    if not rest:
        return whole if 0 <= whole <= MAX_MS else False
    if whole in (-1, MAX_MS):  # parts of a millisecond may be rounded
        return None
    return whole if 0 <= whole < MAX_MS else False


def instant(name: str, value: Any) -> Says:
    """A time: epoch milliseconds, or RFC 3339."""
    ms = epoch_ms(value)
    return None if ms is None else ms is not False


_TAKEN = ("id", "at", "customer", "merchant", "amount", "lat", "lon", "fields", "label")


def own_fields(name: str, value: Any) -> Says:
    """Words and numbers of the producer's own; what is neither is no reason to refuse them."""
    if not isinstance(value, dict):
        return False
    says: Says = True
    for own, one in value.items():
        if not re.fullmatch("[a-z][a-z0-9_]{0,31}", own) or own in _TAKEN:
            if one is not None and one != "":
                return False
        elif isinstance(one, str):
            says = _worse(says, text(128)("merchant", one))
        elif _is_number(one) and float(one).is_integer():
            says = _worse(says, card("merchant", str(abs(int(float(one))))))
    given = [one for one in value.values() if one is not None and one != ""]
    words = sum(isinstance(one, str) for one in given)
    return False if words > 16 or len(given) - words > 32 else says


def usable(value: Any) -> dict[str, Any]:
    """The words and numbers among the producer's own fields."""
    return {
        name: one
        for name, one in (value or {}).items()
        if (isinstance(one, str) and one) or _is_number(one)
    }


def _is_number(one: Any) -> bool:
    """Whether it is a number within bounds; others, and truth values, are missing."""
    return isinstance(one, int | float) and not isinstance(one, bool) and abs(one) <= 1e18


ID = text(128, least=1)
WORD = text(128)
TRANSACTION: dict[str, tuple[bool, Check]] = {  # whether a field is required, and what it holds
    "id": (True, ID),
    "at": (True, instant),
    "customer": (True, ID),
    "merchant": (True, ID),
    "amount": (True, number(0, 1e12)),
    **{name: (False, WORD) for name in ("currency", "category", "channel", "country", "device")},
    "ip": (False, WORD),
    "lat": (False, number(-90, 90)),
    "lon": (False, number(-180, 180)),
    "fields": (False, own_fields),
    "label": (False, text(128, words=("fraud", "legit", "unsure", "none"))),
}
LABEL: dict[str, tuple[bool, Check]] = {
    "id": (True, ID),
    "customer": (True, ID),
    "label": (True, text(128, words=("fraud", "legit", "unsure", "none"))),
    "source": (
        True,
        text(128, words=("chargeback", "analyst", "customer", "stream", "maturity")),
    ),
    "at": (False, instant),
    **{name: (False, WORD) for name in ("actor", "reason", "label_id")},
    "note": (False, text(2000, nul=True)),
    "share": (False, number(1 / 64, 1)),
}
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_OPEN, _CLOSE = re.compile(r"[\[{]"), re.compile(r"[\]}]")


class NotJson(ValueError):
    """Bytes that are not the JSON of one value."""


def read_json(raw: bytes) -> tuple[Any, bool]:
    """The value in strict JSON; and whether every reader would take it.

    Raises NotJson for what no strict reader takes.
    """
    sure = True
    try:
        source = raw.decode()
    except UnicodeDecodeError:
        raise NotJson("not UTF-8") from None
    source = source.removeprefix("\ufeff")
    bare = _STRING.sub("", source)
    if len(_OPEN.findall(bare)) != len(_CLOSE.findall(bare)):
        raise NotJson("brackets that do not match")
    if len(_OPEN.findall(bare)) > DEEP:
        sure = False
    try:
        value = json.loads(
            source, parse_constant=_refuse, parse_int=_whole, object_pairs_hook=_fields
        )
    except (ValueError, RecursionError) as error:
        if isinstance(error, RecursionError) or "digits" in str(error):
            return None, False
        raise NotJson(str(error)) from None
    return value, sure


class Twice(dict):
    """An object in which a name stands twice: readers differ in which one counts."""


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else Twice(found)


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= DIGITS else float(digits)


def _refuse(word: str) -> None:
    raise NotJson(f"{word} is no JSON")


def judge(kind: str, raw: bytes | None, timestamp: int, future_ms: int = DAY_MS) -> Verdict:
    """Whether a record of a kind, transaction or label, can be used.

    `timestamp` is the record's, epoch ms, -1 where it has none. Beside AT_THE_START times are
    judged for themselves.
    """
    if not raw:
        return Verdict(False, {}, "no value")
    if timestamp > MAX_MS:
        return Verdict(False, {}, "the record's timestamp is no time in milliseconds")
    try:
        value, sure = read_json(raw)
    except NotJson as error:
        return Verdict(False, {}, f"not JSON: {error}")
    if not isinstance(value, dict):
        return Verdict(False if sure else None, {}, "not an object")
    says, why = _judge_fields(kind, value)
    if says is not False and value.get("at") is not None:
        when, reason = judge_time(kind, value["at"], timestamp, future_ms)
        says, why = _worse(says, when), why or reason
    unsure = not sure or isinstance(value, Twice) or _surrogates(value)
    if unsure:
        says = None if says is not False or isinstance(value, Twice) else False
    return Verdict(says, value, why)


def _judge_fields(kind: str, value: Mapping[str, Any]) -> tuple[Says, str]:
    says: Says = True
    why = ""
    for name, (required, check) in (TRANSACTION if kind == "transaction" else LABEL).items():
        absent = value.get(name) is None  # null stands for a field that is left out
        one = not required if absent else check(name, value[name])
        says, why = _worse(says, one), why or ("" if one else f"`{name}`")
    if says is not False and kind != "transaction" and value["source"] == "maturity":
        shares = {2.0**-n for n in range(7)}
        if (value.get("share") or 1) not in shares:
            return False, "`share`"
    return says, why


def judge_time(kind: str, at: Any, timestamp: int, future_ms: int = DAY_MS) -> tuple[Says, str]:
    """Whether a time can be milliseconds, and fits the time of its record; and why not."""
    ms = epoch_ms(at)
    if ms is None or isinstance(ms, bool):
        return ms, "`at`"
    if kind == "transaction" and 0 <= timestamp < ms - future_ms:
        return False, "`at` is too far ahead"
    says = _milliseconds(kind, ms, timestamp, isinstance(at, str))
    return says, "" if says else "`at` may be of another unit"


def _milliseconds(kind: str, ms: int, timestamp: int, said: bool) -> Says:
    """Whether a time is one of milliseconds: numbers before 1973 are of something else."""
    if SURE_MS[0] <= ms <= SURE_MS[1] or 0 <= timestamp < EARLY_MS:
        return True
    if timestamp >= 0 and abs(ms - timestamp) < NEAR_MS:
        return True
    if said or ms >= EARLY_MS:  # a date says its unit; others may be digits of a date
        return None
    # The times of labels only put them in order, so counts of steps will do.
    return False if kind == "transaction" or ms >= SECONDS_FROM else None


def _worse(one: Says, other: Says) -> Says:
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


def _surrogates(value: Any) -> bool:
    """Whether there is half a character anywhere, which JSON's grammar allows."""
    dumped = json.dumps(value, ensure_ascii=False)
    return any("\ud800" <= character <= "\udfff" for character in dumped)


def partition_of(key: str, partitions: int) -> int:
    """Kafka's default partition of a key: murmur2 of its bytes, as its clients compute it."""
    data, mask = key.encode(), 0xFFFFFFFF
    h = 0x9747B28C ^ len(data)
    for start in range(0, len(data) - len(data) % 4, 4):
        k = int.from_bytes(data[start : start + 4], "little") * 0x5BD1E995 & mask
        k = (k ^ k >> 24) * 0x5BD1E995 & mask
        h = (h * 0x5BD1E995 & mask) ^ k
    rest = data[len(data) - len(data) % 4 :]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * 0x5BD1E995 & mask
    h = (h ^ h >> 13) * 0x5BD1E995 & mask
    h ^= h >> 15
    return (h & 0x7FFFFFFF) % partitions
