"""`serve`: the process that serves the page: it listens, prints its address, opens a browser, ends on signals."""

import errno
import ipaddress
import os
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from hayago.errors import HayagoError
from hayago.gtp.pipes import end_on_sigterm, leave
from hayago.web.guard import Guard

MOST_CONNECTIONS = 128


class Server(uvicorn.Server):
    """Leaves signals to `end_on_signals`: there is nothing to save, and a long review would delay the end."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing to capture."""
        yield


def end_on_signals() -> None:
    """Let SIGTERM and SIGINT (Ctrl-C) end the process quietly; call this from the main thread."""
    end_on_sigterm()
    signal.signal(signal.SIGINT, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    sys.stderr.write("hayago: interrupted\n")
    leave(130)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at an address.

    Raises:
        HayagoError: the address is not this machine's, or is in use.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server((str(address[0]), port), family=family)
    except (OSError, UnicodeError) as error:
        number = getattr(error, "errno", None)
        if number == errno.EADDRINUSE:
            raise HayagoError(f"port {port} is in use: choose another with --port (0: any)") from error
        reason = os.strerror(number) if number and not isinstance(error, socket.gaierror) else error
        raise HayagoError(f"cannot listen on {host}, port {port}: {reason}") from error


def address_of(listener: socket.socket) -> str:
    """The page's address, for this machine's browser."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # each of the two hears only its own kind
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def is_local(listener: socket.socket) -> bool:
    """Whether only this machine can connect."""
    return ipaddress.ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback


def serve(app: ASGIApp, listener: socket.socket, name: str, browser: bool, meanwhile: Callable[[], object]) -> None:
    """Serve until SIGINT or SIGTERM; the process ends with exit code 130 or 0.

    Args:
        app: the application, without its guard.
        listener: the socket.
        name: the host as the user wrote it; requests may use it too.
        browser: whether to open the page.
        meanwhile: called in a thread of its own as soon as requests are answered.
    """
    end_on_signals()
    local = is_local(listener)
    config = uvicorn.Config(
        Guard(app, local, (name,) if local else (name, socket.gethostname())),
        http="h11",
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
    )
    address = address_of(listener)
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()
    sys.stderr.write("hayago: the page is at the address above; Ctrl-C ends it\n")
    threading.Thread(target=meanwhile, daemon=True).start()
    if browser and _has_screen():
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    Server(config).run(sockets=[listener])


def _has_screen() -> bool:
    """Whether there is a screen; without one, a text browser would take over the terminal."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
