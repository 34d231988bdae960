"""A page begins alike for every visitor. That is sent at once: browsers run the scripts while the rest is made."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import panel_material_ui as pmui
from bokeh.server import urls
from bokeh.server.session import ServerSession
from panel.config import config
from panel.io.server import DocHandler
from tornado.iostream import StreamClosedError

from explorer.dashboard.app import filled
from explorer.dashboard.state import from_query

FILL_S = 0.2
"""How long the rest of a page waits at most for its first picture, which comes quicker with the page than after it."""

HERE = Path(__file__).parent
SCRIPT = "".join((HERE / name).read_text(encoding="utf-8") for name in ("views/webgl.js", "head.js"))
"""What the browser does while it waits."""
END, OWN = "</head>", "data-root-id"
"""Where the head ends, and what the first element has that is the visitor's own."""
HIDDEN, SHOWN = (f'id="loader" style="display: {how};"' for how in ("none", "flex"))
"""The word that the page is opening: the template shows it once all scripts have run."""

_kept: dict[tuple[Any, str, bool], str] = {}
"""How pages begin, by application, path and whether they are dark."""


def install() -> None:
    """Take the place of Panel's handler; must run before the server is made, as ``app_hooks.py`` does."""
    urls.per_app_patterns[:] = [
        (route, HeadFirst if handler is DocHandler else handler) for route, handler in urls.per_app_patterns
    ]


class HeadFirst(DocHandler):
    """Panel's handler, but for when it begins to answer."""

    _sent = ""

    async def get_session(self) -> ServerSession:
        """Panel asks for it once it knows that the visitor may come in, and sends nothing but his page from then on."""
        if self._ordinary and self._key in _kept:
            self._sent = _kept[self._key]
            self.set_header("Content-Type", "text/html")
            super().write(self._sent)
            with suppress(StreamClosedError):  # he has gone, as every visitor may while his page is made
                await self.flush()
        session = await super().get_session()
        if self._sent:
            await filled(session.id, FILL_S)
        return session

    def write(self, chunk: Any) -> None:
        """Send a page, or what is left of it. Where it begins otherwise than was said, the browser asks again."""
        if isinstance(chunk, str) and OWN in chunk:
            page = chunk.replace(END, _script() + END, 1).replace(HIDDEN, SHOWN, 1)
            begins = page[: page.rindex("<", 0, page.index(OWN))]
            if not self._sent and self._ordinary:
                _kept[self._key] = begins
            elif self._sent and self._sent != begins:
                _kept.pop(self._key, None)
                page = self._sent + "<script>location.reload()</script>"
            chunk = page[len(self._sent) :]
        super().write(chunk)

    @property
    def _key(self) -> tuple[Any, str, bool]:
        dark = bool(from_query(self.request.query).get("dark"))
        return self.application_context.application, self.request.path, dark

    @property
    def _ordinary(self) -> bool:
        """Whether a session is to be made, for anybody who has come this far, in a theme that we know."""
        given = {"bokeh-token", "bokeh-session-id", "theme"} & {
            *self.request.arguments,
            *map(str.lower, self.request.headers),
        }
        return not given and config.authorize_callback is None


def _script() -> str:
    components = pmui.Page._render_esm(server=True)
    return f'<script data-components="{components}">{{{SCRIPT}}}</script>\n'
