"""Dies when it is asked for the score."""

import os

from honest import Engine


class Crashing(Engine):
    def answer(self, line):
        if line.startswith("final_score"):
            os._exit(3)
        return super().answer(line)


Crashing().run()
