"""Prints what it thinks where only replies may stand."""

from honest import Engine


class Babbling(Engine):
    name = "babbling"

    def choose(self, colour):
        if self.mine >= self.after:
            self.say("let me think about this\n")
        return super().choose(colour)


Babbling().run()
