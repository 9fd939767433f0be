"""Card fraud for the settings of a process: what follows from them."""

import pytest

from app.core.bundle import pack
from app.core.domain import Application
from app.core.snapshot import assemble, verify
from app.core.threshold import FLOOR, Budget
from app.errors import SettingsError, SnapshotError
from app.streams.fraud.features import FULL, GRIDS, SMALL
from tests.cards import cards

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


def test_what_the_settings_say_is_what_scores():
    chosen = cards(
        model="blend", model_scope="shared", review_threshold=0.3, block_threshold=0.7, epoch=3
    )
    assert (chosen.model, chosen.scope, chosen.epoch) == ("blend", "shared", 3)
    assert (chosen.review, chosen.block) == (0.3, 0.7)
    assert (MORE.model, MORE.scope, MORE.epoch) == ("binned", "both", 1)


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
    assert short.open(None).limits == (2, 1, 1)
    assert cards(epoch=4).open(None).epoch == 4
