"""Matches of real processes: the engines of tests/engines, GNU Go, and the network in the box."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sgfmill import sgf

from hayago.cli import main
from hayago.errors import HayagoError
from hayago.match.match_game import _winner
from hayago.match.match_record import MatchFolder
from hayago.match.runner import MatchOptions, read_players, schedule
from hayago.network.model_file import default_model_path
from hayago.rules.coordinates import BLACK, WHITE
from paths import ENGINES
from programs import GNUGO


def engine(name, *arguments):
    """A command line for one of our engines, quoted as every system reads it."""
    return " ".join(f'"{word}"' for word in (sys.executable, "-S", ENGINES / f"{name}.py", *arguments))


HONEST, OTHER = engine("honest"), f"other={engine('honest', '--length', '2')}"
REFEREE = engine("honest", "--score", "B+3.5")


@pytest.fixture
def play(capsys, tmp_path):
    """Runs `hayago match` on 9x9; gives the exit code, the result (JSON) and stderr."""

    def run(*players, games=2, size=9, referee=REFEREE, out=tmp_path / "match", **options):
        words = ["match", *players, "--out", out, "--games", games, "--size", size, "--json"]
        if referee:
            words += ["--referee", referee]
        for name, value in options.items():
            values = value if isinstance(value, tuple) else (value,)
            words += [f"--{name.replace('_', '-')}", *values]
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return code, json.loads(captured.out) if captured.out else None, captured.err

    return run


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The folder of a match of two games."""
    out = tmp_path_factory.mktemp("played") / "match"
    words = ["match", HONEST, OTHER, "--out", out, "--games", 2, "--size", 9, "--referee", REFEREE]
    assert main([str(word) for word in words]) == 0
    return out


@pytest.fixture
def results(played, tmp_path):
    """The results of a copy of it, and its players."""
    shutil.copytree(played, tmp_path / "match")
    return tmp_path / "match" / "results.jsonl", (HONEST, OTHER)


def results_of(folder):
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


def moves_of(path):
    game = sgf.Sgf_game.from_bytes(path.read_bytes())
    return [node.get_move() for node in game.get_main_sequence()[1:]]


# A match as it should be.


def test_a_match_and_what_it_leaves(play, tmp_path):
    code, result, err = play(f"one={HONEST}", OTHER, games=4, komi=6.5)
    assert code == 0
    assert (result["planned"], result["played"], result["distinct"]) == (4, 4, 4)
    (pair,) = result["pairs"]
    assert (pair["first"], pair["second"]) == ("one", "other")
    assert (pair["wins"], pair["draws"], pair["losses"], pair["void"]) == (2, 0, 2, 0)
    assert (pair["wins_as_black"], pair["games_as_black"]) == (2, 2)
    assert pair["estimate"] == pytest.approx({"value": 0.5, "low": 0.15, "high": 0.85}, abs=0.01)
    assert pair["elo"] == pytest.approx({"value": 0, "low": -301, "high": 301}, abs=1)
    assert [player["identity"] for player in result["players"]] == ["honest 1", "honest 1"]
    assert err.splitlines()[0].startswith("game 1: one (black) - other (white): B+3.5, ")

    folder = tmp_path / "match"
    results = results_of(folder)
    assert [line["number"] for line in results] == [1, 2, 3, 4]
    assert [(line["black"], line["opening"]) for line in results] == [
        ("one", 0),
        ("other", 0),
        ("one", 1),
        ("other", 1),
    ]
    assert {line["ending"] for line in results} == {"passes"}
    about = json.loads((folder / "match.json").read_text())
    assert about["match"]["komi"] == 6.5 and about["match"]["players"][1]["identity"] == "honest 1"
    assert about["began"][:2] == "20" and about["hayago"]

    openings = sgf.Sgf_game.from_bytes((folder / "openings.sgf").read_bytes())
    opening = [node.get_move() for node in openings.get_main_sequence()[1:]]
    assert len(opening) == 4
    assert all(2 <= row <= 6 and 2 <= column <= 6 for _, (row, column) in opening)
    games = [moves_of(folder / "games" / f"000{number}.sgf") for number in (1, 2, 3, 4)]
    assert games[0][:4] == games[1][:4] == opening != games[2][:4] == games[3][:4]
    game = sgf.Sgf_game.from_bytes((folder / "games" / "0001.sgf").read_bytes())
    root, *nodes = game.get_main_sequence()
    assert (root.get("PB"), root.get("PW"), root.get("RE"), root.get("KM")) == ("one", "other", "B+3.5", 6.5)
    assert root.get("RU") == "Chinese"
    assert nodes[4].get("C") == nodes[5].get("C") == "move 1 of mine"
    assert nodes[-1].get("C").endswith("passes\nreferee: B+3.5")


