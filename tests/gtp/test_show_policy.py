"""`--show-policy`: winrates and points on the candidates show the policy, in each format; nothing else changes."""

import json
import math
import re

import pytest

from fakes import FixedEvaluator
from gtp_engines import FixedJudge, answers, engine_of, game_of
from hayago.cli import _manner
from hayago.gtp.kata_json import Task, analyse, read
from hayago.gtp.protocol import Manner

SHOWING = Manner(show_policy=True)


def candidates(engine, line):
    """(move, winrate, lead, prior) of each candidate."""
    reply = engine.answer(line)
    scale = 1 if line.startswith("kata") else 10000
    found = []
    for part in reply.partition(" rootInfo")[0].split("info move ")[1:]:
        words = ["move", *part.partition(" pv ")[0].split()]
        values = dict(zip(words[::2], words[1::2], strict=True))
        assert values["lcb"] == values["winrate"]
        lead = float(values.get("scoreLead", "nan"))
        found.append((values["move"], float(values["winrate"]) / scale, lead, float(values["prior"]) / scale))
    return found


@pytest.mark.parametrize("line", ["lz-analyze b", "kata-analyze b", "analyze b", "kata-genmove_analyze b"])
def test_the_winrate_of_a_move_is_its_prior(line):
    told = candidates(engine_of(manner=SHOWING), line)
    assert len(told) > 4
    assert all(winrate == prior for _, winrate, _, prior in told)
    assert len({round(winrate, 3) for _, winrate, _, _ in told}) > 2  # what a program draws differs
    plain = candidates(engine_of(), line)
    assert {winrate for _, winrate, _, _ in plain} == {0.75}
    assert [(move, prior) for move, *_, prior in told] == [(move, prior) for move, *_, prior in plain]


@pytest.mark.parametrize("line", ["kata-analyze w", "analyze w"])
def test_points_look_lost_by_the_logarithm_of_the_prior(line):
    """As KaTrain's ScoreLoss weighs moves: by exp(-0.2 points), so in proportion to the prior."""
    told = candidates(engine_of(manner=SHOWING), line)
    best, lead = told[0][3], told[0][2]
    assert lead == -2.5  # the position's, on the likeliest move
    for _, _, shown, prior in told:
        if prior > 0.01:
            assert math.exp(0.2 * (lead - shown)) == pytest.approx(best / prior, rel=0.02)


def test_equal_priors_look_equal_and_none_is_lost_without_bounds():
    import numpy as np

    engine = engine_of(FixedEvaluator(5, np.zeros(25, np.float32)), manner=SHOWING)
    assert len({(winrate, lead) for _, winrate, lead, _ in candidates(engine, "kata-analyze b")}) == 1
    logits = np.full(25, -200, np.float32)
    logits[0] = 0
    engine = engine_of(FixedEvaluator(5, logits), manner=SHOWING)
    leads = [lead for _, _, lead, _ in candidates(engine, "kata-analyze b minmoves 25")]
    assert len(leads) == 25 and leads[0] == 2.5 and min(leads) > 2.5 - 70


def test_the_position_keeps_its_judgement():
    for line in (
        "kata-analyze b rootInfo true ownership true",
        "heatmap",
        "kata-raw-nn 0",
        "cgos-analyze b",
        "final_score",
    ):
        showing, plain = engine_of(manner=SHOWING).answer(line), engine_of().answer(line)
        cut = "rootInfo" if "rootInfo" in line else "="
        assert showing[showing.index(cut) :] == plain[plain.index(cut) :], line


@pytest.mark.parametrize("form", ["genmove b", "lz-genmove_analyze b", "cgos-genmove_analyze b", "reg_genmove b"])
def test_moves_are_the_same(form):
    moves = [re.findall(r"(?:= |play )([A-Z]\d|PASS|pass)$", answers(each, form)[0]) for each in
             (engine_of(manner=SHOWING), engine_of())]  # fmt: skip
    assert moves[0] == moves[1] and len(moves[0]) == 1


@pytest.mark.parametrize("view", ["BLACK", "WHITE", "SIDETOMOVE"])
@pytest.mark.parametrize("mover", ["B", "W"])
def test_katrain_draws_the_policy(view, mover):
    """KaTrain's points lost are the position's lead less the move's, for the colour to play."""
    query = {"id": "q", "moves": [], "initialPlayer": mover, "rules": "chinese", "boardXSize": 5, "boardYSize": 5,
             "komi": 1, "overrideSettings": {"reportAnalysisWinratesAs": view}}  # fmt: skip
    game = game_of(FixedEvaluator(), judge=FixedJudge())
    told = analyse(game, Task(read(query), 0), show_policy=True)
    plain = analyse(game, Task(read(query), 0))
    assert told["rootInfo"] == plain["rootInfo"]
    sign = 1 if view == "SIDETOMOVE" or view[0] == mover else -1
    lost = [round(sign * (told["rootInfo"]["scoreLead"] - info["scoreLead"]), 2) for info in told["moveInfos"]]
    assert lost[0] == 0 and lost == sorted(lost) and lost[-1] > 2
    for info in told["moveInfos"]:
        winrate = info["winrate"] if sign == 1 else 1 - info["winrate"]
        assert winrate == pytest.approx(info["prior"], abs=1e-5)
    assert len({(info["winrate"], info["scoreLead"]) for info in plain["moveInfos"]}) == 1
    json.dumps(told)


def test_the_option_reaches_the_engine():
    assert _manner(["gtp", "--show-policy"]) == Manner(show_policy=True)
    assert _manner(["gtp", "--name", "x", "--kgs-chat"]) == Manner("x", chat=True)
    assert _manner(["gtp"]) == Manner()
