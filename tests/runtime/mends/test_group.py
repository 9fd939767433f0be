"""What is said when the group refuses a worker."""

import pytest
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    InconsistentGroupProtocolError,
    KafkaError,
)

from app.runtime.mends.group import strangers


@pytest.mark.parametrize(
    ("error", "words"),
    [
        # As aiokafka wraps what it does not expect of a broker.
        pytest.param(KafkaError("UnknownError()"), "KIP-848", id="a consumer of the new protocol"),
        pytest.param(InconsistentGroupProtocolError(), "no worker of Weir", id="another consumer"),
    ],
)
def test_a_group_with_somebody_else_in_it_is_told_from_the_answer(error, words):
    assert words in strangers(error) and "WEIR_APP_ID" in strangers(error)


def test_other_answers_are_left_as_they_are():
    assert strangers(GroupAuthorizationFailedError("weir")) == ""
