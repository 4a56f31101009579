"""@sabaki/gtp, the client code of Sabaki, drives `hayago gtp` with the network in the box (tests/node/drive.js)."""

import json
import re
import shutil
import subprocess
import sys

import pytest

import hayago.gtp.process  # noqa: F401 - fills the register
from hayago.gtp.protocol import CHAT, COMMANDS
from paths import SUPPORT
from programs import NODE, NPM

NODE_FOLDER = SUPPORT / "node"

pytestmark = [pytest.mark.slow, pytest.mark.node]


@pytest.fixture(scope="module")
def driver(kept_folder):
    """drive.js beside an installed @sabaki/gtp."""
    folder = kept_folder("node")
    for source in NODE_FOLDER.iterdir():
        if source.is_file():
            shutil.copy(source, folder)
    installed = folder / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < (NODE_FOLDER / "package-lock.json").stat().st_mtime:
        try:
            subprocess.run(
                [NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=folder,
                check=True,
                capture_output=True,
                timeout=120,
            )
        except (subprocess.SubprocessError, OSError) as error:
            pytest.skip(f"@sabaki/gtp cannot be installed: {error}")
    return folder / "drive.js"


@pytest.fixture(scope="module")
def seen(driver):
    """What Sabaki's code saw."""
    command = [NODE, str(driver), sys.executable, "-m", "hayago", "gtp", "--symmetries", "1"]
    process = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def drawn(board):
    """The stones of a showboard."""
    rows = [re.findall(r"[.XO]", line) for line in board.splitlines() if re.search(r"[.XO] *\)? *\d", line)]
    assert [len(row) for row in rows] == [19] * 19
    return {
        f"{'ABCDEFGHJKLMNOPQRST'[column]}{19 - row}": stone
        for row, line in enumerate(rows)
        for column, stone in enumerate(line)
        if stone != "."
    }


def test_the_handshake(seen):
    assert not any(answer["error"] for answer in seen["handshake"])
    _, name, _, protocol, commands = (answer["content"] for answer in seen["handshake"])
    assert (name, protocol) == ("hayago", "2")
    assert [line.strip() for line in commands.strip().splitlines()] == [name for name in COMMANDS if name != CHAT]


def test_games_are_synchronised(seen):
    handicap = {"D4": "X", "Q16": "X", "Q4": "X"}
    assert drawn(seen["sync6"]["board"]) == handicap | {"D16": "O", "C3": "X", "R14": "O", "O17": "O"}
    assert seen["sync4"]["sent"].count("undo") == 2 and "clear_board" not in seen["sync4"]["sent"]
    assert drawn(seen["sync4"]["board"]) == handicap | {"D16": "O", "C3": "X", "R14": "O"}
    assert "clear_board" in seen["sync2"]["sent"]
    assert drawn(seen["sync2"]["board"]) == {"K10": "X", "C3": "O"}


def test_ids_errors_and_order(seen):
    assert seen["many"][:4] == [
        [17, True, "syntax error"],
        [18, False, ""],
        [19, True, "illegal move"],
        [None, True, "unknown command"],
    ]
    assert seen["many"][4:] == [[100 + number, False, "true"] for number in range(50)]


def test_an_analysis_is_stopped_by_the_next_command(seen):
    for name, analysis in seen["analyses"].items():
        assert analysis["lines"] >= 3 and not analysis["error"] and analysis["after"] == "2"
        winrate = re.search(r" winrate (\S+)", analysis["first"])[1]
        assert ("." in winrate) == (name == "kata-analyze")  # the others are read as ten-thousandths
        assert ("scoreLead" in analysis["first"]) == (name != "lz-analyze")


def test_boards_keep_their_first_cell(seen):
    boards = [view for view in seen["views"] if view["kind"] in ("cboard", "sboard", "dboard")]
    assert len(boards) == 5 and not any(view["error"] for view in seen["views"])
    for view in boards:
        rows = [line.split() for line in view["content"].strip().split("\n")]
        assert [len(row) for row in rows] == [19] * 19, view["name"]


def test_a_move_is_tracked_and_taken_back(seen):
    vertex = re.fullmatch(r"play ([A-T]\d+)", seen["genmove"]["content"])[1]
    assert seen["genmove"]["tracked"] == [{"name": "play", "args": ["B", vertex]}]
    assert drawn(seen["undone"]) == {"K10": "X", "C3": "O", "Q10": "X"}


def test_it_ends_quietly(seen):
    assert seen["code"] == 0
    assert seen["stderr"] == []
