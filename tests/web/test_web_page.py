"""The page of `hayago web` in a real browser: headless Chromium, driven by Playwright, against a real server process.

After each test the page must have asked nothing of another origin and have logged no error. The sources of the page are
in web/; what is tested is the bundle in src/hayago/web/static, which another test rebuilds and compares.
"""

import gzip
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest
from filelock import FileLock

from paths import ROOT
from programs import CHROMIUM, NODE, NPM

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect

WEB, STATIC = ROOT / "web", ROOT / "src" / "hayago" / "web" / "static"
COLUMNS = "ABCDEFGHJKLMNOPQRST"
WAIT = 120_000  # milliseconds: the machine may be busy

MOVES = 60  # of the game that is reviewed
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"

pytestmark = pytest.mark.slow


# Server, browser, page


@contextmanager
def serving(port=0, cache=None):
    """A server process: its address."""
    command = [sys.executable, "-m", "hayago", "web", "--no-browser", "--port", str(port)]
    environment = {**os.environ, **({"NUMBA_CACHE_DIR": str(cache)} if cache else {})}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        found = re.search(r"http://\S+", process.stdout.readline())
        if not found:
            process.kill()
            pytest.fail(f"the server did not start: {process.stderr.read()}")
        yield found[0].rstrip("/") + "/"
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture(scope="module")
def server():
    with serving() as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def open_page(browser, server):
    """Opens the page, in a window of its own; watches what it asks for and what it logs."""
    contexts, asked, errors = [], [], []

    def opened(address=server, **options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 860}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT)
        expect.set_options(timeout=WAIT)
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        # Chromium logs each answer of 400 and more; those are the tests' own.
        page.on(
            "console",
            lambda line: (
                errors.append(line.text) if line.type == "error" and "Failed to load" not in line.text else None
            ),
        )
        page.on("dialog", lambda dialog: errors.append(f"a dialog: {dialog.message}") or dialog.dismiss())
        page.goto(address)
        expect(page.get_by_text("filters)")).to_be_visible()
        return page

    yield opened
    for context in contexts:
        context.close()
    host = re.match(r"https?://[^/:]+", server)[0]
    assert [url for url in asked if not url.startswith((host, "blob:"))] == []
    assert errors == []


@pytest.fixture
def page(open_page):
    return open_page()


@pytest.fixture(scope="session")
def one_game(demo_games, tmp_path_factory):
    """The first MOVES moves of the first demonstration game, with a comment on the third."""
    _, root, *moves = demo_games.read_text(encoding="utf-8").split(";")[: MOVES + 2]
    moves[2] += "C[a quiet move]"
    path = tmp_path_factory.mktemp("games") / "game.sgf"
    path.write_text(f"(;{root};{';'.join(moves)})", encoding="utf-8")
    return path


# What a user does


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def chosen(page, name):
    return page.get_by_role("combobox", name=name, exact=True)


def at(page, vertex, size=19):
    """The point of the board."""
    x, y = COLUMNS.index(vertex[0]), size - int(vertex[1:])
    return page.locator(f'.board .shudan-vertex[data-x="{x}"][data-y="{y}"]')


def stones(page, sign=None):
    each = [f".board .shudan-vertex.shudan-sign_{one}" for one in ([sign] if sign else [1, -1])]
    return page.locator(", ".join(each))


def said(page, text):
    """Waits until the status line says it."""
    expect(page.get_by_role("status")).to_contain_text(text)


def counted(page, ply, last):
    """Waits until the position after so many moves is shown."""
    expect(page.locator(".count")).to_have_text(f"{ply} / {last}")


def start(page, side="Black", level="1"):
    page.get_by_role("radio", name=side).check(force=True)
    chosen(page, "Level of the network").select_option(level)
    button(page, "Start").click()
    expect(page.get_by_role("heading", name="Your game")).to_be_visible()


def open_file(page, path):
    button(page, "Review").click()
    page.locator("input[type=file]").set_input_files(path)


def drop(page, name, text):
    """Drops a file of this text on the page."""
    transfer = page.evaluate_handle(
        """([name, text]) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([text], name));
          return transfer;
        }""",
        [name, text],
    )
    for event in ("dragover", "drop"):
        page.dispatch_event("main", event, {"dataTransfer": transfer})


# Playing


