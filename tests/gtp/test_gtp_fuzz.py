"""A sample of scripts/proofs/fuzz_gtp.py: no crash, every reply well-formed, the board as the model has it."""

import os
import sys
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings

from fakes import FixedEvaluator
from fuzz_gtp import interrupted, resident
from gtp_engines import engine_of, game_of
from gtp_fuzz import SIZES, Fuzzer, JsonFuzzer, mutated_transcripts, queries, sessions

LINES, QUERIES = 1500, 200
SERVE = "from gtp_engines import game_of; from hayago.gtp.process import serve; serve(lambda: game_of)"
_FOLDER = TemporaryDirectory(prefix="hayago-fuzz-")
_FILES = [Path(_FOLDER.name) / f"{number}.sgf" for number in range(4)]


def fuzzer():
    return Fuzzer(engine_of(*map(FixedEvaluator, SIZES), seed=0), _FOLDER.name)


def test_mutated_transcripts():
    fuzz = fuzzer()
    for line in islice(mutated_transcripts(0, fuzz.files), LINES):
        fuzz.send(line)
    assert fuzz.lines >= LINES * 0.9 and fuzz.accepted > LINES / 4


def test_json_queries():
    fuzz = JsonFuzzer(game_of(*map(FixedEvaluator, SIZES), seed=0))
    for line in islice(queries(0), QUERIES):
        fuzz.send(line)
    assert fuzz.lines >= QUERIES and fuzz.answered > QUERIES / 4


def test_interrupted_analyses_and_moves_through_the_pipes():
    """What is measured is there; how little memory grows is measured over hours, by the script."""
    sizes = interrupted(100, 40, 0, [sys.executable, "-c", SERVE])
    assert len(sizes) == 10 and (resident(os.getpid()) is None or all(size > 1 for size in sizes))


@settings(max_examples=25, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(sessions(_FILES, Path(_FOLDER.name) / "written.sgf"))
def test_sessions_of_hypothesis(lines):
    fuzz = fuzzer()
    for line in lines:
        fuzz.send(line.encode())
