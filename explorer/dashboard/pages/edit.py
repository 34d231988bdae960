"""The Edit page: a signal's cloud of latents, pushed, turned, cut and mixed by hand."""

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import panel as pn
import panel_material_ui as pmui
import param
from panel.viewable import Viewable

from explorer.dashboard.page import Page
from explorer.dashboard.views import edit_canvas
from explorer.dashboard.views.edit_canvas import EditCanvas
from explorer.dashboard.views.edit_forms import (
    BOX,
    NEIGHBOR_SIZE,
    Forms,
    canvas_size,
    drawn,
    forms_of,
    kept,
    moved,
    pushed,
)
from explorer.dashboard.views.edit_snippet import edit_snippet
from explorer.dashboard.views.history import History, from_json, in_words, to_json
from explorer.dashboard.views.pixels import Picture, Pictures
from explorer.dashboard.views.sample import name_of
from explorer.dashboard.views.words import figures, heading, words
from explorer.dashboard.workspace import Workspace
from explorer.edits import Flip, Mask, Mix, Noise, Push, Rotate, Scale, Thin
from explorer.errors import InvalidInput
from explorer.messages import Entry
from explorer.shapes import Box, Polygon

ICONS = {
    "push": "open_with",
    "move": "open_with",
    "rotate": "rotate_right",
    "flip": "flip",
    "shift": "open_with",
    "scale": "zoom_out_map",
    "mask": "content_cut",
    "thin": "grain",
    "noise": "blur_on",
    "mix": "join_inner",
    "copy": "content_copy",
}

SMALL: dict[str, Any] = {"size": "small", "margin": 0}
WIDE: dict[str, Any] = {"sizing_mode": "stretch_width"}


