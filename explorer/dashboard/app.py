"""The shell: top bar, three columns, status line, keys, address. ``build`` makes one for each visit."""

import asyncio
import io
from collections.abc import Callable
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
from panel.util import edit_readonly

from explorer.dashboard import style
from explorer.dashboard.calls import Call, Calls, change
from explorer.dashboard.explore import Explore
from explorer.dashboard.library import Library
from explorer.dashboard.state import COLORS, State, from_query, to_query
from explorer.dashboard.views.browser import Browser
from explorer.dashboard.views.jobs import Jobs, seconds
from explorer.dashboard.views.sample import RENDER_SIZE, name_of
from explorer.dashboard.views.sidebar import NONE
from explorer.dashboard.views.snippet import snippet
from explorer.dashboard.views.words import heading, words
from explorer.engine import Engine
from explorer.errors import ExplorerError

JOBS_EVERY_S = 2.0

KEYS = {
    "[": "coarser",
    "]": "finer",
    "ArrowLeft": "the signal before",
    "ArrowRight": "the signal after",
    "e": "error map on and off",
    "g": "whole signal instead of what was observed",
    "Escape": "select nothing",
    "?": "this list",
}

COLOR_NAMES = {"cluster": COLORS[0], "label": COLORS[1], "PSNR": COLORS[2]}

WIDE: dict[str, Any] = {"sizing_mode": "stretch_width"}
SMALL: dict[str, Any] = {"size": "small", "margin": 0}


