"""KataGo's JSON analysis protocol. What is expected here is in its docs/Analysis_Engine.md, and in what KaTrain reads
of an answer (katrain/core/engine.py and game_node.py)."""

import json
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

from fakes import BrokenEvaluator, FixedEvaluator
from gtp_engines import FixedJudge, game_of
from hayago import __version__
from hayago.gtp.kata_json import Desk, work_off
from paths import PROOFS


class Service:
    """A desk whose tasks are worked off when asked for."""

    def __init__(self, *evaluators, judge=None):
        self.judge = judge or FixedJudge()
        self.game = game_of(*evaluators, judge=self.judge)
        self.said = []
        self.desk = Desk(lambda line: self.said.append(json.loads(line)))

    def put(self, *queries):
        for query in queries:
            self.desk.put(query if isinstance(query, str) else json.dumps(query))

    def answers(self, *queries):
        """What is said to these queries when the input ends behind them."""
        self.put(*queries)
        self.desk.put(None)
        while (task := self.desk.take()) is not None:
            work_off(self.game, task, self.desk)
        return self.said


def query(**fields):
    return {"id": "q", "moves": [], "rules": "chinese", "komi": 7.5, "boardXSize": 5, "boardYSize": 5, **fields}


def answer(*evaluators, judge=None, **fields):
    """The one answer to a query."""
    (said,) = Service(*evaluators, judge=judge).answers(query(**fields))
    return said


def test_an_answer_has_what_katrain_reads():
    # The very query of KaTrain's request_analysis.
    said = answer(
        rules="japanese",
        priority=1000,
        analyzeTurns=[2],
        maxVisits=500,
        komi=6.5,
        includeOwnership=True,
        includeMovesOwnership=True,
        includePolicy=True,
        initialStones=[["B", "A1"]],
        initialPlayer="W",
        moves=[["W", "C3"], ["B", "D3"]],
        overrideSettings={"reportAnalysisWinratesAs": "BLACK", "maxTime": 8.0, "wideRootNoise": 0.04},
        reportDuringSearchEvery=1.0,
    )
    assert (said["id"], said["isDuringSearch"], said["turnNumber"]) == ("q", False, 2)
    root = said["rootInfo"]
    assert (root["winrate"], root["scoreLead"], root["currentPlayer"]) == (0.75, 2.5, "W")
    assert root["visits"] == sum(move["visits"] for move in said["moveInfos"])
    first = said["moveInfos"][0]
    assert [move["order"] for move in said["moveInfos"]] == list(range(len(said["moveInfos"])))
    assert (
        len(first["pv"]) == 5
        and first["move"] == first["pv"][0]
        and (first["winrate"], first["scoreLead"]) == (0.75, 2.5)
    )
    assert len(first["ownership"]) == len(said["ownership"]) == 25
    assert (said["ownership"][0], said["ownership"][24]) == (1, -1)
    policy = said["policy"]
    assert len(policy) == 26 and policy[12] == policy[13] == policy[20] == -1
    assert np.isclose(sum(value for value in policy if value >= 0), 1, atol=1e-4)
    assert first["prior"] == pytest.approx(max(policy), abs=1e-6)


def test_what_is_not_asked_for_is_left_out():
    said = answer(includePVVisits=True)
    assert "ownership" not in said and "policy" not in said and "ownership" not in said["moveInfos"][0]
    assert len(said["moveInfos"][0]["pvVisits"]) == len(said["moveInfos"][0]["pv"])
    assert "pvVisits" not in answer()["moveInfos"][0]


@pytest.mark.parametrize(
    ("view", "winrate", "owner"), [("BLACK", 0.75, 1), ("WHITE", 0.25, -1), ("SIDETOMOVE", 0.25, -1)]
)
def test_winrates_are_told_as_asked(view, winrate, owner):
    said = answer(moves=[["B", "C3"]], overrideSettings={"reportAnalysisWinratesAs": view}, includeOwnership=True)
    assert said["rootInfo"]["winrate"] == said["moveInfos"][0]["winrate"] == winrate
    assert said["rootInfo"]["scoreLead"] == (2.5 if owner == 1 else -2.5)
    assert said["ownership"][0] == owner


