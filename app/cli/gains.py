"""What each proposed field gains: a file is replayed without any, with each, and with all."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from app.apps import load
from app.cli.replay.options import Choice, Plan
from app.cli.replay.play import play
from app.core.curves import Floats
from app.core.hashing import hash64
from app.core.metrics import average_precision
from app.data.files import Candidate, Dataset, open_dataset
from app.data.measured import Table
from app.data.options import FileOptions
from app.data.rows import Labelled
from app.errors import DataError
from app.settings import read_settings

MEASURED = 10  # candidates at most, and for each word a second way
DRAWS, SEED = 40, 1  # of the decisions, to see how far chance goes
PARTS = 1 << 20
FEW = 20  # positives below which nothing is measured
ALL = Candidate("", "", "", "all of them")


class Bounds(NamedTuple):
    """How much is replayed: events, seconds of processor time, ms after which labels come."""

    events: int
    seconds: float
    delay: int


class Gain(NamedTuple):
    """What average precision gains by a field, and how far that may be chance (a deviation)."""

    candidate: Candidate
    customer: bool  # with the customer's part of a word
    gain: float
    chance: float


class Gains(NamedTuple):
    """What was measured: of how many decisions, how many of them positive, without any field."""

    decisions: int
    positives: int
    without: float
    each: Sequence[Gain]
    together: Gain | None
    cut: bool  # whether the time was up before the file was


class KeySample:
    """The events of some of a file's keys, over its whole length; else as the file itself.

    Keys are chosen by their hash, so a key has all of its events or none, in every reading.

    Parameters
    ----------
    dataset
        The file.
    share
        Of the keys that are kept; all of them from 1 on.
    seconds
        Processor time of this process from now on after which a reading ends early.
    """

    def __init__(self, dataset: Dataset, share: float, seconds: float) -> None:
        self.dataset, self.kept = dataset, round(share * PARTS)
        self.name, self.known, self.rows = dataset.name, dataset.known, None
        self.until = time.process_time() + seconds
        self.cut = False  # whether a reading has ended early

    def __getattr__(self, name: str) -> Any:
        return getattr(self.dataset, name)

    def __iter__(self) -> Iterator[Labelled]:
        for row in self.dataset:
            if hash64(row.event.key) % PARTS < self.kept:
                if time.process_time() > self.until:
                    self.cut = True
                    return
                yield row


def measured(
    path: Path,
    found: Sequence[Candidate],
    reading: FileOptions,
    bounds: Bounds,
    folder: Path,
    watch: Callable[[Sequence[Labelled]], None],
) -> Gains:
    """Measure what proposed fields are worth.

    The file is replayed once, by an application without fields, one with each field by itself
    (a word also with the customer's part), and one with all of them. What counts is the average
    precision of the decisions whose labels fall due, without the first third of them.

    Parameters
    ----------
    path, reading
        The file, and how it is read.
    found
        The proposed fields, of which ten are measured.
    bounds
        How much is replayed.
    folder
        Where fields files may be written.
    watch
        Told of the events of each hour that has been played.

    Raises
    ------
    DataError
        The file cannot be read so, or too few of its labels fall due.
    """
    found = found[:MEASURED]
    ways = [(one, customer) for one in found for customer in _customers(one)]
    columns = {one.name: (one.column,) for one in found if one.name != one.column}
    reading = replace(reading, columns={**columns, **reading.columns})
    all_of_them = [(one, False) for one in found]
    files = [[], *([way] for way in ways), *([all_of_them] if len(found) > 1 else [])]
    choices = [_choice(ways, folder / f"{n}.toml") for n, ways in enumerate(files)]
    everything = _choice(all_of_them, folder / "all.toml").application
    dataset = open_dataset(everything, path, reading)
    source = KeySample(dataset, bounds.events / max(_rows(dataset), 1), bounds.seconds)
    played = play(Plan(source, bounds.delay, (0, None), None), choices, watch, sample=False)
    ys, precisions = _late(played.measured.table())
    base, *others = precisions
    gains = [
        Gain(one, customer, *_gained(other, base))
        for (one, customer), other in zip(ways, others, strict=False)
    ]
    together = Gain(ALL, False, *_gained(others[-1], base)) if len(found) > 1 else None
    return Gains(len(ys), int(ys.sum()), float(base[0]), gains, together, source.cut)


def _late(table: Table) -> tuple[Floats, list[Floats]]:
    """Labels of the decisions that count, and each model's precisions on them.

    Those are the last two thirds: before, all models know next to nothing.
    """
    late = slice(len(table.ys) // 3, None)
    ys = table.ys[late].astype(np.float64)
    if ys.sum() < FEW or ys.sum() == len(ys):
        raise DataError(
            f"no gain can be measured: of {len(table.ys):,} labels that fall due, {int(ys.sum())} "
            "in the last two thirds are positive; --events takes more, --label-delay is another"
        )
    return ys, [_precisions(ys, scores[late]) for scores in table.scores]


def _customers(one: Candidate) -> tuple[bool, ...]:
    return (False, True) if one.kind == "word" else (False,)


def _rows(dataset: Dataset) -> int:
    return sum(1 for _ in dataset) if dataset.rows is None else dataset.rows


def _choice(ways: Sequence[tuple[Candidate, bool]], path: Path) -> Choice:
    path.write_text(declaration(ways))
    settings = read_settings(fields=str(path) if ways else "")
    return Choice(load(settings), settings.chunk)


def declaration(ways: Sequence[tuple[Candidate, bool]]) -> str:
    """A fields file that declares these, with the customer's part or without."""
    blocks = []
    for one, customer in ways:
        asks = "\ncustomer = true" if customer else ""
        blocks.append(f'[[{one.kind}]]\nname = "{one.name}"{asks}\n')
    return "\n".join(blocks)


def _precisions(ys: Floats, scores: Floats) -> Floats:
    """Average precision of all decisions, then of draws of them (bootstrap); shape (1 + draws,)."""
    rng = np.random.default_rng(SEED)  # the same draws for all models
    draws = [None, *(rng.poisson(1.0, len(ys)).astype(np.float64) for _ in range(DRAWS))]
    return np.array([average_precision(ys, scores, weights) for weights in draws])


def _gained(one: Floats, base: Floats) -> tuple[float, float]:
    """How much better one is than the other, and the standard deviation of that over the draws."""
    differences = one - base
    return float(differences[0]), float(differences[1:].std())
