"""A stream decided by Weir, labels some days late: scores, features and truth, kept by the code."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

import numpy as np

from app.apps import load
from app.core.domain import Application
from app.data.hours import recorded
from app.data.replay import Replay
from app.data.rows import Labelled
from app.settings import read_settings
from app.streams.fraud.messages import read_prediction
from benchmarks.handbook import online
from benchmarks.handbook.online import Singles, vector
from benchmarks.handbook.transactions import Flags, Floats, Ints
from benchmarks.life.streams import DAY_MS, Stream

DELAY = 7  # days after which a label is known
DECIDING = ("streams.py", "words.py", "partitions.py", "played.py")  # what a play depends on


class Way(NamedTuple):
    """How a stream is decided: the settings that differ from the default, and the labels.

    `fields` is the text of a file that declares fields, '' for none; `unreported` a share of the
    frauds, which are labelled as legitimate.
    """

    name: str
    settings: Mapping[str, Any] = {}
    fields: str = ""
    unreported: float = 0.0

    def application(self, folder: Path) -> Application:
        """The application with these settings; the file of its fields lies in the folder."""
        given = dict(self.settings)
        if self.fields:
            given["fields"] = folder / f"{sha256(self.fields.encode()).hexdigest()[:12]}.toml"
            given["fields"].write_text(self.fields)
            given["fields"] = str(given["fields"])
        return load(read_settings(**given))


class Play(NamedTuple):
    """What was decided on a stream, a value for each transaction in its order."""

    at: Ints  # epoch ms
    fraud: Flags
    kind: Ints  # 0 legitimate, else the kind of fraud
    scores: Floats
    x: Singles  # features as scored, (transactions, features), NaN where there is none
    cpu: float  # seconds


def plays(pairs: Sequence[tuple[Stream, Way]], cache: Path, cores: int) -> list[Play]:
    """Decide each stream in its way, in processes of their own.

    Plays of the same code are taken from the cache, a folder.
    """
    streams, ways = zip(*pairs, strict=True)
    with ProcessPoolExecutor(cores, get_context("spawn")) as pool:
        return list(map(read_play, pool.map(kept, streams, ways, [cache] * len(pairs))))


def kept(stream: Stream, way: Way, cache: Path) -> Path:
    """The file with a play, which is made if there is none."""
    alike = repr((stream.name, dict(way.settings), way.fields, way.unreported))
    here = sorted(Path(__file__).parent.glob("*.py"))
    code = b"".join(path.read_bytes() for path in here if path.name in DECIDING)
    key = sha256(alike.encode() + code).hexdigest()[:12]
    path = cache / f"play-{key}-{online.digest()}.npz"
    if not path.exists():
        part = path.with_suffix(".part.npz")
        np.savez(part, **_decided(stream, way, cache)._asdict())
        part.rename(path)
    return path


def read_play(path: Path) -> Play:
    """The play in a file."""
    with np.load(path) as file:
        return Play(*(file[name] for name in Play._fields[:-1]), float(file["cpu"]))


def _decided(stream: Stream, way: Way, cache: Path) -> Play:
    application = way.application(cache)
    names = {one.name: column for column, one in enumerate(application.features)}
    replay = Replay(application)
    rows: list[Labelled] = []
    scores: list[float] = []
    features: list[Singles] = []
    started = process_time()
    for hour in recorded(application, stream.rows(), DAY_MS * DELAY, way.unreported):
        for raw in replay.decide_all(hour.rows):
            prediction = read_prediction(raw)
            scores.append(prediction.score)
            features.append(vector(prediction.features, names))
        rows += [row._replace(event=row.event.at) for row in hour.rows]  # type: ignore[arg-type]
        replay.learn_all(hour.labels())
    took = process_time() - started
    print(f"  {stream.name}, {way.name}: {len(rows):,} transactions in {took:.0f} s", flush=True)
    at, positive, kind, *_ = zip(*rows, strict=True)
    return Play(
        np.array(at), np.array(positive) == 1, np.array(kind), np.array(scores),
        np.array(features), took,
    )  # fmt: skip
