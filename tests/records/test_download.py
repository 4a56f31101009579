"""Downloads from a real web server on this machine, which behaves and misbehaves as the test says."""

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
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import pytest

from hayago.cli import main
from hayago.errors import HayagoError
from hayago.records.archives import iter_files
from hayago.records.download import Archive, Downloader, DownloadError, DownloadOptions, safe_name


def make_archive(games=40, name="game.sgf"):
    """A .zip of some 40 KiB that compresses badly."""
    letters = random.Random(games)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for number in range(games):
            moves = "".join(f";B[{letters.choice('abcdef')}{letters.choice('abcdef')}]" for _ in range(160))
            archive.writestr(f"{number}-{name}", f"({moves})")
    return file.getvalue()


ZIP = make_archive()
QUICK = DownloadOptions(pause=0, retry_pause=0.01, timeout=5)


class Server(ThreadingHTTPServer):
    """Answers each path by a function of the request; keeps what it was asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.routes = {}
        self.requests = []
        self.busy = self.most_busy = 0

    def url(self, path):
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def asked(self, path):
        """The headers of each request for a path."""
        return [headers for asked, headers, _ in self.requests if asked == path]

    def handle_error(self, request, client_address):
        pass  # clients that hang up are what is tested


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.requests.append((self.path, dict(self.headers), time.monotonic()))
        self.server.busy += 1
        self.server.most_busy = max(self.server.most_busy, self.server.busy)
        try:
            self.server.routes.get(self.path, status(404))(self)
        finally:
            self.server.busy -= 1

    def log_message(self, *arguments):
        pass

    def head(self, code, length=None, **headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if length is None:
            self.close_connection = True
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()


def status(code, **headers):
    return lambda request: request.head(code, 0, **headers)


def page(html):
    def answer(request):
        data = html.encode()
        request.head(200, len(data), Content_Type="text/html")
        request.wfile.write(data)

    return answer


def serve(data=ZIP, *, sent=None, length=None, etag='"1"', ranges=True, shift=0, modified=None):
    """Serve data as a good server does, but for: `sent` bytes of the answer's body before the connection drops;
    another `length` than the truth; no `etag`; Range ignored; the part `shift`ed."""

    def answer(request):
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
        body = data[start:]
        request.head(206 if start else 200, (length or len(data)) - start, **headers)
        request.wfile.write(body if sent is None else body[:sent])
        if sent is not None or length:
            request.close_connection = True

    return answer


def in_turn(*answers):
    """The first request gets the first answer and so on; the last one stays."""
    left = list(answers)
    return lambda request: (left.pop(0) if len(left) > 1 else left[0])(request)


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@contextmanager
def downloader(folder, options=QUICK):
    one = Downloader(folder, options)
    try:
        yield one
    finally:
        one.close()


def fetch(server, folder, answer, options=QUICK, name="games.zip"):
    server.routes[f"/{name}"] = answer
    with downloader(folder, options) as one:
        return one.fetch(Archive(server.url(f"/{name}"), name))


def left_in(folder):
    return sorted(path.name for path in folder.iterdir())


# Whole.


def test_an_archive_is_fetched_once(server, tmp_path):
    told = []
    server.routes["/games.zip"] = serve()
    with downloader(tmp_path / "new" / "folder") as one:
        archive = Archive(server.url("/games.zip"), "games.zip")
        fetched = one.fetch(archive, lambda done, total: told.append((done, total)))
        assert one.fetch(archive) == fetched._replace(already_there=True)
    assert fetched.path.read_bytes() == ZIP
    assert (fetched.size, fetched.games, fetched.resumed_at, fetched.already_there) == (len(ZIP), 40, 0, False)
    assert left_in(fetched.path.parent) == ["games.zip"]
    assert told[-1] == (len(ZIP), len(ZIP))
    (headers,) = server.asked("/games.zip")
    assert headers["User-Agent"].startswith("hayago/") and headers["Accept-Encoding"] == "identity"
    assert "Range" not in headers


@pytest.mark.parametrize("coding", ["identity", "chunked"])
def test_without_a_length(server, tmp_path, coding):
    def answer(request):
        if coding == "identity":
            request.head(200)
            request.wfile.write(ZIP)
            return
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        for start in range(0, len(ZIP), 5000):
            block = ZIP[start : start + 5000]
            request.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
        request.wfile.write(b"0\r\n\r\n")

    assert fetch(server, tmp_path, answer).path.read_bytes() == ZIP


def test_what_the_server_packs_on_the_way_stays_as_it_is(server, tmp_path):
    def answer(request):
        request.head(200, len(ZIP), Content_Encoding="gzip")  # as some call a .tar.gz
        request.wfile.write(ZIP)

    assert fetch(server, tmp_path, answer).path.read_bytes() == ZIP


# Broken off.


def test_a_dropped_connection_goes_on_where_it_broke(server, tmp_path):
    answer = in_turn(serve(sent=10_000), serve(sent=5_000), serve())
    assert fetch(server, tmp_path, answer).path.read_bytes() == ZIP
    first, second, third = server.asked("/games.zip")
    assert "Range" not in first
    assert (second["Range"], second["If-Range"]) == ("bytes=10000-", '"1"')
    assert third["Range"] == "bytes=15000-"


@pytest.mark.parametrize("first", [404, 403])
def test_what_is_there_outlives_a_refusal(server, tmp_path, first):
    with pytest.raises(DownloadError, match=f"answered {first}"):
        fetch(server, tmp_path, in_turn(serve(sent=10_000), status(first)))
    assert fetch(server, tmp_path, serve()).resumed_at == 10_000


def test_another_process_goes_on(server, tmp_path):
    options = DownloadOptions(pause=0, retry_pause=0, tries=1)
    with pytest.raises(DownloadError, match=r"games.zip: .*10,?000.* \(1 attempts\)"):
        fetch(server, tmp_path, serve(sent=10_000), options)
    assert left_in(tmp_path) == ["games.zip.part", "games.zip.part.json"]
    fetched = fetch(server, tmp_path, serve())
    assert (fetched.resumed_at, fetched.path.read_bytes()) == (10_000, ZIP)
    assert left_in(tmp_path) == ["games.zip"]


def test_the_date_will_do_where_there_is_no_tag(server, tmp_path):
    date = "Sun, 01 Nov 2015 10:00:00 GMT"
    for etag in (None, 'W/"1"'):
        server.requests.clear()
        folder = tmp_path / str(etag is None)
        fetch(server, folder, in_turn(serve(sent=9000, etag=etag, modified=date), serve(etag=etag, modified=date)))
        assert server.asked("/games.zip")[1]["If-Range"] == date


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"etag": None}, {"etag": None}),  # nothing says that it is the same version
        ({}, {"etag": '"2"'}),  # it is another version
        ({}, {"ranges": False}),
    ],
)
def test_it_begins_anew_where_it_cannot_go_on(server, tmp_path, first, second):
    changed = make_archive(games=41)
    fetched = fetch(server, tmp_path, in_turn(serve(sent=9000, **first), serve(changed, **second)))
    assert fetched.path.read_bytes() == changed
    assert ("Range" in server.asked("/games.zip")[1]) == (first != {"etag": None})


def test_a_version_that_changed_between_two_runs_was_not_resumed(server, tmp_path):
    with pytest.raises(DownloadError):
        fetch(server, tmp_path, serve(sent=9000), DownloadOptions(pause=0, tries=1))
    fetched = fetch(server, tmp_path, serve(make_archive(games=41), etag='"2"'))
    assert (fetched.games, fetched.resumed_at) == (41, 0)


def test_another_part_than_asked_for(server, tmp_path):
    answer = in_turn(serve(sent=9000), serve(shift=100), serve())
    assert fetch(server, tmp_path, answer).path.read_bytes() == ZIP
    assert "Range" not in server.asked("/games.zip")[2]


def test_a_part_that_is_whole_and_one_of_another_address(server, tmp_path):
    options = DownloadOptions(pause=0, retry_pause=0, tries=1)
    with pytest.raises(DownloadError):
        fetch(server, tmp_path, serve(sent=9000), options)
    (tmp_path / "games.zip.part").write_bytes(ZIP)
    assert fetch(server, tmp_path, serve()).resumed_at == len(ZIP)
    (tmp_path / "games.zip").rename(tmp_path / "games.zip.part")
    (tmp_path / "games.zip.part.json").write_text(json.dumps({"url": "http://elsewhere/games.zip", "validator": '"1"'}))
    assert fetch(server, tmp_path, serve()).resumed_at == 0
    (tmp_path / "games.zip").rename(tmp_path / "games.zip.part")
    (tmp_path / "games.zip.part.json").write_text("[")
    assert fetch(server, tmp_path, serve()).resumed_at == 0


def test_it_gives_up_where_it_gets_no_further_only(server, tmp_path):
    large = make_archive(games=600)
    options = DownloadOptions(pause=0, retry_pause=0, tries=2)
    assert len(large) > 6 * 70_000
    assert fetch(server, tmp_path, serve(large, sent=70_000), options).path.read_bytes() == large
    server.requests.clear()
    with pytest.raises(DownloadError, match=r"\(2 attempts\)"):
        fetch(server, tmp_path / "2", serve(large, sent=100), options)
    assert len(server.requests) == 2
    server.requests.clear()
    answers = [serve(large, sent=sent, ranges=False) for sent in (70_000, 1000, 70_000)]
    with pytest.raises(DownloadError, match=r"\(3 attempts\)"):  # the same bytes again are no progress
        fetch(server, tmp_path / "3", in_turn(*answers, serve(large)), DownloadOptions(pause=0, retry_pause=0, tries=3))
    assert len(server.requests) == 3


def test_killed_in_the_middle(server, tmp_path):
    def trickle(request):
        request.head(200, len(ZIP), ETag='"1"')
        for start in range(0, len(ZIP), 1000):
            request.wfile.write(ZIP[start : start + 1000])
            time.sleep(0.1)

    server.routes["/games.zip"] = in_turn(trickle, serve())
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
    assert 0 < size < len(ZIP)
    with downloader(tmp_path) as one:
        fetched = one.fetch(Archive(server.url("/games.zip"), "games.zip"))
    assert (fetched.resumed_at, fetched.path.read_bytes()) == (size, ZIP)


# Lies and damage.


def test_a_length_that_is_too_long(server, tmp_path):
    with pytest.raises(DownloadError, match=r"\(5 attempts\)"):
        fetch(server, tmp_path, serve(length=len(ZIP) + 100, ranges=False))
    assert len(server.requests) == 5
    assert not (tmp_path / "games.zip").exists()
    # Asked for the rest, this one says that there is none.
    assert fetch(server, tmp_path, serve(length=len(ZIP) + 100)).path.read_bytes() == ZIP


def test_a_chunked_body_that_is_cut(server, tmp_path):
    def answer(request):
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        request.wfile.write(b"%x\r\n%s\r\n" % (5000, ZIP[:5000]))
        request.close_connection = True

    assert fetch(server, tmp_path, in_turn(answer, serve())).path.read_bytes() == ZIP


@pytest.mark.parametrize(
    ("answer", "name", "message"),
    [
        (serve(length=len(ZIP) - 100), "games.zip", "damaged or cut short"),
        (serve(ZIP[:-500]), "games.zip", "damaged or cut short"),
        (serve(ZIP.replace(b";B[a", b";W[a", 1)), "games.zip", "damaged or cut short behind its beginning"),
        (serve(b"<html>Please log in</html>"), "games.zip", "damaged or cut short"),
        (serve(b"<html>Please log in</html>"), "games.tar.xz", "damaged or cut short"),
        (serve(b""), "games.tar.gz", "damaged or cut short"),
    ],
)
def test_a_damaged_archive_is_fetched_twice_and_not_kept(server, tmp_path, answer, name, message):
    with pytest.raises(DownloadError, match=rf"^http://127.*{name}: .*{message}"):
        fetch(server, tmp_path, answer, name=name)
    assert len(server.requests) == 2
    assert left_in(tmp_path) == []


def test_parts_that_do_not_fit_are_fetched_anew(server, tmp_path):
    """The server says that it is the same version, and it is not."""
    fetched = fetch(server, tmp_path, in_turn(serve(make_archive(41), sent=9000), serve()))
    assert (fetched.path.read_bytes(), fetched.resumed_at) == (ZIP, 0)
    assert len(server.requests) == 3


def test_an_archive_without_games(server, tmp_path):
    with pytest.raises(DownloadError, match=r"games.zip: no .sgf file in this archive"):
        fetch(server, tmp_path, serve(make_archive(2, "readme.txt")))
    assert len(server.requests) == 1 and left_in(tmp_path) == []


@pytest.mark.parametrize("length", [None, 3 << 20])
def test_what_is_too_large(server, tmp_path, length):
    sent = []

    def answer(request):
        request.head(200, length)
        for _ in range(3 << 4):
            request.wfile.write(b"x" * (1 << 16))
            sent.append(1)

    with pytest.raises(DownloadError, match="more than 1 MiB"):
        fetch(server, tmp_path, answer, DownloadOptions(pause=0, max_megabytes=1))
    assert left_in(tmp_path) == []
    assert len(server.requests) == 1


# The server's answers.


def test_redirects(server, tmp_path):
    server.routes["/here"] = serve()
    assert fetch(server, tmp_path, status(302, Location="/here")).path.read_bytes() == ZIP
    with pytest.raises(DownloadError, match=r"more than 5 redirects"):
        fetch(server, tmp_path / "2", status(301, Location="/games.zip"))
    assert len(server.asked("/games.zip")) == 1 + 6
    with pytest.raises(DownloadError, match=r"no address to fetch from"):
        fetch(server, tmp_path / "3", status(302, Location="file:///etc/passwd"))


@pytest.mark.parametrize(("code", "times"), [(404, 1), (403, 1), (410, 1), (500, 3), (503, 3), (429, 3)])
def test_errors_of_the_server(server, tmp_path, code, times):
    with pytest.raises(DownloadError, match=f"games.zip: the server answered {code} "):
        fetch(server, tmp_path, status(code), DownloadOptions(pause=0, retry_pause=0.01, tries=3))
    assert len(server.requests) == times


def test_a_server_that_recovers(server, tmp_path):
    answer = in_turn(status(500), status(503, Retry_After="1"), serve())
    assert fetch(server, tmp_path, answer).path.read_bytes() == ZIP
    _, second, third = (moment for _, _, moment in server.requests)
    assert third - second >= 1


def test_a_server_that_asks_for_a_long_wait_is_left_alone(server, tmp_path):
    with pytest.raises(DownloadError, match=r"answered 503 .*, to wait 3600 s \(1 attempts\)"):
        fetch(server, tmp_path, status(503, Retry_After="3600"))
    assert len(server.requests) == 1


def test_it_waits_longer_before_each_attempt(server, tmp_path):
    options = DownloadOptions(pause=0, retry_pause=0.1, tries=3)
    with pytest.raises(DownloadError):
        fetch(server, tmp_path, status(500), options)
    first, second, third = (moment for _, _, moment in server.requests)
    assert second - first >= 0.1 and third - second >= 0.2


def test_a_server_that_says_nothing(server, tmp_path):
    options = DownloadOptions(pause=0, retry_pause=0, timeout=0.2)
    asleep = threading.Event()
    answer = in_turn(lambda request: asleep.wait(5), serve())
    assert fetch(server, tmp_path, answer, options).path.read_bytes() == ZIP
    asleep.set()


def test_a_server_that_trickles(server, tmp_path):
    def trickle(request):
        request.head(200, len(ZIP), ETag='"1"')
        for start in range(0, len(ZIP), 10):
            request.wfile.write(ZIP[start : start + 10])
            time.sleep(0.02)

    options = DownloadOptions(pause=0, retry_pause=0, timeout=0.5, min_rate=20)
    assert fetch(server, tmp_path, in_turn(trickle, serve()), options).path.read_bytes() == ZIP
    assert int(server.asked("/games.zip")[1]["Range"][6:-1]) >= 10
    with pytest.raises(DownloadError, match="KiB a second came"):
        fetch(server, tmp_path / "2", trickle, DownloadOptions(pause=0, timeout=0.3, min_rate=20, tries=1))


def test_nobody_there(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with (
        downloader(tmp_path, DownloadOptions(pause=0, retry_pause=0, tries=2)) as one,
        pytest.raises(DownloadError, match=r"x.zip: .*refused.* \(2 attempts\)|x.zip: .*\(2 attempts\)") as error,
    ):
        one.fetch(Archive(f"http://127.0.0.1:{port}/x.zip", "x.zip"))
    assert "HTTPConnectionPool" not in str(error.value)


@pytest.mark.parametrize("url", ["ftp://host/x.zip", "file:///etc/x.zip", "x.zip", "http:///x.zip", "http://[/x.zip"])
def test_no_address(tmp_path, url):
    with downloader(tmp_path) as one, pytest.raises(DownloadError):
        one.fetch(Archive(url, "x.zip"))


# Pages.

PAGE = """<html><head><base href="/archive/"></head><body>
<a href="kgs-2015-01.zip">zip</a> <A HREF='kgs-2015-01.tar.gz'>tar.gz</A> <a href="kgs-2015-01.tar.bz2">tar.bz2</a>
<a href="/other/KGS%20games.ZIP#top">2</a> <a href="old/kgs-2015-01.zip?again=1">3</a>
<a href="readme.html">no</a> <a href="mailto:x.zip">no</a> <a href="http://[x.zip">no</a> <a>no</a> <a href="">no</a>
<![odd[<a href="kgs-2015-01.zip">the same</a> <a href="games.sgf.zip.html">no</a>
</body></html>"""


def test_the_archives_of_a_page(server, tmp_path):
    server.routes["/index.html"] = page(PAGE)
    with downloader(tmp_path) as one:
        archives = one.find([server.url("/index.html"), server.url("/direct.tgz")])
    assert [(archive.url.partition("/archive/")[2] or archive.url, archive.name) for archive in archives] == [
        ("kgs-2015-01.tar.bz2", "kgs-2015-01.tar.bz2"),
        (server.url("/other/KGS%20games.ZIP"), "KGS games.ZIP"),
        ("old/kgs-2015-01.zip?again=1", "kgs-2015-01.zip"),
        (server.url("/direct.tgz"), "direct.tgz"),
    ]
    with downloader(tmp_path, DownloadOptions(only=("*.tgz", "KGS*"))) as one:
        wanted = one.find([server.url("/index.html"), server.url("/direct.tgz")])
        assert [archive.name for archive in wanted] == ["KGS games.ZIP", "direct.tgz"]
    with downloader(tmp_path, DownloadOptions(only=("*1999*",))) as one, pytest.raises(HayagoError, match="none of 4"):
        one.find([server.url("/index.html"), server.url("/direct.tgz")])


def test_addresses_that_differ_behind_the_name_only(server, tmp_path):
    urls = [server.url(path) for path in ("/get.zip?id=1", "/get.zip?id=2", "/get.tgz?id=2")]
    with downloader(tmp_path) as one:
        archives = one.find(urls)
    assert [(archive.url, archive.name) for archive in archives] == [(urls[0], "get.zip"), (urls[2], "get.tgz")]


def test_two_archives_of_the_same_name(server, tmp_path):
    with downloader(tmp_path) as one:
        archives = one.find([server.url("/a/x.zip"), server.url("/b/X.zip"), server.url("/c/x.tgz")])
    assert [archive.name for archive in archives] == ["x.zip", "X-2.zip", "x.tgz"]


def test_a_page_that_is_broken_off(server, tmp_path):
    html = '<a href="x.zip">x</a>'
    server.routes["/"] = in_turn(serve(html.encode(), length=999), status(500), page(html))
    with downloader(tmp_path) as one:
        assert [archive.name for archive in one.find([server.url("/")])] == ["x.zip"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (page("<a href=x.html>nothing</a>"), "links to no .tar.xz"),
        (page("x" * (9 << 20)), "a page of more than 8 MiB"),
        (status(404), "the server answered 404"),
        (status(500), r"the server answered 500 .* \(5 attempts\)"),
    ],
)
def test_pages_without_archives(server, tmp_path, answer, message):
    server.routes["/"] = answer
    with downloader(tmp_path) as one, pytest.raises(DownloadError, match=message):
        one.find([server.url("/")])


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://h/a/kgs-2015.zip?x=/b.zip", "kgs-2015.zip"),
        ("http://h/..%2f..%2fetc%2fpasswd.zip", "passwd.zip"),
        ("http://h/..%5C..%5Cwindows%5Cx.zip", "x.zip"),
        ("http://h/C%3Ax.zip", "C_x.zip"),
        ("http://h/a%00b%0Ac%7f.tar.gz", "a_b_c_.tar.gz"),
        ("http://h/con.zip", "_con.zip"),
        ("http://h/LPT1.old.tar.gz", "_LPT1.old.tar.gz"),
        ("http://h/...x .zip", "x.zip"),
        ("http://h/%E6%97%A9%E7%A2%81.zip", "早碁.zip"),
        ("http://h/" + "x" * 300 + ".tar.bz2", "x" * 112 + ".tar.bz2"),
        ("http://h/" + "早" * 300 + ".zip", "早" * 38 + ".zip"),
        ("http://h/a%3Cb%3E%7C%3F%2A%22.zip", "a_b_____.zip"),
    ],
)
def test_names_that_every_system_takes(url, name):
    assert safe_name(url) == name


@pytest.mark.parametrize("url", ["http://h/.zip", "http://h/..zip", "http://h/%20.zip"])
def test_names_of_which_nothing_is_left(url):
    with pytest.raises(DownloadError, match="gives no file name"):
        safe_name(url)


# The command.


def run(capsys, *words):
    code = main(["download", *map(str, words)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_command(server, tmp_path, capsys):
    server.routes["/"] = page('<a href="a.zip">a</a><a href="b.zip">b</a><a href="c.zip">c</a>')
    server.routes["/a.zip"] = serve()
    server.routes["/b.zip"] = serve(make_archive(3))
    words = server.url("/"), "--out", tmp_path, "--pause", "0.3", "--retry-pause", "0"
    code, out, err = run(capsys, *words, "--json")
    result = json.loads(out)
    assert code == 1
    assert [(Path(one["path"]).name, one["games"], one["already_there"]) for one in result["fetched"]] == [
        ("a.zip", 40, False),
        ("b.zip", 3, False),
    ]
    assert result["fetched"][1]["size"] == len(make_archive(3))
    assert result["failed"] == [
        {"url": server.url("/c.zip"), "reason": f"{server.url('/c.zip')}: the server answered 404 Not Found"}
    ]
    assert err.splitlines() == [
        f"not fetched: {server.url('/c.zip')}: the server answered 404 Not Found",
        "hayago: 1 of 3 archives could not be fetched; the same command tries again",
    ]
    moments = [moment for _, _, moment in server.requests]
    assert all(later - earlier >= 0.29 for earlier, later in pairwise(moments))
    assert server.most_busy == 1

    server.routes["/c.zip"] = serve(make_archive(5))
    code, out, err = run(capsys, *words)
    assert (code, err) == (0, "")
    a, _, c = out.splitlines()
    assert a == f"{tmp_path / 'a.zip'}: 40 games, {len(ZIP):,} bytes, was there"
    assert c == f"{tmp_path / 'c.zip'}: 5 games, {len(make_archive(5)):,} bytes"
    assert len(server.asked("/a.zip")) == 1

    server.requests.clear()
    code, out, _ = run(capsys, *words, "--only", "a*", "--only", "c*", "--list")
    assert (code, out.splitlines()) == (0, [server.url("/a.zip"), server.url("/c.zip")])
    assert json.loads(run(capsys, *words, "--list", "--json")[1])[1]["name"] == "b.zip"
    assert not server.asked("/a.zip")


def test_bars_on_a_terminal(server, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    server.routes["/%5Bb%5Dx.zip"] = serve()
    code, out, err = run(capsys, server.url("/%5Bb%5Dx.zip"), "--out", tmp_path)
    assert code == 0 and "40 games" in out
    assert "1 of 1: [b]x.zip" in err


def test_what_it_fetches_is_read_as_a_folder_of_games(server, tmp_path, capsys):
    server.routes["/a.zip"] = serve()
    server.routes["/b.zip"] = serve(sent=9000)
    words = server.url("/a.zip"), server.url("/b.zip"), "--tries", "1", "--out", tmp_path
    assert run(capsys, *words)[0] == 1
    skipped = []
    assert len(list(iter_files([tmp_path], lambda source, reason: skipped.append(Path(source).name)))) == 40
    assert skipped == ["b.zip.part", "b.zip.part.json"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ftp://h/x.zip"], "1 of 1 archives"),
        (["nonsense"], "nonsense: not an http or https address"),
        (["http://127.0.0.1:9/x.zip", "--tries", "0"], "tries must be above 0: 0"),
        (["http://127.0.0.1:9/x.zip", "--pause", "-1"], "pause must not be below 0"),
        (["http://127.0.0.1:9/x.zip", "--timeout", "inf"], "timeout must not be above 86,400: inf"),
        (["http://127.0.0.1:9/x.zip", "--only", "y*"], "none of 1 archives matches y*"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path, capsys, words, message):
    code, out, err = run(capsys, *words, "--out", tmp_path)
    assert (code, out) == (1, "")
    assert message in err.splitlines()[-1]


def test_folders_that_cannot_be_used(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    code, _, err = run(capsys, "http://127.0.0.1:9/x.zip", "--out", tmp_path / "file")
    assert code == 1 and "cannot use" in err
    with downloader(tmp_path):
        code, _, err = run(capsys, "http://127.0.0.1:9/x.zip", "--out", tmp_path)
    assert code == 1 and "another process is downloading into this folder" in err


def test_a_full_disk(server, tmp_path):
    resource = pytest.importorskip("resource", reason="Windows limits no files")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(HayagoError, match=r"cannot write .*games.zip.part: File too large"):
            fetch(server, tmp_path, serve())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert left_in(tmp_path) == []