@pytest.mark.browser
def test_ten_moves_and_undo(page):
    start(page)
    tried = iter(f"{column}{row}" for row in (4, 16, 10, 3, 17, 6, 14) for column in "DQKFOCR")
    for played in range(1, 11):
        while True:  # the network may have taken the point
            vertex = next(tried)
            if "shudan-sign_0" in at(page, vertex).get_attribute("class"):
                break
        at(page, vertex).click()
        counted(page, 2 * played, 2 * played)
        said(page, "The network played")
    assert stones(page).count() >= 16
    button(page, "Undo").click()
    counted(page, 18, 18)
    assert "shudan-sign_0" in at(page, vertex).get_attribute("class")
    at(page, vertex).click()
    counted(page, 20, 20)


@pytest.mark.browser
def test_the_wishes_of_a_new_game(page):
    chosen(page, "Rules").select_option("japanese")
    expect(page.get_by_label("Komi")).to_have_value("6.5")
    page.get_by_label("Komi").fill("0.5")
    chosen(page, "Handicap").select_option("3")
    with page.expect_request("**/api/games") as asked:
        start(page, "White", "human")
    wishes = asked.value.post_data_json
    assert (
        wishes["human"] == "W" and wishes["handicap"] == 3 and wishes["rules"] == "japanese" and wishes["komi"] == 0.5
    )
    assert wishes["like_human"] is True
    expect(stones(page, 1)).to_have_count(3)
    counted(page, 0, 0)  # White begins, and White is the user
    button(page, "New game").click()
    chosen(page, "Handicap").select_option("0")
    start(page, "White", "2")
    counted(page, 1, 1)  # Black is the network
    expect(page.locator(".to-play")).to_contain_text("White")


@pytest.mark.browser
def test_two_passes_and_the_score(page):
    start(page, "Both")
    for ply, vertex in enumerate(("D4", "Q16", "D16"), 1):
        at(page, vertex).click()
        counted(page, ply, ply)
    button(page, "Pass").click()
    counted(page, 4, 4)
    button(page, "Pass").click()
    said(page, "Both passed")
    expect(page.locator(".result")).to_be_visible()
    expect(page.locator(".counted")).to_contain_text("playouts")
    assert page.locator(".shudan-paint").count() > 40
    button(page, "One move back").click()
    expect(page.locator(".shudan-paint")).to_have_count(0)
    at(page, "K10").click()
    said(page, "over")


@pytest.mark.browser
def test_an_illegal_move_an_earlier_position_and_resigning(page):
    start(page)
    at(page, "D4").click()
    counted(page, 2, 2)
    at(page, "D4").click()
    expect(page.locator(".status.error")).to_contain_text("D4")
    button(page, "First position").click()
    at(page, "K10").click()
    said(page, "earlier position")
    button(page, "Last position").click()
    button(page, "Resign").click()
    button(page, "Really resign").click()
    said(page, "Resigned")
    expect(button(page, "Pass")).to_be_disabled()


@pytest.mark.browser
def test_score_in_the_midst_and_save(page, tmp_path):
    start(page)
    at(page, "Q4").click()
    counted(page, 2, 2)
    button(page, "Score").click()
    expect(page.locator(".counted")).to_contain_text("playouts")
    painted = page.locator(".shudan-paint")
    assert painted.count() > 10
    button(page, "Hide score").click()
    expect(painted).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("link", name="Save SGF").click()
    download.value.save_as(tmp_path / "saved.sgf")
    assert "B[pp]" in (tmp_path / "saved.sgf").read_text(encoding="utf-8")


# Looking


@pytest.mark.browser
def test_the_heat_map(page):
    start(page, "Both")
    at(page, "D4").click()
    counted(page, 1, 1)
    button(page, "Look").click()
    best = page.get_by_role("list", name="The likeliest moves").get_by_role("listitem")
    expect(best).to_have_count(5)
    assert page.locator(".board [class*=shudan-heat_]").count() >= 5
    sentence = page.locator(".sentence")
    expect(sentence).to_have_text(
        "White to play. Probabilities at temperature 1, averaged over the 8 symmetries of the board."
    )
    before = best.all_inner_texts()
    chosen(page, "Symmetry").select_option("3")
    expect(sentence).to_contain_text("with the board turned by a half")
    assert best.all_inner_texts() != before
    chosen(page, "Temperature").select_option("0")
    expect(sentence).to_contain_text("temperature 0")
    expect(best).to_have_count(1)
    page.get_by_role("radio", name="Stones").check(force=True)
    expect(page.locator(".board [class*=shudan-heat_]")).to_have_count(0)


