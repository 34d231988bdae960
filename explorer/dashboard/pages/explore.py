"""The Explore page: map, clusters and reconstructions, and whether they hold still when the resolution moves."""

from collections.abc import Callable, Sequence
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
import panel as pn
import panel_material_ui as pmui
import param
from panel.viewable import Viewable

from explorer.dashboard import style, theme
from explorer.dashboard.exports import Export, Shown, exports
from explorer.dashboard.page import Page
from explorer.dashboard.state import COLORS
from explorer.dashboard.views.colors import matched
from explorer.dashboard.views.draw import Draw
from explorer.dashboard.views.export_menu import ExportMenu
from explorer.dashboard.views.gallery import CHOSEN, TILE_SIZE, Gallery, gallery_of
from explorer.dashboard.views.map import Map
from explorer.dashboard.views.neighbors import SIZE as NEIGHBOR_SIZE
from explorer.dashboard.views.neighbors import neighbors_of
from explorer.dashboard.views.pixels import Pictures, png_uri
from explorer.dashboard.views.resolution import nearest_stop
from explorer.dashboard.views.sample import RENDER_SIZE, SamplePane, forms_of, name_of, numbers_of
from explorer.dashboard.views.scores import Scores, how
from explorer.dashboard.views.sidebar import NONE
from explorer.dashboard.views.snippet import snippet
from explorer.dashboard.views.thumbnails import thumbnails
from explorer.dashboard.views.words import heading, words
from explorer.dashboard.workspace import Opened, Workspace

CARD_SIZE = 64
SHOWN_S = 0.025
"""What a browser needs to show a picture, before a map keeps it busy."""
METRICS = {"psnr_db": "PSNR [dB]", "kept": "share of 10 neighbours kept"}
"""Numbers that can colour the points."""
COLOR_NAMES = dict(zip(("cluster", "label", "PSNR", "neighbours kept"), COLORS, strict=True))

WIDE: dict[str, Any] = {"sizing_mode": "stretch_width"}
SMALL: dict[str, Any] = {"size": "small", "margin": 0}
ROW = {**WIDE, "min_height": style.CONTROL_HEIGHT}
HIDDEN = {"visibility": "hidden"}
"""For what comes and goes with the slider: ``visible`` would have the whole page laid out anew."""


