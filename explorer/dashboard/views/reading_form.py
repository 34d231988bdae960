"""The dialog in which an upload is looked at: what it holds, as it was read, and how to read it otherwise."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import panel as pn
import panel_material_ui as pmui
import param
from panel.viewable import Viewer

from explorer.dashboard.views.mapping import ColumnMapping
from explorer.dashboard.views.notices import notice, tell
from explorer.dashboard.views.pixels import png_uri
from explorer.dashboard.views.thumbnails import thumbnails
from explorer.dashboard.views.words import words
from explorer.errors import InvalidInput
from explorer.messages import Entry
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


class ReadingForm(Viewer):
    """One upload's dialog. Made when there is something to look at: it has as many parts as the page around it.

    Args:
        reading: what the upload holds, as nothing was chosen yet.
        sets: that people made, by their names: the upload can be added to those of its kind.
        taken: the names that a new set cannot have.
    """

    changed = param.Event(doc="Something else was chosen: it is to be read as ``options`` say.")
    take = param.Event(doc="It is to be taken in.")

    def __init__(self, reading: Reading, sets: Mapping[str, Entry], taken: Sequence[str], **params: Any):
        super().__init__(**params)
        self._sets, self._names = sets, taken
        self._filling = False
        self._make_choices()
        self._make_dialog()
        self.show(reading)

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
        self._mapping.param.watch(lambda event: self._choose(), "changed")
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
            widget.param.watch(lambda event: self._choose(), "value")

    def _make_dialog(self) -> None:
        self._summary, self._pictures, self._warnings = words(), words(), words()
        self._wrong = notice(margin=(4, 0), sizing_mode="stretch_width")
        self._busy = words(visible=False)
        self._take = pmui.Button(
            label="take in", variant="contained", on_click=lambda event: self.param.trigger("take"), **_SMALL
        )
        leave = pmui.Button(label="leave", variant="text", on_click=lambda event: self._leave(), **_SMALL)
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

    # -- what is said

    def working(self, word: str) -> None:
        """Say what goes on; until ``show`` nothing can be taken in."""
        self._wrong.visible = False
        self._take.disabled = True
        self._busy.param.update(object=f'<span class="quiet">{escape(word)} …</span>', visible=True)

    def show(self, reading: Reading) -> None:
        """Draw what was read."""
        self._busy.visible = self._take.disabled = False
        self._draw_choices(reading)
        self._summary.object = summary(reading)
        self._pictures.object = pictures(reading)
        said = [*reading.warnings, *advice(reading)]
        self._warnings.object = "".join(f'<p class="quiet">{escape(text)}</p>' for text in said)

    def say(self, sentence: str) -> None:
        """Say what is wrong with the choices."""
        self._busy.visible = False
        tell(self._wrong, sentence)

    def _draw_choices(self, reading: Reading) -> None:
        choices = {choice.option: choice for choice in reading.choices}
        self._filling = True
        try:
            if not self._name.value:
                self._name.value = unique(reading.name, self._names)
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

    def _leave(self) -> None:
        self.dialog.open = False

    # -- what is chosen

    @property
    def options(self) -> Options:
        """What the choices say. Raises InvalidInput."""
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

    @property
    def into(self) -> Entry | None:
        """The set to which it is to be added; None for a new one."""
        return self._sets.get(self._into.value) if self._into.value != NEW else None

    def _read_otherwise(self) -> None:
        """Another array, or other axes, may have other channels."""
        if not self._filling:
            self._filling = True
            self._channels.param.update(options=[], value=[])
            self._filling = False
            self._choose()

    def _choose(self) -> None:
        if not self._filling:
            self.param.trigger("changed")


def _alike(entry: Entry, reading: Reading) -> bool:
    """Whether signals as they were read can be added to a set."""
    details = entry.details
    same_axes = details["axes"] == [name for name, *_ in reading.axes]
    return same_axes and len(details["channels"]) == len(reading.channels)


def _among(choices: Mapping[str, Choice], option: str) -> tuple[str, ...]:
    return choices[option].among if option in choices else ()


def _taken(choices: Mapping[str, Choice], option: str) -> Any:
    return choices[option].taken if option in choices else None


def unique(name: str, names: Sequence[str]) -> str:
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
