"""From examples to outcomes: nothing is lost or counted twice, whatever the batches, planes and symmetries."""

import numpy as np
import pytest
from numpy.typing import NDArray

from hayago.errors import HayagoError
from hayago.evaluation import outcomes
from hayago.evaluation.evaluation import Evaluation, conclude, learned_from
from hayago.evaluation.examples import Examples, choose_examples
from hayago.evaluation.formatting import as_dict, as_text
from hayago.evaluation.move_predictors import LOST, Answers
from hayago.evaluation.outcomes import SYMMETRY_SETS, TEMPERATURES, averaged, fit_temperatures, measure, priors
from hayago.features.incremental import encode_positions
from hayago.network.evaluator import Evaluator, make_evaluator
from hayago.network.model_file import ModelInfo
from hayago.records.games import POINT_MASK, Games
from hayago.records.store import read_store
from hayago.rules.symmetry import point_maps
from learning import demo_games, small_model, store_path


class Fake:
    """Returns the given logits, one row after another."""

    def __init__(self, logits: NDArray[np.float32], size: int = 19, planes: int = 48, fingerprint: str = "") -> None:
        self.info = ModelInfo(8, planes, 13, size, data_fingerprint=fingerprint)
        self.sizes = {size: self.info}
        self._rows = iter(logits)

    def logits(self, rows: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.array([next(self._rows) for _ in rows], np.float32)


def first_moves(count: int) -> Games:
    """The first demonstration game, cut to `count` moves."""
    games = demo_games()
    return Games(19, games.codes[:count], np.array([0, count]), np.empty(0, np.uint16), np.array([0, 0]))


def evaluated(evaluators: dict[str, Evaluator], examples: Examples, **options: object) -> Evaluation:
    return conclude(examples, measure(evaluators, examples, **options))  # type: ignore[arg-type]


def test_ranks_and_cross_entropy() -> None:
    games = first_moves(4)
    labels = (games.codes & POINT_MASK).astype(int)
    others = [point for point in range(361) if point not in labels]
    logits = np.zeros((4, 361), np.float32)
    logits[0, labels[0]] = 9  # first
    logits[1, labels[1]] = 5  # fifth
    logits[1, others[:4]] = 9
    logits[2, labels[2]] = 5  # sixth
    logits[2, others[:5]] = 9
    # the fourth: all equal, and ties count against the network
    found = as_dict(evaluated({"fake": Fake(logits)}, choose_examples(games), rows=3))
    assert (found["top1"], found["top5"], found["top6"]) == (0.25, 0.5, 0.75)
    assert (found["positions"], found["games"], found["intervals"]["top1"]) == (4, 1, None)
    exact = logits.astype(float)
    expected = np.mean([np.log(np.exp(row).sum()) - row[label] for row, label in zip(exact, labels, strict=True)])
    assert found["cross_entropy"] == pytest.approx(expected)
    assert found["perplexity"] == pytest.approx(np.exp(expected))
    assert found["mean_rank"] == pytest.approx((1 + 5 + 6 + 361) / 4)


def test_every_example_is_measured_once_in_its_place() -> None:
    games = demo_games()
    examples = choose_examples(games, limit=151)
    evaluator = make_evaluator(small_model(layers=2), threads=1)
    rows, labels = encode_positions(games, examples.game, examples.ply, np.zeros(151, np.uint8))
    logits = evaluator.logits(rows)
    ranks = (logits >= logits[np.arange(151), labels][:, None]).sum(1) - 1
    for size in (7, 64, 1000):  # rows in a part: many parts, few, one
        done: list[int] = []
        measured = measure({"net": evaluator}, examples, rows=size, progress=lambda now, _, done=done: done.append(now))
        assert measured.outcomes["net"].rank.tolist() == ranks.tolist()
        assert len(measured.tactics.stones) == 151
        assert done == [*range(size, 151, size), 151]
        assert measured.plain == {}


def test_networks_of_all_planes_sets_see_the_same_positions() -> None:
    examples = choose_examples(demo_games(), limit=40)
    networks = {str(planes): make_evaluator(small_model(planes=planes, layers=2), threads=1) for planes in (4, 20, 48)}
    measured = measure(networks, examples)
    for name, evaluator in networks.items():
        rows, labels = encode_positions(examples.games, examples.game, examples.ply, np.zeros(40, np.uint8), int(name))
        logits = evaluator.logits(rows)
        ranks = (logits >= logits[np.arange(40), labels][:, None]).sum(1) - 1
        assert measured.outcomes[name].rank.tolist() == ranks.tolist()


@pytest.mark.parametrize("symmetries", SYMMETRY_SETS)
def test_symmetries_average_probabilities_on_the_board_as_it_is(symmetries: int) -> None:
    examples = choose_examples(demo_games(), limit=30)
    evaluator = make_evaluator(small_model(layers=2), threads=1)
    total = np.zeros((30, 361))
    for s in SYMMETRY_SETS[symmetries]:
        rows, _ = encode_positions(examples.games, examples.game, examples.ply, np.full(30, s, np.uint8))
        logits = evaluator.logits(rows).astype(np.float64)
        shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        total += shares[:, point_maps(19)[s, :-1]] / symmetries
    np.testing.assert_allclose(priors(evaluator, examples, symmetries), total, rtol=1e-4, atol=1e-7)
    measured = measure({"net": evaluator}, examples, symmetries=symmetries)
    played = total[np.arange(30), examples.codes & POINT_MASK]
    np.testing.assert_allclose(measured.outcomes["net"].log_prior[:, 0], np.log(played), rtol=1e-4)
    if symmetries > 1:
        alone = measure({"net": evaluator}, examples).outcomes["net"]
        assert measured.plain["net"].rank.tolist() == alone.rank.tolist()
        gain = conclude(examples, measured).models[0].gain
        assert gain is not None
        expected = alone.log_prior[:, 0].mean() - np.log(played).mean()
        assert gain.cross_entropy.value == pytest.approx(expected, abs=1e-5)
        assert gain.cross_entropy_without.value == pytest.approx(-alone.log_prior[:, 0].mean(), rel=1e-5)


def test_the_sets_of_symmetries_are_groups() -> None:
    maps = point_maps(5)
    for symmetries, members in SYMMETRY_SETS.items():
        assert len(members) == symmetries and members[0] == 0
        images = {tuple(maps[s]) for s in members}
        assert {tuple(maps[a][maps[b]]) for a in members for b in members} == images


def test_an_average_of_very_sure_networks_is_not_nan() -> None:
    logits = np.full((8, 361), -1e30, np.float32)
    logits[np.arange(8), point_maps(19)[:, 5]] = 1e30
    mean = averaged(logits, 8)
    assert mean[0, 5] == 0 and np.isfinite(mean).all()


def test_temperatures() -> None:
    examples = choose_examples(demo_games(), limit=200)
    evaluator = make_evaluator(small_model(layers=2), threads=1)
    fitted = fit_temperatures({"net": evaluator}, examples)
    (model,) = evaluated({"net": evaluator}, examples, fitted=fitted).models
    assert model.fit is not None and model.temperatures == (*TEMPERATURES, fitted["net"])
    assert model.fit.gain.value > 0  # fitted on these examples
    assert model.fit.cross_entropy.value == pytest.approx(model.summary.cross_entropy.value - model.fit.gain.value)
    # Two sums over the same positions in a different order: equal except for rounding.
    assert tuple(model.fit.sampled) == pytest.approx(tuple(model.summary.sampled[-1]))
    heats = sorted(zip(model.temperatures, model.summary.sampled, strict=True))
    assert len({measure.value for _, measure in heats}) == len(heats)


def test_side_by_side() -> None:
    examples = choose_examples(first_moves(40))
    played = (examples.codes & POINT_MASK).astype(int)
    always, half = (np.zeros((40, 361), np.float32) for _ in range(2))
    always[np.arange(40), played] = 9
    half[np.arange(40), np.where(np.arange(40) % 2, played, 360)] = 9
    points = played[::4].astype(np.uint16)
    points[:3] = LOST, 361, 0
    engine = Answers("engine", np.arange(0, 40, 4), points, illegal=1, passes=1, lost={"it fell over": 1})
    measured = measure({"one": Fake(always), "two": Fake(half)}, examples)
    found = conclude(examples, measured, [engine], ["it fell over"])
    networks, first, second = found.differences
    assert (networks.ours, networks.theirs, networks.positions) == ("one", "two", 40)
    assert networks.top1.value == -0.5
    assert (first.positions, first.ours_top1.value, first.theirs_top1.value) == (9, 1.0, 7 / 9)
    assert second.ours_top1.value == 0  # every fourth move is one that the second network never names
    text = as_text(found)
    assert "nan" not in text  # of a single game
    assert "engine compared with one on 9 positions" in text and "difference -22.22" in text
    assert "asked 10, answered 9, including 1 passes or resignations and" in text
    assert "1 illegal moves; 1 positions lost" in text
    assert as_dict(found)["engines"][0]["lost"] == {"it fell over": 1}
    assert as_dict(found)["notes"] == ["it fell over"]


def test_networks_that_do_not_fit_are_refused() -> None:
    examples = choose_examples(first_moves(1))
    zeros = np.zeros((1, 361), np.float32)
    for network, message in (
        (Fake(zeros[:, :81], size=9), "9x9, the games on 19x19"),
        (Fake(zeros, planes=10), "10 planes"),
        (Fake(zeros * np.nan), "NaN or infinite values"),
    ):
        with pytest.raises(HayagoError, match=message):
            measure({"net": network}, examples)


def test_games_learned_from_are_counted() -> None:
    info, trained = (ModelInfo(8, data_fingerprint=fingerprint) for fingerprint in ("", "ab"))
    examples = choose_examples(demo_games())
    held_out = choose_examples(read_store(store_path(), "test").games)
    assert learned_from(info, examples) == 0
    assert learned_from(trained, examples) == len(examples.used)
    assert learned_from(trained, held_out) == 0
    keys = frozenset(read_store(store_path(), "train").table["key"].to_pylist()[:5])
    assert learned_from(trained, examples, ("ab", keys)) == 5
    assert learned_from(trained, held_out, ("ab", keys)) == 0
    with pytest.raises(HayagoError, match="was trained on store ab, not on cd"):
        learned_from(trained, examples, ("cd", keys))
    run = {"games": 1, "steps": 1, "positions": 1, "config": {}}
    tuned = ModelInfo(
        8, data_fingerprint="ab", history=({**run, "data_fingerprint": "cd"}, {**run, "data_fingerprint": "ab"})
    )
    for fingerprint in ("ab", "cd"):
        assert learned_from(tuned, examples, (fingerprint, keys)) == 5
    with pytest.raises(HayagoError, match="was trained on store ab and cd, not on ef"):
        learned_from(tuned, examples, ("ef", keys))


def test_a_failure_while_outcomes_are_kept_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no room")

    monkeypatch.setattr(outcomes, "averaged", fail)
    with pytest.raises(RuntimeError, match="no room"):
        measure({"net": Fake(np.zeros((9, 361), np.float32))}, choose_examples(first_moves(9)))
