"""`Guard`: what every request must satisfy, and what every response tells the browser.

A foreign page that is open in the same browser can send requests to this server. So:

- Host must be an address of this machine. An attacker's DNS can point a name at our address, and then his page counts
as
  ours; it cannot do so with a number.
- Origin, if the browser sends it, must match Host.
- Requests started by another site (Sec-Fetch-Site) get no data.
- Bodies are read here, up to a limit, and only of the expected type: to send JSON or SGF from another site, a browser
  needs a permission that is never given.
"""

import ipaddress
import json
import re
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SGF_PATH, SGF_TYPE, SGF_BYTES = "/api/games/sgf", "application/x-go-sgf", 5_000_000
JSON_TYPE, JSON_BYTES = "application/json", 10_000
_SWALLOWED = 20 * SGF_BYTES  # still read of a too large body: browsers show a response only then

_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[^\[\]:@/?#\s]+)(:\d{1,5})?")
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """An ASGI application around another.

    Args:
        app: the application.
        local: whether to answer only requests to this machine; else those to any numeric address.
        names: further host names to accept.
    """

    def __init__(self, app: ASGIApp, local: bool = True, names: Collection[str] = ()) -> None:
        self._app, self._local = app, local
        self._names = {"localhost", *(name.lower() for name in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers["Cache-Control"] = "no-store" if scope["path"].startswith("/api/") else "no-cache"
            await send(message)

        refusal = self._objection(scope)
        body = b""
        if refusal is None and scope["method"] not in ("GET", "HEAD"):
            body, refusal = await _read(scope, receive)
        if refusal is not None:
            await _answer(send_with_headers, *refusal)
            return
        unread = True

        async def receive_body() -> Message:
            nonlocal unread
            if not unread:
                return await receive()
            unread = False
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, receive_body, send_with_headers)

    def _objection(self, scope: Scope) -> tuple[int, str] | None:
        """Status and text if the headers cannot be trusted."""
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            return 403, "this server answers only to its own address"
        if any(origin.lower() != f"http://{hosts[0].lower()}" for origin in headers.getlist("origin")):
            return 403, "this server answers only its own page"
        if scope["path"].startswith("/api/") and headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return 403, "this server answers only its own page"
        return None

    def _is_ours(self, host: str) -> bool:
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = match["name"].strip("[]").lower()
        if name in self._names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not self._local


async def _read(scope: Scope, receive: Receive) -> tuple[bytes, tuple[int, str] | None]:
    """The body, and the error if there is one."""
    is_sgf = scope["path"] == SGF_PATH
    most, wanted = (SGF_BYTES, SGF_TYPE) if is_sgf else (JSON_BYTES, JSON_TYPE)
    parts: list[bytes] = []
    length, more = 0, True
    while more and length <= _SWALLOWED:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"", (400, "the request broke off")
        part, more = message.get("body", b""), message.get("more_body", False)
        length += len(part)
        if length <= most:
            parts.append(part)
    if length > most:
        what = f"an SGF file may have at most {SGF_BYTES / 1e6:g} MB" if is_sgf else "the request is too large"
        return b"", (413, what)
    kind = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
    if length and kind != wanted:
        return b"", (415, f"the body must be of the type {wanted}")
    return b"".join(parts), None


async def _answer(send: Send, status: int, detail: str) -> None:
    body = json.dumps({"detail": detail}).encode()
    headers = [(b"content-type", JSON_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
