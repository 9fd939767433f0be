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

OPTIONS = (
    *("-qq", "--no-header", "--no-summary", "-p", "no:cacheprovider", "--benchmark-quiet"),
    *("--benchmark-timer=time.process_time", "--benchmark-disable-gc", "--benchmark-warmup=on"),
    *("--benchmark-min-rounds=20", "--benchmark-max-time=0.3"),
)
AIM = 40  # us: features, score, learning, and the explanation where there is one
PAYMENT, LABEL, ZOO = "a transaction", "a label", ("score", "learn", "explain")


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
    """What was measured, as Markdown: transactions and labels, then the zoo."""
    for group in (PAYMENT, LABEL):
        if parts.get(group):
            yield from (f"| {group} | least, µs | median, µs |", "|---|---:|---:|")
            for name, part in parts[group].items():
                yield f"| {name} | {part.least:.1f} | {part.median:.1f} |"
            yield ""
    if set(ZOO) <= parts.keys():
        yield from (f"| model, least µs | {' | '.join(ZOO)} |", "|---|---:|---:|---:|")
        for name in parts[ZOO[0]]:
            yield f"| {name} | {' | '.join(f'{parts[group][name].least:.1f}' for group in ZOO)} |"
        yield ""


def whole(parts: Parts) -> str:
    """What features, score, learning and explanation come to for one transaction."""
    payment, label = parts[PAYMENT], parts[LABEL]
    spent = {
        "features": payment["features: fraud-full"].least,
        "score": payment["score: both models"].least,
        "learn": label["learn: both models"].least,
        "merchants": payment["merchant: view"].least + label["merchant: learn"].least,
    }
    explanation = payment["explanation, where it is held back"]
    total = sum(spent.values())
    together = total + explanation.share * explanation.least
    terms = " + ".join(f"{name} {us:.1f}" for name, us in spent.items())
    return (
        f"a transaction: {terms} = {total:.1f} µs; explanation {explanation.least:.1f} µs per "
        f"flagged, {explanation.share:.1%} of them: {together:.1f} µs, to be {AIM}"
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
    if {PAYMENT, LABEL} <= parts.keys() and not options:
        print(whole(parts))
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
