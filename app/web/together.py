"""How all workers together are doing: the sums of the status page.

Every worker folds the same log, so what they have learned is not added up. Their learning
states differ by what they have not read yet, their quality by the labels since their start.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from app.web.status import add, latency

Status = dict[str, Any]  # as `worker_status` gives it


def together(statuses: Sequence[Status]) -> Status:
    """The status of one worker or more as one."""
    partitions = [one for status in statuses for one in status["partitions"]]
    return {
        "workers": len(statuses),
        "ready": sum(status["ready"] for status in statuses),
        **counted(statuses),
        **speed(statuses),
        **waiting(partitions),
        **reviewed(statuses, partitions),
        **learned(statuses),
    }


def counted(statuses: Sequence[Status]) -> Status:
    """What was decided, said and refused; alerts newest first."""
    alerts = [one for status in statuses for one in status["alerts"]]
    labels = [status["labels"] for status in statuses]
    return {
        "decisions": add(status["decisions"] for status in statuses),
        "modes": add(status["modes"] for status in statuses),
        "labels": {name: add(one[name] for one in labels) for name in ("by_source", "by_outcome")},
        "one_sided": any(status.get("one_sided", False) for status in statuses),
        "alerts": sorted(alerts, key=lambda one: one["at"], reverse=True),
        "dead_letters": sum(status["dead_letters"] for status in statuses),
        "expired_unread": sum(status.get("expired_unread", 0) for status in statuses),
    }


def speed(statuses: Sequence[Status]) -> Status:
    """Rates, latency, and the line to draw."""
    rates = [status["rates"] for status in statuses]
    # In JSON, as from another worker, the times of a line are texts.
    lines = [{str(at): rate for at, rate in status["line"].items()} for status in statuses]
    return {
        # Each worker learns every example, so those are not added up.
        "rates": {**add(rates), "examples": max(one["examples"] for one in rates)},
        "latency": latency(merged(status["latency"] for status in statuses)),
        "line": add(lines),
    }


def waiting(partitions: Sequence[Status]) -> Status:
    """Events and labels that nobody has worked on yet."""
    return {
        "lag": sum(one["lag"] or 0 for one in partitions),
        "feedback_lag": sum(one["feedback_lag"] or 0 for one in partitions),
    }


def reviewed(statuses: Sequence[Status], partitions: Sequence[Status]) -> Status:
    """The budget for reviews, and what of it is spent."""
    return {
        "review_budget": ahead(statuses)["review_budget"],
        "alerts_per_hour": sum(one["alerts_per_hour"] or 0 for one in partitions),
    }


def learned(statuses: Sequence[Status]) -> Status:
    """The learning state that is furthest, and the quality over most labels."""
    return {
        "learning": ahead(statuses)["learning"],
        "learning_lag": max(status["learning"]["lag"] for status in statuses),
        "quality": max((status["quality"] for status in statuses), key=lambda one: one["n"]),
    }


def ahead(statuses: Sequence[Status]) -> Status:
    """The worker that has folded most of the log."""
    return max(statuses, key=lambda status: status["learning"]["version"])


def merged(latencies: Iterable[Status]) -> list[tuple[float, float]]:
    """The buckets of several workers, added up: (upper bound in seconds, how many)."""
    counts: dict[float, float] = {}
    for one in latencies:
        for bound, many in [*one["buckets"], (float("inf"), one["above"])]:
            counts[bound] = counts.get(bound, 0) + many
    return sorted(counts.items())
