"""GoGui's extensions: set-up, sequences of moves, and views of the network on its board.

Source: GoGui's manual, "Analyze Commands", "Live Graphics", "Setup Commands", "Interrupting Commands", "Compatibility".
A *view* is a command that GoGui offers in its analyze window; `_VIEWS` is that window's list.
"""

import sys
from typing import TYPE_CHECKING

from hayago import __version__
from hayago.gtp.kata import PARAMETERS, SYMMETRIES, set_parameter
from hayago.gtp.protocol import Arguments, Engine, GtpError, colour_points, command, read_colour
from hayago.rules.coordinates import BLACK, WHITE, point_to_vertex

if TYPE_CHECKING:
    from hayago.player.game import Game

LABELLED = 20  # how many of the likeliest points get a number
LINE_LENGTH = 6  # moves of the likeliest line
LIVE_ROUNDS, LIVE_SECONDS = 10, 0.5  # the longest line, see hayago.player.analysis
_VIEWS = (
    "cboard/Policy, Average of 8 Symmetries/hayago-policy_colours average",
    "cboard/Policy, Symmetry 0 to 7/hayago-policy_colours %s",
    "sboard/Policy in Percent, Average of 8 Symmetries/hayago-policy_numbers average",
    "pspairs/Likeliest Moves/hayago-policy_pairs average",
    "gfx/Policy and Likeliest Line/hayago-policy_gfx average",
    "gfx/Policy and Line, Growing (Live Graphics)/hayago-live_gfx",
    "dboard/Ownership by Playouts/hayago-ownership",
    "plist/Ladders That Capture/hayago-ladders capture",
    "plist/Ladders That Escape/hayago-ladders escape",
    "sboard/Feature Plane 0 to 47/hayago-plane %s",
    "hstring/Names of the Planes/hayago-plane_names",
    "param/Ways of Playing/hayago-param",
)


@command("gogui-analyze_commands")
def _analyze_commands(engine: Engine, arguments: Arguments) -> str:
    return "\n".join(_VIEWS)


@command("gogui-title")
def _title(engine: Engine, arguments: Arguments) -> str:
    return f"hayago {__version__}, {engine.game.size}x{engine.game.size}"


@command("gogui-interrupt")
def _interrupt(engine: Engine, arguments: Arguments) -> str:
    """Listed to say that the line `# interrupt` works: like any line, it ends an analysis."""
    return ""


# Set-up and sequences.


@command("gogui-play_sequence")
def _play_sequence(engine: Engine, arguments: Arguments) -> str:
    """Play all of the moves, or none."""
    if not engine.game.accept_all(colour_points(arguments, engine.game.size)):
        raise GtpError("illegal move")
    return ""


@command("gogui-setup")
def _setup(engine: Engine, arguments: Arguments) -> str:
    """Set up stones on an empty board, in any order; each chain must have a liberty."""
    game = engine.game
    stones = colour_points(arguments, game.size)
    if not game.is_empty():
        raise GtpError("board not empty")
    black, white = ([point for colour, point in stones if colour == side] for side in (BLACK, WHITE))
    if not game.set_up(black, white):
        raise GtpError("illegal position")
    engine.clock.reset()
    return ""


@command("gogui-setup_player")
def _setup_player(engine: Engine, arguments: Arguments) -> str:
    colour = arguments.colour(0)
    if engine.game.board.moves:
        raise GtpError("moves have been played")
    engine.game.set_to_play(colour)
    return ""


# Views of the policy. The argument is a symmetry or `average`; a colour may follow.


def _prior(engine: Engine, arguments: Arguments) -> list[float]:
    word = arguments[0] if arguments else "average"
    if word != "average" and word not in map(str, SYMMETRIES):
        raise GtpError("a symmetry is 0 to 7, or average")
    colour = read_colour(arguments[1]) if len(arguments) > 1 else None
    prior: list[float] = engine.game.prior(None if word == "average" else int(word), colour).tolist()
    return prior


def _heat(value: float, most: float) -> str:
    """A colour from pale yellow to red; the square root makes second choices visible."""
    share = (value / most) ** 0.5
    return f"#ff{round(255 - 195 * share):02x}{round(200 * (1 - share)):02x}"


@command("hayago-policy_colours")
def _policy_colours(engine: Engine, arguments: Arguments) -> str:
    prior = _prior(engine, arguments)
    most = max(prior)
    return _board([_heat(value, most) if value > 0.001 else '""' for value in prior], engine.game.size)


@command("hayago-policy_numbers")
def _policy_numbers(engine: Engine, arguments: Arguments) -> str:
    cells = [f"{100 * value:.0f}" if value >= 0.005 else '""' for value in _prior(engine, arguments)]
    return _board(cells, engine.game.size)


@command("hayago-policy_pairs")
def _policy_pairs(engine: Engine, arguments: Arguments) -> str:
    prior = _prior(engine, arguments)
    return _labels(prior, _likeliest(prior), engine.game.size)


