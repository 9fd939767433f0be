"""What a worker is made of by its settings."""

import pytest

from app.core.bundle import pack
from app.core.snapshot import assemble, verify
from app.errors import SettingsError, SnapshotError
from app.serving.worker import grids_of, identity, new_policy, new_state
from app.settings import Settings, read_settings
from app.streams.fraud.features import SMALL

FULL, FEWER = read_settings(), read_settings(features=SMALL.name)


def test_state_policy_and_identity_are_of_the_chosen_features():
    assert grids_of(FEWER) == SMALL.grids
    assert new_policy(FEWER).features == SMALL.name
    for settings in (FULL, FEWER):
        assert new_state(settings).features == identity(settings).features
    assert identity(FULL).features != identity(FEWER).features


@pytest.mark.parametrize(("of", "read"), [(FULL, FEWER), (FEWER, FULL)], ids=["fewer", "more"])
def test_a_snapshot_of_other_features_is_refused_and_it_is_said_why(of: Settings, read: Settings):
    mine, other = identity(of).features, identity(read).features
    (snapshot,) = assemble(pack(new_state(of), mine, "engine"))
    verify(snapshot, identity(of))
    with pytest.raises(SnapshotError, match=f"other settings: features {mine}, not {other}$"):
        verify(snapshot, identity(read))


def test_a_feature_set_that_does_not_exist_is_named():
    with pytest.raises(SettingsError, match="'few'; choose one of"):
        new_state(read_settings(features="few"))
