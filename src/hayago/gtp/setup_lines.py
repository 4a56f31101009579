"""What to paste where: the lines with which each Go program starts this installation of hayago."""

import json
import os
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

Client = Literal["sabaki", "gogui", "lizzie", "lizzieyzy", "q5go", "kgs", "ogs", "katrain"]
CLIENTS: tuple[str, ...] = get_args(Client)

# Lizzie and LizzieYzy look for KataGo in the engine's name, and then use its dialect, which has scores.
KATAGO_NAME = "KataGo dialect of hayago"


def installation() -> list[str]:
    """The words that start this installation, with absolute paths."""
    script = Path(sysconfig.get_path("scripts")) / ("hayago.exe" if os.name == "nt" else "hayago")
    return [str(script)] if script.is_file() else [sys.executable, "-m", "hayago"]


def setup_text(client: Client, options: Sequence[str]) -> str:
    """What to do in that program; `options` are further options of `hayago gtp`."""
    words = [*installation(), "gtp", *options]
    program, rest = words[0], words[1:]
    katago = [*words, "--name", KATAGO_NAME]
    match client:
        case "sabaki":
            return (
                "Sabaki: Engines > Show Engines Sidebar, the button with the play sign > Manage Engines, Add.\n"
                f"Path:      {program}\n"
                f"Arguments: {_line(rest)}\n"
                "Analysis needs nothing more: the heat map shows the policy."
            )
        case "gogui":
            return (
                "GoGui: Program > New Program.\n"
                f"Command: {_line(words)}\n"
                "Then Tools > Analyze Commands shows the policy, ladders and planes."
            )
        case "lizzie":
            return f"Lizzie: Settings > Engine, Engine command.\n{_line(katago)}"
        case "lizzieyzy":
            return f"LizzieYzy: Engine > Engines, Add, Command line.\n{_line(katago)}"
        case "q5go":
            return (
                "q5Go: Settings > Preferences > Computer Go, New.\n"
                f"Executable: {program}\n"
                f"Arguments:  {_line(rest)}\n"
                "Board size: 19; tick the box for analysis."
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
                "rules.boardSize=19"
            )
        case "ogs":
            return (
                "gtp2ogs: put this into hayago.json5, then: gtp2ogs --apikey KEY --config hayago.json5\n"
                f'{{ "bot": {{ "command": {json.dumps(words)} }} }}'
            )
        case "katrain":
            return (
                "KaTrain: General Settings (F8), Override engine command.\n"
                f"{_line([*installation(), 'gtp', '--analysis-json', *options])}"
            )


def _line(words: Sequence[str]) -> str:
    """The words as one command line; words with spaces are put in double quotes."""
    return " ".join(f'"{word}"' if " " in word else word for word in words)
