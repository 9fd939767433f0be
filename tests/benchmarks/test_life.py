"""The benchmark of real life: its streams, what it measures, and its table and plots."""

import json
import subprocess
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from app.apps import load
from app.data.life.ageing import Ageing
from app.data.life.settings import Life
from app.data.rows import Labelled
from app.settings import read_settings
from app.streams.fraud.messages import make_transaction
from benchmarks.handbook.weekly import Settings
from benchmarks.handbook.weeks import number
from benchmarks.life import plot
from benchmarks.life.__main__ import PARTS, arguments, main
from benchmarks.life.measured import days, precision, weekly
from benchmarks.life.parts import loop
from benchmarks.life.parts.cost import CATCH_UP, FOLDED, before, only
from benchmarks.life.played import Play, Way, kept, read_play
from benchmarks.life.rows import Row, table
from benchmarks.life.streams import DAY_MS, NOISE, Stream, handbook, with_noise
from benchmarks.life.words import CATEGORIES, category_matters, payments
from tests.benchmarks.streams import on, stream, write

STUMPS = Settings(2, 30, 0.3, 1, 1.0, 1.0)


def small(count: int = 400) -> Stream:
    """The first payments of the simulated ones."""
    return Stream("small", lambda: list(payments(1, 10, 60))[:count])


def a_play(seed: int, count: int = 4_000, length: int = 60) -> Play:
    """Payments of some weeks whose frauds the second feature tells, in one group of two alone."""
    random = np.random.default_rng(seed)
    at = np.sort(random.integers(0, length * DAY_MS, count))
    x = random.random((count, 3)).astype(np.float32)
    fraud = random.random(count) < np.where(x[:, 1] > 0.9, 0.5, 0.01)
    return Play(at, fraud, fraud.astype(np.int64), random.random(count), x, 0.0)


def test_the_same_seed_gives_the_same_payments_in_order():
    first, second = (list(payments(1, 10, 60)) for _ in range(2))
    assert first == second
    times = [row.event.at for row in first]
    assert times == sorted(times)
    assert len({row.event.id for row in first}) == len(first)
    assert list(payments(2, 10, 60)) != first


def test_frauds_are_few_and_dear_within_their_category_alone():
    rows = list(category_matters(days=60).rows())
    fraud = np.array([bool(row.positive) for row in rows])
    amount = np.log([row.event.amount for row in rows])
    names, category = np.unique([row.event.category for row in rows], return_inverse=True)
    assert len(names) == CATEGORIES
    assert 0.003 < fraud.mean() < 0.02
    usual = np.array([np.median(amount[(category == one) & ~fraud]) for one in range(len(names))])
    beyond = amount - usual[category]
    # By the amount alone the dearest payments are rarely frauds; by what is usual they often are.
    dearest = np.argsort(amount)[-fraud.sum() :]
    unusual = np.argsort(beyond)[-fraud.sum() :]
    assert fraud[unusual].mean() > 2 * fraud[dearest].mean()


def test_a_noise_word_has_all_its_values_and_depends_on_the_id_alone():
    rows = list(with_noise(small()).rows())
    words = {row.event.id: row.event.fields["noise"] for row in rows}
    assert len(set(words.values())) == NOISE
    assert words == {row.event.id: row.event.fields["noise"] for row in with_noise(small()).rows()}


def test_a_play_is_the_same_again_from_the_cache_and_has_what_fields_derive(tmp_path: Path):
    way = Way("with category", {"partitions": 2}, '[[word]]\nname = "category"\n')
    paths = [kept(small(), one, tmp_path) for one in (Way("plain"), way)]
    plain, beside = map(read_play, paths)
    made = paths[1].stat().st_mtime_ns
    assert kept(small(), way, tmp_path) == paths[1] != paths[0]
    assert paths[1].stat().st_mtime_ns == made
    assert beside.x.shape[1] > plain.x.shape[1]
    rows = list(small().rows())
    assert plain.at.tolist() == [row.event.at for row in rows]
    assert plain.fraud.tolist() == [row.positive for row in rows]


