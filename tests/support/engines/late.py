"""Answers every genmove, and takes its time for it: `--delay` seconds."""

import time

from honest import Engine


class Late(Engine):
    name = "late"

    def choose(self, colour):
        time.sleep(float(self.options["delay"]))
        return super().choose(colour)


Late().run()
