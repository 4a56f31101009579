"""Fuzz the SGF reader: python scripts/proofs/fuzz_sgf.py [--seconds N] [--seed N]

Files are made of games in many encodings, and then of what archives do to them: bytes changed, lost, doubled and
inserted, brackets above all; files spliced, cut, recoded. Three things are checked:

- reading any of them gives records that are valid, or a BadRecord with its reason, and nothing else;
- one byte that is lost or inserted in one game of a file costs at most this game: the others are read as they are;
- what was read is written, and read again as the same.
"""

import argparse
import faulthandler
import math
import random
import time
from collections import Counter

from hayago.records.sgf import BadRecord, GameRecord, read_comments, read_sgf, scan_sgf, write_sgf
from hayago.records.sgf_scanner import CUTS
from hayago.records.sgf_values import rank_number

CHARSETS = (
    "utf-8",
    "gb18030",
    "big5",
    "shift_jis",
    "euc_kr",
    "euc_jp",
    "johab",
    "cp949",
    "iso2022_jp",
    "hz",
    "latin-1",
)
UNICODE = ("utf-16", "utf-32", "utf-16-le", "utf-8-sig")
TEXTS = (
    *("", "Lee", "two\nlines", "a \\] b \\\\", "[1\\] (left) ;)", "(;GM[1\\]FF[4\\])", "x" * 300, "J\u00f6rg"),
    *("李昌镐 九段", "能力表ソ", "이창호", "功許蓋", "\u00e9\u00e8\ufeff"),
)
PIECES = (
    *(
        b"(",
        b")",
        b";",
        b"[",
        b"]",
        b"\\",
        b":",
        b" ",
        b"\n",
        b"(;",
        b")(",
        b"\n(;GM[1]",
        b"C[",
        b"]C[x",
        b";B[aa]",
        b"tt",
    ),
    *(
        b"\0",
        b"\x81",
        b"\xff",
        b"\x1b$B",
        b"\x1b(B",
        b"\x0e",
        b"~{",
        b"~}",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"SZ[",
        b"CA[",
    ),
    *(b"AB[aa:ss]", b"AE[aa]", b"PL[W]", b"KM[1e999]", b"HA[99999999999]", b"SZ[99]", b"GM[4]", b"CA[utf-7]", b"DT["),
)
HANG = 120  # seconds after which all stacks are printed and the script ends


def game_text(lots: random.Random, charset: str = "UTF-8") -> str:
    """A legal game."""

    def text() -> str:
        return lots.choice(TEXTS)

    size = lots.choice((9, 13, 19, 19, 19))
    root = [f"GM[1]FF[4]SZ[{size}]", f"PB[{text()}]", f"PW[{text()}]", f"KM[{lots.choice(('6.5', '375', '0', ''))}]"]
    root += lots.sample(
        [f"CA[{charset}]", f"C[{text()}]", "HA[2]AB[cc][gg]", "BR[九段]WR[3k]", "DT[2001-02-03]", "PL[W]"], 3
    )
    nodes = [f";{root.pop(0)}", *root]
    for number in range(lots.randrange(40)):
        place = "".join(chr(97 + lots.randrange(size)) for _ in range(2)) if lots.random() < 0.97 else ""
        nodes.append(f";{'BW'[number % 2]}[{place}]" + (f"C[{text()}]" if lots.random() < 0.1 else ""))
    tail = "(;B[aa]C[x];W[bb])(;B[cc])" if lots.random() < 0.2 else ""
    return f"({''.join(nodes)}{tail})"


def file_of(lots: random.Random) -> bytes:
    """A file of one or several games, in some encoding that its CA names, or not."""
    charset = lots.choice(CHARSETS + UNICODE)
    named = lots.choice((charset, "UTF-8", "GBK", "no such"))
    text = lots.choice(("\n", "", " \n\n")).join(game_text(lots, named) for _ in range(lots.choice((1, 1, 2, 5))))
    return text.encode(charset, "ignore")


def mutated(data: bytes, lots: random.Random) -> bytes:
    """The file with some of what happens to files."""
    changed = bytearray(data)
    for _ in range(lots.choice((1, 1, 2, 5, 20))):
        place = lots.randrange(len(changed) + 1)
        kind = lots.randrange(7)
        if kind == 0 and place < len(changed):
            changed[place] = lots.randrange(256)
        elif kind == 1:
            del changed[place : place + lots.choice((1, 1, 3, 40))]
        elif kind == 2:
            changed[place:place] = lots.choice(PIECES)
        elif kind == 3:  # a bracket lost
            brackets = [n for n, byte in enumerate(changed) if byte in b"()[];\\"]
            if brackets:
                del changed[lots.choice(brackets)]
        elif kind == 4:
            changed[place:place] = changed[lots.randrange(len(changed) + 1) :][: lots.randrange(200)]
        elif kind == 5:
            changed[place:] = file_of(lots)[lots.randrange(50) :]
        elif lots.random() < 0.2:
            changed = bytearray(changed.decode("utf-8", "replace").encode(lots.choice(CHARSETS + UNICODE), "replace"))
    return bytes(changed)


