"""The SGF reader: beside sgfmill, on what real archives contain, and on hostile bytes."""

import re
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sgfmill import sgf

from hayago.records.archives import iter_files
from hayago.records.games import WHITE_BIT
from hayago.records.sgf import MOST_CHARACTERS, BadRecord, GameRecord, read_comments, read_sgf, scan_sgf, write_sgf
from hayago.records.sgf_values import normal_date, normal_komi, rank_number
from hayago.rules.coordinates import BLACK, WHITE
from readers import differences


def read(text: str | bytes) -> GameRecord:
    """The only game of a text."""
    (record,) = read_sgf(text if isinstance(text, bytes) else text.encode(), "test")
    return record


def moves(text: str | bytes) -> str:
    """The main line of a 19x19 game, as in `B:dd W:pass`."""
    return " ".join(("W:" if code & WHITE_BIT else "B:") + name(code & 0x1FF) for code in read(text).moves.tolist())


def name(point: int) -> str:
    """A 19x19 point in SGF's letters."""
    return "pass" if point == 361 else chr(97 + point % 19) + chr(97 + point // 19)


def test_a_whole_record() -> None:
    record = read(
        "(;GM[1]FF[4]CA[UTF-8]SZ[19]KM[0.50]HA[2]RU[Japanese]PB[Black]PW[White]BR[7d]WR[9d?]DT[2019-03-02,03]"
        "RE[B+Resign]EV[A cup]AB[pd][dp];W[dd];B[aa];W[];B[tt])"
    )
    assert (record.size, record.komi, record.handicap, record.rules) == (19, 0.5, 2, "Japanese")
    assert (record.black, record.white, record.black_rank, record.white_rank) == ("Black", "White", "7d", "9d?")
    assert (record.date, record.result, record.event) == ("2019-03-02", "B+Resign", "A cup")
    assert (record.setup_black, record.setup_white) == ((3 * 19 + 15, 15 * 19 + 3), ())
    assert record.moves.tolist() == [(3 * 19 + 3) | WHITE_BIT, 0, 361 | WHITE_BIT, 361]
    assert record.moves.dtype == np.uint16
    assert (record.to_play, record.source, record.cut) == (WHITE, "test", "")


def test_nothing_said() -> None:
    record = read("(;)")
    assert (record.size, record.komi, record.handicap, record.date, record.to_play) == (19, None, 0, "", BLACK)
    assert len(record.moves) == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(;B[aa];W[bb](;B[cc](;W[dd])(;W[ee]))(;B[ff]))", "B:aa W:bb B:cc W:dd"),
        ("(;B[aa]C[a \\] (;W[zz\\\\];W[bb])", "B:aa W:bb"),
        ("junk (; B [aa]\n;\n;W\t[ bb\n]) junk", "B:aa W:bb"),
        ("(;FF[3]Black[aa];White[bb];BlacK[cc])", "B:aa W:bb"),
        ("(;B[aa]BL[12];W[bb]OW[1]C[x];B[cc]N[y])", "B:aa W:bb B:cc"),
        ("(;B[aa];W[bb];B[cc]", "B:aa W:bb B:cc"),  # cut short
        ("(;B[aa];W[bb];B[c", "B:aa W:bb"),
        ("(;B[aa];W[bb];B", "B:aa W:bb"),
        (";B[aa];W[bb])", "B:aa W:bb"),  # no beginning
        ("SZ[19]PB[x];B[aa];W[bb]", "B:aa W:bb"),
        ("\ufeff(;B[aa])", "B:aa"),
        ("\ufeff;B[aa]", "B:aa"),
        ("(;W[bb]B[aa])", "B:aa"),  # both in one node: as sgfmill
        ("(;B[aa]B[bb])", "B:aa"),
        ("(;B[aa];AB[cc];W[bb])", "B:aa"),  # set-up in the course of the game
        ("(;B[aa];AB[];W[bb])", "B:aa W:bb"),
        ("(;W[tt];B[])", "W:pass B:pass"),
        ("(;B[aa]1;W[bb])", "B:aa W:bb"),
    ],
)
def test_main_line(text: str, expected: str) -> None:
    assert moves(text) == expected


