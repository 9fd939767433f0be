"""Numbers of partitions and scopes: on the Handbook, and where partitions differ."""

from functools import partial
from itertools import chain, takewhile

from app.data.rows import Labelled
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import transactions
from benchmarks.life.measured import days, precision
from benchmarks.life.partitions import UNLIKE, unlike
from benchmarks.life.parts.chosen import Chosen
from benchmarks.life.played import Play, Way
from benchmarks.life.rows import Found, Row, figure
from benchmarks.life.streams import DAY_MS, Stream

NUMBERS = (4, 12, 64)
SCOPES = ("partition", "shared", "both")
WORSE = 0.002  # that both may be than shared
DAYS, FROM = 90, 30  # of simulated traffic, and the first that is measured


def partitions(chosen: Chosen) -> Found:
    """The eighth, the simulator, and traffic whose partitions differ."""
    rows: list[Row] = []
    found: dict[str, dict[str, float]] = {}
    for number in NUMBERS:
        streams = {"eighth": chosen.stream("eighth"), "simulator": simulator()}
        streams["partitions that differ"] = differing(number)
        for title, stream in streams.items():
            ways = [
                Way(f"{number} {one}", {"partitions": number, "model_scope": one}) for one in SCOPES
            ]
            played = chosen.plays(*((stream, way) for way in ways))
            values = {
                scope: _precision(chosen, title, one)
                for scope, one in zip(SCOPES, played, strict=True)
            }
            found[f"{title}, {number}"] = values
            rows.append(_row(title, number, values))
    return Found(rows, {"scopes": found})


def simulator() -> Stream:
    """The simulator's traffic, all of whose partitions are alike."""
    return Stream("simulator", _alike)


def _alike(traffic: Traffic = UNLIKE) -> list[Labelled]:
    rows = chain.from_iterable(transactions(traffic))
    return list(takewhile(lambda row: row.event.at < traffic.start + DAYS * DAY_MS, rows))


def differing(number: int) -> Stream:
    """Traffic of so many partitions, that differ."""
    until = UNLIKE.start + DAYS * DAY_MS
    return Stream(f"unlike {number}", partial(unlike, number, until))


def _precision(chosen: Chosen, title: str, play: Play) -> float:
    if title == "eighth":
        return precision(play, days(play, chosen.weeks.few, chosen.weeks.end))
    return precision(play, play.at >= UNLIKE.start + FROM * DAY_MS)


def _row(title: str, number: int, values: dict[str, float]) -> Row:
    """Partition, shared and both, and whether both is as good as it should be."""
    less = values["both"] - values["shared"]
    text = ", ".join(f"{scope} {figure(value)}" for scope, value in values.items())
    differ = title == "partitions that differ"
    least = "both above shared" if differ else f"both not below shared by {WORSE}"
    met = less > 0 if differ else less >= -WORSE
    return Row(f"{title}, {number} partitions", "", least, f"{text}: {less:+.4f}", met)
