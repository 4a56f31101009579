"""CGOS counts by Tromp-Taylor: what stands on the board lives. So hayago captures what is dead before it passes.

The count is sgfmill's `area_score`, which takes every stone for alive; the results are those of the records.
"""

import re

import pytest
from sgfmill import boards

from gtp_engines import FixedJudge, answers, engine_of
from hayago.commands.gtp import gtp
from hayago.gtp.protocol import Engine
from hayago.records.sgf import read_sgf
from hayago.rules.coordinates import BLACK, WHITE
from hayago.rules.game_rules import PRESETS

# Case 09: Black has ten columns, White eight; three white stones are dead among the black ones. White has just passed.
CASE = "(;GM[1]FF[4]SZ[19]KM[17.5]AB[aa:js]AW[ka:ss][ff]AE[aa][ca][gf][fg][gg][sa][sc]PL[W];W[])"
MOVES = ("genmove b", "gomill-genmove_ex b", "lz-genmove_analyze b", "kata-genmove_analyze b", "genmove_analyze b",
         "cgos-genmove_analyze b")  # fmt: skip


@pytest.fixture(scope="module")
def game():
    return gtp(symmetries=1, seed=1)


@pytest.fixture
def engine(game):
    game.rules = PRESETS["chinese"]
    game.clear()
    return Engine(lambda: game)


def as_it_stands(game):
    """Black's points less White's, without the komi."""
    board = boards.Board(game.size)
    for point, colour in enumerate(game.board.grid().ravel().tolist()):
        if colour:
            row, column = divmod(point, game.size)
            board.board[game.size - 1 - row][column] = "bw"[colour == WHITE]
    return board.area_score()


def played_out(engine, command, most=60):
    """hayago's moves by this command up to its pass, the other side passing."""
    other = "w" if command.endswith("b") else "b"
    moves = []
    while len(moves) < most:
        reply = engine.answer(command)
        moves.append(re.search(r"(?:= |play )(\S+)\s*$", reply)[1].upper())
        if moves[-1] in ("PASS", "RESIGN"):
            return moves
        engine.answer(f"play {other} pass")
    raise AssertionError(f"it never passes: {moves}")


def set_up(engine, tmp_path):
    path = tmp_path / "position.sgf"
    path.write_text(CASE)
    assert answers(engine, f"loadsgf {path}\nkomi 17.5") == ["=", "="]


@pytest.mark.parametrize("command", MOVES)
def test_the_position_of_case_09_is_won(engine, tmp_path, command):
    set_up(engine, tmp_path)
    if not command.startswith("cgos"):
        assert answers(engine, "kata-set-rules tromp-taylor") == ["="]
    moves = played_out(engine, command)
    assert len(moves) > 1 and moves[-1] == "PASS"
    assert as_it_stands(engine.game) > 17.5


def test_without_these_rules_it_may_pass_at_once(engine, tmp_path):
    # The stones are dead, and the players will agree on that.
    set_up(engine, tmp_path)
    assert played_out(engine, "genmove b") == ["PASS"]


def test_cgos_s_commands_leave_the_rules_alone(engine):
    before = engine.game.rules
    for line in ("cgos-genmove_analyze b", "cgos-analyze w", "cgos-genmove_analyze x Y z"):
        engine.answer(line)
        assert engine.game.rules == before


@pytest.mark.parametrize("name", [*PRESETS, "Tromp_Taylor", "NEW_ZEALAND"])
def test_the_option_takes_every_name(name, monkeypatch):
    monkeypatch.setattr("hayago.player.kernels.start", lambda: None)
    game = gtp(rules=name)
    assert game.rules == PRESETS[name.lower().replace("_", "-")]


def test_an_analysis_for_cgos_is_counted_as_cgos_counts():
    judge = FixedJudge()
    engine = engine_of(judge=judge)
    answers(
        engine, "komi 5\nkata-set-rules japanese\ncgos-analyze b\nplay b C3\ncgos-genmove_analyze w\nkata-analyze b"
    )
    assert {rules.scoring for rules in judge.rules[:2]} == {"area"} and judge.rules[-1].scoring == "territory"
    assert {rules.komi for rules in judge.rules} == {5}


def ending(engine, record):
    """The winner plays on, the other side passes; whether the winner still wins as it stands."""
    game = engine.game
    game.take_up(record)
    winner = BLACK if record.result[0] == "B" else WHITE
    colour = "bw"[winner == WHITE]
    answers(engine, f"kata-set-rules tromp-taylor\nkomi {record.komi}\nplay {'wb'[winner == WHITE]} pass")
    moves = played_out(engine, f"genmove {colour}", most=150)
    lead = as_it_stands(game) - record.komi
    assert moves[-1] == "PASS" and (lead > 0) == (winner == BLACK), (record.result, lead, moves)


def counted(demo_games):
    return [record for record in read_sgf(demo_games) if re.fullmatch(r"[BW]\+\d+(\.\d+)?", record.result)]


# Among these are stones that must be captured: 17 in the seventeenth, 5 in the thirty-first.
@pytest.mark.parametrize("number", [1, 2, 12, 16, 30])
def test_a_pass_loses_nothing(engine, demo_games, number):
    ending(engine, counted(demo_games)[number])


@pytest.mark.slow
def test_no_pass_loses_a_real_game(engine, demo_games):
    for record in counted(demo_games)[:60]:
        ending(engine, record)
