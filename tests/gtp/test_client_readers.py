"""Replies as the clients' own code reads them, over every command: GoGui's reader and views, Sabaki's analysis.

GoGui (GtpClient.readResponse, GtpUtil, AnalyzeShow of 1.6) takes as a reply's text what follows its first space.
Without one, it takes what follows the mark. Sabaki (enginesyncer.js, analysis.js) takes the first analysis listed.
From 0.60 on it reads the winrate by that command's name, before by a point in the number.
"""

import re
import sys

import pytest

from fakes import FixedEvaluator
from gtp_engines import FixedJudge, engine_of
from hayago.gtp.client import GtpClient, _text
from hayago.gtp.protocol import COMMANDS, Manner

GAME = "play b C3\nplay w C4\nplay b D2\nplay w B2"
# Arguments for the commands that need some.
ARGUMENTS = {
    "known_command": "play",
    "boardsize": "9",
    "rectangular_boardsize": "9 9",
    "komi": "6.5",
    "fixed_handicap": "2",
    "place_free_handicap": "3",
    "set_free_handicap": "A1 B2",
    "play": "b E5",
    "genmove": "b",
    "reg_genmove": "w",
    "kgs-genmove_cleanup": "b",
    "time_settings": "60 5 1",
    "time_left": "b 60 0",
    "final_status_list": "alive",
    "loadsgf": "nothing.sgf",
    "kgs-time_settings": "none",
    "kgs-rules": "chinese",
    "kgs-chat": "game someone Hello",
    "kata-raw-nn": "all",
    "kata-set-rules": "japanese",
    "kata-set-rule": "ko SIMPLE",
    "kata-get-param": "temperature",
    "kata-set-param": "topP 0.9",
    "kata-time_settings": "none",
    "gogui-play_sequence": "b E5 w E4",
    "gogui-setup": "b A1 w B2",
    "gogui-setup_player": "w",
    "set_position": "b A1 w C3",
    "gomill-genmove_ex": "b",
    "hayago-plane": "3",
    "hayago-ladders": "capture",
    "hayago-policy_colours": "average",
}
ON_AN_EMPTY_BOARD = re.compile("handicap|gogui-setup")


def gogui_reads(reply):
    """The text of a reply by GtpClient's rule, and whether it is an error."""
    space = reply.find(" ")
    return reply[1:-2] if space < 0 else reply[space + 1 : -2], reply[0] != "="


def by_the_specification(reply, identity):
    """2.6: `=[id] result`, two newlines."""
    assert reply.endswith("\n\n")
    return reply[1 + len(identity) : -2].removeprefix(" ")


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("identity", ["", "7"])
def test_gogui_reads_the_whole_reply_of_every_command(name, identity):
    engine = engine_of(FixedEvaluator(9), judge=FixedJudge(9))
    if not ON_AN_EMPTY_BOARD.search(name):
        for line in GAME.splitlines():
            engine.answer(line)
    reply = engine.answer(f"{identity} {name} {ARGUMENTS.get(name, '')}")
    text, error = gogui_reads(reply)
    assert text == by_the_specification(reply, identity)
    assert error == (name == "loadsgf")
    # hayago's own client reads it too, and drops only the first line if it is empty.
    assert _text(reply[:-2].split("\n")).split() == text.split() or identity


@pytest.mark.parametrize("first", ["= ", "="])
def test_hayago_s_own_client_reads_both_forms(first, tmp_path):
    board = '"" 1 2\\n3 4 5'
    script = tmp_path / "engine.py"
    script.write_text(
        "import sys\nfor line in sys.stdin:\n"
        f"    print({first!r} + ('\\n{board}' if line[0] == 'b' else ''), end='\\n\\n', flush=True)\n"
    )
    with GtpClient([sys.executable, str(script)], 60) as client:
        assert client.send("board") == '"" 1 2\n3 4 5'
        assert client.send("empty") == ""


# ---- GoGui's views, by their types.


def split_arguments(line):
    """GoGui's StringUtil.splitArguments: words, or texts in double quotes."""
    return [quoted or word for quoted, word in re.findall(r'"([^"]*)"|(\S+)', line)]


def string_board(text, size):
    """GtpUtil.parseStringBoard: rows of at least `size` cells; empty lines do not count."""
    rows = [split_arguments(line) for line in text.split("\n") if line.strip()][:size]
    assert len(rows) == size, "Incomplete string board"
    assert all(len(row) >= size for row in rows), f"Incomplete string board: {[len(row) for row in rows]}"
    assert all(len(row) == size for row in rows)
    return rows


def point(word, size):
    """GoPoint.parsePoint."""
    if word.upper() == "PASS":
        return None
    column, row = "ABCDEFGHJKLMNOPQRST".index(word[0].upper()), int(word[1:])
    assert column < size and 1 <= row <= size, word
    return column, row


def colour_board(text, size):
    for row in string_board(text, size):
        assert all(re.fullmatch(r"#[0-9a-f]{6}|", cell) for cell in row)


def double_board(text, size):
    for row in string_board(text, size):
        assert all(-1 <= float(cell) <= 1 for cell in row)


def graphics(text, size):
    kinds = []
    for line in text.split("\n"):
        kind, *words = split_arguments(line)
        kinds.append(kind)
        if kind == "COLOR":
            assert re.fullmatch(r"#[0-9a-f]{6}", words.pop(0))
            assert all(point(word, size) for word in words)
        elif kind == "LABEL":
            assert len(words) % 2 == 0 and all(point(word, size) for word in words[::2])
        elif kind == "VAR":
            assert set(words[::2]) <= {"b", "w"} and [point(word, size) for word in words[1::2]]
        else:
            assert kind == "TEXT", line
    # A later label covers an earlier one, and the status line is cut at its end.
    assert kinds.index("VAR") < kinds.index("LABEL") and re.match(r"TEXT Black \d+ %", text.split("\n")[-1])


