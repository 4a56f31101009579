"""Fuzz both sides of HTTP: python scripts/proofs/fuzz_http.py [KIND...] [--seconds N] [--seed N]

- pages: damaged requests to the real server of the page, through a socket. No answer may be of the kind 5xx, nothing
  may be written to its log, and it answers the next good request.
- downloads: damaged answers to `hayago download`. It gives one line, and only whole archives get their names.
"""

import json
import logging
import random
import re
import shutil
import socket
import threading
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import uvicorn

from fakes import FixedEvaluator
from fuzz_files import some_games
from fuzz_sgf import file_of, mutated
from fuzzing import Kind, command, damaged, main, spoilt, summary
from hayago.records.archives import iter_files
from hayago.web.app import make_app
from hayago.web.guard import Guard
from hayago.web.room import Room
from hayago.web.server import Connection, Server, listen

PATIENCE = 0.3  # seconds for an answer to a request that may never end


class _Kept(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        self.lines.append(self.format(record))


class Pages:
    """Requests to the server of the page."""

    def __init__(self, folder: Path) -> None:
        (folder / "index.html").write_text("<!doctype html><title>hayago</title>")
        room = Room(FixedEvaluator(9))  # type: ignore[no-untyped-call, arg-type]
        listener = listen("127.0.0.1", 0)
        self.address = listener.getsockname()
        self.log = _Kept()
        logging.getLogger("uvicorn.error").addHandler(self.log)
        app = Guard(make_app(room, "a network", folder))
        config = uvicorn.Config(app, http=Connection, ws="none", lifespan="off", access_log=False, log_level="warning")
        self.server = Server(config)
        threading.Thread(target=self.server.run, kwargs={"sockets": [listener]}, daemon=True).start()
        self.begin()
        for view in ("score", "policy/0", "planes/0", "overlays/0", "review"):
            assert self._ask(self._request("GET", f"/api/games/{self.game}/{view}"), 600)[0] == 200, view
        assert self._ask(self._request("POST", f"/api/games/{self.game}/reply"), 600)[0] == 409

    def begin(self) -> None:
        """Begin a game that requests can be about."""
        status, body = self._ask(self._request("POST", "/api/games", b"{}", "application/json"))
        assert status == 201, body
        self.game = json.loads(body)["id"]

    def _request(self, method: str, path: str, body: bytes = b"", kind: str = "") -> bytes:
        host = f"127.0.0.1:{self.address[1]}"
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close", f"Content-Length: {len(body)}"]
        lines += [f"Content-Type: {kind}"] * bool(kind)
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body

    def _ask(self, request: bytes, patience: float = 60.0) -> tuple[int, bytes]:
        """Status and body of the answer, or 0 if there is none in time."""
        answer = b""
        with socket.create_connection(self.address, timeout=patience) as connection:
            try:
                connection.sendall(request)
                while block := connection.recv(1 << 16):
                    answer += block
            except (TimeoutError, ConnectionError):
                pass
        head, _, body = answer.partition(b"\r\n\r\n")
        status = re.match(rb"HTTP/1\.[01] (\d{3}) ", head)
        assert status or not answer, answer
        return int(status[1]) if status else 0, body

    def _made_up(self, lots: random.Random) -> tuple[str, str, bytes, str]:
        game = f"/api/games/{self.game}"
        ply = lots.choice(("0", "1", "-1", "9" * 30, "1.0", "x", "%00", ""))
        query = lots.choice(
            ("", "?symmetry=3", "?symmetry=9", "?temperature=nan", "?temperature=1e-300", "?first=5&last=2")
        )
        views = [("GET", f"{game}/{name}/{ply}{query}") for name in ("positions", "policy", "planes", "overlays")]
        views += [("GET", f"{game}/review{query}"), ("GET", f"{game}/score"), ("GET", f"{game}/sgf"), ("GET", game)]
        views += [
            ("GET", f"/{lots.choice(('..', '%2e%2e', '.', 'index.html', '%ff', '~', 'a' * 300))}/x"),
            ("PUT", game),
        ]
        bodies = {
            "/api/games": {"rules": "aga", "komi": 6.5, "handicap": 2, "human": "W", "level": 3, "like_human": False},
            f"{game}/moves": {"vertex": lots.choice(("A1", "pass", "J9", "I5", "Z0", "K10", "C3", ""))},
            f"{game}/guess": {"ply": lots.randrange(3), "vertex": "C3"},
            f"{game}/resign": {"colour": "B"},
            f"{game}/reply": {},
            f"{game}/undo": {},
        }
        if lots.random() < 0.5:
            return *lots.choice(views), b"", ""
        if lots.random() < 0.2:
            return "POST", "/api/games/sgf", mutated(file_of(lots), lots), "application/x-go-sgf"
        path = lots.choice(sorted(bodies))
        value = spoilt(bodies[path], lots) if lots.random() < 0.6 else bodies[path]
        body = json.dumps(value).encode()
        if lots.random() < 0.2:
            body = damaged(body, lots, (b"[" * 9999, b"NaN", b"1e999", b"\\ud800", b'{"a":', b"\xff"))
        return (
            "POST",
            path,
            body,
            lots.choice(("application/json",) * 9 + ("text/plain", "application/json; charset=x")),
        )

    def attempt(self, lots: random.Random) -> str:
        """See `Kind`."""
        request = self._request(*self._made_up(lots))
        whole = lots.random() < 0.8
        if not whole:
            pieces = (
                b"\r\n",
                b"\n",
                b": ",
                b"Transfer-Encoding: chunked\r\n",
                b"Expect: 100-continue\r\n",
                b"\0",
                b"0\r\n",
            )
            request = damaged(request, lots, pieces, (b"HTTP", b"Host", b"Content-Length"))
        status, body = self._ask(request, 60.0 if whole else PATIENCE)
        assert status < 500 and (status or not whole), (request, status, body)
        if whole and status >= 400:
            assert "\n" not in json.loads(body)["detail"], (request, body)
        self._check(request)
        return f"{status}" if status >= 400 else "accepted" if status else "no answer"

    def _check(self, request: bytes) -> None:
        wrong = [line for line in self.log.lines if "Invalid HTTP request" not in line]
        assert not wrong, (request, wrong)
        status, body = self._ask(self._request("GET", f"/api/games/{self.game}"))
        if status == 404 or json.loads(body)["over"]:
            self.begin()
        assert status in (200, 404), (request, status)


class Downloads:
    """Answers to `hayago download`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.archives = {"/games.zip": self._archive(3), "/more.zip": self._archive(4)}
        links = "".join(f'<a href="{path}">x</a>' for path in self.archives)
        self.contents = {"/": f"<!doctype html><html><body>{links}</body></html>".encode(), **self.archives}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.change: Callable[[str, bytes], bytes] = lambda _, data: data
        threading.Thread(target=self._serve, daemon=True).start()
        assert self._download() == ""

    def _archive(self, games: int) -> bytes:
        file = BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for number, game in enumerate(some_games(games)):
                archive.writestr(f"{number}.sgf", game)
        return file.getvalue()

    def _serve(self) -> None:
        while True:
            connection, _ = self.listener.accept()
            with connection:
                try:
                    connection.settimeout(5)
                    asked = connection.recv(1 << 16).decode("latin-1").split(" ")[1]
                    content = self.contents.get(asked, b"")
                    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\nConnection: close\r\nETag: 7\r\n\r\n"
                    connection.sendall(self.change(asked, head.encode() + content))
                except (OSError, IndexError):
                    continue

    def _download(self) -> str:
        quick = ("--pause", 0, "--retry-pause", 0, "--tries", 2, "--timeout", 5)
        self.out = self.folder / "out" / "games"
        shutil.rmtree(self.folder / "out", ignore_errors=True)
        return command("download", f"http://127.0.0.1:{self.listener.getsockname()[1]}/", "--out", self.out, *quick)

    def attempt(self, lots: random.Random) -> str:
        """See `Kind`."""
        target = lots.choice(sorted(self.contents))
        pieces = [
            b"\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"Content-Encoding: gzip\r\n",
            b"Content-Range: bytes 0-9/9\r\n",
        ]
        pieces += [
            b"Location: /\r\n",
            b"HTTP/1.1 302 Found\r\n",
            b"<a href='../../x.zip'>",
            b"<a href='http://u:p@x/a.zip'>",
        ]
        pieces += [b"<base href='http://[::1'>", b"%00", b"..%2f", b"\x1b[31m", b"ETag: W/\r\n", b"HTTP/1.1 503 x\r\n"]
        state = random.Random(lots.random())
        keep = state.random() < 0.3  # each attempt gets the same bytes
        seed = state.random()

        def change(asked: str, data: bytes) -> bytes:
            if asked != target:
                return data
            return damaged(data, random.Random(seed) if keep else state, pieces, (b"HTTP", b"Content", b"href", b"PK"))

        self.change = change
        reason = self._download()
        assert [path.name for path in (self.folder / "out").iterdir()] == ["games"]
        for path in self.out.iterdir():
            if path.name.endswith((".part", ".part.json")):
                continue
            assert path.is_file() and list(iter_files([path])), path
        return re.sub(r"(\S+: )?http://\S+ ?", "", summary(reason, self.folder)) or "refused"


KINDS: dict[str, type[Kind]] = {"pages": Pages, "downloads": Downloads}

if __name__ == "__main__":
    main(__doc__, KINDS)