def test_each_turn_is_answered():
    said = Service().answers(query(moves=[["B", "E1"], ["W", "A1"]], analyzeTurns=[0, 1, 2], includePolicy=True))
    assert sorted(entry["turnNumber"] for entry in said) == [0, 1, 2]
    by_turn = {entry["turnNumber"]: entry for entry in said}
    assert [by_turn[turn]["rootInfo"]["currentPlayer"] for turn in range(3)] == ["B", "W", "B"]
    assert [[point for point, value in enumerate(by_turn[turn]["policy"]) if value == -1] for turn in range(3)] == [
        [],
        [24],
        [20, 24],
    ]
    assert len({entry["rootInfo"]["thisHash"] for entry in said}) == 3


def test_moves_are_taken_tolerantly():
    moves = [["B", "B1"], ["B", "A2"], ["W", "A1"], ["W", "PASS"], ["W", "(4,0)"]]
    policy = answer(moves=moves, includePolicy=True)["policy"]
    assert policy[4] == -1 and policy[20] > 0  # E5 is taken, the suicide at A1 is gone


@pytest.mark.parametrize(
    ("fields", "points"),
    [
        ({}, 7.5),
        ({"komi": 0}, 0),
        ({"komi": None}, 7.5),
        ({"rules": "japanese", "komi": None}, 6.5),
        ({"initialStones": [["B", "A1"], ["B", "B2"]], "initialPlayer": "W"}, 9.5),
        ({"initialStones": [["B", "A1"], ["B", "B2"]], "whiteHandicapBonus": "N-1"}, 8.5),
        ({"initialStones": [["B", "A1"], ["B", "B2"]], "rules": "aga"}, 8.5),
        ({"initialStones": [["B", "A1"], ["W", "B2"]]}, 7.5),
        ({"moves": [["B", "A1"], ["B", "B2"], ["B", "C2"], ["W", "D2"]]}, 10.5),
        ({"moves": [["B", "A1"], ["W", "D2"], ["B", "B2"]]}, 7.5),
    ],
)
def test_komi_and_handicap_are_counted(fields, points):
    judge = FixedJudge()
    fields = {**query(), **fields}
    if fields["komi"] is None:
        del fields["komi"]
    Service(judge=judge).answers(fields)
    assert judge.rules[0].komi_and_compensation(0) == points


def test_rules_as_an_object():
    judge = FixedJudge()
    answer(judge=judge, rules={"scoring": "TERRITORY", "ko": "SIMPLE", "tax": "SEKI"}, komi=1)
    assert (judge.rules[0].scoring, judge.rules[0].ko, judge.rules[0].komi) == ("territory", "simple", 1)


def test_rules_that_cannot_be_counted_are_warned_of():
    # KaTrain knows stone scoring. "In the case of a warning, the query will still proceed".
    warning, said = Service().answers(query(rules="stone_scoring"))
    assert warning.keys() == {"warning", "field", "id"} and (warning["field"], warning["id"]) == ("rules", "q")
    assert said["turnNumber"] == 0
    warning, said = Service().answers(query(surprise=1))
    assert warning["field"] == "surprise" and "rootInfo" in said


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize(
    ("rules", "uncounted", "counted"),
    [
        (
            {"ko": "SIMPLE", "scoring": "AREA", "tax": "NONE", "suicide": False, "hasButton": True},
            ["hasButton"],
            ("area", "simple"),
        ),
        ({"scoring": "AREA", "tax": "ALL"}, ["tax"], ("area", "positional")),
        ({"tax": "all", "scoring": "territory"}, ["tax"], ("territory", "positional")),
        ({"scoring": "TERRITORY", "tax": "NONE"}, ["tax"], ("territory", "positional")),
        ({"tax": "SEKI"}, ["tax"], ("area", "positional")),
        ({"hasButton": True, "tax": "ALL"}, ["hasButton", "tax"], ("area", "positional")),
        ({"scoring": "TERRITORY", "tax": "SEKI", "hasButton": False}, [], ("territory", "positional")),
    ],
)
def test_an_object_s_rules_that_cannot_be_counted_are_warned_of(rules, uncounted, counted, as_text):
    judge = FixedJudge()
    *warnings, said = Service(judge=judge).answers(query(rules=json.dumps(rules) if as_text else rules))
    assert [(each["field"], each["warning"].split()[3]) for each in warnings] == [("rules", each) for each in uncounted]
    assert "rootInfo" in said and (judge.rules[0].scoring, judge.rules[0].ko) == counted


