"""Headers that anybody may write: the history of a replayed letter, and those of a letter."""

from random import Random
from types import SimpleNamespace

from app.apps import load
from app.serving.dead_letters.journey import Refusal, carried, carrying, header, read_journey
from app.serving.dead_letters.read import read_letter
from app.serving.dead_letters.replay import destination, why_kept
from app.serving.setup import Setup
from app.settings import read_settings
from tests.fuzz import mutate
from tests.fuzz.engine import Disagreement

ITEM, PAIR = b"\x1e", b"\x1f"  # between headers, and between a header's name and its value
NUMBERS = (b"0", b"-1", b"17", b"9" * 18, b"9" * 30, b"", b"x", b"1.5", b"\xd9\xa3", b" 1", b"1_0")
NAMES = [
    "reason",
    "topic",
    "partition",
    "offset",
    "timestamp",
    "sha256",
    "weir-history",
    "weir-origin",
    "traceparent",
]


def history(chance: Random) -> bytes:
    """The value of a history's header, whole or changed."""
    journey = read_journey(())
    for n in range(chance.randrange(4)):
        refusal = Refusal("transactions", n, chance.randrange(1 << 40), "a reason " * n, 0, n)
        journey = journey.after(refusal)
    raw = header(journey)[1]
    return raw if chance.random() < 0.3 else mutate.by_byte(chance, raw)


class Headers:
    """The headers of a record, as bytes."""

    name = "headers"

    def __init__(self) -> None:
        settings = read_settings()
        self.setup = Setup(settings, load(settings))

    def make(self, chance: Random) -> bytes:
        """Some headers, some of them twice."""
        items = []
        for _ in range(chance.randrange(8)):
            name = chance.choice(NAMES)
            if name == "weir-history":
                value = history(chance)
            else:
                value = chance.choice(
                    (chance.choice(NUMBERS), chance.randbytes(chance.randrange(9)))
                )
            items.append(name.encode() + PAIR + value)
        return ITEM.join(items)

    def open(self, case: bytes) -> bytes:
        """The same: the oracle judges what is there."""
        return case

    def check(self, case: bytes) -> None:
        """Whatever stands there: a letter can be read, shown and sent back."""
        headers = tuple(
            (name.decode(errors="replace"), value)
            for name, _, value in (item.partition(PAIR) for item in case.split(ITEM))
        )
        journey = read_journey(headers)
        if journey.replays and not carried(headers):
            raise Disagreement("a journey out of nothing")
        if carrying(carried(headers)) not in ((), (("weir-history", carried(headers)),)):
            raise Disagreement("a history is changed on its way")
        record = SimpleNamespace(
            topic="dead-letters",
            partition=0,
            offset=1,
            timestamp=mutate.NOW,
            key=b"c1",
            value=case,
            headers=headers,
        )
        letter = read_letter(record)
        if not isinstance(letter.head, str) or "\x1b" in letter.head or "\n" in letter.head:
            raise Disagreement("a value is shown unescaped")
        if letter.place is not None and min(letter.place) < 0:
            raise Disagreement("a place below 0")
        if why_kept(letter, self.setup, mutate.NOW) is None and not destination(letter, self.setup):
            raise Disagreement("a letter is sent nowhere")
