"""A log with corrections and withdrawals folds to one state of a grove, however it is read."""

import random
from functools import cache

import msgspec
import pytest

from app.core.fold import LearningState
from app.core.hashing import hash64
from app.core.messages import Previous
from app.core.models.grove.model import Grove
from app.streams.fraud.messages import Example
from tests.core.samples import log, state

COUNT = 2000


@cache
def entries() -> list[tuple[int, Example]]:
    """Each sixth example corrects or withdraws what an earlier one said."""
    chance, said = random.Random(5), log(COUNT)
    for place in range(COUNT // 6, COUNT, 6):
        offset, example = said[place]
        earlier = said[chance.randrange(place)][1]
        before = Previous(earlier.y or 0, earlier.w, 0)
        y, w = chance.choice([None, 0, 1]), chance.choice([1.0, 64.0])
        changed = msgspec.structs.replace(example, id=earlier.id, y=y, w=w, previous=before)
        said[place] = (offset, changed)
    return said


def folded(every: int = 0, block: int = 0) -> LearningState:
    """The log, folded; dumped and loaded after `every` so many entries, looked up by `block`."""
    learned, said = state("grove"), entries()
    for offset, example in said:
        cells = None
        if block:
            if offset % block == 0:
                looked_up = learned.look_up([one for _, one in said[offset : offset + block]])
            cells = looked_up[offset % block]
        learned.fold(example, offset, cells)
        if every and offset % every == 0:
            parts = list(learned.parts())
            learned = state("grove")
            learned.load(parts)
    return learned


def grove(learned: LearningState) -> Grove:
    model = learned._models[""]._models[0]
    assert isinstance(model, Grove)
    return model


def test_snapshots_change_no_bit():
    assert folded(every=3).digest() == folded().digest()


@pytest.mark.parametrize("block", [16, 256])
def test_looking_up_many_at_once_changes_no_bit(block):
    assert folded(block=block).digest() == folded().digest()


def test_rows_are_those_of_the_label_that_holds():
    model = grove(folded())
    while model._forest.growing:  # what waits is done then
        model.forget(0)
    latest = {hash64(example.id): example for _, example in entries()}
    rows = model._forest.rows
    kept = [place for place, w in enumerate(rows.weights) if w]
    assert len(kept) > 300
    assert model.dump()["forest"]["trees"]["bases"]
    for place in kept:
        example = latest[int(rows._keys[place])]
        assert example.y == rows.ys[place]