def test_moves_can_be_avoided():
    best = answer()["moveInfos"][0]["move"]
    avoided = answer(avoidMoves=[{"player": "B", "moves": [best], "untilDepth": 1}])["moveInfos"]
    assert avoided and best not in [move["move"] for move in avoided]
    other = answer(avoidMoves=[{"player": "W", "moves": [best], "untilDepth": 1}])["moveInfos"]
    assert other[0]["move"] == best
    taken = answer(
        moves=[["B", "C3"], ["W", "D4"]],
        allowMoves=[{"player": "B", "moves": ["C3"], "untilDepth": 1}],
        includePolicy=True,
    )
    assert [(move["move"], move["prior"]) for move in taken["moveInfos"]] == [("pass", 1)] and taken["policy"][-1] == 1
    allowed = answer(allowMoves=[{"player": "B", "moves": ["C3"], "untilDepth": 1}])["moveInfos"]
    assert [move["move"] for move in allowed] == ["C3"]
    answered = answer(avoidMoves=[{"player": "W", "moves": [allowed[0]["pv"][1]], "untilDepth": 2}],
                      allowMoves=[{"player": "B", "moves": ["C3"], "untilDepth": 1}])["moveInfos"]  # fmt: skip
    assert answered[0]["pv"][0] == "C3" and answered[0]["pv"][1] != allowed[0]["pv"][1]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"moves": 3}, "moves"),
        ({"moves": [["B"]]}, "moves"),
        ({"moves": [["B", "Z9"]]}, "moves"),
        ({"moves": [["B", "(9,9)"]]}, "moves"),
        ({"moves": [["G", "A1"]]}, "moves"),
        ({"moves": [["B", "A1"], ["W", "A1"]]}, "moves"),
        ({"initialStones": [["B", "A1"], ["W", "A1"]]}, "initialStones"),
        ({"initialStones": [["B", "A1"], ["W", "A2"], ["W", "B1"]]}, "initialStones"),
        ({"initialPlayer": "G"}, "initialPlayer"),
        ({"rules": "hungarian"}, "rules"),
        ({"rules": 3}, "rules"),
        ({"rules": {"ko": "NONE"}}, "rules"),
        ({"rules": {"tax": "HALF"}}, "rules"),
        ({"rules": {"hasButton": "perhaps"}}, "rules"),
        ({"rules": {"scoring": "NONE", "tax": "ALL"}}, "rules"),
        ({"rules": '{"ko":' + "[" * 100000}, "rules"),
        ({"komi": "seven"}, "komi"),
        ({"komi": 1000}, "komi"),
        ({"boardXSize": 9, "boardYSize": 9}, "boardXSize"),
        ({"boardYSize": 7}, "boardYSize"),
        ({"boardXSize": 50}, "boardXSize"),
        ({"boardXSize": True}, "boardXSize"),
        ({"analyzeTurns": [1]}, "analyzeTurns"),
        ({"analyzeTurns": 1}, "analyzeTurns"),
        ({"analyzeTurns": []}, "analyzeTurns"),
        ({"avoidMoves": [{"player": "B", "moves": ["C3"], "untilDepth": 0}]}, "avoidMoves"),
        ({"allowMoves": [{"player": "B", "moves": ["C3"], "untilDepth": -2}]}, "allowMoves"),
        ({"includePolicy": 1}, "includePolicy"),
        ({"overrideSettings": 1}, "overrideSettings"),
        ({"overrideSettings": {"reportAnalysisWinratesAs": "GREEN"}}, "overrideSettings"),
        ({"avoidMoves": [1]}, "avoidMoves"),
        ({"avoidMoves": [{"player": "B", "moves": ["C3"]}]}, "avoidMoves"),
        ({"priority": "high"}, "priority"),
        ({"priorities": [1, 2]}, "priorities"),
        ({"action": "dance"}, "action"),
        ({"action": "terminate"}, "terminateId"),
    ],
)
def test_a_query_that_makes_no_sense(fields, field):
    said = answer(**fields)
    assert said.keys() == {"error", "field", "id"}
    assert (said["field"], said["id"]) == (field, "q")


