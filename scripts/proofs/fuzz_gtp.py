"""Fuzz the GTP engine: python scripts/proofs/fuzz_gtp.py [LINES] [--seed N] [--box SHARE]

Half of the lines are transcripts of clients with their bytes changed, half are sessions that hypothesis makes up. They
go to an engine with a network that always gives the same answer; `--box` sends that share of the lines to engines with
the network in the box and real judgements. At last, lines go through the pipes of a real process. See tests/gtp_fuzz.py
for what is checked after each line.
"""

import argparse
import faulthandler
import re
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings

from fakes import FixedEvaluator
from gtp_engines import engine_of
from gtp_fuzz import SIZES, Fuzzer, mutated_transcripts, sessions, words_of

SESSION = 2000  # lines of mutated transcripts to one engine
HANG = 120  # seconds after which all stacks are printed and the script ends


def main() -> None:
    """Fuzz, and print what was done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lines", nargs="?", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--box", type=float, default=0.01)
    options = parser.parse_args()
    # Kernels are compiled here and now: it takes long, and says so on the stderr that is looked at.
    commands = "clear_board\ngenmove b\nfinal_score\nquit\n"
    subprocess.run([sys.executable, "-m", "hayago", "gtp"], input=commands, text=True, capture_output=True, check=True)
    began = time.monotonic()
    with TemporaryDirectory(prefix="hayago-fuzz-") as folder:
        fixed = options.lines - int(options.lines * options.box)
        counts = [
            transcripts(fixed // 2, options.seed, folder),
            made_up(fixed - fixed // 2, folder),
            boxed(options.lines - fixed, options.seed, folder),
        ]
        replies = through_pipes(min(options.lines, 5000), options.seed, folder)
    lines, accepted = (sum(column) for column in zip(*counts, strict=True))
    seconds = time.monotonic() - began
    print(f"{lines} lines, {accepted} accepted, and {replies} replies of a process: all well ({seconds:.0f} s)")


def transcripts(count: int, seed: int, folder: str, engine=None) -> tuple[int, int]:
    """Mutated transcripts; gives the lines sent and those accepted."""
    sent = accepted = 0
    while sent < count:
        fuzz = Fuzzer(engine or engine_of(*map(FixedEvaluator, SIZES), seed=seed), folder)
        for line in islice(mutated_transcripts(seed, fuzz.files), min(SESSION, count - sent)):
            faulthandler.dump_traceback_later(HANG, exit=True)
            fuzz.send(line)
        sent += max(fuzz.lines, 1)
        accepted += fuzz.accepted
        seed += 1
        print(f"\r{sent} lines of mutated transcripts", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return sent, accepted


def made_up(count: int, folder: str) -> tuple[int, int]:
    """Sessions of hypothesis."""
    sent = accepted = 0
    files = [Path(folder) / f"{number}.sgf" for number in range(4)]

    @settings(max_examples=max(count // 20, 1), deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(sessions(files, Path(folder) / "written.sgf"))
    def run(lines: list[str]) -> None:
        nonlocal sent, accepted
        faulthandler.dump_traceback_later(HANG, exit=True)
        fuzz = Fuzzer(engine_of(*map(FixedEvaluator, SIZES), seed=0), folder)
        for line in lines:
            fuzz.send(line.encode(errors="replace"))
        sent += fuzz.lines
        accepted += fuzz.accepted

    while sent < count:
        run()
        print(f"\r{sent} lines of hypothesis", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return sent, accepted


def boxed(count: int, seed: int, folder: str) -> tuple[int, int]:
    """Mutated transcripts for the network in the box, with real judgements."""
    from hayago.gtp.process import Engine
    from hayago.network.evaluator import make_evaluator
    from hayago.player.game import Game
    from hayago.player.player import Player

    evaluator = make_evaluator()
    sent = accepted = 0
    while sent < count:
        game = Game({19: Player(evaluator, seed=seed), 5: Player(FixedEvaluator(5), seed=seed)})
        game.resize(5)
        engine = Engine(lambda game=game: game)
        lines, some = transcripts(min(count - sent, 200), seed, folder, engine)
        sent, accepted, seed = sent + lines, accepted + some, seed + 1
    return sent, accepted


def through_pipes(count: int, seed: int, folder: str) -> int:
    """Lines through a real process; each command must get one reply. Gives the number of replies."""
    fuzz = Fuzzer(None, folder)
    lines = [
        line
        for line in islice(mutated_transcripts(seed + 1, fuzz.files), count)
        if b"\n" not in line
        and not {"quit", "printsgf", "hayago-live_gfx"} & set(words_of(line.decode(errors="replace")))
    ]
    commands = [line for line in lines if words_of(line.decode(errors="replace"))]
    serve = "from gtp_engines import game_of; from hayago.gtp.process import serve; serve(lambda: game_of)"
    process = subprocess.run(
        [sys.executable, "-c", serve],
        input=b"\n".join(lines),
        capture_output=True,
        timeout=600,
        cwd=Path(__file__).parent,
    )
    assert (process.returncode, process.stderr) == (0, b""), process.stderr[-2000:]
    replies = process.stdout.decode().split("\n\n")
    assert replies.pop() == ""
    assert len(replies) == len(commands), f"{len(replies)} replies to {len(commands)} commands"
    assert all(re.match(r"[=?]\d* ", reply) for reply in replies)
    return len(replies)


if __name__ == "__main__":
    main()
