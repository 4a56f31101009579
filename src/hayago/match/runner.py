"""A match between GTP engines and networks, with several games at the same time.

A *player* is an engine with a name. Every player meets every other. Each opening is played with both colours, and its
two games are neighbours in the schedule. The options alone fix the schedule, so an interrupted match continues with the
missing games.

Each worker thread has its own process for each player. It serves many games and is restarted when it fails.
"""

import hashlib
import math
import re
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Literal, NamedTuple

from hayago.cores import MOST_THREADS
from hayago.errors import HayagoError
from hayago.gtp.client import EngineDied, GtpClient, split_command
from hayago.gtp.protocol import MOST_KOMI
from hayago.match.elo import Sprt
from hayago.match.match_clock import TimeSettings
from hayago.match.match_game import DRAW, REFEREE, Conditions, GameResult, Pairing, play_game, set_up, set_up_player
from hayago.match.match_record import MatchFolder
from hayago.match.openings import default_moves, fingerprint, opening_board, read_openings, sample_openings
from hayago.match.standings import sprt_standing
from hayago.network import BOX
from hayago.network.model_file import load_model, model_path
from hayago.records.sgf import GameRecord
from hayago.rules.coordinates import MAX_SIZE

_MAX_ELO = 2000  # a score of one point in 100,000

_TICK_SECONDS = 0.5  # on Windows, Ctrl-C does not reach a thread that waits without a limit
_NAME = re.compile(r"[\w.+-]+")
_NAMED = re.compile(rf"({_NAME.pattern})=(.+)")
MOST_GAMES = 100_000  # of each pair of players; openings are drawn before the first


@dataclass(frozen=True)
class MatchOptions:
    """How a match is played. All options but the last must stay the same when a match is continued."""

    games: int = 20
    """Games per pair of players, half of them with each colour."""
    size: int = 19
    """The board's side."""
    komi: float = 7.5
    """Points for White."""
    rules: Literal["chinese", "japanese"] = "chinese"
    """Sent to engines that know kata-set-rules or kgs-rules; others need an option on their command line."""
    ko: Literal["simple", "positional"] = "simple"
    """simple forbids only retaking a ko at once, as most engines do; positional forbids every repetition."""
    referee: str = ""
    """Engine whose final_score decides who won. Without one, a game counts only if both players agree."""
    openings: str = ""
    """SGF file, folder or archive with openings. By default they are sampled, by the network in the box if it knows the
    board size, else at random."""
    opening_moves: int | None = None
    """Moves per opening. By default all in the file; sampled openings have 8 on 19x19 and 4 on 9x9."""
    move_limit: int | None = None
    """Score a game as it stands after this many moves; by default two per point of the board."""
    timeout: float = 120.0
    """Seconds per answer of an engine. An engine that takes longer is ended and loses the game."""
    time: tuple[int, int, int] | None = None
    """A clock as in GTP: main time in seconds, then byo-yomi seconds and stones (0 0: no byo-yomi)."""
    seed: int = 1
    """Seed of the sampled openings. Engines that know set_random_seed get a number of their own for each game."""
    sprt: tuple[float, float] | None = None
    """Stop when the Elo difference of the first player is shown to be the second number rather than the first (5 %
    risk)."""
    parallel: int = 1
    """Games played at the same time."""

    def __post_init__(self) -> None:
        if not 2 <= self.size <= MAX_SIZE:
            raise HayagoError(f"board size must be 2 to {MAX_SIZE}: {self.size}")
        if self.games < 2:
            raise HayagoError(f"games must be at least 2: {self.games}")
        if self.games > MOST_GAMES:
            raise HayagoError(f"games must be at most {MOST_GAMES:,}: {self.games}")
        if self.games % 2:
            raise HayagoError(f"each opening is played with both colours, so games must be even: {self.games}")
        if self.parallel > MOST_THREADS:
            raise HayagoError(f"parallel must not be above {MOST_THREADS:,}: {self.parallel}")
        if self.seed >= 2**63:
            raise HayagoError(f"seed must be below 2^63: {self.seed}")
        for name in ("parallel", "timeout"):
            if not getattr(self, name) > 0:
                raise HayagoError(f"{name} must be above 0: {getattr(self, name)}")
        if self.timeout > threading.TIMEOUT_MAX:
            raise HayagoError(f"timeout must not be above {threading.TIMEOUT_MAX:g}: {self.timeout}")
        if not abs(self.komi) <= MOST_KOMI:
            raise HayagoError(f"komi must be from -{MOST_KOMI:g} to {MOST_KOMI:g} points: {self.komi}")
        for name in ("opening_moves", "move_limit", "seed"):
            if (getattr(self, name) or 0) < 0:
                raise HayagoError(f"{name.replace('_', ' ')} must not be below 0: {getattr(self, name)}")
        if self.time is not None:
            main, seconds, stones = self.time
            if min(self.time) < 0 or bool(seconds) != bool(stones) or not main + seconds:
                raise HayagoError(f"not a clock: {main} {seconds} {stones} (main time, byo-yomi time, stones)")
        if self.sprt is not None and not self.sprt[0] < self.sprt[1]:
            raise HayagoError(f"the second Elo difference must be the larger one: {self.sprt[0]:g} {self.sprt[1]:g}")
        if self.sprt is not None and max(map(abs, self.sprt)) > _MAX_ELO:
            raise HayagoError(f"an Elo difference must not be above {_MAX_ELO}: {self.sprt[0]:g} {self.sprt[1]:g}")

    @property
    def conditions(self) -> Conditions:
        """The conditions of each game."""
        limit = 2 * self.size**2 if self.move_limit is None else self.move_limit
        clock = TimeSettings(*self.time) if self.time else None
        return Conditions(self.size, self.komi, self.rules, self.ko, limit, self.timeout, clock)

    @property
    def test(self) -> Sprt | None:
        """The sequential test, if there is one."""
        return Sprt(*self.sprt) if self.sprt else None


