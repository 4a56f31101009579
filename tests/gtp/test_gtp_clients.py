"""A session of each client, in the very order in which it sends its commands; see tests/transcripts.

Expected replies are regular expressions from the specification and from what the client needs, as the files cite.
KaTrain's queries stand in test_analysis_json.py; Sabaki's own code drives the engine in test_sabaki.py.
"""

import re

import pytest

from fakes import FixedEvaluator
from gtp_engines import engine_of
from paths import TRANSCRIPTS

SESSIONS = sorted(TRANSCRIPTS.glob("*.txt"))
GAME = "(;SZ[19]KM[6.5];B[pd];W[dp];B[pp];W[dd];B[fc];W[])"


def exchanges(path):
    """(command, expected reply), the reply None where none may come."""
    command = None
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("> "):
            if command is not None:
                yield command, None
            command = line[2:]
        elif line.startswith("< "):
            yield command, line[2:]
            command = None
        else:
            assert line.startswith("#"), f"{path.name}: {line}"
    assert command is None


@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: path.stem)
def test_the_session_of(path, tmp_path):
    game = tmp_path / "game.sgf"
    game.write_text(GAME)
    engine = engine_of(FixedEvaluator(19))
    ending = "\r" if path.stem == "gtp2ogs" else ""
    count = 0
    for command, expected in exchanges(path):
        reply = engine.answer(command.replace("GAME", str(game)) + ending)
        if expected is None:
            assert reply is None, command
            continue
        assert reply.endswith("\n\n") and "\n\n" not in reply[:-2], command
        assert re.match(r"[=?]\d* ", reply), command  # GoGui takes what follows the first space for the text
        assert re.fullmatch(expected, reply[:-2], re.DOTALL), f"{command}: {reply[:300]}"
        count += 1
    assert engine.finished and count > 8


def test_there_is_a_transcript_for_each_client():
    names = "gogui gtp2ogs kgsgtp lizzie lizzieyzy q5go regression sabaki tools"
    assert [path.stem for path in SESSIONS] == names.split()
