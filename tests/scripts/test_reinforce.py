"""The program that learns by playing itself: who has won, what that does to the policy, and a whole small run."""

import csv
import json
import os
import shutil

import numpy as np
import pytest
import torch

import reinforce
from hayago.features.plain import encode
from hayago.network.model_file import load_model, save_model
from hayago.rules.board import Board
from hayago.rules.coordinates import BLACK, WHITE
from hayago.rules.symmetry import point_maps
from learning import small_model

GAMES = 8
GNUGO = shutil.which("gnugo", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/games"]))


class Recorder:
    """Boards that remember what was played on them."""

    def __init__(self, boards):
        self.boards, self.actions = boards, []

    def reset(self):
        return self.boards.reset()

    def step(self, actions):
        self.actions.append(np.copy(actions))
        return self.boards.step(actions)


def network():
    return reinforce.network_of(small_model(8, planes=48, layers=3, board_size=9))


@pytest.fixture(scope="module")
def games():
    """Some games of a network against itself: their openings, all that was played, what `play` says of them."""
    openings = reinforce.sample_openings(GAMES // 2, 9, reinforce.OPENING_MOVES, 5, by_network=False)
    boards = Recorder(reinforce.make_boards(GAMES))
    played = reinforce.play(boards, openings, network(), network(), 1.0, seed=3)
    return openings, np.array(boards.actions), played


def test_the_winner_has_more_area_and_both_have_each_colour(games):
    openings, actions, played = games
    assert 0 < (played.results > 0).sum() < GAMES  # else this test says little
    for game in range(GAMES):
        board = Board(9, superko=True)
        for point in actions[: played.lengths[game], game].tolist():
            board.play(point)
        assert board.is_over
        assert board.moves[: reinforce.OPENING_MOVES] == list(openings[game % (GAMES // 2)].plays())
        learner = BLACK if game < GAMES // 2 else WHITE
        winner = BLACK if board.area_score(reinforce.KOMI) > 0 else WHITE
        assert played.results[game] == (1 if winner == learner else -1)


def test_a_player_passes_only_where_nothing_sensible_is_left(games):
    _, actions, played = games
    for game in range(GAMES):
        board = Board(9, superko=True)
        for point in actions[: min(played.lengths[game], reinforce.MOVE_LIMIT), game].tolist():
            sensible = board.sensible_points()
            assert sensible[point] if point != reinforce.PASS else not sensible.any()
            board.play(point)


def test_the_moves_kept_are_the_learners(games):
    _, actions, played = games
    moves = played.moves
    assert (moves.points == actions[moves.plies, moves.boards]).all()
    assert (moves.plies % 2 == (moves.boards >= GAMES // 2)).all()  # Black moves at even plies
    kept = sum(int((actions[: played.lengths[game], game] != reinforce.PASS).sum()) for game in range(GAMES))
    assert len(moves.points) > kept / 3


def test_old_memory_shows_in_no_plane(monkeypatch):
    """The encoder's memory of a table is new: nothing but 0 where no stone can stand."""
    real = np.empty

    def dirty(*shape, **options):
        array = real(*shape, **options)
        array.view(np.uint8)[...] = 0xFF
        return array

    monkeypatch.setattr(np, "empty", dirty)
    boards = reinforce.make_boards(3)
    monkeypatch.setattr(np, "empty", real)
    boards.reset()
    planes, *_ = boards.step(np.array([40, 40, 0]))
    for number, point in enumerate([40, 40, 0]):
        board = Board(9)
        board.play(point)
        assert (planes[number] == encode(board)).all()


def log_policy(learner, moves):
    with torch.no_grad():
        logits = torch.log_softmax(reinforce.policy_logits(learner, moves), 1)
    return logits.gather(1, torch.from_numpy(moves.points)[:, None])[:, 0].numpy()


def test_moves_of_won_games_become_likelier_and_those_of_lost_ones_less(games):
    *_, played = games
    moves, learner = played.moves, network()
    won = played.results[moves.boards] > 0
    before = log_policy(learner, moves)
    optimizer = torch.optim.SGD(learner.parameters(), 0.05)
    entropy = reinforce.learn(learner, optimizer, moves, reinforce.Baseline().advantages(played))
    change = log_policy(learner, moves) - before
    assert change[won].mean() > 0 > change[~won].mean()
    assert 1 < entropy < np.log(81)


def test_the_gradient_is_that_of_the_whole_batch(games):
    *_, played = games
    moves, learner = played.moves, network()
    assert len(moves.points) > reinforce.CHUNK
    advantages = np.random.default_rng(0).normal(size=len(moves.points)).astype(np.float32)
    reinforce.learn(learner, torch.optim.SGD(learner.parameters(), 0.0), moves, advantages)
    of_parts = [parameter.grad.clone() for parameter in learner.parameters()]
    learner.zero_grad()
    log_played = torch.log_softmax(reinforce.policy_logits(learner, moves), 1)[
        np.arange(len(moves.points)), moves.points
    ]
    (-(torch.from_numpy(advantages) * log_played).mean()).backward()
    for one, other in zip(of_parts, learner.parameters(), strict=True):
        torch.testing.assert_close(one, other.grad, rtol=1e-3, atol=1e-6)


def test_a_lead_that_decides_games_is_expected_to(games):
    """The side that is ahead wins every game: little is left to be put down to the moves."""
    *_, played = games
    baseline = reinforce.Baseline()
    rng = np.random.default_rng(0)
    for _ in range(30):
        results = rng.choice([-1.0, 1.0], GAMES)
        planes = np.zeros_like(played.moves.planes)
        ahead = results[played.moves.boards] > 0
        planes[ahead, 0, :3] = 1
        planes[~ahead, 1, :3] = 1
        advantages = baseline.advantages(played._replace(results=results, moves=played.moves._replace(planes=planes)))
    assert np.abs(advantages).mean() < 0.3
    assert (np.sign(advantages) == np.sign(results[played.moves.boards])).mean() > 0.8  # and never the other way


def test_positions_are_the_same_however_they_are_turned():
    first, *others = reinforce.sample_openings(50, 9, 4, 1, by_network=False)
    moves = first.moves & 0x1FF
    turned = first._replace(moves=point_maps(9)[5][moves] | (first.moves & ~np.uint16(0x1FF)))
    swapped = first._replace(moves=first.moves[[2, 1, 0, 3]])
    assert reinforce.position_of(first) == reinforce.position_of(turned) == reinforce.position_of(swapped)
    assert len({reinforce.position_of(opening) for opening in others}) > 45


@pytest.fixture
def small(monkeypatch):
    """Matches of a few games."""
    monkeypatch.setattr(reinforce, "MATCH_OPENINGS", 3)
    monkeypatch.setattr(reinforce, "PRACTICE_OPENINGS", 2)
    monkeypatch.setattr(reinforce, "MOVE_LIMIT", 40)


def folder_with_start(path):
    path.mkdir()
    (path / "games.parquet").touch()
    model = small_model(8, planes=48, layers=3, board_size=9)
    (path / "clone").mkdir()
    save_model(path / "clone" / "model.safetensors", model.weights, model.info)
    return path


def run(folder, capsys, iterations, **options):
    words = [f"--{name}={value}" for name, value in {"games": 4, "looks": 3, "pool-every": 1, **options}.items()]
    reinforce.main([str(folder), f"--iterations={iterations}", *words])
    return json.loads(capsys.readouterr().out)


def stop_after_the_first(row, done):
    """What Ctrl-C does after an iteration."""
    raise KeyboardInterrupt


@pytest.mark.slow
def test_a_stopped_run_resumes_as_if_it_had_not_been(tmp_path, capsys, small, monkeypatch):
    whole, parts = folder_with_start(tmp_path / "whole"), folder_with_start(tmp_path / "parts")
    result = run(whole, capsys, 3)
    with monkeypatch.context() as stopped:
        stopped.setattr(reinforce, "say", stop_after_the_first)
        with pytest.raises(SystemExit, match="the same command continues"):
            run(parts, capsys, 3)
    assert run(parts, capsys, 3) == result
    start, learned = load_model(whole / "clone" / "model.safetensors"), load_model(whole / "learned.safetensors")
    assert any((learned.weights[name] != value).any() for name, value in start.weights.items())
    assert result["learned"] == reinforce.weights_hash(learned.weights) != result["start"]
    for match in (result["drawn"], result["likeliest"]):
        assert match["games"] == 6 and match["won"] == match["won_as_black"] + match["won_as_white"]
        assert match["results"].count("+") == match["won"]
    assert learned.info.history[-1]["games"] == 12
    for folder, looks in ((whole, 3), (parts, 3)):
        rows = list(csv.DictReader((folder / "curve.csv").open()))
        assert [row["iteration"] for row in rows] == ["1", "2", "3"]
        assert sum(row["start_likeliest"] != "" for row in rows) == looks
        assert (folder / "curve.png").stat().st_size > 5000


def test_the_first_result_of_a_network_stands(tmp_path, capsys, small):
    folder = folder_with_start(tmp_path / "run")
    run(folder, capsys, 1)
    (folder / "match.json").write_text('{"won": 1}\n')
    assert run(folder, capsys, 1) == {"won": 1}


def test_another_seed_is_another_run(tmp_path, capsys, small):
    folder = folder_with_start(tmp_path / "run")
    run(folder, capsys, 1)
    (folder / "learned.safetensors").unlink()
    with pytest.raises(SystemExit, match=r"learning\.safetensors: was begun with other options"):
        run(folder, capsys, 2, seed=2)


@pytest.mark.slow
@pytest.mark.gnugo
@pytest.mark.skipif(GNUGO is None, reason="gnugo is not installed")
def test_the_start_is_made_of_games_by_gnu_go(tmp_path, capsys, small):
    options = reinforce.Options(tmp_path, gnugo_games=4, clone_positions=128, filters=8, layers=2)
    model = reinforce.make_start(options)
    assert load_model(model).info.board_size == 9
    assert load_model(model).info.history[0]["games"] >= 3
    assert len(list((tmp_path / "games" / "games").glob("*.sgf"))) == 4
