"""The net with its arithmetic in PyTorch, for layers that are large. Needs the extra `torch`."""

from importlib import import_module
from typing import Any

import numpy as np

from app.core.models.binned import BinnedLogistic
from app.core.models.layers import Floats
from app.core.models.net import Net
from app.errors import SettingsError


class TorchNet(Net):
    """`Net`, with larger layers and batches, computed by PyTorch on a processor or a GPU.

    The weights and the steps of AdaGrad stay in numpy arrays, so dumps are those of `Net`.
    PyTorch sums in an order that may depend on how many rows there are: rows are therefore
    scored one per call. Its gradients have equal bits only on the same device, with the same
    release and number of threads; where several workers fold one log, all must have the same.

    Parameters
    ----------
    below, hidden, learning_rate, initial, surprise, batch, seed
        As those of `Net`.
    device
        Name of PyTorch's device: `cpu`, `cuda`, `cuda:1`.

    Raises
    ------
    SettingsError
        When PyTorch is not installed.
    """

    def __init__(
        self,
        below: Any,
        hidden: tuple[int, int] = (256, 64),
        learning_rate: float = 0.03,
        initial: float = 0.01,
        surprise: float = 0.05,
        batch: int = 512,
        seed: int = 1,
        device: str = "cpu",
    ) -> None:
        super().__init__(below, hidden, learning_rate, initial, surprise, batch, seed)
        self.device = device
        _import_torch()

    def _outputs(self, inputs: Floats) -> Floats:
        if not len(inputs):
            return np.zeros(0)
        torch = _import_torch()
        layers = [self._tensor(layer) for layer in self._layers]
        with torch.no_grad():
            rows = self._tensor(inputs).split(1)
            scores: Floats = torch.cat([_scores(row, layers) for row in rows]).cpu().numpy()
        return scores

    def _gradients(self, inputs: Floats, logits: Floats, y: Floats, w: Floats) -> list[Floats]:
        torch = _import_torch()
        layers = [self._tensor(layer).requires_grad_() for layer in self._layers]
        scores = self._tensor(logits) + _scores(self._tensor(inputs), layers)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            scores, self._tensor(y), weight=self._tensor(w), reduction="sum"
        )
        return [part.cpu().numpy() for part in torch.autograd.grad(loss, layers)]

    def _tensor(self, values: Floats) -> Any:
        """The values on the device: in the same memory where that is the processor's."""
        return _import_torch().as_tensor(np.ascontiguousarray(values), device=self.device)

    @classmethod
    def _unit_test_params(cls) -> Any:
        yield {"below": BinnedLogistic()}


def _scores(rows: Any, layers: list[Any]) -> Any:
    """Tensors (n, inputs) -> (n,); each layer has its biases in the first row."""
    first, second, third = layers
    one = (rows @ first[1:] + first[0]).relu()
    two = (one @ second[1:] + second[0]).relu()
    return (two @ third[1:] + third[0])[:, 0]


def _import_torch() -> Any:
    try:
        return import_module("torch")
    except ImportError:
        raise SettingsError("this net needs PyTorch: pip install 'weir[torch]'") from None
