"""The routes of the API and of the page. Thin: what they do is in `room`, what they show in `views`."""

import asyncio
import mimetypes
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, get_args

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from hayago import __version__
from hayago.deferred import is_settled
from hayago.errors import HayagoError
from hayago.rules.board import Board, IllegalMove
from hayago.rules.game_rules import PRESETS
from hayago.web import schema
from hayago.web.guard import SGF_BYTES, SGF_PATH, SGF_TYPE
from hayago.web.room import CLIENT_GONE, GAMES, MOVES, Refused, Room, WebGame, which
from hayago.web.views import describe_rules, show_overlays, show_planes, show_policy, show_position

STATIC = Path(__file__).parent / "static"
LONGEST = 300  # most characters of an error message
AT_ONCE = 16  # requests at a time that use the network or playouts, or bring a file; others are told to come back
REVIEWS = 8  # of them, parts of reviews; the rest is left for what takes less long

api = APIRouter(prefix="/api", responses={each: {"model": schema.Problem} for each in ("4XX", "5XX")})


async def _room(request: Request) -> Room:
    room: Room = request.app.state.room
    return room


TheRoom = Annotated[Room, Depends(_room)]


async def _game(id: str, room: TheRoom) -> WebGame:
    return room.get(id)


@asynccontextmanager
async def _one_of(request: Request, what: str, most: int) -> AsyncIterator[None]:
    """Take one of the places for such work, which `app.state` counts under this name."""
    state = request.app.state
    taken = getattr(state, what)
    if taken >= most:
        raise Refused(429, f"too many {what} at once: try again in a moment")
    setattr(state, what, taken + 1)
    try:
        yield
    finally:
        setattr(state, what, getattr(state, what) - 1)


async def _seat(request: Request) -> AsyncIterator[None]:
    """A place for work, so that threads are left for other requests."""
    async with _one_of(request, "requests", AT_ONCE):
        yield


async def _seat_to_review(request: Request) -> AsyncIterator[None]:
    async with _one_of(request, "reviews", REVIEWS):
        yield


async def _watch(request: Request) -> AsyncIterator[None]:
    """Let the network's part of the work end when the client goes. The body must have been read."""
    gone = threading.Event()
    CLIENT_GONE.set(gone)

    async def wait() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        gone.set()

    waiting = asyncio.create_task(wait())
    try:
        yield
    finally:
        waiting.cancel()


TheGame = Annotated[WebGame, Depends(_game)]
Ply = Annotated[int, Field(ge=0)]
UPLOAD = [Depends(_seat)]
WORK = [*UPLOAD, Depends(_watch)]


def _board(game: WebGame, ply: int) -> Board:
    with game.lock:
        return game.board_at(ply)


def _changed(game: WebGame, change: Callable[[], None] = lambda: None) -> schema.GameState:
    """The game after a change, or as it is."""
    with game.lock:
        change()
        return game.show()


@api.get("/about")
def about(request: Request, room: TheRoom) -> schema.About:
    """The network, the levels, the rules and the bounds."""
    info = room.evaluator.info
    trained = sum(run.get("positions", 0) for run in info.history)
    return schema.About(
        version=__version__,
        model=schema.ModelAbout(
            name=request.app.state.model_name,
            filters=info.filters,
            layers=info.layers,
            planes=info.planes,
            board_size=info.board_size,
            sizes=list(room.evaluator.sizes),
            positions_trained=trained or None,
        ),
        levels=room.levels(),
        rules=[
            schema.RulesAbout(name=name, text=describe_rules(PRESETS[name]), komi=PRESETS[name].komi)
            for name in get_args(schema.Rules)
        ],
        limits=schema.Limits(sgf_bytes=SGF_BYTES, games=GAMES, moves=MOVES),
        compiling=not is_settled(),
    )


@api.post("/games", status_code=201)
def new_game(asked: schema.NewGame, room: TheRoom) -> schema.GameState:
    """Start a game to play."""
    return _changed(room.begin(asked))


_SGF_BODY = {"required": True, "content": {SGF_TYPE: {"schema": {"type": "string", "format": "binary"}}}}


@api.post(SGF_PATH.removeprefix("/api"), status_code=201, dependencies=UPLOAD, openapi_extra={"requestBody": _SGF_BODY})
async def review_game(request: Request, room: TheRoom) -> schema.GameState:
    """Start a review of an SGF file: its first game, the main line."""
    data = await request.body()
    return await run_sync(lambda: _changed(room.take_up(data)))


@api.get("/games/{id}")
def get_game(game: TheGame) -> schema.GameState:
    return _changed(game)


@api.delete("/games/{id}", status_code=204)
def drop_game(id: str, room: TheRoom) -> None:
    room.drop(id)