def test_days_are_those_from_the_first_to_the_one_before_the_end():
    at = np.array(
        [number(date(2018, 6, day)) * DAY_MS + part for day in (1, 2, 3) for part in (0, 1)]
    )
    play = Play(at, *([np.zeros(6)] * 4), 0.0)
    chosen = days(play, date(2018, 6, 2), date(2018, 6, 3))
    assert chosen.tolist() == [False, False, True, True, False, False]


def test_precision_without_a_kind_leaves_its_frauds_out():
    fraud, kind = np.array([True, False, True]), np.array([2, 0, 1])
    play = Play(np.arange(3), fraud, kind, np.array([0.1, 0.5, 0.9]), np.zeros((3, 1)), 0.0)
    everyone = np.ones(3, bool)
    assert precision(play, everyone) == pytest.approx((1 + 2 / 3) / 2)
    assert precision(play, everyone, without=2) == 1.0
    assert precision(play, everyone, play.scores[::-1], without=2) == pytest.approx(0.5)


def test_xgboost_knows_no_label_younger_than_a_week(seed):
    play = a_play(seed)
    (fit,) = weekly(play, 30 * DAY_MS, [STUMPS])
    assert np.isnan(fit.scores).tolist() == (play.at < 30 * DAY_MS).tolist()
    changed = play.fraud.copy()
    changed[play.at >= 23 * DAY_MS] ^= True
    (other,) = weekly(play._replace(fraud=changed), 30 * DAY_MS, [STUMPS])
    week = (play.at >= 30 * DAY_MS) & (play.at < 37 * DAY_MS)
    np.testing.assert_array_equal(fit.scores[week], other.scores[week])
    assert precision(play, play.at >= 30 * DAY_MS, fit.scores) > 0.2


def test_xgboost_uses_a_category_that_decides_what_is_fraud(seed):
    play = a_play(seed)
    code = np.random.default_rng(seed + 1).integers(0, 5, len(play.at))
    play = play._replace(fraud=play.fraud & (code == 2))
    tested = play.at >= 30 * DAY_MS
    (without,) = weekly(play, 30 * DAY_MS, [STUMPS])
    (beside,) = weekly(play, 30 * DAY_MS, [STUMPS], codes=[code])
    assert precision(play, tested, beside.scores) > precision(play, tested, without.scores)


@pytest.mark.parametrize("part, customers", [("whole", {0, 1, 2, 3}), ("eighth", {0, 1})])
def test_a_part_of_the_handbook_has_its_customers_up_to_a_day(
    tmp_path: Path, part, customers, seed
):
    from pyarrow import table as columns
    from pyarrow.parquet import write_table

    txs = stream(seed, days=6, a_day=40, customers=4)
    write(txs, tmp_path)
    places = columns({"CUSTOMER_ID": np.arange(4), "x_customer_id": [1.0, 12.4, 12.5, 90.0]})
    write_table(places, tmp_path / "handbook_customers.parquet")
    rows: list[Labelled] = list(handbook(tmp_path, part, on(4).date(), tmp_path).rows())
    wanted = [one for one, at in zip(txs.customer, txs.at, strict=True) if at < on(4).timestamp()]
    assert [int(row.event.key) for row in rows] == [one for one in wanted if one in customers]


def test_precision_in_a_loop_counts_days_from_the_first_decision(seed):
    random = np.random.default_rng(seed)
    at = np.arange(120) * DAY_MS + 5 * DAY_MS
    fraud = random.random(120) < 0.5
    scores = np.where(at < 45 * DAY_MS, ~fraud, fraud).astype(float)
    one = loop.Lived(at, fraud, fraud.astype(int), scores, scores > 0.5)
    wrong, right = loop.precisions(one, ((0, 40), (40, 120)))
    assert wrong < 0.9 < right == 1.0
    assert loop.blocks(one) == [0.0, pytest.approx(loop.blocks(one)[1]), 1.0]
    assert loop.scale(one) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "ageing, decision, matures",
    [(Ageing, "block", False), (loop.Forgiving, "block", True), (Ageing, "approve", True)],
)
def test_blocked_payments_mature_where_a_course_says_so(ageing, decision, matures):
    waiting = ageing(load(read_settings(partitions=1)), Life(share=1.0))
    waiting.decided("first", "c", DAY_MS, decision)
    waiting.decided("last", "c", 40 * DAY_MS, "block")
    assert ["first"] * matures == [due.feedback.id for due in waiting.due()]


