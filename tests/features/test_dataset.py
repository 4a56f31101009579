"""Encoded games for other programs: the planes that `encode` gives, from any source, and as files for numpy."""

import json
import warnings
from itertools import islice, repeat
from pathlib import Path

import numpy as np
import pytest

import hayago
from hayago.cli import main
from hayago.errors import HayagoError
from hayago.features.dataset import EncodedBatch, encode_games, export_planes
from hayago.features.planes import transform
from hayago.records.games import POINT_MASK, WHITE_BIT, Games, records_to_games
from hayago.records.prepare import PrepareOptions, write_store
from hayago.records.sgf import BadRecord, GameRecord, read_sgf, write_sgf
from hayago.records.store import read_store
from hayago.rules.board import Board
from hayago.rules.coordinates import BLACK, WHITE
from hayago.rules.symmetry import point_maps
from paths import DEMO_GAMES

# Two games without a fault: one with set-up stones and passes, in which one colour plays twice, and a plain one.
PASSES = b"(;SZ[19]AB[dd][pp]AW[dp];W[pd];B[];W[fc];W[cf];B[tt];B[qn])"
PLAIN = b"(;SZ[19];B[aa];W[ba];B[sa];W[ab];B[ss])"


def records() -> list[GameRecord]:
    """Some demonstration games with the two above between them."""
    demo = DEMO_GAMES.read_bytes()
    some = read_sgf(demo)[:6]
    return [*some[:3], *read_sgf(PASSES), *some[3:], *read_sgf(PLAIN)]


def whole(batches: object) -> EncodedBatch:
    """All batches as one."""
    return EncodedBatch(*map(np.concatenate, zip(*batches, strict=True)))  # type: ignore[call-overload]


def same(left: EncodedBatch, right: EncodedBatch) -> None:
    for mine, other in zip(left, right, strict=True):
        assert mine.dtype == other.dtype  # type: ignore[attr-defined]
        np.testing.assert_array_equal(mine, other)


def played(record: GameRecord) -> list[tuple[int, int]]:
    """The (colour, point) of every move."""
    return [(WHITE if code & WHITE_BIT else BLACK, code & POINT_MASK) for code in record.moves.tolist()]


def test_every_example_is_there_as_encode_has_it() -> None:
    examples = whole(encode_games(records()))
    assert examples.planes.dtype == np.uint8
    assert examples.planes.shape[1:] == (48, 19, 19)
    assert {array.dtype for array in examples[1:]} == {np.dtype(np.int64)}
    place = 0
    for number, record in enumerate(records()):
        board = Board(19)
        board.setup(record.setup_black, record.setup_white)
        for ply, (colour, point) in enumerate(played(record)):
            board.to_play = colour
            if point < 361:
                assert (examples.games[place], examples.plies[place], examples.labels[place]) == (number, ply, point)
                if ply % 7 == 0 or number in (3, 7):
                    np.testing.assert_array_equal(examples.planes[place], hayago.encode(board))
                place += 1
            board.play(point)
    assert place == len(examples.labels)


def test_all_sources_give_the_same(tmp_path: Path) -> None:
    (tmp_path / "games.sgf").write_bytes(b"".join(write_sgf(record) for record in records()))
    expected = whole(encode_games(records()))
    same(whole(encode_games(tmp_path / "games.sgf")), expected)
    same(whole(encode_games(str(tmp_path))), expected)
    same(whole(encode_games([tmp_path / "games.sgf"])), expected)
    same(whole(encode_games(iter(records()))), expected)
    same(whole(encode_games(records_to_games(records()))), expected)
    same(whole(encode_games(records()[0])), expected.take(expected.games == 0))

    write_store([record for record in records() if len(record.moves) >= 30], tmp_path / "games.parquet")
    store = read_store(tmp_path / "games.parquet")
    same(whole(encode_games(tmp_path / "games.parquet")), whole(encode_games(store)))
    same(whole(encode_games(store)), whole(encode_games(store.games)))


