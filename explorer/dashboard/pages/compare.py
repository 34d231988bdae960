"""The Compare page: the selected signals by every checkpoint, beside plain interpolation and the truth."""

from functools import partial
from html import escape
from typing import Any

import numpy as np
import panel as pn
import panel_material_ui as pmui
import param
from panel.viewable import Viewable

from explorer.dashboard import comparison
from explorer.dashboard.comparison import Figures, Rival
from explorer.dashboard.page import Page
from explorer.dashboard.views.map import Map
from explorer.dashboard.views.overlay import Overlay, OverlayPlots, overlays_of
from explorer.dashboard.views.rate import Rate
from explorer.dashboard.views.side_by_side import QUANTITIES, Scene, figures_html, fine_of, lenses_of, rows_of
from explorer.dashboard.views.slices import Slices, is_video, lines_of
from explorer.dashboard.views.snippet import comparison_snippet
from explorer.dashboard.views.tiles import WHOLE, Tile, Tiles
from explorer.dashboard.views.words import heading, words
from explorer.dashboard.workspace import Workspace

MOST_ROWS = 4
SIZES = (64, 128, 256)
CURVE_SIZE = 512
FRAME_MS = 200

WIDE: dict[str, Any] = {"sizing_mode": "stretch_width"}
SMALL: dict[str, Any] = {"size": "small", "margin": 0}

MAPS = ("signals", "maps")


