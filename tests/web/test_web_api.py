"""The API behind the page: games, the network's views, reviews, and what strangers may not do."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.client import HTTPResponse

import numpy as np
import pytest
import requests
import uvicorn
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from fakes import BrokenEvaluator, FixedEvaluator
from gtp_engines import random_model
from hayago.cli import main
from hayago.errors import HayagoError
from hayago.features.plain import encode
from hayago.features.planes import plane_name
from hayago.network.evaluator import make_evaluator
from hayago.network.model_file import save_model
from hayago.player.player import Player
from hayago.player.styles import LEVELS, LIKE_HUMAN
from hayago.records.sgf import read_comments, read_sgf
from hayago.rules.board import Board
from hayago.rules.coordinates import BLACK, WHITE, vertex_of, vertex_to_point
from hayago.web import app as routes
from hayago.web import room, server
from hayago.web.app import make_app
from hayago.web.guard import JSON_BYTES, SGF_BYTES, Guard
from hayago.web.room import OneAtATime, Room

HOST = "127.0.0.1:8361"
SGF = {"content-type": "application/x-go-sgf"}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("static")
    (folder / "index.html").write_text("<!doctype html><title>hayago</title>")
    (folder / "page.js").write_text("export {}")
    return folder


@pytest.fixture(scope="module")
def evaluator():
    return make_evaluator(random_model(9), threads=1)


@pytest.fixture(scope="module")
def large():
    return make_evaluator(threads=1)


class Page:
    """A browser's side: a client, and the room that it talks to."""

    def __init__(self, evaluator, page, **options):
        self.room = Room(evaluator)
        self.app = Guard(make_app(self.room, "a network", page), **options)
        self.client = TestClient(self.app, base_url=f"http://{HOST}", raise_server_exceptions=False)

    def get(self, path, status=200, **options):
        response = self.client.get(path, **options)
        assert response.status_code == status, response.text
        return response.json()

    def post(self, path, body=None, status=200):
        response = self.client.post(path, json=body)
        assert response.status_code == status, response.text
        return response.json()

    def begin(self, **options):
        """A new game, by its address."""
        return "/api/games/" + self.post("/api/games", options, 201)["id"]

    def review(self, data, status=201):
        response = self.client.post("/api/games/sgf", content=data, headers=SGF)
        assert response.status_code == status, response.text
        return response.json()

    def play(self, game, *vertices):
        for vertex in vertices:
            shown = self.post(f"{game}/moves", {"vertex": vertex})
        return shown

    def refused(self, path, body=None):
        """Why a move is illegal or not the user's to make."""
        return self.post(path, body, 409)["detail"]


@pytest.fixture
def small(evaluator, page):
    return Page(evaluator, page)


@pytest.fixture
def five(page):
    return Page(FixedEvaluator(5), page)


@pytest.fixture(scope="module")
def reviewer(large, page):
    return Page(large, page)


def moves_of(shown):
    return [(move["colour"], move["vertex"]) for move in shown["moves"]]


