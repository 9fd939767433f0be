"""Entries of the zoo that have learned seeded examples."""

import random

import msgspec
import pytest

from app.core.models.logit import sigmoid
from app.core.models.zoo import ZOO, Model, make_model
from tests.core.samples import GRIDS, features

each_entry = pytest.mark.parametrize("name", ZOO)


def examples(seed: int, count: int) -> list[tuple[dict[str, float], bool, float]]:
    chance = random.Random(seed)
    rows = []
    for _ in range(count):
        x = features(chance)
        fraud = chance.random() < sigmoid((x.get("amount", 60.0) - 100.0) / 20.0)
        rows.append((x, fraud, chance.choice([1.0, 0.3, 2.0])))
    return rows


def taught(name: str, count: int, seed: int = 0) -> Model:
    model = make_model(name, GRIDS)
    for row in examples(seed, count):
        model.learn_one(*row)
    return model


def stored(model: Model) -> bytes:
    return msgspec.msgpack.encode(model.dump())
