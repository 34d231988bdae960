"""The shell: top bar with the pages' tabs, three columns, status line, keys, address. ``build`` makes one a visit."""

import asyncio
import time
from collections.abc import Callable
from html import escape
from typing import Any
from weakref import WeakValueDictionary

import panel as pn
import panel_material_ui as pmui
from panel.util import edit_readonly
from panel.viewable import Viewable

from explorer.dashboard import style
from explorer.dashboard.calls import Calls, change
from explorer.dashboard.history import History
from explorer.dashboard.page import Page
from explorer.dashboard.pages import PAGES, offered, page_class
from explorer.dashboard.state import State, from_query, to_query
from explorer.dashboard.views.banner import banner
from explorer.dashboard.views.browser import Browser
from explorer.dashboard.views.jobs import Jobs, seconds
from explorer.dashboard.views.lacking import Lacking
from explorer.dashboard.views.later import Later
from explorer.dashboard.views.names import Names
from explorer.dashboard.views.offers import Offers
from explorer.dashboard.views.sidebar import SEARCH, Sidebar
from explorer.dashboard.views.tabs import Tabs
from explorer.dashboard.views.words import counted, words
from explorer.dashboard.workspace import Workspace
from explorer.engine import Engine
from explorer.errors import ExplorerError

JOBS_EVERY_S, PLAY_EVERY_S = 2.0, 0.9

KEYS = {
    "[": "coarser",
    "]": "finer",
    "ArrowLeft": "the signal before",
    "ArrowRight": "the signal after",
    "Escape": "select nothing",
    " ": "play the resolutions",
    "/": "search",
    "u": "undo a choice",
    "U": "redo it",
    "?": "this list",
}
"""The keys that every page has."""

WIDE: dict[str, Any] = {"sizing_mode": "stretch_width"}
SMALL: dict[str, Any] = {"size": "small", "margin": 0}


