"""The latest examples that a model took a step for, as trees are grown on them."""

from typing import Any

import msgspec
import numpy as np

from app.core.models.grove.levels import MISSING, Level
from app.core.models.layers import Floats
from app.core.models.plain import Plain
from app.errors import StateError

LARGEST = 50.0  # weight of a row: an example's own, over the share of its like that is here


class Stored(msgspec.Struct):
    """A dump: columns of the rows that were ever filled, and the place of the next one.

    Levels have four bits: a byte holds those of two features, the first one's above.
    """

    next: int
    levels: bytes
    ys: bytes
    weights: bytes
    keys: bytes


class Rows:
    """A ring of examples: the oldest leaves for the next one.

    Parameters
    ----------
    size
        How many it holds.
    features
        Levels of each.
    """

    def __init__(self, size: int, features: int) -> None:
        self.size, self.features = size, features
        self.used = 0  # rows that were ever filled
        self.levels: Level = np.full((features, size), MISSING, dtype=np.uint8)
        self.ys = np.zeros(size, dtype=np.uint8)
        self.weights: Floats = np.zeros(size)  # 0: the row is empty
        self._keys = np.zeros(size, dtype=np.uint64)
        self._next = 0
        self._places: dict[int, int] = {}

    def add(self, key: int, levels: Level, y: bool, w: float) -> int:
        """Take in an example; returns its place. A `key` of 0 is nobody's."""
        self.remove(key)
        place = self._next
        self.remove(int(self._keys[place]))
        self.levels[:, place] = levels
        self.ys[place], self.weights[place], self._keys[place] = y, min(w, LARGEST), key
        if key:
            self._places[key] = place
        self._next = (place + 1) % self.size
        self.used = max(self.used, place + 1)
        return place

    def remove(self, key: int) -> None:
        """Empty the row of an example, if it is here."""
        place = self._places.pop(key, None)
        if place is not None:
            self.weights[place], self._keys[place] = 0.0, 0

    def dump(self) -> Plain:
        """All state as plain values, a copy."""
        used = self.used
        return {
            "next": self._next,
            "levels": packed(self.levels[:, :used]),
            "ys": self.ys[:used].tobytes(),
            "weights": self.weights[:used].astype("<f8").tobytes(),
            "keys": self._keys[:used].astype("<u8").tobytes(),
        }

    def load(self, plain: Any) -> None:
        """Restore what `dump` gave. Raises StateError when it is of other features or sizes."""
        stored = msgspec.convert(plain, Stored)
        used = len(stored.ys)
        lengths = len(stored.levels), len(stored.weights), len(stored.keys)
        if not (used <= self.size and 0 <= stored.next < self.size) or lengths != (
            (self.features + 1) // 2 * used,
            8 * used,
            8 * used,
        ):
            raise StateError("the stored rows of a grove were made for other features or sizes")
        fresh = Rows(self.size, self.features)
        fresh.levels[:, :used] = unpacked(stored.levels, self.features, used)
        fresh.ys[:used] = np.frombuffer(stored.ys, np.uint8)
        fresh.weights[:used] = np.frombuffer(stored.weights, "<f8")
        fresh._keys[:used] = np.frombuffer(stored.keys, "<u8")
        fresh.used, fresh._next = used, stored.next
        keys = fresh._keys[:used].tolist()
        fresh._places = {key: place for place, key in enumerate(keys) if key}
        self.__dict__.update(fresh.__dict__)


def packed(levels: Level) -> bytes:
    """Levels of n rows, shape (features, n), with two features in a byte.

    >>> packed(np.array([[1, 2], [15, 0], [3, 3]], dtype=np.uint8)).hex()
    '1f203f3f'
    """
    pairs = (len(levels) + 1) // 2
    even = np.full((2 * pairs, levels.shape[1]), MISSING, dtype=np.uint8)
    even[: len(levels)] = levels
    return (even[::2] << np.uint8(4) | even[1::2]).tobytes()


def unpacked(stored: bytes, features: int, rows: int) -> Level:
    """The levels of `packed`, shape (features, rows)."""
    pairs = np.frombuffer(stored, np.uint8).reshape((features + 1) // 2, rows)
    levels = np.empty((2 * len(pairs), rows), dtype=np.uint8)
    levels[::2], levels[1::2] = pairs >> np.uint8(4), pairs & np.uint8(15)
    return levels[:features]