def check_file(data: bytes) -> Counter[str]:
    """Read a file; gives how many games were read, and how many were not, by the reason."""
    counts: Counter[str] = Counter()
    found = list(scan_sgf(data, "f"))
    assert found, "nothing was said of the file"
    assert [game.source for game in found] == [f"f#{n}" for n in range(1, len(found) + 1)] or len(found) == 1
    for game in found:
        if isinstance(game, BadRecord):
            assert game.reason and len(str(game).splitlines()) == 1
            counts[game.reason] += 1
        else:
            check_record(game)
            counts[f"read, cut at {game.cut}" if game.cut else "read"] += 1
    last = len(found[0].moves) if isinstance(found[0], GameRecord) else len(data)
    for index, text in read_comments(data).items():
        assert -1 <= index < max(last, 1)
        text.encode()
    return counts


def check_record(game: GameRecord) -> None:
    """Check that everything in a record is what its docstring says, and that it is written and read again."""
    points = game.size**2
    assert 1 <= game.size <= 19
    assert all(0 <= point <= points and colour in (1, 2) for colour, point in game.plays())
    for stones in (game.setup_black, game.setup_white):
        assert list(stones) == sorted(set(stones)) and all(0 <= point < points for point in stones)
    assert not set(game.setup_black) & set(game.setup_white)
    assert game.komi is None or math.isfinite(game.komi)
    assert 0 <= game.handicap <= 361 and game.cut in CUTS and game.to_play in (1, 2)
    for text in (game.black, game.white, game.black_rank, game.white_rank, game.rules, game.result, game.event):
        text.encode()
        assert "\n" not in text and "\r" not in text
    assert game.date == "" or len(game.date) in (4, 7, 10)
    assert all(-30 <= rank_number(rank) <= 19 for rank in (game.black_rank, game.white_rank))
    if any("[" in text for text in game if isinstance(text, str)):
        return  # a text that ends as a move or a game begins is not told from one without its bracket
    (again,) = read_sgf(write_sgf(game))
    assert again.moves.tolist() == game.moves.tolist() and again.setup.tolist() == game.setup.tolist()
    assert (again.to_play, again.black) == (game.to_play, " ".join(game.black.split("\n")))


def check_damage(lots: random.Random) -> None:
    """Lose or insert a byte in the second of four games; the others must be read as they are."""
    texts = [game_text(lots) for _ in range(4)]
    whole = [read_sgf(text.encode())[0] for text in texts]
    data = bytearray(texts[1].encode())
    place = lots.randrange(len(data))
    if lots.random() < 0.5:
        del data[place]
    else:
        data[place:place] = lots.choice(b"()[];\\xB ").to_bytes()
    found = list(scan_sgf(b"\n".join([texts[0].encode(), bytes(data), texts[2].encode(), texts[3].encode()])))
    for number, expected in ((0, found[0]), (2, found[-2]), (3, found[-1])):
        assert isinstance(expected, GameRecord), data
        mine = whole[number]
        assert expected.moves.tolist() == mine.moves.tolist(), (number, bytes(data))
        assert (expected.black, expected.white, expected.size) == (mine.black, mine.white, mine.size), bytes(data)
    assert len(found) >= 4, bytes(data)


def fuzz(seed: int, files: int) -> Counter[str]:
    """Check some files that this seed gives; gives what became of their games."""
    lots = random.Random(seed)
    counts: Counter[str] = Counter()
    for _ in range(files):
        data = file_of(lots)
        for _ in range(4):
            data = mutated(data, lots)
            try:
                counts += check_file(data)
            except Exception:
                print(f"seed {seed}: {data!r}")
                raise
        check_damage(lots)
    return counts


def main() -> None:
    """Fuzz, and print what was done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    ends = time.monotonic() + options.seconds
    counts: Counter[str] = Counter()
    seed = options.seed
    while time.monotonic() < ends:
        faulthandler.dump_traceback_later(HANG, exit=True)
        counts += fuzz(seed, 100)
        seed += 1
    faulthandler.cancel_dump_traceback_later()
    print(f"seeds {options.seed} to {seed - 1}, {400 * (seed - options.seed):,} files: all well")
    for what, count in counts.most_common():
        print(f"{count:9,}  {what}")


if __name__ == "__main__":
    main()
