"""Stores that are sealed rightly and hold what `prepare` never writes: each is one line, and no kernel leaves its
arrays."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hayago.cli import main
from hayago.errors import HayagoError
from hayago.features.dataset import encode_games
from hayago.features.incremental import all_positions, encode_positions
from hayago.features.plain import encode
from hayago.features.planes import unpack
from hayago.records.footer import column_counts
from hayago.records.games import POINT_MASK, WHITE_BIT, records_to_games
from hayago.records.prepare import prepare
from hayago.records.sgf import BadRecord, read_sgf
from hayago.records.store import _SCHEMA, read_store
from hayago.rules.board import Board
from hayago.rules.coordinates import BLACK, EMPTY, WHITE
from hostile_stores import Draft, counted, draft_of, reseal, write

Change = Callable[[dict[str, list[Any]], dict[str, str], list[list[Any]]], Any]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, demo_games: Path) -> Draft:
    """A store of 30 games."""
    folder = tmp_path_factory.mktemp("store")
    games = demo_games.read_bytes().split(b"\n(;")
    (folder / "g.sgf").write_bytes(b"\n(;".join(games[:30]))
    prepare([folder / "g.sgf"], folder / "g.parquet")
    return draft_of(folder / "g.parquet")


def changed(draft: Draft, path: Path, change: Change | None = None, schema: pa.Schema = _SCHEMA) -> Path:
    """The store with something changed in (columns, notes, groups); groups that are returned take their place."""
    copy = Draft({name: list(column) for name, column in draft.columns.items()}, dict(draft.notes), [])
    copy = copy._replace(groups=[list(group) for group in draft.groups])
    groups = change(*copy) if change else None
    if groups == "counted":
        groups = counted(copy)
    write(copy, path, schema, groups)
    return path


def codes_of(n: int, codes: list[int], column: str = "moves") -> Change:
    """Game `n` gets these codes, and the groups count them."""

    def change(columns: dict[str, list[Any]], notes: dict[str, str], groups: list[list[Any]]) -> str:
        columns[column][n] = codes
        return "counted"

    return change


def entry(column: str, value: Any) -> Change:
    """The last game gets this value in a column."""
    return lambda columns, notes, groups: columns[column].__setitem__(-1, value)


def note(name: str, value: str) -> Change:
    """The metadata say this."""
    return lambda columns, notes, groups: notes.__setitem__(f"hayago.{name}", value)


def group(place: int, value: Any) -> Change:
    """The first group says this."""
    return lambda columns, notes, groups: groups[0].__setitem__(place, value)


AT_OPENING = {
    "a smaller board": (note("size", "5"), "a move off the board of 5x5"),
    "size 0": (note("size", "0"), "no size of a board"),
    "size 99": (note("size", "99"), "no size of a board"),
    "size of 5,000 digits": (note("size", "9" * 5000), "no size of a board"),
    "size in words": (note("size", "nineteen"), "no size of a board"),
    "size -19": (note("size", "-19"), "no size of a board"),
    "a code off the board": (codes_of(3, [72, 400]), "a move off the board"),
    "a white code off the board": (codes_of(3, [72, 362 | WHITE_BIT]), "a move off the board"),
    "a code with other bits": (codes_of(3, [72 | 0x400]), "a move off the board"),
    "all bits": (codes_of(0, [0xFFFF] * 300), "a move off the board"),
    "a set-up pass": (codes_of(3, [361], "setup"), "a set-up stone off the board"),
    "set-up off the board": (codes_of(3, [500 | WHITE_BIT], "setup"), "a set-up stone off the board"),
    "set-up by the hundred": (codes_of(3, [n % 361 for n in range(9000)], "setup"), "share a point"),
    "two stones on a point": (codes_of(3, [5, 5 | WHITE_BIT], "setup"), "share a point"),
    "set-up unsorted": (codes_of(3, [6, 5], "setup"), "not sorted"),
    "negative moves": (group(2, -5), "a number that is none"),
    "negative games": (group(1, -1), "a number that is none"),
    "no number": (group(2, 1.5), "a number that is none"),
    "true": (group(3, True), "a number that is none"),
    "NaN": (group(3, float("nan")), "a number that is none"),
    "18 TiB of moves": (group(2, 10**13), "more moves than its bytes can hold"),
    "moves beyond 64 bits": (group(2, 10**30), "more moves than its bytes can hold"),
    "fewer moves than there are": (group(2, 1), "more moves or set-up stones than"),
    "more moves than there are": (lambda c, n, g: g[0].__setitem__(2, g[0][2] + 1), "fewer moves or set-up stones"),
    "more stones than there are": (lambda c, n, g: g[0].__setitem__(3, g[0][3] + 1), "fewer moves or set-up stones"),
    "other games": (group(1, 4), "do not have the games"),
    "games beyond the rows": (group(1, 10**12), "do not have the games"),
    "an unknown split": (group(0, "other"), "of no split"),
    "a list for a split": (group(0, ["train"]), "of no split"),
    "too few groups": (lambda c, n, g: [], "do not have the games"),
    "too many groups": (lambda c, n, g: g * 2, "do not have the games"),
    "a group of three": (lambda c, n, g: [g[0][:3]], "no list of groups"),
    "groups that are a number": (note("groups", "7"), "no list of groups"),
    "groups that are null": (note("groups", "null"), "no list of groups"),
    "groups that are an object": (note("groups", '{"train": 1}'), "no list of groups"),
    "groups that are text": (note("groups", '"train"'), "no list of groups"),
    "groups that are no JSON": (note("groups", "[["), "no list of groups"),
    "groups nested deeply": (note("groups", "[" * 100_000), "no list of groups"),
    "a number of 10,000 digits": (note("groups", f'[["train", 1, {"9" * 10_000}, 0]]'), "no list of groups"),
    "no fingerprint": (note("fingerprint", "\x1b[31m"), "no fingerprint"),
    "NULL for moves": (entry("moves", None), "a game without a list"),
    "NULL for set-up": (entry("setup", None), "a game without a list"),
    "NULL among the moves": (codes_of(3, [72, None]), "not a game store"),  # type: ignore[list-item]
}


@pytest.mark.parametrize("name", AT_OPENING)
def test_what_is_found_when_a_store_is_opened(name: str, good: Draft, tmp_path: Path) -> None:
    change, message = AT_OPENING[name]
    path = changed(good, tmp_path / "bad.parquet", change)
    with pytest.raises(HayagoError, match=message) as caught:
        read_store(path)
    assert str(caught.value).startswith(str(path)) and len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("split", "train", "not of the split of its group"),
        ("split", "elsewhere", "not of the split of its group"),
        ("split", None, "an entry is missing"),
        ("key", None, "an entry is missing"),
        ("handicap", None, "an entry is missing"),
        ("black_rank", None, "an entry is missing"),
        ("date", "abcd", "a date that is none"),
        ("date", "2015-1", "a date that is none"),
        ("komi", float("inf"), "a komi that is NaN"),
        ("komi", float("nan"), "a komi that is NaN"),
    ],
)
def test_what_is_found_when_the_table_is_read(
    column: str, value: Any, message: str, good: Draft, tmp_path: Path
) -> None:
    def change(columns: dict[str, list[Any]], notes: dict[str, str], groups: list[list[Any]]) -> Any:
        columns["split"] = ["test"] * len(columns["split"])
        said = counted(Draft(columns, notes, groups))
        columns[column][-1] = value
        return said

    if column == "split":  # the row groups stay what the file says of them
        schema_rows = {**good.columns, "split": ["test"] * len(good.columns["split"])}
        draft = good._replace(columns=schema_rows, groups=counted(good._replace(columns=schema_rows)))
        write_with_one_group(draft, tmp_path / "bad.parquet", value)
    else:
        changed(good, tmp_path / "bad.parquet", change)
    store = read_store(tmp_path / "bad.parquet")
    with pytest.raises(HayagoError, match=message) as caught:
        store.table  # noqa: B018
    assert len(str(caught.value).splitlines()) == 1


def write_with_one_group(draft: Draft, path: Path, split: Any) -> None:
    """A store of one group, whose last game is of another split."""
    columns = {**draft.columns, "split": [*draft.columns["split"][:-1], split]}
    notes = {"hayago.groups": json.dumps(draft.groups), **draft.notes}
    pq.write_table(pa.table(columns, schema=_SCHEMA).replace_schema_metadata(notes), path)
    reseal(path)


def test_text_that_is_not_utf8(good: Draft, tmp_path: Path) -> None:
    bad = pa.array([b"\xff"] * len(good.columns["black"]), pa.binary()).view(pa.string())
    path = changed(good._replace(columns={**good.columns, "black": bad}), tmp_path / "bad.parquet")  # type: ignore[dict-item]
    with pytest.raises(HayagoError):
        read_store(path).table  # noqa: B018


def test_a_store_that_is_only_rewritten_is_read(good: Draft, tmp_path: Path) -> None:
    store = read_store(changed(good, tmp_path / "g.parquet"))
    assert len(store) == len(store.table) == 30


def unplayable(rng: np.random.Generator, kind: str) -> list[int]:
    """The codes of a game with moves on occupied points."""
    points = {
        "the same point": [72] * 200,
        "at random": rng.integers(0, 361, 400).tolist(),
        "few points": rng.integers(0, 12, 400).tolist(),
        "a full board again": [*range(361), *range(361)],
        "chains": [*range(0, 361, 2), *range(0, 361, 2), *range(1, 361, 2)],
    }[kind]
    return [int(p) | (WHITE_BIT if rng.integers(2) else 0) for p in points]


@pytest.mark.parametrize("kind", ["the same point", "at random", "few points", "a full board again", "chains"])
def test_a_move_on_an_occupied_point_stops_the_replay(kind: str, good: Draft, tmp_path: Path) -> None:
    for seed in range(4):
        path = changed(good, tmp_path / "bad.parquet", codes_of(3, unplayable(np.random.default_rng(seed), kind)))
        games = read_store(path).games
        with pytest.raises(HayagoError, match="game 3: a move on an occupied point"):
            encode_positions(games, *all_positions(games), np.zeros(len(all_positions(games)[0]), np.uint8))
        bad: list[BadRecord] = []
        list(encode_games(games, planes=4, on_bad=bad.append))
        assert len(bad) == 1 and str(bad[0]).startswith("game 3: illegal move")


@pytest.mark.parametrize("size", [2, 3, 5, 9])
def test_suicides_and_broken_kos_are_replayed_like_the_board_does(size: int) -> None:
    """Such moves stay on empty points, so they are safe; and the planes are those of the plain encoder."""
    rng = np.random.default_rng(size)
    for _ in range(4):
        board, codes = Board(size), []
        for _ in range(60):
            empty = [p for p in range(size * size) if board.colour_at(p) == EMPTY]
            colour = int(rng.choice([BLACK, WHITE]))
            point = int(rng.choice(empty))
            board.play_tolerant(point, colour)
            codes.append(point | (WHITE_BIT if colour == WHITE else 0))
        (record,) = read_sgf(b"(;SZ[%d])" % size)
        games = records_to_games([record._replace(moves=np.array(codes, np.uint16))])
        game, ply = all_positions(games)
        rows, _ = encode_positions(games, game, ply, np.zeros(len(ply), np.uint8))
        board = Board(size)
        for n, code in enumerate(codes):
            colour = WHITE if code & WHITE_BIT else BLACK
            board.to_play = colour
            np.testing.assert_array_equal(unpack(rows[n : n + 1], 48, size)[0], encode(board))
            board.play_tolerant(code & POINT_MASK, colour)


def test_a_set_up_by_the_program_itself_is_safe() -> None:
    """Arrays of one's own may hold two stones on a point: they are reported as illegal."""
    (record,) = read_sgf(b"(;SZ[9]AB[aa])")
    games = records_to_games([record])
    twice = np.array([0, 0 | WHITE_BIT] * 300, np.uint16)
    bad: list[BadRecord] = []
    games = games._replace(setup=twice, setup_offsets=np.array([0, 600]), codes=np.array([3], np.uint16))
    list(encode_games(games._replace(offsets=np.array([0, 1])), on_bad=bad.append))
    assert list(map(str, bad)) == ["game 0: illegal set-up: a chain without a liberty"]


