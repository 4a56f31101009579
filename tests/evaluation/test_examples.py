"""Which positions are measured, how a paper describes them, and their fingerprint."""

from pathlib import Path

import numpy as np
import pytest

from hayago.errors import HayagoError
from hayago.evaluation.examples import Examples, Facts, choose_examples, facts_of
from hayago.records.games import POINT_MASK, WHITE_BIT, Games, records_to_games
from hayago.records.prepare import PrepareOptions, prepare
from hayago.records.selection import Selection
from hayago.records.sgf import GameRecord, read_sgf, write_sgf
from hayago.records.store import read_store
from hayago.rules.symmetry import point_maps


def record(seed: int, length: int = 40, **fields: object) -> GameRecord:
    points = np.random.default_rng(seed).permutation([p for p in range(361) if p // 19 % 2 == 0])[:length]
    codes = [int(p) | (WHITE_BIT if n % 2 else 0) for n, p in enumerate(points)]
    (empty,) = read_sgf(b"(;SZ[19])")
    return empty._replace(moves=np.array(codes, np.uint16), **fields)


def turned(game: GameRecord, symmetry: int) -> GameRecord:
    moves = point_maps(19)[symmetry][game.moves & POINT_MASK] | game.moves & WHITE_BIT
    return game._replace(moves=moves)


def examples_of(records: list[GameRecord], limit: int = 0, **filters: object) -> Examples:
    facts = [Facts(*(getattr(one, name) for name in Facts._fields)) for one in records]
    return choose_examples(records_to_games(records), facts, Selection(**filters), limit)  # type: ignore[arg-type]


def test_the_fingerprint_is_that_of_the_set() -> None:
    games = [record(1), record(2), record(3)]
    fingerprint = examples_of(games).fingerprint()
    assert len(fingerprint) == 64
    assert examples_of(games[::-1]).fingerprint() == fingerprint
    assert examples_of([turned(game, 5) for game in games]).fingerprint() == fingerprint
    others = [
        examples_of(games[:2]),
        examples_of([*games[:2], record(4)]),
        examples_of(games, limit=119),
        examples_of([*games[:2], record(3, 41)]),
    ]
    long = record(5, 100)
    late = long._replace(moves=long.moves[[*range(97), 99, 98, 97]])  # a different game from move 98
    assert examples_of([long]).fingerprint() != examples_of([late]).fingerprint()
    assert len({fingerprint, *(other.fingerprint() for other in others)}) == 5


def test_only_the_moves_of_strong_players_count() -> None:
    games = [
        record(1, black_rank="7d", white_rank="5d"),
        record(2, black_rank="4d", white_rank="6d?"),
        record(3, black_rank="5d", white_rank="5d"),
        record(4, black_rank="9p", white_rank=""),
    ]
    examples = examples_of(games, moves_by="6d")
    assert [(g, int((examples.game == g).sum())) for g in range(4)] == [(0, 20), (1, 20), (2, 0), (3, 20)]
    white = (examples.codes & WHITE_BIT) != 0
    assert (white == (examples.game == 1)).all()
    assert examples.other_moves == 60
    assert "60 moves by other players" in examples.describe()
    with pytest.raises(HayagoError, match="no game is left"):
        examples_of(games, moves_by="9p", since=2000)


def test_the_line_for_a_paper() -> None:
    passes = record(2)._replace(moves=np.append(record(2).moves, np.uint16(361)))
    games = [
        record(1, date="2005-03-04", black_rank="6d", white_rank="7d", setup_black=(20, 21)),
        passes._replace(date="2007", black_rank="9p"),
        record(3),
    ]
    examples = examples_of(games, limit=60)
    assert examples.describe() == (
        "3 games on 19x19 (2005-2007, 1 without a date; players 6d to 9p, 3 without a rank; 1 with handicap or set-up"
        " stones), 60 positions (left out: 1 passes, all but 60 of 120 positions, evenly spaced), SHA-256 of the set"
        f" {examples.fingerprint()[:16]}"
    )
    assert "(no dates; no ranks; no handicap)" in examples_of([record(1)]).describe()


def test_boards_are_those_of_the_game() -> None:
    game = record(1, setup_black=(1, 20), setup_white=(3,))
    examples = examples_of([record(2), game])
    board = examples.board(len(examples) - 1)
    assert len(board.moves) == 39 and board.to_play == (2 if examples.codes[-1] & WHITE_BIT else 1)
    assert board.setup_stones == ((1, 1), (1, 20), (2, 3))


def kgs_games() -> list[GameRecord]:
    strong = {"black_rank": "7d", "white_rank": "5d"}
    return [
        record(1, date="2015-01-01", **strong),
        record(2, 12, date="2015-12-31", **strong),  # short games are included
        record(3, date="2014-12-31", **strong),
        record(4, date="2015-06-01", handicap=2, setup_black=(1, 20), **strong),
        record(5, date="2015-06-01", black_rank="5d", white_rank="5d"),
        record(6, **strong),
    ]


def test_a_recipe_gives_the_same_positions_by_prepare_and_by_evaluate(tmp_path: Path) -> None:
    (tmp_path / "games.sgf").write_bytes(b"".join(map(write_sgf, kgs_games())))
    report = prepare([tmp_path / "games.sgf"], tmp_path / "recipe.parquet", PrepareOptions(recipe="kgs-2015"))
    assert dict(report.table()) == {"year": 2, "handicap": 1, "rank": 1}
    prepare([tmp_path / "games.sgf"], tmp_path / "all.parquet", PrepareOptions(min_moves=1))
    chosen = []
    for name in ("recipe", "all"):
        store = read_store(tmp_path / f"{name}.parquet")
        chosen.append(choose_examples(store.games, facts_of(store.table), Selection(recipe="kgs-2015")))
    assert [len(examples) for examples in chosen] == [26, 26]  # Black's of 40 and 12 moves
    assert (
        chosen[0].fingerprint() == chosen[1].fingerprint() == examples_of(kgs_games(), recipe="kgs-2015").fingerprint()
    )


def test_recipes() -> None:
    kgs = Selection(recipe="kgs-2015")
    assert (kgs.since, kgs.until, kgs.handicap, kgs.moves_by, kgs.min_rank) == (2015, 2015, "none", "6d", "")
    professional = PrepareOptions(recipe="pro-2024", min_rank="9p")
    assert (professional.since, professional.moves_by, professional.min_rank) == (2024, "", "9p")
    assert (professional.min_moves, PrepareOptions().min_moves) == (1, 30)
    for wrong, message in (
        ({"recipe": "kgs"}, "no such recipe"),
        ({"recipe": "gogod-2015"}, "no such recipe"),
        ({"moves_by": "strong"}, "not a rank"),
        ({"recipe": "kgs-2015", "since": 2010}, "kgs-2015 sets since to 2015"),  # a recipe is the same for everyone
        ({"recipe": "kgs-2015", "moves_by": "1d"}, "kgs-2015 sets moves-by to 6d"),
    ):
        with pytest.raises(HayagoError, match=message):
            Selection(**wrong)  # type: ignore[arg-type]


def test_nothing_to_measure() -> None:
    only_a_pass = Games(19, np.array([361], np.uint16), np.array([0, 1]), np.empty(0, np.uint16), np.array([0, 0]))
    with pytest.raises(HayagoError, match="the games hold no move to predict"):
        choose_examples(only_a_pass)
    weak = [record(1, 1, black_rank="1d", white_rank="7d")]
    with pytest.raises(HayagoError, match="no move by such a player"):
        examples_of(weak, moves_by="6d")


def test_a_limit_spreads_over_the_games() -> None:
    examples = examples_of([record(seed) for seed in range(30)], limit=90)
    assert len(examples) == 90 and examples.available == 1200
    assert len(examples.used) == 30
