"""Learning only the moves of some players: by name, or by rank."""

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hayago.cli import main
from hayago.errors import HayagoError
from hayago.evaluation.examples import choose_examples, facts_of
from hayago.records.games import POINT_MASK, colour_of_code
from hayago.records.prepare import PrepareOptions, write_store
from hayago.records.selection import Selection
from hayago.records.sgf import scan_sgf
from hayago.records.store import read_store
from hayago.rules.coordinates import BLACK, WHITE
from hayago.training.batches import Sampler
from hayago.training.config import TrainingConfig
from hayago.training.loop import train

PEOPLE = [("Ada", "3d"), ("Bo", "1d"), ("Cy", "2k"), ("Di", "9p"), ("Eve", "")]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Games of 9x9 between five people, each with each, with a pass in the middle."""
    path = tmp_path_factory.mktemp("movers") / "games.parquet"
    texts = []
    for one, (black, black_rank) in enumerate(PEOPLE):
        for other, (white, white_rank) in enumerate(PEOPLE):
            for number in range(4):
                points = np.random.default_rng([one, other, number]).permutation(81)[:24].tolist()
                places = ["abcdefghi"[point // 9] + "abcdefghi"[point % 9] for point in points]
                places[9] = ""
                moves = "".join(f";{'BW'[n % 2]}[{place}]" for n, place in enumerate(places))
                texts.append(f"(;SZ[9]PB[{black}]PW[{white}]BR[{black_rank}]WR[{white_rank}]{moves})")
    write_store(scan_sgf("".join(texts).encode()), path, PrepareOptions(size=9, min_moves=1))
    return path


@pytest.mark.parametrize(
    ("filters", "people"),
    [
        ({}, {"Ada", "Bo", "Cy", "Di", "Eve"}),
        ({"player": "Ada"}, {"Ada"}),
        ({"player": " ada "}, {"Ada"}),
        ({"moves_by": "1d"}, {"Ada", "Bo", "Di"}),
        ({"moves_by": "2k-1d"}, {"Bo", "Cy"}),
        ({"moves_by": "3d-3d"}, {"Ada"}),
        ({"moves_by": "1p"}, {"Di"}),
        ({"moves_by": "1d", "player": "Bo"}, {"Bo"}),
    ],
)
def test_whose_moves(store: Path, filters: dict[str, str], people: set[str]) -> None:
    """The sampler, evaluate's examples, and the records themselves agree on which moves these are."""
    games = read_store(store)
    movers = games.movers(Selection(**filters))
    sampler = Sampler(games.games, 0, games_per_block=10, positions_per_game=0, movers=movers)
    wanted = set()
    for game, (black, white) in enumerate(
        zip(*(games.table[side].to_pylist() for side in ("black", "white")), strict=True)
    ):
        first, end = games.games.offsets[game : game + 2]
        for ply, code in enumerate(games.games.codes[first:end].tolist()):
            if code & POINT_MASK != 81 and {BLACK: black, WHITE: white}[colour_of_code(code)] in people:
                wanted.add((game, ply))
    found: set[tuple[int, int]] = set()
    blocks = -(-len(games) // 10)
    for positions, _ in islice(sampler.blocks(0, 0), blocks):
        found |= set(zip(positions.game.tolist(), positions.ply.tolist(), strict=True))
    assert found == wanted and sampler.positions_per_epoch == len(wanted)
    examples = choose_examples(games.games, facts_of(games.table), Selection(**filters))
    assert set(zip(examples.game.tolist(), examples.ply.tolist(), strict=True)) == wanted


def test_some_positions_of_each_game_are_of_the_player_alone(store: Path) -> None:
    games = read_store(store)
    movers = games.movers(Selection(player="Ada"))
    positions, _ = next(Sampler(games.games, 0, 1000, 3, movers=movers).blocks(0, 0))
    codes = games.games.codes[games.games.offsets[positions.game] + positions.ply]
    names = {BLACK: games.table["black"].to_pylist(), WHITE: games.table["white"].to_pylist()}
    players = [
        names[colour_of_code(code)][game] for code, game in zip(codes.tolist(), positions.game.tolist(), strict=True)
    ]
    assert set(players) == {"Ada"}
    assert np.bincount(positions.game).max() == 3


def run_of(store: Path, out: Path, **options: Any) -> TrainingConfig:
    shape = {"filters": 4, "layers": 3, "positions": 64, "batch_size": 16, "device": "cpu", "threads": 1}
    return TrainingConfig(games=store, out=out, validation_positions=16, validations=1, **{**shape, **options})


def test_a_run_learns_them_and_says_so(store: Path, tmp_path: Path) -> None:
    from hayago.network.model_file import load_model

    models = [
        load_model(train(run_of(store, tmp_path / str(n), player=name)).model) for n, name in enumerate(("", "Ada"))
    ]
    assert [model.info.history[0]["config"]["player"] for model in models] == ["", "Ada"]
    assert not np.array_equal(*(model.weights["last.weight"] for model in models))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--player", "Nemo"], "no training game has a move by Nemo"),
        (["--moves-by", "9d-9d"], "no training game has a move by players of that rank"),
        (["--moves-by", "1d-3k"], "not a rank, nor from one to another: '1d-3k'"),
        (["--moves-by", "strong"], "not a rank, nor from one to another: 'strong'"),
        (["--moves-by", "1d-"], "not a rank, nor from one to another: '1d-'"),
    ],
)
def test_what_there_is_not_is_said_in_one_line(
    store: Path, tmp_path: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    code = main(["train", "--games", str(store), "--out", str(out), "--positions", "64", *words])
    err = capsys.readouterr().err
    assert code == 1 and message in err and err.count("\n") == 1 and not out.exists()


def test_prepare_and_evaluate_take_them_too(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "(;SZ[9]PB[Ada]PW[Bo];B[aa];W[bb];B[cc])(;SZ[9]PB[Cy]PW[Di];B[ee];W[bb];B[cc])"
    games = tmp_path / "games.sgf"
    games.write_text(text)
    out = tmp_path / "kept.parquet"
    assert main(["prepare", str(games), "--size", "9", "--min-moves", "1", "--player", "bo", "--out", str(out)]) == 0
    assert read_store(out).table["white"].to_pylist() == ["Bo"]
    capsys.readouterr()
    assert main(["evaluate", str(games), "--player", "Ada"]) == 0
    said = capsys.readouterr().out
    assert "2 positions" in said and "1 moves by other players" in said
    assert main(["evaluate", str(games), "--player", "Nemo"]) == 1
    with pytest.raises(HayagoError, match="rank"):
        Selection(moves_by="x")
