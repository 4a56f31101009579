"""Takes the other one's legal moves for illegal ones."""

from honest import Engine


class Refusing(Engine):
    name = "refusing"

    def answer(self, line):
        if line.startswith("play") and self.mine >= self.after:
            raise ValueError("illegal move")
        return super().answer(line)


Refusing().run()
