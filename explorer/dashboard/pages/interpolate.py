"""The Interpolate page: the paths between signals, what would live beside them, and how far that is from the data."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from html import escape
from typing import Any

import numpy as np
import panel as pn
import panel_material_ui as pmui
import param
from panel.viewable import Viewable

from explorer.dashboard import theme, walks
from explorer.dashboard.library import encodings
from explorer.dashboard.page import Page
from explorer.dashboard.subject import Subject
from explorer.dashboard.views.names import REACHED
from explorer.dashboard.views.path_map import PathMap
from explorer.dashboard.views.pixels import Picture, Pictures, picture, png_uri
from explorer.dashboard.views.portraits import grid_for, portraits
from explorer.dashboard.views.sample import name_of
from explorer.dashboard.views.snippet import walk_snippet
from explorer.dashboard.views.strips import Strip, Strips
from explorer.dashboard.views.thumbnails import thumbnails
from explorer.dashboard.views.words import counted, heading, words
from explorer.dashboard.walks import Spot, Walk, Way
from explorer.dashboard.workspace import Workspace
from explorer.signals import SignalSet

STOP_BOX, END_BOX, CARD_SIZE, LIVE_BOX = 48, 48, 64, 128
LIVE_WIDTH = 2 * LIVE_BOX + 48  # two, their gap and a scroll bar
SIZES = (32, 64, 128, 256, 512)
MOST_STRIPS = 8
PATIENCE_S = 0.045
"""How long a render may take while a hand waits for it."""
DRAFT = 64
"""Samples of the other walks' renders while the hand moves."""

WIDE: dict[str, Any] = {"sizing_mode": "stretch_width"}
SMALL: dict[str, Any] = {"size": "small", "margin": 0}

DRAWN = "drawn by hand"


@dataclass(frozen=True)
class Drawn:
    """A line that was drawn on the map, and what would live along it."""

    line: np.ndarray
    spots: tuple[Spot, ...]

    def portrait(self, t: float, signals: SignalSet, size: int, dark: bool) -> np.ndarray:
        """Ask for the function at t, as pixels."""
        return _drawn_function(signals, self.spots[round(t * (len(self.spots) - 1))].code, size, dark)


class Pace:
    """How finely to render while a hand waits: from how long it took lately."""

    def __init__(self) -> None:
        self._s_per_sample = 0.0

    def size(self, wanted: int) -> int:
        """The finest of ``SIZES`` up to ``wanted`` that comes in time."""
        fitting = [size for size in SIZES if size <= wanted and size**2 * self._s_per_sample <= PATIENCE_S]
        return max(fitting, default=SIZES[0])

    def heard(self, size: int, seconds: float) -> None:
        """A render at this size took so long. What is quicker than before is believed at once, what is slower by half,
        since a single slow answer says little."""
        now = seconds / size**2
        self._s_per_sample = (
            now if now < self._s_per_sample or not self._s_per_sample else (now + self._s_per_sample) / 2
        )


