"""That every move gets all the looks and playouts there is time for, in each time system and at any point of a game."""

import pytest

from fakes import FixedEvaluator
from hayago.gtp.protocol import Engine
from hayago.player.endgame import PLAYOUTS, EndgameJudge
from hayago.player.game import Game
from hayago.player.player import Player
from hayago.rules.symmetry import SYMMETRIES

MOVES = 60
SIZE = 9


class Counts:
    """A player whose network and judge say how much they were asked for."""

    def __init__(self):
        self.looks, self.playouts = 0, []
        evaluator, judge = FixedEvaluator(SIZE), EndgameJudge()
        logits, play = evaluator.logits, judge._play

        def count_looks(rows):
            self.looks += len(rows)
            return logits(rows)

        def count_playouts(*arguments):
            played = play(*arguments)
            self.playouts.append(len(played.scores))
            return played

        evaluator.logits, judge._play = count_looks, count_playouts
        game = Game(Player(evaluator, judge=judge))
        self._engine = Engine(lambda: game)

    def send(self, line):
        reply = "".join(self._engine.replies(line))
        assert reply.startswith("="), (line, reply)
        return reply.removeprefix("=").strip()

    def check_move(self, colour):
        self.looks, self.playouts = 0, []
        vertex = self.send(f"genmove {colour}")
        assert self.looks in (0, SYMMETRIES)  # no look where nothing is left to play for
        assert set(self.playouts) <= {PLAYOUTS}
        return vertex


@pytest.mark.parametrize(
    "setting",
    [
        None,
        "time_settings 0 1 0",
        "time_settings 0 0 0",
        "kgs-time_settings none",
        "time_settings 360000 0 0",
        "kgs-time_settings absolute 360000",
        "time_settings 360000 900 5",
        "kgs-time_settings canadian 0 9000 5",
        "kgs-time_settings byoyomi 0 900 5",
        "kata-time_settings fischer 0 900",
        "kata-time_settings fischer 360000 10",
        "kata-time_settings fischer-capped 360000 10 -1 -1",
    ],
)
def test_all_moves_of_a_game_get_every_look_and_playout(setting):
    player = Counts()
    looked, judged = 0, 0
    if setting is not None:
        player.send(setting)
    for number in range(MOVES):
        player.check_move("bw"[number % 2])
        looked += player.looks > 0
        judged += len(player.playouts)
    assert looked > MOVES / 3 and judged > MOVES / 3


def test_undo_clear_board_and_the_client_s_clock_change_nothing():
    player = Counts()
    for colour in "bwb":
        player.check_move(colour)
    player.send("undo")
    player.check_move("b")
    player.send("time_left b 360000 0")
    player.check_move("w")
    player.check_move("b")
    for command in ("clear_board", f"boardsize {SIZE}", "kgs-game_over"):
        player.send(command)
        for colour in "bw":
            player.check_move(colour)
            assert player.looks == SYMMETRIES


def test_repeated_moves_are_explained_by_the_same_priors():
    """As an outsider saw it: the first answer looked at all symmetries, later ones at one."""
    player = Counts()
    said = set()
    for _ in range(5):
        player.check_move("b")
        said.add(player.send("gomill-explain_last_move"))
        player.send("undo")
    assert len(said) == 1


@pytest.mark.parametrize("command", ["genmove b", "reg_genmove b", "gomill-genmove_ex b"])
def test_without_time_there_is_one_look(command):
    """So the tests above can fail."""
    player = Counts()
    player.send("time_settings 360000 0 0")
    player.send("time_left b 0 0")
    player.send(command)
    assert player.looks == 1 and set(player.playouts) <= {50}
