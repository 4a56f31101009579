"""Numbers and names as GTP and JSON read them: bounded, plain, and never the end of the engine."""

import json
import os
import subprocess
import sys

import pytest

from fakes import FixedEvaluator
from gtp_engines import answers, engine_of, game_of, stones
from hayago.gtp.kata_json import Desk, work_off
from hayago.gtp.pipes import decoded
from hayago.gtp.protocol import MOST_KOMI
from paths import PROOFS

MONSTERS = (
    *("inf", "-inf", "nan", "infinity", "1e400", "-1e400", "1e308", "9" * 400, "-" + "9" * 400, "9" * 5000),
    *("1_0", "\uff11\uff12", "\u0661", "0x10", "1e", "--1", "1,5", "\u00b2", "1\u0660", "1e99999999999"),
)
# Every place of every command where a number is read; N is the number.
PLACES = """
komi N
boardsize N
boardsize 5 N
rectangular_boardsize N 5
fixed_handicap N
place_free_handicap N
set_free_handicap A1 AN
time_settings N 1 1
time_settings 1 N 1
time_settings 1 1 N
time_left b N 0
time_left b 1 N
kgs-time_settings absolute N
kgs-time_settings byoyomi 1 N 1
kgs-time_settings canadian 1 1 N
kata-time_settings fischer N 1
kata-time_settings fischer 1 N
kata-time_settings fischer-capped 9 1 N 3
kata-time_settings fischer-capped 9 1 99 N
gg-undo N
loadsgf nothing.sgf N
play b AN
gogui-setup b AN
gogui-play_sequence b AN
set_position b AN
lz-analyze N
kata-analyze b N
analyze b N
cgos-analyze N
lz-analyze b interval N
lz-analyze minmoves N
kata-analyze b maxmoves N
kata-analyze avoid b A1 N
kata-analyze allow b A1 N
kata-genmove_analyze b N
cgos-genmove_analyze b N
kata-raw-nn N
heatmap N
hayago-policy_gfx N
hayago-policy_colours N
hayago-plane N
kata-set-param temperature N
kata-set-param openingTemperature N
kata-set-param openingMoves N
kata-set-param topP N
kata-set-param level N
kata-set-param symmetries N
kata-set-param resignThreshold N
kata-set-param analysisWideRootNoise N
kata-set-param playoutDoublingAdvantage N
hayago-param temperature N
kata-set-rule whiteHandicapBonus N
kata-set-rules {"ko":N}
kata-set-rules {"whiteHandicapBonus":N}
kata-set-rules N
known_command N
N name
""".strip().splitlines()
AFTERWARDS = "genmove b\nfinal_score\nkata-analyze w 1\ntime_left w 1 1\ngenmove w"


@pytest.mark.parametrize("place", PLACES)
def test_a_number_that_is_none_is_an_error_of_one_line(place, capsys):
    engine = engine_of()
    for monster in MONSTERS:
        line = place.replace("N", monster)
        for reply in answers(engine, line):
            assert ("internal error" not in reply and "\n" not in reply.strip()[2:]) or reply[0] == "=", line
        assert not any("internal error" in reply for reply in answers(engine, AFTERWARDS)), line
    assert "internal error" not in capsys.readouterr().err


@pytest.mark.parametrize("number", ["1_0", "\uff11", "\u0661", "inf", "nan", "1e400"])
@pytest.mark.parametrize(
    "name", ["temperature", "openingMoves", "topP", "level", "symmetries", "resignThreshold", "analysisWideRootNoise"]
)
def test_parameters_take_plain_numbers_only(name, number):
    engine = engine_of()
    before = engine.answer(f"kata-get-param {name}")
    assert answers(engine, f"kata-set-param {name} {number}") == [f"? {name} cannot be {number}"]
    assert engine.answer(f"kata-get-param {name}") == before


@pytest.mark.parametrize("komi", ["1000.5", "-1001", "1e9", "9" * 20])
def test_a_komi_has_bounds(komi):
    engine = engine_of()
    assert answers(engine, f"komi {komi}\nkomi {MOST_KOMI:g}\nkomi {-MOST_KOMI:g}") == ["? syntax error", "=", "="]


# What Python's json makes of `\ud800` has no encoding: an engine that answered with it would die of writing.
@pytest.mark.parametrize(
    "rules", [r'{"ko":"\ud800"}', r'{"\udfff":1}', r'{"ko":"a\n\nb"}', r'{"ko":"\u0007\u0085"}', '{"ko":"\ud8ff"}']
)
def test_a_reply_can_always_be_written(rules):
    (reply,) = answers(engine_of(), f"kata-set-rules {rules}")
    assert reply.startswith("? cannot set ")
    assert reply.replace("\n", "").isprintable() and reply.encode()


@pytest.mark.parametrize("depth", [10, 100_000])
def test_deep_rules_are_an_error(depth):
    (reply,) = answers(engine_of(), 'kata-set-rules {"ko":' + "[" * depth)
    assert reply[0] == "?" and "internal" not in reply


# ---- JSON.


def ask(changes):
    """The answers of a desk and a game for boards of 5x5 to one query with these changes, as text."""
    said = []
    desk = Desk(said.append)
    query = '{"id":"q","moves":[["B","C3"]],"rules":"chinese","komi":1,"boardXSize":5,"boardYSize":5'
    desk.put(f"{query},{changes}}}")
    desk.put(None)
    game = game_of(FixedEvaluator())
    while (task := desk.take()) is not None:
        work_off(game, task, desk)
    return [json.loads(line) for line in said]


