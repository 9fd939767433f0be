"""Weir's online models on the stream: every decision as it would have been made live."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from itertools import repeat, takewhile
from multiprocessing import get_context
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

import app
from app.apps import load
from app.data.hours import recorded
from app.data.replay import Replay
from app.data.rows import Labelled
from app.settings import read_settings
from app.streams.fraud.features import GRIDS
from app.streams.fraud.files import open_dataset
from app.streams.fraud.messages import Prediction, read_prediction
from benchmarks.handbook.features import DELAY
from benchmarks.handbook.transactions import DAY, FILE, Floats

Singles: TypeAlias = NDArray[np.float32]
NEWS = 250_000  # transactions between two lines of progress


class Play(NamedTuple):
    """What one model decided on the stream."""

    scores: Floats  # of each transaction
    x: Singles  # features as scored, (transactions, features), NaN where there is none
    cpu: float  # seconds


def plays(
    models: Sequence[str], folder: Path, end: int, cache: Path, processes: int
) -> dict[str, Play]:
    """The plays of several models, by name, each in a process of its own."""
    rest = repeat(folder), repeat(end), repeat(cache)
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        return dict(zip(models, map(read_play, pool.map(play, models, *rest)), strict=True))


def play(model: str, folder: Path, end: int, cache: Path) -> Path:
    """Play the stream up to and without the day `end`, labels 7 days late.

    A play of the same code is taken from the cache, a folder. Returns the file with it.

    Parameters
    ----------
    model
        An entry of the zoo; all else is as Weir's settings have it.
    end
        Days since 1970.
    """
    path = cache / f"{model}-{end}-{digest()}.npz"
    if not path.exists():
        np.savez(path.with_suffix(".part.npz"), **_played(model, folder, end)._asdict())
        path.with_suffix(".part.npz").rename(path)
    return path


def read_play(path: Path) -> Play:
    """The play in a file."""
    with np.load(path) as file:
        return Play(file["scores"], file["x"], float(file["cpu"]))


def digest() -> str:
    """Fingerprint of all code that decides, so that no play of another code is taken."""
    found = hashlib.sha256()
    for path in sorted(Path(app.__file__).parent.rglob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()[:12]


def _played(model: str, folder: Path, end: int) -> Play:
    rows = takewhile(lambda row: row.event.at < 1000 * DAY * end, open_dataset(folder / FILE))
    names = {name: column for column, name in enumerate(GRIDS)}
    scores: list[float] = []
    features: list[Singles] = []
    started = process_time()
    for prediction in decisions(model, rows):
        scores.append(prediction.score)
        features.append(vector(prediction.features, names))
        if len(scores) % NEWS == 0:
            on = datetime.fromtimestamp(prediction.at / 1000, UTC)
            print(f"  {model}: {len(scores):,} transactions, {on:%Y-%m-%d}", flush=True)
    return Play(np.array(scores), np.array(features), process_time() - started)


def decisions(model: str, rows: Iterator[Labelled]) -> Iterator[Prediction]:
    """Decide and learn hour by hour, as `weir replay` does."""
    settings = read_settings(model=model)
    application = load(settings)
    replay = Replay(application)
    for hour in recorded(application, rows, 1000 * DAY * DELAY):
        for raw in replay.decide_all(hour.rows):
            yield read_prediction(raw)
        replay.learn_all(hour.labels())


def vector(x: dict[str, Any], names: dict[str, int]) -> Singles:
    """Features by name as a row, NaN where one has no value."""
    row = np.full(len(names), np.nan, dtype=np.float32)
    for name, value in x.items():
        row[names[name]] = value
    return row
