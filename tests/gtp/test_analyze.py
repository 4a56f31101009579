"""Analysis: what the numbers are, and the formats that clients read.

Each format is read here as its client reads it: Sabaki's src/modules/enginesyncer.js, KataGo's docs/GTP_Extensions.md,
the CGOS wiki's "GTP tournament game expansion".
"""

import json
import re

import numpy as np
import pytest

from fakes import FixedEvaluator
from gtp_engines import FixedJudge, answers, engine_of, stones
from hayago.player.player import Choice
from hayago.player.styles import Style
from hayago.rules.coordinates import BLACK


@pytest.fixture
def engine():
    return engine_of()


def stream(engine, line, ticks):
    """The lines of a reply that is stopped by the client after so many of them; the waits it asked for."""
    waits = []
    engine.input_within = lambda seconds: (waits.append(seconds), len(waits) == ticks)[1]
    reply = engine.answer(line)
    assert reply.startswith("=") and reply.endswith("\n\n")
    return reply.strip().splitlines()[1:], waits


def infos(line):
    """The `info` parts of a line as dictionaries; the last key, `pv`, has the rest."""
    parts = re.split(r"\s*\binfo\s+", re.split(r" (?:rootInfo|ownership) ", line)[0])[1:]
    found = []
    for part in parts:
        before, _, line = part.partition(" pv ")
        words = before.split()
        found.append({**dict(zip(words[::2], words[1::2], strict=True)), "pv": line.split()})
    return found


def sabaki(line):
    """What Sabaki draws: vertex, visits and the winrate in percent, told by its decimal point."""
    shown = []
    for part in re.split(r"\s*info\s+", re.sub(r"ownership\s+.+", "", line))[1:]:
        variation = re.search(r"(pass|[A-Za-z]\d+)(\s+(pass|[A-Za-z]\d+))*$", part.strip())
        words = part.strip()[: variation.start()].split()[:-1]
        values = dict(zip(words[::2], words[1::2], strict=True))
        winrate = values["winrate"]
        percent = float(winrate) * 100 if "." in winrate else float(winrate) / 100
        shown.append((values["move"], int(values["visits"]), percent, variation[0].split()))
    return shown


@pytest.mark.parametrize("name", ["lz-analyze", "kata-analyze", "analyze"])
@pytest.mark.parametrize(("colour", "percent"), [("B", 75), ("W", 25), ("", 75)])
def test_sabaki_draws_it(engine, name, colour, percent):
    answers(engine, "play b C3\nplay w C4")
    (line, *_), _ = stream(engine, f"{name} {colour} 50".replace("  ", " "), 1)
    shown = sabaki(line)
    assert [entry[1] for entry in shown] == sorted((entry[1] for entry in shown), reverse=True)
    assert all(entry[2] == percent for entry in shown)
    assert all(entry[3][0] == entry[0] for entry in shown)
    assert {"C3", "C4"}.isdisjoint(entry[0] for entry in shown)


def test_the_numbers_of_leela_zero(engine):
    (line, *_), _ = stream(engine, "lz-analyze b 50", 1)
    first, second, *_ = infos(line)
    assert first.keys() == {"move", "visits", "winrate", "prior", "lcb", "order", "pv"}
    prior = engine.game.prior(0)  # the player looks once
    best = int(prior.argmax())
    assert first["prior"] == str(round(10000 * float(prior[best])))
    assert first["visits"] == str(round(1000 * float(prior[best])))
    assert (first["winrate"], first["order"], second["order"]) == ("7500", "0", "1")


def test_the_numbers_of_katago(engine):
    (line, *_), _ = stream(engine, "kata-analyze w 50 ownership true rootInfo true", 1)
    first = infos(line)[0]
    assert first.keys() == {
        *("move", "visits", "winrate", "scoreMean", "scoreStdev", "scoreLead", "prior", "lcb", "order", "pv")
    }
    assert (float(first["winrate"]), float(first["scoreLead"]), float(first["scoreStdev"])) == (0.25, -2.5, 4)
    assert np.isclose(float(first["prior"]), engine.game.prior(0).max(), atol=1e-6)
    assert re.search(r" rootInfo visits \d+ winrate 0\.250000 ", line)
    # "from the perspective of the current player", row after row from the upper left.
    ownership = [float(word) for word in line.partition(" ownership ")[2].split()]
    assert len(ownership) == 25 and ownership[0] == -1 and ownership[-1] == 1
    (line, *_), _ = stream(engine, "kata-analyze b 50", 1)
    assert "ownership" not in line and "rootInfo" not in line
    assert "." in infos(line)[0]["winrate"]


