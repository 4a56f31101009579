"""The report: one file that needs nothing else and is safe whatever names the games contain."""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from hayago.drawing.svg import NAMESPACE
from hayago.evaluation.charts import pictures
from hayago.evaluation.evaluation import Evaluation, conclude
from hayago.evaluation.examples import Facts, choose_examples
from hayago.evaluation.formatting import short_names
from hayago.evaluation.move_predictors import LOST, Answers
from hayago.evaluation.outcomes import fit_temperatures, measure
from hayago.evaluation.published import PUBLISHED
from hayago.evaluation.report import BOARDS, pick, report
from hayago.evaluation.traits import surprising
from hayago.network.evaluator import Evaluator, make_evaluator
from hayago.records.games import POINT_MASK
from learning import demo_games, small_model
from programs import CHROMIUM

EVIL = '<script>alert("1")</script>&"\'$^$'
LONG = "runs/2026-11-30-a-long-name-of-a-run/best.safetensors"
VOID = {"meta", "img", "br", "wbr"}


class Page(HTMLParser):
    """Tags, attributes and text; a tag that is not closed in the right place is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attributes

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, text: str) -> None:
        self.text += text


@pytest.fixture(scope="module")
def network() -> Evaluator:
    return make_evaluator(small_model(layers=2), threads=1)


@pytest.fixture(scope="module")
def evaluation(network: Evaluator) -> Evaluation:
    """Two networks and an engine, one network and the engine with evil names, on games of evil players."""
    games = demo_games()
    facts = [Facts(str(2000 + g % 3), 0, EVIL, "White", "6d", "7d", EVIL) for g in range(len(games.offsets) - 1)]
    examples = choose_examples(games, facts, limit=400)
    networks = {LONG: network, EVIL: network}
    fitted = fit_temperatures(networks, examples.take(np.arange(50)), symmetries=2)
    measured = measure(networks, examples, symmetries=2, fitted=fitted)
    points = np.full(20, LOST, np.uint16)
    points[:15] = 72
    engine = Answers(EVIL + "engine", np.arange(20), points, 2, 1, {EVIL: 5})
    notes = [f"{EVIL}: 5 positions lost"]
    return conclude(examples, measured, [engine], notes)


@pytest.fixture(scope="module")
def charts(evaluation: Evaluation) -> dict[str, bytes]:
    return pictures(evaluation)


@pytest.fixture(scope="module")
def page(evaluation: Evaluation, network: Evaluator, charts: dict[str, bytes]) -> str:
    return report(evaluation, network, charts).decode()


def test_it_needs_nothing_else(page: str) -> None:
    read = Page(page)
    assert not {"script", "link", "iframe", "a", "form", "object"}.intersection(read.tags)
    for name, value in read.attributes:
        assert not name.startswith("on")
        if name in ("src", "href", "xlink:href", "action"):
            assert value is not None and value.startswith("data:image/svg+xml;base64,")
    linked = page.replace(NAMESPACE, "")  # a name, which nothing looks up
    assert "url(" not in linked and "@import" not in linked and "http" not in linked
    assert ("name", "viewport") in read.attributes and "@media print" in page


def test_names_are_text(page: str) -> None:
    assert "<script" not in page and "alert(&quot;1&quot;)" in page
    assert page.count("&lt;script&gt;") > 20
    assert EVIL in Page(page).text


def test_it_says_what_was_measured(page: str, evaluation: Evaluation) -> None:
    text = Page(page).text
    assert evaluation.examples.describe() in text
    assert evaluation.examples.fingerprint() in text
    first = evaluation.models[0]
    assert f"{first.summary.top_k[0].value:.2%}" in text and f"{first.summary.cross_entropy.value:.4f}" in text
    assert first.fit is not None and f"{first.fit.temperature:.3f}" in text
    for words in ("gain of 2 symmetries", "5 positions lost", "asked 20, answered 15", "calibration error"):
        assert words in text
    for entry in PUBLISHED:
        assert entry.games in text and f"{entry.top1:.1f}%" in text
    for trait in evaluation.traits:
        assert f"By {trait.name}" in text
    (year,) = re.findall(r"<tbody>\s*<tr><td[^>]*>2001<.*?</tbody>", page, re.DOTALL)
    assert year.count("<tr>") == 2  # a row for each network


def test_worst_misses_and_best_surprises(page: str, evaluation: Evaluation, network: Evaluator) -> None:
    misses, surprises = pick(evaluation, network)
    examples, outcomes = evaluation.examples, evaluation.models[0].outcomes
    log_prior = outcomes.log_prior[:, 0]
    assert len(misses) == BOARDS == len({int(examples.game[miss.k]) for miss in misses})
    assert misses[0].k == log_prior.argmin()
    assert [miss.k for miss in misses] == sorted((miss.k for miss in misses), key=lambda k: log_prior[k])
    for one in [*misses, *surprises]:
        assert np.log(one.prior[examples.codes[one.k] & POINT_MASK]) == pytest.approx(log_prior[one.k], rel=1e-3)
    assert all(surprising(examples, evaluation.tactics)[one.k] and outcomes.rank[one.k] == 0 for one in surprises)
    right = evaluation.models[0]._replace(outcomes=outcomes._replace(rank=np.zeros_like(outcomes.rank)))
    assert pick(replace(evaluation, models=[right]), network)[0] == []  # a network that is always right misses nothing
    assert page.count("<svg ") == len(misses) + len(surprises)


@pytest.mark.slow
@pytest.mark.browser
def test_nothing_is_cut_off(page: str, tmp_path: Path) -> None:
    """At a desktop's width each table shows all its columns; on a phone the page itself does not scroll sideways."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    (tmp_path / "report.html").write_text(page, encoding="utf-8")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        window = browser.new_page(viewport={"width": 1200, "height": 900})
        window.goto((tmp_path / "report.html").as_uri())
        tables = "[...document.querySelectorAll('.scroll')]"
        assert window.evaluate(f"{tables}.length") > 8
        assert window.evaluate(f"{tables}.filter(t => t.scrollWidth > t.clientWidth).map(t => t.innerText)") == []
        window.set_viewport_size({"width": 390, "height": 844})
        assert window.evaluate("document.documentElement.scrollWidth") <= 390
        browser.close()


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["box"], ["box"]),
        (["box", "runs/a/best.safetensors"], ["box", "best.safetensors"]),
        (["runs/a/best", "runs/b/best"], ["a/best", "b/best"]),
        (["best", "runs/best"], ["best", "runs/best"]),
    ],
)
def test_short_names_still_differ(names: list[str], short: list[str]) -> None:
    assert short_names(names) == short


def test_charts_are_reproducible_svg_files(evaluation: Evaluation, charts: dict[str, bytes]) -> None:
    assert {"top-k", "calibration", "sampling", "move-number", "year", "saves-from-atari"} <= set(charts)
    assert "rank" in charts and "handicap" not in charts  # a trait with a single class has no chart
    for picture in charts.values():
        assert ElementTree.fromstring(picture).tag.endswith("svg")
        assert EVIL.encode() not in picture
    few = pictures(replace(evaluation, traits=[]))
    assert few == {name: charts[name] for name in few} and len(few) == 3
    assert re.search(rb">top-1, %<", charts["year"])


def test_names_that_begin_with_an_underscore_are_in_the_legends(evaluation: Evaluation) -> None:
    models = [model._replace(name=f"_net{number}") for number, model in enumerate(evaluation.models)]
    assert len(models) > 1
    for picture in pictures(replace(evaluation, models=models)).values():
        assert all(f">_net{number}<".encode() in picture for number in range(len(models)))
