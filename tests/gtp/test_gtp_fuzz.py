"""A sample of scripts/proofs/fuzz_gtp.py: no crash, every reply well-formed, the board as the model has it."""

from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings

from fakes import FixedEvaluator
from gtp_engines import engine_of
from gtp_fuzz import SIZES, Fuzzer, mutated_transcripts, sessions

LINES = 1500
_FOLDER = TemporaryDirectory(prefix="hayago-fuzz-")
_FILES = [Path(_FOLDER.name) / f"{number}.sgf" for number in range(4)]


def fuzzer():
    return Fuzzer(engine_of(*map(FixedEvaluator, SIZES), seed=0), _FOLDER.name)


def test_mutated_transcripts():
    fuzz = fuzzer()
    for line in islice(mutated_transcripts(0, fuzz.files), LINES):
        fuzz.send(line)
    assert fuzz.lines >= LINES * 0.9 and fuzz.accepted > LINES / 4


@settings(max_examples=25, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(sessions(_FILES, Path(_FOLDER.name) / "written.sgf"))
def test_sessions_of_hypothesis(lines):
    fuzz = fuzzer()
    for line in lines:
        fuzz.send(line.encode())
