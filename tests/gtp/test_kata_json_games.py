"""Whole positions over KataGo's JSON protocol: the end, and the opening, with the network in the box."""

import pytest

from hayago.gtp.kata_json import Task, analyse, read
from hayago.network.evaluator import make_evaluator
from hayago.player.game import Game
from hayago.player.player import Player
from hayago.records.sgf import read_sgf
from hayago.rules.coordinates import BLACK, WHITE, point_to_vertex
from paths import DEMO_GAMES


@pytest.fixture(scope="module")
def boxed():
    return Game(Player(make_evaluator()))


def finished_games(number):
    """The first demo games that were counted: their moves as the protocol has them, and the record."""
    counted = [record for record in read_sgf(DEMO_GAMES) if record.result[2:].replace(".", "").isdigit()]
    for record in counted[:number]:
        yield [["BW"[colour == WHITE], point_to_vertex(point, 19)] for colour, point in record.plays()], record


def ask(game, moves, **more):
    query = {"id": "x", "moves": moves, "rules": "chinese", "komi": 7.5, "boardXSize": 19, "boardYSize": 19, **more}
    return analyse(game, Task(read({**query, "includePolicy": True}), len(moves)))


def test_an_opponent_who_passes_is_answered_by_passes_until_the_game_ends(boxed):
    """As KaTrain plays its default strategy: the first of moveInfos, or the pass where the policy says so."""
    for moves, _ in finished_games(3):
        moves = [*moves]
        for _ in range(40):
            to_play = "W" if moves[-1][0] == "B" else "B"
            answer = ask(boxed, moves)
            best = answer["moveInfos"][0]["move"]
            leads = max(range(362), key=answer["policy"].__getitem__)
            assert (best == "pass") == (leads == 361)
            moves.append([to_play, best])
            if best == "pass":
                break
            moves.append(["W" if to_play == "B" else "B", "pass"])
        assert moves[-1][1] == "pass"


def test_the_first_candidate_is_what_genmove_plays(boxed):
    for moves, _ in finished_games(2):
        for cut in (len(moves), len(moves) - 1, len(moves) - 31, 60):
            answer = ask(boxed, moves[:cut])
            colour = BLACK if answer["rootInfo"]["currentPlayer"] == "B" else WHITE
            point = boxed.choose(colour)
            assert answer["moveInfos"][0]["move"].upper() == point_to_vertex(point, 19).upper()


def test_after_the_first_move_no_one_has_won(boxed):
    for moves in ([["B", "D4"]], [["B", "D4"], ["W", "Q16"]], [["B", "D4"], ["W", "pass"], ["B", "Q16"]]):
        root = ask(boxed, moves)["rootInfo"]
        assert abs(root["scoreLead"]) < 40 and abs(root["winrate"] - 0.5) < 0.05


def test_the_winrate_of_finished_games_names_their_winner(boxed):
    for moves, record in finished_games(5):
        root = ask(boxed, [*moves, ["B", "pass"], ["W", "pass"]])["rootInfo"]
        won = record.result.startswith("B+")
        assert (root["scoreLead"] > 0) == won and (root["winrate"] > 0.5) == won
        assert abs(abs(root["scoreLead"]) - float(record.result[2:])) < 0.01
