"""Each command has an effect, shown here by a session; and each session fails where the command does nothing.

A session draws on the specification (version 2, draft 2), KataGo's docs/GTP_Extensions.md, GoGui's manual ("Analyze
Commands", "Setup Commands", "Compatibility"), gomill's "GTP extensions" or kgsGtp's manual, as the names say.
"""

import json
import re
import time
from contextlib import redirect_stderr
from io import StringIO

import numpy as np
import pytest

from fakes import FixedEvaluator
from gtp_engines import FixedJudge, answers, engine_of, game_of, random_model, stones
from hayago import __version__
from hayago.gtp.gogui import LIVE_ROUNDS
from hayago.gtp.move_clock import System
from hayago.gtp.protocol import COMMANDS
from hayago.player.styles import LEVELS, LIKE_HUMAN, Style
from hayago.rules.coordinates import BLACK, WHITE
from hayago.rules.game_rules import PRESETS

SESSIONS: dict[str, str] = {}


def session(*commands):
    """What shows that these commands do something: a function that takes a new engine for boards of 5x5."""

    def register(function):
        SESSIONS.update(dict.fromkeys(commands, function))
        return function

    return register


def one(engine, line):
    """The text of a reply that must be no error."""
    (reply,) = answers(engine, line)
    assert reply[0] == "=", f"{line}: {reply}"
    return reply[1:].removeprefix(" ")


def done(engine, text):
    """Each line of the text is answered by an empty reply."""
    for line in text.strip().splitlines():
        assert answers(engine, line) == ["="], line


@pytest.mark.parametrize("name", COMMANDS)
def test_it_does_something(name):
    SESSIONS[name](engine_of())


# `stop` and `gogui-interrupt` do nothing but be known: it is any line that ends an analysis.
DO_NOTHING = {"stop", "stop-ponder", "gogui-interrupt", "quit"}


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - DO_NOTHING))
def test_the_session_notices_when_it_does_nothing(name, monkeypatch):
    monkeypatch.setitem(COMMANDS, name, lambda engine, arguments: "")
    with pytest.raises((AssertionError, ValueError, IndexError, TypeError)):
        SESSIONS[name](engine_of())


# Administrative.


@session("protocol_version", "name", "version", "known_command", "list_commands", "quit")
def administrative(engine):
    assert one(engine, "protocol_version") == "2"
    assert one(engine, "name") == "hayago"
    assert one(engine, "version") == __version__
    assert [one(engine, f"known_command {name}") for name in ("undo", "undone", "")] == ["true", "false", "false"]
    assert one(engine, "list_commands").splitlines() == list(COMMANDS)
    assert answers(engine, "quit") == ["="] and engine.finished


@session("stop", "stop-ponder", "gogui-interrupt")
def known_to_do_nothing(engine):
    done(engine, "stop\nstop-ponder\ngogui-interrupt")


# Time.


@session("time_settings")
def time_settings(engine):
    done(engine, "time_settings 0 0 1")  # no one can play in no time
    assert engine.clock.seconds(BLACK) is None
    done(engine, "time_settings 6 0 0")
    assert engine.clock.seconds(BLACK) < 0.2
    done(engine, "time_settings 600 30 5")
    assert engine.clock.setting.system is System.CANADIAN and 0 < engine.clock.seconds(WHITE) < 40
    done(engine, "time_settings 0 30 0")  # a period without stones: no limit
    assert engine.clock.seconds(BLACK) is None


@session("time_left")
def time_left(engine):
    done(engine, "time_settings 600 30 5\ntime_left b 5 5\ntime_left white 300 0")
    assert engine.clock.seconds(BLACK) < 1 < engine.clock.seconds(WHITE)


@session("kgs-time_settings")
def kgs_time_settings(engine):
    done(engine, "kgs-time_settings byoyomi 0 30 5")
    assert 25 < engine.clock.seconds(BLACK) < 30
    done(engine, "time_left b 10 3")  # KGS: periods in place of stones
    assert 9 < engine.clock.seconds(BLACK) < 10
    done(engine, "kgs-time_settings absolute 100\nkgs-time_settings canadian 0 100 10")
    assert 9 < engine.clock.seconds(BLACK) < 10
    done(engine, "kgs-time_settings none")
    assert engine.clock.seconds(BLACK) is None
    assert answers(engine, "kgs-time_settings fischer 1 2") == ["? syntax error"]


