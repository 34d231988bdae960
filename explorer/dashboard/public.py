"""Pages as objects of the public face: as the last line of a notebook cell they show themselves."""

from collections.abc import Sequence
from typing import Any

from explorer.codes import Checkpoint, Codes
from explorer.dashboard.pages import compare, interpolate
from explorer.dashboard.state import State
from explorer.dashboard.workspace import Workspace
from explorer.engine import Engine
from explorer.errors import InvalidInput
from explorer.messages import Encode
from explorer.signals import SignalSet


def Interpolate(codes: Codes, *ends: int, **choices: Any) -> interpolate.Interpolate:
    """Walks between some of the codes of a signal set.

    Args:
        codes: as ``engine.encode`` gives them.
        ends: positions of the signals that the walks pass; without them two that differ are chosen.
        choices: parameters of the page (``t``, ``stops``, ``size``, ``alone``) and of its ``State`` (``projection`` …).

    Returns:
        The page. Its parameters can be read and set at any time: ``page.t = 0.3``.

    Raises:
        InvalidInput: for codes that are not those of a whole set, and for positions that it does not have.
    """
    recipe = codes.recipe
    if not isinstance(recipe, Encode):
        raise InvalidInput("Got some of the codes, or made ones; expected those of a signal set, as encode gives them.")
    if any(not 0 <= end < len(codes) for end in ends):
        raise InvalidInput(f"Got positions {ends}; expected 0 to {len(codes) - 1}.")
    size = recipe.sampling.size[0] if recipe.sampling.size else 0
    named = {"signals": recipe.signals, "checkpoint": recipe.checkpoint, "resolution": size, "selection": list(ends)}
    own, state = _apart(interpolate.Interpolate, {**named, **choices})
    return interpolate.Interpolate(Workspace(codes.engine, State(**state)), **own)


def Compare(
    signals: SignalSet, checkpoints: Sequence[Checkpoint] = (), *, engine: Engine | None = None, **choices: Any
) -> compare.Compare:
    """Signals by several checkpoints, side by side.

    Args:
        checkpoints: those that are compared; without them all that the engine has for such signals.
        engine: the one that ``connect`` gives by default.
        choices: parameters of the page (``size``, ``quantity``, ``equal`` …) and of its ``State``: ``selection=[3, 7]``
            says which signals.
    """
    workspace = Workspace.of(signals, engine)
    for checkpoint in checkpoints:
        if not workspace.engine.has(checkpoint.id):
            workspace.engine.put(checkpoint.artifact, checkpoint.representation)
    only = [checkpoint.id for checkpoint in checkpoints]
    own, state = _apart(compare.Compare, {"checkpoint": only[0] if only else "", **choices})
    workspace.state.param.update(**state)
    return compare.Compare(workspace, only=only, **own)


def _apart(page: Any, choices: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is chosen of a page, and of its state."""
    unknown = [name for name in choices if name not in page.param and name not in State.param]
    if unknown:
        raise InvalidInput(f"Got {', '.join(unknown)}; expected parameters of {page.__name__} or of its State.")
    own = {name: value for name, value in choices.items() if name not in State.param}
    return own, {name: value for name, value in choices.items() if name in State.param}