class Explore(Page):
    """Its parts, and the calls that fill them.

    A change of the state asks anew for what depends on it; each part has a slot of its own, so that a slow one never
    holds up the others. When a resolution has settled, its neighbours are asked for ahead.
    """

    needs_codes = True
    keys = {"e": "error map on and off", "g": "whole signal instead of what was observed"}

    def __init__(self, workspace: Workspace, **params: Any):
        super().__init__(workspace, **params)
        self.state = state = workspace.state
        self.map = Map(thumbnails=self._thumbnails, empty="loading …", dark=state.dark)
        self.gallery = Gallery(tile=TILE_SIZE, dark=state.dark)
        self.sample = SamplePane(dark=state.dark, truth=state.truth, error=state.error)
        self.neighbors = Pictures(box=NEIGHBOR_SIZE, captions=False)
        self.scores = Scores(dark=state.dark)
        self._drawer = pn.Column(visible=False, margin=0, **WIDE)  # filled when it is first opened
        self._labels: np.ndarray | None = None
        self._slots = np.zeros(0, np.int64)  # the colour of each cluster
        self._found_by: tuple[Any, ...] = ()
        self._metric: tuple[str, np.ndarray] | None = None  # what colours the points, and its values
        self._moved: list[int] = []
        self._moved_button = pmui.Button(label="", variant="text", align="end", styles=HIDDEN, **SMALL)
        self._moved_button.on_click(lambda event: state.param.update(selection=self._moved))
        self._drawn: Opened | None = None  # what the parts show
        self._mapped: tuple[str, str] | None = None  # projection and space of the map
        workspace.calls.follow(workspace.calls, self._explain, "errors")
        follow = self.follow
        follow(state, self._look_anew, "resolution", "uneven", "space", "method", "k")
        follow(state, self._look_at_map, "projection")
        follow(state, self._color, "color")
        follow(state, self._look_at_one, "selection")
        follow(state, self._look_around, "neighbors")
        follow(state, self._dress, "dark", "truth", "error")
        follow(self.neighbors, self._go_to, "clicked")
        for view in (self.map, self.gallery):
            follow(view, lambda event: state.param.update(selection=event.new), "selection")
        follow(self.gallery, lambda event: self.map.param.update(hovered=event.new), "hovered")

    # -- what stands where

    def middle(self) -> Viewable:
        state = self.state
        color = pmui.Select.from_param(state.param.color, options=COLOR_NAMES, label="colour", width=170, **SMALL)
        space = pmui.Select(label="space", options=[NONE], width=120, **SMALL)
        projection = pmui.Select.from_param(
            state.param.projection, options={"UMAP": "umap", "PCA": "pca"}, label="map", width=120, **SMALL
        )
        self._link_space(space, "space")
        draw = pmui.Button(label="draw", icon="draw", variant="outlined", align="center", **SMALL)
        draw.on_click(lambda event: self._open_drawer())
        return pn.Column(
            pn.Column(self.map, sizing_mode="stretch_both", min_height=240, margin=0),
            pn.Row(color, space, projection, draw, styles={"gap": "8px"}, margin=(8, 16), **ROW),
            self._drawer,
            pn.Column(
                self.gallery,
                height=style.GALLERY_HEIGHT,
                margin=(0, 0, 0, 16),
                styles={"overflow": "auto"},
                **WIDE,
            ),
            sizing_mode="stretch_both",
            margin=0,
        )

    def side(self) -> Viewable:
        workspace = self.workspace
        name = words(align="center")
        space = pmui.Select(label="neighbours in", options=[NONE], width=140, **SMALL)
        self._link_space(space, "neighbors")

        def rename(*events: Any) -> None:
            subject = workspace.loaded
            name.object = f"<b>{escape(name_of(subject.signals, workspace.row))}</b>" if subject else "&nbsp;"

        rename()
        workspace.calls.follow(self.state, rename, "selection")
        workspace.calls.follow(workspace, rename, "opened")
        before, after = (
            pmui.IconButton(icon=icon, description=text, on_click=lambda event, by=by: workspace.step(by), **SMALL)
            for icon, text, by in (("chevron_left", "the signal before", -1), ("chevron_right", "the signal after", 1))
        )
        copy = pmui.Button(label="copy as Python", icon="content_copy", variant="outlined", **SMALL)
        copy.on_click(lambda event: self._copy())
        return pn.Column(
            heading("signal"),
            pn.Row(name, before, after, min_height=30, **WIDE),
            self.sample,
            pn.Row(heading("neighbours"), space, margin=(8, 0, 0, 0), **ROW),
            self.neighbors,
            pn.Row(heading("scores over resolution"), self._moved_button, **ROW),
            self.scores,
            pn.Row(copy, ExportMenu(workspace, self.exports), margin=(8, 0), styles={"gap": "8px"}, **ROW),
            margin=(0, 16),
            **WIDE,
        )

    def _link_space(self, select: pmui.Select, name: str) -> None:
        """A choice among the spaces that the representation offers, in which "" stands for the first."""
        workspace, state = self.workspace, self.state

        def spaces() -> list[str]:
            return list(workspace.opened.spaces) if workspace.opened else []

        def fill(*events: Any) -> None:
            if workspace.loading and select.options != [NONE]:
                return
            offered = spaces()
            wanted = getattr(state, name) or (state.space if name == "neighbors" else "")
            value = wanted if wanted in offered else next(iter(offered), NONE)
            select.param.update(options=offered or [NONE], value=value)

        def choose(event: Any) -> None:
            offered = spaces()
            if event.new in offered:
                default = state.space or offered[0] if name == "neighbors" else offered[0]
                setattr(state, name, "" if event.new == default else event.new)

        fill()
        workspace.calls.follow(workspace, fill, "opened")
        workspace.calls.follow(state, fill, *{name, "space"})
        self.follow(select, choose, "value")

    # -- living

    def pressed(self, key: str) -> None:
        if key == "e":
            self.state.error = not self.state.error
        elif key == "g":
            self.state.truth = not self.state.truth

    def look(self) -> None:
        opened = self.workspace.opened
        if opened is not self._drawn:
            self._renew(opened)
        self._dress()
        self.map.selection = self.gallery.selection = self.state.selection
        if self._mapped is None:  # the first plot waits for nothing else
            self._look_at_map()
            self._ask_clusters()
        self._look_anew()

    @property
    def filled(self) -> bool:
        there = self._mapped is not None and self._labels is not None
        return super().filled and (there or bool(self.missing()))

    def clear(self) -> None:
        self._renew(self.workspace.opened)
        self.map.selection = self.gallery.selection = self.state.selection
        nothing = np.zeros(0, int)
        self.map.param.update(layout=np.zeros((0, 2), np.float32), values=nothing, moved_from=None)
        self.map.marks = np.zeros((0, 2))
        self.gallery.param.update(images={}, chosen={}, values=nothing, current="")
        self.sample.param.update(forms=None, numbers={})
        self.neighbors.show(())
        if len(self._drawer):
            self.draw.clear()
        self._show_moved(nothing)
        self.scores.param.update(size=0, how="")

    def _renew(self, opened: Opened) -> None:
        """Other signals: what was drawn of the ones before goes when the new ones' comes, their numbers at once."""
        self._drawn = opened
        self._labels = self._metric = self._mapped = None
        sizes = [stop.size for stop in opened.stops]
        self.scores.param.update(signals=len(opened.signals), sizes=sizes, ours={}, control={})

    def _explain(self, event: param.parameterized.Event) -> None:
        if "load" in event.new:
            self.map.empty = "nothing is loaded"

    def _copy(self) -> None:
        subject = self.workspace.subject
        if subject is not None:
            state, row = self.state, self.workspace.row
            self.clipboard = snippet(subject, state.signals, state.projection, row, RENDER_SIZE)

    def exports(self, only_selected: bool = False) -> list[Export]:
        """What can be taken along of what is shown; nothing while nothing is."""
        subject = self.workspace.subject
        if subject is None or self.missing():
            return []
        layout, labels = self.map.layout, self._labels
        shown = Shown(
            subject=subject,
            layout=layout,
            projection=self._mapped[0] if self._mapped else "",
            clusters=labels if labels is not None and len(labels) == len(subject.signals) else None,
            values=self.map.values,
            names=self.map.names,
            values_label=self.map.values_label,
            colors=self._colors(dark=False) if self.map.values_label == "cluster" else [],
            selection=self.state.selection,
            ours=self.scores.ours,
            control=self.scores.control,
            forms=self.sample.forms,
            row=self.workspace.row,
        )
        return exports(shown, only_selected)

    # -- drawing

    @cached_property
    def draw(self) -> Draw:
        """What is in the drawer, made when that is first opened."""
        draw = Draw()
        self.follow(draw.neighbors, self._go_to, "clicked")
        self.follow(draw, self._find_drawn, "wish")
        return draw

    def _open_drawer(self) -> None:
        """Open or close the drawer; what stood on the map goes with it."""
        if not len(self._drawer):
            self._drawer.append(self.draw)
        self._drawer.visible = not self._drawer.visible
        subject = self.workspace.subject
        if self._drawer.visible and subject is not None:
            self.draw.prepare(subject, self.workspace.row)
        else:
            self.draw.clear()

    def _find_drawn(self, *events: param.parameterized.Event) -> None:
        """Ask where what is on the canvas comes to stand; only where encoding is one forward pass."""
        opened, subject = self.workspace.opened, self.workspace.subject
        if subject is None or self.draw.wish is None:
            self.map.marks = np.zeros((0, 2))
            return
        if not (opened.capabilities or {}).get("amortised"):
            self.draw.say(
                f"{subject.checkpoint.representation} fits every signal anew: choose one that encodes at once"
            )
            return
        row, dark, projection = self.workspace.row, self.state.dark, self._mapped[0] if self._mapped else "pca"

        def show(seen: Any) -> None:
            self.draw.show(*seen)
            self.map.marks = seen[0].place[None]

        self.ask("drawn", "encoding", lambda: self.draw.seen(subject, row, projection, dark), show)

    # -- looking

    def _look_anew(self, *events: param.parameterized.Event) -> None:
        """Ask for all that depends on how signals are observed: first the picture, which the hand waits for."""
        subject = self.workspace.subject
        if subject is None:
            return
        if self.scores.how != how(subject):
            self.scores.param.update(ours={}, control={}, how=how(subject))
        self._ask_for_one(then=self._look_at_all)

    def _look_at_all(self) -> None:
        subject = self.workspace.subject
        if subject is None:
            return
        self._ask_clusters()
        self.ask("moved", "clustering", subject.moved, self._show_moved)
        self._look_at_map()
        self.scores.size = self.workspace.stop.size
        self._look_around()
        self._ask_metric()
        self._ask_gallery()
        self._ask_ahead()

    def _ask_clusters(self) -> None:
        subject = self.workspace.subject
        if subject is not None:
            self.ask("clusters", "clustering", subject.clusters, self._show_clusters)

    def _ask_gallery(self) -> None:
        """The gallery's lines: the coarsest and the finest resolution that are computed, and between them this one."""
        subject = self.workspace.subject
        if subject is None:
            return
        there = [stop for stop in self.workspace.opened.stops if stop.size in self.scores.control]
        lines = {stop.size: stop for stop in [*there[:1], self.workspace.stop, *there[-1:]]}
        subjects = {lines[size].label: subject.at(lines[size].sampling(self.state.uneven)) for size in sorted(lines)}
        chosen, current = self.state.selection[:CHOSEN], self.workspace.stop.label
        self.ask(
            "gallery",
            "filling the gallery",
            lambda: gallery_of(subjects, chosen),
            lambda parts: self.gallery.param.update(
                images=parts[0], chosen=parts[1], values=parts[2][current], current=current, colors=self._colors()
            ),
        )

    def _look_at_one(self, *events: param.parameterized.Event) -> None:
        for view in (self.map, self.gallery):
            if view.selection != self.state.selection:
                view.selection = self.state.selection
        if self._drawer.visible and self.workspace.subject is not None:
            self.draw.prepare(self.workspace.subject, self.workspace.row)
        self._ask_for_one(then=self._look_around)
        self._ask_gallery()

    def _ask_for_one(self, then: Callable[[], None]) -> None:
        """Ask for the forms of the one signal, and for the rest once they are there."""
        subject, row = self.workspace.subject, self.workspace.row
        if subject is not None:
            self.ask(
                "picture", "rendering", lambda: forms_of(subject, row), self._show_forms, then=then, rest_s=SHOWN_S
            )

    def _look_around(self, *events: param.parameterized.Event) -> None:
        """Ask how good the one signal's code is, and which others are like it."""
        subject, row = self.workspace.subject, self.workspace.row
        if subject is None:
            return
        space = self.state.neighbors if self.state.neighbors in self.workspace.opened.spaces else subject.space
        self.ask("numbers", "comparing", lambda: numbers_of(subject, row), self._show_numbers)
        self.ask("neighbors", "looking around", lambda: neighbors_of(subject, row, space), self.neighbors.show)

    def _look_at_map(self, *events: param.parameterized.Event) -> None:
        """PCA at once, unless UMAP is there already; UMAP as soon as it is, and from then on."""
        subject, projection = self.workspace.subject, self.state.projection
        if subject is None:
            return
        kind = (projection, subject.space)

        def early() -> np.ndarray | None:
            return None if projection != "pca" and subject.has_layout(projection) else subject.layout("pca")

        if projection == "pca" or self._mapped != kind:
            self.ask("map", "projecting", early, lambda layout: self._show_early(layout, kind))
        if projection != "pca":
            word = f"making the {projection.upper()} map"
            self.ask(
                "umap",
                word,
                lambda: subject.layout(projection),
                lambda layout: self._show_layout(layout, kind),
                long=True,
            )

    # -- showing

    def _show_forms(self, forms: Any) -> None:
        self.sample.forms = forms

    def _show_numbers(self, numbers: dict[str, Any]) -> None:
        self.sample.numbers = numbers

    def _show_clusters(self, labels: np.ndarray) -> None:
        subject, before = self.workspace.subject, self._labels
        assert subject is not None
        how = subject.method, subject.clusters_wanted, subject.space
        if before is None or len(before) != len(labels):
            self._slots = np.arange(int(labels.max(initial=-1)) + 1)
        elif how != self._found_by:
            self._slots = matched(labels, before, self._slots)
        self._labels, self._found_by = labels, how
        self._color()

    def _show_moved(self, rows: np.ndarray) -> None:
        self._moved = rows.tolist()
        self._moved_button.param.update(label=f"moved: {len(rows):,}", styles={} if len(rows) else HIDDEN)

    def _ask_metric(self) -> None:
        """Ask for the numbers that colour the points, where numbers do."""
        subject, color = self.workspace.subject, self.state.color
        if subject is None or color not in METRICS:
            return
        projection = self._mapped[0] if self._mapped else "pca"
        work = subject.psnr_db if color == "psnr_db" else lambda: subject.kept_neighbors(projection)
        self.ask("metric", "comparing", work, lambda values: self._show_metric(color, values))

    def _show_metric(self, color: str, values: np.ndarray) -> None:
        self._metric = color, values
        self._color()

    def _show_early(self, layout: np.ndarray | None, kind: tuple[str, str]) -> None:
        """A PCA map, unless what it stands in for has come meanwhile."""
        if layout is not None and (kind[0] == "pca" or self._mapped != kind):
            self._show_layout(layout, ("pca", kind[1]))

    def _show_layout(self, layout: np.ndarray, kind: tuple[str, str]) -> None:
        before = self.map.layout if self._mapped == kind and len(self.map.layout) == len(layout) else None
        self._mapped = kind
        self.map.param.update(layout=layout, moved_from=before, **self._values(len(layout)))

    def _color(self, *events: param.parameterized.Event) -> None:
        subject = self.workspace.subject
        if subject is None:
            return
        if self._metric is None or self._metric[0] != self.state.color:
            self._ask_metric()
        if len(self.map.layout):
            self.map.param.update(**self._values(len(self.map.layout)))

    def _values(self, n: int) -> dict[str, Any]:
        """What colours the map: labels, clusters or a metric, as far as it is known; else nothing does."""
        signals = self.workspace.loaded.signals
        if self.state.color == "label" and signals.labels is not None:
            return {"values": signals.labels, "names": signals.class_names, "values_label": "label", "colors": []}
        if self._metric is not None and self._metric[0] == self.state.color and len(self._metric[1]) == n:
            return {"values": self._metric[1], "names": (), "values_label": METRICS[self.state.color], "colors": []}
        if self.state.color == "cluster" and self._labels is not None:
            names = tuple(map(str, range(int(self._labels.max(initial=-1)) + 1)))
            return {"values": self._labels, "names": names, "values_label": "cluster", "colors": self._colors()}
        return {"values": np.full(n, -1), "names": (), "values_label": "", "colors": []}

    def _colors(self, dark: bool | None = None) -> list[str]:
        """The colours of the clusters, which they keep when they are found by other means."""
        palette = theme.categorical(int(self._slots.max(initial=-1)) + 1, self.state.dark if dark is None else dark)
        return [palette[slot] for slot in self._slots]

    def _thumbnails(self, rows: Sequence[int]) -> list[str]:
        if self.workspace.loaded is None:
            return []
        return [png_uri(image) for image in thumbnails(self.workspace.loaded.signals, rows, CARD_SIZE)]

    def _go_to(self, event: param.parameterized.Event) -> None:
        if event.new >= 0:
            self.state.selection = [event.new]

    def _dress(self, *events: param.parameterized.Event) -> None:
        self.map.dark = self.gallery.dark = self.scores.dark = self.state.dark
        self.gallery.colors = self._colors()
        if len(self.map.layout) and self.workspace.loaded is not None:
            self.map.param.update(**self._values(len(self.map.layout)))
        self.sample.param.update(dark=self.state.dark, truth=self.state.truth, error=self.state.error)

    # -- computing ahead

    def _ask_ahead(self) -> None:
        """Ask for the next resolution, the closest first, that has no scores yet."""
        subject, here = self.workspace.subject, nearest_stop(self.workspace.opened.stops, self.state.resolution)
        waiting = [
            i
            for i, stop in enumerate(self.workspace.opened.stops)
            if stop.size not in self.scores.control and stop.ready[self.state.uneven]
        ]
        if subject is None or not waiting:
            return
        stop = self.workspace.opened.stops[min(waiting, key=lambda i: abs(i - here))]
        other, row = subject.at(stop.sampling(self.state.uneven)), self.workspace.row
        projection = self._mapped[0] if self._mapped else "pca"

        def work() -> tuple[str, int, Any, Any]:
            score = other.score()
            other.clusters()
            other.layout(projection)
            forms_of(other, row)
            neighbors_of(other, row, other.space)
            return how(subject), stop.size, score, other.control()

        self.ask("ahead", "computing ahead", work, self._show_scores, long=True)

    def _show_scores(self, scored: tuple[str, int, Any, Any]) -> None:
        what, size, ours, control = scored
        if what == self.scores.how:
            self.scores.param.update(
                ours=self.scores.ours | {size: ours}, control=self.scores.control | {size: control}
            )
        self._ask_gallery()
        self._ask_ahead()