@pytest.mark.browser
def test_liberties_ladders_and_planes(page):
    drop(page, "ladder.sgf", "(;SZ[19]AB[cp][dq][eq]AW[dp]PL[B];B[ep])")
    counted(page, 0, 1)
    page.get_by_role("radio", name="Liberties").check(force=True)
    expect(at(page, "D4").locator(".shudan-marker")).to_have_text("2")
    button(page, "Look").click()
    page.get_by_role("radio", name="Ladders").check(force=True)
    expect(page.locator(".ladders")).to_contain_text("captures D4")
    expect(page.locator(".board .shudan-marker_triangle")).to_have_count(1)
    button(page, "Show the 48 planes").click()
    planes = page.get_by_role("dialog").locator(".planes li")
    expect(planes).to_have_count(48)
    assert planes.nth(0).locator("path").get_attribute("d").count("M") == 3  # Black's stones
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


# Reviewing


@pytest.mark.browser
def test_a_dropped_game_is_stepped_through(page, one_game):
    drop(page, one_game.name, one_game.read_text(encoding="utf-8"))
    last = MOVES
    counted(page, 0, last)
    for _ in range(3):
        button(page, "One move on").click()
    counted(page, 3, last)
    expect(page.locator(".move")).to_contain_text("a quiet move")
    expect(page.locator(".move")).to_contain_text(
        re.compile(r"the network's \d+(st|nd|rd|th) choice, [\d.<]+ ?[\d.]* ?%")
    )
    expect(stones(page)).to_have_count(3)
    page.locator("body").press("ArrowRight")
    counted(page, 4, last)
    page.locator("body").press("PageDown")
    counted(page, 14, last)
    page.locator(".board").hover()
    page.mouse.wheel(0, 100)
    counted(page, 15, last)
    page.mouse.wheel(0, -100)
    counted(page, 14, last)

    table = page.get_by_role("table", name="Agreement with the network")
    expect(table.get_by_role("row")).to_have_count(3)
    expect(table.get_by_role("cell").first).to_contain_text("%")
    chart = page.get_by_role("slider", name="Chart of agreement")
    box = chart.bounding_box()
    chart.click(position={"x": box["width"] / 2, "y": box["height"] / 3})
    here = int(page.locator(".count").inner_text().split("/")[0])
    assert abs(here - last / 2) < 0.1 * last
    expect(chart).to_have_attribute("aria-valuenow", str(here))
    chart.press("ArrowRight")
    counted(page, here + 1, last)
    assert chart.locator(".rank").count() == last
    assert all(chart.locator(f".line-{colour}").get_attribute("d") for colour in "BW")


@pytest.mark.browser
def test_guess_the_move(page, one_game):
    open_file(page, one_game)
    button(page, "Guess the move").click()
    record = re.findall(r";([BW])\[(\w\w)\]", one_game.read_text(encoding="utf-8"))
    vertex = [f"{COLUMNS[ord(point[0]) - 97]}{19 - (ord(point[1]) - 97)}" for _, point in record]
    at(page, vertex[0]).click()
    said(page, f"Right: {vertex[0]} was played")
    expect(page.locator(".tally")).to_contain_text("You 1")
    expect(page.locator(".tally")).to_contain_text("of 1")
    button(page, "Next move").click()
    expect(stones(page)).to_have_count(1)
    at(page, "A1").click()
    said(page, f"No: {vertex[1]} was played")
    expect(page.locator(".tally")).to_contain_text("You 1")
    expect(page.locator(".tally")).to_contain_text("of 2")
    expect(at(page, vertex[1]).locator(".shudan-marker")).to_contain_text("P")
    # While guessing, nothing gives the network's choice away.
    expect(page.get_by_role("radio", name="Heat map")).to_be_disabled()
    expect(page.get_by_role("slider", name="Chart of agreement")).to_have_count(0)
    button(page, "Stop guessing").click()
    expect(page.get_by_role("slider", name="Chart of agreement")).to_be_visible()


@pytest.mark.browser
def test_the_played_game_is_reviewed(page):
    start(page)
    at(page, "Q4").click()
    counted(page, 2, 2)
    button(page, "Review it").click()
    counted(page, 0, 2)
    expect(page.get_by_role("table", name="Agreement with the network")).to_be_visible()
    button(page, "Play").click()
    counted(page, 2, 2)


