import shutil
from pathlib import Path

import pytest

from app.broker.home import DATA, Home
from app.errors import BrokerError


def fill(*directories: Path, log: bool) -> None:
    """What brokers leave in their directories."""
    for directory in directories:
        (directory / DATA).mkdir(parents=True)
        (directory / DATA / "meta.properties").write_text("version=1")
        if log:
            (directory / "broker.log").write_text("ERROR\n")


def test_a_directory_in_use_is_refused_until_it_is_released(tmp_path: Path) -> None:
    first = Home(tmp_path / "kafka")
    with pytest.raises(BrokerError, match=r"cannot use .*kafka: another broker is using it\."):
        Home(tmp_path / "kafka")
    first.release()
    Home(tmp_path / "kafka").release()


@pytest.mark.parametrize("keep_logs", [False, True])
def test_a_given_directory_stays_as_it_is(tmp_path: Path, keep_logs: bool) -> None:
    home = Home(tmp_path)
    fill(home.path, log=True)
    home.release(keep_logs)
    assert (tmp_path / DATA / "meta.properties").exists()
    assert (tmp_path / "broker.log").exists()


@pytest.mark.parametrize(
    ("log", "keep_logs"), [(True, False), (False, False), (False, True)], ids=str
)
def test_a_temporary_directory_is_removed_on_release(log: bool, keep_logs: bool) -> None:
    home = Home(None)
    fill(home.path, log=log)
    home.release(keep_logs)
    home.release(keep_logs)
    assert not home.path.exists()


@pytest.mark.parametrize("nodes", [[""], ["node-1", "node-2"]], ids=["broker", "cluster"])
def test_logs_can_be_kept_without_the_data(nodes: list[str]) -> None:
    home = Home(None)
    try:
        directories = [home.path / node for node in nodes]
        fill(*directories, log=True)
        home.release(keep_logs=True)
        assert all((directory / "broker.log").exists() for directory in directories)
        assert not any((directory / DATA).exists() for directory in directories)
    finally:
        shutil.rmtree(home.path)
