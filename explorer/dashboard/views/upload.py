"""Signals of one's own: files are sent, looked at, and taken in, as a new set or into one that is there."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import panel as pn
import panel_material_ui as pmui
import param
from panel.custom import JSComponent
from panel.viewable import Viewable, Viewer

from explorer.dashboard.calls import Call
from explorer.dashboard.uploads import SLICE_BYTES, installed
from explorer.dashboard.views.later import Later
from explorer.dashboard.views.mapping import ColumnMapping
from explorer.dashboard.views.notices import notice, tell
from explorer.dashboard.views.pixels import png_uri
from explorer.dashboard.views.thumbnails import thumbnails
from explorer.dashboard.views.words import words
from explorer.dashboard.workspace import Workspace
from explorer.engine import Engine
from explorer.errors import InvalidInput, NotFound, StoreError
from explorer.messages import Entry, UploadState
from explorer.readings import Choice, Options, Reading

THUMBNAIL, CHANNELS_OFFERED = 72, 64
LARGER = {1: 192, 4: 112}
"""Sides of fewer thumbnails, by how many there are at most."""
NEW = "a new set"
AXES = {"t": "series: t", "yx": "images: y, x", "tyx": "video: t, y, x", "zyx": "volumes: z, y, x"}
AS_IT_IS = "as it is"
RATES_HZ = (48_000, 44_100, 22_050, 16_000, 11_025, 8_000, 4_000, 2_000)
LARGE_SAMPLES = 2**16
"""Samples of one signal from which on fits take minutes: a smaller size is suggested."""

_WIDE: dict[str, Any] = {"size": "small", "sizing_mode": "stretch_width", "margin": (4, 0)}
_CHIPS: dict[str, Any] = {"visual_size": "small", "sizing_mode": "stretch_width", "margin": (4, 0)}
_SMALL: dict[str, Any] = {"size": "small", "margin": 0}


class Sender(JSComponent):
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
    reading = param.ClassSelector(class_=Reading, default=None, doc="What the upload holds, as the choices read it.")
    taken = param.ClassSelector(class_=Taken, default=None, doc="What was taken in last.")

    def __init__(self, workspace: Workspace, **params: Any):
        super().__init__(workspace=workspace, **params)
        self.engine = workspace.engine
        self.sender = Sender(self._on_message, sizing_mode="stretch_width", margin=0)
        self._upload: str | None = None
        self._sets: dict[str, Entry] = {}  # to which the upload can be added, by their names
        self._filling = False
        self._make_choices()
        self._make_dialog()
        self._problem = notice(closeable=True, margin=(4, 0))
        follow = workspace.calls.follow
        follow(self, self._draw, "reading")
        follow(self.dialog, self._on_closed, "open")

    # -- the dialog

    def _make_choices(self) -> None:
        self._into = pmui.Select(label="take in as", options=[NEW], value=NEW, **_WIDE)
        self._name = pmui.TextInput(label="name", **_WIDE)
        self._array = pmui.Select(label="array", options=[], visible=False, **_WIDE)
        self._axes = pmui.Select(label="axes", options=[], visible=False, **_WIDE)
        self._mapping = ColumnMapping()
        self._channels = pmui.MultiChoice(label="channels", options=[], visible=False, solid=False, **_CHIPS)
        self._size = pmui.TextInput(label="size", **_WIDE)
        self._rate = pmui.Select(label="sample rate", options=[AS_IT_IS], value=AS_IT_IS, visible=False, **_WIDE)
        self._crop = pmui.Switch(label="crop, do not squeeze", visible=False, margin=(4, 0))
        self._gray = pmui.Switch(label="mix colours to grey", visible=False, margin=(4, 0))
        self._alpha = pmui.Switch(label="keep the alpha channel", visible=False, margin=(4, 0))
        self._standardise = pmui.Select(
            label="standardise", options={"no": "", "each signal": "signal", "the whole set": "set"}, value="", **_WIDE
        )
        self._into.param.watch(lambda event: self._name.param.update(visible=event.new == NEW), "value")
        self._mapping.param.watch(lambda event: self._ask_reading(), "changed")
        for widget in (self._array, self._axes):
            widget.param.watch(lambda event: self._read_otherwise(), "value")
        for widget in (
            self._channels,
            self._size,
            self._rate,
            self._crop,
            self._gray,
            self._alpha,
            self._standardise,
        ):
            widget.param.watch(lambda event: self._ask_reading(), "value")

    def _make_dialog(self) -> None:
        self._summary, self._pictures, self._warnings = words(), words(), words()
        self._wrong = notice(margin=(4, 0), sizing_mode="stretch_width")
        self._busy = words('<span class="quiet">reading …</span>', visible=False)
        self._take = pmui.Button(
            label="take in", variant="contained", on_click=lambda event: self._ask_take(), **_SMALL
        )
        leave = pmui.Button(label="leave", variant="text", on_click=lambda event: self._close(), **_SMALL)
        left = pn.Column(self._pictures, self._summary, self._warnings, self._wrong, width=480, margin=0)
        right = pn.Column(
            self._into, self._name, self._array, self._axes, self._mapping, self._channels, self._size, self._rate,
            self._crop, self._gray, self._alpha, self._standardise,
            width=280, margin=(8, 0, 0, 32),
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
            self._offer(self._array, {name: name for name in _among(choices, "array")}, _taken(choices, "array"))
            self._offer(self._axes, {AXES[axes]: axes for axes in _among(choices, "axes")}, _taken(choices, "axes"))
            fitting = [name for name, entry in self._sets.items() if _alike(entry, reading)]
            into = self._into.value if self._into.value in fitting else NEW
            self._into.param.update(options=[NEW, *fitting], value=into, visible=bool(fitting))
            self._draw_channels(reading, is_table="columns" in choices)
            self._size.param.update(visible=reading.kind != "points", label=f"size, now {_sizes(reading)}")
            if reading.sample_rate_hz and self._rate.value == AS_IT_IS:
                lower = [f"{hz:,} Hz" for hz in RATES_HZ if hz < reading.sample_rate_hz]
                self._rate.param.update(options=[AS_IT_IS, *lower], visible=True)
            self._crop.visible = reading.kind in ("image", "video")
            self._alpha.visible = "alpha" in choices
            self._mapping.show(_among(choices, "columns"), _taken(choices, "columns") or {})
        finally:
            self._filling = False
        self._summary.object = summary(reading)
        self._pictures.object = pictures(reading)
        said = [*reading.warnings, *advice(reading)]
        self._warnings.object = "".join(f'<p class="quiet">{escape(text)}</p>' for text in said)

    def _offer(self, select: pmui.Select, options: Mapping[str, str], value: Any) -> None:
        """A choice, where there is one."""
        select.param.update(options=dict(options), value=value if options else None, visible=len(options) > 1)

    def _draw_channels(self, reading: Reading, is_table: bool) -> None:
        """Which channels there are to leave out; those that are left out stay on offer."""
        offered = list(dict.fromkeys([*self._channels.options, *reading.channels]))
        if not self._channels.options:
            self._channels.param.update(options=offered, value=offered)
        many = 1 < len(offered) <= CHANNELS_OFFERED
        self._channels.visible = many and not is_table and not self._gray.value
        self._gray.visible = self._gray.value or reading.channels[:3] == ("red", "green", "blue")

    @property
    def options(self) -> Options:
        """What the dialog's choices say. Raises InvalidInput."""
        channels = tuple(name for name in self._channels.options if name in self._channels.value)
        every = len(channels) in (0, len(self._channels.options)) or not self._channels.visible
        return Options(
            name=self._name.value or None,
            array=self._array.value if self._array.visible else None,
            axes=self._axes.value if self._axes.visible else None,
            columns=self._mapping.columns,
            channels=("gray",) if self._gray.value else () if every else channels,
            crop=self._crop.value,
            size=sizes(self._size.value),
            sample_rate_hz=0.0 if self._rate.value == AS_IT_IS else float(self._rate.value[:-3].replace(",", "")),
            alpha=self._alpha.value,
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
        """Ask the engine; what goes wrong is said here and not on top of the page.

        What is answered about an upload that was left meanwhile is not shown.
        """
        upload = self._upload
        self._busy.param.update(object=f'<span class="quiet">{word} …</span>', visible=True)

        def tell(answer: tuple[Any, str]) -> None:
            self._busy.visible = False
            if upload != self._upload:
                return
            if answer[1]:
                self._say(answer[1])
            else:
                show(answer[0])

        self.workspace.calls.latest("upload", Call(word, lambda: attempt(work), tell, long=True))

    def _read_otherwise(self) -> None:
        """Another array, or other axes, may have other channels."""
        if not self._filling:
            self._filling = True
            self._channels.param.update(options=[], value=[])
            self._filling = False
            self._ask_reading()

    def _ask_reading(self, first: bool = False) -> None:
        if self._filling or self._upload is None or not (first or self.dialog.open):
            return
        upload = self._upload
        try:
            options = Options() if first else self.options
        except InvalidInput as error:
            return self._say(str(error))
        self._wrong.visible = False
        self._take.disabled = True  # until it is seen what would be taken

        def work() -> tuple[Reading, dict[str, Entry]]:
            reading = self.engine.look_at(upload, options)
            return reading, {entry.name: entry for entry in own_sets(self.engine)} if first else self._sets

        self._ask("reading", work, self._show)

    def _show(self, answer: tuple[Reading, dict[str, Entry]]) -> None:
        self.reading, self._sets = None, answer[1]
        self.reading = answer[0]
        self._take.disabled = False
        self.dialog.open = True
        self.sender.over()

    def _ask_take(self) -> None:
        upload, options = self._upload, self.options
        if upload is None:
            return
        self._take.disabled = True
        before = self._sets.get(self._into.value) if self._into.value != NEW else None

        def work() -> Taken:
            id = self.engine.take(upload, options, before.id if before else "")
            return Taken(next(entry for entry in self.engine.entries("signals") if entry.id == id), before)

        self._ask("taking in", work, self._show_taken)

    def _show_taken(self, taken: Taken) -> None:
        self._upload = None
        self.dialog.open = False
        self.taken = taken
        turn_to(self.workspace, taken.entry.name)

    def _say(self, sentence: str) -> None:
        """What is wrong, where the person looks."""
        if self.dialog.open:
            tell(self._wrong, sentence)
        else:
            tell(self._problem, sentence)
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
        self._filling = True
        self._mapping.reset()
        self._wrong.visible = False
        self._name.value = self._size.value = self._standardise.value = ""
        self._channels.param.update(options=[], value=[])
        self._rate.param.update(options=[AS_IT_IS], value=AS_IT_IS, visible=False)
        self._into.value = NEW
        self._crop.value = self._gray.value = self._alpha.value = False
        self._array.visible = self._axes.visible = False
        self._filling = False

    def __panel__(self) -> Viewable:
        doc = pn.state.curdoc
        served = installed() and doc is not None and doc.session_context is not None
        return pn.Column(
            *([self.sender] if served else []),
            Later(self._problem, sizing_mode="stretch_width"),
            Later(self.dialog, height=0),
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


def _alike(entry: Entry, reading: Reading) -> bool:
    """Whether signals as they were read can be added to a set."""
    details = entry.details
    same_axes = details["axes"] == [name for name, *_ in reading.axes]
    return same_axes and len(details["channels"]) == len(reading.channels)


def _among(choices: Mapping[str, Choice], option: str) -> tuple[str, ...]:
    return choices[option].among if option in choices else ()


def _taken(choices: Mapping[str, Choice], option: str) -> Any:
    return choices[option].taken if option in choices else None


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
    extents = ", ".join(
        f"{name} {start:.4g} to {stop:.4g}{f' {unit}' if unit else ''}" for name, unit, start, stop in reading.axes
    )
    low, high = reading.value_range
    rows = {
        "kind": f"{reading.kind}, {reading.format}" if reading.format else reading.kind,
        "signals": f"{reading.count:,}",
        "samples": _sizes(reading) + (f", {reading.sample_rate_hz:,.6g} a second" if reading.sample_rate_hz else ""),
        "axes": extents,
        "channels": _short(reading.channels),
        "range": f"{low:.4g} to {high:.4g}",
        "labels": _short([f"{name} ({count:,})" for name, count in reading.classes.items()]) or "none",
        "missing": f"{reading.missing:,} samples" if reading.missing else "nothing",
        "memory": f"{reading.nbytes / 2**20:,.1f} MiB"
        if reading.nbytes >= 2**20
        else f"{reading.nbytes / 2**10:,.0f} KiB",
    }
    cells = "".join(f'<tr><td class="quiet">{name}</td><td>{escape(text)}</td></tr>' for name, text in rows.items())
    return f"<table>{cells}</table>"


def _sizes(reading: Reading) -> str:
    return " × ".join(f"{a:,}" if a == b else f"{a:,}–{b:,}" for a, b in reading.sizes)


def advice(reading: Reading) -> list[str]:
    """What makes the way from here quicker, a sentence each."""
    if reading.kind == "points" or np.prod([largest for _, largest in reading.sizes], dtype=float) <= LARGE_SAMPLES:
        return []
    what, how = {
        "sound": ("recordings", "a lower sample rate"),
        "series": ("series", "a size of 1024"),
        "image": ("pictures", "a size of 128"),
    }.get(reading.kind, ("signals", "a size of 32"))
    return [f"These are large {what}: {how} makes everything that follows much quicker, and can be chosen here."]


def _short(names: Any, most: int = 8) -> str:
    names = list(names)
    return ", ".join(map(str, names[:most])) + (f" and {len(names) - most} more" if len(names) > most else "")


def pictures(reading: Reading) -> str:
    """The first signals, small."""
    shown = reading.shown
    size = next((size for most, size in LARGER.items() if len(shown) <= most), THUMBNAIL)
    images = thumbnails(shown, range(len(shown)), size)
    titles = [escape(str(id), quote=True) for id in shown.ids]
    tiles = "".join(
        f'<img src="{png_uri(image)}" width="{size}" height="{size}" title="{title}" alt="{title}" '
        'style="image-rendering: pixelated; border-radius: 4px">'
        for image, title in zip(images, titles, strict=True)
    )
    return f'<div style="display: flex; flex-wrap: wrap; gap: 8px; margin: 8px 0">{tiles}</div>'
