"""The canvas on which a cloud is edited: pixels and anchors in, the hand's gestures out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import param

from explorer.dashboard.views.script import Scripted

_POINTS_LIMIT = 20_000
"""Points of a gesture that are looked at; a browser sends far fewer."""


@dataclass(frozen=True)
class Push:
    """A brush that is down, or was lifted.

    Args:
        start, end: where it came down and where it is, in the domain: (y, x) or (t,).
        phase: ``move`` while it is down, ``end`` when it was lifted, ``cancel`` when nothing should come of it.
        sequence: rises with every message.
    """

    start: tuple[float, ...]
    end: tuple[float, ...]
    phase: str
    sequence: int


class EditCanvas(Scripted):
    """A picture, or curves, with the anchors of its cloud on top. A brush pushes, a lasso chooses."""

    picture = param.String("", doc="Data URI of the pixels, one for each sample.")
    curves = param.List([], doc="Values over one axis, a list for each channel; drawn instead of a picture.")
    anchors = param.Array(
        np.zeros((0, 2), np.float32), doc="Places of the anchors in the domain: [A, 2] (y, x) or [A, 1] (t)."
    )
    chosen = param.List([], doc="Positions of the anchors that the lasso holds.")
    lasso = param.List([], doc="The polygon of the last lasso, places (y, x).")
    tool = param.Selector(default="push", objects=["push", "lasso"], doc="What the hand does.")
    radius = param.Number(0.25, bounds=(0, 2), doc="Of the brush, in units of the domain, which is 2 wide.")
    dot = param.Number(4, bounds=(1, 12), doc="Radius of an anchor on the screen, in pixels.")
    opacity = param.Number(0.8, bounds=(0, 1), doc="Of the anchors; 0 hides them.")
    empty = param.String("loading …", doc="What stands where there is nothing to edit.")
    title = param.String("", doc="What is shown, for those who cannot see it.")

    _esm = Path(__file__).with_name("edit_canvas.js")

    def __init__(self, **params: Any):
        super().__init__(**params)
        self.on_push: Callable[[Push], None] = lambda push: None
        self.on_lasso: Callable[[list[tuple[float, float]]], None] = lambda polygon: None

    def show(self, values: np.ndarray, uri: str, anchors: np.ndarray, title: str) -> None:
        """A whole signal: values [T, m] as curves, or [H, W, m] as the picture ``uri``; anchors [A, 1] or [A, 2]."""
        self.param.update(
            picture=uri,
            curves=values.T.tolist() if values.ndim == 2 else [],
            anchors=anchors.astype(np.float32),
            lasso=[],
            chosen=[],
            empty="",
            title=title,
        )

    def patch(
        self,
        sequence: int,
        *,
        pixels: np.ndarray | None = None,
        corner: tuple[int, int] = (0, 0),
        anchors: np.ndarray | None = None,
        region: Sequence[Sequence[float]] | None = None,
    ) -> None:
        """What changed while the brush is down, as arrays: a picture format would cost more than it spares here.

        Args:
            sequence: of the gesture that this answers.
            pixels: uint8 [h, w], [h, w, 3] or [h, w, 4], whose first stands at ``corner`` (row, column).
            anchors: all of them, where they are now.
            region: the box (low, high) of each axis that lifting the brush would change.
        """
        message: dict[str, Any] = {"sequence": sequence}
        if pixels is not None and pixels.size:
            message |= {"pixels": _opaque(pixels), "y": corner[0], "x": corner[1]}
        if anchors is not None:
            message["anchors"] = anchors.astype(np.float32)
        if region is not None:
            message["region"] = [list(map(float, axis)) for axis in region]
        self._send_msg(message)

    def _handle_msg(self, data: Any) -> None:
        match data:
            case {
                "kind": "push",
                "phase": "move" | "end" | "cancel" as phase,
                "from": start,
                "to": end,
                "sequence": int(s),
            }:
                if (places := _places([start, end])) is not None:
                    self.on_push(Push(places[0], places[1], phase, s))
            case {"kind": "lasso", "polygon": list(polygon)}:
                places = _places(polygon[:_POINTS_LIMIT])
                self.on_lasso([(p[0], p[1]) for p in places or () if len(p) == 2])


def _opaque(pixels: np.ndarray) -> np.ndarray:
    """Pixels as a browser draws them at once: uint8 [h, w, 4]."""
    if pixels.ndim == 3 and pixels.shape[-1] == 4:
        return np.ascontiguousarray(pixels)
    drawn = np.full((*pixels.shape[:2], 4), 255, np.uint8)
    drawn[..., :3] = pixels if pixels.ndim == 3 else pixels[..., None]
    return drawn


def _places(given: Any) -> list[tuple[float, ...]] | None:
    """Places of the domain as a browser sent them; None for anything else."""
    try:
        places = [tuple(float(x) for x in place) for place in given]
    except (TypeError, ValueError):
        return None
    sound = all(1 <= len(place) <= 2 and np.isfinite(place).all() for place in places)
    return places if sound else None
