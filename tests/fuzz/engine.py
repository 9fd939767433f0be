"""Runs cases of targets, and makes what it finds small: a crash, a hang, a disagreement.

The case with a number follows from seed, target and number alone, so it can be run again.
"""

import hashlib
import resource
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple, Protocol

from tests.fuzz.mutate import by_byte

CORPUS = Path(__file__).parent / "corpus"
HANG = 5.0  # seconds that a case may take
BLOW_UP = 300 << 20  # bytes by which a case may raise the most memory that the process had
TRIES = 400  # cases that making one small may take


class Disagreement(AssertionError):
    """The code under test answers otherwise than the oracle."""


class Hang(BaseException):
    """A case took too long. No `except Exception` may take it."""


class Target(Protocol):
    """Something that takes bytes from outside."""

    name: str

    def make(self, chance: Random) -> bytes:
        """A case."""

    def open(self, case: bytes) -> bytes:
        """A case without what it says about its answer: it is about to be changed."""

    def check(self, case: bytes) -> None:
        """Raise Disagreement, or whatever the code raises that it should not."""


class Finding(NamedTuple):
    """What went wrong with a case, and the smallest case with which it does."""

    target: str
    seed: int
    number: int
    kind: str
    detail: str
    case: bytes
    small: bytes

    def __str__(self) -> str:
        """What to print: how to run it again, what happened, with which bytes."""
        again = f"--target {self.target} --seed {self.seed} --first {self.number} --cases 1"
        return f"{self.kind}\n  again: {again}\n  input: {self.small[:600]!r}\n  {self.detail}"

    def keep(self, folder: Path) -> Path:
        """Write the small case into a folder of its target, as a corpus has it."""
        digest = hashlib.sha256(self.small).hexdigest()[:12]
        path = folder / self.target / f"found-{digest}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.small)
        return path


def corpus(target: str) -> list[bytes]:
    """The cases that are kept for a target, in the order of their names."""
    return [path.read_bytes() for path in sorted((CORPUS / target).glob("*"))]


def case_of(target: Target, kept: Sequence[bytes], seed: int, number: int) -> bytes:
    """The case with a number: first those that are kept, then made ones, or kept ones changed."""
    if number < len(kept):
        return kept[number]
    chance = Random(f"{seed}/{target.name}/{number}")
    if kept and chance.random() < 0.2:
        return by_byte(chance, target.open(chance.choice(kept)))
    return target.make(chance)


def run(
    target: Target, seed: int, numbers: Iterator[int], until: float, known: set[str]
) -> Iterator[Finding | None]:
    """Run cases until a time (monotonic); yields for each, and a finding for each new kind.

    Parameters
    ----------
    known
        Kinds that were found before; new ones are added.
    """
    kept = corpus(target.name)
    for number in numbers:
        if time.monotonic() > until:
            return
        case = case_of(target, kept, seed, number)
        found = attempt(target, case)
        if found is None or found[0] in known:
            yield None
            continue
        kind, detail = found
        known.add(kind)
        small = minimise(case, lambda one, kind=kind: fails_so(target, one, kind))
        yield Finding(target.name, seed, number, kind, detail, case, small)


def fails_so(target: Target, case: bytes, kind: str) -> bool:
    """Whether a case fails in this way."""
    found = attempt(target, case)
    return found is not None and found[0] == kind


def attempt(target: Target, case: bytes) -> tuple[str, str] | None:
    """Kind and detail of what goes wrong with a case, None when nothing does."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        with limited(HANG):
            target.check(case)
    except Hang:
        return f"{target.name}: hangs", f"took more than {HANG:.0f} s"
    except Disagreement as error:
        return f"{target.name}: {str(error).splitlines()[0]}", str(error)
    except Exception as error:
        return f"{target.name}: {type(error).__name__} {place(error)}", traceback.format_exc()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    if grown > BLOW_UP:
        return f"{target.name}: takes much memory", f"{grown >> 20} MB more than before"
    return None


def place(error: Exception) -> str:
    """Where in Weir an exception came from."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/app/" in frame.filename]
    if not ours:
        return "in the fuzzer"
    return f"at {ours[-1].filename[ours[-1].filename.rindex('/app/') + 1 :]}:{ours[-1].lineno}"


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise Hang in the main thread when the body takes longer."""

    def expired(*_: object) -> None:
        raise Hang

    former = signal.signal(signal.SIGALRM, expired)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


def minimise(case: bytes, fails: Callable[[bytes], bool], tries: int = TRIES) -> bytes:
    """The case without everything that it fails without: larger pieces first.

    >>> minimise(b"some long text! with a mark", lambda case: b"!" in case)
    b'!'
    """
    size = max(len(case) // 2, 1)
    while tries > 0:
        at, shrunk = 0, False
        while at < len(case) and tries > 0:
            shorter = case[:at] + case[at + size :]
            tries -= 1
            if fails(shorter):
                case, shrunk = shorter, True
            else:
                at += size
        if size == 1 and not shrunk:
            break
        size = max(size // 2, 1)
    return case