class MatchPlayer(NamedTuple):
    """A player: its name, how it was given, the command that starts it, and a hash of its network if it is hayago's."""

    name: str
    given: str
    command: list[str]
    model: str = ""


def read_players(texts: Sequence[str]) -> list[MatchPlayer]:
    """The players that the command line names.

    Each is the command line of an engine, or `box` or a .safetensors file, optionally followed by options of `hayago
    gtp`. `NAME=` in front names the player.

    Raises:
        HayagoError: fewer than two players, two of the same name, or a file that is not a model.
    """
    if len(texts) < 2:
        raise HayagoError("a match needs at least two players")
    players: list[MatchPlayer] = []
    for text in texts:
        named = _NAMED.fullmatch(text)
        player = _player(named[2] if named else text, named[1] if named else "")
        taken = {other.name for other in players} | {REFEREE, DRAW}
        if player.name in taken:
            if named:
                raise HayagoError(f"the name {player.name} is taken; give this player another one: {text!r}")
            numbered = (f"{player.name}-{number}" for number in range(2, len(texts) + 2))
            player = player._replace(name=next(name for name in numbered if name not in taken))
        players.append(player)
    return players


def _player(given: str, name: str) -> MatchPlayer:
    words = split_command(given)
    first = Path(words[0])
    if words[0] == BOX or first.suffix == ".safetensors":
        model = model_path(words[0])
        load_model(model)  # reports a bad file now
        command = [sys.executable, "-m", "hayago", "gtp", "--model", str(model), *words[1:]]
        return MatchPlayer(name or first.stem, given, command, hashlib.sha256(model.read_bytes()).hexdigest())
    return MatchPlayer(name or "".join(_NAME.findall(first.stem)) or "engine", given, words)