def sgf_of(size, *vertices, root=""):
    """A game on a board of this size; colours take turns."""
    nodes = []
    for n, vertex in enumerate(vertices):
        point = vertex_to_point(vertex, size)
        place = "" if point == size * size else chr(97 + point % size) + chr(97 + point // size)
        nodes.append(f";{'BW'[n % 2]}[{place}]")
    return f"(;SZ[{size}]{root}{''.join(nodes)})".encode()


# What it is.


def test_about(small):
    about = small.get("/api/about")
    assert about["model"] == {
        "name": "a network",
        "filters": 2,
        "layers": 3,
        "planes": 48,
        "board_size": 9,
        "sizes": list(range(5, 20)),
        "positions_trained": None,
    }
    assert [level["level"] for level in about["levels"]] == list(range(1, len(LEVELS) + 1))
    assert about["levels"][0]["text"] == "samples at temperature 1.5"
    assert "8 symmetries" in about["levels"][9]["text"]
    assert {rules["name"]: rules["komi"] for rules in about["rules"]} == {"chinese": 7.5, "japanese": 6.5, "aga": 7.5}
    assert about["limits"] == {"sgf_bytes": 5_000_000, "games": 64, "moves": 2000}
    assert about["compiling"] is False


def test_its_types_are_written_down(small):
    paths = small.get("/api/openapi.json")["paths"]
    assert len(paths) == 16
    answer = paths["/api/games/{id}/policy/{ply}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer == {"$ref": "#/components/schemas/Policy"}
    for path, methods in paths.items():
        for method, described in methods.items():
            refusals = {status: kind["content"] for status, kind in described["responses"].items() if status > "3"}
            problem = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
            assert refusals == {"4XX": problem, "5XX": problem}, (path, method)
    assert list(paths["/api/games/sgf"]["post"]["requestBody"]["content"]) == ["application/x-go-sgf"]


def test_a_file_without_komi_shows_none(small):
    for komi, shown in (("", None), ("KM[nan]", None), ("KM[0]", 0), ("KM[6.5]", 6.5)):
        assert small.review(f"(;SZ[9]{komi};B[aa])".encode())["komi"] == shown
    assert small.post("/api/games", {}, 201)["komi"] == 7.5


# Playing.


def test_ten_moves_against_the_network_undo_two_passes_and_the_score(small):
    game = small.begin(human="B")
    board = Board(9)
    for _ in range(10):
        point = int(np.flatnonzero(board.sensible_points())[0])
        board.play(point)
        assert small.play(game, vertex_of(point, 9))["position"]["to_play"] == "W"
        shown = small.post(f"{game}/reply")
        board.play(vertex_to_point(shown["moves"][-1]["vertex"], 9))
        expected = np.where(board.grid() == WHITE, -1, board.grid())
        assert shown["position"]["stones"] == expected.tolist()
        assert shown["position"]["captures"] == {"B": board.captures[BLACK], "W": board.captures[WHITE]}
    assert len(shown["moves"]) == shown["position"]["ply"] == 20
    assert shown["position"]["last_move"] == shown["moves"][-1]["vertex"]
    assert shown["position"]["hoshi"] == ["C7", "G7", "E5", "C3", "G3"]
    back = small.post(f"{game}/undo")
    assert moves_of(back) == moves_of(shown)[:18] and back["position"]["to_play"] == "B"
    both = small.begin(human="both")
    small.play(both, "E5", "pass", "C3")
    shown = small.play(both, "pass", "pass")
    assert shown["over"]["reason"] == "passes"
    score = small.get(f"{both}/score")
    assert score["by"] == "playouts" and shown["over"]["score_text"] == score["text"] == shown["result"]
    assert (score["winner"], score["margin"]) == ("B", 81 - 7.5)
    assert np.array(score["ownership"]).shape == (9, 9) and np.mean(score["ownership"]) > 0
    assert score["dead"] == []
    for path, body in (("moves", {"vertex": "A1"}), ("reply", None), ("resign", {"colour": "B"})):
        assert small.refused(f"{both}/{path}", body) == "the game is over"


def test_dead_stones_are_named_and_komi_and_rules_count(small):
    wall = [f"{column}5" for column in "ABCDEFGHJ"]
    moves = [move for pair in zip(wall, [f"{column}6" for column in "ABCDEFGHJ"], strict=True) for move in pair]
    for options, text in (
        ({"komi": 0.5}, "B+8.5"),
        ({"rules": "japanese"}, "B+3.5"),  # 36 points and a prisoner against 27 and komi
    ):
        game = small.begin(human="both", **options)
        small.play(game, *moves, "pass", "E2")
        score = small.get(f"{game}/score")
        assert score["dead"] == ["E2"]
        assert score["text"] == text


def test_the_network_plays_its_own_colour_only(small):
    game = small.begin(human="W")
    assert small.refused(f"{game}/moves", {"vertex": "E5"}) == "it is the network's turn"
    shown = small.post(f"{game}/reply")
    assert moves_of(shown)[0][0] == "B"
    assert small.refused(f"{game}/reply") == "it is the user's turn"
    both = small.begin(human="both")
    assert small.refused(f"{both}/reply") == "it is the user's turn"


@pytest.mark.parametrize("level", [1, 9, 10])
def test_level(small, level):
    game = small.begin(level=level)
    style = small.room.get(game.rpartition("/")[2]).player.style
    assert style is LEVELS[level - 1]


def test_like_human(small):
    game = small.begin(like_human=True)
    assert small.room.get(game.rpartition("/")[2]).player.style is LIKE_HUMAN
    assert small.get(game)["players"]["W"]["name"] == "hayago, like a human"


def test_handicap(small):
    shown = small.post("/api/games", {"handicap": 4, "human": "B"}, 201)
    assert shown["position"]["to_play"] == "W" and shown["handicap"] == 4
    assert sum(map(sum, shown["position"]["stones"])) == 4
    assert shown["players"] == {"B": {"name": "You", "rank": ""}, "W": {"name": "hayago, level 10", "rank": ""}}
    game = f"/api/games/{shown['id']}"
    assert moves_of(small.post(f"{game}/reply"))[0][0] == "W"
    record = read_sgf(small.client.get(f"{game}/sgf").content)[0]
    assert (record.handicap, len(record.setup_black), record.komi) == (4, 4, 0.5)
    assert small.post("/api/games", {"handicap": 4, "komi": 6.5}, 201)["komi"] == 6.5
    one = small.post("/api/games", {"handicap": 1}, 422)
    assert one["detail"] == "handicap: 0, or 2 to 9 stones"


def test_boards_of_other_sizes(small):
    for size in (5, 13, 19):
        shown = small.post("/api/games", {"size": size, "human": "W"}, 201)
        assert shown["board_size"] == size == len(shown["position"]["stones"])
        reply = small.post(f"/api/games/{shown['id']}/reply")
        assert moves_of(reply)[0][0] == "B"
        assert len(small.get(f"/api/games/{shown['id']}/policy/0")["priors"]) == size
    assert small.post("/api/games", {}, 201)["board_size"] == 9
    assert str(small.post("/api/games", {"komi": -0.0}, 201)["komi"]) == "0.0"
    assert small.post("/api/games", {"size": 7, "handicap": 4}, 201)["handicap"] == 4
    refused = small.post("/api/games", {"size": 7, "handicap": 5}, 422)
    assert refused["detail"] == "handicap: 7x7 has no 5 fixed stones"
    refused = small.post("/api/games", {"size": 4}, 422)
    assert refused["detail"] == "size: the network is for boards of 5x5 to 19x19"
    for size in (0, 20, "9", 9.5):
        small.post("/api/games", {"size": size}, 422)
    review = small.review(b"(;SZ[13];B[cc];W[kk])")
    assert review["board_size"] == 13


def test_a_handicap_that_the_board_has_not(five):
    assert five.post("/api/games", {"handicap": 2}, 422)["detail"] == "handicap: 5x5 has no 2 fixed stones"


def test_illegal_moves_are_refused_with_the_reason(five):
    game = five.begin(human="both")
    five.play(game, "B1", "pass", "A2", "C2", "B2", "B3")
    assert five.refused(f"{game}/moves", {"vertex": "B2"}) == "illegal move black B2: the point is occupied"
    five.play(game, "pass")
    assert five.refused(f"{game}/moves", {"vertex": "A1"}) == "illegal move white A1: it is suicide"
    assert five.post(f"{game}/moves", {"vertex": "F1"}, 422)["detail"] == "vertex is off the board: 'F1'"
    assert five.post(f"{game}/moves", {"vertex": "<b>"}, 422)["detail"] == "not a vertex: '<b>'"
    assert len(five.get(game)["moves"]) == 7


def test_the_ko_is_shown_and_kept(five):
    game = five.begin(human="both")
    shown = five.play(game, "B2", "C2", "A1", "D1", "E5", "B1", "C1")
    assert shown["position"]["ko"] == "B1" and shown["position"]["captures"] == {"B": 1, "W": 0}
    assert five.refused(f"{game}/moves", {"vertex": "B1"}) == "illegal move white B1: it takes back the ko at once"


@pytest.mark.parametrize("rules", ["chinese", "japanese", "aga"])
def test_superko_where_the_rules_have_it(five, rules):
    game = five.begin(human="both", rules=rules)
    # White sends two stones, Black takes them, White takes the one that did: the position of move 6 again.
    five.play(game, "B2", "A2", "C2", "A3", "D1", "B1", "pass", "C1", "A1")
    if rules == "aga":
        reason = "it repeats an earlier position (superko)"
        assert five.refused(f"{game}/moves", {"vertex": "B1"}) == f"illegal move white B1: {reason}"
    else:
        assert five.play(game, "B1")["position"]["ply"] == 10


def test_undo(five):
    game = five.begin(human="both")
    assert five.refused(f"{game}/undo") == "there is no move to take back"
    five.play(game, "C3", "B2")
    assert moves_of(five.post(f"{game}/undo")) == [("B", "C3")]
    white = five.begin(human="W")
    five.post(f"{white}/reply")
    assert five.refused(f"{white}/undo") == "there is no move to take back"
    five.play(white, "A1")
    five.post(f"{white}/reply")
    assert len(five.post(f"{white}/undo")["moves"]) == 1
    five.play(white, "A1")  # and before the network has answered
    assert len(five.post(f"{white}/undo")["moves"]) == 1


def test_undo_goes_back_behind_the_end(five):
    game = five.begin(human="both")
    assert five.play(game, "C3", "pass", "pass")["over"]
    assert five.post(f"{game}/undo")["over"] is None


def test_resigning(five):
    game = five.begin(human="B")
    five.play(game, "C3")
    assert five.refused(f"{game}/resign", {"colour": "W"}) == "that is the network's colour"
    shown = five.post(f"{game}/resign", {"colour": "B"})
    assert shown["over"] == {"reason": "resignation", "winner": "W", "score_text": "W+R"}
    assert b"RE[W+R]" in five.client.get(f"{game}/sgf").content
    shown = five.post(f"{game}/undo")
    assert shown["over"] is None and len(shown["moves"]) == 1


def test_the_network_resigns_a_lost_game(small):
    game = small.begin(human="B", komi=-200)
    net = small.room.get(game.rpartition("/")[2])
    assert net.player.resign == room.RESIGN
    for row in range(1, 10):
        for column in "ABCDEFGH":
            if small.get(game)["over"]:
                break
            response = small.client.post(f"{game}/moves", json={"vertex": f"{column}{row}"})
            if response.status_code == 200:
                shown = small.post(f"{game}/reply")
    assert shown["over"] == {"reason": "resignation", "winner": "B", "score_text": "B+R"}
    moves = len(shown["moves"])
    shown = small.post(f"{game}/undo")
    assert shown["over"] is None and shown["position"]["to_play"] == "B" and len(shown["moves"]) == moves - 1


def test_a_game_has_an_end(five, monkeypatch):
    monkeypatch.setattr(room, "MOVES", 2)
    game = five.begin(human="both")
    five.play(game, "A1", "B2")
    assert "has 2 moves" in five.refused(f"{game}/moves", {"vertex": "C3"})


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"level": 0}, "level: Input should be greater than or equal to 1"),
        ({"level": 11}, "level: Input should be less than or equal to 10"),
        ({"rules": "house"}, "rules: Input should be 'chinese', 'japanese' or 'aga'"),
        ({"human": "black"}, "human: Input should be 'B', 'W' or 'both'"),
        ({"handicap": 10}, "handicap: Input should be less than or equal to 9"),
        ({"komi": 0.3}, "komi: Input should be a multiple of 0.5"),
        ({"komi": True}, "komi: Input should be a valid number"),
        ({"komi": "6.5"}, "komi: Input should be a valid number"),
        ({"handicap": "2"}, "handicap: Input should be a valid integer"),
        ({"handicap": 2.0}, "handicap: Input should be a valid integer"),
        ({"level": True}, "level: Input should be a valid integer"),
        ({"like_human": "yes"}, "like_human: Input should be a valid boolean"),
        ({"like_human": 1}, "like_human: Input should be a valid boolean"),
        ({"levels": 3}, "levels: Extra inputs are not permitted"),
        ({"two\nlines": 3}, "two lines: Extra inputs are not permitted"),
        ({"x" * 5000: 3}, "x" * 300),
        ([], "Input should be a valid dictionary or object to extract fields from"),
    ],
)
def test_a_wrong_request_says_what_is_wrong(small, body, detail):
    assert small.post("/api/games", body, 422)["detail"] == detail