@session("kata-time_settings", "kata-list_time_settings")
def kata_time_settings(engine):
    assert one(engine, "kata-list_time_settings").split() == [
        "none",
        "absolute",
        "byoyomi",
        "canadian",
        "fischer",
        "fischer-capped",
    ]
    done(engine, "kata-time_settings fischer-capped 100.5 10 200 3")
    assert 2 < engine.clock.seconds(BLACK) < 3
    done(engine, "kata-time_settings fischer-capped 100.5 10 -1 -1\nkata-time_settings fischer 100.5 10.25")
    assert 8 < engine.clock.seconds(BLACK) < 14
    assert answers(engine, "kata-time_settings fischer 100") == ["? syntax error"]


@session("kgs-game_over")
def the_clock_stops(engine):
    done(engine, "time_settings 1 0 0\nkgs-game_over")
    assert engine.clock.seconds(BLACK) is None


def test_the_time_is_the_player_s():
    engine = engine_of()
    given = []
    choose = engine.game.player.choose
    engine.game.player.choose = lambda *args, seconds, **kwargs: (given.append(seconds), choose(*args, **kwargs))[1]
    answers(
        engine, "genmove b\ntime_settings 0 10 1\ntime_left w 4 1\ngenmove w\nreg_genmove w\nclear_board\ngenmove w"
    )
    assert given[0] is None
    assert all(3 < seconds < 10 for seconds in given[1:]) and given[1] < 4


@pytest.mark.parametrize(
    "command",
    ["boardsize 5", "rectangular_boardsize 5 5", "clear_board", "set_position b C3", "gogui-setup b C3", "loadsgf {}"],
)
def test_another_game_begins_with_full_clocks(command, tmp_path):
    path = tmp_path / "game.sgf"
    path.write_text("(;SZ[5];B[aa])")
    engine = engine_of()
    done(engine, "time_settings 600 0 0")
    full = engine.clock.seconds(BLACK)
    done(engine, "time_left b 0 0\ntime_left w 5 0")
    done(engine, command.format(path))
    assert engine.clock.seconds(BLACK) == engine.clock.seconds(WHITE) == full


@pytest.mark.parametrize(
    "command", ["play b C3", "undo", "fixed_handicap 2", "loadsgf no.sgf", "set_position b A1 w A1", "komi 5"]
)
def test_the_clocks_of_a_game_go_on(command):
    engine = engine_of(FixedEvaluator(9))
    done(engine, "time_settings 600 0 0\nplay b pass\ntime_left b 0 0")
    answers(engine, command)
    assert engine.clock.seconds(BLACK) == 0


# Setting up.


@session("boardsize", "rectangular_boardsize", "clear_board")
def sizes(engine):
    engine = engine_of(FixedEvaluator(5), FixedEvaluator(7))
    assert len(stones(engine)) == 5
    for line in ("boardsize 7", "boardsize 5 5", "rectangular_boardsize 7 7"):
        done(engine, f"play b C3\n{line}")
        assert stones(engine) == ["." * int(line[-1])] * int(line[-1])
    refused = "? unacceptable size: hayago has a network for 5x5 and 7x7"
    assert answers(engine, "boardsize 6\nboardsize 5 7\nrectangular_boardsize 7 5") == [refused] * 3
    done(engine, "play b C3")
    assert one(engine, "genmove w") == "G1"  # the other network's move
    done(engine, "clear_board")
    assert stones(engine) == ["." * 7] * 7


@session("komi", "get_komi")
def komi(engine):
    done(engine, "komi 3.5")
    assert engine.game.rules.komi == 3.5
    assert one(engine, "get_komi") == "3.5"
    done(engine, "komi -7")
    assert one(engine, "get_komi") == "-7"


@session("set_position")
def set_position(engine):
    # KataGo's docs/GTP_Extensions.md: it replaces the board, and fails where a vertex is named twice or a stone has
    # no liberty; without arguments it clears the board.
    done(engine, "play b A1\nplay w A2\nset_position b C3 W d3 black E5")
    assert stones(engine) == ["....X", ".....", "..XO.", ".....", "....."]
    assert engine.game.to_play == BLACK and answers(engine, "undo") == ["? cannot undo"]
    for line in ("b A1 w A2 w B1", "b A1 b A1", "b A1 w A1", "b pass"):
        assert answers(engine, f"set_position {line}") == ["? illegal position"], line
    for line in ("b", "b Z9", "A1 b", "b A1 w"):
        assert answers(engine, f"set_position {line}") == ["? syntax error"], line
    assert stones(engine)[2] == "..XO."
    done(engine, "set_position")
    assert stones(engine) == ["....."] * 5


