"""What a browser gets first is the same for every visitor but for a token, so it is kept: a visitor's own page is made
while his browser reads the scripts."""

from typing import Any

from bokeh.server import urls
from bokeh.util.token import generate_jwt_token, generate_session_id
from panel.config import config
from panel.io.server import DocHandler
from tornado.ioloop import IOLoop
from tornado.web import authenticated

from explorer.dashboard.state import from_query

FILES_S = 0.1
"""How long the browser is given to ask for the scripts, before the event loop is busy with the visitor's page."""

_kept: dict[tuple[Any, str, bool], tuple[str, str]] = {}
"""By application, path and whether it is dark: a page, cut in two where the token stands."""


def install() -> None:
    """Take the place of Panel's handler; must run before the server is made, as ``app_hooks.py`` does."""
    urls.per_app_patterns[:] = [
        (route, Reception if handler is DocHandler else handler) for route, handler in urls.per_app_patterns
    ]


class Reception(DocHandler):
    """Panel's handler, but for what it waits for before it answers."""

    @authenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        if self._key not in _kept or not self._ordinary:
            await super().get(*args, **kwargs)
            return
        app = self.application
        signed = {"secret_key": app.secret_key, "signed": app.sign_sessions}
        id = generate_session_id(**signed)
        token = generate_jwt_token(
            id, **signed, expiration=app.session_token_expiration, extra_payload=self._generate_token_payload()
        )
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Type", "text/html")
        super().write(token.join(_kept[self._key]))
        IOLoop.current().call_later(FILES_S, self.application_context.create_session_if_needed, id, self.request, token)

    async def get_session(self) -> Any:
        self._session = await super().get_session()
        return self._session

    def write(self, chunk: Any) -> None:
        """Keep the page that Panel wrote, if nothing but its theme was asked for."""
        session = getattr(self, "_session", None)
        if session is not None and isinstance(chunk, str) and self._ordinary and self.request.query in ("", "d=1"):
            parts = chunk.split(session.token)
            if len(parts) == 2:
                _kept[self._key] = parts[0], parts[1]
        super().write(chunk)

    @property
    def _key(self) -> tuple[Any, str, bool]:
        dark = bool(from_query(self.request.query).get("dark"))
        return self.application_context.application, self.request.path, dark

    @property
    def _ordinary(self) -> bool:
        """Whether a session is to be made, for anybody who has come this far."""
        given = {"bokeh-token", "bokeh-session-id"} & {*self.request.arguments, *map(str.lower, self.request.headers)}
        return not given and config.authorize_callback is None and self.application.generate_session_ids