def test_what_the_engines_are_told(play, tmp_path):
    log, referee_log = tmp_path / "log", tmp_path / "referee"
    code, _, _ = play(
        engine("honest", "--log", str(log)),
        OTHER,
        komi=5.5,
        rules="japanese",
        time=(60, 10, 5),
        opening_moves=2,
        referee=engine("honest", "--score", "B+1", "--log", str(referee_log)),
    )
    assert code == 0
    told = log.read_text().splitlines()
    first = told.index("genmove B")
    game = told[max(i for i in range(first) if told[i] == "boardsize 9") : first]
    seeds = [line for line in told if line.startswith("set_random_seed")]
    plays = [line.split()[1] for line in game if line.startswith("play")]
    begun = "boardsize clear_board komi kgs-rules"
    commands = [line.split()[0] for line in game if not line.startswith("known_command")]
    assert commands == f"{begun} time_settings set_random_seed play play time_left".split()
    assert {"komi 5.5", "kgs-rules japanese", "time_settings 60 10 5", "time_left B 60 0"} <= set(game)
    assert plays == ["B", "W"]
    assert len(seeds) == len(set(seeds)) == 3  # once before the games
    asked = [line.split()[0] for line in referee_log.read_text().splitlines() if "known_command" not in line]
    assert asked[:6] == f"name version {begun}".split()
    assert asked[6:11] == f"{begun} play".split() and asked[-2:] == ["final_score", "quit"]
    assert told.count("name") == 1 and told[-1] == "quit"  # one process for the whole match


def test_games_side_by_side(play, tmp_path):
    log = tmp_path / "log"
    code, result, _ = play(engine("late", "--log", str(log), "--delay", "0.05"), OTHER, games=8, parallel=3)
    assert code == 0 and result["played"] == 8
    assert sorted(line["number"] for line in results_of(tmp_path / "match")) == list(range(1, 9))
    assert log.read_text().splitlines().count("quit") == 3


def test_everybody_meets_everybody(play):
    code, result, _ = play(HONEST, HONEST, OTHER)
    assert code == 0 and result["played"] == 6
    names = Path(sys.executable).stem, f"{Path(sys.executable).stem}-2", "other"
    assert [(pair["first"], pair["second"]) for pair in result["pairs"]] == [
        (names[0], names[1]),
        (names[0], names[2]),
        (names[1], names[2]),
    ]
    assert all(pair["wins"] == pair["losses"] == 1 for pair in result["pairs"])
    assert [player["points"] for player in result["players"]] == [2, 2, 2]
    assert result["distinct"] == 6  # HONEST meets OTHER twice with the same moves, under two names


