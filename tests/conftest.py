"""Fixtures of the whole suite: the broker, names of one's own, the data folder, the seed."""

import hashlib
import os
import secrets
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.broker.broker import Broker
from app.runtime.rights import ROLES
from tests.broker.secure import SecureBroker

# In the environment, so that all processes of a run on several cores have the one that is printed.
SEED = int(os.environ.get("WEIR_TEST_SEED") or secrets.randbelow(2**32))
os.environ["WEIR_TEST_SEED"] = str(SEED)


def pytest_report_header() -> str:
    return f"weir: WEIR_TEST_SEED={SEED}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long fault tests run when they are asked for, and are not even counted otherwise."""
    if os.environ.get("WEIR_CHAOS") == "1":
        return
    long = [item for item in items if item.get_closest_marker("chaos")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in set(long)]


@pytest.fixture(scope="session")
def seed() -> int:
    """The run's seed, printed in the header; WEIR_TEST_SEED repeats a run."""
    return SEED


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def broker() -> AsyncIterator[Broker]:
    """A running broker, the same one for all tests; take topics of your own with `fresh`."""
    async with Broker() as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def secure() -> AsyncIterator[SecureBroker]:
    """A broker that denies by default; its users are `writer`, `nobody` and one for each role."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command, which makes the broker's certificates")
    async with SecureBroker({"writer", "nobody", *ROLES}) as running:
        yield running


@pytest.fixture
def fresh(request: pytest.FixtureRequest, seed: int) -> str:
    """A prefix for the topics, groups and app ids of this test alone."""
    digest = hashlib.sha256(f"{seed} {request.node.nodeid}".encode()).hexdigest()
    return f"t-{digest[:8]}-"


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder with real data: WEIR_TEST_DATA, else shared/data beside the repository."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("WEIR_TEST_DATA") or beside)
    if not folder.is_dir():
        pytest.skip(f"needs the data files; WEIR_TEST_DATA must name their folder, not {folder}")
    return folder
