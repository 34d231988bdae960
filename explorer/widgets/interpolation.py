"""A slider between codes, with the function that lives where it stands."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets
import numpy as np
import traitlets

from explorer.codes import Codes
from explorer.errors import InvalidInput
from explorer.interpolation import METHODS
from explorer.widgets.drawing import png, points

LONGEST = 64
"""Samples of a render's longest axis unless a resolution is given."""


class InterpolationSlider(anywidget.AnyWidget, ipywidgets.ValueWidget):
    """Walk through codes: drag, or set ``value``, and the render follows.

    Args:
        codes: of any representation, from ``engine.encode``.
        ends: positions of two or more of the codes.
        method: ``linear``, ``slerp`` or ``aligned``, as far as the representation has it.
        layers: for codes that are networks, the layers that move; none for all.
        resolution: samples of the render, one number or one for each axis; 0 keeps the shape of the signals, 64 long.

    The traits can be read and written from Python, linked (``ipywidgets.link``, ``jslink``) and given to ``interact``.
    Raises InvalidInput for ends, methods and layers that there are not.
    """

    _esm = Path(__file__).with_name("interpolation.js")

    value = traitlets.Float(0.0, help="Where it stands: 0 is the first of the ends, 1 the second.").tag(sync=True)
    max = traitlets.Float(1.0, help="The last of the ends.").tag(sync=True)
    step = traitlets.Float(0.01, min=1e-4, help="How far an arrow key moves it.").tag(sync=True)
    description = traitlets.Unicode("", help="What stands before it.").tag(sync=True)
    labels = traitlets.List(traitlets.Unicode(), help="Names of the ends.").tag(sync=True)
    width = traitlets.Int(256, min=32, max=2048, help="Of the picture, in pixels.").tag(sync=True)
    image = traitlets.Bytes(b"", read_only=True, help="The render as PNG, of images, volumes and video.").tag(sync=True)
    curves: Any = traitlets.List(read_only=True, help="The render of a series: heights 0 to 1 by channel").tag(
        sync=True
    )
    shown = traitlets.Float(0.0, read_only=True, help="The value of which the picture is.").tag(sync=True)
    error = traitlets.Unicode("", read_only=True, help="What went wrong, in words.").tag(sync=True)
    method = traitlets.Enum(METHODS, default_value="linear", help="How one goes from end to end.")
    layers = traitlets.Tuple(help="The layers that move; none for all.")
    ends = traitlets.Tuple(help="Positions of the codes on the way.")

    def __init__(
        self,
        codes: Codes,
        *ends: int,
        method: str = "linear",
        layers: Sequence[str] = (),
        resolution: int | Sequence[int] = 0,
        **traits: Any,
    ):
        if len(ends) < 2 or not all(0 <= end < len(codes) for end in ends):
            raise InvalidInput(
                f"Got ends {ends} of {len(codes)} codes; expected two or more, from 0 to {len(codes) - 1}."
            )
        self._codes, self._domain = codes, codes.engine.checkpoint(_checkpoint(codes)).domain
        self._resolution = _shape(resolution, self._domain.shape)
        self._values = np.zeros(0, np.float32)
        names = [codes.ids[end] for end in ends]
        super().__init__(
            ends=tuple(map(int, ends)),
            max=float(len(ends) - 1),
            labels=names,
            method=method,
            layers=tuple(layers),
            **traits,
        )
        self._draw()
        if self.error:
            raise InvalidInput(self.error)
        self.observe(self._draw, names=["value", "method", "layers", "ends"])

    @property
    def values(self) -> np.ndarray:
        """The render: float32 [*resolution, m]."""
        return self._values

    @property
    def code(self) -> Codes:
        """The code where it stands."""
        codes, ends = self._codes, self.ends
        return codes.engine.interpolate(codes, *ends, at=[self.value], method=self.method, layers=self.layers)

    @traitlets.validate("value")
    def _within(self, proposal: Any) -> float:
        return float(np.clip(proposal["value"], 0.0, self.max))

    def _draw(self, change: Any = None) -> None:
        try:
            values = self._codes.engine.render(self.code, self._resolution)[0]
        except InvalidInput as error:
            self.set_trait("error", str(error))
            return
        self._values = values
        with self.hold_sync():  # one message: the picture, and of which value it is
            if self._domain.d == 1:
                self.set_trait("curves", points(values, self._domain))
            else:
                self.set_trait("image", png(values, self._domain))
            self.set_trait("shown", self.value)
            self.set_trait("error", "")


def _checkpoint(codes: Codes) -> str:
    """The checkpoint that codes come from in the end."""
    recipe = codes.recipe
    while recipe.op != "encode":
        recipe = recipe.codes
    return recipe.checkpoint


def _shape(resolution: int | Sequence[int], native: Sequence[int]) -> tuple[int, ...]:
    if isinstance(resolution, (int, np.integer)):
        if resolution:
            return (int(resolution),) * len(native)
        longest = max(native)
        return tuple(max(1, round(size * max(LONGEST, longest) / longest)) for size in native)
    return tuple(map(int, resolution))