@session("fixed_handicap", "place_free_handicap", "set_free_handicap")
def handicaps(engine):
    engine = engine_of(FixedEvaluator(9))
    assert one(engine, "fixed_handicap 2") == "C3 G7"  # 4.1.1
    assert engine.game.to_play == WHITE
    done(engine, "clear_board")
    placed = one(engine, "place_free_handicap 11").split()
    assert len(set(placed)) == 11 == sum(row.count("X") for row in stones(engine)) and "PASS" not in placed
    done(engine, "clear_board\nset_free_handicap A1 J9 E5")
    assert stones(engine)[0][8] == stones(engine)[4][4] == stones(engine)[8][0] == "X"
    assert engine.game.handicap == 3


# Playing.


@session("play", "genmove", "reg_genmove", "undo", "gg-undo", "showboard")
def playing(engine):
    done(engine, "play w pass\nplay b C3")
    assert one(engine, "showboard").count("X") == 1
    assert one(engine, "reg_genmove b") == one(engine, "genmove b") == "E1"
    assert stones(engine)[4] == "....X"
    done(engine, "undo")
    assert stones(engine)[4] == "....."
    assert answers(engine, "gg-undo 3") == ["? cannot undo"]
    assert stones(engine)[2] == "..X.."
    done(engine, "gg-undo 2")
    assert stones(engine) == ["....."] * 5


def test_it_resigns_when_its_player_does():
    engine = engine_of()
    choose = engine.game.player.choose
    engine.game.player.choose = lambda *args, **kwargs: choose(*args, **kwargs)._replace(point=None)
    assert answers(engine, "genmove b\nreg_genmove b\nkgs-genmove_cleanup w") == ["= resign"] * 3
    assert answers(engine, "lz-genmove_analyze b")[0].endswith("\nplay resign")
    assert stones(engine) == ["....."] * 5 and engine.game.board.moves == []
    done(engine, "play w C3")
    assert answers(engine, "genmove b\ngomill-explain_last_move\nundo\ngomill-explain_last_move") == [
        "= resign",
        "= likeliest",
        "=",
        "=",
    ]


@session("kgs-genmove_cleanup")
def cleanup(engine):
    asked = []
    choose = engine.game.player.choose

    def choose_and_tell(*args, cleanup, **kwargs):
        asked.append(cleanup)
        return choose(*args, cleanup=cleanup, **kwargs)

    engine.game.player.choose = choose_and_tell
    # Nothing is dead to this judge, so there is nothing to clean up.
    assert one(engine, "genmove b") == "E1" and one(engine, "kgs-genmove_cleanup w") == "PASS"
    assert asked == [False, True]
    assert engine.game.board.moves == [(BLACK, 24), (WHITE, 25)]


# The end.


@session("final_score")
def final_score(engine):
    for score, text in ((2.5, "B+2.5"), (-10, "W+10"), (0, "0")):
        assert one(engine_of(judge=FixedJudge(score=score)), "final_score") == text


@session("final_status_list")
def final_status_list(engine):
    # A3 B3 black; A5 black; E1 white.
    engine = engine_of(judge=FixedJudge(dead=[10, 11], seki=[24]))
    done(engine, "play b A3\nplay b B3\nplay b A5\nplay w E1")
    assert one(engine, "final_status_list dead") == "A3 B3"
    assert one(engine, "final_status_list seki") == "E1"
    assert one(engine, "final_status_list alive") == "A5"


# Records.


@session("loadsgf", "printsgf")
def records(engine):
    from pathlib import Path
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="a folder") as folder:
        path = Path(folder) / "game.sgf"
        path.write_text("(;GM[1]SZ[5]KM[3.5]AB[aa][ee]PL[W];W[bb];B[cc];W[];B[dd](;W[de])(;W[ed]))")
        done(engine, f'loadsgf "{path}" 3')  # before White's pass
        assert stones(engine) == ["X....", ".O...", "..X..", ".....", "....X"]
        assert engine.game.to_play == WHITE and engine.game.rules.komi == 3.5
        done(engine, f'loadsgf "{path}"')
        assert stones(engine)[3:] == ["...X.", "...OX"] and engine.game.to_play == BLACK
        written = one(engine, "printsgf")
        done(engine, f'printsgf "{path}"\nclear_board\nloadsgf "{path}" 1')
        assert stones(engine) == ["X....", ".....", ".....", ".....", "....X"]
        assert path.read_text().strip() == written
        from sgfmill import sgf

        game = sgf.Sgf_game.from_string(written)
        assert game.get_size() == 5 and game.get_komi() == 3.5
        moves = [node.get_move() for node in game.get_main_sequence()]
        assert moves[1:] == [("w", (3, 1)), ("b", (2, 2)), ("w", None), ("b", (1, 3)), ("w", (0, 3))]
        done(engine, f"loadsgf {path} 1")  # without quotes
        path.write_text("(;SZ[9];B[aa])")
        assert answers(engine, f'loadsgf "{path}"') == ["? cannot load file"]  # no network for it
        path.write_text("(;SZ[5];B[aa];W[aa])")
        assert answers(engine, f'loadsgf "{path}"') == ["? cannot load file"]
        assert stones(engine) == ["X....", ".....", ".....", ".....", "....X"]
        assert answers(engine, f"printsgf {folder}/no/such/place") == ["? cannot save file"]