def test_an_illegal_move_is_called_so():
    assert "Illegal move" in answer(moves=[["B", "A1"], ["W", "A1"]])["error"]  # KaTrain looks for these words


@pytest.mark.parametrize("line", ["{", "3", "[]", '"x"', "{}", '{"id": 3}', "\x00", "[" * 100000])
def test_a_line_that_is_no_query(line):
    said = Service().answers(line, query())
    assert "error" in said[0] and said[0].keys() <= {"error", "field"}
    assert said[1]["id"] == "q"


def test_empty_lines_are_nothing():
    assert Service().answers("", "  ", "\r") == []


def test_a_network_that_fails_is_an_error_of_the_query(capsys):
    said = answer(BrokenEvaluator())
    assert said["id"] == "q" and said["error"].startswith("internal error: RuntimeError")
    assert capsys.readouterr().err.count("\n") == 1


def test_higher_priorities_come_first():
    service = Service()
    service.put(
        query(id="low", priority=-1),
        query(id="each", moves=[["B", "A1"]], analyzeTurns=[0, 1], priorities=[1, 5]),
        query(id="plain"),
    )
    said = service.answers()
    assert [(entry["id"], entry["turnNumber"]) for entry in said] == [
        ("each", 1),
        ("each", 0),
        ("plain", 0),
        ("low", 0),
    ]


def test_several_sizes():
    said = Service(FixedEvaluator(5), FixedEvaluator(7)).answers(
        query(boardXSize=7, boardYSize=7, includePolicy=True), query(includePolicy=True)
    )
    assert [len(entry["policy"]) for entry in said] == [50, 26]


# Actions: "echo back a json object with exactly the same data and fields of the query".


def test_version_and_cache():
    version, cache = Service().answers(
        {"id": "v", "action": "query_version"}, {"id": "c", "action": "clear_cache", "x": 1}
    )
    assert version == {"id": "v", "action": "query_version", "version": __version__, "git_hash": "<omitted>"}
    assert cache == {"id": "c", "action": "clear_cache", "x": 1}


def test_models_are_told_once_loaded():
    service = Service()
    service.put({"id": "m", "action": "query_models"})
    assert service.said == []
    service.desk.loaded(lambda: [{"name": "x"}])
    service.put({"id": "n", "action": "query_models"})
    assert [(entry["id"], entry["models"]) for entry in service.said] == [
        ("m", [{"name": "x"}]),
        ("n", [{"name": "x"}]),
    ]


@pytest.mark.parametrize(
    ("action", "ended", "left"),
    [
        ({"action": "terminate", "terminateId": "a"}, ["a0", "a1"], ["b0"]),
        ({"action": "terminate", "terminateId": "a", "turnNumbers": [1]}, ["a1"], ["a0", "b0"]),
        ({"action": "terminate", "terminateId": "x"}, [], ["a0", "a1", "b0"]),
        ({"action": "terminate_all"}, ["a0", "a1", "b0"], []),
        ({"action": "terminate_all", "turnNumbers": [0]}, ["a0", "b0"], ["a1"]),
    ],
)
def test_what_is_terminated_is_answered_without_results(action, ended, left):
    service = Service()
    service.put(query(id="a", moves=[["B", "A1"]], analyzeTurns=[0, 1]), query(id="b"), {"id": "t", **action})
    *without, echo = service.said
    assert echo == {"id": "t", **action}
    assert all(entry["noResults"] is True and entry["isDuringSearch"] is False for entry in without)
    assert [f"{entry['id']}{entry['turnNumber']}" for entry in without] == ended
    said = service.answers()[len(without) + 1 :]
    assert sorted(f"{entry['id']}{entry['turnNumber']}" for entry in said) == left