@pytest.mark.parametrize("body", [b"", b"{", b'{"komi": NaN}', b'{"komi": 1e999}', b"\xff", b"[" * 9000])
def test_a_body_that_is_no_json(small, body):
    response = small.client.post("/api/games", content=body, headers={"content-type": "application/json"})
    assert response.status_code in (400, 422) and "\n" not in response.json()["detail"]


# Many at once.


def test_of_many_requests_for_one_move_one_is_granted(small):
    game = small.begin(human="B")
    with ThreadPoolExecutor(8) as pool:
        codes = list(
            pool.map(lambda _: small.client.post(f"{game}/moves", json={"vertex": "E5"}).status_code, range(8))
        )
        assert sorted(codes) == [200] + [409] * 7
        codes = list(pool.map(lambda _: small.client.post(f"{game}/reply").status_code, range(8)))
        assert sorted(codes) == [200] + [409] * 7
    assert len(small.get(game)["moves"]) == 2


class SlowEvaluator(FixedEvaluator):
    """A network that waits until it is let go, and counts how many ask it at once."""

    def __init__(self, size=5):
        super().__init__(size)
        self.go, self.asked = threading.Event(), threading.Event()
        self.inside = self.most = 0

    def logits(self, rows):
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.asked.set()
        assert self.go.wait(60)
        self.inside -= 1
        return super().logits(rows)


@pytest.mark.slow
def test_while_the_network_thinks_everything_else_is_answered(page):
    evaluator = SlowEvaluator()
    slow = Page(evaluator, page)
    game, other = slow.begin(human="W"), slow.begin(human="both")
    with slow.client, ThreadPoolExecutor(2) as pool:
        thinking = [pool.submit(slow.post, f"{each}/reply") for each in (game, slow.begin(human="W"))]
        assert evaluator.asked.wait(60)
        assert slow.play(other, "C3")["position"]["ply"] == 1
        assert slow.client.get("/").status_code == 200
        evaluator.go.set()
        assert [len(future.result()["moves"]) for future in thinking] == [1, 1]


def test_the_network_is_asked_by_one_at_a_time():
    evaluator = SlowEvaluator()
    one = OneAtATime(evaluator)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(one.logits, np.zeros((1, 13), np.uint8)) for _ in range(4)]
        assert evaluator.asked.wait(60)
        time.sleep(0.2)  # for the others to come in, if they could
        evaluator.go.set()
        assert [future.result().shape for future in asked] == [(1, 25)] * 4
    assert evaluator.most == 1


def test_a_move_taken_back_while_it_is_reviewed(page):
    evaluator = SlowEvaluator()
    slow = Page(evaluator, page)
    game = slow.begin(human="both")
    slow.play(game, "C3", "A1")
    with slow.client, ThreadPoolExecutor(1) as pool:
        reviewing = pool.submit(slow.get, f"{game}/review")
        assert evaluator.asked.wait(60)
        slow.post(f"{game}/undo")
        slow.play(game, "E1")
        evaluator.go.set()
        assert reviewing.result()["moves"][1]["vertex"] == "A1"
    moves = slow.get(f"{game}/review")["moves"]
    assert moves[1]["vertex"] == moves[1]["best"] == "E1" and moves[1]["rank"] == 1


def test_types_are_strict_wherever_a_body_is_read(small):
    game = small.begin(human="both")
    for path, body in (("moves", {"vertex": 5}), ("guess", {"ply": "0", "vertex": "A1"}), ("resign", {"colour": 1})):
        small.post(f"{game}/{path}", body, 422)
    small.post("/api/games", {"komi": 7}, 201)  # JSON does not tell 7 from 7.0


@pytest.mark.parametrize(
    "head",
    [
        "GET / HTTP/1.1\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: {HOST}\r\nHost: {HOST}\r\n\r\n",
        "no HTTP\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: x\r\n\r\n",
    ],
)
def test_what_is_no_http_is_answered_as_other_errors_are(small, head):
    with listening(small.app) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
            client.sendall(head.encode())
            answer = HTTPResponse(client)
            answer.begin()
            assert (answer.status, answer.getheader("Content-Type")) == (400, "application/json")
            assert json.loads(answer.read())["detail"]
        assert requests.get(f"http://127.0.0.1:{port}/api/about", timeout=60).status_code == 200


def test_strangers_do_not_fill_the_log():
    upgrade = f"GET /page.js HTTP/1.1\r\nHost: {HOST}\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n"
    with serving() as (process, address):
        port = int(address.rstrip("/").rpartition(":")[2])
        for head in [upgrade] * 30 + ["no HTTP\r\n\r\n"] * 200:
            with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as client:
                client.sendall(head.encode())
                while client.recv(4096):
                    pass
        process.kill()
        said = process.communicate()[1].splitlines()
    assert not [line for line in said if "pgrade" in line or "WebSocket" in line]
    assert len([line for line in said if "Invalid HTTP" in line]) <= 60  # 20 a minute


