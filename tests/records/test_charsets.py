"""Encodings: named by CA, by a mark, or by nothing; with characters that hold a bracket or a backslash."""

import codecs

import pytest

from hayago.records.charsets import codec_named, guessed_codec
from hayago.records.sgf import GameRecord, read_comments, read_sgf, write_sgf

MOVES = ";B[hr];W[ra];B[lr];W[kn];B[lq];W[rs];B[aq];W[ok];B[eq];W[qa]"


def read(data: bytes) -> GameRecord:
    """The only game."""
    (record,) = read_sgf(data)
    return record


def with_second_bytes(codec: str, seconds: bytes) -> str:
    """Some characters of an encoding for each second byte."""
    found = []
    for second in seconds:
        characters = []
        for first in range(0x88, 0xFD):
            try:
                character = bytes((first, second)).decode(codec)
                whole = character.encode(codec) == bytes((first, second)) and len(character) == 1
            except ValueError:
                continue
            characters += [character] if whole and character.isalpha() else []
        found += characters[:12]
    return "".join(found)


# What programs write into CA, and the encoding that is meant.
NAMED = [
    *(("Shift_JIS", "cp932"), ("SJIS", "cp932"), ("x-sjis", "cp932"), ("Windows-31J", "cp932"), ("shift-jis", "cp932")),
    *(("MS932", "cp932"), ("cp932", "cp932"), ("windows-932", "cp932"), ("Big5", "big5"), ("big5-hkscs", "big5hkscs")),
    *(("BIG-5", "big5"), ("x-x-big5", "big5"), ("CP950", "cp950"), ("GBK", "gbk"), ("gb2312", "gbk"), ("936", "gbk")),
    *(("GB18030", "gb18030"), ("x-gbk", "gbk"), ("windows-936", "gbk"), ("johab", "johab"), ("x-Johab", "johab")),
    *(("UHC", "cp949"), ("ks_c_5601-1987", "cp949"), ("windows-949", "cp949"), ("EUC-KR", "euc_kr")),
    *(("EUC-JP", "euc_jp"), ("x-euc-jp", "euc_jp"), ("HZ-GB-2312", "hz"), ("ISO-2022-JP", "iso2022_jp")),
    *(("ISO-2022-KR", "iso2022_kr"), ("csISO2022JP", "iso2022_jp")),
]
TEXTS = {
    "cp932": "能力表ソ予構貼" + with_second_bytes("cp932", b"[\\]"),
    "big5": "功許蓋餐" + with_second_bytes("big5", b"[\\]"),
    "gbk": with_second_bytes("gbk", b"[\\]"),
    "johab": with_second_bytes("johab", b"[\\]"),
    "cp949": "똠방각하" + with_second_bytes("cp949", b"Zz"),
    "euc_kr": "이창호",
    "euc_jp": "能力表ソ",
    "hz": "围棋围一",
    "iso2022_jp": "棋聖戦七段能力表ソ",
    "iso2022_kr": "이창호 구단",
}
TEXTS |= {"big5hkscs": TEXTS["big5"], "cp950": TEXTS["big5"], "gb18030": TEXTS["gbk"] + "\u3447\u9fb4"}


@pytest.mark.parametrize(("name", "codec"), NAMED)
def test_text_in_the_declared_encoding(name: str, codec: str) -> None:
    for text in (TEXTS[codec], *TEXTS[codec]):
        escaped = text + "\\]\\\\"  # escapes behind a character that may end like one
        data = f"(;GM[1]CA[{name}]SZ[19]PB[{text}]PW[x{text}]BR[6d];B[hr]C[{text}];W[ra]C[{escaped}]{MOVES})"
        record = read(data.encode(codec))
        assert (record.black, record.white, record.black_rank) == (text, f"x{text}", "6d")
        assert (len(record.moves), record.cut) == (12, "")
        assert read_comments(data.encode(codec)) == {0: text, 1: text + "]\\"}


def test_ca_behind_the_names_and_of_each_game() -> None:
    sjis = f"(;PB[表]PW[ソ]CA[Shift_JIS]{MOVES})".encode("cp932")
    big5 = f"(;PB[功]CA[Big5]PW[許]{MOVES}C[功])".encode("big5")
    gbk = f"(;CA[GBK]PB[王]C[好]PW[李]{MOVES})".encode("gbk")
    utf8 = f"(;CA[UTF-8]PB[王表]PW[李]{MOVES})".encode()
    for order in ((sjis, big5, gbk, utf8), (utf8, gbk, big5, sjis), (gbk, utf8, sjis, gbk)):
        names = {sjis: "表ソ", big5: "功許", gbk: "王李", utf8: "王表李"}
        games = read_sgf(b"\n".join(order))
        assert [game.black + game.white for game in games] == [names[data] for data in order]
        assert [len(game.moves) for game in games] == [10] * 4


def test_a_false_ca() -> None:
    text = f"PB[李昌镐九段]PW[聂卫平表功]{MOVES}C[能]"
    for name in ("GBK", "gb2312", "Shift_JIS", "Big5", "UTF-8", "no such", "utf-16", "cp037", "ISO-2022-KR"):
        record = read(f"(;CA[{name}]{text})".encode())  # it is in UTF-8
        assert (record.black, record.white, len(record.moves)) == ("李昌镐九段", "聂卫平表功", 10)
    for name in ("UTF-8", "no such", "ANSI", ""):
        record = read(f"(;CA[{name}]PB[李昌镐]PW[聂卫平九段]{MOVES})".encode("gbk"))
        assert (record.black, record.white, len(record.moves)) == ("李昌镐", "聂卫平九段", 10)


