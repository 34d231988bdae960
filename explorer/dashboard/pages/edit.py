"""The Edit page: a signal's cloud of latents, pushed, turned, cut and mixed by hand."""

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from typing import Any

import numpy as np
import panel as pn
import panel_material_ui as pmui
import param
from panel.viewable import Viewable

from explorer.dashboard import theme
from explorer.dashboard.comparison import Rival, rivals
from explorer.dashboard.page import Page
from explorer.dashboard.subject import Subject
from explorer.dashboard.views import edit_canvas
from explorer.dashboard.views.edit_canvas import EditCanvas
from explorer.dashboard.views.edit_forms import (
    BOX,
    CANVAS_SIZES,
    NEIGHBOR_SIZE,
    Forms,
    Whereabouts,
    canvas_size,
    drawn,
    forms_of,
    kept,
    neighbors_of,
    pushed,
    said,
    whereabouts,
)
from explorer.dashboard.views.edit_snippet import edit_snippet
from explorer.dashboard.views.history import History, from_json, to_json
from explorer.dashboard.views.history_tree import HistoryTree
from explorer.dashboard.views.path_map import PathMap
from explorer.dashboard.views.pixels import Picture, Pictures, png_uri
from explorer.dashboard.views.sample import name_of
from explorer.dashboard.views.thumbnails import thumbnails
from explorer.dashboard.views.words import figures, heading, words
from explorer.dashboard.workspace import Workspace
from explorer.edits import Flip, Mask, Mix, Noise, Push, Rotate, Scale, Thin
from explorer.errors import InvalidInput
from explorer.messages import Entry
from explorer.shapes import Box, Polygon

FORMS_KEPT = 16
AROUND_WIDTH, AROUND_HEIGHT = 232, 224

SMALL: dict[str, Any] = {"size": "small", "margin": 0}
WIDE: dict[str, Any] = {"sizing_mode": "stretch_width"}


