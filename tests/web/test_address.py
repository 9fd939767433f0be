"""Ids and times in addresses: what is read, and what is refused."""

import pytest
from aiohttp import web

from app.web.address import read_id, read_time


def test_an_id_may_be_as_long_as_in_messages() -> None:
    assert read_id("é" * 64) == "é" * 64
    with pytest.raises(web.HTTPBadRequest):
        read_id("é" * 65)


@pytest.mark.parametrize(
    ("text", "ms"), [(None, None), ("0", 0), ("253402300799999", 253402300799999)]
)
def test_a_time_is_epoch_milliseconds(text: str | None, ms: int | None) -> None:
    assert read_time(text) == ms


@pytest.mark.parametrize("text", ["", "soon", "-1", "1.5", "٣", "253402300800000", "9" * 5000])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(web.HTTPBadRequest):
        read_time(text)
