"""What the API takes and returns, as JSON. The page's only source of truth about Go.

A *vertex* is GTP's text, "Q16" or "pass". A *map* is a list of rows from the top of the board down, as
the board component of the page takes them. A *ply* is the number of moves played before a position; 0 is the start,
after the set-up stones. A move's ply is that of the position in which it was played. Probabilities are from 0 to 1.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from hayago.player.styles import LEVELS
from hayago.rules.coordinates import MAX_SIZE

Vertex = str
Map = list[list[float]]
Colour = Literal["B", "W"]
Side = Literal["B", "W", "both"]
Rules = Literal["chinese", "japanese", "aga"]
Symmetry = Literal["average", "0", "1", "2", "3", "4", "5", "6", "7"]


class Asked(BaseModel):
    """The body of a request; unknown fields and other types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True)


class NewGame(Asked):
    """A game to play."""

    size: int | None = Field(None, ge=1, le=MAX_SIZE, description="side of the board; by default the network's own")
    rules: Rules = "chinese"
    komi: float | None = Field(None, ge=-400, le=400, multiple_of=0.5, description="by default the usual one")
    handicap: int = Field(0, ge=0, le=9, description="0, or 2 to 9 stones")
    human: Side = "B"
    level: int = Field(len(LEVELS), ge=1, le=len(LEVELS))
    like_human: bool = Field(False, description="play as people do, instead of a level")


class AskedMove(Asked):
    """A move of the user."""

    vertex: Annotated[str, StringConstraints(max_length=8)]


class AskedGuess(AskedMove):
    """The user's guess at the move that was played."""

    ply: int = Field(ge=0)


class Resignation(Asked):
    """Who resigns."""

    colour: Colour


class ModelAbout(BaseModel):
    """The network; `board_size` is that of its games, `sizes` are all those that it plays on."""

    name: str
    filters: int
    layers: int
    planes: int
    board_size: int
    sizes: list[int]
    positions_trained: int | None


class Level(BaseModel):
    """A level of play, and what it does."""

    level: int
    text: str


class RulesAbout(BaseModel):
    """Rules that can be chosen."""

    name: str
    text: str
    komi: float


class Problem(BaseModel):
    """Why a request was refused, or failed, in one line."""

    detail: str


class Limits(BaseModel):
    """Limits: the size of an SGF file, the number of games kept, the moves of a game."""

    sgf_bytes: int
    games: int
    moves: int


class About(BaseModel):
    """What this server is."""

    version: str
    model: ModelAbout
    levels: list[Level]
    rules: list[RulesAbout]
    limits: Limits
    compiling: bool  # once per version: scores, and moves late in a game, wait for it


class Person(BaseModel):
    """A player's name and rank."""

    name: str
    rank: str


class Move(BaseModel):
    """A move of a game; the comment is an SGF file's."""

    colour: Colour
    vertex: Vertex
    comment: str


class Captures(BaseModel):
    """How many stones each colour has captured."""

    B: int
    W: int


class Position(BaseModel):
    """A position. In `stones` 1 is black, -1 white, 0 empty; `hoshi` are the marked points of the board."""

    ply: int
    stones: list[list[int]]
    to_play: Colour
    ko: Vertex | None
    last_move: Vertex | None
    captures: Captures
    hoshi: list[Vertex]


class Over(BaseModel):
    """How a played game ended; no winner is a draw."""

    reason: Literal["passes", "resignation"]
    winner: Colour | None
    score_text: str


class GameState(BaseModel):
    """A game. `position` is the newest of one that is played, the first of one that is reviewed.

    `komi` is none where an SGF file does not name it. `comment` is what such a file says before the first move; `note`
    says where its record ends early, and why.
    """

    id: str
    kind: Literal["play", "review"]
    board_size: int
    rules: str
    komi: float | None
    handicap: int
    human: Side
    level: int
    like_human: bool
    players: dict[Colour, Person]
    event: str
    date: str
    result: str
    comment: str
    note: str
    moves: list[Move]
    position: Position
    over: Over | None


class Score(BaseModel):
    """A position counted as it stands. Ownership is 1 where a point will be Black's, -1 where White's."""

    by: Literal["playouts"]
    winner: Colour | None
    margin: float
    text: str
    ownership: Map
    dead: list[Vertex]


class Likely(BaseModel):
    """A move and its probability."""

    vertex: Vertex
    prior: float


class Policy(BaseModel):
    """The network's view: probabilities of the legal points, the likeliest five, the entropy in bits."""

    ply: int
    symmetry: Symmetry
    temperature: float
    priors: Map
    best: list[Likely]
    entropy: float


class Plane(BaseModel):
    """A feature plane: a text of 0 and 1 for each row."""

    index: int
    name: str
    rows: list[str]


class Planes(BaseModel):
    """The 48 planes of a position."""

    ply: int
    planes: list[Plane]


class LadderView(BaseModel):
    """The chain at `vertices` is captured, or saved, by `move`."""

    kind: Literal["capture", "escape"]
    move: Vertex
    vertices: list[Vertex]


class Overlays(BaseModel):
    """The liberties of the chain at each stone, and the ladders for the side to play."""

    ply: int
    liberties: list[list[int]]
    ladders: list[LadderView]


class ReviewedMove(BaseModel):
    """What the network thought of a move; nothing about a pass, which it does not know."""

    ply: int
    colour: Colour
    vertex: Vertex
    rank: int | None
    prior: float | None
    best: Vertex | None


class MoveAgreement(BaseModel):
    """The shares of a player's moves (without passes) that were the network's first choice, or among its first five."""

    moves: int
    top1: float | None
    top5: float | None


class ChartPoint(BaseModel):
    """The share of first choices among a player's moves around this one."""

    ply: int
    share: float


class Review(BaseModel):
    """Some moves of a game; players and chart once all of its moves have been asked for."""

    symmetry: Symmetry
    moves: list[ReviewedMove]
    players: dict[Colour, MoveAgreement] | None
    chart: dict[Colour, list[ChartPoint]] | None


class GuessAbout(BaseModel):
    """How the network ranks the guess, and whether it was the move that was played."""

    rank: int
    prior: float
    right: bool


class GuessScore(BaseModel):
    """How many guesses were right: the user's, and the network's first choices."""

    user: int
    network: int
    of: int


class Guess(BaseModel):
    """The played move, the network's first choice, and the guess. Only the first guess at a move counts."""

    played: Vertex
    network: Vertex
    guess: GuessAbout
    score: GuessScore