@pytest.mark.parametrize("command", ["evaluate", "train", "export"])
def test_commands_answer_in_one_line(
    command: str, good: Draft, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, out = str(tmp_path / "bad.parquet"), str(tmp_path / "out")
    argv = {
        "evaluate": ["evaluate", store, "--split", "all", "--limit", "200"],
        "train": [
            *("train", "--games", store, "--out", out, "--filters", "4", "--layers", "2", "--planes", "4"),
            *("--positions", "4096", "--device", "cpu", "--threads", "1", "--validation-positions", "64"),
        ],
        "export": ["export", "--planes", out, store],
    }[command]
    unplayable: Change = lambda columns, notes, groups: columns.__setitem__("moves", [[72, 72, 5]] * 30) or "counted"  # type: ignore[func-returns-value]  # noqa: E731
    for change in (note("size", "5"), unplayable)[: 1 if command == "export" else 2]:
        changed(good, Path(store), change)
        assert main(argv) == 1
        error = capsys.readouterr().err.splitlines()[-1]
        assert error.startswith("hayago: ") and ("bad.parquet" in error or "game 0" in error)
        assert not Path(out).exists() or command == "train"


@pytest.mark.slow
def test_no_hostile_store_ends_a_process(good: Draft, tmp_path: Path) -> None:
    """A fault of memory would end this process too, so each kind has its own."""
    rng = np.random.default_rng(1)
    for kind in ("at random", "few points", "chains"):
        path = changed(good, tmp_path / "bad.parquet", codes_of(0, unplayable(rng, kind)))
        command = [sys.executable, "-m", "hayago", "evaluate", str(path), "--split", "all", "--limit", "500"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 1 and "a move on an occupied point" in done.stderr and "Traceback" not in done.stderr


def bomb(draft: Draft, path: Path, **columns: Any) -> Path:
    """A store whose games have these columns instead; the groups say what they did."""
    table = pa.table({**draft.columns, **columns}, schema=_SCHEMA)
    notes = {"hayago.groups": json.dumps(draft.groups), **draft.notes}
    with pq.ParquetWriter(path, _SCHEMA.with_metadata(notes), compression="zstd", write_statistics=False) as writer:
        first = 0
        for _, games, *_ in draft.groups:
            writer.write_table(table.slice(first, games).replace_schema_metadata(notes), row_group_size=games)
            first += games
    reseal(path)
    return path


@pytest.mark.parametrize("column", ["moves", "setup"])
def test_more_codes_than_are_declared_are_not_decoded(column: str, good: Draft, tmp_path: Path) -> None:
    games = len(good.columns["key"])
    lists = pa.ListArray.from_arrays(
        pa.array(np.arange(games + 1) * 100_000, pa.int32()), pa.array(np.zeros(games * 100_000, np.uint16))
    )
    path = bomb(good, tmp_path / "x.parquet", **{column: lists})
    assert path.stat().st_size < 100_000
    before = pa.total_allocated_bytes()
    with pytest.raises(HayagoError, match="more moves or set-up stones than its groups are said to have"):
        read_store(path)
    assert pa.total_allocated_bytes() - before < 1_000_000


@pytest.mark.parametrize("column", ["black", "source", "event", "date"])
def test_one_long_text_for_all_games_is_not_written_out(column: str, good: Draft, tmp_path: Path) -> None:
    games = len(good.columns["key"])
    path = bomb(good, tmp_path / "x.parquet", **{column: ["x" * 8_000_000] * games})
    assert path.stat().st_size < 100_000
    with pytest.raises(HayagoError, match=r"more text than its bytes can hold|more than its bytes can hold"):
        read_store(path).table  # noqa: B018


def test_texts_that_unpack_to_much_are_refused_when_the_store_is_opened(good: Draft, tmp_path: Path) -> None:
    games = len(good.columns["key"])
    path = bomb(good, tmp_path / "x.parquet", black=[f"{n}" + "x" * 8_000_000 for n in range(games)])
    with pytest.raises(HayagoError, match="more than its bytes can hold"):
        read_store(path)


def test_metadata_that_would_end_the_process(good: Draft, tmp_path: Path) -> None:
    """pyarrow aborts when it is asked about a column whose statistics do not fit it."""
    path = changed(good, tmp_path / "bad.parquet")
    data = path.read_bytes()
    at = data.rindex(b"\x19\x06\x19\x26")  # lists of Thrift's: none, then two numbers
    path.write_bytes(data[:at] + b"\x19\x26" + data[at + 2 :])
    reseal(path)
    command = [sys.executable, "-m", "hayago", "evaluate", str(path), "--split", "all"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (
        1,
        f"hayago: {path}: not a game store, or cut short (make one with hayago prepare)\n",
    )


def test_the_counts_in_the_metadata(good: Draft, tmp_path: Path) -> None:
    path = changed(good, tmp_path / "good.parquet")
    about = pq.read_metadata(path)
    groups = [about.row_group(number) for number in range(about.num_row_groups)]
    with path.open("rb") as file:
        assert column_counts(file) == [
            [group.column(number).num_values for number in range(group.num_columns)] for group in groups
        ]


@pytest.mark.parametrize(
    "footer", [b"", b"\x19", b"\x49\xff\xff\xff\xff\x0f", b"\x1c" * 50_000, b"\x1e\0", b"\x18\xff\x7f", b"\0"]
)
def test_metadata_that_are_none(footer: bytes, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    with (tmp_path / "x").open("rb") as file, pytest.raises(ValueError, match=r"metadata|cut short|no such kind"):
        column_counts(file)


def test_reading_a_store_starts_no_threads(good: Draft, tmp_path: Path) -> None:
    """Those of pyarrow may still run when Python ends, which aborts the process."""
    path = changed(good, tmp_path / "good.parquet")
    code = (
        "import os, sys; from hayago.records.store import read_store\n"
        "count = lambda: len(os.listdir('/proc/self/task'))\n"
        "before = count(); store = read_store(sys.argv[1]); store.table; sys.exit(count() - before)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], timeout=300, check=False).returncode == 0
