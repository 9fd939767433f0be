"""A short part of the fuzzer that is the same each time; `make fuzz` does more."""

import time
from pathlib import Path
from random import Random

import pytest

from tests.fuzz.engine import Disagreement, Target, attempt, corpus, minimise, run
from tests.fuzz.mutate import by_byte
from tests.fuzz.targets import targets

SEED = 20_261
CASES = {"transactions": 10_000, "labels": 8000, "files": 700, "http": 150, "snapshots": 400}
USUAL = 4000  # cases of any other target
TARGETS = {target.name: target for target in targets()}


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_kept_and_what_is_made_is_answered_as_the_documents_say(name: str) -> None:
    count = len(corpus(name)) + CASES.get(name, USUAL)
    until, known = time.monotonic() + 120, set[str]()
    done = list(run(TARGETS[name], SEED, iter(range(count)), until, known))
    assert not [str(found) for found in done if found is not None]
    assert len(done) == count


class Faulty:
    """A target that goes wrong in one way, where a mark stands in its input."""

    name = "faulty"

    def __init__(self, way: str) -> None:
        self.way, self.kept = way, bytearray()

    def make(self, chance: Random) -> bytes:
        return by_byte(chance, b"a long line with a mark in it: !") * 3

    def open(self, case: bytes) -> bytes:
        return case

    def check(self, case: bytes) -> None:
        if b"!" not in case:
            return
        if self.way == "raises":
            raise KeyError("!")
        if self.way == "disagrees":
            raise Disagreement("a mark")
        if self.way == "hangs":
            while True:
                pass
        self.kept += bytes(400 << 20)


@pytest.mark.parametrize(
    ("way", "kind"),
    [
        ("raises", "faulty: KeyError in the fuzzer"),
        ("disagrees", "faulty: a mark"),
    ],
)
def test_what_goes_wrong_is_found_made_small_and_kept(way: str, kind: str, tmp_path: Path) -> None:
    target: Target = Faulty(way)
    known: set[str] = set()
    done = run(target, 1, iter(range(50)), time.monotonic() + 60, known)
    found = [one for one in done if one is not None]
    assert [(one.kind, one.small) for one in found] == [(kind, b"!")]
    assert found[0].keep(tmp_path).read_bytes() == b"!"
    again = run(target, 1, iter([found[0].number]), time.monotonic() + 60, set())
    assert [one.case for one in again if one is not None] == [found[0].case]


def test_a_hang_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.engine.HANG", 0.1)
    assert (attempt(Faulty("hangs"), b"!") or ("",))[0] == "faulty: hangs"


def test_what_fails_together_stays_together() -> None:
    assert minimise(b"one two three four", lambda case: b"n" in case and b"f" in case) == b"nf"