class Compare(Page):
    """Tiles with one zoom and one loupe, figures, rate against distortion; or two maps with one selection."""

    keys = {"e": "error maps on and off", "l": "loupe on and off", " ": "play the video, or stop"}
    address = {"size": "sz", "quantity": "q", "equal": "eq", "what": "w", "loupe": "lo", "position": "po", "other": "o"}

    size = param.Selector(default=128, objects=list(SIZES), doc="Samples of a tile along its longer axis.")
    quantity = param.Selector(default=QUANTITIES[0], objects=list(QUANTITIES), doc="What is drawn of functions.")
    equal = param.Boolean(False, doc="Of each representation only the checkpoint whose codes are of about equal bytes.")
    loupe = param.Boolean(False, doc="Whether a loupe follows the pointer.")
    what = param.Selector(default=MAPS[0], objects=list(MAPS), doc="Signals side by side, or maps.")
    position = param.Number(0.5, bounds=(0, 1), doc="Over three axes, where on the first one the slice lies.")
    only = param.List(
        [], item_type=str, doc="Ids of the checkpoints that are compared; empty: all for signals of this size."
    )
    other = param.String("", doc="Id of the checkpoint of the second map; empty: the first that is another.")

    def __init__(self, workspace: Workspace, **params: Any):
        super().__init__(workspace, **params)
        self.state = state = workspace.state
        self.tiles = Tiles(sizing_mode="stretch_width")
        self.plots = OverlayPlots()
        self.slices = Slices(**WIDE)
        self.rate = Rate(dark=state.dark)
        self.maps = tuple(Map(empty="loading …", dark=state.dark) for _ in range(2))
        self._table, self._said, self._agreed, self._left_out = words(), words(), words(), words()
        self._rivals: list[Rival] = []
        self._second = pmui.Select(label="beside", options=["–"], width=220, **SMALL)
        self._body = pn.Column(sizing_mode="stretch_both", margin=(0, 16), styles={"overflow-y": "auto"})
        self._frames = pmui.Player(
            label="frame", start=1, end=2, value=1, visible=False, width=260, interval=FRAME_MS, loop_policy="loop",
            show_loop_controls=False, scale_buttons=0.8, **SMALL,
        )  # fmt: skip
        follow = self.follow
        follow(state, self._look_anew, "resolution", "uneven")
        follow(state, self._look_at_selection, "selection")
        follow(state, self._dress, "dark")
        follow(state, self._look_at_tiles, "error")
        follow(self, self._look_anew, "equal")
        follow(self, self._look_at_tiles, "size", "quantity", "position")
        follow(self, self._turn, "what")
        follow(self, lambda event: self.tiles.param.update(loupe=event.new), "loupe")
        follow(self.tiles, self._look_closer, "view")
        follow(self.tiles, self._look_through, "pointed")
        follow(self._frames, self._slide, "value")
        follow(self.slices, self._look_at_tiles, "place")
        follow(self._second, self._choose_second, "value")
        for view in self.maps:
            follow(view, lambda event: state.param.update(selection=event.new), "selection")

    # -- what stands where

    def middle(self) -> Viewable:
        size = pmui.Select.from_param(self.param.size, label="tiles", width=88, **SMALL)
        quantity = pmui.Select.from_param(self.param.quantity, label="show", width=112, **SMALL)
        what = pmui.Select.from_param(self.param.what, label="compare", width=112, **SMALL)
        equal = pmui.Switch.from_param(self.param.equal, label="equal bytes", margin=(8, 0))
        loupe = pmui.Switch.from_param(self.param.loupe, label="loupe", margin=(8, 0))
        controls = (what, size, quantity, equal, loupe, self._frames)
        self.tiles.loupe = self.loupe
        self._turn()
        return pn.Column(
            pn.Row(*controls, margin=(12, 16, 4, 16), styles={"gap": "12px", "flex-wrap": "wrap"}, **WIDE),
            self._body,
            sizing_mode="stretch_both",
            margin=0,
        )

    def side(self) -> Viewable:
        copy = pmui.Button(label="copy as Python", icon="content_copy", variant="outlined", **SMALL)
        copy.on_click(lambda event: self._copy())
        return pn.Column(
            heading("figures"),
            self._said,
            self._table,
            heading("rate against distortion"),
            self.rate,
            self._left_out,
            pn.Row(copy, margin=(8, 0), **WIDE),
            margin=(0, 16),
            **WIDE,
        )

    def _turn(self, *events: param.parameterized.Event) -> None:
        """Put what is compared into the middle."""
        if self.what == "maps":
            pair = [pn.Column(view, sizing_mode="stretch_both", min_height=320, margin=0) for view in self.maps]
            rows = pn.Row(*pair, sizing_mode="stretch_both", margin=0, styles={"gap": "8px"})
            self._body[:] = [pn.Row(self._second, self._agreed, styles={"gap": "16px"}, **WIDE), rows]
        else:
            self._body[:] = [self._signal_view]
        if events:
            self._look_at_selection()

    @property
    def _signal_view(self) -> Any:
        """What shows signals like these."""
        signals = self.workspace.signals
        if signals is not None and signals.d == 1:
            return self.plots.layout
        return self.slices if signals is not None and signals.d == 3 and not is_video(signals) else self.tiles

    # -- looking

    @property
    def rows(self) -> tuple[int, ...]:
        """The signals that are compared."""
        return tuple(self.state.selection[:MOST_ROWS]) or (0,)

    @property
    def scene(self) -> Scene | None:
        subject = self.workspace.subject
        ready = tuple(rival for rival in self._rivals if rival.subject is not None)
        if subject is None:
            return None
        return Scene(
            subject, ready, self.rows, self.size, self.quantity, self.position, self.state.error, self.state.dark
        )

    def look(self) -> None:
        signals = self.workspace.signals
        self.tiles.view = list(WHOLE)
        moving = signals is not None and is_video(signals)
        self._frames.visible = moving
        if moving:
            count = signals.reference_shape[0]
            value = min(int(self.position * count), count - 1) + 1
            self._frames.param.update(end=count, value=value)
        self._turn()
        self._look_anew()

    def _look_anew(self, *events: param.parameterized.Event) -> None:
        opened, subject = self.workspace.opened, self.workspace.subject
        if subject is None:
            return
        rows, equal = self.rows, self.equal
        menu = opened.menu
        alike = menu.alike(subject.signals, subject.checkpoint.id)
        entries = [entry for entry in menu.checkpoints if entry.id in self.only] if self.only else alike

        def work() -> tuple[list[Rival], list[Rival]]:
            found = comparison.rivals(
                subject.library, subject.signals, entries, subject.sampling, subject.checkpoint.id
            )
            return found, comparison.equal_bytes(found, rows) if equal else found

        self.ask("rivals", "looking for checkpoints", work, self._show_rivals, long=True)

    def _show_rivals(self, found: tuple[list[Rival], list[Rival]]) -> None:
        every, self._rivals = found
        missing = [rival.name for rival in every if rival.subject is None]
        text = f"not fitted to these signals yet: {', '.join(missing)}; Interpolate offers it" if missing else ""
        if self.equal and len(self._rivals) < 2:
            text = "equal bytes wants checkpoints of several representations; there is one"
        self._left_out.object = f'<span class="quiet">{escape(text)}</span>'
        others = {r.name: r.entry.id for r in every[1:] if r.subject is not None}
        chosen = self.other if self.other in others.values() else next(iter(others.values()), "–")
        self._second.param.update(options=others or ["–"], value=chosen, disabled=not others)
        self._look_at_selection()

    def _look_at_selection(self, *events: param.parameterized.Event) -> None:
        scene, count = self.scene, len(self.state.selection)
        if scene is None:
            return
        for view in self.maps:
            if view.selection != self.state.selection:
                view.selection = self.state.selection
        text = f"the first {MOST_ROWS} of {count:,} selected signals" if count > MOST_ROWS else ""
        text = text or ("" if count else f"select up to {MOST_ROWS} signals on another page")
        self._said.object = f'<span class="quiet">{text}</span>'
        if self.what == "maps":
            self._look_at_maps()
            return
        self._look_at_tiles()
        self._look_at_figures()

    def _look_at_figures(self) -> None:
        scene = self.scene
        if scene is None:
            return
        resolution = (*(1 for _ in scene.slab), *scene.shape) if scene.subject.signals.d > 1 else (CURVE_SIZE,)

        def work() -> tuple[list[Figures], str]:
            figures = [comparison.figures_of(rival, scene.rows, resolution) for rival in scene.rivals]
            controls = comparison.controls_of(scene.subject, scene.rows)
            return figures, figures_html(figures, controls, len(scene.rows))

        def show(found: tuple[list[Figures], str]) -> None:
            self.rate.figures, self._table.object = found

        self.ask("figures", "comparing", work, show, long=True)

    def _look_at_tiles(self, *events: param.parameterized.Event) -> None:
        scene = self.scene
        if scene is None or self.what == "maps":
            return
        if scene.subject.signals.d == 1:
            work = partial(overlays_of, scene.rivals, scene.rows, CURVE_SIZE)
            self.ask("curves", "rendering", work, self._show_curves)
            return
        if self._signal_view is self.slices:
            signals, place = scene.subject.signals, tuple(self.slices.place)
            cut = partial(lines_of, scene.rivals, signals, scene.rows, place, scene.size, scene.error, scene.dark)
            self.ask("slices", "rendering", cut, lambda lines: self.slices.show(signals, lines))
            return
        height, width = scene.shape
        self.tiles.param.update(box=max(scene.size, 128), shape=[height / scene.size, width / scene.size])
        self.ask("tiles", "rendering", partial(rows_of, scene), self._show_tiles)

    def _show_tiles(self, lines: list[tuple[str, list[Tile]]]) -> None:
        self.tiles.show(lines)
        if self.tiles.view != WHOLE:
            self._look_closer()

    def _show_curves(self, overlays: list[Overlay]) -> None:
        self.plots.show(overlays, error=self.state.error, dark=self.state.dark)

    def _look_closer(self, *events: param.parameterized.Event) -> None:
        """Ask for finer pixels of what is in sight."""
        scene, view = self.scene, tuple(self.tiles.view)
        if scene is not None and list(view) != WHOLE:
            self.ask("fine", "rendering", partial(fine_of, scene, view), lambda f: self.tiles.param.update(fine=f))
        else:
            self.tiles.fine = {}

    def _look_through(self, *events: param.parameterized.Event) -> None:
        """Ask for what the loupe shows."""
        scene, pointed, view = self.scene, tuple(self.tiles.pointed), tuple(self.tiles.view)
        if scene is None or not pointed:
            self.tiles.lenses = []
            return
        work = partial(lenses_of, scene, pointed, view)
        self.ask("lens", "rendering", work, lambda seen: self.tiles.param.update(lenses=seen))

    # -- two maps

    def _look_at_maps(self) -> None:
        scene = self.scene
        others = [rival for rival in self._rivals if rival.entry.id == self._second.value]
        if scene is None or not others or others[0].subject is None:
            self._agreed.object = "A second checkpoint with codes of these signals is wanted: train or fit one."
            return
        one, other = scene.subject, others[0].subject

        def work() -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
            share = comparison.in_common(one, other)
            moved = comparison.clusters_agree(one, other)
            return one.layout("pca"), other.layout("pca"), share, moved

        def show(found: tuple[np.ndarray, np.ndarray, np.ndarray, float]) -> None:
            *layouts, share, agreement = found
            for view, layout in zip(self.maps, layouts, strict=True):
                view.param.update(layout=layout, values=share, names=(), values_label="neighbours in common")
            worst = np.argsort(share, kind="stable")[:5].tolist()
            self._agreed.object = (
                f"<b>{100 * share.mean():.0f} %</b> of the {comparison.NEIGHBORS} nearest neighbours in common; "
                f"clusters agree to AMI <b>{agreement:.2f}</b>; least: signals {', '.join(map(str, worst))}"
            )

        self.ask("maps", "comparing neighbours", work, show, long=True)

    def _choose_second(self, event: param.parameterized.Event) -> None:
        self.other = event.new if event.new != "–" else ""
        if self.what == "maps":
            self._look_at_maps()

    # -- the rest

    def pressed(self, key: str) -> None:
        if key == "e":
            self.state.error = not self.state.error
        elif key == "l":
            self.loupe = not self.loupe
        elif self._frames.visible:
            self._frames.pause() if self._frames.direction else self._frames.play()

    def _slide(self, event: param.parameterized.Event) -> None:
        self.position = (event.new - 0.5) / self._frames.end

    def _dress(self, *events: param.parameterized.Event) -> None:
        self.rate.dark = self.state.dark
        for view in self.maps:
            view.dark = self.state.dark
        self._look_at_tiles()

    def _copy(self) -> None:
        scene = self.scene
        if scene is not None:
            self.clipboard = comparison_snippet(scene, self.state.signals)