def pairs(text, size):
    words = split_arguments(text)
    assert words and len(words) % 2 == 0 and all(point(word, size) for word in words[::2])


def points(text, size):
    assert all(point(word, size) for word in text.split())


def parameters(text, size):
    """ParameterDialog: `[type] key value` a line."""
    for line in text.split("\n"):
        assert re.fullmatch(r"\[(string|bool|list(/[^/\]]+)+)\] \S+ .+", line), line


READERS = {
    "cboard": colour_board,
    "sboard": string_board,
    "dboard": double_board,
    "gfx": graphics,
    "pspairs": pairs,
    "plist": points,
    "param": parameters,
    "hstring": lambda text, size: text.split("\n"),
}


@pytest.mark.parametrize("size", [5, 9, 19])
@pytest.mark.parametrize("moves", ["", GAME])
def test_gogui_shows_every_view(size, moves, capsys):
    engine = engine_of(FixedEvaluator(size), judge=FixedJudge(size))
    for line in moves.splitlines():
        engine.answer(line)
    views, error = gogui_reads(engine.answer("gogui-analyze_commands"))
    assert not error
    shown = set()
    for line in views.split("\n"):
        kind, label, command = line.split("/")
        for value in ("0", "7", "47" if "Plane" in label else "3") if "%s" in command else ("",):
            text, error = gogui_reads(engine.answer(command.replace("%s", value)))
            assert not error, f"{label}: {text}"
            READERS[kind](text, size)
        shown.add(kind)
    assert shown == READERS.keys()
    live = capsys.readouterr().err.split("\n\n")
    assert live.pop() == ""
    for block in live:
        first, _, text = block.partition("\n")
        assert first == "gogui-gfx:"
        graphics(text, size)


def test_the_likeliest_move_keeps_its_label_and_the_line_is_longer_than_one_stone():
    engine = engine_of(FixedEvaluator(9), judge=FixedJudge(9))
    lines = [split_arguments(line) for line in engine.answer("hayago-policy_gfx average")[2:].strip().split("\n")]
    (line,) = [words[2::2] for words in lines if words[0] == "VAR"]
    (labels,) = [dict(zip(words[1::2], words[2::2], strict=True)) for words in lines if words[0] == "LABEL"]
    best = engine.answer("hayago-policy_pairs average")[2:].split()[:2]
    assert len(line) > 1 and labels[best[0]] == best[1]


# ---- Sabaki.


def sabaki_reads(engine, wanted, version):
    """What Sabaki draws of its best analysis: vertices, winrates in percent and leads."""
    listed = engine.answer("list_commands")[2:].split("\n")
    name = next(name for name in wanted if name in [line.strip() for line in listed])
    floats = name.startswith("kata") if version >= (0, 60) else None
    (line,) = [line for line in engine.answer(f"{name} B 50").split("\n") if line.startswith("info ")]
    drawn = []
    for part in re.split(r"\s*info\s+", line)[1:]:
        variation = re.search(r"(pass|[A-Za-z]\d+)(\s+(pass|[A-Za-z]\d+))*$", part.strip())
        words = part.strip()[: variation.start()].split()[:-1]
        values = dict(zip(words[::2], words[1::2], strict=True))
        winrate = values["winrate"]
        is_float = "." in winrate if floats is None else floats
        drawn.append((values["move"], float(winrate) * 100 if is_float else float(winrate) / 100, values["scoreLead"]))
    return drawn


ANALYSES = ("analyze", "kata-analyze", "lz-analyze")
MOVES = ("genmove_analyze", "kata-genmove_analyze", "lz-genmove_analyze")


@pytest.mark.parametrize("version", [(0, 43), (0, 52), (0, 60)])
@pytest.mark.parametrize("wanted", [ANALYSES, MOVES, ANALYSES[1:2], MOVES[1:2]])
@pytest.mark.parametrize("winrate", [0, 0.0047, 0.47, 1])
def test_sabaki_old_and_new_reads_the_winrate(version, wanted, winrate):
    engine = engine_of(judge=FixedJudge(winrate=winrate))
    drawn = sabaki_reads(engine, wanted, version)
    assert len(drawn) > 3
    for _, percent, lead in drawn:
        assert percent == pytest.approx(100 * winrate, abs=0.01) and float(lead) == 2.5


@pytest.mark.parametrize("name", ["analyze", "genmove_analyze"])
def test_sabaki_has_a_winrate_where_hayago_passes(name):
    engine = engine_of(judge=FixedJudge(settled=True))
    engine.answer("play w pass")
    drawn = sabaki_reads(engine, [name], (0, 60))
    assert drawn[0][0] == "pass"
    # It leaves out what is no point, and keeps no analysis that is then empty.
    assert [percent for vertex, percent, _ in drawn if re.fullmatch(r"[A-Za-z]\d+", vertex)] == [75]


# ---- The chat of KGS is there only for those who ask for it. Case 20.


def test_the_chat_is_off_unless_asked_for():
    for manner, known in ((Manner(), "false"), (Manner(chat=True), "true")):
        engine = engine_of(manner=manner)
        assert engine.answer("known_command kgs-chat") == f"= {known}\n\n"
        assert ("kgs-chat" in engine.answer("list_commands").split()) == (known == "true")
        answered = engine.answer("kgs-chat game someone Hello")
        assert answered == "? unknown command\n\n" if known == "false" else answered.startswith("= I am hayago")
        assert engine.answer("known_command kgs-rules") == "= true\n\n"
