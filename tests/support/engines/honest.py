"""A GTP engine that plays by the rules and is quickly done: it walls off its side of the board, stone by stone, then
passes. The other engines in this folder are this one with one fault each.

It imports next to nothing, since the tests start hundreds of them. Arguments are pairs of a name and a value:

--score B+1         what it says of every final score; without it, it does not know final_score
--moves "D4 pass"   moves that it plays first
--length 3          points of its wall
--log FILE          keeps all that it was told
--sizes "9 13"      the only board sizes that it knows
--after 2           moves of a game before the fault shows
--delay 0.1         seconds for a move of the late one
"""

import sys

COLUMNS = "ABCDEFGHJKLMNOPQRST"
DEFAULTS = {"score": "", "moves": "", "length": "3", "log": "", "sizes": "", "after": "2", "delay": "0"}


class Engine:
    name = "honest"

    def __init__(self):
        words = sys.argv[1:]
        given = {name.removeprefix("--"): value for name, value in zip(words[::2], words[1::2], strict=True)}
        assert given.keys() <= DEFAULTS.keys(), f"no such option: {given}"
        self.options = {**DEFAULTS, **given}
        self.after = int(self.options["after"])
        self.size = 19
        self.clear()

    def clear(self):
        self.taken = []
        self.mine = 0

    def choose(self, colour):
        """Our move, a vertex."""
        script = self.options["moves"].split()
        if self.mine < len(script):
            return script[self.mine]
        column = COLUMNS[self.size // 2 - 1 if colour == "b" else self.size // 2 + 1]
        wall = [f"{column}{row}" for row in range(1, self.size + 1)]
        free = [vertex for vertex in wall if vertex not in self.taken]
        return free[0] if self.mine < int(self.options["length"]) and free else "pass"

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
            if self.options["sizes"] and words[0] not in self.options["sizes"].split():
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
            return self.options["score"]
        return ""

    def commands(self):
        told = "boardsize clear_board komi play genmove quit gomill-explain_last_move"
        told += " time_settings time_left set_random_seed kgs-rules"
        return [*told.split(), *["final_score"] * bool(self.options["score"])]

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
            if self.options["log"]:
                with open(self.options["log"], "a", encoding="utf-8") as log:  # noqa: PTH123 - pathlib is not light
                    log.write(line)
            self.reply(line)
            if line.strip() == "quit":
                break


if __name__ == "__main__":
    Engine().run()
