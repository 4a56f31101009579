"""`serve`: the process that speaks GTP. Importing this module fills the register of commands."""

import errno
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING

from hayago.gtp import analyze, gogui, kata, standard  # noqa: F401 - they register commands
from hayago.gtp.pipes import PATIENCE, Inbox, end_on_sigterm, leave, start_reader, take_stdout
from hayago.gtp.protocol import Engine, GtpFatal, Manner

if TYPE_CHECKING:
    from hayago.player.game import Game


def serve(
    prepare: "Callable[[], Callable[[], Game]]",
    manner: Manner = Manner(),  # noqa: B008 - frozen
    patience: float = PATIENCE,
) -> None:
    """Speak GTP on stdin and stdout until `quit`, the end of the input, SIGTERM, or until the reader has ended.

    `prepare` runs at once in a thread of its own and must be light: it parses the command line. What it returns is
    called there, once the first reply is sent or needs the game, and loads the game.

    Raises:
        Exception: any failure of `prepare` or of loading, even if no command needs the game.
    """
    output = take_stdout()
    # A line; None at the end of the input; an exception if the game cannot be loaded.
    inbox: Inbox[str | Exception | None] = Inbox()
    loader: Future[Callable[[], Game]] = Future()
    game: Future[Game] = Future()
    wanted = threading.Event()

    def wait_for_game() -> "Game":
        wanted.set()
        return game.result()

    def load() -> None:
        try:
            loader.set_result(prepare())
            wanted.wait()
            game.set_result(loader.result()())
        except Exception as error:
            for future in (loader, game):
                if not future.done():
                    future.set_exception(error)
            inbox.put(error)

    end_on_sigterm()
    loading = threading.Thread(target=load, daemon=True)
    loading.start()
    start_reader(inbox.put, output, patience)
    engine = Engine(wait_for_game, inbox.waits_within, manner)
    while not engine.finished and (line := inbox.get()) is not None:
        if isinstance(line, Exception):
            raise line
        try:
            for part in engine.replies(line):
                output.write(part)
                wanted.set()
        except GtpFatal as error:
            raise error.args[0] from None
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise  # stdout is a file on a full disk
            break  # the reader has ended, and with it the game
    loader.result()  # wrong usage is reported even if the client has already ended
    if loading.is_alive():
        leave()
