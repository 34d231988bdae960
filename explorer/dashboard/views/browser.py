"""What the page asks of the browser: keys, the width of the window, the address and the clipboard.

It shows nothing, but for a line when the connection to the server is lost.
"""

from pathlib import Path
from typing import Any

import param

from explorer.dashboard.views.script import Scripted


class Browser(Scripted):
    """The browser's side of the shell."""

    query = param.String("", doc="The query of the address; setting it replaces the address without a reload.")
    narrow = param.Boolean(False, doc="Whether the window is too narrow for three columns.")
    narrow_below = param.Integer(1200, constant=True, doc="Width in pixels under which it is.")
    keys = param.List([], doc="The keys that are asked for; others stay the browser's.")
    drawn = param.Event(doc="The page is on the screen.")
    pressed = param.Event(doc="One of the keys was pressed, outside any text field: see ``key``.")

    _esm = Path(__file__).with_name("browser.js")

    def __init__(self, **params: Any):
        super().__init__(**params)
        self.key = ""

    def _handle_msg(self, data: Any) -> None:
        if data == "drawn":
            self.param.trigger("drawn")
        elif data in self.keys:
            self.key = data
            self.param.trigger("pressed")

    def copy(self, text: str) -> None:
        """Put text on the clipboard."""
        self._send_msg({"copy": text})

    def focus(self, placeholder: str) -> None:
        """Put the cursor into the text field with that placeholder."""
        self._send_msg({"focus": placeholder})
