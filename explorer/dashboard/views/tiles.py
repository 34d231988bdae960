"""Pictures side by side that are zoomed, panned and looked at through a loupe as one."""

from dataclasses import asdict, dataclass

import param

from explorer.dashboard.views.script import Scripted, script

WHOLE = [-1.0, 1.0, -1.0, 1.0]
"""A view of the whole domain: from and to along y, then along x."""


@dataclass(frozen=True)
class Tile:
    """One picture.

    Args:
        title: what it is.
        caption: how good, or on what scale.
        uri: a data address of pixels that show the whole domain.
        fine: whether finer pixels come for the part in sight.
    """

    title: str
    caption: str
    uri: str
    fine: bool = False


class Tiles(Scripted):
    """Rows of tiles over one view. Wheel and drag move it for all of them; nothing is ever smoothed."""

    rows = param.List([], doc="What is shown: dicts of a name and a list of ``Tile`` as dicts.")
    view = param.List(WHOLE, item_type=float, doc="What part of the domain is in sight: y0, y1, x0, x1 in [-1, 1].")
    fine = param.Dict({}, doc='By "row,column": a finer picture ``uri`` of the part ``view``.')
    box = param.Integer(128, bounds=(32, 512), doc="Side of the square that a tile stands in, in pixels.")
    shape = param.List([1.0, 1.0], doc="Height and width of a picture, as shares of its box.")
    loupe = param.Boolean(False, doc="Whether a loupe follows the pointer, in all tiles of a row.")
    pointed = param.List([], doc="Where the loupe is: row, y, x; empty while it is nowhere.")
    lenses = param.List([], doc="What is seen through it, a data address for each tile of the row; empty for none.")

    _esm = script("tiles.js")
    _priority_changes = ["view", "pointed"]

    def show(self, rows: list[tuple[str, list[Tile]]]) -> None:
        """Other pictures."""
        self.param.update(
            rows=[{"name": name, "tiles": [asdict(tile) for tile in tiles]} for name, tiles in rows], fine={}
        )
