"""Answers every genmove, and takes its time: 0.15 s."""

import time

from honest import Engine


class Late(Engine):
    name = "late"

    def choose(self, colour):
        time.sleep(0.15)
        return super().choose(colour)


Late().run()
