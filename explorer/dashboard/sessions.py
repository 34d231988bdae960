"""How long a visit outlives its connection: a network that was away for a while has lost nobody's view.

Bokeh forgets a visit after 15 s, and after 5 minutes lets no page come back. It offers options of the command line for
both; here the defaults are others, which is reached into and checked for first.
"""

import inspect
from functools import wraps
from typing import Any

from bokeh.server.tornado import DEFAULT_SESSION_TOKEN_EXPIRATION, BokehTornado

KEPT_S = 60
"""How long a visit without a connection is kept. A page tries again for half a minute."""

TOKEN_S = 24 * 3600
"""How long an open page may come back."""


def install() -> None:
    """Must run before the server is made, as ``app_hooks.py`` does."""
    make = BokehTornado.__init__
    taken = inspect.signature(make).parameters
    if not {"session_token_expiration", "unused_session_lifetime_milliseconds"} <= set(taken):
        raise RuntimeError(
            "Got a Bokeh whose sessions end otherwise; expected 3.9. Install the version that is pinned."
        )

    @wraps(make)
    def patient(self: BokehTornado, *args: Any, **options: Any) -> None:
        options.setdefault("unused_session_lifetime_milliseconds", 1000 * KEPT_S)
        if options.get("session_token_expiration") in (None, DEFAULT_SESSION_TOKEN_EXPIRATION):
            options["session_token_expiration"] = TOKEN_S
        make(self, *args, **options)

    BokehTornado.__init__ = patient  # type: ignore[method-assign]