def test_lines_grow_until_the_next_input(engine):
    lines, waits = stream(engine, "kata-analyze b 20 maxmoves 1", 4)
    assert [len(infos(line)[0]["pv"]) for line in lines] == [1, 2, 3, 4]
    assert waits == [0.2] * 4
    # The line is the likeliest sensible answers: this network likes the last free point.
    expected = {"E1": "D1", "A1": "E1", "A5": "E1", "E5": "E1"}
    pv = infos(lines[-1])[0]["pv"]
    assert pv[1] == expected[pv[0]]


def test_a_position_is_judged_once_and_without_a_time_limit():
    """So the winrate does not jump from line to line."""
    judge = FixedJudge()
    engine = engine_of(judge=judge)
    stream(engine, "kata-analyze b 1000", 7)
    assert judge.seconds == [None]


def test_without_an_interval_there_is_one_line(engine):
    lines, waits = stream(engine, "lz-analyze b", 1)
    assert len(lines) == 1 and waits[0] > 1000


@pytest.mark.parametrize(
    ("words", "moves"),
    [
        ("maxmoves 3", 3),
        ("minmoves 25", 25),
        ("minmoves 100", 25),
        ("allow b A1,B2,C3 1 minmoves 9", 3),
        ("allow b A1,B2 1 allow b C3 1 minmoves 9", 3),
        ("allow b A1 1 allow w C3 1 minmoves 9", 1),  # each colour has its own
        ("allow b A1,B2 1 avoid b A1 1 minmoves 9", 1),
        ("avoid b A1,B2 1 avoid b C3 4 minmoves 30", 22),
        ("ownershipStdev true movesOwnership true pvEdgeVisits true noResultValue true maxmoves 3", 3),
        ("avoid w A1,B2 1 minmoves 30", 25),  # not our colour
        ("pvVisits true minmoves 2 maxmoves 2", 2),
        ("interval 30 maxmoves 4", 4),
    ],
)
def test_which_moves_are_told(engine, words, moves):
    (line, *_), _ = stream(engine, f"kata-analyze b {words}", 1)
    assert line.count("info move") == moves
    assert ("pvVisits" in line) == ("pvVisits" in words)


@pytest.mark.parametrize("form", ["lz-", "kata-", "", "cgos-"])
@pytest.mark.parametrize("words", ["allow w C3 1", "avoid w ALL 1", "avoid w ALL,pass 1", "allow w D4 1 avoid w D4 1"])
def test_where_nothing_is_allowed_it_is_the_pass(engine, form, words):
    """Whether or not the pass is barred too."""
    answers(engine, "play b C3")
    words = words.replace("ALL", ",".join(f"{column}{row}" for column in "ABCDE" for row in range(1, 6)))
    (line, *_), _ = stream(engine, f"{form}analyze w 10 {words}", 1)
    said, move = answers(engine, f"{form}genmove_analyze w {words}")[0].splitlines()[1:]
    assert said == line and move == "play pass"
    if form == "cgos-":
        assert [(each["move"], each["prior"]) for each in json.loads(line)["moves"]] == [("pass", 1)]
    else:
        assert [(each["move"], each["pv"][0], each["visits"]) for each in infos(line)] == [("pass", "pass", "1000")]


@pytest.mark.parametrize(("allowed", "answer"), [("A1", "A1"), ("A1,pass", "pass"), ("A2", "pass"), ("pass", "pass")])
def test_a_line_fills_an_eye_where_the_pass_is_barred(engine, allowed, answer):
    # As the move itself does: A1 is White's eye.
    answers(engine, "set_position w A2 w B1 w B2")
    lines, _ = stream(engine, f"kata-analyze b 10 allow w {allowed} 2", 2)
    assert infos(lines[-1])[0]["pv"] == ["E1", answer]
    (line, *_), _ = stream(engine, f"kata-analyze w 10 allow w {allowed} 2", 1)
    assert infos(line)[0]["pv"] == [answer]


# KataGo's docs/GTP_Extensions.md: "Prohibit the search from exploring the specified moves for the specified player,
# until UNTILDEPTH ply deep in the search."


@pytest.mark.parametrize("form", ["lz-", "kata-", "", "cgos-"])
def test_a_move_keeps_to_what_is_avoided_and_allowed(engine, form):
    for words, move in (
        ("avoid b E1,A5 1", "D1"),
        ("avoid b E1 1 avoid b D1,A5 3", "C1"),
        ("avoid w E1 1", "E1"),  # not our colour
        ("allow b A1,B2 1", "A1"),
        ("avoid b E1 0", "E1"),  # no move deep
    ):
        assert answers(engine, f"{form}genmove_analyze b {words}")[0].endswith(f"\nplay {move}"), words
        answers(engine, "undo")


