"""`hayago web`."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from hayago.errors import HayagoError

_EXTRA = ("anyio", "fastapi", "pydantic", "starlette", "uvicorn")


def web(
    *,
    model: Path | None = None,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65535))] = 8361,
    browser: bool = True,
    device: str = "auto",
) -> None:
    """Open a page on this machine: play against a network, look into it, review games.

    Args:
        model: The network; by default the one in the box.
        host: The address to listen on. Any other than 127.0.0.1 lets others in: there are no accounts.
        port: The port to listen on; 0 takes a free one.
        browser: Open the page in the browser.
        device: auto, cpu, cuda or mps.
    """
    try:
        from hayago.web.app import make_app
        from hayago.web.room import Room
        from hayago.web.server import listen, serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        raise HayagoError(f'the page needs {error.name}: pip install "hayago[web]"') from error
    from hayago.network.evaluator import make_evaluator

    with listen(host, port) as listener:  # first, since loading takes a second and this may be in vain
        room = Room(make_evaluator(model, device=device))
        app = make_app(room, "the network in the box" if model is None else model.name)
        serve(app, listener, host, browser, room.warm_up)
