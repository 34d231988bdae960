"""Signals of one's own: files are sent, looked at, and taken in; sets are renamed, deleted and fetched again."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param
from panel.custom import JSComponent
from panel.viewable import Viewable, Viewer

from explorer.dashboard.calls import Call
from explorer.dashboard.uploads import SLICE_BYTES, installed
from explorer.dashboard.views.pixels import png_uri
from explorer.dashboard.views.thumbnails import thumbnails
from explorer.dashboard.views.words import words
from explorer.dashboard.workspace import Workspace
from explorer.engine import Engine
from explorer.errors import InvalidInput, NotFound
from explorer.messages import Entry, UploadState
from explorer.readings import ROLES, Options, Reading

THUMBNAIL, COLUMNS_SHOWN = 72, 12
_WIDE: dict[str, Any] = {"size": "small", "sizing_mode": "stretch_width", "margin": (4, 0)}
_SMALL: dict[str, Any] = {"size": "small", "margin": 0}


class Sender(JSComponent):
    """The browser's side: it sends files by HTTP, and says here what it begins and ends."""

    slice_bytes = param.Integer(SLICE_BYTES, constant=True, doc="The most that is sent at once.")

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


class Upload(Viewer):
    """A button and a drop zone, the dialog in which an upload is looked at, and what can be done with a set."""

    workspace = param.ClassSelector(class_=Workspace, constant=True)
    reading = param.ClassSelector(class_=Reading, default=None, doc="What the upload holds, as the choices read it.")

    def __init__(self, workspace: Workspace, **params: Any):
        super().__init__(workspace=workspace, **params)
        self.engine = workspace.engine
        self.sender = Sender(self._on_message, sizing_mode="stretch_width", margin=0)
        self._upload: str | None = None
        self._columns: dict[str, str] = {}
        self._filling = False
        self._make_dialog()
        self._make_manager()
        self._problem = pmui.Alert(severity="error", object="", visible=False, closeable=True, margin=(4, 0))
        follow = workspace.calls.follow
        follow(self, self._draw, "reading")
        follow(workspace, self._about_entry, "opened")
        follow(self.dialog, self._on_closed, "open")

    # -- the dialog

    def _make_dialog(self) -> None:
        self._name = pmui.TextInput(label="name", **_WIDE)
        self._array = pmui.Select(label="array", options=[], visible=False, **_WIDE)
        self._size = pmui.TextInput(label="size", placeholder="as it is; 64, or 64 96", **_WIDE)
        self._crop = pmui.Switch(label="crop to a square, or to the size", visible=False, margin=(4, 0))
        self._gray = pmui.Switch(label="mix colours to grey", visible=False, margin=(4, 0))
        self._standardise = pmui.Select(
            label="standardise", options={"no": "", "each signal": "signal", "the whole set": "set"}, value="", **_WIDE
        )
        self._roles = pn.Column(margin=0, sizing_mode="stretch_width")
        self._summary, self._pictures, self._warnings = words(), words(), words()
        self._wrong = pmui.Alert(severity="error", object="", visible=False, margin=(4, 0), sizing_mode="stretch_width")
        self._busy = words('<span class="quiet">reading …</span>', visible=False)
        self._take = pmui.Button(
            label="take in", variant="contained", on_click=lambda event: self._ask_take(), **_SMALL
        )
        leave = pmui.Button(label="leave", variant="text", on_click=lambda event: self._close(), **_SMALL)
        for widget in (self._array, self._size, self._crop, self._gray, self._standardise):
            widget.param.watch(lambda event: self._ask_reading(), "value")
        left = pn.Column(self._summary, self._pictures, self._warnings, self._wrong, width=420, margin=0)
        right = pn.Column(
            self._name, self._array, self._roles, self._size, self._crop, self._gray, self._standardise,
            width=280, margin=(0, 0, 0, 24),
        )  # fmt: skip
        buttons = pn.Row(
            self._busy, pn.layout.HSpacer(), leave, self._take,
            styles={"gap": "8px"}, margin=(12, 0, 0, 0), sizing_mode="stretch_width",
        )  # fmt: skip
        self.dialog = pmui.Dialog(
            pn.Column(pn.Row(left, right, margin=0), buttons, margin=0),
            title="what was sent", title_variant="h6", close_on_click=False, width_option="md",
        )  # fmt: skip

    def _draw(self, *events: Any) -> None:
        """The dialog, by what was read."""
        reading = self.reading
        if reading is None:
            return
        choices = {choice.option: choice for choice in reading.choices}
        self._filling = True
        try:
            if not self._name.value:
                self._name.value = unique(reading.name, self.workspace.names)
            arrays = choices["array"].among if "array" in choices else ()
            self._array.param.update(
                options=list(arrays), value=choices["array"].taken if arrays else None, visible=len(arrays) > 1
            )
            self._crop.visible = reading.kind in ("image", "video")
            self._gray.visible = self._gray.value or reading.channels[:3] == ("red", "green", "blue")
            self._size.visible = reading.kind != "points"
            self._draw_roles(choices["columns"].among if "columns" in choices else (), choices)
        finally:
            self._filling = False
        self._summary.object = summary(reading)
        self._pictures.object = pictures(reading)
        self._warnings.object = "".join(f'<p class="quiet">{escape(text)}</p>' for text in reading.warnings)

    def _draw_roles(self, columns: tuple[str, ...], choices: Mapping[str, Any]) -> None:
        """A choice for each column of a table, as long as there are few."""
        if len(self._roles) or not columns or len(columns) > COLUMNS_SHOWN:
            return
        taken = choices["columns"].taken
        for column in columns:
            role = pmui.Select(label=f"column {column}", options=list(ROLES), value=taken.get(column, "value"), **_WIDE)
            role.param.watch(lambda event, column=column: self._say_role(column, event.new), "value")
            self._roles.append(role)

    def _say_role(self, column: str, role: str) -> None:
        self._columns[column] = role
        self._ask_reading()

    @property
    def options(self) -> Options:
        """What the dialog's choices say. Raises InvalidInput."""
        return Options(
            name=self._name.value or None,
            array=self._array.value if self._array.visible else None,
            columns=dict(self._columns),
            channels=("gray",) if self._gray.value else (),
            crop=self._crop.value,
            size=sizes(self._size.value),
            standardise=self._standardise.value,
        )

    # -- from the browser

    def _on_message(self, data: Mapping[str, Any]) -> None:
        name, size = data.get("start"), data.get("size")
        if isinstance(name, str) and isinstance(size, int):
            self._problem.visible = False
            owner = str(pn.state.user or "")
            self._ask("announcing", lambda: self.engine.start_upload(name[:1000], size, owner), self._go)
        elif "sent" in data and data["sent"] == self._upload:
            self._reset()
            self._ask_reading(first=True)
        elif "drop" in data or "failed" in data:
            if isinstance(data.get("failed"), str):
                self._say(data["failed"])
            self._drop()

    def _go(self, state: UploadState) -> None:
        self._upload = state.id
        self.sender.go(state.id)

    # -- asking

    def _ask(self, word: str, work: Callable[[], Any], show: Callable[[Any], None]) -> None:
        """Ask the engine; what goes wrong is said here and not on top of the page."""

        def attempt() -> tuple[Any, str]:
            try:
                return work(), ""
            except InvalidInput as error:
                return None, str(error)

        def tell(answer: tuple[Any, str]) -> None:
            self._busy.visible = False
            if answer[1]:
                self._say(answer[1])
            else:
                show(answer[0])

        self._busy.visible = True
        self.workspace.calls.latest("upload", Call(word, attempt, tell, long=True))

    def _ask_reading(self, first: bool = False) -> None:
        if self._filling or self._upload is None or not (first or self.dialog.open):
            return
        upload = self._upload
        try:
            options = Options() if first else self.options
        except InvalidInput as error:
            return self._say(str(error))
        self._wrong.visible = False
        self._ask("reading", lambda: self.engine.look_at(upload, options), self._show)

    def _show(self, reading: Reading) -> None:
        self.reading = reading
        self._take.disabled = False
        self.dialog.open = True
        self.sender.over()

    def _ask_take(self) -> None:
        upload, options = self._upload, self.options
        if upload is None:
            return
        self._take.disabled = True

        def work() -> tuple[str, list[Entry]]:
            id = self.engine.take(upload, options)
            return id, self.engine.entries("signals")

        self._ask("taking in", work, self._taken)

    def _taken(self, result: tuple[str, list[Entry]]) -> None:
        id, entries = result
        self._upload = None
        self.dialog.open = False
        name = next(entry.name for entry in entries if entry.id == id)
        self.workspace.library.renew(name)
        self.workspace.state.param.update(signals=name, checkpoint="", resolution=0, space="", k=None, selection=[])

    def _say(self, sentence: str) -> None:
        """What is wrong, where the person looks."""
        if self.dialog.open:
            self._wrong.param.update(object=sentence, visible=True)
            self._take.disabled = False
        else:
            self._problem.param.update(object=sentence, visible=True)
            self._drop()

    def _close(self) -> None:
        self.dialog.open = False

    def _on_closed(self, event: Any) -> None:
        if not event.new:
            self._drop()

    def _drop(self) -> None:
        upload, self._upload = self._upload, None
        self.sender.over()
        if upload is not None:
            self.workspace.calls.latest(
                "drop", Call("forgetting", lambda: _forget(self.engine, upload), lambda _: None)
            )

    def _reset(self) -> None:
        self.reading = None
        self._columns.clear()
        self._filling = True
        self._roles.clear()
        self._wrong.visible = False
        self._name.value = self._size.value = self._standardise.value = ""
        self._crop.value = self._gray.value = False
        self._filling = False

    # -- what can be done with the set that is open

    def _make_manager(self) -> None:
        def button(icon: str, text: str, react: Callable[[], None]) -> pmui.IconButton:
            return pmui.IconButton(icon=icon, description=text, on_click=lambda event: react(), **_SMALL)

        self._rename = pmui.TextInput(label="new name", visible=False, **_WIDE)
        self._rename.param.watch(lambda event: self._ask_rename(event.new), "value")
        self._fetch = words(sizing_mode=None, align="center")
        self._undo = pmui.Button(
            label="undo", variant="text", visible=False, on_click=lambda e: self._ask_undo(), **_SMALL
        )
        self._deleted: Entry | None = None
        self._manage = pn.Row(
            self._fetch,
            button("edit", "rename this set", lambda: self._rename.param.update(visible=not self._rename.visible)),
            button("delete", "delete this set", self._ask_delete),
            visible=False, margin=0, styles={"gap": "4px"},
        )  # fmt: skip
        self._entry: Entry | None = None

    def _about_entry(self, *events: Any) -> None:
        """Look whether the open set is one that people added."""
        signals = self.workspace.signals
        if signals is None:
            return

        def find() -> Entry | None:
            return next(
                (e for e in self.engine.entries("signals") if e.id == signals.id and e.details.get("original")), None
            )

        self.workspace.ask("entry", "looking", find, self._draw_manager)

    def _draw_manager(self, entry: Entry | None) -> None:
        self._entry = entry
        self._manage.visible = entry is not None
        self._rename.visible = False
        if entry is not None:
            name = escape(str(entry.details["original"]["name"]))
            self._fetch.object = (
                f'<a href="{escape(address())}/original/{entry.id}" download title="download {name}" '
                f'style="color: var(--panel-primary-color)">download</a>'
            )

    def _ask_rename(self, name: str) -> None:
        entry = self._entry
        if entry is None or not name or name == entry.name:
            return
        if name in self.workspace.names:
            return self._say(f"Got the name {name!r}, which another set has; expected a new one.")
        self._rename.param.update(visible=False, value="")
        self._ask("renaming", lambda: self.engine.rename(entry.id, name), lambda _: self._turn_to(name))

    def _ask_delete(self) -> None:
        entry = self._entry
        if entry is None:
            return

        def done(_: Any) -> None:
            self._deleted = entry
            self._undo.param.update(label=f"undo: bring {entry.name} back", visible=True)
            self._turn_to("digits")

        self._ask("deleting", lambda: self.engine.delete(entry.id), done)

    def _ask_undo(self) -> None:
        entry, self._deleted = self._deleted, None
        self._undo.visible = False
        if entry is not None:
            self._ask("bringing back", lambda: self.engine.restore(entry.id), lambda _: self._turn_to(entry.name))

    def _turn_to(self, name: str) -> None:
        self.workspace.library.renew(name)
        self.workspace.state.param.update(signals=name, checkpoint="", resolution=0, space="", k=None, selection=[])

    def __panel__(self) -> Viewable:
        doc = pn.state.curdoc
        served = installed() and doc is not None and doc.session_context is not None
        return pn.Column(
            *([self.sender] if served else []),
            self._manage,
            self._rename,
            self._undo,
            self._problem,
            pn.Row(self.dialog, height=0, margin=0),
            sizing_mode="stretch_width",
            margin=0,
        )


