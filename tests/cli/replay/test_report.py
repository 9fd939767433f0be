"""The report of a replay: one file that needs nothing else, with a chart of everything."""

import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.random import default_rng
from typer.testing import CliRunner

from app.cli import cli
from app.cli.replay.report import page
from app.cli.replay.report.published import CHAPTERS, against
from app.cli.replay.result import Outcome
from app.data.measured import Table, Week
from app.data.quality import quality
from tests.cards import cards

pytest.importorskip("matplotlib")
FIRST = 17_716  # 2018-07-04
ABOUT = {"File": "<b>cards & co</b>"}
CHARTS = 8


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.cells: list[list[str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        names = ("src", "href", "xlink:href", "data")
        self.links += [value or "" for name, value in attrs if name in names]
        if tag == "tr":
            self.cells.append([])

    def handle_data(self, data: str) -> None:
        if self.cells and data.strip():
            self.cells[-1].append(data.strip())


def svgs(text: str) -> list[str]:
    parts = [part for part in text.split("<section") if "<svg" in part]
    return [part[part.index("<svg") : part.index("</svg>") + 6] for part in parts]


def measured(seed: int, days: int, models: int, fraud: float = 0.02) -> Outcome:
    """An outcome over so many days from 2018-07-04, of chance."""
    rng, n = default_rng(seed), 150 * days
    ys = (rng.random(n) < fraud).astype(np.int8)
    scores = tuple(np.clip(0.2 * ys + rng.beta(0.3, 9, n), 1e-9, 1 - 1e-9) for _ in range(models))
    table = Table(
        np.repeat(np.arange(FIRST, FIRST + days), 150),
        rng.integers(500, size=n),
        rng.uniform(1, 99, n),
        ys,
        scores,
        tuple((column > 0.5).astype(np.int8) for column in scores),
    )
    weeks = [
        Week(first, np.flatnonzero((table.days >= first) & (table.days < first + 7)), 3)
        for first in range(FIRST, FIRST + days, 7)
    ]
    run = {"rows": n, "learned": n, "events_per_s": 5000.0, "cpu_us_per_event": 120.0}
    return Outcome(
        cards(),
        table,
        weeks,
        {"labels": n, "known_customers": "remove", "left_out": 3 * len(weeks)},
        {f"model {place}": run | quality(table, weeks, place) for place in range(models)},
        [{"amount": 0.5, "hour": 0.1 * place} for place in range(models)],
        9.0,
        handbook=True,
    )


@pytest.fixture(scope="module")
def outcome(seed: int) -> Outcome:
    return measured(seed, 10, 3)


@pytest.fixture(scope="module")
def text(outcome: Outcome) -> str:
    return page(ABOUT, outcome)


def test_a_report_needs_nothing_from_elsewhere(text: str):
    found = Page(text)
    assert not {"script", "link", "img", "iframe", "object"} & set(found.tags)
    assert all(link.startswith("#") for link in found.links)
    assert "url(http" not in text and "@import" not in text
    assert found.tags.count("svg") == CHARTS == len(svgs(text))
    for svg in svgs(text):
        assert ElementTree.fromstring(svg).get("viewBox")


def test_text_from_outside_is_escaped(text: str):
    assert "<b>cards" not in text and "&lt;b&gt;cards &amp; co&lt;/b&gt;" in text


def test_every_model_is_named_in_each_chart(text: str):
    for svg in svgs(text):
        assert all(f"model {place}" in svg for place in range(3))


def test_ink_is_the_pages_so_that_it_can_be_read_on_dark_ground(text: str):
    for svg in svgs(text):
        assert "currentColor" in svg
        assert "#000000" not in svg and "fill: #ffffff" not in svg


def test_the_same_outcome_gives_the_same_bytes(text: str, outcome: Outcome):
    assert page(ABOUT, outcome) == text


def test_the_headline_has_a_figure_of_each_model(text: str, outcome: Outcome):
    row = next(row for row in Page(text).cells if row[:1] == ["Average precision"])
    values = [one["metrics"]["average_precision"] for one in outcome.models.values()]
    assert [float(cell) for cell in row[1:]] == pytest.approx(values, rel=1e-3)


def test_without_all_of_its_weeks_only_the_handbooks_own_results_are_shown(text: str):
    assert "Weir, model 0" not in text and "did not measure all of these weeks" in text
    rows = Page(text).cells
    for chapter in CHAPTERS:
        for model in chapter.models:
            figures = [f"{value:.3f}" for value in model[1:]]
            assert any(row[0] == model.model and row[1:4] == figures for row in rows if row)


def test_the_handbooks_results_stand_beside_those_on_its_weeks(seed: int):
    outcome = measured(seed, 63, 2)  # 2018-07-04 to 09-04
    names = ("roc_auc", "average_precision", "card_precision_100")
    for chapter, compared in zip(CHAPTERS, against(outcome), strict=True):
        for place, (name, one) in enumerate(outcome.models.items()):
            weeks = [week for week in one["by_week"] if week["from"] in chapter.weeks]
            assert len(weeks) == len(chapter.weeks)
            means = [pytest.approx(np.mean([week[figure] for week in weeks])) for figure in names]
            assert compared.rows[len(chapter.models) + place] == (f"Weir, {name}", means, True)


def test_a_week_that_lacks_days_is_not_compared(seed: int):
    assert [chapter.complete for chapter in against(measured(seed, 62, 1))] == [True, True, False]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"handbook": False}, id="another file"),
        pytest.param({"shared": {"known_customers": "keep", "labels": 1}}, id="known ones kept"),
    ],
)
def test_other_rows_are_not_compared_with_the_handbook(outcome: Outcome, change: dict):
    assert against(outcome) and not against(outcome._replace(**change))


def test_a_span_without_frauds_is_a_report_too(seed: int):
    assert page(ABOUT, measured(seed, 8, 2, fraud=0)).count("<svg") == CHARTS


def test_a_span_without_anything_is_a_report_too(outcome: Outcome):
    empty = {name: one | quality(outcome.table, [], 0) for name, one in outcome.models.items()}
    text = page(ABOUT, outcome._replace(weeks=[], models=empty))
    assert "Nothing is measured" in text and "<svg" not in text


def written(tmp_path: Path, *arguments: str) -> tuple[int, str]:
    rows = tmp_path / "rows.csv"
    start = 1_700_000_000_000  # epoch ms
    lines = [
        f"t{n},{start + n * 3_600_000},c{n % 9},m,{n % 50},{int(n % 11 == 0)}" for n in range(400)
    ]
    rows.write_text("\n".join(["id,at,customer,merchant,amount,label", *lines]))
    run = CliRunner().invoke(cli, ["replay", str(rows), "--label-delay", "1d", *arguments])
    return run.exit_code, run.stderr


def test_the_command_writes_it(tmp_path: Path):
    path = tmp_path / "out.html"
    assert written(tmp_path, "--report", str(path)) == (0, "")
    text = path.read_text()
    assert "rows.csv" in text and Page(text).tags.count("svg") == CHARTS
    assert "amount_log_ratio" in text  # a feature, with what it gives


def test_a_missing_matplotlib_says_what_to_install(tmp_path: Path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, errors = written(tmp_path, "--report", str(tmp_path / "out.html"))
    assert (code, errors.count("\n")) == (1, 1)
    assert "pip install 'weir[report]'" in errors


def test_a_place_that_cannot_be_written_is_said_before_the_work(tmp_path: Path):
    code, errors = written(tmp_path, "--report", str(tmp_path / "none" / "out.html"))
    assert (code, errors.count("\n")) == (1, 1)
    assert "cannot be written: No such file" in errors