class Shell:
    """What one visitor sees around the pages, each of which is made when it is first opened."""

    def __init__(self, workspace: Workspace, query: str = ""):
        self.workspace, self.engine, self.state = workspace, workspace.engine, workspace.state
        self._query = query
        self._done: set[str] = set()  # the jobs that were when last asked
        self.sidebar = Sidebar(workspace)
        self.history = History(self.state)
        self._playing: asyncio.Task | None = None
        self.pages: dict[str, Page] = {}
        self._parts: dict[str, tuple[Viewable, Viewable]] = {}
        self._middle = pn.Column(sizing_mode="stretch_both", margin=0, stylesheets=[style.ONE_SEEN])
        self._side = pn.Column(margin=0, **WIDE)
        self._train = pmui.Button(label="other ways, on the Train page", variant="text", **SMALL)
        self._train.on_click(lambda event: self._open("Train"))
        self._offers = Offers(workspace)
        self._offered = pn.Column(self._offers, self._train, margin=0, visible=False, **WIDE)
        self.lacking = Lacking(workspace, lambda: self.page.help(), self._offered)
        self._tabs = Tabs(self._open, names=list(offered()), margin=0)
        self.browser = Browser()
        self.jobs = Jobs(cancel=self._cancel_job)
        self._keys = words()
        self.help = pmui.Dialog(self._keys, title="keys", title_variant="h6", close_on_click=True)
        others = _busy_watchers()
        self.template = self._template()
        with edit_readonly(self.template):
            self.template.busy = False  # no longer Panel's flag, which is sent before and after whatever happens
        for watcher in _busy_watchers():
            if watcher not in others:  # by it Panel's state, which is there for ever, would hold on to the visit
                pn.state.param.unwatch(watcher)
        follow = workspace.calls.follow
        follow(self.browser, self._on_key, "pressed")
        follow(self.browser, self._on_width, "narrow")
        follow(self.template, lambda event: self.state.param.update(dark=event.new), "dark_theme")
        follow(self.state, self._turn, "page")
        follow(self.state, self._address, *self.state.param)
        follow(workspace, self._explain, "opened")
        follow(self.state, self._explain, "resolution", "uneven")
        workspace.param.watch(lambda event: self.history.settle(), "opened")
        self.browser.param.watch(lambda event: workspace.calls.arrive(), "drawn")
        self._turn()

    @property
    def page(self) -> Page:
        """The page that is open."""
        return self.pages[self._name]

    @property
    def _name(self) -> str:
        return self.state.page if self.state.page in self._tabs.names else self._tabs.names[0]

    # -- building

    def _template(self) -> pmui.Page:
        return pmui.Page(
            meta_title="Explorer",
            header=[self._top()],
            sidebar=[self.sidebar],
            main=[self._main()],
            contextbar=[self._side],
            sidebar_variant="permanent",
            sidebar_resizable=False,
            sidebar_width=style.LEFT_WIDTH,
            contextbar_variant="persistent",
            contextbar_open=True,
            contextbar_width=style.RIGHT_WIDTH,
            busy_indicator=None,
            dark_theme=self.state.dark,
            theme_config=style.material(),
            raw_css=[style.LOADING],
        )

    def _top(self) -> pn.Row:
        ask = pmui.IconButton(
            icon="help_outline", description="keys", on_click=self._show_help, align="center", **SMALL
        )
        return pn.Row(
            words("<h1>Explorer</h1>", sizing_mode=None, width=88, align="center"),
            self._tabs,
            pn.layout.HSpacer(),
            self.jobs,
            ask,
            height=style.HEADER_HEIGHT,
            **WIDE,
        )

    def _main(self) -> pn.Column:
        unseen = pn.Row(Later(self.jobs.dialog, self.help, height=0), self.browser, Names(), height=0, margin=0)
        return pn.Column(
            banner(self.workspace),
            self._middle,
            self._status(),
            unseen,
            sizing_mode="stretch_both",
            margin=0,
        )

    def _status(self) -> pn.Row:
        workspace, calls = self.workspace, self.workspace.calls
        one_line = {"white-space": "nowrap", "overflow": "hidden", "text-overflow": "ellipsis"}
        about, doing = words(styles=one_line), words(styles=one_line)  # what is looked at, and what goes on
        cancel = pmui.Button(label="cancel", variant="text", visible=False, on_click=lambda e: calls.cancel(), **SMALL)

        def describe(*events: Any) -> None:
            about.object = f'<span class="quiet">{escape(status(workspace))}</span>'

        def tell(*events: Any) -> None:
            doing.object = f'<span class="quiet">{escape(working(calls))}</span>'
            cancel.visible = bool(calls.word) and calls.elapsed_s > 1

        calls.follow(workspace, describe, "opened")
        calls.follow(self.state, describe, "resolution", "uneven")
        calls.follow(calls, tell, "word", "elapsed_s", "left_s", "cancelled")
        return pn.Row(about, doing, Later(cancel, margin=(-6, 0, 0, 0)), margin=(0, 16), height=28, **WIDE)

    # -- pages

    def _open(self, name: str) -> None:
        """A visitor wishes for a page."""
        change(self.workspace.calls.doc, lambda: self.state.param.update(page=name))

    def _turn(self, *events: Any) -> None:
        """Show the page that the state names, and let the others rest."""
        name = self._name
        for other, page in self.pages.items():
            if other != name and page.shown:
                page.leave()
        if name not in self.pages:
            self._add(name)
        self._tabs.current = name
        shown = {**KEYS, "1" if len(self._tabs.names) == 1 else f"1-{len(PAGES)}": "pages", **self.page.keys}
        self._keys.object = _keys_html(shown)
        self.browser.keys = [*KEYS, *self._numbers(), *self.page.keys]
        self._explain()
        self.page.open()
        self._address()

    def _add(self, name: str) -> None:
        made = page_class(name)
        page = made(self.workspace, **from_query(self._query, made, made.address))
        self.pages[name] = page
        self._parts[name] = parts = page.middle(), page.side()
        for holder, part in zip((self._middle, self._side), parts, strict=True):
            holder.append(part)
        follow = self.workspace.calls.follow
        follow(page, lambda event: self.browser.copy(event.new), "clipboard")
        if made.address:
            follow(page, self._address, *made.address)

    def _explain(self, *events: Any) -> None:
        """Show the open page's parts, or what it lacks."""
        missing = self.page.missing()
        self.lacking.say(missing, self.page.remedy())
        self._offered.visible = bool(missing) and (self.workspace.loaded is None or not self.workspace.fitted)
        self._train.visible = "Train" in self._tabs.names and not self._offers.learned
        if missing and self.lacking not in self._middle.objects:
            self._middle.append(self.lacking)
        for name, (middle, side) in self._parts.items():
            middle.visible = side.visible = name == self._name and not missing

    def _numbers(self) -> dict[str, str]:
        """Pages by the keys that open them."""
        return {str(number): name for number, name in enumerate(PAGES, 1) if name in self._tabs.names}

    def _address(self, *events: Any) -> None:
        """Put the choices, and those of the open page, into the address."""
        parts = to_query(self.state), to_query(self.page, self.page.address)
        self.browser.query = "&".join(filter(None, parts))

    # -- living

    def arrive(self, started: bool) -> None:
        """Called once the browser has the page."""
        if not started:
            self.workspace.load()
        _send_at_once(pn.state.curdoc)
        pn.state.add_periodic_callback(self._poll, period=int(1000 * JOBS_EVERY_S))

    async def _poll(self) -> None:
        try:
            jobs = await asyncio.to_thread(self.engine.jobs)
        except ExplorerError:
            return  # the calls of the page say so already
        if jobs != self.jobs.jobs:
            self.jobs.jobs = self._offers.jobs = jobs
            before, self._done = self._done, {job.id for job in jobs if job.state == "done"}
            if self._done - before and self.page.missing():
                self.workspace.load()  # the checkpoint or the codes that were missing may be there now

    def _show_help(self, event: Any) -> None:
        change(self.workspace.calls.doc, lambda: self.help.param.update(open=True))

    def _cancel_job(self, id: str) -> None:
        self.workspace.ask("cancel", "cancelling", lambda: self.engine.cancel_job(id), lambda _: None)

    def _on_key(self, event: Any) -> None:
        key, state = self.browser.key, self.state
        if key in self.page.keys:
            self.page.pressed(key)
        elif key in "[]":
            self.sidebar.slider.move(-1 if key == "[" else 1)
        elif key in ("ArrowLeft", "ArrowRight"):
            self.workspace.step(-1 if key == "ArrowLeft" else 1)
        elif key == "Escape":
            state.selection = []
        elif key == " ":
            self._play()
        elif key == "/":
            self.browser.focus(SEARCH)
        elif key in "uU":
            self.history.undo() if key == "u" else self.history.redo()
        elif key == "?":
            self.help.open = not self.help.open
        elif key in self._numbers():
            state.page = self._numbers()[key]

    def _play(self) -> None:
        """Move the resolution from stop to stop, from the coarsest where it stands at the end; again: stop."""
        if self._playing is not None and not self._playing.done():
            self._playing.cancel()
            return

        async def play() -> None:
            slider = self.sidebar.slider
            last = len(slider.marks) - 1
            if slider.value == last:
                self._change(lambda: slider.param.update(value=0))
            while slider.value < last and self.workspace.calls.open:
                await asyncio.sleep(PLAY_EVERY_S)
                self._change(lambda: slider.move(1))

        self._playing = asyncio.ensure_future(play())

    def _change(self, draw: Callable[[], None]) -> None:
        change(self.workspace.calls.doc, draw)

    def _on_width(self, event: Any) -> None:
        narrow = event.new
        self.template.param.update(
            contextbar_variant="temporary" if narrow else "persistent", contextbar_open=not narrow
        )


