"""A list whose lines have a state, a bar and a few things that can be done: runs, checkpoints."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import param

from explorer.dashboard.views.script import Scripted


@dataclass(frozen=True)
class Line:
    """One line of a list.

    Args:
        id: what it stands for.
        title: its name; it can be edited where ``editable``.
        text: its state, in words.
        note: what people say of it, editable with the title.
        color: of its curve; empty for none.
        checked: whether it is compared; None where that makes no sense.
        share: how far it has come, 0 to 1; None for no bar.
        actions: what can be done, by name; the words on its button are the value.
        chosen: whether it is the one that is looked at.
        wrong: whether the text tells of a fault.
    """

    id: str
    title: str
    text: str = ""
    note: str = ""
    color: str = ""
    checked: bool | None = None
    share: float | None = None
    actions: dict[str, str] = field(default_factory=dict)
    chosen: bool = False
    editable: bool = False
    wrong: bool = False


class Listing(Scripted):
    """Lines in a table. What is done with one is answered by ``act(action, id, values)``.

    Actions are those of the line, and ``choose``, ``check`` and ``edit`` with ``name`` and ``note``.
    """

    lines = param.List([], doc="What is shown, as dicts of ``Line``.")
    empty = param.String("", doc="What stands where there is no line.")
    label = param.String("", doc="What the list is of, for those who do not see it.")

    _esm = Path(__file__).with_name("listing.js")

    def __init__(self, act: Callable[[str, str, dict[str, Any]], None], **params: Any):
        super().__init__(**params)
        self._act = act

    def show(self, lines: Sequence[Line]) -> None:
        """Other lines."""
        self.lines = [asdict(line) for line in lines]

    def _handle_msg(self, data: Any) -> None:
        self._act(str(data["action"]), str(data["id"]), dict(data.get("values", {})))