def _forget(engine: Engine, upload: str) -> None:
    """Drop an upload, unless it is gone already."""
    with suppress(NotFound):
        engine.drop_upload(upload)


def address() -> str:
    """The path of the app, below which its routes lie."""
    location = pn.state.location
    return location.pathname.rstrip("/") if location and location.pathname else "/explorer"


def unique(name: str, names: list[str]) -> str:
    """A name that no other set has."""
    taken, number, found = set(names), 2, name[:200]
    while found in taken:
        found, number = f"{name[:190]} {number}", number + 1
    return found


def sizes(text: str) -> tuple[int, ...]:
    """``64`` or ``64 96`` as numbers. Raises InvalidInput."""
    parts = (text or "").replace(",", " ").replace("x", " ").replace("×", " ").split()
    if not all(part.isdecimal() and len(part) < 8 for part in parts):
        raise InvalidInput(f"Got the size {text[:40]!r}; expected one number, or one for each axis.")
    return tuple(map(int, parts))


def summary(reading: Reading) -> str:
    """What was understood, as a small table."""
    size = " × ".join(f"{a}" if a == b else f"{a}–{b}" for a, b in reading.sizes)
    extents = ", ".join(
        f"{name} {start:.4g} to {stop:.4g}{f' {unit}' if unit else ''}" for name, unit, start, stop in reading.axes
    )
    low, high = reading.value_range
    rows = {
        "kind": f"{reading.kind}, {reading.format}" if reading.format else reading.kind,
        "signals": f"{reading.count:,}",
        "samples": size,
        "axes": extents,
        "channels": _short(reading.channels),
        "range": f"{low:.4g} to {high:.4g}",
        "labels": _short([f"{name} ({count:,})" for name, count in reading.classes.items()]) or "none",
        "missing": f"{reading.missing:,} samples" if reading.missing else "nothing",
        "memory": f"{reading.nbytes / 2**20:,.1f} MiB",
    }
    cells = "".join(f'<tr><td class="quiet">{name}</td><td>{escape(text)}</td></tr>' for name, text in rows.items())
    return f"<table>{cells}</table>"


def _short(names: Any, most: int = 8) -> str:
    names = list(names)
    return ", ".join(map(str, names[:most])) + (f" and {len(names) - most} more" if len(names) > most else "")


def pictures(reading: Reading) -> str:
    """The first signals, small."""
    shown = reading.shown
    images = thumbnails(shown, range(len(shown)), THUMBNAIL)
    titles = [escape(str(id), quote=True) for id in shown.ids]
    tiles = "".join(
        f'<img src="{png_uri(image)}" width="{THUMBNAIL}" height="{THUMBNAIL}" title="{title}" alt="{title}" '
        'style="image-rendering: pixelated; border-radius: 4px">'
        for image, title in zip(images, titles, strict=True)
    )
    return f'<div style="display: flex; flex-wrap: wrap; gap: 8px; margin: 8px 0">{tiles}</div>'
