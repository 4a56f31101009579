"""Which encoding a game's text is in: as CA says, as a mark at the beginning says, or as it most likely is.

A file in Shift_JIS or GBK has characters of two bytes of which the second looks like a bracket or a backslash. So the
encoding must be known before the brackets are counted; `sgf_scanner` is told its kind.
"""

import codecs
import re
from functools import lru_cache

from hayago.records.sgf_scanner import DOUBLE, HZ, ISO_2022, NARROW, SHIFT_JIS

# The names that programs write and Python does not know, without x-, cs and signs; windows-N and msN are cpN.
_ALIASES = {
    "gb": "gb18030",
    "gb231280": "gb2312",
    "gbk2312": "gbk",
    "cp936": "gbk",
    "cp31j": "cp932",
    "shiftjis": "shift_jis",
    "sjis": "shift_jis",
    "big5eten": "big5",
    "big5hk": "big5hkscs",
    "ksc56011987": "euc_kr",
    "ksc56011992": "johab",
    "cp1361": "johab",
    "euckr": "euc_kr",
    "eucjp": "euc_jp",
    "euccn": "gb2312",
    "utf8": "utf-8",
}
# What is called X is often its superset.
_SUPERSETS = {
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "cp950": "big5hkscs",
    "euc_kr": "cp949",
}
_KINDS = dict.fromkeys(("gb2312", "gbk", "gb18030", "big5", "big5hkscs", "cp950", "johab"), DOUBLE)
_KINDS |= dict.fromkeys(("shift_jis", "cp932", "shift_jis_2004", "shift_jisx0213"), SHIFT_JIS)
_KINDS |= {"hz": HZ}

_ASCII = b'()[];:ABCabc019 -/."'
_CODECS = {"idna", "punycode", "raw-unicode-escape", "unicode-escape", "undefined"}  # of no file, or extremely slow
_LONGEST = 40  # characters of the name of an encoding
_LONGEST_CHARACTER = 8  # bytes, with an escape before it
_WINDOW = 4096  # bytes of a root node in which CA is looked for, and of a text that is guessed
_CA = re.compile(rb"(?<![A-Za-z])CA\s*\[\s*([!-Z^-~ ]*)\]")
_FIRST_MOVE = re.compile(rb";\s*(?:B|W|AB|AW)\s*\[|\)\s*\(")


@lru_cache(1024)
def codec_named(declared: bytes) -> str:
    """Python's name of the encoding that CA names, "" if there is none that a file can have."""
    name = declared.decode("ascii", "replace").strip().lower()
    if not name or len(name) > _LONGEST:
        return ""
    plain = re.sub(r"^(?:x-)+|^cs(?=[a-z])|[^a-z0-9]", "", re.sub(r"^(?:x[-_])+", "", name))
    plain = re.sub(r"^(?:windows|ms|codepage)(?=\d)", "cp", plain)
    for known in (name, _ALIASES.get(plain, plain)):
        try:
            codec = codecs.lookup(known).name
            if codec not in _CODECS and _ASCII.decode(codec) == _ASCII.decode():  # SGF's own signs are ASCII
                return codec
        except (LookupError, ValueError):
            continue
    return ""


def kind_of(codec: str) -> int:
    """The kind of encoding that the scanner must know."""
    return ISO_2022 if codec.startswith("iso2022") else _KINDS.get(codec, NARROW)


def declared_codec(data: bytes, start: int) -> str:
    """The encoding that the CA of the root node at `start` names. The node is not parsed: that would take the
    encoding."""
    window = data[start : start + _WINDOW]
    end = _FIRST_MOVE.search(window, 2)
    found = _CA.search(window, 0, end.start() if end else len(window))
    return codec_named(found[1]) if found else ""