class Edit(Page):
    """One signal's cloud. Its edits are a list of small values: undoing replays the shorter one, so it is exact."""

    keys = {
        "u": "undo",
        "U": "redo",
        "p": "push with a brush",
        "l": "choose a region with a lasso",
        "a": "anchors on and off",
    }
    address = {"radius": "br", "falloff": "bf"}

    radius = param.Number(0.25, bounds=(0.02, 1), doc="Of the brush, in units of the domain, which is 2 wide.")
    falloff = param.Selector(default="smooth", objects=["smooth", "linear", "none"], doc="Of the brush to its rim.")
    history = param.ClassSelector(class_=History, default=History(), doc="What was done, and undone.")
    region = param.List([], doc="The polygon of the lasso, places (y, x); empty for none.")
    turn_frames = param.Boolean(True, doc="Whether what an anchor shows turns along with it.")

    def __init__(self, workspace: Workspace, **params: Any):
        super().__init__(workspace, **params)
        self.canvas = EditCanvas(sizing_mode="stretch_both", min_height=240)
        self.canvas.on_push, self.canvas.on_lasso = self._on_push, self._on_lasso
        self.forms = Pictures(box=BOX, **WIDE)
        self.neighbors = Pictures(box=NEIGHBOR_SIZE, captions=False)
        self._shown: tuple[str, str, int] | None = None  # set, checkpoint and row that the history belongs to
        self._moved = words()
        self._about = words()
        self._list = pmui.MenuList(items=[], dense=True, margin=0, **WIDE)
        self.follow(workspace.state, self._look, "selection", "resolution", "uneven", "checkpoint")
        self.follow(workspace.state, self._draw, "dark")
        self.follow(self, self._redo_all, "history")
        self.follow(self, self._show_region, "region")
        self.follow(self, lambda *events: self.canvas.param.update(radius=self.radius), "radius")
        self.follow(self.neighbors, self._go_to, "clicked")
        self._list.on_click(self._on_list)
        self._forms: Forms | None = None

    def missing(self) -> str:
        opened = self.workspace.opened
        if opened is None or super().missing():
            return super().missing()
        if not (opened.capabilities or {}).get("edits"):
            return "These codes have no anchors to edit: choose the representation arc on the left."
        if opened.signals.d > 2:
            return "Clouds over three axes have no canvas yet: choose images or series on the left."
        return ""

    def remedy(self) -> tuple[str, Callable[[], None]] | None:
        """Open clouds that are there: of these signals, else of others, pictures in colour first."""
        opened, state = self.workspace.opened, self.workspace.state
        if opened is None or opened.subject is None:
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
        slider: dict[str, Any] = {"size": "small", "margin": (0, 8), "width": 140, "description": ""}
        radius = pmui.FloatSlider.from_param(self.param.radius, label="brush", start=0.02, end=1, step=0.01, **slider)
        falloff = pmui.Select.from_param(self.param.falloff, label="falloff", width=110, description="", **SMALL)
        opacity = pmui.FloatSlider.from_param(
            self.canvas.param.opacity, label="anchors", start=0, end=1, step=0.1, **slider
        )
        undo, redo, reset = (
            pmui.IconButton(icon=icon, description=text, on_click=lambda event, do=do: do(), **SMALL)
            for icon, text, do in (
                ("undo", "undo (u)", self.undo),
                ("redo", "redo (U)", self.redo),
                ("restart_alt", "back to the start", self.reset),
            )
        )
        bar = pn.Row(
            tool, radius, falloff, opacity, pn.layout.HSpacer(), undo, redo, reset,
            margin=(8, 16), align="center", styles={"gap": "8px"}, **WIDE,
        )  # fmt: skip
        return pn.Column(
            bar,
            pn.Column(self.canvas, sizing_mode="stretch_both", min_height=240, margin=(0, 16)),
            pn.Row(self._about, margin=(4, 16), **WIDE),
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
        keep = pmui.Button(label="keep as a signal", variant="outlined", **SMALL)
        keep.on_click(lambda event: self._keep())
        copy = pmui.Button(label="copy as Python", icon="content_copy", variant="outlined", **SMALL)
        copy.on_click(lambda event: self._copy())

        def row(*parts: Any) -> pn.FlexBox:
            return pn.FlexBox(*parts, gap="8px", margin=0, **WIDE)

        return pn.Column(
            heading("before, after, difference"),
            self.forms,
            self._moved,
            self.neighbors,
            heading("turn"), row(*turns), frames,
            heading("cut and disturb"), row(*cuts),
            heading("mix"), row(self._partner, *mixes),
            heading("history"), self._list,
            row(save, load, keep, copy),
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
        row, edits = self.workspace.row, self.history.done
        size = canvas_size(subject.signals, row)

        def show(changed: Any) -> None:
            if changed is not None:
                self.canvas.patch(push.sequence, **changed)

        return self.ask("push", "pushing", lambda: pushed(subject, row, edits, edit, size), show)

    def _on_lasso(self, polygon: list[tuple[float, float]]) -> None:
        self.region = [tuple(np.clip(place, -2, 2).tolist()) for place in polygon]

    def _on_list(self, item: Any) -> None:
        index = self._list.items.index(item)
        self.history = self.history.to(index)

    def _go_to(self, event: param.parameterized.Event) -> None:
        if event.new >= 0:
            self.workspace.state.selection = [event.new]

    def _keep(self) -> None:
        """The edited cloud as a signal like any other, in a set of its own."""
        subject, row, edits = self.workspace.subject, self.workspace.row, self.history.done
        if subject is not None:
            names = self.workspace.library.names
            self.ask("keep", "keeping the signal", lambda: kept(subject, row, edits, names()), self._offer)

    def _offer(self, kept: tuple[str, Sequence[str]]) -> None:
        name, names = kept
        self.workspace.names = list(names)
        self._about.object = f'<span class="quiet">kept as the signal set “{name}”: choose it on the left</span>'

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
        if self._shown not in (None, of):
            self.param.update(history=History(), region=[])  # another cloud: its own history
        self._shown = of
        self._redo_all()

    def _redo_all(self, *events: param.parameterized.Event) -> None:
        subject, row, edits = self.workspace.subject, self.workspace.row, self.history.done
        self._list.items = [
            {"label": "as it was encoded", "icon": "flag"},
            *({"label": in_words(edit), "icon": ICONS[edit.op]} for edit in self.history.done),
            *({"label": f"{in_words(edit)} (undone)", "icon": "undo"} for edit in self.history.undone),
        ]
        self._list.active = (len(edits),)
        if subject is None:
            return
        size = canvas_size(subject.signals, row)
        self.ask("forms", "rendering", lambda: forms_of(subject, row, edits, size), self._show, then=self._look_around)

    def _show(self, forms: Forms) -> None:
        self._forms = forms
        self._draw()

    def _draw(self, *events: param.parameterized.Event) -> None:
        forms, subject = self._forms, self.workspace.subject
        if forms is None or subject is None:
            return
        title = f"cloud of signal {name_of(subject.signals, self.workspace.row)}, {len(forms.anchors)} anchors"
        self.canvas.show(forms.after, forms.value_range, forms.anchors, title)
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

    def _look_around(self) -> None:
        """Ask where the edited code has gone among the others."""
        subject, row, edits = self.workspace.subject, self.workspace.row, self.history.done
        if subject is not None:
            self.ask("moved", "looking around", lambda: moved(subject, row, edits), self._show_moved)

    def _show_moved(self, found: tuple[str, list[Picture]]) -> None:
        self._moved.object, pictures = found
        self.neighbors.show(pictures)
