"""Signals of one's own: files are sent, looked at, and taken in, as a new set or into one that is there."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import panel as pn
import param
from panel.viewable import Viewable, Viewer

from explorer.dashboard.calls import Call
from explorer.dashboard.uploads import SLICE_BYTES, installed
from explorer.dashboard.views.later import Later
from explorer.dashboard.views.notices import notice, tell
from explorer.dashboard.views.reading_form import ReadingForm
from explorer.dashboard.views.script import Scripted
from explorer.dashboard.workspace import Workspace
from explorer.engine import Engine
from explorer.errors import InvalidInput, NotFound, StoreError
from explorer.messages import Entry, UploadState
from explorer.readings import Options, Reading


class Sender(Scripted):
    """The browser's side: it sends files by HTTP, and says here what it begins and ends."""

    slice_bytes = param.Integer(SLICE_BYTES, constant=True, doc="The most that is sent at once.")
    longest_s = param.Number(60.0, constant=True, doc="Seconds after which a recording stops by itself.")

    _esm = Path(__file__).with_name("upload.mjs")

    def __init__(self, react: Callable[[Mapping[str, Any]], None], **params: Any):
        super().__init__(**params)
        self._react = react

    def _handle_msg(self, data: Any) -> None:
        if isinstance(data, dict):
            self._react(data)

    def go(self, id: str) -> None:
        """Let the browser send."""
        self._send_msg({"go": id})

    def over(self) -> None:
        """Let it begin anew."""
        self._send_msg({"over": True})


@dataclass(frozen=True)
class Taken:
    """A set that came of an upload, and the one that it took the place of, if it was added to one."""

    entry: Entry
    before: Entry | None


class Upload(Viewer):
    """A button and a drop zone, and the dialog in which an upload is looked at."""

    workspace = param.ClassSelector(class_=Workspace, constant=True)
    taken = param.ClassSelector(class_=Taken, default=None, doc="What was taken in last.")

    def __init__(self, workspace: Workspace, **params: Any):
        super().__init__(workspace=workspace, **params)
        self.engine = workspace.engine
        self.sender = Sender(self._on_message, sizing_mode="stretch_width", margin=0)
        self._upload: str | None = None
        self._form: ReadingForm | None = None
        self._dialog = pn.Column(height=0, margin=0)
        self._problem = notice(closeable=True, margin=(4, 0))

    # -- from the browser

    def _on_message(self, data: Mapping[str, Any]) -> None:
        name, size = data.get("start"), data.get("size")
        if isinstance(name, str) and isinstance(size, int):
            self._problem.visible = False
            owner = str(pn.state.user or "")
            self._ask("announcing", lambda: self.engine.start_upload(name[:1000], size, owner), self._go)
        elif "sent" in data and data["sent"] == self._upload:
            self._ask_first_reading(data["sent"])
        elif "drop" in data or "failed" in data:
            if isinstance(data.get("failed"), str):
                self._say(data["failed"])
            self._drop()

    def _go(self, state: UploadState) -> None:
        self._upload = state.id
        self.sender.go(state.id)

    # -- asking

    def _ask(self, word: str, work: Callable[[], Any], show: Callable[[Any], None]) -> None:
        """Ask the engine; what goes wrong is said here and not on top of the page.

        What is answered about an upload that was left meanwhile is not shown.
        """
        upload = self._upload
        if self._form is not None:
            self._form.working(word)

        def tell(answer: tuple[Any, str]) -> None:
            if upload != self._upload:
                return
            if answer[1]:
                self._say(answer[1])
            else:
                show(answer[0])

        self.workspace.calls.latest("upload", Call(word, lambda: attempt(work), tell, long=True))

    def _ask_first_reading(self, upload: str) -> None:
        def work() -> tuple[Reading, dict[str, Entry]]:
            return self.engine.look_at(upload, Options()), {entry.name: entry for entry in own_sets(self.engine)}

        self._ask("reading", work, lambda answer: self._open(ReadingForm(answer[0], answer[1], self.workspace.names)))

    def _open(self, form: ReadingForm) -> None:
        follow = self.workspace.calls.follow
        follow(form, self._ask_reading, "changed")
        follow(form, self._ask_take, "take")
        follow(form.dialog, self._on_dialog, "open")
        self._form = form
        self._dialog[:] = [form.dialog]
        form.dialog.open = True
        self.sender.over()

    def _ask_reading(self, *events: Any) -> None:
        upload, form, options = self._upload, self._form, self._options()
        if upload is not None and form is not None and options is not None:
            self._ask("reading", lambda: self.engine.look_at(upload, options), form.show)

    def _ask_take(self, *events: Any) -> None:
        upload, form, options = self._upload, self._form, self._options()
        if upload is None or form is None or options is None:
            return
        before = form.into

        def work() -> Taken:
            id = self.engine.take(upload, options, before.id if before else "")
            return Taken(next(entry for entry in self.engine.entries("signals") if entry.id == id), before)

        self._ask("taking in", work, self._show_taken)

    def _options(self) -> Options | None:
        """What the form says; None where that makes no sense, which it then says."""
        try:
            return self._form.options if self._form is not None else None
        except InvalidInput as error:
            self._say(str(error))
            return None

    def _show_taken(self, taken: Taken) -> None:
        self._upload = None
        self._close()
        self.taken = taken
        turn_to(self.workspace, taken.entry.name)

    def _say(self, sentence: str) -> None:
        """What is wrong, where the person looks."""
        if self._form is not None:
            self._form.say(sentence)
        else:
            tell(self._problem, sentence)
            self._drop()

    def _on_dialog(self, event: Any) -> None:
        if not event.new:
            self._drop()

    def _close(self) -> None:
        form, self._form = self._form, None
        if form is not None:
            form.dialog.open = False

    def _drop(self) -> None:
        upload, self._upload = self._upload, None
        self._close()
        self.sender.over()
        if upload is not None:
            self.workspace.calls.latest(
                "drop", Call("forgetting", lambda: _forget(self.engine, upload), lambda _: None)
            )

    def __panel__(self) -> Viewable:
        doc = pn.state.curdoc
        served = installed() and doc is not None and doc.session_context is not None
        return pn.Column(
            *([self.sender] if served else []),
            Later(self._problem, sizing_mode="stretch_width"),
            self._dialog,
            sizing_mode="stretch_width",
            margin=0,
        )


def attempt(work: Callable[[], Any]) -> tuple[Any, str]:
    """What comes of it, and "" or what is wrong with the wish, in words."""
    try:
        return work(), ""
    except (InvalidInput, NotFound, StoreError) as error:
        return None, str(error)


def turn_to(workspace: Workspace, name: str) -> None:
    """Open a set whose name may stand for other signals than before."""
    workspace.library.renew(name)
    state = workspace.state
    if state.signals == name:
        workspace.load()
    state.param.update(signals=name, checkpoint="", resolution=0, space="", k=None, selection=[])


def own_sets(engine: Engine) -> list[Entry]:
    """The sets that people made, newest first: what shows the name of a built-in one is that one."""
    names = engine.describe()["datasets"]
    return [entry for entry in engine.entries("signals") if entry.name not in names]


def _forget(engine: Engine, upload: str) -> None:
    """Drop an upload, unless it is gone already."""
    with suppress(NotFound):
        engine.drop_upload(upload)


def address() -> str:
    """The path of the app, below which its routes lie."""
    location = pn.state.location
    return location.pathname.rstrip("/") if location and location.pathname else "/explorer"
