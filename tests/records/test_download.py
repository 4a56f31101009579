"""Downloads from a real web server on this machine, which behaves and misbehaves as the tables say."""

import gzip
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
import zlib
from contextlib import closing, suppress
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count, pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

import hayago.records.download
from hayago.cli import main
from hayago.errors import HayagoError
from hayago.records.archives import iter_files
from hayago.records.download import Archive, Downloader, DownloadError, DownloadOptions, safe_name


def make_archive(games=40, name="game.sgf"):
    """A .zip that needs about 1 KiB a game."""
    letters = random.Random(games)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for number in range(games):
            moves = "".join(f";B[{letters.choice('abcdef')}{letters.choice('abcdef')}]" for _ in range(160))
            archive.writestr(f"{number}-{name}", f"({moves})")
    return file.getvalue()


ZIP, OTHER, LARGE = make_archive(), make_archive(41), make_archive(600)
DATE = "Sun, 01 Nov 2015 10:00:00 GMT"


def quick(**changes):
    return DownloadOptions(**{"pause": 0, "retry_pause": 0, "timeout": 5, "tries": 3} | changes)


# The server. An answer is a function of the request.


class Server(ThreadingHTTPServer):
    """Answers each path from `routes`; records the requests in `asked` as (path, headers, time)."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.routes, self.asked = {}, []

    def url(self, path):
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def handle_error(self, request, client_address):
        pass  # the tests are about clients that hang up


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers), time.monotonic()))
        self.server.routes.get(self.path, status(404))(self)

    def log_message(self, *arguments):
        pass

    def head(self, code, length=None, reason=None, **headers):
        self.send_response(code, reason)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        elif "Transfer_Encoding" not in headers:
            self.send_header("Connection", "close")
        self.end_headers()


def status(code, **headers):
    return lambda request: request.head(code, 0, **headers)


def serve(data=ZIP, *, sent=None, length=None, etag='"1"', modified=None, ranges=True, shift=0):
    """A good server, except that it may: close the connection after `sent` bytes; announce another `length`; have no
    `etag`; ignore Range; `shift` the range."""

    def answer(request):
        headers = {"ETag": etag} if etag else {}
        headers |= {"Last_Modified": modified} if modified else {}
        start, total = 0, length or len(data)
        asked = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        if ranges and asked and request.headers.get("If-Range") in (etag, modified):
            start = int(asked[1]) + shift
            if start >= len(data):
                request.head(416, 0, Content_Range=f"bytes */{len(data)}", **headers)
                return
            headers["Content_Range"] = f"bytes {start}-{len(data) - 1}/{total}"
        request.head(206 if start else 200, total - start, **headers)
        request.wfile.write(data[start:] if sent is None else data[start:][:sent])
        request.close_connection = sent is not None or length is not None

    return answer


def chunked(*blocks):
    """A body in chunks; b"" is the last one of a whole body."""

    def answer(request):
        request.head(200, Transfer_Encoding="chunked")
        for block in blocks:
            request.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
        request.close_connection = True

    return answer


def plain(data, length=None, **headers):
    def answer(request):
        request.head(200, length, **headers)
        request.wfile.write(data)

    return answer


def page(html):
    return plain(html.encode(), len(html.encode()), Content_Type="text/html")


def in_turn(*answers):
    """The first request gets the first answer and so on; the last one stays."""
    left = list(answers)
    return lambda request: (left.pop(0) if len(left) > 1 else left[0])(request)


@pytest.fixture
def server():
    server = Server()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def fetch(server, folder, *answers, name="games.zip", progress=None, **options):
    server.routes[f"/{name}"] = in_turn(*answers)
    with closing(Downloader(folder, quick(**options))) as downloader:
        return downloader.fetch(Archive(server.url(f"/{name}"), name), progress)


def files_in(folder):
    return sorted(path.name for path in folder.iterdir())


# Fetching.


def test_an_archive_is_fetched_once(server, tmp_path):
    told, folder = [], tmp_path / "new" / "folder"
    fetched = fetch(server, folder, serve(), progress=lambda completed, total: told.append((completed, total)))
    assert fetch(server, folder, serve()) == fetched._replace(already_there=True)
    assert (fetched.path, fetched.size, fetched.games) == (folder / "games.zip", len(ZIP), 40)
    assert (fetched.resumed_at, fetched.already_there) == (0, False)
    assert told[-1] == (len(ZIP), len(ZIP))
    ((_, headers, _),) = server.asked
    fetched.path.write_bytes(ZIP[:-500])
    with pytest.raises(DownloadError, match=rf"^{re.escape(str(fetched.path))}: the archive is damaged"):
        fetch(server, folder, serve())
    assert headers["User-Agent"].startswith("hayago/") and headers["Accept-Encoding"] == "identity"


CUT = serve(sent=9000)
DATED = {"modified": DATE, "etag": None}
# What the server does: its answers, what each request asks for (the start of Range), and the options.
SUCCEED = {
    "no length": ([plain(ZIP)], [0], {}),
    "in chunks": ([chunked(ZIP[:5000], ZIP[5000:], b"")], [0], {}),
    "an encoding that is not undone": ([plain(ZIP, len(ZIP), Content_Encoding="gzip")], [0], {}),
    "broken twice": ([serve(sent=10_000), serve(sent=5000), serve()], [0, 10_000, 15_000], {}),
    "a date but no tag": ([serve(sent=9000, **DATED), serve(**DATED)], [0, 9000], {}),
    "a date and a weak tag": ([serve(sent=9000, modified=DATE, etag='W/"1"'), serve(**DATED)], [0, 9000], {}),
    "nothing that tells the version": ([serve(sent=9000, etag=None), serve(etag=None)], [0, 0], {}),
    "another version": ([serve(OTHER, sent=9000, etag='"2"'), serve()], [0, 9000], {}),
    "ranges ignored": ([CUT, serve(ranges=False)], [0, 9000], {}),
    "another range than asked for": ([CUT, serve(shift=100), serve()], [0, 9000, 0], {}),
    "another version of the same tag": ([serve(OTHER, sent=9000), serve()], [0, 9000, 0], {}),
    "chunks that stop": ([chunked(ZIP[:5000]), serve()], [0, 0], {}),
    "a length that is too long, corrected": ([serve(length=len(ZIP) + 100)], [0, len(ZIP)], {}),
    "busy": ([status(500), status(503), serve()], [0, 0, 0], {}),
    "a redirect": ([status(302, Location="/games.zip"), serve()], [0, 0], {}),
    "attempts that bring something new": ([serve(LARGE, sent=70_000)], [*range(0, len(LARGE), 70_000)], {"tries": 2}),
}


@pytest.mark.parametrize(("answers", "starts", "options"), SUCCEED.values(), ids=SUCCEED)
def test_it_arrives_whole(server, tmp_path, answers, starts, options):
    data = LARGE if "tries" in options else ZIP
    fetched = fetch(server, tmp_path, *answers, **options)
    assert fetched.path.read_bytes() == data and fetched.resumed_at == 0
    assert [int(headers.get("Range", "bytes=0-")[6:-1]) for _, headers, _ in server.asked] == starts
    assert files_in(tmp_path) == ["games.zip"]


LOGIN = serve(b"<html>Please log in</html>")
DAMAGED = "games.zip: the archive is damaged or cut short"
ONE_BYTE_WRONG = ZIP.replace(b";B[a", b";W[a", 1)
HOUR = status(503, Retry_After="3600")
# What the server does: its answers, the message, the number of requests, the bytes that are kept, and the options.
FAIL = {
    "not found": ([status(404)], "games.zip: the server answered 404 Not Found", 1, 0, {}),
    "gone": ([CUT, status(410)], "the server answered 410 Gone", 2, 9000, {}),
    "forbidden": ([CUT, status(403)], "the server answered 403 Forbidden", 2, 9000, {}),
    "busy": ([status(429)], r"the server answered 429 Too Many Requests \(3 attempts\)", 3, 0, {}),
    "broken": ([status(500)], r"the server answered 500 Internal Server Error \(3 attempts\)", 3, 0, {}),
    "busy for an hour": ([HOUR], r"answered 503 .* asked to wait 3600 s \(1 attempt\)", 1, 0, {}),
    "a strange wait": ([status(503, Retry_After="soon")], r"Retry-After.* \(3 attempts\)", 3, 0, {}),
    "escapes": ([status(404, reason="\x1b[31m\x9b")], r"answered 404 \\x1b\[31m\\x9b", 1, 0, {}),
    "broken off": ([CUT], r"games.zip: .*9000.* \(1 attempt\)", 1, 9000, {"tries": 1}),
    "very short pieces": ([serve(sent=100)], r"\(3 attempts\)", 3, 300, {}),
    "the same again": ([serve(LARGE, sent=n, ranges=False) for n in (70_000, 99, 70_000)], "3 attempts", 3, 70_000, {}),
    "a length that is too long": ([serve(length=len(ZIP) + 9, ranges=False)], r"\(3 attempts\)", 3, len(ZIP), {}),
    "a length that is too short": ([serve(length=len(ZIP) - 100)], DAMAGED, 2, 0, {}),
    "cut short": ([serve(ZIP[:-500])], DAMAGED, 2, 0, {}),
    "one byte is wrong": ([serve(ONE_BYTE_WRONG)], DAMAGED, 2, 0, {}),
    "not a .zip": ([LOGIN], DAMAGED, 2, 0, {}),
    "not a .tar.xz": ([LOGIN], "games.tar.xz: the archive is damaged", 2, 0, {"name": "games.tar.xz"}),
    "empty": ([serve(b"")], "games.tar.gz: the archive is damaged", 2, 0, {"name": "games.tar.gz"}),
    "without games": ([serve(make_archive(2, "read.me"))], "games.zip: no .sgf file in this archive", 1, 0, {}),
    "too large": ([plain(b"x" * (3 << 20), 3 << 20)], "larger than 1 MiB", 1, 0, {"max_megabytes": 1}),
    "too large, no length": ([plain(b"x" * (3 << 20))], "larger than 1 MiB", 1, 0, {"max_megabytes": 1}),
    "redirects in a circle": ([status(301, Location="/games.zip")], "5 redirects", 6, 0, {}),
    "a redirect to a file": ([status(302, Location="file:///etc/passwd")], "games.zip: .*file:///etc", 1, 0, {}),
}


@pytest.mark.parametrize(("answers", "message", "requests", "kept", "options"), FAIL.values(), ids=FAIL)
def test_what_does_not_arrive_whole_is_no_archive(server, tmp_path, answers, message, requests, kept, options):
    with pytest.raises(DownloadError, match=rf"^http://127.*{message}") as raised:
        fetch(server, tmp_path, *answers, **options)
    assert str(raised.value).isprintable()
    assert len(server.asked) == requests
    assert [path.stat().st_size for path in tmp_path.glob("*.part")] == [kept] * bool(kept)
    assert set(files_in(tmp_path)) <= {"games.zip.part", "games.zip.part.json"}


@pytest.mark.parametrize("left", ["kept", "whole", "changed", "elsewhere", "unreadable", "unknown"])
def test_a_later_download_resumes(server, tmp_path, left):
    url, part, about = server.url("/games.zip"), tmp_path / "games.zip.part", tmp_path / "games.zip.part.json"
    part.write_bytes(ZIP if left == "whole" else ZIP[:9000])
    known = {"changed": {url: '"0"'}, "elsewhere": {"http://elsewhere/games.zip": '"1"'}, "unreadable": ["x"]}
    if left != "unknown":
        about.write_text(json.dumps(known.get(left, {url: '"1"'})))
    fetched = fetch(server, tmp_path, serve())
    assert fetched.resumed_at == {"kept": 9000, "whole": len(ZIP)}.get(left, 0)
    assert fetched.path.read_bytes() == ZIP
    assert files_in(tmp_path) == ["games.zip"]


def test_a_killed_download_is_resumed(server, tmp_path):
    over = threading.Event()

    def begin(request):
        request.head(200, len(ZIP), ETag='"1"')
        request.wfile.write(ZIP[:9000])
        over.wait(120)

    server.routes["/games.zip"] = begin
    words = ["download", server.url("/games.zip"), "--out", str(tmp_path)]
    process = subprocess.Popen([sys.executable, "-m", "hayago", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    part, deadline = tmp_path / "games.zip.part", time.monotonic() + 60
    while not part.exists() or not part.stat().st_size:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.communicate()
    over.set()
    size = part.stat().st_size
    assert 0 < size <= 9000
    fetched = fetch(server, tmp_path, serve())
    assert (fetched.resumed_at, fetched.path.read_bytes()) == (size, ZIP)


def test_slow_servers(server, tmp_path, monkeypatch):
    over = threading.Event()
    fetched = fetch(server, tmp_path, lambda request: over.wait(60), serve(), timeout=0.5, tries=9)
    over.set()
    assert fetched.path.read_bytes() == ZIP
    clock = SimpleNamespace(monotonic=count(step=100).__next__, sleep=lambda seconds: None)  # 100 s for each block
    monkeypatch.setattr(hayago.records.download, "time", clock)
    with pytest.raises(DownloadError, match=r"only .* KiB a second arrived \(1 attempt\)"):
        fetch(server, tmp_path / "2", serve(), min_rate=20, tries=1)


WAITS = [([None, None], [2, 4]), (["1", "90"], [2, 90]), (["date"], [100])]


@pytest.mark.parametrize(("retry_after", "expected"), WAITS)
def test_it_waits_before_each_attempt(server, tmp_path, monkeypatch, retry_after, expected):
    waits = []
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=lambda seconds: waits.append(seconds))
    monkeypatch.setattr(hayago.records.download, "time", clock)
    sent = [formatdate(time.time() + 100) if wait == "date" else wait for wait in retry_after]
    answers = [status(503, **({"Retry_After": wait} if wait else {})) for wait in sent]
    fetch(server, tmp_path, *answers, serve(), retry_pause=2)
    assert [wait for wait in waits if wait] == pytest.approx(expected, abs=95 if "date" in retry_after else 0)


@pytest.mark.parametrize("url", ["ftp://host/x.zip", "file:///etc/x.zip", "x.zip", "http:///x.zip", "http://[/x.zip"])
def test_addresses_that_cannot_be_fetched(tmp_path, url):
    with closing(Downloader(tmp_path)) as downloader, pytest.raises(DownloadError):
        downloader.fetch(Archive(url, "x.zip"))


def test_no_server(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/x.zip"
    with closing(Downloader(tmp_path, quick())) as downloader, pytest.raises(DownloadError) as raised:
        downloader.fetch(Archive(url, "x.zip"))
    assert re.fullmatch(rf"{url}: \[[^:]+ \(3 attempts\)", str(raised.value))


def test_a_full_disk(server, tmp_path):
    resource = pytest.importorskip("resource", reason="Windows does not limit files")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(HayagoError, match=r"cannot write .*games.zip.part: File too large"):
            fetch(server, tmp_path, serve())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert files_in(tmp_path) == []


# Finding.

PAGE = """<html><head><base href="/archive/"></head><body>
<a href="kgs-2015-01.zip">zip</a> <A HREF='kgs-2015-01.tar.gz'>tar.gz</A> <a href="kgs-2015-01.tar.bz2">tar.bz2</a>
<a href="/other/KGS%20games.ZIP#top">2</a> <a href="old/kgs-2015-01.zip?again=1">3</a> <a href="x\x1b\x9b.zip">4</a>
<a href="readme.html">no</a> <a href="mailto:x.zip">no</a> <a href="http://[x.zip">no</a> <a>no</a> <a href="">no</a>
<![odd[<a href="kgs-2015-01.zip">the same</a> <a href="games.sgf.zip.html">no</a>
</body></html>"""


def find(*urls, folder, **options):
    with closing(Downloader(folder, quick(**options))) as downloader:
        return downloader.find(urls)


def test_the_archives_of_a_page(server, tmp_path):
    server.routes["/"] = in_turn(serve(PAGE.encode(), length=9999), status(500), page(PAGE))
    urls = server.url("/"), server.url("/direct.tgz")
    assert find(*urls, folder=tmp_path) == [
        (server.url("/archive/kgs-2015-01.tar.bz2"), "kgs-2015-01.tar.bz2"),
        (server.url("/other/KGS%20games.ZIP"), "KGS games.ZIP"),
        (server.url("/archive/old/kgs-2015-01.zip?again=1"), "kgs-2015-01.zip"),
        (server.url("/archive/x%1B%C2%9B.zip"), "x__.zip"),
        (server.url("/direct.tgz"), "direct.tgz"),
    ]
    assert [archive.name for archive in find(*urls, folder=tmp_path, only=("*.tgz", "KGS*"))] == [
        "KGS games.ZIP",
        "direct.tgz",
    ]
    with pytest.raises(HayagoError, match=r"none of 5 archives matches \*1999\*"):
        find(*urls, folder=tmp_path, only=("*1999*",))


def test_addresses_that_are_alike(tmp_path):
    for paths, names in (
        (["/a/x.zip", "/b/X.zip", "/c/x.tgz"], ["x.zip", "X-2.zip", "x.tgz"]),
        (["/x.zip?id=1", "/x.zip?id=2", "/x.tgz?id=2"], ["x.zip", "x.tgz"]),
    ):
        assert [archive.name for archive in find(*(f"http://h{path}" for path in paths), folder=tmp_path)] == names


def test_pages_without_archives(server, tmp_path):
    for path, answer, message in (
        ("/none", page("<a href=x.html>nothing</a>"), "links to no .tar.xz, .tar.bz2, .tar.gz, .zip archive"),
        ("/large", page("x" * (9 << 20)), "a page of more than 8 MiB"),
        ("/missing", status(404), "the server answered 404"),
        ("/broken", status(500), r"the server answered 500 .* \(3 attempts\)"),
    ):
        server.routes[path] = answer
        with pytest.raises(DownloadError, match=rf"^http.*{path}: {message}"):
            find(server.url(path), folder=tmp_path)


NAMES = {
    "a/kgs-2015.zip?x=/b.zip": "kgs-2015.zip",
    "..%2f..%2fetc%2fpasswd.zip": "passwd.zip",
    "..%5C..%5Cwindows%5Cx.zip": "x.zip",
    "C%3Ax.zip": "C_x.zip",
    "a%00b%0Ac%7f%C2%9B%E2%80%AE.tar.gz": "a_b_c___.tar.gz",
    "con.zip": "_con.zip",
    "LPT1.old.tar.gz": "_LPT1.old.tar.gz",
    "...x .zip": "x.zip",
    ".download.lock": "download.lock",
    "%E6%97%A9%E7%A2%81.zip": "早碁.zip",
    "x" * 300 + ".tar.bz2": "x" * 112 + ".tar.bz2",
    "早" * 300 + ".zip": "早" * 38 + ".zip",
    "a%3Cb%3E%7C%3F%2A%22.zip": "a_b_____.zip",
}


def test_names_that_every_system_accepts():
    assert {path: safe_name(f"http://h/{path}") for path in NAMES} == NAMES
    for path in (".zip", "..zip", "%20.zip"):
        with pytest.raises(DownloadError, match="gives no file name"):
            safe_name(f"http://h/{path}")


# The command.


def run(capsys, *words):
    code = main(["download", *map(str, words)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_command(server, tmp_path, capsys):
    server.routes["/"] = page('<a href="a.zip">a</a><a href="b.zip">b</a><a href="c.zip">c</a>')
    server.routes |= {"/a.zip": serve(), "/b.zip": serve(make_archive(3))}
    words = server.url("/"), "--out", tmp_path, "--pause", "0.1", "--retry-pause", "0"
    code, out, err = run(capsys, *words, "--json")
    result, reason = json.loads(out), f"{server.url('/c.zip')}: the server answered 404 Not Found"
    assert (code, result["folder"]) == (1, str(tmp_path))
    assert [(one["path"], one["games"], one["size"], one["already_there"]) for one in result["fetched"]] == [
        (str(tmp_path / "a.zip"), 40, len(ZIP), False),
        (str(tmp_path / "b.zip"), 3, len(make_archive(3)), False),
    ]
    assert result["failed"] == [{"url": server.url("/c.zip"), "reason": reason}]
    assert err.splitlines() == [
        f"not fetched: {reason}",
        "hayago: 1 of 3 archives not fetched; the same command tries again",
    ]
    assert all(later[2] - earlier[2] >= 0.09 for earlier, later in pairwise(server.asked))

    server.routes["/c.zip"] = in_turn(serve(sent=9000), status(404), serve())
    server.asked.clear()
    assert run(capsys, *words)[0] == 1
    code, out, err = run(capsys, *words)
    assert (code, err) == (0, "")
    lines = [line.partition(": ")[2] for line in out.splitlines()]
    assert lines[0] == f"40 games, {len(ZIP):,} bytes, already there"
    assert lines[2] == f"40 games, {len(ZIP):,} bytes, resumed after 9,000"
    assert "/a.zip" not in [path for path, _, _ in server.asked]

    code, out, _ = run(capsys, *words, "--only", "a*", "--only", "c*", "--list")
    assert (code, out.splitlines()) == (0, [server.url("/a.zip"), server.url("/c.zip")])
    assert json.loads(run(capsys, *words, "--list", "--json")[1])[1] == {"url": server.url("/b.zip"), "name": "b.zip"}


def test_bars_on_a_terminal(server, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    server.routes["/%5Bb%5Dx.zip"] = serve()
    code, out, err = run(capsys, server.url("/%5Bb%5Dx.zip"), "--out", tmp_path)
    assert code == 0 and "40 games" in out
    assert "1 of 1: [b]x.zip" in err


def test_what_it_fetches_is_read_as_a_folder_of_games(server, tmp_path, capsys):
    server.routes |= {"/a.zip": serve(), "/b.zip": serve(sent=9000)}
    words = server.url("/a.zip"), server.url("/b.zip"), "--tries", "1", "--pause", "0", "--out", tmp_path
    assert run(capsys, *words)[0] == 1
    skipped = []
    assert len(list(iter_files([tmp_path], lambda source, reason: skipped.append(Path(source).name)))) == 40
    assert skipped == ["b.zip.part", "b.zip.part.json"]


WRONG = {
    "ftp://h/x.zip": "not fetched: ftp://h/x.zip: .*\nhayago: 1 of 1 archives not fetched",
    "nonsense": "hayago: nonsense: .*nonsense",
    "x.zip --tries 0": "hayago: tries must be from 1 to 1,000,000: 0",
    "x.zip --pause -1": "hayago: pause must be from 0 to 1,000,000: -1.0",
    "x.zip --timeout inf": "hayago: timeout must be from 0.01 to 1,000,000: inf",
    "x.zip --retry-pause nan": "hayago: retry pause must be from 0 to 1,000,000: nan",
    "x.zip --only y*": r"hayago: none of 1 archives matches y\*",
}


@pytest.mark.parametrize("words", WRONG)
def test_wrong_usage(tmp_path, capsys, words):
    code, out, err = run(capsys, *words.split(), "--out", tmp_path)
    assert (code, out) == (1, "")
    assert re.fullmatch(rf"{WRONG[words]}.*\n", err)


def test_folders_that_cannot_be_used(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    code, _, err = run(capsys, "http://127.0.0.1:9/x.zip", "--out", tmp_path / "file")
    assert code == 1 and "cannot use" in err
    with closing(Downloader(tmp_path)):
        code, _, err = run(capsys, "http://127.0.0.1:9/x.zip", "--out", tmp_path)
    assert code == 1 and "another process is downloading into this folder" in err


def raw(data):
    """These bytes, headers and all."""

    def answer(request):
        request.wfile.write(data)
        request.close_connection = True

    return answer


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (raw(b"HTTP/1.1 404 \x1b]0;x\x07\x1b[31mGone\r\nContent-Length: 0\r\n\r\n"), "404"),
        (raw(OK + b"".join(b"X-%d: y\r\n" % n for n in range(1000)) + b"\r\n"), "more than 100 headers"),
        (raw(OK + b"Content-Length: -5\r\n\r\nxx"), "damaged"),
        (raw(OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nxx"), "damaged|attempt"),
        (raw(OK + b"X: " + b"y" * 100_000 + b"\r\n\r\n"), "attempt"),
        (status(503, Retry_After="9" * 20), "asked to wait"),
        (status(503, Retry_After="9" * 5000), "503|digits"),
        (status(503, Retry_After="-1"), "503|header"),
        (status(302, Location="file:///etc/passwd"), "No connection adapters"),
        (status(302, Location="ftp://127.0.0.1/x.zip"), "No connection adapters"),
        (status(302, Location="/games.zip"), "redirects"),
        (status(302, Location="http://[::1"), "Invalid|parse|address"),
        (status(302, Location="http://127.0.0.1:99999999/x.zip"), "port|parse|Invalid|range"),
        (status(302, Location="javascript:alert(1)"), "No connection adapters"),
    ],
)
def test_a_hostile_server_gets_one_line(server, tmp_path, capsys, answer, said):
    server.routes["/games.zip"] = answer
    words = [server.url("/games.zip"), "--out", str(tmp_path), "--pause", "0", "--tries", "2", "--retry-pause", "0"]
    assert main(["download", *words]) == 1
    error = capsys.readouterr().err
    assert re.search(said, error), error
    assert all(line.isprintable() for line in error.splitlines()) and "Traceback" not in error
    assert len(error) < 3000 and files_in(tmp_path) == []


def test_links_that_an_attacker_made(server, tmp_path):
    server.routes["/page"] = page(
        '<a href="/x&#27;]0;P&#7;&#27;[31m.tar.xz">a</a><a href="/..%2f..%2ftmp%2fpwned.zip">a</a>'
        '<a href="/%2e%2e/y.zip">b</a><a href="/..\\..\\z.zip">c</a><a href="/a%00b.zip">d</a>'
        '<a href="/.download.lock.zip">e</a><a href="http://me:secret@127.0.0.1/s.zip">s</a>'
        '<a href="/&#8238;r.zip">r</a>'
    )
    with closing(Downloader(tmp_path, quick())) as downloader:
        archives = downloader.find([server.url("/page")])
    assert len(archives) == 7
    for archive in archives:
        assert archive.url.isprintable() and archive.name.isprintable() and "secret" not in archive.url
        assert (tmp_path / archive.name).parent == tmp_path and not archive.name.startswith(".")


def test_passwords_go_nowhere(server, tmp_path, monkeypatch, capsys):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    fetch(server, tmp_path / "out", serve())
    assert all("Authorization" not in headers for _, headers, _ in server.asked)
    address = server.url("/games.zip").replace("//", "//me:secret@")
    assert main(["download", address, "--out", str(tmp_path / "out")]) == 1
    assert "secret" not in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate"])
def test_a_page_that_comes_compressed(server, tmp_path, encoding):
    html = b'<a href="/one.zip">1</a>'
    packed = zlib.compress(html) if encoding == "deflate" else gzip.compress(html)
    server.routes["/page"] = plain(packed, len(packed), Content_Encoding=encoding)
    bomb = gzip.compress(bytes(64 << 20))
    server.routes["/bomb"] = plain(bomb, len(bomb), Content_Encoding="gzip")
    server.routes["/broken"] = plain(b"not gzip", 8, Content_Encoding="gzip")
    server.routes["/many"] = page("".join(f'<a href="/{n}.zip">' for n in range(10_001)))
    with closing(Downloader(tmp_path, quick())) as downloader:
        assert [archive.name for archive in downloader.find([server.url("/page")])] == ["one.zip"]
        for path, said in (("/bomb", "a page of more than"), ("/many", "more than 10,000"), ("/broken", "attempt")):
            with pytest.raises(DownloadError, match=said):
                downloader.find([server.url(path)])


def test_a_link_without_a_file_name_is_listed_and_the_others_come(server, tmp_path, capsys):
    server.routes["/"] = page(
        '<a href=".zip">1</a><a href="a.zip">2</a><a href="%20.tar.gz">3</a><a href="..zip">4</a>'
    )
    server.routes["/a.zip"] = serve()
    words = server.url("/"), "--out", tmp_path, "--pause", "0"
    code, out, err = run(capsys, *words)
    assert code == 1 and out.startswith(str(tmp_path / "a.zip"))
    *lines, last = err.splitlines()
    assert len(lines) == 3 and all(line.endswith("gives no file name") for line in lines)
    assert last == "hayago: 3 of 4 archives not fetched; the same command tries again"
    server.routes["/"] = page('<a href=".zip">1</a>')
    code, out, err = run(capsys, *words)
    assert (code, out, len(err.splitlines())) == (1, "", 1) and "gives no file name" in err


@pytest.mark.parametrize("name", [".download.lock", "a.zip.part", "a.zip.part.json"])
def test_links_among_the_files_of_a_download_are_refused(server, tmp_path, capsys, name):
    victim, folder = tmp_path / "victim", tmp_path / "out"
    victim.write_text("kept")
    folder.mkdir()
    (folder / name).symlink_to(victim)
    server.routes["/a.zip"] = serve()
    code, _, err = run(capsys, server.url("/a.zip"), "--out", folder)
    assert code == 1 and f"{name}: a link, which is not followed" in err
    assert victim.read_text() == "kept"


def trickle(*blocks):
    """Blocks of bytes, one after the other, a tenth of a second between two of them."""

    def answer(request):
        with suppress(OSError):
            for block in blocks:
                request.wfile.write(block)
                time.sleep(0.1)
        request.close_connection = True

    return answer


@pytest.mark.parametrize(
    "blocks",
    [
        [bytes([letter]) for letter in (OK + b"X: " + b"y" * 300)],
        [OK] + [b"X-%d: y\r\n" % n for n in range(300)],
        [b"HTTP/1.1 100 Continue\r\n\r\n"] * 300,
        [b"H"] * 300,
    ],
    ids=["bytes", "lines", "continue", "status"],
)
def test_a_header_that_never_ends(server, tmp_path, blocks):
    begin = time.monotonic()
    with pytest.raises(DownloadError, match=r"the header of the answer took more than 1 s \(2 attempts\)"):
        fetch(server, tmp_path, trickle(*blocks), timeout=1, tries=2)
    assert time.monotonic() - begin < 10


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (chunked(ZIP[:5000]), "a chunk .* cut short"),
        (raw(OK + b"Transfer-Encoding: chunked\r\n\r\nzzzz\r\n"), "a chunk .* damaged"),
        (raw(OK + b"Content-Length: 500\r\n\r\nxx"), "ended after 2 bytes"),
        (status(503, Retry_After="999999999"), "asked to wait 999999999 s"),
    ],
)
def test_the_reasons_are_words(server, tmp_path, answer, said):
    with pytest.raises(DownloadError, match=said) as caught:
        fetch(server, tmp_path, answer, tries=1)
    assert not re.search(r"literal|IncompleteRead|object|b'", str(caught.value))


def a_zip(**members):
    """A .zip of these files, compressed."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.sgf", content)
        archive.writestr("about.txt", "about")
    return file.getvalue()


ENCRYPTED = bytearray(a_zip(a="(;B[aa])", b="(;B[bb])"))
ENCRYPTED[ENCRYPTED.rindex(b"PK\1\2", 0, ENCRYPTED.index(b"b.sgf", ENCRYPTED.index(b"PK\1\2"))) + 8] |= 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (a_zip(a="(;B[aa])", b=" " * 20_000_000), "b.sgf: packed too tightly"),
        (bytes(ENCRYPTED), "b.sgf: encrypted"),
        (a_zip(**{"a": "(;B[aa])", "n" * 1001: "(;B[aa])"}), "nnn.sgf: name too long"),
    ],
)
def test_an_archive_with_a_game_that_cannot_be_unpacked_is_not_kept(server, tmp_path, data, said):
    with pytest.raises(DownloadError, match=said):
        fetch(server, tmp_path, serve(data))
    assert files_in(tmp_path) == []


def test_games_that_are_no_good_are_the_business_of_prepare(server, tmp_path):
    assert fetch(server, tmp_path, serve(a_zip(a="(;B[aa])", b="(;SZ[99])", c="garbage"))).games == 3


@pytest.mark.parametrize("about", [b"[" * 100_000, b"\xff", b"{", b"[]", b"null", b'{"x": 1}'])
def test_what_is_said_about_a_part_may_be_damaged(server, tmp_path, about):
    (tmp_path / "games.zip.part").write_bytes(b"x")
    (tmp_path / "games.zip.part.json").write_bytes(about)
    assert fetch(server, tmp_path, serve()).path.read_bytes() == ZIP
    assert files_in(tmp_path) == ["games.zip"]
