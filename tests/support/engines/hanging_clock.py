"""Stops answering when it is told the time that it has left."""

import time

from honest import Engine


class HangingClock(Engine):
    name = "hanging clock"

    def answer(self, line):
        if line.startswith("time_left"):
            time.sleep(600)
        return super().answer(line)


HangingClock().run()
