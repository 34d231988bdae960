"""Who may come in, and with how much: loopback is open, anywhere else Panel's own login is required; sessions are
signed; no framing; requests are small and do not drip.

Bokeh offers no setting for some of this, so it is reached into; each reach is checked for first.
"""

import ipaddress
import os
import secrets
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import tornado.web
from bokeh.server import server as bokeh_server
from bokeh.settings import settings
from panel.config import config
from tornado.httpserver import HTTPServer

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Content-Security-Policy": "frame-ancestors 'self'",
    "Referrer-Policy": "same-origin",
}

LIMITS = {"max_body_size": 2**20, "body_timeout": 30.0, "idle_connection_timeout": 120.0}
"""Of what a request sends: bytes, and seconds for its body and its head. Slices of uploads have their own."""


def install() -> None:
    """Must run before the server binds its port, as ``app_hooks.py`` does."""
    os.environ.setdefault("BOKEH_SIGN_SESSIONS", "yes")
    if not settings.secret_key_bytes():
        settings.secret_key.set_value(secrets.token_urlsafe(32))
        vars(settings).pop("_secret_key_bytes", None)  # what was cached before there was a key
    tornado.web.RequestHandler.set_default_headers = _set_default_headers  # type: ignore[method-assign, assignment]
    if not hasattr(bokeh_server, "bind_sockets") or not hasattr(bokeh_server, "HTTPServer"):
        raise RuntimeError(
            "Got a Bokeh without server.bind_sockets and server.HTTPServer; expected 3.9. Install the version that is "
            "pinned."
        )
    bokeh_server.bind_sockets = guarded(bokeh_server.bind_sockets)
    bokeh_server.HTTPServer = partial(HTTPServer, **LIMITS)  # type: ignore[assignment, misc]


def _set_default_headers(handler: tornado.web.RequestHandler) -> None:
    for name, value in HEADERS.items():
        handler.set_header(name, value)


def guarded(bind: Callable[..., Any]) -> Callable[..., Any]:
    """Binding a port on loopback unless told otherwise, and elsewhere only behind a login."""

    def bind_sockets(address: str | None, port: int) -> Any:
        host = address or "127.0.0.1"
        if not is_loopback(host) and not has_login():
            sys.exit(
                f"Got --address {host} without a login; expected one, since whoever reaches the page can use this "
                "machine. Add --basic-auth or --oauth-provider (see `panel serve --help`), or leave out --address."
            )
        return bind(host, port)

    return bind_sockets


def is_loopback(host: str) -> bool:
    """Whether an address is only reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def has_login() -> bool:
    """Whether Panel asks visitors who they are."""
    return bool(config.basic_auth or config.oauth_provider)
