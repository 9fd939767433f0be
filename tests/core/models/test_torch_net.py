"""The net in PyTorch: the scores, steps and dumps of the net in numpy, on each kind of device."""

import random
import sys

import msgspec
import pytest
from river.checks import yield_checks

from app.core.models.binned import BinnedLogistic
from app.core.models.net import Net
from app.core.models.torch_net import TorchNet
from app.errors import SettingsError
from tests.core.samples import GRIDS, features


def taught(model: Net, count: int) -> Net:
    chance = random.Random(1)
    for number in range(count):
        x = features(chance)
        model.learn_one(x, x.get("amount", 60.0) > 100.0)
        if number % 50 == 0:
            model.end_step()
    return model


@pytest.fixture(params=["cpu", "cuda"])
def device(request: pytest.FixtureRequest) -> str:
    torch = pytest.importorskip("torch")
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    return request.param


def torch_net(device: str) -> TorchNet:
    return TorchNet(BinnedLogistic(GRIDS), hidden=(32, 16), batch=32, device=device)


def test_it_keeps_rivers_conventions(device):
    for check in yield_checks(torch_net(device)):
        check(torch_net(device))


def test_it_learns_what_the_net_in_numpy_does(device):
    one, other = taught(torch_net(device), 600), taught(Net(BinnedLogistic(GRIDS)), 600)
    chance = random.Random(2)
    for _ in range(50):
        x = features(chance)
        assert one.logit_one(x) == pytest.approx(other.logit_one(x), abs=1e-6)
        assert one.contributions_one(x) == pytest.approx(other.contributions_one(x), abs=1e-6)


def test_rows_score_the_same_bits_alone_and_in_chunks_in_pytorch(device):
    model, chance = taught(torch_net(device), 300), random.Random(2)
    rows = [features(chance) for _ in range(40)]
    assert model.logit_many(rows).tolist() == [model.logit_one(x) for x in rows]
    assert model.logit_many([]).shape == (0,)


def test_dumps_are_those_of_the_net_and_go_on_with_equal_bits(device):
    original, loaded = taught(torch_net(device), 300), torch_net(device)
    loaded.load(msgspec.msgpack.decode(msgspec.msgpack.encode(original.dump())))
    Net(BinnedLogistic(GRIDS)).load(original.dump())
    assert taught(loaded, 100).dump() == taught(original, 100).dump()


def test_without_pytorch_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(SettingsError, match=r"pip install 'weir\[torch\]'"):
        TorchNet(BinnedLogistic(GRIDS))