def schedule(names: Sequence[str], games: int, openings: int, seed: int) -> list[Pairing]:
    """All games of a match in the order they begin; openings are reused if there are too few."""
    pairings: list[Pairing] = []
    for turn in range(games // 2):
        for first, second in combinations(names, 2):
            for black, white in ((first, second), (second, first)):
                number = len(pairings) + 1
                pairings.append(Pairing(number, turn % openings, black, white, (seed * 1_000_003 + number) % 2**31))
    return pairings


class Engines:
    """The processes of one worker, one per name, started when first needed.

    Attributes:
        stopped: whether `kill` was called.
    """

    def __init__(self, commands: Mapping[str, Sequence[str]], timeout_seconds: float) -> None:
        self._commands, self._timeout_seconds = commands, timeout_seconds
        self._clients: dict[str, GtpClient] = {}
        self._lock = threading.Lock()
        self.stopped = False

    def hire(self, name: str) -> GtpClient:
        """The running engine of that name; a failed one is restarted.

        Raises:
            EngineError: it cannot be started, or the match is stopping.
        """
        with self._lock:
            if self.stopped:
                raise EngineDied(f"{name}: the match is being stopped")
            client = self._clients.get(name)
            if client is None or not client.is_alive():
                if client is not None:
                    client.close()
                client = self._clients[name] = GtpClient(self._commands[name], self._timeout_seconds, name)
            return client

    def kill(self) -> None:
        """Kill all of them and start none again. A game in progress fails."""
        with self._lock:
            self.stopped = True
            for client in self._clients.values():
                client.kill()

    def close(self) -> None:
        """Close all of them."""
        with self._lock:
            for client in self._clients.values():
                client.close()


class Match:
    """A match that can be played or continued.

    Raises:
        HayagoError: the options do not fit the players, or the openings cannot be read.
    """

    def __init__(self, players: Sequence[MatchPlayer], options: MatchOptions) -> None:
        if options.sprt and len(players) > 2:
            raise HayagoError("the sequential test is for two players")
        self.players, self.options = list(players), options
        self.identities: dict[str, str] = {}
        self._conditions = options.conditions
        self._commands = {player.name: player.command for player in players}
        if options.referee:
            self._commands[REFEREE] = split_command(options.referee)
        self._given: list[GameRecord] = []  # the openings of a file, before there is a folder
        if options.openings:
            superko = options.ko == "positional"
            self._given = read_openings(options.openings, options.size, options.opening_moves, superko=superko)
        self._ready = self._engines()

    @property
    def names(self) -> list[str]:
        """The players' names."""
        return [player.name for player in self.players]

    @property
    def planned_games(self) -> int:
        """The number of games, if nothing stops the match."""
        return math.comb(len(self.players), 2) * self.options.games

    def _engines(self) -> Engines:
        return Engines(self._commands, self.options.timeout)

    def close(self) -> None:
        """Close the engines that `start` has started and no worker has taken over."""
        self._ready.close()

    def start(self) -> None:
        """Start each engine once, check that it can play under the conditions, and ask its name.

        Raises:
            HayagoError: an engine cannot play.
        """
        for name in self._commands:
            client = self._ready.hire(name)
            self.identities[name] = client.identity()
            if name == REFEREE:
                set_up(client, self._conditions)
            else:
                set_up_player(client, self._conditions, self.options.seed)
            if (name == REFEREE or not self.options.referee) and not client.known("final_score"):
                without = "" if name == REFEREE else ", so the match needs a referee"
                raise HayagoError(f"{name}: does not know final_score{without}")

    def agree(self, folder: MatchFolder) -> None:
        """Begin the match in its folder, or continue the one there.

        Raises:
            HayagoError: the folder holds another match or games of another, or the openings cannot be sampled.
        """
        options, given = self.options, self._given
        agreement: dict[str, Any] = {
            **{name: getattr(options, name) for name in MatchOptions.__dataclass_fields__ if name != "parallel"},
            "players": [
                {
                    "name": player.name,
                    "command": player.given,
                    "identity": self.identities[player.name],
                    "model": player.model,
                }
                for player in self.players
            ],
            "referee": {"command": options.referee, "identity": self.identities.get(REFEREE, "")},
            "openings": {"given": options.openings, "hash": fingerprint(given) if given else ""},
        }
        folder.agree(agreement, lambda: given or self._sample())
        planned = {pairing.number: pairing for pairing in self._schedule(folder)}
        for result in folder.results:
            if result[: len(Pairing._fields)] != planned.pop(result.number, None):
                raise HayagoError(f"{folder.path}: the results have a game {result.number} that is not of this match")
        for opening in folder.openings:
            opening_board(opening)  # this also compiles the kernels, once, before threads need them

    def _schedule(self, folder: MatchFolder) -> list[Pairing]:
        return schedule(self.names, self.options.games, len(folder.openings), self.options.seed)

    def _sample(self) -> list[GameRecord]:
        options = self.options
        moves = default_moves(options.size) if options.opening_moves is None else options.opening_moves
        return sample_openings(options.games // 2, options.size, moves, options.seed)

    def is_decided(self, results: Iterable[GameResult]) -> bool:
        """Whether the sequential test has ended the match."""
        test = self.options.test
        return test is not None and sprt_standing(results, test, self.names[0]).verdict is not None

    def play(self, folder: MatchFolder, on_progress: Callable[[], None]) -> None:
        """Play the missing games; the results go into the folder.

        Args:
            folder: where `agree` was called.
            on_progress: called after each game, and now and then in between.

        Raises:
            HayagoError: a result cannot be written.
        """
        if self.is_decided(folder.results):
            return
        games = SimpleQueue[Pairing]()
        finished = {result.number for result in folder.results}
        for pairing in self._schedule(folder):
            if pairing.number not in finished:
                games.put(pairing)
        done = SimpleQueue[tuple[GameResult, bytes] | BaseException | None]()
        crews = [self._ready, *(self._engines() for _ in range(min(self.options.parallel, games.qsize()) - 1))]
        workers = [threading.Thread(target=self._work, args=(games, crew, folder.openings, done)) for crew in crews]
        for worker in workers:
            worker.start()
        try:
            busy = len(workers)
            while busy and not self.is_decided(folder.results):
                try:
                    item = done.get(timeout=_TICK_SECONDS)
                except Empty:
                    on_progress()
                    continue
                if isinstance(item, BaseException):
                    raise item
                if item is None:
                    busy -= 1
                else:
                    folder.add(*item)
                    on_progress()
        finally:
            for crew in crews:
                crew.kill()
            for worker in workers:
                worker.join()

    def _work(
        self,
        games: SimpleQueue[Pairing],
        engines: Engines,
        openings: Sequence[GameRecord],
        done: SimpleQueue[tuple[GameResult, bytes] | BaseException | None],
    ) -> None:
        """Play games until none are left. Results that come after the match was stopped are not read."""
        try:
            with closing(engines):
                while not engines.stopped:
                    done.put(self._play_one(games.get_nowait(), engines, openings))
        except Empty:
            pass
        except BaseException as error:
            done.put(error)
        done.put(None)

    def _play_one(self, pairing: Pairing, engines: Engines, openings: Sequence[GameRecord]) -> tuple[GameResult, bytes]:
        opening = openings[pairing.opening]
        return play_game(pairing, opening, self._conditions, engines.hire, referee=bool(self.options.referee))
