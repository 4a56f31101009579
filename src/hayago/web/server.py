"""`serve`: the process that serves the page: it listens, prints its address, opens a browser, ends on signals."""

import asyncio
import errno
import ipaddress
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from hayago.errors import HayagoError
from hayago.gtp.pipes import end_on_sigterm, leave
from hayago.web.guard import JSON_TYPE, Guard

MOST_CONNECTIONS = 128
REQUEST_SECONDS = 20.0  # in which a request has to arrive; 5 MB of SGF need less
_MOST_LINES = 20  # of the log, in a minute


class Connection(H11Protocol):
    """One of few connections, whose requests arrive in time. Others are closed without a word: an answer would have to
    wait for a reader, too."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
        else:
            self._await_request()

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        super().data_received(data)
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):  # all has come
            self._stop_waiting()
        elif self._deadline is None:
            self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._stop_waiting()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answer malformed HTTP as the API answers other errors; or close, in the middle of an answer."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = json.dumps({"detail": msg}).encode()
            headers = [("Content-Type", JSON_TYPE), ("Content-Length", str(len(body))), ("Connection", "close")]
            for event in (
                h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing to log: a request to upgrade is answered as if it had not asked."""

    def _await_request(self) -> None:
        self._deadline = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class FewLines(logging.Filter):
    """Lets some lines a minute into the log, and no tracebacks of an OSError: the network's faults are not ours."""

    def __init__(self) -> None:
        super().__init__()
        self._minute, self._lines = 0, 0

    def filter(self, record: logging.LogRecord) -> bool:
        """See `logging.Filter`."""
        if record.exc_info and isinstance(record.exc_info[1], OSError):
            record.msg, record.args = "%s", (record.exc_info[1],)
            record.exc_info = record.exc_text = None
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._minute, self._lines = minute, 0
        self._lines += 1
        return self._lines <= _MOST_LINES


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


def serve(app: ASGIApp, listener: socket.socket, name: str, browser: bool) -> None:
    """Serve until SIGINT or SIGTERM; the process ends with exit code 130 or 0.

    Args:
        app: the application, without its guard.
        listener: the socket.
        name: the host as the user wrote it; requests may use it too.
        browser: whether to open the page.
    """
    end_on_signals()
    local = is_local(listener)
    config = uvicorn.Config(
        Guard(app, local, (name,) if local else (name, socket.gethostname())),
        http=Connection,
        backlog=MOST_CONNECTIONS // 2,  # accepted at once, before any of them can be closed
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
    )
    few = FewLines()
    for name_of_log in ("asyncio", "uvicorn.error"):
        logging.getLogger(name_of_log).addFilter(few)
    address = address_of(listener)
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()
    sys.stderr.write("hayago: the page is at the address above; Ctrl-C ends it\n")
    if browser and _has_screen():
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    Server(config).run(sockets=[listener])


def _has_screen() -> bool:
    """Whether there is a screen; without one, a text browser would take over the terminal."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
