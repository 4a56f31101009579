"""`hayago gtp`."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import CycloptsError, Group, Parameter, validators

from hayago.gtp.rules_text import named_rules
from hayago.gtp.setup_lines import Client, setup_text
from hayago.network import BOX
from hayago.rules.game_rules import PRESETS, plain_name

if TYPE_CHECKING:
    from hayago.player.game import Game

_ONE_OF_THEM = Group(validator=validators.mutually_exclusive)
_ONE_TASK = Group(validator=validators.mutually_exclusive)
_IN_JSON = ("--model", "--seed", "--device", "--show-policy")


def _preset(kind: Any, name: str | None) -> None:
    if name is not None and plain_name(name) not in PRESETS:
        raise ValueError(f"it is one of {', '.join(PRESETS)}")


def _one_line(kind: Any, name: str | None) -> None:
    if name is not None and not name.isprintable():
        raise ValueError("it may hold no control characters")  # a line end would end the reply


def gtp(
    *,
    model: Annotated[list[Path] | None, Parameter(negative=())] = None,
    level: Annotated[int | None, Parameter(validator=validators.Number(gte=1, lte=10), group=_ONE_OF_THEM)] = None,
    like_human: Annotated[bool, Parameter(negative=(), group=_ONE_OF_THEM)] = False,
    temperature: Annotated[float | None, Parameter(validator=validators.Number(gte=0, lte=100))] = None,
    top_p: Annotated[float | None, Parameter(validator=validators.Number(gt=0, lte=1))] = None,
    symmetries: Literal[1, 8] | None = None,
    resign: Annotated[float | None, Parameter(validator=validators.Number(gte=0, lte=1))] = None,
    seed: Annotated[int | None, Parameter(validator=validators.Number(gte=0, lt=2**63))] = None,
    rules: Annotated[str | None, Parameter(validator=_preset)] = None,
    device: str = "auto",
    name: Annotated[str | None, Parameter(validator=_one_line)] = None,
    show_policy: Annotated[bool, Parameter(negative=())] = False,
    kgs_chat: Annotated[bool, Parameter(negative=())] = False,
    setup: Annotated[Client | None, Parameter(group=_ONE_TASK)] = None,
    check: Annotated[bool, Parameter(negative=(), group=_ONE_TASK)] = False,
    analysis_json: Annotated[bool, Parameter(negative=(), group=_ONE_TASK)] = False,
) -> Any:
    """Play over GTP. Or print how to set up a Go program, check that all is well, or speak KataGo's analysis protocol.

    Args:
        model: The network to play with; by default the one in the box. May be repeated, one network per board size.
        level: Strength from 1 (weakest) to 10 (strongest).
        like_human: Play each move as often as the network has seen people play it.
        temperature: 0 plays the likeliest move; 1 samples moves as people play them.
        top_p: Sample only among the likeliest moves that together have this probability, with a temperature above 0.
        symmetries: Average the network over so many symmetries of the board.
        resign: Resign when the chance of winning stays below this; by default never.
        seed: Makes the sampled moves repeatable.
        rules: How the game is counted; clients can change it. By tromp-taylor, dead stones are captured before a pass.
        device: auto, cpu, cuda or mps.
        name: The engine's name, by default hayago; some clients depend on it.
        show_policy: In analyses, winrates and points of moves show the policy, for programs that draw nothing else.
        kgs_chat: Answer in the chat of KGS.
        setup: Print what to paste into that Go program.
        check: Load the network, play a move, and report that all is well.
        analysis_json: Answer JSON queries, one per line, as KaTrain sends them.
    """
    # KataGo's JSON protocol has no moves, names or chat, and each query brings its rules.
    playing = (level, temperature, top_p, symmetries, resign, rules, name)
    idle = like_human or kgs_chat or any(value is not None for value in playing)
    if (analysis_json or setup == "katrain") and idle:
        raise CycloptsError(msg=f"with JSON queries only {', '.join(_IN_JSON)} have an effect")
    samples = temperature > 0 if temperature is not None else like_human or level not in (None, 10)
    if top_p is not None and not samples:
        raise CycloptsError(msg="--top-p has an effect only where moves are sampled: give a --temperature above 0")
    paths: list[Path | None] = [*model] if model else [None]
    if setup is not None:
        from hayago.network.board_sizes import sizes_of
        from hayago.network.model_file import load_model, model_paths
        from hayago.player import kernels

        kernels.compile_now()  # so that the Go program's first game need not

        infos = [load_model(each).info for path in paths for each in model_paths(path)]
        sizes = list(sizes_of(infos))
        given: dict[str, Any] = {
            "level": level,
            "temperature": temperature,
            "top-p": top_p,
            "symmetries": symmetries,
            "resign": resign,
            "seed": seed,
            "rules": rules,
            "device": None if device == "auto" else device,
            "name": name,
        }
        options = [
            word for path in model or [] for word in ("--model", str(path if str(path) == BOX else path.resolve()))
        ]
        options += ["--like-human"] * like_human + ["--show-policy"] * show_policy + ["--kgs-chat"] * kgs_chat
        options += [word for key, value in given.items() if value is not None for word in (f"--{key}", str(value))]
        sys.stdout.write(setup_text(setup, options, sizes, infos[0].board_size) + "\n")
        return None

    def load() -> "Game":
        # Imported here, because the first reply must not wait for numpy.
        from dataclasses import replace

        from hayago.network.evaluator import check_answers, make_evaluator
        from hayago.player import kernels
        from hayago.player.game import Game
        from hayago.player.player import Player
        from hayago.player.styles import LEVELS, LIKE_HUMAN, STRONGEST

        style = LIKE_HUMAN if like_human else STRONGEST if level is None else LEVELS[level - 1]
        changes: dict[str, Any] = {"temperature": temperature, "top_p": top_p, "symmetries": symmetries}
        style = replace(style, **{key: value for key, value in changes.items() if value is not None})
        evaluator = make_evaluator(paths, device=device)
        check_answers(evaluator)
        kernels.start()  # all is well so far
        game = Game(Player(evaluator, style, resign=resign, seed=seed))
        if rules is not None:
            game.rules = named_rules(rules, PRESETS[plain_name(rules)].komi)
        return game

    if check:
        from hayago.player import kernels

        kernels.compile_now()
        sys.stdout.write(_check(load) + "\n")
        return None
    if analysis_json:
        from hayago.gtp.kata_json import serve_json

        serve_json(load, show_policy=show_policy)
        return None
    return load()


def _check(load: Any) -> str:
    """One line about how long loading and playing took."""
    began = time.monotonic()
    game = load()
    loaded = time.monotonic()
    point = game.choose(1)
    from hayago.network.board_sizes import named_sizes
    from hayago.rules.coordinates import point_to_vertex

    move = "resign" if point is None else point_to_vertex(point, game.size)
    sizes = named_sizes(game.sizes)
    return (
        f"all is well: loaded in {loaded - began:.1f} s for boards of {sizes}, "
        f"first move {move} in {time.monotonic() - loaded:.2f} s"
    )
