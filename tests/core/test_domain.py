"""An application of a few lines, no cards among them: what follows from its values."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec
import pytest
from msgspec import Struct, field

from app.core.batch import Batch, Decided, appraise
from app.core.bundle import pack
from app.core.domain import ALONE, Application, Feature, Scoring, Trust, Verdict
from app.core.dump import Learned, Scorer
from app.core.heads import Head
from app.core.labels import LabelEntry, Labels
from app.core.maturity import Maturity
from app.core.messages import (
    Decision,
    Example,
    Feedback,
    Origin,
    PlainExample,
    PlainPrediction,
    Reason,
    Restore,
    Source,
)
from app.core.models.logit import sigmoid
from app.core.settling import Received, settle
from app.core.snapshot import assemble, unpack, verify
from app.errors import Refused, SnapshotError
from app.wire import Id, decode, encode

HOUR = 3_600_000


class Login(Struct, kw_only=True):
    """What is judged."""

    id: Id
    at: int
    account: Id

    @property
    def key(self) -> str:
        return self.account


class Told(Feedback, kw_only=True):
    """A label, whose key has this application's name."""

    key: Id = field(name="account")


class Before(NamedTuple):
    """The logins of an account before one of them."""

    count: int
    whole: bool = True


class Account:
    """A record: which ids came at which offsets."""

    def __init__(self, raw: bytes | None) -> None:
        self.ids: dict[int, int] = msgspec.msgpack.decode(raw, type=dict[int, int]) if raw else {}

    def first_offset_of(self, id_hash: int) -> int | None:
        return min((at for at, one in self.ids.items() if one == id_hash), default=None)

    def before(self, offset: int) -> Before:
        return Before(sum(at < offset for at in self.ids))

    def count(self, event: Login, id_hash: int, offset: int, origin: Source | None = None) -> None:
        self.ids.setdefault(offset, id_hash)

    def pass_over(self, offset: int, origin: Source | None = None) -> None:
        pass

    def entered(self, origin: Source) -> bool:
        return False

    def encode(self) -> bytes:
        return msgspec.msgpack.encode(self.ids)


class Intruders:
    """Statistics: how many there were."""

    def __init__(self) -> None:
        self.count = 0

    def learn(self, example: Example, models: Scorer) -> None:
        self.count += example.y or 0

    def parts(self) -> Iterator[bytes]:
        yield b"%d" % self.count

    def load(self, parts: Iterable[bytes]) -> None:
        (part,) = parts
        self.count = int(part)