class Edit(Page):
    """One signal's cloud. Its edits are a list of small values: undoing replays the shorter one, so it is exact."""

    needs_codes = True
    keys = {
        "u": "undo",
        "U": "redo",
        "p": "push with a brush",
        "l": "choose a region with a lasso",
        "a": "anchors on and off",
    }
    address = {"radius": "br", "falloff": "bf", "size": "sz"}

    radius = param.Number(0.25, bounds=(0.02, 1), doc="Of the brush, in units of the domain, which is 2 wide.")
    falloff = param.Selector(default="smooth", objects=["smooth", "linear", "none"], doc="Of the brush to its rim.")
    size = param.Selector(
        default=0,
        objects=[0, *CANVAS_SIZES],
        doc="Samples of the canvas along its longer axis; 0: about as the signal has.",
    )
    history = param.ClassSelector(class_=History, default=History(), doc="What was done, and undone, as a tree.")
    region = param.List([], doc="The polygon of the lasso, places (y, x); empty for none.")
    turn_frames = param.Boolean(True, doc="Whether what an anchor shows turns along with it.")

    def __init__(self, workspace: Workspace, **params: Any):
        super().__init__(workspace, **params)
        self.canvas = EditCanvas(sizing_mode="stretch_both", min_height=240)
        self.canvas.on_push, self.canvas.on_lasso = self._on_push, self._on_lasso
        self.forms = Pictures(box=BOX, **WIDE)
        self.neighbors = Pictures(box=NEIGHBOR_SIZE, captions=False)
        self.map = PathMap(thumbnails=self._thumbnails, empty="loading …", dark=workspace.state.dark)
        self._by = pmui.Select(label="as it is seen by", options=["–"], **WIDE, **SMALL)
        self._rivals: dict[str, Subject] = {}
        self._mapped: tuple[Any, ...] | None = None  # what the map shows
        self._histories: dict[tuple[str, str, int], History] = {}
        self._shown: tuple[str, str, int] | None = None  # set, checkpoint and row that the history belongs to
        self._moved = words()
        self._about = words()
        self._list = HistoryTree(self._walk, **WIDE)
        self.follow(workspace.state, self._look, "selection", "resolution", "uneven", "checkpoint")
        self.follow(workspace.state, self._look_around, "space", "projection", "method", "k")
        self.follow(workspace.state, self._dress, "dark")
        self.follow(self.map, lambda event: workspace.state.param.update(selection=event.new), "selection")
        self.follow(self._by, self._look_around, "value")
        self.follow(self, self._redo_all, "history", "size")
        self.follow(self, self._show_region, "region")
        self.follow(self, lambda *events: self.canvas.param.update(radius=self.radius), "radius")
        self.follow(self.neighbors, self._go_to, "clicked")
        self._forms: Forms | None = None
        self._forms_at: dict[tuple[Any, ...], Forms] = {}  # the last ones, by what they are of

    def missing(self) -> str:
        opened = self.workspace.opened
        if opened is None or super().missing():
            return super().missing()
        if not (opened.capabilities or {}).get("edits"):
            return (
                "Here the anchors of a cloud are pushed, turned, cut and mixed, but these codes have no anchors: "
                "choose the representation arc on the left."
            )
        if opened.signals.d > 2:
            return "Clouds over three axes have no canvas yet: choose images or series on the left."
        return ""

    def remedy(self) -> tuple[str, Callable[[], None]] | None:
        """Open clouds that are there: of these signals, else of others, pictures in colour first."""
        opened, state = self.workspace.opened, self.workspace.state
        if opened is None or opened.subject is None or (opened.capabilities or {}).get("edits"):
            return super().remedy()
        menu = opened.menu
        editable = [
            entry
            for entry in (*menu.checkpoints, *menu.others)
            if menu.capabilities.get(entry.details["representation"], {}).get("edits")
            and entry.details["training"].get("name") in menu.names
        ]

        def far(entry: Entry) -> tuple[bool, int]:
            return entry.details["training"]["name"] != opened.signals.name, -len(entry.details["domain"]["channels"])

        if not editable:
            return None
        best = min(editable, key=far)
        name = best.details["training"]["name"]
        return f"open the clouds of {name}", lambda: state.param.update(signals=name, checkpoint=best.id, selection=[])

    # -- the page

    def middle(self) -> Viewable:
        tool = pmui.RadioButtonGroup.from_param(
            self.canvas.param.tool, options={"push": "push", "lasso": "lasso"}, label="", size="small", margin=0
        )
        slider: dict[str, Any] = {"size": "small", "margin": (0, 4), "width": 104, "description": ""}
        radius = pmui.FloatSlider.from_param(self.param.radius, label="brush", start=0.02, end=1, step=0.01, **slider)
        falloff = pmui.Select.from_param(self.param.falloff, label="falloff", width=112, description="", **SMALL)
        opacity = pmui.FloatSlider.from_param(
            self.canvas.param.opacity, label="anchors", start=0, end=1, step=0.1, show_value=False, **slider
        )
        sizes = {"own": 0, **{str(size): size for size in CANVAS_SIZES}}
        size = pmui.Select.from_param(self.param.size, options=sizes, label="canvas", width=92, description="", **SMALL)
        undo, redo, reset = (
            pmui.IconButton(icon=icon, description=text, on_click=lambda event, do=do: do(), **SMALL)
            for icon, text, do in (
                ("undo", "undo (u)", self.undo),
                ("redo", "redo (U)", self.redo),
                ("restart_alt", "back to the start", self.reset),
            )
        )
        bar = pn.Row(
            tool, radius, falloff, opacity, size, pn.layout.HSpacer(), undo, redo, reset,
            margin=(8, 16), align="center", styles={"gap": "4px"}, **WIDE,
        )  # fmt: skip
        return pn.Column(
            bar,
            pn.Column(self.canvas, sizing_mode="stretch_both", min_height=240, margin=(0, 16)),
            pn.Row(self._about, margin=(4, 16), **WIDE),
            pn.Row(
                pn.Column(self.map, sizing_mode="stretch_both", margin=0),
                pn.Column(self._by, self._moved, self.neighbors, width=AROUND_WIDTH, margin=(4, 16, 0, 8)),
                height=AROUND_HEIGHT,
                margin=0,
                **WIDE,
            ),
            sizing_mode="stretch_both",
            margin=0,
        )

    def side(self) -> Viewable:
        def button(text: str, make: Callable[[], Any], hint: str) -> pmui.Button:
            made = pmui.Button(label=text, variant="outlined", description=hint, **SMALL)
            made.on_click(lambda event: self._try(make))
            return made

        turns = [
            button("↺ 90°", lambda: Rotate(angle_deg=90, frames=self.turn_frames), "turn against the clock"),
            button("↻ 90°", lambda: Rotate(angle_deg=-90, frames=self.turn_frames), "turn with the clock"),
            button("↔", lambda: Flip(axis=self._d - 1, frames=self.turn_frames), "mirror left and right"),
            button("↕", lambda: Flip(axis=0, frames=self.turn_frames), "mirror up and down"),
            button("larger", lambda: Scale(factors=(1.25,), frames=self.turn_frames), "by a quarter"),
            button("smaller", lambda: Scale(factors=(0.8,), frames=self.turn_frames), "by a fifth"),
        ]
        cuts = [
            button("keep region", lambda: Mask(shape=self._shape(), keep="inside"), "drop anchors outside the lasso"),
            button("cut region", lambda: Mask(shape=self._shape(), keep="outside"), "drop anchors inside the lasso"),
            button("thin", lambda: Thin(share=0.25, seed=self._seed), "drop a quarter of the anchors"),
            button("noise", lambda: Noise(amount=0.3, seed=self._seed), "disturb the latents"),
        ]
        mixes = [
            button("half", lambda: Mix(other=self._other, by="side"), "its right half, this one's left"),
            button("region", lambda: Mix(other=self._other, by="shape", shape=self._shape()), "what lies in the lasso"),
            button("share", lambda: Mix(other=self._other, by="share", seed=self._seed), "every other anchor"),
            button("all", lambda: Mix(other=self._other, by="stack"), "both clouds in one"),
        ]
        frames = pmui.Switch.from_param(
            self.param.turn_frames, label="what anchors show turns along", size="small", margin=(4, 0)
        )
        self._partner = pmui.IntInput(label="with signal", value=1, start=0, width=110, **SMALL)
        save = pmui.FileDownload(
            callback=lambda: io.StringIO(to_json(self.history.done)), filename="edits.json", label="save edits",
            variant="outlined", **SMALL,
        )  # fmt: skip
        load = pmui.FileInput(label="open edits", accept=".json", variant="outlined", **SMALL)
        load.param.watch(lambda event: self._try(lambda: from_json(event.new)) if event.new else None, "value")
        again = pmui.Button(
            label="replay on that signal",
            variant="outlined",
            description="the same edits, on the signal above",
            **SMALL,
        )
        again.on_click(lambda event: self._replay())
        keep = pmui.Button(label="keep as a signal", variant="outlined", **SMALL)
        keep.on_click(lambda event: self._keep())
        copy = pmui.Button(label="copy as Python", icon="content_copy", variant="outlined", **SMALL)
        copy.on_click(lambda event: self._copy())

        def row(*parts: Any) -> pn.FlexBox:
            return pn.FlexBox(*parts, gap="8px", margin=0, **WIDE)

        return pn.Column(
            heading("before, after, difference"),
            self.forms,
            heading("turn"), row(*turns), frames,
            heading("cut and disturb"), row(*cuts),
            heading("mix"), row(self._partner, *mixes),
            heading("history"), self._list,
            pn.Column(row(again, save, load, keep, copy), margin=(8, 0), **WIDE),
            margin=(0, 16),
            **WIDE,
        )  # fmt: skip

    # -- doing

    def pressed(self, key: str) -> None:
        if key == "u":
            self.undo()
        elif key == "U":
            self.redo()
        elif key == "a":
            self.canvas.opacity = 0.0 if self.canvas.opacity else 0.8
        else:
            self.canvas.tool = {"p": "push", "l": "lasso"}[key]

    def undo(self) -> None:
        self.history = self.history.undo()

    def redo(self) -> None:
        self.history = self.history.redo()

    def reset(self) -> None:
        """Undo everything; it can be done again."""
        self.history = self.history.to(0)

    def _try(self, make: Callable[[], Any]) -> None:
        """Add the edits that ``make`` gives, or say why there are none."""

        def add(made: Any) -> None:
            self.history = self.history.add(*(made if isinstance(made, tuple) else (made,)))

        self.ask("edit", "editing", make, add)

    @property
    def _d(self) -> int:
        return self.workspace.signals.d

    @property
    def _seed(self) -> int:
        """Another one for each edit, the same when the edits are replayed."""
        return len(self.history.done)

    @property
    def _other(self) -> int:
        n = len(self.workspace.signals)
        if not 0 <= self._partner.value < n:
            raise InvalidInput(f"Got signal {self._partner.value} of {n}; expected one from 0 to {n - 1}.")
        return int(self._partner.value)

    def _shape(self) -> Polygon | Box:
        """What the lasso holds: a part of a picture, or of the axis of a series."""
        if not self.region:
            raise InvalidInput("Got no region; expected one. Draw it with the lasso (l) first.")
        if self._d == 2:
            return Polygon(corners=tuple(self.region))
        along = [x for _, x in self.region]
        return Box(low=(min(along),), high=(max(along),))

    def _on_push(self, push: edit_canvas.Push) -> None:
        subject = self.workspace.subject
        if subject is None or push.phase == "cancel":
            return self._draw()
        vector = tuple(b - a for a, b in zip(push.start, push.end, strict=True))
        if len(vector) != subject.signals.d:
            return None
        try:
            edit = Push(center=push.start, vector=vector, radius=self.radius, falloff=self.falloff)
        except InvalidInput:  # dragged far beyond the page
            return self._draw()
        if push.phase == "end":
            if any(vector):
                self.history = self.history.add(edit)
            else:
                self._draw()
            return None
        row, edits, known = self.workspace.row, self.history.done, self._forms_at.get(self._key)
        size, cloud = canvas_size(subject.signals, row, self.size), known.cloud if known else None
        show = lambda changed: self.canvas.patch(push.sequence, **changed)  # noqa: E731
        return self.ask("push", "pushing", lambda: pushed(subject, row, edits, edit, size, cloud), show)

    def _on_lasso(self, polygon: list[tuple[float, float]]) -> None:
        self.region = [tuple(np.clip(place, -2, 2).tolist()) for place in polygon]

    def _walk(self, state: int) -> None:
        self.history = self.history.to(state)

    def _go_to(self, event: param.parameterized.Event) -> None:
        if event.new >= 0:
            self.workspace.state.selection = [event.new]

    def _replay(self) -> None:
        """Do the same edits to the cloud of the partner, and look at that one."""

        def turn(other: int) -> None:
            if self._shown is not None:
                self._histories[(*self._shown[:2], other)] = History.of(*self.history.done)
                self.workspace.state.selection = [other]

        self.ask("edit", "editing", lambda: self._other, turn)

    def _keep(self) -> None:
        """The edited cloud as a signal like any other, in a set of its own."""
        subject, row, edits = self.workspace.subject, self.workspace.row, self.history.done
        if subject is not None:
            names = self.workspace.library.names
            self.ask("keep", "keeping the signal", lambda: kept(subject, row, edits, names()), self._offer)

    def _offer(self, kept: tuple[str, Sequence[str]]) -> None:
        name, names = kept
        self.workspace.names = list(names)
        self._about.object = (
            f'<span class="quiet">kept as the signal set “{escape(name)}”: choose it on the left</span>'
        )

    def _copy(self) -> None:
        subject = self.workspace.subject
        if subject is not None:
            self.clipboard = edit_snippet(subject, self.workspace.state.signals, self.workspace.row, self.history.done)

    # -- asking and drawing

    def look(self) -> None:
        subject, row = self.workspace.subject, self.workspace.row
        if subject is None:
            return
        of = (subject.signals.id, subject.checkpoint.id, row)
        if self._shown not in (None, of):  # another cloud has a history of its own, which it keeps
            self._histories[self._shown] = self.history
            self._shown = of
            self.param.update(history=self._histories.pop(of, History()), region=[])
        self._shown = of
        if self.map.selection != self.workspace.state.selection:
            self.map.selection = self.workspace.state.selection
        self._redo_all()
        opened = self.workspace.opened

        def work() -> list[Rival]:
            return rivals(
                subject.library, subject.signals, opened.menu.checkpoints, subject.sampling, subject.checkpoint.id
            )

        self.ask("rivals", "looking for checkpoints", work, self._show_rivals)

    def _show_rivals(self, found: list[Rival]) -> None:
        """By what the edited cloud can be seen: its own checkpoint first."""
        self._rivals = {rival.name: rival.subject for rival in found if rival.subject is not None}
        names = list(self._rivals)
        self._by.param.update(options=names or ["–"], value=self._by.value if self._by.value in names else names[0])

    def _redo_all(self, *events: param.parameterized.Event) -> None:
        subject, row, edits = self.workspace.subject, self.workspace.row, self.history.done
        self._list.show(self.history)
        if subject is None:
            return
        size, key = canvas_size(subject.signals, row, self.size), self._key
        known = self._forms_at.get(key)
        if known is not None:  # undone or done again: its picture is at hand
            self._show(key, known)
            self._look_around()
            return
        work = lambda: forms_of(subject, row, edits, size)  # noqa: E731
        self.ask("forms", "rendering", work, lambda forms: self._show(key, forms), then=self._look_around)

    @property
    def _key(self) -> tuple[Any, ...]:
        """What the forms are of."""
        subject = self.workspace.subject
        of = subject and (subject.signals.id, subject.checkpoint.id, subject.sampling)
        return of, self.workspace.row, self.size, self.history.done

    def _show(self, key: tuple[Any, ...], forms: Forms) -> None:
        kept = {other: form for other, form in self._forms_at.items() if other != key}
        self._forms_at = dict([*kept.items(), (key, forms)][-FORMS_KEPT:])
        if key == self._key:  # else it was undone meanwhile
            self._forms = forms
            self._draw()

    def _draw(self, *events: param.parameterized.Event) -> None:
        forms, subject = self._forms, self.workspace.subject
        if forms is None or subject is None:
            return
        title = f"cloud of signal {name_of(subject.signals, self.workspace.row)}, {len(forms.anchors)} anchors"
        self.canvas.show(forms.after, forms.uri, forms.anchors, title)
        self.canvas.radius = self.radius
        self._show_region()
        if forms.after.ndim == 3:
            self.forms.show(drawn(forms, self.workspace.state.dark))
        change = np.square(forms.after - forms.before).mean() ** 0.5 / (forms.value_range[1] - forms.value_range[0])
        self._about.object = figures(
            f"<b>{len(forms.anchors):,}</b> anchors"
            + (f" of {forms.total:,}" if len(forms.anchors) != forms.total else ""),
            f"changed by <b>{change:.1%}</b> of the value range",
            "drag to push; the shaded box is what will change",
        )

    def _show_region(self, *events: param.parameterized.Event) -> None:
        self.canvas.lasso = [list(place) for place in self.region]
        forms, chosen = self._forms, []
        if forms is not None and self.region:
            chosen = np.flatnonzero(self._shape().contains(forms.anchors)).tolist()
        self.canvas.chosen = chosen

    def _look_around(self, *events: param.parameterized.Event) -> None:
        """Ask where the edited cloud has gone among the others."""
        subject, row, edits = self.workspace.subject, self.workspace.row, self.history.done
        if subject is None:
            return
        rival, projection = self._rivals.get(self._by.value), self.workspace.state.projection
        own = rival is None or rival.checkpoint.id == subject.checkpoint.id
        by = subject if own or rival is None else replace(rival, method=subject.method, k=subject.k)

        kind = (by.signals.id, by.checkpoint.id, by.sampling, by.space, projection)

        def work(projection: str) -> tuple[Whereabouts, list[Picture]]:
            seen = whereabouts(subject, row, edits, by, projection)
            return seen, neighbors_of(by.signals, seen)

        if projection == "pca" or self._mapped != kind:  # PCA at once; UMAP as soon as it is there, and from then on
            early = (*kind[:-1], "pca")
            self.ask("moved", "looking around", partial(work, "pca"), lambda found: self._show_moved(early, found))
        if projection != "pca":
            word = f"finding its place on the {projection.upper()} map"
            self.ask("mapped", word, partial(work, projection), lambda found: self._show_moved(kind, found), long=True)

    def _show_moved(self, kind: tuple[Any, ...], found: tuple[Whereabouts, list[Picture]]) -> None:
        seen, pictures = found
        self._moved.object = said(seen)
        self.neighbors.show(pictures)
        self._mapped = kind
        names = tuple(map(str, range(int(seen.clusters.max(initial=-1)) + 1)))
        self.map.param.update(layout=seen.layout, values=seen.clusters, names=names, values_label="cluster")
        self.map.paths = [(seen.way, theme.tones(self.workspace.state.dark).ink)]
        self.map.marks = seen.way[1:]

    def _thumbnails(self, rows: Sequence[int]) -> list[str]:
        signals = self.workspace.signals
        return [] if signals is None else [png_uri(image) for image in thumbnails(signals, rows, NEIGHBOR_SIZE)]

    def _dress(self, *events: param.parameterized.Event) -> None:
        self.map.dark = self.workspace.state.dark
        self._draw()
