"""What is wrong with topics, in one sentence that says what leads out of it."""

from collections.abc import Collection, Mapping, Sequence

from app.runtime.topics.metadata import Seen
from app.runtime.topics.shapes import Topics, shapes
from app.settings import Settings

ANEW = "choose a new WEIR_TOPIC_PREFIX, WEIR_APP_ID and WEIR_DATA_DIR and run weir topics create"
REREAD = (
    "choose a new WEIR_APP_ID and WEIR_DATA_DIR and run weir topics create: transactions and "
    "labels are then read again from their start"
)


def of_counts(
    settings: Settings, names: Topics, seen: Mapping[str, Seen | None], more: str = ""
) -> str | None:
    """Which topics have other partition counts than the settings say; None when none has.

    `more` goes in front of the advice.
    """
    wanted = {topic.name: topic.num_partitions for topic in shapes(settings, names)}
    there = [(name, seen.get(name)) for name in wanted]
    found = {name: one.partitions for name, one in there if one is not None}
    wrong = {name: count for name, count in found.items() if count != wanted[name]}
    if not wrong:
        return None
    counts = dict.fromkeys(wrong.values())
    listed = ", ".join(_having([n for n in wrong if wrong[n] == count], count) for count in counts)
    keyed = {count for name, count in found.items() if name != names.examples}
    ways = [] if wrong.keys() <= set(names.inputs) else [ANEW]
    if not ways:
        ways = [f"delete {_listed(wrong)} with all records and run weir topics create", ANEW]
    if names.examples not in wrong and len(keyed) == 1:
        ways.insert(0, f"set WEIR_PARTITIONS={keyed.pop()}")
    should = {wanted[name] for name in wrong}
    said = " and ".join(str(count) for count in sorted(should))
    return f"{listed}, but the settings say {said}{more}: {', or '.join(ways)}"


def of_missing(missing: Collection[str]) -> str:
    """Topics do not exist."""
    return f"missing topics: {', '.join(sorted(missing))}; run weir topics create"


def of_remade(names: Topics, topic: str) -> str | None:
    """A topic was deleted and made again; None for one on which nothing that is kept depends."""
    begun = f"{topic} was deleted and made again, so its offsets start again"
    if topic in (*names.inputs, names.predictions):
        return f"{begun}: raise WEIR_EPOCH"
    if topic in (names.examples, *names.changelogs.values()):
        return f"{topic} was deleted and made again, and what it held is lost: {REREAD}"
    return None


def _having(names: Sequence[str], count: int) -> str:
    """Topics and their partitions."""
    has = "has" if len(names) == 1 else "have"
    return f"{_listed(names)} {has} {count} {'partition' if count == 1 else 'partitions'}"


def _listed(names: Collection[str]) -> str:
    *all_but_one, last = names
    return f"{', '.join(all_but_one)} and {last}" if all_but_one else last
