"""Archives that an attacker made, or a fault: no traceback, no endless loop, no more memory than they deserve."""

import bz2
import gzip
import io
import lzma
import struct
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from hayago.cli import main
from hayago.errors import HayagoError
from hayago.records.archives import iter_files
from hayago.records.store import read_store

GAME = b"(;B[aa])"


def tar_of(*members: tuple[bytes, tarfile.TarInfo | bytes]) -> bytes:
    """A tar of (name, content) pairs, or of (content, header) ones where the header is given."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT, encoding="utf-8") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name.decode("utf-8", "surrogateescape"))
            assert isinstance(content, bytes)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def header(name: bytes, size: int, kind: bytes = b"0") -> bytes:
    """The header of a tar's member, with any size."""
    number = (
        b"\x80" + b"\0" * 3 + size.to_bytes(8, "big") if size >= 0 else b"\xff" * 4 + (2**64 + size).to_bytes(8, "big")
    )
    block = bytearray(name.ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + number + b"00000000000\0")
    block += b" " * 8 + kind + b"\0" * 100 + b"ustar  \0"
    block = block.ljust(512, b"\0")
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def pax(**values: str) -> bytes:
    """An extended header with these values."""
    records = b""
    for key, value in values.items():
        line = f" {key.replace('_', '.')}={value}\n".encode()
        length = next(n for n in range(len(line), len(line) + 9) if n == len(line) + len(str(n)))
        records += str(length).encode() + line
    return header(b"pax", len(records), b"x") + records.ljust(512 * (-(-len(records) // 512)), b"\0")


END = bytes(1024)
GOOD = header(b"good.sgf", len(GAME)) + GAME.ljust(512, b"\0")

TARS: dict[str, bytes] = {
    "an offset beyond 64 bits": GOOD + header(b"a.txt", 2**63 - 1) + END,
    "a size of 2 ** 62": GOOD + header(b"a.sgf", 2**62) + END,
    "a negative size": GOOD + header(b"a.sgf", -1024) + END,
    "a negative size at the beginning": header(b"a.sgf", -512) + END,
    "a long name that never ends": GOOD + header(b"name", 2**40, b"L") + END,
    "long names of long names": header(b"name", 512, b"L") * 3000 + END,
    "a pax size that is negative": pax(size="-512") + GOOD + END,
    "a pax size that is no number": pax(size="x") + GOOD + END,
    "a pax size of many digits": pax(size="9" * 5000) + GOOD + END,
    "sparse in no known way": pax(GNU_sparse_major="1", GNU_sparse_minor="0") + GOOD + END,
    "sparse and negative": pax(GNU_sparse_size="-5", GNU_sparse_map="0,-5,7,8") + GOOD + END,
    "sparse and huge": pax(GNU_sparse_size="4" * 15, GNU_sparse_map="0,1") + GOOD + END,
    "a pax record of length 0": header(b"p", 512, b"x") + b"0 a=b\n".ljust(512, b"\0") + GOOD + END,
    "a pax record of length 9 ** 99": header(b"p", 512, b"x") + (b"9" * 99 + b" a=b\n").ljust(512, b"\0") + GOOD + END,
    "a hundred kinds": b"".join(header(b"x.sgf", 0, bytes([n])) for n in range(1, 128)) + END,
    "a link to itself": header(b"x.sgf", 0, b"1") + END,
    "random bytes": bytes(range(256)) * 40,
    "nothing": b"",
}


def reads(path: Path) -> list[bytes] | str:
    """The games, or the one line that refuses the archive."""
    try:
        return [data for _, data in iter_files([path])]
    except HayagoError as error:
        assert len(str(error).splitlines()) == 1 and path.name in str(error)
        return str(error)


@pytest.mark.parametrize("name", TARS)
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_hostile_tars(name: str, pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(pack(TARS[name]))
    found = reads(tmp_path / "x.tar")
    assert isinstance(found, str) or set(found) <= {GAME, b"", bytes(8)}


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz"])
def test_a_header_cannot_fill_the_memory(suffix: str, tmp_path: Path) -> None:
    """tarfile reads the whole of a long name. Compressed, 64 MB of it are little."""
    path = tmp_path / f"x.tar.{suffix}"
    opened = {"gz": gzip.open, "bz2": bz2.open, "xz": lzma.open}[suffix]
    with opened(path, "wb") as file:
        file.write(header(b"name", 64 << 20, b"L"))
        for _ in range(16):
            file.write(bytes(4 << 20))
    tracemalloc.start()
    try:
        assert "expands more than 200 times" in str(reads(path))
        assert tracemalloc.get_traced_memory()[1] < 40 << 20
    finally:
        tracemalloc.stop()


def zip_of(folder: Path, *names: str, method: int = zipfile.ZIP_DEFLATED) -> bytearray:
    """The bytes of a zip archive of games."""
    with zipfile.ZipFile(folder / "made.zip", "w", method) as archive:
        for name in names:
            archive.writestr(name, GAME * 50)
    return bytearray((folder / "made.zip").read_bytes())


def listed(data: bytearray, at: int, value: bytes, number: int = 0) -> bytearray:
    """The archive with other bytes at a place of a member's entry in the list at the end."""
    place = -1
    for _ in range(number + 1):
        place = data.index(b"PK\1\2", place + 1)
    data[place + at : place + at + len(value)] = value
    return data


ZIPS: dict[str, tuple[Callable[[bytearray], bytearray], int | str]] = {
    "encrypted": (lambda d: listed(d, 8, b"\x01"), 1),
    "strongly encrypted": (lambda d: listed(d, 8, b"\x41"), 1),
    "deflate64": (lambda d: listed(d, 10, b"\x09\0"), 1),
    "zstd": (lambda d: listed(d, 10, b"\x5d\0"), 1),
    "method 65535": (lambda d: listed(d, 10, b"\xff\xff"), 1),
    "patched data": (lambda d: listed(d, 8, b"\x20"), "damaged"),
    "smaller than it is": (lambda d: listed(d, 24, struct.pack("<L", 3)), "damaged"),
    "larger than it is": (lambda d: listed(d, 24, struct.pack("<L", 4000)), "2"),
    "65 MiB": (lambda d: listed(d, 24, struct.pack("<L", 65 << 20)), 1),
    "4 GiB": (lambda d: listed(d, 24, struct.pack("<L", 2**32 - 2)), 1),
    "it begins behind the end": (lambda d: listed(d, 42, struct.pack("<L", 2**31)), "damaged"),
    "it begins in another": (lambda d: listed(d, 42, struct.pack("<L", 5)), "damaged"),
    "a name longer than the list": (lambda d: listed(d, 28, b"\xff\xff"), "no .sgf file in this archive"),
    "a wrong sum": (lambda d: listed(d, 16, b"\0\0\0\0"), "damaged"),
    "zip64 without its numbers": (lambda d: listed(d, 20, b"\xff" * 8), 1),
    "a version of the future": (lambda d: listed(d, 6, b"\xff\0"), "damaged"),
    "a list that begins before the file": (lambda d: d[:-6] + struct.pack("<L", 2**32 - 1)[:4] + d[-2:], "damaged"),
    "a disk of many": (lambda d: d[:-18] + b"\7\0\7\0" + d[-14:], "damaged|2"),
}


@pytest.mark.parametrize("name", ZIPS)
def test_hostile_zips(name: str, tmp_path: Path) -> None:
    """A member that cannot be read is counted; an archive that contradicts itself is damaged."""
    change, expected = ZIPS[name]
    (tmp_path / "x.zip").write_bytes(change(zip_of(tmp_path, "one.sgf", "two.sgf")))
    skipped: list[str] = []
    try:
        found: int | str = len(list(iter_files([tmp_path / "x.zip"], lambda _, reason: skipped.append(reason))))
    except HayagoError as error:
        found = str(error)
        assert len(found.splitlines()) == 1
    if isinstance(expected, int):
        assert (found, len(skipped)) == (expected, 1)
    elif isinstance(found, str):
        assert "damaged" in found or found.endswith(expected)
    else:
        assert len(skipped) + found == 2 and any(word in str((found, skipped)) for word in expected.split("|"))


@pytest.mark.parametrize("encoding", ["gbk", "shift_jis", "big5", "euc_kr", "latin-1", "utf-16-le"])
def test_names_of_zip_members_in_any_encoding(encoding: str, tmp_path: Path) -> None:
    """They are said to be UTF-8 and are not."""
    name = {"latin-1": "é", "euc_kr": "바둑"}.get(encoding, "圍棋" if encoding == "big5" else "囲碁").encode(encoding)
    data = zip_of(tmp_path, "x" * len(name) + "é.sgf", "two.sgf")
    data = bytearray(bytes(data).replace(b"x" * len(name), name))
    (tmp_path / "x.zip").write_bytes(data)
    found = list(iter_files([tmp_path / "x.zip"]))
    assert len(found) == 2 and all(source.isprintable() for source, _ in found)


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz"])
def test_the_command_counts_and_goes_on(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names that are not UTF-8, and a member that cannot be read, cost only the latter."""
    moves = [b";B[%c%c];W[%c%c]" % (97 + n, 97, 97 + n, 99) for n in range(19)]
    games = [b"(;" + b"".join(moves[first:]) + b")" for first in (0, 2)]
    tar = tar_of((b"\xb9\xc5.sgf", games[0]), (b"b\x1b[31m.sgf", games[1]), (b"c.sgf", b"(;SZ[99])"))
    if name == "x.zip":
        with zipfile.ZipFile(tmp_path / "made.zip", "w") as archive:
            for member, content in (("xx.sgf", games[0]), ("b\x1b[31m.sgf", games[1]), ("c.sgf", b"(;SZ[99])")):
                archive.writestr(member, content)
        data = (tmp_path / "made.zip").read_bytes().replace(b"xx.sgf", b"\xb9\xc5.sgf")
    else:
        data = tar if name == "x.tar" else gzip.compress(tar)
    (tmp_path / name).write_bytes(data)
    out = tmp_path / "g.parquet"
    assert main(["prepare", str(tmp_path / name), "--out", str(out), "--list-rejected"]) == 0
    shown = capsys.readouterr().out
    assert "c.sgf: board size" in shown and "2  kept" in shown
    sources = read_store(out).table["source"].to_pylist()
    assert any("b\\x1b[31m.sgf" in source for source in sources)
    assert any(escaped in source for source in sources for escaped in ("\\xb9\\xc5.sgf", "╣┼.sgf"))
    assert "\x1b" not in shown + "".join(sources)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("honest_sum", [True, False])
def test_a_zip_cannot_lie_about_a_size(method: int, honest_sum: bool, tmp_path: Path) -> None:
    """What counts is what is unpacked: 80 MB behind a size of 1,000 bytes, with the sum of all or of these."""
    with zipfile.ZipFile(tmp_path / "made.zip", "w", method) as archive, archive.open("a.sgf", "w") as member:
        for _ in range(80):
            member.write(bytes(1_000_000))
    data = listed(bytearray((tmp_path / "made.zip").read_bytes()), 24, struct.pack("<L", 1000))
    if not honest_sum:
        listed(data, 16, struct.pack("<L", zlib.crc32(bytes(1000))))
    (tmp_path / "x.zip").write_bytes(data)
    code = f"""
import resource
from hayago.errors import HayagoError
from hayago.records.archives import iter_files
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    print([len(data) for _, data in iter_files([{str(tmp_path / "x.zip")!r}])])
except HayagoError as error:
    print(error)
assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "damaged" in done.stdout or done.stdout == "[1000]\n"


def test_a_zip_of_bzip2_is_read(tmp_path: Path) -> None:
    zip_of(tmp_path, "one.sgf", "two.sgf", method=zipfile.ZIP_BZIP2)
    assert [data for _, data in iter_files([tmp_path / "made.zip"])] == [GAME * 50] * 2


def test_a_zip_is_bounded_as_a_whole(tmp_path: Path) -> None:
    """Members of 1 MB may be packed very tightly, but not a hundred of them."""
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_BZIP2) as archive:
        for number in range(100):
            archive.writestr(f"{number}.sgf", bytes(1_000_000))
    with pytest.raises(HayagoError, match="expands more than 200 times"):
        list(iter_files([tmp_path / "x.zip"]))


@pytest.mark.parametrize("name", [b"\0Q", b"\0\0", b"Q\0", b"//", b"/Q", b"\\Q", b"\xff\xfe"])
def test_members_with_strange_names_cost_only_themselves(name: bytes, tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.sgf", GAME)
        archive.writestr("QQ", "x")
    (tmp_path / "a.zip").write_bytes(out.getvalue().replace(b"QQ", name))
    assert [data for _, data in iter_files([tmp_path / "a.zip"])] == [GAME]
    (tmp_path / "a.tar").write_bytes(
        header(b"", 0) + header(name, 0) + header(b"a.sgf", len(GAME)) + GAME.ljust(1536, b"\0")
    )
    assert [data for _, data in iter_files([tmp_path / "a.tar"])] == [GAME]


def test_links_in_a_tar_are_counted(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, kind in (("b.dat", b"0"), ("a.sgf", b"1"), ("b.sgf", b"2"), ("c.sgf", b"6"), ("d.sgf", b"5")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "b.dat"
            tar.addfile(info)
    (tmp_path / "a.tar").write_bytes(out.getvalue())
    skipped: list[tuple[str, str]] = []
    with pytest.raises(HayagoError, match=r"no \.sgf file in this archive can be read: a\.sgf: a link in an archive"):
        list(iter_files([tmp_path / "a.tar"], lambda source, reason: skipped.append((source[-5:], reason))))
    assert skipped == [
        ("b.dat", "not named .sgf"),
        ("a.sgf", "a link in an archive"),
        ("b.sgf", "a link in an archive"),
        ("c.sgf", "not a regular file"),
    ]