class Shell:
    """The page of one visitor, around the Explore page's parts."""

    def __init__(self, engine: Engine, state: State):
        self.engine, self.state = engine, state
        self.explore = Explore(Library(engine), state)
        self.browser = Browser(keys=list(KEYS))
        self.jobs = Jobs(cancel=self._cancel_job)
        self.help = pmui.Dialog(words(_keys_html()), title="keys", title_variant="h6", close_on_click=True)
        self.page = self._page()
        with edit_readonly(self.page):
            self.page.busy = False  # no longer Panel's flag, which is sent before and after whatever happens
        follow = self.explore.calls.follow
        follow(self.browser, self._on_key, "pressed")
        follow(self.browser, self._on_width, "narrow")
        follow(self.page, lambda event: state.param.update(dark=event.new), "dark_theme")
        follow(state, lambda *events: self.browser.param.update(query=to_query(state)), *state.param)

    # -- building

    def _page(self) -> pmui.Page:
        return pmui.Page(
            meta_title="Explorer",
            header=[self._top()],
            sidebar=[self.explore.sidebar],
            main=[self._middle()],
            contextbar=[self._side()],
            sidebar_variant="permanent",
            sidebar_resizable=False,
            sidebar_width=style.LEFT_WIDTH,
            contextbar_variant="persistent",
            contextbar_open=True,
            contextbar_width=style.RIGHT_WIDTH,
            busy_indicator=None,
            dark_theme=self.state.dark,
            theme_config=style.material(),
        )

    def _top(self) -> pn.Row:
        ask = pmui.IconButton(icon="help_outline", description="keys", on_click=self._show_help, **SMALL)
        return pn.Row(
            words("<h1>Explorer</h1>", sizing_mode=None, width=88, align="center"),
            pn.layout.HSpacer(),
            self.jobs,
            ask,
            **WIDE,
        )

    def _middle(self) -> pn.Column:
        state, explore = self.state, self.explore
        color = pmui.Select.from_param(state.param.color, options=COLOR_NAMES, label="colour", width=120, **SMALL)
        space = pmui.Select(label="space", options=[NONE], width=120, **SMALL)
        projection = pmui.Select.from_param(
            state.param.projection, options={"UMAP": "umap", "PCA": "pca"}, label="map", width=120, **SMALL
        )
        _link_space(space, explore, "space")
        controls = pn.Row(color, space, projection, styles={"gap": "8px"}, margin=(8, 16), **WIDE)
        unseen = pn.Row(self.jobs.dialog, self.help, self.browser, height=0, margin=0)
        train = pmui.Button(
            label="train a hypernetwork", variant="outlined", visible=False, margin=(0, 16), size="small"
        )
        train.on_click(lambda event: explore.train())
        explore.calls.follow(
            explore, lambda *events: train.param.update(visible=explore.loaded is None), "loaded", "menu"
        )
        return pn.Column(
            self._banner(),
            pn.Column(explore.map, sizing_mode="stretch_both", min_height=240, margin=0),
            train,
            controls,
            pn.Column(
                explore.gallery,
                height=style.GALLERY_HEIGHT,
                margin=(0, 0, 0, 16),
                styles={"overflow": "auto"},
                **WIDE,
            ),
            self._status(),
            unseen,
            sizing_mode="stretch_both",
            margin=0,
        )

    def _side(self) -> pn.Column:
        explore = self.explore
        name = words(align="center")
        space = pmui.Select(label="neighbours in", options=[NONE], width=140, **SMALL)
        _link_space(space, explore, "neighbors")

        def rename(*events: Any) -> None:
            signals = explore.loaded.signals if explore.loaded else None
            name.object = f"<b>{escape(name_of(signals, explore.row))}</b>" if signals else "&nbsp;"

        explore.calls.follow(self.state, rename, "selection")
        explore.calls.follow(explore, rename, "loaded")
        before, after = (
            pmui.IconButton(icon=icon, description=KEYS[key], on_click=lambda event, by=by: self._step(by), **SMALL)
            for icon, key, by in (("chevron_left", "ArrowLeft", -1), ("chevron_right", "ArrowRight", 1))
        )
        copy = pmui.Button(label="copy as Python", icon="content_copy", variant="outlined", **SMALL)
        copy.on_click(lambda event: self._copy())
        export = pmui.FileDownload(
            callback=lambda: io.StringIO(explore.table()),
            filename="map.csv",
            label="export map as CSV",
            variant="outlined",
            **SMALL,
        )
        return pn.Column(
            heading("signal"),
            pn.Row(name, before, after, **WIDE),
            explore.sample,
            pn.Row(heading("neighbours"), space, margin=(8, 0, 0, 0), **WIDE),
            explore.neighbors,
            heading("scores over resolution"),
            explore.scores,
            pn.Row(copy, export, margin=(8, 0), styles={"gap": "8px"}, **WIDE),
            margin=(0, 16),
            **WIDE,
        )

    def _banner(self) -> pmui.Alert:
        alert = pmui.Alert(severity="error", object="", visible=False, margin=8, **WIDE)

        def tell(event: Any) -> None:
            texts = list(dict.fromkeys(event.new.values()))
            alert.param.update(object=" ".join(texts), visible=bool(texts))

        self.explore.calls.follow(self.explore.calls, tell, "errors")
        return alert

    def _status(self) -> pn.Row:
        calls, explore = self.explore.calls, self.explore
        about, doing = words(), words()
        cancel = pmui.Button(label="cancel", variant="text", visible=False, on_click=lambda e: calls.cancel(), **SMALL)

        def describe(*events: Any) -> None:
            about.object = f'<span class="quiet">{status(explore)}</span>'

        def tell(*events: Any) -> None:
            doing.object = f'<span class="quiet">{working(calls)}</span>'
            cancel.visible = bool(calls.word) and calls.elapsed_s > 1

        calls.follow(explore, describe, "loaded")
        calls.follow(self.state, describe, "resolution", "uneven")
        calls.follow(calls, tell, "word", "elapsed_s", "left_s")
        return pn.Row(about, doing, cancel, margin=(0, 16), height=28, **WIDE)

    # -- living

    def start(self) -> None:
        """Ask for what the page shows, while the browser loads it."""
        self.explore.start()

    def arrive(self, started: bool) -> None:
        """Called once the browser has the page."""
        if not started:
            self.explore.start()
        _send_at_once(pn.state.curdoc)
        pn.state.add_periodic_callback(self._poll, period=int(1000 * JOBS_EVERY_S))
        pn.state.on_session_destroyed(lambda context: self.explore.calls.close())

    async def _poll(self) -> None:
        try:
            jobs = await asyncio.to_thread(self.engine.jobs)
        except ExplorerError:
            return  # the calls of the page say so already
        if jobs != self.jobs.jobs:
            self.jobs.jobs = jobs
            if self.explore.loaded is None and any(job.state == "done" for job in jobs):
                self.explore.start()  # the checkpoint that was missing may be there now

    def _show_help(self, event: Any) -> None:
        change(self.explore.calls.doc, lambda: self.help.param.update(open=True))

    def _cancel_job(self, id: str) -> None:
        self.explore.calls.latest("cancel", Call("cancelling", lambda: self.engine.cancel_job(id), lambda _: None))

    def _on_key(self, event: Any) -> None:
        key, state = self.browser.key, self.state
        if key in "[]":
            self.explore.sidebar.slider.move(-1 if key == "[" else 1)
        elif key in ("ArrowLeft", "ArrowRight"):
            self._step(-1 if key == "ArrowLeft" else 1)
        elif key == "e":
            state.error = not state.error
        elif key == "g":
            state.truth = not state.truth
        elif key == "Escape":
            state.selection = []
        elif key == "?":
            self.help.open = not self.help.open

    def _step(self, by: int) -> None:
        """The next signal: among the selected ones where there are several, else of all."""
        chosen, loaded = self.state.selection, self.explore.loaded
        if len(chosen) > 1:
            self.state.selection = chosen[by:] + chosen[:by]
        elif loaded is not None:
            self.state.selection = [(self.explore.row + by) % len(loaded.signals)]

    def _on_width(self, event: Any) -> None:
        narrow = event.new
        self.page.param.update(contextbar_variant="temporary" if narrow else "persistent", contextbar_open=not narrow)

    def _copy(self) -> None:
        subject = self.explore.subject
        if subject is not None:
            text = snippet(subject, self.state.signals, self.state.projection, self.explore.row, RENDER_SIZE)
            self.browser.copy(text)


