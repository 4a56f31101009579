"""GTP as text. The replies expected here come from the specification (version 2, draft 2)."""

import re

import pytest

from fakes import BrokenEvaluator, FixedEvaluator
from gtp_engines import FixedJudge, answers, engine_of, stones
from hayago import __version__
from hayago.gtp.protocol import COMMANDS
from hayago.network.model_file import ModelError
from paths import ROOT

# Section 6: "commands that must be supported".
REQUIRED = """protocol_version name version known_command list_commands quit
boardsize clear_board komi play genmove"""


@pytest.fixture
def engine():
    return engine_of()


def test_golden_session(engine):
    session = """
1 protocol_version      =1 2
2 name                  =2 hayago
3 version               =3 VERSION
4 boardsize 5           =4
5 clear_board           =5
6 komi 0.5              =6
7 play b C3             =7
8 play W d3             =8
9 genmove black         =9 E1
10 undo                 =10
11 reg_genmove b        =11 E1
12 play b pass          =12
13 play w PASS          =13
14 final_score          =14 B+2.5
15 known_command play   =15 true
16 known_command plya   =16 false
17 known_command        =17 false
18 time_settings 60 5 1 =18
19 time_left b 60 0     =19
20 quit                 =20
""".replace("VERSION", __version__)
    for line in session.strip().splitlines():
        command, expected = re.split(r" +(?==)", line)
        assert answers(engine, command) == [expected.rstrip()], line
    assert engine.finished


def test_list_commands_names_each_command_once(engine):
    listed = engine.answer("list_commands")[2:].split()
    assert listed == list(COMMANDS)
    assert set(REQUIRED.split()) <= set(listed)
    assert all(answers(engine, f"known_command {name}") == ["= true"] for name in listed)


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("plya b C3", "? unknown command"),
        ("7", "?7 unknown command"),
        ("7 8 name", "?7 unknown command"),
        ("Name", "? unknown command"),
        ("7\u00a0name", "? unknown command"),
        ("name\u0085", "? unknown command"),
        ("boardsize", "? syntax error"),
        ("boardsize five", "? syntax error"),
        ("boardsize 9", "? unacceptable size: hayago has a network for 5x5"),
        ("boardsize 0", "? unacceptable size: hayago has a network for 5x5"),
        ("boardsize -5", "? unacceptable size: hayago has a network for 5x5"),
        ("boardsize 5 7", "? unacceptable size: hayago has a network for 5x5"),
        ("boardsize 99999999999999999999", "? unacceptable size: hayago has a network for 5x5"),
        ("boardsize 5 5", "="),
        ("komi", "? syntax error"),
        ("komi x", "? syntax error"),
        ("komi nan", "? syntax error"),
        ("komi inf", "? syntax error"),
        ("komi -3.5", "="),
        ("play", "? syntax error"),
        ("play b", "? syntax error"),
        ("play C3 b", "? syntax error"),
        ("play green C3", "? syntax error"),
        ("play b I3", "? syntax error"),
        ("play b F3", "? syntax error"),
        ("play b C6", "? syntax error"),
        ("play b C0", "? syntax error"),
        ("play b 33", "? syntax error"),
        ("play b C\u0663", "? syntax error"),
        ("play b resign", "? syntax error"),
        ("genmove", "? syntax error"),
        ("genmove x", "? syntax error"),
        ("undo", "? cannot undo"),
        ("time_settings 1 2", "? syntax error"),
        ("time_settings 1 -2 3", "? syntax error"),
        ("time_settings 1 2 -3", "? syntax error"),
        ("time_settings 1_0 2 3", "? syntax error"),
        ("boardsize \u0665", "? syntax error"),
        ("komi \u0665", "? syntax error"),
        ("gg-undo 1", "? cannot undo"),
        ("gg-undo -1", "? syntax error"),
        ("loadsgf", "? syntax error"),
        ("loadsgf no/such/file.sgf", "? cannot load file"),
        ("loadsgf ..", "? cannot load file"),
        ("rectangular_boardsize 5 4", "? unacceptable size: hayago has a network for 5x5"),
        ("final_status_list", "? syntax error"),
        ("final_status_list lively", "? syntax error"),
        ("time_left b", "? syntax error"),
        ("fixed_handicap", "? syntax error"),
        ("fixed_handicap 1", "? invalid number of stones"),
        ("fixed_handicap 3", "? invalid number of stones"),
        ("place_free_handicap 1", "? invalid number of stones"),
        ("place_free_handicap 25", "? invalid number of stones"),
        ("set_free_handicap", "? bad vertex list"),
        ("set_free_handicap C3", "? bad vertex list"),
        ("set_free_handicap C3 C3", "? bad vertex list"),
        ("set_free_handicap C3 Z3", "? bad vertex list"),
        ("set_free_handicap C3 pass", "? bad vertex list"),
    ],
)
def test_what_cannot_be_done_says_so(engine, line, reply):
    assert answers(engine, line) == [reply]
    assert stones(engine) == ["....."] * 5


@pytest.mark.parametrize("command", ["fixed_handicap 2", "place_free_handicap 2", "set_free_handicap A1 A2"])
def test_handicap_needs_an_empty_board(command):
    engine = engine_of(FixedEvaluator(9))
    assert answers(engine, f"play b C3\n{command}") == ["=", "? board not empty"]


