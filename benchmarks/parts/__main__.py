"""CPU microseconds of the pure parts: from a transaction's bytes to what its label teaches.

    python -m benchmarks.parts [-k EXPRESSION]

Simulated traffic is decided and learned with the default settings, and every part is measured on
the last 500 of 20,000 transactions: CPU time by pytest-benchmark, without garbage collection. A
round works on all of them once; `least` and `median` are those of rounds.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, TypeAlias

import pytest

from app.streams.fraud.features import SETS

OPTIONS = (
    *("-qq", "--no-header", "--no-summary", "-p", "no:cacheprovider", "--benchmark-quiet"),
    *("--benchmark-timer=time.process_time", "--benchmark-disable-gc", "--benchmark-warmup=on"),
    *("--benchmark-min-rounds=20", "--benchmark-max-time=0.3"),
)
ANY, ZOO = "with any set", ("score", "learn", "explain")  # groups, besides the feature sets


class Part(NamedTuple):
    """Microseconds of one call, and for how many of the transactions it is made."""

    least: float
    median: float
    share: float


Parts: TypeAlias = Mapping[str, Mapping[str, Part]]  # by group and name


def read(path: Path) -> Parts:
    """The parts in a file of pytest-benchmark."""
    parts: dict[str, dict[str, Part]] = defaultdict(dict)
    for one in json.loads(path.read_text())["benchmarks"]:
        info, stats = one["extra_info"], one["stats"]
        least, median = (stats[name] / info["rows"] * 1e6 for name in ("min", "median"))
        parts[one["group"]][info["part"]] = Part(least, median, info.get("share", 1.0))
    return parts


def tables(parts: Parts) -> Iterator[str]:
    """What was measured, as Markdown: with any feature set, with each, and the zoo."""
    if parts.get(ANY):
        yield from (f"| {ANY} | least, µs | median, µs |", "|---|---:|---:|")
        for name, part in parts[ANY].items():
            yield f"| {name} | {part.least:.1f} | {part.median:.1f} |"
        yield ""
    for title, groups in (("least, µs", tuple(SETS)), ("zoo, least µs", ZOO)):
        if parts.keys() >= set(groups):
            yield f"| {title} | {' | '.join(groups)} |"
            yield "|---" + "|---:" * len(groups) + "|"
            for name in parts[groups[0]]:
                figures = (f"{parts[group][name].least:.1f}" for group in groups)
                yield f"| {name} | {' | '.join(figures)} |"
            yield ""


def whole(parts: Mapping[str, Part]) -> str:
    """What features, score, learning and explanation come to for one transaction."""
    spent = {
        "features": parts["features"].least,
        "score": parts["score: own and shared model"].least,
        "learn": parts["learn: own and shared model"].least,
        "merchants": parts["merchant: view"].least + parts["merchant: learn"].least,
    }
    explanation = parts["explanation, where it is held back"]
    total = sum(spent.values())
    together = total + explanation.share * explanation.least
    terms = " + ".join(f"{name} {us:.1f}" for name, us in spent.items())
    return (
        f"a transaction: {terms} = {total:.1f} µs; explanation {explanation.least:.1f} µs per "
        f"flagged, {explanation.share:.1%} of them: {together:.1f} µs"
    )


def main(options: list[str]) -> int:
    """Measure, print; pytest's exit status."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "parts.json"
        code = pytest.main(
            [str(Path(__file__).parent), *OPTIONS, f"--benchmark-json={file}", *options]
        )
        parts = read(file) if not code else {}
    for line in tables(parts):
        print(line)
    for features in SETS if parts and not options else ():
        print(f"{features}, {whole(parts[features])}")
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