def test_the_table(capsys, tmp_path):
    words = ["match", HONEST, f"two={engine('cheating')}", "--size", "9", "--games", "2", "--referee", REFEREE]
    assert main([*words, "--out", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert "100.0% (20.7% to 100.0%)" in out and "+inf (-234 to +inf)" in out
    assert "illegal move 2" in out and "2 different games of 2" in out
    assert "two is charged: illegal move; two: illegal move white" in err


def test_the_table_while_it_runs(play, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    monkeypatch.setenv("COLUMNS", "80")
    code, _, err = play(HONEST, f"two={engine('cheating')}")
    assert code == 0 and "1 of 2 games" in err and "2 of 2 games" in err
    assert "two is charged: illegal move" in err
    assert "…" not in err  # it wraps and is not cut


# Openings.


def test_openings_from_a_file_and_games_that_repeat(play, tmp_path):
    path = tmp_path / "openings.sgf"
    path.write_text(
        "(;SZ[9]PB[Shusaku]BR[7p]RE[B+R]AB[cc][gg]AW[cg];W[gc];B[ee];W[ef])(;SZ[9]AB[cc][gg]AW[cg];W[gc];B[ee];W[aa])"
    )
    code, result, err = play(HONEST, OTHER, games=4, openings=path, opening_moves=2)
    assert code == 0
    assert "openings: 1, games: 4; some games may repeat others" in err
    assert result["distinct"] == 2 and result["repeated"] == [[1, 3], [2, 4]]
    game = sgf.Sgf_game.from_bytes((tmp_path / "match" / "games" / "0001.sgf").read_bytes())
    assert game.get_root().get("AB") == {(6, 2), (2, 6)}
    assert game.get_root().get("PB") != "Shusaku" and not game.get_root().has_property("BR")
    assert moves_of(tmp_path / "match" / "games" / "0001.sgf")[:3] == [
        ("w", (6, 6)),
        ("b", (4, 4)),
        ("w", (0, 5)),  # the first move of an engine
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(;SZ[13];B[cc])", "an opening for 13x13, not 9x9"),
        ("(;SZ[9];B[cc];W[cc])", "illegal move white C7: the point is occupied"),
        ("(;SZ[9];B[cc];W[];B[])", "ends with two passes"),
        ("nothing", "not SGF"),
    ],
)
def test_openings_that_cannot_be_used(play, tmp_path, text, message):
    path = tmp_path / "openings.sgf"
    path.write_text(text)
    code, _, err = play(HONEST, OTHER, openings=path)
    assert code == 1 and message in err and err.count("\n") == 1


def test_an_opening_may_not_repeat_a_position_where_the_rules_forbid_it(play, tmp_path):
    path = tmp_path / "openings.sgf"
    path.write_text("(;SZ[2];B[aa];W[bb];B[ba];W[ab];B[aa];W[ba];B[aa])")
    words = {"size": 2, "openings": path}
    assert play(HONEST, OTHER, **words)[0] == 0
    code, _, err = play(HONEST, OTHER, ko="positional", out=tmp_path / "strict", **words)
    assert code == 1 and "it repeats an earlier position (superko)" in err and err.count("\n") == 1
    assert not (tmp_path / "strict" / "match.json").exists()
    assert play(HONEST, OTHER, ko="positional", out=tmp_path / "lot", size=2, games=20, opening_moves=9)[0] == 0


def test_sampled_openings_follow_the_seed(play, tmp_path):
    texts = []
    for number, seed in enumerate((1, 1, 2)):
        assert play(HONEST, OTHER, out=tmp_path / str(number), seed=seed)[0] == 0
        texts.append((tmp_path / str(number) / "openings.sgf").read_bytes())
    assert texts[0] == texts[1] != texts[2]


def test_more_openings_than_there_are(play):
    code, _, err = play(HONEST, OTHER, games=60, size=3, opening_moves=1)
    assert code == 1 and "on 3x3 there are not 30 openings of 1 moves, only 9 were found" in err


# Who has won.


SCORES = {"B+12.5": BLACK, "w+0.5": WHITE, "B+R": BLACK, "W+Resign": WHITE, "B+T": BLACK, "B+": BLACK}
SCORES |= {"W+3.5 (upper bound: 2)": WHITE, "B+361": BLACK, "W+10.": WHITE, "B+05": BLACK}
SCORES |= dict.fromkeys(("0", "0.0", "Draw", "jigo"), 0)
NO_SCORES = ["B+nan", "B+inf", "W+-5", "W++5", "B+1e5", "B+0", "W+0.0", "B+x", "B5", "+5", "1", "B+5x"]
NO_SCORES += ["", "B 5", "B+9" + "9" * 400]


@pytest.mark.parametrize(("said", "winner"), [*SCORES.items(), *((said, None) for said in NO_SCORES)])
def test_what_is_a_score(said, winner):
    assert _winner(said) == winner


@pytest.mark.parametrize(
    ("black", "white", "referee", "winner", "disputed"),
    [
        ("B+1.5", "B+2.5", "W+0.5", "W+0.5", True),
        ("W+1.5", "W+1.5", "W+0.5", "W+0.5", False),
        ("W+1.5", "W+1.5", "", "W+1.5", False),
        ("0", "Draw", "", "0", False),
        ("B+1.5", "W+1.5", "", "Void", True),
        ("B+1.5", "who knows", "", "Void", False),
        ("B+1.5", "B+1.5", "cannot score", "Void", False),
        ("B+nan", "B+nan", "", "Void", False),
    ],
)
def test_who_says_who_has_won(play, tmp_path, black, white, referee, winner, disputed):
    # The first player says one thing of the game with Black, and the same with White: only game 1 is looked at.
    code, result, _ = play(
        f"one={engine('honest', '--score', black)}",
        f"two={engine('honest', '--score', white)}",
        referee=engine("honest", "--score", referee) if referee else "",
    )
    assert code == 0
    game = results_of(tmp_path / "match")[0]
    if winner == "Void" and referee:
        winner = "B+1.5" if black == white else winner
    assert (game["result"], game["disputed"]) == (winner, disputed)
    assert (1 in result["disputed"]) == disputed
    assert (1 in result["void"]) == (winner == "Void")
    assert game["scores"].get("black") == black


def test_a_referee_that_fails_is_asked_again_and_then_left_out(play, tmp_path):
    score = engine("honest", "--score", "B+1")
    code, _, _ = play(f"one={score}", f"two={score}", referee=engine("crashing_referee", "--score", "W+1"))
    assert code == 0
    game = results_of(tmp_path / "match")[0]
    assert game["result"] == "B+1" and "referee" not in game["scores"]
    assert "referee: the engine has ended (exit status 3) when asked 'final_score'" in game["detail"]


def test_a_player_that_fails_behind_its_game_is_not_charged_for_it(play, tmp_path):
    code, result, _ = play(f"one={engine('crashing_referee', '--score', 'W+1')}", OTHER)
    assert code == 0 and not any(result["players"][0]["charges"].values())
    game = results_of(tmp_path / "match")[0]
    assert game["result"] == "B+3.5" and "one: the engine has ended (exit status 3)" in game["detail"]


def test_resignation_and_move_limit(play, tmp_path):
    code, result, _ = play(f"one={engine('honest', '--moves', 'E5 resign')}", OTHER, opening_moves=0)
    assert code == 0 and result["pairs"][0]["losses"] == 2
    assert [line["result"] for line in results_of(tmp_path / "match")] == ["W+R", "B+R"]
    code, result, _ = play(HONEST, OTHER, out=tmp_path / "short", move_limit=6)
    assert code == 0 and result["move_limit"] == [1, 2]
    assert all(line["moves"] == 6 and line["result"] == "B+3.5" for line in results_of(tmp_path / "short"))


@pytest.mark.parametrize(("ko", "ending"), [("simple", "passes"), ("positional", "illegal move")])
def test_the_ko_rule(play, tmp_path, ko, ending):
    # Black's fourth move on 2x2 takes nothing back at once, and brings an earlier position.
    black, white = "A2 B2 A2 A2 pass", "B1 A1 B2 pass"
    play(
        f"one={engine('honest', '--moves', black)}",
        f"two={engine('honest', '--moves', white)}",
        size=2,
        opening_moves=0,
        ko=ko,
        move_limit=20,
    )
    game = results_of(tmp_path / "match")[0]
    assert game["ending"] == ending
    assert game["charged"] == ("one" if ko == "positional" else "")
    assert ("superko" in game["detail"]) == (ko == "positional")


# Engines that misbehave.


@pytest.mark.slow
@pytest.mark.parametrize(
    ("player", "options", "charge", "how", "detail"),
    [
        (engine("crashing"), {}, "crash", "F", "out of memory"),
        (engine("hanging"), {"timeout": 2}, "time-out", "T", "no answer to 'genmove B' in 2 s"),
        (engine("hanging_clock"), {"timeout": 2, "time": (1, 0, 0)}, "time-out", "T", "no answer to 'time_left B 1 0'"),
        (engine("cheating"), {}, "illegal move", "F", "the point is occupied"),
        (engine("honest", "--moves", "hello"), {}, "illegal move", "F", "answered 'hello'"),
        (engine("babbling"), {}, "junk", "F", "let me think about this"),
        (engine("refusing"), {}, "refusal", "F", "illegal move"),
        (engine("late", "--delay", "30"), {"time": (2, 0, 0)}, "clock", "T", "the time has run out"),
    ],
)
def test_whoever_misbehaves_has_lost_and_the_match_goes_on(play, tmp_path, player, options, charge, how, detail):
    code, result, err = play(f"bad={player}", f"good={HONEST}", **options)
    assert code == 0
    assert result["pairs"][0]["losses"] == result["played"] == 2
    bad, good = result["players"]
    assert bad["charges"] == {**dict.fromkeys(bad["charges"], 0), charge: 2}
    assert not any(good["charges"].values())
    assert [line["result"] for line in results_of(tmp_path / "match")] == [f"W+{how}", f"B+{how}"]
    assert err.count("bad is charged") == 2
    assert detail in results_of(tmp_path / "match")[0]["detail"]
    game = sgf.Sgf_game.from_bytes((tmp_path / "match" / "games" / "0001.sgf").read_bytes())
    assert detail in game.get_last_node().get("C")


@pytest.mark.slow
def test_a_late_engine_without_a_clock_is_in_time(play):
    code, result, _ = play(engine("late", "--delay", "0.2"), OTHER)
    assert code == 0 and not any(result["players"][0]["charges"].values())
    assert result["players"][0]["seconds_per_game"] > 0.5


def test_an_engine_that_has_crashed_is_started_anew(play, tmp_path):
    log = tmp_path / "log"
    play(engine("crashing", "--log", str(log)), OTHER, games=4)
    assert len([line for line in log.read_text().splitlines() if line == "boardsize 9"]) == 5  # once before the games


@pytest.mark.parametrize(
    ("players", "options", "message"),
    [
        ([HONEST], {}, "a match needs at least two players"),
        ([HONEST, "no-such-engine"], {}, "cannot start 'no-such-engine'"),
        ([HONEST, f"bad={sys.executable} -c pass"], {}, "bad: the engine has ended"),
        ([HONEST, f"bad={engine('honest', '--sizes', '13 19')}"], {}, "bad: 'boardsize 9' was answered 'unacceptable"),
        ([HONEST, OTHER], {"referee": ""}, "does not know final_score, so the match needs a referee"),
        ([HONEST, OTHER], {"referee": HONEST}, "referee: does not know final_score"),
        ([HONEST, "referee=gnugo"], {}, "the name referee is taken"),
        ([HONEST, "draw=gnugo"], {}, "the name draw is taken"),
        ([OTHER, OTHER], {}, "the name other is taken"),
        ([HONEST, "nothing.safetensors"], {}, "nothing.safetensors: no such model file"),
        ([HONEST, OTHER], {"games": 3}, "games must be even: 3"),
        ([HONEST, OTHER], {"games": 0}, "games must be at least 2: 0"),
        ([HONEST, OTHER], {"games": 10**9}, "games must be at most 100,000: 1000000000"),
        ([HONEST, OTHER], {"openings": "a.parquet"}, "a.parquet: a game store; openings are SGF files"),
        ([HONEST, OTHER], {"size": 20}, "board size must be 2 to 19: 20"),
        ([HONEST, OTHER], {"parallel": 0}, "parallel must be above 0"),
        ([HONEST, OTHER], {"timeout": 0}, "timeout must be above 0"),
        ([HONEST, OTHER], {"timeout": "inf"}, "timeout must not be above"),
        ([HONEST, OTHER], {"komi": "nan"}, "komi must be from -1000 to 1000 points: nan"),
        ([HONEST, OTHER], {"komi": 1e300}, "komi must be from -1000 to 1000 points: 1e+300"),
        ([HONEST, OTHER], {"openings": "nothing.sgf"}, "cannot read nothing.sgf"),
        ([HONEST, OTHER], {"opening_moves": -1}, "opening moves must not be below 0"),
        ([HONEST, OTHER], {"seed": -1}, "seed must not be below 0"),
        ([HONEST, OTHER], {"seed": 2**64}, "seed must be below 2^63"),
        ([HONEST, OTHER], {"parallel": 100_000}, "parallel must not be above 1,024"),
        ([HONEST, OTHER], {"games": -2}, "games must be at least 2: -2"),
        ([HONEST, OTHER], {"time": (0, 0, 0)}, "not a clock: 0 0 0"),
        ([HONEST, OTHER], {"time": (60, 10, 0)}, "not a clock: 60 10 0"),
        ([HONEST, OTHER], {"sprt": (5, 5)}, "must be the larger one: 5 5"),
        ([HONEST, OTHER], {"sprt": (0, "inf")}, "an Elo difference must not be above 2000: 0 inf"),
        ([HONEST, HONEST, OTHER], {"sprt": (0, 5)}, "the sequential test is for two players"),
    ],
)
def test_what_cannot_be_begun_is_one_line_before_the_first_game(play, tmp_path, players, options, message):
    code, result, err = play(*players, **options)
    assert (code, result) == (1, None)
    assert message in err
    assert err.startswith("hayago: ") and err.count("\n") == 1
    assert not (tmp_path / "match").exists()


# Stopping and going on.


def start(*words):
    return subprocess.Popen(
        [sys.executable, "-m", "hayago", *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for_games(folder, count):
    path = folder / "results.jsonl"
    deadline = time.monotonic() + 120
    while not path.exists() or len(path.read_bytes().splitlines()) < count:
        assert time.monotonic() < deadline, "the match does not get on"
        time.sleep(0.05)


@pytest.mark.slow
def test_killed_and_interrupted_and_resumed(tmp_path, capsys):
    folder = tmp_path / "match"
    log = tmp_path / "log"
    slow = engine("late", "--log", str(log), "--delay", "0.2")
    words = ["match", f"slow={slow}", OTHER, "--out", folder, "--size", "9", "--games", "12", "--parallel", "2"]
    words += ["--referee", REFEREE, "--json"]
    process = start(*words)
    wait_for_games(folder, 3)
    process.kill()
    process.communicate()
    assert 3 <= len(results_of(folder)) < 12

    kept = len(results_of(folder))
    if os.name != "nt":
        process = start(*words)
        wait_for_games(folder, kept + 2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (130, "")
        assert f"{folder}: continuing after {kept} of 12 games\n" in err
        assert err.splitlines()[-2].endswith("games are kept; the same command continues")
        assert err.splitlines()[-1] == "hayago: interrupted"
        kept = len(results_of(folder))
        assert kept < 12

    assert main([str(word) for word in words]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["played"] == 12
    assert f"continuing after {kept} of 12 games" in err
    results = results_of(folder)
    assert sorted(line["number"] for line in results) == list(range(1, 13))
    assert not any(line["charged"] for line in results)
    assert len(list((folder / "games").iterdir())) == 12
    assert [line["number"] for line in results[:kept]] == [line["number"] for line in results_of(folder)[:kept]]

    # Another process plays there; a match that is done has nothing to do but to tell.
    with MatchFolder(folder):
        assert main([str(word) for word in words]) == 1
    assert "another process is playing this match" in capsys.readouterr().err
    games = log.read_text().count("genmove")
    assert main([str(word) for word in words]) == 0
    assert json.loads(capsys.readouterr().out)["played"] == 12
    assert log.read_text().count("genmove") == games


def test_another_match_in_the_same_folder_is_refused(play, tmp_path):
    path = tmp_path / "openings.sgf"
    path.write_text("(;SZ[9];B[cc])")
    options = {"openings": path, "komi": 7.5}
    assert play(HONEST, OTHER, **options)[0] == 0
    for changed, message in [
        ({"komi": 6.5}, "this match was begun with komi 7.5, not 6.5; use another folder"),
        ({"games": 4}, "begun with games 2, not 4"),
        ({"time": (60, 0, 0)}, "begun with time null, not [60, 0, 0]"),
        ({"referee": ""}, "does not know final_score"),
    ]:
        code, _, err = play(HONEST, OTHER, **{**options, **changed})
        assert code == 1 and message in err and err.count("\n") == 1
    assert "begun with players" in play(OTHER, HONEST, **options)[2]
    path.write_text("(;SZ[9];B[dd])")
    assert "begun with openings" in play(HONEST, OTHER, **options)[2]
    path.write_text("(;SZ[9];B[cc])")
    assert play(HONEST, OTHER, parallel=2, **options)[0] == 0
    (tmp_path / "match" / "openings.sgf").write_text("(;SZ[9];B[dd])")
    assert "begun with openings_hash" in play(HONEST, OTHER, **options)[2]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"moves": True}, "line 2 is damaged"),
        ({"number": "2"}, "line 2 is damaged"),
        ({"winner": None}, "line 2 is damaged"),
        ({"white_seconds": float("nan")}, "line 2 is damaged"),
        ({"black_seconds": 1e300}, "line 2 is damaged"),
        ({"scores": ["B+1"]}, "line 2 is damaged"),
        ({"scores": {"referee": 1}}, "line 2 is damaged"),
        ({"disputed": 0}, "line 2 is damaged"),
        ({"more": 1}, "line 2 is damaged"),
        ({"winner": "one"}, "line 2 is damaged"),
        ({"winner": "draw"}, "line 2 is damaged"),
        ({"winner": ""}, "line 2 is damaged"),
        ({"result": "W+3.5"}, "line 2 is damaged"),
        ({"result": "Void"}, "line 2 is damaged"),
        ({"ending": "xx"}, "line 2 is damaged"),
        ({"ending": "crash"}, "line 2 is damaged"),
        ({"ending": "crash", "charged": "other"}, "line 2 is damaged"),
        ({"ending": "resignation", "disputed": True}, "line 2 is damaged"),
        ({"charged": "x"}, "line 2 is damaged"),
        ({"charged": "one"}, "line 2 is damaged"),
        ({"moves": 10**30}, "line 2 is damaged"),
        ({"scores": {"me": "B+1"}}, "line 2 is damaged"),
        ({"detail": json.loads("[" * 900 + "]" * 900)}, "line 2 is damaged"),
        ({"number": 1}, "game 1 that is not of this match"),
        ({"number": 5}, "game 5 that is not of this match"),
        ({"seed": 1}, "game 2 that is not of this match"),
        ({"opening": 7}, "game 2 that is not of this match"),
        ({"black": "x"}, "line 2 is damaged"),
        ({"winner": "x"}, "line 2 is damaged"),
    ],
)
def test_results_that_no_match_writes(changes, said, results, play):
    path, words = results
    lines = path.read_text().splitlines()
    lines[1] = json.dumps(json.loads(lines[1]) | changes)
    path.write_text("\n".join([*lines, ""]))
    code, _, err = play(*words, out=path.parent)
    assert code == 1 and said in err and err.count("\n") == 1
    assert path.read_text().splitlines() == lines


def test_results_that_were_torn_or_damaged(play, tmp_path):
    folder = tmp_path / "match"
    assert play(HONEST, OTHER, games=4)[0] == 0
    path = folder / "results.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:2]) + lines[2][:50])
    code, result, err = play(HONEST, OTHER, games=4)
    assert code == 0 and result["played"] == 4 and "continuing after 2 of 4" in err
    assert [line["number"] for line in results_of(folder)] == [1, 2, 3, 4]
    path.write_text("".join([lines[0], "{}\n", lines[2]]))
    code, _, err = play(HONEST, OTHER, games=4)
    assert code == 1 and "line 2 is damaged" in err
    (folder / "match.json").write_text("[" * 5000)
    assert "match.json: damaged" in play(HONEST, OTHER, games=4)[2]
    (folder / "match.json").write_text("{")
    assert "match.json: damaged" in play(HONEST, OTHER, games=4)[2]
    (folder / "match.json").write_text('{"match": {}, "format": 99}')
    assert "another version of hayago" in play(HONEST, OTHER, games=4)[2]
    (folder / "match.json").unlink()
    assert "no match.json" in play(HONEST, OTHER, games=4)[2]


def test_the_sequential_test_stops_the_match(play, tmp_path):
    options = {"games": 400, "sprt": (0, 400), "opening_moves": 2}
    code, result, _ = play(f"good={HONEST}", f"bad={engine('cheating', '--after', '0')}", **options)
    assert code == 0
    assert result["sprt"]["accepted"] == "elo1" and result["sprt"]["ratio"] > 2.94
    assert 4 < result["played"] < 60 and result["planned"] == 400
    assert play(f"good={HONEST}", f"bad={engine('cheating', '--after', '0')}", **options)[1] == result


# The parts.


def test_the_schedule():
    pairings = schedule(["a", "b", "c"], 4, 1, 7)
    assert [pairing.number for pairing in pairings] == list(range(1, 13))
    assert [(p.black, p.white) for p in pairings[:6]] == [
        ("a", "b"),
        ("b", "a"),
        ("a", "c"),
        ("c", "a"),
        ("b", "c"),
        ("c", "b"),
    ]
    assert {p.opening for p in pairings} == {0}
    assert [p.opening for p in schedule(["a", "b"], 8, 3, 7)] == [0, 0, 1, 1, 2, 2, 0, 0]
    assert len({p.seed for p in pairings}) == 12
    assert {p.seed for p in pairings}.isdisjoint(p.seed for p in schedule(["a", "b", "c"], 4, 1, 8))


def test_players_that_are_networks(tmp_path):
    copy = shutil.copy(default_model_path(), tmp_path / "mine.safetensors")
    box, mine, named = read_players(["box --temperature 1", str(copy), "third=box"])
    assert box.command[1:] == ["-m", "hayago", "gtp", "--model", str(default_model_path()), "--temperature", "1"]
    assert (box.name, mine.name, named.name) == ("box", "mine", "third")
    assert mine.command[-1] == str(copy) and mine.model == box.model and len(mine.model) == 64


def test_default_move_limit_and_bad_command_line():
    assert MatchOptions(size=9).conditions.move_limit == 162
    with pytest.raises(HayagoError, match="no closing quotation"):
        read_players([HONEST, 'gnugo "a'])


# Real players.


@pytest.mark.slow
@pytest.mark.gnugo
def test_gnu_go_wins_and_says_so(play, tmp_path):
    gnugo = f"{GNUGO} --mode gtp --chinese-rules --level 0"
    code, result, _ = play(gnugo, f"cheat={engine('cheating', '--after', '3')}", OTHER, referee=gnugo, seed=3)
    assert code == 0 and result["played"] == 6
    assert result["pairs"][0]["wins"] == 2 and result["players"][1]["charges"]["illegal move"] == 2
    assert result["players"][0]["identity"].startswith("GNU Go")
    assert result["pairs"][1]["wins"] == 2 and not result["void"]


@pytest.mark.slow
def test_the_network_in_the_box(play, tmp_path):
    code, result, _ = play("box", OTHER, size=19, move_limit=14)
    assert code == 0 and not any(result["players"][0]["charges"].values())
    assert result["players"][0]["identity"].startswith("hayago")
    openings = moves_of(tmp_path / "match" / "openings.sgf")
    assert len(openings) == 8
    assert all(min(row, 18 - row, column, 18 - column) >= 1 for _, (row, column) in openings)