def test_options() -> None:
    games = records()[2:5]
    expected = whole(encode_games(games))
    for planes in (4, 12, 20, 48):
        np.testing.assert_array_equal(whole(encode_games(games, planes=planes)).planes, expected.planes[:, :planes])
        packed = whole(encode_games(games, planes=planes, packed=True))
        assert packed.planes.shape[1] == (planes * 361 + 7) // 8
        np.testing.assert_array_equal(hayago.unpack(packed.planes, planes), expected.planes[:, :planes])
        same(packed._replace(planes=expected.planes), expected)
    total = len(expected.labels)
    for batch_size in (1, 100, total, 10_000):
        batches = list(encode_games(games, batch_size=batch_size, planes=4))
        assert [len(batch.labels) for batch in batches[:-1]] == [batch_size] * (len(batches) - 1)
        assert 0 < len(batches[-1].labels) <= batch_size
        same(whole(batches), expected._replace(planes=expected.planes[:, :4]))


def test_symmetries() -> None:
    games = records()[3:5]
    expected = whole(encode_games(games))
    for symmetry in (3, 6):
        turned = whole(encode_games(games, symmetry=symmetry))
        np.testing.assert_array_equal(turned.planes, transform(expected.planes, symmetry))
        np.testing.assert_array_equal(turned.labels, point_maps(19)[symmetry, expected.labels])
    mixed = whole(encode_games(games, symmetry="random"))
    images = point_maps(19)[:, expected.labels]
    seen: set[int] = set()
    for k, label in enumerate(mixed.labels):
        possible = np.flatnonzero(images[:, k] == label)  # more than one for a point on a line of symmetry
        fitting = [s for s in possible if np.array_equal(mixed.planes[k], transform(expected.planes[k], s))]
        assert fitting
        seen.update(fitting)
    assert seen == set(range(8))
    same(whole(encode_games(games, symmetry="random", batch_size=7)), mixed)
    assert (whole(encode_games(games, symmetry="random", seed=1)).labels != mixed.labels).any()


def test_games_are_taken_as_they_are_needed() -> None:
    game = records()[0]
    batches = encode_games(repeat(game), planes=4, batch_size=int((game.moves & POINT_MASK < 361).sum()))
    assert [set(batch.games.tolist()) for batch in islice(batches, 3)] == [{0}, {1}, {2}]


