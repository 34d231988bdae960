"""Pages and views of the public face: as the last line of a notebook cell they show themselves.

A notebook says ``panel.extension()`` first, or ``panel.extension(inline=True)`` where nothing may come from outside; a
page then brings the toolkit's script along, once.

Parameters of a page, and of what all pages share, can be chosen when it is made, and read and set at any time:
``page = explorer.Interpolate(codes, 3, 7, projection="pca")``, ``page.t = 0.3``, ``page.selection = [3, 9, 7]``.
"""

from collections.abc import Sequence
from typing import Any

from explorer.codes import Checkpoint, Codes, source_of
from explorer.dashboard.page import Page
from explorer.dashboard.pages import compare, edit, explore, interpolate
from explorer.dashboard.state import State
from explorer.dashboard.views import map
from explorer.dashboard.views.history import History
from explorer.dashboard.views.pixels import png_uri
from explorer.dashboard.views.thumbnails import thumbnails
from explorer.dashboard.workspace import Workspace
from explorer.edits import EDITS, MOST_EDITS
from explorer.engine import Engine, connect
from explorer.errors import InvalidInput
from explorer.messages import Encode, Take
from explorer.signals import SignalSet

CARD_SIZE = 64


class _Alone(Page):
    """A page outside the shell."""

    def __init__(self, engine: Engine, choices: dict[str, Any]):
        unknown = [name for name in choices if name not in State.param and name not in self._own()]
        if unknown:
            raise InvalidInput(
                f"Got {', '.join(unknown)}; expected parameters of {type(self).__name__} or of its State."
            )
        state = {name: value for name, value in choices.items() if name in State.param}
        own = {name: value for name, value in choices.items() if name not in State.param}
        super().__init__(Workspace(engine, State(**state)), **own)

    @classmethod
    def _own(cls) -> set[str]:
        return set(cls.param) - set(Page.param)

    @property
    def selection(self) -> list[int]:
        """Positions of the selected signals, the one shown first; can be set."""
        return self.workspace.state.selection

    @selection.setter
    def selection(self, rows: Sequence[int]) -> None:
        self.workspace.state.selection = [int(row) for row in rows]

    @property
    def resolution(self) -> int:
        """Samples along the first axis at which the signals are observed, 0 for their own; can be set."""
        return self.workspace.state.resolution

    @resolution.setter
    def resolution(self, size: int) -> None:
        self.workspace.state.resolution = int(size)


class Explore(_Alone, explore.Explore):
    """The map, the clusters and the reconstructions of signals.

    Args:
        signals: at least one checkpoint that the engine holds should fit them.
        engine: by default the one that ``connect`` gives, in this process.
        choices: parameters of the page and of its ``State``: ``checkpoint``, ``resolution``, ``space``, ``method``,
            ``k``, ``projection``, ``color``, ``selection``, ``dark`` …

    Raises:
        InvalidInput: for choices that there are not.
    """

    def __init__(self, signals: SignalSet, engine: Engine | None = None, **choices: Any):
        engine = engine or connect()
        super().__init__(engine, {"signals": engine.put_signals(signals), **choices})


class Interpolate(_Alone, interpolate.Interpolate):
    """Walks between some of the codes of a signal set.

    Args:
        codes: as ``engine.encode`` gives them.
        ends: positions of the signals that the walks pass; without them two that differ are chosen.
        choices: parameters of the page (``t``, ``stops``, ``size``, ``alone``) and of its ``State`` (``projection`` …).

    Raises:
        InvalidInput: for codes that are not those of a whole set, for positions that it does not have, and for choices
            that there are not.
    """

    def __init__(self, codes: Codes, *ends: int, **choices: Any):
        super().__init__(codes.engine, {**_named(codes, ends), **choices})


class Compare(_Alone, compare.Compare):
    """Signals by several checkpoints, side by side.

    Args:
        checkpoints: those that are compared; without them all that the engine has for such signals.
        engine: the one that ``connect`` gives by default.
        choices: parameters of the page (``size``, ``quantity``, ``equal`` …) and of its ``State``: ``selection=[3, 7]``
            says which signals.

    Raises:
        InvalidInput: for choices that there are not.
    """

    def __init__(
        self,
        signals: SignalSet,
        checkpoints: Sequence[Checkpoint] = (),
        *,
        engine: Engine | None = None,
        **choices: Any,
    ):
        engine = engine or connect()
        for checkpoint in checkpoints:
            if not engine.has(checkpoint.id):
                engine.put(checkpoint.artifact, checkpoint.representation)
        only = [checkpoint.id for checkpoint in checkpoints]
        named = {"signals": engine.put_signals(signals), "checkpoint": only[0] if only else "", "only": only}
        super().__init__(engine, {**named, **choices})


class EditCloud(_Alone, edit.Edit):
    """One code of a set as a cloud of anchored latents, to push, turn, cut and mix by hand or by ``edits``.

    ``engine.edit(codes, row, page.edits)`` is the code that the page shows.

    Args:
        codes: as ``engine.encode`` gives them, of a representation with anchors, such as ``arc``.
        row: position of the signal.
        edits: with which it begins: ``explorer.Push(...)`` and its like.
        choices: parameters of the page (``radius``, ``falloff``, ``region``, ``turn_frames``) and of its ``State``.

    Raises:
        InvalidInput: for codes that are not those of a whole set or have no anchors, for a position that it does not
            have, for edits that are none, and for choices that there are not.
    """

    def __init__(self, codes: Codes, row: int, *, edits: Sequence[Any] = (), **choices: Any):
        named = _named(codes, [row])
        if not codes.engine.describe()["representations"][codes.representation].get("edits"):
            raise InvalidInput(f"Got codes of {codes.representation}; expected some with anchors, as those of arc.")
        super().__init__(codes.engine, {**named, **choices, "history": _history(edits)})

    @property
    def edits(self) -> list[Any]:
        """The edits that stand, oldest first; setting them replaces the history, also what was undone."""
        return list(self.history.done)

    @edits.setter
    def edits(self, edits: Sequence[Any]) -> None:
        self.history = _history(edits)


class Map(map.Map):
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


def _named(codes: Codes, rows: Sequence[int]) -> dict[str, Any]:
    """What a state says of codes of a whole set, with some of them selected."""
    recipe = codes.recipe
    if not isinstance(recipe, Encode):
        raise InvalidInput("Got some of the codes, or made ones; expected those of a signal set, as encode gives them.")
    if any(not 0 <= row < len(codes) for row in rows):
        raise InvalidInput(f"Got positions {tuple(rows)}; expected 0 to {len(codes) - 1}.")
    size = recipe.sampling.size[0] if recipe.sampling.size else 0
    selection = [int(row) for row in rows]
    return {"signals": recipe.signals, "checkpoint": recipe.checkpoint, "resolution": size, "selection": selection}


def _history(edits: Sequence[Any]) -> History:
    """Edits, once they are seen to be some."""
    strange = [type(one).__name__ for one in edits if not isinstance(one, tuple(EDITS.values()))]
    if strange:
        raise InvalidInput(f"Got edits of type {', '.join(strange)}; expected explorer.Push, explorer.Rotate and such.")
    if len(edits) > MOST_EDITS:
        raise InvalidInput(f"Got {len(edits)} edits; expected at most {MOST_EDITS}.")
    return History.of(*edits)