@command("hayago-policy_gfx")
def _policy_gfx(engine: Engine, arguments: Arguments) -> str:
    of = "average of 8 symmetries" if not arguments or arguments[0] == "average" else f"symmetry {arguments[0]}"
    engine.game.analyst().refine(moves=LINE_LENGTH)
    return _graphics(engine.game, _prior(engine, arguments), of)


@command("hayago-live_gfx")
def _live_gfx(engine: Engine, arguments: Arguments) -> str:
    """The same, repeatedly on stderr while the line grows, and finally as the reply. The line `# interrupt` ends it
    sooner."""
    analyst = engine.game.analyst()
    for _ in range(LIVE_ROUNDS):
        analyst.refine()
        graphics = _graphics(engine.game, engine.game.prior().tolist(), "average of 8 symmetries")
        sys.stderr.write(f"gogui-gfx:\n{graphics}\n\n")
        sys.stderr.flush()
        if engine.input_within(LIVE_SECONDS):
            break
    return graphics


def _graphics(game: "Game", prior: list[float], of: str) -> str:
    """GoGui's draw commands: the likeliest points, the likeliest line, and their symmetry.

    A later command covers an earlier one. So the labels come after the line, whose first stone then shows its
    probability, and leave out the line's other stones, which keep their numbers. GoGui cuts the text at its end.
    """
    size, likeliest = game.size, _likeliest(prior)
    lines = [f"COLOR {_heat(prior[point], prior[likeliest[0]])} {point_to_vertex(point, size)}" for point in likeliest]
    report = game.analyst().report(most=1)
    colours = ("b", "w") if report.colour == BLACK else ("w", "b")
    line = report.candidates[0].line
    stones = [f"{colours[n % 2]} {point_to_vertex(point, size)}" for n, point in enumerate(line)]
    lines.append(f"VAR {' '.join(stones)}")
    labelled = [point for point in likeliest if point == likeliest[0] or point not in line[1:]]
    if labels := _labels(prior, labelled, size):
        lines.append(f"LABEL {labels}")
    lines.append(f"TEXT Black {100 * report.seen_by(BLACK).winrate:.0f} % by playouts; policy, {of}")
    return "\n".join(lines)


def _likeliest(prior: list[float]) -> list[int]:
    order = sorted(range(len(prior)), key=lambda point: -prior[point])
    return [point for point in order[:LABELLED] if prior[point] > 0.001]


def _labels(prior: list[float], points: list[int], size: int) -> str:
    return " ".join(f"{point_to_vertex(point, size)} {100 * prior[point]:.1f}" for point in points)


@command("hayago-ownership")
def _ownership(engine: Engine, arguments: Arguments) -> str:
    """By playouts: 1 is Black's, -1 White's."""
    ownership = engine.game.judge().ownership.tolist()
    return _board([f"{value:.2f}" for value in ownership], engine.game.size)


# Views of the planes.


@command("hayago-plane")
def _plane(engine: Engine, arguments: Arguments) -> str:
    """One of the 48 planes; its points have an x."""
    from hayago.features.plain import encode
    from hayago.features.planes import PLANES

    number = arguments.integer(0)
    if not 0 <= number < PLANES:
        raise GtpError(f"a plane is 0 to {PLANES - 1}")
    plane = encode(engine.game.board)[number].ravel().tolist()
    return _board(["x" if value else '""' for value in plane], engine.game.size)


@command("hayago-plane_names")
def _plane_names(engine: Engine, arguments: Arguments) -> str:
    from hayago.features.planes import PLANES, plane_name

    return "\n".join(f"{number}: {plane_name(number)}" for number in range(PLANES))


@command("hayago-ladders")
def _ladders(engine: Engine, arguments: Arguments) -> str:
    """The points of the planes `ladder_capture` and `ladder_escape`."""
    from hayago.features.plain import encode
    from hayago.features.planes import SLICE

    kind = arguments.word(0)
    if kind not in ("capture", "escape"):
        raise GtpError("syntax error")
    plane = encode(engine.game.board)[SLICE[f"ladder_{kind}"]].ravel()
    return " ".join(point_to_vertex(int(point), engine.game.size) for point in plane.nonzero()[0])


@command("hayago-param")
def _param(engine: Engine, arguments: Arguments) -> str:
    """GoGui's dialog: the parameters of `kata-set-param`, one per line; with a name and a value, set it."""
    if arguments:
        set_parameter(engine, arguments.word(0), arguments.word(1))
        return ""
    return "\n".join(
        f"[{'/'.join(('list', *values)) if values else 'string'}] {name} {get(engine.game)}"
        for name, (values, get, _) in PARAMETERS.items()
    )


def _board(cells: list[str], size: int) -> str:
    return "\n" + "\n".join(" ".join(cells[start : start + size]) for start in range(0, size * size, size))
