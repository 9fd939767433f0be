"""Parts of a dump: large enough to be worth a record each, small enough to fit into one."""

from collections.abc import Iterable, Iterator

LEAST = 120_000  # bytes


def in_parts(pieces: Iterable[bytes], least: int = LEAST) -> Iterator[bytes]:
    """Pieces joined into parts: each ends with the piece that makes it `least` bytes or more.

    A part is made when it is asked for; the last may be smaller.

    >>> list(in_parts([b"ab", b"c", b"", b"d", b"e"], least=2))
    [b'ab', b'cd', b'e']
    """
    part = bytearray()
    for piece in pieces:
        part += piece
        if len(part) >= least:
            yield bytes(part)
            part.clear()
    if part:
        yield bytes(part)