class Interpolate(Page):
    """Walks through the selected signals, one strip for each way of each checkpoint, over one slider t."""

    needs_codes = True
    keys = {" ": "play t, or stop", "+": "more stops", "-": "fewer stops"}
    address = {"t": "t", "stops": "st", "size": "sz", "alone": "la"}

    t = param.Number(0.5, bounds=(0, 1), doc="Where on the walks: 0 is the first signal, 1 the last.")
    stops = param.Integer(9, bounds=(5, 15), doc="How many pictures stand along a walk.")
    size = param.Selector(default=128, objects=list(SIZES), doc="Samples of the live render along its longer axis.")
    alone = param.Boolean(False, doc="Whether each layer also moves alone, where codes have layers.")

    def __init__(self, workspace: Workspace, **params: Any):
        super().__init__(workspace, **params)
        self.state = state = workspace.state
        self.map = PathMap(thumbnails=self._thumbnails, empty="loading …", dark=state.dark)
        self.strips = Strips(t=self.t, sizing_mode="stretch_width")
        self.live = Pictures(box=LIVE_BOX, sizing_mode="stretch_width")
        self.chosen = Pictures(box=END_BOX, captions=False, sizing_mode="stretch_width")
        self.here = Pictures(box=LIVE_BOX, sizing_mode="stretch_width")
        self._said, self._where = words(), words()
        self._ways: list[Way] = []
        self._walks: dict[int, Walk] = {}
        self._shown: dict[int, Strip] = {}
        self._places: dict[int, np.ndarray] = {}
        self._drawn: Drawn | None = None
        self._live: dict[int | str, Picture] = {}
        self._pace, self._turn = Pace(), 0
        self._looks = 0  # counts the looks at t, of which only the latest goes on to the walks that are left
        self._shown_line = Strip("", DRAWN, "")
        self._mapped: tuple[Any, ...] | None = None
        follow = self.follow
        follow(state, self._look_anew, "resolution", "uneven", "space", "projection")
        follow(state, self._look_at_selection, "selection")
        follow(state, self._dress, "dark")
        follow(self, self._look_at_walks, "stops", "alone")
        follow(self, self._look_live, "size")
        follow(self.strips, lambda event: self.param.update(t=event.new), "t")
        follow(self, self._move, "t")
        follow(self.strips, self._fit, "acted")
        follow(self.chosen, self._drop, "clicked")
        follow(self.map, lambda event: state.param.update(selection=event.new), "selection")
        follow(self.map, self._touch, "touched")
        follow(self.map, self._draw_by_hand, "line")

    def missing(self) -> str:
        signals = self.workspace.signals
        if not super().missing() and signals is not None and len(signals) == 1:
            return "Walks lead from one signal to another, and this one is alone: choose or upload a set of several."
        return super().missing()

    # -- what stands where

    def middle(self) -> Viewable:
        stops = pmui.IntSlider.from_param(self.param.stops, label="stops", width=140, margin=(0, 8), size="small")
        size = pmui.Select.from_param(self.param.size, label="live render", width=112, **SMALL)
        alone = pmui.Switch.from_param(self.param.alone, label="single layers", margin=(8, 8))
        scrolled = {"overflow-y": "auto", "overflow-x": "hidden"}
        live = pn.Column(
            self.live,
            width=LIVE_WIDTH,
            margin=(0, 0, 0, 8),
            sizing_mode="stretch_height",
            styles=scrolled,
            css_classes=[REACHED],
        )
        return pn.Column(
            pn.Row(size, stops, alone, margin=(12, 16, 0, 16), styles={"gap": "16px"}, **WIDE),
            pn.Row(
                pn.Column(self.map, sizing_mode="stretch_both", min_height=200, margin=0),
                live,
                sizing_mode="stretch_both",
                min_height=220,
                margin=0,
            ),
            pn.Column(self.strips, margin=(0, 16), max_height=410, styles=scrolled, **WIDE),
            sizing_mode="stretch_both",
            margin=0,
        )

    def side(self) -> Viewable:
        search = pmui.TextInput(label="add a signal by id or label", sizing_mode="stretch_width", **SMALL)
        search.param.watch(lambda event: self._add(search, event.new), "value")
        copy = pmui.Button(label="copy as Python", icon="content_copy", variant="outlined", **SMALL)
        copy.on_click(lambda event: self._copy())
        return pn.Column(
            heading("signals on the way"),
            self.chosen,
            self._said,
            search,
            heading("beside the way"),
            self._where,
            self.here,
            pn.Row(copy, margin=(16, 0), **WIDE),
            margin=(0, 16),
            **WIDE,
        )

    # -- looking

    @property
    def subject(self) -> Subject | None:
        return self.workspace.subject

    @property
    def ends(self) -> tuple[int, ...]:
        """The signals that the walks pass."""
        return walks.ends_of(self.state.selection, self.workspace.signals)

    def look(self) -> None:
        self._look_anew()

    def _look_anew(self, *events: param.parameterized.Event) -> None:
        self._clear_drawn()
        self.here.show(())
        self._where.object = _quiet("touch an empty place of the map, or draw a path on it with the pen")
        self._look_at_map()
        self._look_at_selection()

    def _look_at_map(self) -> None:
        subject, projection = self.subject, self.state.projection
        if subject is None:
            return
        kind = (subject.signals.id, subject.checkpoint.id, subject.space)
        self.ask("clusters", "clustering", subject.clusters, self._show_clusters)
        if projection == "pca" or self._mapped is None or self._mapped[1:] != kind:
            self.ask("map", "projecting", lambda: subject.layout("pca"), lambda layout: self._show_early(layout, kind))
        if projection != "pca":
            word = f"making the {projection.upper()} map"
            self.ask(
                "umap",
                word,
                lambda: subject.layout(projection),
                lambda layout: self._show_layout(layout, (projection, *kind)),
                long=True,
            )

    def _look_at_selection(self, *events: param.parameterized.Event) -> None:
        subject, chosen = self.subject, self.state.selection
        if subject is None:
            return
        if self.map.selection != chosen:
            self.map.selection = chosen
        ends = self.ends
        self.strips.ends = [name_of(subject.signals, row) for row in ends]
        self._said.object = _quiet(said_of(chosen, ends))
        self.ask("ends", "drawing", lambda: pictures_of(subject.signals, ends), self.chosen.show)
        if len(chosen) > 1:
            self.ask("spot", "blending", lambda: self._seen_spot(subject, None, chosen), self._show_spot)
        self._look_at_walks()

    def _look_at_walks(self, *events: param.parameterized.Event) -> None:
        """Ask what ways there are; then for each of them."""
        opened, subject = self.workspace.opened, self.subject
        if subject is None:
            return
        entries = opened.menu.alike(subject.signals, subject.checkpoint.id)
        library, alone = subject.library, self.alone

        def work() -> list[Way]:
            found = walks.ways(library, subject.signals, entries, subject.sampling)
            return chosen_ways(found, subject.checkpoint.id, library if alone else None)

        self.ask("ways", "looking for ways", work, self._show_ways)

    def _show_ways(self, found: list[Way]) -> None:
        subject, ends, count, dark = self.subject, self.ends, self.stops, self.state.dark
        if subject is None:
            return
        self._ways, kept = found, self._shown
        colors = theme.categorical(len(found) + 1, dark)
        self._walks, self._places = {}, {}
        self._shown = {
            i: replace(
                kept.get(i, Strip("", "", "")),
                name=way.name,
                label=way.label,
                color=colors[i],
                distances=(),
                note="" if way.ready else "every signal has to be fitted first",
                action="" if way.ready else f"fit {counted(len(subject.signals))}",
            )
            for i, way in enumerate(found)
        }
        for i, way in enumerate(found):
            if not way.ready:
                self._shown[i] = replace(self._shown[i], pictures=())
                continue
            self.ask(
                f"walk {i}",
                f"walking through {way.name}",
                partial(walked, subject, way, ends, count, dark),
                partial(self._show_walk, i),
                long=True,
                then=partial(self._look_along, i),
            )
        self._show_strips()

    def _show_walk(self, i: int, found: tuple[Walk, tuple[str, ...]]) -> None:
        walk, pictures = found
        if i in self._shown:
            self._walks[i] = walk
            self._shown[i] = replace(self._shown[i], pictures=pictures)
            self._show_strips()
            self._look_live()

    def _look_along(self, i: int) -> None:
        """Ask where a walk leads: how far from the data, and where on the map."""
        subject, walk = self.subject, self._walks.get(i)
        if subject is None or walk is None:
            return
        same = self._ways[i].entry.id == subject.checkpoint.id
        projection = self._mapped[0] if self._mapped else "pca"

        def work() -> tuple[np.ndarray, float, np.ndarray | None]:
            space = subject.space
            places = walk.places(projection, space, subject.reference) if same else None
            return walk.distances(space), walks.typical_distance(walk.codes, space), places

        def show(found: tuple[np.ndarray, float, np.ndarray | None]) -> None:
            distances, typical, places = found
            if self._walks.get(i) is not walk:
                return
            self._shown[i] = replace(self._shown[i], distances=tuple(map(float, distances)), reference=typical or None)
            if places is not None:
                self._places[i] = places
            self._show_strips()
            self._show_paths()

        self.ask(f"along {i}", "looking how far the data is", work, show, long=True)

    def _look_live(self, *events: param.parameterized.Event) -> None:
        """Ask for the function at t: first on the first walk, as finely as a hand can wait for. The finer picture and
        the other walks follow when the hand rests, one after the other, so that they never stand before the first."""
        order = self._live_order
        self._looks += 1
        self._live = {key: replace(picture, stale=True) for key, picture in self._live.items() if key in order}
        if order:
            coarse = self._pace.size(self.size)
            later = order if coarse < self.size else order[1:]
            self._ask_live("live", order[0], coarse, [(key, self.size) for key in later])

    @property
    def _live_order(self) -> list[int | str]:
        """The walks whose function at t is shown, by number; the one that was drawn by hand comes last."""
        return [*sorted(self._walks), *([DRAWN] if self._drawn is not None else [])]

    def _ask_live(self, slot: str, key: int | str, size: int, rest: Sequence[tuple[int | str, int]]) -> None:
        subject, t, wanted, dark, look = self.subject, self.t, self.size, self.state.dark, self._looks
        walk = self._drawn if key == DRAWN else self._walks.get(int(key))
        if subject is None or walk is None:
            return
        title = self._live_title(key)

        def work() -> tuple[float, Picture]:
            start = time.monotonic()
            pixels = walk.portrait(t, subject.signals, size, dark)
            shown = picture(pixels, LIVE_BOX, title, "×".join(map(str, grid_for(subject.signals, size)[0][-2:])))
            return time.monotonic() - start, shown

        def show(found: tuple[float, Picture]) -> None:
            took_s, shown = found
            if slot == "live":
                self._pace.heard(size, took_s)
            if key in self._live_order:
                self._live[key] = replace(shown, stale=t != self.t)
                self.live.show([self._live[each] for each in self._live_order if each in self._live])

        def follow() -> None:
            if look == self._looks:
                if rest:
                    self._ask_live("live rest", *rest[0], rest[1:])
            elif slot == "live" and t != self.t:  # the hand moves on: one of the others comes along, as a draft
                others = self._live_order[1:]
                if others:
                    self._turn = (self._turn + 1) % len(others)
                    self._ask_live("live rest", others[self._turn], min(DRAFT, wanted), [])

        self.ask(slot, "rendering", work, show, then=follow)

    def _live_title(self, key: int | str) -> str:
        """The first checkpoint's walks need not bear its name."""
        if key == DRAWN:
            return DRAWN
        way = self._ways[int(key)]
        return way.label if way.name == self._ways[0].name else f"{way.name}, {way.label}"

    # -- showing

    def _show_strips(self) -> None:
        strips = [self._shown[i] for i in sorted(self._shown)]
        if self._drawn is not None:
            strips.append(self._shown_line)
        self.strips.show(strips)

    def _show_clusters(self, labels: np.ndarray) -> None:
        names = tuple(map(str, range(int(labels.max(initial=-1)) + 1)))
        self.map.param.update(values=labels, names=names, values_label="cluster")

    def _show_early(self, layout: np.ndarray, kind: tuple[Any, ...]) -> None:
        if self.state.projection == "pca" or self._mapped is None or self._mapped[1:] != kind:
            self._show_layout(layout, ("pca", *kind))

    def _show_layout(self, layout: np.ndarray, mapped: tuple[Any, ...]) -> None:
        changed, self._mapped = mapped != self._mapped, mapped
        if changed:
            self._places = {}
        self.map.layout = layout
        self._show_paths()
        if changed:
            for i in self._walks:
                self._look_along(i)

    def _show_paths(self) -> None:
        self.map.paths = [(places, self._shown[i].color) for i, places in self._places.items() if i in self._shown]
        self._mark()

    def _mark(self) -> None:
        """Ring where t stands on each path."""
        spots = [places[round(self.t * (len(places) - 1))] for places in self._places.values()]
        self.map.marks = np.array(spots).reshape(-1, 2)

    def _move(self, *events: param.parameterized.Event) -> None:
        self.strips.t = self.t
        self._look_live()
        self._mark()

    def _dress(self, *events: param.parameterized.Event) -> None:
        self.map.dark = self.state.dark
        self._look_at_walks()

    def _thumbnails(self, rows: Sequence[int]) -> list[str]:
        signals = self.workspace.signals
        return [] if signals is None else [png_uri(image) for image in thumbnails(signals, rows, CARD_SIZE)]

    # -- beside the way

    def _touch(self, *events: param.parameterized.Event) -> None:
        subject, place = self.subject, self.map.touched
        if subject is not None and place is not None:
            self.map.marks = place[None]
            self.ask("spot", "blending", lambda: self._seen_spot(subject, place, ()), self._show_spot)

    def _seen_spot(self, subject: Subject, place: np.ndarray | None, rows: Sequence[int]) -> tuple[Picture, str]:
        """What would live at a place, or is the mean of a selection: its picture, and where it stands to the data."""
        if place is None:
            found = walks.mean_of(subject.codes, rows, subject.space)
            what, made = f"mean of {len(rows):,}", f"the mean of {len(rows):,} selected signals"
        else:
            found = walks.spot(subject.codes, self.map.layout, place, subject.space)
            what, made = "would live here", f"the mean of the {len(found.rows)} signals around, the closer the more"
        typical = walks.typical_distance(subject.codes, subject.space)
        drawn = _drawn_function(subject.signals, found.code, self.size, self.state.dark)
        text = (
            f"{made}; <b>{found.distance:.3g}</b> from the nearest signal, "
            f"<b>{found.distance / typical:.2g}×</b> the typical distance between neighbours"
        )
        return picture(drawn, LIVE_BOX, what, f"{drawn.shape[1]}×{drawn.shape[0]}"), text

    def _show_spot(self, seen: tuple[Picture, str]) -> None:
        self.here.show([seen[0]])
        self._where.object = seen[1]

    def _draw_by_hand(self, *events: param.parameterized.Event) -> None:
        subject, line, count, dark = self.subject, self.map.line, self.stops, self.state.dark
        if subject is None or line is None:
            return
        layout, color = self.map.layout, theme.tones(dark).ink
        name = self._ways[0].name if self._ways else ""

        def work() -> tuple[Drawn, Strip]:
            places = walks.along(line)
            spots = tuple(walks.spot(subject.codes, layout, place, subject.space) for place in places)
            stops = np.linspace(0, len(spots) - 1, count).round().astype(int)
            pictures = [_drawn_function(subject.signals, spots[i].code, STOP_BOX, dark) for i in stops]
            typical = walks.typical_distance(subject.codes, subject.space)
            strip = Strip(
                name, DRAWN, color, tuple(map(png_uri, pictures)),
                distances=tuple(spot.distance for spot in spots), reference=typical or None,
            )  # fmt: skip
            return Drawn(places, spots), strip

        def show(found: tuple[Drawn, Strip]) -> None:
            self._drawn, self._shown_line = found
            self._show_strips()
            self._look_live()

        self.ask("line", "decoding along the line", work, show, long=True)

    def _clear_drawn(self) -> None:
        self._drawn = None

    # -- choosing

    def pressed(self, key: str) -> None:
        if key == " ":
            self.strips.toggle()
        else:
            self.stops = int(np.clip(self.stops + (2 if key == "+" else -2), 5, 15))

    def _drop(self, event: param.parameterized.Event) -> None:
        """A picture of a signal on the way was clicked: leave it out, while two remain."""
        rest = [row for row in self.ends if row != event.new]
        if event.new >= 0 and len(rest) > 1:
            self.state.selection = rest

    def _add(self, search: pmui.TextInput, text: str) -> None:
        signals = self.workspace.signals
        if signals is None or not text.strip():
            return
        row = found_by_name(signals, text.strip(), self.ends)
        if row is None:
            self._said.object = f"Got {escape(text[:40])!r}; expected the id or label of a signal of this set."
            return
        search.value = ""
        self.state.selection = [*self.ends, row][-walks.MOST_ENDS :]

    def _fit(self, event: param.parameterized.Event) -> None:
        """Have every signal fitted by a checkpoint, as a job."""
        subject, i = self.subject, event.new
        if subject is None or not 0 <= i < len(self._ways):
            return
        recipe = encodings(self._ways[i].entry.id, subject.signals, subject.sampling)[-1]
        engine = subject.library.engine
        self._shown[i] = replace(self._shown[i], note="fitting: see the jobs", action="")
        self._show_strips()
        self.ask(
            f"fit {i}",
            "fitting every signal",
            lambda: engine.submit(recipe).until_done(),
            lambda result: self._look_at_walks(),
            long=True,
        )

    def _copy(self) -> None:
        subject = self.subject
        if subject is not None:
            method = self._ways[0].method if self._ways else "linear"
            self.clipboard = walk_snippet(subject, self.state.signals, self.ends, method, self.t, self.size)