@pytest.mark.parametrize(
    ("words", "second", "third"),
    [
        ("allow b A1 1", "E1", "D1"),
        ("allow b A1 1 avoid w E1 2", "D1", "E1"),
        ("allow b A1 1 avoid w E1 1", "E1", "D1"),  # the answer lies deeper
        ("allow b D4 3 allow b A1 1", "E1", "D4"),  # later only what reaches deeper allows
        ("allow b A1,D4 3", "E1", "D4"),
        ("allow b A1,D4 2", "E1", "D1"),
    ],
)
def test_the_lines_keep_to_it_as_deep_as_it_reaches(engine, words, second, third):
    lines, _ = stream(engine, f"kata-analyze b 20 {words}", 3)
    assert infos(lines[-1])[0]["pv"] == ["A1", second, third]
    # Without the restriction the same position is looked at anew.
    lines, _ = stream(engine, "kata-analyze b 20 maxmoves 1", 1)
    assert len(infos(lines[0])[0]["pv"]) == 1


@pytest.mark.parametrize(
    "words",
    [
        *("x", "x y", "interval", "maxmoves two", "allow b", "allow b Z9 1", "avoid green A1 1"),
        *("maxmoves -1", "minmoves -3", "avoid b A1 -1", "allow b A1 -1", "interval -5", "b 10 foo bar"),
    ],
)
def test_what_cannot_be_read(engine, words):
    assert answers(engine, f"lz-analyze {words}") == ["? syntax error"]
    assert answers(engine, f"kata-genmove_analyze b {words}") == ["? syntax error"]


def test_where_no_move_is_legal_it_is_the_pass():
    engine = engine_of(FixedEvaluator(1))
    (line, *_), _ = stream(engine, "kata-analyze w 10", 1)
    assert sabaki(line)[0][0] == "pass"
    assert infos(line)[0]["move"] == "pass" and infos(line)[0]["pv"] == ["pass"]
    words = answers(engine, "kata-raw-nn w 0")[0].split()
    assert words[words.index("policyPass") + 1] == "1.000000"


@pytest.mark.parametrize("form", ["lz-", "kata-", "", "cgos-"])
def test_a_move_after_its_analysis(engine, form):
    # Sabaki and Lizzie find the move by `play VERTEX` at a line's beginning, with the pass in small letters.
    lines = answers(engine, f"7 {form}genmove_analyze b 100")[0].splitlines()
    assert lines[0] == "=7 " and len(lines) == 3
    assert lines[2] == "play E1" and stones(engine)[4] == "....X"
    engine.game.player.choose = lambda *_, **__: Choice(25, "")
    assert answers(engine, f"{form}genmove_analyze w")[0].splitlines()[2] == "play pass"
    assert engine.game.board.moves[-1][1] == 25


