"""A fit on one slider: reconstruction, PSNR, code and place on the map move together, in the browser alone."""

from typing import Any

import numpy as np
import param

from explorer.dashboard import theme
from explorer.dashboard.scrub import Replay
from explorer.dashboard.views.pixels import png_uri
from explorer.dashboard.views.script import Scripted, script

MOST_POINTS, MOST_NUMBERS = 2000, 256


class Scrub(Scripted):
    """A replayed fit. It knows nothing of an engine: all moments come along, so that the slider waits for nobody."""

    at = param.Integer(0, bounds=(0, None), doc="The moment that is shown, from 0.")
    fit = param.Dict({}, doc="What is shown, as ``show`` makes it; empty for nothing.")

    _esm = script("scrub.js")

    def show(self, replay: Replay | None, *, name: str = "", dark: bool = False) -> None:
        """Another fit, at its end; None for none."""
        if replay is None:
            self.param.update(fit={}, at=0)
        else:
            self.param.update(fit=drawn(replay, name, dark), at=len(replay.steps) - 1)


def drawn(replay: Replay, name: str, dark: bool) -> dict[str, Any]:
    """What the browser needs of a fit."""
    rows = np.unique(np.linspace(0, len(replay.layout) - 1, MOST_POINTS).astype(int))
    palette = theme.categorical(int(replay.clusters.max(initial=-1)) + 1, dark)
    codes = replay.codes[:, :MOST_NUMBERS].astype(float)
    return {
        "name": name,
        "steps": replay.steps.tolist(),
        "pictures": [png_uri(pixels) for pixels in replay.pictures],
        "truth": png_uri(replay.truth),
        "psnr_db": np.round(replay.psnr_db.astype(float), 2).tolist(),
        "codes": np.round(codes / (np.abs(codes).max() or 1.0), 3).tolist(),
        "numbers": replay.codes.shape[1],
        "places": np.round(replay.places.astype(float), 4).tolist(),
        "points": np.round(replay.layout[rows].astype(float), 4).tolist(),
        "colors": [palette[c] if c >= 0 else theme.tones(dark).muted for c in replay.clusters[rows]],
    }
