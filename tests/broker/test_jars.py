import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from app.broker import jars
from app.broker.jars import KAFKA, Jar, fetch, provide, read_lock
from app.errors import BrokerError

CONTENTS = {f"org/example/part{n}/1/part{n}-1.jar": bytes([n]) * 1000 * n for n in range(1, 12)}
JARS = [
    Jar(hashlib.sha256(content).hexdigest(), len(content), path)
    for path, content in CONTENTS.items()
]


@pytest.fixture
async def repository() -> AsyncIterator[TestServer]:
    """A Maven repository on a free port; serves what is HELD and records what was ASKED."""

    async def serve(request: web.Request) -> web.Response:
        path = request.match_info["path"]
        request.app[ASKED].append(path)
        if path not in request.app[HELD]:
            raise web.HTTPNotFound
        return web.Response(body=request.app[HELD][path])

    app = web.Application()
    app[HELD] = dict(CONTENTS)
    app[ASKED] = []
    app.router.add_get("/{path:.*}", serve)
    async with TestServer(app) as server:
        yield server


HELD = web.AppKey("held", dict[str, bytes])
ASKED = web.AppKey("asked", list[str])


@pytest.fixture
def address(repository: TestServer, monkeypatch: pytest.MonkeyPatch) -> str:
    url = str(repository.make_url("/"))
    monkeypatch.setattr(jars, "repository", lambda: url)
    return url


def test_the_lock_names_the_46_jars_of_this_kafka_once_each() -> None:
    lock = read_lock()
    assert len(lock) == len({jar.name for jar in lock}) == 46
    assert f"kafka_2.13-{KAFKA}.jar" in {jar.name for jar in lock}
    assert all(len(jar.sha256) == 64 and jar.size > 0 for jar in lock)
    assert not any("://" in jar.path for jar in lock)


async def test_a_first_start_fetches_every_jar_and_a_second_asks_nobody(
    repository: TestServer, address: str, tmp_path: Path
) -> None:
    files = await provide(JARS, tmp_path / "cache")
    assert [file.read_bytes() for file in files] == list(CONTENTS.values())
    asked = list(repository.app[ASKED])
    assert sorted(asked) == sorted(CONTENTS)
    assert await provide(JARS, tmp_path / "cache") == files
    assert repository.app[ASKED] == asked
    assert {file.name for file in (tmp_path / "cache").iterdir()} == {jar.name for jar in JARS}


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda file: file.write_bytes(file.read_bytes()[:-1]), id="cut short"),
        pytest.param(lambda file: file.write_bytes(b"\xff" + file.read_bytes()[1:]), id="one byte"),
        pytest.param(lambda file: file.unlink(), id="gone"),
    ],
)
async def test_a_damaged_jar_in_the_cache_is_fetched_again(
    repository: TestServer, address: str, tmp_path: Path, damage
) -> None:
    files = await provide(JARS, tmp_path)
    damage(files[3])
    repository.app[ASKED].clear()
    await provide(JARS, tmp_path)
    assert repository.app[ASKED] == [JARS[3].path]
    assert files[3].read_bytes() == CONTENTS[JARS[3].path]


@pytest.mark.parametrize(
    "served",
    [
        pytest.param(b"\x00" * 2000, id="same size"),
        pytest.param(b"\x02" * 1999, id="too short"),
        pytest.param(b"\x02" * 2001, id="too long"),
    ],
)
async def test_a_jar_that_the_lock_does_not_name_is_refused_by_name_and_not_kept(
    repository: TestServer, address: str, tmp_path: Path, served: bytes
) -> None:
    repository.app[HELD][JARS[1].path] = served
    with pytest.raises(BrokerError, match=r"part2-1\.jar does not match the lock"):
        await provide(JARS[1:2], tmp_path)
    assert list(tmp_path.iterdir()) == []


async def test_a_jar_that_the_repository_lacks_is_named(
    repository: TestServer, address: str, tmp_path: Path
) -> None:
    del repository.app[HELD][JARS[5].path]
    with pytest.raises(BrokerError, match=r"part6-1\.jar .* cannot be fetched .*Not Found"):
        await provide(JARS, tmp_path)


async def test_without_network_and_cache_one_sentence_says_what_to_do(
    repository: TestServer, address: str, tmp_path: Path
) -> None:
    await repository.close()
    with pytest.raises(BrokerError, match="the first start needs the network") as refused:
        await fetch(JARS, tmp_path, address)
    assert "\n" not in str(refused.value)


async def test_a_cache_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BrokerError, match=r"cannot be stored in .*file.cache: Not a directory\."):
        await provide(JARS, tmp_path / "file" / "cache")