class Counted(int):
    """A number that counts how often it is compared."""

    compared = 0

    def __eq__(self, other):
        Counted.compared += 1
        return int(self) == other

    __hash__ = int.__hash__


@pytest.mark.parametrize("action", [{"action": "terminate_all"}, {"action": "terminate", "terminateId": "a"}])
def test_many_tasks_are_terminated_at_once(action, monkeypatch):
    """Each task is looked at a few times, however many there are, and however many turns are named."""
    monkeypatch.setattr(Counted, "compared", 0)
    number = 300
    numbers = iter(map(Counted, range(number)))
    service = Service()
    service.desk._number = numbers
    turns = [*range(number)]
    service.put(query(id="a", moves=[["B", "pass"]] * number, analyzeTurns=turns))
    before = Counted.compared
    service.put({"id": "t", **action, "turnNumbers": turns})
    assert sum("noResults" in entry for entry in service.said) == number
    assert Counted.compared - before <= 3 * number


# The process.


@pytest.mark.slow
def test_a_process_answers_all_and_ends_with_its_input(tmp_path):
    from gtp_engines import random_model
    from hayago.network.model_file import save_model

    for size in (5, 7):
        model = random_model(size)
        save_model(tmp_path / f"{size}.safetensors", model.weights, model.info)
    lines = [
        {"id": "v", "action": "query_version"},
        query(id="five", includePolicy=True),
        query(id="seven", boardXSize=7, boardYSize=7),
        query(id="nine", boardXSize=9, boardYSize=9),
        query(id="four", boardXSize=4, boardYSize=4),
        {"id": "m", "action": "query_models"},
    ]
    models = [f"--model={tmp_path / f'{size}.safetensors'}" for size in (5, 7)]
    process = subprocess.run(
        [sys.executable, "-m", "hayago", "gtp", "--analysis-json", *models],
        input="".join(json.dumps(line) + "\n" for line in lines).rstrip(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (process.returncode, process.stderr) == (0, "hayago: no network learned on 9x9: that of 7x7 plays\n")
    said = {entry["id"]: entry for entry in map(json.loads, process.stdout.splitlines())}
    assert said.keys() == {"v", "five", "seven", "nine", "four", "m"}
    assert len(said["five"]["policy"]) == 26 and "no network" in said["four"]["error"]
    assert [model["internalName"] for model in said["m"]["models"]] == ["hayago-5", "hayago-7"]


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without telling it")
def test_sigterm_ends_the_process():
    # KaTrain's way of ending its engine.
    process = subprocess.Popen(
        [sys.executable, "-m", "hayago", "gtp", "--analysis-json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    watchdog = threading.Timer(300, process.kill)
    watchdog.start()
    process.stdin.write(b'{"id":"v","action":"query_version"}\n')
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["version"] == __version__
    process.send_signal(signal.SIGTERM)
    assert (process.wait(timeout=300), process.stderr.read()) == (0, b"")
    watchdog.cancel()


def test_a_client_that_reads_no_more_but_closes_our_input():
    serve = "from gtp_engines import game_of; from hayago.gtp.kata_json import serve_json; serve_json(game_of, 0.5)"
    process = subprocess.Popen(
        [sys.executable, "-c", serve], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=PROOFS
    )
    for _ in range(100):  # far more than two pipes hold
        process.stdin.write(json.dumps({"id": "x" * 4096, "action": "query_version"}).encode() + b"\n")
    process.stdin.close()
    assert (process.wait(timeout=300), process.stderr.read()) == (0, b"")