# KGS and gomill.


@session("kgs-chat")
def chat(engine):
    assert "hayago" in one(engine, "kgs-chat game somebody Who are you?")
    assert answers(engine, "kgs-chat shouting somebody hello\nkgs-chat game") == ["? syntax error"] * 2


@session("cputime", "gomill-cpu_time")
def cputime(engine):
    first = float(one(engine, "cputime"))
    sum(range(2_000_000))
    assert float(one(engine, "gomill-cpu_time")) > first > 0
    assert float(one(engine, "cputime")) > first


@session("gomill-describe_engine")
def describe(engine):
    assert f"hayago {__version__}" in one(engine, "gomill-describe_engine")


@session("gomill-explain_last_move")
def explain(engine):
    assert one(engine, "gomill-explain_last_move") == ""
    assert one(engine, "genmove b") == "E1"
    priors = "prior 0.632; E1 0.632, D1 0.233, C1 0.086, B1 0.031, A1 0.012"
    assert one(engine, "gomill-explain_last_move") == f"likeliest, {priors}"
    done(engine, "clear_board")
    assert one(engine, "gomill-explain_last_move") == ""
    reasons = {True: "nothing is left to play for", False: f"likeliest of what is not settled, {priors}"}
    for settled, reason in reasons.items():
        engine = engine_of(judge=FixedJudge(settled=settled))
        done(engine, "play w pass")
        assert one(engine, "genmove b") == ("PASS" if settled else "E1")
        assert one(engine, "gomill-explain_last_move") == f"{reason}; black is ahead by 2.5"


D1 = "likeliest, prior 0.632; D1 0.632"  # where E1 is taken


@pytest.mark.parametrize(
    ("lines", "explained"),
    [
        ("reg_genmove b", ""),  # not played
        ("genmove b\nundo", ""),
        ("genmove b\ngg-undo 1", ""),
        ("genmove b\nplay w A1\ngg-undo 2", ""),
        ("genmove b\nboardsize 5", ""),
        ("genmove b\nset_position b C3", ""),
        ("genmove b\nundo\nplay b C3", ""),
        ("genmove b\nundo\nplay w A5\nplay b A4", ""),
        ("genmove b\nlz-genmove_analyze b\nundo", ""),
        ("genmove b\nclear_board\nset_free_handicap A1 B1", ""),
        ("play b E1\ngenmove b", D1),
        ("play b E1\nlz-genmove_analyze b", D1),
        ("play b E1\ngenmove b\nreg_genmove b", D1),
        ("play b E1\ngenmove b\nplay w A1", D1),
        ("play b E1\ngenmove b\nplay w A1\nundo", D1),
        ("play b E1\ngenmove b\ngg-undo 0\nundo\ngenmove w", D1),
    ],
)
def test_only_our_move_on_the_board_is_explained(lines, explained):
    engine = engine_of()
    answers(engine, lines)
    told = one(engine, "gomill-explain_last_move")
    assert told.startswith(explained) and bool(told) == bool(explained)


@session("gomill-genmove_ex")
def genmove_ex(engine):
    assert one(engine, "gomill-genmove_ex") == "claim"
    assert one(engine, "gomill-genmove_ex b claim") == "E1"  # not settled
    assert one(engine, "gomill-genmove_ex b nonsense") == "D1"
    won = engine_of(judge=FixedJudge(settled=True, score=3))
    assert one(won, "gomill-genmove_ex b claim") == "claim"
    assert one(won, "gomill-genmove_ex w claim") != "claim"


# Rules.


