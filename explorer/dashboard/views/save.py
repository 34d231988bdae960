"""Hands a file to the browser, which keeps it where downloads go. It shows nothing."""

from pathlib import Path

from explorer.dashboard.views.script import Scripted

PIECE_BYTES = 2**22
"""What is sent at once: the socket serves the rest of the page in between."""


class Saver(Scripted):
    """The browser's side of a download that is made for one visitor."""

    _esm = Path(__file__).with_name("save.mjs")

    def save(self, name: str, data: bytes) -> None:
        """Have the browser save bytes under a name."""
        pieces = [data[start : start + PIECE_BYTES] for start in range(0, len(data), PIECE_BYTES)] or [b""]
        for number, piece in enumerate(pieces, start=1):
            self._send_msg({"piece": piece, "first": number == 1, "name": name if number == len(pieces) else ""})