def test_the_player_to_move() -> None:
    for text in (
        "(;AB[pd]PL[W])",
        "(;GM[1];AB[pd][dp]AW[dd]PL[W])",
        "(;GM[1]PL[B];AB[pd];PL[white];C[White to play])",
        "(;PL[W];AB[pd];W[dd]PL[B])",
        "(;AB[aa:ab]AW[bb];C[x];PL[2])",
    ):
        assert read(text).to_play == WHITE
    assert read("(;AB[pd][dp]HA[2];PL[B])").to_play == BLACK
    assert read("(;B[aa];AW[bb]PL[W])").to_play == BLACK  # the record ends before it


def test_other_games() -> None:
    for number in (2, 3, 4, 11, 17):
        for text in (f"(;GM[{number}]SZ[19];B[dd])", f"(;FF[4]SZ[19]PB[x]GM[ {number} ])"):
            with pytest.raises(BadRecord, match=rf"another game: GM\[ ?{number} ?\]"):
                read(text)
    for text in ("(;GM[1])", "(;GM[])", "(;GM[Go])", "(;MULTIGOGM[4]GM[1])", "(;GM[1];GM[4])"):
        assert read(text).size == 19
    found = list(scan_sgf(b"(;GM[4])(;GM[1];B[aa])(;GM[2]SZ[8])"))
    assert [getattr(game, "reason", "read") for game in found] == ["another game", "read", "another game"]


def test_cuts() -> None:
    assert read("(;B[aa];W[bb])").cut == ""
    assert read("(;B[aa];W[bb](;B[cc])(;").cut == "end of file"  # the main line is whole, but not the game
    assert read("(;B[aa];W[bb]").cut == "end of file"
    assert read("(;B[aa];AW[dd];W[bb])").cut == "set-up stones"


def test_setup() -> None:
    record = read("(;SZ[5]AB[aa:cb][ee]AW[ed];AE[ba]AW[bb];PL[W];B[dd];W[de])")
    assert record.setup_black == (0, 2, 5, 7, 24)
    assert record.setup_white == (6, 19)
    assert record.setup.tolist() == [0, 2, 5, 6 | WHITE_BIT, 7, 19 | WHITE_BIT, 24]
    assert record.to_play == BLACK
    assert read("(;AB[aa]SZ[5])").setup_black == (0,)  # the size may come behind
    assert read("(;PL[W]AB[aa])").to_play == WHITE
    assert read("(;HA[2]AB[aa][bb])").to_play == WHITE


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty file"),
        ("no game here", "not SGF"),
        ("../games/2012-03-15-a.sgf", "not SGF"),
        (bytes(range(256)) * 9, "not SGF"),
        ("(;SZ[0];B[aa])", "board size"),
        ("(;SZ[19:13];B[aa])", "board size"),
        ("(;SZ[20];B[aa])", "board size"),
        ("(;SZ[99999999999999999999])", "board size"),
        ("(;SZ[x])", "board size"),
        ("(;SZ[1\x1d9])", "board size"),
        ("(;SZ[\u2028])", "board size"),
        ("(;SZ[9];B[aj])", "point off the board"),
        ("(;B[zz])", "point off the board"),
        ("(;B[a])", "point off the board"),
        ("(;B[AA])", "point off the board"),
        ("(;AB[tt];W[aa])", "point off the board"),
        ("(;AB[aa:ut])", "point off the board"),
    ],
)
def test_refused(text: str | bytes, reason: str) -> None:
    with pytest.raises(BadRecord) as caught:
        read(text)
    assert caught.value.reason == reason
    assert str(caught.value).startswith(f"test: {reason}")
    assert len(str(caught.value).splitlines()) == 1


