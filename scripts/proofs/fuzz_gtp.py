"""Fuzz the GTP engine: python scripts/proofs/fuzz_gtp.py [LINES] [--seed N] [--box SHARE] [--memory]

Half of the lines are transcripts of clients with their bytes changed, half are sessions that hypothesis makes up. They
go to an engine with a network that always gives the same answer; `--box` sends that share of the lines to engines with
the network in the box and real judgements. Then come JSON queries, a tenth of the lines. At last, lines go through the
pipes of a real process, and analyses are interrupted there at random moments. See gtp_fuzz.py for what is checked after
each line.

With --memory, only this: 20,000 interrupted analyses and 2,000 moves of one process, and how its memory grows.
"""

import argparse
import faulthandler
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings

from fakes import FixedEvaluator
from gtp_engines import engine_of, game_of
from gtp_fuzz import SIZES, Fuzzer, JsonFuzzer, mutated_transcripts, queries, sessions, words_of

SESSION = 2000  # lines of mutated transcripts to one engine
HANG = 120  # seconds after which all stacks are printed and the script ends
GROWTH = 16.0  # MiB by which a process may grow after its first three tenths
ENGINE = (sys.executable, "-m", "hayago", "gtp", "--symmetries", "1", "--seed", "1")


def main() -> None:
    """Fuzz, and print what was done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lines", nargs="?", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--box", type=float, default=0.01)
    parser.add_argument("--memory", action="store_true")
    options = parser.parse_args()
    # Kernels are compiled here and now: it takes long, and says so on the stderr that is looked at.
    commands = "clear_board\ngenmove b\nfinal_score\nquit\n"
    subprocess.run([sys.executable, "-m", "hayago", "gtp"], input=commands, text=True, capture_output=True, check=True)
    began = time.monotonic()
    if options.memory:
        memory(options.seed)
        return
    with TemporaryDirectory(prefix="hayago-fuzz-") as folder:
        fixed = options.lines - int(options.lines * options.box)
        counts = [
            transcripts(fixed // 2, options.seed, folder),
            made_up(fixed - fixed // 2, folder),
            boxed(options.lines - fixed, options.seed, folder),
            json_queries(options.lines // 10, options.seed),
        ]
        replies = through_pipes(min(options.lines, 5000), options.seed, folder)
        analyses = min(options.lines // 100, 2000)
        interrupted(analyses, analyses // 10, options.seed)
    lines, accepted = (sum(column) for column in zip(*counts, strict=True))
    seconds = time.monotonic() - began
    print(
        f"{lines} lines, {accepted} accepted, {replies} replies and {analyses} interrupted analyses of processes: "
        f"all well ({seconds:.0f} s)"
    )


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
    from hayago.rules.board import Board

    evaluator = make_evaluator()
    for size in evaluator.sizes:  # what it says of boards that no network learned on, it says here
        Player(evaluator).prior(Board(size), 1)
    sent = accepted = 0
    while sent < count:
        game = Game(Player(evaluator, seed=seed))
        game.resize(5)
        engine = Engine(lambda game=game: game)
        lines, some = transcripts(min(count - sent, 200), seed, folder, engine)
        sent, accepted, seed = sent + lines, accepted + some, seed + 1
    return sent, accepted


def json_queries(count: int, seed: int) -> tuple[int, int]:
    """JSON queries; gives the lines sent and the analyses answered."""
    fuzz = JsonFuzzer(game_of(*map(FixedEvaluator, SIZES), seed=seed))
    for line in islice(queries(seed), count):
        faulthandler.dump_traceback_later(HANG, exit=True)
        fuzz.send(line)
    return fuzz.lines, fuzz.answered


def interrupted(analyses: int, moves: int, seed: int, command: Sequence[str] = ENGINE) -> list[float | None]:
    """Interrupt analyses of a process at random moments, and let it play in between.

    Every reply must be whole. Gives the memory of the process in MiB after each tenth, None where that is not known.
    """
    generator, sizes = random.Random(seed), []
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parent)
    assert process.stdin is not None and process.stdout is not None

    def say(text: str) -> None:
        process.stdin.write(text.encode())
        process.stdin.flush()

    def reply() -> list[str]:
        lines = list(iter(lambda: process.stdout.readline().decode(), "\n"))
        assert lines and re.match(r"[=?]\d* ", lines[0]) and lines[-1].endswith("\n"), lines
        return lines

    kinds = ["kata-analyze b 1 ownership true", "lz-analyze 1", "analyze w 2", "cgos-analyze b 3", "kata-analyze w"]
    for number in range(analyses):
        faulthandler.dump_traceback_later(HANG, exit=True)
        say(f"7 {generator.choice(kinds)}\n")
        time.sleep(generator.choice([0, 0, 0.001, 0.005, 0.02]) * generator.random())
        following = generator.choice(["", "# interrupt", "1 name", "1 undo", "1 stop"])
        say(f"{following}\n")
        lines = reply()
        assert lines[0] == "=7 \n" and all(line.startswith(("info ", "{")) for line in lines[1:]), lines
        if following.startswith("1 "):
            assert reply()[0][1] == "1"
        for _ in range(moves * (number + 1) // analyses - moves * number // analyses):
            say("2 genmove b\n3 genmove w\n" if generator.random() < 0.97 else "2 clear_board\n3 name\n")
            assert [reply()[0][1] for _ in range(2)] == ["2", "3"]
        if (number + 1) * 10 // analyses > number * 10 // analyses:
            sizes.append(resident(process.pid))
    say("quit\n")
    assert reply() == ["= \n"] and process.wait(HANG) == 0
    faulthandler.cancel_dump_traceback_later()
    return sizes


def resident(process: int) -> float | None:
    """The memory of a process in MiB, where the system tells it."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def memory(seed: int) -> None:
    """How the memory of one process with the network in the box grows; more than GROWTH is an error."""
    began = time.monotonic()
    sizes = interrupted(20_000, 1000, seed)
    print("MiB after each tenth:", *(f"{size:.1f}" for size in sizes if size is not None))
    print(f"20000 interrupted analyses and 2000 moves in {time.monotonic() - began:.0f} s")
    if None not in sizes:
        grown = sizes[-1] - sizes[2]
        assert grown <= GROWTH, f"{grown:.1f} MiB more than after three tenths"


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
