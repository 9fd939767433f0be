"""Which generation of the topics a partition's state is of: the epoch, and the topics' ids.

Kept in the labels table, so it outlives a disk. With the ids a topic that was deleted and made
again while no worker ran is recognized, however long it has become since.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from app.core.label_keys import TOPICS
from app.core.labels import WHERE
from app.errors import StateError
from app.runtime.topics.advice import of_remade
from app.runtime.topics.shapes import Topics

KEY = TOPICS  # in the labels table


class Mark(msgspec.Struct, frozen=True):
    """What is kept for a partition.

    `unnamed` is the epoch of predictions that do not name one: the one in which a release that
    names them read the log first. `ids` are those of the topics on which what is kept depends.
    """

    epoch: int
    unnamed: int
    ids: dict[str, str]


class Change(NamedTuple):
    """What is kept from now on, and the sources whose committed positions mean nothing any more."""

    mark: Mark
    begun: frozenset[str]


def read_mark(raw: bytes | None) -> Mark | None:
    """What is kept, None where nothing is. Raises StateError when it is damaged."""
    try:
        return None if raw is None else msgspec.msgpack.decode(raw, type=Mark)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StateError(f"the mark of epoch and topics is damaged: {error}{WHERE}") from None


def encode_mark(mark: Mark) -> bytes:
    """What is kept, as bytes."""
    return msgspec.msgpack.encode(mark)


def follow_up(
    mark: Mark | None, epoch: int, names: Topics, ids: Mapping[str, str], unnamed: int
) -> Change:
    """What is kept after what was, under the epoch and the topics of now.

    Parameters
    ----------
    mark
        What was kept; None at the first start of a release that keeps it.
    unnamed
        The epoch of predictions that name none, where nothing was kept.

    Raises
    ------
    StateError
        A topic was made again and the epoch was not raised, or does not help; or the epoch was
        lowered.
    """
    kept = {name: id for name, id in ids.items() if of_remade(names, name) is not None}
    if mark is None:
        return Change(Mark(epoch, unnamed, kept), frozenset())
    if mark.epoch > epoch:
        raise StateError(
            f"the local state is of epoch {mark.epoch}, but this worker's is {epoch}: "
            f"set WEIR_EPOCH={mark.epoch}"
        )
    remade = [name for name, id in kept.items() if mark.ids.get(name, id) != id]
    helped = {*names.inputs, names.predictions} if mark.epoch < epoch else set()
    for name in remade:
        if name not in helped:
            raise StateError(of_remade(names, name))
    return Change(Mark(epoch, mark.unnamed, kept), frozenset(remade) & frozenset(names.inputs))
