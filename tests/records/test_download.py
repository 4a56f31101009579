"""Downloads from a real web server on this machine, which behaves and misbehaves as each case says."""

import io
import json
import random
import re
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from hayago.cli import main
from hayago.errors import HayagoError
from hayago.records.archive_links import Archive, safe_name
from hayago.records.archives import iter_files
from hayago.records.download import Downloader, DownloadError, DownloadOptions, Fetched


def make_archive(games: int = 40, name: str = "game.sgf") -> bytes:
    """A .zip of about a KiB per game, which compresses badly."""
    letters = random.Random(games)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for number in range(games):
            moves = "".join(f";B[{letters.choice('abcdef')}{letters.choice('abcdef')}]" for _ in range(160))
            archive.writestr(f"{number}-{name}", f"({moves})")
    return file.getvalue()


ZIP, OTHER, LARGE = make_archive(), make_archive(41), make_archive(600)
SIZE = len(ZIP)
DATE = "Sun, 01 Nov 2015 10:00:00 GMT"
PAGE = b"<html>Please log in</html>"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self) -> None:
        self.server.requests.append((self.path, dict(self.headers), time.monotonic()))
        self.server.busy += 1
        self.server.most_busy = max(self.server.most_busy, self.server.busy)
        try:
            self.server.routes.get(self.path, status(404))(self)
        finally:
            self.server.busy -= 1

    def log_message(self, *arguments: object) -> None:
        pass

    def head(self, code: int, length: int | None = None, **headers: str) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        elif "Transfer_Encoding" not in headers:
            self.close_connection = True
        self.end_headers()


Answer = Callable[[Handler], object]


