"""Gives users rights on a broker with an authorizer, and takes them away."""

from collections.abc import Iterable

from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest

from app.runtime.rights import Right
from tests.broker.clients import admin_of

RESOURCES = {"topic": 2, "group": 3, "cluster": 4, "transactionalId": 5}
PATTERNS = {"literal": 3, "prefix": 4}
OPERATIONS = {"Read": 3, "Write": 4, "Create": 5, "Describe": 8, "DescribeConfigs": 10}
ALLOW, EVERY_HOST = 3, "*"


async def grant(bootstrap: str, user: str, rights: Iterable[Right]) -> None:
    """Allow a user all these; `bootstrap` is a listener that may do everything."""
    async with admin_of(bootstrap) as admin:
        for right in rights:
            for numbers in _numbers(user, right):
                answer = await admin._send_to_controller(CreateAclsRequest(*numbers))
                assert [code for code, _ in answer.creation_responses] == [0], answer


async def revoke(bootstrap: str, user: str, rights: Iterable[Right]) -> None:
    """Take these away; each was granted."""
    async with admin_of(bootstrap) as admin:
        for right in rights:
            for numbers in _numbers(user, right):
                answer = await admin._send_to_controller(DeleteAclsRequest(*numbers))
                ((code, _, matching),) = answer.filter_responses
                assert not code and len(matching) == 1, answer


def _numbers(user: str, right: Right) -> Iterable[tuple[int, str, int, str, str, int, int]]:
    resource, pattern = RESOURCES[right.resource], PATTERNS[right.pattern]
    for operation in right.operations:
        which = resource, right.name, pattern
        yield *which, f"User:{user}", EVERY_HOST, OPERATIONS[operation], ALLOW
