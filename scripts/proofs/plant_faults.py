"""Plant faults in the kernels, one at a time, and see whether the tests of the planes notice each of them.

    python scripts/proofs/plant_faults.py [NAME...]

Each fault is one wrong line of a kernel, in a temporary copy of the package. There both encoders are run against the
drawn positions, the encoder of whole games against the slow twin (tests/features/test_planes.py), and the two encoders
against each other (tests/features/test_incremental.py). The copy without a fault goes first and must pass. NAMEs choose
faults by a part of their name. Exits 1 if a fault survives, 2 if one no longer fits the source.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "hayago"
# A fault may make a kernel run forever, or crash; both count as caught. A sound run takes a fraction of this.
TIMEOUT_S = 300
TESTS = ("tests/features/test_planes.py", "tests/features/test_incremental.py")


class Fault(NamedTuple):
    """`old` stands once in `file`, and is replaced by `new`."""

    name: str
    file: str
    old: str
    new: str


FAULTS = (
    Fault(
        "the ko is set whenever one stone is taken",
        "rules/kernels/position.py",
        "if captured == 1 and chain_stones(position, head) == 1 and chain_liberties(position, head) == 1:",
        "if captured == 1:",
    ),
    Fault(
        "a capture without another liberty is suicide",
        "rules/kernels/position.py",
        "(there == colour) == (liberties_of(position, neighbour) > 1)",
        "there == colour and liberties_of(position, neighbour) > 1",
    ),
    Fault(
        "a pass leaves the ko",
        "rules/kernels/position.py",
        "    _put(position, log, _KO, NO_CELL)\n    return 0\n",
        "    return 0\n",
    ),
    Fault(
        "joined chains count their shared liberties twice",
        "rules/kernels/position.py",
        "    _put(position, log, _LIBERTIES + one, liberties)\n",
        "    liberties = chain_liberties(position, one) + chain_liberties(position, other)\n"
        "    _put(position, log, _LIBERTIES + one, liberties)\n",
    ),
    Fault(
        "undo forgets the liberties of captured stones that once led a chain",
        "rules/kernels/position.py",
        "            _note(log, _WORDS + stone * WORDS + w, word_of(position, stone, w))\n",
        "            _note(log, _WORDS + head * WORDS + w, word_of(position, head, w))\n",
    ),
    Fault(
        "two bad diagonals are allowed to an eye",
        "rules/kernels/position.py",
        "bad, allowed = 0, 1",
        "bad, allowed = 0, 2",
    ),
    Fault(
        "empty diagonals never spoil an eye",
        "rules/kernels/position.py",
        "there == 3 - colour or (there == EMPTY and not has_cell(eyes, cell + diagonal))",
        "there == 3 - colour",
    ),
    Fault(
        "set-up stones age like moves",
        "rules/kernels/position.py",
        "    log.entries = 0\n    place(position, log, cell, colour)\n",
        "    play(position, log, cell, colour)\n",
    ),
    Fault(
        "a stone that comes back to its point keeps its first age",
        "features/incremental.py",
        "            if (word >> TURNS_SINCE + 7) & 1:\n",
        "            if not (word >> VACANT) & 1:\n",
    ),
    Fault(
        "eight liberties count as seven",
        "features/memory.py",
        "1 << LIBERTIES + min(liberties, MOST_LIBERTIES) - 1",
        "1 << LIBERTIES + min(liberties, MOST_LIBERTIES - 1) - 1",
    ),
    Fault(
        "a self-atari leaves out the stone played",
        "features/memory.py",
        "1 << SELF_ATARI_SIZE + min(stones, 8) - 1",
        "1 << SELF_ATARI_SIZE + min(max(stones - 1, 1), 8) - 1",
    ),
    Fault(
        "the ko point may be played",
        "features/incremental.py",
        "            matrix[places[ko_of(position)]] = 1 << VACANT | 1 << ONES\n",
        "            pass\n",
    ),
    Fault(
        "ladders are read one hunter move short",
        "rules/kernels/ladder_reader.py",
        "    if limit == 0:\n",
        "    if limit == 1:\n",
    ),
    Fault(
        "ladders are read one hunter move too far", "rules/kernels/frame.py", "HUNTER_MOVES = 50", "HUNTER_MOVES = 51"
    ),
    Fault(
        "the prey does not capture in the reading",
        "rules/kernels/ladder_reader.py",
        "                if not _is_in_atari(position, stone, hunter):\n",
        "                if True:\n",
    ),
    Fault(
        "the prey does not see what its extension puts into atari",
        "rules/kernels/ladder_reader.py",
        "        if _is_in_atari(position, extension + direction, hunter):\n",
        "        if False:\n",
    ),
    Fault(
        "the prey does not see that the attack is in atari",
        "rules/kernels/ladder_reader.py",
        "        add_cell(threatened, attack)\n",
        "",
    ),
    Fault(
        "an extension never captures the attack",
        "rules/kernels/ladder_reader.py",
        "plain = taken == 0 and liberties > 1",
        "plain = taken == 0",
    ),
    Fault(
        "a prey without room is lost, whatever it may capture",
        "rules/kernels/ladder_reader.py",
        " and not _is_threatened(position, threatened, hunter)",
        "",
    ),
    Fault(
        "no one walks round what an extension has joined",
        "rules/kernels/ladder_reader.py",
        "extension if alone else int(NO_CELL)",
        "extension",
    ),
    Fault(
        "captures far from the last liberty are not escapes",
        "rules/kernels/ladder_reader.py",
        "            if chain_liberties(position, hunter) == 1:\n",
        "            if chain_liberties(position, hunter) == 1 and abs(stone + direction - cell) <= 2 * WIDTH:\n",
    ),
    Fault(
        "a chain that grows does not show it",
        "features/memory.py",
        "    if not rewrite and own[head]",
        "    if own[head]",
    ),
    Fault(
        "readings that find no room are forgotten",
        "features/memory.py",
        "        return\n    k = lowest_bit(room)\n",
        "        memory.unread[colour] = 0\n        return\n    k = lowest_bit(room)\n",
    ),
    Fault(
        "eight liberties give every stone as much room as a word can tell",
        "features/memory.py",
        "liberties_of(position, head) > MOST_LIBERTIES and",
        "liberties_of(position, head) >= MOST_LIBERTIES and",
    ),
    Fault(
        "a chain's liberties are room for the other colour too",
        "features/memory.py",
        " > MOST_LIBERTIES and colour_of(position, head) == colour else 0",
        " > MOST_LIBERTIES else 0",
    ),
    Fault("where there was room there is room forever", "features/memory.py", "        spacious[w] &= ~stale[w]\n", ""),
    Fault(
        "a chain is counted on each side where a stone joins it",
        "rules/kernels/position.py",
        " * (heads[1] != heads[0])",
        "",
    ),
    Fault(
        "what a capture frees is not looked at again",
        "features/memory.py",
        "if removed or liberties == 1:",
        "if liberties == 1:",
    ),
    Fault(
        "a chain put into atari may not be captured",
        "features/memory.py",
        "if removed or liberties == 1:",
        "if removed:",
    ),
    Fault(
        "verdicts outlive the capture that frees the chain",
        "features/memory.py",
        "        _forget_readings_freed(memory)\n",
        "        pass\n",
    ),
    Fault(
        "verdicts outlive a ko",
        "features/memory.py",
        "if room == 0 or (ko != NO_CELL and has_cell(reading.footprint, ko)):",
        "if room == 0:",
    ),
    Fault(
        "verdicts outlive the last move",
        "features/memory.py",
        "        _forget_readings_on(memory, cell)\n",
        "        pass\n",
    ),
    Fault(
        "the chains beside a move are not watched",
        "rules/kernels/ladder_reader.py",
        "            _watch_chain(position, reading, head_of(position, cell + direction), _ENOUGH)\n",
        "            pass\n",
    ),
    Fault(
        "the hunters round the prey are not watched",
        "rules/kernels/ladder_reader.py",
        "                _watch_chain(position, reading, watched, _NOT_IN_ATARI)\n",
        "",
    ),
    Fault(
        "plain: a ko is set whenever one stone is taken",
        "rules/kernels/plain_rules.py",
        "is_ko = captured == 1 and len(chain) == 1 and len(liberties) == 1",
        "is_ko = captured == 1 and len(liberties) == 1",
    ),
    Fault(
        "plain: captured stones stay on the board",
        "rules/kernels/plain_rules.py",
        "                    after[stone] = EMPTY\n",
        "                    pass\n",
    ),
    Fault(
        "plain: the ko may be taken back inside a ladder",
        "rules/kernels/ladders.py",
        "answered = try_move(attacked.stones, attacked.ko, answer, stones[prey])",
        "answered = try_move(attacked.stones, 0, answer, stones[prey])",
    ),
    Fault(
        "plain: the prey never captures",
        "rules/kernels/ladders.py",
        "    return ways[:count]\n",
        "    return ways[:1]\n",
    ),
    Fault(
        "plain: ladders are read one hunter move short",
        "rules/kernels/ladders.py",
        "    if hunter_moves == 0:\n",
        "    if hunter_moves == 1:\n",
    ),
    Fault(
        "plain: only one of the hunter's moves is tried",
        "rules/kernels/ladders.py",
        "answered.stones, answered.ko, prey, other, hunter_moves - 1\n",
        "answered.stones, answered.ko, prey, one, hunter_moves - 1\n",
    ),
    Fault(
        "plain: an escape is saved by two liberties",
        "rules/kernels/ladders.py",
        "    if len(liberties) != 2:\n        return len(liberties) > 2\n",
        "    if len(liberties) != 1:\n        return len(liberties) > 1\n",
    ),
    Fault(
        "plain: two bad diagonals are allowed to an eye",
        "rules/kernels/plain_rules.py",
        "bad, allowed = 0, 1",
        "bad, allowed = 0, 2",
    ),
    Fault(
        "plain: a pass is not a turn",
        "features/plain.py",
        "recent = board.moves[-(_OLDEST - 1) :]",
        "recent = [move for move in board.moves if move[1] != board.pass_point][-(_OLDEST - 1) :]",
    ),
    Fault(
        "plain: seven captured stones count as six",
        "features/plain.py",
        "min(move.captured, 7)",
        "min(move.captured, 6)",
    ),
)


def run_tests(work: Path) -> tuple[bool, str]:
    """Whether the tests pass on the package in `work`, and how the run ended, in words."""
    environment = os.environ | {"PYTHONPATH": str(work), "NUMBA_CACHE_DIR": str(work / "compiled")}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-m", "not slow", *TESTS]
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return False, f"no end after {TIMEOUT_S} s"
    if done.returncode < 0:
        return False, f"the tests crashed by signal {-done.returncode}"
    if done.returncode not in (0, 1):  # not a failing test: something else is broken, and nothing is proved
        raise SystemExit(f"the tests could not be run:\n{done.stdout}{done.stderr}")
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    return done.returncode == 0, failed[0].split("::", 1)[-1].split(" - ")[0] if failed else ""


def try_out(fault: Fault | None) -> tuple[bool, str]:
    """`run_tests` on a copy of the package with the fault in it."""
    with tempfile.TemporaryDirectory(prefix="hayago-faults-", ignore_cleanup_errors=True) as folder:
        work = Path(folder)
        shutil.copytree(PACKAGE, work / "hayago", ignore=shutil.ignore_patterns("__pycache__"))
        if fault is not None:
            file = work / "hayago" / fault.file
            source = file.read_text(encoding="utf-8")
            file.write_text(source.replace(fault.old, fault.new), encoding="utf-8")
        return run_tests(work)


def main(names: list[str]) -> int:
    misfits = [f.name for f in FAULTS if (PACKAGE / f.file).read_text(encoding="utf-8").count(f.old) != 1]
    if misfits:
        print("these faults no longer fit the source:", *misfits, sep="\n  ", file=sys.stderr)
        return 2
    passed, ending = try_out(None)
    if not passed:
        print(f"the tests fail without any fault: {ending}", file=sys.stderr)
        return 2
    survivors = 0
    chosen = [fault for fault in FAULTS if not names or any(name in fault.name for name in names)]
    for fault in chosen:
        started = time.perf_counter()
        passed, ending = try_out(fault)
        survivors += passed
        seconds = time.perf_counter() - started
        print(f"{'SURVIVED' if passed else 'caught':<9} {fault.name} ({seconds:.0f} s; {ending})", flush=True)
    print(f"{len(chosen) - survivors} of {len(chosen)} faults were caught")
    return 1 if survivors or not chosen else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
