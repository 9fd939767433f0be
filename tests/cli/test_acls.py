"""`weir acls`: the same rights in three forms."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from app import settings
from app.apps import set_up
from app.cli import cli
from app.runtime.rights import ROLES, Right, rights
from app.settings import Settings

ENVIRONMENT = {"WEIR_TOPIC_PREFIX": "eu-", "WEIR_APP_ID": "one", "WEIR_BROKERS": "kafka:9093"}
BOTH = ("--user", "worker=w", "--user", "producer=p", "--user", "reader=p")


@pytest.fixture(autouse=True)
def of_this_environment() -> Iterator[None]:
    """A process reads its settings once: these tests want theirs, and others want others."""
    settings.settings.cache_clear()
    yield
    settings.settings.cache_clear()


def run(*args: str, code: int = 0) -> str:
    done = CliRunner().invoke(cli, ["acls", *args], env={**ENVIRONMENT, "COLUMNS": "200"})
    assert done.exit_code == code, done.output
    return done.output


def expected(*roles: str) -> list[Right]:
    setup = set_up(Settings(topic_prefix="eu-", app_id="one"))
    return rights(setup.settings, setup.topics, roles)


def read_json() -> dict[str, list[Right]]:
    rows: dict[str, list[Right]] = {}
    for row in json.loads(run(*BOTH, "--format", "json")):
        which = row["resource"], row["name"], row["pattern"]
        rows.setdefault(row["user"], []).append(Right(*which, tuple(row["operations"])))
    return rows


def read_strimzi() -> dict[str, list[Right]]:
    def right(one: dict[str, Any]) -> Right:
        resource = one["resource"]
        which = resource["type"], resource["name"], resource["patternType"]
        return Right(*which, tuple(one["operations"]))

    return {
        user["metadata"]["name"]: [right(one) for one in user["spec"]["authorization"]["acls"]]
        for user in yaml.safe_load_all(run(*BOTH))
    }


def read_kafka() -> dict[str, list[Right]]:
    options = {"--topic": "topic", "--group": "group", "--transactional-id": "transactionalId"}
    rows: dict[str, list[Right]] = {}
    for line in run(*BOTH, "--format", "kafka").splitlines():
        words = shlex.split(line)
        assert words[:4] == ["kafka-acls.sh", "--bootstrap-server", "kafka:9093", "--add"]
        pairs = list(zip(words[4::2], words[5::2], strict=True))
        said = dict(pairs)
        (option,) = options.keys() & said
        pattern = {None: "literal", "prefixed": "prefix"}[said.get("--resource-pattern-type")]
        operations = tuple(value for name, value in pairs if name == "--operation")
        user = said["--allow-principal"].removeprefix("User:")
        rows.setdefault(user, []).append(Right(options[option], said[option], pattern, operations))
    return rows


@pytest.mark.parametrize("read", [read_json, read_strimzi, read_kafka])
def test_each_form_has_the_rights_of_the_table(read: Any):
    assert read() == {"w": expected("worker"), "p": expected("producer", "reader")}


def test_a_kafka_user_names_its_cluster_and_its_login():
    for given, login in (((), "scram-sha-512"), (("--login", "tls"), "tls")):
        user = yaml.safe_load(run("--user", "worker=w", "--cluster", "main", *given))
        assert user["metadata"]["labels"] == {"strimzi.io/cluster": "main"}
        assert user["spec"]["authentication"] == {"type": login}


def test_lines_for_a_shell_are_quoted():
    line = run("--user", "analyst=CN=an o", "--format", "kafka", "--command-config", "a b")
    words = shlex.split(line.splitlines()[0])
    assert "User:CN=an o" in words and words[words.index("--command-config") + 1] == "a b"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--user", "boss=w"), "'boss=w' is not ROLE=USER; roles: topics, worker"),
        (("--user", "worker"), "'worker' is not ROLE=USER"),
        (("--user", "worker="), "'worker=' is not ROLE=USER"),
        (("--user", "worker=CN=w"), "'CN=w' cannot be the name of a Kubernetes object"),
        (("--user", "worker=w", "--cluster", "A"), "'A' cannot be the name of a Kubernetes"),
    ],
)
def test_what_cannot_be_printed_is_said(given: tuple[str, ...], said: str):
    assert said in run(*given, code=2)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_documented(role: str):
    assert f"| `{role}` |" in (Path(__file__).parents[2] / "docs" / "security.md").read_text()
    assert role in run("--help")


def test_a_user_with_two_roles_has_each_resource_once():
    resources = [right[:3] for right in expected("producer", "reader", "worker", "topics")]
    assert len(resources) == len(set(resources)) == 11
