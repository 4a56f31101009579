"""Files that are read: none but regular ones, wherever one is named, and none larger than it may be."""

import os
import resource
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from hayago import benchmarks
from hayago.cli import main
from hayago.errors import HayagoError
from hayago.files import open_file, read_file
from hayago.match.match_record import MatchFolder
from hayago.network.evaluator import make_evaluator
from hayago.network.model_file import load_model
from hayago.player.game import Game
from hayago.player.player import Player
from hayago.records.archives import is_store, iter_archive
from hayago.records.download import Archive, Downloader
from hayago.records.sgf import MAX_BYTES, BadRecord, read_first, read_sgf
from hayago.records.store import read_store
from hayago.rules.board import Board
from hayago.training.checkpoint import load_checkpoint


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    """A pipe to which no one ever writes: whoever opens it waits for ever."""
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


READERS: dict[str, Callable[[Path], object]] = {
    "read_file": lambda path: read_file(path, 10),
    "read_sgf": read_sgf,
    "read_first": read_first,
    "from_sgf": Board.from_sgf,
    "read_store": read_store,
    "load_model": load_model,
    "load_checkpoint": load_checkpoint,
    "iter_archive": lambda path: list(iter_archive(path, "a.zip")),
    "bench": lambda path: benchmarks._files(path),
}


@pytest.mark.parametrize("name", READERS)
def test_what_is_no_regular_file_is_not_read(name: str, fifo: Path) -> None:
    for path, reason in ((fifo, "not a regular file"), (Path("/dev/zero"), "not a regular file")):
        with pytest.raises(HayagoError, match=rf"cannot read {path}: {reason}"):
            READERS[name](path)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        open_file(tmp_path)
    for read in (read_sgf, load_model, read_store):
        with pytest.raises(HayagoError, match="Is a directory"):
            read(tmp_path)


def test_a_pipe_is_no_store(fifo: Path) -> None:
    assert not is_store(fifo)


def test_loadsgf_refuses_a_pipe(fifo: Path) -> None:
    assert not Game(Player(make_evaluator())).load(fifo)


@pytest.mark.parametrize(
    "words",
    [
        ["predict", "FIFO", "--move", "1"],
        ["evaluate", "FIFO"],
        ["prepare", "FIFO", "--out", "x.parquet"],
        ["info", "--model", "FIFO"],
        ["export", "x", "FIFO", "--planes"],
        ["train", "--games", "FIFO", "--out", "x"],
        ["bench", "read", "--games", "FIFO"],
    ],
)
def test_the_commands_refuse_a_pipe(
    words: list[str], fifo: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(fifo.parent)
    assert main([word.replace("FIFO", "fifo") for word in words]) == 1
    assert capsys.readouterr().err.startswith("hayago: cannot read fifo: not a regular file")


@pytest.mark.parametrize("name", ["match.json", "results.jsonl", "openings.sgf"])
def test_a_match_refuses_a_pipe_in_its_folder(name: str, fifo: Path) -> None:
    fifo.rename(fifo.with_name(name))
    with pytest.raises(HayagoError, match=f"{name}: not a regular file"):
        MatchFolder(fifo.parent)


def test_the_size_is_seen_before_anything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.sgf"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)  # a hole, without blocks on the disk
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for read in (read_sgf, read_first, Board.from_sgf):
        with pytest.raises(HayagoError, match="larger than 1024 MiB"):
            read(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


def test_a_file_that_grew_too_large(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 11)
    assert read_file(tmp_path / "a", 11) == b"x" * 11
    with pytest.raises(HayagoError, match="larger than 0 MiB"):
        read_file(tmp_path / "a", 10)
    with pytest.raises(HayagoError, match="cannot read"):
        read_file("a\0b", 10)


def test_a_bad_game_does_not_keep_its_file() -> None:
    data = b"(;SZ[99])" * 10
    before = sys.getrefcount(data)
    for read in (read_sgf, read_first):
        with suppress(BadRecord):
            read(data)
    assert sys.getrefcount(data) == before


@pytest.mark.parametrize("name", [".download.lock", "a.zip", "a.zip.part", "a.zip.part.json"])
def test_a_download_refuses_a_pipe_in_its_folder(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(HayagoError, match=rf"{name}: not a regular file"), closing(Downloader(tmp_path)) as downloader:
        downloader.fetch(Archive("http://127.0.0.1:9/a.zip", "a.zip"))
