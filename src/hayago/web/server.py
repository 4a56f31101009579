"""`serve`: the process behind the page. It listens, says where, opens a browser, and ends on SIGINT and SIGTERM."""

import os
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from hayago.errors import HayagoError
from hayago.play.pipes import end_on_sigterm
from hayago.web.guard import Guard

MOST_CONNECTIONS = 128
GRACE_SECONDS = 1


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there.

    Raises:
        HayagoError: there is no such address here, or somebody listens there already.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server((str(address[0]), port), family=family)
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise HayagoError(f"cannot listen on {host}, port {port}: {reason} (--port takes another one)") from error


def address_of(listener: socket.socket) -> str:
    """The page's address, for this machine's browser."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "localhost"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def is_local(listener: socket.socket) -> bool:
    """Whether only this machine can come by."""
    import ipaddress

    return ipaddress.ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback


def serve(app: ASGIApp, listener: socket.socket, name: str, browser: bool, behind: Callable[[], object]) -> None:
    """Serve until SIGINT (KeyboardInterrupt) or SIGTERM (the process ends with exit code 0).

    Args:
        app: what to serve, without its guard.
        listener: where.
        name: the host as the user named it, which requests may do too.
        browser: whether to open the page.
        behind: what to do in a thread of its own as soon as requests are taken.
    """
    end_on_sigterm()
    guarded = Guard(app, is_local(listener), (name, socket.gethostname()) if not is_local(listener) else (name,))
    config = uvicorn.Config(
        guarded,
        http="h11",
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    address = address_of(listener)
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()
    sys.stderr.write("hayago: the page is at the address above; Ctrl-C ends it\n")
    threading.Thread(target=behind, daemon=True).start()
    if browser and _has_screen():
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    uvicorn.Server(config).run(sockets=[listener])


def _has_screen() -> bool:
    """Whether a browser has where to open: without a screen, one in the terminal would take it over."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