@pytest.mark.browser
def test_strangers_words_are_only_text(page):
    name = HOSTILE.replace("]", r"\]")
    sgf = f"(;SZ[19]PB[{name}]PW[{name}]BR[{name}]EV[{name}]RE[{name}]DT[{name}]C[{name}];B[pd]C[{name}];W[dp])"
    drop(page, f"{HOSTILE}.sgf", sgf)
    counted(page, 0, 2)
    expect(page.get_by_role("heading", name=HOSTILE)).to_be_visible()
    button(page, "One move on").click()
    expect(page.locator(".comment")).to_have_text(HOSTILE)
    expect(page.get_by_role("table", name="Agreement with the network")).to_contain_text(HOSTILE)
    assert page.locator("img, body script").count() == 0
    drop(page, "none.sgf", HOSTILE)
    expect(page.locator(".status.error")).to_be_visible()
    assert page.locator("img, body script").count() == 0


@pytest.mark.browser
def test_a_file_that_is_too_large(page):
    drop(page, "large.sgf", "(;C[" + "x" * 5_300_000 + "])")
    expect(page.locator(".status.error")).to_contain_text("too large")


# By keyboard alone, by touch, by ear


@pytest.mark.browser
def test_by_keyboard_alone(page):
    for _ in range(40):  # Tab reaches the form's button
        if page.evaluate("document.activeElement.textContent") == "Start":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your game")).to_be_visible()
    board = page.get_by_role("application")
    for _ in range(40):
        if board.evaluate("element => element === document.activeElement"):
            break
        page.keyboard.press("Shift+Tab")
    live = page.locator("[aria-live=polite]")
    expect(live).to_have_text("K10, empty")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    expect(live).to_have_text("L11, empty")
    expect(at(page, "L11").locator(".shudan-selection")).to_be_visible()
    page.keyboard.press("Enter")
    counted(page, 2, 2)
    expect(live).to_have_text(re.compile("L11, black stone"))
    page.keyboard.press("u")
    counted(page, 0, 0)
    page.keyboard.press("p")
    counted(page, 2, 2)
    page.keyboard.press(",")
    counted(page, 1, 2)
    page.keyboard.press("End")
    counted(page, 2, 2)
    page.keyboard.press("h")
    expect(live).to_contain_text("%")
    expect(page.get_by_role("radio", name="Heat map")).to_be_checked()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def widths(page):
    return page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")