def test_bad_games_are_left_out_and_reported(tmp_path: Path) -> None:
    files = {
        "1-set-up-later": b"(;SZ[19];B[dd];W[pp];AB[qq];B[dp];W[pd])",
        "2-set-up-with-a-move": b"(;SZ[19];B[dd];W[pp]AE[dd];B[dp])",
        "3-occupied": b"(;SZ[19];B[dd];W[pp];B[pp];W[dp])",
        "4-suicide": b"(;SZ[19]AW[ab][ba];B[aa])",
        "5-size": b"(;SZ[9];B[dd];W[ff])",
        "6-set-up-without-liberty": b"(;SZ[19]AB[aa]AW[ab][ba];B[dd])",
        "7-off-the-board": b"(;SZ[19];B[dd];W[zz];B[pp])",
        "8-empty": b"",
        "9-good": PLAIN,
    }
    for name, data in files.items():
        (tmp_path / f"{name}.sgf").write_bytes(data)
    (tmp_path / "notes.txt").write_text("x")
    found: list[BadRecord] = []
    examples = whole(encode_games(tmp_path, on_bad=found.append))
    assert sorted(bad.reason for bad in found) == sorted([
        "illegal move", "illegal move", "board size", "illegal set-up", "point off the board", "empty file",
        "not named .sgf",
    ])  # fmt: skip
    assert all(Path(bad.source).parent == tmp_path for bad in found)
    # What is left are the moves before the set-up, and the good game.
    expected = whole(
        encode_games([*read_sgf(b"(;SZ[19];B[dd];W[pp])"), *read_sgf(b"(;SZ[19];B[dd])"), *read_sgf(PLAIN)])
    )
    assert sorted(set(examples.games.tolist())) == [0, 1, 8]
    same(examples._replace(games=np.searchsorted([0, 1, 8], examples.games)), expected)

    with pytest.warns(UserWarning, match="left out: 2 illegal move"):
        list(encode_games(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(encode_games([tmp_path / "9-good.sgf"]))


def test_bad_games_among_arrays() -> None:
    good = records()[0]
    occupied = good._replace(moves=np.append(good.moves, good.moves[-1] ^ np.uint16(WHITE_BIT)))
    off_board = good._replace(setup_black=(400,))
    games = records_to_games([good, occupied, good, off_board, *[good] * 70])
    found: list[BadRecord] = []
    examples = whole(encode_games(games, planes=4, on_bad=found.append))
    assert [str(bad) for bad in found] == [
        f"game 1: illegal move: move {len(occupied.moves)} of {len(occupied.moves)}",
        "game 3: illegal set-up: a stone off the board",
    ]
    assert sorted(set(examples.games.tolist())) == [0, 2, *range(4, 74)]
    assert len(examples.labels) == 72 * (examples.games == 0).sum()
    for wrong in (
        games._replace(offsets=games.offsets + 1),
        games._replace(offsets=games.offsets[:-1]),
        games._replace(setup_offsets=games.setup_offsets[1:]),
        games._replace(codes=games.codes.astype(np.int64)),
    ):
        with pytest.raises(ValueError):
            encode_games(wrong)


def test_wrong_options_are_refused_at_once(tmp_path: Path) -> None:
    for options in ({"planes": 5}, {"symmetry": 8}, {"symmetry": "some"}, {"batch_size": 0}, {"size": 20}):
        with pytest.raises(ValueError):
            encode_games(PLAIN.decode(), **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="have the size 19, not 9"):
        encode_games(records_to_games(records()), size=9)
    with pytest.raises(HayagoError, match="No such file"):
        encode_games(tmp_path / "none.parquet")
    with pytest.raises(HayagoError, match="a store is encoded alone"):
        list(encode_games([tmp_path / "none.parquet"]))


def test_other_sizes() -> None:
    (game,) = read_sgf(b"(;SZ[5];B[aa];W[bb])")
    (batch,) = encode_games(game, size=5)
    assert batch.planes.shape == (2, 48, 5, 5)
    assert batch.labels.tolist() == [0, 6]
    np.testing.assert_array_equal(batch.planes[0], hayago.encode(Board(5)))
    with pytest.warns(UserWarning, match="1 board size"):
        assert list(encode_games(game)) == []


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(a store, its games exported by the command line)."""
    folder = tmp_path_factory.mktemp("export")
    write_store(records()[:7], folder / "games.parquet")
    assert main(["export", "--planes", str(folder / "out"), str(folder / "games.parquet")]) == 0
    return folder / "games.parquet", folder / "out"


def test_numpy_alone_reads_an_export(exported: tuple[Path, Path]) -> None:
    store, out = exported
    rows, labels, games, plies = (
        np.load(out / f"{name}.npy", mmap_mode="r") for name in ("planes", "labels", "games", "plies")
    )
    planes = np.unpackbits(rows, axis=1, count=48 * 361, bitorder="little").reshape(-1, 48, 19, 19)
    expected = whole(encode_games(store))
    np.testing.assert_array_equal(planes, expected.planes)
    for found, wanted in ((labels, expected.labels), (games, expected.games), (plies, expected.plies)):
        np.testing.assert_array_equal(found, wanted)


def test_an_export_explains_itself(exported: tuple[Path, Path]) -> None:
    store, out = exported
    about = json.loads((out / "about.json").read_text())
    assert sorted(path.name for path in out.iterdir()) == sorted(["about.json", *about["files"]])
    for name, file in about["files"].items():
        array = np.load(out / name, mmap_mode="r")
        assert (list(array.shape), str(array.dtype)) == (file["shape"], file["dtype"])
        assert len(array) == about["positions"]
    assert about["planes"] == [hayago.plane_name(plane) for plane in range(48)]
    assert about["data_fingerprint"] == read_store(store).fingerprint
    assert (about["games"], about["board_size"], about["split"]) == (6, 19, "all")


def test_export_of_sgf_files_and_of_a_split(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "games.sgf").write_bytes(PASSES + PLAIN + PLAIN + b"(;SZ[19];B[dd];W[dd])")
    arguments = [str(tmp_path / "out"), str(tmp_path / "games.sgf"), "--format", "planes", "--first", "4"]
    assert main(["export", *arguments]) == 0
    captured = capsys.readouterr()
    assert "left out: same game again 1, illegal move 1" in captured.err
    assert "9 positions of 2 games, 4 planes" in captured.out
    assert np.load(tmp_path / "out" / "planes.npy").shape == (9, (4 * 361 + 7) // 8)

    demo = DEMO_GAMES
    write_store(read_sgf(demo.read_bytes())[:300], tmp_path / "games.parquet")
    arguments = ["export", "--planes", str(tmp_path / "test"), str(tmp_path / "games.parquet"), "--split", "test"]
    assert main(arguments) == 0
    held_out = read_store(tmp_path / "games.parquet", "test")
    assert 0 < len(held_out) < 30
    expected = whole(encode_games(held_out, packed=True))
    np.testing.assert_array_equal(np.load(tmp_path / "test" / "planes.npy"), expected.planes)
    assert json.loads((tmp_path / "test" / "about.json").read_text())["split"] == "test"


def test_an_export_that_fails_leaves_nothing(exported: tuple[Path, Path], tmp_path: Path) -> None:
    store = read_store(exported[0])

    def stop(done: int) -> None:
        raise RuntimeError(f"stopped at {done}")

    with pytest.raises(RuntimeError, match="stopped at"):
        export_planes(tmp_path / "out", store, progress=stop)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("x")
    with pytest.raises(HayagoError, match="exists already"):
        export_planes(tmp_path / "out", store)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]
    with pytest.raises(HayagoError, match="cannot write"):
        export_planes(tmp_path / "none" / "out", store)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--planes", "out"], 2, "needs games"),
        (["--planes", "out", "x.sgf", "--model", "m"], 2, "not --model"),
        (["out.onnx", "x.sgf"], 2, "only with --planes"),
        (["out.onnx", "--split", "test"], 2, "only with --planes"),
        (["--planes", "out", "x.parquet", "--first", "5"], 2, "first"),
        (["--planes", "out", "x.parquet", "y.sgf"], 1, "not both"),
        (["--planes", "out", "none.parquet"], 1, "none.parquet"),
    ],
)
def test_wrong_use_of_export(capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str) -> None:
    assert main(["export", *arguments]) == code
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_games_without_an_example() -> None:
    codes = np.array([361, 361 | WHITE_BIT], np.uint16)
    only_passes = Games(19, codes, np.array([0, 2, 2]), np.empty(0, np.uint16), np.zeros(3, np.int64))
    assert list(encode_games(only_passes)) == []


def test_an_export_without_a_position_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Games of passes only, and a store whose games are all illegal."""
    (tmp_path / "passes.sgf").write_text("(;SZ[19];B[];W[])")
    assert main(["export", "--planes", str(tmp_path / "out"), str(tmp_path / "passes.sgf")]) == 1
    assert capsys.readouterr().err.splitlines()[-1].endswith("the games hold no move")
    assert not (tmp_path / "out").exists()


def test_an_export_names_the_games_it_leaves_out_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = read_sgf(b"(;SZ[19];B[aa];W[bb])")[0], read_sgf(b"(;SZ[19];B[cc];W[dd])")[0]
    bad.moves[1] = bad.moves[0] ^ WHITE_BIT  # on an occupied point
    monkeypatch.setattr("hayago.records.prepare.why_illegal", lambda *_: None)
    for name, records in (("some", [good, bad]), ("none", [bad])):
        write_store(records, tmp_path / f"{name}.parquet", PrepareOptions(min_moves=1))
    assert main(["export", "--planes", str(tmp_path / "out"), str(tmp_path / "some.parquet")]) == 0
    error = capsys.readouterr().err
    assert error.startswith("left out: ") and len(error.splitlines()) == 1
    assert main(["export", "--planes", str(tmp_path / "no"), str(tmp_path / "none.parquet")]) == 1
    assert capsys.readouterr().err.splitlines()[-1].endswith("the games hold no move")


def test_wrong_sources_are_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty path would be the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "game.sgf").write_bytes(PLAIN)
    for paths in ("", ["game.sgf", ""]):
        with pytest.raises(ValueError, match="path is empty"):
            encode_games(paths)
    for wrong in (None, 5, [None], ["game.sgf", 5], [b"(;SZ[19])"]):
        with pytest.raises(TypeError, match="games are paths, records or a store"):
            encode_games(wrong)  # type: ignore[arg-type]
    for options in ({"batch_size": 1.5}, {"size": 19.0}, {"symmetry": True}, {"seed": 1.5}, {"planes": 48.0}):
        with pytest.raises(TypeError, match="not a whole number"):
            encode_games("game.sgf", **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="seed must be"):
        encode_games("game.sgf", seed=-1)
    for read in (read_sgf, hayago.Board.from_sgf):
        with pytest.raises(ValueError, match="path of the SGF file is empty"):
            read("")
        for nothing in (None, 5, ["game.sgf"]):
            with pytest.raises(TypeError, match="an SGF file is a path or bytes"):
                read(nothing)  # type: ignore[arg-type]


def test_only_rows_are_unpacked() -> None:
    rows = np.zeros((2, 2166), np.uint8)
    assert hayago.unpack(rows).shape == (2, 48, 19, 19)
    assert hayago.unpack(rows[:0]).shape == (0, 48, 19, 19)
    assert hayago.unpack(np.zeros((1, 181), np.uint8), 4).shape == (1, 4, 19, 19)
    for wrong in (np.zeros((2, 3000), np.uint8), np.zeros((2, 2165), np.uint8), rows[0], rows[None]):
        with pytest.raises(ValueError, match="rows must have the shape"):
            hayago.unpack(wrong)
    for wrong in (rows.astype(bool), rows.astype(np.int64), rows.astype(np.int8), rows.tolist(), None):
        with pytest.raises(TypeError, match="rows must be an array of uint8"):
            hayago.unpack(wrong)  # type: ignore[arg-type]
    for planes, size in ((-1, 19), (0, 19), (49, 19), (48, 0), (48, 20), (48, -19)):
        with pytest.raises(ValueError, match="must be 1 to"):
            hayago.unpack(rows, planes, size)
    for numbers in ((48.0, 19), (48, 19.0), (True, 19), (48, None)):
        with pytest.raises(TypeError, match="not a whole number"):
            hayago.unpack(rows, *numbers)  # type: ignore[arg-type]


def test_only_planes_have_names() -> None:
    assert hayago.plane_name(0) == "own" and hayago.plane_name(np.int64(19)) == "liberties 8+"
    for plane in (-1, 48, 10**30):
        with pytest.raises(ValueError, match="a plane is 0 to 47"):
            hayago.plane_name(plane)
    for other in (1.0, "1", None, True):
        with pytest.raises(TypeError, match="not a whole number"):
            hayago.plane_name(other)  # type: ignore[arg-type]
