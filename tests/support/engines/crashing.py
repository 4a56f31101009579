"""Dies in the middle of a game."""

import os
import sys

from honest import Engine


class Crashing(Engine):
    name = "crashing"

    def choose(self, colour):
        if self.mine >= self.after:
            sys.stderr.write("out of memory\n")
            sys.stderr.flush()
            os._exit(3)
        return super().choose(colour)


Crashing().run()