@pytest.mark.parametrize("ageing, hours", [(Ageing, 8), (loop.Full, 30 * 24)])
def test_the_first_decision_matures_early_unless_the_age_is_full_from_the_start(ageing, hours):
    waiting = ageing(load(read_settings(partitions=1)), Life(share=1.0))
    waiting.decided("first", "c", 0, "approve")
    waiting.decided("last", "c", hours * loop.HOUR_MS - 1, "block")
    assert waiting.due() == []
    waiting.decided("end", "c", hours * loop.HOUR_MS + 1, "block")
    assert [due.feedback.id for due in waiting.due()] == ["first"]


def test_the_table_says_whether_aims_are_met():
    rows = [
        Row("a", ".5", ".6", ".7", True),
        Row("b", "", ".6", ".5", False),
        Row("c", "", "", ".5"),
    ]
    assert [line[-1] for line in table(rows)] == ["met", "yes", "no", "-"]
    assert {len(line) for line in table(rows)} == {5}


def test_costs_are_read_from_what_the_other_benchmarks_print():
    assert only(CATCH_UP, "transactions a second: 9; CPU us a transaction: 58\n") == 58.0
    assert only(FOLDED, "| least, us | a |\n|---|---:|\n| fold: all | 24.5 | 22.0 |\n") == 24.5
    with pytest.raises(ValueError, match="unpack"):
        only(CATCH_UP, "nothing")


def test_without_a_revision_there_is_no_checkout_of_it():
    with before("") as folder:
        assert folder is None
    with pytest.raises(subprocess.CalledProcessError), before("no-such-revision"):
        pass


def test_the_same_figures_give_the_same_pictures(tmp_path: Path):
    pytest.importorskip("matplotlib")
    spans = [[0, 10], [10, 20]]
    figures = {
        "few": {"precision": {"default settings": [0.7, 0.9], "XGBoost weekly": [0.6, 0.8]}},
        "word": {"category": {"Weir": [0.7, 0.9], "XGBoost weekly": [0.6, 0.8]}},
        "loop": {"by_days": {"spans": spans, "precision": {"default": [0.5, 0.9]}}},
    }
    first, second = plot.draw(figures, tmp_path / "one"), plot.draw(figures, tmp_path / "two")
    assert [path.name for path in first] == ["life-few.svg", "life-word.svg", "life-loop.svg"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert "XGBoost weekly" in first[0].read_text()


def test_options_name_parts_and_weeks(tmp_path: Path, seed):
    folder = write(stream(seed, days=2, a_day=10), tmp_path)
    given = arguments(["--data", str(folder), "--part", "few", "cost", "--weeks", "test"])
    assert (given.part, given.weeks) == (["few", "cost"], "test")
    assert set(given.part) <= set(PARTS)
    with pytest.raises(SystemExit):
        arguments(["--data", str(tmp_path / "none")])


def test_a_part_prints_its_lines_and_writes_them(tmp_path: Path, seed, capsys):
    from pyarrow import table as columns
    from pyarrow.parquet import write_table

    write(stream(seed, days=108, a_day=10, customers=8), tmp_path)
    places = columns({"CUSTOMER_ID": np.arange(8), "x_customer_id": np.arange(8) * 4.0})
    write_table(places, tmp_path / "handbook_customers.parquet")
    path = tmp_path / "life.json"
    given = ["--data", str(tmp_path), "--part", "noise", "--json", str(path), "--cores", "1"]
    main(arguments(given))
    written = json.loads(path.read_text())
    parts = [row["what"].split(", ")[1].split(":")[0] for row in written["rows"]]
    assert parts == ["eighth", "quarter"]
    assert set(written["figures"]["noise"]["noise"]) == {"eighth", "quarter"}
    assert capsys.readouterr().out.count("a noise word of 50 values") == 4  # once as Markdown


def test_a_transaction_of_the_simulation_is_one_that_weir_reads():
    row = next(iter(small().rows()))
    assert make_transaction({"id": "t", "at": 1, "customer": "c", "merchant": "m", "amount": 1.0})
    assert row.event.category.startswith("category-")
