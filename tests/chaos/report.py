"""The report over many runs, as JSON and as one HTML page."""

import json
import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from tests.chaos.faults import FAULTS
from tests.chaos.play import Outcome

KINDS = ("lost", "doubled", "differs", "invented")
TOTALS = (
    "transactions",
    "repeated_decisions",
    "degraded",
    "examples",
    "skipped_examples",
    "poison",
    "dead_letters",
)


def write(outcomes: list[Outcome], directory: Path) -> dict[str, Any]:
    """Write report.json and report.html; returns what they say."""
    told = summary(outcomes)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "report.json").write_text(json.dumps(told, indent=1))
    pages = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    (directory / "report.html").write_text(pages.get_template("report.html").render(told))
    return told


def summary(outcomes: list[Outcome]) -> dict[str, Any]:
    """The runs, and a row for each fault: runs, what was lost, doubled, different; gaps."""
    valid = [outcome for outcome in outcomes if not outcome.invalid]
    return {
        "runs": [asdict(outcome) | {"passed": outcome.passed} for outcome in outcomes],
        "valid": len(valid),
        "passed": sum(outcome.passed for outcome in valid),
        "struck": sum(len(outcome.faults) for outcome in valid),
        "held_back": sum(outcome.plan["coalesce"] > 0 for outcome in valid),
        **{name: sum(outcome.figures.get(name, 0) for outcome in valid) for name in TOTALS},
        "exits": dict(
            sum((Counter(outcome.figures.get("exits", {})) for outcome in valid), Counter())
        ),
        "faults": [row for name in FAULTS if (row := fault_row(name, valid))["runs"]],
    }


def fault_row(name: str, outcomes: Iterable[Outcome]) -> dict[str, Any]:
    """What the runs with this fault showed. A violation counts for every fault of its run."""
    hit = [outcome for outcome in outcomes if any(x.name == name for x in outcome.faults)]
    struck = [fault for outcome in hit for fault in outcome.faults if fault.name == name]
    recovered = [fault.recovered for fault in struck]
    gaps = [gap for fault in struck for gap in fault.gaps.values()]
    return {
        "fault": name,
        "sentence": FAULTS[name].sentence,
        "runs": len(hit),
        "struck": len(struck),
        **{kind: sum(count(outcome, kind) for outcome in hit) for kind in KINDS},
        "recovered": statistics.median(recovered) if recovered else None,
        "slowest": max(recovered, default=None),
        "longest_gap": max(gaps, default=None),
    }


def table(told: dict[str, Any]) -> str:
    """The rows by fault as a table in Markdown."""
    head = "| fault | runs | lost | doubled | different | all work again, s | longest gap, s |"
    rows = [
        f"| {row['sentence']} | {row['runs']} | {row['lost'] + row['invented']} "
        f"| {row['doubled']} "
        f"| {row['differs']} | {row['recovered']:.1f} to {row['slowest']:.1f} | {gap(row)} |"
        for row in told["faults"]
    ]
    return "\n".join([head, "|---|---|---|---|---|---|---|", *rows])


def totals(told: dict[str, Any]) -> str:
    """What all valid runs together did, in one line."""
    exits = ", ".join(f"{code} x {times}" for code, times in sorted(told["exits"].items()))
    counts = ", ".join(f"{told[name]:,} {name.replace('_', ' ')}" for name in TOTALS)
    return (
        f"{told['struck']} faults, {counts}; changes held back in {told['held_back']} runs; "
        f"workers that ended themselves: {exits or 'none'}"
    )


def gap(row: dict[str, Any]) -> str:
    """The longest gap of a fault, a dash where none was seen."""
    return "-" if row["longest_gap"] is None else f"{row['longest_gap']:.1f}"


def count(outcome: Outcome, kind: str) -> int:
    """How many violations of a run are of a kind."""
    found = (sentence for told in outcome.violations.values() for sentence in told)
    return sum(sentence.startswith(kind) for sentence in found)
