"""Plain values: all that a snapshot is made of. Nothing here, or anywhere, is pickled."""

from array import array
from collections.abc import Iterable
from typing import TypeAlias

import numpy as np

Plain: TypeAlias = bool | int | float | str | bytes | list["Plain"] | dict[str, "Plain"] | None


def pack_floats(values: Iterable[float]) -> bytes:
    """Pack floats as little-endian 64 bit, so that every bit comes back.

    >>> unpack_floats(pack_floats([0.1, -0.0]))
    [0.1, -0.0]
    """
    if isinstance(values, array) and values.typecode == "d":  # in a hundredth of the time
        return np.frombuffer(values).astype("<f8").tobytes()
    return np.fromiter(values, dtype="<f8").tobytes()


def unpack_floats(packed: bytes) -> list[float]:
    """The floats of `pack_floats`."""
    floats: list[float] = np.frombuffer(packed, dtype="<f8").tolist()
    return floats
