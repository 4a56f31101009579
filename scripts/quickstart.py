"""The whole path in a few minutes: installs hayago, learns from the bundled games, plays. For any system:

    python scripts/quickstart.py [--again]

Everything it makes is in .venv and quickstart/. A second run keeps what is there; --again trains again.
"""

import hashlib
import shutil
import subprocess
import sys
import time

from environment import BIN, ROOT, make_environment

HAYAGO = BIN / ("hayago.exe" if sys.platform == "win32" else "hayago")
GAMES = ROOT / "data" / "demo-games.sgf"
OUT = ROOT / "quickstart"
STORE = OUT / "games.parquet"
RUN = OUT / "run"
MODEL = RUN / "model.safetensors"
STAMP = OUT / "learned.stamp"
TRAINING = ["--filters", "32", "--minutes", "3"]


def say(text: str) -> None:
    """Announce a step."""
    print(f"\n==> {text}", flush=True)


def hayago(*arguments: object) -> None:
    """Run a command of hayago and show it."""
    words = [str(argument) for argument in arguments]
    print("$ hayago", *(word.removeprefix(f"{ROOT}/") for word in words), flush=True)
    subprocess.run([HAYAGO, *words], check=True, cwd=ROOT)


def learn(again: bool) -> None:
    """Prepare the games and train, unless the network of these games and options is there already."""
    recipe = hashlib.sha256(GAMES.read_bytes() + " ".join(TRAINING).encode()).hexdigest()
    if not again and MODEL.exists() and STAMP.exists() and STAMP.read_text() == recipe:
        say(f"Training: done before, keeping {MODEL.relative_to(ROOT)} (--again trains again)")
        return
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    say("Preparing: the bundled games become one file of moves, split into games to learn from and to test on")
    hayago("prepare", GAMES, "--out", STORE)
    say("Training: a small network, three minutes")
    hayago("train", "--games", STORE, "--out", RUN, *TRAINING)
    STAMP.write_text(recipe)


def play() -> None:
    """Play a few moves against itself as a Go program would ask for them."""
    commands = ["name", "boardsize 19", "clear_board", *["genmove b", "genmove w"] * 4, "showboard", "quit"]
    engine = [HAYAGO, "gtp", "--model", MODEL]
    replies = subprocess.run(
        engine, input="\n".join(commands) + "\n", capture_output=True, text=True, check=True, timeout=300
    )
    for command, reply in zip(commands, replies.stdout.split("\n\n"), strict=False):
        print(f"{command:<12} {reply}")


def main() -> None:
    began = time.monotonic()
    say("Installing into .venv")
    make_environment()
    learn("--again" in sys.argv[1:])
    say("Evaluating: how often does it name the move that was played, in games that it has not seen?")
    hayago("evaluate", STORE, "--model", MODEL)
    say("Predicting: move 40 of the first game, with a picture of what the network thinks")
    hayago("predict", GAMES, "--move", 40, "--model", MODEL, "--image", OUT / "board.png")
    say("Playing: eight moves over GTP, the protocol of Go programs")
    play()
    say(f"Done in {time.monotonic() - began:.0f} s. Look at:")
    print(f"    {RUN / 'curve.png'}    how it learned\n    {OUT / 'board.png'}    what it thinks of a position")
    print(f'\nTo play and look in the browser:\n\n    "{HAYAGO}" web')
    print("\nTo play from a Go program, paste this line as the command of a new engine:")
    print(f'\n    "{HAYAGO}" gtp\n')
    print("GoGui: Program > New Program > Command. Sabaki: Engines > Manage Engines > Add; there the part")
    print("before gtp is the path (without the quotes), the rest the arguments.")
    print(f'This is the network that comes with hayago. For the one just trained add: --model "{MODEL}"')


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"\nquickstart: a step failed with exit code {error.returncode}; the lines above say why")
    except KeyboardInterrupt:
        sys.exit(130)
