"""`weir acls`: the rights that users need in Kafka, by role, in the words of what grants them."""

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import chosen
from app.cli.sentences import sentences

if TYPE_CHECKING:
    from app.runtime.rights import Right

Grants = Mapping[str, Sequence["Right"]]  # by user
NAME = r"[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?"  # of a Kubernetes object
OPTIONS = {"topic": "--topic", "group": "--group", "transactionalId": "--transactional-id"}


class Format(StrEnum):
    """What the rights are printed as."""

    strimzi = "strimzi"
    kafka = "kafka"
    json = "json"


class Login(StrEnum):
    """How Strimzi lets a user in."""

    scram = "scram-sha-512"
    tls = "tls"


def acls(
    user: Annotated[
        list[str],
        typer.Option(help="ROLE=USER, more than once; a user may have several roles."),
    ],
    format: Annotated[
        Format, typer.Option(help="Strimzi KafkaUsers, kafka-acls.sh lines, or JSON.")
    ] = Format.strimzi,
    cluster: Annotated[str, typer.Option(help="The Kafka of the KafkaUsers.")] = "kafka",
    login: Annotated[Login, typer.Option(help="How KafkaUsers log in.")] = Login.scram,
    command_config: Annotated[
        str, typer.Option(help="The --command-config of the kafka-acls.sh lines.")
    ] = "",
) -> None:
    """Print the rights in Kafka that users need, by role. Nothing is asked or changed.

    Roles: topics, worker, producer, analyst, reader, operator. Topics, group and ids are those of
    the settings.
    """
    from app.runtime.rights import rights

    with sentences():
        setup = chosen.setup()
    by_user = roles_of(user)
    grants = {who: rights(setup.settings, setup.topics, roles) for who, roles in by_user.items()}
    printed: dict[Format, Callable[[], Iterator[str]]] = {
        Format.strimzi: lambda: strimzi(grants, cluster, login),
        Format.kafka: lambda: kafka_acls(grants, setup.settings.brokers, command_config),
        Format.json: lambda: as_json(grants),
    }
    for line in printed[format]():
        typer.echo(line)


def roles_of(given: Sequence[str]) -> dict[str, list[str]]:
    """The roles of each user.

    >>> roles_of(["worker=w", "reader=w", "producer=p"])
    {'w': ['worker', 'reader'], 'p': ['producer']}
    """
    from app.runtime.rights import ROLES

    by_user: dict[str, list[str]] = {}
    for one in given:
        role, _, user = one.partition("=")
        if role not in ROLES or not user.strip() or not user.isprintable():
            raise typer.BadParameter(f"{one!r} is not ROLE=USER; roles: {', '.join(ROLES)}")
        by_user.setdefault(user, []).append(role)
    return by_user


def strimzi(grants: Grants, cluster: str, login: Login) -> Iterator[str]:
    """KafkaUsers, one document for each user. Strings are quoted as JSON has them."""
    if wrong := [name for name in (*grants, cluster) if not re.fullmatch(NAME, name)]:
        raise typer.BadParameter(f"{wrong[0]!r} cannot be the name of a Kubernetes object")
    for user, rights in grants.items():
        yield "---"
        yield "apiVersion: kafka.strimzi.io/v1"
        yield "kind: KafkaUser"
        yield "metadata:"
        yield f"  name: {json.dumps(user)}"
        yield f"  labels: {{strimzi.io/cluster: {json.dumps(cluster)}}}"
        yield "spec:"
        yield f"  authentication: {{type: {login}}}"
        yield "  authorization:"
        yield "    type: simple"
        yield "    acls:"
        for right in rights:
            yield f"      - operations: [{', '.join(right.operations)}]"
            yield "        resource:"
            yield f"          type: {right.resource}"
            yield f"          name: {json.dumps(right.name)}"
            yield f"          patternType: {right.pattern}"


def kafka_acls(grants: Grants, brokers: str, command_config: str) -> Iterator[str]:
    """Lines for a shell, one for each resource of a user."""
    config = ["--command-config", command_config] if command_config else []
    for user, rights in grants.items():
        for right in rights:
            command = ["kafka-acls.sh", "--bootstrap-server", brokers, *config, "--add"]
            command += ["--allow-principal", f"User:{user}"]
            command += [word for one in right.operations for word in ("--operation", one)]
            command += [OPTIONS[right.resource], right.name]
            if right.pattern == "prefix":
                command += ["--resource-pattern-type", "prefixed"]
            yield shlex.join(command)


def as_json(grants: Grants) -> Iterator[str]:
    """One array, with the fields of `Right` and the user."""
    rows = [
        {"user": user, **right._asdict()} for user, rights in grants.items() for right in rights
    ]
    yield json.dumps(rows, indent=1)
