"""What an application does not have is said in a sentence."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.data.files import open_dataset
from app.data.options import FileOptions
from app.data.simulation import simulation
from app.errors import DataError
from tests.cards import cards

T = 1_700_000_000_000  # epoch ms


def test_the_applications_reader_opens_a_file(tmp_path: Path):
    path = tmp_path / "rows.csv"
    path.write_text(f"id,at,customer,merchant,amount,label,since\nt,{T},c,m,1.5,fraud,{T + 9}\n")
    dataset = open_dataset(cards(), path, FileOptions(known="since"))
    (row,) = dataset
    assert (row.event.id, row.event.key, row.event.at) == ("t", "c", T)
    assert (row.positive, row.known) == (True, T + 9)
    assert (dataset.name, dataset.known) == ("rows.csv", "since")


def test_without_a_reader_or_a_simulator_a_sentence_says_so():
    neither = replace(cards(), files="", traffic="")
    with pytest.raises(DataError, match="the application fraud reads no files"):
        open_dataset(neither, Path("rows.csv"))
    with pytest.raises(DataError, match="the application fraud has no simulated traffic"):
        simulation(neither, seed=1, until=0)
