"""The seam: what an application provides, and all that the rest of Weir knows of it.

An application is plain values and pure functions. It is made for the settings of a process
by its folder in `app.streams`; see `app.apps`.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import msgspec

from app.core.dump import Learned, NoStatistics, Statistics
from app.core.entries import Sift, sifter
from app.core.fold import FOLD, LearningState
from app.core.heads import Head, heads_digest
from app.core.labels import Labels, feedback_reader
from app.core.manifest import Identity
from app.core.messages import (
    Decision,
    Example,
    Feedback,
    Mode,
    PlainExample,
    PlainPrediction,
    Prediction,
    Reason,
    entry_reader,
)
from app.core.models.zoo import Grids
from app.core.threshold import Budget

NOTHING: Mapping[str, str | float] = {}


class Feature(NamedTuple):
    """A named input of the models: unit, meaning, bin edges, and how a value is put into words.

    `phrase` has `{}` where `show` of the value goes. Of the features of one `theme`, which say
    much the same, only the largest is a reason. Those of a `group` are computed together. One that
    is derived from a `field` of events names the field's own value: its phrase has `{0}` for that,
    and `{1}` for the feature's.
    """

    name: str
    group: str
    unit: str
    sentence: str
    grid: Sequence[float]
    theme: str
    phrase: str
    show: Callable[[float], object] = float
    field: str = ""

    def words(self, value: float, named: Mapping[str, str | float] = NOTHING) -> str:
        """A value in words; `named` are the fields of its event."""
        if not self.field:
            return self.phrase.format(self.show(value))
        raw = named.get(self.field, "(not known)")
        raw = f"{raw:.10g}" if isinstance(raw, float) else raw
        return self.phrase.format(raw, self.show(value))


class Trust(NamedTuple):
    """Weights of the model's logit and of the rules, 0 to 1. At 0 the model is not evaluated."""

    model: float
    rules: float


ALONE = Trust(model=1.0, rules=0.0)


class Scoring(NamedTuple):
    """What is the same for all events of a partition that are scored together.

    `review` is the score from which an event goes to review. `judged` is the one event, or its
    prediction, whose fields reasons may name.
    """

    state: LearningState
    partition: int
    trust: Trust
    review: float
    judged: Any = None


class Verdict(msgspec.Struct):
    """What features and state alone determine: the score is strictly between 0 and 1."""

    score: float
    decision: Decision
    mode: Mode
    reasons: list[Reason]


class Gauge(NamedTuple):
    """A figure of an application's statistics that it shows, in metrics and in its status."""

    name: str
    sentence: str
    read: Callable[[Any], float]