def test_square_size_written_twice() -> None:
    assert read("(;SZ[13:13])").size == 13


def test_many_games() -> None:
    data = b"(;B[aa])\n(;SZ[9];B[zz])(;SZ[0])x(;W[bb](;B[cc]))"
    found = list(scan_sgf(data, "f"))
    assert [type(game).__name__ for game in found] == ["GameRecord", "BadRecord", "BadRecord", "GameRecord"]
    assert [game.source for game in found] == ["f#1", "f#2", "f#3", "f#4"]
    with pytest.raises(BadRecord, match="f#2: point off the board: 'zz' after move 0"):
        read_sgf(data, "f")


def test_hostile() -> None:
    deep = 100_000
    assert moves("(;B[aa]" + "(;W[bb]" * deep + ")" * deep).startswith("B:aa W:bb W:bb")
    assert len(read("(;B[aa]" * deep).moves) == deep
    assert moves("(;B[aa]" + "(" * deep) == "B:aa"
    assert moves(")" * deep + "(;B[aa])") == "B:aa"
    assert read("(;C[" + "\\]" * deep + "]B[cc])").moves.tolist() == [40]
    assert read("(;PB[" + "x" * deep + "])").black == "x" * MOST_CHARACTERS
    assert read("(;" + "AB[aa:ss]" * 1000 + ")").setup_black == tuple(range(361))
    assert read("(;KM[" + "9" * 5000 + "]HA[" + "9" * 5000 + "])").komi is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("(;CA[UTF-8]PB[棋]".encode(), "棋"),
        ("(;PB[棋]".encode(), "棋"),
        ("(;CA[gb2312]PB[棋]".encode("gbk"), "棋"),
        ("(;CA[UTF-8]PB[围棋]".encode("gbk"), "围棋"),  # GBK that claims to be UTF-8
        ("(;CA[Shift_JIS]PB[棋聖]".encode("shift-jis"), "棋聖"),
        ("(;CA[no such]PB[棋]".encode(), "棋"),
        ("(;CA[base64]PB[棋]".encode(), "棋"),
        ("(;PB[Müller]".encode("latin-1"), "Müller"),
        (b"(;CA[UTF-8]PB[\xff\xff]", "ÿÿ"),
        (b"(;CA[\xff\x00]PB[x]", "x"),
        (b"(;PB[a\\]b\\\\c\\\nd\ne\tf]", "a]b\\cd e f"),
    ],
)
def test_text(data: bytes, expected: str) -> None:
    assert read(data).black == expected


@pytest.mark.parametrize(
    ("written", "komi"),
    [
        ("6.5", 6.5),
        ("650", 6.5),
        ("750", 7.5),
        ("375", 7.5),
        ("3.75", 7.5),
        ("325", 6.5),
        ("0", 0.0),
        ("-5.50", -5.5),
        ("5,5", 5.5),
        ("x", None),
        ("nan", None),
        ("inf", None),
        ("", None),
    ],
)
def test_komi(written: str, komi: float | None) -> None:
    assert read(f"(;KM[{written}])").komi == komi


@pytest.mark.parametrize(
    ("root", "komi"),
    [
        ("KM[50]AP[foxwq]", 0.5),
        ("AP[GNU Go:3.8]KM[50]AP[foxwq]RL[0]", 0.5),  # as Fox writes it
        ("AP[foxwq]KM[0]", 0.0),
        ("AP[foxwq]KM[375]", 7.5),
        ("AP[foxwq]KM[350]", 7.0),
        ("AP[foxwq]KM[650]", 6.5),
        ("AP[foxwq]KM[750]", 7.5),
        ("AP[foxwq]KM[-50]", -0.5),
        ("AP[foxwq]KM[7.5]", 7.5),
        ("AP[SGFC:2.0]KM[275]", 5.5),
        ("AP[Tygem]KM[65]", 6.5),
        ("AP[CGoban:3]KM[50]", 50.0),
        ("KM[50]", 50.0),
    ],
)
def test_komi_of_servers(root: str, komi: float) -> None:
    assert read(f"(;GM[1]SZ[19]{root}HA[0])").komi == komi


