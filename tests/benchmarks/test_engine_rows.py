"""What was measured as rows, tables and a page."""

import json

import msgspec
import pytest

from benchmarks.engines import document, plot, tables
from benchmarks.engines.__main__ import arguments
from benchmarks.engines.bench import COALESCE, FULL, MISSING, SHORT, blank
from benchmarks.engines.peers import ENGINES, Engine, before_bar, quoted
from benchmarks.engines.rows import Measured, Row, fill

MEGABYTE = 2**20


def row(**given: object) -> Row:
    return Row(**{"engine": "e", "version": "1", "work": "plain", "load": "catch-up", **given})


def runs(*costs: float, **more: object) -> list[Measured]:
    return [Measured(cost, 1000 * cost, 100 * MEGABYTE, **more) for cost in costs]


def test_a_row_has_the_median_and_the_range_of_its_runs():
    filled = fill(row(events=10), runs(30.0, 20.0, 70.0, disk=1, wire=2))
    assert (filled.cpu_us, filled.cpu_us_range, filled.runs) == (30.0, (20.0, 70.0), 3)
    assert (filled.events_per_s, filled.events_per_s_range) == (30000, (20000, 70000))
    assert (filled.rss_mb, filled.disk_bytes, filled.wire_bytes) == (100.0, 1, 2)


def test_a_row_is_equal_only_if_every_run_was():
    yes, no = Measured(1, 1, 1, outputs_equal=True), Measured(1, 1, 1, outputs_equal=False)
    assert fill(row(events=1), [yes, yes]).outputs_equal is True
    assert fill(row(events=1), [yes, no]).outputs_equal is False
    assert fill(row(events=1), runs(1.0)).outputs_equal is None


def test_a_row_without_runs_keeps_its_note_and_has_no_figures():
    filled = fill(row(events=10, note="not installed"), [])
    assert (filled.cpu_us, filled.runs, filled.note) == (None, 0, "not installed")
    assert tables.cells(filled)[3:] == [tables.NONE] * 7


def test_a_missing_peer_is_a_row_that_says_so(monkeypatch):
    missing = Engine("absent", "absent", "no-such-distribution")
    monkeypatch.setattr("benchmarks.engines.bench.ENGINES", (missing,))
    assert blank("absent", "catch-up", 10).note == MISSING


def test_a_table_has_bytes_by_transaction_and_says_what_is_not_equal():
    measured = Measured(25.04, 17037.9, 100 * MEGABYTE, 2000, 4220, (1.23, 9.9, 20.2), True, False)
    cells = dict(zip(tables.HEADS, tables.cells(fill(row(events=20), [measured])), strict=True))
    assert cells == {
        "engine": "e",
        "work": "plain",
        "load": "catch-up",
        "CPU, µs": "25",
        "events/s": "17,038",
        "memory, MB": "100",
        "disk, B": "100",
        "wire, B": "211",
        "p50 / p99 / p99.9, ms": "1.2 / 10 / 20",
        "equal": "no: states",
    }


def test_markdown_has_a_line_for_each_row_and_each_note_once():
    rows = [row(events=1, note="bare"), row(events=1, note="bare", load="500/s")]
    lines = tables.markdown(rows).splitlines()
    assert len({line.count("|") for line in lines[:4]}) == 1
    assert lines[4:] == ["", "- e, plain: bare"]


def test_a_row_goes_through_json_with_every_column_that_readers_look_for():
    [value] = json.loads(msgspec.json.encode([fill(row(events=10), runs(30.0))]))
    wanted = (
        "engine work load cpu_us events_per_s rss_mb disk_bytes wire_bytes p50_ms p99_ms p999_ms"
        " outputs_equal state_equal"
    )
    assert set(wanted.split()) <= set(value)


def test_the_page_changes_between_its_marks_alone():
    page = document.PAGE.read_text()
    changed = document.between(page, "new\n")
    assert changed.split(document.BEGIN)[0] == page.split(document.BEGIN)[0]
    assert changed.split(document.END)[1] == page.split(document.END)[1]
    assert document.between(changed, "new\n") == changed


@pytest.mark.parametrize(
    "page", ["", document.BEGIN, f"{document.END} {document.BEGIN}"], ids=["none", "one", "turned"]
)
def test_a_page_without_its_marks_is_refused(page):
    with pytest.raises(ValueError, match="once, in this order"):
        document.between(page, "new")


def test_the_same_rows_give_the_same_picture(tmp_path):
    pytest.importorskip("matplotlib")
    rows = [
        fill(row(events=1, engine="weir"), runs(26.0)),
        fill(row(events=1, load="1000/s"), runs(99.0, latencies=(1.0, 9.0, 20.0))),
    ]
    plot.draw(rows, tmp_path / "one.svg")
    plot.draw(rows, tmp_path / "two.svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert "weir" in (tmp_path / "one.svg").read_text()


@pytest.mark.parametrize(
    "customer, key",
    [(before_bar, b"c-1|ring"), (quoted, b'"c-1"'), (bytes.decode, b"c-1")],
    ids=["quix", "faust", "plain"],
)
def test_the_customer_is_read_from_the_key_of_a_changelog(customer, key):
    assert customer(key) == "c-1"


@pytest.mark.parametrize("plan", [FULL, SHORT], ids=["full", "quick"])
def test_a_plan_names_engines_that_there_are(plan):
    known = {engine.name for engine in ENGINES} | {*COALESCE}
    assert set(plan.engines) <= known
    assert set(plan.paced) <= set(plan.engines)


def test_the_options_are_those_that_the_make_target_passes_on(tmp_path):
    chosen = arguments(["--quick", "--json", str(tmp_path / "rows.json")])
    assert (chosen.quick, chosen.docs, chosen.json.name) == (True, False, "rows.json")