def test_too_many_at_once_are_told_so(small, monkeypatch):
    game = small.begin(human="W")
    monkeypatch.setattr(routes, "AT_ONCE", 0)
    assert "too many" in small.post(f"{game}/reply", status=429)["detail"]
    for path in ("policy/0", "review", "score"):
        small.get(f"{game}/{path}", 429)
    small.post(f"{game}/guess", {"ply": 0, "vertex": "A1"}, 429)
    monkeypatch.setattr(routes, "AT_ONCE", 1)
    for _ in range(3):  # who has been served leaves his place
        small.get(f"{game}/policy/0")


def test_reviews_leave_seats_for_what_takes_less_long(small, monkeypatch):
    game = small.begin(human="W")
    monkeypatch.setattr(routes, "REVIEWS", 0)
    assert "too many reviews" in small.get(f"{game}/review", 429)["detail"]
    small.get(f"{game}/policy/0")


@contextmanager
def listening(app):
    """The port of a real server of this process."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=server.Connection, ws="none", lifespan="off", loop="asyncio", log_config=None)
    serving = server.Server(config)
    thread = threading.Thread(target=serving.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        serving.should_exit = True
        thread.join(60)


@pytest.mark.parametrize(
    "asked", ["GET {}/review", "GET {}/review?first=0&last=30", "GET {}/policy/3", "POST {}/guess"]
)
def test_no_look_is_made_for_clients_that_have_gone(page, asked):
    evaluator = SlowEvaluator(9)
    looks = []
    evaluator.logits = lambda rows, look=evaluator.logits: looks.append(len(rows)) or look(rows)
    slow = Page(evaluator, page)
    shown = slow.review(sgf_of(9, "pass", "pass", "A1", *["pass"] * 100))
    game = f"/api/games/{shown['id']}"
    body = b'{"ply": 2, "vertex": "A1"}' if asked.startswith("POST") else b""
    head = f"{asked.format(game)} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    with listening(slow.app) as port:
        address = f"http://127.0.0.1:{port}"
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(routes.AT_ONCE)]
        for client in clients:
            client.sendall(request)
        asked_in_time = evaluator.asked.wait(60)
        for client in clients:
            client.close()
        # When these are answered, the server has seen that the others are closed.
        codes = [requests.get(f"{address}{game}", timeout=60).status_code for _ in range(5)]
        evaluator.go.set()
        answer = None
        while answer is None or answer.status_code == 429:  # the others are leaving their seats
            answer = requests.get(f"{address}{game}/review?first=0&last=1", timeout=60)
    assert asked_in_time and codes == [200] * 5
    assert [move["ply"] for move in answer.json()["moves"]] == [0, 1]
    assert len(looks) <= 2  # the one under way, and this one


def test_equal_reviews_are_looked_at_once(page):
    evaluator = SlowEvaluator()
    looks = []
    evaluator.logits = lambda rows, look=evaluator.logits: looks.append(len(rows)) or look(rows)
    slow = Page(evaluator, page)
    game = slow.begin(human="both")
    slow.play(game, "C3", "A1")
    with slow.client, ThreadPoolExecutor(4) as pool:
        parts = [pool.submit(slow.get, f"{game}/review") for _ in range(4)]
        assert evaluator.asked.wait(60)
        evaluator.go.set()
        first, *others = [part.result() for part in parts]
    assert all(other == first for other in others) and len(looks) == 1


def test_a_part_of_a_review_is_bounded(five):
    shown = five.review(sgf_of(5, *["pass"] * 100))
    game = f"/api/games/{shown['id']}/review"
    for words in ("", "?last=99", "?first=0&last=1000000"):
        part = five.get(f"{game}{words}")
        assert [move["ply"] for move in part["moves"]] == list(range(room.REVIEWED)) and part["players"] is None
    part = five.get(f"{game}?first=64")
    assert [move["ply"] for move in part["moves"]] == list(range(64, 100)) and part["players"] is not None


def test_old_games_make_room(small, monkeypatch):
    monkeypatch.setattr(room, "GAMES", 3)
    first, second, third = (small.begin() for _ in range(3))
    small.get(first)
    fourth = small.begin()
    assert "no such game" in small.get(second, 404)["detail"]
    for game in (first, third, fourth):
        small.get(game)
    for path in ("positions/0", "policy/0", "planes/0", "overlays/0", "review", "score", "sgf"):
        small.get(f"{second}/{path}", 404)
    for path in ("moves", "reply", "undo", "resign", "guess"):
        body = {"moves": {"vertex": "A1"}, "resign": {"colour": "B"}, "guess": {"ply": 0, "vertex": "A1"}}.get(path)
        small.post(f"{second}/{path}", body, 404)


def test_a_game_can_be_dropped(small):
    game = small.begin()
    assert small.client.delete(game).status_code == 204
    small.get(game, 404)
    assert small.client.delete(game).status_code == 404


def test_a_failure_is_one_line_and_the_server_goes_on(page):
    broken = Page(BrokenEvaluator(), page)
    game = broken.begin(human="W")
    assert broken.post(f"{game}/reply", status=500) == {"detail": "internal error: the server's stderr says more"}
    assert broken.get(game)["moves"] == []


# Looking.


@pytest.fixture
def looked(small):
    """A game of some moves, and its board."""
    game, board = small.begin(human="both"), Board(9)
    for vertex in ("C3", "G7", "G3", "C7", "E5", "E6", "D6"):
        board.play(vertex_to_point(vertex, 9))
        small.play(game, vertex)
    return game, board


def test_policy(small, looked, evaluator):
    game, board = looked
    player = Player(evaluator)
    policy = small.get(f"{game}/policy/7")
    expected = player.prior(board, 8)
    np.testing.assert_allclose(np.ravel(policy["priors"]), expected, atol=2e-6)
    assert (policy["symmetry"], policy["temperature"], policy["ply"]) == ("average", 1.0, 7)
    order = np.argsort(-expected)[:5].tolist()
    assert [move["vertex"] for move in policy["best"]] == [vertex_of(point, 9) for point in order]
    np.testing.assert_allclose([move["prior"] for move in policy["best"]], expected[order], atol=2e-6)
    some = expected[expected > 0].astype(float)
    assert policy["entropy"] == pytest.approx(-(some * np.log2(some)).sum(), abs=2e-3)
    earlier = small.get(f"{game}/policy/3?symmetry=0")
    np.testing.assert_allclose(np.ravel(earlier["priors"]), player.prior(board.after(3), 1), atol=2e-6)


def test_policy_under_each_symmetry(small, looked):
    game, _ = looked
    each = [np.array(small.get(f"{game}/policy/7?symmetry={symmetry}")["priors"]) for symmetry in range(8)]
    assert len({one.tobytes() for one in each}) == 8
    np.testing.assert_allclose(np.mean(each, axis=0), small.get(f"{game}/policy/7")["priors"], atol=2e-6)
    for wrong in ("8", "-1", "all", ""):
        small.get(f"{game}/policy/7?symmetry={wrong}", 422)


def test_policy_at_a_temperature(small, looked):
    game, _ = looked
    plain = np.array(small.get(f"{game}/policy/7")["priors"])
    cold = small.get(f"{game}/policy/7?temperature=0.5")
    np.testing.assert_allclose(cold["priors"], plain**2 / (plain**2).sum(), atol=1e-4)
    coldest = small.get(f"{game}/policy/7?temperature=0")
    assert coldest["entropy"] == 0 and [move["prior"] for move in coldest["best"]] == [1.0]
    assert coldest["best"][0]["vertex"] == cold["best"][0]["vertex"]
    assert small.get(f"{game}/policy/7?temperature=1e-300")["best"] == coldest["best"]
    for wrong in ("-1", "nan", "inf", "x"):
        small.get(f"{game}/policy/7?temperature={wrong}", 422)


def test_planes(small, looked):
    game, board = looked
    planes = small.get(f"{game}/planes/7")["planes"]
    shown = np.array([[list(map(int, row)) for row in plane["rows"]] for plane in planes])
    np.testing.assert_array_equal(shown, encode(board))
    assert [(plane["index"], plane["name"]) for plane in planes] == [(n, plane_name(n)) for n in range(48)]


def test_overlays(small):
    game, board = small.begin(human="both"), Board(9)
    moves = ("E5", "D5", "C5", "A9", "D6", "J9", "E4")  # D5 of White has one liberty
    for vertex in moves:
        board.play(vertex_to_point(vertex, 9))
    small.play(game, *moves)
    overlays = small.get(f"{game}/overlays/7")
    assert np.ravel(overlays["liberties"]).tolist() == [board.liberties(point) for point in range(81)]
    ladders = small.get(f"{game}/overlays/6")["ladders"]
    assert {"kind": "capture", "move": "D4", "vertices": ["D5"]} not in ladders  # E4 is where the ladder begins
    marked = set(np.flatnonzero(encode(board.after(6))[44]).tolist())
    assert {vertex_to_point(ladder["move"], 9) for ladder in ladders if ladder["kind"] == "capture"} == marked


def test_positions(small, looked):
    game, board = looked
    for ply in range(8):
        position = small.get(f"{game}/positions/{ply}")
        earlier = board.after(ply)
        assert position["ply"] == ply
        assert position["stones"] == np.where(earlier.grid() == WHITE, -1, earlier.grid()).tolist()
        assert position["to_play"] == "BW"[ply % 2]
    for kind in ("positions", "policy", "planes", "overlays"):
        assert small.get(f"{game}/{kind}/8", 404)["detail"] == "the game has 7 moves, so no position 8"
        small.get(f"{game}/{kind}/-1", 422)
        small.get(f"{game}/{kind}/x", 422)


# Reviews.

GAME = b"""(;GM[1]SZ[19]KM[6.5]RU[Japanese]PB[Black <b>]PW[White]BR[9d]WR[8d]EV[Final]DT[2016-03-09]RE[W+R]
C[before the first move]
;B[pd]C[a good point]LB[dd:A];W[dp];B[pp];W[dd]C[two
lines];B[];C[no move here](;W[cq];B[dq]C[main line])(;W[aa]C[a variation]))"""


def test_a_record_to_review(reviewer):
    shown = reviewer.review(GAME)
    assert (shown["kind"], shown["komi"], shown["rules"], shown["result"]) == ("review", 6.5, "Japanese", "W+R")
    assert shown["players"] == {"B": {"name": "Black <b>", "rank": "9d"}, "W": {"name": "White", "rank": "8d"}}
    assert (shown["event"], shown["date"], shown["over"], shown["note"]) == ("Final", "2016-03-09", None, "")
    assert shown["position"]["ply"] == 0 and not np.any(shown["position"]["stones"])
    vertices = ["Q16", "D4", "Q4", "D16", "pass", "C3", "D3"]
    assert moves_of(shown) == [("BW"[n % 2], vertex) for n, vertex in enumerate(vertices)]
    comments = [move["comment"] for move in shown["moves"]]
    assert comments == ["a good point", "", "", "two\nlines", "no move here", "", "main line"]
    assert shown["comment"] == "before the first move"
    game = f"/api/games/{shown['id']}"
    assert reviewer.get(f"{game}/positions/5")["last_move"] == "pass"
    for path, body in (("moves", {"vertex": "A1"}), ("reply", None), ("undo", None), ("resign", {"colour": "B"})):
        assert reviewer.refused(f"{game}/{path}", body) == "this game is reviewed, not played"
    saved = reviewer.client.get(f"{game}/sgf")
    assert saved.headers["content-disposition"] == 'attachment; filename="hayago.sgf"'
    before, after = read_sgf(GAME)[0], read_sgf(saved.content)[0]
    assert before.moves.tolist() == after.moves.tolist()
    for name in set(before._fields) - {"moves", "source"}:
        assert getattr(before, name) == getattr(after, name)
    assert read_comments(saved.content) == read_comments(GAME)


def test_a_review_in_parts(reviewer, demo_games, large):
    data = demo_games.read_bytes()
    shown = reviewer.review(data)
    record = read_sgf(data)[0]
    game, count = f"/api/games/{shown['id']}", len(record.moves)
    assert len(shown["moves"]) == count > 100
    moves, first = [], 0
    while first < count:
        part = reviewer.get(f"{game}/review?first={first}&last={first + 49}&symmetry=0")
        moves += part["moves"]
        first += 50
        assert (part["chart"] is not None) == (part["players"] is not None) == (first >= count)
    assert [move["ply"] for move in moves] == list(range(count))
    assert [(move["colour"], move["vertex"]) for move in moves] == moves_of(shown)
    player, board = Player(large), Board(19)
    for move in moves[:40]:
        prior = player.prior(board, 1)
        point = vertex_to_point(move["vertex"], 19)
        assert move["prior"] == pytest.approx(prior[point], abs=2e-6)
        assert move["rank"] == 1 + int((prior > prior[point]).sum())
        assert move["best"] == vertex_of(int(prior.argmax()), 19)
        board.play(point)
    for colour in "BW":
        ranks = [(move["ply"], move["rank"]) for move in moves if move["colour"] == colour and move["rank"]]
        agreement = part["players"][colour]
        assert agreement["moves"] == len(ranks)
        assert agreement["top1"] == pytest.approx(np.mean([rank == 1 for _, rank in ranks]), abs=1e-4)
        assert agreement["top5"] == pytest.approx(np.mean([rank <= 5 for _, rank in ranks]), abs=1e-4)
        chart = part["chart"][colour]
        assert [point["ply"] for point in chart] == [ply for ply, _ in ranks]
        near = [rank == 1 for _, rank in ranks[20:41]]
        assert chart[30]["share"] == pytest.approx(np.mean(near), abs=1e-4)


def test_a_review_under_all_symmetries_is_the_default(reviewer, large):
    prior = Player(large).prior(Board(19), 8)
    best = vertex_of(int(prior.argmax()), 19)
    shown = reviewer.review(sgf_of(19, best, "A1", "pass", "C16"))
    whole = reviewer.get(f"/api/games/{shown['id']}/review")
    assert whole["symmetry"] == "average" and whole["players"]["B"] == {"moves": 1, "top1": 1.0, "top5": 1.0}
    assert (whole["moves"][2]["rank"], whole["moves"][2]["prior"]) == (None, None)
    assert whole["moves"][0]["prior"] == pytest.approx(prior.max(), abs=2e-6)
    under = reviewer.get(f"/api/games/{shown['id']}/review?symmetry=5")["moves"][0]["prior"]
    assert abs(under - whole["moves"][0]["prior"]) > 1e-5
    empty = reviewer.review(b"(;SZ[19])")
    nothing = reviewer.get(f"/api/games/{empty['id']}/review")
    assert nothing["moves"] == [] and nothing["players"]["B"] == {"moves": 0, "top1": None, "top5": None}


def test_what_was_taken_back_is_reviewed_anew(small):
    game = small.begin(human="both")
    small.play(game, "C3", "G7")
    small.get(f"{game}/review")
    small.post(f"{game}/undo")
    small.play(game, "A1")
    moves = small.get(f"{game}/review")["moves"]
    assert [move["vertex"] for move in moves] == ["C3", "A1"]
    other = small.begin(human="both")
    small.play(other, "C3", "A1")
    assert small.get(f"{other}/review")["moves"] == moves


def test_guesses(reviewer):
    shown = reviewer.review(sgf_of(19, "Q16", "D4", "pass", "C16"))
    game = f"/api/games/{shown['id']}"
    best = reviewer.get(f"{game}/policy/1")["best"]
    guess = reviewer.post(f"{game}/guess", {"ply": 1, "vertex": best[1]["vertex"]})
    assert guess["played"] == "D4" and guess["network"] == best[0]["vertex"]
    assert guess["guess"] == {"rank": 2, "prior": best[1]["prior"], "right": best[1]["vertex"] == "D4"}
    again = reviewer.post(f"{game}/guess", {"ply": 1, "vertex": "D4"})
    assert again["guess"]["right"] and again["score"] == guess["score"]  # the first one counts
    right = reviewer.post(f"{game}/guess", {"ply": 0, "vertex": "q16"})
    assert right["guess"]["right"]
    networks = sum(reviewer.get(f"{game}/review")["moves"][ply]["rank"] == 1 for ply in (0, 1))
    assert right["score"] == {"user": 1 + guess["guess"]["right"], "network": networks, "of": 2}
    for ply, vertex in ((2, "A1"), (3, "pass")):
        assert "a pass, which" in reviewer.refused(f"{game}/guess", {"ply": ply, "vertex": vertex})
    assert "occupied" in reviewer.refused(f"{game}/guess", {"ply": 3, "vertex": "D4"})
    assert reviewer.post(f"{game}/guess", {"ply": 4, "vertex": "A1"}, 404)


def test_a_move_taken_back_while_it_is_guessed_at(page):
    evaluator = SlowEvaluator()
    slow = Page(evaluator, page)
    game = slow.begin(human="both")
    slow.play(game, "C3", "A1")
    with slow.client, ThreadPoolExecutor(1) as pool:
        guessing = pool.submit(slow.refused, f"{game}/guess", {"ply": 1, "vertex": "A1"})
        assert evaluator.asked.wait(60)
        slow.post(f"{game}/undo")
        slow.play(game, "E1")
        evaluator.go.set()
        assert guessing.result() == "the move was taken back"
    assert slow.post(f"{game}/guess", {"ply": 1, "vertex": "A1"})["score"] == {"user": 0, "network": 1, "of": 1}


def test_guesses_at_moves_that_were_taken_back_count_no_more(small):
    game = small.begin(human="both")
    small.play(game, "C3", "G7")
    assert small.post(f"{game}/guess", {"ply": 1, "vertex": "G7"})["score"]["of"] == 1
    small.post(f"{game}/undo")
    small.play(game, "A1")
    assert small.post(f"{game}/guess", {"ply": 1, "vertex": "B1"})["score"]["user"] == 0


def test_set_up_stones_and_who_begins(small):
    shown = small.review(b"(;SZ[9]AB[cc][gg]AW[cg]PL[W]HA[2];W[ee])")
    assert shown["position"]["to_play"] == "W" and shown["handicap"] == 2
    assert np.ravel(shown["position"]["stones"]).sum() == 1
    assert small.get(f"/api/games/{shown['id']}/positions/1")["stones"][4][4] == -1


# Strangers' files.

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)>"


def test_scripts_stay_text(small):
    root = f'PB[{SCRIPT}]PW["\\]\u2028]EV[{SCRIPT}]C[{SCRIPT}]BR[{SCRIPT}]'
    response = small.client.post("/api/games/sgf", content=f"(;SZ[9]{root};B[aa]C[{SCRIPT}])".encode(), headers=SGF)
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-content-type-options"] == "nosniff"
    shown = response.json()
    assert shown["players"]["B"] == {"name": SCRIPT, "rank": SCRIPT} and shown["players"]["W"]["name"] == '"]\u2028'
    assert shown["event"] == shown["comment"] == shown["moves"][0]["comment"] == SCRIPT
    saved = small.client.get(f"/api/games/{shown['id']}/sgf")
    assert saved.headers["content-type"] == "application/x-go-sgf"
    assert read_sgf(saved.content)[0].black == SCRIPT


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b"", "empty file"),
        (b"no game here", "not SGF: no game begins in it"),
        (bytes(range(256)) * 40, "not SGF: no game begins in it"),
        (b"\x89PNG\r\n\x1a\n" + bytes(5000), "not SGF: no game begins in it"),
        (b"PK\x03\x04" + bytes(5000), "not SGF: no game begins in it"),
        (b"if (;;) { x; } (;", "not SGF: no game begins in it"),
        (b"for (;i < 3; i++) { a[i] = 1; }", "not SGF: no game begins in it"),
        (b"(;hello world", "not SGF: no game begins in it"),
        (b"\x7fELF(;\x00\x01\x02)", "not SGF: no game begins in it"),
        (np.random.default_rng(1).bytes(1_000_000), "not SGF: no game begins in it"),
        (b"(;SZ[52])", "board size: SZ[52]"),
        (b"(;SZ[9];B[zz])", "point off the board: 'zz' after move 0"),
        (b"(;SZ[9];B[aa];W[aa])", "move 2: illegal move white A9: the point is occupied"),
        (b"(;SZ[9]AB[ab][ba]AW[aa])", "set-up stones: a chain that is set up has no liberty"),
        (b"(;SZ[4];B[aa])", "the network is for boards of 5x5 to 19x19, not 4x4"),
        (b"(;SZ[9]" + b";B[]" * 2001 + b")", "the game has 2,001 moves; at most 2,000 are taken"),
    ],
)
def test_files_that_are_no_game(small, data, detail):
    assert small.review(data, 422)["detail"] == detail


@pytest.mark.parametrize(
    "text",
    ["(;)", "(;FF[4])", "(;GM[1]FF[4]SZ[19])", " ( ; C[a comment])", "(;AB[aa])", "(;KM[6.5]", "(;XX[x]PB[Black])"],
)
@pytest.mark.parametrize("encoding", ["ascii", "utf-16"])
def test_games_without_moves(reviewer, text, encoding):
    assert reviewer.review(text.encode(encoding))["moves"] == []


def test_files_that_break_off_are_read_as_far_as_they_go(small):
    assert small.review(b"(;SZ[9];B[aa];W[bb]")["note"] == "the record ends early: end of file"
    shown = small.review(b"(;SZ[9];B[aa];W[bb];AB[cc];B[dd])")
    assert shown["note"] == "the record ends early: set-up stones" and len(shown["moves"]) == 2
    shown = small.review(b"(;SZ[9];B[aa];AB[][cc];W[bb]C[behind the end])")
    assert small.client.get(f"/api/games/{shown['id']}/sgf").status_code == 200


def test_a_record_is_counted_by_its_own_rules(small):
    pairs = zip([f"{column}5" for column in "ABCDEFGHJ"], [f"{column}6" for column in "ABCDEFGHJ"], strict=True)
    moves = [*(move for pair in pairs for move in pair), "pass", "E2"]
    for root, text in (("RU[Japanese]KM[6.5]", "B+3.5"), ("RU[NZ]KM[0.5]", "B+8.5"), ("", "B+1.5")):
        shown = small.review(sgf_of(9, *moves, root=root))
        assert small.get(f"/api/games/{shown['id']}/score")["text"] == text


def test_moves_that_superko_forbids_are_legal_in_records(small):
    shown = small.review(sgf_of(9, "B2", "A2", "C2", "A3", "D1", "B1", "pass", "C1", "A1", "B1"))
    assert small.get(f"/api/games/{shown['id']}/policy/9?temperature=100")["priors"][8][1] > 0


def test_illegal_moves_of_people_stand(small):
    shown = small.review(sgf_of(9, "A2", "E5", "B1", "A1"))  # a suicide
    position = small.get(f"/api/games/{shown['id']}/positions/4")
    assert position["stones"][8][0] == 0
    assert small.get(f"/api/games/{shown['id']}/review")["moves"][3]["prior"] == 0


def test_names_and_comments_are_bounded(small):
    long = "x" * 100_000
    root = "".join(f"{name}[{long}]" for name in ("PB", "BR", "RE", "RU", "EV", "DT", "KM", "HA", "CA"))
    shown = small.review(f"(;SZ[9]{root};B[aa]C[{long}])".encode())
    assert len(shown["players"]["B"]["name"]) == room.NAME and len(shown["moves"][0]["comment"]) == room.COMMENT
    assert len(json.dumps(shown)) < 20_000


@pytest.mark.parametrize("charset", ["punycode", "idna", "unicode_escape", "utf-7", "utf-16", "hex", "no\\u2028such"])
def test_encodings_that_are_traps(small, charset):
    name = "+2AA-\\\\ud800"  # half a character, to UTF-7 and to Python's own escapes
    shown = small.review(f"(;CA[{charset}]SZ[9]PB[{name}]C[{name}];B[aa])".encode())
    assert shown["players"]["B"]["name"] and len(shown["moves"]) == 1
    assert small.client.get(f"/api/games/{shown['id']}/sgf").status_code == 200


def test_a_file_is_too_large(small):
    def send(data):
        return small.client.post("/api/games/sgf", content=data, headers=SGF)

    for data in (b" " * (SGF_BYTES + 1), iter([b" " * 1_000_000] * 6)):  # with its length said before, and without
        response = send(data)
        assert response.status_code == 413
        assert response.json()["detail"] == "an SGF file may have at most 5 MB"
    assert send(b"(;SZ[9])".ljust(SGF_BYTES)).status_code == 201


def test_brackets_without_end_are_read_once(small):
    """Read from each of them anew, they would take hours."""
    small.review(b"(;SZ[9];B[aa]C" + b"[" * 2_000_000)
    small.review(b"(;SZ[9];B[aa]C[" + b"\\" * 2_000_001)


# Strangers' requests.


def outcome(page, method="GET", path="/api/about", **headers):
    response = page.client.request(method, path, headers=[(k.replace("_", "-"), v) for k, v in headers.items()])
    return response.status_code


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8361", 200),
        ("127.0.0.1", 200),
        ("localhost:8361", 200),
        ("LOCALHOST:9000", 200),  # forwarded from another port
        ("[::1]:8361", 200),
        ("127.0.0.2:8361", 200),
        ("evil.example", 403),
        ("evil.example:8361", 403),  # a name whose address is now ours
        ("127.0.0.1.evil.example:8361", 403),
        ("localhost.evil.example", 403),
        ("evil.example#localhost", 403),
        ("user@localhost", 403),
        ("192.168.1.5:8361", 403),
        ("0.0.0.0:8361", 403),
        ("[::1", 403),
        ("", 403),
        ("localhost:port", 403),
    ],
)
def test_host(small, host, status):
    assert outcome(small, host=host) == status
    assert outcome(small, path="/", host=host) == status


def test_hosts_of_an_open_server(evaluator, page):
    everyone = Page(evaluator, page, local=False, names=["desk"])
    for host, status in (("192.168.1.5:8361", 200), ("desk", 200), ("[fe80::1]", 200), ("evil.example", 403)):
        assert outcome(everyone, host=host) == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": f"http://{HOST}"}, 201),
        ({}, 201),
        ({"host": "localhost:5173", "origin": "http://localhost:5173"}, 201),
        ({"origin": "null"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": f"https://{HOST}"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": f"http://{HOST}.evil.example"}, 403),
        ({"origin": ""}, 403),
        ({"sec-fetch-site": "same-origin"}, 201),
        ({"sec-fetch-site": "none"}, 201),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),  # another port of this machine
    ],
)
def test_origin(small, headers, status):
    assert small.client.post("/api/games", json={}, headers=headers).status_code == status


def test_links_from_elsewhere_open_the_page(small):
    assert small.client.get("/", headers={"sec-fetch-site": "cross-site"}).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None])
def test_a_body_of_another_type(small, kind):
    headers = {"content-type": kind} if kind else {}
    for path, wanted in (("/api/games", "application/json"), ("/api/games/sgf", "application/x-go-sgf")):
        response = small.client.post(path, content=b"(;SZ[9])", headers=headers)
        assert (response.status_code, response.json()) == (415, {"detail": f"the body must be of the type {wanted}"})
    response = small.client.post("/api/games", content=b"{}", headers={"content-type": "Application/JSON; charset=x"})
    assert response.status_code == 201


def test_a_request_is_too_large(small):
    body = b"[" + b" " * JSON_BYTES + b"]"
    response = small.client.post("/api/games", content=body, headers={"content-type": "application/json"})
    assert (response.status_code, response.json()) == (413, {"detail": "the request is too large"})


def test_every_answer_tells_the_browser_what_it_may_do(small):
    asked = [
        small.client.get("/"),
        small.client.get("/page.js"),
        small.client.get("/none"),
        small.client.get("/api/about"),
        small.client.get("/api/games/none"),
        small.client.get("/api/about", headers={"host": "evil.example"}),
        small.client.post("/api/about"),
    ]
    assert [response.status_code for response in asked] == [200, 200, 404, 200, 404, 403, 405]
    for response in asked:
        policy = response.headers["content-security-policy"]
        assert policy.startswith("default-src 'self';") and "unsafe" not in policy
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in response.headers
        if response.status_code >= 400:
            assert re.fullmatch(r"[^\n]+", response.json()["detail"])
    assert asked[0].headers["content-type"].startswith("text/html")
    assert asked[1].headers["content-type"].startswith("text/javascript")
    assert (asked[0].headers["cache-control"], asked[3].headers["cache-control"]) == ("no-cache", "no-store")


@pytest.mark.parametrize(
    "path", ["/../secret", "/%2e%2e/secret", "/..%2fsecret", "/x/..%2f..%2fsecret", "/%2f{}", "/%00"]
)
def test_no_other_file_is_served(small, page, path):
    secret = page.parent / "secret"
    secret.write_text("secret")
    assert small.client.get(path.format(secret.as_posix().lstrip("/"))).status_code == 404


def test_no_websocket(small):
    with pytest.raises(WebSocketDisconnect), small.client.websocket_connect("/api/about"):
        pass


def test_preflights_get_no_leave(small):
    headers = {"origin": "http://evil.example", "access-control-request-method": "POST"}
    assert outcome(small, "OPTIONS", "/api/games", **headers) == 403


# The process.

LIMIT = 300  # seconds after which something hangs; kernels may have to be compiled on a busy machine


@contextmanager
def serving(*options):
    """A running `hayago web`, and its address."""
    words = [sys.executable, "-m", "hayago", "web", "--port", "0", "--no-browser", *options]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def ask(address, path, body=None, **headers):
    """Status and JSON of a real request."""
    url = address + path.removeprefix("/")
    if body is None:
        response = requests.get(url, headers=headers, timeout=LIMIT)
    else:
        response = requests.post(url, json=body, headers=headers, timeout=LIMIT)
    return response.status_code, response.json()


@pytest.mark.slow
def test_the_process_serves_a_game_and_keeps_others_off():
    with serving() as (_, address):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        page = requests.get(address, timeout=LIMIT)
        assert page.status_code == 200 and "<title>" in page.text
        status, about = ask(address, "/api/about")
        assert (status, about["model"]["filters"], about["model"]["name"]) == (200, 64, "the network in the box")
        status, shown = ask(address, "/api/games", {"human": "W"})
        assert status == 201
        status, shown = ask(address, f"/api/games/{shown['id']}/reply", {})
        assert status == 200 and len(shown["moves"]) == 1
        assert ask(address, "/api/about", Host="evil.example")[0] == 403
        assert ask(address, "/api/games", {}, Origin="http://evil.example")[0] == 403
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "x", "Host": "127.0.0.1"}
        assert ask(address, "/api/about", **upgrade)[0] == 200  # an answer, and no socket
        port = address.rstrip("/").rpartition(":")[2]
        second = [sys.executable, "-m", "hayago", "web", "--port", port, "--no-browser"]
        taken = subprocess.run(second, capture_output=True, text=True, timeout=LIMIT)
        assert (taken.returncode, taken.stdout) == (1, "")
        assert taken.stderr == f"hayago: port {port} is in use: choose another with --port (0: any)\n"


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it_while_a_browser_is_connected(number, code):
    with serving() as (process, address), requests.Session() as browser, socket.socket() as half:
        half.connect(("127.0.0.1", int(address.rstrip("/").rpartition(":")[2])))
        head = f"POST /api/games HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 9\r\n\r\n"
        half.sendall(head.encode() + b"{")  # and a request is on its way
        assert browser.get(address, timeout=LIMIT).status_code == 200
        process.send_signal(number)
        assert process.wait(LIMIT) == code
        said = process.stderr.read().splitlines()
        assert [line for line in said if "compiling" not in line] == [
            "hayago: the page is at the address above; Ctrl-C ends it",
            *(["hayago: interrupted"] if code else []),
        ]


def test_a_network_of_ones_own(tmp_path):
    model = random_model(9)
    save_model(tmp_path / "mine.safetensors", model.weights, model.info)
    with serving("--model", str(tmp_path / "mine.safetensors"), "--host", "localhost") as (_, address):
        about = ask(address, "/api/about")[1]
        assert (about["model"]["name"], about["model"]["board_size"]) == ("mine.safetensors", 9)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--model", "no/such.safetensors"], "hayago: no/such.safetensors: no such model file\n"),
        (["--host", "192.0.2.1"], "hayago: cannot listen on 192.0.2.1, port 0: Cannot assign requested address\n"),
        (["--device", "abacus"], None),
    ],
)
def test_what_cannot_be_served_is_one_line(capsys, options, said):
    assert main(["web", "--port", "0", "--no-browser", *options]) == 1
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1
    assert said in (None, err)


def test_the_browser_is_opened_unless_told_otherwise(monkeypatch, evaluator, page):
    opened, ran = [], []
    monkeypatch.setattr(server.webbrowser, "open", opened.append)
    monkeypatch.setattr(server.uvicorn.Server, "run", lambda self, sockets: ran.append(sockets))
    monkeypatch.setattr(server, "end_on_signals", lambda: None)
    app = make_app(Room(evaluator), "a network", page)
    for browser, screen in ((True, ":0"), (False, ":0"), (True, "")):
        monkeypatch.setenv("DISPLAY", screen)
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        with server.listen("127.0.0.1", 0) as listener:
            server.serve(app, listener, "127.0.0.1", browser)
            expected = [server.address_of(listener)] if browser and (screen or sys.platform == "win32") else []
            deadline = time.monotonic() + 60
            while len(opened) < len(expected) and time.monotonic() < deadline:
                time.sleep(0.01)
        assert opened == expected
        opened.clear()
    assert len(ran) == 3


def test_addresses():
    with server.listen("0.0.0.0", 0) as listener:
        assert server.address_of(listener).startswith("http://127.0.0.1:") and not server.is_local(listener)
    with server.listen("127.0.0.1", 0) as listener:
        assert server.is_local(listener)


def test_a_folder_without_a_page_is_said(evaluator, tmp_path):
    with pytest.raises(HayagoError, match="does not contain the page"):
        make_app(Room(evaluator), "a network", tmp_path)


def test_many_slow_connections_leave_room_and_a_short_log(small_deadline):
    """Hundreds of connections that send nothing, half a header, or half a body."""
    with serving_slowly(small_deadline) as (process, address):
        port = int(address.rstrip("/").rpartition(":")[2])
        starts = [b"", b"GET / HTTP/1.1\r\nHost: x\r\n", b"POST /api/games HTTP/1.1\r\nContent-Length: 99\r\n\r\n{"]
        held = []
        for number in range(400):
            connection = socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
            held.append(connection)
            with suppress(OSError):
                connection.sendall(starts[number % 3])
        for connection in held:  # each is closed in time, however the client goes on
            connection.settimeout(LIMIT)
            with suppress(ConnectionError):
                while connection.recv(4096):
                    pass
            connection.close()
        assert requests.get(address, timeout=LIMIT).status_code == 200
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=LIMIT)[1]
        assert "Traceback" not in said and len(said) < 10_000


@pytest.fixture
def small_deadline():
    """Seconds in which a request has to arrive."""
    return 2.0


@contextmanager
def serving_slowly(seconds):
    """`hayago web` with another deadline, and few file descriptors."""
    code = (
        "import sys, resource; resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256));"
        f"import hayago.web.server as server; server.REQUEST_SECONDS = {seconds};"
        "from hayago.cli import main; sys.exit(main(['web', '--port', '0', '--no-browser']))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()
