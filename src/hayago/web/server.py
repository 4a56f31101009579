"""`serve`: the process behind the page. It listens, says where, opens a browser, and ends on SIGINT and SIGTERM."""

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
    """Leaves the signals to `end_on_signals`: there is nothing to save, and a long review would hold up the end."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing to capture."""
        yield


def end_on_signals() -> None:
    """Make SIGTERM and SIGINT (Ctrl-C) a quiet end; to be called from the main thread."""
    end_on_sigterm()
    signal.signal(signal.SIGINT, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    sys.stderr.write("hayago: interrupted\n")
    leave(130)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there.

    Raises:
        HayagoError: there is no such address here, or somebody listens there already.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server((str(address[0]), port), family=family)
    except (OSError, UnicodeError) as error:
        number = getattr(error, "errno", None)
        if number == errno.EADDRINUSE:
            raise HayagoError(f"port {port} is in use: --port takes another one, 0 any that is free") from error
        reason = os.strerror(number) if number and not isinstance(error, socket.gaierror) else error
        raise HayagoError(f"cannot listen on {host}, port {port}: {reason}") from error


def address_of(listener: socket.socket) -> str:
    """The page's address, for this machine's browser."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # either hears its own kind only
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def is_local(listener: socket.socket) -> bool:
    """Whether only this machine can come by."""
    return ipaddress.ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback


def serve(app: ASGIApp, listener: socket.socket, name: str, browser: bool, behind: Callable[[], object]) -> None:
    """Serve until SIGINT or SIGTERM; the process ends with exit code 130 or 0.

    Args:
        app: what to serve, without its guard.
        listener: where.
        name: the host as the user named it, which requests may do too.
        browser: whether to open the page.
        behind: what to do in a thread of its own as soon as requests are taken.
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
    threading.Thread(target=behind, daemon=True).start()
    if browser and _has_screen():
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    Server(config).run(sockets=[listener])


def _has_screen() -> bool:
    """Whether a browser has where to open: without a screen, one in the terminal would take it over."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