def test_the_analysis_before_a_move_is_part_of_its_time(engine, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    judge, given = FixedJudge(), []

    def judge_for_a_second(board, rules, seconds=None):
        now[0] += 1
        given.append(seconds)
        return judge.judgement

    engine.game.player.judge.judge = judge_for_a_second
    answers(engine, "kata-time_settings absolute 400")
    limit = engine.clock.seconds(BLACK)
    answers(engine, "lz-genmove_analyze b")
    assert given == [limit / 2]
    assert engine.clock.seconds(BLACK) == pytest.approx(limit - 1 / 40)


def likes_the_corner_in_one_look():
    """In one look E1 is likeliest, averaged over all symmetries it is C3."""
    logits = np.zeros(25, np.float32)
    logits[24], logits[12] = 3, 2.5
    return engine_of(FixedEvaluator(logits=logits), style=Style(symmetries=8))


@pytest.mark.parametrize("form", ["kata-", "lz-", ""])
@pytest.mark.parametrize(
    ("lines", "move"),
    [
        ("", "C3"),
        ("time_settings 3600 0 0", "C3"),
        ("time_settings 10 0 0\ntime_left b 0 0", "E1"),
        ("kata-time_settings byoyomi 0 0.1 5", "E1"),
        ("kata-time_settings fischer 0 0.1", "E1"),
        ("time_settings 10 0 0\ntime_left b 0 0\nkata-analyze b 10", "C3"),  # it has looked already
        ("time_settings 3600 0 0\ntime_left b 0 0\nlz-genmove_analyze b\nundo\ntime_left b 3600 0", "C3"),
        ("time_settings 3600 0 0\ntime_left b 0 0\nlz-genmove_analyze b\nundo\nkata-analyze b 1", "C3"),
    ],
)
def test_a_move_is_the_first_candidate_of_its_analysis_however_short_the_clock(form, lines, move):
    engine = likes_the_corner_in_one_look()
    answers(engine, lines)
    said, played = answers(engine, f"{form}genmove_analyze b")[0].splitlines()[1:]
    assert (infos(said)[0]["move"], played) == (move, f"play {move}")


@pytest.mark.parametrize(("clock", "rows"), [("", 8), ("time_settings 10 0 0\ntime_left b 0 0", 1)])
def test_a_move_with_its_analysis_takes_the_looks_of_one(clock, rows):
    """The lines look further only where there is time for them."""
    engine = likes_the_corner_in_one_look()
    evaluator, looked = engine.game.player._evaluator, []
    look = evaluator.logits
    evaluator.logits = lambda rows: (looked.append(len(rows)), look(rows))[1]
    answers(engine, f"{clock}\ngenmove b\nundo")
    assert sum(looked) == rows
    looked.clear()
    answers(engine, "kata-genmove_analyze b")
    if rows == 1:
        assert looked == [1]
    else:
        assert looked[:2] == [1, 7] and set(looked[2:]) == {1}  # one for each move of a line


@pytest.mark.parametrize("form", ["kata-", "lz-", "", "cgos-"])
def test_a_move_comes_with_a_line(form):
    """What CGOS's viewer and q5Go's variations draw; on a short clock there is no time for it."""

    def line(clock):
        reply = answers(engine_of(), f"{clock}\n{form}genmove_analyze b 100")[-1].splitlines()[1]
        if form != "cgos-":
            return infos(reply)[0]["pv"]
        first = json.loads(reply)["moves"][0]
        return [first["move"], *first["pv"].split()]

    assert len(line("")) == len(line("kata-time_settings byoyomi 0 30 5")) == 5
    assert len(line("kata-time_settings byoyomi 0 0.5 5")) == 1


def test_the_line_of_cgos(engine):
    told = json.loads(stream(engine, "cgos-analyze w 10", 1)[0][0])
    assert told.keys() == {"winrate", "score", "visits", "moves", "ownership"}
    assert (told["winrate"], told["score"]) == (0.25, -2.5)
    assert told["moves"][0].keys() == {"move", "winrate", "score", "prior", "pv", "visits"}
    # -1.0 is A, 1.0 is +
    assert (told["ownership"][0], told["ownership"][12], told["ownership"][24]) == ("A", "f", "+")


def test_it_is_the_position_s_analysis_that_goes_on():
    """Asked again for the same position it goes on; a move, an undo, other rules or the other colour begin anew."""
    judge = FixedJudge()
    engine = engine_of(judge=judge)
    for line in ("lz-analyze b", "play w C3", "lz-analyze b", "undo", "komi 1", "lz-analyze b", "lz-analyze w"):
        answers(engine, line)
    assert judge.seconds == [None] * 4
    answers(engine, "lz-analyze w")
    assert judge.seconds[4:] == []
    assert engine.game.analyst(BLACK) is not engine.game.analyst(3 - BLACK)


@pytest.mark.parametrize(
    ("changes", "symmetries"),
    [
        ("kata-set-param symmetries 1", 1),
        ("kata-set-param level 9\nkata-set-param temperature 0", 1),
        ("kata-set-param likeHuman true", 1),
        ("hayago-param symmetries 1", 1),
        ("kata-set-param symmetries 1\nlz-analyze b\nkata-set-param level 10", 8),
    ],
)
def test_another_way_of_playing_is_another_analysis(changes, symmetries):
    engine = engine_of(style=Style(symmetries=8))
    answers(engine, f"kata-analyze b 10\n{changes}")
    (line, *_), _ = stream(engine, "kata-analyze b 10", 1)
    first, likeliest = infos(line)[0], engine.game.prior(0 if symmetries == 1 else None)
    assert float(first["prior"]) == pytest.approx(float(likeliest.max()), abs=1e-6)
    if engine.game.style.temperature == 0:
        assert answers(engine, "reg_genmove b") == [f"= {first['move']}"]


def test_an_analysis_that_fails_midway_ends_well(engine, capsys):
    engine.game.player.judge.judge = None
    assert engine.answer("3 kata-analyze b 10") == "=3 \n\n"
    assert capsys.readouterr().err.startswith("hayago: internal error in '3 kata-analyze b 10': TypeError")