FIELDS = (
    *('"komi":N', '"boardXSize":N', '"boardYSize":N', '"analyzeTurns":[N]', '"priority":N', '"priorities":[N]'),
    *('"avoidMoves":[{"player":"B","moves":["A1"],"untilDepth":N}]', '"moves":[["B","(N,1)"]]', '"moves":[["B","AN"]]'),
    *('"maxVisits":N', '"reportDuringSearchEvery":N', '"overrideSettings":{"x":N}', '"whiteHandicapBonus":N'),
    *('"rules":{"ko":N}', '"initialStones":[["W","(N,N)"]]', '"initialPlayer":N', '"includePolicy":N', '"rules":N'),
)


@pytest.mark.parametrize("field", FIELDS)
def test_a_query_with_such_a_number_is_answered(field, capsys):
    for monster in ("Infinity", "-Infinity", "NaN", "1e400", "9" * 400, "-" + "9" * 400, "1e308", "9" * 5000, "1.5"):
        for said in ask(field.replace("N", monster)):
            assert "internal error" not in json.dumps(said), (field, monster)
    for monster in ("1_0", "\uff11", "+1", "1_", ""):
        for said in ask(field.replace("N", f"{monster}" if "(" in field or "A" in field else json.dumps(monster))):
            assert "internal error" not in json.dumps(said), (field, monster)
    assert capsys.readouterr().err == ""


def test_columns_and_rows_are_plain_numbers():
    for pair in ("(1_0,1)", "(\uff11,1)", "(5,0)", "(-1,0)", "(1,1,1)", "(", "(1)"):
        (said,) = ask(f'"moves":[["B","{pair}"]]')
        assert said["error"] == f"Could not parse board location: {pair}"
    (said,) = ask('"moves":[["B","(4, 0)"]],"analyzeTurns":[1]')
    assert all(info["move"] != "E5" for info in said["moveInfos"])


@pytest.mark.parametrize("number", ["NaN", "Infinity", "9" * 30, '"1"'])
def test_a_priority_has_bounds(number):
    (said,) = ask(f'"priority":{number}')
    assert said["field"] == "priority" and said["id"] == "q"


# ---- Names of files, and byte order marks. Cases 24.


GAME = b"(;GM[1]SZ[5]KM[3.5];B[cc];W[dd];B[ee])"


@pytest.mark.parametrize("name", ["game 12", "12", "a b 3.sgf", "game  7", "x 1 2"])
def test_a_name_may_end_with_a_number(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(GAME)
    engine = engine_of()
    for line in (f"loadsgf {name}", f'loadsgf "{name}"'):
        assert answers(engine, f"clear_board\n{line}") == ["=", "="], line
        assert stones(engine)[4] == "....X"
    for line in (f"loadsgf {name} 2", f'loadsgf "{name}" 2'):
        assert answers(engine, line) == ["="], line
        assert "".join(stones(engine)).count("X") == 1 and engine.game.to_play == 2


@pytest.mark.parametrize(
    "line", ["loadsgf " + "x" * 5000, "loadsgf " + "x/" * 3000 + " 3", "loadsgf a\x00b 3", "loadsgf ."]
)
def test_a_name_that_cannot_be_is_an_error(line):
    assert answers(engine_of(), line) == ["? cannot load file"]


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
@pytest.mark.parametrize(
    "name", [b"caf\xe9.sgf", b"\x83\x5c.sgf", b"\xb5\xda\xd2\xbb 3", "囲碁 1.sgf".encode(), b"\xff\xfe"]
)
def test_a_name_is_the_bytes_that_came(name, tmp_path):
    path = os.fsencode(tmp_path) + b"/" + name
    try:
        with open(path, "wb") as file:  # noqa: PTH123 - a name of bytes
            file.write(GAME)
    except OSError:
        pytest.skip("this file system takes no such name")
    engine = engine_of()
    assert answers(engine, decoded(b"loadsgf " + path)) == ["="]
    assert stones(engine)[4] == "....X"
    written = path + b" copy"
    assert answers(engine, decoded(b"printsgf " + written)) == ["="]
    assert os.path.isfile(written)  # noqa: PTH113


def test_a_byte_order_mark_and_a_name_in_latin_1_through_the_pipes(tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9.sgf"
    try:
        with open(path, "wb") as file:  # noqa: PTH123
            file.write(GAME)
    except OSError:
        pytest.skip("this file system takes no such name")
    rules = rb'kata-set-rules {"ko":"\ud800"}'
    lines = [b"\xef\xbb\xbfname", b"loadsgf " + path, b"\xef\xbb\xbf1 version", rules, b"\xff", b"quit"]
    serve = "from gtp_engines import game_of; from hayago.gtp.process import serve; serve(lambda: game_of)"
    process = subprocess.run(
        [sys.executable, "-c", serve], input=b"\n".join(lines), capture_output=True, timeout=300, cwd=PROOFS
    )
    replies = process.stdout.split(b"\n\n")
    assert (process.returncode, process.stderr) == (0, b"")
    assert [reply[:2] for reply in replies] == [b"= ", b"= ", b"=1", b"? ", b"? ", b"= ", b""]
