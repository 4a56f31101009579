"""Stops answering in the middle of a game, and has started another process, which goes on writing into the log."""

import subprocess
import sys
import time

from honest import Engine

CHILD = """
import sys, time
for _ in range(6000):
    with open(sys.argv[1], "a") as log:
        log.write("alive\\n")
    time.sleep(0.02)
"""


class Hanging(Engine):
    name = "hanging"

    def choose(self, colour):
        if self.mine >= self.after:
            if self.options["log"]:
                subprocess.Popen([sys.executable, "-c", CHILD, self.options["log"]])
            time.sleep(600)
        return super().choose(colour)


Hanging().run()
