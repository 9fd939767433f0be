"""Card fraud for the settings of a process: what follows from them."""

from pkgutil import resolve_name

import pytest
from msgspec.structs import replace

from app.core.bundle import pack
from app.core.domain import Application
from app.core.hashing import hash64
from app.core.messages import Origin
from app.core.snapshot import assemble, verify
from app.core.threshold import FLOOR, Budget
from app.errors import Refused, SettingsError, SnapshotError
from app.streams.fraud.features import FULL, GRIDS, SMALL
from app.streams.fraud.messages import Transaction
from app.wire import encode
from tests.cards import cards
from tests.core.samples import example
from tests.core.sayings import decision

MORE, FEWER = cards(), cards(features=SMALL.name)


def test_state_and_identity_are_of_the_chosen_features():
    assert (MORE.feature_set, MORE.grids) == (FULL.name, GRIDS)
    assert (FEWER.feature_set, FEWER.grids) == (SMALL.name, SMALL.grids)
    for application in (MORE, FEWER):
        assert application.new_state().features == application.identity.features
    assert MORE.identity.features != FEWER.identity.features


@pytest.mark.parametrize(("of", "read"), [(MORE, FEWER), (FEWER, MORE)], ids=["fewer", "more"])
def test_a_snapshot_of_other_features_is_refused_and_it_is_said_why(
    of: Application, read: Application
):
    mine, other = of.identity.features, read.identity.features
    (snapshot,) = assemble(pack(of.new_state(), mine, "engine"))
    verify(snapshot, of.identity)
    with pytest.raises(SnapshotError, match=f"other settings: features {mine}, not {other}$"):
        verify(snapshot, read.identity)


def test_a_feature_set_that_does_not_exist_is_named():
    with pytest.raises(SettingsError, match="'few'; choose one of"):
        cards(features="few")


PAN = "4111111111111111"
PAID = {"id": "t1", "at": 0, "customer": "c1", "merchant": "m1", "amount": 1.5}
SAID = {"id": "t1", "customer": "c1", "label": "fraud", "source": "analyst"}


@pytest.mark.parametrize(
    ("settings", "refused"),
    [
        ({}, {"customer", "merchant", "note", "reason", "actor"}),
        ({"card_number_fields": "id, device"}, {"id", "device"}),
        ({"card_number_fields": ""}, set()),
    ],
)
def test_card_numbers_are_refused_in_the_fields_that_the_settings_name(settings, refused):
    application, found = cards(**settings), set()
    for read, message in ((application.read, PAID), (application.read_feedback, SAID)):
        for name in ("id", "customer", "merchant", "device", "ip", "actor", "reason", "note"):
            try:
                read(encode({**message, name: PAN}))
            except Refused as reason:
                assert str(reason).startswith(f"`{name}` is a card number") and PAN not in str(
                    reason
                )
                found.add(name)
    assert found == refused


@pytest.mark.parametrize("fields", ["costumer", "customer,amount", "customer,key"])
def test_a_field_that_can_hold_no_card_number_is_named(fields):
    with pytest.raises(SettingsError, match=r"WEIR_CARD_NUMBER_FIELDS: .*those are actor"):
        cards(card_number_fields=fields)


def test_what_the_settings_say_is_what_scores():
    chosen = cards(
        model="blend", model_scope="shared", review_threshold=0.3, block_threshold=0.7, epoch=3
    )
    assert (chosen.model, chosen.scope, chosen.epoch) == ("blend", "shared", 3)
    assert (chosen.review, chosen.block) == (0.3, 0.7)
    assert (MORE.model, MORE.scope, MORE.epoch) == ("grove", "both", 1)


@pytest.mark.parametrize(
    ("settings", "budget"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"review_budget": 6.0}, Budget(2.0, 0.5, FLOOR, 0.9), id="a share each"),
        pytest.param(
            {"review_budget": 6.0, "review_threshold": 0.01, "block_threshold": 0.6},
            Budget(2.0, 0.01, 0.01, 0.6),
            id="begins below the floor",
        ),
    ],
)
def test_each_partition_may_spend_its_share_of_the_budget(settings, budget):
    assert cards(partitions=3, **settings).budget == budget


def test_a_record_is_kept_as_long_as_the_settings_say():
    short = cards(history_events=2, history_replay=1, history_labels=1)
    assert short.open(None).limits[:3] == (2, 1, 1)
    assert cards(epoch=4).open(None).epoch == 4


def test_a_fraud_is_noted_with_its_customer_until_it_is_taken_back():
    record = MORE.open(None)
    (fraud, withdrawn) = (
        replace(example(1, Origin(1, 0, offset), y), known=7) for offset, y in ((3, 1), (4, None))
    )
    MORE.note(record, fraud)
    assert record.labels() == [(hash64("t1"), fraud.origin, 7, True)]
    MORE.note(record, withdrawn)
    assert record.labels() == [(hash64("t1"), withdrawn.origin, 7, False)]


def test_a_prediction_has_the_facts_of_its_transaction_and_an_example_those_of_its_prediction():
    tx = Transaction(id="t1", at=0, customer="c1", merchant="m1", amount=5.0, country="DE")
    assert MORE.facts(tx) == {
        **{"merchant": "m1", "location": "DE", "amount": 5.0},
        "fields": {"country": "DE"},
    }
    assert "fields" not in MORE.facts(replace(tx, country=""))
    assert MORE.lesson_facts(decision()) == {"merchant": "m of t1", "location": "DE"}
    assert MORE.stake(decision()) == 20.0
    assert (MORE.own_label(tx), MORE.own_label(replace(tx, label="legit"))) == (None, "legit")


def test_its_gauges_read_its_statistics():
    knowledge = MORE.new_state().statistics
    assert {gauge.name: gauge.read(knowledge) for gauge in MORE.gauges} == {
        "rules_weight": knowledge.rules_weight.weight,
        "rules_precision": knowledge.rules_weight.precision,
    }
    assert all(gauge.sentence.endswith(".") for gauge in MORE.gauges)


@pytest.mark.parametrize("part", ["routes", "traffic", "files"])
def test_what_is_loaded_only_by_who_needs_it_is_where_it_is_said_to_be(part):
    assert resolve_name(getattr(MORE, part)) is not None
