"""What each role may do in Kafka: the one table that is printed, granted and tested.

It is for an authorizer that denies by default. Only what is needed is listed: Read and Write
include Describe, and Write on any topic includes the right to write idempotently.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from app.runtime.topics.shapes import MODELS, Topics
from app.settings import Settings

LITERAL, PREFIX = "literal", "prefix"
READ, WRITE, CREATE, DESCRIBE = "Read", "Write", "Create", "Describe"
DESCRIBE_CONFIGS = "DescribeConfigs"
ORDER = (READ, WRITE, CREATE, DESCRIBE, DESCRIBE_CONFIGS)
ROLES = {
    "topics": "weir topics create and check",
    "worker": "weir worker",
    "producer": "weir publish and simulate, and whoever else sends events and labels",
    "analyst": "weir label",
    "reader": "weir dead-letters list, model show and verify, topics verify",
    "operator": "weir model rollback, rebuild and skip, dead-letters replay, and a reader's",
}


class Right(NamedTuple):
    """Operations that a user needs on one resource; the words are Strimzi's."""

    resource: str  # topic, group or transactionalId
    name: str
    pattern: str  # literal or prefix
    operations: tuple[str, ...]


def rights(settings: Settings, names: Topics, roles: Iterable[str]) -> list[Right]:
    """What somebody with these roles needs, each resource once.

    Parameters
    ----------
    roles
        Keys of `ROLES`.

    Examples
    --------
    >>> settings = Settings()
    >>> names = Topics.named(settings, "transactions", "customers")
    >>> rights(settings, names, ["worker"])[-1]
    Right(resource='transactionalId', name='weir-', pattern='prefix', operations=('Write',))
    """
    needed: dict[tuple[str, str, str], set[str]] = {}
    for role in roles:
        for name, operations in _on_topics(names, role).items():
            needed.setdefault(("topic", name, LITERAL), set()).update(operations)
        if role == "worker":
            # What Kafka calls a transactional id fences the previous holder of a partition.
            ids = f"{settings.topic_prefix}{settings.app_id}-"
            needed.setdefault(("group", settings.app_id, LITERAL), set()).add(READ)
            needed.setdefault(("transactionalId", ids, PREFIX), set()).add(WRITE)
    return [Right(*which, _in_order(operations)) for which, operations in needed.items()]


def _on_topics(names: Topics, role: str) -> Mapping[str, set[str]]:
    """The operations of a role on each topic; each role looks at all of them when it starts."""
    logs = [names.predictions, names.examples, *names.changelogs.values()]
    models = names.changelogs[MODELS]
    read, written = {
        "topics": ([], []),
        # It writes events too: those that lie in another partition than their customer's.
        "worker": (
            [*names.inputs, *logs],
            [*names.inputs, *logs, names.review, names.dead_letters],
        ),
        "producer": ([names.review], names.inputs),
        "analyst": ([], [names.feedback]),
        "reader": ([*logs, names.dead_letters], []),
        "operator": (
            [*logs, names.dead_letters, names.feedback],
            [*names.inputs, names.examples, models],
        ),
    }[role]
    always = {
        "topics": {CREATE, DESCRIBE, DESCRIBE_CONFIGS},
        "worker": {DESCRIBE_CONFIGS},  # it warns of settings that do harm
    }.get(role, set())
    return {name: _on_one(name in read, name in written) | always for name in _all(names)}


def _all(names: Topics) -> list[str]:
    changelogs = names.changelogs.values()
    return [
        *names.inputs,
        names.predictions,
        names.review,
        names.examples,
        names.dead_letters,
        *changelogs,
    ]


def _on_one(read: bool, written: bool) -> set[str]:
    operations = {READ} if read else set()
    return (operations | {WRITE} if written else operations) or {DESCRIBE}


def _in_order(operations: set[str]) -> tuple[str, ...]:
    """As a command line or a manifest lists them; without Describe where another includes it."""
    if operations & {READ, WRITE}:
        operations = operations - {DESCRIBE}
    return tuple(one for one in ORDER if one in operations)