@api.get("/games/{id}/positions/{ply}")
def position(game: TheGame, ply: Ply) -> schema.Position:
    return show_position(_board(game, ply))


@api.post("/games/{id}/moves")
def play(game: TheGame, asked: schema.AskedMove) -> schema.GameState:
    """The user's move."""
    return _changed(game, lambda: game.play(asked.vertex))


@api.post("/games/{id}/reply", dependencies=WORK)
def reply(game: TheGame) -> schema.GameState:
    """The network's move, at the game's level."""
    return _changed(game, game.reply)


@api.post("/games/{id}/undo")
def undo(game: TheGame) -> schema.GameState:
    """Take back to the user's last turn."""
    return _changed(game, game.undo)


@api.post("/games/{id}/resign")
def resign(game: TheGame, asked: schema.Resignation) -> schema.GameState:
    return _changed(game, lambda: game.resign(asked.colour))


@api.get("/games/{id}/score", dependencies=WORK)
def score(game: TheGame) -> schema.Score:
    """The last position, counted as it stands; playouts decide which stones are dead."""
    with game.lock:
        return game.score()


@api.get("/games/{id}/policy/{ply}", dependencies=WORK)
def policy(
    game: TheGame,
    ply: Ply,
    temperature: Annotated[float, Query(ge=0, le=100, allow_inf_nan=False)] = 1.0,
    symmetry: schema.Symmetry = "average",
) -> schema.Policy:
    """The network's view of a position."""
    board = _board(game, ply)
    prior = game.player.priors([board], which(symmetry))[0]
    return show_policy(board, prior, temperature, symmetry)


@api.get("/games/{id}/planes/{ply}")
def planes(game: TheGame, ply: Ply) -> schema.Planes:
    return show_planes(_board(game, ply))


@api.get("/games/{id}/overlays/{ply}")
def overlays(game: TheGame, ply: Ply) -> schema.Overlays:
    return show_overlays(_board(game, ply))


@api.get("/games/{id}/review", dependencies=[Depends(_seat_to_review), *WORK])
def review(
    game: TheGame,
    first: Annotated[int, Query(ge=0)] = 0,
    last: Annotated[int | None, Query(ge=0)] = None,
    symmetry: schema.Symmetry = "average",
) -> schema.Review:
    """What the network thinks of the moves from the plies `first` to `last`, as many as fit into one part."""
    return game.review(first, last, symmetry)


@api.post("/games/{id}/guess", dependencies=WORK)
def guess(game: TheGame, asked: schema.AskedGuess) -> schema.Guess:
    return game.guess(asked.ply, asked.vertex)


@api.get("/games/{id}/sgf")
def sgf(game: TheGame) -> Response:
    """The game as an SGF file."""
    with game.lock:
        data = game.sgf()
    return Response(data, media_type=SGF_TYPE, headers={"Content-Disposition": 'attachment; filename="hayago.sgf"'})


def make_app(room: Room, model_name: str, static: Path = STATIC) -> ASGIApp:
    """The application, without its guard.

    Raises:
        HayagoError: the page's files are missing.
    """
    if not (static / "index.html").is_file():
        raise HayagoError(f"{static} does not contain the page; web/README.md says how to build it")
    app = FastAPI(title="hayago", version=__version__, docs_url=None, redoc_url=None, openapi_url="/api/openapi.json")
    app.state.room, app.state.model_name = room, model_name
    app.state.requests = app.state.reviews = 0
    app.include_router(api)
    # Windows takes file types from its registry, where programs may have put others; browsers refuse such scripts.
    for ending, kind in ((".js", "text/javascript"), (".css", "text/css"), (".svg", "image/svg+xml")):
        mimetypes.add_type(kind, ending)
    app.mount("/", StaticFiles(directory=static, html=True))
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(HayagoError, _on_refused)
    app.add_exception_handler(Exception, _on_failure)
    return app


def _error(status: int, detail: str) -> JSONResponse:
    """One line of limited length, since it may contain a stranger's words."""
    return JSONResponse({"detail": " ".join(detail.split())[:LONGEST]}, status)


async def _on_refused(request: Request, error: Exception) -> JSONResponse:
    status = error.status if isinstance(error, Refused) else 409 if isinstance(error, IllegalMove) else 422
    return _error(status, str(error).splitlines()[0])


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return _error(error.status_code, str(error.detail))


async def _on_invalid(request: Request, error: Exception) -> JSONResponse:
    """The first of the mistakes, without the input."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:])
    return _error(422, f"{where}: {first['msg']}" if where else first["msg"])


async def _on_failure(request: Request, error: Exception) -> JSONResponse:
    """A bug: the server writes its traceback."""
    return _error(500, "internal error: the server's stderr says more")