def without_mark(data: bytes) -> tuple[bytes, bool]:
    """The file in UTF-8 if a byte order mark, or the zeros between its letters, say that it is in Unicode; and whether
    they do."""
    for mark, codec in (
        (codecs.BOM_UTF8, ""),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
        (b"(\0\0\0", "utf-32-le"),
        (b"\0\0\0(", "utf-32-be"),
        (b"(\0", "utf-16-le"),
        (b"\0(", "utf-16-be"),
    ):
        if data.startswith(mark):
            return data.decode(codec, "replace").encode("utf-8", "replace") if codec else data, True
    return data, False


def is_plain(data: bytes) -> bool:
    """Whether a file is ASCII, and has no shifts in it to other characters. It is asked of every file, so in an order
    that is fast."""
    return data.isascii() and b"\x1b" not in data and not data.startswith((b"\0", b"(\0")) and not _has_hz(data)


def _has_hz(data: bytes) -> bool:
    return b"~" in data and b"~{" in data


def settled_codec(declared: str, text: bytes) -> str:
    """The encoding of a game's bytes.

    It is the declared one, unless they are valid UTF-8 with characters of three bytes, which no other encoding gives by
    chance. Without a declaration, or with UTF-8 declared in vain, it is guessed.
    """
    try:
        decoded = text.decode()
    except ValueError:
        return declared if declared not in ("", "utf-8") else guessed_codec(text)
    return "utf-8" if not declared or (not text.isascii() and max(decoded) >= "\u0800") else declared


def whole_characters(text: bytes, codec: str) -> bytes:
    """The beginning of a text, without the half of a character at its end that cutting it has left."""
    for end in range(len(text), max(0, len(text) - _LONGEST_CHARACTER), -1):
        try:
            text[:end].decode(codec or "utf-8")
        except (LookupError, ValueError):
            continue
        return text[:end]
    return text


def trials(declared: str, settled: str) -> tuple[str, ...]:
    """The encodings to try on each value of a game, in order."""
    if declared in ("", "utf-8") or settled == "utf-8":
        return ("utf-8", settled)
    return (settled, _SUPERSETS.get(settled, settled), "utf-8", "gb18030")


