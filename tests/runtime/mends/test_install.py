"""The mends: only for the versions they were made for, and each against stock Faust."""

import json
import subprocess
import sys

import pytest

from app.errors import StateError
from app.runtime.mends.install import MENDS, SELF_FENCE, VERSIONS, check_versions

ENDS = {  # how each scene of `scenes.py` ends: mended, and in stock Faust
    "take-before-recovery": ("taken, assigned, taken", "assigned, assigned"),
    "commit-before-revoke": ("committed", "dropped"),
    "refused-commit": ("left with 72", "goes on"),
    "commit-before-stop": ("committed", "dropped"),
    "own-positions": ("commits None while the step waits", "commits 10 while the step waits"),
    "flush-before-commit": ("flushed, committed", "committed"),
    "remember-real-commits": ("takes 5 for committed", "takes 7 for committed"),
    "true-set": ("0 handed out", "1 handed out"),
    "no-false-alarm": ("0 verified", "1 verified"),
    "only-our-writers": ("StateError", "1 in Faust's buffer"),
    "leave-on-crash": ("left with 84", "stops bit by bit"),
    "seek-before-resume": ("seek, fetch, resume 2, told", "resume 2, seek, fetch, told"),
    "leave-on-errors": ("left with 77", "goes on"),
    "leave-on-timeouts": ("left with 77", "never recovers again"),
    "tracked-only": ("ours, ours again", "ours, a stranger's, ours again"),
    "rest-changelogs": ("told 1 times, 1 at rest", "told 0 times, 0 at rest"),
    "discard-damage": ("opened anew", "cannot be opened"),
    "note-heartbeats": ("noted", "forgotten"),
    "count-lost-memberships": ("left with 81", "goes on"),
    "leave-when-refused": ("left with 80", "idles for ever"),
    "stop-without-broker": ("closed", "its thread dies"),
    "short-fetch-wait": ("100 ms", "1500 ms"),
    "committed-only": ("read_committed", "read_uncommitted"),
    "notice-closed-transports": ("KafkaConnectionError", "RuntimeError"),
    "remember-assignment": ("one set for as long as it holds", "a set for each question"),
    "pass-unreadable-batches": (
        "ConsumerRecord 0, ConsumerRecord 1, UnreadableBatch 2, ConsumerRecord 3",
        "CorruptRecordException",
    ),
    "reach-the-end": ("at 3 of 3", "at 2 of 3"),
    "self-fence": ("left with 75", "goes on"),
}


def test_the_installed_versions_are_those_of_the_mends():
    check_versions()


@pytest.mark.parametrize("name", VERSIONS)
def test_another_version_is_refused(monkeypatch, name):
    monkeypatch.setitem(VERSIONS, name, "0.0.1")
    with pytest.raises(StateError, match=rf"{name} \S+ is installed; .* need 0\.0\.1"):
        check_versions()


def test_every_mend_has_a_scene():
    assert set(ENDS) >= {*MENDS, SELF_FENCE}


@pytest.mark.parametrize("kind", ["mended", "stock"])
def test_each_scene_ends_well_with_its_mend_and_badly_without(kind: str):
    command = [sys.executable, "-W", "ignore", "-m", "tests.runtime.mends.scenes", kind]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    ended = json.loads(done.stdout.splitlines()[-1])
    assert ended == {name: ends[kind == "stock"] for name, ends in ENDS.items()}, done.stderr