def chosen_ways(found: Sequence[Way], checkpoint: str, layered: Any = None) -> list[Way]:
    """Which ways are shown: all of the checkpoint that is looked at, and of every other one the first.

    Args:
        layered: the library, where single layers are wished too.
    """
    mine = [way for way in found if way.entry.id == checkpoint]
    others = {way.entry.id: way for way in reversed(found) if way.entry.id != checkpoint}
    if layered is not None and mine and mine[0].ready:
        mine = [mine[0], *walks.layer_ways(layered, mine[0])]
    return [*mine, *reversed(others.values())][:MOST_STRIPS]


def walked(subject: Subject, way: Way, ends: Sequence[int], count: int, dark: bool) -> tuple[Walk, tuple[str, ...]]:
    """Ask for a walk and the pictures at its stops."""
    walk = walks.walk(subject.library, way, subject.signals, subject.sampling, ends)
    shape, window = grid_for(subject.signals, STOP_BOX)
    grids = walk.rendered(walk.stops(count), shape, window)
    return walk, tuple(map(png_uri, portraits(grids, subject.signals.value_range, STOP_BOX, dark)))


def _drawn_function(signals: SignalSet, code: Any, size: int, dark: bool) -> np.ndarray:
    shape, window = grid_for(signals, size)
    (pixels,) = portraits(code.engine.render(code, shape, window), signals.value_range, size, dark)
    return pixels


def pictures_of(signals: SignalSet, rows: Sequence[int]) -> list[Picture]:
    """The signals on the way; a click takes one out."""
    return [
        picture(image, END_BOX, name_of(signals, row), "click to leave it out", row)
        for row, image in zip(rows, thumbnails(signals, rows, END_BOX), strict=True)
    ]


def said_of(chosen: Sequence[int], ends: Sequence[int]) -> str:
    """Why the walks pass these signals, in words."""
    if len(chosen) > len(ends):
        return f"{len(chosen):,} are selected; the walks pass the first {len(ends)}, their mean stands below"
    if len(chosen) > 1:
        return "select others on the map, Shift adds; click one to leave it out"
    return "two or more are wanted: one was chosen for you. Select on the map, Shift adds"


def found_by_name(signals: SignalSet, text: str, but: Sequence[int]) -> int | None:
    """The signal of that id, else the first with that label that is not among ``but``."""
    if text in signals.ids:
        return signals.ids.index(text)
    if signals.labels is None or text not in signals.class_names:
        return None
    rows = np.flatnonzero(signals.labels == signals.class_names.index(text))
    return next((int(row) for row in rows if row not in but), None)


def _quiet(text: str) -> str:
    return f'<span class="quiet">{escape(text)}</span>'