@session("kata-get-rules", "kata-set-rules", "kata-set-rule")
def rules(engine):
    # The shorthands and fields are those of KataGo's docs/GTP_Extensions.md.
    done(engine, "komi 5.5\nkata-set-rules japanese")
    assert json.loads(one(engine, "kata-get-rules")) == {
        "hasButton": False,
        "ko": "SIMPLE",
        "scoring": "TERRITORY",
        "suicide": False,
        "tax": "SEKI",
        "whiteHandicapBonus": "0",
        "friendlyPassOk": True,
    }
    assert engine.game.rules.komi == 5.5
    done(engine, 'kata-set-rules {"ko":"POSITIONAL", "scoring":"AREA","suicide":true,"tax":"NONE"}')
    assert engine.game.rules.scoring == "area" and engine.game.rules.suicide
    done(engine, "kata-set-rule whiteHandicapBonus N-1\nkata-set-rule friendlyPassOk false")
    assert engine.game.rules.handicap_bonus == "N-1" and not engine.game.rules.friendly_pass_ok
    for line in ("kata-set-rules hungarian", "kata-set-rules", "kata-set-rules {", "kata-set-rule ko NONE",
                 "kata-set-rule hasButton true", "kata-set-rules stone-scoring", "kata-set-rule tax ALL",
                 'kata-set-rules {"scoring":"AREA","tax":"SEKI"}', "kata-set-rule x y"):  # fmt: skip
        assert answers(engine, line)[0].startswith("? "), line
    assert json.loads(one(engine, "kata-get-rules"))["whiteHandicapBonus"] == "N-1"


def test_dead_stones_are_captured_only_before_a_pass():
    """`friendlyPassOk` false: only where we would pass are we asked to clean up."""
    for settled, asked in ((False, []), (True, [True])):
        engine = engine_of(judge=FixedJudge(settled=settled))
        calls = []
        clean_up = engine.game.player._clean_up

        def clean_up_and_tell(*args, calls=calls, clean_up=clean_up):
            calls.append(True)
            return clean_up(*args)

        engine.game.player._clean_up = clean_up_and_tell
        done(engine, "kata-set-rules tromp-taylor\nplay w pass" if settled else "kata-set-rules tromp-taylor")
        assert (one(engine, "genmove b") == "PASS") == settled
        assert calls == asked


@session("kgs-rules")
def kgs_rules(engine):
    for name, scoring, ko in (
        ("japanese", "territory", "simple"),
        ("chinese", "area", "positional"),
        ("aga", "area", "situational"),
        ("new_zealand", "area", "situational"),
    ):
        done(engine, f"kgs-rules {name}")
        assert (engine.game.rules.scoring, engine.game.rules.ko) == (scoring, ko)
    assert answers(engine, "kgs-rules tromp-taylor") == ["? syntax error"]


# Ways of playing.


@session("kata-list-params", "kata-get-param", "kata-set-param")
def parameters(engine):
    names = one(engine, "kata-list-params").split()
    values = {"temperature": "0.5", "topP": "0.9", "symmetries": "8", "openingTemperature": "0.8",
              "openingMoves": "12", "resignThreshold": "0.05"}  # fmt: skip
    of_a_search = {"playoutDoublingAdvantage": "-0.5", "analysisWideRootNoise": "0.04"}
    assert set(names) == values.keys() | {"level", "likeHuman"} | of_a_search.keys()
    for name, value in of_a_search.items():  # LizzieYzy's: kept, without effect
        assert one(engine, f"kata-get-param {name}") == "0"
        done(engine, f"kata-set-param {name} {value}")
        assert one(engine, f"kata-get-param {name}") == value
        assert answers(engine, f"kata-set-param {name} 9") == [f"? {name} cannot be 9"]
    for name, value in values.items():
        done(engine, f"kata-set-param {name} {value}")
        assert one(engine, f"kata-get-param {name}") == value
    assert engine.game.style == Style(0.5, 0.8, 12, 0.9, 8) and engine.game.resign == 0.05
    done(engine, "kata-set-param resignThreshold never\nkata-set-param likeHuman true")
    assert engine.game.resign is None and engine.game.style == LIKE_HUMAN
    assert one(engine, "kata-get-param likeHuman") == "true"
    done(engine, "kata-set-param level 3")
    assert engine.game.style == LEVELS[2]
    assert one(engine, "kata-get-param level") == str(LEVELS.index(LEVELS[2]) + 1)
    for line in ("kata-set-param temperature -1", "kata-set-param level 11", "kata-set-param symmetries 3",
                 "kata-set-param topP 0", "kata-set-param likeHuman perhaps", "kata-set-param topP nan",
                 "kata-set-param openingMoves x", "kata-set-param visits 3", "kata-get-param visits"):  # fmt: skip
        assert answers(engine, line)[0].startswith("? "), line
    assert engine.game.style == LEVELS[2]


def test_the_temperature_is_the_player_s():
    engine = engine_of(FixedEvaluator(5, np.zeros(25, np.float32)), seed=1)
    done(engine, "kata-set-param temperature 1")
    assert len({one(engine, "reg_genmove b") for _ in range(20)}) > 5


# The network's bare answer. KataGo: "Any consumers of this data should attempt to be robust to any pattern of
# whitespace", so it is read here by words.


