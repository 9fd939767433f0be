"""Hashes of ids: stored in records, and what a sample is drawn by, so they never change."""

import pytest

from app.core.hashing import cached_hash64, hash64


@pytest.mark.parametrize(
    ("text", "hashed"),
    [
        ("t1", 3012898748006197707),
        ("", 13020603013274838756),
        ("ünï", 10938549402560586072),
    ],
)
def test_an_id_has_the_hash_it_always_had(text, hashed):
    assert hash64(text) == cached_hash64(text) == hashed
    assert hashed < 1 << 64