def test_normal_komi_keeps_what_is_normal() -> None:
    assert [normal_komi(half / 2) for half in range(-100, 100)] == [half / 2 for half in range(-100, 100)]


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("2019-03-02", "2019-03-02"),
        ("1996-05-06,07,08", "1996-05-06"),
        ("2017.08.09 15:48", "2017-08-09"),
        ("2017年8月9日", "2017-08-09"),
        ("2019-3", "2019-03"),
        ("1980-1982", "1980"),
        ("ca. 1780", "1780"),
        ("2001-13-01", "2001"),
        ("2001-12-99", "2001-12"),
        ("13-02-2001", "2001"),
        ("?", ""),
        ("", ""),
    ],
)
def test_dates(written: str, date: str) -> None:
    assert normal_date(written) == date
    assert read(f"(;DT[{written}])").date == date


def test_ranks() -> None:
    written = ["30k", "2 kyu", "18级", "1k", "1d", "7d?", "9段", "9 Dan", "7d ama", "1p", "P3段", "P9", "9p, Meijin"]
    assert [rank_number(rank) for rank in written] == [-30, -2, -18, -1, 1, 7, 9, 9, 7, 11, 13, 19, 19]
    assert rank_number("Honorary Meijin") == 19
    assert [rank_number(title) for title in ("名人", "十段", "本因坊", "국수")] == [19] * 4


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("九段", 9), ("初段", 1), ("五 段", 5), ("\uff19段", 9), ("P八段", 18), ("P\uff19段", 19), ("职业九段", 19),
        ("職業初段", 11), ("プロ九段", 19), ("프로 9단", 19), ("구단", 9), ("초단", 1), ("육 단", 6), ("9 dan pro", 19),
        ("Pro 3 dan", 13), ("九段(P)", 19), ("业余五段", 5), ("业5段", 5), ("アマ六段", 6), ("一级", -1), ("十级", -10),
        ("十八级", -18), ("二十五級", -25), ("삼급", -3), ("12급", -12), ("provisional 3k", -3), ("段", 0),
        ("十二段", 0),
    ],
)  # fmt: skip
def test_ranks_in_numerals(written: str, number: int) -> None:
    assert rank_number(written) == number
    assert [rank_number(rank) for rank in ("", "?", "insei", "12d", "99k", "d")] == [0] * 6


def test_written_and_read_again(demo_games: Path) -> None:
    own = read("(;SZ[9]KM[5.5]HA[2]PB[围\\]棋\\\\]PW[w]BR[1d]RE[B+1]DT[2020-01-02]AB[cc][gg]AW[aa];W[];B[ee])")
    for record in (own, *read_sgf(demo_games.read_bytes())[:3]):
        (again,) = read_sgf(write_sgf(record), record.source)
        assert again.moves.tolist() == record.moves.tolist()
        assert again._replace(moves=record.moves) == record


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(;C[root];B[aa]C[one];W[bb];B[cc]C[three])", {-1: "root", 0: "one", 2: "three"}),
        ("(;B[aa]C[a](;W[bb]C[b])(;W[cc]C[c]))", {0: "a", 1: "b"}),  # a variation's are left out
        ("(;B[aa];C[of the move before];C[again])", {0: "of the move before\n\nagain"}),
        ("(;B[aa]C[a \\] b \\\\ c];W[bb])", {0: "a ] b \\ c"}),
        ("(;B[aa]C[two\r\nlines, one \\\nbroken\tby a tab])", {0: "two\nlines, one broken by a tab"}),
        ("(;FF[3]Black[aa]Comment[x];White[bb]C[y])", {0: "x", 1: "y"}),
        ("(;B[aa]C[1]C[2])", {0: "1"}),
        ("(;B[aa]C[])", {}),
        ("(;B[aa];W[bb]C[ends here];AB[cc]C[set-up];B[dd]C[no more])", {1: "ends here"}),
        ("(;B[aa]C[x];W[bb]C[no end", {0: "x"}),
        ("junk (;B[aa]C[(;B[bb\\])])", {0: "(;B[bb])"}),
        ("no game", {}),
        ("", {}),
    ],
)
def test_comments(text: str, expected: dict[int, str]) -> None:
    assert read_comments(text.encode()) == expected