@session("kata-raw-nn")
def raw_nn(engine):
    # This network likes E1, the last point, wherever the board's corner is: symmetry 3 puts A5 there.
    done(engine, "play b C3")
    for symmetry, vertex in ((0, "E1"), (3, "A5")):
        words = one(engine, f"kata-raw-nn {symmetry}").split()
        assert words[:2] == ["symmetry", str(symmetry)]
        policy = [float(word) for word in words[words.index("policy") + 1 :][:25]]
        assert np.nanargmax(policy) == {"E1": 24, "A5": 0}[vertex]
        assert np.isnan(policy[12]) and np.isclose(np.nansum(policy), 1, atol=1e-4)
        assert words[words.index("policyPass") + 1] == "0.000000"
        ownership = [float(word) for word in words[words.index("whiteOwnership") + 1 :]]
        assert len(ownership) == 25 and ownership[0] == -1 and ownership[-1] == 1
        assert words[words.index("whiteWin") + 1] == "0.250000" and words[words.index("whiteLead") + 1] == "-2.500"
    assert one(engine, "kata-raw-nn all").split().count("symmetry") == 8
    assert one(engine, "kata-raw-nn b 0") == one(engine, "kata-raw-nn black 0")
    assert answers(engine, "kata-raw-nn\nkata-raw-nn 8\nkata-raw-nn average") == ["? syntax error"] * 3


def test_a_symmetry_is_seen_with_the_game_s_history():
    """The prior under a symmetry is that of the turned game, turned back; the real planes hold the last moves."""
    from hayago.network.evaluator import make_evaluator
    from hayago.rules.symmetry import point_maps

    network = make_evaluator(random_model(5))
    engine = engine_of(network)
    done(engine, "gogui-setup b A1 w B2\ngogui-setup_player w\nplay w D4\nplay b E2\nplay w pass\nplay b C3")
    game = engine.game
    plain = game.prior(0)
    for symmetry in range(8):
        turned = engine_of(network)
        where = point_maps(5)[symmetry].tolist()
        turned.game.set_up([where[20]], [where[16]])
        turned.game.set_to_play(WHITE)
        turned.game.accept_all([(colour, where[point]) for colour, point in game.board.moves])
        np.testing.assert_allclose(game.prior(symmetry), turned.game.prior(0)[where[:25]], atol=1e-6)
    assert not np.allclose(plain, game.prior(5))


@session("heatmap")
def heatmap(engine):
    # Leela Zero: a row for each line of the board, in thousandths; `pass:` and `winrate:` below.
    text = one(engine, "heatmap 0").splitlines()
    rows = [[int(word) for word in line.split()] for line in text[1:6]]
    assert [len(row) for row in rows] == [5] * 5 and rows[4][4] == 632 and rows[0][0] == 0
    assert text[6:] == ["pass: 0", "winrate: 0.750000"]
    rows = [[int(word) for word in line.split()] for line in one(engine, "heatmap 3").splitlines()[1:6]]
    assert rows[0][0] == 632
    assert one(engine, "heatmap") == one(engine, "heatmap average")
    assert len(one(engine, "heatmap all").splitlines()) == 1 + 8 * 7
    assert answers(engine, "heatmap 9") == ["? syntax error"]


@session("clear_cache")
def clear_cache(engine):
    judge = FixedJudge()
    engine = engine_of(judge=judge)
    for _ in range(3):
        answers(engine, "heatmap")
    assert len(judge.seconds) == 1
    answers(engine, "final_score\nfinal_status_list dead\nhayago-ownership")
    assert len(judge.seconds) == 2  # a longer look, of which all three tell
    done(engine, "clear_cache")
    answers(engine, "heatmap\nfinal_score")
    assert len(judge.seconds) == 4


# Analysis: the formats are tested in test_gtp_analysis.py.


@session("lz-analyze", "kata-analyze", "analyze")
def analyses(engine):
    for name in ("lz-analyze", "kata-analyze", "analyze"):
        assert re.match(r"\ninfo move [A-E][1-5] visits \d+ winrate [\d.]+ ", one(engine, f"{name} b 50"))
        assert engine.game.board.moves == []


@session("cgos-analyze")
def cgos_analyze(engine):
    assert len(json.loads(one(engine, "cgos-analyze b"))["ownership"]) == 25


@session("lz-genmove_analyze", "kata-genmove_analyze", "genmove_analyze", "cgos-genmove_analyze")
def genmove_analyses(engine):
    for name in ("lz-genmove_analyze", "kata-genmove_analyze", "genmove_analyze", "cgos-genmove_analyze"):
        info, play = one(engine, f"{name} b 50").strip().splitlines()
        assert re.match(r"info |\{", info) and re.fullmatch(r"play [A-E][1-5]", play)
    assert sum(row.count("X") for row in stones(engine)) == 4


