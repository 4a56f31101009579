"""Engines as predictors: real processes, some of which fail to answer."""

import sys

import numpy as np
import pytest

from hayago.evaluation.examples import choose_examples
from hayago.evaluation.move_predictors import LOST, Answers, NoAnswer, ask
from hayago.gtp.engine_predictor import EnginePredictor
from hayago.records.games import WHITE_BIT, Games
from hayago.rules.coordinates import vertex_to_point
from paths import ENGINES

ENGINE = ENGINES / "guessing.py"


def two_games() -> Games:
    """Eight moves up the C file and a pass, as the engine answers, and a game that begins with set-up stones."""
    first = [vertex_to_point(f"C{n + 1}", 19) | (WHITE_BIT if n % 2 else 0) for n in range(8)]
    first.insert(4, 361)
    second = [vertex_to_point(vertex, 19) for vertex in ("C3", "K10", "C5")]
    setup = np.array([5, 7 | WHITE_BIT], np.uint16)
    return Games(19, np.array(first + second, np.uint16), np.array([0, 9, 12]), setup, np.array([0, 0, 2]))


def answers(habit: str, limit: int = 0, seconds: float = 20.0) -> Answers:
    with EnginePredictor(f'"{sys.executable}" "{ENGINE}" {habit}', seconds) as engine:
        return ask(engine, choose_examples(two_games()), limit)


@pytest.mark.parametrize("habit", ["reg", "undo", "again", "stuck"])
def test_an_engine_sees_the_moves_that_were_played(habit: str) -> None:
    """It counts the moves that it was told, passes and set-up stones included."""
    found = answers(habit)
    vertices = [f"C{n}" for n in (1, 2, 3, 4, 6, 7, 8, 9, 3, 4, 5)]
    assert found.points.tolist() == [vertex_to_point(vertex, 19) for vertex in vertices]
    assert (found.illegal, found.passes, found.lost) == (0, 0, {})
    right = found.right(choose_examples(two_games()))
    assert right.tolist() == [True] * 4 + [False] * 4 + [True, False, True]


def test_a_limit_spreads_the_questions() -> None:
    found = answers("reg", limit=3)
    assert found.chosen.tolist() == [0, 5, 10]
    told: list[tuple[int, int]] = []
    with EnginePredictor(f'"{sys.executable}" "{ENGINE}" reg', 20.0) as engine:
        ask(engine, choose_examples(two_games()), 3, lambda *numbers: told.append(numbers))
        assert engine.predict(two_games(), 1, 0) == vertex_to_point("C3", 19)  # back to the beginning
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_only_failures_in_a_row_end_the_questions() -> None:
    assert np.flatnonzero(answers("die").points == LOST).tolist() == [2, 5, 8]


@pytest.mark.parametrize(
    ("habit", "seconds", "reason"),
    [
        ("die", 20.0, "exit status 3"),
        pytest.param("hang", 5.0, "no answer to 'reg_genmove", marks=pytest.mark.slow),
        ("junk", 20.0, "and that is all"),
    ],
)
def test_an_engine_that_fails_is_restarted(habit: str, seconds: float, reason: str) -> None:
    found = answers(habit, limit=5, seconds=seconds)
    assert np.flatnonzero(found.points == LOST).tolist() == [2]
    ((text, count),) = found.lost.items()
    assert reason in text and "\n" not in text and count == 1
    assert found.answered.tolist() == [0, 2, 7, 10]


def test_answers_other_than_moves() -> None:
    resigned = answers("resign")
    assert (resigned.passes, resigned.illegal, resigned.lost) == (11, 0, {})
    assert not resigned.right(choose_examples(two_games())).any()
    tired = answers("tired")  # nothing is undone after a resignation, since nothing was played
    vertices = ["C1", "C2", "pass", "C4", "C6", "pass", "C8", "C9", "pass", "C4", "C5"]
    assert tired.points.tolist() == [vertex_to_point(vertex, 19) for vertex in vertices]
    illegal = answers("illegal")
    assert illegal.illegal == 10 and illegal.lost == {}  # all but the first: A1 on an empty board
    nonsense = answers("nonsense")
    (junk, failed), (given_up, rest) = nonsense.lost.items()
    assert "not a vertex: 'north'" in junk and "not asked after" in given_up
    assert (failed, rest, nonsense.passes) == (3, 8, 0)


def test_an_engine_that_refuses_a_game_is_asked_about_others() -> None:
    found = answers("refuse")
    assert found.points[:2].tolist() == [vertex_to_point("C1", 19), vertex_to_point("C2", 19)]
    assert sum(found.lost.values()) == 9 and "illegal move" in next(iter(found.lost))


def test_a_missing_engine() -> None:
    with EnginePredictor("no-such-engine --mode gtp", 1.0) as engine:
        found = ask(engine, choose_examples(two_games()))
        with pytest.raises(NoAnswer, match="no-such-engine"):
            engine.predict(two_games(), 0, 0)
    assert list(found.lost.values()) == [3, 8]
    assert not len(found.answered)
