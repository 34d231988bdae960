"""Walks as strips of pictures over one slider, and below them how far from the data they lead."""

from dataclasses import asdict, dataclass, field

import param

from explorer.dashboard.views.script import Scripted, script


@dataclass(frozen=True)
class Strip:
    """A walk as the browser draws it.

    Args:
        name: of the checkpoint, shown where it differs from the strip above.
        label: how it walks.
        color: of its curve, and of its line on the map.
        pictures: data addresses, evenly from end to end; empty while they are not there.
        note: what stands in their place.
        action: the words of a button beside the note, "" for none.
        distances: along the walk, to the nearest signal.
        reference: the typical distance between neighbours, None while it is not known.
    """

    name: str
    label: str
    color: str
    pictures: tuple[str, ...] = ()
    note: str = ""
    action: str = ""
    distances: tuple[float, ...] = field(default=())
    reference: float | None = None


class Strips(Scripted):
    """Strips with the slider t, which arrow keys move and ``toggle`` plays. It knows nothing of an engine."""

    t = param.Number(0.5, bounds=(0, 1), doc="Where on the walks: 0 is the first end, 1 the last.")
    strips = param.List([], doc="What is shown, as dicts of ``Strip``.")
    ends = param.List([], item_type=str, doc="Names of the signals that the walks pass, evenly along the slider.")
    unit = param.String("", doc="What distances are taken in.")
    box = param.Integer(48, bounds=(16, 256), doc="The most that a picture is wide and high, in pixels.")
    playing = param.Boolean(False, doc="Whether t moves by itself, to and fro.")
    period_s = param.Number(4.0, bounds=(0.5, 60), doc="How long t takes from end to end.")
    acted = param.Integer(-1, doc="The strip whose button was pressed last.")

    _esm = script("strips.js")
    _priority_changes = ["t"]

    def show(self, strips: list[Strip]) -> None:
        """Other strips."""
        self.strips = [asdict(strip) for strip in strips]

    def toggle(self) -> None:
        """Play, or stop playing."""
        self.playing = not self.playing

    def _handle_msg(self, data: int) -> None:
        self.acted = -1  # the same button may be pressed twice
        self.acted = int(data)
