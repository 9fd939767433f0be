"""The streams that are played: the Handbook's, whole or in part, with a word that says nothing."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from app.core.hashing import hash64
from app.data.rows import Labelled
from app.streams.fraud.files import open_dataset
from benchmarks.handbook.transactions import FILE
from benchmarks.handbook.weeks import FIRST, number

CUSTOMERS = "handbook_customers.parquet"
LIMITS = {"whole": None, "quarter": 25.0, "eighth": 12.5}  # customers with x below it
NOISE = 50  # values of a word that says nothing
DAY_MS = 86_400_000


class Stream(NamedTuple):
    """Transactions in the order of time, with their truth; `rows` reads them from the start."""

    name: str
    rows: Callable[[], Iterable[Labelled]]


class Weeks(NamedTuple):
    """What is measured, by its first day and the day after the last."""

    name: str
    first: date  # of four weeks
    end: date
    few: date  # from which the streams with few frauds are measured


WEEKS = {
    "validation": Weeks("validation", FIRST["validation"], date(2018, 7, 18), date(2018, 6, 1)),
    "test": Weeks("test", FIRST["test"], date(2018, 8, 15), date(2018, 8, 1)),
}


def handbook(data: Path, part: str, end: date, cache: Path) -> Stream:
    """The Handbook's stream up to and without a day, of the customers that a name of LIMITS means.

    They are cut out once, into a file of the cache.
    """
    path = cache / f"handbook-{part}-{end}.parquet"
    if not path.exists():
        _cut(data, LIMITS[part], end, path)
    return Stream(f"handbook {part} {end}", partial(open_dataset, path))


def with_noise(stream: Stream) -> Stream:
    """The same transactions with a word that has nothing to do with anything."""
    return Stream(f"{stream.name} noise", partial(_noisy, stream))


def _noisy(stream: Stream) -> Iterator[Labelled]:
    for row in stream.rows():
        noise = {"noise": f"n{hash64('noise' + row.event.id) % NOISE}"}
        yield row._replace(event=msgspec.structs.replace(row.event, fields=noise))


def _cut(data: Path, limit: float | None, end: date, path: Path) -> None:
    import pyarrow
    from pyarrow import compute
    from pyarrow.parquet import read_table, write_table

    table = read_table(data / FILE)
    at = table["TX_DATETIME"]
    before = pyarrow.scalar(number(end) * DAY_MS, pyarrow.timestamp("ms")).cast(at.type)
    table = table.filter(compute.less(at, before))
    if limit is not None:
        people = read_table(data / CUSTOMERS)
        across = next(name for name in people.column_names if name.lower().startswith("x"))
        chosen = people.filter(compute.less(people[across], limit))["CUSTOMER_ID"]
        chosen = chosen.combine_chunks().cast(table["CUSTOMER_ID"].type)
        table = table.filter(compute.is_in(table["CUSTOMER_ID"], value_set=chosen))
    write_table(table, path.with_suffix(".part"))
    path.with_suffix(".part").rename(path)
