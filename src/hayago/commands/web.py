"""`hayago web`."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from hayago.network import BOX


def web(
    *,
    model: Path | None = None,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65535))] = 8361,
    browser: bool = True,
    device: str = "auto",
) -> None:
    """Open a page in the browser: play against the network, look into it, review games.

    Args:
        model: The network; by default the one in the box.
        host: The address to listen on. Any address but 127.0.0.1 lets others in, and there are no accounts.
        port: The port to listen on; 0 picks a free one.
        browser: Open the page in the browser.
        device: auto, cpu, cuda or mps.
    """
    from hayago.network.evaluator import check_answers, make_evaluator
    from hayago.player import kernels
    from hayago.web.app import make_app
    from hayago.web.room import Room
    from hayago.web.server import listen, serve

    with listen(host, port) as listener:  # first, since it may fail, and loading takes a second
        evaluator = make_evaluator(model, device=device)
        check_answers(evaluator)
        kernels.start()
        room = Room(evaluator)
        app = make_app(room, "the network in the box" if model is None or str(model) == BOX else model.name)
        serve(app, listener, host, browser)