# GoGui.


@session("gogui-title")
def title(engine):
    assert one(engine, "gogui-title") == f"hayago {__version__}, 5x5"


@session("gogui-play_sequence")
def sequence(engine):
    done(engine, "gogui-play_sequence b C3 w D3 b pass")
    assert stones(engine)[2] == "..XO."
    assert answers(engine, "gogui-play_sequence w A1 b C3") == ["? illegal move"]
    assert answers(engine, "gogui-play_sequence w A1 b") == ["? syntax error"]
    assert stones(engine)[4] == "....."
    done(engine, "gogui-play_sequence\nundo\nundo\nundo")


@session("gogui-setup", "gogui-setup_player")
def setup(engine):
    done(engine, "gogui-setup b C3 w D3 b A1\ngogui-setup_player w")
    assert stones(engine)[2:] == ["..XO.", ".....", "X...."]
    assert engine.game.to_play == WHITE and engine.game.handicap == 0
    assert answers(engine, "undo\ngogui-setup b B2") == ["? cannot undo", "? board not empty"]
    done(engine, "play w A2\nundo")
    assert engine.game.to_play == WHITE
    done(engine, "clear_board")
    assert answers(engine, "gogui-setup b A1 w A2 w B1") == ["? illegal position"]
    assert stones(engine) == ["....."] * 5


@session("gogui-analyze_commands")
def analyze_commands(engine):
    lines = [line.split("/") for line in one(engine, "gogui-analyze_commands").splitlines()]
    assert {kind for kind, _, _ in lines} == {
        *("cboard", "sboard", "pspairs", "gfx", "dboard", "plist", "hstring", "param")
    }
    for _, label, command in lines:
        assert label
        name, *words = command.replace("%s", "0").split()
        assert name in COMMANDS
        one(engine, " ".join([name, *words]))


def cells(text):
    """A board of strings."""
    rows = [line.split() for line in text.strip().splitlines()]
    assert [len(row) for row in rows] == [5] * 5
    return [cell for row in rows for cell in row]


@session("hayago-policy_colours", "hayago-policy_numbers", "hayago-policy_pairs", "hayago-policy_gfx")
def policy_views(engine):
    colours = cells(one(engine, "hayago-policy_colours 0"))
    assert colours[24] == "#ff3c00" and colours[0] == '""'
    assert all(re.fullmatch(r'#[0-9a-f]{6}|""', colour) for colour in colours)
    assert cells(one(engine, "hayago-policy_colours 3"))[0] == "#ff3c00"
    assert cells(one(engine, "hayago-policy_numbers 0"))[22:] == ["9", "23", "63"]
    assert one(engine, "hayago-policy_pairs 0").startswith("E1 63.2 D1 23.3 C1 8.6 ")
    graphics = [line.split(None, 1) for line in one(engine, "hayago-policy_gfx 0").splitlines()]
    # GoGui draws one after the other; the line's numbers would cover the label of the likeliest point.
    kinds = [kind for kind, _ in graphics]
    assert kinds.index("VAR") < kinds.index("LABEL") < kinds.index("TEXT") == len(kinds) - 1
    assert graphics[0] == ["COLOR", "#ff3c00 E1"]
    kinds = dict(graphics)
    assert kinds["LABEL"].startswith("E1 63.2")
    assert re.fullmatch(r"b [A-E]\d( [bw] [A-E]\d){5}", kinds["VAR"])
    later = kinds["VAR"].split()[3::2]
    assert not set(later) & set(kinds["LABEL"].split()[2::2])
    # The status line is cut at its end.
    assert "symmetry 0" in kinds["TEXT"] and kinds["TEXT"].startswith("Black 75 % ")
    assert "average of 8" in one(engine, "hayago-policy_gfx average")
    assert one(engine, "hayago-policy_pairs 0 w") == one(engine, "hayago-policy_pairs 0")
    assert answers(engine, "hayago-policy_colours 9")[0].startswith("? ")


