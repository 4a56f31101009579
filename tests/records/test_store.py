"""The store: which games are kept, in which split, and what is read back."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hayago.cli import main
from hayago.errors import HayagoError
from hayago.records import store as store_module
from hayago.records.games import POINT_MASK, WHITE_BIT, records_to_games
from hayago.records.identity import ILLEGAL_SETUP, KEY_MOVES, LEGAL, Split, find_illegal, game_keys, split_of
from hayago.records.prepare import PrepareOptions, PrepareReport, prepare, write_store
from hayago.records.seal import UNSEALED, seal
from hayago.records.sgf import GameRecord, read_sgf, write_sgf
from hayago.records.store import SPLITS, read_store
from hayago.rules.coordinates import BLACK, WHITE
from hayago.rules.kernels.position import new_log, new_position
from hayago.rules.symmetry import point_maps


def a_game(seed: int, length: int = 120, size: int = 19, **fields: object) -> GameRecord:
    """A game of moves on different points, on the lines where they cannot capture."""
    rng = np.random.default_rng(seed)
    points = rng.permutation([p for p in range(size * size) if p // size % 2 == 0])[:length]
    codes = [int(p) | (WHITE_BIT if n % 2 else 0) for n, p in enumerate(points)]
    (record,) = read_sgf(b"(;SZ[%d])" % size)
    return record._replace(moves=np.array(codes, np.uint16), **fields)


def image(record: GameRecord, symmetry: int) -> GameRecord:
    """The game under a symmetry."""
    mapped = point_maps(record.size)[symmetry]
    return record._replace(
        moves=mapped[record.moves & POINT_MASK] | record.moves & WHITE_BIT,
        setup_black=tuple(sorted(int(mapped[p]) for p in record.setup_black)),
        setup_white=tuple(sorted(int(mapped[p]) for p in record.setup_white)),
    )


def by_split(games: Iterable[GameRecord]) -> list[GameRecord]:
    """The games as a small store has them: those for training first, those for testing last."""
    return sorted(games, key=lambda game: SPLITS.index(split_name(game)))


def split_name(game: GameRecord) -> Split:
    """The split of a game."""
    return split_of(game_keys(game.size, game.setup, game.moves)[0])


def prepared(folder: Path, games: Iterable[GameRecord], **options: object) -> PrepareReport:
    """Write the games as one SGF file and prepare it as `games.parquet`."""
    (folder / "games.sgf").write_bytes(b"".join(write_sgf(game) for game in games))
    return prepare([folder / "games.sgf"], folder / "games.parquet", PrepareOptions(**options))  # type: ignore[arg-type]


def test_round_trip(tmp_path: Path, demo_games: Path) -> None:
    calls: list[tuple[int, int]] = []
    report = prepare([demo_games], tmp_path / "g.parquet", progress=lambda *numbers: calls.append(numbers))
    records = by_split(read_sgf(demo_games.read_bytes(), demo_games.as_posix()))
    assert (report.kept, report.total, report.table(), calls) == (600, 600, [], [(1, 600)])
    store = read_store(tmp_path / "g.parquet")
    assert len(store) == 600
    assert store.fingerprint == report.fingerprint
    for mine, other in zip(store.games, records_to_games(records), strict=True):
        np.testing.assert_array_equal(mine, other)
    assert store.games.codes.dtype == np.uint16
    assert store.games.offsets.dtype == store.games.setup_offsets.dtype == np.int64
    assert store.table["source"].to_pylist() == [record.source for record in records]
    assert store.table["komi"].to_pylist() == [7.5] * 600
    assert store.table["black"][0].as_py() == "g170-b6c96"
    again = prepare([demo_games], tmp_path / "again.parquet")
    assert again.fingerprint == report.fingerprint


def test_splits_are_parts_of_the_whole(tmp_path: Path, demo_games: Path) -> None:
    report = prepare([demo_games], tmp_path / "g.parquet")
    whole = read_store(tmp_path / "g.parquet")
    sources = []
    for split in ("train", "validation", "test"):
        part = read_store(tmp_path / "g.parquet", split)
        assert len(part) == report.splits[split] > 0
        assert part.fingerprint == whole.fingerprint
        assert set(part.table["split"].to_pylist()) == {split}
        sources += part.table["source"].to_pylist()
        index = whole.table["source"].to_pylist().index(sources[-1])
        first, last = whole.games.offsets[index : index + 2]
        np.testing.assert_array_equal(part.games.codes[part.games.offsets[-2] :], whole.games.codes[first:last])
    assert sorted(sources) == sorted(whole.table["source"].to_pylist())


def test_the_shares_of_the_splits() -> None:
    rng = np.random.default_rng(3)
    splits = [split_of(rng.bytes(16)) for _ in range(20_000)]
    assert splits.count("test") / 20_000 == pytest.approx(0.02, abs=0.004)
    assert splits.count("validation") / 20_000 == pytest.approx(0.01, abs=0.003)
    assert split_of(bytes(16)) == "test"
    assert split_of(b"\xff" * 16) == "train"


def test_keys_are_those_of_all_images() -> None:
    for size in (1, 2, 9, 19):
        game = a_game(5, 150, size, setup_black=(0,), setup_white=(size * size - 1,) * (size > 1))
        keys = {game_keys(size, image(game, s).setup, image(game, s).moves) for s in range(8)}
        assert len(keys) == 1


def test_what_keys_tell_apart() -> None:
    game = a_game(5, 150)
    key, whole = game_keys(19, game.setup, game.moves)
    assert key != whole
    later = game.moves.copy()
    later[KEY_MOVES] = 361
    assert game_keys(19, game.setup, later)[0] == key
    assert game_keys(19, game.setup, later)[1] != whole
    earlier = game.moves.copy()
    earlier[KEY_MOVES - 1] = 361
    assert game_keys(19, game.setup, earlier)[0] != key
    assert game_keys(19, game.setup, game.moves ^ np.uint16(WHITE_BIT))[0] != key  # colours exchanged
    assert game_keys(19, game.moves[:1], game.moves[1:])[0] != key  # set up, not played
    assert len(set(game_keys(19, game.setup, game.moves[:KEY_MOVES]))) == 1


def test_images_and_longer_records_are_the_same_game(tmp_path: Path) -> None:
    game = a_game(1)
    short = a_game(2, 60)
    twins = [image(game, s) for s in range(8)]
    longer = image(game, 5)._replace(moves=np.append(image(game, 5).moves, np.uint16(361)))
    report = prepared(tmp_path, [game, *twins, longer, short, short._replace(moves=short.moves[:50]), image(short, 3)])
    assert report.kept == 3
    assert dict(report.table()) == {"same game again": 9, "same first 80 moves": 1}
    assert report.kept + sum(count for _, count in report.table()) == report.total == 13
    assert report.rejected[0] == (f"{(tmp_path / 'games.sgf').as_posix()}#2", "same game again", "")


def test_a_game_stays_in_its_split_whatever_is_added(tmp_path: Path) -> None:
    games = [a_game(seed) for seed in range(200)]
    prepared(tmp_path, games[:100])
    table = read_store(tmp_path / "games.parquet").table
    before = dict(zip(table["key"].to_pylist(), table["split"].to_pylist(), strict=True))
    prepared(tmp_path, [image(game, n % 8) for n, game in enumerate(reversed(games))])
    table = read_store(tmp_path / "games.parquet").table
    after = dict(zip(table["key"].to_pylist(), table["split"].to_pylist(), strict=True))
    assert len(after) == 200
    assert set(after.values()) == {"train", "validation", "test"}
    assert {key: after[key] for key in before} == before


def test_reasons_add_up(tmp_path: Path) -> None:
    ponnuki = [1, 0 | WHITE_BIT, 19, 361 | WHITE_BIT]  # Black captures the corner stone
    suicide = np.array([*ponnuki, 361, 0 | WHITE_BIT] + [361] * 30, np.uint16)
    occupied = a_game(3)._replace(moves=np.append(a_game(3).moves, a_game(3).moves[:1]))
    games = [
        a_game(1),
        a_game(2, 40, 9),
        a_game(3, 10),
        a_game(4)._replace(moves=suicide),
        occupied,
        a_game(5)._replace(setup_white=(0,), setup_black=(1, 19)),
        image(a_game(1), 6),
    ]
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "bad.sgf").write_bytes(b"(;B[zz])")
    (tmp_path / "sub" / "empty.sgf").write_bytes(b"")
    (tmp_path / "sub" / "binary.sgf").write_bytes(bytes(range(256)))
    (tmp_path / "sub" / "notes.txt").write_text("x")
    (tmp_path / "sub" / "games.sgf").write_bytes(b"".join(write_sgf(game) for game in games))
    (tmp_path / "sub" / "handicap.sgf").write_bytes(
        write_sgf(a_game(6)._replace(handicap=2, moves=a_game(6).moves ^ np.uint16(WHITE_BIT)))
    )
    (tmp_path / "sub" / "truncated.sgf").write_bytes(write_sgf(a_game(7))[:-30])
    report = prepare([tmp_path / "sub"], tmp_path / "games.parquet")
    assert report.kept == 2
    assert dict(report.cuts) == {"end of file": 1}
    assert report.total == len(games) + 6
    assert dict(report.table()) == {
        "point off the board": 1,
        "empty file": 1,
        "not SGF": 1,
        "not named .sgf": 1,
        "board size": 1,
        "too few moves": 1,
        "illegal move": 2,
        "illegal set-up": 1,
        "same game again": 1,
        "handicap stones missing": 1,
    }
    details = {reason: detail for _, reason, detail in report.rejected}
    assert details["board size"] == "9x9"
    assert details["illegal move"] == "move 121 of 121"


def test_games_that_end_early_are_counted_by_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole, cut, set_up = (write_sgf(a_game(seed)) for seed in (1, 2, 3))
    (tmp_path / "set-up.sgf").write_bytes(set_up.replace(b";", b";AB[aa]", 101).replace(b";AB[aa]", b";", 100))
    (tmp_path / "games.sgf").write_bytes(whole + cut[:-30])
    out = tmp_path / "games.parquet"
    assert main(["prepare", str(tmp_path), "--out", str(out)]) == 0
    assert "games that end early: 1 at end of file, 1 at set-up stones\n" in capsys.readouterr().out
    # The file being written lies in the same folder, and is none of its files.
    assert main(["prepare", str(tmp_path), "--out", str(tmp_path / "new.parquet"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["cut"] == {"end of file": 1, "set-up stones": 1}
    assert report["rejected"] == {"not named .sgf": 1}
    # What stands in front of the set-up stones is the game as it was played.
    games, source = read_store(out).games, read_store(out).table["source"].to_pylist()
    number = next(n for n, name in enumerate(source) if name.endswith("set-up.sgf"))
    codes = games.codes[games.offsets[number] : games.offsets[number + 1]]
    np.testing.assert_array_equal(codes, a_game(3).moves[:99])


def test_a_split_without_games(tmp_path: Path) -> None:
    game = next(game for game in map(a_game, range(9)) if split_name(game) == "train")
    write_store([game], tmp_path / "games.parquet")
    store = read_store(tmp_path / "games.parquet", "test")
    assert (len(store), len(store.games.codes), len(store.table)) == (0, 0, 0)


def test_first_illegal() -> None:
    position, log = new_position(5), new_log()
    none = np.zeros(0, np.uint16)
    ko = [1, 0 | WHITE_BIT, 5, 2 | WHITE_BIT, 11, 7 | WHITE_BIT, 24, 6 | WHITE_BIT]
    assert find_illegal(position, log, 5, none, np.array(ko, np.uint16)) == LEGAL
    assert find_illegal(position, log, 5, none, np.array([3, 3 | WHITE_BIT], np.uint16)) == 1
    assert find_illegal(position, log, 5, np.array([1, 5, 0 | WHITE_BIT], np.uint16), none) == ILLEGAL_SETUP
    assert find_illegal(position, log, 5, np.array([0 | WHITE_BIT, 1, 5], np.uint16), none) == ILLEGAL_SETUP


def test_filters(tmp_path: Path) -> None:
    games = [
        a_game(1, black_rank="9p", white_rank="1p", date="1999-05-06"),
        a_game(2, black_rank="7d", white_rank="6d", date="2005"),
        a_game(3, black_rank="6d", white_rank="5d"),
        a_game(4, 50, setup_black=(19, 57), handicap=2, to_play=WHITE, date="2010-01"),
    ]

    def kept(**options: object) -> list[int]:
        prepared(tmp_path, games, **options)
        sources = read_store(tmp_path / "games.parquet").table["source"].to_pylist()
        return [int(source.rpartition("#")[2]) for source in sources]

    assert kept() == [1, 2, 3, 4]
    assert kept(min_rank="6d") == [1, 2]
    assert kept(min_rank="1p") == [1]
    assert kept(moves_by="6d") == [1, 2, 3]
    assert kept(moves_by="7d") == [1, 2]
    assert kept(recipe="pro-1999") == kept(recipe="pro-1999", min_rank="1p") == [1]
    assert kept(since=2000) == [2, 4]
    assert kept(until=2005) == [1, 2]
    assert kept(since=2000, until=2005) == [2]
    assert kept(handicap="none") == [1, 2, 3]
    assert kept(handicap="only") == [4]
    assert kept(min_moves=51) == [1, 2, 3]
    assert kept(max_moves=50) == [4]
    report = prepared(tmp_path, [a_game(1, 40, 9), *games], size=9)
    assert dict(report.table()) == {"board size": 4}
    assert read_store(tmp_path / "games.parquet").games.size == 9
    for wrong in ({"min_rank": "strong"}, {"size": 20}, {"size": 0}):
        with pytest.raises(HayagoError):
            PrepareOptions(**wrong)  # type: ignore[arg-type]


def test_handicap_games_are_stored_with_their_stones(tmp_path: Path) -> None:
    game = a_game(4, 50, setup_black=(19, 57), setup_white=(21,), handicap=2)
    prepared(tmp_path, [a_game(1), game, a_game(2)])
    store = read_store(tmp_path / "games.parquet")
    assert store.games.setup.tolist() == [19, 21 | WHITE_BIT, 57]
    assert store.games.setup_offsets.tolist() == [0, 0, 3, 3]
    assert store.table["handicap"].to_pylist() == [0, 2, 0]
    assert store.table["komi"].to_pylist() == [None] * 3


def test_nothing_is_written_when_something_fails(tmp_path: Path) -> None:
    out = tmp_path / "games.parquet"
    prepared(tmp_path, [a_game(1)])
    before = out.read_bytes()
    with pytest.raises(HayagoError, match="no game is left to write: 1 too few moves"):
        prepared(tmp_path, [a_game(1, 10)])
    with pytest.raises(HayagoError, match="No such file"):
        prepare([tmp_path / "games.sgf", tmp_path / "missing.sgf"], out)
    assert out.read_bytes() == before
    (tmp_path / "games.sgf").write_bytes(write_sgf(a_game(1)))
    with pytest.raises(HayagoError, match="cannot write"):
        prepare([tmp_path / "games.sgf"], tmp_path / "no" / "folder.parquet")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["games.parquet", "games.sgf"]


def test_a_file_that_is_no_store(tmp_path: Path) -> None:
    prepared(tmp_path, [a_game(seed) for seed in range(20)])
    good = (tmp_path / "games.parquet").read_bytes()
    path = tmp_path / "bad.parquet"
    for length in (0, 3, 100, len(good) // 2, len(good) - 1):
        path.write_bytes(good[:length])
        with pytest.raises(HayagoError, match=r"bad\.parquet: not a game store, or cut short"):
            read_store(path)
    path.write_bytes(b"(;B[aa])")
    with pytest.raises(HayagoError, match="not a game store, or cut short"):
        read_store(path)
    with pytest.raises(HayagoError, match="No such file"):
        read_store(tmp_path / "missing.parquet")
    pq.write_table(pa.table({"x": [1]}), path)
    with pytest.raises(HayagoError, match="but not a game store"):
        read_store(path)


def test_many_groups_are_read_like_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    games = [a_game(seed, setup_black=(19 + seed % 19,) * (seed % 2), black=f"é{seed}") for seed in range(300)]
    write_store(games, tmp_path / "one.parquet")
    monkeypatch.setattr(store_module, "GROUP_GAMES", 40)
    report = write_store(iter(games), tmp_path / "many.parquet")
    one, many = read_store(tmp_path / "one.parquet"), read_store(tmp_path / "many.parquet")
    assert pq.read_metadata(tmp_path / "one.parquet").num_row_groups == 3
    groups = sum(-(-count // 40) for count in report.splits.values())
    assert pq.read_metadata(tmp_path / "many.parquet").num_row_groups == groups > 9
    assert one.fingerprint == many.fingerprint == report.fingerprint
    for split in SPLITS:
        few, some = (read_store(tmp_path / f"{name}.parquet", split) for name in ("one", "many"))
        expected = records_to_games([game for game in games if split_name(game) == split])
        for mine, other, third in zip(few.games, some.games, expected, strict=True):
            np.testing.assert_array_equal(mine, other)
            np.testing.assert_array_equal(mine, third)
        assert few.table.equals(some.table)
        assert len(some.table) == report.splits[split] > 0
        assert set(some.table["split"].to_pylist()) == {split}


def test_the_fingerprint_is_that_of_the_content(tmp_path: Path) -> None:
    games = [a_game(seed) for seed in range(20)]

    def fingerprint(records: Iterable[GameRecord]) -> str:
        return write_store(records, tmp_path / "f.parquet").fingerprint

    usual = fingerprint(games)
    assert fingerprint(games) == usual
    others = [
        games[:-1],
        [games[1], games[0], *games[2:]],
        [image(games[0], 3), *games[1:]],
        [games[0]._replace(komi=6.5), *games[1:]],
        [games[0]._replace(black="A"), *games[1:]],
        [games[0]._replace(black="A", white="B"), *games[1:]],
        [games[0]._replace(black="AB"), *games[1:]],
        [games[0]._replace(handicap=1), *games[1:]],
        [games[0]._replace(setup_black=(50,)), *games[1:]],
    ]
    assert len({usual, *map(fingerprint, others)}) == len(others) + 1


def test_a_table_is_of_the_file_that_was_read(tmp_path: Path) -> None:
    path = tmp_path / "games.parquet"
    write_store([a_game(1), a_game(2)], path)
    store = read_store(path)
    write_store([a_game(1), a_game(2)], path)
    assert store.table["source"].to_pylist() == ["", ""]
    write_store([a_game(3)], path)
    assert len(store.table) == 2  # read once
    store = read_store(path)
    write_store([a_game(4)], path)
    with pytest.raises(HayagoError, match="has changed since"):
        store.table  # noqa: B018


def test_other_stores_are_refused(tmp_path: Path) -> None:
    """Of another version, with other columns, or without a seal; sealed rightly for all that."""
    prepared(tmp_path, [a_game(seed) for seed in range(20)])
    path = tmp_path / "bad.parquet"
    table = pq.read_table(tmp_path / "games.parquet")
    notes = {**pq.read_metadata(tmp_path / "games.parquet").metadata, b"hayago.seal": UNSEALED.encode()}
    del notes[b"ARROW:schema"]

    def write(table: pa.Table, **changed: str) -> None:
        metadata = {**notes, **{f"hayago.{name}".encode(): value.encode() for name, value in changed.items()}}
        pq.write_table(table.replace_schema_metadata(metadata), path)
        if "seal" not in changed:
            with path.open("r+b") as file:
                seal(file)

    write(table)
    assert len(read_store(path)) == 20  # so far, so good
    for changed, values, message in [
        (table, {"version": "99"}, "a store of version 99, not 2"),
        (table, {"version": "1", "seal": ""}, "a store of version 1, not 2"),
        (table, {"seal": ""}, "lost its checksum"),
        (table.drop_columns(["komi"]), {}, "the columns"),
    ]:
        write(changed, **values)
        with pytest.raises(HayagoError, match=message) as caught:
            read_store(path)
        assert len(str(caught.value).splitlines()) == 1


def test_every_damaged_byte_is_noticed(tmp_path: Path) -> None:
    prepared(tmp_path, [a_game(seed) for seed in range(20)])
    good = (tmp_path / "games.parquet").read_bytes()
    path = tmp_path / "bad.parquet"
    footer = len(good) - 8 - int.from_bytes(good[-8:-4], "little")
    mark = good.index(b"sha256:")
    places = {*range(8), *range(8, footer, 61), *range(footer, len(good), 13), *range(len(good) - 8, len(good))}
    for at in sorted(places | {*range(mark - 12, mark + 71)}):
        for change in (0x01, 0x80) if at % 2 else (0xFF,):
            path.write_bytes(good[:at] + bytes([good[at] ^ change]) + good[at + 1 :])
            with pytest.raises(HayagoError, match=r"bad\.parquet: ") as caught:
                read_store(path)
            assert len(str(caught.value).splitlines()) == 1
    for damaged in (good[:footer] + b"x" + good[footer:], good + b"\0", good[: footer // 2] + good[footer // 2 + 1 :]):
        path.write_bytes(damaged)
        with pytest.raises(HayagoError):
            read_store(path)


def test_games_of_one_size_only() -> None:
    with pytest.raises(ValueError, match=r"not \[9, 19\]"):
        records_to_games([a_game(1, 10, 9), a_game(1)])
    assert records_to_games([a_game(1, 10, 9)]).offsets.tolist() == [0, 10]
    assert a_game(1).to_play == BLACK


@pytest.mark.parametrize("letter", [b"x", b"\xb0\xa1", "😀".encode(), b"\xff"])
def test_what_prepare_writes_is_read(letter: bytes, tmp_path: Path) -> None:
    """However long a game's texts are: they have a bound of their own, below that of the store."""
    names = (b"PB", b"PW", b"EV", b"RE", b"RU", b"BR", b"WR")
    texts = b"".join(b"%b[%b]" % (name, letter * 2_000_000) for name in names)
    games = (b"(;SZ[9]%b;B[aa];W[b%b])" % (texts, b"bcdefghi"[n : n + 1]) for n in range(8))
    (tmp_path / "a.sgf").write_bytes(b"".join(games))
    prepare([tmp_path / "a.sgf"], tmp_path / "a.parquet", PrepareOptions(size=9, min_moves=1))
    store = read_store(tmp_path / "a.parquet")
    assert len(store) > 0 and store.table.num_rows == len(store)
