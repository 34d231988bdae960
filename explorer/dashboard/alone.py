"""Pages and views as the last line of a notebook cell: ``explorer.Explore(signals)``, ``explorer.Map(codes)``."""

from collections.abc import Sequence
from typing import Any

from explorer.codes import Codes, source_of
from explorer.dashboard.pages.explore import Explore as ExplorePage
from explorer.dashboard.views.map import Map as MapView
from explorer.dashboard.views.pixels import png_uri
from explorer.dashboard.views.thumbnails import thumbnails
from explorer.dashboard.workspace import Workspace
from explorer.engine import Engine
from explorer.messages import Encode, Take
from explorer.signals import SignalSet

CARD_SIZE = 64


class Explore(ExplorePage):
    """The Explore page of given signals.

    Args:
        signals: at least one checkpoint that the engine holds should fit them.
        engine: by default the one that ``connect`` gives, in this process.
        choices: parameters of the page's state: ``checkpoint``, ``resolution``, ``space``, ``method``, ``k``,
            ``projection``, ``color``, ``selection``, ``dark`` …
    """

    def __init__(self, signals: SignalSet, engine: Engine | None = None, **choices: Any):
        super().__init__(Workspace.of(signals, engine, **choices))

    @property
    def selection(self) -> list[int]:
        """Positions of the selected signals; can be set."""
        return self.state.selection

    @selection.setter
    def selection(self, rows: list[int]) -> None:
        self.state.selection = [int(row) for row in rows]

    @property
    def resolution(self) -> int:
        """Samples along the first axis at which the signals are observed, 0 for their own; can be set."""
        return self.state.resolution

    @resolution.setter
    def resolution(self, size: int) -> None:
        self.state.resolution = int(size)


class Map(MapView):
    """The map of codes, coloured by cluster. ``selection`` and ``layout`` can be read, set and watched.

    Args:
        codes: as ``Engine.encode`` gives them; their engine makes the map.
        method: ``umap`` or ``pca``.
        space: what distances are taken in; empty is the representation's first.
        k: how many clusters; None is suggested by the silhouette.
        params: further parameters of the view, such as ``dark``; ``values`` and ``names`` colour it otherwise.
    """

    def __init__(self, codes: Codes, *, method: str = "umap", space: str = "", k: int | None = None, **params: Any):
        engine = codes.engine
        if "values" not in params:
            params["values"] = engine.cluster(codes, k=k, space=space)
            params["values_label"] = "cluster"
        if isinstance(codes.recipe, Encode | Take):
            params.setdefault("thumbnails", lambda rows: pictures(codes, rows))
        super().__init__(layout=engine.project(codes, method, space=space), **params)


def pictures(codes: Codes, rows: Sequence[int]) -> list[str]:
    """The signals behind some codes, as data URIs."""
    encode, taken = source_of(codes.recipe)
    signals = codes.engine.load(encode.signals)
    return [png_uri(image) for image in thumbnails(signals, rows if taken is None else taken[rows], CARD_SIZE)]
