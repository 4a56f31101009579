"""Plays on the point where the other one has just played."""

from honest import Engine


class Cheating(Engine):
    name = "cheating"

    def choose(self, colour):
        return self.taken[-1] if self.mine >= self.after else super().choose(colour)


Cheating().run()
