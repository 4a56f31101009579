"""Files with brackets or parentheses missing, or too many: at most the game concerned is lost, and no legal file is
changed."""

import json
import os
import random
import subprocess
import sys

import pytest

from hayago.records.sgf import BadRecord, GameRecord, read_comments, read_sgf, scan_sgf, write_sgf
from hayago.records.sgf_values import rank_number

ROOT = "GM[1]FF[4]SZ[19]PB[black]PW[white]"


def line(seed: int, count: int = 60) -> str:
    """Moves on different points, all of them other moves than those of another seed."""
    points = [chr(97 + n % 19) + chr(97 + n // 19) for n in random.Random(seed).sample(range(361), count)]
    return "".join(f";{'BW'[n % 2]}[{point}]" for n, point in enumerate(points))


def codes(moves: str) -> list[int]:
    """The move codes of a plain line."""
    return read_sgf(f"(;{moves})".encode())[0].moves.tolist()


def games(text: str) -> list[GameRecord]:
    """All games of a text; none may be refused."""
    return read_sgf(text.encode())


# How a game of a collection can be broken, and what is left of its 60 moves.
BROKEN = {
    "no end": ("(;" + ROOT + "{0}", 60),
    "no end, variations": ("(;" + ROOT + "{0}(;B[aa];W[bb])(;B[cc]", 60 + 2),
    "no end, three deep": ("(;" + ROOT + "(;C[x]{0}(;B[aa]", 60 + 1),
    "comment without end": ("(;" + ROOT + "{0}C[good game)", 60),
    "comment and file without end": ("(;" + ROOT + "{0}C[good game", 60),
    "comment without end in the middle": ("(;" + ROOT + "{0}C[good move;B[aa];W[bb])", 62),
    "move without end": ("(;" + ROOT + "{0};B[aa;W[bb])", 62),
    "half a move": ("(;" + ROOT + "{0};B[a", 60),
    "name without end": ("(;" + ROOT + "RE[B+R{0})", 60),
    "escape at the end": ("(;" + ROOT + "{0};C[x\\", 60),
    "no root properties before": ("(;{0}", 60),
    "an end too many": ("(;" + ROOT + "{0}))", 60),
    "no beginning": (";" + ROOT + "{0})", 60),
    "a beginning too many": ("((;" + ROOT + "{0})", 60),
}


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("space", ["\n", "\r\n\r\n", " \n  "])
def test_a_broken_game_costs_at_most_itself(how: str, space: str) -> None:
    whole = [f"(;{ROOT}{line(seed)})" for seed in range(6)]
    template, length = BROKEN[how]
    broken = [*whole]
    broken[1] = template.format(line(1))
    found = games(space.join(broken))
    assert [len(game.moves) for game in found] == [60, length, 60, 60, 60, 60]
    for number, game in enumerate(found):
        assert game.moves.tolist()[:60] == codes(line(number))
        assert game.cut in (("", "next game") if number == 1 else ("",))
        assert not game.black or game.black == "black"
    wanted = (
        ""
        if how in ("no beginning", "an end too many", "a beginning too many") or template.endswith(")")
        else "next game"
    )
    assert found[1].cut == wanted or "C[good game)" in template


@pytest.mark.parametrize(
    "root", ["GM[1]", "FF[4]PB[x]", "SZ[19]", "CA[UTF-8]GM[1]", "AB[dd]GM[1]", "PB[x]PW[y]KM[6.5]", "DT[2020]EV[cup]"]
)
def test_what_begins_a_game(root: str) -> None:
    assert len(games(f"(;PB[a]PW[b]{line(0, 9)}\n(;{root}{line(1, 9)})")) == 2
    assert len(games(f"(;PB[a]PW[b]{line(0, 9)}(;B[aa](;{root}{line(1, 9)})")) == 2


def test_the_file_ends_in_a_variation() -> None:
    for end in ("(;B[aa])(;B[bb]", "(;B[aa])", "(;B[aa])(", "(;B[aa])(;C[no end"):
        (game,) = games(f"(;{ROOT}{line(0)}{end}")
        assert (len(game.moves), game.cut) == (61, "end of file")
    assert games(f"(;{ROOT}{line(0)}(;B[aa])(;B[bb]))")[0].cut == ""


QUOTED = "see (;GM[1\\]FF[4\\]SZ[19\\];B[aa\\];W[bb\\])"


@pytest.mark.parametrize(
    "comment",
    [
        QUOTED,
        f"two\n{QUOTED}\n{QUOTED}",
        "an SGF file begins with (;GM[",
        "or with\n(;GM[1\\]FF[4\\]",
        "(;",
        ")\n(;",
        "move [1\\] (left), ;B[aa\\]",
        "Bob [5k\\]: ok :)",
        "A[[[[",
        "(;B[aa\\];W[bb\\\\",
    ],
)
def test_legal_comments_are_left_alone(comment: str) -> None:
    for text in (f"(;{ROOT};B[aa]C[{comment}]BL[9];W[bb])", f"(;{ROOT}C[{comment}]KM[6.5];B[aa];W[bb])"):
        (game,) = games(f"{text}(;{ROOT};B[cc])")[:1]
        assert (game.moves.tolist(), game.cut) == (codes(";B[aa];W[bb]"), "")
        assert list(read_comments(text.encode()).values()) == [
            comment.replace("\\\\", "\0").replace("\\", "").replace("\0", "\\")
        ]


def test_legal_trees_are_left_alone() -> None:
    # Several games merged into one tree: each has its description in a node of its own.
    (game,) = games("(;FF[4]GM[1]SZ[19];B[aa](;PB[a]PW[b];W[bb];B[cc])(;PB[c]PW[d];W[dd]))")
    assert game.moves.tolist() == codes(";B[aa];W[bb];B[cc]")
    (game,) = games(f"(;{ROOT}{line(0)}(;AB[aa]C[a variation]N[x])(;LB[aa:1]TR[bb];W[cc]))")
    assert len(game.moves) == 60
    assert len(games(f"(;{ROOT};B[aa])(;{ROOT}(;B[aa])(;B[bb]))(;)")) == 3


TEXTS = [
    "see diagram [1] (left)",
    "Bob [5k]: ok :)",
    "Bob [5k]: B[aa] was better",
    "Bob [5k]; W[dd] is better",
    "penalty (=6 [points])",
    "[1]) and [2]",
    "[[1]]",
    "smile :]",
    "smile :] and (laugh :])",
    "list [a] [b]: done",
    "see [1] [x [y] z]",
    "use KM[6.5] here",
    "text] text",
    "he said [B[aa]] ok",
    "a :]; b",
    "Bob [5k] [away]",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("name", ["C", "GC", "N", "PB", "LB", "XX"])
def test_brackets_in_text(text: str, name: str) -> None:
    for end in ("\n;B[ss])", "(;B[ss])(;B[rr]))", f"KM[6.5]\n;B[ss])\n(;{ROOT}{line(2)})"):
        first, *others = games(f"(;SZ[19]{name}[{text}]PW[white];B[qq]{end}")
        assert first.moves.tolist() == codes(";B[qq];B[ss]")
        assert (first.white, first.cut) == ("white", "")
        assert all(len(game.moves) == 60 for game in others)
        assert name != "PB" or first.black == text
    (game,) = games(f"(;{ROOT}{line(0, 34)};B[aa]{name}[{text}];W[bb];B[cc])")
    assert (len(game.moves), game.cut) == (37, "")


@pytest.mark.parametrize("text", [text for text in TEXTS if text != "list [a] [b]: done"])
def test_comments_keep_their_brackets(text: str) -> None:
    assert read_comments(f"(;{ROOT};B[aa]C[{text}];W[bb]C[next])".encode()) == {0: text, 1: "next"}


def test_names_with_brackets_in_every_property() -> None:
    (game,) = games("(;PW[[p]White]PB[[p]Black]BR[[9]p]EV[the [1st] cup]RE[B+R];B[aa])")
    assert (game.white, game.black, game.black_rank) == ("[p]White", "[p]Black", "[9]p")
    assert (game.event, game.result) == ("the [1st] cup", "B+R")
    (again,) = read_sgf(write_sgf(game))
    assert again._replace(moves=game.moves) == game


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("(\nTE[cup]PB[a]PW[b]\n{0}\n(;W[aa])(;W[bb];B[cc]))", [61]),
        ("( TE[cup] SZ[19]\nPB[a]{0})\n(\nTE[cup 2]PB[c]\n{1}\n)", [60, 60]),
        ("(PB[a]{0})(PB[b]{1})(;PB[c]{0})", [60, 60, 60]),
        ("(SZ[19]{0}\n(SZ[19]{1})", [60, 60]),
        ("PB[a]SZ[19]{0}(;W[aa])(;W[bb]))", [61]),
        (";PB[a]SZ[19]{0}(;W[aa])(;W[bb]))(;PB[c]{1})", [61, 60]),
        ("Subject: a game (won [by me])\n\n(;PB[a]{0})", [60]),
    ],
)
def test_games_without_their_first_signs(text: str, lengths: list[int]) -> None:
    assert [len(game.moves) for game in games(text.format(line(0), line(1)))] == lengths


SHAPES = {
    "games (;)": "(;)",
    "nested (;": "(;",
    "games in games": "(;GM[1]",
    "open [": "(;C[",
    "properties in values": "C[(;A[a]",
    "games in values": "C[\n(;GM[1]",
    "moves in values": "C[;B[aa]",
    "brackets in values": "C[[]",
    "values in values": "C[ [ ]",
    "strays": "C[a] b]",
    "closed": ")",
    "smileys": "C[:] )",
    "trees without nodes": "(A[a]",
    "trees in junk": ")(A[",
    "spaces": "( ",
    "escapes": "C[\\]",
    "GBK": "C[\x81[]",
    "shifts": "C[\x1b$B]\n",
    "letters": "A",
    "encodings": "(;CA[GBK]C[\x81]])",
}


COUNT = """
import json, sys
import numpy as np
from hayago.records import sgf_scanner as scanner

class Counting:
    def __init__(self, data):
        self.data, self.reads = data, [0]
    def __len__(self):
        return len(self.data)
    def __getitem__(self, i):
        if isinstance(i, slice):
            part = Counting(self.data[i])
            part.reads = self.reads
            return part
        self.reads[0] += 1
        return self.data[i]

def reads(data):
    counting, start = Counting(data), 0
    codes, header = np.empty(len(data) + 400, np.uint16), np.empty(len(data) + 100, np.uint8)
    while start >= 0:
        start = scanner.scan(counting, start, codes, header, np.empty((0, 3), np.int64), scanner.DOUBLE).following
    return counting.reads[0]

shapes = json.load(sys.stdin)
print(json.dumps({name: [reads(shape.encode("latin-1") * n) for n in (100, 400)] for name, shape in shapes.items()}))
"""


def test_time_grows_with_the_size() -> None:
    # The bytes that the scanner looks at are counted, in its functions as they are written; time is the machine's.
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    counted = subprocess.run(
        [sys.executable, "-c", COUNT],
        input=json.dumps(SHAPES),
        text=True,
        capture_output=True,
        env=environment,
        check=True,
    )
    for name, (few, many) in json.loads(counted.stdout).items():
        assert many < 5 * few + 2000, name
        assert few < 200 * 100 * len(SHAPES[name]), name


def test_a_bad_game_is_counted_with_its_reason() -> None:
    found = list(scan_sgf(f"(;{ROOT};B[aa\n(;{ROOT};B[zz]\n(;GM[4]{line(0)})(;{ROOT}{line(1)}".encode()))
    assert [game.reason if isinstance(game, BadRecord) else game.cut for game in found] == [
        "next game",
        "point off the board",
        "another game",
        "end of file",
    ]


def test_a_rank_of_any_length_is_read_at_once() -> None:
    """The pattern searched from every blank: 10,000 of them took seconds. A test that hangs has failed."""
    for piece in (" ", "9", "九", "9 ", "d ", "p"):
        assert rank_number(piece * 1_000_000) in range(-30, 20)
    assert rank_number("9d" + " " * 1_000_000) == 9