NOT_CODECS = ["utf-16", "utf-32", "cp037", "punycode", "idna", "base64", "rot13", "undefined", "x" * 99]


@pytest.mark.parametrize("name", NOT_CODECS)
def test_no_encoding_of_a_file(name: str) -> None:
    assert codec_named(name.encode()) == ""


@pytest.mark.parametrize("declared", ["", "CA[UTF-16]", "CA[UTF-8]", "CA[GBK]", "CA[Shift_JIS]"])
@pytest.mark.parametrize(
    ("mark", "codec"),
    [
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
        (codecs.BOM_UTF8, "utf-8"),
        (b"", "utf-16-le"),
        (b"", "utf-16-be"),
        (b"", "utf-32-le"),
    ],
)
def test_unicode_by_its_mark(declared: str, mark: bytes, codec: str) -> None:
    text = f"(;GM[1]{declared}SZ[19]PB[李昌镐]PW[Jos\u00e9]{MOVES}C[两\\] 行])(;PB[b]{MOVES})"
    first, second = read_sgf(mark + text.encode(codec))
    assert (first.black, first.white, len(first.moves), second.black) == ("李昌镐", "Jos\u00e9", 10, "b")
    assert read_comments(mark + text.encode(codec)) == {9: "两] 行"}
    assert read(mark + f"(;PB[x]{MOVES})".encode(codec) + b"\0").black == "x"  # half a letter too many


# Players, events and results as they are written. The tables of likely characters were made without them.
UNNAMED = {
    "gb18030": "曹薰铉 九段, 刘昌赫, 崔哲瀚, 王立诚, 依田纪基, 古力 黑中盘胜, 第12届富士通杯八强战, 范廷钰, 丁浩 九段",
    "cp932": "羽根泰正, 小県真樹 八段, 黒番中押し勝, 第15期棋聖戦挑戦手合第1局, 山城宏, 片岡聡, 石田芳夫, 淡路修三",
    "euc_jp": "小県真樹 八段, 第15期棋聖戦挑戦手合第1局, 黒番中押し勝, 加藤正夫 九段",
    "cp949": "서능욱 9단, 윤준상, 안성준, 홍성지, 제12기 명인전 본선, 흑 불계승, 백 3집반승, 루이나이웨이 9단, 강승민",
    "big5hkscs": "周俊勳 九段, 林至涵, 第3屆中環杯決賽, 白中盤勝, 張栩 九段, 王立誠, 陳禧 七段",
    "iso-8859-1": "Jörg Straßer 5d, François Mühl, Balázs Németh, Vinícius, Åsa Öberg, Schöner Zug größer, Señor Nuñez",
}
CASES = [(codec, text) for codec, texts in UNNAMED.items() for text in texts.split(", ")]


@pytest.mark.parametrize(("codec", "text"), CASES)
def test_text_without_ca(codec: str, text: str) -> None:
    data = f"(;GM[1]SZ[19]PB[{text}]BR[9d]PW[x]{MOVES})".encode(codec)
    assert guessed_codec(data) == codec
    record = read(data)
    assert (record.black, record.white, record.black_rank, len(record.moves)) == (text, "x", "9d", 10)


def test_brackets_in_characters_without_ca() -> None:
    for codec, text in (("cp932", "予想表 黒番の能力"), ("big5", "成功的許多手"), ("cp932", "ソの手 能")):
        record = read(f"(;SZ[19]PB[x]{MOVES}C[{text}]{MOVES.replace('a', 'b')})".encode(codec))
        assert (len(record.moves), record.cut) == (20, "")
        assert read_comments(f"(;B[aa]C[{text}];W[bb])".encode(codec)) == {0: text}


def test_each_game_without_ca_is_guessed_by_itself() -> None:
    names = {
        "gb18030": "聂卫平 九段",
        "cp932": "武宮正樹 九段",
        "cp949": "이창호 9단",
        "utf-8": "李昌镐",
        "iso-8859-1": "M\u00fcller",
    }
    data = b"\n".join(f"(;PB[{text}]{MOVES})".encode(codec) for codec, text in names.items())
    assert [game.black for game in read_sgf(data)] == list(names.values())


def test_damaged_utf8_is_no_other_encoding() -> None:
    data = f"(;PB[焦点围棋]BR[9段]WR[9段]KM[0]{MOVES})".encode()
    record = read(data.replace("点".encode(), b"\xe7?\xb9"))  # as servers do that cut a byte
    assert (record.black_rank, record.white_rank, record.komi) == ("9段", "9段", 0.0)
    assert record.black.startswith("焦") and record.black.endswith("围棋")


def test_written_in_utf8() -> None:
    record = read(f"(;CA[Shift_JIS]PB[表]PW[ソ]{MOVES})".encode("cp932"))
    again = read(write_sgf(record))
    assert again._replace(moves=record.moves) == record


def test_blanks_of_a_text_that_is_not_in_its_encoding_are_spaces() -> None:
    # An escape of ISO-2022-JP that does not decode, with a tab inside.
    data = b"(;GM[1]CA[ISO-2022-JP]PB[\x1b$B8y5v\t8\x1b(B]PW[\x0ea\tb\x0bc];B[aa])"
    (record,) = read_sgf(data)
    for text in (record.black, record.white):
        assert not set("\t\x0b\x0c") & set(text), text
    (again,) = read_sgf(write_sgf(record))
    assert (again.black, again.white) == (record.black, record.white)
