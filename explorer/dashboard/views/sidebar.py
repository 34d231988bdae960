"""The left column: which signals, through which checkpoint, at which resolution, in how many clusters."""

from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param
from bokeh.models import CustomJSTickFormatter
from panel.viewable import Viewable, Viewer

from explorer.dashboard.calls import change
from explorer.dashboard.library import learned_from
from explorer.dashboard.views.manage import Manager
from explorer.dashboard.views.resolution import ResolutionSlider, Stop, nearest_stop
from explorer.dashboard.views.upload import Upload
from explorer.dashboard.views.words import heading, words
from explorer.dashboard.workspace import Opened, Workspace

_SMALL: dict[str, Any] = {"size": "small", "sizing_mode": "stretch_width", "margin": (4, 0), "min_height": 35}

_WHOLE = CustomJSTickFormatter(code="return tick == null ? '' : String(tick)")
"""Of a number that may be nobody's choice, where the toolkit would write 0."""

NONE = "–"
"""What a choice shows while there is nothing to choose."""

SEARCH = "id or label"

HELP = {
    "signals": "Samples of functions: images, curves, volumes. Built-in sets, and those that were "
    "uploaded here or added with `explorer data add`.",
    "representation": "How a signal becomes a code that no longer knows its grid. The hypernetwork gives every signal "
    "the weights of its own small SIREN (Hypernetwork-based approach for grid-independent functional data "
    "clustering, section 2.4).",
    "checkpoint": "What was learned once and is shared by all signals. Those trained on these very signals come first.",
    "uneven": "Observe samples that stray from their places by up to a quarter of a cell, a quarter of them missing. "
    "Codes should hardly notice (section 2.4: mean pooling over any points).",
    "clusters": "Fitted to the codes of the signals as they are. At another resolution signals are assigned to the "
    "same clusters, so that a change means that the code moved.",
    "search": "Selects the signals of this id or label, or all in whose id or label the text occurs. Press Enter.",
}


