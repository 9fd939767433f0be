"""The bounded table of rates, against one that remembers every label."""

from dataclasses import dataclass, field
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import SnapshotError
from app.streams.fraud.custom.cells import SHARD_OF, Cells

MOST = 3  # cells in a shard, so that it is soon full
WEIGHTS = [2.0**power for power in range(-6, 7)]


@dataclass
class Cell:
    """A cell that knows each label that it has counted: day it became known, value, weight."""

    since: int
    touched: int
    labels: list[tuple[int, int, float]] = field(default_factory=list)


class Oracle:
    """One shard as the docstring of `Cells` has it."""

    def __init__(self) -> None:
        self.cells: dict[int, Cell] = {}
        self.swept = -1

    def count(self, key: int, label: tuple[int, int, float], today: int) -> None:
        if key not in self.cells and len(self.cells) >= MOST:
            days = sorted(cell.touched for cell in self.cells.values())
            last = min(days[len(days) // 8], today - 1)
            if days[0] <= last:
                self.cells = {k: c for k, c in self.cells.items() if c.touched > last}
                self.swept = max(self.swept, last)
        if key not in self.cells:
            if len(self.cells) >= MOST or label[0] <= self.swept:
                return
            self.cells[key] = Cell(self.swept + 1, today)
        cell = self.cells[key]
        if label[0] >= cell.since:
            cell.labels.append(label)
            cell.touched = today

    def take_back(self, key: int, label: tuple[int, int, float]) -> None:
        if key in self.cells and label in self.cells[key].labels:
            self.cells[key].labels.remove(label)

    def counted(self, key: int) -> tuple[float, float]:
        labels = self.cells[key].labels if key in self.cells else []
        return (
            float(sum(Fraction(weight) for _, _, weight in labels)),
            float(sum(value * Fraction(weight) for _, value, weight in labels)),
        )


steps = st.lists(
    st.tuples(
        st.integers(0, 8),  # key
        st.sampled_from([0, 1, 249]),  # value
        st.sampled_from(WEIGHTS),
        st.integers(0, 3),  # days since the label became known
        st.integers(0, 2),  # days that pass before it
        st.integers(0, 3),  # 0: one that was counted is taken back
        st.integers(0, 1 << 30),  # which
    ),
    max_size=80,
)


@given(steps)
def test_a_table_counts_and_takes_back_exactly_what_it_has_room_for(taken):
    cells, oracle, said, today = Cells(MOST), Oracle(), [], 0
    for key, value, weight, late, later, kind, which in taken:
        today += later
        label = (max(today - late, 0), value, weight)
        if kind or not said:
            said.append((key, label))
            oracle.count(key, label, today)
            cells.count(key, value, weight, label[0], today)
        else:
            key, label = said.pop(which % len(said))
            oracle.take_back(key, label)
            cells.take_back(key, label[1], label[2], label[0])
        assert len(cells) <= MOST
        assert {k: cells.counted(k) for k in range(9)} == {k: oracle.counted(k) for k in range(9)}
        copy = Cells(MOST)
        for part in cells.parts():
            copy.load(part)
        assert list(copy.parts()) == list(cells.parts())
        if which % 5 == 0:
            cells = copy  # it goes on as the other would


def test_a_later_cell_of_a_key_is_not_charged_with_what_a_forgotten_one_had_counted():
    cells = Cells(1)
    cells.count(1, True, 1.0, known=5, today=5)
    cells.count(2, False, 1.0, known=6, today=6)
    assert (cells.counted(1), cells.counted(2)) == ((0.0, 0.0), (1.0, 0.0))
    cells.count(1, True, 1.0, known=7, today=7)
    cells.take_back(1, True, 1.0, known=5)
    assert cells.counted(1) == (1.0, 1.0)


def test_no_cell_of_today_gives_way():
    cells = Cells(1)
    cells.count(1, True, 1.0, known=5, today=5)
    cells.count(2, True, 1.0, known=5, today=5)
    assert (cells.counted(1), cells.counted(2)) == ((1.0, 1.0), (0.0, 0.0))


def test_a_full_table_takes_36_bytes_a_cell_and_small_parts():
    cells = Cells(64)
    for key in range(20_000):
        cells.count(key * 0x9E3779B97F4A7C15 % 2**64, False, 1.0, 1, 1)
    assert len(cells) == 128 * 64
    parts = list(cells.parts())
    assert max(map(len, parts)) < 300_000
    assert sum(map(len, parts)) < 36 * len(cells)


@pytest.mark.parametrize("cut", [1, 9, 20, -1])
def test_a_part_that_is_cut_short_is_refused(cut):
    cells = Cells(4)
    cells.count(1 << SHARD_OF, True, 1.0, 1, 1)
    (part,) = cells.parts()
    with pytest.raises(SnapshotError):
        Cells(4).load(part[:cut])
    with pytest.raises(SnapshotError):
        Cells(0).load(part)
