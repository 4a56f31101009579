"""`hayago evaluate` counts what an independent script counts (scripts/proofs/recount.py), to the last position."""

from pathlib import Path

import pytest

from hayago.evaluation.examples import choose_examples
from hayago.evaluation.outcomes import measure
from hayago.network.evaluator import make_evaluator
from hayago.network.model_file import default_model_path
from hayago.records.games import records_to_games
from hayago.records.sgf import read_sgf
from recount import recount

GAMES, POSITIONS = 30, 40


def test_the_independent_recount_agrees(demo_games: Path, tmp_path: Path) -> None:
    some = tmp_path / "some.sgf"
    some.write_bytes(b"(;GM".join(demo_games.read_bytes().split(b"(;GM")[: GAMES + 1]))
    records = read_sgf(some.read_bytes())
    assert len(records) == GAMES
    examples = choose_examples(records_to_games(records), limit=POSITIONS)
    outcomes = measure({"box": make_evaluator(threads=1)}, examples).outcomes["box"]
    first, five, cross_entropy = recount(some, default_model_path(), POSITIONS)
    assert 5 < first < five < POSITIONS
    assert (int((outcomes.rank < 1).sum()), int((outcomes.rank < 5).sum())) == (first, five)
    assert -outcomes.log_prior[:, 0].mean() == pytest.approx(cross_entropy, abs=1e-4)
