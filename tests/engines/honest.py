"""A GTP engine that plays by the rules and is quickly done: it walls off its side of the board, stone by stone, then
passes. The other engines in this folder are this one with one fault each. Pure Python, so that it starts at once.

Arguments: `--score B+1` is what it says of every final score; `--moves "D4 pass"` are played first; `--log FILE`
keeps all it was told; the others are explained below.
"""

import argparse
import sys
from pathlib import Path

COLUMNS = "ABCDEFGHJKLMNOPQRST"


class Engine:
    name = "honest"

    def __init__(self, arguments=None):
        parser = argparse.ArgumentParser()
        parser.add_argument("--score", default="")
        parser.add_argument("--moves", default="")
        parser.add_argument("--length", type=int, default=3, help="points of a wall")
        parser.add_argument("--log", default="")
        parser.add_argument("--after", type=int, default=2, help="moves of a game before the fault shows")
        parser.add_argument("--delay", type=float, default=0.0, help="seconds for a move of the late one")
        parser.add_argument("--sizes", default="", help="the only board sizes it knows")
        self.options = parser.parse_args(arguments)
        self.size = 19
        self.clear()

    def clear(self):
        self.taken = []
        self.mine = 0

    def choose(self, colour):
        """Our move, a vertex."""
        script = self.options.moves.split()
        if self.mine < len(script):
            return script[self.mine]
        column = COLUMNS[self.size // 2 - 1 if colour == "b" else self.size // 2 + 1]
        wall = [f"{column}{row}" for row in range(1, self.size + 1)]
        free = [vertex for vertex in wall if vertex not in self.taken]
        return free[0] if self.mine < self.options.length and free else "pass"

    def explain(self):
        return f"move {self.mine} of mine"

    def answer(self, line):
        """The reply's text; a ValueError carries a failure's."""
        command, *words = line.split()
        if command == "name":
            return self.name
        if command == "version":
            return "1"
        if command == "known_command":
            return "true" if words[0] in self.commands() else "false"
        if command not in self.commands():
            raise ValueError("unknown command")
        if command == "boardsize":
            if self.options.sizes and words[0] not in self.options.sizes.split():
                raise ValueError("unacceptable size")
            self.size = int(words[0])
        elif command == "clear_board":
            self.clear()
        elif command == "play":
            self.taken.append(words[1].upper())
        elif command == "genmove":
            vertex = self.choose(words[0][0].lower())
            self.mine += 1
            self.taken.append(vertex.upper())
            return vertex
        elif command == "gomill-explain_last_move":
            return self.explain()
        elif command == "final_score":
            return self.options.score
        return ""

    def commands(self):
        told = "boardsize clear_board komi play genmove quit gomill-explain_last_move"
        told += " time_settings time_left set_random_seed kgs-rules"
        return [*told.split(), *["final_score"] * bool(self.options.score)]

    def reply(self, line):
        """Answer one line on stdout."""
        try:
            text = f"= {self.answer(line)}"
        except ValueError as error:
            text = f"? {error}"
        self.say(f"{text.rstrip()}\n\n")

    def say(self, text):
        sys.stdout.write(text)
        sys.stdout.flush()

    def run(self):
        for line in sys.stdin:
            if self.options.log:
                with Path(self.options.log).open("a", encoding="utf-8") as log:
                    log.write(line)
            self.reply(line)
            if line.strip() == "quit":
                break


if __name__ == "__main__":
    Engine().run()
