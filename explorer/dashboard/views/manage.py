"""What can be done with sets that people made: rename, delete, fetch their bytes, make one of a selection; and undo."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param
from panel.viewable import Viewable, Viewer

from explorer.dashboard.calls import Call, change
from explorer.dashboard.views.later import Later
from explorer.dashboard.views.notices import notice, tell
from explorer.dashboard.views.reading_form import unique
from explorer.dashboard.views.upload import Taken, Upload, address, attempt, own_sets, turn_to
from explorer.dashboard.views.words import words
from explorer.dashboard.workspace import Workspace
from explorer.messages import Entry

FIRST = "digits"
"""What is opened when the set that was open is gone."""

_WIDE: dict[str, Any] = {"size": "small", "sizing_mode": "stretch_width", "margin": (4, 0)}
_SMALL: dict[str, Any] = {"size": "small", "margin": 0}


@dataclass(frozen=True)
class Undo:
    """How the last deed is undone: what it is called, what is asked, and the set that is open afterwards."""

    label: str
    work: Callable[[], Any]
    opens: str


class Manager(Viewer):
    """Tools for the set that is open, and a way back from the last deed."""

    workspace = param.ClassSelector(class_=Workspace, constant=True)

    def __init__(self, workspace: Workspace, upload: Upload, **params: Any):
        super().__init__(workspace=workspace, **params)
        self.engine = workspace.engine
        self._entry: Entry | None = None
        self._undoing: Undo | None = None
        self._make()
        follow = workspace.calls.follow
        follow(workspace, self._look, "opened")
        follow(workspace.state, self._offer_part, "selection")
        follow(upload, self._note_taken, "taken")

    def _make(self) -> None:
        def tool(icon: str, text: str, react: Callable[[], None]) -> pmui.IconButton:
            button = pmui.IconButton(icon=icon, description=text, **_SMALL)
            button.on_click(lambda event: change(pn.state.curdoc, react))
            return button

        self._fetch = words(sizing_mode=None, align="center", visible=False, margin=(0, 4, 0, 0))
        self._rename = tool("edit", "rename this set", lambda: self._open_form("rename"))
        self._delete = tool("delete", "delete this set", self._ask_delete)
        self._part = tool("playlist_add", "make a set of the selected signals", lambda: self._open_form("make"))
        self._tools = pn.Row(self._rename, self._delete, self._part, self._fetch, margin=0, styles={"gap": "2px"})
        self._form = ""
        self._name = pmui.TextInput(label="new name", visible=False, **_WIDE)
        self._name.param.watch(lambda event: change(pn.state.curdoc, lambda: self._named(event.new)), "value")
        self._undo = pmui.Button(label="undo", variant="text", icon="undo", visible=False, **_SMALL)
        self._undo.on_click(lambda event: change(pn.state.curdoc, self._ask_undo))
        self._wrong = notice(closeable=True, margin=(4, 0))
        self._draw()

    def _look(self, *events: Any) -> None:
        """Look whether the open set is one that people made."""
        signals = self.workspace.signals
        if signals is None:
            return

        def find() -> Entry | None:
            return next((entry for entry in own_sets(self.engine) if entry.id == signals.id), None)

        self.workspace.ask("entry", "looking", find, self._show)

    def _show(self, entry: Entry | None) -> None:
        self._entry = entry
        self._name.visible = self._wrong.visible = False
        self._draw()

    def _draw(self) -> None:
        entry, chosen = self._entry, self.workspace.state.selection
        self._rename.visible = self._delete.visible = entry is not None
        self._part.visible = bool(chosen)
        self._part.description = f"make a set of the {len(chosen):,} selected signals"
        self._tools.visible = entry is not None or bool(chosen)
        original = entry.details.get("original") if entry is not None else None
        self._fetch.visible = original is not None
        if entry is not None and original is not None:
            name = f"{entry.name}.tar" if entry.details.get("earlier") else str(original["name"])
            self._fetch.object = (
                f'<a href="{escape(address())}/original/{entry.id}" download '
                f'title="{escape(name, quote=True)}, as it was sent" style="color: var(--panel-primary-color)">'
                "original</a>"
            )

    def _offer_part(self, *events: Any) -> None:
        if self._form == "make":
            self._name.visible = False
        self._draw()

    # -- deeds

    def _open_form(self, form: str) -> None:
        """Ask for a name; the same tool again closes it."""
        opens = not (self._name.visible and self._form == form)
        signals, chosen = self.workspace.signals, self.workspace.state.selection
        self._form = form
        label = "new name" if form == "rename" else f"name of the set of {len(chosen):,}"
        suggested = "" if form == "rename" or signals is None else unique(f"{signals.name} part", self.workspace.names)
        self._name.param.update(label=label, visible=opens, placeholder=suggested, value="")

    def _named(self, name: str) -> None:
        if not name or not self._name.visible:
            return
        if name in self.workspace.names:
            return self._say(f"Got the name {name!r}, which another set has; expected a new one.")
        self._name.param.update(visible=False, value="")
        if self._form == "rename":
            self._ask_rename(name)
        else:
            self._ask_part(name)

    def _ask_rename(self, name: str) -> None:
        entry = self._entry
        if entry is None:
            return
        back = Undo(f"undo: call it {entry.name} again", lambda: self.engine.rename(entry.id, entry.name), entry.name)
        self._ask("renaming", lambda: self.engine.rename(entry.id, name[:200]), name[:200], back)

    def _ask_delete(self) -> None:
        entry = self._entry
        if entry is None:
            return
        back = Undo(f"undo: bring {entry.name} back", lambda: self.engine.restore(entry.id), entry.name)
        self._ask("deleting", lambda: self.engine.delete(entry.id), FIRST, back)

    def _ask_part(self, name: str) -> None:
        """A set of the selected signals, in the order of the set that they come from."""
        signals, rows, opened = (
            self.workspace.signals,
            sorted(self.workspace.state.selection),
            self.workspace.state.signals,
        )
        if signals is None or not rows:
            return
        part = replace(signals[rows], name=name[:200])
        back = Undo(f"undo: forget {part.name}", lambda: self.engine.delete(part.id), opened)
        self._ask("making a set", lambda: self.engine.put(part.artifact, part.name), part.name, back)

    def _note_taken(self, event: Any) -> None:
        """What was added to a set can be taken out again."""
        taken: Taken = event.new
        before = taken.before
        if before is None:
            return self._say_undo(None)

        def work() -> None:
            self.engine.delete(taken.entry.id)
            self.engine.restore(before.id)

        self._say_undo(Undo(f"undo: {before.name} as it was", work, before.name))

    def _ask_undo(self) -> None:
        undo = self._undoing
        if undo is not None:
            self._ask("undoing", undo.work, undo.opens, None)

    def _ask(self, word: str, work: Callable[[], Any], opens: str, back: Undo | None) -> None:
        def done(answer: tuple[Any, str]) -> None:
            if answer[1]:
                return self._say(answer[1])
            self._say_undo(back)
            turn_to(self.workspace, opens)

        self.workspace.calls.latest("manage", Call(word, lambda: attempt(work), done))

    def _say_undo(self, undo: Undo | None) -> None:
        self._undoing = undo
        self._undo.param.update(visible=undo is not None, label=undo.label if undo else "undo")

    def _say(self, sentence: str) -> None:
        tell(self._wrong, sentence)

    def __panel__(self) -> Viewable:
        return Later(self._tools, self._name, self._undo, self._wrong, sizing_mode="stretch_width")