def _link_space(select: pmui.Select, explore: Explore, name: str) -> None:
    """A choice among the spaces that the representation offers, in which "" stands for the first."""
    state = explore.state

    def fill(*events: Any) -> None:
        wanted = getattr(state, name) or (state.space if name == "neighbors" else "")
        value = wanted if wanted in explore.spaces else next(iter(explore.spaces), NONE)
        select.param.update(options=explore.spaces or [NONE], value=value)

    def choose(event: Any) -> None:
        if event.new in explore.spaces:
            default = state.space or explore.spaces[0] if name == "neighbors" else explore.spaces[0]
            setattr(state, name, "" if event.new == default else event.new)

    explore.calls.follow(explore, fill, "spaces")
    explore.calls.follow(state, fill, *{name, "space"})
    explore.calls.follow(select, choose, "value")


def _keys_html() -> str:
    rows = "".join(f"<tr><td><kbd>{escape(key)}</kbd></td><td>{text}</td></tr>" for key, text in KEYS.items())
    return f"<table>{rows}</table>"


def status(explore: Explore) -> str:
    """What is looked at, in one line."""
    subject = explore.loaded
    if subject is None:
        return ""
    return f"{len(subject.signals):,} signals, {subject.signals.name}, observed at {explore.stop.label}"


def working(calls: Calls) -> str:
    """What is going on, and after a second for how long still."""
    if not calls.word:
        return ""
    if calls.elapsed_s <= 1:
        return f"{calls.word} …"
    left = f", about {seconds(calls.left_s)} left" if calls.left_s else ""
    return f"{calls.word} … {seconds(calls.elapsed_s)}{left}"


def _send_early(doc: Any) -> bool:
    """Have changes sent that are made while the browser loads the page; Panel drops some of them. Whether it will."""
    connected = getattr(pn.state, "_connected", None)
    if connected is None or doc is None or doc.session_context is None:
        return False
    connected[doc] = True
    return True


def _send_at_once(doc: Any) -> None:
    """Switch off the delay with which the operating system gathers small messages, where Bokeh's socket lets us."""
    session = getattr(doc.session_context, "session", None) if doc and doc.session_context else None
    for connection in getattr(session, "_subscribed_connections", ()):
        set_nodelay: Callable[[bool], None] | None = getattr(connection._socket, "set_nodelay", None)
        if set_nodelay is not None:
            set_nodelay(True)


def build(engine: Engine) -> pmui.Page:
    """The page of one visitor. Does no work: what it shows is asked for, and comes when it is there."""
    location = pn.state.location
    state = State(**from_query(location.search if location else ""))
    shell = Shell(engine, state)
    early = _send_early(pn.state.curdoc)
    if early:
        pn.state.execute(shell.start, schedule=True)
    pn.state.onload(lambda: shell.arrive(started=early))
    return shell.page