def look(login: Login, past: Before, statistics: Intruders) -> dict[str, float]:
    x = {"hour": float(login.at // HOUR % 24), "intruders": float(statistics.count)}
    return {**x, "earlier": float(past.count)} if past.count else x


def conclude(x: dict[str, float], logit: float, scoring: Scoring) -> Verdict:
    score = sigmoid(logit)
    decision: Decision = "review" if score >= scoring.review else "approve"
    return Verdict(score, decision, "model", [Reason("hour", logit, HOURS.words(x["hour"]))])


HOURS = Feature("hour", "time", "h", "Hour of the day.", [6.0, 22.0], "time", "at {:.0f} h", round)
FEATURES = (
    HOURS,
    Feature("earlier", "record", "1", "Logins before.", [1.0, 5.0], "pace", "{} logins before"),
    Feature("intruders", "labels", "1", "Intruders so far.", [1.0], "pace", "{} intruders so far"),
)
LOGINS = Application(
    name="logins",
    sentence="Judges logins.",
    events="logins",
    records="accounts",
    key="account",
    partitions=2,
    read=lambda raw: decode(msgspec.json.Decoder(Login).decode, raw),
    feedback=Told,
    labels=Labels({"intruder": 1, "owner": 0}, {"owner": 1, "maturity": 0}),
    features=FEATURES,
    feature_set="all",
    statistics=Intruders,
    open=Account,
    look=look,
    conclude=conclude,
    engine="e1",
)
LATE = Head("binned", {"hour": [12.0]})


def login(n: int, hour: int = 3, id: str = "") -> Login:
    return Login(id=id or f"l{n}", at=hour * HOUR, account="a1")


def decided(state: Any, *logins: Login, record: Account | None = None) -> list[Decided]:
    """The decisions on logins at the offsets from 0 on."""
    batch = Batch(LOGINS, state)
    record = record or Account(None)
    for offset, one in enumerate(logins):
        batch.add(one, Source(0, offset), record)
    return batch.decide()


# -- what is derived


def test_the_grids_are_those_of_the_features_in_their_order():
    assert list(LOGINS.grids.items()) == [(one.name, one.grid) for one in FEATURES]


def test_a_value_is_said_in_the_features_words():
    assert HOURS.words(3.4) == "at 3 h"
    assert FEATURES[1].words(2.0) == "2.0 logins before"


def test_a_new_state_is_empty_and_of_the_applications_model_and_statistics():
    state = LOGINS.new_state()
    assert (state.model, state.partitions, state.version) == ("binned", 2, 0)
    assert isinstance(state.statistics, Intruders)
    assert LOGINS.new_state().statistics is not state.statistics
    mine = Intruders()
    assert LOGINS.new_state(mine).statistics is mine


def test_its_snapshots_fit_its_identity():
    state = LOGINS.new_state()
    (snapshot,) = assemble(pack(state, LOGINS.identity.features, "e1"))
    again = LOGINS.new_state()
    again.load(unpack(snapshot, LOGINS.identity))
    assert again.digest() == state.digest()
    assert state.features == LOGINS.identity.features


@pytest.mark.parametrize(
    "other",
    [
        {"model": "bayes"},
        {"partitions": 3},
        {"features": FEATURES[:2]},
        {"heads": {"late": LATE}},
    ],
    ids=["model", "partitions", "features", "heads"],
)
def test_a_snapshot_of_another_application_does_not_fit(other):
    theirs = replace(LOGINS, **other)
    assert theirs.new_state().features == theirs.identity.features
    (snapshot,) = assemble(pack(LOGINS.new_state(), LOGINS.identity.features, "e1"))
    with pytest.raises(SnapshotError, match="is of other settings"):
        verify(snapshot, theirs.identity)


def test_the_heads_of_an_application_are_those_of_its_states():
    state = replace(LOGINS, heads={"late": LATE}).new_state()
    assert state.logit({"hour": 20.0}, 0, "both", head="late") == 0.0
    assert state.learned_by(1, "partition", head="late") == Learned()


def test_labels_are_read_by_its_words_and_under_its_name_of_the_key():
    said = LOGINS.read_feedback(
        b'{"id": "l1", "account": "a1", "label": "owner", "source": "owner", "at": 5}'
    )
    assert said == Told(id="l1", key="a1", label="owner", source="owner", at=5)
    for label, source, named in (
        ("fraud", "owner", "`label` must be one of intruder, owner, unsure, none"),
        ("intruder", "analyst", "`source` must be one of owner, maturity"),
    ):
        with pytest.raises(Refused, match=named):
            LOGINS.read_feedback(encode(Told(id="l1", key="a1", label=label, source=source)))
    with pytest.raises(Refused, match="`account`"):
        LOGINS.read_feedback(b'{"id": "l1", "label": "owner", "source": "owner"}')


def test_what_was_decided_and_learned_is_read_as_it_was_written():
    (one,) = decided(LOGINS.new_state(), login(0))
    assert LOGINS.read_prediction(one.raw) == one.fresh
    entry = LabelEntry("a1", [])
    said = Told(id="l0", key="a1", label="intruder", source="owner")
    revision = settle(LOGINS, entry, said, Received(Origin(1, 0, 0), 7), one.fresh)
    assert revision is not None
    example = LOGINS.read_example(revision.example)
    assert type(example) is PlainExample
    restore = Restore(id="r1", version=1, digest="d", model="binned", features="f", at=0)
    assert [LOGINS.read_entry(encode(entry)) for entry in (example, restore)] == [example, restore]


def test_what_an_application_leaves_out_is_the_plain_thing():
    (one,) = decided(LOGINS.new_state(), login(0))
    assert LOGINS.trust(Learned(), Intruders()) == ALONE == Trust(model=1.0, rules=0.0)
    assert (LOGINS.budget, LOGINS.own_label(login(0)), LOGINS.stake(one.fresh)) == (None, None, 0.0)
    assert type(one.fresh) is PlainPrediction
    assert (LOGINS.routes, LOGINS.traffic, LOGINS.files, LOGINS.gauges) == ("", "", "", ())


# -- that the core works with it


def test_a_decision_says_what_was_judged_and_by_what():
    state = LOGINS.new_state()
    first, second = (one.fresh for one in decided(state, login(0), login(1, hour=23)))
    assert (first.id, first.key, first.at, first.source) == ("l0", "a1", 3 * HOUR, Source(0, 0))
    assert (first.features, second.features) == (
        {"hour": 3.0, "intruders": 0.0},
        {"hour": 23.0, "intruders": 0.0, "earlier": 1.0},
    )
    assert (first.score, first.threshold) == (0.5, 0.5)
    assert (first.decision, first.mode) == ("review", "model")
    assert (first.model.name, first.model.features, first.engine) == ("binned", "all", "e1")
    assert first.reasons[0].text == "at 3 h"


def test_an_id_that_comes_again_repeats_its_decision_and_counts_once():
    record = Account(None)
    first, again = decided(LOGINS.new_state(), login(0), login(1, id="l0"), record=record)
    assert (again.raw, again.fresh) == (first.raw, None)
    assert list(record.ids) == [0]


def test_a_model_that_is_not_trusted_is_not_asked():
    untrusted = replace(LOGINS, trust=lambda learned, statistics: Trust(model=0.0, rules=1.0))
    state = taught()
    x = {"hour": 3.0}
    assert appraise(LOGINS, x, state, 0).score > 0.5
    assert appraise(untrusted, x, state, 0).score == 0.5
    batch = Batch(untrusted, state)
    batch.add(login(0), Source(0, 0), Account(None))
    assert batch.decide()[0].fresh.score == 0.5


def taught() -> Any:
    """A state that has learned of intruders at night and of owners by day."""
    state = LOGINS.new_state()
    for n in range(40):
        hour, label = ((3, "intruder"), (12, "owner"))[n % 2]
        (one,) = decided(state, login(n, hour))
        said = Told(id=f"l{n}", key="a1", label=label, source="owner")
        entry = LabelEntry("a1", [])
        revision = settle(LOGINS, entry, said, Received(Origin(1, n // 2 % 2, n), 7), one.fresh)
        assert state.fold(LOGINS.read_example(revision.example), n)
    return state


def test_what_is_said_is_learned_and_decides_what_comes_next():
    state = taught()
    night, day = (one.fresh for one in decided(state, login(98, hour=3), login(99, hour=12)))
    assert (night.decision, day.decision) == ("review", "approve")
    assert night.model.version == 40
    assert night.features["intruders"] == 20.0
    assert (state.counts.positives, state.counts.negatives) == (20, 20)


def test_an_event_that_nobody_complained_of_is_what_its_word_for_negative_says():
    rule = Maturity(LOGINS, after=HOUR, horizon=9 * HOUR)
    said = rule.label("l1", "a1", 5, 0.5)
    assert (type(said), said.label, said.source, said.key) == (Told, "owner", "maturity", "a1")
    assert LOGINS.read_feedback(encode(said)) == said
