"""A worker in memory with something to label."""

from collections.abc import AsyncIterator

import pytest

from tests.serving.memory import Worker, World, payment


@pytest.fixture
async def worker(world: World) -> AsyncIterator[Worker]:
    """One that has decided the transactions 0, 1 and 2 of the world that a module has."""
    async with world.life() as worker:
        world.pay(*(payment(n) for n in range(3)))
        await worker.score()
        yield worker