# Characters that names, ranks, results and dates are made of, by language. They need not be complete: a text has
# several, and the same bytes read in another encoding give few.
_CHINESE = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏"
    "韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严武戴孔向汤常古柯芈连党檀时越芝曙光聂卫平俞斌罗洗河"
    "力昊伟明强华文军志杰建国海波东晓春雨辉永洁廷羽睿豪艺骧瀛磊亮刚新民生云飞玉天宇佳良成立博涵毅弈柁嘉燮承俊宏大正"
    "级胜负黑中盘目半子贴围棋第届局战赛杯名人冠亚决本因坊元座十年月日网业余职一二三四五六七八九初对执先让快慢小分秒"
    "北京上海韩本南浙苏广州杭成都重庆世界友谊联甲乙定式布官死活和无数的手这不是在了好"
)
_TRADITIONAL = (
    "王李張劉陳楊黃趙吳周徐孫馬朱胡郭何高林羅鄭梁謝宋唐許韓馮鄧曹彭曾蕭田董袁潘蔣蔡余杜葉程蘇魏呂丁任沈姚盧姜崔鍾譚陸汪范金石"
    "段級勝負黑白中盤目半子貼圍棋第屆局戰賽盃杯名人冠亞軍決本因坊天元座十年月日網業餘職一二三四五六七八九初對執先讓"
    "俊勳志強偉明華文建國海東曉春雨光輝永潔正平立大小民生玉雲飛宏毅嘉家豪雄聖臺台灣北上中環球海峰的手這不是在了好"
)
_JAPANESE = (
    "段級勝負黒白中盤目半戦第期局本因坊名人棋聖天元王座十碁杯盃年月日一二三四五六七八九初先互二対記念手合大会決定業"
    "井山田小林高橋佐藤石趙治勲武宮正樹加木谷羽直大竹英雄依紀基張栩結城聡河野臨蘇耀国村秀芮迺偉上柳時熏許家元力"
    "中村川原藤沢朋斎秀行坂栄男吉橋和今清源孝岩宗真一虎丸光郎子美の伊島関瑞本公昌次平仁志裕太道成"
)
_KOREAN = (
    "이김박최정강조윤장임한오서신권황안송류전홍고문양손배백허유남심노하곽성차주우구민진지엄채원천방공현함변염여추도소석선설마길"
    "연위표명기반왕금옥육인맹제모탁국은창호훈세돌동철영환준재수상형규승태경종혁용일병광희관균박정목용택덕중"
    "단급흑불계집덤전년월결본대회시간초아마프로생사바둑연구리그배컵삼구팔칠육오사의가나다라는을를에도"
)
_KANA = "ぁ-んァ-ヶー"
_LIKELY = {
    "gb18030": (_CHINESE, "", "\u4e00-\u9fff"),
    "cp932": (_JAPANESE, _KANA, "\u4e00-\u9fff"),
    "cp949": (_KOREAN, "", "가-힣"),
    "big5hkscs": (_TRADITIONAL, "", "\u4e00-\u9fff"),
    "euc_jp": (_JAPANESE, _KANA, "\u4e00-\u9fff"),
}
# First-level characters are those that a writer's system offers first: ranges of their first byte.
_COMMON = {codec: re.compile(f"[{common}{kana}]") for codec, (common, kana, _) in _LIKELY.items()}
_USUAL = {codec: re.compile(f"[{usual}]") for codec, (_, _, usual) in _LIKELY.items()}
_FIRST_LEVEL = {
    "gb18030": range(0xB0, 0xD8),
    "cp932": range(0x88, 0x99),
    "cp949": range(0xB0, 0xC9),
    "big5hkscs": range(0xA4, 0xC7),
    "euc_jp": range(0xB0, 0xD0),
}
_HIGH = re.compile(rb"[\x80-\xff]")
_LETTER = re.compile(rb"(?<![\x80-\xff])[\xc0-\xd6\xd8-\xf6\xf8-\xff](?![\x80-\xff])")


def guessed_codec(text: bytes) -> str:
    """The most likely encoding of text that is not UTF-8: an East Asian one if it gives characters that are common in
    game records, else ISO-8859-1, SGF's default."""
    first = _HIGH.search(text)
    sample = text[first.start() :][:_WINDOW] if first else b""
    if is_damaged_utf8(sample):
        return "utf-8"
    high = sum(byte >= 0x80 for byte in sample)
    best, best_score = "iso-8859-1", max(0.3, len(_LETTER.findall(sample)) / max(high, 1))
    for codec in _LIKELY:
        score = _likelihood(sample, codec)
        if score > best_score:
            best, best_score = codec, score
    return best


def is_damaged_utf8(text: bytes) -> bool:
    """Whether most characters beyond ASCII are whole in UTF-8."""
    decoded = text.decode(errors="replace")
    damaged = decoded.count("\ufffd")
    return sum(character > "\x7f" for character in decoded) > 2 * damaged > 0


def _likelihood(sample: bytes, codec: str) -> float:
    """How likely it is, from below 0 to 1, that bytes are text in this encoding."""
    decoded = codecs.getincrementaldecoder(codec)("replace").decode(sample)  # the end may be half a character
    characters = [character for character in decoded if character > "\x7f"]
    return sum(_weight(character, codec) for character in characters) / max(len(characters), 1)


@lru_cache(65536)
def _weight(character: str, codec: str) -> float:
    if character == "\ufffd":
        return -2.0
    if _COMMON[codec].match(character):
        return 1.0
    if _USUAL[codec].match(character):
        return 0.4 if character.encode(codec)[0] in _FIRST_LEVEL[codec] else 0.1
    return 0.3 if "\u3000" <= character <= "\u303f" or "\uff01" <= character <= "\uff5e" else 0.0