def test_comments_are_written_and_read_back() -> None:
    record = read("(;B[aa];W[bb];B[];W[cc])")
    comments = {-1: "root", 0: "a [bracket] and \\ a backslash\nsecond line", 3: "ΔΩ"}
    assert read_comments(write_sgf(record, comments)) == comments


def test_comments_in_other_encodings() -> None:
    assert read_comments("(;CA[gb18030];B[aa]C[围棋])".encode("gb18030")) == {0: "围棋"}
    for name in ("punycode", "-PunyCode!", "unicode escape", "no\0such", "\\]"):  # no encoding of any file
        assert read_comments(f"(;CA[{name}];B[aa]C[围棋])".encode()) == {0: "围棋"}
    assert read_comments(b"(;CA[utf-7];B[aa]C[+2AA-])") == {0: "?"}  # half a character


def test_comments_agree_with_sgfmill_on_real_files(shared: Path) -> None:
    seen = 0
    for file in iter_files([shared / "quirks.tar.xz"]):
        try:
            nodes = sgf.Sgf_game.from_bytes(file[1]).get_main_sequence()
            moves = [node.get_move()[0] for node in nodes]
            texts = [node.get("C") if node.has_property("C") else "" for node in nodes]
        except (ValueError, LookupError):
            continue
        if isinstance(next(scan_sgf(file[1])), BadRecord) or not all(map(str.isascii, texts)):
            continue
        expected: dict[int, list[str]] = {}
        for n, text in enumerate(texts):
            if text:
                expected.setdefault(sum(map(bool, moves[: n + 1])) - 1, []).append(text)
        assert read_comments(file[1]) == {index: "\n\n".join(some) for index, some in expected.items()}
        seen += bool(expected)
    assert seen > 20


@pytest.mark.slow  # the demo games and the token soup are the fast ones
def test_agrees_with_sgfmill_on_real_files(shared: Path) -> None:
    files = list(iter_files([shared / "quirks.tar.xz"]))
    files += islice(iter_files([shared / "kgs-6d.tar.xz"]), 0, 6000, 20)
    files += islice(iter_files([shared / "pro.tar.xz"]), 0, 8000, 20)
    wrong = []
    unread = []
    for source, data in files:
        ours, _, found = differences(data)
        wrong += [f"{source}: {line}" for line in found]
        unread += [] if ours else [source]
    assert not wrong, wrong[:5]
    assert len(unread) <= 8, unread  # they hold only the path of another file


def test_agrees_with_sgfmill_on_the_demo_games(demo_games: Path) -> None:
    assert differences(demo_games.read_bytes()) == (True, True, [])


TOKENS = st.sampled_from(
    [
        "(",
        ")",
        ";",
        "(;",
        ";B[aa]",
        ";W[bb]",
        ";\nB[cd]\n",
        "B[]",
        "W[tt]",
        "B[ee]",
        "W[dd]B[ad]",
        " ",
        "\n",
        "x",
        "AB[aa:bb]",
        "AW[cc][dd]",
        "AE[aa]",
        "AE[]",
        "AB[]",
        "SZ[5]",
        "SZ[9]",
        "Black[ab]",
        "AddWhite[ee]",
        "C[;(B[aa\\]]",
        "HA[2]",
        "KM[5.5]",
        "KM[375]",
        "PB[a\\]\\\\b]",
        "PW[\\\nx\ty]",
        "PB[",
        "]",
        "\\",
        "CA[UTF-8]",
        "ABC[x]",
        "B",
        "é",
    ]
)


