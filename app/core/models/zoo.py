"""The model zoo: a table of factories. A new model is one entry here and nothing elsewhere.

Models made of River's are imported by their factories: River's trees and anomaly scores import
scipy and scikit-learn, which would take more than half of a worker's start.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

from app.core.models.bayes import BayesianBinned
from app.core.models.binned import BinnedLogistic
from app.core.models.blend import Hedge, LogitMean
from app.core.models.classifier import Explained
from app.core.models.grove.model import SCALES, Grove
from app.core.models.layers import Floats
from app.core.models.lookup import Cells
from app.core.models.net import Net
from app.core.models.ordered import without_codes
from app.core.models.plain import Plain
from app.errors import SettingsError

Grids: TypeAlias = Mapping[str, Sequence[float]]  # ascending bin edges by feature name


class Model(Protocol):
    """River's protocol for a binary classifier, plus what Weir needs to explain and to store it.

    What a model returns must depend only on the earlier calls of `learn_one`: no clock, no
    randomness without a seed from the log. It may depend on the calls of `end_step` too, which
    come where the log says that a step ends; a model that learns in batches keeps the open one in
    its dump.
    """

    def predict_proba_one(self, x: Mapping[str, float]) -> dict[bool, float]:
        """Probability of each class."""

    def learn_one(self, x: Mapping[str, float], y: bool, w: float = 1.0) -> None:
        """Learn one example with weight `w`; ValueError when a value is not finite."""

    def logit_one(self, x: Mapping[str, float]) -> float:
        """The score before the sigmoid: always finite."""

    def rough_one(self, x: Mapping[str, float]) -> float:
        """A logit like that of `logit_one`, where one is known that costs less."""

    def logit_many(self, rows: Sequence[Mapping[str, float]]) -> Floats:
        """The scores of n rows, shape (n,), each with the bits of `logit_one`."""

    def contributions_one(self, x: Mapping[str, float]) -> dict[str, float]:
        """Each feature's share of the logit, measured against the model's average."""

    @property
    def additive(self) -> bool:
        """Whether rows with all features have one base, so that shares explain all differences."""

    def explain_one(self, x: Mapping[str, float]) -> Explained:
        """The logit as a base and the contributions, which add up to it."""

    def forget(self, key: int) -> None:
        """A label is taken back, or about to be corrected: drop the example, if it is kept."""

    def end_step(self) -> None:
        """A step of the log ends: learn the open batch, if there is one."""

    def dump(self) -> Plain:
        """All state as plain values that share nothing with the model."""

    def load(self, plain: Any) -> None:
        """Restore a dump so that every later score and step has the same bits."""


@runtime_checkable
class CellModel(Protocol):
    """A model that scores and learns by cells: all with the same grids share one look-up of them.

    As `Model` otherwise. Rows have all features of the grids or lack some; what has others is
    learned by `learn_one`.
    """

    def cells_of(self, x: Mapping[str, float]) -> list[int] | None:
        """Where `x` lies in every model of these grids; None if a feature has no grid."""

    def cells_of_many(self, rows: Sequence[Mapping[str, float]]) -> Cells | None:
        """The same of many rows, shape (cells of a row, rows); None to look them up one by one."""

    def logit_at(self, cells: Sequence[int]) -> float:
        """`logit_one` of what lies in these cells."""

    def logits_at(self, cells: Cells) -> Floats:
        """`logit_many` of what lies in these cells."""

    def rough_at(self, cells: Sequence[int]) -> float:
        """`rough_one` of what lies in these cells."""

    def learn_at(
        self, cells: Sequence[int], y: bool, w: float, rough: float, key: int = 0
    ) -> object:
        """`learn_one` of what lies in these cells and was checked.

        `w` is above 0, `rough` what `rough_at` says now, `key` that by which `forget` finds it.
        """


class ZooEntry(NamedTuple):
    """A model that users can choose by name: what makes the shared one, and a partition's own.

    None for `own`: the same.
    """

    name: str
    sentence: str
    make: Callable[[Grids], Model]
    own: Callable[[Grids], Model] | None = None


@without_codes
def _logistic(grids: Grids) -> Model:
    from app.core.models.linear import ScaledLogistic

    return ScaledLogistic()


@without_codes
def _sgd(grids: Grids) -> Model:
    from river import optim

    from app.core.models.linear import ScaledLogistic

    return ScaledLogistic(optim.SGD(0.01))


@without_codes
def _ftrl(grids: Grids) -> Model:
    from app.core.models.linear import Ftrl, ScaledLogistic

    return ScaledLogistic(Ftrl(alpha=0.1, l1=30.0))


@without_codes
def _tree(grids: Grids) -> Model:
    from app.core.models.trees import LogitTree

    return LogitTree(grids)


@without_codes
def _anomaly(grids: Grids) -> Model:
    from app.core.models.anomaly import AnomalyLogistic

    return AnomalyLogistic(grids)


def _rates(grids: Grids) -> Model:
    return Hedge(**{f"binned_{rate}": BinnedLogistic(grids, rate) for rate in RATES})


RATES = (0.05, 0.1, 0.2, 0.4)
ENTRIES = (
    ZooEntry(
        "grove",
        "`binned` with coarser groups, and a rolling forest for what features say together.",
        Grove,
        lambda grids: BinnedLogistic(grids, scales=SCALES),
    ),
    ZooEntry(
        "binned",
        "Additive logistic regression with one weight for each bin of each feature (AdaGrad).",
        BinnedLogistic,
    ),
    ZooEntry(
        "logistic",
        "River's logistic regression on standardized features (Adam).",
        _logistic,
    ),
    ZooEntry(
        "blend",
        "Mean of the logits of `binned` and `logistic`.",
        lambda grids: LogitMean(binned=BinnedLogistic(grids), logistic=_logistic(grids)),
    ),
    ZooEntry(
        "sgd",
        "River's logistic regression on standardized features (plain gradient steps).",
        _sgd,
    ),
    ZooEntry(
        "ftrl",
        "River's logistic regression on standardized features, sparse (FTRL-Proximal).",
        _ftrl,
    ),
    ZooEntry(
        "tree",
        "River's Hoeffding tree on bin numbers, with settings for rare positives.",
        _tree,
    ),
    ZooEntry(
        "bayes",
        "As `binned`, with a distribution for each weight, so that new bins learn fast.",
        BayesianBinned,
    ),
    ZooEntry(
        "anomaly",
        "River's half-space trees: how rare an event is among negatives.",
        _anomaly,
    ),
    ZooEntry(
        "rates",
        "Four `binned` with different step sizes, weighted by their latest log loss.",
        _rates,
    ),
    ZooEntry(
        "hedge",
        "`binned`, `tree` and `logistic`, weighted by their latest log loss.",
        lambda grids: Hedge(
            binned=BinnedLogistic(grids), tree=_tree(grids), logistic=_logistic(grids)
        ),
    ),
    ZooEntry(
        "binned_net",
        "`binned`, corrected by a small neural net for interactions of features.",
        lambda grids: Net(BinnedLogistic(grids)),
    ),
)
ZOO: dict[str, ZooEntry] = {entry.name: entry for entry in ENTRIES}


def make_model(name: str, grids: Grids, own: bool = False) -> Model:
    """A fresh model of the zoo: the shared one, or a partition's `own`.

    Raises
    ------
    SettingsError
        Names the entries when there is none of that name.

    Examples
    --------
    >>> make_model("binned", {"amount": [10.0, 100.0]}).logit_one({"amount": 20.0})
    0.0
    """
    if name not in ZOO:
        raise SettingsError(f"there is no model {name!r}; choose one of {', '.join(ZOO)}")
    entry = ZOO[name]
    return (entry.own or entry.make)(grids) if own else entry.make(grids)
