"""The command line: its commands, and the exit status of each kind of failure.

Every command is a small module of `hayago.commands`, imported when it is called, so that `hayago --help` is quick.

Exit status: 0 success; 1 unusable input (one line on stderr says why); 2 wrong usage; 130 Ctrl-C; 143 SIGTERM.
"""

import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from io import TextIOWrapper
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO, get_args

from hayago import __version__
from hayago.errors import HayagoError, printable
from hayago.extras import advice

if TYPE_CHECKING:
    from cyclopts import App

    from hayago.gtp.protocol import Manner

COMMANDS = {
    "prepare": "Turn game records into one file for training.",
    "train": "Train a network on prepared games.",
    "evaluate": "Measure how often a network predicts the moves that were played.",
    "predict": "Show the likeliest moves in one position of a game.",
    "gtp": "Play over GTP, the protocol of Go programs.",
    "web": "Open a page in the browser: play, look into the network, review games.",
    "match": "Play matches between engines or networks and estimate the Elo difference.",
    "download": "Download public archives of game records.",
    "bench": "Measure how fast this machine reads, encodes, trains and answers.",
    "info": "Describe a network layer by layer.",
    "export": "Export a network to ONNX, or games as feature planes.",
}
# Options that have had another name.
RENAMED = {
    "--centre-rate": "--pointwise-rate",
    "--identity": "--identity-init",
    "--no-pointwise": "--no-pointwise-kernels",
    "--other-learning-rate": "--adamw-learning-rate",
    "--pointwise": "--pointwise-kernels",
    "--replies": "--future-moves",
    "--reply-weight": "--future-move-weight",
    "--sub-batch": "--batch-norm-group",
}
_WHOLE = re.compile(r"[+-]?[0-9]+", re.ASCII)
_LONGEST = 2000  # characters of an error message, which may hold a stranger's words
# With one of these, `hayago gtp` starts no session.
_NO_SESSION = {"--help", "-h", "--setup", "--check", "--analysis-json"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    argv = sys.argv[1:] if argv is None else list(argv)
    if not _prepare_streams():
        return _fail("stdout is closed, so there is nowhere to write", 1)
    if argv and not argv[0].startswith("-") and argv[0] not in COMMANDS:
        # cyclopts would import every command for this message
        return _fail(f"no such command: {argv[0]!r} (hayago --help lists them)", 2)
    _end_on_sigterm()
    try:
        if argv[:1] == ["gtp"] and not _NO_SESSION.intersection(_options(argv)):
            # An engine must answer at once, and importing cyclopts alone takes a tenth of a second. So the command
            # line is parsed after the first reply.
            from hayago.gtp.process import serve

            serve(lambda: _bind(argv), _manner(argv))
        else:
            _bind(argv)()
        sys.stdout.flush()
    except HayagoError as error:
        return _fail(str(error).splitlines()[0], error.exit_status)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except BrokenPipeError:
        _drop_output()  # its reader has ended (`hayago ... | head`)
        return 1
    except OSError as error:  # a full disk below stdout, most often
        _drop_output()
        about = f"{error.filename}: " if error.filename else "cannot write the output: "
        return _fail(f"{about}{error.strerror or error}", 1)
    except MemoryError:
        return _fail("there is not enough memory", 1)
    except Exception as error:
        if missing := advice(error):
            return _fail(missing, 1)
        if not _is_wrong_usage(error):
            raise
        renamed = [f"{word} is now {RENAMED[word]}" for word in _options(argv) if word in RENAMED]
        return _fail("; ".join(renamed) or " ".join(str(error).split()), 2)
    return 0


def _prepare_streams() -> bool:
    """See that the three streams are there and take any text; False if there is no stdout.

    A closed descriptor would be the next file's. And a terminal or file in an old encoding, as on Windows, lacks the
    letters of most names: they are escaped.
    """
    if sys.stdin is None:
        sys.stdin = open(os.devnull)  # noqa: SIM115, PTH123
    if sys.stdout is None:
        return False
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    if type(sys.stderr) is TextIOWrapper:
        sys.stderr = _Lenient(sys.stderr)
    return True


class _Lenient:
    """stderr, where a full disk does no harm: what was to be said is lost, and the work continues."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """See `TextIO`."""
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """See `TextIO`."""
        with suppress(OSError):
            self._stream.flush()


def _end_on_sigterm() -> None:
    """Let SIGTERM end the process as Ctrl-C does, so that nothing half-written is left. Commands that have something to
    save, or a protocol to keep, set a handler of their own."""

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, end)


def _drop_output() -> None:
    """Let go of what is still to be written: Python flushes stdout again when it exits, which would fail again."""
    if sys.stdout is sys.stderr:
        return  # `hayago gtp` has its own descriptor for replies
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def build_app() -> "App":
    """The cyclopts application. The parameters of each command's function become its options."""
    from cyclopts import App, Parameter

    app = App(
        name="hayago",
        help="Fast Go: a policy network, from game records to moves over GTP.",
        version=f"hayago {__version__}",
        suppress_keyboard_interrupt=False,
        default_parameter=Parameter(converter=_convert),
    )
    for order, (name, summary) in enumerate(COMMANDS.items()):
        app.command(f"hayago.commands.{name}:{name}", name=name, help=summary, sort_key=order)
    return app


def _is_whole(kind: Any) -> bool:
    """Whether values of this kind have whole numbers in them; a Literal's arguments are values themselves."""
    return kind is int or type(kind) is int or any(map(_is_whole, get_args(kind)))


def _convert(kind: Any, tokens: Sequence[Any]) -> Any:
    """The value of an option. Where a whole number is needed, cyclopts rounds fractions and takes 0x1F and 1_0."""
    from cyclopts import convert

    if _is_whole(kind):
        for token in tokens:
            if not _WHOLE.fullmatch(token.value):
                raise ValueError(f"{token.value!r} is not a whole number")
    return convert(kind, tokens)


def _bind(argv: Sequence[str]) -> Callable[[], Any]:
    """The command that the arguments name, bound to its options.

    Raises:
        CycloptsError: wrong usage.
    """
    command, bound, _ = build_app().parse_args(argv, print_error=False, exit_on_error=False)
    return partial(command, *bound.args, **bound.kwargs)


def _options(argv: Sequence[str]) -> list[str]:
    return [word.partition("=")[0] for word in argv if word.startswith("-")]


def _manner(argv: Sequence[str]) -> "Manner":
    """What the first replies need of `hayago gtp`'s options, before the command line is parsed."""
    from hayago.gtp.protocol import Manner

    name = "hayago"
    for word, following in zip(argv, [*argv[1:], ""], strict=True):
        if word == "--name":
            name = following
        elif word.startswith("--name="):
            name = word.removeprefix("--name=")
    return Manner(name, show_policy="--show-policy" in argv, chat="--kgs-chat" in argv)


def _is_wrong_usage(error: Exception) -> bool:
    cyclopts = sys.modules.get("cyclopts")  # if it was never imported, it raised no error
    return cyclopts is not None and isinstance(error, cyclopts.CycloptsError)


def _fail(message: str, code: int) -> int:
    text = printable(message[:_LONGEST])[:_LONGEST]
    with suppress(OSError, AttributeError):  # full or closed
        sys.stderr.write(f"hayago: {text}\n")
        sys.stderr.flush()
    return code