@session("hayago-live_gfx")
def live_graphics(engine):
    # GoGui's manual, "Live Graphics": draw commands on stderr between the line `gogui-gfx:` and an empty one.
    waits = []
    engine.input_within = lambda seconds: (waits.append(seconds), len(waits) == 3)[1]
    with redirect_stderr(StringIO()) as stderr:
        reply = one(engine, "hayago-live_gfx")
    blocks = stderr.getvalue().split("\n\n")
    assert blocks.pop() == "" and len(blocks) == 3
    assert [block.partition("\n")[0] for block in blocks] == ["gogui-gfx:"] * 3
    lines = [re.search(r"^VAR (.*)$", block, re.MULTILINE)[1].split() for block in blocks]
    assert [len(line) for line in lines] == [2, 4, 6]
    assert reply == blocks[-1].partition("\n")[2]
    engine.input_within = lambda seconds: False  # nobody interrupts it
    with redirect_stderr(StringIO()) as stderr:
        one(engine, "hayago-live_gfx")
    assert stderr.getvalue().count("gogui-gfx:") == LIVE_ROUNDS


@session("hayago-ownership")
def ownership(engine):
    assert [float(cell) for cell in cells(one(engine, "hayago-ownership"))][::24] == [1, -1]


@session("hayago-plane", "hayago-plane_names", "hayago-ladders")
def planes(engine):
    # White at B2 is in a ladder's reach: black D3's side is open, C2 and B3 are its liberties.
    done(engine, "gogui-setup w B2 b B1 b A2 b C3 b D2\ngogui-setup_player b")
    assert cells(one(engine, "hayago-plane 0")).count("x") == 4
    assert cells(one(engine, "hayago-plane 1")).index("x") == 16
    names = one(engine, "hayago-plane_names").splitlines()
    assert len(names) == 48 and names[0] == "0: own" and names[44] == "44: ladder capture"
    assert set(one(engine, "hayago-ladders capture").split()) == {"B3", "C2"}
    assert one(engine, "hayago-ladders escape") == ""
    done(engine, "play b C2")
    assert one(engine, "hayago-ladders escape") == ""
    assert answers(engine, "hayago-plane 48\nhayago-ladders\nhayago-ladders some") == [
        "? a plane is 0 to 47",
        "? syntax error",
        "? syntax error",
    ]


@session("hayago-param")
def param_dialog(engine):
    # GoGui: "[type] key value"; the same command with key and value sets it.
    lines = one(engine, "hayago-param").splitlines()
    assert all(re.fullmatch(r"\[(string|list(/\w+)+)\] \w+ \S+", line) for line in lines)
    assert "[string] temperature 0" in lines
    done(engine, "hayago-param temperature 0.7")
    assert engine.game.style.temperature == 0.7
    assert "[string] temperature 0.7" in one(engine, "hayago-param")
    assert answers(engine, "hayago-param temperature") == ["? syntax error"]


@pytest.mark.parametrize("komi", ["3.25", "-3.75", "7.25", "0.25", "100", "-150", "650", "999", "6.5", "-0"])
def test_komi_survives_saving_and_loading(tmp_path, komi):
    engine = engine_of()
    done(engine, f"komi {komi}\nplay b c3\nprintsgf {tmp_path / 'game.sgf'}\nkomi 1\nloadsgf {tmp_path / 'game.sgf'}")
    assert one(engine, "get_komi") == f"{float(komi) + 0.0:g}"


@pytest.mark.parametrize("name", [*PRESETS, '{"scoring":"AREA","suicide":true,"whiteHandicapBonus":"N-1"}'])
def test_rules_survive_saving_and_loading(tmp_path, name):
    engine = engine_of()
    done(engine, f"kata-set-rules {name}\nplay b c3\nprintsgf {tmp_path / 'game.sgf'}")
    before = json.loads(one(engine, "kata-get-rules"))
    for other in ("tromp-taylor", "japanese"):
        done(engine, f"kata-set-rules {other}\nloadsgf {tmp_path / 'game.sgf'}")
        after = json.loads(one(engine, "kata-get-rules"))
        if name == "chinese":  # SGF has one name for simple ko and superko
            before["ko"] = after["ko"]
        assert after == before


def test_rules_that_a_file_does_not_name_stay(tmp_path):
    engine = engine_of()
    for rules in ("", "RU[Ing]"):
        (tmp_path / "game.sgf").write_text(f"(;SZ[5]{rules};B[aa])")
        done(engine, f"kata-set-rules aga\nloadsgf {tmp_path / 'game.sgf'}")
        assert engine.game.rules.handicap_bonus == "N-1"


def test_long_games_are_written_and_taken_back_in_time():
    """Neither a record nor an undo may cost the square of the moves: so a client that has passed often would wait."""
    game = game_of()
    for n in range(8000):
        assert game.accept(1 + n % 2, game.board.pass_point)
    began = time.process_time()
    assert game.sgf().count(b";") == 8001
    assert game.undo(4000) and len(game.board.moves) == 4000
    assert not game.undo(4001) and len(game.board.moves) == 4000
    assert game.undo(0) and game.undo(4000) and not game.board.moves
    assert time.process_time() - began < 5