class Server(ThreadingHTTPServer):
    """Answers each path by a function of the request, and keeps the requests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.routes: dict[str, Answer] = {}
        self.requests: list[tuple[str, dict[str, str], float]] = []
        self.busy = self.most_busy = 0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def ranges(self, path: str = "/games.zip") -> list[str | None]:
        """The Range of each request for a path, without `bytes=` and the minus."""
        found = [headers.get("Range") for asked, headers, _ in self.requests if asked == path]
        return [text and text[6:-1] for text in found]

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # clients that hang up are part of the tests


def status(code: int, **headers: str) -> Answer:
    return lambda request: request.head(code, 0, **headers)


def serve(
    data: bytes = ZIP,
    *,
    sent: int | None = None,
    length: int | None = None,
    etag: str | None = '"1"',
    ranges: bool = True,
    shift: int = 0,
    modified: str | None = None,
    pace: tuple[int, float] | None = None,
) -> Answer:
    """Serve data as a good server does, except for: `sent` bytes of the body before the connection drops; a false
    `length`; no `etag`; Range ignored; the part `shift`ed; `pace`, bytes at a time and seconds between them."""

    def answer(request: Handler) -> None:
        headers = {"ETag": etag} if etag else {}
        headers |= {"Last_Modified": modified} if modified else {}
        start = 0
        asked = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        if ranges and asked and request.headers.get("If-Range") in (etag, modified):
            start = int(asked[1]) + shift
            if start >= len(data):
                request.head(416, 0, Content_Range=f"bytes */{len(data)}", **headers)
                return
            headers["Content_Range"] = f"bytes {start}-{len(data) - 1}/{length or len(data)}"
        body = data[start:] if sent is None else data[start : start + sent]
        request.head(206 if start else 200, (length or len(data)) - start, **headers)
        step, seconds = pace or (len(body) or 1, 0.0)
        for at in range(0, len(body), step):
            request.wfile.write(body[at : at + step])
            time.sleep(seconds)
        request.close_connection = request.close_connection or sent is not None or length is not None

    return answer


def body(*parts: bytes, **headers: str) -> Answer:
    """Send these parts, with no length unless the headers say so; the connection then closes."""

    def answer(request: Handler) -> None:
        request.head(200, **headers)
        for part in parts:
            request.wfile.write(part)
        request.close_connection = True

    return answer


def html(text: str) -> Answer:
    return body(text.encode(), Content_Length=str(len(text.encode())))


def in_turn(*answers: Answer) -> Answer:
    """The first request gets the first answer and so on; the last one stays."""
    left = list(answers)
    return lambda request: (left.pop(0) if len(left) > 1 else left[0])(request)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def quick(**options: Any) -> DownloadOptions:
    return DownloadOptions(**{"pause": 0, "retry_pause": 0, "timeout": 5, **options})


def fetch(server: Server, folder: Path, *answers: Answer, name: str = "games.zip", **options: Any) -> Fetched:
    server.routes[f"/{name}"] = in_turn(*answers)
    with Downloader(folder, quick(**options)) as one:
        return one.fetch(Archive(server.url(f"/{name}"), name))


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# One archive.

START = None
CHUNKED = {"Transfer_Encoding": "chunked"}

# What the server does, the ranges it is asked for, and what we have in the end.
SUCCESSES: dict[str, tuple[list[Answer], list[str | None], bytes]] = {
    "no length": ([body(ZIP)], [START], ZIP),
    "chunked": ([body(chunk(ZIP[:5000]), chunk(ZIP[5000:]), chunk(b""), **CHUNKED)], [START], ZIP),
    "content encoding": ([body(ZIP, Content_Encoding="gzip", Content_Length=str(SIZE))], [START], ZIP),
    "dropped twice": ([serve(sent=10_000), serve(sent=5_000), serve()], [START, "10000", "15000"], ZIP),
    "chunked and cut": ([body(chunk(ZIP[:5000]), **CHUNKED), serve()], [START, START], ZIP),
    "date, no tag": ([serve(sent=9000, etag=None, modified=DATE), serve(modified=DATE)], [START, "9000"], ZIP),
    "date, weak tag": ([serve(sent=9000, etag='W/"1"', modified=DATE), serve(modified=DATE)], [START, "9000"], ZIP),
    "no tag, no date": ([serve(sent=9000, etag=None), serve(OTHER, etag=None)], [START, START], OTHER),
    "another version": ([serve(sent=9000), serve(OTHER, etag='"2"')], [START, "9000"], OTHER),
    "range ignored": ([serve(sent=9000), serve(OTHER, ranges=False)], [START, "9000"], OTHER),
    "another range": ([serve(sent=9000), serve(shift=100), serve()], [START, "9000", START], ZIP),
    "another version under one tag": ([serve(OTHER, sent=9000), serve()], [START, "9000", START], ZIP),
    "length too long, 416": ([serve(length=SIZE + 100)], [START, str(SIZE)], ZIP),
    "errors that pass": ([status(500), status(502), status(429), serve()], [START] * 4, ZIP),
    "silence": ([lambda request: time.sleep(0.8), serve()], [START, START], ZIP),
}


@pytest.mark.parametrize("case", SUCCESSES)
def test_it_arrives_whole(server: Server, tmp_path: Path, case: str) -> None:
    answers, ranges, expected = SUCCESSES[case]
    options = {"timeout": 0.3} if case == "silence" else {}
    fetched = fetch(server, tmp_path, *answers, **options)
    assert fetched.path.read_bytes() == expected
    assert server.ranges() == ranges
    assert left_in(tmp_path) == ["games.zip"]
    assert fetched.resumed_at == 0
    for (_, headers, _), start in zip(server.requests, ranges, strict=True):
        assert headers.get("If-Range") == (start and (DATE if "date" in case else '"1"'))


MiB = b"x" * (1 << 20)
TWICE_DAMAGED = (2, [])
PART = ["games.zip.part", "games.zip.part.json"]

# What the server does, the message, how often it is asked, and what is left in the folder.
FAILURES: dict[str, tuple[list[Answer], str, tuple[int, list[str]]]] = {
    "400": ([status(400)], "the server answered 400", (1, [])),
    "403": ([status(403)], "the server answered 403", (1, [])),
    "404": ([status(404)], "the server answered 404", (1, [])),
    "410": ([status(410)], "the server answered 410", (1, [])),
    "429": ([status(429)], r"the server answered 429 .* \(attempts: 3\)", (3, [])),
    "500": ([status(500)], r"the server answered 500 .* \(attempts: 3\)", (3, [])),
    "503": ([status(503)], r"the server answered 503 .* \(attempts: 3\)", (3, [])),
    "long wait": ([status(503, Retry_After="3600")], r"to wait 3600 s \(attempts: 1\)", (1, [])),
    "refused on the way": ([serve(sent=9000), status(403)], "the server answered 403", (2, PART)),
    "no progress": ([serve(sent=9000), serve(sent=10)], r"\(attempts: 3\)", (3, PART)),
    "redirects without end": ([status(301, Location="/games.zip")], "more than 5 redirects", (6, [])),
    "redirect to a file": ([status(302, Location="file:///etc/passwd")], "not a usable address", (1, [])),
    "false length": ([serve(length=SIZE + 9, ranges=False)], r"\(attempts: 3\)", (3, PART)),
    "length too short": ([serve(length=SIZE - 100)], "damaged or cut short", TWICE_DAMAGED),
    "cut by the server": ([serve(ZIP[:-500])], "damaged or cut short", TWICE_DAMAGED),
    "a changed byte": ([serve(ZIP.replace(b";B[a", b";W[a", 1))], "damaged or cut short", TWICE_DAMAGED),
    "a login page": ([serve(PAGE)], "damaged or cut short", TWICE_DAMAGED),
    "nothing": ([serve(b"")], "damaged or cut short", TWICE_DAMAGED),
    "no games": ([serve(make_archive(2, "readme.txt"))], "no .sgf file in this archive", (1, [])),
    "too large, said": ([body(MiB, MiB, Content_Length=str(2 << 20))], "more than 1 MiB", (1, [])),
    "too large, unsaid": ([body(MiB, MiB)], "more than 1 MiB", (1, [])),
    "too slow": ([serve(pace=(10, 0.02))], r"KiB per second came \(attempts: 1\)", (1, PART)),
}


@pytest.mark.parametrize("case", FAILURES)
def test_it_fails_in_one_line(server: Server, tmp_path: Path, case: str) -> None:
    answers, message, (requests, left) = FAILURES[case]
    options = {"tries": 1, "timeout": 0.3, "min_rate": 20} if case == "too slow" else {"tries": 3, "max_megabytes": 1}
    with pytest.raises(DownloadError, match=message) as caught:
        fetch(server, tmp_path, *answers, **options)
    assert str(caught.value).startswith(server.url("/games.zip: "))
    assert len(str(caught.value).splitlines()) == 1
    assert len(server.requests) == requests
    assert left_in(tmp_path) == left


@pytest.mark.parametrize("name", ["games.tar.xz", "games.tar.gz", "games.tar.bz2"])
def test_a_page_instead_of_an_archive(server: Server, tmp_path: Path, name: str) -> None:
    with pytest.raises(DownloadError, match="damaged or cut short"):
        fetch(server, tmp_path, serve(PAGE), name=name)
    assert left_in(tmp_path) == []


def test_an_archive_is_downloaded_once(server: Server, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    server.routes |= {"/games.zip": status(302, Location="/here"), "/here": serve()}
    with Downloader(tmp_path / "new" / "folder", quick()) as one:
        archive = Archive(server.url("/games.zip"), "games.zip")
        fetched = one.fetch(archive, lambda *numbers: told.append(numbers))
        assert one.fetch(archive) == fetched._replace(already_there=True)
    assert fetched.path.read_bytes() == ZIP
    assert (fetched.size, fetched.games, fetched.resumed_at, fetched.already_there) == (SIZE, 40, 0, False)
    assert told[-1] == (SIZE, SIZE)
    assert [path for path, _, _ in server.requests] == ["/games.zip", "/here"]
    headers = server.requests[0][1]
    assert headers["User-Agent"].startswith("hayago/") and headers["Accept-Encoding"] == "identity"


ABOUT = {"url": "http://elsewhere/games.zip", "validator": '"1"'}


@pytest.mark.parametrize(
    ("part", "about", "resumed_at"),
    [
        (None, None, 9000),  # as the interrupted run left it
        (ZIP, None, SIZE),  # whole, but not yet renamed
        (ZIP[:7000], json.dumps(ABOUT), 0),  # of another address
        (ZIP[:7000], "[", 0),
        (ZIP[:7000], "{}", 0),
    ],
)
def test_another_run_resumes(
    server: Server, tmp_path: Path, part: bytes | None, about: str | None, resumed_at: int
) -> None:
    with pytest.raises(DownloadError, match=r"9,?000.* \(attempts: 1\)"):
        fetch(server, tmp_path, serve(sent=9000), tries=1)
    if part is not None:
        (tmp_path / "games.zip.part").write_bytes(part)
    if about is not None:
        (tmp_path / "games.zip.part.json").write_text(about)
    fetched = fetch(server, tmp_path, serve())
    assert (fetched.resumed_at, fetched.path.read_bytes()) == (resumed_at, ZIP)
    assert server.ranges() == [START, str(resumed_at) if resumed_at else START]
    assert left_in(tmp_path) == ["games.zip"]


def test_progress_renews_the_attempts(server: Server, tmp_path: Path) -> None:
    assert fetch(server, tmp_path / "1", serve(LARGE, sent=70_000), tries=2).path.read_bytes() == LARGE
    server.requests.clear()
    answers = [serve(LARGE, sent=sent, ranges=False) for sent in (70_000, 1000, 70_000)]
    with pytest.raises(DownloadError, match=r"\(attempts: 3\)"):  # the same bytes again are no progress
        fetch(server, tmp_path / "2", *answers, serve(LARGE), tries=3)
    assert len(server.requests) == 3


def test_waits_grow_and_the_server_may_ask_for_more(server: Server, tmp_path: Path) -> None:
    fetch(server, tmp_path, status(500), status(500), status(503, Retry_After="1"), serve(), retry_pause=0.1)
    waits = [later - earlier for earlier, later in pairwise(moment for _, _, moment in server.requests)]
    assert all(wait >= least for wait, least in zip(waits, (0.1, 0.2, 1), strict=True)), waits


def test_a_slow_transfer_is_resumed(server: Server, tmp_path: Path) -> None:
    fetched = fetch(server, tmp_path, serve(pace=(10, 0.02)), serve(), timeout=0.3, min_rate=20)
    assert fetched.path.read_bytes() == ZIP
    assert int(server.ranges()[1] or 0) >= 10


def test_killed_in_the_middle(server: Server, tmp_path: Path) -> None:
    server.routes["/games.zip"] = in_turn(serve(pace=(1000, 0.1)), serve())
    words = ["download", server.url("/games.zip"), "--out", str(tmp_path), "--json"]
    process = subprocess.Popen([sys.executable, "-m", "hayago", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    part = tmp_path / "games.zip.part"
    deadline = time.monotonic() + 60
    while not part.exists() or not part.stat().st_size:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.communicate()
    size = part.stat().st_size
    assert 0 < size < SIZE
    fetched = fetch(server, tmp_path, serve())
    assert (fetched.resumed_at, fetched.path.read_bytes()) == (size, ZIP)


def test_no_server(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with (
        Downloader(tmp_path, quick(tries=2)) as one,
        pytest.raises(DownloadError, match=r"x.zip: .*\(attempts: 2\)") as error,
    ):
        one.fetch(Archive(f"http://127.0.0.1:{port}/x.zip", "x.zip"))
    assert "HTTPConnectionPool" not in str(error.value)


@pytest.mark.parametrize("url", ["ftp://host/x.zip", "file:///etc/x.zip", "x.zip", "http:///x.zip", "http://[/x.zip"])
def test_unusable_addresses(tmp_path: Path, url: str) -> None:
    with Downloader(tmp_path, quick()) as one, pytest.raises(DownloadError):
        one.fetch(Archive(url, "x.zip"))
    with Downloader(tmp_path, quick()) as one, pytest.raises(HayagoError):
        one.fetch(one.find([url])[0])


def test_a_full_disk(server: Server, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="Windows limits no files")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(HayagoError, match=r"cannot write .*games.zip.part: File too large"):
            fetch(server, tmp_path, serve())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert left_in(tmp_path) == []


# Pages and names.

LINKS = """<html><head><base href="/archive/"></head><body>
<a href="kgs-2015-01.zip">zip</a> <A HREF='kgs-2015-01.tar.gz'>tar.gz</A> <a href="kgs-2015-01.tar.bz2">tar.bz2</a>
<a href="/other/KGS%20games.ZIP#top">2</a> <a href="old/kgs-2015-01.zip?again=1">3</a>
<a href="readme.html">no</a> <a href="mailto:x.zip">no</a> <a href="http://[x.zip">no</a> <a>no</a> <a href="">no</a>
<![odd[<a href="kgs-2015-01.zip">the same</a> <a href="games.sgf.zip.html">no</a>
</body></html>"""


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        (
            (),
            [
                ("/archive/kgs-2015-01.tar.bz2", "kgs-2015-01.tar.bz2"),
                ("/other/KGS%20games.ZIP", "KGS games.ZIP"),
                ("/archive/old/kgs-2015-01.zip?again=1", "kgs-2015-01.zip"),
                ("/direct.tgz", "direct.tgz"),
            ],
        ),
        (("*.tgz", "KGS*"), [("/other/KGS%20games.ZIP", "KGS games.ZIP"), ("/direct.tgz", "direct.tgz")]),
        (("*1999*",), "none of 4 archives matches \\*1999\\*"),
    ],
)
def test_the_archives_of_a_page(server: Server, tmp_path: Path, only: tuple[str, ...], expected: Any) -> None:
    server.routes["/index.html"] = html(LINKS)
    urls = [server.url("/index.html"), server.url("/direct.tgz")]
    with Downloader(tmp_path, quick(only=only)) as one:
        if isinstance(expected, str):
            with pytest.raises(HayagoError, match=expected):
                one.find(urls)
        else:
            assert one.find(urls) == [(server.url(path), name) for path, name in expected]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["/get.zip?id=1", "/get.zip?id=2", "/get.tgz?id=2"], ["get.zip", "get.tgz"]),  # two formats of the second
        (["/a/x.zip", "/b/X.zip", "/c/x.tgz"], ["x.zip", "X-2.zip", "x.tgz"]),
    ],
)
def test_addresses_with_the_same_name(server: Server, tmp_path: Path, paths: list[str], expected: list[str]) -> None:
    with Downloader(tmp_path, quick()) as one:
        assert [archive.name for archive in one.find(map(server.url, paths))] == expected


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([serve(b'<a href="x.zip">x</a>', length=999), status(500), html('<a href="x.zip">x</a>')], "x.zip"),
        ([html("<a href=x.html>nothing</a>")], "links to no .tar.xz"),
        ([html("x" * (9 << 20))], "a page of more than 8 MiB"),
        ([status(404)], "the server answered 404"),
        ([status(500)], r"the server answered 500 .* \(attempts: 5\)"),
    ],
)
def test_a_page_and_its_errors(server: Server, tmp_path: Path, answers: list[Answer], expected: str) -> None:
    server.routes["/"] = in_turn(*answers)
    with Downloader(tmp_path, quick()) as one:
        if expected == "x.zip":
            assert [archive.name for archive in one.find([server.url("/")])] == ["x.zip"]
        else:
            with pytest.raises(DownloadError, match=expected):
                one.find([server.url("/")])


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://h/a/kgs-2015.zip?x=/b.zip", "kgs-2015.zip"),
        ("http://h/..%2f..%2fetc%2fpasswd.zip", "passwd.zip"),
        ("http://h/..%5C..%5Cwindows%5Cx.zip", "x.zip"),
        ("http://h/C%3Ax.zip", "C_x.zip"),
        ("http://h/a%00b%0Ac%7f%C2%9b.tar.gz", "a_b_c__.tar.gz"),
        ("http://h/con.zip", "_con.zip"),
        ("http://h/LPT1.old.tar.gz", "_LPT1.old.tar.gz"),
        ("http://h/...x .zip", "x.zip"),
        ("http://h/%E6%97%A9%E7%A2%81.zip", "早碁.zip"),
        ("http://h/" + "x" * 300 + ".tar.bz2", "x" * 112 + ".tar.bz2"),
        ("http://h/" + "早" * 300 + ".zip", "早" * 38 + ".zip"),
        ("http://h/a%3Cb%3E%7C%3F%2A%22.zip", "a_b_____.zip"),
        ("http://h/.zip", None),
        ("http://h/..zip", None),
        ("http://h/%20.zip", None),
    ],
)
def test_names_that_every_system_takes(url: str, name: str | None) -> None:
    if name is not None:
        assert safe_name(url) == name
    else:
        with pytest.raises(HayagoError, match="gives no file name"):
            safe_name(url)


# The command.


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main(["download", *map(str, words)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_command(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server.routes |= {"/": html('<a href="a.zip">a</a><a href="b.zip">b</a><a href="c.zip">c</a>')}
    server.routes |= {"/a.zip": serve(), "/b.zip": serve(make_archive(3))}
    words = server.url("/"), "--out", tmp_path, "--pause", "0.3", "--retry-pause", "0"
    code, out, err = run(capsys, *words, "--json")
    result = json.loads(out)
    assert code == 1
    assert [(Path(one["path"]).name, one["games"], one["size"], one["already_there"]) for one in result["fetched"]] == [
        ("a.zip", 40, SIZE, False),
        ("b.zip", 3, len(make_archive(3)), False),
    ]
    refused = f"{server.url('/c.zip')}: the server answered 404 Not Found"
    assert result["failed"] == [{"url": server.url("/c.zip"), "reason": refused}]
    assert err.splitlines() == [
        f"not downloaded: {refused}",
        "hayago: 1 of 3 archives could not be downloaded; run the same command to try again",
    ]
    moments = [moment for _, _, moment in server.requests]
    assert all(later - earlier >= 0.29 for earlier, later in pairwise(moments))
    assert server.most_busy == 1

    server.routes["/c.zip"] = serve(make_archive(5))
    more = server.url("/"), "--out", tmp_path, "--pause", "0"
    code, out, err = run(capsys, *more)
    assert (code, err) == (0, "")
    a, _, c = out.splitlines()
    assert a == f"{tmp_path / 'a.zip'}: 40 games, {SIZE:,} bytes, was there"
    assert c == f"{tmp_path / 'c.zip'}: 5 games, {len(make_archive(5)):,} bytes"
    code, out, _ = run(capsys, *more, "--only", "a*", "--only", "c*", "--list")
    assert (code, out.splitlines()) == (0, [server.url("/a.zip"), server.url("/c.zip")])
    assert json.loads(run(capsys, *more, "--list", "--json")[1])[1]["name"] == "b.zip"
    assert len(server.ranges("/a.zip")) == 1


def test_bars_on_a_terminal(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    server.routes["/%5Bb%5Dx.zip"] = serve()
    code, out, err = run(capsys, server.url("/%5Bb%5Dx.zip"), "--out", tmp_path)
    assert code == 0 and "40 games" in out
    assert "1 of 1: [b]x.zip" in err


def test_escapes_never_reach_the_terminal(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def reason(request: Handler) -> None:
        request.send_response(404, "\x1b[2Jgone")
        request.send_header("Content-Length", "0")
        request.end_headers()

    member = make_archive(1, "\x1b[2J.sgf") + b"x"
    server.routes |= {"/": html('<a href="a\x1b[2J.zip">'), "/a%1B%5B2J.zip": reason, "/b.zip": serve(member[:-60])}
    for words in ([server.url("/"), "--list"], [server.url("/"), "--list", "--json"], [server.url("/")]):
        _, out, err = run(capsys, *words, "--pause", "0", "--out", tmp_path)
        assert "\x1b" not in out + err
        assert out or "?[2Jgone" in err
    code, out, err = run(capsys, server.url("/b.zip"), server.url("/\x1b[2J"), "--pause", "0", "--out", tmp_path)
    assert code == 1 and "\x1b" not in out + err


def test_the_folder_is_ready_for_prepare(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server.routes |= {"/a.zip": serve(), "/b.zip": serve(sent=9000)}
    words = server.url("/a.zip"), server.url("/b.zip"), "--tries", "1", "--pause", "0", "--out", tmp_path
    assert run(capsys, *words)[0] == 1
    skipped: list[str] = []
    assert len(list(iter_files([tmp_path], lambda source, reason: skipped.append(Path(source).name)))) == 40
    assert skipped == ["b.zip.part", "b.zip.part.json"]


URL = "http://127.0.0.1:9/x.zip"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ftp://h/x.zip"], "1 of 1 archives"),
        (["nonsense"], "nonsense: not an http or https address"),
        ([URL, "--tries", "0"], "tries must be at least 1: 0"),
        ([URL, "--pause", "-1"], "pause must be at least 0: -1"),
        ([URL, "--timeout", "inf"], "timeout must be at most 86,400: inf"),
        ([URL, "--timeout", "nan"], "timeout must be at least"),
        ([URL, "--only", "y*"], "none of 1 archives matches y*"),
    ],
)
def test_unusable_options(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    code, out, err = run(capsys, *words, "--out", tmp_path)
    assert (code, out) == (1, "")
    assert message in err.splitlines()[-1]


def test_folders_that_cannot_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    code, _, err = run(capsys, URL, "--out", tmp_path / "file")
    assert code == 1 and "cannot use" in err
    with Downloader(tmp_path):
        code, _, err = run(capsys, URL, "--out", tmp_path)
    assert code == 1 and "another process is downloading into this folder" in err