def test_lines_that_are_no_commands(engine):
    assert answers(engine, "\n   \n\t\n# only a comment\n\r\n \x07 \n") == []


@pytest.mark.parametrize(
    "line", ["name\r", "  name  ", "\tname\t", "na\x00me\x7f", "name # what?", "name#", "name with arguments"]
)
def test_white_space_controls_and_comments(engine, line):
    assert answers(engine, line) == ["= hayago"]
    assert answers(engine, "0012 " + line) == ["=0012 hayago"]


def test_tabs_part_words(engine):
    assert answers(engine, "5\tplay\tb\tC3\r") == ["=5"]
    assert stones(engine)[2] == "..X.."


def test_moves_of_others_are_taken_tolerantly(engine):
    """Suicide, ko and superko stand; only an occupied point is refused."""
    for vertex in ("A2", "B2", "B1"):
        assert answers(engine, f"play b {vertex}") == ["="]
    assert answers(engine, "play w A1") == ["="]
    assert stones(engine)[4] == ".X..."
    assert answers(engine, "play b B2") == ["? illegal move"]
    # A ko, taken back at once.
    for move in ("b B3", "b C2", "b C4", "w C3", "w D2", "w D4", "w E3", "b D3", "w C3"):
        assert answers(engine, f"play {move}") == ["="], move
    assert stones(engine)[2] == ".XO.O"
    assert answers(engine, "play b D3") == ["="]


def test_own_moves_keep_the_ko():
    # White has just taken the ko at E1; the network likes to take it back best.
    engine = engine_of()
    for move in ("b C1", "b D2", "b E1", "w E2", "w D1"):
        assert answers(engine, f"play {move}") == ["="]
    assert stones(engine)[4] == "..XO."
    assert answers(engine, "genmove b") != ["= E1"]


def test_undo_goes_back_over_captures_and_passes_to_the_handicap():
    engine = engine_of(FixedEvaluator(9))
    assert answers(engine, "set_free_handicap A2 B1")[0] == "="
    start = stones(engine)
    assert answers(engine, "play w A1\nplay b pass\nplay w A1\nplay b C3") == ["="] * 4
    assert answers(engine, "undo\n" * 4) == ["="] * 4
    assert stones(engine) == start
    assert answers(engine, "undo") == ["? cannot undo"]


def test_genmove_twice_for_the_same_colour(engine):
    assert answers(engine, "genmove b\ngenmove b\ngenmove b")[:2] == ["= E1", "= D1"]
    assert sum(row.count("X") for row in stones(engine)) == 3


def test_handicaps_on_19x19():
    # 4.1.1 of the specification: the points, in its order.
    engine = engine_of(FixedEvaluator(19))
    assert answers(engine, "fixed_handicap 5") == ["= D4 Q16 D16 Q4 K10"]
    assert answers(engine, "genmove w") == ["= T1"]
    engine.answer("clear_board")
    placed = answers(engine, "place_free_handicap 12")[0][2:].split()
    assert len(set(placed)) == 12 and "PASS" not in placed
    assert sum(row.count("X") for row in stones(engine)) == 12
    assert answers(engine, "fixed_handicap 2") == ["? board not empty"]


def test_komi_stays_and_handicap_counts():
    # Chinese rules: White gets a point for each handicap stone. The judge counts; the game tells it the komi.
    judge = FixedJudge(9)
    engine = engine_of(FixedEvaluator(9), judge=judge)
    session = (
        "komi 5\nclear_board\nplay b C3\nfinal_score\nkomi x\nfinal_score\nclear_board\nfixed_handicap 4\nfinal_score"
    )
    answers(engine, session)
    assert [rules.komi_and_compensation(0) for rules in judge.rules] == [5, 9]
    # Clients without set_free_handicap play the stones.
    answers(engine, "clear_board\nplay b C3\nplay b C7\nplay b G7\nplay w G3\nplay b D4\nfinal_score")
    assert judge.rules[-1].komi_and_compensation(0) == 8


def test_a_network_that_answers_with_no_numbers_fails_in_one_line(capsys, monkeypatch):
    def refuse(self, rows):
        raise ModelError("the network answers with NaN or infinite values")

    engine = engine_of(FixedEvaluator(9))
    monkeypatch.setattr(FixedEvaluator, "logits", refuse)
    assert answers(engine, "3 genmove b\nname") == ["?3 the network answers with NaN or infinite values", "= hayago"]
    assert capsys.readouterr().err == ""


def test_a_player_that_raises_is_answered(capsys):
    engine = engine_of(BrokenEvaluator())
    assert answers(engine, "3 genmove b") == ["?3 internal error: RuntimeError: the network is\nout of order"]
    error = capsys.readouterr().err
    assert error.startswith("hayago: internal error in '3 genmove b': RuntimeError: the network is out of order (")
    assert error.count("\n") == 1
    assert answers(engine, "play b C3\nname") == ["=", "= hayago"]


def test_the_documentation_names_every_command():
    text = (ROOT / "docs" / "gtp.md").read_text(encoding="utf-8")
    listed = re.findall(r"`([\w-]+)`", text.partition("## Commands")[2].partition("\n## ")[0])
    assert sorted(listed) == sorted(COMMANDS)