ROOT = r"(?:SZ|CA|KM|HA|PB|PW)\s*\["
VALUE = re.compile(r"\[(?:\\.|[^\]\\])*\]", re.DOTALL)


def is_repaired(text: str) -> bool:
    """Whether hayago mends a text that sgfmill reads as it stands. No legal file is such a text.

    sgfmill skips what is before a `(;`, although it may be a game without its parenthesis. It reads a root
    node in a tree as a variation, `(B[aa]` not at all, and a value without its bracket up to the next one.
    """
    if re.match(r"[\s\ufeff]*;?\s*[A-Z]+\s*\[", text) or re.search(r"\(\s*[A-Z]+\s*\[", text):
        return True
    if any(re.search(r"[;(]\s*[A-Za-z]+\s*\[", value[0][1:]) for value in VALUE.finditer(text)):
        return True
    depth = 0
    for token in re.finditer(rf"\(\s*;[^;()]*{ROOT}|;\s*{ROOT}|[()]", VALUE.sub("[]", text)):
        if token[0] == ")":
            depth = max(depth - 1, 0)
        elif len(token[0]) > 1 and (token[0][0] == ";") == (depth == 0):
            return True
        else:
            depth += token[0][0] == "("
    return False


@settings(max_examples=500, deadline=None)
@given(st.lists(TOKENS, max_size=25).map("".join))
@example("(;;B[aa])(;W[bb])")
def test_agrees_with_sgfmill_on_token_soup(text: str) -> None:
    for whole in (text, f"(;{text}"):
        assert is_repaired(whole) or differences(whole.encode())[2] == []


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | st.text(alphabet="(;)[]\\BWAESZab:0 ", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for game in scan_sgf(data):
        assert isinstance(game, GameRecord | BadRecord)
    for game in scan_sgf(b"(;CA[" + data + b"]PB[" + data):
        assert isinstance(game, GameRecord | BadRecord)


def test_texts_have_a_bound() -> None:
    for letter, codec in (
        *((b"x", "utf-8"), ("é".encode("latin-1"), "iso-8859-1"), ("段".encode(), "utf-8"), ("😀".encode(), "utf-8")),
        *(("段".encode("gb18030"), "gb18030"), ("段".encode("cp932"), "shift_jis"), ("단".encode("cp949"), "euc-kr")),
        *((rb"\]", "utf-8"), (b"x\n", "utf-8"), ("段".encode("iso2022_jp"), "iso-2022-jp")),
    ):
        short, long = (
            read_sgf(b"".join((b"(;CA[", codec.encode(), b"]PB[", letter * count, b"]PW[w];B[aa])")))[0]
            for count in (500, 50_001)
        )
        assert long.black == short.black[:MOST_CHARACTERS] or codec == "iso-2022-jp"
        assert 400 <= len(long.black) <= MOST_CHARACTERS and set(long.black) <= set(short.black)
        assert (long.white, len(long.moves)) == ("w", 1)
        for odd in range(1, 5):  # the cut falls anywhere in a character
            value = b"x" * odd + letter * 9999
            (game,) = read_sgf(b"".join((b"(;CA[", codec.encode(), b"]PB[", value, b"];B[aa])")))
            assert set(game.black) <= {"x", *short.black}


@pytest.mark.parametrize("name", ["PB", "PW", "BR", "WR", "DT", "RE", "EV", "RU", "KM", "HA", "AP", "PL", "CA"])
def test_every_text_of_a_root_node_has_the_bound(name: str) -> None:
    for letter in (b"x", b"\xe6\xae\xb5"):
        (game,) = read_sgf(b"(;%b[%b];B[aa])" % (name.encode(), letter * 5000))
        assert all(len(value) <= MOST_CHARACTERS for value in game if isinstance(value, str))
