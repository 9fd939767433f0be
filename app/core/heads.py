"""Heads: the sets of models that a learning state holds, by name; most applications have one."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from app.core.dump import Header
from app.core.fingerprint import grids_digest
from app.core.model_set import ModelSet
from app.core.models.zoo import Grids
from app.errors import StateError

DEFAULT_HEAD = ""


class Head(NamedTuple):
    """What a head's models are: an entry of the zoo, and its features' bin edges by name."""

    model: str
    grids: Grids


NO_HEADS: Mapping[str, Head] = {}


def heads_digest(grids: Grids, heads: Mapping[str, Head], fields: str = "") -> str:
    """Fingerprint of what all models of a state learn; with one head alone, that of its grids.

    `fields` is the digest of what else the features depend on.
    """
    if fields:
        return grids_digest({**grids, **_named(heads), f"fields {fields}": ()})
    if not heads:
        return grids_digest(grids)
    return grids_digest({**grids, **_named(heads)})


def _named(heads: Mapping[str, Head]) -> Grids:
    return {
        f"{name}.{head.model}.{x}": head.grids[x]
        for name, head in sorted(heads.items())
        for x in head.grids
    }


def fresh_models(heads: Mapping[str, Head], partitions: int) -> dict[str, ModelSet]:
    """The models of each head, before they have learned."""
    return {name: ModelSet(head.model, partitions, head.grids) for name, head in heads.items()}


def load_models(models: Mapping[str, ModelSet], header: Header, parts: Iterator[bytes]) -> None:
    """Restore fresh models from what follows the header of a dump. Raises StateError."""
    learned = {DEFAULT_HEAD: header.learned, **(header.heads or {})}
    if learned.keys() != models.keys():
        raise StateError(f"the stored models are of the heads {sorted(learned)}")
    mixing = header.mixing or {}
    for name, each in models.items():
        each.load(learned[name], parts, mixing.get(name))
