"""Names, and reach for keys, for those parts of the toolkit that come without. It shows nothing."""

from pathlib import Path

from explorer.dashboard.views.script import Scripted

REACHED = "reached"
"""The class of what scrolls and holds nothing that takes the focus: keys reach it itself."""


class Names(Scripted):
    """Help marks, the buttons of number fields and bars of progress get a role, a name and a place among the tab stops.

    Whatever has a name already is left alone, so that a toolkit that names them itself is not disturbed.
    """

    _esm = Path(__file__).with_name("names.js")
