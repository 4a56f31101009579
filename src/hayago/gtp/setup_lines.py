"""What to paste where: the lines with which each Go program starts this installation of hayago."""

import json
import os
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

Client = Literal["sabaki", "gogui", "lizzie", "lizzieyzy", "q5go", "kgs", "ogs", "cgos", "katrain"]
CLIENTS: tuple[str, ...] = get_args(Client)

# Lizzie and LizzieYzy look for KataGo in the engine's name, and then use its dialect, which has scores. It has no
# spaces, because Lizzie does not understand quotation marks everywhere.
KATAGO_NAME = "KataGo-dialect-of-hayago"
# These draw winrates or lost points on the candidates, which are the same for all without this option.
_SHOW_POLICY = "--show-policy"
_SHOWS_POLICY = (
    f"{_SHOW_POLICY} makes the winrates and points of the moves show the policy; they are not winrates.\n"
    "Leave it out to see the judgement of the position instead, the same for each move."
)


def installation() -> list[str]:
    """The words that start this installation, with absolute paths."""
    script = Path(sysconfig.get_path("scripts")) / ("hayago.exe" if os.name == "nt" else "hayago")
    return [str(script)] if script.is_file() else [sys.executable, "-m", "hayago"]


def setup_text(client: Client, options: Sequence[str], sizes: Sequence[int] = (19,), size: int = 19) -> str:
    """What to do in that program.

    Args:
        client: the program.
        options: further options of `hayago gtp`.
        sizes: the board sizes that the network takes.
        size: the one that it learned on, for programs that ask for one.
    """
    words = [*installation(), "gtp", *options]
    program, rest = words[0], words[1:]
    named = [*words, *([] if "--name" in options else ["--name", KATAGO_NAME])]
    show_policy = [] if _SHOW_POLICY in options else [_SHOW_POLICY]
    showing = [*words, *show_policy]
    match client:
        case "sabaki":
            return (
                "Sabaki: Engines > Show Engines Sidebar, the button with the play sign > Manage Engines, Add.\n"
                f"Path:      {program}\n"
                f"Arguments: {_line(rest)}\n"
                f"Analysis needs nothing more: the heat map shows the policy."
            )
        case "gogui":
            return (
                "GoGui: Program > New Program.\n"
                f"Command: {_line(words)}\n"
                f"Then Tools > Analyze Commands shows the policy, ladders and planes."
            )
        case "lizzie":
            line = [*named, *show_policy]
            warning = _warning("Lizzie (0.7.4, on Linux and macOS)", line)
            return f"Lizzie: Settings > Engine, Engine command.\n{_line(line)}\n{_SHOWS_POLICY}{warning}"
        case "lizzieyzy":
            return f"LizzieYzy: Engine > Engines, Add, Command line.\n{_line(named)}"
        case "q5go":
            return (
                "q5Go: Settings > Preferences > Computer Go, New. It needs a name, too.\n"
                f"Executable: {program}\n"
                f"Arguments:  {_line(showing[1:])}\n"
                f"Untick Restrictions, or in versions without it Board size: {size}; tick the box for analysis.\n"
                f"{_SHOWS_POLICY}{_warning('q5Go', showing[1:])}"
            )
        case "kgs":
            # In a Java properties file a backslash begins an escape.
            engine = _line(words).replace("\\", "\\\\")
            return (
                "kgsGtp: java -jar kgsGtp.jar hayago.properties, a file with your account and these lines:\n"
                f"engine={engine}\n"
                "name=ACCOUNT\n"
                "password=PASSWORD\n"
                "room=Computer Go\n"
                "mode=custom\n"
                "rules=chinese\n"
                f"rules.boardSize={size}\n"
                "# With --kgs-chat at the end of the engine's line it answers in the chat (kgs-chat).\n"
                "# It is off because kgsGtp from 3.5.20 on is said to crash over it."
            )
        case "ogs":
            config = {"allowed_board_sizes": list(sizes), "bot": {"command": words}}
            return (
                "gtp2ogs: put this into hayago.json5, then: gtp2ogs --apikey KEY --config hayago.json5\n"
                f"{json.dumps(config)}\n"
                "Without the sizes it would take only games on 9x9, 13x13 and 19x19."
            )
        case "cgos":
            rules = [] if "--rules" in options else ["--rules", "tromp-taylor"]
            line = [*words, *rules]
            return (
                "CGOS client: the engine's command line; CGOS counts by Tromp-Taylor.\n"
                f"{_line(line)}{_warning('The CGOS client', line)}"
            )
        case "katrain":
            # KaTrain starts it by a shell and, to restart it, ends only the shell: so hayago takes the shell's place.
            replaced = [] if os.name == "nt" else ["exec"]
            return (
                "KaTrain: General Settings (F8), the tab Custom command; before 1.20 Override engine command.\n"
                f"{_line([*replaced, *showing, '--analysis-json'])}\n"
                "In 1.20 choose that tab, or the local KataGo is used. The field is empty whenever the settings open:"
                f" paste the line again, or it is lost.\n{_SHOWS_POLICY}"
            )


def _warning(client: str, words: Sequence[str]) -> str:
    """A line about words with spaces, for a client that does not understand quotation marks; empty if all have none."""
    spaced = [word for word in words if " " in word]
    if not spaced:
        return ""
    instead = f"Use a path without spaces in place of: {', '.join(spaced)}"
    return f"\nWarning: {client} does not understand quotation marks. {instead}"


def _line(words: Sequence[str]) -> str:
    """The words as one command line; words with spaces are put in double quotes."""
    return " ".join(f'"{word}"' if " " in word else word for word in words)