def _busy_watchers() -> list[Any]:
    """What watches Panel's flag."""
    return list(pn.state.param.watchers.get("busy", {}).get("value", ()))


def _keys_html(keys: dict[str, str]) -> str:
    names = {" ": "Space", "ArrowLeft": "←", "ArrowRight": "→", "Escape": "Esc"}
    rows = "".join(
        f"<tr><td><kbd>{escape(names.get(key, key))}</kbd></td><td>{text}</td></tr>" for key, text in keys.items()
    )
    return f"<table>{rows}</table>"


def status(workspace: Workspace) -> str:
    """What is looked at, in one line."""
    subject = workspace.loaded
    if subject is None:
        return ""
    return f"{counted(len(subject.signals))}, {subject.signals.name}, observed at {workspace.stop.label}"


def working(calls: Calls) -> str:
    """What is going on, and after a second for how long still; else what was cancelled."""
    if not calls.word:
        return f"cancelled: {calls.cancelled}" if calls.cancelled else ""
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


_shells: WeakValueDictionary[str, Shell] = WeakValueDictionary()
"""By the ids of their sessions."""


async def filled(session: str, at_most_s: float) -> None:
    """Wait until the page of a session has something to look at."""
    shell, end = _shells.get(session), time.monotonic() + at_most_s
    while shell is not None and not shell.page.filled and time.monotonic() < end:
        await asyncio.sleep(0.005)


def build(engine: Engine) -> pmui.Page:
    """The page of one visitor. Does no work: what it shows is asked for, and comes when it is there."""
    location, doc = pn.state.location, pn.state.curdoc
    query = location.search if location else ""
    workspace = Workspace(engine, State(**from_query(query)))
    served = doc is not None and doc.session_context is not None
    if served:
        workspace.load()  # the answer comes while the page is made
    shell = Shell(workspace, query)
    if served:
        _shells[doc.session_context.id] = shell
        pn.state.on_session_destroyed(lambda context: workspace.calls.close())
    early = _send_early(doc)
    pn.state.onload(lambda: shell.arrive(started=early))
    return shell.template
