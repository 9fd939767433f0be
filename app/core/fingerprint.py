"""Fingerprints: which code and arithmetic made a score, and which features a state is of."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np

from app.core.grids import Codes


def engine(
    code_version: str,
    numpy_version: str,
    river_version: str,
    cpu_features: Iterable[str],
    libc: str = "",
    fold: int = 1,
) -> str:
    """Short fingerprint of everything that determines the last bits of a score.

    The C library's `exp` and numpy's loops choose their code by what the processor supports,
    so equal bits are promised between processes of one fingerprint only. `fold` is what learning
    is, `app.core.fold.FOLD`: it may change between two builds of one code version.

    >>> engine("1.0", "2.4.6", "0.26.1", ["AVX2", "FMA3"], libc="glibc 2.36")
    '1.0-b1f87e38'
    """
    learning = [] if fold == 1 else [f"fold {fold}"]
    parts = (code_version, numpy_version, river_version, libc, *learning, *sorted(cpu_features))
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return f"{code_version}-{digest[:8]}"


def cpu_features() -> list[str]:
    """Names of the instruction sets that numpy uses on this processor, sorted."""
    sets = np.show_config(mode="dicts")["SIMD Extensions"]
    return sorted([*sets["baseline"], *sets["found"]])


def grids_digest(grids: Mapping[str, Sequence[float]]) -> str:
    """Fingerprint of the features, their order and their bin edges.

    >>> grids_digest({"a": [1]}) == grids_digest({"a": [1.0]}), len(grids_digest({}))
    (True, 16)
    """
    plain = [
        (name, [float(edge) for edge in edges], *(["codes"] if isinstance(edges, Codes) else []))
        for name, edges in grids.items()
    ]
    return hashlib.sha256(msgspec.msgpack.encode(plain)).hexdigest()[:16]