class Sidebar(Viewer):
    """Controls that write to a workspace's state and are drawn from it."""

    workspace = param.ClassSelector(class_=Workspace, constant=True)

    def __init__(self, workspace: Workspace, **params: Any):
        super().__init__(workspace=workspace, **params)
        self.state = state = workspace.state
        self.slider = ResolutionSlider(sizing_mode="stretch_width", margin=(8, 0, 0, 0))
        self._signals = pmui.Select(label="signal set", options=[state.signals], description=HELP["signals"], **_SMALL)
        self._method = pmui.Select(label="representation", options=[NONE], description=HELP["representation"], **_SMALL)
        self._checkpoint = pmui.Select(label="checkpoint", options=[NONE], description=HELP["checkpoint"], **_SMALL)
        self._uneven = pmui.Switch.from_param(
            state.param.uneven, label="uneven samples", description=HELP["uneven"], margin=(4, 0)
        )
        self._source = words(visible=False)
        self._train = pmui.Button(
            label="train one on these", variant="text", size="small", margin=(0, 0, 0, -5), visible=False
        )
        self._train.on_click(lambda event: change(pn.state.curdoc, lambda: state.param.update(page="Train")))
        self._about = words(margin=(2, 0, 0, 0))
        self._clusters = pmui.Select.from_param(
            state.param.method, label="clusters", description=HELP["clusters"], **_SMALL
        )
        narrow = {**_SMALL, "sizing_mode": None, "width": 96}
        first = state.k or 1  # Panel would send none as 0, and not know of a change to none
        self._k = pmui.IntInput(label="K", value=first, start=1, end=200, placeholder="–", format=_WHOLE, **narrow)
        self.upload = Upload(workspace)
        self.manager = Manager(workspace, self.upload)
        self._search = pmui.TextInput(label="search", placeholder=SEARCH, description=HELP["search"], **_SMALL)
        self._search.param.watch(self._find, "value")
        self._filling = False
        for widget in (self._signals, self._method, self._checkpoint, self._k, self.slider):
            widget.param.watch(self._choose, "value")
        follow = workspace.calls.follow
        follow(workspace, self._offer, "names")
        follow(workspace, self._fill, "opened")
        follow(state, self._follow, "resolution", "uneven", "method", "k")
        if workspace.opened is not None:
            self._fill()

    # -- from the workspace to the controls

    def _fill(self, *events: param.parameterized.Event) -> None:
        """What can be chosen for the signals that are open, and what is chosen."""
        opened = self.workspace.opened
        entry, checkpoints = opened.entry, opened.menu.checkpoints
        methods = list(dict.fromkeys(entry.details["representation"] for entry in checkpoints))
        method = entry.details["representation"] if entry else None
        self._offer()
        self._filling = True
        try:
            self._method.param.update(options=methods or [NONE], value=method or NONE, disabled=not methods)
            named = {e.name: e.id for e in checkpoints if e.details["representation"] == method}
            self._checkpoint.disabled = not named
            offer(self._checkpoint, named or {NONE: NONE}, entry.id if entry else NONE)
            self._source.object = f'<span class="quiet">{escape(source(opened))}</span>'
            self._source.visible = self._train.visible = bool(source(opened))
            position = nearest_stop(opened.stops, self.state.resolution) if opened.stops else 0
            self.slider.show(opened.stops, position, self.state.uneven)
        finally:
            self._filling = False
        self._follow()

    def _offer(self, *events: param.parameterized.Event) -> None:
        """The signal sets that can be chosen, and the one that is open: by name, also where the state has its id."""
        current, opened = self.state.signals, self.workspace.opened
        called = current
        if opened is not None and opened.signals.id == current:
            called = opened.menu.called.get(current, opened.signals.name)
        self._filling = True
        names = {name: name for name in self.workspace.names}
        offer(self._signals, names | {called: current}, current)
        self._filling = False

    def _follow(self, *events: param.parameterized.Event) -> None:
        opened = self.workspace.opened
        if opened is not None and opened.stops:
            position = nearest_stop(opened.stops, self.state.resolution)
            self.slider.show(opened.stops, position, self.state.uneven)
            self._about.object = about(opened.stops[position], self.state.uneven)
        else:
            self._about.object = "&nbsp;"
        if self.workspace.loading:
            return
        self._filling = True
        subject = self.workspace.subject
        self._k.param.update(
            value=subject.clusters_wanted if subject else self.state.k,
            disabled=self.state.method == "hdbscan" or subject is None,
        )
        self._filling = False

    # -- from the controls to the state

    def _find(self, event: param.parameterized.Event) -> None:
        change(pn.state.curdoc, lambda: self.workspace.search(event.new))

    def _choose(self, event: param.parameterized.Event) -> None:
        if not self._filling:
            change(pn.state.curdoc, lambda: self._write(event))

    def _write(self, event: param.parameterized.Event) -> None:
        if event.obj is self._signals:
            self.state.param.update(signals=event.new, checkpoint="", resolution=0, space="", k=None, selection=[])
        elif event.obj is self._method:
            fitting = [e.id for e in self.workspace.opened.menu.checkpoints if e.details["representation"] == event.new]
            self.state.param.update(checkpoint=fitting[0], space="")
        elif event.obj is self._checkpoint:
            self.state.checkpoint = event.new
        elif event.obj is self._k:
            self.state.k = event.new
        elif self.workspace.opened is not None and self.workspace.opened.stops:
            stop = self.workspace.opened.stops[self.slider.value]
            self.state.resolution = 0 if stop.native else stop.size

    def __panel__(self) -> Viewable:
        return pn.Column(
            heading("signals"),
            self._signals,
            self.manager,
            self.upload,
            self._search,
            heading("codes"),
            self._method,
            self._checkpoint,
            self._source,
            self._train,
            heading("resolution"),
            self.slider,
            self._about,
            self._uneven,
            heading("clusters"),
            pn.Row(self._clusters, self._k, sizing_mode="stretch_width", styles={"gap": "8px"}),
            sizing_mode="stretch_width",
            margin=(0, 16),
        )


def offer(select: pmui.Select, options: dict[str, str], value: str) -> None:
    """Offer options by their names, and choose one. Panel keeps the name of a value that stays, so where that is called
    otherwise from now on, it is told again."""
    renamed = value == select.value and options != select.options
    select.param.update(options=options, value=value)
    if renamed:
        select.param.trigger("value")


def source(opened: Opened) -> str:
    """What is said under a checkpoint that never saw the open signals; "" for one that did."""
    if opened.entry is None or learned_from(opened.entry, opened.signals):
        return ""
    return f"learned from {opened.entry.details['training'].get('name', 'other signals')}, not these"


def about(stop: Stop, uneven: bool) -> str:
    """What is said under the slider."""
    parts = [f"<b>{stop.label}</b>", stop.seen(uneven)]
    if stop.native:
        parts.append("the signals’ own")
    if uneven:
        parts.append("uneven")
    return ", ".join(parts)
