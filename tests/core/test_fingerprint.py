"""Fingerprints change with whatever may change the bits of a score, and with nothing else."""

import pytest

from app.core.fingerprint import cpu_features, engine, grids_digest

BASE = ("1.0", "2.4.6", "0.26.1", ("AVX2", "FMA3"), "glibc 2.36", 2)


@pytest.mark.parametrize(
    "place", range(6), ids=["code", "numpy", "river", "processor", "libc", "fold"]
)
def test_each_part_changes_the_engine(place):
    other = ("1.1", "2.5.0", "0.27", ("AVX2",), "glibc 2.41", 3)
    changed = [*BASE[:place], other[place], *BASE[place + 1 :]]
    assert engine(*changed) != engine(*BASE)


def test_the_order_of_processor_features_does_not_matter():
    assert engine(*BASE[:3], ["FMA3", "AVX2"], *BASE[4:]) == engine(*BASE)


def test_the_processors_features_are_found_and_sorted():
    assert cpu_features() == sorted(cpu_features()) != []


@pytest.mark.parametrize(
    "grids",
    [
        {"a": [1.0], "b": [2.0, 3.5]},
        {"b": [2.0, 3.0], "a": [1.0]},
        {"a": [1.0]},
        {"a": [1.0], "c": [2.0, 3.0]},
    ],
    ids=["an edge", "the order", "a feature less", "a name"],
)
def test_the_digest_of_grids_tells_changes(grids):
    assert grids_digest(grids) != grids_digest({"a": [1.0], "b": [2.0, 3.0]})
