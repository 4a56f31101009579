"""Finding game files in files, folders, patterns and archives, whole and broken."""

import io
import os
import random
import tarfile
import zipfile
from pathlib import Path

import pytest

from hayago.errors import HayagoError
from hayago.files import write_atomically
from hayago.match.match_record import MatchFolder
from hayago.records import archives
from hayago.records.archives import iter_files

FILES = {"b/one.sgf": b"(;B[aa])", "a/TWO.SGF": b"(;B[bb])", "a/readme.txt": b"no game", "three.sgf": b"(;B[cc])" * 999}


def make_tar(path: Path, mode: str = "w") -> Path:
    """A tar archive of FILES in their order."""
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        folder = tarfile.TarInfo("a")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, data in FILES.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def make_zip(path: Path) -> Path:
    """A zip archive of FILES in their order."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("a")
        for name, data in FILES.items():
            archive.writestr(name, data)
    return path


def make_archive(folder: Path, name: str) -> Path:
    """The archive of FILES that the name calls for."""
    if name.endswith(".zip"):
        return make_zip(folder / name)
    suffix = name.rpartition(".")[2].lower()
    return make_tar(folder / name, "w:" + {"tgz": "gz", "tar": ""}.get(suffix, suffix))


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz", "x.tgz", "x.tar.bz2", "x.tar.xz", "X.TAR.XZ"])
def test_archives_are_read_in_place(tmp_path: Path, name: str) -> None:
    path = make_archive(tmp_path, name)
    skipped: list[tuple[str, str]] = []
    found = list(iter_files([path], lambda source, reason: skipped.append((source, reason))))
    games = ("b/one.sgf", "a/TWO.SGF", "three.sgf")
    assert found == [(f"{path.as_posix()}!{name}", FILES[name]) for name in games]
    assert skipped == [(f"{path.as_posix()}!a/readme.txt", "not named .sgf")]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz", "x.tar.bz2", "x.tar.xz"])
def test_an_archive_cut_short_is_an_error_wherever_it_ends(tmp_path: Path, name: str) -> None:
    whole = make_archive(tmp_path, name)
    data = whole.read_bytes()
    # An uncompressed archive is whole once the first of its closing blocks is there; it is padded far beyond.
    end = data.rindex(b"(;B[cc])") + 512 if name == "x.tar" else len(data) - 1
    cut = tmp_path / f"cut-{name}"
    for length in {0, 1, 100, end // 3, end // 2, end - 20, *range(512, end, 512)}:
        cut.write_bytes(data[:length])
        with pytest.raises(HayagoError, match="cut short") as caught:
            list(iter_files([cut]))
        assert str(cut) in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1


def test_damage_names_the_last_whole_member(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip")
    data = bytearray(path.read_bytes())
    at = data.index(b"a/TWO.SGF") + 12
    data[at] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(HayagoError, match=r"after b/one\.sgf"):
        list(iter_files([path]))


def test_folders_patterns_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, data in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    make_zip(tmp_path / "b" / "packed.zip")
    skipped: list[tuple[str, str]] = []
    found = [source for source, _ in iter_files([tmp_path], lambda *entry: skipped.append(entry))]
    root = tmp_path.as_posix()
    packed = [f"{root}/b/packed.zip!{name}" for name in ("b/one.sgf", "a/TWO.SGF", "three.sgf")]
    assert found == [f"{root}/a/TWO.SGF", f"{root}/b/one.sgf", *packed, f"{root}/three.sgf"]
    assert skipped[0] == (f"{root}/a/readme.txt", "not named .sgf")
    monkeypatch.chdir(tmp_path)
    assert [source for source, _ in iter_files(["*.sgf", "?/*.sgf"])] == ["three.sgf", "b/one.sgf"]
    assert [source for source, _ in iter_files(["a/readme.txt"])] == ["a/readme.txt"]  # named, so wanted
    (tmp_path / "[odd].sgf").write_bytes(b"(;)")
    assert [source for source, _ in iter_files(["[odd].sgf"])] == ["[odd].sgf"]


def test_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.txt").write_text("x")
    with tarfile.open(tmp_path / "none.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("x.txt"))
    for path, message in [
        ("missing.sgf", "No such file"),
        ("missing.zip", "No such file"),
        ("*.nothing", "no file matches"),
        ("empty", "no .sgf file in this folder"),
        ("other", "no .sgf file in this folder"),
        ("none.tar", "no .sgf file in this archive"),
    ]:
        with pytest.raises(HayagoError, match=message) as caught:
            list(iter_files([tmp_path / path]))
        assert path in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1


def test_large_members_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBER_BYTES", 1000)
    monkeypatch.setattr(archives, "MAX_BYTES", 1000)
    (tmp_path / "large.sgf").write_bytes(FILES["three.sgf"])
    for path in (make_zip(tmp_path / "x.zip"), make_tar(tmp_path / "x.tar"), tmp_path / "large.sgf"):
        skipped: list[str] = []
        found = list(iter_files([path], lambda _, reason, skipped=skipped: skipped.append(reason)))
        assert len(found) == (0 if path.suffix == ".sgf" else 2)
        assert "larger than 0 MiB: split it" in skipped


def test_bombs(tmp_path: Path) -> None:
    bomb = b"(;C[" + bytes(4 << 20) + b"])"
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.sgf", bomb)
        archive.writestr("good.sgf", b"(;)")
    skipped: list[str] = []
    found = list(iter_files([tmp_path / "bomb.zip"], lambda _, reason: skipped.append(reason)))
    assert [data for _, data in found] == [b"(;)"]
    assert skipped == ["packed too tightly"]
    with tarfile.open(tmp_path / "bomb.tar.xz", "w:xz") as tar:
        info = tarfile.TarInfo("bomb.sgf")
        info.size = len(bomb)
        tar.addfile(info, io.BytesIO(bomb))
    with pytest.raises(HayagoError, match=r"expands more than 200 times at bomb\.sgf"):
        list(iter_files([tmp_path / "bomb.tar.xz"]))


@pytest.mark.parametrize("name", ["x.tar.gz", "x.tar.bz2", "x.tar.xz", "deflate.zip", "bzip2.zip", "lzma.zip"])
def test_any_byte_may_be_wrong(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith(".zip"):
        methods = {"deflate.zip": zipfile.ZIP_DEFLATED, "bzip2.zip": zipfile.ZIP_BZIP2, "lzma.zip": zipfile.ZIP_LZMA}
        with zipfile.ZipFile(path, "w", methods[name]) as archive:
            archive.writestr("one.sgf", FILES["three.sgf"])
    else:
        make_archive(tmp_path, name)
    whole = path.read_bytes()
    lots, outcomes = random.Random(1), set()
    for _ in range(200):
        data = bytearray(whole)
        data[lots.randrange(len(data))] = lots.randrange(256)
        path.write_bytes(data)
        try:
            outcomes.add(len(list(iter_files([path]))))
        except HayagoError:
            outcomes.add("refused")
    assert "refused" in outcomes


def test_an_archive_damaged_far_behind_its_beginning(tmp_path: Path) -> None:
    path, lots = tmp_path / "x.tar.bz2", random.Random(1)
    with tarfile.open(path, "w:bz2", compresslevel=1) as tar:
        for number in range(3):  # bzip2 packs 100 kB at a time
            info = tarfile.TarInfo(f"{number}.sgf")
            info.size = 100_000
            tar.addfile(info, io.BytesIO(lots.randbytes(info.size)))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)
    with pytest.raises(archives.DamagedArchive, match=r"cut short after 0.sgf \(Invalid data stream\)"):
        list(iter_files([path]))


def test_a_file_that_cannot_be_read_is_not_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "x.zip").mkdir()
    for name in ("x.zip", "missing.zip"):
        with pytest.raises(HayagoError, match=rf"^cannot read .*{name}") as caught:
            list(archives.iter_archive(tmp_path / name, name))
        assert not isinstance(caught.value, archives.DamagedArchive)


def test_sgfs_is_a_name_of_games(tmp_path: Path) -> None:
    (tmp_path / "a.sgfs").write_bytes(b"(;B[aa])(;B[bb])")
    (tmp_path / "b.SGFS").write_bytes(b"(;B[cc])")
    (tmp_path / "c.sgfx").write_bytes(b"(;B[dd])")
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.writestr("e/f.sgfs", b"(;)")
        archive.writestr("e/.sgfs.txt", b"(;)")
    with tarfile.open(tmp_path / "g.tar", "w") as tar:
        tar.add(tmp_path / "b.SGFS", "h/b.SGFS")
    skipped: list[str] = []
    found = [source for source, _ in iter_files([tmp_path], lambda source, _: skipped.append(source))]
    root = tmp_path.as_posix()
    names = ("a.sgfs", "b.SGFS", "d.zip!e/f.sgfs", "g.tar!h/b.SGFS")
    assert found == [f"{root}/{name}" for name in names]
    assert skipped == [f"{root}/c.sgfx", f"{root}/d.zip!e/.sgfs.txt"]


def test_links_in_a_folder_are_followed(tmp_path: Path) -> None:
    games, disk = tmp_path / "games", tmp_path / "disk"
    (games / "sub").mkdir(parents=True)
    (disk / "deep").mkdir(parents=True)
    for place in (games / "a.sgf", games / "sub" / "b.sgf", disk / "c.sgf", disk / "deep" / "d.sgf"):
        place.write_bytes(b"(;)")
    (games / "kgs").symlink_to(disk)
    (games / "one.sgf").symlink_to(disk / "c.sgf")
    (games / "gone.sgf").symlink_to(tmp_path / "nothing.sgf")
    (games / "loop").symlink_to(games)  # round in circles, in three ways
    (disk / "deep" / "up").symlink_to(disk)
    (games / "self").symlink_to(games / "self")
    (games / "again").symlink_to(games / "sub")
    skipped: list[tuple[str, str]] = []
    found = [source for source, _ in iter_files([games], lambda *bad: skipped.append(bad))]
    root = games.as_posix()
    assert found == [f"{root}/{name}" for name in ("a.sgf", "kgs/c.sgf", "kgs/deep/d.sgf", "one.sgf", "sub/b.sgf")]
    assert sorted(skipped) == [(f"{root}/gone.sgf", "link to nothing"), (f"{root}/self", "link to nothing")]
    (tmp_path / "link").symlink_to(games)
    assert len(list(iter_files([tmp_path / "link"]))) == 5


def test_a_folder_that_cannot_be_read_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "shut"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.sgf").write_bytes(b"(;)")
    scandir = os.scandir

    def refusing(path: Path) -> object:
        if Path(path).name == "shut":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(archives.os, "scandir", refusing)
    skipped: list[tuple[str, str]] = []
    assert len(list(iter_files([tmp_path], lambda *bad: skipped.append(bad)))) == 1
    assert skipped == [((tmp_path / "shut").as_posix(), "folder that cannot be read")]
    with pytest.raises(HayagoError, match=r"cannot read .*shut: Permission denied"):
        list(iter_files([tmp_path / "shut"]))


def test_output_through_a_link_goes_to_its_target(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    for name, target in (("link", disk / "store"), ("relative", Path("disk") / "other"), ("twice", Path("link"))):
        link = tmp_path / name
        link.symlink_to(target)
        write_atomically(link, lambda file, name=name: file.write(name.encode()))
        assert link.is_symlink() and link.read_bytes() == name.encode()
    assert sorted(path.name for path in disk.iterdir()) == ["other", "store"]
    (tmp_path / "lost").symlink_to(tmp_path / "no" / "folder")
    with pytest.raises(HayagoError, match=r"cannot write .*folder"):
        write_atomically(tmp_path / "lost", lambda file: file.write(b"x"))
    assert (tmp_path / "lost").is_symlink()


@pytest.mark.parametrize("name", ["fifo", "link", "twice"])
def test_only_files_are_replaced(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("fifo")
    (tmp_path / "twice").symlink_to("link")
    with pytest.raises(HayagoError, match=r"cannot write .*fifo: not a regular file$"):
        write_atomically(tmp_path / name, lambda file: file.write(b"x"))
    assert (tmp_path / "fifo").is_fifo()
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("device", ["/dev/full", "/dev/null"])
def test_a_device_is_refused_before_anything_is_written_beside_it(device: str) -> None:
    with pytest.raises(HayagoError, match=f"cannot write {device}: not a regular file"):
        write_atomically(device, lambda file: file.write(b"x"))
    assert Path(device).is_char_device()


def test_a_link_itself_is_replaced_on_request(tmp_path: Path) -> None:
    victim, link = tmp_path / "victim", tmp_path / "link"
    victim.write_text("kept")
    link.symlink_to(victim)
    write_atomically(link, lambda file: file.write(b"new"), follow=False)
    assert (victim.read_text(), link.read_text(), link.is_symlink()) == ("kept", "new", False)


@pytest.mark.parametrize("name", ["results.jsonl", "games", ".lock", "match.json", "openings.sgf"])
def test_links_in_a_match_folder_are_refused(name: str, tmp_path: Path) -> None:
    victim, folder = tmp_path / "victim", tmp_path / "match"
    victim.write_text("kept")
    folder.mkdir()
    (folder / name).symlink_to(victim)
    with pytest.raises(HayagoError, match=f"{name}: a link, which is not followed"):
        MatchFolder(folder)
    assert victim.read_text() == "kept"


def test_a_bad_archive_in_a_folder_costs_only_itself(tmp_path: Path) -> None:
    make_zip(tmp_path / "good.zip")
    for name in ("cut.zip", "cut.tar"):
        whole = make_archive(tmp_path, name)
        whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (tmp_path / "empty.zip").write_bytes(b"")
    skipped: dict[str, str] = {}
    sources = [source for source, _ in iter_files([tmp_path], skipped.__setitem__)]
    assert sum("good.zip" in source for source in sources) == 3
    for name in ("cut.zip", "cut.tar", "empty.zip"):
        assert skipped[(tmp_path / name).as_posix()] == "archive damaged or cut short"
    with pytest.raises(HayagoError, match="damaged or cut short"):  # no one would hear of it
        list(iter_files([tmp_path]))


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.sgf")
    (tmp_path / "device.sgf").symlink_to("/dev/zero")
    (tmp_path / "system").symlink_to("/proc")
    (tmp_path / "a.sgf").write_bytes(b"(;B[aa])")
    skipped: dict[str, str] = {}
    assert [data for _, data in iter_files([tmp_path], skipped.__setitem__)] == [b"(;B[aa])"]
    reasons = {Path(name).name: reason for name, reason in skipped.items()}
    assert reasons.pop("system", "folder of the system") == "folder of the system"
    assert reasons == dict.fromkeys(("pipe.sgf", "device.sgf"), "not a regular file")
    for path in ("/dev/zero", tmp_path / "pipe.sgf", tmp_path / "device.sgf"):
        with pytest.raises(HayagoError, match="not a regular file"):
            list(iter_files([path]))


def test_a_folder_too_deep_and_a_file_that_is_locked_cost_only_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.sgf").write_bytes(b"(;B[aa])")
    (tmp_path / "locked.sgf").write_bytes(b"(;B[bb])")
    monkeypatch.chdir(tmp_path)
    for _ in range(25):
        Path("d" * 200).mkdir()
        os.chdir("d" * 200)
    monkeypatch.chdir(tmp_path)
    read = Path.read_bytes

    def read_bytes(path: Path) -> bytes:
        if path.name == "locked.sgf":  # root may read what others may not
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    skipped: dict[str, str] = {}
    assert [data for _, data in iter_files([tmp_path], skipped.__setitem__)] == [b"(;B[aa])"]
    assert len(skipped) == 2 and set(skipped.values()) == {"cannot be read"}


def test_why_no_game_of_an_archive_can_be_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("about.txt", "x")
        archive.writestr("a.sgf", " " * 20_000_000)
        archive.writestr("b.sgf", " " * 20_000_000)
    with pytest.raises(HayagoError, match=r"no \.sgf file in this archive can be read: a\.sgf: packed too tightly$"):
        list(iter_files([tmp_path / "a.zip"]))