@pytest.mark.browser
@pytest.mark.parametrize("text", ["16px", "20px"])  # the usual size; and wider words, as other fonts have them
def test_a_narrow_phone(open_page, one_game, text):
    page = open_page(viewport={"width": 320, "height": 640}, has_touch=True, is_mobile=True)
    page.evaluate("text => { document.documentElement.style.fontSize = text }", text)
    assert widths(page) == [320, 320]
    button(page, "Start").tap()
    expect(page.get_by_role("heading", name="Your game")).to_be_visible()
    at(page, "Q16").tap()  # aims
    expect(button(page, "Play Q16")).to_be_visible()
    expect(stones(page)).to_have_count(0)
    at(page, "D4").tap()  # aims elsewhere
    at(page, "D4").tap()  # plays
    counted(page, 2, 2)
    at(page, "K10").tap()
    button(page, "Play K10").tap()
    counted(page, 4, 4)
    page.get_by_role("radio", name="Heat map").check(force=True)
    assert widths(page) == [320, 320]
    button(page, "Look").tap()
    assert widths(page) == [320, 320]
    open_file(page, one_game)
    expect(page.get_by_role("table", name="Agreement with the network")).to_be_visible()
    assert widths(page) == [320, 320]


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.node
def test_nothing_serious_for_axe(open_page, one_game, installed, scheme):
    page = open_page(color_scheme=scheme)
    axe = (installed / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")

    page.evaluate(axe)
    # In the dark only the colours are other ones. In a dialog axe cannot tell what a text's ground is.
    options = {"runOnly": ["color-contrast"]} if scheme == "dark" else {}

    def check(what, least=1 if scheme == "dark" else 15):
        found = page.evaluate("options => axe.run({exclude: ['.board > [aria-hidden]']}, options)", options)
        serious = [
            f"{each['id']}: {node['html']} {node['failureSummary']}"
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]
        assert serious == [], what
        assert len(found["passes"]) >= least, what

    check("a new game")
    start(page)
    at(page, "D4").click()
    counted(page, 2, 2)
    button(page, "Score").click()
    expect(page.locator(".counted")).to_be_visible()
    check("a game with its score")
    button(page, "Look").click()
    expect(page.get_by_role("list", name="The likeliest moves")).to_be_visible()
    check("the heat map")
    button(page, "Show the 48 planes").click()
    expect(page.locator(".planes li")).to_have_count(48)
    check("the planes", least=0)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    button(page, "Keys").click()
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    check("the keys", least=0)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    button(page, "Review").click()
    check("no game to review")
    page.locator("input[type=file]").set_input_files(one_game)
    for _ in range(3):
        button(page, "One move on").click()
    expect(page.get_by_role("table", name="Agreement with the network")).to_be_visible()
    check("a review")
    button(page, "Guess the move").click()
    at(page, "K10").click()
    expect(page.locator(".tally")).to_be_visible()
    check("a guess")
    drop(page, "none.sgf", "none")
    expect(page.locator(".status.error")).to_be_visible()
    check("an error")


# When the server goes


@pytest.mark.browser
def test_a_reload_finds_the_game(page):
    start(page)
    at(page, "Q4").click()
    counted(page, 2, 2)
    page.reload()
    counted(page, 2, 2)
    expect(page.get_by_role("heading", name="Your game")).to_be_visible()


@pytest.mark.browser
def test_a_game_that_has_gone_on_in_another_tab(page, server):
    """A tab that is duplicated takes its memory with it."""
    start(page, "Both")
    at(page, "D4").click()
    counted(page, 1, 1)
    memory = page.evaluate("() => sessionStorage.getItem('hayago')")
    other = page.context.new_page()
    other.goto(server)
    other.evaluate("memory => sessionStorage.setItem('hayago', memory)", memory)
    other.reload()
    counted(other, 1, 1)
    expect(stones(other)).to_have_count(1)
    button(page, "Undo").click()
    counted(page, 0, 0)
    at(page, "Q16").click()
    counted(page, 1, 1)
    at(other, "Q16").click()  # it is occupied, but this tab does not know
    said(other, "gone on in another tab")
    counted(other, 1, 1)
    expect(at(other, "Q16")).to_have_class(re.compile("shudan-sign_1"))
    expect(at(other, "D4")).to_have_class(re.compile("shudan-sign_0"))
    at(page, "D4").click()
    counted(page, 2, 2)
    button(other, "Score").click()
    counted(other, 2, 2)
    said(other, "Counted by playouts")


@pytest.mark.browser
def test_one_move_is_one_move_and_no_komi_is_none(page):
    drop(page, "one.sgf", "(;SZ[19];B[pd])")
    said(page, "Opened: 1 move.")
    expect(page.get_by_text("The start. 1 move follows.")).to_be_visible()
    expect(page.get_by_text("komi")).to_have_count(0)
    drop(page, "two.sgf", "(;SZ[19]KM[6.5];B[pd];W[dp])")
    said(page, "Opened: 2 moves.")
    expect(page.get_by_text("The start. 2 moves follow.")).to_be_visible()
    expect(page.get_by_text("komi 6.5")).to_be_visible()


@pytest.mark.browser
def test_the_question_mark_lists_the_keys_wherever_the_focus_is(page):
    keys = page.get_by_role("dialog")
    for place in (None, button(page, "Look"), chosen(page, "Handicap"), page.get_by_role("spinbutton", name="Komi")):
        if place is not None and place.count():
            place.focus()
        page.keyboard.press("?")
        expect(keys).to_be_visible()
        page.keyboard.press("Escape")
        expect(keys).to_be_hidden()


@pytest.mark.browser
def test_a_game_on_nine_lines(page):
    chosen(page, "Board").select_option("6")
    assert chosen(page, "Handicap").locator("option").all_inner_texts() == ["none"]
    chosen(page, "Board").select_option("9")
    chosen(page, "Handicap").select_option("5")
    chosen(page, "Board").select_option("19")
    chosen(page, "Board").select_option("9")
    chosen(page, "Board").select_option("8")
    expect(chosen(page, "Handicap")).to_have_value("0")  # 8x8 has no five stones
    expect(page.get_by_role("spinbutton", name="Komi")).to_have_value("7.5")
    chosen(page, "Board").select_option("9")
    start(page)
    at(page, "E5", 9).click()
    counted(page, 2, 2)
    expect(page.locator(".board .shudan-vertex")).to_have_count(81)


@pytest.mark.browser
def test_a_cursor_that_was_left_on_a_larger_board_plays_nothing(page):
    board, asked = page.get_by_role("application"), []
    page.on("request", lambda request: asked.append(request.post_data_json) if request.url.endswith("/moves") else None)
    start(page, side="Both")
    at(page, "T1").click()
    counted(page, 1, 1)
    button(page, "New game").click()
    chosen(page, "Board").select_option("5")
    start(page, side="Both")
    counted(page, 0, 0)
    board.evaluate("element => element.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true}))")
    at(page, "C3", 5).click()
    counted(page, 1, 1)
    assert [each["vertex"] for each in asked] == ["T1", "C3"]


@pytest.mark.browser
def test_escape_at_once_finds_the_dialog_open(page):
    button(page, "Keys").wait_for()
    for _ in range(12):
        page.evaluate("[...document.querySelectorAll('button')].find(each => each.textContent === 'Keys').click()")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.browser
def test_a_restart_of_the_server(open_page):
    with serving() as address:
        page = open_page(address)
        start(page)
        at(page, "Q4").click()
        counted(page, 2, 2)
    at(page, "D4").click()
    said(page, "does not answer")
    with serving(int(re.search(r":(\d+)", address)[1])):
        at(page, "D4").click()
        said(page, "Start a new one")
        counted(page, 0, 0)
        start(page)
        at(page, "D4").click()
        counted(page, 2, 2)


# The bundle


@pytest.fixture(scope="session")
def installed(kept_folder):
    """The sources beside what `npm ci` installs."""
    version = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=True).stdout
    if tuple(map(int, version.strip().removeprefix("v").split(".")[:2])) < (20, 19):
        pytest.skip(f"node {version.strip()} is older than 20.19")
    folder = kept_folder("web")
    with FileLock(folder.with_suffix(".lock")):
        for source in WEB.iterdir():
            if source.name == "node_modules":
                continue
            if source.is_dir():
                shutil.rmtree(folder / source.name, ignore_errors=True)
                shutil.copytree(source, folder / source.name)
            else:
                shutil.copy(source, folder)
        done, lock = folder / "node_modules" / ".package-lock.json", (WEB / "package-lock.json").stat()
        if not done.exists() or done.stat().st_mtime < lock.st_mtime:
            try:
                subprocess.run([NPM, "ci"], cwd=folder, check=True, capture_output=True, timeout=300)
            except (subprocess.SubprocessError, OSError) as error:
                pytest.skip(f"the page's packages cannot be installed: {error}")
    return folder


