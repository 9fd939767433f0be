"""The benchmarks of scale: what needs no broker runs at small sizes, and rows become tables."""

import json
import os
import time
from io import StringIO
from itertools import chain, islice
from pathlib import Path

import pytest
from rich.console import Console

from app.settings import read_settings
from app.streams.fraud.history.record import History
from app.streams.fraud.history.ring import Event
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import transactions
from benchmarks.scale import customers, history, merchants, workers
from benchmarks.scale.__main__ import PARTS, arguments, main
from benchmarks.scale.system import environment, size_of, waited_seconds
from benchmarks.scale.tables import table


def simulated(count: int, **traffic: int) -> list:
    return list(islice(chain.from_iterable(transactions(Traffic(**traffic))), count))


def test_a_history_is_measured_in_bands_up_to_the_last_transaction_of_everybody():
    rows = history.measure(most=40, customers=40, learned=50)
    assert [row.events for row in rows] == ["0", "1-7", "8-23", "24-35", "36-39"]
    whole = [row.decisions for row in rows if row.events in ("0", "1-7", "36-39")]
    assert whole == [40, 280, 160]  # no more than are wanted: none is left out
    assert all(300 < row.decisions < 480 for row in rows if row.events in ("8-23", "24-35"))
    assert all(row.cpu_us > 0 for row in rows)
    sizes = [row.record_bytes for row in rows]
    assert sizes[0] == 0 and sizes == sorted(sizes)


def test_merchants_are_all_known_and_their_dump_is_counted_whole():
    few, many = merchants.measure_one(10), merchants.measure_one(3_000)
    assert (few.merchants, many.merchants) == (10, 3_000)
    assert many.parts > few.parts > 1
    assert many.dump_mb * 1e6 >= 3_000 * 300 > many.largest_part_kb * 1e3
    assert many.longest_part_ms <= many.dump_s * 1e3
    assert min(many.view_us, many.learn_us) > 0


def test_the_dump_that_is_timed_is_the_dump():
    filled = merchants.Merchants()
    for example in merchants.examples(100, range(100)):
        filled.learn(example)
    _, sizes = merchants.timed_parts(filled)
    assert sizes == [len(part) for part in filled.parts()]


def test_records_hold_what_their_customers_paid_and_fence_off_no_transaction():
    rows, limits = simulated(600, seed=1), customers.limits_of(read_settings())
    pool = customers.records(iter(rows), limits)
    opened = [History.decode(raw, 1, limits) for raw in pool]
    assert len(pool) == len({row.event.customer for row in rows})
    assert sum(one.before(0).count for one in opened) == 600
    assert all(one.insert(Event(0, 1, rows[-1].event.at, 1.0, 1)) for one in opened)


def test_transactions_keep_all_but_their_payer():
    rows = simulated(200, seed=1)
    paid = list(customers.of_random_customers(iter(rows), 50))
    payers = {row.event.customer for row in paid}
    assert payers <= {customers.name(number) for number in range(50)} and len(payers) > 30
    for row, was in zip(paid, rows, strict=True):
        assert (row.event.id, row.event.at, row.event.amount) == (
            was.event.id,
            was.event.at,
            was.event.amount,
        )


def test_settings_of_the_environment_hold_for_the_block_alone(monkeypatch):
    monkeypatch.setenv("WEIR_PARTITIONS", "7")
    with environment(WEIR_PARTITIONS=12):
        assert read_settings().partitions == 12
    assert read_settings().partitions == 7


def test_the_size_of_a_folder_is_that_of_all_its_files(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "one").write_bytes(b"1234")
    (tmp_path / "two").write_bytes(b"12")
    assert size_of(tmp_path) == 6


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="needs Linux' schedstat")
def test_time_without_a_processor_is_that_of_the_scheduler():
    before = waited_seconds(os.getpid())
    time.sleep(0)
    assert waited_seconds(os.getpid()) >= before > 0
    assert waited_seconds(2**30) == 0  # no such process


def test_every_column_is_a_field_of_its_rows():
    fields = {
        "workers": workers.Row,
        "customers": customers.Row,
        "merchants": merchants.Row,
        "history": history.Row,
    }
    for name, part in PARTS.items():
        assert [column.field for column in part.columns] == list(fields[name]._fields), name


def test_a_table_has_a_line_for_each_row_and_a_dash_for_what_is_not_known():
    row = customers.Row(1_000, 700.4, 90.0, 150.0, 3.0, 4.25, 4.0, 2_000, None, 61.0)
    console = Console(width=150, file=(page := StringIO()))
    console.print(table(customers.TITLE, customers.COLUMNS, [row]))
    [line] = [line for line in page.getvalue().splitlines() if "1,000" in line]
    cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
    assert cells == ["1,000", "700", "90", "150", "3", "4.2", "4.0", "2,000", "-", "61"]


def test_the_command_prints_the_parts_that_are_named_and_writes_them(tmp_path, capsys):
    file = tmp_path / "scale.json"
    assert main(["merchants", "--merchants", "20", "30", "--json", str(file)]) == 0
    assert merchants.TITLE in (said := capsys.readouterr().out) and history.TITLE not in said
    [(name, rows)] = json.loads(file.read_text()).items()
    assert (name, [row["merchants"] for row in rows]) == ("merchants", [20, 30])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["planets"], "no part planets; there are: workers, customers, merchants, history"),
        (["--customers", "0"], "argument --customers"),
    ],
    ids=["part", "size"],
)
def test_what_cannot_be_done_is_said_in_a_sentence(given, says, capsys):
    with pytest.raises(SystemExit, match="2"):
        arguments(given)
    assert says in capsys.readouterr().err