def _nothing(_: Any) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Application:
    """An application for the settings of one process.

    Parameters
    ----------
    name, sentence
        As in `WEIR_APP` and in the help.
    events, records, key
        The topic of events without its prefix, the table of their records, and the field of
        events and labels that holds the key, as people know it.
    partitions, epoch
        Of the topics, from the settings.
    read
        Decodes and checks an event; raises Refused.
    feedback, prediction, example
        Structs of the messages. A prediction may have more fields than `PlainPrediction`: `facts`
        of its event returns them, and phrases may name what is in one called `fields`. So may an
        example: `lesson_facts` of its prediction returns them.
    own_label
        The label that an event carries itself, if any.
    labels
        What can be said.
    card_fields
        The fields of labels in which card numbers are refused, by their names in JSON; None for
        all.
    features, feature_set
        The inputs of the models, and the name that predictions carry for them.
    model, scope
        What scores: an entry of the zoo, and which models.
    heads
        Further models, by the name that examples carry: each learns its own examples.
    statistics
        Creates what is folded besides models, empty.
    open
        A record unpacked; None opens an empty one. Raises StateError.
    note
        Notes in the record of an example's key what a label changed.
    look
        The features of an event, given its key's past and the statistics. All are finite; what
        has no value is left out.
    trust
        How far a model that has learned so much counts, and what counts beside it, according to
        the statistics.
    conclude
        Score, decision and reasons from features and the model's logit (arbitrary, if trust says
        that the model does not count). The same arguments return the same bits.
    fields
        Digest of what the features depend on besides their bins: the declared fields. '' for none.
    unusable
        The names of the declared fields whose value in an event is not of their kind; they are
        counted, and missing to the models. None where no field is declared.
    declared
        The fields of one's own that its settings declare, words (str) and numbers (float), by name.
    warnings
        What a worker says once in its log when it starts.
    review, block, budget
        The thresholds, and how many alerts each partition may raise, None for any number.
    engine
        Fingerprint of everything that determines the last bits of a score in this process.
    gauges
        Figures to show.
    stake
        What an event is worth, for reports that weigh by it.
    routes, tables, traffic, files
        Where the pages, the tables that commands print, simulated traffic and the reader of files
        are, as `pkgutil.resolve_name` takes it; empty where there is none. Each is loaded only
        where it is needed. `traffic` is called as `app.data.simulation.simulation` is.
    """

    name: str
    sentence: str
    events: str
    records: str
    key: str
    partitions: int
    epoch: int = 1

    read: Callable[[bytes | None], Any]
    feedback: type[Feedback] = Feedback
    prediction: type[Prediction] = PlainPrediction
    facts: Callable[[Any], Mapping[str, Any]] = _nothing
    example: type[Example] = PlainExample
    lesson_facts: Callable[[Any], Mapping[str, Any]] = _nothing
    own_label: Callable[[Any], str | None] = lambda event: None

    labels: Labels
    card_fields: Container[str] | None = None
    features: Sequence[Feature]
    feature_set: str
    model: str = "binned"
    scope: str = "both"
    heads: Mapping[str, Head] = field(default_factory=dict)
    statistics: Callable[[], Statistics] = NoStatistics

    open: Callable[[bytes | None], Any]
    note: Callable[[Any, Any], None] = lambda record, example: None
    look: Callable[[Any, Any, Any], dict[str, float]]
    trust: Callable[[Learned, Any], Trust] = lambda learned, statistics: ALONE
    conclude: Callable[[dict[str, float], float, Scoring], Verdict]
    fields: str = ""
    unusable: Callable[[Any], Sequence[str]] | None = None
    declared: Mapping[str, type] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    review: float = 0.5
    block: float = 0.9
    budget: Budget | None = None
    engine: str = ""

    gauges: Sequence[Gauge] = ()
    stake: Callable[[Any], float] = lambda prediction: 0.0
    routes: str = ""
    tables: str = ""
    traffic: str = ""
    files: str = ""

    # -- derived from these

    @cached_property
    def grids(self) -> Grids:
        """Bin edges by feature name."""
        return {feature.name: feature.grid for feature in self.features}

    def new_state(self, statistics: Statistics | None = None) -> LearningState:
        """An empty learning state, with the application's statistics unless others are given."""
        return LearningState(
            self.model,
            self.partitions,
            self.grids,
            self.statistics() if statistics is None else statistics,
            self.heads,
            self.fields,
        )

    @cached_property
    def identity(self) -> Identity:
        """What a snapshot must match to be used."""
        digest = heads_digest(self.grids, self.heads, self.fields)
        return Identity.of(self.model, self.partitions, digest, FOLD)

    @cached_property
    def read_feedback(self) -> Callable[[bytes | None], Feedback]:
        """Decodes and checks a label; raises Refused."""
        return feedback_reader(self.feedback, self.labels, self.card_fields)

    @cached_property
    def read_prediction(self) -> Callable[[bytes], Any]:
        """Decodes a prediction; raises msgspec.DecodeError."""
        return msgspec.json.Decoder(self.prediction).decode

    @cached_property
    def read_decision(self) -> Callable[[bytes], Any]:
        """Decodes `key` and `decision` of a prediction, and nothing else of it."""
        kind = self.prediction
        names = dict(zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True))
        key = ("key", str, msgspec.field(name=names["key"]))
        return msgspec.json.Decoder(msgspec.defstruct("Decided", [key, ("decision", str)])).decode

    @cached_property
    def read_entry(self) -> Callable[[bytes], Any]:
        """Decodes an entry of the examples log; raises msgspec.DecodeError."""
        return entry_reader(self.example)

    @cached_property
    def sift(self) -> Sift:
        """Tells entries of the examples log from what nobody may fold; never raises."""
        return sifter(self.example)

    @cached_property
    def read_example(self) -> Callable[[bytes], Any]:
        """Decodes an example; raises msgspec.DecodeError."""
        return msgspec.json.Decoder(self.example).decode