def files_of(folder):
    return {path.name: path.read_bytes().replace(b"\r\n", b"\n") for path in folder.iterdir()}


@pytest.mark.node
def test_the_bundle_is_built_from_its_sources(installed, tmp_path):
    subprocess.run(
        [NPM, "run", "build", "--", "--outDir", str(tmp_path / "static")],
        cwd=installed, check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    built, committed = files_of(tmp_path / "static"), files_of(STATIC)
    assert sorted(built) == sorted(committed)
    assert [name for name in built if built[name] != committed[name]] == []


def test_the_bundle_is_small_whole_and_licensed():
    files = files_of(STATIC)
    assert sum(len(gzip.compress(content)) for content in files.values()) < 300_000
    assert not re.search(r"(src|href)=\"(https?:)?//", files["index.html"].decode())
    assert b"url(http" not in files["page.css"] and b"url(//" not in files["page.css"]
    licences = files["LICENSES.md"].decode()
    assert all(f"## {name} - " in licences for name in ("@sabaki/shudan", "preact", "@preact/signals", "classnames"))


@pytest.mark.slow
def test_it_plays_before_kernels_are_compiled_and_says_what_counting_waits_for(open_page, tmp_path):
    with serving(cache=tmp_path) as address:
        page = open_page(address)
        button(page, "Start").click()
        at(page, "D4").click()
        said(page, "The network played")
        button(page, "Score").click()
        expect(page.get_by_text("once per version")).to_be_visible()
        expect(page.locator(".counted")).to_be_visible(timeout=10 * WAIT)
        button(page, "Hide score").click()
        at(page, "C3").click()  # whatever was shown, play continues
        expect(page.get_by_text("once per version")).to_have_count(0)
