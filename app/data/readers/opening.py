"""Which reader a file gets: its ending says the format, its first bytes the compression."""

from collections.abc import Callable
from pathlib import Path

from app.data.readers.columnar import Parquet
from app.data.readers.delimited import Delimited
from app.data.readers.json_rows import Json
from app.data.readers.source import CODECS, check_encoding, codec_of, inner_name
from app.data.readers.table import SHOWN, Layout, Table
from app.errors import DataError

Opener = Callable[[Path, Layout, str], Table]


def delimited(path: Path, layout: Layout, zone: str) -> Table:
    """Delimited text."""
    return Delimited(path, layout)


def tabbed(path: Path, layout: Layout, zone: str) -> Table:
    """Delimited text, by tabs unless something else is said."""
    return Delimited(path, layout._replace(delimiter=layout.delimiter or "\t"))


def json_lines(path: Path, layout: Layout, zone: str) -> Table:
    """An object a line."""
    return Json(path, layout, by_line=True)


def json_text(path: Path, layout: Layout, zone: str) -> Table:
    """Objects, or an array of them."""
    return Json(path, layout, by_line=False)


def parquet(path: Path, layout: Layout, zone: str) -> Table:
    """Parquet."""
    return Parquet(path, zone)


FORMATS: dict[str, Opener] = {
    ".csv": delimited,
    ".tsv": tabbed,
    ".txt": delimited,
    ".jsonl": json_lines,
    ".ndjson": json_lines,
    ".json": json_text,
    ".parquet": parquet,
}
SHEET = "save it as CSV (in Excel and LibreOffice: Save As, CSV UTF-8)"
ADVICE = {
    **dict.fromkeys((".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers"), SHEET),
    ".feather": "write it as Parquet: pandas.read_feather(FILE).to_parquet(OUT)",
    ".arrow": "write it as Parquet: pandas.read_feather(FILE).to_parquet(OUT)",
    ".orc": "write it as Parquet: pandas.read_orc(FILE).to_parquet(OUT)",
    ".avro": "write it as JSON lines: avro-tools tojson FILE > OUT.jsonl",
    ".pkl": "write it as Parquet: pandas.read_pickle(FILE).to_parquet(OUT)",
    ".pickle": "write it as Parquet: pandas.read_pickle(FILE).to_parquet(OUT)",
    ".sas7bdat": "write it as Parquet: pandas.read_sas(FILE).to_parquet(OUT)",
    ".dta": "write it as Parquet: pandas.read_stata(FILE).to_parquet(OUT)",
    ".arff": "write it as CSV: its @attribute lines are the header",
    ".xml": "write it as CSV: pandas.read_xml(FILE).to_csv(OUT, index=False)",
    ".sqlite": "write the table as CSV: sqlite3 -header -csv FILE 'SELECT * FROM ...' > OUT.csv",
    ".tar": "unpack it, and name one of its files",
    ".tgz": "unpack it, and name one of its files",
    ".7z": "unpack it, and name one of its files",
    ".rar": "unpack it, and name one of its files",
    ".db": "write the table as CSV: sqlite3 -header -csv FILE 'SELECT * FROM ...' > OUT.csv",
}


def open_table(path: Path, layout: Layout = SHOWN, zone: str = "") -> Table:
    """Look at a file.

    Parameters
    ----------
    zone
        Of the timestamps of Parquet that have none.

    Raises
    ------
    DataError
        There is no such file, it cannot be opened, it is empty, or nothing reads its ending.
    """
    codec = codec_of(path)
    ending = Path(inner_name(path, codec)).suffix.lower()
    if ending not in FORMATS:
        endings = f"{', '.join(FORMATS)}, nor in one of these and {', '.join(CODECS)}"
        advice = f"; {ADVICE[ending]}" if ending in ADVICE else ""
        raise DataError(f"{path} ends in none of {endings}, the formats that are read{advice}")
    if layout.encoding:
        check_encoding(layout.encoding)
    table = FORMATS[ending](path, layout, zone)
    if not table.columns:
        raise DataError(f"{path} is empty")
    return table
